"""What is measured of a network while it trains, in float64 whatever it is trained in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Array
from chainderiv.logsign import LogSign
from chainderiv.records.measurements import COLUMNS, LOG_COLUMNS, ORDERS, beyond
from chainderiv.records.record import TrainingRecord

SATURATED = 1 / 20  # of sup|φ'|
LEAST = 1e-200  # of an image's δ: products with weights and activations are far from the ends of float64


@dataclass(frozen=True, eq=False)
class Passed:
    """A pass over n images, forwards and back: means of ∂C/∂W_l and ∂C/∂b_l, and what the layers held.

    a : a_1 … a_L, each (n, n_l). slope : φ'(z_l) of the hidden layers. z_last : z_L. lost : whether a δ was so small or
    large that the means are to be taken in wide numbers.
    """

    weight_gradients: Sequence[Array]
    bias_gradients: Sequence[Array]
    a: Sequence[Array]
    slope: Sequence[Array]
    z_last: Array
    lost: bool = False


@dataclass(frozen=True, eq=False)
class Row:
    """One measurement: what TrainingRecord holds of a row."""

    step: int
    bias_gradients: tuple[Array, ...]
    training_cost: float
    cost: float
    accuracy: float
    layers: dict[str, Array]
    log_bias_gradients: Mapping[int, LogSign] = field(default_factory=dict)  # of the layers beyond float64 alone

    @property
    def finite(self) -> bool:
        """Whether every gradient and both costs are."""
        costs = np.array([self.training_cost, self.cost])
        return all(bool(np.isfinite(n).all()) for n in (costs, *self.bias_gradients))


def record_of(rows: Sequence[Row], settings: dict[str, Any]) -> TrainingRecord:
    """The rows as a record."""
    columns = {name: np.array([getattr(row, name) for row in rows]) for name in COLUMNS}
    names = dict.fromkeys(name for row in rows for name in row.layers)
    layers = {name: np.array([_column(row, name) for row in rows]) for name in names}
    gradients = tuple(row.bias_gradients for row in rows)
    steps = np.array([row.step for row in rows])
    beyond = sorted({layer for row in rows for layer in row.log_bias_gradients})
    logs = {layer: _stacked([_exact(row, layer) for row in rows]) for layer in beyond}
    return TrainingRecord(settings, gradients, **columns, steps=steps, layers=layers, log_bias_gradients=logs)


def _column(row: Row, name: str) -> Array:
    """A column of a row; a row whose norms float64 holds has no logarithms of its own."""
    if name in LOG_COLUMNS and name not in row.layers:
        return np.asarray(LogSign.from_float(row.layers[name.removeprefix("log_")]).log)
    return row.layers[name]


def _exact(row: Row, layer: int) -> LogSign:
    logs = row.log_bias_gradients
    return logs[layer] if layer in logs else LogSign.from_float(row.bias_gradients[layer - 1])


def _stacked(rows: Sequence[LogSign]) -> LogSign:
    return LogSign.of(np.stack([row.sign for row in rows]), np.stack([row.log for row in rows]))


def rows_of_record(record: TrainingRecord) -> list[Row]:
    """The rows that a record was made of."""
    return [
        Row(
            int(record.steps[k]),
            gradients,
            **{name: float(getattr(record, name)[k]) for name in COLUMNS},
            layers={name: column[k] for name, column in record.layers.items()},
            log_bias_gradients=beyond_alone({layer: logs[k] for layer, logs in record.log_bias_gradients.items()}),
        )
        for k, gradients in enumerate(record.bias_gradients)
    ]


def beyond_alone(layers: Mapping[int, LogSign]) -> dict[int, LogSign]:
    """Those of the layers that float64 does not hold."""
    return {layer: logs for layer, logs in layers.items() if beyond(logs.log).any()}


def lost_on_the_way(deltas: Sequence[Array]) -> bool:
    """Whether all of an image's δ of a layer are so small, or one so large, that what comes of them may be lost."""
    sizes = [np.abs(delta).max(axis=1) for delta in deltas]
    return not all(bool(((size > LEAST) & (size < 1 / LEAST)).all()) for size in sizes)


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
        **{f"weight_norm_{o}": np.array([norm(g, n) for g in passed.weight_gradients]) for o, n in ORDERS.items()},
        "activation_mean": np.array([a.mean() for a in passed.a]),
        "activation_spread": np.array([a.std() for a in passed.a]),
        "saturated": np.array([*fractions[0], np.nan]),
        "dead": np.array([*fractions[1], np.nan]),
    }


def exact_norms(weight_gradients: Sequence[LogSign]) -> dict[str, Array]:
    """The weights' norms of gradients of any size, with their logarithms where one leaves float64."""
    norms = {o: [g.norm(n) for g in weight_gradients] for o, n in ORDERS.items()}
    floats = {f"weight_norm_{o}": np.array([one.to_float() for one in each]) for o, each in norms.items()}
    logs = {f"log_weight_norm_{o}": np.array([one.log for one in each]) for o, each in norms.items()}
    return floats | (logs if any(beyond(log).any() for log in logs.values()) else {})


@lru_cache(maxsize=256)
def steepest(activation: Activation) -> float:
    """sup|φ'| over |z| <= 30, of 60,001 points.

    >>> from chainderiv.functions.lookup import neuron
    >>> steepest(neuron("sigmoid")), steepest(neuron("relu"))
    (0.25, 1.0)
    """
    slopes = np.abs(array_functions(activation).derivative(np.linspace(-30.0, 30.0, 60_001)))
    return float(np.nanmax(np.where(np.isfinite(slopes), slopes, np.nan)))
