"""The cumulants of log S for a sum S of independent squares, at any number of them, without an expansion.

With an exponential variable E of mean 1 apart from S, P(log E - log S > x) = E exp(-e^x S) = ℓ(e^x), ℓ the Laplace
transform of S. So the cumulants of log E - log S are integrals over ℓ, and those of log S follow: log E's are -γ, π²/6,
-2ζ(3) and π⁴/15. The integrand is analytic, and the trapezoidal rule takes it to rounding in a thousand points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chainderiv.kinds import Floats

STEP = 0.1  # e^{-e^x} is analytic for |Im x| < π/2: the rule's error is e^{-π²/STEP}
LEFT = 42.0  # below it 1 - ℓ is under 1e-18
RIGHT, MOST = 42.0, 672.0  # where the search for ℓ's end begins, and where e^x would leave float64
NOTHING = 1e-18
HUGE = 1e300
NEARLY = 0.4  # kept: above it what is lost has the digits
GAMMA = float(np.euler_gamma)
OF_LOG_E = (-GAMMA, np.pi**2 / 6, -2 * 1.2020569031595942, np.pi**4 / 15)


class Cumulants(NamedTuple):
    """The mean, the variance and the third and fourth cumulant of a logarithm."""

    mean: float
    variance: float
    third: float
    fourth: float

    def plus(self, other: Cumulants) -> Cumulants:
        """Of the sum of two independent ones."""
        return Cumulants(*(a + b for a, b in zip(self, other, strict=True)))


def log_cumulants(transform: Callable[[Floats], Floats], mean: float) -> Cumulants:
    """Those of log S, S > 0.

    Parameters
    ----------
    transform : function of t (n,), > 0, to E exp(-t S), its digits kept where it is small.
    mean : about E S: where the sums are centred.

    Examples
    --------
    >>> found = log_cumulants(lambda t: 1 / (1 + t), 1.0)  # S an exponential variable itself
    >>> f"{found.mean:.12f} {found.variance:.12f}"
    '-0.577215664902 1.644934066848'
    """
    right = RIGHT
    while right < MOST and transform(np.array([np.exp(right) / mean]))[0] > NOTHING:
        right *= 2
    x = STEP * np.arange(np.floor(-LEFT / STEP), np.ceil(right / STEP) + 1)
    with np.errstate(over="ignore", under="ignore"):
        beyond = transform(np.exp(x) / mean) - np.exp(-np.exp(x))  # what log E alone has
    g, v, t, f = OF_LOG_E
    of_e = (g, v + g**2, t + 3 * v * g + g**3, f + 4 * t * g + 3 * v**2 + 6 * v * g**2 + g**4)
    m1, m2, m3, m4 = (of_e[k] + (k + 1) * STEP * float((x**k * beyond).sum()) for k in range(4))
    second, third = m2 - m1**2, m3 - 3 * m1 * m2 + 2 * m1**3
    fourth = m4 - 4 * m1 * m3 - 3 * m2**2 + 12 * m1**2 * m2 - 6 * m1**4
    return Cumulants(float(np.log(mean)) - m1 + g, second - v, t - third, fourth - f)


def of_weighted_squares(squares: Floats, weights: Floats, count: int) -> Cumulants:
    """Those of the log of the mean over count neurons of ψ² g², g ~ N(0, 1), given that it is not 0.

    ψ² is squares (k,) at nodes of weights (k,). Of ReLU it is log(χ²_K/count), K ~ Bin(count, ½), given K > 0.

    Examples
    --------
    >>> round(of_weighted_squares(np.array([1.0]), np.array([1.0]), 2).mean, 12)  # log(χ²₂/2): -γ
    -0.577215664902
    """
    weights = weights / weights.sum()
    none, some = float(weights[squares == 0].sum()), squares > 0

    def transform(t: Floats) -> Floats:
        with np.errstate(over="ignore"):
            grown = 2 * t[:, None] * squares[some] / count
            root = np.sqrt(1 + grown)
            # 1/√(1 + x) - 1 without a difference; what overflows has lost all
            lost = np.where(grown < HUGE, -grown / (root * (1 + root)), -1.0) @ weights[some]
            kept = (1 / root) @ weights[some]
        if not none:
            return _power(kept, lost, count)
        # where little is left the whole is none^count and a small part, which alone is asked for
        small = none**count * np.expm1(count * np.log1p(np.minimum(kept / none, 1.0)))
        return np.asarray(np.where(kept < none / 8, small, _power(kept + none, lost, count) - none**count) / share)

    share = 1 - none**count
    return log_cumulants(transform, float(squares @ weights))


def of_squares(values: Floats, weights: Floats, counts: Floats) -> Cumulants:
    """Those of log Σ_i G_i², given that it is not 0.

    values (m, k) are G of m kinds at nodes of weights (k,), counts (m,) how many there are of each.

    Examples
    --------
    >>> of_squares(np.array([[2.0]]), np.array([1.0]), np.array([9.0])).mean.hex() == np.log(36.0).hex()
    True
    """
    weights, squares = weights / weights.sum(), values**2
    none = float(np.prod(((squares == 0) @ weights) ** counts))

    def transform(t: Floats) -> Floats:
        whole = np.ones(t.shape)
        for kind, count in zip(squares, counts, strict=True):
            with np.errstate(over="ignore", under="ignore"):
                grown = t[:, None] * kind
                kept, lost = np.exp(-grown) @ weights, np.full(t.shape, -1.0)
                most = kept > NEARLY  # of the others the logarithm of what is kept is asked for
                lost[most] = np.expm1(-grown[most]) @ weights
                whole *= _power(kept, lost, count)
        return (whole - none) / (1 - none)

    return log_cumulants(transform, float(counts @ squares @ weights))


def _power(kept: Floats, lost: Floats, count: float) -> Floats:
    """kept^count, kept = 1 + lost, by whichever has the digits."""
    with np.errstate(divide="ignore", under="ignore"):
        return np.asarray(np.exp(count * np.where(lost > -0.5, np.log1p(np.maximum(lost, -0.5)), np.log(kept))))
