"""A record in long form: one row per measurement and layer, a number in every cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainderiv.extras import extra
from chainderiv.kinds import Array
from chainderiv.records.measurements import COLUMNS, ORDERS, Measurements


def long_columns(record: Measurements) -> dict[str, Array]:
    """The columns by name, each with a row per measurement and layer 1 … L, the layers of a measurement together.

    norm_l1, norm_l2 and their natural logarithms are of the layer's mean ∂C/∂b; costs and accuracy are the network's,
    and so the same in all of its layers.

    >>> record = Measurements({}, ((np.array([3.0, 4.0]), np.array([2.0])),), np.ones(1), np.ones(1), np.zeros(1))
    >>> table = long_columns(record)
    >>> table["layer"].tolist(), table["norm_l2"].round(9).tolist(), table["log_norm_l2"].round(3).tolist()
    ([1, 2], [5.0, 2.0], [1.609, 0.693])
    """
    rows, depth = len(record.cost), len(record.bias_gradients[0])

    def each(values: Any) -> Array:
        return np.repeat(np.asarray(values), depth)

    found: dict[str, Array] = {"epoch": each(record.epoch), "step": each(record.steps)}
    found["layer"] = np.tile(np.arange(1, depth + 1), rows)
    found |= {name: each(getattr(record, name)) for name in COLUMNS}
    for order in ORDERS:
        norms = record.all_norms(order)
        found[f"norm_{order}"] = np.stack([norm.to_float() for norm in norms], axis=1).ravel()
        found[f"log_norm_{order}"] = np.stack([np.asarray(norm.log) for norm in norms], axis=1).ravel()
    return found | {name: np.asarray(values).ravel() for name, values in record.layers.items()}


def to_frame(record: Measurements) -> Any:
    """TrainingRecord.to_pandas."""
    return extra("pandas", "a record as a pandas.DataFrame").DataFrame(long_columns(record))
