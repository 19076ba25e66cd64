"""A TrainingRecord as an xarray.Dataset."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from chainderiv.extras import extra
from chainderiv.records.measurements import COLUMNS, LAYER_COLUMNS, Measurements

MEANINGS = {
    "training_cost": "mean cost over the measured training images",
    "cost": "mean cost over the validation images",
    "accuracy": "fraction of right answers on the validation images",
}


def to_dataset(record: Measurements) -> Any:
    """TrainingRecord.to_xarray."""
    xarray = extra("xarray", "a record as a Dataset")
    variables: dict[str, Any] = {
        name: ("row", getattr(record, name), {"long_name": MEANINGS[name]}) for name in COLUMNS
    }
    for name, values in record.layers.items():
        variables[name] = (("row", "layer"), values, {"long_name": LAYER_COLUMNS[name]})
    for layer, rows in enumerate(zip(*record.bias_gradients, strict=True), 1):
        about = {"long_name": f"mean ∂C/∂b of layer {layer}"}
        variables[f"bias_gradient_{layer}"] = (("row", f"neuron_{layer}"), np.stack(rows), about)
    for order in ("l1", "l2"):
        about = {"long_name": f"{order.upper()} norm of mean ∂C/∂b_l of the hidden layers"}
        variables[f"norms_{order}"] = (("row", "hidden_layer"), record.norms(order), about)
    depth = len(record.bias_gradients[0])
    coordinates = {
        "epoch": ("row", record.epoch),
        "step": ("row", record.steps),
        "layer": np.arange(1, depth + 1),
        "hidden_layer": np.arange(1, depth),
    }
    return xarray.Dataset(variables, coordinates, {"settings": json.dumps(record.settings)})
