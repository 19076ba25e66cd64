"""Where the length of a signal settles: every q with q = σ_w² V(q) + σ_b².

With r = q - σ_b² that is log r - log V(r + σ_b²) = log σ_w², whose left side rises where a fixed point is stable
(its slope is 1 - χ_q) and falls where it is not. Between the places where it turns it holds one solution at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize.elementwise import find_root

from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.activation import Activation
from chainderiv.functions.branches import pieces
from chainderiv.kinds import Floats
from chainderiv.symbols import z
from chainderiv.theory.gaussian import reached
from chainderiv.theory.moments import LEAST, M2, SLOPE, Moments, V

FINENESS = 16  # points in a factor e of r, between which the curve turns once at most
FLAT = 1e-11  # what lies below rounding of a logarithm's curve
BESIDE = 1e-150  # of 0, on either side of a kink there
AGAIN = 20  # times that a map is applied whose slope is small
FLATTEST = 1e-100  # a smaller slope so near to 0 is one of 0
EPS = float(np.finfo(float).eps)


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


@dataclass(frozen=True)
class Curve:
    """log r - log V(r + σ_b²) over a grid of log r, the places where it turns among them."""

    moments: Moments
    sigma_b: float

    @cached_property
    def grid(self) -> Floats:
        """log r, ascending."""
        even = np.arange(LEAST * FINENESS, int(self.moments.most * FINENESS)) / FINENESS
        even = even[np.exp(even) + self.sigma_b**2 < np.exp(self.moments.most)]
        slopes = self.slope(even)
        turns = np.flatnonzero(np.sign(slopes[1:]) * np.sign(slopes[:-1]) < 0)
        found = find_root(self.slope, (even[turns], even[turns + 1])).x if turns.size else even[:0]
        grid = np.sort(np.concatenate([even, found]))
        if self.start is None:
            return grid
        heights = self.height(grid)
        known = np.isfinite(heights)  # not where V is below the least number, as by a slope of 0 at 0
        away = np.abs(np.where(known, heights, 0.0) - self.start) > FLAT
        return grid[np.cumsum(known & away) > 0]

    @cached_property
    def start(self) -> float | None:
        """The limit at r = 0 where that is a fixed point: σ_b = 0 and φ(0) = 0; else None. inf where φ'(0) = 0."""
        slopes = slopes_at_0(self.moments.activation)
        if self.sigma_b or slopes is None:
            return None
        return -math.log(slopes) if slopes else math.inf

    def begins_above(self, level: Floats | float) -> Any:
        """Whether the grid begins above a height, so that the curve has passed it before.

        A table that rounds a tiny V to one below 0 has no height there; it is above any.
        """
        return ~(self.height(self.grid[:1]) <= level)

    def height(self, log_r: Floats) -> Floats:
        """log r - log V(r + σ_b²): the log σ_w² of which r + σ_b² is a fixed point."""
        with np.errstate(all="ignore"):
            return np.asarray(log_r - np.log(self.moments.near(np.exp(log_r) + self.sigma_b**2)[V]))

    def slope(self, log_r: Floats) -> Floats:
        """Its derivative by log r, 1 - χ_q."""
        near = self.moments.near(np.exp(log_r) + self.sigma_b**2)
        with np.errstate(all="ignore"):
            return np.asarray(1 - np.exp(log_r) * near[SLOPE] / near[V])

    def solutions(self, sigma_w: float) -> Floats:
        """Every log r on the grid's range at which the height is log σ_w²."""
        above = self.height(self.grid) - 2 * np.log(sigma_w)
        sides = np.sign(above)
        crossed = np.flatnonzero(sides[1:] * sides[:-1] < 0)
        level = 2 * np.log(sigma_w)
        ends = (self.grid[crossed], self.grid[crossed + 1])
        found = find_root(lambda t: self.height(t) - level, ends).x if crossed.size else self.grid[:0]
        return np.sort(np.concatenate([found, self.grid[sides == 0]]))


def slopes_at_0(activation: Activation) -> float | None:
    """Half the sum of the squared slopes on both sides of 0 where φ(0) = 0, else None."""
    if float(array_functions(activation).value(0.0)) != 0:
        return None
    sides = array_functions(activation).derivative(np.array([-BESIDE, BESIDE]))
    sides = np.where(np.abs(sides) <= FLATTEST, 0.0, sides)
    return float((sides**2).mean()) if np.isfinite(sides).all() else None


def homogeneous(activation: Activation) -> bool:
    """Whether φ(tz) = t φ(z) for t > 0: lines that bend at 0 alone."""
    through_0 = all(value.subs(z, 0) == 0 for value, _ in pieces(activation.branched))
    return activation.piecewise_linear and through_0 and set(activation.breaks) <= {0}


def fixed_points(moments: Moments, sigma_w: float, sigma_b: float) -> tuple[FixedPoint, ...]:
    """Every fixed point of the q-map, ascending; none for an activation whose signals grow without end."""
    curve = Curve(moments, sigma_b)
    found = [] if curve.start is None else [_at_0(moments.activation, sigma_w, curve)]
    q = np.exp(curve.solutions(sigma_w)) + sigma_b**2
    if sigma_b and curve.begins_above(2 * np.log(sigma_w)):
        q = np.append(below_grid(moments, np.array([sigma_w]), sigma_b), q)
    return (*found, *_refined(moments, q, sigma_w, sigma_b))


def below_grid(moments: Moments, sigma_w: Floats, sigma_b: float) -> Floats:
    """The fixed points that are σ_b² but for less than the least r of a grid: what biases make is hardly passed on."""
    q = np.full(sigma_w.shape, sigma_b**2)
    for _ in range(AGAIN):
        q = sigma_b**2 + sigma_w**2 * moments.near(q, (V,))[0]
    return q


def _at_0(activation: Activation, sigma_w: float, curve: Curve) -> FixedPoint:
    """q* = 0, where both χ are σ_w² times the mean of the squared slopes."""
    chi = sigma_w**2 * float(slopes_at_0(activation) or 0)
    error = 4 * EPS * chi
    beyond = curve.height(curve.grid[:1]) - 2 * np.log(sigma_w)  # at criticality the next order decides
    stable = chi < 1 - error or (chi <= 1 + error and bool(beyond.size and beyond[0] > 0))
    return FixedPoint(0.0, stable, chi, chi, (0.0, error, error))


def _refined(moments: Moments, q: Floats, sigma_w: float, sigma_b: float) -> list[FixedPoint]:
    """By one step of Newton's method on the quadrature itself, where the root is simple enough for one."""
    if not q.size:
        return []
    a = sigma_w**2
    value, _ = reached(moments.at(q), q)
    steepness = 1 - a * value[SLOPE]
    step = (a * value[V] + sigma_b**2 - q) / steepness
    q = np.where(np.abs(step) < 1e-6 * q, q + step, q)
    value, error = reached(moments.at(q), q)
    chi_q, chi_1 = a * value[SLOPE], a * value[M2]
    off = (a * error[V] + 2 * EPS * q) / np.abs(1 - chi_q)
    off_q, off_1 = a * error[SLOPE] + off / q, a * error[M2] + off / q
    rows = np.stack([q, chi_q, chi_1, off, off_q, off_1], axis=1).tolist()
    return [FixedPoint(at, abs(chi) < 1, chi, back, (e, e_q, e_1)) for at, chi, back, e, e_q, e_1 in rows]
