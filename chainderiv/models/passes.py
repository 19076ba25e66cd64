"""A graph passed forwards and backwards: the value of every tensor in float64, and the gradient of every one as Scaled.

    passed = forward(graph, {"x": x})              # passed.values[name]: an array; passed.output: the first output's
    gradients = backward(passed, {passed.graph.outputs[0]: cotangent})      # or backward(passed, cotangent)
    gradients["fc1.weight"].ln_norm()              # ln ‖∂C/∂W‖₂, whatever its size
    stages(passed, gradients)                      # in stages.py: where it grows and shrinks

What is not followed: `passed.not_followed` and `gradients.not_followed` name each operator and where it stands; what
needs it has no value, or no gradient, and asking for it is a BadValue.

Both ways are loops over the nodes, thousands of which do no harm. Memory: the values of all tensors and the gradients
of all floats that the output depends on, each once, in float64; at most MOST_BYTES of values, and MOST_OF_ONE for one
tensor.
The way forward is in floats: an activation that underflows is 0 here too. The way back is linear, and each tensor's
gradient has an exponent of its own (Scaled). Network's way back (nn/wide_backward) has one for every entry, since there
single images are asked for; a network of any shape pays for that too dearly, so there are two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainderiv.errors import BadShape, BadValue
from chainderiv.kinds import Array, Floats
from chainderiv.models.graph import Graph, Node
from chainderiv.models.operators.rule import Call, Rule, Unfollowed, is_float
from chainderiv.models.operators.table import RULES
from chainderiv.models.scaled import Scaled, aligned, plus, scaled

MOST_BYTES = 2**31  # that the values of all tensors may take
# what NumPy makes of shapes that do not fit, axes that are none and attributes of another kind
_BAD_NUMBERS = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError)
_UNNAMED = np.empty(0)  # stands for an output that nobody asks for
_OUTSIDE: Mapping[str, str] = {}


@dataclass(frozen=True)
class NotFollowed:
    """An operator that no rule follows, where it stands, and why.

    >>> print(NotFollowed("TopK", "pool/topk", "no rule for it"))
    TopK at 'pool/topk': no rule for it
    """

    operator: str
    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.operator} at {self.name!r}: {self.why}"


@dataclass(frozen=True)
class Passed:
    """A graph with the value of every tensor.

    nodes : those at work, in order: of an If the branch that was taken, and what is not followed left out.
    values : arrays by the tensors' names, constants and inputs included.
    moving : the names of tensors that depend on the inputs' numbers, and not on their shapes alone.
    training : whether normalisations took the batch's statistics.
    """

    graph: Graph
    nodes: tuple[Node, ...]
    values: Mapping[str, Array]
    moving: frozenset[str]
    training: bool
    not_followed: tuple[NotFollowed, ...] = ()

    @property
    def output(self) -> Array:
        """The value of the first output; raises BadValue where an operator before it is not followed."""
        return self.value(self.graph.outputs[0])

    def value(self, name: str) -> Array:
        """The value of a tensor; raises BadValue."""
        if name not in self.values:
            raise BadValue(f"{name!r} of {self.graph.name} has no value{_because(self.not_followed)}")
        return self.values[name]

    @property
    def leaves_floats(self) -> str | None:
        """The node that first makes NaN, or inf if the output has one; None where all is well.

        A mask of -inf is well: it makes exact zeros.
        """
        wrong: Callable[[Array], Any] = np.isnan
        if not any(_has(np.isnan, value) for value in self.values.values()):
            if not _has(np.isinf, self.values.get(self.graph.outputs[0], _UNNAMED)):
                return None
            wrong = np.isinf
        made = (node for node in self.nodes if any(_has(wrong, self.values[name]) for name in node.outputs if name))
        return next(map(described, made), self.graph.inputs[0].name if self.graph.inputs else None)

    def call(self, node: Node, wanted: tuple[bool, ...] = ()) -> Call:
        """What a node's rule is asked with."""
        return Call(
            inputs=tuple(self.values[name] if name else None for name in node.inputs),
            attributes=node.attributes,
            opset=self.graph.opset,
            training=self.training,
            outputs=tuple(self.values[name] if name else _UNNAMED for name in node.outputs),
            wanted=wanted,
            results=len(node.outputs),
        )


def _has(wrong: Callable[[Array], Any], value: Array) -> bool:
    return is_float(value) and bool(np.any(wrong(value)))


def _because(not_followed: Sequence[NotFollowed]) -> str:
    if not not_followed:
        return "; give the name of a tensor that the output needs"
    more = f" and {len(not_followed) - 1} more" if len(not_followed) > 1 else ""
    return f": {not_followed[0]}{more}; give a model without it, or cut it off before"


class Gradients(Mapping[str, Scaled]):
    """∂C/∂t of every tensor by its name; of one that the output does not depend on there is none.

    unknown : names of those which an operator that is not followed stands before: asking for one is a BadValue.
    """

    def __init__(
        self,
        known: Mapping[str, Scaled],
        unknown: frozenset[str] = frozenset(),
        not_followed: Sequence[NotFollowed] = (),
    ) -> None:
        self._known, self.unknown, self.not_followed = dict(known), unknown, tuple(not_followed)

    def __getitem__(self, name: str) -> Scaled:
        if name in self.unknown:
            raise BadValue(f"the gradient of {name!r} is not known{_because(self.not_followed)}")
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def forward(graph: Graph, inputs: Mapping[str, Any], training: bool = False) -> Passed:
    """The value of every tensor of a graph.

    inputs : arrays by the inputs' names, of the shapes that the graph states.
    training : whether normalisations take the batch's own statistics. Dropout lets everything through either way.

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


def until_not_followed(passed: Passed) -> Passed | None:
    """The part before what has no value, as a network whose output is the last tensor of floats that has one.

    A random cotangent there tells the stages of that part, though not how the whole one's gradient arrives at it.
    None where every tensor has a value, or none of floats comes before.

    >>> from chainderiv.models.graph import Graph, Input, Node
    >>> nodes = (Node("Tanh", ("x",), ("a",)), Node("NonMaxSuppression", ("a",), ("y",)))
    >>> passed = forward(Graph(nodes, {}, (Input("x", (1,)),), ("y",)), {"x": [0.0]})
    >>> until_not_followed(passed).graph.outputs
    ('a',)
    """
    left_over = [n for n in passed.graph.nodes if not all(name in passed.values for name in n.outputs if name)]
    ends = {
        name for node in left_over for name in node.inputs if name in passed.moving and is_float(passed.values[name])
    }
    made = [name for node in passed.nodes for name in node.outputs if name in ends]
    if not made:
        return None
    return replace(passed, graph=replace(passed.graph, outputs=(made[-1],)))


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
        moves = rule.kind != "constant" and any(name in self.moving for name in node.inputs)
        for name, value in zip(node.outputs, outputs, strict=False):
            if not name:
                continue
            self.values[name] = value
            self.bytes += value.nbytes if value.base is None else 0
            if moves:
                self.moving.add(name)
            if moves and any(source in self.of_floats for source in node.inputs):
                self.of_floats.add(name)
        if self.bytes > MOST_BYTES:
            raise BadValue(
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


def described(node: Node) -> str:
    """What people know a node by: its name, or else that of its first output."""
    return node.name or next((name for name in node.outputs if name), node.operator)


def _evaluated(node: Node, rule: Rule, call: Call) -> tuple[Array, ...]:
    made = _told(node, lambda: rule.forward(call))
    outputs = tuple(np.asarray(y) for y in (made if isinstance(made, tuple) else (made,)))
    if len(outputs) < len(node.outputs):
        raise BadShape(
            f"{node.operator} at {described(node)!r} makes {len(outputs)} tensors where {len(node.outputs)} are named; "
            "give a model that is whole"
        )
    return outputs


def _told(node: Node, work: Callable[[], Any]) -> Any:
    """What a rule's work gives; an error names the node at which it happened."""
    try:
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            return work()
    except Unfollowed:
        raise
    except (BadValue, BadShape) as e:
        raise type(e)(f"{node.operator} at {described(node)!r}: {e}") from e
    except _BAD_NUMBERS as e:
        told = " ".join(str(e).split()) or type(e).__name__
        raise BadShape(
            f"{node.operator} at {described(node)!r} cannot work on what it is given ({told}); "
            "give inputs of the model's shapes, and a model that is whole"
        ) from e


def backward(passed: Passed, cotangents: Any) -> Gradients:
    """∂C/∂t of every tensor t of floats that the outputs depend on, weights and inputs among them.

    cotangents : ∂C/∂y of the first output, an array or Scaled of its shape, or these by the names of several tensors.

    Raises BadValue where a tensor has no value, BadShape where a cotangent is not of its shape.

    >>> from chainderiv.models.graph import Graph, Input, Node
    >>> nodes = tuple(Node("Sigmoid", (f"t{k}",), (f"t{k + 1}",)) for k in range(900))
    >>> passed = forward(Graph(nodes, {}, (Input("t0", (1,)),), ("t900",)), {"t0": [0.5]})
    >>> print(round(backward(passed, [1.0])["t0"].ln_norm() / np.log(10), 3))
    -583.524
    """
    given = cotangents if isinstance(cotangents, Mapping) else {passed.graph.outputs[0]: cotangents}
    back = _Back(passed, {name: _cotangent(passed, name, value) for name, value in given.items()})
    for node in reversed(passed.nodes):
        back.take(node)
    return Gradients(back.known, frozenset(back.unknown), back.not_followed)


def backward_through(passed: Passed, nodes: Sequence[Node], cotangents: Mapping[str, Scaled]) -> Gradients:
    """The same through these nodes alone, in the order in which they were at work, and to no weights."""
    back = _Back(passed, dict(cotangents), to=passed.moving)
    for node in reversed(nodes):
        back.take(node)
    return Gradients(back.known, frozenset(back.unknown), back.not_followed)


def through_one(passed: Passed, gradients: Gradients, node: Node) -> dict[str, Scaled]:
    """What passes back through one node to each of its inputs.

    Of a tensor that several nodes use it is this one's part of the gradient. So a bias of zeros, which files keep once
    for all the layers that have one, is told apart for each.
    """
    reached = {name: gradients[name] for name in node.outputs if name in gradients}
    back = _Back(passed, dict(reached))
    back.take(node)
    return {name: found for name, found in back.known.items() if name not in reached}


def _cotangent(passed: Passed, name: str, given: Any) -> Scaled:
    value = passed.value(name)
    cotangent = given if isinstance(given, Scaled) else scaled(given)
    if cotangent.shape != value.shape:
        raise BadShape(f"the cotangent of {name!r} has the shape {cotangent.shape}; give one of {value.shape}")
    return cotangent


class _Back:
    """The way back: what has a gradient by now. A node comes when all that use its outputs have been."""

    def __init__(self, passed: Passed, known: dict[str, Scaled], to: frozenset[str] | None = None) -> None:
        self.passed, self.known, self.to = passed, known, to
        self.unknown: set[str] = set()
        self.not_followed: list[NotFollowed] = []

    def take(self, node: Node) -> None:
        """The share of its inputs' gradients that passes through this node."""
        if any(name in self.unknown for name in node.outputs):
            self._forget(node)
            return
        if not any(name in self.known for name in node.outputs):
            return
        rule = RULES[node.operator]
        if rule.backward is None:
            return
        wanted = tuple(map(self._wants, node.inputs))
        if not any(wanted):
            return
        try:
            shares = self._shares(node, rule, wanted)
        except Unfollowed as e:
            self.not_followed.append(NotFollowed(node.operator, described(node), str(e)))
            self._forget(node)
            return
        for name, wants, share in zip(node.inputs, wanted, shares, strict=False):
            if wants and share is not None and name not in self.unknown:
                self.known[name] = plus(self.known[name], share) if name in self.known else share

    def _wants(self, name: str) -> bool:
        return bool(name) and is_float(self.passed.values[name]) and (self.to is None or name in self.to)

    def _shares(self, node: Node, rule: Rule, wanted: tuple[bool, ...]) -> list[Scaled | None]:
        reached = [self.known.get(name) for name in node.outputs]
        arrays, exponent = aligned([g for g in reached if g is not None])
        rest = iter(arrays)
        gradients: list[Floats | None] = [None if g is None else next(rest) for g in reached]
        call, backward_rule = self.passed.call(node, wanted), rule.backward
        assert backward_rule is not None
        found = _told(node, lambda: backward_rule(call, gradients))
        return [_at(share, exponent) for share in found]

    def _forget(self, node: Node) -> None:
        for name in node.inputs:
            if name and is_float(self.passed.values[name]):
                self.known.pop(name, None)
                self.unknown.add(name)


def _at(share: Floats | Scaled | None, exponent: int) -> Scaled | None:
    if share is None:
        return None
    return share.shifted(exponent) if isinstance(share, Scaled) else scaled(share, exponent)
