"""What a caller may choose of a picture's look, checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from matplotlib import colormaps
from matplotlib.colors import Colormap

from chainderiv.errors import BadValue, UnknownName
from chainderiv.given import is_finite, shown
from chainderiv.view.choices import limits_of, switch, title_of


@dataclass(frozen=True)
class Look:
    """The choices, as look_of has checked them.

    Attributes
    ----------
    title : what stands above; None for what was swept.
    legend, names, colorbar : whether there is one; names are those of regions and lines on the map.
    cmap : the colours, None for the theme's own.
    limits : the ends of the scale, None for those of what is drawn.
    levels : of further lines.
    """

    title: str | None = None
    legend: bool = True
    names: bool = True
    cmap: Colormap | None = None
    limits: tuple[float, float] | None = None
    levels: tuple[float, ...] = ()
    colorbar: bool = True


def look_of(
    title: Any = None,
    legend: Any = True,
    names: Any = True,
    cmap: Any = None,
    limits: Any = None,
    levels: Any = (),
    colorbar: Any = True,
) -> Look:
    """The choices checked; raises BadValue, UnknownName.

    >>> look_of(limits=6, levels=[1, -1])
    Look(title=None, legend=True, names=True, cmap=None, limits=(-6.0, 6.0), levels=(-1.0, 1.0), colorbar=True)
    """
    return Look(
        title_of(title),
        switch("legend", legend),
        switch("names", names),
        _colours(cmap),
        limits_of(limits),
        _levels(levels),
        switch("colorbar", colorbar),
    )


def _levels(given: Any) -> tuple[float, ...]:
    items: list[Any] = [given] if is_finite(given) else list(given) if isinstance(given, Iterable) else [None]
    if not all(map(is_finite, items)):
        raise BadValue(f"levels is {shown(given)}; give finite numbers, such as (-6, -3)")
    return tuple(sorted({float(item) for item in items}))


def _colours(given: Any) -> Colormap | None:
    if given is None or isinstance(given, Colormap):
        return given
    if not isinstance(given, str):
        raise BadValue(f"cmap is {shown(given)}; give the name of one of Matplotlib's colour maps, or a Colormap")
    if given not in colormaps:
        near = get_close_matches(given, list(colormaps), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "; give the name of one of Matplotlib's colour maps"
        raise UnknownName(f"cmap {shown(given)} is unknown{hint} (such as PuOr, RdBu_r, viridis)")
    return colormaps[given]
