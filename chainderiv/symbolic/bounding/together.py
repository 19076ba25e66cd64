"""The maximum of F(c) = c M(c) where several ends move with the level c, enclosed by branch and bound.

On a segment with |φ'| = s(z), the end ζ(c) has s(ζ) = c and ζ' = 1/s'(ζ), so that
F' = M - c Σ 1/|s'(ζ)| and F'' = -2 Σ 1/|s'(ζ)| + c Σ ± s''(ζ)/s'(ζ)³.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy
from flint import arb
from sympy import oo

from chainderiv.functions.enclosing import enclose
from chainderiv.functions.intervals import Ball, Interval, sign, working_bits
from chainderiv.functions.turning.root import Root, derivative
from chainderiv.symbolic.bounding.crossing import bracket
from chainderiv.symbolic.bounding.exponentials import Unproved
from chainderiv.symbolic.bounding.isolate import at, zeros
from chainderiv.symbolic.bounding.landscape import Segment
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbolic.bounding.tail import limit
from chainderiv.symbolic.bounding.value_at import rational
from chainderiv.symbols import Expr, z

DIGITS = 30
_BITS, _FINE = 80, 240
_MOST_BOXES = 400
_LOOKS, _THIRDS = 100, 60


@dataclass
class Levels:
    """F over the levels from lower to upper, between which the same ends move."""

    moving: Sequence[Segment]
    fixed: Expr
    lower: Expr
    upper: Expr
    _ends: dict[tuple[int, Expr, int], Interval] = field(default_factory=dict)

    def end(self, index: int, c: Expr, bits: int) -> Interval:
        """ζ(c) of one segment, enclosed."""
        key = (index, c, bits)
        if key not in self._ends:
            self._ends[key] = self._solved(self.moving[index], c, bits)
        return self._ends[key]

    def _solved(self, segment: Segment, c: Expr, bits: int) -> Interval:
        for limit_c, mark in ((self.upper, segment.high), (self.lower, segment.low)):
            if c == limit_c and compare(c, mark) == 0:
                return at(segment.top if mark == segment.high else segment.foot, bits)
        low, high = bracket(segment.size - c, segment.left, segment.right, -1 if segment.rises else 1)
        return at(low, bits) if low == high else Root(segment.size - c, low, high).enclose(bits)

    def measure(self, c: Expr, bits: int) -> Interval:
        """M(c), enclosed."""
        with working_bits(bits):
            total = at(self.fixed, bits)
            for index, segment in enumerate(self.moving):
                end = self.end(index, c, bits)
                total = total + (at(segment.right, bits) - end if segment.rises else end - at(segment.left, bits))
        return total

    def derivatives(self, low: Expr, high: Expr, bits: int) -> tuple[Interval, Interval]:
        """F' and F'' over the levels from low to high, enclosed."""
        with working_bits(bits):
            c = Interval(at(low, bits).low, at(high, bits).high)
            measure = Interval(self.measure(high, bits).low, self.measure(low, bits).high)
            one, pace, bend = Interval.of(arb(1)), Interval.of(arb(0)), Interval.of(arb(0))
            for index, segment in enumerate(self.moving):
                ends = self.end(index, low, bits), self.end(index, high, bits)
                near, far = ends if segment.rises else ends[::-1]
                box = Interval(near.low, far.high)
                steepness = abs(enclose(derivative(segment.size), box, bits))
                pace = pace + one / steepness
                # s''/s'³ for a rising s, and -s''/s'³ for a falling one: s''/|s'|³ for both
                bend = bend + enclose(derivative(segment.size, 2), box, bits) / steepness**3
            return measure - c * pace, c * bend - (pace + pace)

    def value(self, low: Expr, high: Expr, bits: int) -> Interval:
        """F over the levels from low to high, enclosed: c rises and M falls."""
        with working_bits(bits):
            below, above = at(low, bits) * self.measure(high, bits), at(high, bits) * self.measure(low, bits)
        return Interval(below.low, above.high)


def maxima(levels: Levels) -> list[tuple[Expr, Expr]] | None:
    """(F, c) at each stationary point that may be the maximum, 30 digits each, all of them; None if not proved."""
    samples = [_short(levels.lower + (levels.upper - levels.lower) * k / 16, 12) for k in range(1, 16)]
    best = max(levels.value(c, c, _BITS).low.lower() for c in samples)
    start = levels.lower if levels.lower != 0 else _low_enough(levels, best)
    if start is None:
        return None
    waiting, found, count = [(start, levels.upper)], [], 0
    while waiting:
        low, high = waiting.pop()
        count += 1
        if count > _MOST_BOXES:
            return None
        if levels.value(low, high, _BITS).high < best:
            continue
        first, second = levels.derivatives(low, high, _BITS)
        if sign(first) is not None:
            continue
        if sign(second) == -1:
            if _tops(levels, low, high):
                found.append(_refined(levels, low, high))
            continue
        middle = _short((low + high) / 2)
        waiting += [(low, middle), (middle, high)]
    return found


def _low_enough(levels: Levels, best: Any) -> Expr | None:
    """A level below which F is proved to stay under best."""
    c = _short(levels.upper / 16, 6)
    for _ in range(60):
        try:
            above = _under(levels, c)
        except Unproved:
            return None
        if above < best:
            return c
        c /= 4
    return None


def _under(levels: Levels, c: Expr) -> Ball:
    """An upper bound of F(c') for every c' <= c: of each segment's share (its length to ζ) times |φ'(ζ)|."""
    with working_bits(_BITS):
        total = (at(c, _BITS) * at(levels.fixed, _BITS)).high
    for index, segment in enumerate(levels.moving):
        far, near = segment.foot, segment.top
        end = levels.end(index, c, _BITS)
        with working_bits(_BITS):
            if far not in (oo, -oo):
                share = (at(c, _BITS) * abs(at(far - near, _BITS))).high
            else:
                area = (z - near if far == oo else near - z) * segment.size
                share = _largest_beyond(area, end, far)
            total = total + share
    return total.upper()


def _largest_beyond(area: Expr, end: Interval, far: Expr) -> Ball:
    """The largest value of an expression from an end to infinity: it must be monotone there."""
    side = 1 if far == oo else -1
    edge = rational(end.low.lower() if side > 0 else end.high.upper())
    if zeros(derivative(area), *((edge, far) if side > 0 else (far, edge))):
        raise Unproved("a turn far out")
    tends = limit(area, side)
    if tends == oo:
        return arb.pos_inf()
    return max(enclose(area, end, _BITS).high.upper(), at(tends, _BITS).high.upper())


def _tops(levels: Levels, low: Expr, high: Expr) -> bool:
    return sign(levels.derivatives(low, low, _FINE)[0]) != -1 and sign(levels.derivatives(high, high, _FINE)[0]) != 1


def _refined(levels: Levels, low: Expr, high: Expr) -> tuple[Expr, Expr]:
    """Newton's steps to the stationary point between two levels, proved by the sign of F' on either side of it."""
    c = _short((low + high) / 2, 40)
    for _ in range(60):
        first, second = (_middle(pair) for pair in levels.derivatives(c, c, _FINE))
        newer = c - first / second
        newer = _short(newer if low < newer < high else (low + high) / 2, DIGITS + 15)
        if abs(newer - c) < c * sympy.Rational(1, 10 ** (DIGITS + 8)):
            break
        c, low, high = newer, (c if first > 0 else low), (c if first < 0 else high)
    margin = c * sympy.Rational(1, 10 ** (DIGITS + 2))
    sides = [sign(levels.derivatives(p, p, _FINE)[0]) for p in (c - margin, c + margin)]
    if sides != [1, -1]:
        raise Unproved("a stationary point of the width")
    return _middle(levels.value(c, c, _FINE)).n(DIGITS), c.n(DIGITS)


def _middle(interval: Interval) -> Expr:
    with working_bits(_FINE):
        return sympy.Float._new(interval.middle()._mpf_, _FINE)


def seen(levels: Levels) -> tuple[Expr, Expr]:
    """The largest F on a grid of levels, refined by thirds, and 1/c there: a look, where nothing could be proved."""
    top = levels.upper if levels.upper != oo else levels.lower + 1
    grid = [_short(levels.lower + (top - levels.lower) * k / _LOOKS) for k in range(1, _LOOKS)]
    best = max(range(1, len(grid) - 1), key=lambda k: _value(levels, grid[k]))
    low, high = grid[best - 1], grid[best + 1]
    for _ in range(_THIRDS):
        first, second = _short(low + (high - low) / 3), _short(high - (high - low) / 3)
        low, high = (first, high) if _value(levels, first) < _value(levels, second) else (low, second)
    return _value(levels, low), 1 / low


def _value(levels: Levels, c: Expr) -> Expr:
    return _middle(levels.value(c, c, _BITS)).n(DIGITS)


def _short(c: Expr, digits: int = DIGITS) -> Expr:
    return sympy.Rational(str(c.n(digits)))
