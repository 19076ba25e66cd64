"""The cut tensors of a graph: those which every path from its inputs to its output passes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chainderiv.models.graph import Node
from chainderiv.models.operators.rule import is_float
from chainderiv.models.operators.table import RULES
from chainderiv.models.passes import Passed


@dataclass(frozen=True)
class Cut:
    """The part of a graph between two cut tensors: nodes, in order, lead from entry to leave."""

    entry: str
    leave: str
    nodes: tuple[Node, ...]


def cuts(passed: Passed, output: str | None = None, sources: Iterable[str] | None = None) -> list[Cut]:
    """The graph from its inputs to an output, cut where all paths meet.

    A tensor is a cut tensor if no node reads what stands before it and writes what stands behind. A gradient's path
    leads through floats alone: where the inputs are all integers, it begins at the tensors that they look up, or else
    at those that are made of them.

    sources : inputs that paths start from; by default all that are floats.
    """
    output = passed.graph.outputs[0] if output is None else output
    starts = _sources(passed) if sources is None else list(sources)
    nodes = _between(passed, starts, output)
    places = dict.fromkeys(starts, -1)
    for place, node in enumerate(nodes):
        places.update({name: place for name in node.outputs if name})
    return _cut_at(nodes, starts, output, places)


def _sources(passed: Passed) -> list[str]:
    given = [i.name for i in passed.graph.inputs if is_float(passed.values[i.name])]
    if given:
        return given
    made = [node for node in passed.nodes if _makes_floats(passed, node)]
    # where words are looked up, the floats that are made of integers besides are masks
    looked_up = [node for node in made if node.operator == "Gather"]
    return [node.outputs[0] for node in looked_up or made]


def _makes_floats(passed: Passed, node: Node) -> bool:
    """Whether its output is the first of floats that depends on the integers given."""
    moving = [name for name in node.inputs if name in passed.moving]
    return (
        bool(moving)
        and is_float(passed.values[node.outputs[0]])
        and not any(is_float(passed.values[n]) for n in moving)
    )


def _between(passed: Passed, starts: Sequence[str], output: str) -> list[Node]:
    """The nodes on paths from the starts to the output."""
    reached, forwards = set(starts), []
    for node in passed.nodes:
        if any(name in reached for name in node.inputs) and RULES[node.operator].backward is not None:
            made = {name for name in node.outputs if name and is_float(passed.values[name])}
            reached |= made - set(starts)
            if made:
                forwards.append(node)
    needed, backwards = {output}, []
    for node in reversed(forwards):
        if any(name in needed for name in node.outputs):
            needed.update(name for name in node.inputs if name in reached)
            backwards.append(node)
    return backwards[::-1]


def _cut_at(nodes: Sequence[Node], starts: Sequence[str], output: str, places: dict[str, int]) -> list[Cut]:
    last_use = dict.fromkeys(places, -1)
    for place, node in enumerate(nodes):
        last_use.update({name: place for name in node.inputs if name in places})
    found, begun, entry = [], 0, starts[0] if len(starts) == 1 else ""
    open_until = max((last_use[s] for s in starts), default=-1)
    for place, node in enumerate(nodes):
        outs = [name for name in node.outputs if name in places and (last_use[name] > place or name == output)]
        # nothing older is read behind this node, and it hands one tensor on
        if open_until <= place and len(outs) == 1:
            if entry:
                found.append(Cut(entry, outs[0], tuple(nodes[begun : place + 1])))
            begun, entry = place + 1, outs[0]
        open_until = max([open_until, *(last_use[name] for name in outs)])
    return found
