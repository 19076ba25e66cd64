"""The look of the figures, light and dark: colours that the colour-blind can tell apart, and new Axes in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cycler import cycler

from chainderiv.given import of_kind

if TYPE_CHECKING:  # Matplotlib is slow to load, and only what draws waits for it
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

SIZE = (6.0, 5.2)  # inches


@dataclass(frozen=True)
class Palette:
    """The colours of one theme, as #rrggbb."""

    paper: str
    ink: str  # text and lines
    soft: str  # secondary text
    grid: str  # faint lines
    zero: str  # a gradient of exactly 0
    undefined: str  # one that is no number
    low: str  # the side that vanishes
    high: str  # the side that explodes
    diverging: tuple[str, ...]  # from the lowest value over 0 in the middle to the highest
    cycle: tuple[str, ...]  # what is told apart (after Okabe and Ito 2008); the first two are signs and marks
    lines: tuple[str, ...]  # layers and neurons: neither is one of a sign, or of what vanishes and explodes

    @property
    def colours(self) -> Colormap:
        """The diverging map: blue below 0, orange above, paper at 0."""
        from matplotlib.colors import LinearSegmentedColormap

        return LinearSegmentedColormap.from_list("gain", self.diverging)


LIGHT = Palette(
    paper="#ffffff",
    ink="#1b1f24",
    soft="#57616c",
    grid="#dce1e6",
    zero="#9cc7ae",
    undefined="#f0e442",
    low="#9fc5e8",
    high="#e8955c",
    diverging=("#08264f", "#1f5fa8", "#74aede", "#f6f6f4", "#eda772", "#c4500f", "#5f1d04"),
    cycle=("#0072b2", "#d55e00", "#007d5c", "#a64d86", "#7a6a00", "#3f6fd1"),
    lines=("#007d5c", "#a64d86", "#7a6a00", "#6a3fa0", "#57616c", "#1797a6"),
)
DARK = Palette(
    paper="#14171c",
    ink="#e8ebef",
    soft="#a3adb8",
    grid="#343b44",
    zero="#3d7561",
    undefined="#f0e442",
    low="#1d4c80",
    high="#b5541d",
    diverging=("#b5dcff", "#4f9be0", "#1f4f86", "#181b20", "#7d3511", "#de7430", "#ffd0ab"),
    cycle=("#56b4e9", "#f0883e", "#2fc79a", "#e29cc4", "#d6c94a", "#8fa8ff"),
    lines=("#2fc79a", "#e29cc4", "#d6c94a", "#b39cff", "#a3adb8", "#6fd0d8"),
)


def palette(dark: bool = False) -> Palette:
    """The colours of the light or the dark theme."""
    return DARK if dark else LIGHT


def settings(dark: bool = False) -> dict[str, Any]:
    """Matplotlib's rcParams of a theme.

    >>> settings(dark=True)["figure.facecolor"]
    '#14171c'
    """
    own = palette(dark)
    lines = ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.labelcolor", "ytick.labelcolor")
    return {
        **dict.fromkeys(lines, own.ink),
        **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), own.soft),
        **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), own.paper),
        "axes.prop_cycle": cycler(color=own.lines),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 12.0,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "font.size": 11.0,
        "grid.color": own.grid,
        "legend.frameon": False,
        "legend.fontsize": 10.0,
        "lines.linewidth": 1.8,
        "mathtext.fontset": "dejavusans",
        "savefig.dpi": 150.0,
        "svg.hashsalt": "chainderiv",  # the same figure gives the same file
    }


@contextmanager
def theme(dark: bool = False) -> Iterator[Palette]:
    """Make what is drawn inside look light or dark; Matplotlib's settings come back afterwards."""
    import matplotlib

    rc: Any = settings(dark)  # Matplotlib's types want each key spelt out
    with matplotlib.rc_context(rc):
        yield palette(dark)


def new_figure(size: tuple[float, float] = SIZE, dark: bool = False) -> Figure:
    """A figure of its own, size in inches: pyplot does not know it, so nothing is left open."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with theme(dark):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        return figure


@contextmanager
def drawing(ax: Axes | None, size: tuple[float, float], dark: bool) -> Iterator[tuple[Axes, Palette]]:
    """The Axes given, or those of a new figure, and the colours of the theme in which what is inside draws on them."""
    from matplotlib.axes import Axes as OfMatplotlib

    if ax is not None:
        of_kind("ax", ax, OfMatplotlib, "Matplotlib's Axes, or None for a new figure")
    with theme(dark) as colours:
        yield new_figure(size, dark).add_subplot() if ax is None else ax, colours
