"""The moments at variances far beyond their table, by panels of it that are made when one is asked for.

A bounded neuron under σ_w = 1e6 has q* = 1e12, and what a bias of 1e-15 makes has a variance of 1e-30.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

from chainderiv.kinds import Floats
from chainderiv.theory.gaussian import MOST_HALVINGS
from chainderiv.theory.moments import DEGREE, KNOWN, LEAST, M2, M4, SLOPE, TINY, Moments, V, bent

FARTHEST = 560  # of |log q|: 1e-243 to 1e243, whose squares V may be
FOLLOWED, FEW = 16, 2  # |log q| up to which an oscillation is followed, and how often panels are halved beyond
ALL = (V, M2, SLOPE, M4)


def near(moments: Moments, q: Floats, rows: tuple[int, ...] = ALL) -> Floats:
    """The four moments, or some of them, at variances q of any shape: (4, *shape); NaN where they are not known."""
    with np.errstate(all="ignore"):
        at = np.log(q)
    inside = (at >= LEAST) & (at <= moments.most)
    if inside.all():
        return moments.near(q, rows)
    found = moments.near(np.where(inside, q, np.exp(LEAST + 1.0)), rows)
    found[:, ~inside] = np.nan
    outside = ~inside & (np.abs(at) < FARTHEST)
    for panel in np.unique(np.floor(at[outside])):
        here = outside & (np.floor(at) == panel)
        found[:, here] = _from(_panel(moments, int(panel)), at[here] - panel, q[here])[list(rows)]
    return found


def _from(coefficients: Floats, at: Floats, q: Floats) -> Floats:
    v, m2, ratio, m4 = chebyshev.chebval(2 * at - 1, coefficients)
    with np.errstate(all="ignore"):
        return np.array([np.exp(v), np.exp(m2), ratio * np.exp(v) / q, np.exp(m4)])


@lru_cache(maxsize=4096)
def _panel(moments: Moments, panel: int) -> Floats:
    """Chebyshev coefficients (DEGREE + 1, 4) over one factor e of q; NaN where an expectation is not known."""
    unit = chebyshev.chebpts1(DEGREE + 1)
    q = np.exp(panel + (1 + unit) / 2)
    value, error = moments.at(q, MOST_HALVINGS if abs(panel) <= FOLLOWED else FEW)
    known = (error[:SLOPE] <= KNOWN * value[:SLOPE]) | (np.abs(value[:SLOPE]) <= TINY)
    if not known.all():
        return np.full((DEGREE + 1, 4), np.nan)
    return np.asarray(np.linalg.solve(chebyshev.chebvander(unit, DEGREE), bent(value, q).T))
