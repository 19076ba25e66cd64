"""What parameters' gradients alone say of a network: the verdict's words and bounds, as far as that evidence goes.

The norm of a bias' gradient is Nielsen's ‖mean δ_l‖ where the cost is a mean over the batch, and stands for δ here.
Where most layers have no bias, or a normalisation takes it off again, ‖∂W‖/√inputs stands for it; in a network of ReLUs
without biases that is alike in all layers whatever δ does, for what δ loses on its way back the activations gain on
their way on. Ratios of layers are judged alone, so that a factor common to all gradients changes nothing.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from chainderiv.models.outliers import APART, NEARLY, times
from chainderiv.models.verdict import (
    BLOCKED,
    DEVIATIONS,
    EXPLODING,
    HEALTHY,
    MOST,
    STEP,
    UNBALANCED,
    UNKNOWN,
    VANISHING,
    Verdict,
    grown_by_batch,
)
from chainderiv.models.watching.grouping import Group

ROUNDING = math.log(1e-3)  # of ‖∂b‖ over ‖∂W‖/√inputs, which is 1 over the size of an activation elsewhere
REST = math.log(1e-6)  # of ‖∂W‖/‖W‖
BY_BIASES, BY_WEIGHTS = "biases", "weights"


@dataclass(frozen=True)
class Measured:
    """A layer's norms at a tick, as natural logarithms: -inf of exact zeros, NaN of NaN, None where there is none.

    ln_bias, ln_gradient : of the gradients by its biases and by its weights. ln_weight : of the weights.
    """

    group: Group
    ln_bias: float | None
    ln_gradient: float | None
    ln_weight: float | None

    @property
    def finite(self) -> bool:
        """Whether no gradient here is NaN or infinite."""
        return all(log is None or log < math.inf for log in (self.ln_bias, self.ln_gradient))  # NaN < inf is False

    @property
    def cancelled(self) -> bool:
        """Whether a normalisation by the batch takes the bias off, and its gradient is rounding alone, or 0."""
        if not self.group.cancelled or self.ln_bias is None or self.ln_gradient is None:
            return False
        return self.ln_bias < self.ln_gradient - math.log(self.group.inputs) / 2 + ROUNDING

    @property
    def nothing(self) -> bool:
        """Whether the gradient is there, and exactly 0."""
        known = [log for log in (self.ln_bias, self.ln_gradient) if log is not None]
        return bool(known) and all(log == -math.inf for log in known)

    @property
    def spoilt(self) -> bool:
        """Whether a weight is NaN or infinite."""
        return self.ln_weight is not None and not self.ln_weight < math.inf

    @property
    def ln_expected(self) -> float:
        """ln(‖W‖_F/√n_out), what the weights do to a δ that knows nothing of them; NaN where they are not known."""
        return math.nan if self.ln_weight is None else self.ln_weight - math.log(self.group.neurons) / 2


@dataclass(frozen=True)
class Judged:
    """The verdict on the network, the word for each layer, and by which gradients."""

    verdict: Verdict
    words: tuple[str, ...]
    basis: str


def judge(layers: Sequence[Measured], ln_smallest: float) -> Judged:
    """The verdict on a network whose parameters have these gradients.

    ln_smallest : of the smallest number that the gradients' type holds with all its digits; a layer below it whose
        neighbours have nothing has lost its gradient to underflow.

    >>> groups = [Group(k, f"fc{k}", (2 * k,), (2 * k + 1,), 30, 30, False) for k in (1, 2, 3)]
    >>> fading = [Measured(g, 8.0 * g.number, 8.0 * g.number, 1.7) for g in groups]
    >>> found = judge(fading, math.log(1e-38))
    >>> found.verdict.verdict, found.words
    ('vanishing', ('vanishing', 'vanishing', 'healthy'))
    """
    basis = _basis(layers)
    known = [one for one in layers if _evidence(one, basis) is not None]
    if not known:
        return _all(layers, basis, UNKNOWN, "no parameter has a gradient: tick after backward(), before zero_grad()")
    broken = [one for one in known if not one.finite]
    if broken:
        return _not_finite(layers, known, broken, basis)
    if known[0].nothing:
        return _nothing(layers, known, basis, ln_smallest)
    return _by_sizes(layers, [one for one in known if not one.nothing], basis)


def at_rest(judged: Judged, layers: Sequence[Measured], ln_scale: float) -> Judged:
    """The same, but not known where it is healthy and no layer's gradient is a millionth of its weights.

    A mean over the batch that has come to nearly 0 at the output does not tell any more how δ passes the layers.
    """
    both = [(one.ln_gradient, one.ln_weight) for one in layers]
    ratios = [g - w - ln_scale for g, w in both if g is not None and w is not None and w > -math.inf]
    if judged.verdict.verdict != HEALTHY or not ratios or not max(ratios) < REST:
        return judged
    told = "no layer's gradient is a millionth of its weights: the run has converged or stands on a plateau"
    return Judged(Verdict(UNKNOWN, None, told), judged.words, judged.basis)


def most(layers: Sequence[Measured]) -> float:
    """How far apart, as |ln|, sound networks of these widths may have the first and the last layer's gradient."""
    variance = sum(STEP / one.group.neurons for one in layers[:-1])
    return max(MOST, DEVIATIONS * math.sqrt(variance) + variance / 4)


def _basis(layers: Sequence[Measured]) -> str:
    with_bias = [one for one in layers if one.ln_bias is not None and not one.cancelled]
    return BY_BIASES if len(with_bias) > 1 and 2 * len(with_bias) >= len(layers) else BY_WEIGHTS


def _evidence(one: Measured, basis: str) -> float | None:
    """What stands for ln ‖δ‖; None where this layer has nothing to say."""
    if basis == BY_BIASES:
        return None if one.cancelled else one.ln_bias
    return None if one.ln_gradient is None else one.ln_gradient - math.log(one.group.inputs) / 2


def _sizes(layers: Sequence[Measured], basis: str) -> list[float]:
    return [size for one in layers if (size := _evidence(one, basis)) is not None]


def _all(layers: Sequence[Measured], basis: str, word: str, told: str) -> Judged:
    return Judged(Verdict(word, None, told), (word,) * len(layers), basis)


def _not_finite(
    layers: Sequence[Measured], known: Sequence[Measured], broken: Sequence[Measured], basis: str
) -> Judged:
    """The gradient comes from behind, so the last layer without a finite one is where it broke."""
    last = broken[-1]
    words = tuple(UNKNOWN if one in broken or one not in known else HEALTHY for one in layers)
    spoilt = [one for one in layers if one.spoilt]
    if spoilt:
        told = f"the weights of layer {named(spoilt[0])} are not finite: training broke before this step"
        return Judged(Verdict(UNKNOWN, spoilt[0].group.number, told), words, basis)
    infinite = math.inf in (last.ln_bias, last.ln_gradient)
    if infinite and last is not known[-1]:
        told = f"the gradient leaves its number type at layer {named(last)}, and is not finite before it"
        return Judged(Verdict(EXPLODING, last.group.number, told), words, basis)
    where = "from the cost on" if last is known[-1] else f"from layer {named(last)} back"
    return Judged(
        Verdict(UNKNOWN, last.group.number, f"the gradient is {'inf' if infinite else 'NaN'} {where}"), words, basis
    )


def _nothing(layers: Sequence[Measured], known: Sequence[Measured], basis: str, ln_smallest: float) -> Judged:
    """The first layers have exactly 0: lost to underflow, or let through by nobody."""
    count = len(list(itertools.takewhile(lambda one: one.nothing, known)))
    if count == len(known):
        return _all(layers, basis, BLOCKED, "every gradient is exactly 0: the cost, or what stands before it, is flat")
    last, above = known[count - 1], known[count]
    size = max(log for log in (above.ln_bias, above.ln_gradient) if log is not None)
    word = VANISHING if size < ln_smallest else BLOCKED
    words = tuple(word if one.nothing else HEALTHY for one in layers)
    if word == VANISHING:
        told = f"the gradient underflows before layer {named(above)}: its number type has nothing so small"
        return Judged(Verdict(word, None, told), words, basis)
    if above.ln_weight == -math.inf:
        told = f"all weights of layer {named(above)} are 0, so nothing passes them"
        return Judged(Verdict(word, above.group.number, told), words, basis)
    if above.ln_gradient == -math.inf and last is not known[0]:  # ∂W = δ a: nothing arrives there either
        told = f"one of layers {named(known[0])} to {named(last)} gives 0 for every example, and no gradient passes it"
        return Judged(Verdict(word, None, told), words, basis)
    told = f"no gradient passes layer {named(last)}, and layer {named(above)} has one: all its slopes are 0"
    return Judged(Verdict(word, last.group.number, told), words, basis)


def _by_sizes(layers: Sequence[Measured], known: Sequence[Measured], basis: str) -> Judged:
    sizes, bound = _sizes(known, basis), most(known)
    ratio, grown = sizes[0] - sizes[-1], by_batch(known)
    words = tuple(_word(one, known, sizes[-1], (-bound, bound + grown), basis) for one in layers)
    found = _outlier(known, sizes)
    culprit = None if found is None else found[0].group.number
    if found is not None:
        words = tuple(
            UNBALANCED if one is found[0] and w == HEALTHY else w for one, w in zip(layers, words, strict=True)
        )
    first, last = known[0], known[-1]
    told = f"the gradient of layer {named(first)} is {times(ratio)} that of layer {named(last)}"
    if _is_beyond(sizes, bound, bound + grown):
        word = EXPLODING if ratio > 0 else VANISHING
        links = len(known) - 1
        why = f"{times(ratio / links)} as large from layer to layer, in the mean" if found is None else found[1]
        return Judged(Verdict(word, culprit, f"{told}: {why}"), words, basis)
    if found is not None:
        return Judged(Verdict(UNBALANCED, culprit, f"{found[1]}; {told}"), words, basis)
    whole = "there is one layer" if len(known) == 1 else f"{told}, and no layer stands out"
    return Judged(Verdict(HEALTHY, None, whole), words, basis)


def by_batch(layers: Sequence[Measured]) -> float:
    """How much normalising by the batch adds to ln ‖δ‖ of the first layer, whatever the weights (Yang et al. 2019).

    Parameters do not tell the neuron, so it is taken for a ReLU.
    """
    return grown_by_batch(None) * sum(one.group.cancelled for one in layers[:-1])


def _is_beyond(sizes: Sequence[float], least: float, largest: float) -> bool:
    """A mean over the batch may cancel at the output alone, so what explodes does so beside the one before, too."""
    if sizes[0] < sizes[-1]:
        return sizes[-1] - sizes[0] > least
    return all(sizes[0] - size > largest for size in (sizes[-2:] if len(sizes) > 2 else sizes[-1:]))


def _word(one: Measured, known: Sequence[Measured], last: float, bounds: tuple[float, float], basis: str) -> str:
    if one.nothing:
        return BLOCKED
    size = _evidence(one, basis) if one in known else None
    if size is None:
        return UNKNOWN
    return HEALTHY if bounds[0] <= size - last <= bounds[1] else EXPLODING if size > last else VANISHING


def _outlier(known: Sequence[Measured], sizes: Sequence[float]) -> tuple[Measured, str] | None:
    """The layer whose weights, by their size and by what the gradients do there, lie tenfold off the others'.

    A slope has no size of its own here, so it takes a hundredfold; and where the last layer has less than the one
    before it, its own mean over the batch may have cancelled.
    """
    if len(known) < 3 or any(one.ln_weight is None or one.ln_weight == -math.inf for one in known):
        return None
    steps = [below - above for below, above in itertools.pairwise(sizes)]
    expected = [one.ln_expected for one in known[1:]]
    slopes = [step - weight for step, weight in zip(steps, expected, strict=True)]
    middles = [statistics.median(of) for of in (steps, expected, slopes)]
    found = []
    for place, parts in enumerate(zip(steps, expected, slopes, strict=True)):
        step, weight, slope = (part - middle for part, middle in zip(parts, middles, strict=True))
        if (abs(step) + abs(weight)) / 2 > APART and min(abs(step), abs(weight)) > NEARLY and step * weight > 0:
            found.append((abs(step), known[place + 1], "weights", weight))
        elif min(abs(slope), abs(step)) > MOST and slope * step > 0 and (step < 0 or place < len(steps) - 1):
            found.append((abs(slope), known[place], "slopes", slope))
    if not found:
        return None
    _, layer, what, off = max(found, key=lambda one: one[0])
    return layer, f"the {what} of layer {named(layer)} make the gradient {times(off)} what a layer's {what} mostly do"


def named(one: Measured) -> str:
    """A layer by its number and, where that says more, its name."""
    number, name = one.group.number, one.group.name
    return str(number) if name == str(number) else f"{number} ({name})"
