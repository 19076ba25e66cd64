"""diagnose(): a pass forwards and one back through a model, and what they say of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainderiv.errors import BadShape, BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import Cost, cost as find_cost
from chainderiv.given import generator, truth
from chainderiv.kinds import Array
from chainderiv.models.cures import Start, cure_of
from chainderiv.models.data import (
    EXAMPLES,
    MOST_PLACES,
    PLACES,
    drawn,
    drawn_inputs,
    given_inputs,
    has_free_places,
    pull,
    random_pull,
)
from chainderiv.models.diagnosis import Diagnosis
from chainderiv.models.graph import Graph, leading_to
from chainderiv.models.layer_diagnosis import layer_diagnosis
from chainderiv.models.layers import Layer, layers
from chainderiv.models.operators.rule import TooLarge, is_float
from chainderiv.models.outliers import times
from chainderiv.models.partly import (
    KeptBack,
    is_whole,
    kept_back,
    notes_on,
    notes_on_statistics,
    notes_on_the_way_back,
    notes_on_the_way_forward,
)
from chainderiv.models.passes import NotFollowed, Passed, backward, forward, until_not_followed
from chainderiv.models.readers.reading import holds_arrays_alone, read
from chainderiv.models.stages import Stages, stages
from chainderiv.models.verdict import BLOCKED, EXPLODING, UNKNOWN, VANISHING, Verdict, judge, slower
from chainderiv.nn.network import Network
from chainderiv.wording import counted

RANDOM = "a random cotangent"
DEEPEST = 1000  # hidden layers that advise() takes


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
    trains = truth("training", training)
    if inputs is None:
        given, passed = _drawn(graph, draws, trains)
    else:
        given = given_inputs(graph, inputs)
        passed = _passed(graph, given, trains)
    examples = next((len(array) for array in given.values() if array.ndim), 1)
    data = f"{counted(examples, 'example')}: {drawn(graph) if inputs is None else 'the inputs given'}"
    part = passed if is_whole(passed) else until_not_followed(passed)
    if part is None:
        told = notes_on_the_way_forward(passed, None, targets is not None)
        return _made(passed, (), Stages((), passed.not_followed), examples, data, None, told)
    by_cost = part is passed and targets is not None
    began = pull(passed, targets, chosen) if by_cost else random_pull(part, draws)
    gradients = backward(part, began.cotangents)
    found = layers(part, gradients, examples)
    stopped = kept_back(part, gradients)
    notes = (
        *([] if stopped is None or stopped.accuses else [str(stopped)]),
        *notes_on_statistics(passed),
        *notes_on(graph, passed.graph.outputs[0], found),
        *notes_on_the_way_back(found, gradients),
        *(() if part is passed else notes_on_the_way_forward(passed, part, targets is not None)),
    )
    return _made(part, found, stages(part, gradients), examples, data, began.cost, notes, stopped)


def _drawn(graph: Graph, rng: np.random.Generator, training: bool) -> tuple[dict[str, Array], Passed]:
    """Inputs that are drawn, as many as memory holds and as large as every window asks, and the way forward."""
    most, places = EXAMPLES, PLACES
    while True:
        given = drawn_inputs(graph, rng, most, places)
        try:
            return given, _passed(graph, given, training)
        except TooLarge:
            most //= 8
            if not most:
                raise
        except BadShape:
            places *= 2
            if places > MOST_PLACES or not has_free_places(graph):
                raise


def _passed(graph: Graph, given: Mapping[str, Array], training: bool) -> Passed:
    """The way forward to the first output of floats, and through nothing that only others need."""
    for name in graph.outputs:
        passed = forward(leading_to(graph, name), given, training)
        if not is_whole(passed) or is_float(passed.output):
            return passed
    raise BadValue(
        f"{graph.name} gives out whole numbers alone, which have no gradient; give the part before its argmax"
    )


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
    passed: Passed,
    found: tuple[Layer, ...],
    parts: Stages,
    examples: int,
    data: str,
    cost: str | None,
    notes: Iterable[str],
    stopped: KeptBack | None = None,
) -> Diagnosis:
    """data : what the inputs were. cost : by its name, None of a random cotangent."""
    graph, activation = passed.graph, _usual_activation(found)
    not_followed = tuple(dict.fromkeys(parts.not_followed))
    verdict = _judged(passed, found, not_followed)
    if stopped is not None and stopped.accuses:
        verdict = Verdict(BLOCKED, None, str(stopped))
    training = passed.training or any(node.attributes.get("training_mode") for node in graph.nodes)
    return Diagnosis(
        graph.name,
        verdict.verdict,
        verdict.culprit,
        verdict.sentence,
        None if verdict.verdict in (UNKNOWN, BLOCKED) else slower(found, cost is not None),
        tuple(layer_diagnosis(one, examples) for one in found),
        parts.stages,
        parts.total,
        not_followed,
        "training" if training else "evaluation",
        examples,
        f"{data}, {f'cost {cost}' if cost else RANDOM}",
        (*graph.notes, *passed.notes, *notes),
        activation,
        cure_of(verdict, found, parts.stages, _start(activation, found)),
    )


def _judged(passed: Passed, found: Sequence[Layer], not_followed: Sequence[NotFollowed]) -> Verdict:
    """The verdict; of a part before what is not followed, how its first layer's gradient lies beside its last one's."""
    verdict = judge(found, not_followed)
    if verdict.culprit is None and verdict.verdict in (VANISHING, EXPLODING) and any(notes_on_statistics(passed)):
        told = "in evaluation nothing is known of a network whose normalisations have seen no batch; as it stands, "
        return Verdict(UNKNOWN, None, told + verdict.sentence)
    if not passed.not_followed or len(found) < 2:
        return verdict
    first, last = found[0], found[-1]
    ratio = times(first.ln_delta - last.ln_delta) if last.ln_delta > -math.inf else "0 times"
    return replace(
        verdict,
        sentence=f"{verdict.sentence}; in the part before it that of layer 1 is {ratio} that of layer {last.number}",
    )


def _start(activation: Activation | None, found: Sequence[Layer]) -> Start | None:
    """What advise() is asked for: the hidden layers, and the width in their middle."""
    hidden = found[:-1]
    if activation is None:
        return None
    return Start(activation, min(len(hidden), DEEPEST), sorted(one.neurons for one in hidden)[len(hidden) // 2])


def _usual_activation(found: tuple[Layer, ...]) -> Activation | None:
    """The neuron that most hidden layers have."""
    counted = Counter(one.activation for one in found[:-1] if one.activation is not None)
    return counted.most_common(1)[0][0] if counted else None
