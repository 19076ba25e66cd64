"""The verdict: what the layers' gradients say of a network, beside what random weights of its widths would give.

This file alone asks theory/. It accuses in three ways, each beyond what critical random weights do:

- the gradient of the first layer lies further from the last one's than MOST, and than networks of these widths scatter;
- one layer's weight or slope part lies tenfold off the network's own median, in the mean of measured and expected, or
  twofold where its bias shifts z by SHIFTED deviations and the next layer's weights do not make up for it;
- nothing at all reaches the first layer.

Measured on networks that no number here was fitted to (widths 16 to 256, 3 to 60 layers; tests/models/sound.py draws
them): accused were 0 of 2,000 plain ones, which is below 0.15 % at 95 %, and 0 of 300 each of residual, LayerNorm and
BatchNorm ones, below 1 %; named were 504 of 504 layers each of weights × 100, / 100 and biases - 8, above 99.4 %. Of
the plain ones the largest |mean z| was 0.78 deviations, and the first layer's gradient at most 0.81 of what may be.
"""

from __future__ import annotations

import functools
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.models.layers import Layer
from chainderiv.models.outliers import named, outlier, times
from chainderiv.models.passes import NotFollowed
from chainderiv.theory.finite_width.blurred import Blurred
from chainderiv.theory.finite_width.quantiles import NORMAL
from chainderiv.theory.moments import M2, M4, moments
from chainderiv.theory.wide import near
from chainderiv.wording import formatted

HEALTHY, VANISHING, EXPLODING = "healthy", "vanishing", "exploding"
BLOCKED, UNBALANCED, UNKNOWN = "blocked", "unbalanced", "unknown"
VERDICTS = (HEALTHY, VANISHING, EXPLODING, BLOCKED, UNBALANCED, UNKNOWN)
MOST = math.log(100)  # that the first layer's ‖δ‖ may lie from the last one's
STEP = (
    5.0  # the most n times the variance of log ‖δ‖² that a layer of n neurons is let add, what ReLUs do (Hanin, Nica)
)
DEVIATIONS = 2.0  # times √(variance of log ‖δ‖²), which are four deviations of log ‖δ‖
OF_SIZES = 0.3  # of that variance what ‖W‖ and mean φ'² alone have, without how δ lies
NARROWEST = 16  # widths from which on nothing sound is accused
MOST_LN = math.log(sys.float_info.max)
MOST_SCATTER = 1.0  # variance of the logarithm of a square, of which the first order in 1/width tells the scatter
BY_WIDTHS: dict[str, Callable[[float, float], float]] = {  # ‖W‖_F²/n_out over σ_w²
    "orthogonal": lambda n_in, n_out: min(n_in, n_out) / n_out,
    "drawn by both widths": lambda n_in, n_out: 2 * n_in / (n_in + n_out),
}
EVEN = 0.1  # of ln σ_w, from layer to layer: what narrow layers' draws do
PLAIN = 1e-6  # of ln: a rest beyond it says that more than weights and slopes stands between two layers


@dataclass(frozen=True)
class Verdict:
    """One of VERDICTS, the number of the layer to blame, if one is, and why, in a sentence."""

    verdict: str
    culprit: int | None
    sentence: str


@dataclass(frozen=True)
class Expectation:
    """What theory makes of a layer's weight part times slope part: √χ₁, and where 90 of 100 networks lie."""

    sqrt_chi_1: float
    low: float
    high: float


def expectation(layer: Layer) -> Expectation | None:
    """√χ₁ = σ_w √E φ'(√q z)² at the layer's own σ_w² = ‖W‖_F²/n_out and q = mean z², with its scatter at that width.

    The variance of the logarithm of the square is 2/n_in for the weights and 3 (E φ'⁴/(E φ'²)² - 1)/n_out for the
    slopes, to first order in 1/width, of one example; of many it is less by how alike they are. None where the neuron,
    or its expectations, are not known, or where so few neurons have a slope that the first order does not do.

    The cumulants of theory.finite_width, right at any width, take thirty times as long (25 ms a layer) and say the
    same: in 17 settings (three neurons, widths 16 to 100, 300 networks each) their bands held 0.902 of the layers in
    the mean and these 0.899, nowhere more than 0.026 apart. With 1, 8 and 64 examples 0.83 to 0.98 lie in the band.

    Schoenholz et al. (2017), equation (9); Hanin and Nica (2019).
    """
    known = _slopes(layer)
    if known is None or layer.ln_weight_expected == -math.inf:
        return None
    m2, kurtosis = known
    inputs = max(1, math.prod(layer.shape) // layer.neurons)
    of_weights, of_slopes = 2 / inputs, 3 * (kurtosis - 1) / layer.neurons
    if of_weights + of_slopes > MOST_SCATTER:
        return None
    variance = layer.weight_alike * of_weights + layer.slope_alike * of_slopes
    ln_chi = layer.ln_weight_expected + math.log(m2) / 2
    middle, wide = ln_chi - variance / 4, NORMAL[2] * math.sqrt(variance) / 2
    return Expectation(*(exp(x) for x in (ln_chi, middle - wide, middle + wide)))


def _slopes(layer: Layer) -> tuple[float, float] | None:
    """E φ'² and E φ'⁴/(E φ'²)² >= 1 at the layer's own mean z²; None where they are not known."""
    if layer.activation is None or not 0 < layer.square < math.inf:
        return None
    try:
        m2, m4 = (float(m) for m in near(moments(layer.activation), np.array(layer.square), (M2, M4)))
    except BadValue:
        return None
    return (m2, max(1.0, m4 / m2**2)) if m2 > 0 and math.isfinite(m4) else None


def exp(x: float) -> float:
    """e^x, inf where that leaves float64, NaN of NaN.

    >>> exp(0.0), exp(1e9), exp(math.nan)
    (1.0, inf, nan)
    """
    return math.inf if x >= MOST_LN else math.exp(x)


def judge(layers: Sequence[Layer], not_followed: Sequence[NotFollowed] = ()) -> Verdict:
    """The verdict on a network.

    layers : from the input on. not_followed : what the pass could not follow, which makes a verdict impossible.
    """
    if not_followed:
        more = f" (and {len(not_followed) - 1} more)" * (len(not_followed) > 1)
        return Verdict(UNKNOWN, None, f"the gradient is not known before {not_followed[0]}{more}")
    if not layers:
        return Verdict(UNKNOWN, None, "no layer with weights leads from the input to the output")
    overflow = next((one for one in layers if not one.finite), None)
    if overflow is not None:
        return Verdict(EXPLODING, overflow.number, f"layer {named(overflow)} makes numbers beyond float64")
    undefined = [one for one in layers if is_undefined(one)]
    if undefined:
        return _undefined(undefined[-1])
    if layers[0].ln_delta == -math.inf:
        return _blocked(layers)
    return _by_sizes(layers)


def is_undefined(layer: Layer) -> bool:
    """Whether its gradient is NaN or inf, as before √x at 0, where the slope is infinite."""
    return math.isnan(layer.ln_delta) or layer.ln_delta == math.inf


def _undefined(last: Layer) -> Verdict:
    """Of the last layer whose gradient is no number: those before it have none of its doing."""
    why = "a slope behind it is infinite on these inputs, as that of a root or a logarithm at 0"
    return Verdict(EXPLODING, last.number, f"the gradient of layer {named(last)} is no number: {why}")


def _blocked(layers: Sequence[Layer]) -> Verdict:
    """Which layer lets nothing through: the last one that has no δ, or, where its input is 0, the one that made it."""
    place = max(k for k, one in enumerate(layers) if one.ln_delta == -math.inf)
    above = layers[place + 1] if place + 1 < len(layers) else None
    if above is not None and above.ln_weight == -math.inf:
        return Verdict(BLOCKED, above.number, f"all weights of layer {named(above)} are 0, so nothing passes them")
    while place >= 0 and not layers[place].fed:
        place -= 1
    if place < 0:
        return Verdict(BLOCKED, None, "the inputs are 0 throughout, and no gradient comes back; give others")
    one = layers[place]
    if one.dead != 1:
        return Verdict(
            BLOCKED, None, "the gradient is exactly 0 before the last layer: the cost or what follows is flat"
        )
    why = (
        "all its weights are 0"
        if one.ln_weight == -math.inf
        else "all its slopes are 0 on these inputs, and its own input is not"
    )
    return Verdict(BLOCKED, one.number, f"no gradient passes layer {named(one)}: {why}")


def _by_sizes(layers: Sequence[Layer]) -> Verdict:
    ratio = layers[0].ln_delta - layers[-1].ln_delta
    word = EXPLODING if ratio > 0 else VANISHING
    found = outlier(layers)
    culprit = None if found is None else found.layer.number
    told = f"the gradient of layer 1 is {times(ratio)} that of layer {layers[-1].number}"
    if is_beyond(layers):
        why = found.told if found is not None else _by_widths(layers) or _by_layer(layers)
        return Verdict(word, culprit, f"{told}: {why}")
    if found is not None:
        return Verdict(UNBALANCED, culprit, f"{found.told}; {told}")
    return Verdict(HEALTHY, None, f"{_told_healthy(layers, told)}, and no layer stands out")


def _told_healthy(layers: Sequence[Layer], told: str) -> str:
    if len(layers) == 1:
        return "there is one layer"
    grown = by_batch(layers)
    return f"{told}, where normalising by the batch makes it {times(grown)}" if grown > MOST else told


def is_beyond(layers: Sequence[Layer]) -> bool:
    """Whether the first layer's gradient lies further from the last one's than sound networks of these widths have it.

    Narrow networks scatter: ln ‖δ‖ has the mean -v/4 and the variance v/4 with v = Σ step/n_l. What ‖W‖_F and mean φ'²
    alone make of it scatters less, and where that says the same it takes less to accuse. Where the batch's statistics
    are taken, gradients grow whatever the weights are, and by as much as that they may.
    """
    ratio = layers[0].ln_delta - layers[-1].ln_delta
    ratio = max(0.0, ratio - by_batch(layers)) if ratio > 0 else -ratio
    if ratio > max(MOST, _scatter(sum(step(one) / one.neurons for one in layers[:-1]))):
        return True
    expected = abs(of_sizes(layers))
    steps = [STEP / max(one.neurons, NARROWEST) for one in layers[:-1]]
    return ratio > MOST and is_plain(layers) and expected > max(MOST, _scatter(OF_SIZES * sum(steps)))


def step(layer: Layer) -> float:
    """3 E φ'⁴/(E φ'²)² - 1 at the layer's mean z², at most STEP: n times the variance that the layer adds to ln ‖δ‖².

    5 for ReLU, 2 for tanh of small z. theory.finite_width's passage finds 5.1 to 6.3 for ReLU, 2.8 for tanh and 3.9 for
    SELU over 20 layers of 256 to 16 neurons, in 1 to 4 s where the widths differ: too long for a verdict.
    """
    known = _slopes(layer)
    return STEP if known is None else min(STEP, 3 * known[1] - 1)


def by_batch(layers: Sequence[Layer]) -> float:
    """How much normalisations by the batch add to ln ‖δ‖ of the first layer, in wide layers, whatever weights are."""
    return sum(grown_by_batch(one.activation) for one in layers[:-1] if one.cancelled)


@functools.cache
def grown_by_batch(activation: Activation | None) -> float:
    """½ ln(E φ'²/Var φ) of z ~ N(0, 1): what one normalisation by the batch before a neuron adds to ln ‖δ‖.

    The weights of the next layer make a variance of σ_w² Var φ over a large batch, which is divided out, and the
    gradient takes σ_w² E φ'². By Poincaré's inequality it never shrinks. Of ReLU it is ½ ln(π/(π - 1)), 1.21 a layer
    (Yang et al. 2019); a neuron that is not known is taken for one. No weights cure it, and so it is let pass and
    told, not accused; fewer layers, skips or layer normalisation do.

    >>> from chainderiv.functions.lookup import neuron
    >>> math.exp(2 * grown_by_batch(neuron("relu"))) - math.pi / (math.pi - 1) < 1e-12
    True
    """
    at = Blurred(neuron("relu") if activation is None else activation).at(1.0, 0.0)
    variance = at.expect(at.mean**2) - at.expect(at.mean) ** 2
    ratio = at.expect(at.slope**2) / variance if variance > 0 else math.nan
    return math.log(ratio) / 2 if ratio > 1 and math.isfinite(ratio) else 0.0


def _scatter(variance: float) -> float:
    return DEVIATIONS * math.sqrt(variance) + variance / 4


def of_sizes(layers: Sequence[Layer]) -> float:
    """ln of the first layer's gradient over the last one's, as ‖W‖_F/√n_out and √mean φ'² have it."""
    weights, slopes = (one.ln_weight_expected for one in layers[1:]), (one.ln_slope_expected for one in layers[:-1])
    return math.fsum([*weights, *slopes])


def is_plain(layers: Sequence[Layer]) -> bool:
    """Whether nothing but weights and slopes stands between the layers."""
    return all(abs(one.ln_rest) < PLAIN for one in layers)


def _by_widths(layers: Sequence[Layer]) -> str | None:
    """That changing widths alone make it vanish, where weights are orthogonal or drawn by both widths; None elsewhere.

    ‖W‖_F²/n_out is σ_w² of weights drawn by n_in, σ_w² min(n_in, n_out)/n_out of orthogonal ones and
    σ_w² 2 n_in/(n_in + n_out) of Xavier's: less wherever a layer is wider than what it reads, by no more elsewhere.
    """
    if not is_plain(layers) or any(len(one.shape) != 2 for one in layers):
        return None
    ratio = layers[0].ln_delta - layers[-1].ln_delta
    # two widths in turn do not tell the draws apart by their spread: by what they lose in all they do
    lost = {drawn: _lost(layers[1:], share) for drawn, share in BY_WIDTHS.items()}
    found = [(abs(ratio - of), of, drawn) for drawn, of in lost.items() if of is not None]
    off, most, drawn = min(found, default=(math.inf, 0.0, ""))
    if off > MOST:
        return None
    does = f"make it {times(most)}, where weights drawn by n_in alone keep it"
    return f"its weights are {drawn}, and its widths, which change from layer to layer, {does}"


def _lost(layers: Sequence[Layer], share: Callable[[float, float], float]) -> float | None:
    """ln of what all lose of such a draw; None where it does not make σ_w the same in all layers."""
    lost = [math.log(share(math.prod(one.shape) / one.neurons, one.neurons)) / 2 for one in layers]
    rest = [one.ln_weight_expected - off for one, off in zip(layers, lost, strict=True)]
    return math.fsum(lost) if statistics.pstdev(rest) < min(EVEN, statistics.pstdev(lost) / 2) else None


def _by_layer(layers: Sequence[Layer]) -> str:
    links = len(layers) - 1
    weights, slopes = (
        math.fsum(parts) / links
        for parts in ([one.ln_weight_part for one in layers[1:]], [one.ln_slope_part for one in layers[:-1]])
    )
    return f"each layer's weights make it {times(weights)} as large, and its slopes {times(slopes)}, in the mean"


def slower(layers: Sequence[Layer], by_mean: bool) -> str | None:
    """Nielsen's words: how much slower the first hidden layer learns than the last; None where one is the other.

    by_mean : by the norm of the mean gradient, which needs a cost; else by ‖δ‖.
    """
    hidden = layers[:-1]
    if len(hidden) < 2:
        return None
    first, last = ((one.ln_mean_bias_gradient if by_mean else one.ln_delta) for one in (hidden[0], hidden[-1]))
    if not (math.isfinite(first) and math.isfinite(last)):
        return None
    word = "slower" if last >= first else "faster"
    factor = formatted(1.0, abs(last - first), ".3g")
    return f"layer {hidden[0].number} learns {factor} times {word} than layer {hidden[-1].number}"


def sentence(layer: Layer, expected: Expectation | None) -> str:
    """What a layer does, in a sentence."""
    if layer.ln_delta == -math.inf:
        return f"no gradient reaches layer {named(layer)}" + ("" if layer.fed else ", whose input is 0")
    does = f"layer {named(layer)}: weights make the gradient {times(layer.ln_weight_part)} as large"
    if layer.dead is not None:
        does += f", slopes {times(layer.ln_slope_part)}"
    if expected is not None:
        does += f"; random weights of this size: {expected.low:.3g} to {expected.high:.3g} times"
    return does
