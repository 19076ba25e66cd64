"""The parts of a map: cells, lines, and what is hatched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from chainderiv.kinds import Floats, Mask, Places
from chainderiv.view.fitting import map_size
from chainderiv.view.maps.labels import UNCERTAIN
from chainderiv.view.maps.map_view import Cells, MapView
from chainderiv.view.maps.reduce import middles
from chainderiv.view.theme import Palette

Codes = Sequence[tuple[int, str]]
LEAST_CELLS, MOST_CELLS = 40, 600  # along a side
STRIPES = 7  # cells from one hatching line to the next
HALO = 3.0  # points, around a line or a name


def cells_of(ax: Axes) -> Cells:
    """How many cells Axes can show, along x and along y: no more than the pixels that they are likely to have.

    A cell narrower than a pixel may fall between pixels, and what it holds would be lost.
    """
    wide, high = (int(min(max(size, LEAST_CELLS), MOST_CELLS)) for size in map_size(ax))
    return wide, high


def draw_values(ax: Axes, view: MapView, norm: Normalize, colours: Palette, cmap: Colormap | None = None) -> Any:
    """The values as cells, with what is exactly 0 or undefined over them; the cells, None where all are such."""
    shown = (cmap or colours.colours).with_extremes(bad=colours.zero)
    mesh = draw_cells(ax, view, view.values, norm, shown, "map")
    # cells of their own, which keep their colours when the map is given others
    zero, undefined = np.isneginf(view.values), np.isnan(view.values)
    for where, shade, gid in ((zero, colours.zero, "zero"), (undefined, colours.undefined, "undefined")):
        if where.any():
            draw_cells(ax, view, np.where(where, 0.0, np.nan), Normalize(0, 1), ListedColormap([shade]), gid)
    return mesh if np.isfinite(view.values).any() else None


def draw_cells(ax: Axes, view: MapView, values: Floats, norm: Normalize, cmap: Colormap, gid: str) -> Any:
    """Cells, not an image: an image cannot stand on a log axis."""
    # rasterised, or an SVG holds a path per cell
    mesh = ax.pcolormesh(view.x_edges, view.y_edges, values.T, norm=norm, cmap=cmap, rasterized=True, gid=gid)
    x, y = view.axes
    ax.set(xscale=x.scale, yscale=y.scale, xlim=(x.start, x.stop), ylim=(y.start, y.stop))
    # the frame's lines are wider than a cell, and would hide what lies at the border
    ax.spines[["left", "bottom"]].set_position(("outward", 1.0))
    return mesh


def draw_codes(ax: Axes, view: MapView, codes: Codes, colours: Palette) -> None:
    """Codes as flat colours: they are names, so legend entries and no colour bar."""
    first, count = codes[0][0], len(codes)
    norm = Normalize(first - 0.5, first + count - 0.5)
    draw_cells(ax, view, view.values, norm, ListedColormap(_shades(codes, colours)), "map")


def code_patches(values: Floats, codes: Codes, colours: Palette) -> list[Any]:
    """Legend entries of the codes that occur."""
    return [
        Patch(facecolor=shade, edgecolor=colours.soft, label=name)
        for shade, (code, name) in zip(_shades(codes, colours), codes, strict=True)
        if (values == code).any()
    ]


def _shades(codes: Codes, colours: Palette) -> list[str]:
    if len(codes) == 2:
        return [colours.paper, colours.low]
    return [colours.low, colours.paper, colours.high, colours.undefined]


def draw_uncertain(ax: Axes, view: MapView, colours: Palette) -> None:
    """Hatch what cannot be trusted, in ink and paper, so that it is seen on every colour.

    A lone point is widened until one line of the hatching crosses it.
    """
    if view.uncertain is None:
        return
    # in cells of a picture's size, whatever the map's own are
    (x, y), (wide, high) = view.axes, cells_of(ax)
    (columns, x_edges), (rows, y_edges) = _fine(view.x_edges, x.scale, wide), _fine(view.y_edges, y.scale, high)
    mask = _widened(view.uncertain[np.ix_(columns, rows)], STRIPES // 2)
    place = (np.arange(len(columns))[:, None] - np.arange(len(rows))[None, :]) % STRIPES
    stripes = np.where(mask & (place < 2), 0.0, np.where(mask & (place < 4), 1.0, np.nan))
    fine = replace(view, x_edges=x_edges, y_edges=y_edges)
    mesh = draw_cells(ax, fine, stripes, Normalize(0, 1), ListedColormap([colours.ink, colours.paper]), "uncertain")
    mesh.set_zorder(1.5)  # over the colours, under the lines


def uncertain_patch(colours: Palette) -> Patch:
    """The legend entry of what is hatched."""
    return Patch(facecolor=colours.paper, edgecolor=colours.ink, hatch="////", linewidth=0.5, label=UNCERTAIN)


def _fine(edges: Floats, scale: str, most: int) -> tuple[Places, Floats]:
    """About `most` even cells between the outer edges: which of the coarse cells each lies in, and their borders."""
    space = np.geomspace if scale == "log" else np.linspace
    borders = space(edges[0], edges[-1], most + 1)
    return np.clip(np.searchsorted(edges, middles(borders, scale)) - 1, 0, len(edges) - 2), borders


def _widened(mask: Mask, cells: int) -> Mask:
    wide = mask.copy()
    for _ in range(cells):
        wide[1:] |= wide[:-1].copy()
        wide[:-1] |= wide[1:].copy()
        wide[:, 1:] |= wide[:, :-1].copy()
        wide[:, :-1] |= wide[:, 1:].copy()
    return wide


def crosses(values: Floats, level: float) -> bool:
    """Whether a line at a level of a field over a map can be drawn: some values lie on both sides of it, side by side.

    What is undefined at two corners of a cell leaves no line in it.

    >>> crosses(np.array([[-1.0, 1.0], [-1.0, 1.0]]), 0.0), crosses(np.array([[-1.0, np.nan, 1.0]] * 2), 0.0)
    (True, False)
    """
    known = ~np.isnan(values)
    # nanmin: -inf lies below every level
    if not known.any() or not np.nanmin(values) < level < np.nanmax(values) or min(values.shape) < 2:
        return False
    corners = [(slice(i, n - 1 + i), slice(j, m - 1 + j)) for n, m in [values.shape] for i in (0, 1) for j in (0, 1)]
    there = np.stack([known[corner] for corner in corners])
    above = np.stack([values[corner] > level for corner in corners])
    drawn = there.sum(axis=0) >= 3
    return bool((drawn & (there & above).any(axis=0) & (there & ~above).any(axis=0)).any())


def draw_contour(
    ax: Axes, view: MapView, values: Floats, levels: Sequence[float], style: str, colours: Palette, gid: str
) -> Any:
    """Levels as lines, or None where the values cross none of them (Matplotlib warns of such a contour)."""
    levels = [level for level in levels if crosses(values, level)]
    if not levels:
        return None
    finite = values[np.isfinite(values)]
    # a link of exactly 0 has the logarithm -inf, and a boundary runs between it and what explodes
    low = min(float(finite.min(initial=np.inf)), levels[0]) - 1.0
    field = np.where(np.isneginf(values), low, values).T
    thin = rcParams["lines.linewidth"] / 1.8
    look: dict[str, Any] = {"colors": [colours.ink], "linestyles": style, "linewidths": 1.5 * thin}
    contour = ax.contour(view.x, view.y, field, levels=levels, **look)
    contour.set(gid=gid, path_effects=[withStroke(linewidth=HALO * thin, foreground=colours.paper, alpha=0.6)])
    return contour


def special_patches(values: Floats, colours: Palette) -> list[Any]:
    """Legend entries for the colours that are no logarithm."""
    entries = ((np.isneginf(values), colours.zero, "exactly 0"), (np.isnan(values), colours.undefined, "undefined"))
    return [Patch(facecolor=shade, label=name) for where, shade, name in entries if where.any()]
