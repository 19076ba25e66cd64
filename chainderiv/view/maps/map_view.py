"""MapView: what a picture shows of a map, whatever the map's size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chainderiv.kinds import Array, Box, Floats, Mask
from chainderiv.maps.axis import Axis
from chainderiv.maps.sweep import Sweep
from chainderiv.view.maps.labels import borders
from chainderiv.view.maps.quantities import Quantity, rate_over
from chainderiv.view.maps.reduce import Anywhere, Extremes, Presence, Samples, bounds, halved, reading_boxes, samples

Axes2 = tuple[Axis, Axis]
Cells = tuple[int, int]
Part = tuple[Array, Mapping[str, Floats], Mask | None]  # values, fields, and where they are uncertain


@dataclass(frozen=True, eq=False)
class MapView:
    """Coloured cells, and fields at sampled points for the lines over them; x is the first dimension."""

    axes: Axes2  # to the right and upwards
    x_edges: Floats  # the borders of the cells
    y_edges: Floats
    values: Floats  # the quantity in each cell
    x: Floats  # where the fields are sampled
    y: Floats
    fields: Mapping[str, Floats]
    uncertain: Mask | None = None  # where a point of the cell cannot be trusted; None where no point is such

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest finite value, 0 where there is none."""
        finite = self.values[np.isfinite(self.values)]
        return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def ends_of(views: Sequence[MapView]) -> tuple[float, float]:
    """The smallest and the largest finite value of several."""
    ends = [view.ends for view in views if np.isfinite(view.values).any()] or [(0.0, 0.0)]
    return min(low for low, _ in ends), max(high for _, high in ends)


def view_sweep(sweep: Sweep, quantity: Quantity, cells: Cells, levels: bool = False) -> MapView:
    """What a picture of at most that many cells, along x and along y, shows of a sweep over two axes.

    levels : whether the quantity itself is a field too, for lines at its levels.
    """
    x, y = sweep.axes.values()

    def read(box: Box) -> Part:
        tile, fields = sweep.readings.read(box), dict[str, Floats]()
        if sweep.derivation.chain.depth > 1:
            fields = {"rate": rate_over(sweep, box, tile), "largest_link": tile.largest_link}
        values = quantity.read(sweep, box, tile)
        if levels:
            fields["values"] = np.asarray(values, float) / quantity.per
        return values, fields, tile.uncertain

    codes = [code for code, _ in quantity.codes]
    return _view((x, y), cells, read, codes, quantity.per, sweep.plan.tile_shape)


def view_values(axes: Axes2, values: Floats, cells: Cells, fields: Mapping[str, Floats] | None = None) -> MapView:
    """The same of an array over two axes; it is also the field 'values', beside those given."""
    arrays = {"values": values, **(fields or {})}
    return _view(axes, cells, lambda box: (values[box], {name: array[box] for name, array in arrays.items()}, None))


def _view(
    axes: Axes2,
    cells: Cells,
    read: Callable[[Box], Part],
    codes: Sequence[int] = (),
    per: float = 1.0,
    tile_shape: Sequence[int] | None = None,
) -> MapView:
    """What is read box by box, its values divided by a number.

    A map that is no larger is shown as it is. Of a larger one each block is two cells, its smallest and its largest
    number (of codes the commonest and the rarest), and the fields are sampled.
    """
    x, y = axes
    x_edges, y_edges = (borders(axis.values, axis.scale) for axis in axes)
    if x.count <= cells[0] and y.count <= cells[1]:
        values, fields, uncertain = read((slice(0, x.count), slice(0, y.count)))
        hatched = uncertain if uncertain is not None and uncertain.any() else None
        return MapView(axes, x_edges, y_edges, np.asarray(values, float) / per, x.values, y.values, fields, hatched)
    blocks = bounds(x.count, max(cells[0] // 2, 1)), bounds(y.count, cells[1])
    at = samples(x.count, cells[0]), samples(y.count, cells[1])
    shown = Presence(*blocks, codes) if codes else Extremes(*blocks)
    found, sampled = Anywhere(*blocks), defaultdict[str, Samples](lambda: Samples(*at))
    for box in reading_boxes((x.count, y.count), tile_shape):
        values, fields, uncertain = read(box)
        shown.take(box, values)
        if uncertain is not None:
            found.take(box, uncertain)
        for name, field in fields.items():
            sampled[name].take(box, field)
    return MapView(
        axes,
        # what lies beyond the axis is not shown, and a cell there would be narrow
        halved(np.clip(x_edges[blocks[0]], x.start, x.stop), x.scale),
        np.clip(y_edges[blocks[1]], y.start, y.stop),
        shown.cells() / per,
        x.values[at[0]],
        y.values[at[1]],
        {name: field.values for name, field in sampled.items()},
        np.repeat(found.found, 2, axis=0) if found.found.any() else None,
    )
