"""Lines over epochs, depths or layers: medians with their bands, axes of sizes however small, names at the ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.errors import BadValue
from chainderiv.given import shown as shown_in_short
from chainderiv.kinds import Floats
from chainderiv.view.choices import pair_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TICKED = 280 * float(np.log(10.0))  # of 308 decades: ticks lie beyond the ends, too
LABEL_GAP = 0.075  # of the axes' height, between the names at the ends of lines
BAND = (0.05, 0.5, 0.95)  # of the runs: the band's edges, and the line within
BAND_SAID = f"{100 * BAND[0]:g} to {100 * BAND[-1]:g} %"


def leaves_ticks(*logs: ArrayLike) -> bool:
    """Whether any number of these natural logarithms is so small or large that Matplotlib's ticks there are none.

    >>> leaves_ticks([-700.0, 0.0]), leaves_ticks([-np.inf, 600.0], [3.0])
    (True, False)
    """
    return any((np.isfinite(log) & (np.abs(log) > TICKED)).any() for log in map(np.asarray, logs))


def sized_axis(ax: Axes, far: bool) -> None:
    """A logarithmic axis upwards; far: of numbers that float64 does not hold, whose decimal logarithms are drawn."""
    if not far:
        ax.set_yscale("log")
        return
    from matplotlib.ticker import MaxNLocator

    ax.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(power)


def power(value: float, _: Any) -> str:
    """A tick of decimal logarithms."""
    return f"$10^{{{value:.0f}}}$"


def plain_numbers(ax: Axes) -> None:
    """0.15, 0.2, 0.3 and not powers of ten alone, where the axis spans less than two decades."""
    from matplotlib.ticker import NullFormatter

    low, high = ax.get_ylim()
    if high < 100 * low:  # high / low may be beyond float64
        steps = (1, 1.5, 2, 3, 5, 7) if high < 10 * low else (1, 2, 5)
        ticks = [step * 10.0**power for power in range(-12, 13) for step in steps]
        ax.set_yticks([tick for tick in ticks if low <= tick <= high])
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())


def limits_above_0(given: Any) -> tuple[float, float] | None:
    """The ends of a logarithmic axis, or None; raises BadValue."""
    ends = None if given is None else pair_of(given)
    if given is not None and (ends is None or ends[0] <= 0):
        raise BadValue(f"limits is {shown_in_short(given)}; give (low, high), both above 0")
    return ends


def banded(
    ax: Axes, x: ArrayLike, runs: Floats, name: str, *, band: bool = True, far: bool = False, **look: Any
) -> Any:
    """The median of runs, shape (len(x), runs), as a line, and the band that several fill; the line.

    far : whether they are logarithms already.
    """
    # a log axis has no place for 0
    shown = np.where(np.isneginf(runs), np.nan, runs) if far else np.where(runs > 0, runs, np.nan)
    low, middle, high = np.quantile(shown, BAND, axis=1)
    (line,) = ax.plot(x, middle, gid=name, **look)
    if band and runs.shape[1] > 1:
        ax.fill_between(x, low, high, color=line.get_color(), alpha=0.2, linewidth=0, gid=name)
    return line


def marker(x: Floats) -> str | None:
    """Points where there is hardly a line."""
    return "o" if len(x) < 3 else None


def epoch_axis(ax: Axes, epochs: Floats) -> None:
    """Epochs to the right, from 0 to the last, and lines across."""
    ax.set_xlim(0, max(float(epochs[-1]), 1))
    whole_numbers(ax)
    ax.set_xlabel("epochs of training")
    ruled(ax)


def whole_numbers(ax: Axes) -> None:
    """Ticks at whole numbers alone along x."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def ruled(ax: Axes) -> None:
    """Lines across, below what is drawn."""
    from matplotlib import rcParams

    ax.grid(axis="y", color=rcParams["grid.color"])  # on the caller's Axes, too
    ax.set_axisbelow(True)


def name_ends(ax: Axes, lines: Sequence[Any], gap: float = LABEL_GAP) -> None:
    """Each line's name, its gid, beside its right end; pushed apart where ends lie close."""
    ends = [(line, *line.get_xydata()[-1]) for line in lines]
    drawn = [end for end in ends if np.isfinite(end[2])]
    to_axes = ax.transScale + ax.transLimits
    drawn.sort(key=lambda end: end[2])
    heights = [float(to_axes.transform((x, y))[1]) for _, x, y in drawn]
    for (line, x, y), height in zip(drawn, _apart(heights, gap), strict=True):
        ax.annotate(
            line.get_gid(), (x, y), (1.04, height), textcoords="axes fraction", va="center",
            color=line.get_color(), arrowprops={"arrowstyle": "-", "color": line.get_color(), "linewidth": 0.8},
            annotation_clip=False,
        )  # fmt: skip


def _apart(heights: Sequence[float], gap: float = LABEL_GAP) -> list[float]:
    """Ascending heights moved up until each is a gap above the one below, then back around their middle."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + gap) if placed else height)
    shift = float(np.mean(placed) - np.mean(heights)) if placed else 0.0
    return [height - shift for height in placed]
