"""The way back through a graph that was passed forwards: a loop over its nodes, the last one first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from chainderiv.errors import BadShape
from chainderiv.kinds import Floats
from chainderiv.models.graph import Node
from chainderiv.models.operators.rule import Rule, TooLarge, Unfollowed, is_float
from chainderiv.models.operators.table import RULES
from chainderiv.models.passed import MOST_BYTES, Gradients, NotFollowed, Passed, described, owned, told
from chainderiv.models.scaled import Scaled, bands, levels, plus, scaled


def backward(passed: Passed, cotangents: Any) -> Gradients:
    """∂C/∂t of every tensor t of floats that the outputs depend on, weights and inputs among them.

    cotangents : ∂C/∂y of the first output, an array or Scaled of its shape, or these by the names of several tensors.

    Raises BadValue where a tensor has no value and where all gradients take more than MOST_BYTES, BadShape where a
    cotangent is not of its shape.

    >>> import numpy as np
    >>> from chainderiv.models.forwards import forward
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
        self.bytes = sum(_taken(gradient, ()) for gradient in known.values())

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
                self._keep(node, name, share)

    def _keep(self, node: Node, name: str, share: Scaled) -> None:
        before, came_from = self.known.get(name), [self.known[n].values for n in node.outputs if n in self.known]
        self.known[name] = share if before is None else plus(before, share)
        self.bytes += _taken(self.known[name], came_from) - (0 if before is None else _taken(before, ()))
        if self.bytes > MOST_BYTES:
            raise TooLarge(
                f"the gradients of {self.passed.graph.name} take more than {MOST_BYTES // 2**20} MiB at "
                f"{described(node)}; give fewer or smaller examples"
            )

    def _wants(self, name: str) -> bool:
        return bool(name) and is_float(self.passed.values[name]) and (self.to is None or name in self.to)

    def _shares(self, node: Node, rule: Rule, wanted: tuple[bool, ...]) -> list[Scaled | None]:
        reached = [self.known.get(name) for name in node.outputs]
        call, backward_rule = self.passed.call(node, wanted), rule.backward
        assert backward_rule is not None
        total: list[Scaled | None] = []
        for arrays, exponent in levels([g for g in reached if g is not None]):
            rest = iter(arrays)
            gradients: list[Floats | None] = [None if g is None else next(rest) for g in reached]
            found = told(node, partial(backward_rule, call, gradients))
            shares = [_at(share, exponent) for share in found]
            total = [_sum(p, q) for p, q in zip(total, shares, strict=True)] if total else shares
        return total

    def _forget(self, node: Node) -> None:
        for name in node.inputs:
            if name and is_float(self.passed.values[name]):
                self.known.pop(name, None)
                self.unknown.add(name)


def _taken(gradient: Scaled, came_from: Sequence[Floats]) -> int:
    """The bytes that it takes beside what it came from."""
    return sum(owned(band.values, came_from) for band in bands(gradient))


def _sum(p: Scaled | None, q: Scaled | None) -> Scaled | None:
    return q if p is None else p if q is None else plus(p, q)


def _at(share: Floats | Scaled | None, exponent: int) -> Scaled | None:
    if share is None:
        return None
    return share.shifted(exponent) if isinstance(share, Scaled) else scaled(share, exponent)
