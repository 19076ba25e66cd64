"""Keras' activations, by its names and with its numbers, as ONNX's operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.functions.lookup import named
from chainderiv.given import shown
from chainderiv.models.readers.neurons import operator_of

# those that Keras states with other numbers than the catalogue, or that are none of a neuron alone
OWN: dict[str, tuple[str, dict[str, Any]] | None] = {
    "linear": None,
    "softmax": ("Softmax", {"axis": -1}),
    "log_softmax": ("LogSoftmax", {"axis": -1}),
    "exponential": ("Exp", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
}
HARD_SIGMOID_OF_KERAS_2 = ("HardSigmoid", {"alpha": 0.2, "beta": 0.5})
SAME = {
    "relu", "sigmoid", "tanh", "softplus", "softsign", "selu", "elu", "relu6", "silu", "swish", "gelu", "mish", "celu",
    "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "soft_shrink", "squareplus", "tanh_shrink", "log_sigmoid",
}  # fmt: skip


def activation_of(told: Any, version: str, model: str, where: str) -> tuple[str, dict[str, Any]] | None:
    """The operator of an activation as a configuration tells it; None for the identity. Raises BadValue.

    >>> activation_of("leaky_relu", "3.1", "m.keras", "dense")
    ('LeakyRelu', {'alpha': 0.2})
    >>> activation_of("hard_sigmoid", "2.9", "m.h5", "dense")
    ('HardSigmoid', {'alpha': 0.2, 'beta': 0.5})
    """
    name = _name(told)
    if name in OWN:
        return OWN[name]
    if name == "hard_sigmoid" and version.startswith("2"):
        return HARD_SIGMOID_OF_KERAS_2
    if name not in SAME or named(name) is None:
        raise BadValue(
            f"{model} has the activation {shown(told)} at {shown(where)}, which is none of Keras' that is followed; "
            "export the model to .onnx"
        )
    return operator_of(name)


def _name(told: Any) -> Any:
    if told is None:
        return "linear"
    if isinstance(told, Mapping):  # a function of Keras, by its name
        inner = told.get("config")
        return inner if isinstance(inner, str) else told.get("class_name")
    return told if isinstance(told, str) else None
