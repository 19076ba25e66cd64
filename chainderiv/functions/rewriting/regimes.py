"""Which of several forms of one quantity to use where: measured, cell by cell, and put together as branches in z.

After Herbie (Panchekha, Sanchez-Stern, Wilcox and Tatlock 2015): rewrite, sample against correct digits, and infer
the regimes. Here a form counts at a point only if it equals the formula there to 40 digits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise, takewhile
from operator import itemgetter
from typing import Any

import mpmath
import sympy

from chainderiv.functions.branches import Branches, pieces
from chainderiv.functions.precise import working_digits
from chainderiv.functions.rewriting.digits import BELOW, BEYOND, NORMAL, Correct, Digits, digits_that_hold
from chainderiv.functions.rewriting.ieee import Floats
from chainderiv.symbols import Expr, z

MOST, MOST_OF_A_FORM = 600, 130  # digits that are tried of the formula, and of a form
TINY = mpmath.mpf(10) ** -360
EQUAL = 40  # digits to which a form must equal the formula
ENOUGH = 13.0  # digits that need no better form
MOST_ROUNDING = 3000.0  # in units of ε
# the |z| at which one form may give way to another
_EDGES = [
    *(sympy.Rational(1, n) for n in (10**6, 1000, 64, 16, 8, 4, 2)),
    *(sympy.Rational(n, 2) for n in (2, 3, 4, 6, 8, 12, 16, 24, 32, 40, 52, 64, 72, 80, 120, 200, 400, 700)),
    *(sympy.Integer(n) for n in (700, 750, 1500, 4000, 20000)),
]


@dataclass(frozen=True)
class Region:
    """Where the formula follows one branch on one side of 0: low < z < high, |z| = side · z."""

    value: Expr
    derivative: Expr
    low: Expr
    high: Expr
    with_low: bool  # whether z = low belongs to it

    @property
    def side(self) -> int:
        """1 for z >= 0, -1 for z <= 0."""
        return 1 if self.low >= 0 else -1

    @property
    def is_point(self) -> bool:
        """Whether it is one z alone."""
        return bool(self.low == self.high)

    @property
    def near(self) -> Expr:
        """The smallest |z|."""
        return abs(self.low) if self.side > 0 else abs(self.high)

    @property
    def far(self) -> Expr:
        """The largest |z|, which may be oo."""
        return abs(self.high) if self.side > 0 else abs(self.low)

    @cached_property
    def cells(self) -> list[tuple[Expr, Expr]]:
        """The region's |z|, cut into cells from the outermost to 0."""
        near, far = self.near, self.far
        edges = [near, *(e for e in _EDGES if near < e < far)]
        outer = [*edges[1:], far if far != sympy.oo else sympy.Integer(20000)]
        return [cell for cell in reversed(list(zip(edges, outer, strict=True))) if cell[0] != cell[1]]

    @cached_property
    def points(self) -> list[float]:
        """Two z within each cell, and z = 0 where the region reaches it."""
        within = [self.side * p for near, far in self.cells for p in _within(float(near), float(far))]
        return [*within, 0.0] if 0 in (self.low, self.high) else within

    @cached_property
    def floats(self) -> Floats:
        """The forms in float64 at the points."""
        return Floats(self.points)

    def truths(self, formula: Expr) -> list[Correct]:
        """The correct digits of φ or φ' at the points, as far as a bounded effort gives them."""
        if formula not in self._truths:
            digits = Digits(formula, MOST, relative=True)
            self._truths[formula] = [digits(p) for p in self.points]
        return self._truths[formula]

    def values(self, form: Expr) -> list[Any]:
        """A form's correct digits at the points; None where MOST_OF_A_FORM do not show them."""
        digits = Digits(form, MOST_OF_A_FORM)
        return [digits(p).value for p in self.points]

    @cached_property
    def _truths(self) -> dict[Expr, list[Correct]]:
        return {}


def _within(near: float, far: float) -> tuple[float, float]:
    if near == 0:
        return min(1e-8, 0.37 * far), min(3e-13, 0.011 * far)
    step = far / near
    return near * step**0.71, near * step**0.23


def regions(taken_apart: Branches) -> list[Region]:
    """The branches of a formula on either side of 0, from the right to the left; sign(z) has one for z = 0 alone."""
    breaks = sorted({*taken_apart.breaks, sympy.Integer(0)}, reverse=True)
    ends = [sympy.oo, *breaks, -sympy.oo]
    inside = [_middle(low, high) for high, low in pairwise(ends)]
    branches = [_branch(taken_apart, point) for point in inside]
    found = []
    for i, (high, low) in enumerate(pairwise(ends)):
        own, at_low = branches[i], _branch(taken_apart, low) if low != -sympy.oo else None
        found.append(Region(*own, low, high, with_low=at_low == own))
        if at_low is not None and at_low != own and at_low != branches[i + 1]:
            found.append(Region(*at_low, low, low, with_low=True))
    return found


def _branch(branches: Branches, at: Expr) -> tuple[Expr, Expr]:
    return _followed(branches.value, at), _followed(branches.derivative, at)


def _middle(low: Expr, high: Expr) -> Expr:
    if low == -sympy.oo:
        return high - 1
    return low + 1 if high == sympy.oo else (low + high) / 2


def _followed(expression: Expr, at: Expr) -> Expr:
    """The branch that an expression follows at one z."""
    folded = sympy.piecewise_fold(expression) if expression.has(sympy.Piecewise) else expression
    return next(value for value, when in pieces(folded) if when == sympy.true or when.subs(z, at) == sympy.true)


class Contest:
    """The forms of one quantity in one region, φ or φ' as the formula states it or its log|.|, and how they fare."""

    def __init__(self, region: Region, formula: Expr, logarithm: bool) -> None:
        self.region, self.least = region, 1.0 if logarithm else 0.0
        self.plain = sympy.log(sympy.Abs(formula)) if logarithm else formula
        self.known = [truth.log if logarithm else truth.value for truth in region.truths(formula)]
        self.forms: list[Expr] = []
        self.marks: list[list[float]] = []

    def enter(self, forms: Iterable[Expr]) -> None:
        """Mark every form at every point: its digits, with 100 on top where they are enough; -1 if it is not equal."""
        for form in dict.fromkeys(forms):
            # the plain form is the formula: it is equal where anything is known, whatever 130 digits make of it
            values = self.known if form == self.plain else self.region.values(form)
            same = [equal(v, w) for v, w in zip(values, self.known, strict=True)]
            decided = [e for e in same if e is not None]
            if not any(decided):
                continue
            if all(decided):  # where the formula's own digits were too dear, a form that equals it elsewhere stands in
                self.known = [v if w is None else w for v, w in zip(values, self.known, strict=True)]
                same = [True if e is None and v is not None else e for e, v in zip(same, values, strict=True)]
            self.forms.append(form)
            self.marks.append(self._marked(form, same, relative=True))

    def _marked(self, form: Expr, same: Iterable[bool | None], relative: bool) -> list[float]:
        floats, marks = self.region.floats, []
        for got, bound, want, e in zip(floats(form), floats.rounding(form), self.known, same, strict=True):
            if e is not True or want is None:
                marks.append(-1.0 if e is False else 0.0)
                continue
            digits = digits_that_hold(got, want, 0.0 if relative else self.least)
            steady = mpmath.isinf(want) or bound <= MOST_ROUNDING * max(abs(float(want)), self.least or NORMAL)
            marks.append(digits + (100.0 if digits >= ENOUGH and steady else 0.0))
        return marks

    def _all_marked(self, relative: bool) -> list[list[float]]:
        same = [[m >= 0 for m in marks] for marks in self.marks]
        return [self._marked(form, e, relative) for form, e in zip(self.forms, same, strict=True)]

    def is_enough(self, form: Expr, relative: bool) -> bool:
        """Whether a form holds the digits that another does, of a logarithm relative to it or to max(1, |log|)."""
        own = self._marked(form, [True] * len(self.known), relative)
        if min(own) > 100:
            return True
        others = self._all_marked(relative)
        return all(mark > 100 or mark >= max(best) - 0.7 for mark, *best in zip(own, *others, strict=True))

    @property
    def weak_near_zero(self) -> bool:
        """Whether no form holds its digits close to 0; of a logarithm those relative to max(1, |log|) count."""
        marks = self._all_marked(relative=False)
        near = [i for i, p in enumerate(self.region.points) if abs(p) < 0.25 and self.known[i] is not None]
        return any(max((row[i] for row in marks), default=0.0) < 100 for i in near)

    def _best(self, i: int) -> float:
        return max((marks[i] for marks in self.marks), default=0.0)

    def winners(self) -> list[tuple[Expr, Expr]]:
        """(form, the |z| down to which it serves) from the outermost cell inwards, as few as hold enough digits."""
        cells = self.region.cells
        serves = [[self._serves(k, c) for c in range(len(cells))] for k in range(len(self.forms))]
        ends: list[tuple[int, int]] = []  # a form and the cell after its last
        c = 0
        while c < len(cells):
            runs = [sum(1 for _ in takewhile(bool, row[c:])) for row in serves]
            best = max(range(len(runs)), key=lambda k: (runs[k], -k))
            c += max(runs[best], 1)
            ends.append((best, c))
        for i in reversed(range(len(ends) - 1)):
            ends[i] = (ends[i][0], self._moved_out(ends, i))
        return [(self.forms[k], cells[end - 1][0]) for k, end in ends]

    def _moved_out(self, ends: list[tuple[int, int]], i: int) -> int:
        """Where the next form takes over: as far out as it holds clearly more digits."""
        start = ends[i - 1][1] if i else 0
        (outer, end), inner = ends[i], ends[i + 1][0]
        while end - 1 > start and all(
            self.marks[inner][j] > self.marks[outer][j] + 0.5 for j in (2 * end - 2, 2 * end - 1)
        ):
            end -= 1
        return end

    def _serves(self, k: int, cell: int) -> bool:
        inside = [2 * cell, 2 * cell + 1]
        if cell == len(self.region.cells) - 1 and len(self.region.points) > 2 * len(self.region.cells):
            inside.append(len(self.region.points) - 1)
        return all(self.marks[k][i] >= min(100.0, self._best(i) - 0.7) for i in inside)


def equal(value: Any | None, want: Any | None) -> bool | None:
    """Whether a value is the wanted one to EQUAL digits; None where what is wanted is unknown.

    Beyond 1e±400 the sign and the size suffice: no float64 shows more, and exp(-e^z) has no digits there at 130.
    """
    if want is None:
        return None
    if value is None:
        return False
    if mpmath.isinf(want) or mpmath.isinf(value) or want == 0:
        return bool(value == want or (want == 0 and abs(value) < TINY))
    if abs(want) < BELOW or abs(want) > BEYOND:
        alike = abs(value) < TINY if abs(want) < BELOW else abs(value) > 1 / TINY
        return bool(alike and value * mpmath.sign(want) >= 0)
    with working_digits(60):
        return bool(abs(value - want) <= abs(want) * mpmath.mpf(10) ** -EQUAL)


def joined(served: list[tuple[Region, list[tuple[Expr, Expr]]]]) -> Expr:
    """One expression in z from each region's winners, right to left, with equal neighbours as one branch."""
    branches: list[tuple[Expr, Expr, bool]] = []
    for region, winners in served:
        ordered = winners if region.side > 0 else _mirrored(winners, region)
        branches += [(form, low, region.with_low if low == region.low else region.side > 0) for form, low in ordered]
    *others, (last, _, _) = [list(alike)[-1] for _, alike in groupby(branches, key=itemgetter(0))]
    conditions = [(form, (z >= low) if closed else (z > low)) for form, low, closed in others]
    return sympy.Piecewise(*conditions, (last, True))


def _mirrored(winners: list[tuple[Expr, Expr]], region: Region) -> list[tuple[Expr, Expr]]:
    """On the left a form serves from its own outer end to the next: the innermost comes first."""
    outer_ends = [region.low, *(-near for _, near in winners[:-1])]
    return [(form, end) for (form, _), end in zip(reversed(winners), reversed(outer_ends), strict=True)]
