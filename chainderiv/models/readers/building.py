"""Building: a graph that grows node by node, with names of tensors that are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chainderiv.functions.activation import Activation
from chainderiv.kinds import Array
from chainderiv.models.graph import Graph, Input, Node
from chainderiv.models.readers.neurons import operator_of

BUILT = 24  # the opset of what is built here: RMSNormalization came with 23, Swish with 24


@dataclass
class Building:
    """A graph that is being built; every method gives the name of the tensor that it makes.

    >>> import numpy as np
    >>> b = Building("mine")
    >>> z = b.dense(b.given("x", (None, 3)), np.ones((2, 3)), np.zeros(2), "first")
    >>> [node.operator for node in b.graph(b.slope(z, "tanh", "first")).nodes]
    ['Gemm', 'Tanh']
    """

    name: str
    dtype: str = "float32"
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    inputs: list[Input] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def fresh(self, wanted: str) -> str:
        """The name wanted, or with a number behind it where a tensor has it already."""
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}_{number}", number + 1
        self.taken.add(name)
        return name

    def given(self, name: str, shape: Sequence[int | None]) -> str:
        """An input."""
        self.inputs.append(Input(self.fresh(name), tuple(shape), self.dtype))
        return self.inputs[-1].name

    def constant(self, name: str, array: Array) -> str:
        """A constant."""
        named = self.fresh(name)
        self.constants[named] = array
        return named

    def node(self, operator: str, inputs: Sequence[str], name: str = "", unused: int = 0, **attributes: Any) -> str:
        """A node and its first output; unused: how many more the operator has."""
        outputs = [self.fresh(f"{name or operator}:{operator}") for _ in range(1 + unused)]
        self.nodes.append(Node(operator, tuple(inputs), tuple(outputs), attributes, name))
        return outputs[0]

    def dense(
        self, x: str, weight: Array, bias: Array | None, name: str, tensors: tuple[str, str] | None = None
    ) -> str:
        """z = W x + b of a weight (n_out, n_in); tensors: what W and b are called, if not by the layer's name."""
        of_weight, of_bias = tensors or (f"{name}.weight", f"{name}.bias")
        parameters = [self.constant(of_weight, weight)]
        if bias is not None:
            parameters.append(self.constant(of_bias, bias))
        return self.node("Gemm", (x, *parameters), name, transB=1)

    def slope(self, x: str, activation: str | Activation, name: str) -> str:
        """φ(x), x itself of the identity; 'softmax' is that of the last axis."""
        made = operator_of(activation)
        return x if made is None else self.node(made[0], (x,), name, **made[1])

    def graph(self, *outputs: str, opset: int = BUILT) -> Graph:
        """The whole."""
        return Graph(
            tuple(self.nodes), self.constants, tuple(self.inputs), outputs, self.name, opset, tuple(self.notes)
        )
