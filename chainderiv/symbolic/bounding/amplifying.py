"""The set of z, and of a, in which a link amplifies: |w φ'(z)| >= 1, z = w a + b."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy
from sympy import oo

from chainderiv.errors import BadValue
from chainderiv.functions.turning.root import Enclosed
from chainderiv.shown import Shown, Shows
from chainderiv.symbolic.bounding import text
from chainderiv.symbolic.bounding.certainty import Certainty, certainty
from chainderiv.symbolic.bounding.inverse import closed_form, weight as size_of_w, where
from chainderiv.symbolic.bounding.isolate import in_order
from chainderiv.symbolic.bounding.landscape import Landscape, Segment
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbols import Expr

Stretch = tuple[Expr, Expr, bool, bool]  # left, right, and whether either end is left out


@dataclass(frozen=True)
class Amplifying(Shows):
    """Where a link w φ'(w a + b) has at least the size 1.

    Attributes
    ----------
    w, b : SymPy numbers or symbols.
    condition : what |w| fulfils for the rest to hold; SymPy's true where w is a number.
    z_set, a_set : SymPy sets of the pre-activation z and of the input a = (z - b)/w.
    z_width, a_width : their widths, added up over the pieces; ∞ where they are half lines.
    certainty : Certainty of the ends. Where it is NUMERIC the sets are those of |z| <= 16 alone.
    period : None, or of a periodic φ' the SymPy number with which z_set repeats: the sets and widths are then those of
        one period, which is period/|w| in a.

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
    period: Expr | None = None

    def _shown(self) -> Shown:
        where = f"where {self.condition}" if self.w.free_symbols else f"at w = {self.w}"
        return text.shown(f"{where}, b = {self.b}", text.sets(self))


def amplifying(land: Landscape, w: Expr, b: Expr) -> Amplifying:
    """The sets for a number w."""
    if w == 0:
        empty = sympy.S.EmptySet
        return Amplifying(w, b, sympy.true, empty, sympy.Integer(0), empty, sympy.Integer(0), certainty(land.proved))
    level = 1 / sympy.Abs(w)
    moving = {s: where(s, sympy.Abs(w)) for s in land.solved if _crosses(s, level)}
    return _sets(land, level, moving, w, b, sympy.true)


def regimes(land: Landscape, w: Expr, b: Expr) -> tuple[Amplifying, ...]:
    """The sets for a symbol w, one for each range of |w| that has a formula of its own, from small |w| to large.

    Raises BadValue where a bound of the sets has no closed form.
    """
    made = []
    marks = levels(land)
    for above, below in zip(marks, [*marks[1:], sympy.Integer(0)], strict=True):
        level = (above + below) / 2 if above != oo else below + 1
        moving = {s: _in_closed_form(s).subs(size_of_w, sympy.Abs(w)) for s in land.solved if _crosses(s, level)}
        low = 1 / above if above != oo else sympy.Integer(0)
        enters = _reached(land, above)
        condition = sympy.And(
            low <= sympy.Abs(w) if enters else low < sympy.Abs(w),
            sympy.true if below == 0 else sympy.Abs(w) < 1 / below,
        )
        made.append(_sets(land, level, moving, w, b, condition))
    return tuple(made)


def _in_closed_form(segment: Segment) -> Expr:
    formula = closed_form(segment)
    if formula is None:
        raise BadValue("the bounds of this set have no closed form in w; give a number for w")
    return formula


def levels(land: Landscape) -> list[Expr]:
    """The values at which |φ'| has an end of a segment, from the largest down to above 0, each once."""
    heights = [v for s in land.segments for v in (s.low, s.high)] + [node.size for node in land.nodes]
    # of equal ones the one in the fewest words: 1, and not cos at a root that is π
    plainly = sorted(set(heights), key=lambda value: (value.has(Enclosed), sympy.count_ops(value)))
    return [value for value in reversed(in_order(plainly)) if compare(value, 0) > 0]


def _reached(land: Landscape, level: Expr) -> bool:
    """Whether |φ'| takes its level wherever a segment ends in it."""
    if level == oo:
        return False
    at = {node.point: node.size for node in land.nodes}
    tops = [s.top for s in land.segments if not s.constant and compare(s.high, level) == 0]
    return all(top in at and compare(at[top], level) == 0 for top in tops)


def _crosses(segment: Segment, level: Expr) -> bool:
    return compare(segment.low, level) < 0 < compare(segment.high, level)


def _sets(land: Landscape, level: Expr, moving: dict[Segment, Expr], w: Expr, b: Expr, condition: Any) -> Amplifying:
    stretches, period = joined(land, level, moving), land.period
    if period is not None and any(right - left == period for left, right, _, _ in stretches):
        stretches, period = [(-oo, oo, True, True)], None
    ends = [end for stretch in stretches for end in stretch[:2]]
    z_width = oo if {oo, -oo} & set(ends) else sum((right - left for left, right, _, _ in stretches), sympy.Integer(0))
    mapped = [_mapped(stretch, w, b) for stretch in (stretches if w.is_positive else reversed(stretches))]
    a_width = oo if z_width == oo else z_width / sympy.Abs(w)
    sure = certainty(land.proved, *ends)
    return Amplifying(w, b, condition, as_set(stretches), z_width, as_set(mapped), a_width, sure, period)


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
