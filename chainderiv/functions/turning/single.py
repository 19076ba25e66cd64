"""The zeros of one smooth expression that is no product, found by a search and proved to be all of them.

Candidates come from a spread of z in balls, and are made exact numbers: rationals, and logarithms of rationals; one
that is none of them, and is crossed with a slope, is a Root between two rationals. Then interval arithmetic proves that
the rest of the real line holds no other zero: around a zero a derivative that is not 0 leaves room for one alone,
elsewhere the expression keeps away from 0, and towards infinity its sign is that of what dominates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from typing import Any

import sympy
from flint import arb, fmpq

from chainderiv.functions.enclosing import ball
from chainderiv.functions.intervals import Unenclosed, working_bits
from chainderiv.functions.series import coefficients
from chainderiv.functions.turning.root import Root, compared, derivative
from chainderiv.functions.turning.signs import BITS, FINE, crossing, sign_at, sign_over
from chainderiv.functions.turning.towards import towards
from chainderiv.functions.turning.turnings import Turnings, Unproved, without_end
from chainderiv.symbols import Expr, normal_cdf, z

MOST_ORDER, MOST_PANELS, MOST_ZEROS = 8, 1000, 8
LARGEST = 1000  # denominator of a zero that is looked for
NARROWEST = Fraction(1, 2**24)  # of what surrounds a zero
BESIDE = Fraction(1, 2**20)  # how far out of an interval the proof begins, where it cannot at its end
_TAYLOR = 6  # terms, of the expression on one panel


def single(expression: Expr, low: Expr = None, high: Expr = None) -> Turnings:
    """The zeros of a smooth expression in z between two numbers, both of them included, and its signs between them.

    None is infinity; before a zero at an end stands a sign too. Raises Unproved where it is not proved that there is no
    other zero, as near one that has no exact number and is no simple one.

    >>> single(sympy.exp(z) - z - 2).zeros[1].n(20)
    1.1461932206205825852
    """
    ends = _end(expression, low, -1), _end(expression, high, 1)
    points = _spread(*ends)
    for _ in range(MOST_ZEROS):
        zeros = sorted({_named(expression, place) for place in _places(expression, points)}, key=float)
        try:
            return _within(_proved(expression, zeros, *ends), low, high)
        except _Missed as missed:
            refused = missed
            points = sorted([*points, *missed.beside])
    raise Unproved(str(refused))


def _end(expression: Expr, end: Expr, side: int) -> Fraction | None:
    """A fraction at an end, or beside it on its outer side where it is 0 there, or the end is no fraction."""
    if end is None:
        return None
    if end.is_Rational and sign_at(expression, found := Fraction(int(end.p), int(end.q))):
        return found
    return Fraction(float(end)) + side * BESIDE * (1 + abs(Fraction(float(end))))


def _within(found: Turnings, low: Expr, high: Expr) -> Turnings:
    """The zeros that are not outside of the ends."""
    before = sum(low is not None and compared(zero, low) < 0 for zero in found.zeros)
    behind = sum(high is not None and compared(zero, high) > 0 for zero in found.zeros)
    stop = len(found.zeros) - behind
    return Turnings(found.zeros[before:stop], found.signs[before : stop + 1])


class _Missed(Unproved):
    """There may be a zero that the search has not seen, between two places."""

    def __init__(self, low: Fraction, high: Fraction) -> None:
        super().__init__(f"zeros near z = {float(low):.6g} are not ruled out")
        self.beside = low, high


def _proved(expression: Expr, zeros: list[Expr], low: Fraction | None, high: Fraction | None) -> Turnings:
    nearest = min((Fraction(float(q - p)) for p, q in pairwise(zeros)), default=Fraction(3))
    around = [_alone(expression, zero, min(Fraction(1), nearest / 3)) for zero in zeros]
    zeros = [_root(expression, *ends) if isinstance(u, Root) else u for u, ends in zip(zeros, around, strict=True)]
    lows = [low, *(right for _, right in around)]
    highs = [*(left for left, _ in around), high]
    ends = zip(lows, highs, strict=True)
    return Turnings(tuple(zeros), tuple(_sign_between(expression, low, high) for low, high in ends))


# ---- candidates


def _spread(low: Fraction | None, high: Fraction | None) -> list[Fraction]:
    near = [Fraction(k, 8) for k in range(1, 161)] + [Fraction(20 * 2**k) for k in range(1, 20)]
    points = [*(-p for p in near), Fraction(0), *near]
    within = [p for p in points if (low is None or p > low) and (high is None or p < high)]
    return sorted([*within, *(end for end in (low, high) if end is not None)])


def _places(expression: Expr, spread: list[Fraction]) -> list[Any]:
    """Where an expression is 0, as far as its signs at a spread of numbers tell."""
    with working_bits(BITS):
        points = [_exactly(p) for p in spread]
        values = [ball(expression, p) for p in points]
    found = [p for p, u in zip(points, values, strict=True) if u == 0]
    known = [(p, u) for p, u in zip(points, values, strict=True) if u > 0 or u < 0]
    with working_bits(FINE):
        crossed = [(p, q) for (p, u), (q, v) in pairwise(known) if (u < 0) != (v < 0)]
        if len(found) + len(crossed) > MOST_ZEROS:
            raise Unproved(f"it is 0 at more than {MOST_ZEROS} places{without_end(expression)}")
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
            if is_zero(expression.subs(z, number)):
                return number
    beside = Fraction(*float(place).as_integer_ratio())
    root = Root(expression, *(sympy.Rational(beside + side * NARROWEST) for side in (-1, 1)))
    if sign_at(expression, beside - NARROWEST) * sign_at(expression, beside + NARROWEST) >= 0:
        raise Unproved(f"it is 0 near z = {float(place):.6g}, which is no number that is recognised")
    return root


# what a zero may be of a rational number, and how the rational is had of it
_RECOGNISED: tuple[tuple[Callable[[Any], Any], Callable[[Expr], Expr]], ...] = (
    (lambda u: u, lambda r: r),
    (lambda u: u.exp(), sympy.log),
    (lambda u: (2 * u).exp(), lambda r: sympy.log(r) / 2),
    (lambda u: u / arb.pi(), lambda r: r * sympy.pi),
    (lambda u: u * u if u > 0 else arb.nan(), sympy.sqrt),
    (lambda u: u * u if u < 0 else arb.nan(), lambda r: -sympy.sqrt(r)),
)


def _small(value: Any) -> bool:
    return bool(value.is_finite() and abs(value) < LARGEST)


def is_zero(number: Expr) -> bool:
    """Whether algebra knows that a number is 0."""
    if number.has(normal_cdf):
        number = number.replace(normal_cdf, lambda u: (1 + sympy.erf(u / sympy.sqrt(2))) / 2)
    if number.is_Rational or number.has(sympy.zoo, sympy.nan, sympy.oo):
        return bool(number == 0)
    with working_bits(BITS):
        if not ball(number, of=()).contains(0):
            return False
    return bool(sympy.simplify(number.rewrite(sympy.exp)) == 0)


# ---- the proof that there is no other


def _root(expression: Expr, left: Fraction, right: Fraction) -> Root:
    """A proved zero; max(u, 0), min(-u, 0) and |2u| turn at one and the same."""
    plain = expression.primitive()[1]
    rising = plain if sign_at(plain, right) > 0 else -plain
    return Root(rising, sympy.Rational(left), sympy.Rational(right))


def _alone(expression: Expr, zero: Expr, half: Fraction) -> tuple[Fraction, Fraction]:
    """Ends around a zero between which there is no other: the first derivative that is not 0 there keeps its sign.

    Of a Root that is the first one, and the expression has another sign at either end.
    """
    order = 1 if isinstance(zero, Root) else _order(expression, zero)
    half = Fraction(2.0 ** math.floor(math.log2(half)))
    while order is not None and half >= NARROWEST:
        centre = round(4 * Fraction(float(zero)) / half) * half / 4  # of few digits
        left, right = centre - half, centre + half
        turns = not isinstance(zero, Root) or sign_at(expression, left) * sign_at(expression, right) < 0
        if turns and slopes(expression, order, left, right):
            return left, right
        half /= 2
    raise Unproved(f"other zeros near z = {float(zero):.6g} are not ruled out")


def _order(expression: Expr, zero: Expr) -> int | None:
    """Which derivative is the first that is not 0 there."""
    orders = range(1, MOST_ORDER + 1)
    return next((k for k in orders if not is_zero(derivative(expression, k).subs(z, zero))), None)


def slopes(expression: Expr, order: int, left: Fraction, right: Fraction) -> bool:
    """Whether a derivative keeps one sign between two numbers."""
    if sign_over(derivative(expression, order), left, right):
        return True
    with working_bits(BITS):
        try:
            found = coefficients(expression, _over(left, right), order + 1)[order]
        except Unenclosed:
            return False
    return bool(found > 0 or found < 0)


def _over(low: Fraction, high: Fraction) -> Any:
    return _exactly((low + high) / 2) + arb(0, 1) * _exactly((high - low) / 2)


def _exactly(number: Fraction) -> Any:
    return arb(fmpq(*number.as_integer_ratio()))


def _sign_between(expression: Expr, low: Fraction | None, high: Fraction | None) -> int:
    """The one sign over an interval, which may reach to infinity."""
    signs = set()
    for side, end in ((-1, low), (1, high)):
        if end is None:
            start, sign = towards(expression, side, high if side < 0 else low)
            signs.add(sign)
            low, high = (start, high) if side < 0 else (low, start)
    if low is not None and high is not None:
        signs.add(_sign_by_panels(expression, low, high) if low < high else sign_at(expression, min(low, high)))
    if len(signs) != 1:
        raise Unproved("its sign is not the same all over an interval without a zero")
    return signs.pop()


def _sign_by_panels(expression: Expr, low: Fraction, high: Fraction) -> int:
    waiting, signs, tried = [(low, high)], set[int](), 0
    while waiting:
        a, b = waiting.pop()
        tried += 1
        if tried > MOST_PANELS or b - a < NARROWEST:
            raise _Missed(a - (b - a), b + (b - a))
        sign = sign_over(expression, a, b) or _sign_by_taylor(expression, a, b)
        if sign:
            signs.add(sign)
        else:
            middle = (a + b) / 2
            waiting += [(a, middle), (middle, b)]
    return signs.pop() if len(signs) == 1 else 0


def _sign_by_taylor(expression: Expr, low: Fraction, high: Fraction) -> int:
    """The sign over a panel by Taylor's formula about its middle, with Lagrange's remainder; 0 where it is not told."""
    with working_bits(BITS):
        try:
            within = coefficients(expression, _exactly((low + high) / 2), _TAYLOR)
            last = coefficients(expression, _over(low, high), _TAYLOR + 1)[_TAYLOR]
        except Unenclosed:
            return 0
        step = arb(0, 1) * _exactly((high - low) / 2)
        total = reduce(lambda above, c: above * step + c, [last, *reversed(within)])
    return 1 if total > 0 else -1 if total < 0 else 0
