"""The set of z, and of a, in which a link amplifies: |w φ'(z)| >= 1, z = w a + b."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

import sympy
from sympy import oo

from chainderiv.errors import BadValue
from chainderiv.symbolic.bounding.certainty import Certainty, certainty
from chainderiv.symbolic.bounding.inverse import closed_form, weight as size_of_w, where
from chainderiv.symbolic.bounding.landscape import Landscape, Segment
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbolic.bounding.root import Enclosed
from chainderiv.symbols import Expr

Stretch = tuple[Expr, Expr, bool, bool]  # left, right, and whether either end is left out


@dataclass(frozen=True)
class Amplifying:
    """Where a link w φ'(w a + b) has at least the size 1.

    Attributes
    ----------
    w, b : SymPy numbers or symbols.
    condition : what |w| fulfils for the rest to hold; SymPy's true where w is a number.
    z_set, a_set : SymPy sets of the pre-activation z and of the input a = (z - b)/w.
    z_width, a_width : their widths, added up over the pieces; ∞ where they are half lines.
    certainty : Certainty of the ends. Where it is NUMERIC the sets are those of |z| <= 16 alone.

    Source: Nielsen (2015), chapter 5, the problem on |w σ'(wa + b)| >= 1.

    Examples
    --------
    >>> from chainderiv import bounds
    >>> found = bounds("sigmoid").interval(8, b=-4)
    >>> found.a_width.n(6), found.certainty.value
    (0.440687, 'exact')
    """

    w: Expr
    b: Expr
    condition: Any
    z_set: Any
    z_width: Expr
    a_set: Any
    a_width: Expr
    certainty: Certainty


def amplifying(land: Landscape, w: Expr, b: Expr) -> Amplifying:
    """The sets for a number w."""
    if w == 0:
        empty = sympy.S.EmptySet
        return Amplifying(w, b, sympy.true, empty, sympy.Integer(0), empty, sympy.Integer(0), certainty(land.proved))
    level = 1 / sympy.Abs(w)
    moving = {s: where(s, sympy.Abs(w)) for s in _right(land) if _crosses(s, level)}
    return _sets(land, level, moving, w, b, sympy.true)


def regimes(land: Landscape, w: Expr, b: Expr) -> tuple[Amplifying, ...]:
    """The sets for a symbol w, one for each range of |w| that has a formula of its own, from small |w| to large.

    Raises BadValue where a bound of the sets has no closed form.
    """
    made = []
    marks = levels(land)
    for above, below in zip(marks, [*marks[1:], sympy.Integer(0)], strict=True):
        level = (above + below) / 2 if above != oo else below + 1
        moving = {}
        for segment in _right(land):
            if _crosses(segment, level):
                formula = closed_form(segment)
                if formula is None:
                    raise BadValue("the bounds of this set have no closed form in w; give a number for w")
                moving[segment] = formula.subs(size_of_w, sympy.Abs(w))
        low = 1 / above if above != oo else sympy.Integer(0)
        enters = _reached(land, above)
        condition = sympy.And(
            low <= sympy.Abs(w) if enters else low < sympy.Abs(w),
            sympy.true if below == 0 else sympy.Abs(w) < 1 / below,
        )
        made.append(_sets(land, level, moving, w, b, condition))
    return tuple(made)


def levels(land: Landscape) -> list[Expr]:
    """The values at which |φ'| has an end of a segment, from the largest down to above 0, each once."""
    heights = [v for s in land.segments for v in (s.low, s.high)] + [node.size for node in land.nodes]
    ordered: list[Expr] = []
    # of equal ones the one in the fewest words: 1, and not cos at a root that is π
    plainly = sorted(set(heights), key=lambda value: (value.has(Enclosed), sympy.count_ops(value)))
    for value in sorted(plainly, key=cmp_to_key(compare), reverse=True):
        if compare(value, 0) > 0 and not (ordered and compare(value, ordered[-1]) == 0):
            ordered.append(value)
    return ordered


def _reached(land: Landscape, level: Expr) -> bool:
    """Whether |φ'| takes its level wherever a segment ends in it."""
    if level == oo:
        return False
    at = {node.point: node.size for node in land.nodes}
    ends = [(s.right if s.rises else s.left) for s in land.segments if not s.constant and compare(s.high, level) == 0]
    return all(end in at and compare(at[end], level) == 0 for end in ends)


def _right(land: Landscape) -> tuple[Segment, ...]:
    """The segments that are solved; where |φ'| is even the left ones are their mirror images."""
    return tuple(s for s in land.segments if not land.even or compare(s.right, 0) > 0)


def _crosses(segment: Segment, level: Expr) -> bool:
    return compare(segment.low, level) < 0 < compare(segment.high, level)


def _sets(land: Landscape, level: Expr, moving: dict[Segment, Expr], w: Expr, b: Expr, condition: Any) -> Amplifying:
    stretches = joined(land, level, moving)
    z_width = width(stretches)
    mapped = [_mapped(stretch, w, b) for stretch in (stretches if w.is_positive else reversed(stretches))]
    a_width = oo if z_width == oo else z_width / sympy.Abs(w)
    return Amplifying(
        w, b, condition, as_set(stretches), z_width, as_set(mapped), a_width,
        certainty(land.proved, *(end for left, right, _, _ in stretches for end in (left, right))),
    )  # fmt: skip


def width(stretches: list[Stretch]) -> Expr:
    """What stretches measure together."""
    if any(end in (oo, -oo) for left, right, _, _ in stretches for end in (left, right)):
        return oo
    return sum((right - left for left, right, _, _ in stretches), sympy.Integer(0))


def joined(land: Landscape, level: Expr, moving: dict[Segment, Expr]) -> list[Stretch]:
    """The stretches in which |φ'| >= level, from left to right, each as long as it goes."""
    joined: list[Stretch] = []
    for stretch in _raw(land, level, moving):
        if joined and joined[-1][1] == stretch[0] and not (joined[-1][3] and stretch[2]):
            last = joined.pop()
            stretch = (last[0], stretch[1], last[2], stretch[3])
        joined.append(stretch)
    return joined


def _raw(land: Landscape, level: Expr, moving: dict[Segment, Expr]) -> list[Stretch]:
    found: list[Stretch] = []
    for i, segment in enumerate(land.segments):
        if _crosses(segment, level):
            end = moving[segment] if segment in moving else -moving[segment.mirror()]
            found.append((end, segment.right, False, True) if segment.rises else (segment.left, end, True, False))
        elif compare(segment.low, level) >= 0 and (segment.constant or compare(segment.high, level) > 0):
            found.append((segment.left, segment.right, True, True))
        if i < len(land.nodes) and compare(land.nodes[i].size, level) >= 0:
            found.append((land.nodes[i].point, land.nodes[i].point, False, False))
    return found


def _mapped(stretch: Stretch, w: Expr, b: Expr) -> Stretch:
    left, right, left_out, right_out = stretch
    ends = (left - b) / w, (right - b) / w
    return (*ends, left_out, right_out) if w.is_positive else (*reversed(ends), right_out, left_out)


def as_set(stretches: Any) -> Any:
    """Stretches as a SymPy set."""
    points = [left for left, right, _, _ in stretches if left == right]
    parts = [sympy.Interval(*stretch) for stretch in stretches if stretch[0] != stretch[1]]
    parts += [sympy.FiniteSet(*points)] if points else []
    # they are apart and in order; SymPy would compare their ends again
    return parts[0] if len(parts) == 1 else sympy.Union(*parts, evaluate=False) if parts else sympy.S.EmptySet
