"""Sums of log|w φ'(z)| over the links of a walk: their mean and variance, layer by layer and in the long run."""

from __future__ import annotations

import math

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.theory.one_neuron.log_weight import MEAN_LOG
from chainderiv.theory.one_neuron.walk import Walk, both, density

EPS = float(np.finfo(float).eps)
NEVER = (-math.inf, math.nan, math.nan)
LEAST_T = -600.0  # of an input's log s


def exponent(walk: Walk) -> tuple[float, float]:
    """E log|w φ'(z)| in the long run, the weight's part exact, and the rounding of it."""
    slope = walk.mean_slope
    found = math.log(walk.sigma_w) + MEAN_LOG + float(walk.settled @ slope)
    return found, 8 * EPS * (1 + abs(math.log(walk.sigma_w)) + float(np.abs(walk.settled) @ np.abs(slope)))


def variance(walk: Walk) -> float:
    """Of the sum of log|w φ'(z)|, a layer in the long run.

    The sum less λL is one of differences that nothing before tells, log|w φ'| - λ + h(t') - h(t), where h solves
    Poisson's equation h - P h = E[log|w φ'| | t] - λ; so its variance is the sum of theirs.
    """
    chances, first, second = walk.step, walk.links[1], walk.links[2]
    one = np.ones(walk.t.size)
    told = first @ one
    mean = float(walk.settled @ told)
    h = walk.to_come(told - mean)
    return float(walk.settled @ (second @ one + 2 * first @ h + chances @ (h * h) - (mean + h) ** 2))


def sums(walk: Walk, depth: int, x: float) -> tuple[float, float, float]:
    """Of log|φ'(z_1) Π w_l φ'(z_l)| from an input x: log P(it is finite), and its mean and standard deviation where so.

    NEVER where the chance is below rounding.

    Backwards: T_k(t), k = 0, 1, 2, is the mean of the kth power over the layers to come, 0 where one of them is dead.
    """
    zeroth, first, second = walk.links
    to_come = np.stack([np.ones(walk.t.size), *np.zeros((2, walk.t.size))])
    log_scale = 0.0
    for _ in range(depth - 1):
        alive, total, square = to_come
        to_come = np.stack([
            zeroth @ alive, first @ alive + zeroth @ total, second @ alive + 2 * first @ total + zeroth @ square,
        ])  # fmt: skip
        most = float(to_come[0].max())
        if not most > 0:
            return NEVER
        to_come, log_scale = to_come / most, log_scale + math.log(most)
    alive, total, square = _from_input(walk, to_come, x)
    if not alive > 0:
        return NEVER
    mean = float(total / alive)
    return min(0.0, log_scale + math.log(alive)), mean, math.sqrt(max(0.0, float(square / alive) - mean**2))


def _from_input(walk: Walk, to_come: Floats, x: float) -> Floats:
    """The first layer's own slope before what is to come, over the z_1 that x leads to: (3,)."""
    t = max(LEAST_T, float(np.log(np.hypot(walk.sigma_w * x, walk.sigma_b)))) if x or walk.sigma_b else LEAST_T
    u, weights = walk.nodes(t, t)
    f, here = walk.slope(both(u))
    alive, total, square = walk.at(to_come, walk.next_t(both(u)))
    parts = np.stack([alive, f * alive + total, f * f * alive + 2 * f * total + square])
    return np.asarray((parts * here).mean(axis=1) @ (density(u - t) * weights))
