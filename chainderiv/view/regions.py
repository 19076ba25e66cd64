"""The names of regions and contours on a map, put where they have room."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.ndimage
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from chainderiv.numeric.axis import Axis
from chainderiv.numeric.regime import Regime
from chainderiv.numeric.sweep import Sweep
from chainderiv.view.theme import Palette

TEXT_ASPECT = 4.0  # a name's width over its height, in parts of the axes
MIN_SHARE = 0.004  # of the map; a smaller region gets no name
ROOM = 0.03  # in the measure of room(): what a name needs


def label_contour(ax: Axes, contour: Any, name: str, colours: Palette) -> None:
    """A contour's level on each of its lines, a quarter of the way along: ends lie at the frame."""
    for line in contour.allsegs[0] if contour else ():
        x, y = line[len(line) // 4]
        ax.text(
            x, y, name, ha="center", va="center", fontsize=10, color=colours.ink,
            path_effects=[withStroke(linewidth=4.0, foreground=colours.paper)],
        )  # fmt: skip


def name_regions(ax: Axes, sweep: Sweep, axes: tuple[Axis, Axis], colours: Palette) -> None:
    """Each region's name where it has room, else beside it with a line to it; never across a boundary."""
    free = ~_border(sweep.rate > 0) & ~_border(sweep.below_quarter)
    for code in (Regime.VANISHING, Regime.EXPLODING):
        for part in parts(sweep.regime == code, most=1 if code == Regime.VANISHING else 2):
            space = room(part & free)
            target = place = deepest(space)
            if space[place] < ROOM:
                place = nearest_with_room(room(free), target)
            _name(ax, axes, code.name.lower(), place, target, colours)
            i, j = (max(n // 10, 1) for n in free.shape)
            free[max(place[0] - i, 0) : place[0] + i, max(place[1] - j // 2, 0) : place[1] + j // 2] = False


def _border(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells whose right or upper neighbour lies on the other side."""
    border = np.zeros_like(region)
    border[:-1] |= region[:-1] != region[1:]
    border[:, :-1] |= region[:, :-1] != region[:, 1:]
    return border


def _name(
    ax: Axes, axes: tuple[Axis, Axis], text: str, place: tuple[int, int], target: tuple[int, int], colours: Palette
) -> None:
    x, y = (axis.values for axis in axes)
    outline = [withStroke(linewidth=3.0, foreground=colours.paper)]
    if place != target:
        ends = [place[0], target[0]], [place[1], target[1]]
        ax.plot(
            x[ends[0]], y[ends[1]], color=colours.ink, linewidth=1.0, marker="o", ms=3, markevery=[1],
            path_effects=outline, zorder=3,
        )  # fmt: skip
    ax.text(
        float(x[place[0]]), float(y[place[1]]), text, ha="center", va="center", color=colours.ink,
        path_effects=outline, zorder=4,
    )  # fmt: skip


def room(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each cell (x, y) the distance to the region's border, in heights of the map.

    Lengths along x are divided by a label's aspect, because a label is wide.
    """
    nx, ny = region.shape
    padded = np.pad(region, 1)
    distance = scipy.ndimage.distance_transform_edt(padded, sampling=(1 / (nx * TEXT_ASPECT), 1 / ny))
    return np.asarray(distance)[1:-1, 1:-1]


def parts(region: NDArray[np.bool_], most: int = 2) -> list[NDArray[np.bool_]]:
    """The largest connected parts of a region that are not tiny."""
    numbered, count = scipy.ndimage.label(region)
    areas = np.bincount(numbered.ravel(), minlength=count + 1)[1:]
    largest = [k for k in np.argsort(-areas)[:most] if areas[k] >= MIN_SHARE * region.size]
    return [numbered == k + 1 for k in largest]


def deepest(space: NDArray[np.float64]) -> tuple[int, int]:
    """The cell with the most room."""
    i, j = np.unravel_index(int(np.argmax(space)), space.shape)
    return int(i), int(j)


def nearest_with_room(space: NDArray[np.float64], place: tuple[int, int]) -> tuple[int, int]:
    """The cell nearest to a place where a name fits, or the roomiest where it fits nowhere."""
    fits = space >= 1.5 * ROOM
    if not fits.any():
        return deepest(space)
    i, j = (np.arange(n)[:, None] if axis == 0 else np.arange(n)[None, :] for axis, n in enumerate(space.shape))
    distance = ((i - place[0]) / space.shape[0]) ** 2 + ((j - place[1]) / space.shape[1]) ** 2
    return deepest(-np.where(fits, distance, np.inf))
