"""How a neuron acts on the smallest and on the largest z, and which way a chain of random weights drifts there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln

from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Floats
from chainderiv.theory.one_neuron.log_weight import MEAN_LOG, VARIANCE_LOG

NEARER, FURTHER = 150.0, 300.0  # of |log|z||, between which what has a limit stands still; z² overflows at 355
NEARER_STILL = (1.0, 1 / 2, 1 / 3)  # of them, where a power of z has left float64
STILL = 1e-9
FAR = 100.0  # of log|z|, where log|φ'| tells by which power of |z| it falls
LEAST, MOST = 1e-9, 1e300  # of an index


@dataclass(frozen=True)
class End:
    """What is left of a neuron as |z| tends to 0 (side -1) or to ∞ (side 1), at z > 0 and at z < 0: each (2,).

    gain : log|φ(z)/z|; -∞ where that tends to 0, ∞ where it grows.  slope : log|φ'(z)| likewise; NaN where it has no
    limit.  falls : the power p of |z| by which log|φ'| falls to -∞; 0 where it has a limit, or falls by logarithms.
    vanishes : the same of log|φ|; ∞ where φ is 0.
    """

    side: int
    gain: Floats
    slope: Floats
    falls: Floats
    vanishes: Floats

    def drift(self, sigma_w: float) -> float:
        """The mean step of log|z| there: the sign of z is a fair coin."""
        return math.log(sigma_w) + MEAN_LOG + float(self.gain.mean())

    def index(self, sigma_w: float) -> float:
        """κ > 0 with E |w φ(z)/z|^(±κ) = 1, by whose power the law of |z| thins out there; ∞ where any power holds.

        Kesten (1973). Asked for only where the drift leads back from there.
        """
        gains = self.side * (math.log(sigma_w) + self.gain[np.isfinite(self.gain)])
        if not gains.size:
            return math.inf

        def growth(k: float) -> float:  # (log E)/κ, which rises with κ
            power = self.side * k
            moment = power / 2 * math.log(2) + float(gammaln((power + 1) / 2)) - math.log(math.pi) / 2
            return (float(np.logaddexp.reduce(k * gains)) - math.log(2) + moment) / k

        if growth(LEAST) >= 0:  # nearly no drift: what is of the first order in κ
            return -2 * self.side * self.drift(sigma_w) / (VARIANCE_LOG + float(np.var(self.gain)))
        most = 1 - LEAST
        while self.side > 0 and most < MOST and growth(most) < 0:
            most *= 2
        if growth(most) < 0:  # a weight has no mean power below -1, and float64 no number beyond MOST
            return most
        return float(brentq(growth, LEAST, most, xtol=1e-14))


def end(phi: Activation, side: int) -> End:
    """The neuron at 0 (side -1) or at ±∞ (side 1)."""
    for share in NEARER_STILL:
        gains, slopes = _far_out(phi, side, share)
        if (np.concatenate([gains, slopes]) < np.inf).all():
            break
    falls, vanishes = (_power(f[2], f[3]) if side > 0 else np.zeros(2) for f in (slopes, gains))
    falls = np.where(np.isinf(falls), 0.0, falls)  # a slope that is the number 0 is told apart
    return End(side, _limit(gains[0], gains[1]), _limit(slopes[0], slopes[1]), falls, vanishes)


def _far_out(phi: Activation, side: int, share: float) -> tuple[Floats, Floats]:
    """log|φ(z)/z| and log|φ'(z)| at four |z| and on both sides, (4, 2) each."""
    functions = array_functions(phi)
    z = np.exp(side * share * np.array([NEARER, FURTHER, FAR, FAR + 1]))[:, None] * np.array([1.0, -1.0])
    with np.errstate(all="ignore"):
        return functions.log_abs_value(z) - np.log(np.abs(z)), functions.log_abs_derivative(z)


def _power(far: Floats, further: Floats) -> Floats:
    """p where a logarithm falls as -|z|^p from e^FAR to e^(FAR + 1)."""
    with np.errstate(all="ignore"):
        power = np.log(further / far)
    return np.where(further == -np.inf, np.inf, np.where((further < -1) & (power > 0.1), power, 0.0))


def _limit(near: Floats, far: Floats) -> Floats:
    """What stands still, or goes on by hundreds from one place to the other; else NaN."""
    with np.errstate(invalid="ignore"):
        step = far - near
    gone = np.where((step < -10) | (far == -np.inf), -np.inf, np.where(step > 10, np.inf, np.nan))
    return np.where(np.abs(step) <= STILL, far, gone)
