"""The weight at which a link amplifies over the widest set of inputs a, and how wide that set is.

With c = 1/|w| and M(c) the measure of {z : |φ'(z)| >= c}, the width in a is F(c) = c M(c).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cmp_to_key

import sympy
from sympy import oo

from chainderiv.functions.turning.root import derivative
from chainderiv.symbolic.bounding import scan, together
from chainderiv.symbolic.bounding.amplifying import levels
from chainderiv.symbolic.bounding.certainty import Certainty, certainty
from chainderiv.symbolic.bounding.exponentials import Unproved
from chainderiv.symbolic.bounding.inverse import where
from chainderiv.symbolic.bounding.isolate import zeros
from chainderiv.symbolic.bounding.landscape import Landscape, Segment
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbolic.bounding.tail import limit
from chainderiv.symbolic.bounding.wording import value_at
from chainderiv.symbols import Expr, z

_by_size = cmp_to_key(compare)

_FARTHEST = 10**4  # in powers of 2


@dataclass(frozen=True)
class Widest:
    """The widest set of a over all w, added up over its pieces.

    Attributes
    ----------
    width : SymPy number; ∞ where φ' tends to a number other than 0, so that the set is a half line or more, or is
        periodic; and NaN where |φ'| could not be followed to the ends.
    weight : SymPy number. The |w| at which it is reached; where the width is ∞ the |w| from which it is.
    attained : bool. Whether it is reached at that |w|, or only approached (beyond it, where the width is ∞).
    certainty : Certainty.

    Examples
    --------
    >>> from chainderiv import bounds
    >>> bounds("relu").widest.unbounded, bounds("tanh").widest.weight.n(6)
    (True, 1.72354)
    """

    width: Expr
    weight: Expr
    attained: bool
    certainty: Certainty

    @property
    def unbounded(self) -> bool:
        """Whether there is no widest set."""
        return bool(self.width == oo)


@dataclass(frozen=True)
class _Try:
    """A candidate: F(c) = width at the weight 1/c."""

    width: Expr
    weight: Expr
    attained: bool
    proved: bool = True
    closed: bool = True


def widest(land: Landscape) -> Widest:
    """The widest set of a.

    >>> from chainderiv.functions.lookup import neuron
    >>> from chainderiv.symbolic.bounding.landscape import landscape
    >>> found = widest(landscape(neuron("arctan")))
    >>> found.width, found.weight
    (1, 2)
    """
    unknown = Widest(sympy.nan, sympy.nan, False, Certainty.NUMERIC)
    try:
        return _widest(land) if land.proved else unknown
    except Unproved:
        return unknown


def _widest(land: Landscape) -> Widest:
    endless = _endless(land)
    if endless is not None:
        return endless
    marks = levels(land)
    ranges = zip([*marks[1:], sympy.Integer(0)], marks, strict=True)
    tries = [one for lower, upper in ranges for one in _tries(land.solved, lower, upper)]
    best = max(tries, key=lambda one: _by_size(one.width))
    width = (2 if land.even else 1) * best.width
    sure = certainty(land.proved and all(t.proved for t in tries), width, best.weight)
    if sure == Certainty.EXACT and not best.closed:
        sure = Certainty.CERTIFIED
    return Widest(width, best.weight, best.attained, sure)


def _endless(land: Landscape) -> Widest | None:
    """Where |φ'| tends to a number other than 0, so that a half line belongs to the set, or has it without end."""
    if land.period is not None:
        top = levels(land)[0]
        return Widest(oo, 1 / top, False, certainty(land.proved, top))
    first, last = land.segments[0], land.segments[-1]
    sides = (first, first.at_left, first.left), (last, last.at_right, last.right)
    far = [(s, v) for s, v, end in sides if end in (oo, -oo) and compare(v, 0) > 0]
    if not far:
        return None
    largest = max((v for _, v in far), key=_by_size)
    # at 1/|w| = the limit itself the half line belongs to the set where |φ'| comes down to its limit
    reached = any(compare(v, largest) == 0 and (s.constant or compare(s.low, largest) == 0) for s, v in far)
    weight = sympy.Integer(0) if largest == oo else 1 / largest
    return Widest(oo, weight, reached and largest != oo, certainty(land.proved, weight))


def _tries(solved: tuple[Segment, ...], lower: Expr, upper: Expr) -> list[_Try]:
    """The candidates among the levels from lower to upper, between which the same ends move."""
    moving = [s for s in solved if not s.constant and compare(s.low, lower) <= 0 and compare(s.high, upper) >= 0]
    whole = [s for s in solved if compare(s.low, upper) >= 0]
    fixed = sum((s.right - s.left for s in whole), sympy.Integer(0))
    if len(moving) > 1:
        return _of_several(moving, fixed, lower, upper)
    return _of_one(moving[0], fixed, lower, upper) if moving else [_Try(upper * fixed, 1 / upper, True)]


def _of_one(segment: Segment, fixed: Expr, lower: Expr, upper: Expr) -> list[_Try]:
    """F as a function of the one end ζ that moves: (fixed + the part of the segment up to ζ) |φ'(ζ)|."""
    area = (fixed + (segment.right - z if segment.rises else z - segment.left)) * segment.size
    high, low = _end(segment, upper), _end(segment, lower)
    try:
        turns, proved = zeros(derivative(area), *((low, high) if segment.rises else (high, low))), True
    except Unproved:
        turns, proved = scan.zeros(derivative(area), *_in_window(segment, low, high)), False
    found = [_Try(value_at(area, p), 1 / value_at(segment.size, p), True, proved) for p in turns]
    if upper != oo:
        reach = fixed + (segment.right - high if segment.rises else high - segment.left)
        found.append(_Try(upper * reach, 1 / upper, True, proved))
    else:  # |φ'| grows without end towards a number: ever smaller weights
        found.append(_Try(sympy.limit(area, z, high, "-" if segment.rises else "+"), sympy.Integer(0), False, proved))
    if low in (oo, -oo):
        found.append(_Try(limit(area, 1 if low == oo else -1), oo, False, proved))
    return found


def _end(segment: Segment, level: Expr) -> Expr:
    if compare(level, segment.high) == 0:
        return segment.top
    if compare(level, segment.low) == 0:
        return segment.foot
    return where(segment, 1 / level)


def _in_window(segment: Segment, low: Expr, high: Expr) -> tuple[Expr, Expr]:
    left, right = (low, high) if segment.rises else (high, low)
    return (left if left != -oo else right - scan.WINDOW), (right if right != oo else left + scan.WINDOW)


def _of_several(moving: list[Segment], fixed: Expr, lower: Expr, upper: Expr) -> list[_Try]:
    if upper != oo and abs(sympy.log(upper.n(5), 2)) > _FARTHEST:  # exact fractions of so many digits take minutes
        raise Unproved("levels so far from 1")
    between = together.Levels(moving, fixed, lower, upper)
    found = together.maxima(between)
    if found is None:
        tries = [_Try(*together.seen(between), True, proved=False)]
    else:
        tries = [_Try(width, 1 / c, True, closed=False) for width, c in found]
    if upper != oo:
        reach = fixed + sum(abs(_end(s, upper) - s.top) for s in moving)
        tries.append(_Try(upper * reach, 1 / upper, True))
    return tries
