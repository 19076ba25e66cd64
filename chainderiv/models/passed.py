"""What a pass leaves: the value of every tensor, the gradient of every one, and what was not followed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainderiv.errors import BadShape, BadValue
from chainderiv.kinds import Array
from chainderiv.models.graph import Graph, Node
from chainderiv.models.operators.rule import Call, Unfollowed, is_float
from chainderiv.models.scaled import Scaled

# what NumPy makes of shapes that do not fit, axes that are none and attributes of another kind
_BAD_NUMBERS = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError)
MOST_BYTES = 2**31  # that the values of all tensors may take, and their gradients as much again
DROPS = "dropout lets everything through, as it does on average; what it drops in training is left out"
_UNNAMED = np.empty(0)  # stands for an output that nobody asks for


@dataclass(frozen=True)
class NotFollowed:
    """An operator that no rule follows, where it stands, and why.

    >>> print(NotFollowed("Det", "head/det", "no rule follows it"))
    Det at 'head/det': no rule follows it
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

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed on the way, a sentence each."""
        return (DROPS,) if any(self._drops(node) for node in self.nodes) else ()

    def _drops(self, node: Node) -> bool:
        """Whether a Dropout is at work that training would have drop something."""
        if node.operator != "Dropout":
            return False
        call = self.call(node)
        share, trained = (call.get("ratio", 0.5) if call.input(1) is None else call.need(1)), call.input(2)
        return bool(np.any(share)) and (self.training or bool(trained is not None and np.any(trained)))

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


def owned(made: Array, sources: Iterable[Array]) -> int:
    """The bytes that an array takes: none where it is one of its sources, moved as a whole."""
    return 0 if any(np.may_share_memory(made, source) for source in sources) else made.nbytes


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


def until_not_followed(passed: Passed) -> Passed | None:
    """The part before what has no value, as a network whose output is the last tensor of floats that has one.

    A random cotangent there tells the stages of that part, though not how the whole one's gradient arrives at it.
    None where every tensor has a value, or none of floats comes before.

    >>> from chainderiv.models.forwards import forward
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


def described(node: Node) -> str:
    """What people know a node by: its name, or else that of its first output."""
    return node.name or next((name for name in node.outputs if name), node.operator)


def told(node: Node, work: Callable[[], Any]) -> Any:
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
