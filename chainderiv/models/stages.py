"""Stages: what stands between two cut tensors of a network, and how much the gradient grows or shrinks there.

ln ‖∂C/∂t‖ telescopes over them: the sum of all ln_factor is ln ‖∂C/∂first‖ − ln ‖∂C/∂last‖, whatever the network.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chainderiv.models.cuts import Cut, cuts
from chainderiv.models.graph import Node
from chainderiv.models.operators.rule import is_float
from chainderiv.models.operators.table import RULES
from chainderiv.models.passes import Gradients, NotFollowed, Passed, described
from chainderiv.models.residuals import parts, summands, weighs
from chainderiv.models.scaled import cosine

WEIGHT, SLOPE, NORMALISATION, POOLING = "weight", "slope", "normalisation", "pooling"
RESIDUAL, ATTENTION, BLOCK, SOFTMAX, SHIFT = "residual", "attention", "block", "softmax", "shift"
_MEASURES = {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceL1", "ReduceL2", "ReduceSumSquare"}  # of a normalisation
_LARGEST = 700.0  # a logarithm whose exponential float64 still holds
_CENTRING, _SCALE = "centring", "scale"  # the first and the last part of a normalisation in several operators
FACTOR = "factor"  # one number for all, as the ½ at the end of a GELU
_STILL = {"shape", "shift", FACTOR}  # they are no stage of their own, and belong to what stands before them
PASSED_BY = {"shape", "shift", FACTOR, _CENTRING, _SCALE, NORMALISATION, POOLING}  # between a weight and its neuron
_ALONE = {"shape": SHIFT, _CENTRING: NORMALISATION, _SCALE: WEIGHT, FACTOR: WEIGHT}


@dataclass(frozen=True)
class Stage:
    """What leads from one cut tensor, entry, to the next, leave.

    kind : weight, slope, normalisation, residual, pooling, softmax, attention, block; shift where it is a bias alone.
    name : of its first node with a weight, one that has a name if any does, or else of its last node.
    nodes : in order. ln_entry, ln_leave : ln ‖∂C/∂t‖₂ of both tensors, -inf where it is exactly 0.
    ratio, cosine : of a residual stage the gradient that comes back through the branch (or branches) to the one that
        the skip passes on, ‖branch‖/‖skip‖, and the cosine between them; None elsewhere.
    """

    name: str
    kind: str
    entry: str
    leave: str
    nodes: tuple[Node, ...]
    ln_entry: float
    ln_leave: float
    ratio: float | None = None
    cosine: float | None = None

    @property
    def ln_factor(self) -> float:
        """ln(‖∂C/∂entry‖ / ‖∂C/∂leave‖): > 0 where the gradient grows on its way back; NaN of two zeros."""
        return self.ln_entry - self.ln_leave if self.ln_leave > -math.inf or self.ln_entry > -math.inf else math.nan


@dataclass(frozen=True)
class Stages:
    """The stages from the input on, of those the gradient of both ends is known.

    not_followed : operators that the gradient does not pass; stages below them are left out, and there is no total.
    """

    stages: tuple[Stage, ...]
    not_followed: tuple[NotFollowed, ...] = ()

    @property
    def total(self) -> float | None:
        """Σ ln_factor, the logarithm of how much the gradient grows from the last tensor to the first."""
        return None if self.not_followed else math.fsum(s.ln_factor for s in self.stages)


def stages(passed: Passed, gradients: Gradients, sources: Iterable[str] | None = None) -> Stages:
    """The stages of a network between its input and its first output.

    A bias, a number that all are multiplied by and what only moves numbers belong to the stage before them.
    sources : the inputs from which paths count; by default all that are floats.

    >>> from chainderiv.models.graph import Graph, Input
    >>> from chainderiv.models.passes import backward, forward
    >>> import numpy as np
    >>> weights = {"W": np.array([[4.0]])}
    >>> nodes = (Node("MatMul", ("x", "W"), ("z",), name="fc"), Node("Sigmoid", ("z",), ("a",)))
    >>> passed = forward(Graph(nodes, weights, (Input("x", (1, 1)),), ("a",)), {"x": [[0.0]]})
    >>> found = stages(passed, backward(passed, [[1.0]]))
    >>> [(s.kind, s.name, round(s.ln_factor, 6)) for s in found.stages], abs(found.total) < 1e-15
    ([('weight', 'fc', 1.386294), ('slope', 'a', -1.386294)], True)
    """
    gathered = _gathered(passed, cuts(passed, sources=sources))
    known = [part for part in gathered if part.cut.entry in gradients and part.cut.leave in gradients]
    not_followed = (*passed.not_followed, *gradients.not_followed)
    return Stages(tuple(_stage(passed, gradients, part) for part in known), not_followed)


@dataclass(frozen=True)
class _Part:
    """A cut and what it is; core : the part of it that is so, without biases and shapes beside."""

    cut: Cut
    kind: str
    core: Cut


def _gathered(passed: Passed, several: Sequence[Cut]) -> list[_Part]:
    """The cuts with what they are, a bias joined with what stands before it, or else behind."""
    found: list[_Part] = []
    for cut in several:
        part = _Part(cut, kind_of(passed, cut), cut)
        if found and _belong_together(found[-1].kind, part.kind):
            before = found.pop()
            joined = Cut(before.cut.entry, cut.leave, (*before.cut.nodes, *cut.nodes))
            told = part if before.kind in (*_STILL, _CENTRING) else before
            part = _Part(joined, told.kind, told.core)
        found.append(part)
    return [replace(part, kind=_ALONE.get(part.kind, part.kind)) for part in found]


def _belong_together(before: str, kind: str) -> bool:
    """Whether two parts are one stage: a bias or shape beside anything, and what makes up a normalisation."""
    pair = (before, kind)
    return kind in _STILL or before in _STILL or pair in ((NORMALISATION, _SCALE), (_CENTRING, NORMALISATION))


def kind_of(passed: Passed, cut: Cut) -> str:
    """What a part of a graph between two cut tensors is."""
    if len(cut.nodes) == 1:
        return _kind_of_one(passed, cut.nodes[0], cut.entry)
    kinds = [RULES[node.operator].kind for node in cut.nodes]
    operators = {node.operator for node in cut.nodes}
    if summands(cut) is not None:
        return RESIDUAL
    if ATTENTION in kinds:
        return ATTENTION
    if SOFTMAX in kinds and sum(_both_move(passed, n) for n in cut.nodes if n.operator in ("MatMul", "Einsum")) >= 2:
        return ATTENTION
    if WEIGHT not in kinds and operators & _MEASURES:
        return _CENTRING if operators <= {"ReduceMean", "ReduceMax", "Sub"} else NORMALISATION
    if all(_by_entry(passed, node) for node in cut.nodes):
        return SLOPE
    if set(kinds) <= {"shape", "join"}:
        return "shape"
    return BLOCK


def _kind_of_one(passed: Passed, node: Node, entry: str) -> str:
    kind = RULES[node.operator].kind
    if kind == "sum":
        return "shift"
    if kind == "product":
        sizes = [passed.values[name].size for name in node.inputs if name != entry]
        return SLOPE if not sizes else FACTOR if sizes == [1] else _SCALE
    return {"choice": SLOPE, "join": "shape", "reduction": POOLING}.get(kind, kind)


def _both_move(passed: Passed, node: Node) -> bool:
    return all(name in passed.moving for name in node.inputs[:2])


def _by_entry(passed: Passed, node: Node) -> bool:
    """Whether each number of the output depends on one of the input, and on no place: a neuron or a part of one."""
    if RULES[node.operator].kind not in {"slope", "sum", "product", "choice", "shape"} or len(node.outputs) != 1:
        return False
    fixed = [passed.values[n].size for n in node.inputs if n and n not in passed.moving and is_float(passed.values[n])]
    shape = passed.values[node.outputs[0]].shape
    moving = [passed.values[n].shape for n in node.inputs if n in passed.moving and is_float(passed.values[n])]
    return all(size == 1 for size in fixed) and all(s == shape for s in moving)


def _stage(passed: Passed, gradients: Gradients, part: _Part) -> Stage:
    cut = part.cut
    named = min(filter(weighs, cut.nodes), key=lambda node: not node.name, default=part.core.nodes[-1])
    ends = gradients[cut.entry].ln_norm(), gradients[cut.leave].ln_norm()
    made = Stage(described(named), part.kind, cut.entry, cut.leave, cut.nodes, *ends)
    both = parts(passed, gradients, part.core) if part.kind == RESIDUAL else None
    if both is None:
        return made
    branch, skip = both
    ratio = branch.ln_norm() - skip.ln_norm()
    return replace(made, ratio=math.exp(min(ratio, _LARGEST)), cosine=cosine(branch, skip))
