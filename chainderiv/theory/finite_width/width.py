"""The logarithm of ‖∂C/∂b_l‖² over random networks, layer by layer for any widths: its cumulants.

With g_l the mean over the inputs of δ_l, one layer on its way back multiplies |g|² by

    n σ²_W · (1/n) Σ_j ψ(v_j)² h_j²,  v_j ~ N(0, p_l), h_j ~ N(0, 1),

n the width of layer l and σ_W² the variance of one weight of W_{l+1}. At fixed p and τ the log of that mean is known to
any n. What is expanded, to the first order in 1/n, is the rest: p and τ differ from network to network, and W_{l+1}
is not drawn anew on the way back, for it has made u = W_{l+1} A(v) on the way there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Floats
from chainderiv.theory.finite_width.blurred import Blurred
from chainderiv.theory.finite_width.direction import UNKNOWING, Direction
from chainderiv.theory.finite_width.end import Ending, over
from chainderiv.theory.finite_width.held import require_known
from chainderiv.theory.finite_width.layer import Drawn, Layer, layer
from chainderiv.theory.finite_width.logarithm import Cumulants
from chainderiv.theory.gaussian import Divergent
from chainderiv.theory.moments import TINY

# of the second order, told by the square of one first order and by another: measured on ten networks of nine neurons
BY_TURNING, BY_BOWING = 0.08, 1.1
ALIKE = 1e-9  # the least p/q
LEAST, MOST = 1e-100, 1e20  # variances of a signal
SETTLED = 1e-15  # of p and τ, between two layers


@dataclass(frozen=True)
class Course:
    """Cumulants of log |g_l|², l = 1 … L, and of the steps between; and what tells whether they can be trusted.

    bent : the most that a second order in what p and τ differ by moves a layer's log p or log E ψ².
    single : the largest share of |g|² that single inputs make.
    apart : the mean |δ_1|² of one input over |g_1|², as far as hidden layers have made it: how far inputs part.
    turning : the most that weights which are used twice add to a step, as a share of it.
    left_out : about what the second order in 1/n makes of a layer's mean, over the standard deviation.
    """

    logs: tuple[Cumulants, ...]
    steps: tuple[Cumulants, ...]
    bent: float
    single: float
    apart: float
    turning: float
    left_out: float


def course(
    activation: Activation, widths: Sequence[int], drawn: Sequence[Drawn], square: float, product: float, inputs: int,
    end: Ending,
) -> Course:  # fmt: skip
    """Of networks whose hidden layers have these widths, for inputs of mean |x|² square and mean x·x' product.

    Raises
    ------
    BadValue
        Where nothing reaches a neuron, and where signals grow beyond MOST.
    """
    layers, (p, tau) = _there(Blurred(activation), widths, drawn, square, product)
    lengths = _forward(layers)
    turns = _directions(layers, drawn, end.along(p, tau, p - drawn[-1].sigma_b ** 2))
    singles = _singles(layers, end.single(p, tau))
    shares = [(ratio - 1) / inputs for ratio in singles]
    at_end, adjoint = over(end, p, tau, lengths.means[-1], lengths.covariances[-1])
    at_end = at_end._replace(mean=at_end.mean + float(np.log1p(shares[-1])))
    logs, steps, left_out = _back(layers, lengths, turns, shares, at_end, adjoint)
    single, turning = float(np.max(np.abs(shares))), max(abs(turn.more) for turn in turns)
    apart = singles[0] / singles[-1]
    return Course((*logs, at_end), steps, _bent(layers, lengths), single, apart, turning, max(left_out))


def _back(
    layers: Sequence[Layer], lengths: Lengths, turns: Sequence[Turn], shares: Sequence[float], at_end: Cumulants,
    adjoint: Floats,
) -> tuple[tuple[Cumulants, ...], tuple[Cumulants, ...], tuple[float, ...]]:  # fmt: skip
    """From the last layer, whose log |g|² has the cumulants at_end and the slope adjoint by lengths, to the first one.

    Cumulants of log |g_l|² and of the steps, and left_out, each from the first layer on.
    """
    means, covariances, curved = lengths
    logs, steps, left_out, turned, bowed = [at_end], list[Cumulants](), list[float](), 0.0, 0.0
    # of the variance, what p and τ of layer l bring along is told apart, so that each l counts it once
    total = at_end._replace(variance=at_end.variance - across(adjoint, covariances[-1]))
    for k in reversed(range(len(layers))):
        one, (_, made) = layers[k], layers[k].made
        own = one.own._replace(variance=one.own.variance + turns[k].variance)
        mean = np.log(one.gain) + own.mean + one.log_slope @ means[k] + np.sum(one.log_bend * covariances[k]) / 2
        mean = float(mean + turns[k].mean + np.log1p(shares[k]) - np.log1p(shares[k + 1]))
        steps.append(own._replace(mean=mean, variance=own.variance + across(one.log_slope, covariances[k])))
        through = 2 * float(adjoint @ one.shared) + across(adjoint, made) + turns[k].before
        total = total.plus(own._replace(variance=own.variance + through))
        turned += float(np.log1p(turns[k].more))
        bowed += _bowed(one, curved[k], covariances[k])
        adjoint = one.log_slope + one.slopes.T @ adjoint
        variance = total.variance + across(adjoint, covariances[k])
        logs.append(total._replace(mean=logs[-1].mean + mean, variance=variance))
        left_out.append(second_order(turned, bowed, variance))
    return tuple(logs[:0:-1]), tuple(steps[::-1]), tuple(left_out[::-1])


def second_order(turned: float, bowed: float, variance: float) -> float:
    """About what the second order in 1/n moves the mean of a logarithm by, over the standard deviation.

    turned and bowed are what two parts of the first order have made of it: weights that are used twice, and second
    derivatives by lengths.
    """
    return float((BY_TURNING * turned**2 + BY_BOWING * bowed) / np.sqrt(max(variance, TINY)))


def _bowed(one: Layer, curved: Floats, covariance: Floats) -> float:
    """What second derivatives by lengths make of a step's mean, without its sign."""
    return abs(float(one.log_slope @ curved + np.sum(one.log_bend * covariance) / 2))


def _bent(layers: Sequence[Layer], lengths: Lengths) -> float:
    pairs = zip(layers, lengths.covariances, strict=False)
    return max(float(abs(np.sum(b * covariance))) / 2 for one, covariance in pairs for b in one.bent)


def _there(
    neuron: Blurred, widths: Sequence[int], drawn: Sequence[Drawn], square: float, product: float
) -> tuple[list[Layer], tuple[float, float]]:
    """The hidden layers at the lengths of endless width; and p and τ of the last layer."""
    p, tau = in_first_layer(drawn[0], square, product)
    layers: list[Layer] = []
    for width, above in zip(widths, drawn[1:], strict=True):
        p, tau = held(p, tau, len(layers) + 1)
        if layers and drawn[len(layers)] == above and _settled(layers[-1], p, tau, width):
            layers.append(layers[-1])
        else:
            layers.append(layer(neuron, p, tau, width, above))
            require_known(neuron.activation, p, tau, layers[-1].values)
        p, tau = layers[-1].above
    return layers, held(p, tau, len(layers) + 1)


def in_first_layer(drawn: Drawn, square: float, product: float) -> tuple[float, float]:
    """p and τ there; raises BadValue where both are 0."""
    q = drawn.sigma**2 * square + drawn.sigma_b**2
    if not q:
        raise BadValue("inputs and biases are all 0, so that nothing reaches a neuron; give other data, or sigma_b > 0")
    # centred inputs have a mean product of 0 or below: their layers have next to nothing in common
    p = max(drawn.sigma**2 * product + drawn.sigma_b**2, ALIKE * q)
    return p, max(q - p, 0.0)


def _settled(below: Layer, p: float, tau: float, width: int) -> bool:
    """Whether a layer is the one below over again, as far as float64 tells."""
    return width == below.width and abs(p - below.p) <= SETTLED * p and abs(tau - below.tau) <= SETTLED * tau


def held(p: float, tau: float, where: int) -> tuple[float, float]:
    """Both, where signals neither grow beyond MOST nor die out."""
    if not LEAST < p + tau < MOST:
        weights = "larger" if p + tau <= LEAST else "smaller"
        raise Divergent(f"signals have the variance {p + tau:.2g} in layer {where}; give {weights} weights")
    return p, tau


def across(slope: Floats, covariance: Floats) -> float:
    """The variance of slope · x."""
    return float(slope @ covariance @ slope)


class Lengths(NamedTuple):
    """What log p and log τ differ from endless width's by, to order 1/n, in each layer, the outputs' among them.

    means (2,) and covariances (2, 2). curved : what of the means the second derivatives have made.
    """

    means: list[Floats]
    covariances: list[Floats]
    curved: list[Floats]


def _forward(layers: Sequence[Layer]) -> Lengths:
    """From the first layer, whose lengths are known, to the outputs."""
    means, covariances, curved = [np.zeros(2)], [np.zeros((2, 2))], [np.zeros(2)]
    for one in layers:
        off, made = one.made
        bent = np.array([np.sum(b * covariances[-1]) / 2 for b in one.bends])
        means.append(one.slopes @ means[-1] + bent + off)
        curved.append(one.slopes @ curved[-1] + bent)
        covariances.append(one.slopes @ covariances[-1] @ one.slopes.T + made)
    return Lengths(means, covariances, curved)


class Turn(NamedTuple):
    """What W's own direction adds to a step's mean and variance, to that of |g|² by what it was, and to the step."""

    mean: float
    variance: float
    before: float
    more: float


def _directions(layers: Sequence[Layer], drawn: Sequence[Drawn], along: Direction) -> list[Turn]:
    """Of each step; along is End's: t = (u·g)²/(|g|² Var u) at the outputs, and what log |g|² has to do with it.

    From layer to layer u·g is multiplied by a number, and a normal one is added that is new.
    """
    found = []
    for one, below in zip(reversed(layers), reversed(drawn[:-1]), strict=True):
        at = one.values
        V, S = at.expect(at.mean**2), at.expect(at.slope**2)
        made = one.p - below.sigma_b**2
        if not (V and S):
            found.append(Turn(0.0, 0.0, 0.0, 0.0))
            along = UNKNOWING
            continue
        share = at.expect(at.mean**2 * at.slope**2) / (V * S * one.width)  # of A's direction in |g|²
        more = 1 + share * (along.mean - 1)
        crossed = at.expect(at.mean**2 * at.slope**4) / (V * (S * one.width) ** 2) - share**2
        # what a normal u·g adds, 2 share², is in the layer's own variance
        variance = (share**2 * (along.variance - 2) + 4 * (along.mean - 1) * crossed) / more**2
        found.append(Turn(float(np.log(more)) - variance / 2, variance, 2 * share / more * along.with_log, more - 1))
        if made:
            rise = at.expect(at.mean * at.slope * at.v) / one.p
            own = (made / one.p) ** 2 * at.expect(at.v**2 * at.slope**2) + made * (1 - made / one.p) * S
            along = along.passed(made * rise**2 / (V * S * more), own / (made * S * more), share / more)
    return found[::-1]


def _singles(layers: Sequence[Layer], single: float) -> list[float]:
    """E |δ_l|² of one input over E |g_l|² of endlessly many, that of the last layer, which is given, among them."""
    ratios = [single]
    for one in reversed(layers):
        ratios.append(ratios[-1] * one.values.expect(one.values.squared_slope) / one.values.expect(one.values.slope**2))
    return ratios[::-1]


class Passage(NamedTuple):
    """Cumulants of log |g_1|² - log |g_L|² over L hidden layers, and bent and left_out as in Course."""

    log: Cumulants
    bent: float
    left_out: float


def passage(activation: Activation, widths: Sequence[int], drawn: Sequence[Drawn], square: float) -> Passage:
    """From the last hidden layer to the first one, for one input of mean |x|² square and a gradient at the last that
    knows nothing of the network.

    widths : of the L >= 2 hidden layers. drawn : how the L weights and biases up to them are drawn.
    Raises BadValue as course does.
    """
    layers, _ = _there(Blurred(activation), widths[:-1], drawn, square, square)
    lengths, turns = _forward(layers), _directions(layers, drawn, UNKNOWING)
    nothing = Cumulants(0.0, 0.0, 0.0, 0.0)
    logs, _, left_out = _back(layers, lengths, turns, [0.0] * len(widths), nothing, np.zeros(2))
    return Passage(logs[0], _bent(layers, lengths), left_out[0])
