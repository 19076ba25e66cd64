"""|φ'| as a row of intervals on each of which it rises, falls or stays: what every bound is read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import sympy
from sympy import oo

from chainderiv.functions.activation import Activation
from chainderiv.symbolic.bounding import pieces, scan
from chainderiv.symbolic.bounding.crossing import crossing
from chainderiv.symbolic.bounding.exponentials import Unproved
from chainderiv.symbolic.bounding.isolate import zeros
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbolic.bounding.pieces import Piece
from chainderiv.symbolic.bounding.root import derivative
from chainderiv.symbolic.bounding.tail import limit
from chainderiv.symbolic.bounding.wording import value_at
from chainderiv.symbols import Expr, z


@dataclass(frozen=True)
class Segment:
    """An open interval on which |φ'| is one smooth formula, positive, and monotone.

    Attributes
    ----------
    left, right : SymPy numbers or ±∞.
    size : |φ'| there, as an expression in z.
    at_left, at_right : its limits at the two ends, SymPy numbers or ∞.
    """

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
    """The segments and the nodes between them, from left to right.

    Attributes
    ----------
    even : bool. Whether |φ'(-z)| = |φ'(z)|.
    proved : bool. Whether it is proved that |φ'| turns nowhere else. If not, it was looked at on a grid of
        |z| <= scan.WINDOW, and the segments end there.
    """

    segments: tuple[Segment, ...]
    nodes: tuple[Node, ...]
    even: bool
    proved: bool


MOST_SEGMENTS = 40


@lru_cache(maxsize=128)
def landscape(neuron: Activation) -> Landscape:
    """The landscape of |φ'| of an activation.

    >>> from chainderiv.functions.lookup import neuron
    >>> [(s.left, s.right, s.at_left, s.at_right) for s in landscape(neuron("sigmoid")).segments]
    [(-oo, 0, 0, 1/4), (0, oo, 1/4, 0)]
    """
    parts = pieces.pieces(neuron)
    even = pieces.mirrored(parts)
    try:
        found = _segments(parts, even, zeros, compare)
        proved = True
    except Unproved:
        within = tuple(piece for part in parts for piece in _in_window(part))
        found = _alike(_segments(within, False, scan.zeros, scan.compare))
        proved = False
        _require_inner_maximum(found)
    if len(found) > MOST_SEGMENTS:
        raise Unproved(f"it turns more than {MOST_SEGMENTS} times")
    steps = {p: _stated(neuron, p) for p in pieces.breaks(neuron)}
    nodes = tuple(
        Node(left.right, _between(left, right) if left.right not in steps else steps[left.right])
        for left, right in pairwise(found)
    )
    return Landscape(found, nodes, even and proved, proved)


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
    heights = [end_value(part.slope, part, p) for p in turns]
    made = []
    for i in range(len(turns) - 1):
        low, high = order(heights[i], 0), order(heights[i + 1], 0)
        ends, sizes = [turns[i], turns[i + 1]], [heights[i], heights[i + 1]]
        if low * high < 0:
            ends[1:1] = [crossing(part.slope, turns[i], turns[i + 1], low)]
            sizes[1:1] = [sympy.Integer(0)]
        for k in range(len(ends) - 1):
            sign = order(sizes[k], 0) or order(sizes[k + 1], 0) or 1
            made.append(Segment(ends[k], ends[k + 1], sign * part.slope, sign * sizes[k], sign * sizes[k + 1]))
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
