"""A map as a table: one row per point, in the order of its arrays."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.extras import extra
from chainderiv.kinds import Array, Box
from chainderiv.maps.plan import Plan, extent
from chainderiv.maps.regime import LOG_QUARTER, Regime, regime
from chainderiv.numeric.reading import Readings
from chainderiv.writing import beside, folder_for_writing

MOST_ROWS = 10_000_000  # some 1.5 GB of text
REGIMES = np.array([one.name.lower() for one in sorted(Regime)])
BLOCK_ROWS = 2**16  # made at once


def columns(plan: Plan, readings: Readings, box: Box) -> dict[str, Array]:
    """The columns of a box of a map, by name: the axes, the gradient and, from depth 2 on, what the links do.

    >>> from chainderiv.maps.axis import Axis
    >>> from chainderiv.maps.sweep import sweep
    >>> from chainderiv.symbolic.chain import Chain
    >>> s = sweep(Chain(depth=4), w=Axis(-1, 1, 2), b=Axis(0, 1, 2))
    >>> table = columns(s.plan, s.readings, (slice(0, 2), slice(0, 1)))
    >>> table["w"].tolist(), table["b"].tolist(), table["sign"].tolist(), table["regime"].tolist()
    ([-1.0, 1.0], [0.0, 0.0], [-1.0, 1.0], ['vanishing', 'vanishing'])
    """
    tile, shape = readings.read(box), extent(box)
    grid = np.meshgrid(*(axis.values[part] for axis, part in zip(plan.axes.values(), box, strict=True)), indexing="ij")
    found: dict[str, Array] = dict(zip(plan.axes, grid, strict=True))
    found["sign"] = np.where(np.isnan(tile.log_abs), np.nan, tile.sign)
    found["log_abs"], found["log10_abs"] = tile.log_abs, tile.log_abs / np.log(10.0)
    if plan.derivation.chain.depth > 1:
        with np.errstate(invalid="ignore"):  # depth 1 of a depth axis has no link
            found["rate"] = tile.link_log_sum / plan.links(box)
        found["regime"] = REGIMES[regime(found["rate"]).astype(int) - int(Regime.VANISHING)]
    found["below_quarter"], found["uncertain"] = tile.largest_link < LOG_QUARTER, tile.uncertain
    return {name: np.broadcast_to(values, shape).ravel() for name, values in found.items()}


def write_csv(plan: Plan, readings: Readings, path: Path) -> None:
    """Sweep.to_csv."""
    require_rows(plan.points)
    folder_for_writing(path.parent)
    with beside(path) as file, file.open("w", encoding="utf-8", newline="") as out:
        for k, box in enumerate(_slabs(plan)):
            table = columns(plan, readings, box)
            if k == 0:
                out.write(",".join(table) + "\n")
            out.write(_lines(table))


def require_rows(points: int) -> None:
    """Raise BadValue for a map that is too large for a table of text."""
    if points > MOST_ROWS:
        raise BadValue(
            f"a table of {points:,} points is too long; give {MOST_ROWS:,} at most, or write the map as .nc or .npz"
        )


def to_frame(plan: Plan, readings: Readings) -> Any:
    """Sweep.to_pandas."""
    pandas = extra("pandas", "a map as a pandas.DataFrame")
    return pandas.DataFrame(columns(plan, readings, tuple(slice(0, count) for count in plan.shape)))


def _slabs(plan: Plan) -> Iterator[Box]:
    """The map from its first point to its last, in boxes whose rows follow each other."""
    first, *others = plan.shape
    step = max(1, BLOCK_ROWS // int(np.prod(others, dtype=np.int64)))
    for start, stop in pairwise([*range(0, first, step), first]):
        yield slice(start, stop), *(slice(0, count) for count in others)


def _lines(table: dict[str, Array]) -> str:
    """The rows as text that reads back to the last bit; an undefined number is an empty cell."""
    cells = [list(map(_cell, values.tolist())) for values in table.values()]
    text = io.StringIO()
    for row in zip(*cells, strict=True):
        text.write(",".join(row) + "\n")
    return text.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if value != value else repr(value)
    return str(value)
