"""E log|r + ξ| and E log²|r + ξ| of a standard normal ξ: what is known of log|w| once both ends of a link are."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

from chainderiv.kinds import Floats, Places
from chainderiv.theory.gaussian import on_panels

MEAN_LOG = -(np.euler_gamma + math.log(2)) / 2  # E log|ξ|
VARIANCE_LOG = math.pi**2 / 8  # of log|ξ|
FURTHEST = 48  # r from which on a series in 1/r² serves
TERMS = 6  # of it: the next is below 1e-16 there
DEGREE = 23  # of the polynomials below FURTHEST, each over 1 of r


def log_moments(log_r: Floats) -> tuple[Floats, Floats]:
    """E log|r + ξ| and E log²|r + ξ| at log r, of any shape.

    >>> first, second = log_moments(np.array([-np.inf]))
    >>> bool(abs(first[0] - MEAN_LOG) < 1e-15), bool(abs(second[0] - first[0] ** 2 - VARIANCE_LOG) < 1e-14)
    (True, True)
    """
    found = np.empty((2, *log_r.shape))
    near = log_r < math.log(FURTHEST)
    found[:, ~near] = _far(log_r[~near])
    r = np.exp(log_r[near])
    panel = np.minimum(r.astype(int), FURTHEST - 1)
    found[:, near] = [_clenshaw(row, panel, 2 * (r - panel) - 1) for row in _table()]
    return found[0], found[1]


def _clenshaw(table: Floats, panel: Places, place: Floats) -> Floats:
    """Chebyshev's sum without a table as large as all places together."""
    last, one = np.zeros_like(place), np.zeros_like(place)
    for row in table[:0:-1]:
        last, one = one, row[panel] + 2 * place * one - last
    return np.asarray(table[0][panel] + place * one - last)


def _far(log_r: Floats) -> tuple[Floats, Floats]:
    """log r + log(1 + ξ/r) and its square, by powers of ξ/r of which the odd ones have no mean."""
    inverse = np.exp(-2 * log_r)
    small, square = np.zeros_like(log_r), np.zeros_like(log_r)
    for k in range(TERMS, 0, -1):
        n = 2 * k
        moment = math.prod(range(n - 1, 0, -2))  # E ξⁿ
        harmonic = sum(1 / j for j in range(1, n))
        small = (small - moment / n) * inverse
        square = (square + 2 * harmonic / n * moment) * inverse
    return log_r + small, log_r**2 + 2 * log_r * small + square


@lru_cache(maxsize=1)
def _table() -> Floats:
    """Chebyshev coefficients (2, DEGREE + 1, FURTHEST), by quadrature over log|r + ξ|."""
    unit = chebyshev.chebpts1(DEGREE + 1)
    r = (np.arange(FURTHEST) + (1 + unit[:, None]) / 2)[..., None]
    edges = np.concatenate([np.linspace(-44, 0, 88), np.log(np.arange(2, FURTHEST + 12))])
    u, weights = on_panels(edges[None, :])
    size = np.exp(u[0])
    density = (
        (np.exp(-((size - r) ** 2) / 2) + np.exp(-((size + r) ** 2) / 2)) * size * weights[0] / math.sqrt(2 * math.pi)
    )
    values = np.stack([density @ u[0], density @ u[0] ** 2], axis=1)
    coefficients = np.linalg.solve(chebyshev.chebvander(unit, DEGREE), values.reshape(DEGREE + 1, -1))
    return np.moveaxis(coefficients.reshape(values.shape), 1, 0)
