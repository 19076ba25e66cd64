"""The last layer of a random network: the law of log |g_L|² of the mean gradient g_L over the inputs.

Its outputs are few, and each is on its own given p and τ: log Σ_i G_i², whose cumulants are known without an expansion,
with G_i = (1 - s_i) E_ζ δ(z, 0) + s_i E_ζ δ(z, 1), s_i the share of the inputs whose target is 1 there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.theory.finite_width.blurred import blur, common
from chainderiv.theory.finite_width.direction import UNKNOWING, Direction
from chainderiv.theory.finite_width.logarithm import GAMMA, Cumulants, of_squares
from chainderiv.theory.gaussian import Divergent
from chainderiv.theory.moments import TINY

HERMITE = 11  # points over log p
STEP, FAR = 0.1, 40.0  # of log t, in the integral for 1/|g|²
MOST_MOVED = 200.0  # of log p


class Outputs(NamedTuple):
    """At nodes v with weights, each (k,): G and E δ² of one input, each (m, k) of the m kinds of output."""

    v: Floats
    weights: Floats
    mean: Floats
    square: Floats


class Ending(Protocol):
    """What a last layer says of g_L at given p and τ."""

    def cumulants(self, p: float, tau: float) -> Cumulants:
        """Of log |g_L|²."""

    def single(self, p: float, tau: float) -> float:
        """E |δ|² of one input over E |g_L|²."""

    def along(self, p: float, tau: float, made: float) -> Direction:
        """Of u, the part of v that weights made, of variance made."""


@dataclass(frozen=True)
class End:
    """δ of one output at z for the targets 0 and 1, and of each output the share of the inputs whose target is 1."""

    delta: Callable[[Floats, float], Floats]
    breaks: tuple[float, ...]
    shares: Floats

    @cached_property
    def kinds(self) -> tuple[Floats, Floats]:
        """The shares that occur, and how often."""
        shares, counts = np.unique(self.shares, return_counts=True)
        return shares, counts.astype(float)

    def at(self, p: float, tau: float) -> Outputs:
        """The outputs at the nodes of N(0, p)."""
        v, weights = common(p, tau, self.breaks)

        def both(z: Floats) -> Floats:
            off, on = self.delta(z, 0.0), self.delta(z, 1.0)
            return np.array([off, on, off * off, on * on])

        off, on, off2, on2 = blur(both, v, tau, self.breaks)
        share = self.kinds[0][:, None]
        return Outputs(v, weights, (1 - share) * off + share * on, (1 - share) * off2 + share * on2)

    def cumulants(self, p: float, tau: float) -> Cumulants:
        """Of log |g_L|² at fixed p and τ."""
        at = self.at(p, tau)
        return of_squares(at.mean, at.weights, self.kinds[1])

    def single(self, p: float, tau: float) -> float:
        """E |δ|² of one input over E |g_L|²."""
        at = self.at(p, tau)
        return float(self.kinds[1] @ at.square @ at.weights / (self.kinds[1] @ at.mean**2 @ at.weights))

    def along(self, p: float, tau: float, made: float) -> Direction:
        """Of u, the part of v that weights made, of variance made.

        1/|g|² is the integral of exp(-s |g|²) over s, under which the outputs are apart from each other again: their
        cumulants add. 1/|g|⁴ is that of s exp(-s |g|²), and log |g|²/|g|² that of -(log s + γ) exp(-s |g|²).
        """
        if not made:
            return UNKNOWING
        at, counts = self.at(p, tau), self.kinds[1]
        r, rest = made / p, made * (1 - made / p)
        u = r * at.v
        powers = np.array([u, u**2 + rest, u**3 + 3 * u * rest, u**4 + 6 * u**2 * rest + 3 * rest**2])  # E u^k given v
        x = np.arange(-FAR, FAR, STEP)
        size = float(counts @ at.mean**2 @ at.weights)
        s = np.exp(x) / size
        whole, cumulants = np.zeros(x.size), np.zeros((4, x.size))
        for G, count in zip(at.mean, counts, strict=True):
            under = np.exp(-s[:, None] * G**2) * at.weights
            total = np.maximum(under.sum(axis=1), TINY)
            m1, m2, m3, m4 = (under @ (G**k * u_k) / total for k, u_k in enumerate(powers, 1))
            whole += count * np.log(total)
            third, fourth = m3 - 3 * m2 * m1 + 2 * m1**3, m4 - 4 * m3 * m1 - 3 * m2**2 + 12 * m2 * m1**2 - 6 * m1**4
            cumulants += count * np.array([m1, m2 - m1**2, third, fourth])
        k1, k2, k3, k4 = cumulants
        squared = np.exp(whole) * (k2 + k1**2) * s
        mean = STEP * squared.sum() / made
        log = -STEP * (squared * (np.log(s) + GAMMA)).sum() / made
        twice = STEP * (np.exp(whole) * (k4 + 4 * k3 * k1 + 3 * k2**2 + 6 * k2 * k1**2 + k1**4) * s**2).sum() / made**2
        return Direction(*map(float, (mean, twice - mean**2, log - mean * self.cumulants(p, tau).mean)))


def over(end: Ending, p: float, tau: float, mean: Floats, covariance: Floats) -> tuple[Cumulants, Floats]:
    """Of log |g_L|² where log p is normal, of mean and covariance beside these; and its slope by (log p, log τ).

    The law of total cumulance. τ, which hardly tells here, is taken at its mean.
    """
    root = float(np.sqrt(covariance[0, 0]))
    if not root:
        return end.cumulants(p, tau), np.zeros(2)
    nodes, weights = np.polynomial.hermite_e.hermegauss(HERMITE)
    weights = weights / weights.sum()
    farthest = abs(float(mean[0])) + root * float(nodes[-1])
    if not farthest < MOST_MOVED:
        raise Divergent(
            f"lengths of the outputs' signals differ by a factor of 10^{farthest / np.log(10):.0f} from network to "
            "network; give smaller weights, or wider layers"
        )
    at = [end.cumulants(p * np.exp(mean[0] + root * x), tau * np.exp(mean[1])) for x in nodes]
    k1, k2, k3, k4 = np.array(at).T
    whole = weights @ k1
    k1 = k1 - whole
    moved = k2 - weights @ k2
    fourth = k4 + 4 * k1 * k3 + 3 * moved**2 + 6 * k1**2 * moved + k1**4
    found = (whole, weights @ (k2 + k1**2), weights @ (k3 + 3 * k1 * k2 + k1**3))
    last = weights @ fourth - 3 * (weights @ k1**2) ** 2
    slope = float(weights @ (k1 * nodes)) / root
    return Cumulants(*(float(k) for k in (*found, last))), np.array([slope, 0.0])
