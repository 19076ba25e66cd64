"""diagnose(): where a network's gradient vanishes or explodes, why, and what cures it."""

from __future__ import annotations

import importlib
import math
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import Cost, cost as find_cost
from chainderiv.given import generator, truth
from chainderiv.models.data import drawn_inputs, given_inputs, pull, random_pull
from chainderiv.models.graph import Graph
from chainderiv.models.layers import Layer, layers
from chainderiv.models.passes import NotFollowed, backward, forward
from chainderiv.models.readers.reading import holds_arrays_alone, read
from chainderiv.models.stages import Stage, Stages, stages
from chainderiv.models.verdict import (
    BLOCKED,
    HEALTHY,
    UNKNOWN,
    Expectation,
    exp,
    expectation,
    judge,
    sentence,
    slower,
)
from chainderiv.nn.network import Network
from chainderiv.shown import Shown, Shows
from chainderiv.wording import counted, formatted

HEADER = (
    "layer", "rms δ", "‖mean ∂b‖", "‖∂W‖/‖W‖", "weight part", "predicted", "slope part", "predicted", "√χ₁ (90 of 100)",
    "dead", "flat",
)  # fmt: skip
OF_A_LAYER = (
    "name", "neurons", "log10_norm_delta", "log10_rms_delta", "log10_norm_mean_bias_gradient",
    "log10_norm_weight_gradient", "log10_relative_weight_gradient", "weight_part", "slope_part", "rest",
    "weight_predicted", "slope_predicted", "dead", "flat", "sentence",
)  # fmt: skip
LN_10 = math.log(10)
RANDOM = "a random cotangent"


@dataclass(frozen=True)
class LayerDiagnosis:
    """What a layer does to the gradient.

    number, name, neurons : counted from 1; as the model calls it; how many outputs it has.
    log10_norm_delta : of ‖∂C/∂z‖₂, the root mean square over the examples; -inf where it is exactly 0.
    log10_rms_delta : of the root mean square of ∂C/∂z over examples and neurons; -inf where it is exactly 0.
    log10_norm_mean_bias_gradient : of ‖mean over the examples of ∂C/∂b‖₂, Nielsen's speed of learning.
    log10_norm_weight_gradient, log10_relative_weight_gradient : of ‖∂W‖_F of the mean cost, and of ‖∂W‖/‖W‖.
    weight_part, slope_part : ‖Wᵀδ‖/‖δ‖ and ‖φ'(z) ∂a‖/‖∂a‖; rest: what stands between this layer and the next beside.
    weight_predicted, slope_predicted : ‖W‖_F/√n_out and √mean φ'².
    expected : √χ₁ and its band at this width, None where theory does not know.
    dead, flat : share of neurons whose slope is 0 for all examples, and of slopes below 0.01; None without a neuron.
    sentence : the same in words.

    Examples
    --------
    >>> import chainderiv as cd
    >>> d = cd.diagnose({"1.weight": [[2.0, 0.0]], "1.bias": [0.0]}, inputs=[[0.0, 1.0]], activation="sigmoid")
    >>> round(d.layers[0].weight_part, 12), round(d.layers[0].slope_part, 12), d.layers[0].dead
    (2.0, 0.25, 0.0)
    """

    number: int
    name: str
    neurons: int
    log10_norm_delta: float
    log10_rms_delta: float
    log10_norm_mean_bias_gradient: float
    log10_norm_weight_gradient: float
    log10_relative_weight_gradient: float
    weight_part: float
    slope_part: float
    rest: float
    weight_predicted: float
    slope_predicted: float
    expected: Expectation | None
    dead: float | None
    flat: float | None
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        known = self.expected
        band = {} if known is None else {"sqrt_chi_1": known.sqrt_chi_1, "low": known.low, "high": known.high}
        return {"layer": self.number, **{name: getattr(self, name) for name in OF_A_LAYER}, "expected": band or None}


@dataclass(frozen=True)
class Diagnosis(Shows):
    """What is wrong with a network's gradient, where, and why.

    Attributes
    ----------
    model : its name.
    verdict : "healthy", "vanishing", "exploding", "blocked", "unbalanced" or "unknown".
    culprit : the number of the layer to blame, counted from 1; None where none alone is.
    sentence : the verdict in a sentence.
    slower : how much slower the first hidden layer learns than the last, as Nielsen puts it; None with fewer than two.
    layers : from the input on.
    stages : what stands between the tensors that every path passes; ln_factor of all adds up to the whole.
    total : that sum, the natural logarithm of how the gradient's norm grows on its way back; None where unknown.
    not_followed : operators that the pass does not follow.
    mode : "evaluation" or "training", which says what normalisations by the batch did.
    examples : how many were looked at. data : which, and by which cost.
    notes : what was assumed, a sentence each.
    activation : of the hidden layers, where one is known.

    Examples
    --------
    >>> import chainderiv as cd
    >>> net = cd.Network([20, 30, 30, 30, 10], "relu", init="he")
    >>> net.weights[1] *= 100
    >>> d = cd.diagnose(net)
    >>> d.verdict, d.culprit
    ('unbalanced', 2)
    """

    model: str
    verdict: str
    culprit: int | None
    sentence: str
    slower: str | None
    layers: tuple[LayerDiagnosis, ...]
    stages: tuple[Stage, ...]
    total: float | None
    not_followed: tuple[NotFollowed, ...]
    mode: str
    examples: int
    data: str
    notes: tuple[str, ...]
    activation: Activation | None

    @property
    def headline(self) -> str:
        """The model, the verdict and the layer to blame."""
        return f"{self.model}: {self.verdict}" + ("" if self.culprit is None else f", layer {self.culprit}")

    @property
    def accused(self) -> bool:
        """Whether something is wrong."""
        return self.verdict not in (HEALTHY, UNKNOWN)

    def cure(self, target: str) -> str:
        """Lines to paste for "torch", "keras" or "jax": a start that keeps the gradient.

        Raises
        ------
        UnknownName
            For another target. BadValue where the hidden layers have no neuron that is known.
        """
        from chainderiv.nn.advice import advise

        if self.activation is None:
            raise BadValue(f"{self.model} has no hidden layer with a neuron that is known; there is nothing to advise")
        hidden = self.layers[:-1]
        width = int(sorted(one.neurons for one in hidden)[len(hidden) // 2])
        return advise(self.activation, min(len(hidden), 1000), width).to(target)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as a page (.html), or as the picture of the ladder alone (.png, .svg, .pdf).

        Raises BadValue for another ending, OutputError where the file cannot be written.
        """
        # pages stand above this room: what writes one is looked for when it is asked for
        importlib.import_module("chainderiv.pages.diagnosis_page").write_diagnosis(self, path)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, by the schema in diagnosis.schema.json."""
        names = ("model", "verdict", "culprit", "sentence", "slower", "mode", "examples", "data", "notes", "total")
        return {
            **{name: getattr(self, name) for name in names},
            "activation": None if self.activation is None else self.activation.name,
            "layers": [one.to_dict() for one in self.layers],
            "stages": [_stage_as_dict(one) for one in self.stages],
            "not_followed": [_unfollowed_as_dict(one) for one in self.not_followed],
        }

    def _shown(self) -> Shown:
        before = [self.headline, self.sentence]
        before += [self.slower] if self.slower else []
        before += [f"{self.data}; {self.mode} mode"]
        after = [f"not followed: {one}" for one in self.not_followed] + [f"note: {one}" for one in self.notes]
        return Shown(before, HEADER, [_row(one, self.culprit) for one in self.layers], after)


def _row(one: LayerDiagnosis, culprit: int | None) -> tuple[str, ...]:
    logs = (one.log10_rms_delta, one.log10_norm_mean_bias_gradient, one.log10_relative_weight_gradient)
    neuron = one.dead is not None
    parts = (one.weight_part, one.weight_predicted, *((one.slope_part, one.slope_predicted) if neuron else ()))
    expected = "" if one.expected is None else _of_expectation(one.expected)
    shares = ("" if share is None else f"{share:.0%}" for share in (one.dead, one.flat))
    number = f"{one.number} {'←' if one.number == culprit else ''}".rstrip()
    return (number, *map(_of_log10, logs), *map(_of_part, parts), *[""] * (0 if neuron else 2), expected, *shares)


def _of_expectation(known: Expectation) -> str:
    return f"{known.sqrt_chi_1:.3g} ({known.low:.3g}–{known.high:.3g})"


def _of_part(part: float) -> str:
    return "–" if math.isnan(part) else f"{part:.3g}"


def _of_log10(log: float) -> str:
    return "0" if log == -math.inf else formatted(1.0, log * LN_10, ".3g")


def _stage_as_dict(one: Stage) -> dict[str, Any]:
    names = ("name", "kind", "ln_factor", "ratio", "cosine")
    return {name: getattr(one, name) for name in names}


def _unfollowed_as_dict(one: NotFollowed) -> dict[str, str]:
    return {"operator": one.operator, "name": one.name, "why": one.why}


def diagnose(
    model: Any,
    inputs: Any = None,
    targets: Any = None,
    cost: str | Cost | None = None,
    activation: str | Activation | None = None,
    output: str | Activation | None = None,
    rng: Any = 0,
    *,
    training: bool = False,
) -> Diagnosis:
    """Where a network's gradient vanishes or explodes, and why: ‖δ_l‖ = ‖δ_{l+1}‖ · weight part · slope part · rest.

    One pass forwards and one back in numbers that do not underflow; nothing in the model is executed.

    Parameters
    ----------
    model : path of a .onnx, .keras, .h5, .npz, .safetensors or, where torch is installed, .pt file, or of a run's
        folder; dict of arrays; Network; a module of torch; scikit-learn's MLPClassifier or MLPRegressor;
        onnx.ModelProto.
    inputs : (n, …), or a dict of such by the inputs' names. None: standard normal ones.
    targets : (n,) whole numbers of classes, or (n, outputs). None: a random cotangent ∂C/∂a, standard normal.
    cost : name or Cost; by default log_likelihood of classes (cross_entropy where the network ends in sigmoids, its
        own of a Network) and quadratic of targets.
    activation : of the hidden layers, where the model holds arrays alone. output: of the last one; by default linear
        under log_likelihood, and else the same.
    rng : seed or numpy.random.Generator, of what is random.
    training : whether normalisations take the batch's own statistics; those of a module of torch do if it trains.

    Raises
    ------
    BadValue
        For models that are not read, in one line with the cure. BadShape for data that do not fit, DataError for a
        file that is missing or damaged, CostDomain and UnknownName as Network raises them.

    Nielsen (2015), chapter 5; Schoenholz et al. (2017) for √χ₁; Hanin and Nica (2019) for its scatter.

    Examples
    --------
    >>> import chainderiv as cd
    >>> d = cd.diagnose(cd.Network([784, *[30] * 20, 10]))
    >>> d.verdict, d.culprit, d.layers[0].log10_rms_delta < -12
    ('vanishing', None, True)
    """
    draws, chosen = generator(rng), _cost(model, targets, cost)
    graph = read(model, activation, _output(model, output, chosen, targets), _examples(inputs))
    given = drawn_inputs(graph, draws) if inputs is None else given_inputs(graph, inputs)
    passed = forward(graph, given, truth("training", training))
    graph = replace(graph, notes=(*graph.notes, *passed.notes))
    examples = len(next(iter(given.values()))) if given else 1
    if graph.outputs[0] not in passed.values:
        return _made(graph, (), Stages((), passed.not_followed), training, examples, inputs is not None, None)
    began = random_pull(passed, draws) if targets is None else pull(passed, targets, chosen)
    gradients = backward(passed, began.cotangents)
    found = layers(passed, gradients, examples)
    return _made(graph, found, stages(passed, gradients), training, examples, inputs is not None, began.cost)


def _examples(inputs: Any) -> Any:
    """What a live model may be called with, a list of inputs."""
    return inputs if inputs is None else list(inputs.values()) if isinstance(inputs, Mapping) else [inputs]


def _cost(model: Any, targets: Any, cost: str | Cost | None) -> Cost | None:
    if cost is not None:
        if targets is None:
            raise BadValue("cost is given without targets; give both, or leave cost out")
        return find_cost(cost)
    return model.cost if isinstance(model, Network) and targets is not None else None


def _output(model: Any, output: Any, chosen: Cost | None, targets: Any) -> Any:
    """The last activation of arrays, which state none: linear under log_likelihood, as the softmax is the cost's."""
    if output is not None or targets is None or not holds_arrays_alone(model):
        return output
    softmax = np.asarray(targets).dtype.kind in "iub" if chosen is None else chosen.softmax
    return "identity" if softmax else None


def _made(
    graph: Graph,
    found: tuple[Layer, ...],
    parts: Stages,
    training: bool,
    examples: int,
    given: bool,
    cost: str | None,
) -> Diagnosis:
    """given : whether the inputs were. cost : by its name, None of a random cotangent."""
    not_followed = tuple(dict.fromkeys(parts.not_followed))
    verdict = judge(found, not_followed)
    inputs, pulled = "the inputs given" if given else "standard normal inputs", f"cost {cost}" if cost else RANDOM
    return Diagnosis(
        graph.name,
        verdict.verdict,
        verdict.culprit,
        verdict.sentence,
        None if verdict.verdict in (UNKNOWN, BLOCKED) else slower(found, cost is not None),
        tuple(_told(one, examples) for one in found),
        parts.stages,
        parts.total,
        not_followed,
        "training" if training or any(node.attributes.get("training_mode") for node in graph.nodes) else "evaluation",
        examples,
        f"{counted(examples, 'example')}: {inputs}, {pulled}",
        graph.notes,
        _usual_activation(found),
    )


def _told(one: Layer, examples: int) -> LayerDiagnosis:
    known = expectation(one)
    return LayerDiagnosis(
        number=one.number,
        name=one.name,
        neurons=one.neurons,
        log10_norm_delta=(one.ln_delta - math.log(examples) / 2) / LN_10,
        log10_rms_delta=one.ln_rms_delta / LN_10,
        log10_norm_mean_bias_gradient=one.ln_mean_bias_gradient / LN_10,
        log10_norm_weight_gradient=one.ln_weight_gradient / LN_10,
        log10_relative_weight_gradient=(one.ln_weight_gradient - one.ln_weight) / LN_10,
        weight_part=exp(one.ln_weight_part),
        slope_part=exp(one.ln_slope_part),
        rest=exp(one.ln_rest),
        weight_predicted=exp(one.ln_weight_expected),
        slope_predicted=exp(one.ln_slope_expected),
        expected=known,
        dead=one.dead,
        flat=one.flat,
        sentence=sentence(one, known),
    )


def _usual_activation(found: tuple[Layer, ...]) -> Activation | None:
    """The neuron that most hidden layers have."""
    counted = Counter(one.activation for one in found[:-1] if one.activation is not None)
    return counted.most_common(1)[0][0] if counted else None
