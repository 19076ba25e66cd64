"""Residual stages: a sum of what a skip passes on and what branches make of the same tensor; the gradients of each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from chainderiv.models.cuts import Cut
from chainderiv.models.graph import Node
from chainderiv.models.operators.broadcasting import unbroadcast_scaled
from chainderiv.models.operators.table import RULES
from chainderiv.models.passes import Gradients, Passed, backward_through
from chainderiv.models.scaled import Scaled, plus

_SUMS = ("Add", "Sum")


def weighs(node: Node) -> bool:
    """Whether it is a matrix, a convolution or the like."""
    return RULES[node.operator].kind == "weight"


def summands(cut: Cut) -> tuple[list[str], str] | None:
    """Of a residual stage the summands that its branches make, and the one that its skip does; None elsewhere.

    The ways that lead to them share no node, and a branch holds a weight. The skip is the entry itself where that is a
    summand, or else the way with the fewest weights and nodes.
    """
    terms, sums = _terms(cut)
    ways = {name: leading(cut, name) for name in terms}
    nodes = [id(node) for way in ways.values() for node in way]
    apart = len(set(nodes)) == len(nodes) == len(cut.nodes) - sums and len(ways) == len(terms)
    if not apart or len(terms) < 2 or any(not way and name != cut.entry for name, way in ways.items()):
        return None
    skip, *branches = sorted(ways, key=lambda name: (sum(map(weighs, ways[name])), len(ways[name])))
    return (branches, skip) if any(weighs(node) for name in branches for node in ways[name]) else None


def _terms(cut: Cut) -> tuple[list[str], int]:
    """What the last nodes of a cut add up, and how many they are: x + (f(x) + g(x)) has three terms and two sums."""
    made_by = {name: node for node in cut.nodes for name in node.outputs}
    uses = [name for node in cut.nodes for name in node.inputs]
    terms, sums, left = [], 0, [cut.leave]
    while left:
        name = left.pop()
        node = made_by.get(name)
        inner = name == cut.leave or uses.count(name) == 1
        if (
            node is not None
            and node.operator in _SUMS
            and inner
            and all(n in made_by or n == cut.entry for n in node.inputs)
        ):
            left += node.inputs
            sums += 1
        else:
            terms.append(name)
    return terms, sums


def leading(cut: Cut, name: str) -> tuple[Node, ...]:
    """The nodes of a cut that lead to a tensor."""
    needed, found = {name}, []
    for node in reversed(cut.nodes):
        if any(output in needed for output in node.outputs):
            needed.update(node.inputs)
            found.append(node)
    return tuple(found[::-1])


def parts(passed: Passed, gradients: Gradients, cut: Cut) -> tuple[Scaled, Scaled] | None:
    """What comes back to the entry of a residual stage through its branches, and through its skip."""
    found = summands(cut)
    if found is None:
        return None
    branches, skip = found
    return reduce(plus, _through(passed, gradients, cut, branches)), _through(passed, gradients, cut, [skip])[0]


def _through(passed: Passed, gradients: Gradients, cut: Cut, several: Sequence[str]) -> list[Scaled]:
    """What comes back to the entry by way of each of these summands."""
    entry = passed.values[cut.entry]
    return [
        unbroadcast_scaled(gradients[cut.leave], entry.shape)
        if name == cut.entry
        else backward_through(passed, leading(cut, name), {name: gradients[name]})[cut.entry]
        for name in several
    ]
