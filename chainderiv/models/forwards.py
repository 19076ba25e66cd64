"""The way forward through a graph: node after node, those that have no rule left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainderiv.errors import BadShape, BadValue
from chainderiv.kinds import Array
from chainderiv.models.graph import Graph, Node
from chainderiv.models.operators.rule import Call, Rule, TooLarge, Unfollowed, is_float
from chainderiv.models.operators.table import RULES
from chainderiv.models.passed import MOST_BYTES, NotFollowed, Passed, described, owned, told

_OUTSIDE: Mapping[str, str] = {}


def forward(graph: Graph, inputs: Mapping[str, Any], training: bool = False) -> Passed:
    """The value of every tensor of a graph.

    inputs : arrays by the inputs' names, of the shapes that the graph states.
    training : whether normalisations take the batch's own statistics. Dropout lets everything through either way,
        which is what it does on average; Passed.notes says so where training would have it drop.

    Raises BadValue for inputs that are missing, unknown or too large, BadShape for those that do not fit.

    >>> from chainderiv.models.graph import Graph, Input, Node
    >>> nodes = (Node("MatMul", ("x", "W"), ("z",)), Node("Sigmoid", ("z",), ("a",)))
    >>> g = Graph(nodes, {"W": np.array([[2.0]])}, (Input("x", (None, 1)),), ("a",))
    >>> forward(g, {"x": [[0.0], [-0.5]]}).output.round(6).tolist()
    [[0.5], [0.268941]]
    """
    run = _Run(graph, _given(graph, inputs), training)
    for node in graph.nodes:
        run.take(node)
    return Passed(graph, tuple(run.nodes), run.values, frozenset(run.moving), training, tuple(run.not_followed))


def _given(graph: Graph, inputs: Mapping[str, Any]) -> dict[str, Array]:
    names = {i.name: i for i in graph.inputs}
    for name in [n for n in names if n not in inputs] + [n for n in inputs if n not in names]:
        told = "is missing" if name in names else "is none"
        raise BadValue(f"input {name!r} of {graph.name} {told}; give {', '.join(map(repr, names)) or 'none'}")
    arrays = {name: _numbers(name, inputs[name]) for name in names}
    for name, array in arrays.items():
        shape = names[name].shape
        if len(shape) != array.ndim or any(n is not None and n != m for n, m in zip(shape, array.shape, strict=True)):
            raise BadShape(
                f"input {name!r} has the shape {array.shape}; give one of "
                f"({', '.join('any' if n is None else str(n) for n in shape)})"
            )
    return arrays


def _numbers(name: str, given: Any) -> Array:
    array = np.asarray(given)
    if array.dtype.kind not in "fiub":
        raise BadValue(f"input {name!r} is of the kind {array.dtype}; give floats, integers or bools")
    if array.size == 0 and array.dtype.kind == "f":
        raise BadShape(f"input {name!r} has the shape {array.shape}, and no number; give at least one example")
    return _widened(array)


def _widened(array: Array) -> Array:
    return array.astype(np.float64, copy=False) if array.dtype.kind == "f" else array


class _Run:
    """The way forward: what has a value by now."""

    def __init__(self, graph: Graph, given: Mapping[str, Array], training: bool) -> None:
        self.graph, self.training = graph, training
        self.values: dict[str, Array] = {**{name: _widened(v) for name, v in graph.constants.items()}, **given}
        self.moving = set(given)
        self.of_floats = {name for name, value in given.items() if is_float(value)}
        self.nodes: list[Node] = []
        self.not_followed: list[NotFollowed] = []
        self.bytes = sum(v.nbytes for v in self.values.values())

    def take(self, node: Node, names: Mapping[str, str] = _OUTSIDE) -> None:
        """A node's outputs, where its inputs have values; names : what a branch's tensors are called outside of it."""
        node = _renamed(node, names) if names else node
        if any(name and name not in self.values for name in node.inputs):
            return
        if node.operator == "If":
            self._branch(node, names)
            return
        rule = RULES.get(node.operator)
        if rule is None:
            self._refuse(node, "no rule follows it")
            return
        try:
            outputs = _evaluated(node, rule, self._call(node))
        except Unfollowed as e:
            self._refuse(node, str(e))
            return
        self._keep(node, rule, outputs)

    def _call(self, node: Node) -> Call:
        inputs = tuple(self.values[name] if name else None for name in node.inputs)
        return Call(inputs, node.attributes, self.graph.opset, self.training, results=len(node.outputs))

    def _keep(self, node: Node, rule: Rule, outputs: tuple[Array, ...]) -> None:
        self.nodes.append(node)
        sources = [self.values[name] for name in node.inputs if name]
        moves = rule.kind != "constant" and any(name in self.moving for name in node.inputs)
        for name, value in zip(node.outputs, outputs, strict=False):
            if not name:
                continue
            self.values[name] = value
            self.bytes += owned(value, sources)
            if moves:
                self.moving.add(name)
            if moves and any(source in self.of_floats for source in node.inputs):
                self.of_floats.add(name)
        if self.bytes > MOST_BYTES:
            raise TooLarge(
                f"the tensors of {self.graph.name} take more than {MOST_BYTES // 2**20} MiB at "
                f"{described(node)}; give fewer or smaller examples"
            )

    def _branch(self, node: Node, names: Mapping[str, str]) -> None:
        """An If: the nodes of the branch that its condition takes, if no float that is given can change it."""
        if node.inputs[0] in self.of_floats:
            self._refuse(node, "its condition depends on the data")
            return
        taken = "then_branch" if bool(np.all(self.values[node.inputs[0]])) else "else_branch"
        branch = node.attributes[taken]
        made = (*branch.constants, *(name for below in branch.nodes for name in below.outputs if name))
        inner = {**names, **{name: f"{described(node)}/{name}" for name in made}}
        self.values.update({inner[name]: _widened(value) for name, value in branch.constants.items()})
        for below in branch.nodes:
            self.take(below, inner)
        for name, source in zip(node.outputs, branch.outputs, strict=True):
            self.take(Node("Identity", (inner.get(source, source),), (name,), {}, node.name))

    def _refuse(self, node: Node, why: str) -> None:
        self.not_followed.append(NotFollowed(node.operator, described(node), why))


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    inputs, outputs = (tuple(names.get(n, n) for n in several) for several in (node.inputs, node.outputs))
    return replace(node, inputs=inputs, outputs=outputs)


def _evaluated(node: Node, rule: Rule, call: Call) -> tuple[Array, ...]:
    made = told(node, lambda: rule.forward(call))
    outputs = tuple(np.asarray(y) for y in (made if isinstance(made, tuple) else (made,)))
    if len(outputs) < len(node.outputs):
        raise BadShape(
            f"{node.operator} at {described(node)!r} makes {len(outputs)} tensors where {len(node.outputs)} are named; "
            "give a model that is whole"
        )
    return outputs
