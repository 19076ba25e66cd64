"""The curve whose heights are read as σ_w: log r - log V(r + σ_b²), with r = q - σ_b², is log σ_w² at a fixed point.

It rises where a fixed point is stable (its slope is 1 - χ_q) and falls where it is not. Between the places where it
turns it holds one solution at most. What rounding makes of it is no crossing: a height that lies within it of a level
is on neither side, and a solution is known to lie between the last height that is on one and the first on the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.optimize.elementwise import find_root

from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.activation import Activation
from chainderiv.functions.branches import pieces
from chainderiv.kinds import Floats
from chainderiv.symbols import z
from chainderiv.theory.moments import FLATTEST, LEAST, SLOPE, TINY, Moments, V
from chainderiv.theory.wide import FARTHEST, near

FINENESS = 16  # points in a factor e of r, between which the curve turns once at most
FURTHER = 8  # factors e of r by which a grid is extended at once
EPS = float(np.finfo(float).eps)
ROUNDINGS = 32  # of the logarithms in a height
FLAT = 1e-12  # a smaller slope has no sign
BESIDE = 1e-150  # of 0, on either side of a kink there


class Crossing(NamedTuple):
    """Where the curve passes a level: log r within low and high, and whether it rises there."""

    low: float
    high: float
    rising: bool


@dataclass(frozen=True)
class Curve:
    """log r - log V(r + σ_b²) over a grid of log r, the places where it turns among them.

    levels : the least and the largest height that are looked for; the grid is extended to where the curve passes them.
    """

    moments: Moments
    sigma_b: float
    levels: tuple[float, float]

    @cached_property
    def start(self) -> float | None:
        """The limit at r = 0 where that is a fixed point: σ_b = 0 and φ(0) = 0; else None. inf where φ'(0) = 0."""
        slopes = slopes_at_0(self.moments.activation)
        if self.sigma_b or slopes is None:
            return None
        return -math.log(slopes) if slopes else math.inf

    @cached_property
    def grid(self) -> Floats:
        """log r, ascending, as far as V is known."""
        top = self.moments.most if not self.sigma_b else max(self.moments.most, 2 * math.log(self.sigma_b) + 3)
        even = np.arange(LEAST * FINENESS, int(top * FINENESS)) / FINENESS
        even = self._extended_up(self._extended_down(even[: self._known(even)]))
        slopes = self.slope(even)
        sides = np.where(np.abs(slopes) > FLAT, np.sign(slopes), 0)
        turns = np.flatnonzero(sides[1:] * sides[:-1] < 0)
        found = find_root(self.slope, (even[turns], even[turns + 1])).x if turns.size else even[:0]
        return np.sort(np.concatenate([even, found]))

    def _known(self, log_r: Floats) -> int:
        """How many of them, from the first on, have a height."""
        lost = np.isnan(self.height(log_r))
        return int(np.argmax(lost)) if lost.any() else lost.size

    def _extended_down(self, grid: Floats) -> Floats:
        """To where the curve lies on the same side of all levels as it does at r = 0."""
        low, high = self.levels
        while grid.size and grid[0] > -FARTHEST:
            first = float(self.height(grid[:1])[0])
            if self.start is None:  # it comes from -inf
                there = first < low
            else:
                near_start = abs(first - self.start) < FLAT
                there = near_start or low > max(first, self.start) or high < min(first, self.start)
            if there:
                break
            more = grid[0] + np.arange(-FURTHER * FINENESS, 0) / FINENESS
            if self._known(more) < more.size:
                break
            grid = np.concatenate([more, grid])
        return grid

    def _extended_up(self, grid: Floats) -> Floats:
        """To above all levels, or as far as V is known, while the curve rises towards them."""
        while grid.size and self._rises_to(float(grid[-1])):
            more = grid[-1] + np.arange(1, FURTHER * FINENESS + 1) / FINENESS
            count = self._known(more)
            grid = np.concatenate([grid, more[:count]])
            if count < more.size:
                break
        return grid

    def _rises_to(self, last: float) -> bool:
        """Whether the highest level lies above the curve's end, and within reach at the slope that it has there."""
        end = np.array([last])
        missing = self.levels[1] - float(self.height(end)[0])
        return missing >= 0 and missing <= float(self.slope(end)[0]) * (FARTHEST - FURTHER - last)

    @cached_property
    def heights(self) -> Floats:
        """The curve over its grid."""
        return self.height(self.grid)

    @cached_property
    def noise(self) -> Floats:
        """What rounding makes of each height."""
        return ROUNDINGS * EPS * (8 + np.abs(self.grid) + np.abs(np.where(np.isinf(self.heights), 0, self.heights)))

    def height(self, log_r: Floats) -> Floats:
        """log r - log V(r + σ_b²), the log σ_w² of which it is a fixed point; inf where V is below all numbers."""
        v = near(self.moments, np.exp(log_r) + self.sigma_b**2, (V,))[0]
        with np.errstate(all="ignore"):
            return np.asarray(np.where(v <= 2 * TINY, np.inf, log_r - np.log(v)))

    def slope(self, log_r: Floats) -> Floats:
        """Its derivative by log r, 1 - χ_q."""
        v, slope = near(self.moments, np.exp(log_r) + self.sigma_b**2, (V, SLOPE))
        with np.errstate(all="ignore"):
            return np.asarray(1 - np.exp(log_r) * slope / v)

    def begins(self, level: float) -> int:
        """On which side of a level the curve is at r = 0: -1, 1, or 0 where it starts at the level itself."""
        if self.start is None:
            return -1
        off = self.start - level
        return 0 if abs(off) <= 4 * EPS * (1 + abs(level)) else (1 if off > 0 else -1)

    def sides(self, level: float) -> Floats:
        """-1 below a level, 1 above it, 0 where rounding decides: of r = 0, and of the grid."""
        off = self.heights - level
        return np.append(self.begins(level), np.where(np.abs(off) > self.noise, np.sign(off), 0))

    def crossings(self, level: float) -> list[Crossing]:
        """Every place where the curve passes from one side of a level to the other, ascending."""
        sides, places = self.sides(level), np.append(-np.inf, self.grid)
        kept = np.flatnonzero(sides)
        pairs = zip(kept[:-1].tolist(), kept[1:].tolist(), strict=True)
        return [
            Crossing(float(places[i]), float(places[k]), bool(sides[k] > 0)) for i, k in pairs if sides[i] != sides[k]
        ]


def slopes_at_0(activation: Activation) -> float | None:
    """Half the sum of the squared slopes on both sides of 0 where φ(0) = 0 and φ does not jump, else None."""
    functions, beside = array_functions(activation), np.array([-BESIDE, BESIDE])
    with np.errstate(all="ignore"):
        if float(functions.value(0.0)) != 0 or not (np.abs(functions.value(beside)) <= FLATTEST).all():
            return None
        sides = functions.derivative(beside)
        sides = np.where(np.abs(sides) <= FLATTEST, 0.0, sides)
        return float((sides**2).mean()) if np.isfinite(sides).all() else None


def homogeneous(activation: Activation) -> bool:
    """Whether φ(tz) = t φ(z) for t > 0: lines that bend at 0 alone."""
    through_0 = all(value.subs(z, 0) == 0 for value, _ in pieces(activation.branched))
    return activation.piecewise_linear and through_0 and set(activation.breaks) <= {0}
