"""ONNX's operator for a neuron of the catalogue, and one of our own for those that ONNX does not have."""

from __future__ import annotations

from typing import Any

from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron

OWN = "Activation"  # the operator of our own; its attribute `activation` is the Activation itself

# by the catalogue's names, with the numbers that the catalogue's formulas hold; no entry: OWN
OPERATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.01}),
    "prelu": ("LeakyRelu", {"alpha": 0.25}),
    "elu": ("Elu", {"alpha": 1.0}),
    "celu": ("Celu", {"alpha": 1.0}),
    "selu": ("Selu", {}),
    "softplus": ("Softplus", {}),
    "softsign": ("Softsign", {}),
    "gelu": ("Gelu", {"approximate": "none"}),
    "gelu_tanh": ("Gelu", {"approximate": "tanh"}),
    "silu": ("Swish", {"alpha": 1.0}),
    "mish": ("Mish", {}),
    "arctan": ("Atan", {}),
    "hardsigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "hardswish": ("HardSwish", {}),
    "softshrink": ("Shrink", {"bias": 0.5, "lambd": 0.5}),
}


def operator_of(activation: str | Activation) -> tuple[str, dict[str, Any]] | None:
    """The operator and its attributes; None for the identity. Raises UnknownName.

    >>> operator_of("leaky_relu"), operator_of("linear"), operator_of("softmax")
    (('LeakyRelu', {'alpha': 0.01}), None, ('Softmax', {'axis': -1}))
    >>> operator_of("relu2")[0]
    'Activation'
    """
    if activation == "softmax":
        return "Softmax", {"axis": -1}
    found = neuron(activation)
    if found.name == "identity":
        return None
    # an Activation of one's own may have a name of the catalogue's, and another formula
    if found.name in OPERATORS and found == neuron(found.name):
        operator, attributes = OPERATORS[found.name]
        return operator, dict(attributes)
    return OWN, {"activation": found}
