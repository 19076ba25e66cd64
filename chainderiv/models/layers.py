"""Layers: the weighted operators of a network, and what each does to the gradient on its way back.

    ‖δ_l‖ = ‖δ_{l+1}‖ · weight part of l+1 · rest · slope part of l

δ_l = ∂C/∂z_l over all examples, z_l what the operator and its bias make. The weight part of a layer is ‖Wᵀδ‖/‖δ‖, its
slope part ‖φ'(z) ∂C/∂a‖/‖∂C/∂a‖, and the rest what stands between two layers beside: nothing in a plain network, where
it is 1 to rounding, a normalisation, pooling or skip elsewhere. All sizes here are natural logarithms.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from chainderiv.functions.activation import Activation
from chainderiv.kinds import Array, Floats
from chainderiv.models.alike import of_gradients, of_slopes
from chainderiv.models.cuts import Cut, cuts
from chainderiv.models.graph import Node
from chainderiv.models.operators.rule import is_float
from chainderiv.models.operators.slopes import activation_of, slope
from chainderiv.models.operators.table import RULES
from chainderiv.models.passes import Gradients, Passed, backward_through, described, through_one
from chainderiv.models.scaled import Scaled, linear, scaled
from chainderiv.models.stages import FACTOR, NORMALISATION, PASSED_BY, SLOPE, WEIGHT, kind_of

PRODUCTS = {"Mul", "Div", "MatMul", "Einsum", "Gemm", "Attention"}  # in which one tensor scales another
FLAT = 0.01  # |φ'(z)| below it is called flat
MOVED = {"Transpose", "Identity"}  # of a weight, which is the same tensor behind them
SPATIAL = {"Conv", "ConvTranspose"}  # their neurons are channels, along the second axis


@dataclass(frozen=True)
class Layer:
    """One weighted operator, its bias and the slope behind it; ln_… are natural logarithms, -inf of an exact 0.

    A part is NaN where no gradient arrives that it could be measured on.

    number : from 1 on, in the order in which they are at work, those counted to which no gradient is followed.
    name : as the file or the program calls it. weight, bias : the tensors' names, None of a layer without a bias.
    operator, shape, neurons : of the weight, and how many outputs it has (channels of a convolution).
    activation : the neuron behind it, None where there is none that has a name or formula here.
    ln_delta : ‖δ‖₂ over all examples and neurons; ln_rms_delta : of the root mean square of its entries.
    ln_mean_bias_gradient : ‖mean over the examples of ∂C/∂b‖₂, Nielsen's speed of learning, also where b is left out.
    ln_weight, ln_weight_gradient : ‖W‖_F, and that of the mean gradient; of a weight that several layers share, the
        part that comes by way of this one.
    ln_weight_part, ln_slope_part, ln_rest : as above; the last layer's rest is that between its slope and the cost, 0.
    ln_weight_expected : ‖W‖_F/√n_out, what W does to a δ that knows nothing of it.
    ln_slope_expected : √mean φ'², what the slopes do to a gradient that knows nothing of them.
    square, unbiased : mean z² before the neuron, and that of z without the layer's bias.
    offset : mean z over its standard deviation, NaN where z is 0 throughout.
    dead, flat : share of neurons whose slope is 0 for all examples, and of slopes below 0.01; None where no neuron
        stands behind.
    fed : whether the layer's input is not 0 throughout. finite : whether all that it makes is.
    cancelled : whether a normalisation by the batch takes the bias off again, whose gradient then is 0.
    freed : whether some slope of a dead layer is not 0 without its bias.
    gate : whether what it makes is multiplied with what comes by another road, as in attention, squeeze-and-excitation
        and gated units: it stands beside the road that the gradient takes, and its slopes may all be 0.
    weight_alike, slope_alike : how alike the examples are, 1 where they are the same, as alike.py has it.
    """

    number: int
    name: str
    operator: str
    shape: tuple[int, ...]
    neurons: int
    activation: Activation | None
    ln_delta: float
    ln_rms_delta: float
    ln_mean_bias_gradient: float
    ln_weight: float
    ln_weight_gradient: float
    ln_weight_part: float
    ln_slope_part: float
    ln_weight_expected: float
    ln_slope_expected: float
    square: float
    dead: float | None
    flat: float | None
    fed: bool
    finite: bool
    cancelled: bool
    offset: float
    weight_alike: float
    slope_alike: float
    weight: str = ""
    bias: str | None = None
    unbiased: float = 0.0
    freed: bool = False
    gate: bool = False
    ln_rest: float = 0.0


@dataclass(frozen=True)
class _Behind:
    """What stands behind z: the neuron's nodes, from before to after, and whether the batch's mean is taken off."""

    nodes: tuple[Node, ...] = ()
    entry: str = ""
    leave: str = ""
    cancelled: bool = False


def layers(passed: Passed, gradients: Gradients, examples: int) -> tuple[Layer, ...]:
    """The layers of which the gradient is known, from the input on. examples : that the cost is a sum over.

    >>> from chainderiv.models.graph import Graph, Input
    >>> from chainderiv.models.passes import backward, forward
    >>> nodes = (Node("MatMul", ("x", "W"), ("z",), name="fc"), Node("Sigmoid", ("z",), ("a",)))
    >>> passed = forward(Graph(nodes, {"W": np.array([[4.0]])}, (Input("x", (1, 1)),), ("a",)), {"x": [[0.0]]})
    >>> (only,) = layers(passed, backward(passed, [[1.0]]), 1)
    >>> only.name, round(math.exp(only.ln_weight_part), 12), round(math.exp(only.ln_slope_part), 12)
    ('fc', 4.0, 0.25)
    """
    look = _Look(passed, gradients, examples)
    found = enumerate(look.weighted(), 1)
    return _with_rests([look.layer(number, *one) for number, one in found if one[0].outputs[0] in gradients])


def _with_rests(found: list[Layer]) -> tuple[Layer, ...]:
    rests = [
        one.ln_delta - above.ln_delta - above.ln_weight_part - one.ln_slope_part
        for one, above in itertools.pairwise(found)
    ]
    return tuple(replace(one, ln_rest=rest) for one, rest in zip(found, [*rests, 0.0], strict=False))


class _Look:
    """A pass, and which node reads which tensor."""

    def __init__(self, passed: Passed, gradients: Gradients, examples: int) -> None:
        self.passed, self.gradients, self.examples = passed, gradients, examples
        self.readers: dict[str, list[Node]] = defaultdict(list)
        self.made_by = {name: node for node in passed.nodes for name in node.outputs}
        for node in passed.nodes:
            for name in {*node.inputs} - {""}:
                self.readers[name].append(node)

    def weighted(self) -> Iterator[tuple[Node, str, str]]:
        """Nodes of a weight before the output, with the tensor that moves and the weight."""
        for node in self.passed.nodes:
            if RULES[node.operator].kind != WEIGHT or not self._reached(node.outputs[0]):
                continue
            moving = [n for n in node.inputs[:2] if n in self.passed.moving]
            still = [n for n in node.inputs[:2] if n not in self.passed.moving]
            if len(moving) == len(still) == 1 and is_float(self.passed.values[still[0]]):
                yield node, moving[0], still[0]

    def _reached(self, name: str) -> bool:
        """Whether a gradient comes to a tensor, be it known or not."""
        return name in self.gradients or name in self.gradients.unknown

    def layer(self, number: int, node: Node, entry: str, weight: str) -> Layer:
        z = self._with_bias(node)
        delta, array = self.gradients[z], self.passed.values[weight]
        axis = _axis_of_neurons(node, self.passed.values[z], weight)
        behind, ln_delta, neurons = self._behind(z), delta.ln_norm(), self.passed.values[z].shape[axis]
        through = self._back((node,), {node.outputs[0]: delta}, entry)
        slopes, bias = self._slopes(behind), self._bias(node, z)
        unbiased = self.passed.values[z] if bias is None else self._without(node, z, bias)
        dead = None if slopes is None else _dead(slopes, axis, neurons)
        activation = self._activation(behind)
        return Layer(
            number=number,
            name=_named(node, self._kept_as(weight)),
            operator=node.operator,
            shape=array.shape,
            neurons=neurons,
            activation=activation,
            ln_delta=ln_delta,
            ln_rms_delta=ln_delta - _half_ln(delta.values.size),
            ln_mean_bias_gradient=-math.inf if behind.cancelled else self._mean(delta, axis),
            ln_weight=_ln(np.sqrt(np.sum(np.square(array)))),
            ln_weight_gradient=self._of_weight(node, weight),
            ln_weight_part=through.ln_norm() - ln_delta if through is not None and ln_delta > -math.inf else math.nan,
            ln_slope_part=self._slope_part(behind),
            ln_weight_expected=_ln_expected(node, array, neurons),
            ln_slope_expected=0.0 if slopes is None else slopes.ln_norm() - _half_ln(slopes.values.size),
            square=_mean_square(self.passed.values[behind.entry or z]),
            dead=dead,
            flat=None if slopes is None else float(np.mean(slopes.ln_abs() < math.log(FLAT))),
            fed=bool(np.any(self.passed.values[entry])),
            finite=bool(np.all(np.isfinite(self.passed.values[z]))),
            cancelled=behind.cancelled,
            offset=_offset(self.passed.values[behind.entry or z]),
            weight_alike=of_gradients(_rows(delta.values, axis, neurons)),
            slope_alike=1.0 if slopes is None else self._slope_alike(behind, slopes, axis, neurons),
            weight=self._kept_as(weight),
            bias=bias,
            unbiased=_mean_square(unbiased),
            freed=dead == 1
            and activation is not None
            and behind.entry == z
            and bool(np.any(slope(activation, unbiased).values)),
            gate=self._is_gate(behind.leave or z),
        )

    def _kept_as(self, weight: str) -> str:
        """What the model keeps a weight as, where that is turned round at work."""
        while (made := self.made_by.get(weight)) is not None and made.operator in MOVED:
            weight = made.inputs[0]
        return weight

    def _bias(self, node: Node, z: str) -> str | None:
        """The tensor that is added to what the weights make, if one is."""
        added = next((n for n in self.readers[node.outputs[0]] if n.outputs[0] == z), None)
        names = [*node.inputs[2:3], *(added.inputs if added is not None else ())]
        still = [name for name in names if name and name not in self.passed.moving]
        return still[-1] if still else None

    def _without(self, node: Node, z: str, bias: str) -> Array:
        """z without the bias."""
        if node.outputs[0] != z:
            return self.passed.values[node.outputs[0]]
        added, value = self.passed.values[bias], self.passed.values[z]
        if node.operator in SPATIAL:
            added = added.reshape(-1, *[1] * (value.ndim - 2))
        return np.asarray(value - node.attributes.get("beta", 1.0) * added)

    def _back(self, nodes: tuple[Node, ...], cotangents: dict[str, Scaled], to: str) -> Scaled | None:
        """What passes back through these nodes to a tensor; None where one of them is not followed."""
        found = backward_through(self.passed, nodes, cotangents)
        return found.get(to)

    def _with_bias(self, node: Node) -> str:
        """The tensor behind the operator and the bias, where that is an Add of its own."""
        z = node.outputs[0]
        readers = self.readers[z]
        if len(readers) != 1 or readers[0].operator != "Add" or readers[0].outputs[0] not in self.gradients:
            return z
        adds_constant = not all(name in self.passed.moving for name in readers[0].inputs)
        return readers[0].outputs[0] if adds_constant else z

    def _behind(self, z: str) -> _Behind:
        """The neuron behind a tensor, past what is no neuron and has no weight."""
        cancelled, at = False, z
        while (cut := self._next(at)) is not None:
            kind = kind_of(self.passed, cut)
            if kind == SLOPE:
                return self._whole(cut, cancelled)
            if kind not in PASSED_BY:
                break
            cancelled = cancelled or (kind == NORMALISATION and at == z and self._takes_mean_off(cut))
            at = cut.leave
        return _Behind(cancelled=cancelled)

    def _next(self, at: str) -> Cut | None:
        """What leads from a tensor to the next that all paths pass."""
        readers = [node for node in self.readers[at] if node.outputs[0] in self.gradients]
        if not readers:
            return None
        if len(readers) == 1:
            return Cut(at, readers[0].outputs[0], (readers[0],))
        further = cuts(self.passed, sources=[at])
        return further[0] if further and further[0].leave in self.gradients else None

    def _is_gate(self, at: str) -> bool:
        """Whether all that comes of a tensor meets what does not come of it in products alone, as a gate does."""
        reached, met = {at}, False
        for node in self.passed.nodes:
            moving = {name for name in node.inputs if name in self.passed.moving}
            if moving & reached and moving <= reached:
                reached.update(node.outputs)
            elif moving & reached and node.operator in PRODUCTS:
                met = True
            elif moving & reached:
                return False
        return met and self.passed.graph.outputs[0] not in reached

    def _whole(self, cut: Cut, cancelled: bool) -> _Behind:
        """With a number that all are multiplied by at its end, as the ½ of a GELU."""
        last = self._next(cut.leave)
        if last is None or len(last.nodes) != 1 or kind_of(self.passed, last) != FACTOR:
            last = Cut(cut.leave, cut.leave, ())
        return _Behind((*cut.nodes, *last.nodes), cut.entry, last.leave, cancelled)

    def _takes_mean_off(self, cut: Cut) -> bool:
        node = cut.nodes[0]
        if len(cut.nodes) > 1 or node.operator not in ("BatchNormalization", "InstanceNormalization"):
            return False
        by_batch = self.passed.training or bool(node.attributes.get("training_mode"))
        return by_batch or node.operator == "InstanceNormalization"

    def _activation(self, behind: _Behind) -> Activation | None:
        if len(behind.nodes) != 1:
            return None
        return activation_of(behind.nodes[0].operator, self.passed.call(behind.nodes[0]))

    def _slopes(self, behind: _Behind) -> Scaled | None:
        """φ'(z) of every entry: what comes back of ones."""
        if not behind.nodes:
            return None
        ones = scaled(np.ones(self.passed.values[behind.leave].shape))
        return self._back(behind.nodes, {behind.leave: ones}, behind.entry)

    def _slope_part(self, behind: _Behind) -> float:
        if not behind.nodes:
            return 0.0
        above = self.gradients[behind.leave]
        below = self._back(behind.nodes, {behind.leave: above}, behind.entry)
        return below.ln_norm() - above.ln_norm() if below is not None and np.any(above.values) else math.nan

    def _slope_alike(self, behind: _Behind, slopes: Scaled, axis: int, neurons: int) -> float:
        return of_slopes(*(_rows(of.values, axis, neurons) for of in (slopes, self.gradients[behind.leave])))

    def _mean(self, delta: Scaled, axis: int) -> float:
        others = tuple(k for k in range(delta.values.ndim) if k != axis % delta.values.ndim)
        return linear(delta, lambda values: values.sum(axis=others)).ln_norm() - math.log(self.examples)

    def _of_weight(self, node: Node, weight: str) -> float:
        if weight not in self.gradients:
            return math.nan
        shared = len(self.readers[weight]) > 1
        found = through_one(self.passed, self.gradients, node) if shared else self.gradients
        return found[weight].ln_norm() - math.log(self.examples)


def _named(node: Node, weight: str) -> str:
    """By its weight where that is called after a layer: exporters call nodes node_linear_3."""
    layer = weight.removesuffix(".weight")
    return layer if layer != weight and layer else described(node)


def _axis_of_neurons(node: Node, z: Array, weight: str) -> int:
    if node.operator in SPATIAL:
        return 1
    return -2 if node.inputs[0] == weight and z.ndim > 1 else -1


def _ln_expected(node: Node, weight: Array, neurons: int) -> float:
    """ln(‖W‖_F/√n_out); where steps between its places are larger than 1, a transposed convolution meets fewer."""
    strides = node.attributes.get("strides") or [1]
    meets = math.prod(int(s) for s in strides) if node.operator == "ConvTranspose" else 1
    size = math.log(abs(node.attributes.get("alpha", 1.0)) or 1.0) if node.operator == "Gemm" else 0.0
    return _ln(np.sqrt(np.sum(np.square(weight)))) + size - _half_ln(neurons * meets)


def _dead(slopes: Scaled, axis: int, neurons: int) -> float:
    return float(np.mean(~_rows(slopes.nonzero, axis, neurons).any(axis=0)))


def _rows(values: Array, axis: int, neurons: int) -> Array:
    """Examples and places by neurons."""
    if axis >= values.ndim or values.shape[axis] != neurons:  # the places were laid side by side before the neuron
        axis = -1
    return np.moveaxis(values, axis, -1).reshape(-1, values.shape[axis])


def _mean_square(z: Floats) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.mean(np.square(z)))


def _offset(z: Floats) -> float:
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return float(np.mean(z) / np.std(z))


def _ln(size: float) -> float:
    return math.log(size) if size > 0 else -math.inf


def _half_ln(count: int) -> float:
    return math.log(count) / 2 if count else 0.0
