"""Two inputs through one random layer: what becomes of the correlation c of u, v ~ N(0, q).

    c' = 1 - σ_w² (1 - c) M(q, c), where (1 - c) q M = ½ E (φ(u) - φ(v))², and M is the mean of S = E φ'(u) φ'(v) over
    the correlations from c to 1 (Price's theorem, d E φ(u) φ(v)/dc = q S)

So c* < 1 is where M = 1/σ_w², and χ_c = S/M there. M falls as 1 - c
grows, by (M - S)/(1 - c).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize.elementwise import find_root

from chainderiv.kinds import Floats
from chainderiv.theory.gaussian import POINTS
from chainderiv.theory.moments import Moments
from chainderiv.theory.near_one import cost, near_one, once
from chainderiv.theory.series import EPS, TERMS, Series, Values, series

CLOSE = 1e-13  # relative error of M that is good enough
LEAST = 1e-18  # 1 - c* that is looked for
NEAR = 0.999  # 1 - c up to which near_one serves
HOPELESS = 0.1  # relative error of M that four times the terms would not mend
MOST_NODES = 2**21  # of near_one at one pair
DOUBLINGS = 80  # of an error that is not confirmed

At = Callable[[Floats], Values]


class Settled(NamedTuple):
    """1 - c*, the slope χ_c of the map there, the errors of both, and the relative error of M."""

    gap: float
    chi: float
    gap_error: float
    chi_error: float
    unsure: float


def settled(moments: Moments, q: float, off: float, sigma_w: float) -> Settled:
    """Where two inputs of the variance q ± off settle, χ₁ being above 1; each error is confirmed at both its ends.

    c* = 0 where σ_w² M does not fall to 1 for c >= 0.
    """
    around = q + off * np.array([-1.0, 0.0, 1.0])
    level, terms = sigma_w**-2, TERMS
    while True:
        known = series(moments, around, terms)
        found = _by_series(known, level)
        unsure = found.unsure
        if unsure <= CLOSE or unsure > HOPELESS or moments.breaks or terms > TERMS:
            break
        terms *= 4
    if unsure <= CLOSE:
        return found
    other = _by_window(moments, around, known.reach, level, found)
    return found if other is None or found.gap_error < other.gap_error else other


def _by_series(known: Series, level: float) -> Settled:
    def at(gap: Floats) -> Values:
        return _middle(known.at(np.broadcast_to(gap, (3, gap.size))))

    return _confirmed(at, _root(lambda g: at(g).mean, level, LEAST, 1.0), level)


def _by_window(moments: Moments, around: Floats, reach: float, level: float, rough: Settled) -> Settled | None:
    """By near_one, near a root that is known roughly; None where that would take too many nodes."""
    least, most = max(rough.gap - rough.gap_error, LEAST), min(rough.gap + rough.gap_error, NEAR)
    if cost(moments, around[1], most) > MOST_NODES:
        return None
    gap = _root(lambda g: once(moments, around[1:2], g, reach).mean, level, min(least, most), most)
    for points in (POINTS, 2 * POINTS):

        def at(g: Floats, points: int = points) -> Values:
            values = near_one(moments, np.repeat(around, g.size), np.tile(np.minimum(g, NEAR), 3), reach, points)
            return _middle(Values(*(x.reshape(3, -1) for x in values)))

        found = _confirmed(at, gap, level)
        if found.unsure <= CLOSE or 4 * cost(moments, around[1], gap) > MOST_NODES:
            break
    return found


def _middle(values: Values) -> Values:
    """Of three variances the middle one's values, whose errors hold how far the others' lie from them."""
    slope, mean, slope_error, mean_error = values
    return Values(
        slope[1],
        mean[1],
        slope_error.max(axis=0) + np.abs(slope - slope[1]).max(axis=0),
        mean_error.max(axis=0) + np.abs(mean - mean[1]).max(axis=0),
    )


def _root(mean: Callable[[Floats], Floats], level: float, least: float, most: float) -> float:
    """The gap from least to most at which M falls to a level, or the end that is nearest to it."""
    ends = np.log(least), np.log(most)
    if not mean(np.full(1, most))[0] < level:
        return most
    if not mean(np.full(1, least))[0] > level:
        return least
    found = find_root(lambda t: mean(np.exp(t)) - level, tuple(np.array([end]) for end in ends))
    return float(np.exp(found.x[0]))


def _confirmed(values: At, gap: float, level: float) -> Settled:
    """A root improved by steps of Newton's method, and an error at both ends of which M is beyond the level."""
    for _ in range(2):
        at = values(np.array([gap]))
        fall = float((at.mean - at.slope)[0]) / gap
        step = float(at.mean[0] - level) / fall if fall > 0 else 0.0
        gap = min(gap + step, 1.0) if abs(step) < gap / 2 else gap
    at = values(np.array([gap]))
    fall = max(float((at.mean - at.slope)[0]) / gap, 0.0)
    unsure = float(at.mean_error[0]) + 4 * EPS * level
    error = 4 * EPS * gap + min(gap, 2 * unsure / max(fall, LEAST))
    for _ in range(DOUBLINGS):
        ends = np.array([max(gap - error, LEAST**2), min(gap + error, 1.0)])
        beside = values(ends)
        above = ends[0] < LEAST or beside.mean[0] - beside.mean_error[0] > level * (1 + 4 * EPS)
        below = ends[1] == 1 or beside.mean[1] + beside.mean_error[1] < level * (1 - 4 * EPS)
        if above and below:
            break
        error *= 2
    spread = np.abs(beside.slope - at.slope) + beside.slope_error
    return Settled(gap, float(at.slope[0]) / level, min(error, 1.0), float(spread.max()) / level, unsure / level)
