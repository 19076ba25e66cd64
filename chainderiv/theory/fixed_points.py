"""Where the length of a signal settles: every q with q = σ_w² V(q) + σ_b², a crossing of the curve each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import elementwise

from chainderiv.errors import BadValue
from chainderiv.given import shown, size
from chainderiv.kinds import Floats
from chainderiv.theory.curve import EPS, Crossing, Curve, slopes_at_0
from chainderiv.theory.growth import limits
from chainderiv.theory.moments import LEAST, M2, SLOPE, Moments, V
from chainderiv.theory.wide import near

LEAST_SIGMA, MOST_SIGMA = 1e-100, 1e100  # so that squares and their products are numbers
STEPS, LEAP = 40, 1000.0  # of Newton's method, at most, and the factor of r that one may be
UNTOLD = 0.01  # relative error of q from which on χ is read at both ends
BESIDE = 0.01  # of q, where χ is read for its slope


@dataclass(frozen=True)
class FixedPoint:
    """A variance q* that one layer hands on unchanged.

    stable : whether the map comes back to it, |χ_q| < 1.  chi_q : dq'/dq there.  chi_1 : σ_w² E φ'².  errors : of
    q_star, chi_q and chi_1, as far as quadrature and rounding make them.

    Examples
    --------
    >>> from chainderiv import mean_field
    >>> at_0, other = mean_field("tanh", sigma_w=1.5).fixed_points
    >>> at_0.q_star, at_0.stable, at_0.chi_1
    (0.0, False, 2.25)
    """

    q_star: float
    stable: bool
    chi_q: float
    chi_1: float
    errors: tuple[float, float, float]


def sigma(name: str, given: object, zero: bool) -> float:
    """The standard deviation given, whose square float64 holds with room to spare; raises BadValue."""
    number = size(name, given, zero)
    if number and not LEAST_SIGMA <= number <= MOST_SIGMA:
        least = f"0, or {LEAST_SIGMA:g}" if zero else f"{LEAST_SIGMA:g}"
        raise BadValue(f"{name} is {shown(given)}, too far for its square; give one from {least} to {MOST_SIGMA:g}")
    return number


def curve_of(moments: Moments, sigma_b: float, least: float, most: float) -> Curve:
    """The curve as far as levels from least to most need it: beyond the top of what grows nothing is looked for."""
    short = Curve(moments, sigma_b, (least, -math.inf))
    if short.grid.size and short.heights[-1] > most:
        return short
    known = limits(moments)
    return Curve(moments, sigma_b, (least, most if known is None else min(most, known.top - 1e-9)))


def fixed_points(moments: Moments, sigma_w: float, sigma_b: float) -> tuple[FixedPoint, ...]:
    """Every fixed point of the q-map, ascending, as far as expectations are known; none where signals only grow."""
    level = 2 * math.log(sigma_w)
    return on_curve(curve_of(moments, sigma_b, level, level), sigma_w)


def on_curve(curve: Curve, sigma_w: float) -> tuple[FixedPoint, ...]:
    """Those that one curve holds, whose levels reach as far as this σ_w's."""
    level = 2 * math.log(sigma_w)
    found = [] if curve.start is None else [_at_0(sigma_w, curve, level)]
    return (*found, *(_refined(curve, crossing, sigma_w) for crossing in curve.crossings(level)))


def _at_0(sigma_w: float, curve: Curve, level: float) -> FixedPoint:
    """q* = 0, where both χ are σ_w² times the mean of the squared slopes."""
    chi = sigma_w**2 * float(slopes_at_0(curve.moments.activation) or 0)
    error = 4 * EPS * chi
    sides = curve.sides(level)
    sides = sides[sides != 0]  # at criticality the next order decides
    return FixedPoint(0.0, bool(sides.size and sides[0] > 0), chi, chi, (0.0, error, error))


def _refined(curve: Curve, crossing: Crossing, sigma_w: float) -> FixedPoint:
    """By Newton's method on the quadrature itself, within the places between which the crossing is known to lie."""
    known, b = curve.moments, curve.sigma_b**2
    a, low, high = sigma_w**2, math.exp(crossing.low), math.exp(crossing.high)
    r, off = _begun(curve, crossing, 2 * math.log(sigma_w)), high - low
    for _ in range(STEPS):
        q = r + b
        value, error = known.reached(q)
        chi_q, chi_1 = float(a * value[SLOPE]), float(a * value[M2])
        steepness = abs(1 - chi_q) - float(a * error[SLOPE]) - 4 * EPS
        told = float(a * error[V] + 2 * EPS * q) / steepness if steepness > 0 else math.inf
        step = float(a * value[V] - r) / (1 - chi_q or EPS)
        if abs(step) <= told:  # no longer than its own error
            off = min(told, high - low)
            break
        r = min(max(r + step, low, r / LEAP), high, r * LEAP)
    off += EPS * q  # r + σ_b² is rounded, however well r is known
    off_q, off_1 = a * _change(known, q, off)
    errors = (off, float(off_q + a * error[SLOPE] + EPS * abs(chi_q)), float(off_1 + a * error[M2] + EPS * chi_1))
    return FixedPoint(q, crossing.rising, chi_q, chi_1, errors)


def _begun(curve: Curve, crossing: Crossing, level: float) -> float:
    """r where the search begins: the curve's own solution where one lies between two neighbours of its grid."""
    low, high = crossing.low, crossing.high
    if np.isfinite(low) and (curve.height(np.array([low, high])) - level).prod() < 0:
        return float(np.exp(elementwise.find_root(lambda t: curve.height(t) - level, (low, high)).x))
    return float(np.exp(high))


def _change(known: Moments, q: float, off: float) -> Floats:
    """By how much V' and M₂ change where q does by off: by their slopes, or for a large one read at its ends."""
    if off <= UNTOLD * q:
        ends = near(known, np.array([q * (1 - BESIDE), q * (1 + BESIDE)]), (SLOPE, M2))
        return np.asarray(np.abs(ends[:, 1] - ends[:, 0]) * off / (2 * BESIDE * q))
    ends = near(known, np.array([max(q - off, np.exp(LEAST)), q, q + off]), (SLOPE, M2))
    return np.asarray(np.abs(ends - ends[:, 1:2]).max(axis=1))
