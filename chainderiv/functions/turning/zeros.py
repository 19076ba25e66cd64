"""turnings(): every z at which a smooth expression changes its sign, proved to be all of them.

Candidates come from a spread of z in balls, and are made exact numbers: rationals, and logarithms of rationals; one
that is none of them, and is crossed with a slope, is a Root between two rationals. Then interval arithmetic proves that
the rest of the real line holds no other zero: around a zero a derivative that is not 0 leaves room for one alone,
elsewhere the expression keeps away from 0, and towards infinity it does so itself or is driven from 0 by a derivative
of one sign.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

import sympy
from flint import arb, fmpq

from chainderiv.functions.elementary import ROWS
from chainderiv.functions.enclosing import ball
from chainderiv.functions.intervals import Unenclosed, working_bits
from chainderiv.functions.turning.root import Root
from chainderiv.functions.turning.signs import BITS, FINE, crossing, sign_at, sign_over
from chainderiv.symbols import Expr, z

MOST_ORDER, MOST_PANELS, MOST_OPERATIONS, MOST_ZEROS = 4, 1000, 60, 8
LARGEST = 1000  # denominator of a zero that is looked for
OUTERMOST = (4, 16, 64, 1024, 2**20)  # where a proof towards infinity may begin
NARROWEST = 2.0**-24  # of what surrounds a zero
_BRANCHING = tuple(row.head for row in ROWS if row.branches)


class Turnings(NamedTuple):
    """The zeros, ascending, exact or Roots, and the signs between them: one more than there are zeros."""

    zeros: tuple[Expr, ...]
    signs: tuple[int, ...]


class Unproved(Exception):
    """Why the zeros of an expression are not known."""


def turnings(expression: Expr) -> Turnings:
    """The zeros of a smooth expression in z, and its signs between them.

    Raises Unproved where it is not proved that there is no other zero, as near one that has no exact number and is no
    simple one.

    >>> turnings(2 * (sympy.exp(z / 2) - 1))
    Turnings(zeros=(0,), signs=(-1, 1))
    >>> turnings(sympy.exp(z) - 2).zeros, turnings(z**3 - z).signs
    ((log(2),), (-1, 1, -1, 1))
    >>> turnings(sympy.exp(z) - z - 2).zeros[1].n(20)
    1.1461932206205825852
    """
    # across a jump of a derivative the proof would not hold
    if expression.has(sympy.Piecewise, *_BRANCHING):
        raise Unproved("it branches itself")
    if expression.count_ops() > MOST_OPERATIONS:
        raise Unproved(f"it is of more than {MOST_OPERATIONS} operations")
    try:
        zeros = sorted({_named(expression, place) for place in _places(expression)}, key=float)
        return _proved(expression, zeros)
    except Unenclosed as e:
        raise Unproved("it holds a function that has no intervals") from e


# ---- candidates


def _places(expression: Expr) -> list[Any]:
    with working_bits(BITS):
        near = [arb(k) / 8 for k in range(1, 161)] + [20 * arb(2) ** k for k in range(1, 20)]
        points = [-p for p in reversed(near)] + [arb(0)] + near
        values = [ball(expression, p) for p in points]
    found = [p for p, u in zip(points, values, strict=True) if u == 0]
    known = [(p, u) for p, u in zip(points, values, strict=True) if u > 0 or u < 0]
    with working_bits(FINE):
        crossed = [(p, q) for (p, u), (q, v) in pairwise(known) if (u < 0) != (v < 0)]
        if len(found) + len(crossed) > MOST_ZEROS:
            raise Unproved(f"it is 0 at more than {MOST_ZEROS} places")
        return found + [crossing(expression, *pair) for pair in crossed]


def _named(expression: Expr, place: Any) -> Expr:
    """The number that a place is, of which the expression is proved to be 0; a Root beside it that is to be proved."""
    with working_bits(FINE):
        for told, made in _RECOGNISED:
            value = told(place)
            candidate = (
                Fraction(str(value.mid().str(40, radius=False))).limit_denominator(LARGEST) if _small(value) else None
            )
            if candidate is None or abs(value - arb(fmpq(candidate.numerator, candidate.denominator))).mid() > 1e-30:
                continue
            number = made(sympy.Rational(candidate.numerator, candidate.denominator))
            if _is_zero(expression.subs(z, number)):
                return number
    beside = Fraction(*float(place).as_integer_ratio())
    root = Root(expression, *(sympy.Rational(beside + side * Fraction(NARROWEST)) for side in (-1, 1)))
    if sign_at(expression, beside - Fraction(NARROWEST)) * sign_at(expression, beside + Fraction(NARROWEST)) >= 0:
        raise Unproved(f"it is 0 near z = {float(place):.6g}, which is no number that is recognised")
    return root


# what a zero may be of a rational number, and how the rational is had of it
_RECOGNISED: tuple[tuple[Callable[[Any], Any], Callable[[Expr], Expr]], ...] = (
    (lambda u: u, lambda r: r),
    (lambda u: u.exp(), sympy.log),
    (lambda u: (2 * u).exp(), lambda r: sympy.log(r) / 2),
    (lambda u: u * u if u > 0 else arb.nan(), sympy.sqrt),
    (lambda u: u * u if u < 0 else arb.nan(), lambda r: -sympy.sqrt(r)),
)


def _small(value: Any) -> bool:
    return bool(value.is_finite() and abs(value) < LARGEST)


def _is_zero(number: Expr) -> bool:
    return bool(number == 0 or sympy.simplify(number.rewrite(sympy.exp)) == 0)


# ---- the proof that there is no other


def _proved(expression: Expr, zeros: list[Expr]) -> Turnings:
    derivatives = [expression]
    for _ in range(MOST_ORDER):
        derivatives.append(derivatives[-1].diff(z))
    nearest = min((Fraction(float(q - p)) for p, q in pairwise(zeros)), default=Fraction(3))
    around = [_alone(derivatives, zero, min(Fraction(1), nearest / 3)) for zero in zeros]
    zeros = [_root(expression, *ends) if isinstance(u, Root) else u for u, ends in zip(zeros, around, strict=True)]
    lows: list[Fraction | None] = [None, *(right for _, right in around)]
    highs: list[Fraction | None] = [*(left for left, _ in around), None]
    ends = zip(lows, highs, strict=True)
    return Turnings(tuple(zeros), tuple(_sign_between(derivatives, low, high) for low, high in ends))


def _root(expression: Expr, left: Fraction, right: Fraction) -> Root:
    """A proved zero; max(u, 0), min(-u, 0) and |2u| turn at one and the same."""
    plain = expression.primitive()[1]
    rising = plain if sign_at(plain, right) > 0 else -plain
    return Root(rising, sympy.Rational(left), sympy.Rational(right))


def proved_root(equation: Expr, lower: Any, upper: Any) -> Root:
    """The zero of an equation between two rational numbers; raises Unproved where it is not proved to be the only one.

    >>> proved_root(sympy.exp(z) + z, -1, 0).n(10)
    -0.5671432904
    """
    left, right = (Fraction(int(end.p), int(end.q)) for end in map(sympy.Rational, (lower, upper)))
    if left >= right or equation.has(sympy.Piecewise, *_BRANCHING) or equation.count_ops() > 2 * MOST_OPERATIONS:
        raise Unproved(f"{equation} is not taken between {lower} and {upper}")
    try:
        single = sign_at(equation, left) * sign_at(equation, right) < 0
        if not (single and sign_over(equation.diff(z), left, right)):
            raise Unproved(f"{equation} is not proved to have one zero alone between {lower} and {upper}")
    except Unenclosed as e:
        raise Unproved("it holds a function that has no intervals") from e
    return Root(equation, lower, upper)


def _alone(derivatives: list[Expr], zero: Expr, half: Fraction) -> tuple[Fraction, Fraction]:
    """Ends around a zero between which there is no other: the first derivative that is not 0 there keeps its sign.

    Of a Root that is the first one, and the expression has another sign at either end.
    """
    orders = [1] if isinstance(zero, Root) else range(1, MOST_ORDER + 1)
    order = next((k for k in orders if isinstance(zero, Root) or not _is_zero(derivatives[k].subs(z, zero))), None)
    half = Fraction(2.0 ** math.floor(math.log2(half)))
    while order is not None and half >= Fraction(NARROWEST):
        centre = round(4 * Fraction(float(zero)) / half) * half / 4  # of few digits
        left, right = centre - half, centre + half
        turns = not isinstance(zero, Root) or sign_at(derivatives[0], left) * sign_at(derivatives[0], right) < 0
        if turns and sign_over(derivatives[order], left, right):
            return left, right
        half /= 2
    raise Unproved(f"other zeros near z = {float(zero):.6g} are not ruled out")


def _sign_between(derivatives: list[Expr], low: Fraction | None, high: Fraction | None) -> int:
    """The one sign over an interval, which may reach to infinity."""
    signs = set()
    for side, end in ((-1, low), (1, high)):
        if end is None:
            start, sign = _towards_infinity(derivatives, side, high if side < 0 else low)
            signs.add(sign)
            low, high = (start, high) if side < 0 else (low, start)
    if low is not None and high is not None and low < high:
        signs.add(_sign_by_panels(derivatives[0], low, high))
    if len(signs) != 1:
        raise Unproved("its sign is not the same all over an interval without a zero")
    return signs.pop()


def _towards_infinity(derivatives: list[Expr], side: int, beyond: Fraction | None) -> tuple[Fraction, int]:
    starts = [Fraction(side * size) for size in OUTERMOST]
    starts = ([] if beyond is None else [beyond]) + [s for s in starts if beyond is None or side * s > side * beyond]
    for start in starts:
        sign = _driven(derivatives, side, start)
        if sign:
            return start, sign
    raise Unproved("its sign far out is not proved")


def _driven(derivatives: list[Expr], side: int, start: Fraction) -> int:
    """The sign from a start to infinity: of the expression, or of a derivative and of all before it at the start."""
    ends = (start, None) if side > 0 else (None, start)
    for order, derivative in enumerate(derivatives):
        far = sign_over(derivative, *ends)
        if not far:
            continue
        # outwards each lower derivative grows away from 0 where it starts with the sign it is driven to
        wanted = [far * side ** (order - k) for k in range(order)]
        if all(sign_at(derivatives[k], start) == w for k, w in enumerate(wanted)):
            return wanted[0] if order else far
    return 0


def _sign_by_panels(expression: Expr, low: Fraction, high: Fraction) -> int:
    waiting, signs, tried = [(low, high)], set[int](), 0
    while waiting:
        a, b = waiting.pop()
        tried += 1
        if tried > MOST_PANELS:
            raise Unproved(f"zeros near z = {float(a):.6g} are not ruled out")
        sign = sign_over(expression, a, b)
        if sign:
            signs.add(sign)
        else:
            middle = (a + b) / 2
            waiting += [(a, middle), (middle, b)]
    return signs.pop() if len(signs) == 1 else 0
