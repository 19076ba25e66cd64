"""TrainingRecord: what was measured while a network trained, on disk and back."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from chainderiv.extras import extra
from chainderiv.records.long_form import to_frame
from chainderiv.records.measurements import COLUMNS, LAYER_COLUMNS, LOG_COLUMNS, Measurements
from chainderiv.records.record_files import read, write, write_csv


class TrainingRecord(Measurements):
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
    log_bias_gradients : dict of LogSign (rows, n_l) by l: the gradients of layers that leave float64, where the floats
        of bias_gradients are 0 or inf.

    Raises
    ------
    BadShape
        When the rows are not equally many.

    Examples
    --------
    >>> import numpy as np
    >>> layers = [np.array([3.0, 4.0]), np.array([6.0, 8.0]), np.array([1.0])]
    >>> record = TrainingRecord({}, (tuple(layers),), np.ones(1), np.ones(1), np.zeros(1))
    >>> record.norms("l2"), record.ratio()
    (array([[ 5., 10.]]), array([2.]))
    """

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write run.json, epochs.jsonl and gradients.npz into folder, made if missing; each whole or not.

        Raises
        ------
        OutputError
            When the folder or a file in it cannot be written.
        """
        write(self, folder)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> TrainingRecord:
        """The record that save() wrote into folder.

        Raises
        ------
        DataError
            When a file is missing or damaged, or the files are of different runs.
        """
        return read(cls, folder)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a table with a line per row and a column per number, such as `norms_l2_1`; raises OutputError.

        `norms_l1_1` and their like are of the hidden layers' ∂C/∂b, `weight_norm_l1_1` of every layer's ∂C/∂W.
        """
        write_csv(self, path)

    def to_pandas(self) -> Any:
        """The record as a pandas.DataFrame in long form, one row per measurement and layer (extra `scale`).

        Its columns are epoch, step, layer, the costs and the accuracy of the network, norm_l1 and norm_l2 of the
        layer's mean ∂C/∂b with their natural logarithms, and what `layers` holds. Raises MissingExtra.

        Examples
        --------
        >>> import numpy as np
        >>> gradients = ((np.array([3.0, 4.0]), np.array([6.0, 8.0]), np.array([1.0])),)
        >>> frame = TrainingRecord({}, gradients, np.ones(1), np.ones(1), np.zeros(1)).to_pandas()
        >>> frame.set_index("layer").norm_l2.round(9).to_dict()
        {1: 5.0, 2: 10.0, 3: 1.0}
        """
        return to_frame(self)

    def to_xarray(self) -> Any:
        """The record as an xarray.Dataset over row, layer and each layer's neurons.

        Raises
        ------
        MissingExtra
            Without xarray, which the extra `scale` holds.
        """
        xarray = extra("xarray", "a record as a Dataset")
        variables: dict[str, Any] = {
            name: ("row", getattr(self, name), {"long_name": meaning}) for name, meaning in COLUMNS.items()
        }
        for name, values in self.layers.items():
            variables[name] = (("row", "layer"), values, {"long_name": (LAYER_COLUMNS | LOG_COLUMNS)[name]})
        for layer, rows in enumerate(zip(*self.bias_gradients, strict=True), 1):
            about = {"long_name": f"mean ∂C/∂b of layer {layer}"}
            variables[f"bias_gradient_{layer}"] = (("row", f"neuron_{layer}"), np.stack(rows), about)
        for name, values in self.norm_columns().items():
            of = "natural logarithm of the " if name.startswith("log_") else ""
            about = {"long_name": f"{of}{name[-2:].upper()} norm of mean ∂C/∂b_l of the hidden layers"}
            variables[name] = (("row", "hidden_layer"), values, about)
        depth = len(self.bias_gradients[0])
        coordinates = {
            "epoch": ("row", self.epoch),
            "step": ("row", self.steps),
            "layer": np.arange(1, depth + 1),
            "hidden_layer": np.arange(1, depth),
        }
        return xarray.Dataset(variables, coordinates, {"settings": json.dumps(self.settings)})
