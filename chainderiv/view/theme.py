"""The look of the figures, light and dark: colours that the colour-blind can tell apart, and new Axes in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cycler import cycler

from chainderiv.errors import BadValue
from chainderiv.given import of_kind
from chainderiv.view.choices import switch
from chainderiv.view.place import type_scale

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
    rising: tuple[str, ...]  # from the lowest amount to the highest
    diverging: tuple[str, ...]  # from the lowest value over 0 in the middle to the highest
    cycle: tuple[str, ...]  # what is told apart (after Okabe and Ito 2008); the first two are signs and marks
    lines: tuple[str, ...]  # layers and neurons: neither is one of a sign, or of what vanishes and explodes

    @property
    def colours(self) -> Colormap:
        """The diverging map: blue below 0, orange above, paper at 0."""
        from matplotlib.colors import LinearSegmentedColormap

        return LinearSegmentedColormap.from_list("gain", self.diverging)

    @property
    def shades(self) -> Colormap:
        """The map of what has no sides: from the paper to the ink by violet, which means nothing else."""
        from matplotlib.colors import LinearSegmentedColormap

        return LinearSegmentedColormap.from_list("amount", self.rising)


LIGHT = Palette(
    paper="#ffffff",
    ink="#1b1f24",
    soft="#57616c",
    grid="#dce1e6",
    zero="#9cc7ae",
    undefined="#f0e442",
    low="#9fc5e8",
    high="#e8955c",
    rising=("#f6f6f4", "#c9a2c9", "#874484", "#35103a"),
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
    rising=("#181b20", "#57305f", "#b070b2", "#f7dcf6"),
    diverging=("#b5dcff", "#4f9be0", "#1f4f86", "#181b20", "#7d3511", "#de7430", "#ffd0ab"),
    cycle=("#56b4e9", "#f0883e", "#2fc79a", "#e29cc4", "#d6c94a", "#8fa8ff"),
    lines=("#2fc79a", "#e29cc4", "#d6c94a", "#b39cff", "#a3adb8", "#6fd0d8"),
)


def palette(dark: bool = False) -> Palette:
    """The colours of the light or the dark theme; raises BadValue where dark is neither True nor False."""
    return DARK if switch("dark", dark) else LIGHT


def settings(dark: bool = False, scale: float = 1.0) -> dict[str, Any]:
    """Matplotlib's rcParams of a theme, letters and lines in that part of their full size.

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
        **dict.fromkeys(("axes.labelsize", "xtick.labelsize", "ytick.labelsize"), 11.0 * scale),
        "axes.titlesize": 12.0 * scale,
        "axes.titleweight": "bold",
        "font.size": 11.0 * scale,
        "grid.color": own.grid,
        "legend.frameon": False,
        "legend.fontsize": 10.0 * scale,
        "lines.linewidth": 1.8 * scale,
        "mathtext.fontset": "dejavusans",
        # TrueType: a journal's checks refuse Type 3, and an editor of pictures can change the words
        **dict.fromkeys(("pdf.fonttype", "ps.fonttype"), 42),
        "savefig.dpi": 150.0,
        "svg.hashsalt": "chainderiv",  # the same figure gives the same file
    }


@contextmanager
def theme(dark: bool = False, scale: float = 1.0) -> Iterator[Palette]:
    """Make what is drawn inside look light or dark; Matplotlib's settings come back afterwards."""
    import matplotlib

    rc: Any = settings(dark, scale)  # Matplotlib's types want each key spelt out
    with matplotlib.rc_context(rc):
        yield palette(dark)


def new_figure(size: tuple[float, float] = SIZE, dark: bool = False) -> Figure:
    """A figure of its own, size in inches: pyplot does not know it, so nothing is left open."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from chainderiv.view.shown import OwnFigure

    with theme(dark):
        figure = OwnFigure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        return figure


def new_axes(figure: Figure, place: Any = 111) -> Axes:
    """Axes on a figure of ours, which a notebook shows as it shows the figure."""
    from chainderiv.view.shown import OwnAxes

    return figure.add_subplot(place, axes_class=OwnAxes)


def lone_axes(size: tuple[float, float] = SIZE, dark: bool = False) -> Axes:
    """Axes on a figure of their own, with the frame and the lines across of the theme."""
    with theme(dark):
        return new_axes(new_figure(size, dark))


@contextmanager
def drawing(
    ax: Axes | None, size: tuple[float, float], dark: bool, fitted: bool = False
) -> Iterator[tuple[Axes, Palette]]:
    """The Axes given, or those of a new figure, and the colours of the theme in which what is inside draws on them.

    fitted : whether letters are smaller where the Axes have a small place.
    """
    from matplotlib.axes import Axes as OfMatplotlib

    if ax is not None:
        of_kind("ax", ax, OfMatplotlib, "Matplotlib's Axes, or None for a new figure")
        if ax.name != "rectilinear":
            raise BadValue(f"ax has the projection {ax.name!r}; give Axes without one, or None for a new figure")
    with theme(dark) as colours:
        there = lone_axes(size, dark) if ax is None else ax
        with theme(dark, type_scale(there) if fitted else 1.0):
            dress(there, colours)
            yield there, colours


def dress(ax: Axes, colours: Palette) -> None:
    """Ticks, labels and a dark page for good: ticks are made as the figure is drawn, and ask for the settings then."""
    from matplotlib import rcParams
    from matplotlib.colors import to_rgb

    size = rcParams["font.size"]
    for spine in ax.spines.values() if colours is DARK else ():
        spine.set_edgecolor(colours.soft)
    for page in (ax, ax.figure) if colours is DARK else ():
        if sum(to_rgb(page.get_facecolor())) > 1.5:  # a light one, on which nothing would be read
            page.set_facecolor(colours.paper)
    ax.tick_params(which="both", labelsize=size, color=colours.soft, labelcolor=colours.ink)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set(size=size, color=colours.ink)
