"""Measurements: the numbers that were measured while a network trained, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainderiv.errors import BadShape, unknown_name
from chainderiv.kinds import Floats
from chainderiv.logsign import LogSign

ORDERS = {"l1": 1, "l2": 2}
COLUMNS = {
    "training_cost": "mean cost over the measured training images",
    "cost": "mean cost over the validation images",
    "accuracy": "fraction of right answers on the validation images",
}
LAYER_COLUMNS = {
    "weight_norm_l1": "Σ |mean ∂C/∂W_l|, in units of C",
    "weight_norm_l2": "‖mean ∂C/∂W_l‖, in units of C",
    "activation_mean": "mean of a_l over neurons and images",
    "activation_spread": "standard deviation of a_l over neurons and images",
    "saturated": "fraction of neurons and images with |φ'(z_l)| under a twentieth of its supremum",
    "dead": "fraction of neurons that are saturated at every image",
    "update_ratio": "‖ΔW_l‖/‖W_l‖ of the last mini-batch before the measurement; NaN in the first row",
}


@dataclass(frozen=True, eq=False, repr=False)
class Measurements:
    """What was measured, row by row; TrainingRecord says what each column is, and keeps it."""

    settings: dict[str, Any]
    bias_gradients: tuple[tuple[Floats, ...], ...]
    training_cost: Floats
    cost: Floats
    accuracy: Floats
    steps: NDArray[np.int64] = None  # type: ignore[assignment]
    layers: Mapping[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.steps is None:
            object.__setattr__(self, "steps", np.arange(len(self.cost)))
        columns = [self.training_cost, self.cost, self.accuracy, self.steps, *self.layers.values()]
        rows = [len(self.bias_gradients), *map(len, columns)]
        if len(set(rows)) != 1 or not rows[0]:
            raise BadShape(f"gradients, costs and accuracy have {rows} rows; give equally many, at least 1")

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.settings.get("sizes", [len(g) for g in self.bias_gradients[0]])))
        told = f"{len(self.cost)} rows, {self.epochs} epochs, accuracy {self.accuracy[-1]:.4f}"
        return f"{type(self).__name__}({sizes}, {told})"

    @property
    def epoch(self) -> Floats:
        """How far training was at each row, in epochs: whole numbers where it was measured between epochs."""
        return np.asarray(self.steps / self.settings.get("steps_per_epoch", 1))

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return int(self.epoch[-1])

    def norms(self, order: str = "l2") -> Floats:
        """‖mean ∂C/∂b_l‖ of the hidden layers, shape (rows, hidden layers).

        order : 'l2', as Nielsen's program has it, or 'l1', Σ_j |∂C/∂b_j|. Raises UnknownName for another.
        """
        if not isinstance(order, str) or order not in ORDERS:
            raise unknown_name("norm", order, ORDERS)
        # by logarithms: the squares of a vanishing layer would underflow long before its norm does
        hidden = list(zip(*self.bias_gradients, strict=True))[:-1]
        logs = [LogSign.from_float(np.array(rows)).norm(ORDERS[order], axis=1) for rows in hidden]
        return np.array([norm.to_float() for norm in logs], float).reshape(len(logs), len(self.cost)).T

    def layer_norms(self, order: str = "l2") -> Floats:
        """‖mean ∂C/∂W_l‖ of the hidden layers, shape (rows, hidden layers); raises UnknownName as norms does."""
        if not isinstance(order, str) or order not in ORDERS:
            raise unknown_name("norm", order, ORDERS)
        return self.layers[f"weight_norm_{order}"][:, :-1]

    def ratio(self, order: str = "l2") -> Floats:
        """The last hidden layer's norm over the first's, shape (rows,): how much slower it learns.

        NaN without a hidden layer or where both vanish. Raises UnknownName for an order but 'l1' and 'l2'.
        """
        norms = self.norms(order)
        if not norms.shape[1]:
            return np.full(len(norms), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(norms[:, -1] / norms[:, 0])

    def rows(self) -> list[dict[str, Any]]:
        """Each row as a dict of numbers and of lists with an entry per layer; NaN is None, as JSON has it."""
        columns: dict[str, Any] = {name: getattr(self, name) for name in COLUMNS}
        columns |= {"norms_l1": self.norms("l1"), "norms_l2": self.norms("l2"), **self.layers}
        return [
            {"epoch": float(epoch), "step": int(step), **{name: _plain(c[row]) for name, c in columns.items()}}
            for row, (epoch, step) in enumerate(zip(self.epoch, self.steps, strict=True))
        ]


def _plain(value: Any) -> Any:
    numbers = np.asarray(value, float)
    if numbers.ndim:
        return [_plain(v) for v in numbers]
    return None if np.isnan(numbers) else float(numbers)
