"""Fully connected layers, one upon the other, as a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.given import shown
from chainderiv.kinds import Floats
from chainderiv.models.graph import Graph
from chainderiv.models.readers.building import Building


@dataclass(frozen=True, eq=False)
class Layer:
    """z = W a + b, W of shape (n_out, n_in), b (n_out,) or None.

    tensors : what W and b are called where they come from; None: weight and bias of the layer.
    """

    name: str
    weight: Floats
    bias: Floats | None = None
    tensors: tuple[str, str] | None = None


def stacked(
    layers: Sequence[Layer],
    hidden: str | Activation,
    last: str | Activation,
    model: str,
    dtype: str = "float32",
    notes: Sequence[str] = (),
    adds: Sequence[bool] = (),
) -> Graph:
    """The graph of such layers: Gemm and slope in turn, under the names of the layers.

    hidden, last : the activation of all but the last layer, and of that one; "softmax" is one for the last.
    adds : per layer, whether its input is added to φ(z), as in a residual Network.

    >>> import numpy as np
    >>> two = [Layer("1", np.ones((3, 2))), Layer("2", np.ones((1, 3)), np.zeros(1))]
    >>> [(n.operator, n.name) for n in stacked(two, "tanh", "identity", "mine").nodes]
    [('Gemm', '1'), ('Tanh', '1'), ('Gemm', '2')]
    """
    if isinstance(hidden, str) and hidden == "softmax":
        raise BadValue(f"activation is {shown(hidden)}, which is one of a last layer; give it as output=")
    building = Building(model, dtype, notes=list(notes))
    a = building.given("x", (None, layers[0].weight.shape[1]))
    for place, layer in enumerate(layers):
        z = building.dense(a, layer.weight, layer.bias, layer.name, layer.tensors)
        out = building.slope(z, last if place == len(layers) - 1 else hidden, layer.name)
        a = building.node("Add", (out, a), layer.name) if place < len(adds) and adds[place] else out
    return building.graph(a)
