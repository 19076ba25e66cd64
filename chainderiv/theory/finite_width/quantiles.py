"""Quantiles from four cumulants, by the law of log Γ_k: what the logarithm of a sum of squares looks like.

Cornish and Fisher (1938) expand about the normal law; of log Γ_½ they are a tenth of the spread off, and of a law more
skew still they give a 95 % point below the 5 % one. log Γ_k, moved and stretched, has any skewness between 0, where it
is normal, and -2, and its tails are all but right: what they miss is the expansion's.
"""

from __future__ import annotations

import math

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.theory.finite_width.logarithm import Cumulants

NORMAL = (-1.6448536269514722, 0.0, 1.6448536269514722)  # 5, 50 and 95 %
WITHIN = np.linspace(-1.7, 1.7, 35)  # normal numbers between the 4 and 96 % points
LEAST_SHAPE, MOST_SHAPE = 1e-4, 1e6
SKEWEST = 1.9  # of which log Γ_k is still the law of a sum of squares


def expands(log: Cumulants) -> bool:
    """Whether four cumulants say where the points are: the skewness is one of log Γ_k, and the tails are alike."""
    skew, tail = _shape(log)
    points = _unit(skew, tail, WITHIN)
    return abs(skew) < SKEWEST and bool((np.diff(points) > 0).all())


def point(log: Cumulants, x: float) -> float:
    """The quantile whose place among normal numbers is x.

    Examples
    --------
    >>> point(Cumulants(1.0, 4.0, 0.0, 0.0), 1.5)
    4.0
    >>> exponential = Cumulants(1.0, 1.0, 2.0, 6.0)
    >>> round(point(exponential, 0.0), 3)  # log 2
    0.693
    """
    skew, tail = _shape(log)
    far = tail if expands(log) else None
    return float(log.mean + math.sqrt(log.variance) * _unit(skew, far, np.array([x]))[0])


def of_norm(log: Cumulants) -> tuple[float, float, float]:
    """The 5, 50 and 95 % points of log |g|, of which log |g|² has these cumulants.

    >>> [round(x, 3) for x in of_norm(Cumulants(1.0, 4.0, 0.0, 0.0))]
    [-1.145, 0.5, 2.145]
    """
    low, middle, high = (point(log, x) / 2 for x in NORMAL)
    return low, middle, high


def _shape(log: Cumulants) -> tuple[float, float]:
    """Skewness and excess; 0 of what does not scatter."""
    if not log.variance:
        return 0.0, 0.0
    return float(log.third / log.variance**1.5), float(log.fourth / log.variance**2)


def _unit(skew: float, tail: float | None, x: Floats) -> Floats:
    """The points of the law of mean 0 and variance 1; a tail of None is that of log Γ_k."""
    from scipy.special import polygamma

    k = _shape_of(abs(skew))
    if k == MOST_SHAPE:
        points, own = x, 0.0
    else:
        points = -_of_log_gamma(k, -x) if skew > 0 else _of_log_gamma(k, x)
        own = float(polygamma(3, k) / polygamma(1, k) ** 2)
    return points if tail is None else points + (x**3 - 3 * x) * (tail - own) / 24


def _shape_of(skew: float) -> float:
    """k of the log Γ_k of the skewness -skew, or the skewest there is."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    def too_skew(log_k: float) -> float:
        k = math.exp(log_k)
        return float(polygamma(2, k) / polygamma(1, k) ** 1.5) + skew

    ends = math.log(LEAST_SHAPE), math.log(MOST_SHAPE)
    if too_skew(ends[1]) <= 0:
        return MOST_SHAPE
    return LEAST_SHAPE if too_skew(ends[0]) >= 0 else math.exp(brentq(too_skew, *ends))


def _of_log_gamma(k: float, x: Floats) -> Floats:
    """The points of log Γ_k, its mean taken out and its variance made 1."""
    from scipy.special import digamma, gammaincinv, gammaln, log_ndtr, ndtr, polygamma

    with np.errstate(divide="ignore"):
        log = np.log(gammaincinv(k, ndtr(x)))
    # of a tiny k the gamma variable underflows: P(Γ_k < s) is s^k/Γ(k + 1) there
    log = np.where(log > -400, log, (log_ndtr(x) + gammaln(k + 1)) / k)
    return np.asarray((log - digamma(k)) / np.sqrt(polygamma(1, k)))
