"""Where the z of a random chain end up: in a law of their own, at 0, or beyond every bound; and which z matter."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.theory.one_neuron.limits import End, end
from chainderiv.theory.one_neuron.walk import ABOVE, BELOW, Walk, both

DIGITS = 38.0  # natural logarithm of what is negligible
LOWEST, FURTHEST, GROWING = -600.0, 600.0, 60.0  # log s at most; the last where what is averaged grows as a power of z
STEADY = 40.0  # of |log s|, where a neuron has become its limit
STEEPEST = 4.0  # above the powers that are averaged: how much further a tilt need not go, however thin the tail
SAMPLES = 4000  # of |z|, in looking for the largest φ
NO_POWER = 1e9  # of a logarithm's fall: φ is 0
FLAT = 1e-14  # a drift that is rounding
SETTLES, DIES, GROWS = "", "z tends to 0", "z grows without end"


@dataclass(frozen=True)
class Reach:
    """How z ends up (fate), what the neuron is at either end, and the walk's bounds.

    index : κ, P(|z| > t) falls as t^-κ; ∞ where by no power.
    """

    activation: Activation
    sigma_w: float
    sigma_b: float
    fate: str
    at_0: End
    at_infinity: End
    index: float

    @property
    def power(self) -> float:
        """By which log|φ'| falls in z."""
        return float(self.at_infinity.falls.max())

    @property
    def limit(self) -> End:
        """Where z ends up that settles into no law."""
        return self.at_0 if self.fate == DIES else self.at_infinity

    @property
    def through_0(self) -> bool:
        """Whether φ(0) = 0, without biases, so that z may be as small as it likes."""
        return self.sigma_b == 0 and bool((self.at_0.gain < np.inf).any())

    def walk(self, degree: int, width: float, share: float) -> Walk:
        """Bounds that no z passes stand; a share is taken of those that are only far."""
        low = math.log(self.sigma_b) if self.sigma_b else -STEADY
        if self.through_0 and self.fate == SETTLES:
            low = max(LOWEST, -DIGITS / self.at_0.index(self.sigma_w) - 4)
        core = max(0.0, low)
        tilt, way = self._upwards(core)
        low = low if self.sigma_b else low * share
        made = Walk(self.activation, self.sigma_w, self.sigma_b, low, core + share * way, tilt, degree, width)
        return _highest(made) if np.isneginf(self.at_infinity.gain).all() else made

    def _upwards(self, core: float) -> tuple[float, float]:
        """The tilt and the length of the way up."""
        p, kappa = self.power, self.index
        if math.isinf(kappa):
            return 0.0, STEADY
        if p == 0:
            return 0.0, STEADY if self.fate != SETTLES else min(FURTHEST - core, DIGITS / kappa + 4)
        if self.fate != SETTLES or kappa <= p:
            return p, min(GROWING, STEADY)
        way = DIGITS / (kappa - p)
        way = max(way, min(0.8 * DIGITS / (kappa - 2 * p), 1.5 * way)) if kappa > 2 * p else way
        tilt = p + kappa / 2 if kappa > 2 * p else (kappa + p) / 2
        return min(tilt, (2 * kappa + p) / 3, 2 * p + STEEPEST), min(way + 4, GROWING, 330 / p)


def reach(phi: Activation, sigma_w: float, sigma_b: float) -> Reach:
    """What becomes of z; raises BadValue where chance decides, or what a neuron does far out is not known.

    Without biases a z at which log|φ| is -D is followed by some D steps back, the law of |z| thins out as |z|^-κ, and D
    grows as |z|^p: the way back has a mean where p < κ.
    """
    at_0, at_infinity = end(phi, -1), end(phi, 1)
    if np.isnan(at_infinity.gain).any():
        raise BadValue(
            f"φ(z)/z of activation {phi.name!r} has no limit far out that is known; give one whose slope settles"
        )
    if (at_infinity.gain == np.inf).any():
        raise BadValue(
            f"activation {phi.name!r} grows faster than in proportion to z, and what becomes of a chain is not known; "
            "give one that does not"
        )
    out = at_infinity.drift(sigma_w)
    inwards = at_0.drift(sigma_w) if sigma_b == 0 else math.inf
    if math.isnan(inwards):
        raise BadValue(f"activation {phi.name!r} has no slope at 0 that is known; give sigma_b > 0")
    if inwards <= FLAT and out >= -FLAT and not np.array_equal(at_0.gain, at_infinity.gain):
        raise BadValue(
            f"without biases z of {phi.name!r} at sigma_w = {sigma_w:g} tends to 0 or grows without end, and chance "
            "decides which; give sigma_b > 0, or a smaller sigma_w"
        )
    fate = DIES if inwards <= FLAT else GROWS if out >= -FLAT else SETTLES
    index = at_infinity.index(sigma_w) if out < -FLAT else 0.0
    if fate == SETTLES and math.isfinite(inwards) and at_infinity.vanishes.max() >= min(index, NO_POWER):
        raise BadValue(
            f"without biases z of {phi.name!r} at sigma_w = {sigma_w:g} is thrown onto 0, or so near to it that no "
            "mean way back is finite, and settles into no law; give sigma_b > 0"
        )
    return Reach(phi, sigma_w, sigma_b, fate, at_0, at_infinity, index)


def _highest(walk: Walk) -> Walk:
    """The walk up to the largest log s that z itself leads to, of a neuron that grows more slowly than z."""
    low, high, reached = walk.low, max(walk.low, 0.0), math.inf
    while reached > high:
        high = min(max(high, reached), FURTHEST) if math.isfinite(reached) else high
        u = np.linspace(min(low, 0.0) - BELOW, high + ABOVE, SAMPLES)
        reached = min(float(walk.next_t(both(u)).max()) + 0.02, FURTHEST)
    return replace(walk, high=max(reached, low + 0.1))
