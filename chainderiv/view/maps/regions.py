"""The names of regions and contours on a map, put where they have room."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.text import Text

from chainderiv.kinds import Floats, Mask
from chainderiv.maps.regime import LOG_QUARTER, Regime, regime
from chainderiv.view.fitting import extent, letter, map_size
from chainderiv.view.maps.map_view import MapView
from chainderiv.view.maps.reduce import bounds, samples
from chainderiv.view.theme import Palette

TEXT_ASPECT = 4.0  # a name's width over its height
MIN_SHARE = 0.004  # of the map; a smaller region gets no name
ROOM = 0.7  # heights of letters, in the measure of room(): what a name needs
GAP = 0.1  # between a name and the frame, in parts of the name
ALONG = (1 / 4, 1 / 2, 3 / 4, 1 / 8, 7 / 8)  # a line, where its name may stand
LEVEL = "level name"
LEAST_LINE = 0.08  # of the map, that a contour runs to have its level written on it
WIDEST = 0.55  # of the map; a wider name is left out
FARTHEST = 0.6  # of the map, from a name to what it names
CELLS = 80  # a side: as finely as a name can be placed
CENTRED: dict[str, Any] = {"ha": "center", "va": "center"}
NAMED = {Regime.VANISHING: 1, Regime.EXPLODING: 2}  # how many parts of a region get its name

Place = tuple[int, int]


def label_contour(ax: Axes, contour: Any, names: Sequence[str], colours: Palette) -> None:
    """Each level's name on each of its lines, a quarter of the way along or clear of another; ends lie at the frame.

    A line that has no such place, as where two run in one, has no name.
    """
    size, pixels = 10 / 11 * rcParams["font.size"], np.array(map_size(ax))
    look: dict[str, Any] = {"fontsize": size, "color": colours.ink, "path_effects": _outline(4.0, colours)}
    for lines, name in zip(contour.allsegs if contour else (), names, strict=False):
        for line in lines:
            across = ax.transLimits.transform(ax.transScale.transform(line))
            if np.ptp(across, axis=0).max() < LEAST_LINE:
                continue
            taken = [text for text in ax.texts if text.get_gid() == LEVEL]
            for along in ALONG:
                at = int(along * len(line))
                if all(_apart(ax, across[at] * pixels, name, text, pixels) for text in taken):
                    x, y = line[at]
                    ax.text(x, y, name, gid=LEVEL, **look, **CENTRED)
                    break


def _apart(ax: Axes, place: Floats, name: str, other: Text, pixels: Floats) -> bool:
    """Whether a name has its place beside another's, in the pixels that the map is likely to have."""
    share = (ax.transScale + ax.transLimits).transform(other.get_position())
    room = (np.array(extent(ax, name)) + extent(ax, other.get_text())) / 2
    return bool((np.abs(place - share * pixels) > room).any())


def name_regions(ax: Axes, view: MapView, colours: Palette) -> None:
    """Each region's name where it has room, else beside it with a line to it; never across a boundary, or on a zero."""
    i, j = samples(len(view.x), CELLS), samples(len(view.y), CELLS)
    rate, largest = (view.fields[name][np.ix_(i, j)] for name in ("rate", "largest_link"))
    codes, free = regime(rate), ~_border(rate > 0) & ~_border(largest < LOG_QUARTER)
    # what is exactly 0 has its colour in the legend, and a line of it is not to be written over
    zero = _gathered(np.isneginf(view.values), free.shape)
    free &= ~(zero & ~_inner(zero))
    (wide, high), size = map_size(ax), letter(ax)
    least, aspect = ROOM * size / high, TEXT_ASPECT * high / wide
    half = [max(round(TEXT_ASPECT * 0.8 * size / wide * len(i)), 1), max(round(1.3 * size / high * len(j)), 1)]
    for code, most in NAMED.items():
        for part in parts(codes == code, most):
            if not (part & ~zero).any():
                continue
            space = room(part & free & ~zero, aspect)
            # one that is all border is a line too thin for a name, and yet has a place to point at
            target = place = deepest(space if space.any() else room(part & ~zero, aspect))
            if space[place] < least:
                around = room(free, aspect)
                place = nearest_with_room(around, target, 1.5 * least)
                far = np.hypot((place[0] - target[0]) / len(i), (place[1] - target[1]) / len(j))
                if around[place] < least or far > FARTHEST:
                    continue
            _name(ax, (view.x[i], view.y[j]), code.name.lower(), place, target, colours)
            across, up = half
            free[max(place[0] - across, 0) : place[0] + across, max(place[1] - up, 0) : place[1] + up] = False


def _gathered(where: Mask, shape: tuple[int, ...]) -> Mask:
    """A mask on a coarser grid: whether it holds anywhere in each of its cells."""
    for axis, count in enumerate(shape):
        starts = bounds(where.shape[axis], count)[:-1]
        where = np.logical_or.reduceat(where, starts, axis=axis)
    wide = np.zeros(shape, bool)
    wide[tuple(slice(0, n) for n in where.shape)] = where
    return wide


def _inner(region: Mask) -> Mask:
    """Its cells all of whose neighbours belong to it; at the edge of the map there are none."""
    outer = np.pad(region, 1, mode="edge")
    inner = region.copy()
    for i, j in product((0, 1, 2), repeat=2):
        inner &= outer[i : i + region.shape[0], j : j + region.shape[1]]
    return inner


def _border(region: Mask) -> Mask:
    """The cells whose right or upper neighbour lies on the other side."""
    border = np.zeros_like(region)
    border[:-1] |= region[:-1] != region[1:]
    border[:, :-1] |= region[:, :-1] != region[:, 1:]
    return border


def _name(ax: Axes, at: tuple[Floats, Floats], text: str, place: Place, target: Place, colours: Palette) -> None:
    x, y = at
    look: dict[str, Any] = {"color": colours.ink, "path_effects": _outline(3.0, colours)}
    name = ax.text(float(x[place[0]]), float(y[place[1]]), text, zorder=4, **look, **CENTRED)
    if _kept_inside(ax, name) and place != target:
        start = name.get_position()
        ends = [start[0], float(x[target[0]])], [start[1], float(y[target[1]])]
        ax.plot(*ends, linewidth=1.0, marker="o", ms=3, markevery=[1], zorder=3, **look)


def _outline(width: float, colours: Palette) -> list[withStroke]:
    """A halo in the paper's colour, so that what crosses a line or a colour is read."""
    return [withStroke(linewidth=width, foreground=colours.paper)]


def _kept_inside(ax: Axes, name: Text) -> bool:
    """Move a name that would stick out of its Axes into them; one that is wider than they are is left out."""
    box = name.get_window_extent()
    # the layout is not known yet, but the pixels that the Axes are likely to have
    margin = np.array([box.width, box.height]) / np.maximum(map_size(ax), 1.0) * (0.5 + GAP)
    if margin.max() > 0.5 or margin[0] > WIDEST * (0.5 + GAP):
        name.remove()
        return False
    to_share = ax.transScale + ax.transLimits
    share = to_share.transform(name.get_position())
    if (inside := np.clip(share, margin, 1 - margin)).tolist() != share.tolist():
        name.set_position(tuple(to_share.inverted().transform(inside)))
    return True


def room(region: Mask, aspect: float = TEXT_ASPECT) -> Floats:
    """For each cell (x, y) the distance to the region's border, in heights of the map.

    Lengths along x are divided by a label's aspect, because a label is wide: its width over its height, in parts of
    the map's.

    >>> (room(np.ones((3, 3), bool)) * 3).tolist()
    [[0.25, 0.25, 0.25], [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]]
    """
    # first along x to the nearest cell outside, then over the columns (Felzenszwalb and Huttenlocher 2012, by search)
    inside = np.pad(region, 1)
    place = np.arange(len(inside))[:, None]
    before = np.maximum.accumulate(np.where(inside, 0, place), axis=0)
    after = np.minimum.accumulate(np.where(inside, len(inside) - 1, place)[::-1], axis=0)[::-1]
    along = np.minimum(place - before, after - place) / (region.shape[0] * aspect)
    column = np.arange(inside.shape[1]) / region.shape[1]
    squares = along[:, None, :] ** 2 + (column[:, None] - column[None, :]) ** 2
    return np.asarray(np.sqrt(squares.min(axis=2)))[1:-1, 1:-1]


def parts(region: Mask, most: int = 2) -> list[Mask]:
    """The largest connected parts of a region that are not tiny, the largest first."""
    left = {(int(i), int(j)) for i, j in np.argwhere(region)}
    found = [_flooded(left, first) for first in sorted(left) if first in left]
    largest = sorted(found, key=len, reverse=True)[:most]
    return [_mask(region.shape, cells) for cells in largest if len(cells) >= MIN_SHARE * region.size]


def _flooded(left: set[Place], first: Place) -> list[Place]:
    """Take from what is left all that hangs together with the first."""
    left.remove(first)
    cells = [first]
    for i, j in cells:  # it grows while it is walked
        # corners too: a thin region that runs aslant touches itself there alone
        for near in product((i - 1, i, i + 1), (j - 1, j, j + 1)):
            if near in left:
                left.remove(near)
                cells.append(near)
    return cells


def _mask(shape: tuple[int, ...], cells: list[Place]) -> Mask:
    mask = np.zeros(shape, bool)
    mask[tuple(np.array(cells).T)] = True
    return mask


def deepest(space: Floats) -> Place:
    """The cell with the most room."""
    i, j = np.unravel_index(int(np.argmax(space)), space.shape)
    return int(i), int(j)


def nearest_with_room(space: Floats, place: Place, least: float) -> Place:
    """The cell nearest to a place where a name fits, or the roomiest where it fits nowhere."""
    fits = space >= least
    if not fits.any():
        return deepest(space)
    i, j = (np.arange(n)[:, None] if axis == 0 else np.arange(n)[None, :] for axis, n in enumerate(space.shape))
    distance = ((i - place[0]) / space.shape[0]) ** 2 + ((j - place[1]) / space.shape[1]) ** 2
    return deepest(-np.where(fits, distance, np.inf))
