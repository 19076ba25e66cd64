"""The parts of a map: cells, colour bar, lines, what is hatched, and the legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm, Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from chainderiv.kinds import Floats, Mask, Places
from chainderiv.view.maps.labels import UNCERTAIN
from chainderiv.view.maps.map_view import Cells, MapView
from chainderiv.view.maps.reduce import middles
from chainderiv.view.theme import Palette

Codes = Sequence[tuple[int, str]]
LINEAR_WIDTH = 0.5  # within it colours change evenly; beyond, by equal ratios, so that 1 shows beside -30
TICKS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, *(10.0**k for k in range(4, 309)))
LEAST_CELLS, MOST_CELLS = 40, 600  # along a side
LABELS = (185, 135)  # pixels beside and below a map at 100 dots an inch
LEFT = 90  # pixels beside a map on its left, at 100 dots an inch
STRIPES = 7  # cells from one hatching line to the next


def cells_of(ax: Axes) -> Cells:
    """How many cells Axes can show, along x and along y: no more than the pixels that they are likely to have.

    A cell narrower than a pixel may fall between pixels, and what it holds would be lost.
    """
    box = ax.get_window_extent()
    sizes = [0.84 * box.width, 0.95 * box.height]
    if ax.get_subplotspec() is not None:
        # the layout is not known yet: labels, colour bar and legend will take their share of the place
        sizes = [min(size, place - taken) for size, place, taken in zip(sizes, _place_of(ax), LABELS, strict=True)]
    wide, high = (int(min(max(size, LEAST_CELLS), MOST_CELLS)) for size in sizes)
    return wide, high


def _place_of(ax: Axes) -> tuple[float, float]:
    """The share of the figure that is the Axes' own, labels and all, in pixels."""
    whole, place = ax.figure.bbox, ax.get_subplotspec()
    rows, columns = (1, 1) if place is None else place.get_geometry()[:2]
    return whole.width / columns, whole.height / rows


def scale_of(largest: float) -> Normalize:
    """Colours for values up to a size: 0 has the middle colour, and equal sizes have equal depth on either side."""
    limit = max(largest, LINEAR_WIDTH)
    return AsinhNorm(linear_width=LINEAR_WIDTH, vmin=-limit, vmax=limit)


def draw_values(ax: Axes, view: MapView, norm: Normalize, colours: Palette) -> Any:
    """The values as cells, with what is undefined over them; the cells."""
    # Matplotlib masks what is not finite; an exact 0 has the logarithm -inf
    mesh = draw_cells(ax, view, view.values, norm, colours.colours.with_extremes(bad=colours.zero), "map")
    if np.isnan(view.values).any():
        holes = np.where(np.isnan(view.values), 0.0, np.nan)
        draw_cells(ax, view, holes, Normalize(0, 1), ListedColormap([colours.undefined]), "undefined")
    return mesh


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
    """Whether a field has values on both sides of a level."""
    finite = values[np.isfinite(values)]
    # nanmin: what is undefined somewhere leaves the line where it is, and -inf lies below every level
    return bool(finite.size and np.nanmin(values) < level < finite.max())


def draw_contour(ax: Axes, view: MapView, values: Floats, level: float, style: str, colours: Palette, gid: str) -> Any:
    """One level as a line, or None where the values do not cross it (Matplotlib warns of such a contour)."""
    if not crosses(values, level):
        return None
    finite = values[np.isfinite(values)]
    # a link of exactly 0 has the logarithm -inf, and a boundary runs between it and what explodes
    low = min(float(finite.min()), level) - 1.0
    field = np.where(np.isneginf(values), low, values).T
    look: dict[str, Any] = {"colors": [colours.ink], "linestyles": style, "linewidths": 1.5}
    contour = ax.contour(view.x, view.y, field, levels=[level], **look)
    contour.set(gid=gid, path_effects=[withStroke(linewidth=3.0, foreground=colours.paper, alpha=0.6)])
    return contour


def colour_bar(panels: Sequence[Axes], mesh: Any, label: str) -> None:
    """One bar for the Axes given, beside the last of them."""
    # of one Axes alone Matplotlib takes the room from their own place in the grid
    bar = panels[-1].figure.colorbar(mesh, ax=panels if len(panels) > 1 else panels[0], label=label, pad=0.02)
    limit = float(mesh.norm.vmax)
    ticks = spaced_ticks(limit)
    bar.set_ticks([*(-t for t in reversed(ticks)), 0.0, *ticks], minor=False)
    bar.minorticks_off()
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))
    bar.outline.set_visible(False)


def spaced_ticks(limit: float) -> list[float]:
    """The ticks above 0 that stand a twelfth of the bar's half apart at least.

    >>> spaced_ticks(9.0), spaced_ticks(1e30)[-3:]
    ([0.3, 1.0, 3.0], [1e+24, 1e+27, 1e+30])
    """
    kept, last = list[float](), np.inf
    for tick in sorted((t for t in TICKS if t <= limit), reverse=True):
        place = float(np.arcsinh(tick / LINEAR_WIDTH) / np.arcsinh(limit / LINEAR_WIDTH))
        if min(place, last - place) >= 1 / 12:
            kept.append(tick)
            last = place
    return kept[::-1]


def special_patches(values: Floats, colours: Palette) -> list[Any]:
    """Legend entries for the colours that are no logarithm."""
    entries = ((np.isneginf(values), colours.zero, "exactly 0"), (np.isnan(values), colours.undefined, "undefined"))
    return [Patch(facecolor=shade, label=name) for where, shade, name in entries if where.any()]


def draw_legend(ax: Axes, handles: list[Any], bar: bool = True) -> None:
    """A legend below the map, if there is anything to tell; bar: whether a colour bar takes room beside it."""
    if handles:
        figure: Any = ax.figure
        room = _place_of(ax)[0] - (LABELS[0] if bar else LEFT) * figure.dpi / 100
        place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (-0.02, -0.13), "borderaxespad": 0.0}
        ax.legend(handles=handles, ncols=legend_columns(figure, handles, room), **place)


def legend_columns(figure: Figure, handles: list[Any], room: float) -> int:
    """2 where there are entries enough and two fit beside each other into so many pixels, else 1."""
    if len(handles) < 3:
        return 1
    # one that is too wide is cut off, and the layout narrows the map for it
    trial = Legend(figure, handles, [str(handle.get_label()) for handle in handles], ncols=2)
    return 2 if trial.get_window_extent().width <= room else 1
