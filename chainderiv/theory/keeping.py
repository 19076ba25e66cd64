"""Which σ_w keep the gradient's norm within a factor over a number of endlessly wide layers: roots, with their errors.

From inputs of mean square 1, q_1 = σ_w² + σ_b² and q_(l+1) = σ_w² V(q_l) + σ_b², layer by layer: nothing has settled
after a few layers, and over many what settles slowly, as tanh at σ_w = 1, is counted as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize.elementwise import find_root

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.given import is_finite, shown, up_to
from chainderiv.kinds import Floats, Mask
from chainderiv.shown import Shown, Shows
from chainderiv.theory.curve import EPS, homogeneous, slopes_at_0
from chainderiv.theory.fixed_points import sigma
from chainderiv.theory.moments import LEAST, M2, SLOPE, Moments, V, moments
from chainderiv.wording import counted, shortest

FIRST, FURTHEST = math.log(1e3), math.log(1e90)  # |log σ_w| that are looked through, the last where it is kept so far
STEP = FIRST / 600  # of that, evenly
FINER, NEAR = 16, 3.0  # parts of a step of that where the log ratio is so near to what is asked for
BESIDE = 1e-5  # of log σ_w and log q, where slopes are taken
SMALLEST = 1e-240  # q of which quadrature tells V
EVEN = 1e-6  # of a power of q
MOST_DEPTH = 1000


class Root(NamedTuple):
    """A σ_w and its error; NaN where it is not known."""

    sigma_w: float
    error: float


UNKNOWN = Root(math.nan, math.nan)


class Interval(NamedTuple):
    """Of σ_w, from low to high, and the errors of both ends."""

    low: float
    high: float
    low_error: float
    high_error: float


@dataclass(frozen=True)
class Keeping(Shows):
    """The σ_w at which ‖∂C/∂b‖ of the first of depth wide layers is within a factor of the last one's.

    Attributes
    ----------
    activation, depth, factor, sigma_b : as they were given.
    intervals : all that reach into σ_w = 0.001 to 1000, ascending: `.low`, `.high`, `.low_error`, `.high_error`. An end
        is NaN where it lies beyond 1e±90, or where expectations are not known; of one layer alone 0 and inf.

    Examples
    --------
    >>> (found,) = keeping("tanh", depth=20).intervals
    >>> round(found.low, 5), round(found.high, 5), found.low_error < 1e-13
    (1.13373, 1.45447, True)
    """

    activation: Activation
    depth: int
    factor: float
    sigma_b: float
    intervals: tuple[Interval, ...]

    @property
    def between(self) -> str:
        """All intervals in words."""
        return " or ".join(map(_told, self.intervals)) or "at which is not known, or none"

    def _shown(self) -> Shown:
        what = f"{self.activation.name}, {counted(self.depth, 'wide layer')}, sigma_b = {self.sigma_b:.6g}"
        kept = f"‖∂C/∂b‖ of the first within a factor {shortest(self.factor)} of the last one's"
        return Shown([f"{what}: {kept}"], rows=[("sigma_w:", self.between)])


def _told(one: Interval) -> str:
    if (one.low, one.high) == (0, math.inf):
        return "any"
    ends = ((one.low, one.low_error), (one.high, one.high_error))
    low, high = ("not known" if math.isnan(end) else f"{end:.6g} ± {error:.0e}" for end, error in ends)
    return f"from {low} to {high}"


def keeping(activation: Any, depth: int, factor: float = 2.0, sigma_b: float = 0.0) -> Keeping:
    """The σ_w with |½ Σ_l log(σ_w² E φ'(√q_l z)²)| <= log factor, summed over the depth - 1 wide layers passed.

    Inputs have a mean square of 1: q_1 = σ_w² + σ_b², q_(l+1) = σ_w² E φ(√q_l z)² + σ_b².

    Parameters
    ----------
    activation : name, or Activation.
    depth : 1 to 1000. Hidden layers.
    factor : > 1.
    sigma_b : >= 0. Standard deviation of biases.

    Raises
    ------
    BadValue
        For numbers that are none such, and an activation whose expectations are infinite. UnknownName for a name that
        no table holds.

    Poole et al. (2016), Schoenholz et al. (2017).

    Examples
    --------
    >>> (found,) = keeping("relu", depth=11).intervals
    >>> found.low == (2 / 2**0.2) ** 0.5, round(found.high, 6)  # √(2 · 2^(±2/10))
    (True, 1.515717)
    """
    phi, depth, log_factor = neuron(activation), depth_given(depth), log_of("factor", factor)
    kept = _Kept(moments(phi), sigma("sigma_b", sigma_b, zero=True), depth - 1)
    return Keeping(phi, depth, float(factor), kept.sigma_b, kept.within(log_factor))


def balanced(activation: Activation, depth: int) -> tuple[Root, ...]:
    """All σ_w, without biases, at which the gradient's norm is the same in the first and the last of wide layers."""
    return _Kept(moments(activation), 0.0, depth - 1).roots(0.0)


def depth_given(depth: Any) -> int:
    """The depth; raises BadValue for what is none."""
    return up_to("depth", depth, MOST_DEPTH)


def log_of(name: str, factor: Any) -> float:
    """The logarithm of a factor; raises BadValue for none above 1."""
    if not is_finite(factor) or factor <= 1:
        raise BadValue(f"{name} is {shown(factor)}; give a finite number > 1")
    return math.log(factor)


def wide_log_ratio(activation: Activation, sigma_w: Floats, sigma_b: Any, steps: int) -> Floats:
    """½ Σ log(σ_w² M₂(q_l)) over steps layers: the log of ‖∂C/∂b‖ in the first one over the last one's.

    An array of the σ_w's shape, NaN where a q is beyond what is known.

    Examples
    --------
    >>> wide_log_ratio(neuron("relu"), np.array([1.0, 2.0]), 0, 4).round(9).tolist()  # √½, and √2, in each of them
    [-1.386294361, 1.386294361]
    """
    return wide_course(activation, sigma_w, sigma_b, steps)[0]


def wide_course(activation: Activation, sigma_w: Floats, sigma_b: Any, steps: int) -> tuple[Floats, Floats]:
    """The same log ratio, and the logarithm of what the signals' variance has become, over the first one.

    >>> [x.round(6).tolist() for x in wide_course(neuron("silu"), np.array([2e-9]), 0, 999)]  # 1e-9 to the 999th
    [[-20702.542571], [-41405.085142]]
    """
    with np.errstate(divide="ignore"):
        log_a, log_b = 2 * np.log(np.asarray(sigma_w, float)), 2 * np.log(np.asarray(sigma_b, float))
    logs, log = _Logs(moments(activation)), np.zeros_like(log_a)
    first = log_q = np.logaddexp(log_a, log_b)
    for _ in range(steps):
        log_v, log_m2 = logs.at(log_q)
        with np.errstate(invalid="ignore"):
            log, log_q = log + (log_a + log_m2) / 2, np.logaddexp(log_a + log_v, log_b)
    return log, log_q - first


class _Logs:
    """log V and log M₂ by log q; NaN above the table, and where one is below all numbers."""

    def __init__(self, known: Moments) -> None:
        self.known = known
        share = slopes_at_0(known.activation) if homogeneous(known.activation) else None
        self.line = None if share is None else math.log(share) if share else -math.inf

    def at(self, log_q: Floats) -> tuple[Floats, Floats]:
        """Of log q, an array."""
        if self.line is not None:
            return self.line + log_q, np.full_like(log_q, self.line)
        # what leaves the table upwards stays out
        found = self._table(np.fmin(np.maximum(log_q, LEAST), self.known.most + 1))
        below = np.fmin(log_q - LEAST, 0.0)
        v, m2 = (row + np.where(below < 0, p * below, 0.0) for row, p in zip(found, self._powers, strict=True))
        return v, m2

    @cached_property
    def _powers(self) -> tuple[float, ...]:
        """Of q that V and M₂ are at the table's end, and below it: as a rule whole or half ones but for rounding.

        NaN where they are none there, or where φ'(0) says that further down they are others.
        """
        ends = self._table(LEAST + np.arange(3.0))
        powers, bends = np.diff(ends, axis=1)[:, 0], np.diff(ends, 2, axis=1)[:, 0]
        wanted = np.array([1.0, 0.0]) if slopes_at_0(self.known.activation) else powers
        steady = (np.abs(bends) < EVEN) & (np.abs(powers - wanted) < EVEN)
        even = np.round(2 * powers) / 2
        return tuple(np.where(steady, np.where(np.abs(powers - even) < EVEN, even, powers), np.nan).tolist())

    def _table(self, log_q: Floats) -> Floats:
        found = self.known.near(np.exp(log_q), (V, M2))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(found > 0, np.log(found), np.nan)


@dataclass(frozen=True)
class _Kept:
    """The log ratio over a number of steps as a function of log σ_w, and where it has a value."""

    moments: Moments
    sigma_b: float
    steps: int

    def log(self, x: Floats) -> Floats:
        """At x = log σ_w."""
        return wide_log_ratio(self.moments.activation, np.exp(x), self.sigma_b, self.steps)

    def _grid(self, log_factor: float) -> tuple[Floats, Floats]:
        """Places, ascending, and the log ratio there: denser where that may be within the factor."""
        low, high = (self._end(side, log_factor) for side in (-1, 1))
        x = np.linspace(low, high, round((high - low) / STEP) + 1)
        log = self.log(x)
        near = np.abs(log) <= log_factor + NEAR
        dense = near[1:] | near[:-1] | self._passed(log, 0.0)
        parts = np.arange(FINER) / FINER
        x = np.unique(np.concatenate([x, (x[:-1][dense, None] + parts * np.diff(x)[dense, None]).ravel()]))
        return x, self.log(x)

    def _end(self, side: int, log_factor: float) -> float:
        """The log σ_w up to which is looked, on one side of 1: further where the gradient is kept so far out."""
        end = side * FIRST
        while abs(end) < FURTHEST and np.abs(self.log(np.array(end))) <= log_factor:
            end += side * FIRST
        return end

    @staticmethod
    def _passed(log: Floats, level: float) -> Mask:
        """Between which neighbours the level lies."""
        return np.asarray((log[1:] >= level) != (log[:-1] >= level)) & np.isfinite(log[1:] + log[:-1])

    def roots(self, level: float) -> tuple[Root, ...]:
        """Every σ_w at which the log ratio is the level, ascending."""
        if not self.steps:
            return ()
        x, log = self._grid(abs(level))
        cells = np.flatnonzero(self._passed(log, level))
        return self._solved(x, cells, np.full(cells.size, level))

    def within(self, log_factor: float) -> tuple[Interval, ...]:
        """Every interval in which the log ratio is within ±log_factor."""
        if not self.steps:
            return (Interval(0.0, math.inf, 0.0, 0.0),)
        x, log = self._grid(log_factor)
        side = np.where(np.abs(log) <= log_factor, 0.0, np.where(log > 0, 1.0, -1.0))  # NaN is told apart
        side[np.isnan(log)] = np.nan
        moved = np.flatnonzero(~(side[1:] == side[:-1]) & ~(np.isnan(side[1:]) & np.isnan(side[:-1])))
        ends: list[tuple[int, float]] = []  # cells, and the level that is passed in each; NaN where it is not known
        for k in moved.tolist():
            before, after = side[k : k + 2].tolist()
            if 0 in (before, after):
                ends.append((k, log_factor * (after if before == 0 else before)))
            elif not math.isnan(before + after):  # through all of it in one cell
                ends += [(k, log_factor * before), (k, log_factor * after)]
        known = [end for end in ends if not math.isnan(end[1])]
        solved = iter(self._solved(x, np.array([k for k, _ in known], int), np.array([level for _, level in known])))
        roots = [UNKNOWN if math.isnan(level) else next(solved) for _, level in ends]
        roots = [UNKNOWN] * bool(side[0] == 0) + roots + [UNKNOWN] * bool(side[-1] == 0)
        return tuple(Interval(low[0], high[0], low[1], high[1]) for low, high in zip(*[iter(roots)] * 2, strict=True))

    def _solved(self, x: Floats, cells: Any, levels: Floats) -> tuple[Root, ...]:
        """The roots in these cells of x, each with what its log ratio, by quadrature, leaves open."""
        if not cells.size:
            return ()
        found = find_root(lambda at, level: self.log(at) - level, (x[cells], x[cells + 1]), args=(levels,)).x
        slopes = (self.log(found + BESIDE) - self.log(found - BESIDE)) / (2 * BESIDE)
        sigma_w = np.exp(found)
        log, error = self._integrated(sigma_w)
        with np.errstate(all="ignore"):
            errors = sigma_w * ((np.abs(log - levels) + error) / np.abs(slopes) + 2 * EPS)
        return tuple(Root(w, e) if e < w else UNKNOWN for w, e in zip(sigma_w.tolist(), errors.tolist(), strict=True))

    def _integrated(self, sigma_w: Floats) -> tuple[Floats, Floats]:
        """The log ratio by quadrature in every layer, and its error: what q has gathered among it."""
        if homogeneous(self.moments.activation):
            log = self.log(np.log(sigma_w))
            return log, 4 * EPS * (self.steps + np.abs(log))
        squared = sigma_w**2
        q = squared + self.sigma_b**2
        off, log, error = 4 * EPS * q, np.zeros_like(q), np.zeros_like(q)
        with np.errstate(all="ignore"):
            for _ in range(self.steps):
                value, left = self.moments.at(np.where(q < SMALLEST, np.nan, q))
                error += (left[M2] / value[M2] + self._bend(q) * off / q) / 2 + 2 * EPS
                log += np.log(squared * value[M2]) / 2
                off = squared * (np.abs(value[SLOPE]) * off + left[V])
                q = squared * value[V] + self.sigma_b**2
                off += 4 * EPS * q
        return log, error

    def _bend(self, q: Floats) -> Floats:
        """|d log M₂/d log q|."""
        inside = np.clip(q, np.exp(LEAST + BESIDE * 2), np.exp(self.moments.most - BESIDE * 2))
        (above,), (below,) = (self.moments.near(inside * np.exp(s * BESIDE), (M2,)) for s in (1, -1))
        return np.asarray(np.abs(np.log(above / below)) / (2 * BESIDE))
