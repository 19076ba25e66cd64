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
from chainderiv.theory.finite_width.end import End
from chainderiv.theory.finite_width.layer import Drawn, Layer, layer
from chainderiv.theory.finite_width.logarithm import Cumulants
from chainderiv.theory.gaussian import Divergent

ALIKE = 1e-9  # the least p/q
MOST = 1e20  # the largest variance of a signal
MOST_MOVED = 200.0  # of log p: a mean or a variance


class Step(NamedTuple):
    """Of log |g_l|² - log |g_{l+1}|²: mean and variance."""

    mean: float
    variance: float


@dataclass(frozen=True)
class Course:
    """Cumulants of log |g_l|², l = 1 … L; the steps between; and what tells whether they can be trusted.

    bent : the most that a second order in what p and τ differ by moves a layer's log p or log E ψ².
    single : the largest share of |g|² that single inputs make.
    apart : the mean |δ_1|² of one input over |g_1|², as far as hidden layers have made it: how far inputs part.
    """

    logs: tuple[Cumulants, ...]
    steps: tuple[Step, ...]
    bent: float
    single: float
    apart: float


def course(
    activation: Activation, widths: Sequence[int], drawn: Sequence[Drawn], square: float, product: float, inputs: int,
    end: End,
) -> Course:  # fmt: skip
    """Of networks whose hidden layers have these widths, for inputs of mean |x|² square and mean x·x' product.

    Raises
    ------
    BadValue
        Where nothing reaches a neuron, and where signals grow beyond MOST.
    """
    layers, (p, tau) = _there(Blurred(activation), widths, drawn, square, product)
    means, covariances = _forward(layers)
    if not max(np.max(np.abs(x)) for x in (*means, *covariances)) < MOST_MOVED:
        raise Divergent("lengths of signals differ beyond float64 from network to network; give smaller weights")
    directions = _directions(layers, drawn, end.along(p, tau, p - drawn[-1].sigma_b ** 2))
    singles = _singles(layers, end.single(p, tau))
    shares = [(ratio - 1) / inputs for ratio in singles]
    at_end, adjoint = end.over(p, tau, means[-1], covariances[-1])
    logs = [at_end._replace(mean=at_end.mean + float(np.log1p(shares[-1])))]
    steps: list[Step] = []
    # of the variance, what p and τ of layer l bring along is told apart, so that each l counts it once
    total = at_end._replace(variance=at_end.variance - _across(adjoint, covariances[-1]))
    for k in reversed(range(len(layers))):
        one, (_, made) = layers[k], layers[k].made
        own = one.own._replace(variance=one.own.variance + directions[k][1])
        mean = np.log(one.gain) + own.mean + one.log_slope @ means[k] + np.sum(one.log_bend * covariances[k]) / 2
        mean = float(mean + directions[k][0] + np.log1p(shares[k]) - np.log1p(shares[k + 1]))
        steps.append(Step(mean, own.variance + _across(one.log_slope, covariances[k])))
        through = 2 * float(adjoint @ one.shared) + _across(adjoint, made)
        total = total.plus(own._replace(variance=own.variance + through))
        adjoint = one.log_slope + one.slopes.T @ adjoint
        variance = total.variance + _across(adjoint, covariances[k])
        logs.append(total._replace(mean=logs[-1].mean + mean, variance=variance))
    bent = max(float(abs(np.sum(b * c))) / 2 for one, c in zip(layers, covariances, strict=False) for b in one.bent)
    single = float(np.max(np.abs(shares)))
    return Course(tuple(logs[::-1]), tuple(steps[::-1]), bent, single, singles[0] / singles[-1])


def _there(
    neuron: Blurred, widths: Sequence[int], drawn: Sequence[Drawn], square: float, product: float
) -> tuple[list[Layer], tuple[float, float]]:
    """The hidden layers at the lengths of endless width; and p and τ of the last layer."""
    q = drawn[0].sigma ** 2 * square + drawn[0].sigma_b ** 2
    if not q:
        raise BadValue("inputs and biases are all 0, so that nothing reaches a neuron; give other data, or sigma_b > 0")
    # centred inputs have a mean product of 0 or below: their layers have next to nothing in common
    p = max(drawn[0].sigma ** 2 * product + drawn[0].sigma_b ** 2, ALIKE * q)
    tau = max(q - p, 0.0)
    layers: list[Layer] = []
    for width, above in zip(widths, drawn[1:], strict=True):
        if not p + tau < MOST:
            where = len(layers) + 1
            raise Divergent(f"signals have the variance {p + tau:.2g} in layer {where}; give smaller weights")
        layers.append(layer(neuron, p, tau, width, above))
        p, tau = layers[-1].above
    return layers, (p, tau)


def _across(slope: Floats, covariance: Floats) -> float:
    """The variance of slope · x."""
    return float(slope @ covariance @ slope)


def _forward(layers: Sequence[Layer]) -> tuple[list[Floats], list[Floats]]:
    """The mean of x less log p and log τ, and its covariance, in each layer, the last among them; to order 1/n."""
    means, covariances = [np.zeros(2)], [np.zeros((2, 2))]
    for one in layers:
        off, made = one.made
        bent = np.array([np.sum(b * covariances[-1]) / 2 for b in one.bends])
        means.append(one.slopes @ means[-1] + bent + off)
        covariances.append(one.slopes @ covariances[-1] @ one.slopes.T + made)
    return means, covariances


def _directions(layers: Sequence[Layer], drawn: Sequence[Drawn], along: float) -> list[tuple[float, float]]:
    """What W's own direction adds to the mean and the variance of each step; along is End's."""
    found = []
    for one, below in zip(reversed(layers), reversed(drawn[:-1]), strict=True):
        at = one.values
        V, S = at.expect(at.mean**2), at.expect(at.slope**2)
        made = one.p - below.sigma_b**2
        if not (V and S):
            found.append((0.0, 0.0))
            along = 1.0
            continue
        share = at.expect(at.mean**2 * at.slope**2) / (V * S * one.width)  # of A's direction in |g|²
        more = 1 + share * (along - 1)
        crossed = at.expect(at.mean**2 * at.slope**4) / (V * (S * one.width) ** 2) - share**2
        found.append((float(np.log(more)), (2 * share**2 * (along**2 - 1) + 4 * (along - 1) * crossed) / more**2))
        if made:
            rise = at.expect(at.mean * at.slope * at.v) / one.p
            own = (made / one.p) ** 2 * at.expect(at.v**2 * at.slope**2) + made * (1 - made / one.p) * S
            along = (made * rise**2 / V * (along - 1) + own / made) / (S * more)
    return found[::-1]


def _singles(layers: Sequence[Layer], single: float) -> list[float]:
    """E |δ_l|² of one input over E |g_l|² of endlessly many, that of the last layer, which is given, among them."""
    ratios = [single]
    for one in reversed(layers):
        ratios.append(ratios[-1] * one.values.expect(one.values.squared_slope) / one.values.expect(one.values.slope**2))
    return ratios[::-1]
