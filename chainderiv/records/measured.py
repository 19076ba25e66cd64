"""What is measured of a network while it trains, in float64 whatever it is trained in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Array
from chainderiv.records.measurements import COLUMNS
from chainderiv.records.record import TrainingRecord

MEASURED_IMAGES = 1000  # Nielsen (2015), chapter 5: the norms are over the first 1000 training images
SATURATED = 1 / 20  # of sup|φ'|


@dataclass(frozen=True, eq=False)
class Passed:
    """A pass over n images, forwards and back: means of ∂C/∂W_l and ∂C/∂b_l, and what the layers held.

    a : a_1 … a_L, each (n, n_l). slope : φ'(z_l) of the hidden layers. z_last : z_L.
    """

    weight_gradients: Sequence[Array]
    bias_gradients: Sequence[Array]
    a: Sequence[Array]
    slope: Sequence[Array]
    z_last: Array


@dataclass(frozen=True, eq=False)
class Row:
    """One measurement: what TrainingRecord holds of a row."""

    step: int
    bias_gradients: tuple[Array, ...]
    training_cost: float
    cost: float
    accuracy: float
    layers: dict[str, Array]

    @property
    def finite(self) -> bool:
        """Whether every gradient and both costs are."""
        costs = np.array([self.training_cost, self.cost])
        return all(bool(np.isfinite(n).all()) for n in (costs, *self.bias_gradients))


def record_of(rows: Sequence[Row], settings: dict[str, Any]) -> TrainingRecord:
    """The rows as a record."""
    columns = {name: np.array([getattr(row, name) for row in rows]) for name in COLUMNS}
    layers = {name: np.array([row.layers[name] for row in rows]) for name in rows[0].layers}
    gradients = tuple(row.bias_gradients for row in rows)
    steps = np.array([row.step for row in rows])
    return TrainingRecord(settings, gradients, **columns, steps=steps, layers=layers)


def rows_of_record(record: TrainingRecord) -> list[Row]:
    """The rows that a record was made of."""
    return [
        Row(
            int(record.steps[k]),
            gradients,
            **{name: float(getattr(record, name)[k]) for name in COLUMNS},
            layers={name: column[k] for name, column in record.layers.items()},
        )
        for k, gradients in enumerate(record.bias_gradients)
    ]


def norm(values: Array, order: int) -> float:
    """Σ|v| or sqrt(Σ v²), of numbers of any size: the largest is taken out before they are squared."""
    sizes = np.abs(values, dtype=np.float64)
    top = float(sizes.max(initial=0.0))
    if order == 1 or not 0 < top < np.inf:
        return float(sizes.sum())
    return top * float(np.sqrt(np.square(sizes / top).sum()))


def layers_of(passed: Passed, hidden: Activation) -> dict[str, Array]:
    """The columns of a row that have a number per layer, but the update ratio."""
    # softmax outputs and those of another activation have slopes of another kind: the last layer's is not told
    saturated = [np.abs(slope) < SATURATED * steepest(hidden) for slope in passed.slope]
    fractions = [float(s.mean()) for s in saturated], [float(s.all(axis=0).mean()) for s in saturated]
    return {
        "weight_norm_l1": np.array([norm(g, 1) for g in passed.weight_gradients]),
        "weight_norm_l2": np.array([norm(g, 2) for g in passed.weight_gradients]),
        "activation_mean": np.array([a.mean() for a in passed.a]),
        "activation_spread": np.array([a.std() for a in passed.a]),
        "saturated": np.array([*fractions[0], np.nan]),
        "dead": np.array([*fractions[1], np.nan]),
    }


@lru_cache(maxsize=256)
def steepest(activation: Activation) -> float:
    """sup|φ'| over |z| <= 30, of 60,001 points.

    >>> from chainderiv.functions.lookup import neuron
    >>> steepest(neuron("sigmoid")), steepest(neuron("relu"))
    (0.25, 1.0)
    """
    slopes = np.abs(array_functions(activation).derivative(np.linspace(-30.0, 30.0, 60_001)))
    return float(np.nanmax(np.where(np.isfinite(slopes), slopes, np.nan)))
