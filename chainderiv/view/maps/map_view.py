"""MapView: what a picture shows of a map, whatever the map's size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from chainderiv.kinds import Floats, Mask
from chainderiv.maps.axis import Axis
from chainderiv.maps.sweep import Sweep
from chainderiv.view.maps.labels import edges
from chainderiv.view.maps.quantities import Quantity, rate_over
from chainderiv.view.maps.reduce import (
    Anywhere,
    Box,
    Extremes,
    Presence,
    Samples,
    bounds,
    halved,
    reading_boxes,
    samples,
)

Axes2 = tuple[Axis, Axis]
Cells = tuple[int, int]


@dataclass(frozen=True, eq=False)
class MapView:
    """Coloured cells, and fields at sampled points for the lines over them; x is the first dimension.

    Attributes
    ----------
    axes : (Axis, Axis), to the right and upwards.
    x_edges, y_edges : the borders of the cells, shapes (cells along x + 1,) and (cells along y + 1,).
    values : the quantity, shape (cells along x, cells along y).
    x, y : where the fields are sampled.
    fields : name -> ndarray, shape (len(x), len(y)).
    uncertain : bool ndarray as values, where a point of the cell cannot be trusted; None where no point is such.
    """

    axes: Axes2
    x_edges: Floats
    y_edges: Floats
    values: Floats
    x: Floats
    y: Floats
    fields: dict[str, Floats]
    uncertain: Mask | None = None

    @property
    def largest(self) -> float:
        """The largest finite size of a value, 0 where there is none."""
        finite = np.abs(self.values[np.isfinite(self.values)])
        return float(finite.max()) if finite.size else 0.0


def view_sweep(sweep: Sweep, quantity: Quantity, cells: Cells) -> MapView:
    """What a picture of at most that many cells shows of a sweep over two axes.

    A map that is no larger is shown as it is. Of a larger one each block is two cells, its smallest and its largest
    number (of a quantity with codes, the commonest and the rarest), and the fields are sampled.

    Parameters
    ----------
    cells : how many along x and along y.
    """
    x, y = sweep.axes.values()
    linked = sweep.derivation.chain.depth > 1
    if x.count <= cells[0] and y.count <= cells[1]:
        whole = slice(0, x.count), slice(0, y.count)
        tile = sweep.readings.read(whole)
        fields = {"rate": rate_over(sweep, whole, tile), "largest_link": tile.largest_link} if linked else {}
        values = np.asarray(quantity.read(sweep, whole, tile), float) / quantity.per
        uncertain = tile.uncertain if tile.uncertain.any() else None
        return MapView((x, y), edges(x), edges(y), values, x.values, y.values, fields, uncertain)
    reduced = _Reduced((x, y), cells, quantity, ("link_log_sum", "largest_link") if linked else ())
    for box in reading_boxes((x.count, y.count), sweep.plan.tile_shape):
        tile = sweep.readings.read(box)
        reduced.shown.take(box, quantity.read(sweep, box, tile))
        reduced.uncertain.take(box, tile.uncertain)
        if linked and reduced.meets(box):
            reduced.fields["link_log_sum"].take(box, tile.link_log_sum)
            reduced.fields["largest_link"].take(box, tile.largest_link)
    view = reduced.view(quantity.per)
    if linked:
        with np.errstate(invalid="ignore"):  # at depth 1 there is no link
            rate = view.fields["link_log_sum"] / sweep.plan.links(reduced.at)
        return replace(view, fields={"rate": rate, "largest_link": view.fields["largest_link"]})
    return view


def view_values(axes: Axes2, values: Floats, cells: Cells) -> MapView:
    """The same of an array over two axes; it is also the field 'values'."""
    x, y = axes
    if x.count <= cells[0] and y.count <= cells[1]:
        return MapView(axes, edges(x), edges(y), values, x.values, y.values, {"values": values})
    reduced = _Reduced(axes, cells, None, ("values",))
    for box in reading_boxes((x.count, y.count)):
        reduced.shown.take(box, values[box])
        reduced.fields["values"].take(box, values[box])
    return reduced.view()


class _Reduced:
    """A MapView in the making."""

    def __init__(self, axes: Axes2, cells: Cells, quantity: Quantity | None, fields: Iterable[str]) -> None:
        self.axes = axes
        counts = tuple(axis.count for axis in axes)
        self.x, self.y = bounds(counts[0], max(cells[0] // 2, 1)), bounds(counts[1], cells[1])
        at = samples(counts[0], cells[0]), samples(counts[1], cells[1])
        codes = () if quantity is None else quantity.codes
        self.shown: Extremes | Presence = (
            Presence(self.x, self.y, [code for code, _ in codes]) if codes else Extremes(self.x, self.y)
        )
        self.uncertain = Anywhere(self.x, self.y)
        self.at = at
        self.fields = {name: Samples(*at) for name in fields}

    def meets(self, box: Box) -> bool:
        """Whether a place that is sampled lies in a box."""
        return all(
            np.searchsorted(at, part.start) < np.searchsorted(at, part.stop)
            for at, part in zip(self.at, box, strict=True)
        )

    def view(self, per: float = 1.0) -> MapView:
        """What has been taken, the values divided by a number."""
        x, y = self.axes
        found = self.uncertain.found
        return MapView(
            self.axes,
            # what lies beyond the axis is not shown, and a cell there would be narrow
            halved(np.clip(edges(x)[self.x], x.start, x.stop), x.scale),
            np.clip(edges(y)[self.y], y.start, y.stop),
            self.shown.cells() / per,
            x.values[self.at[0]],
            y.values[self.at[1]],
            {name: field.values for name, field in self.fields.items()},
            np.repeat(found, 2, axis=0) if found.any() else None,
        )
