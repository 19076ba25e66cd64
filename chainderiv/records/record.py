"""TrainingRecord: what was measured while a network trained."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainderiv.errors import BadShape, unknown_name
from chainderiv.logsign import LogSign

Floats = NDArray[np.float64]
ORDERS = {"l1": 1, "l2": 2}
COLUMNS = ("training_cost", "cost", "accuracy")
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
class TrainingRecord:
    """What train() measured: row 0 before training, row k at its k-th measurement, by default after epoch k.

    Gradients and activations are measured over the first 1000 training images (all of them if fewer).

    Parameters
    ----------
    settings : dict of what JSON holds. The network, the training, the data and the versions.
    bias_gradients : per row, per layer 1 … L: ndarray (n_l,), each neuron's mean of ∂C/∂b_l.
    training_cost : ndarray (rows,). Mean cost over the same images, without the weight decay's term.
    cost, accuracy : ndarrays (rows,). On the validation set: mean cost, and fraction in [0, 1] of right answers.
    steps : ndarray (rows,) of ints. How many mini-batches came before; by default an epoch is one.
    layers : dict of ndarrays (rows, L): what LAYER_COLUMNS lists, layer by layer.

    Raises
    ------
    BadShape
        When the rows are not equally many.

    Examples
    --------
    >>> layers = [np.array([3.0, 4.0]), np.array([6.0, 8.0]), np.array([1.0])]
    >>> record = TrainingRecord({}, (tuple(layers),), np.ones(1), np.ones(1), np.zeros(1))
    >>> record.norms("l2"), record.ratio()
    (array([[ 5., 10.]]), array([2.]))
    """

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
        return f"TrainingRecord({sizes}, {len(self.cost)} rows, {self.epochs} epochs, accuracy {self.accuracy[-1]:.4f})"

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
        if order not in ORDERS:
            raise unknown_name("norm", order, ORDERS)
        # by logarithms: the squares of a vanishing layer would underflow long before its norm does
        hidden = list(zip(*self.bias_gradients, strict=True))[:-1]
        logs = [LogSign.from_float(np.array(rows)).norm(ORDERS[order], axis=1) for rows in hidden]
        return np.array([norm.to_float() for norm in logs], float).reshape(len(logs), len(self.cost)).T

    def layer_norms(self, order: str = "l2") -> Floats:
        """‖mean ∂C/∂W_l‖ of the hidden layers, shape (rows, hidden layers); raises UnknownName as norms does."""
        if order not in ORDERS:
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

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write run.json, epochs.jsonl and gradients.npz into folder, made if missing; each whole or not.

        Raises
        ------
        OutputError
            When the folder or a file in it cannot be written.
        """
        from chainderiv.records.record_files import save

        save(self, folder)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> TrainingRecord:
        """The record that save() wrote into folder.

        Raises
        ------
        DataError
            When a file is missing or damaged, or the files are of different runs.
        """
        from chainderiv.records.record_files import load

        return load(folder)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a table with a line per row and a column per number, such as `norms_l2_1`; raises OutputError.

        `norms_l1_1` and their like are of the hidden layers' ∂C/∂b, `weight_norm_l1_1` of every layer's ∂C/∂W.
        """
        from chainderiv.records.record_files import write_csv

        write_csv(self, path)

    def to_xarray(self) -> Any:
        """The record as an xarray.Dataset over row, layer and each layer's neurons.

        Raises
        ------
        MissingExtra
            Without xarray, which the extra `scale` holds.
        """
        from chainderiv.records.record_dataset import to_dataset

        return to_dataset(self)


def _plain(value: Any) -> Any:
    numbers = np.asarray(value, float)
    if numbers.ndim:
        return [_plain(v) for v in numbers]
    return None if np.isnan(numbers) else float(numbers)
