"""Colours for numbers on either side of 0, and the bar that says what they mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator

from chainderiv.view.maps.look import Look
from chainderiv.view.shown import OwnAxes

LINEAR_WIDTH = 0.5  # within it colours change evenly; beyond, by equal ratios, so that 1 shows beside -30
LARGEST = float(np.finfo(float).max) * LINEAR_WIDTH  # larger ones are coloured as this one
EVEN_UP_TO = 100.0  # numbers that are no logarithm are coloured evenly where none is larger
TICKS = (*(float(f"{m}e{k}") for k in range(-3, 4) for m in (1, 3)), *(10.0**k for k in range(4, 309)))
FEW = 3  # ticks say too little
LINES_APART = 1.5  # from one tick's number to the next, in heights of letters


class SidedNorm(Normalize):
    """Colours from vmin over 0, which has the middle one, to vmax: each side runs to its own end.

    A side shorter than LINEAR_WIDTH keeps the paler colours, so that what is hardly above 0 does not look like much.
    What is beyond an end that has no full colour has that end's own: limits of 1 and 3 tell nothing apart below 1.

    >>> norm = SidedNorm(-32, 0.6)
    >>> [round(float(norm(v)), 2) for v in (-32, -1, 0, 0.3, 0.6)]
    [0.0, 0.35, 0.5, 0.78, 1.0]
    >>> round(float(norm.inverse(0.35)), 1)
    -1.0
    >>> float(SidedNorm(1, 3)(-5)) == float(SidedNorm(1, 3)(1))
    True
    """

    def __init__(self, vmin: float, vmax: float, even: bool = False) -> None:
        self.even = even
        super().__init__(vmin, vmax)

    def __call__(self, value: Any, clip: bool | None = None) -> Any:
        """The places in the colour map, 0 to 1; below and above beyond the ends."""
        result, is_scalar = self.process_value(value)
        self.autoscale_None(result)
        low, high = self._ends()
        bent = np.clip(self._bend(result.data), *self._reach())
        with np.errstate(invalid="ignore"):
            place = 0.5 + 0.5 * np.where(bent < 0, bent / low, bent / high)
        placed = np.ma.array(place, mask=result.mask)
        return placed[0] if is_scalar else placed

    def inverse(self, value: Any) -> Any:
        """The number at a place."""
        low, high = self._ends()
        side = 2.0 * np.ma.asarray(value, float) - 1.0
        bent = side * np.ma.array(np.where(np.ma.getdata(side) < 0, low, high))
        with np.errstate(over="ignore"):
            return bent if self.even else np.clip(LINEAR_WIDTH * np.sinh(bent), -LARGEST, LARGEST)

    def _ends(self) -> tuple[float, float]:
        least = LINEAR_WIDTH if not self.even else 1e-9
        low, high = max(-float(self.vmin or 0.0), least), max(float(self.vmax or 0.0), least)
        return float(self._bend(low)), float(self._bend(high))

    def _reach(self) -> tuple[float, float]:
        """How far colours tell numbers apart, bent: to an end that has not its side's last colour, and no farther."""
        first, last = (float(self._bend(end or 0.0)) for end in (self.vmin, self.vmax))
        low, high = self._ends()
        return -np.inf if first <= -low else first, np.inf if last >= high else last

    def _bend(self, value: Any) -> Any:
        return value if self.even else np.arcsinh(np.clip(value, -LARGEST, LARGEST) / LINEAR_WIDTH)


def scale_of(low: float, high: float, look: Look | None = None, even: bool = False) -> SidedNorm:
    """Colours for numbers from low to high; look's limits override them.

    even : whether what is drawn is no logarithm, so that colours change evenly where numbers are not too large.
    """
    if look is not None and look.limits is not None:
        low, high = look.limits
    else:
        low, high = min(low, 0.0), max(high, 0.0)
        if low == high:
            low, high = -LINEAR_WIDTH, LINEAR_WIDTH
    return SidedNorm(low, high, even=even and max(-low, high) <= EVEN_UP_TO)


class SidedTicks(Locator):
    """Ticks at 0 and at round numbers on either side, as close as their numbers can stand."""

    def __init__(self, norm: Any) -> None:
        self.norm = norm

    def __call__(self) -> Sequence[float]:
        """The ticks for what the bar shows now."""
        axis: Any = self.axis
        low, high = sorted(axis.get_view_interval())
        letter = axis.get_major_ticks(1)[0].label1.get_size() * axis.figure.dpi / 72
        return self.between(low, high, LINES_APART * letter / max(axis.axes.bbox.height, 1.0))

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """The ticks from vmin to vmax on a bar of the usual length."""
        return self.between(vmin, vmax, 0.05)

    def between(self, low: float, high: float, apart: float) -> list[float]:
        """The ticks that stand so far apart at least, in parts of the bar."""
        if getattr(self.norm, "even", False):
            most = max(1, min(8, int(1 / apart / 1.4)))
            return list(MaxNLocator(nbins=most, steps=[1, 2, 5, 10]).tick_values(low, high))
        first, last = (float(self.norm(end)) for end in (low, high))
        return spaced_ticks(low, high, lambda v: (float(self.norm(v)) - first) / (last - first or 1.0), apart)


def spaced_ticks(low: float, high: float, place: Callable[[float], float], apart: float) -> list[float]:
    """0 and round numbers from low to high, the largest first, whose places are so far apart at least.

    >>> norm = SidedNorm(-32, 0.6)
    >>> spaced_ticks(-32, 0.6, lambda v: float(norm(v)), 0.05)
    [-30.0, -10.0, -3.0, -1.0, -0.3, 0.0, 0.1, 0.3]
    """
    rounds = [0.0, *(sign * tick for tick in TICKS for sign in (-1, 1))]
    kept = _spaced([tick for tick in rounds if low <= tick <= high], place, apart)
    if len(kept) < FEW:  # from -9 to -4 there is none
        even = MaxNLocator(nbins=8, steps=[1, 2, 5, 10]).tick_values(low, high)
        kept = max(kept, _spaced([float(tick) for tick in even if low <= tick <= high], place, apart), key=len)
    return kept


def _spaced(ticks: list[float], place: Callable[[float], float], apart: float) -> list[float]:
    """0 and then the largest ticks that there is room for."""
    kept = dict[float, float]()
    for tick in sorted(ticks, key=lambda tick: (tick != 0, -abs(tick))):
        at = place(tick)
        if all(abs(at - other) >= apart for other in kept.values()):
            kept[tick] = at
    return sorted(kept)


def said(value: float) -> str:
    """A tick's number.

    >>> said(-0.3), said(1e6)
    ('−0.3', '$10^{6}$')
    """
    size = abs(value)
    if size >= 1e5 and np.isclose(np.log10(size), round(np.log10(size)), rtol=0, atol=1e-9):
        return f"${'-' if value < 0 else ''}10^{{{round(np.log10(size))}}}$"
    return f"{value:g}".replace("-", "−")


def _tick(value: float, _: Any) -> str:
    return said(value)  # by a name of the module, or a figure could not be pickled


def colour_bar(panels: Sequence[Axes], mesh: Any, label: str, low: float, high: float) -> Any:
    """One bar for the Axes given, beside the last of them, as far as the colours from low to high are drawn."""
    norm, figure = mesh.norm, panels[-1].figure
    beyond = {(True, False): "min", (False, True): "max", (True, True): "both", (False, False): "neither"}
    slack = 1e-9 * max(abs(norm.vmin), abs(norm.vmax))
    look: dict[str, Any] = {"label": label, "extend": beyond[low < norm.vmin - slack, high > norm.vmax + slack]}
    look |= {"ticks": SidedTicks(norm), "format": FuncFormatter(_tick)}
    ends = norm.vmin, norm.vmax
    if len(panels) == 1 and not isinstance(panels[0], OwnAxes):
        # a part of the caller's Axes, so that whatever lays them out takes it along
        bar = figure.colorbar(mesh, cax=panels[0].inset_axes((1.03, 0.0, 0.045, 1.0)), **look)
    else:
        # of one Axes alone Matplotlib takes the room from their own place in the grid
        bar = figure.colorbar(mesh, ax=panels if len(panels) > 1 else panels[0], pad=0.02, **look)
    _recolour(bar)
    mesh.callbacks.connect("changed", lambda _: _recolour(bar))  # after the bar's own, which makes the cells anew
    bar.minorticks_off()
    bar.outline.set_visible(False)
    bar.ax.set_ylim(*ends)  # a side that is hardly used is shown as far as it is
    bar.ax.set_gid("colour bar")
    return bar


def _recolour(bar: Any) -> None:
    """Each cell of a bar in the colour of the number that it stands at.

    Matplotlib colours them as if the norm ran from 0 to 1 over the bar, and that of a short side does not.
    """
    heights = bar.solids.get_coordinates()[:, 0, 1]
    bar.solids.set_array((heights[1:] + heights[:-1])[:, None] / 2)
