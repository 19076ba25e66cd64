"""The place that Axes have on their figure, labels and all: its size, that of its letters, and how it is filled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainderiv.kinds import Floats

if TYPE_CHECKING:  # Matplotlib is slow to load, and only what draws waits for it
    from matplotlib.axes import Axes
    from matplotlib.gridspec import SubplotSpec
    from matplotlib.transforms import Bbox

FULL = (4.4, 2.0)  # inches of a place from which on letters have their full size
LEAST_TYPE = 0.62  # of the full size
EDGES = (0.125, 0.1, 0.11, 0.12)  # what Matplotlib leaves on the left and right, below and above, unless told
LEAST_SHARE = 0.15  # of a place, that a map keeps whatever stands around it
MARGIN = 4.0  # pixels at 100 dots an inch between what stands in neighbouring places, half on either side


def place_of(ax: Axes) -> Bbox:
    """The share of the figure that is the Axes' own, labels and all, in pixels.

    Of Axes in a grid it is their column's share of the figure's width and their row's of its height; of others it is
    the Axes themselves.
    """
    spec, figure = ax.get_subplotspec(), ax.figure
    share: Any = ax.get_position(original=True) if spec is None else _slot(spec, figure)
    return share.transformed(figure.transSubfigure)  # type: ignore[no-any-return]


def _slot(spec: SubplotSpec, figure: Any) -> Bbox:
    """Its place in parts of the figure."""
    from matplotlib.transforms import Bbox

    grid: Any = spec.get_gridspec()
    parent = getattr(grid, "_subplot_spec", None)
    bottoms, tops, lefts, rights = grid.get_grid_positions(figure)
    if parent is None:
        # room that the caller left at an edge, beyond the usual, is the caller's
        left, right = max(0.0, lefts[0] - EDGES[0]), min(1.0, rights[-1] + EDGES[1])
        bottom, top = max(0.0, bottoms[-1] - EDGES[2]), min(1.0, tops[0] + EDGES[3])
        outer: Any = Bbox.from_extents(left, bottom, right, top)
    else:
        outer = _slot(parent, figure)
    x = outer.x0 + outer.width * _shares(rights - lefts)
    y = outer.y1 - outer.height * _shares(tops - bottoms)
    rows, columns = spec.rowspan, spec.colspan
    return Bbox.from_extents(x[columns.start], y[rows.stop], x[columns.stop], y[rows.start])


def _shares(widths: Floats) -> Floats:
    """Where each of some columns ends, in parts of all."""
    return np.concatenate([[0.0], np.cumsum(widths) / np.sum(widths)])


def type_scale(ax: Axes) -> float:
    """How large letters are in the place of the Axes, of their full size: smaller in a small place, to 0.62.

    >>> from matplotlib.figure import Figure
    >>> [type_scale(Figure((wide, 5)).add_subplot()) for wide in (2.2, 3.3, 9)]
    [0.62, 0.75, 1.0]
    """
    place, dots = place_of(ax), ax.figure.dpi
    if ax.get_subplotspec() is None:  # what is written stands outside the Axes
        return 1.0
    share = min(place.width / dots / FULL[0], place.height / dots / FULL[1])
    return round(min(1.0, max(LEAST_TYPE, float(share))), 3)


def fill_place(ax: Axes) -> None:
    """Move Axes of a grid on a figure without a layout engine, so that all that belongs to them is in their place."""
    figure: Any = ax.figure
    if figure.get_figure(root=True).get_layout_engine() is not None or ax.get_subplotspec() is None:
        return
    place = place_of(ax).padded(-MARGIN / 2 * figure.dpi / 100)
    for _ in range(3):  # ticks and labels depend on the size a little
        ax.apply_aspect()
        around, beside, frame = _around(ax, True), _around(ax, False), ax.bbox
        x0, x1 = place.x0 + frame.x0 - around.x0, place.x1 + frame.x1 - beside.x1
        y0, y1 = place.y0 + frame.y0 - around.y0, place.y1 + frame.y1 - around.y1
        x1, y1 = max(x1, x0 + LEAST_SHARE * place.width), max(y1, y0 + LEAST_SHARE * place.height)
        (left, bottom), (right, top) = figure.transSubfigure.inverted().transform([(x0, y0), (x1, y1)])
        ax.set_position((left, bottom, right - left, top - bottom))
    # set_position takes them out, and bbox_inches="tight" and tight_layout would then pass them over
    ax.set_in_layout(True)


def _around(ax: Axes, legend: bool) -> Any:
    """The box of all that belongs to the Axes; legend : with a legend, which begins at their left, as wide as it is."""
    own = ax.get_legend()
    if own is not None:
        own.set_in_layout(legend)
    box = ax.get_tightbbox()
    if own is not None:
        own.set_in_layout(True)
    return box
