"""What a diagnosis tells beside its numbers: which output is looked at, which weights are shared, what is not known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chainderiv.models.graph import Graph, Node
from chainderiv.models.layers import Layer
from chainderiv.models.operators.rule import is_float
from chainderiv.models.operators.table import RULES
from chainderiv.models.passes import Gradients, Passed, described
from chainderiv.models.stages import WEIGHT
from chainderiv.wording import counted

MOST_NAMED = 6
# of a weight's dimensions the outputs', where its operator alone tells it
OUTPUTS = {"MatMul": -1, "Gemm": -1, "Conv": 0}


@dataclass(frozen=True)
class KeptBack:
    """Layers behind which nothing passes a gradient on: a step's slope is 0, and what is detached has none.

    layers : what they are called. by : the operator, and what it is called. all_of_them : whether nothing comes back
        to any input, nor to the first layer. on_purpose : whether the model says so itself.
    """

    layers: tuple[str, ...]
    by: str
    all_of_them: bool
    on_purpose: bool

    @property
    def accuses(self) -> bool:
        """Whether the network is blocked by it."""
        return self.all_of_them and not self.on_purpose

    def __str__(self) -> str:
        several = counted(len(self.layers), "layer")
        named = ", ".join(self.layers[:MOST_NAMED]) + (" and more" if len(self.layers) > MOST_NAMED else "")
        why = "which keeps it back on purpose" if self.on_purpose else "whose slope is 0 wherever it has one"
        return f"no gradient passes {self.by}, {why}: it comes to none of {several} before it, {named}"


def kept_back(passed: Passed, gradients: Gradients) -> KeptBack | None:
    """The layers that lead to the output and have no gradient at all; None where each has one, or it is not known."""
    if passed.not_followed or gradients.not_followed:
        return None
    weighted = [node for node in passed.nodes if _has_weight(passed, node)]
    without = [node for node in weighted if node.outputs[0] not in gradients]
    steps = [
        node
        for node in passed.nodes
        if RULES[node.operator].backward is None
        and any(name in gradients for name in node.outputs)
        and any(name in passed.moving and is_float(passed.values[name]) for name in node.inputs if name)
    ]
    if not without or not steps:
        return None
    inputs = any(one.name in gradients for one in passed.graph.inputs)
    return KeptBack(
        tuple(map(described, without)),
        f"{steps[-1].operator} at {described(steps[-1])!r}",
        without[0] is weighted[0] and not inputs,
        all(node.operator == "Detach" for node in steps),
    )


def _has_weight(passed: Passed, node: Node) -> bool:
    if RULES[node.operator].kind != WEIGHT:
        return False
    still = [name for name in node.inputs[:2] if name not in passed.moving]
    return len(still) == 1 and is_float(passed.values[still[0]])


def notes_on_statistics(passed: Passed) -> Iterator[str]:
    """That normalisations by the batch have seen none yet, where they do in evaluation as if they were not there."""
    known = [
        [passed.values[name] for name in node.inputs[3:5]]
        for node in passed.nodes
        if node.operator == "BatchNormalization" and not (passed.training or node.attributes.get("training_mode"))
    ]
    if known and all(np.all(mean == 0) and np.all(variance == 1) for mean, variance in known):
        yield (
            "normalisations by the batch have the mean 0 and the variance 1 that they start with, and change nothing: "
            "before the network has trained, training=True (--training) says how it will begin"
        )


def notes_on(graph: Graph, output: str, layers: Sequence[Layer]) -> Iterator[str]:
    """What is to be known of any network."""
    if len(graph.outputs) > 1:
        yield f"of {len(graph.outputs)} outputs the first of floats, {output!r}, is looked at"
    for weight, count in Counter(one.weight for one in layers).items():
        if count > 1:
            *several, last = (str(one.number) for one in layers if one.weight == weight)
            yield (
                f"{weight!r} is the weight of layers {', '.join(several)} and {last}; of its gradient each has the "
                "part that comes by way of it"
            )


def is_whole(passed: Passed) -> bool:
    """Whether the way forward came to the output."""
    return passed.graph.outputs[0] in passed.values


def notes_on_the_way_forward(passed: Passed, part: Passed | None, targets: bool) -> Iterator[str]:
    """What is to be known where the way forward stops. part : what was looked at. targets : whether any were given.

    Behind what has no value no slope is known, and so no gradient: of the weights there is what random ones of their
    size would do, and no more.
    """
    if part is not None:
        end = part.graph.outputs[0]
        yield (
            f"the gradient was drawn at {end!r}, before what is not followed; how it arrives there is not known, and "
            "sizes are those of layers beside each other alone"
        )
    if targets:
        yield "the targets were left aside: the output has no value to compare them with"
    behind = [(node, name) for node in passed.graph.nodes for name in _weight_without_value(passed, node)]
    if behind:
        named = ", ".join(_of_behind(passed.graph, *one) for one in behind[:MOST_NAMED])
        more = f" and {len(behind) - MOST_NAMED} more" if len(behind) > MOST_NAMED else ""
        yield f"no gradient is known of {counted(len(behind), 'layer')} behind what is not followed: {named}{more}"


def _weight_without_value(passed: Passed, node: Node) -> list[str]:
    """The weight of a node that was not passed; [] of any other."""
    followed = node.operator in RULES and RULES[node.operator].kind == WEIGHT
    if not followed or node.outputs[0] in passed.values:
        return []
    still = [n for n in node.inputs[:2] if n in passed.values and n not in passed.moving and is_float(passed.values[n])]
    return still if len(still) == 1 else []


def _of_behind(graph: Graph, node: Node, weight: str) -> str:
    """A layer and ‖W‖_F/√n_out, where its operator tells n_out."""
    array = graph.constants.get(weight)
    axis = OUTPUTS.get(node.operator)
    if array is None or axis is None or array.ndim < 2 or (axis < 0 and node.inputs[1] != weight):
        return described(node)
    axis = 0 if node.attributes.get("transB") else axis
    return f"{described(node)} (‖W‖/√n_out {np.sqrt(np.sum(np.square(array)) / array.shape[axis]):.3g})"


def notes_on_the_way_back(layers: Sequence[Layer], gradients: Gradients) -> Iterator[str]:
    """What is to be known where the way back stops. layers : those above, by their numbers in the whole."""
    if not gradients.not_followed:
        return
    below = layers[0].number - 1 if layers else 0
    if below:
        told = f"layers 1 to {below} stand" if below > 1 else "layer 1 stands"
        yield f"{told} before what is not followed, and no gradient is known there"
    elif not layers:
        yield "no layer stands between the output and what is not followed"
