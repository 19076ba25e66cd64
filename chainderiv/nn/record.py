"""TrainingRecord: what was measured while a network trained, on disk and back."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainderiv.errors import BadShape, DataError, unknown_name
from chainderiv.logsign import LogSign
from chainderiv.writing import folder_for_writing, write_whole

Floats = NDArray[np.float64]
ORDERS = {"l1": 1, "l2": 2}

# written in this order: run.json, which says how many rows count, comes last, so that a save cut short
# between two files still reads as the state before it
GRADIENTS, EPOCHS, RUN = "gradients.npz", "epochs.jsonl", "run.json"
COLUMNS = ("training_cost", "cost", "accuracy")

# what reading a missing, cut, altered or foreign file raises
_DAMAGE = (OSError, EOFError, ValueError, LookupError, TypeError, zlib.error, zipfile.BadZipFile)


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """What train() measured: row 0 before training, row k after epoch k.

    Parameters
    ----------
    settings : dict of what JSON holds. The network, the training, the data and the versions.
    bias_gradients : per row, per layer 1 … L: ndarray (n_l,), each neuron's mean of ∂C/∂b_l over the first
        1000 training images (all of them if fewer).
    training_cost : ndarray (epochs + 1,). Mean cost over the same images, without the weight decay's term.
    cost, accuracy : ndarrays (epochs + 1,). On the validation set: mean cost, and fraction in [0, 1] of right
        answers.

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

    def __post_init__(self) -> None:
        rows = [len(self.bias_gradients), *(len(c) for c in (self.training_cost, self.cost, self.accuracy))]
        if len(set(rows)) != 1 or not rows[0]:
            raise BadShape(f"gradients, costs and accuracy have {rows} rows; give equally many, at least 1")

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return len(self.cost) - 1

    def norms(self, order: str = "l2") -> Floats:
        """‖mean ∂C/∂b_l‖ of the hidden layers, shape (epochs + 1, hidden layers).

        order : 'l2', as Nielsen's program has it, or 'l1', Σ_j |∂C/∂b_j|. Raises UnknownName for another.
        """
        if order not in ORDERS:
            raise unknown_name("norm", order, ORDERS)
        # by logarithms: the squares of a vanishing layer would underflow long before its norm does
        logs = [[LogSign.from_float(g).norm(ORDERS[order]) for g in row[:-1]] for row in self.bias_gradients]
        return np.array([[norm.to_float() for norm in row] for row in logs], float).reshape(len(logs), -1)

    def ratio(self, order: str = "l2") -> Floats:
        """The last hidden layer's norm over the first's, shape (epochs + 1,): how much slower it learns.

        NaN without a hidden layer or where both vanish. Raises UnknownName for an order but 'l1' and 'l2'.
        """
        norms = self.norms(order)
        if not norms.shape[1]:
            return np.full(len(norms), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(norms[:, -1] / norms[:, 0])

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write run.json, epochs.jsonl and gradients.npz into folder, made if missing; each whole or not.

        Raises
        ------
        OutputError
            When the folder or a file in it cannot be written.
        """
        target = folder_for_writing(folder)
        write_whole(target / GRADIENTS, _packed(self.bias_gradients))
        write_whole(target / EPOCHS, "".join(f"{json.dumps(row)}\n" for row in self._rows()).encode())
        run = {"settings": self.settings, "last": list(self._rows())[-1]}
        write_whole(target / RUN, (json.dumps(run, indent=2) + "\n").encode())

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> TrainingRecord:
        """The record that save() wrote into folder.

        Raises
        ------
        DataError
            When a file is missing or damaged, or the files are of different runs.
        """
        source = Path(folder)
        try:
            return _read(source)
        except _DAMAGE as e:
            raise DataError(
                f"folder {str(source)!r} holds no whole record ({e}); "
                f"give a folder that TrainingRecord.save wrote: {RUN}, {EPOCHS}, {GRADIENTS}"
            ) from e

    def _rows(self) -> Iterator[dict[str, Any]]:
        l1, l2 = self.norms("l1"), self.norms("l2")
        for epoch in range(len(self.cost)):
            yield {
                "epoch": epoch,
                "training_cost": float(self.training_cost[epoch]),
                "cost": float(self.cost[epoch]),
                "accuracy": float(self.accuracy[epoch]),
                "norms_l1": l1[epoch].tolist(),
                "norms_l2": l2[epoch].tolist(),
            }


def _packed(bias_gradients: tuple[tuple[Floats, ...], ...]) -> bytes:
    """An .npz of one array (epochs + 1, n_l) a layer, layer_1 … layer_L."""
    layers: dict[str, Any] = {
        f"layer_{n}": np.stack(rows) for n, rows in enumerate(zip(*bias_gradients, strict=True), 1)
    }
    packed = io.BytesIO()
    np.savez(packed, **layers)
    return packed.getvalue()


def _read(source: Path) -> TrainingRecord:
    run = json.loads((source / RUN).read_text())
    rows = [json.loads(line) for line in (source / EPOCHS).read_text().splitlines()]
    count = run["last"]["epoch"] + 1
    # through memory: np.load leaves the file open when it is no whole archive
    with np.load(io.BytesIO((source / GRADIENTS).read_bytes()), allow_pickle=False) as arrays:
        layers = [np.asarray(arrays[f"layer_{n}"], float) for n in range(1, len(arrays.files) + 1)]
    gradients = tuple(tuple(layer[row] for layer in layers) for row in range(count))
    columns = (np.array([row[name] for row in rows[:count]], float) for name in COLUMNS)
    record = TrainingRecord(run["settings"], gradients, *columns)
    # norms from the .npz, the rest from the .jsonl: a file of another run shows
    if list(record._rows()) != rows[:count] or rows[count - 1] != run["last"]:
        raise ValueError("the files are of different runs")
    return record
