"""Every real zero of an expression between two numbers, each exact or isolated, and proved to be all of them.

Algebra first: an expression is taken apart into factors, and a polynomial in z alone, or in one exponential alone, is
solved. What is left is subdivided until each interval has, by interval arithmetic, no zero or a non-zero derivative.
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

import sympy
from sympy import oo

from chainderiv.errors import BadValue
from chainderiv.functions.enclosing import enclose
from chainderiv.functions.intervals import NOWHERE, Interval, Unenclosed, sign, working_bits
from chainderiv.functions.simplified import simplified
from chainderiv.functions.turning.root import Root, derivative, ends_of
from chainderiv.symbolic.bounding.exact import exact_zeros
from chainderiv.symbolic.bounding.exponentials import Unproved, factored
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbolic.bounding.periodic import periodic_zeros
from chainderiv.symbolic.bounding.pieces import between
from chainderiv.symbolic.bounding.tail import leading, no_zero_beyond, squared, terms
from chainderiv.symbolic.bounding.wording import worded
from chainderiv.symbols import Expr, z

MOST_INTERVALS = 2000
_BITS = 64
_SIGN_BITS = 4096
_MOST_FORMS = 8
# off the middle, so that a zero at 0 or in another plain place is not hit
_SHARES = [sympy.Rational(k, 64) for k in (3, -5, 9)]


def zeros(expression: Expr, left: Any, right: Any) -> list[Expr]:
    """The zeros strictly between left and right (SymPy numbers or ±∞), in order; raises Unproved.

    >>> zeros(z**2 - 2, -sympy.oo, sympy.oo)
    [-sqrt(2), sqrt(2)]
    >>> zeros(z * sympy.exp(z) - sympy.exp(z) * 2 - z - 2, 0, sympy.oo)
    [Root(z*tanh(z/2) - 2, 239/100, 12/5)]
    """
    left, right = sympy.sympify(left), sympy.sympify(right)
    found: list[Expr] = []
    for base, exponent in factors(expression):
        try:
            inside = _zeros_of_factor(base, left, right)
        except Unenclosed as e:
            raise Unproved(str(e)) from e
        if inside and exponent < 0:
            raise Unproved(f"a pole at {inside[0]}")
        found += inside
    return in_order(found)


def factors(expression: Expr) -> list[tuple[Expr, Expr]]:
    """The factors that may have a zero or a pole, as (base, numeric exponent)."""
    parts = []
    for factor in sympy.Mul.make_args(factored(expression)):
        if isinstance(factor, sympy.exp) or not factor.has(z):
            continue
        base, exponent = factor.as_base_exp()
        if not exponent.is_number:
            raise Unproved(f"the power {factor}")
        parts.append((base, exponent))
    return parts


def in_order(points: list[Expr]) -> list[Expr]:
    """Numbers from left to right, each once."""
    ordered: list[Expr] = []
    for point in sorted(points, key=cmp_to_key(compare)):
        if not ordered or compare(point, ordered[-1]):
            ordered.append(point)
    return ordered


def _zeros_of_factor(base: Expr, left: Any, right: Any) -> list[Expr]:
    solved = exact_zeros(base)
    if solved is None:
        solved = periodic_zeros(base, left, right)
    if solved is not None:
        return [p for p in solved if compare(left, p) < 0 < compare(right, p)]
    low = _finite(base, left, -1, right)
    high = _finite(base, right, 1, left)
    return _isolated(base, low, high) if compare(low, high) < 0 else []


def _finite(base: Expr, end: Any, side: int, other: Any) -> Expr:
    """The end itself, or where it is infinite a number beyond which there is no zero."""
    if end not in (oo, -oo):
        return end
    bound = side * no_zero_beyond(base, side)
    return bound if other in (oo, -oo) or compare(bound, other) == side else other


def _isolated(base: Expr, low: Expr, high: Expr) -> list[Expr]:
    """Subdivision, from left to right."""
    forms, found, count = _forms(base), [], 0
    waiting = [(low, high)]
    while waiting:
        a, b = waiting.pop()
        count += 1
        if count > MOST_INTERVALS or compare(a, b) >= 0:
            raise Unproved(f"the zeros of {base}: they take too many intervals")
        box = ends_of(a, b, _BITS)
        if any(sign(_tight(form, slope, box)) is not None for form, slope in forms):
            continue
        if any(sign(enclose(slope, box, _BITS)) is not None for _, slope in forms):
            if sign_at(base, a) * sign_at(base, b) < 0:
                found.append(root(base, a, b))
            continue
        middle, side = _divided(base, a, b)
        if side == 0:
            found.append(middle)
        waiting += [(middle, b), (a, middle)]
    return found


def _forms(base: Expr) -> list[tuple[Expr, Expr]]:
    """The expression and its quotients by each of its exponentials, each with its derivative.

    They have the same zeros, and where one exponential dwarfs the rest only the quotient by it can be enclosed.
    """
    parts = terms(base)
    foremost = [leading(parts).q, leading(terms(base.subs(z, -z))).q.subs(z, -z)]
    divisors = list(dict.fromkeys([*foremost, *(term.q for term in parts)]))
    if len(divisors) < 2:
        return [(base, derivative(base))]
    quotients = [sympy.Add(*(t.c * z**t.k * sympy.exp(squared(t.q - q)) for t in parts)) for q in divisors]
    return [(form, derivative(form)) for form in (base, *quotients[:_MOST_FORMS])]


def _divided(base: Expr, a: Expr, b: Expr) -> tuple[Expr, int]:
    """A number near the middle at which the sign can be told, and that sign."""
    for share in _SHARES:
        middle = between(a, b) + share * (b - a) if a.is_Rational and b.is_Rational else between(a, b)
        try:
            return middle, sign_at(base, middle)
        except Unproved:
            continue
    raise Unproved(f"the sign of {base} near {middle}")


def _tight(base: Expr, slope: Expr, box: Interval) -> Interval:
    """The plain enclosure, and where that does not do f(m) + f'(X)(X - m)."""
    direct = enclose(base, box, _BITS)
    if sign(direct) is not None:
        return direct
    with working_bits(_BITS):
        middle = Interval.of(box.middle())
        return enclose(base, middle, _BITS) + enclose(slope, box, _BITS) * (box - middle)


def at(point: Expr, bits: int) -> Interval:
    """An enclosure of a number."""
    return enclose(point, NOWHERE, bits)


def sign_at(expression: Expr, point: Expr) -> int:
    """The sign of an expression at a number, proved; raises Unproved where neither it nor a zero can be."""
    bits = _BITS
    while bits <= _SIGN_BITS:
        if (found := sign(enclose(expression, at(point, bits), bits))) is not None:
            return found
        if bits == _SIGN_BITS // 4 and simplified(expression.subs(z, point)) == 0:
            return 0
        bits *= 2
    raise Unproved(f"the sign of {expression} at {point}")


def root(expression: Expr, a: Expr, b: Expr) -> Expr:
    """The one zero between two numbers of opposite signs: a small fraction where it is one, else a Root."""
    rough = Root(expression, *_rational(expression, a, b))
    try:
        value = rough.n(60)
    except BadValue as e:
        raise Unproved(str(e)) from e
    fraction = sympy.Rational(str(value)).limit_denominator(1000)
    if abs(value - fraction) < sympy.Float(10) ** -50 and simplified(expression.subs(z, fraction)) == 0:
        return fraction
    words = worded(expression)
    return Root(words, *_short_ends(rough, sign_at(expression, rough.isolating[0])))


def _rational(expression: Expr, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """The ends, moved inwards to rational numbers where they are none."""
    left = sign_at(expression, a)
    while not a.is_Rational or not b.is_Rational:
        middle = between(a, b)
        if sign_at(expression, middle) == left:
            a = middle
        else:
            b = middle
    return a, b


def _short_ends(rough: Root, left: int) -> tuple[Expr, Expr]:
    """Decimals with as few places as will do, at least two, on either side of a root and within what isolates it."""
    value, (low, high) = rough.n(40), rough.isolating
    for places in range(2, 36):
        unit = sympy.Integer(10) ** places
        lower, upper = sympy.floor(value * unit) / unit, sympy.ceiling(value * unit) / unit
        if low <= lower and upper <= high and lower * upper >= 0 and _turns(rough.equation, lower, upper, left):
            return lower, upper
    return rough.isolating


def _turns(expression: Expr, lower: Expr, upper: Expr, left: int) -> bool:
    """Whether the sign is proved to be left at the one end and the other at the other."""
    try:
        return sign_at(expression, lower) == left == -sign_at(expression, upper)
    except Unproved:
        return False
