"""Where |φ'| takes a given level on a segment: z as a formula of the level where algebra has one, else a Root."""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import Any

import sympy
from sympy import oo

from chainderiv.symbolic.bounding.crossing import crossing
from chainderiv.symbolic.bounding.exponentials import split
from chainderiv.symbolic.bounding.landscape import Segment
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbols import Expr, z

# |w|; the level is 1/|w|
weight = sympy.Symbol("w", positive=True)
_DIGITS = 40


def where(segment: Segment, w: Expr) -> Expr:
    """The z of a segment at which |w| |φ'(z)| = 1, for a number |w| with 1/|w| strictly between its two limits.

    >>> from chainderiv.functions.lookup import neuron
    >>> from chainderiv.symbolic.bounding.landscape import landscape
    >>> where(landscape(neuron("sigmoid")).segments[1], sympy.Integer(8))
    log(2*sqrt(2) + 3)
    """
    formula = closed_form(segment)
    if formula is not None:
        point = formula.subs(weight, w)
        if _holds(segment, point, w):
            return sympy.expand_mul(point) if point.is_Rational else point
    return crossing(segment.size - 1 / w, segment.left, segment.right, -1 if segment.rises else 1, divide=False)


@lru_cache(maxsize=512)
def closed_form(segment: Segment) -> Expr | None:
    """The z at which |w φ'(z)| = 1 as a formula of `weight`, right for every level of the segment, or None."""
    samples = _samples(segment)
    for candidate in _candidates(segment.size):
        if all(_holds(segment, candidate.subs(weight, w), w) for w in samples):
            return candidate
    return None


def _samples(segment: Segment) -> list[Expr]:
    """Weights from one end of the segment's levels to the other."""
    least = 0 if segment.high == oo else 1 / segment.high
    shares = [sympy.Rational(k, 16) for k in (1, 5, 9, 15)]
    if compare(segment.low, 0) > 0:
        return [least + (1 / segment.low - least) * share for share in shares]
    return [(least or 1) * (1 + factor) for factor in (sympy.Rational(1, 64), 1, 30, 10**6)]


def _holds(segment: Segment, point: Expr, w: Expr) -> bool:
    value = point.n(_DIGITS)
    if not value.is_Float and not value.is_Rational:
        return False
    if not (compare(segment.left, point) < 0 < compare(segment.right, point)):
        return False
    return bool(abs((w * segment.size.subs(z, point)).n(_DIGITS, maxn=2000) - 1) < sympy.Float(10) ** -20)


def _candidates(size: Expr) -> list[Expr]:
    """The solutions of size = 1/weight as radicals and logarithms of the weight, branches and all."""
    if size.is_Pow and size.exp.is_Rational and not size.exp.is_Integer:
        return _solved(size.base - weight ** (-1 / size.exp))
    return _solved(size - 1 / weight)


def _solved(equation: Expr) -> list[Expr]:
    apart = split(equation)
    if not apart.exponents:
        return _radicals(equation, z)
    if len(apart.exponents) > 1 or apart.expression.has(z):
        return []
    ((t, q),) = apart.moving
    sizes = _radicals(apart.expression, t)
    return [point for size in sizes for point in _radicals(q - _log(size), z)]


def _log(size: Expr) -> Expr:
    above, below = sympy.fraction(size)
    return -sympy.log(below) if above == 1 else sympy.log(size)


def _radicals(equation: Expr, variable: Any) -> list[Expr]:
    """The solutions of a x^(2k) + b x^k + c = 0, real or not."""
    above = sympy.numer(sympy.cancel(sympy.together(equation)))
    if not above.is_polynomial(variable) or not above.has(variable):
        return []
    polynomial = sympy.Poly(above, variable)
    step = gcd(*(k for (k,) in polynomial.monoms()))
    if polynomial.degree() > 2 * step:
        return []
    a, b, c = (polynomial.nth(k * step) for k in (2, 1, 0))
    if a == 0:
        powers = [-c / b]
    else:
        root = sympy.sqrt(sympy.factor(b**2 - 4 * a * c))
        powers = [sympy.expand((-b + side * root) / (2 * a)) for side in (1, -1)]
    roots = [power ** sympy.Rational(1, step) for power in powers]
    return [*roots, *(-r for r in roots)] if step % 2 == 0 else roots
