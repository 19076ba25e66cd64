"""What a network is looked at with: inputs and ∂C/∂z of its last layer, those given or, where none are, random ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainderiv.errors import BadShape, BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import Cost, cost as find_cost
from chainderiv.functions.lookup import neuron
from chainderiv.given import floats, shown
from chainderiv.kinds import Array, Floats
from chainderiv.models.graph import Graph, Input, Node
from chainderiv.models.operators.slopes import activation_of
from chainderiv.models.passes import Passed
from chainderiv.models.scaled import Scaled, moved, of_wide, scaled
from chainderiv.nn.output_layer import OutputLayer, output_layer

EXAMPLES, MOST_NUMBERS = 64, 2**16  # that are drawn, and numbers of an input in all
FREE, PLACES = 8, 32  # what stands for a free size: of a sequence, and of a picture's sides
MOST_PLACES = 256
MOVED = {"Cast", "Identity", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Transpose"}  # numbers stay what they are
WORDS = 2  # numbers that an input of integers may be, where nothing tells


def drawn_inputs(
    graph: Graph, rng: np.random.Generator, most: int = EXAMPLES, places: int = PLACES
) -> dict[str, Array]:
    """Standard normal inputs of the shapes that a graph states; integers where it looks them up.

    most : examples at most. places : what stands for a side of a picture that is free.

    >>> graph = Graph((), {}, (Input("x", (None, 3)),), ("x",))
    >>> drawn_inputs(graph, np.random.default_rng(0))["x"].shape
    (64, 3)
    """
    sizes = [int(np.prod(_filled(one.shape, 1, places), dtype=float)) for one in graph.inputs]
    examples = max(1, min(most, MOST_NUMBERS // max([1, *sizes])))
    return {one.name: _drawn(graph, one, _filled(one.shape, examples, places), rng) for one in graph.inputs}


def drawn(graph: Graph) -> str:
    """What drawn_inputs() draws, in words."""
    of_floats = [_is_of_floats(one) for one in graph.inputs]
    normal, whole = "standard normal inputs", "inputs of whole numbers drawn uniformly"
    return normal if all(of_floats) else whole if not any(of_floats) else f"{normal}, and {whole}"


def _is_of_floats(one: Input) -> bool:
    return one.dtype.startswith(("float", "bfloat"))


def has_free_places(graph: Graph) -> bool:
    """Whether an input is pictures of any size."""
    return any(len(one.shape) > 3 and None in one.shape[1:] for one in graph.inputs)


def _filled(shape: tuple[int | None, ...], examples: int, places: int) -> tuple[int, ...]:
    free = places if len(shape) > 3 else FREE
    return tuple((free if k else examples) if n is None else n for k, n in enumerate(shape))


def _drawn(graph: Graph, one: Input, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    if _is_of_floats(one):
        return rng.normal(size=shape)
    return rng.integers(_words(graph, one.name), size=shape).astype(bool if one.dtype == "bool" else np.int64)


def _words(graph: Graph, name: str) -> int:
    """How many there are to look up, where an input is looked up as it comes or moved about."""
    same, tables = {name}, []
    for node in graph.nodes:
        if node.operator in MOVED and same.intersection(node.inputs[:1]):
            same.update(node.outputs)
        elif node.operator == "Gather" and same.intersection(node.inputs[1:2]):
            tables.append(node.inputs[0])
    return min((len(graph.constants[table]) for table in tables if table in graph.constants), default=WORDS)


def given_inputs(graph: Graph, inputs: Any) -> dict[str, Array]:
    """The inputs by their names; BadValue where one array is given for several, BadShape where it does not fit."""
    known = {one.name: one for one in graph.inputs}
    if isinstance(inputs, Mapping):
        return {str(name): _given(str(name), known.get(name), array) for name, array in inputs.items()}
    if len(known) != 1:
        names = ", ".join(map(repr, known))
        raise BadValue(f"inputs is one array and {graph.name} has the inputs {names}; give a dict of arrays by name")
    ((name, one),) = known.items()
    return {name: _given(name, one, inputs)}


def _given(name: str, one: Input | None, given: Any) -> Array:
    """One input as an array of the kind that the graph states; None: one that it does not have, which is told later."""
    what = f"input {name!r}"
    array = floats(what, given)
    if not np.isfinite(array).all():
        raise BadValue(f"{what} holds NaN or inf; give finite numbers")
    if one is None:
        return array
    if one.dtype.startswith(("int", "uint", "bool")):
        array = _whole(what, array).astype(bool if one.dtype == "bool" else np.int64)
    if array.ndim == len(one.shape) - 1:
        raise BadShape(f"{what} has the shape {array.shape}; give examples along a first axis, as of x[None]")
    return array


def _whole(what: str, array: Floats) -> Floats:
    if np.any(array != np.rint(array)):
        bad = float(array[array != np.rint(array)][0])
        raise BadValue(f"{what} holds {shown(bad)}, and the model takes whole numbers there; give such")
    return array


@dataclass(frozen=True)
class Pull:
    """∂C/∂t where the way back begins, by the tensor's name, and how that came about.

    cost : its name, None where the cotangent is random.
    """

    cotangents: Mapping[str, Scaled]
    cost: str | None


def random_pull(passed: Passed, rng: np.random.Generator) -> Pull:
    """A standard normal ∂C/∂output."""
    return Pull({passed.graph.outputs[0]: scaled(rng.normal(size=passed.output.shape))}, None)


def pull(passed: Passed, targets: Any, cost: str | Cost | None) -> Pull:
    """∂C/∂z_L of every example, from targets or the numbers of classes.

    cost : by default log_likelihood of classes, cross_entropy where the network ends in sigmoids, quadratic of targets.
    Where the cost cancels the slope of the last layer, the way back begins before that layer's neuron.

    Raises BadShape for targets that do not fit, CostDomain where outputs can leave what the cost is defined on.
    """
    end = _end(passed)
    z = passed.value(end.tensor)
    if z.ndim < 2:
        raise BadShape(f"the output of {passed.graph.name} has the shape {z.shape}; leave targets out")
    classes = _are_classes(np.asarray(targets), z)
    last = _last_layer(end, cost, classes, passed.graph.name)
    wanted = _targets(targets, z, classes)
    flat = last.wide_delta(z.reshape(-1, z.shape[-1]), wanted.reshape(-1, z.shape[-1]))
    delta = of_wide(flat)
    return Pull({end.tensor: moved(delta, lambda values: values.reshape(z.shape))}, last.cost.name)


@dataclass(frozen=True)
class _End:
    """The tensor before the last neuron, and that neuron: None of softmax, the identity where there is none."""

    tensor: str
    activation: Activation | None


def _end(passed: Passed) -> _End:
    output = passed.graph.outputs[0]
    node = next((node for node in reversed(passed.nodes) if output in node.outputs), None)
    if node is not None and _is_last_softmax(node, passed):
        return _End(node.inputs[0], None)
    found = None if node is None else activation_of(node.operator, passed.call(node))
    if node is None or found is None:
        return _End(output, neuron("identity"))
    return _End(node.inputs[0], found)


def _is_last_softmax(node: Node, passed: Passed) -> bool:
    return node.operator == "Softmax" and node.attributes.get("axis", -1) in (-1, passed.output.ndim - 1)


def _are_classes(targets: Array, z: Floats) -> bool:
    """Whether they are numbers of classes, one for every row of outputs."""
    return targets.dtype.kind in "iub" and targets.shape == z.shape[:-1] and z.shape[-1] > 1


def _last_layer(end: _End, cost: str | Cost | None, classes: bool, model: str) -> OutputLayer:
    if cost is None:
        named = "cross_entropy" if end.activation == neuron("sigmoid") else "log_likelihood" if classes else "quadratic"
        cost = "log_likelihood" if end.activation is None else named
    chosen = find_cost(cost)
    linear = end.activation is not None and end.activation == neuron("identity")
    if chosen.softmax and end.activation is not None and not linear:
        raise BadValue(
            f"cost is {chosen.name!r} and {model} ends in {end.activation.name}; give cross_entropy or quadratic, or "
            "output='identity' where the model holds arrays alone"
        )
    softmax = end.activation is None or (linear and chosen.softmax)
    return output_layer("softmax" if softmax else end.activation, chosen, neuron("identity"))


def _targets(targets: Any, z: Floats, classes: bool) -> Floats:
    if classes:
        labels, most = np.asarray(targets).astype(np.int64), z.shape[-1] - 1
        if labels.size and not 0 <= labels.min() <= labels.max() <= most:
            bad = labels.min() if labels.min() < 0 else labels.max()
            raise BadShape(f"targets have the label {bad}; give labels from 0 to {most}")
        return np.asarray(np.eye(most + 1)[labels])
    read = floats("targets", targets)
    if read.shape == z.shape[:-1] and z.shape[-1] == 1:
        read = read[..., None]
    if read.shape != z.shape:
        raise BadShape(f"targets have the shape {read.shape}; give {z.shape}, or whole numbers of shape {z.shape[:-1]}")
    if not np.isfinite(read).all():
        raise BadValue(f"targets hold {shown(float(read[~np.isfinite(read)][0]))}; give finite numbers")
    return read
