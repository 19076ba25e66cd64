"""|φ'| as a row of intervals on each of which it rises, falls or stays: what every bound is read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cmp_to_key, lru_cache
from itertools import pairwise
from typing import Any

import sympy
from sympy import oo

from chainderiv.functions.activation import Activation
from chainderiv.functions.turning.root import derivative
from chainderiv.symbolic.bounding import periodic, pieces, scan
from chainderiv.symbolic.bounding.crossing import crossing
from chainderiv.symbolic.bounding.exponentials import MOST_TURNS, TooManyTurns, Unproved
from chainderiv.symbolic.bounding.isolate import zeros
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbolic.bounding.pieces import Piece
from chainderiv.symbolic.bounding.tail import limit
from chainderiv.symbolic.bounding.wording import value_at
from chainderiv.symbols import Expr, z


@dataclass(frozen=True)
class Segment:
    """An open interval on which |φ'| is one smooth formula, positive and monotone; and its limits at the ends."""

    left: Expr
    right: Expr
    size: Expr
    at_left: Expr
    at_right: Expr

    @property
    def constant(self) -> bool:
        """Whether |φ'| stays."""
        return not self.size.has(z)

    @property
    def rises(self) -> bool:
        """Whether |φ'| rises from left to right."""
        return compare(self.at_left, self.at_right) < 0

    @property
    def low(self) -> Expr:
        """The smaller limit."""
        return self.at_left if self.rises else self.at_right

    @property
    def high(self) -> Expr:
        """The larger limit."""
        return self.at_right if self.rises else self.at_left

    @property
    def foot(self) -> Expr:
        """The end at which |φ'| has its smaller limit."""
        return self.left if self.rises else self.right

    @property
    def top(self) -> Expr:
        """The end at which |φ'| has its larger limit."""
        return self.right if self.rises else self.left

    def mirror(self) -> Segment:
        """The same on the other side of 0, where |φ'| is even."""
        return Segment(-self.right, -self.left, self.size.subs(z, -z), self.at_right, self.at_left)


@dataclass(frozen=True)
class Node:
    """A point between two segments, and |φ'| there as the formula states it (0 where it states no finite one)."""

    point: Expr
    size: Expr


@dataclass(frozen=True)
class Landscape:
    """The segments and the nodes between them, from left to right; even says whether |φ'(-z)| = |φ'(z)|.

    Of a periodic φ' they cover one period, from the lowest of |φ'| on, and the last node is its end.

    proved : that |φ'| turns nowhere else, and which of two heights is the larger. Else it was looked at: the heights,
    or all of it on a grid of |z| <= scan.WINDOW, where the segments then end.
    """

    segments: tuple[Segment, ...]
    nodes: tuple[Node, ...]
    even: bool
    proved: bool
    period: Expr | None = None

    @property
    def solved(self) -> tuple[Segment, ...]:
        """The segments in which levels are looked for; where |φ'| is even the left ones are their mirror images."""
        return tuple(s for s in self.segments if not self.even or compare(s.right, 0) > 0)


@lru_cache(maxsize=128)
def landscape(neuron: Activation) -> Landscape:
    """The landscape of |φ'| of an activation.

    >>> from chainderiv.functions.lookup import neuron
    >>> [(s.left, s.right, s.at_left, s.at_right) for s in landscape(neuron("sigmoid")).segments]
    [(-oo, 0, 0, 1/4), (0, oo, 1/4, 0)]
    """
    parts = pieces.pieces(neuron)
    if len(parts) == 1 and (period := periodic.period_of(slope := periodic.summed(parts[0].slope))) is not None:
        try:
            return _of_one_period(slope, period)
        except TooManyTurns:
            raise
        except Unproved:  # the whole line is tried as that of any other
            pass
    even = pieces.mirrored(parts)
    try:
        found = _segments(parts, even, zeros, compare)
        try:
            sorted({height for s in found for height in (s.at_left, s.at_right)}, key=cmp_to_key(compare))
            proved = True
        except Unproved:  # each turn is proved, but not which of two heights is the larger
            found, proved = _alike(found), False
    except TooManyTurns:
        raise
    except Unproved:
        within = tuple(piece for part in parts for piece in _in_window(part))
        found = _alike(_segments(within, False, scan.zeros, scan.compare))
        proved = False
        _require_inner_maximum(found)
    if len(found) > MOST_TURNS:
        raise TooManyTurns
    steps = {p: _stated(neuron, p) for p in pieces.breaks(neuron)}
    nodes = tuple(
        Node(left.right, _between(left, right) if left.right not in steps else steps[left.right])
        for left, right in pairwise(found)
    )
    return Landscape(found, nodes, even and proved, proved)


def _of_one_period(slope: Expr, period: Expr) -> Landscape:
    """From the lowest of |φ'| on, so that no set in which |φ'| is large is cut in two."""
    half = period / 2
    rough = _segments((Piece(-half, half, slope),), False, zeros, compare)
    by_size = cmp_to_key(compare)
    start = min(rough, key=lambda segment: by_size(segment.at_left)).left
    part = (Piece(start, start + period, slope),)
    even = pieces.mirrored(part)
    found = _segments(part, even, zeros, compare)
    sorted({height for s in found for height in (s.at_left, s.at_right)}, key=cmp_to_key(compare))
    nodes = [Node(s.right, _between(s, s)) for s in found]
    return Landscape(found, tuple(nodes), even, True, period)


def _alike(found: Sequence[Segment]) -> tuple[Segment, ...]:
    chosen = scan.alike([sympy.Integer(0), *(height for s in found for height in (s.at_left, s.at_right))])
    return tuple(replace(s, at_left=chosen[s.at_left], at_right=chosen[s.at_right]) for s in found)


def _require_inner_maximum(found: Sequence[Segment]) -> None:
    """Raise Unproved where |φ'| is largest at an end of what was looked at: then it may go on to grow."""
    heights = [size for s in found for size in (s.at_left, s.at_right)]
    inner = heights[1:-1] or [sympy.Integer(0)]
    for place, height in ((found[0].left, heights[0]), (found[-1].right, heights[-1])):
        if abs(place) == scan.WINDOW and all(compare(height, other) > 0 for other in inner):
            raise Unproved(f"the largest slope is not found within |z| <= {scan.WINDOW}")


def _stated(neuron: Activation, point: Expr) -> Expr:
    value = value_at(pieces.slope_at(neuron, point), point)
    return sympy.Abs(value) if value.is_finite else sympy.Integer(0)


def _between(left: Segment, right: Segment) -> Expr:
    height = left.at_right if left.at_right.is_number else right.at_left
    return height if height.is_finite else sympy.Integer(0)


def _in_window(part: Piece) -> list[Piece]:
    left, right = max(part.left, -scan.WINDOW), min(part.right, scan.WINDOW)
    return [Piece(left, right, part.slope)] if left < right else []


def _segments(parts: tuple[Piece, ...], even: bool, find: Any, order: Any) -> tuple[Segment, ...]:
    if even:
        halves = tuple(
            replace(p, left=p.left if compare(p.left, 0) > 0 else sympy.Integer(0))
            for p in parts
            if compare(p.right, 0) > 0
        )
        right = _segments(halves, False, find, order)
        return (*(s.mirror() for s in reversed(right)), *right)
    return tuple(segment for part in parts for segment in _monotone(part, find, order))


def _monotone(part: Piece, find: Any, order: Any) -> list[Segment]:
    """A piece divided where φ'' or φ' is 0."""
    if not part.slope.has(z):
        size = sympy.Abs(part.slope)
        return [Segment(part.left, part.right, size, size, size)]
    turns = [part.left, *find(derivative(part.slope), part.left, part.right), part.right]
    if len(turns) > MOST_TURNS + 1:  # the two ends among them
        raise TooManyTurns
    row: list[tuple[Expr, Expr]] = []
    for turn in turns:
        height = end_value(part.slope, part, turn)
        if row and order(row[-1][1], 0) * order(height, 0) < 0:
            row.append((crossing(part.slope, row[-1][0], turn, order(row[-1][1], 0)), sympy.Integer(0)))
        row.append((turn, height))
    made = []
    for (left, at_left), (right, at_right) in pairwise(row):
        sign = order(at_left, 0) or order(at_right, 0) or 1
        made.append(Segment(left, right, sign * part.slope, sign * at_left, sign * at_right))
    return made


def limit_at(expression: Expr, part: Piece, point: Expr) -> Expr:
    """The limit from within the piece; at a point of its own both sides must agree, as those of (sin z)/z do."""
    sides = [side for side, end in (("+", part.right), ("-", part.left)) if point != end]
    limits = [sympy.limit(expression, z, point, side) for side in sides]
    within = len(limits) == 2
    return sympy.nan if within and (limits[0] != limits[1] or not limits[0].is_finite) else limits[0]


def end_value(expression: Expr, part: Piece, point: Expr) -> Expr:
    """What a smooth expression tends to at a number within a piece or at the piece's own end."""
    if point in (oo, -oo):
        value = limit(expression, 1 if point == oo else -1)
    else:
        value = value_at(expression, point)
        if not value.is_finite:
            value = limit_at(expression, part, point)
    if isinstance(value, sympy.AccumBounds) or not value.is_number or not value.is_extended_real:
        raise Unproved(f"the limit of {expression} at {point}")
    return value
