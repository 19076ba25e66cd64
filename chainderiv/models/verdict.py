"""The verdict: what the layers' gradients say of a network, beside what random weights of its widths would give.

This file alone asks theory/. It accuses in three ways, each beyond what critical random weights do:

- the gradient of the first layer lies further from the last one's than MOST, and than networks of these widths scatter;
- one layer's weight or slope part lies tenfold off the network's own median, in the mean of measured and expected;
- nothing at all reaches the first layer.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.models.layers import Layer
from chainderiv.models.passes import NotFollowed
from chainderiv.theory.finite_width.quantiles import NORMAL
from chainderiv.theory.moments import M2, M4, moments
from chainderiv.theory.wide import near
from chainderiv.wording import formatted

HEALTHY, VANISHING, EXPLODING = "healthy", "vanishing", "exploding"
BLOCKED, UNBALANCED, UNKNOWN = "blocked", "unbalanced", "unknown"
VERDICTS = (HEALTHY, VANISHING, EXPLODING, BLOCKED, UNBALANCED, UNKNOWN)
MOST = math.log(100)  # that the first layer's ‖δ‖ may lie from the last one's
APART, NEARLY = math.log(10), math.log(5)  # that a layer's part may lie from the median, measured and expected together
SHIFTED, SHUT = 2.5, math.log(2)  # deviations that z lies off 0, and what its slopes then lie below the median
STEP = 5.0  # n times the variance of log ‖δ‖² that a layer of n ReLUs adds, more than smooth neurons do (Hanin, Nica)
DEVIATIONS = 2.0  # times √(variance of log ‖δ‖²), which are four deviations of log ‖δ‖
OF_SIZES = 0.3  # of that variance what ‖W‖ and mean φ'² alone have, without how δ lies
NARROWEST = 16  # widths from which on nothing sound is accused
BY_BATCH = math.log(math.pi / (math.pi - 1)) / 2  # that a normalisation by the batch before a ReLU adds to ln ‖δ‖
MOST_LN = math.log(sys.float_info.max)
MOST_SCATTER = 1.0  # variance of the logarithm of a square, of which the first order in 1/width tells the scatter
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
    if layer.activation is None or not 0 < layer.square < math.inf or layer.ln_weight_expected == -math.inf:
        return None
    try:
        m2, m4 = (float(m) for m in near(moments(layer.activation), np.array(layer.square), (M2, M4)))
    except BadValue:
        return None
    if not (m2 > 0 and math.isfinite(m4)):
        return None
    inputs = max(1, math.prod(layer.shape) // layer.neurons)
    of_weights, of_slopes = 2 / inputs, 3 * max(0.0, m4 / m2**2 - 1) / layer.neurons
    if of_weights + of_slopes > MOST_SCATTER:
        return None
    variance = layer.weight_alike * of_weights + layer.slope_alike * of_slopes
    ln_chi = layer.ln_weight_expected + math.log(m2) / 2
    middle, wide = ln_chi - variance / 4, NORMAL[2] * math.sqrt(variance) / 2
    return Expectation(*(exp(x) for x in (ln_chi, middle - wide, middle + wide)))


def exp(x: float) -> float:
    """e^x, inf where that leaves float64."""
    return math.exp(x) if x < MOST_LN else math.inf


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
        return Verdict(EXPLODING, overflow.number, f"layer {_named(overflow)} makes numbers beyond float64")
    if layers[0].ln_delta == -math.inf:
        return _blocked(layers)
    return _by_sizes(layers)


def _blocked(layers: Sequence[Layer]) -> Verdict:
    """Which layer lets nothing through: the last one that has no δ, or, where its input is 0, the one that made it."""
    place = max(k for k, one in enumerate(layers) if one.ln_delta == -math.inf)
    above = layers[place + 1] if place + 1 < len(layers) else None
    if above is not None and above.ln_weight == -math.inf:
        return Verdict(BLOCKED, above.number, f"all weights of layer {_named(above)} are 0, so nothing passes them")
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
    return Verdict(BLOCKED, one.number, f"no gradient passes layer {_named(one)}: {why}")


def _by_sizes(layers: Sequence[Layer]) -> Verdict:
    ratio = layers[0].ln_delta - layers[-1].ln_delta
    word = EXPLODING if ratio > 0 else VANISHING
    found = outlier(layers)
    culprit = None if found is None else found.layer.number
    told = f"the gradient of layer 1 is {times(ratio)} that of layer {layers[-1].number}"
    if is_beyond(layers):
        return Verdict(word, culprit, f"{told}: {_by_layer(layers) if found is None else found.told}")
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

    Narrow networks scatter: ln ‖δ‖ has the mean -v/4 and the variance v/4 with v = Σ 5/n_l under critical ReLUs. What
    ‖W‖_F and mean φ'² alone make of it scatters less, and where that says the same it takes less to accuse. Where the
    batch's statistics are taken, gradients grow whatever the weights are (Yang et al. 2019), and that is let pass.
    """
    ratio = layers[0].ln_delta - layers[-1].ln_delta
    ratio = max(0.0, ratio - by_batch(layers)) if ratio > 0 else -ratio
    if ratio > max(MOST, _scatter(sum(STEP / one.neurons for one in layers[:-1]))):
        return True
    expected = abs(of_sizes(layers))
    steps = [STEP / max(one.neurons, NARROWEST) for one in layers[:-1]]
    return ratio > MOST and is_plain(layers) and expected > max(MOST, _scatter(OF_SIZES * sum(steps)))


def by_batch(layers: Sequence[Layer]) -> float:
    """How much normalisations by the batch add to ln ‖δ‖ of the first layer, wide and with ReLUs behind."""
    return BY_BATCH * sum(one.cancelled for one in layers[:-1])


def _scatter(variance: float) -> float:
    return DEVIATIONS * math.sqrt(variance) + variance / 4


def of_sizes(layers: Sequence[Layer]) -> float:
    """ln of the first layer's gradient over the last one's, as ‖W‖_F/√n_out and √mean φ'² have it."""
    weights, slopes = (one.ln_weight_expected for one in layers[1:]), (one.ln_slope_expected for one in layers[:-1])
    return math.fsum([*weights, *slopes])


def is_plain(layers: Sequence[Layer]) -> bool:
    """Whether nothing but weights and slopes stands between the layers."""
    return all(abs(one.ln_rest) < PLAIN for one in layers)


@dataclass(frozen=True)
class Outlier:
    """A layer that stands out, by how much (|ln|) and how."""

    layer: Layer
    off: float
    told: str


def outlier(layers: Sequence[Layer]) -> Outlier | None:
    """The layer whose weight or slope part lies furthest off the network's median, if that is tenfold or more.

    Of a layer whose neurons a bias shifts by SHIFTED of their deviations less will do: no random weights do that.
    """
    dead = [one for one in layers if one.dead == 1 and one.fed]
    if dead:
        return Outlier(dead[-1], math.inf, f"no gradient passes layer {_named(dead[-1])}: all its slopes are 0")
    with_weight = [one for one in layers if math.isfinite(one.ln_weight_part)]
    weights = _offs(with_weight, lambda one: one.ln_weight_part, lambda one: one.ln_weight_expected)
    with_neuron = [one for one in layers if one.dead is not None and math.isfinite(one.ln_slope_part)]
    slopes = _offs(with_neuron, lambda one: one.ln_slope_part, lambda one: one.ln_slope_expected)
    above = {off.layer.number: off.expected for off in weights}
    found = [off.told("weights") for off in weights if off.stands_out]
    found += [off.told("slopes") for off in slopes if off.stands_out]
    found += [off.shifted() for off in slopes if off.is_shut(above.get(off.layer.number + 1, 0.0))]
    return max(found, key=lambda one: one.off, default=None)


@dataclass(frozen=True)
class _Off:
    """How far a part of a layer lies off the network's median, measured and expected, both ln.

    Both must say so together: one alone may be how a few narrow layers happen to lie.
    """

    layer: Layer
    measured: float
    expected: float

    @property
    def mean(self) -> float:
        return (self.measured + self.expected) / 2

    @property
    def stands_out(self) -> bool:
        return self._together(APART, NEARLY)

    def is_shut(self, above: float) -> bool:
        """Whether a bias shuts the layer, and the weights of the next one, above off, do not make up for it."""
        return abs(self.layer.offset) > SHIFTED and self.mean + above < -SHUT and self._together(SHUT, 0)

    def _together(self, most: float, each: float) -> bool:
        sizes = abs(self.measured), abs(self.expected)
        return sum(sizes) / 2 > most and min(sizes) > each and self.measured * self.expected > 0

    def told(self, what: str) -> Outlier:
        does = f"make the gradient {times(self.measured)} what a layer's {what} mostly do"
        return Outlier(self.layer, abs(self.mean), f"the {what} of layer {_named(self.layer)} {does}")

    def shifted(self) -> Outlier:
        side = "above" if self.layer.offset > 0 else "below"
        lie = f"z lies {abs(self.layer.offset):.3g} of its deviations {side} 0 in layer {_named(self.layer)}"
        does = f"its slopes make the gradient {times(self.measured)} what a layer's slopes mostly do"
        return Outlier(self.layer, abs(self.mean), f"{lie}, and {does}")


def _offs(
    layers: Sequence[Layer], measured: Callable[[Layer], float], expected: Callable[[Layer], float]
) -> list[_Off]:
    if not layers:
        return []
    middles = [statistics.median(of(one) for one in layers) for of in (measured, expected)]
    return [_Off(one, measured(one) - middles[0], expected(one) - middles[1]) for one in layers]


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
        return f"no gradient reaches layer {_named(layer)}" + ("" if layer.fed else ", whose input is 0")
    does = f"layer {_named(layer)}: weights make the gradient {times(layer.ln_weight_part)} as large"
    if layer.dead is not None:
        does += f", slopes {times(layer.ln_slope_part)}"
    if expected is not None:
        does += f"; random weights of this size: {expected.low:.3g} to {expected.high:.3g} times"
    return does


def times(ln_factor: float) -> str:
    """A factor as people say it.

    >>> times(math.log(0.25)), times(-2000.0)
    ('0.25 times', '2.58e-869 times')
    """
    return f"{formatted(1.0, ln_factor, '.3g') if ln_factor > -math.inf else '0'} times"


def _named(layer: Layer) -> str:
    return str(layer.number) if layer.name == str(layer.number) else f"{layer.number} ({layer.name})"
