"""One hidden layer of a random network: what it hands on, what it does to the gradient, and how p and τ move both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.kinds import Floats
from chainderiv.theory.finite_width.blurred import SHARP, Blurred, Values
from chainderiv.theory.finite_width.logarithm import Cumulants, of_squares, of_weighted_squares
from chainderiv.theory.moments import TINY

STEP = 0.02  # of log p and log τ, in differences
LARGEST = 1e100


@dataclass(frozen=True)
class Drawn:
    """How W_l and b_l are drawn: standard deviations of one weight and of one bias, whose squares are numbers."""

    sigma: float
    sigma_b: float

    def __post_init__(self) -> None:
        for name, value in (("weight", self.sigma), ("bias", self.sigma_b)):
            if not value < LARGEST:
                raise BadValue(f"one {name} has the standard deviation {value:.4g}; give one below {LARGEST:g}")


@dataclass(frozen=True)
class Layer:
    """A hidden layer at (p, τ) of an endlessly wide network: what it hands on, what it does to |g|², and how both move.

    Derivatives are by x = (log p, log τ) and of x' = (log p', log τ') of the layer above and of log E ψ².
    """

    p: float
    tau: float
    width: int
    gain: float  # n σ_W² of the layer above
    above: tuple[float, float]  # p' and τ'
    values: Values
    slopes: Floats  # (2, 2): of x'
    bends: Floats  # (2, 2, 2)
    log_slope: Floats  # (2,): of log E ψ²
    log_bend: Floats  # (2, 2)

    @property
    def bent(self) -> tuple[Floats, Floats]:
        """The second derivatives that tell whether a first order does: of log p' and of log E ψ²."""
        return self.bends[0], self.log_bend

    @cached_property
    def own(self) -> Cumulants:
        """Of log (1/n) Σ ψ² h² at fixed p and τ."""
        return of_weighted_squares(self.values.slope**2, self.values.weights, self.width)

    @cached_property
    def _parts(self) -> Floats:
        """What one neuron adds to p' and τ' over them, less its mean, (2, k)."""
        at = self.values
        added = np.array([at.mean**2, at.variance])
        added = self.gain * (added - (added @ at.weights)[:, None])
        return np.array([part / whole if whole else 0 * part for part, whole in zip(added, self.above, strict=True)])

    @cached_property
    def made(self) -> tuple[Floats, Floats]:
        """The mean, less log p' and log τ', and the covariance of the next x at a given one, (2,) and (2, 2)."""
        at = self.values
        covariance = (self._parts * at.weights) @ self._parts.T / self.width
        mean = -np.diag(covariance) / 2
        # of log p' more than the first order in 1/n: with r = n σ_W² E A²/p', log(1 + r (e^ξ - 1)) to ξ²
        squared = at.expect(at.mean**2)
        if squared:
            log = of_squares(at.mean[None], at.weights, np.array([float(self.width)]))
            r, off = self.gain * squared / self.above[0], log.mean - np.log(self.width * squared)
            more = np.sqrt(r**2 * log.variance / covariance[0, 0]) if covariance[0, 0] else 1.0
            covariance = covariance * np.outer([more, 1], [more, 1])
            mean[0] = r * off + r * (1 - r) * (log.variance + off**2) / 2
        return mean, covariance

    @cached_property
    def shared(self) -> Floats:
        """The covariance of the next x with log (1/n) Σ ψ² h², (2,)."""
        squared = self.values.slope**2 / self.values.expect(self.values.slope**2)
        return self._parts @ (self.values.weights * squared) / self.width


def layer(neuron: Blurred, p: float, tau: float, width: int, above: Drawn) -> Layer:
    """The layer, its derivatives by differences."""
    gain = width * above.sigma**2

    def handed(at: Values) -> tuple[float, float]:
        return gain * at.expect(at.mean**2) + above.sigma_b**2, gain * at.expect(at.variance)

    def moments(p: float, tau: float) -> Floats:
        at = neuron.at(p, tau)
        return np.log(np.maximum([*handed(at), at.expect(at.slope**2)], TINY))

    _, slopes, bends = differences(moments, p, tau)
    values = neuron.at(p, tau)
    return Layer(p, tau, width, gain, handed(values), values, slopes[:2], bends[:2], slopes[2], bends[2])


def differences(function: Callable[[float, float], Floats], p: float, tau: float) -> tuple[Floats, Floats, Floats]:
    """A function (m,) of p and τ, its derivatives (m, 2) and second derivatives (m, 2, 2) by their logarithms.

    None by that of a τ that is as good as 0.
    """
    here = function(p, tau)
    slopes, bends = np.zeros((len(here), 2)), np.zeros((len(here), 2, 2))

    def moved(by_p: int, by_tau: int) -> Floats:
        return function(p * np.exp(by_p * STEP), tau * np.exp(by_tau * STEP))

    for i in (0, 1) if tau > SHARP * p else (0,):
        ahead, behind = moved(i == 0, i == 1), moved(-(i == 0), -(i == 1))
        slopes[:, i], bends[:, i, i] = (ahead - behind) / (2 * STEP), (ahead + behind - 2 * here) / STEP**2
    if tau > SHARP * p:
        mixed = (moved(1, 1) - moved(1, -1) - moved(-1, 1) + moved(-1, -1)) / (4 * STEP**2)
        bends[:, 0, 1] = bends[:, 1, 0] = mixed
    return here, slopes, bends
