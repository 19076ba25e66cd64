"""Zeros by algebra: of a polynomial in z alone, or in one exponential exp(q(z)) alone."""

from __future__ import annotations

from math import gcd
from typing import Any

import sympy

from chainderiv.symbolic.bounding.exponentials import split
from chainderiv.symbols import Expr, z

_LONG = 10**40


def exact_zeros(expression: Expr) -> list[Expr] | None:
    """Every real zero of a polynomial in z or in one exponential, as exact numbers; None where algebra has none.

    >>> exact_zeros(sympy.exp(2 * z) - 3 * sympy.exp(z) + 1)
    [log(3/2 - sqrt(5)/2), log(sqrt(5)/2 + 3/2)]
    """
    if expression.is_polynomial(z):
        return polynomial_zeros(expression, z)
    apart = split(expression)
    if len(apart.moving) != 1 or len(apart.exponents) > 1 or apart.expression.has(z):
        return None
    ((t, q),) = apart.moving
    above = sympy.numer(sympy.together(apart.expression))
    sizes = polynomial_zeros(above, t) if above.is_polynomial(t) and q.is_polynomial(z) else None
    if sizes is None:
        return None
    zeros = []
    for size in sizes:
        if size.is_positive:
            solved = polynomial_zeros(q - sympy.log(size), z)
            if solved is None:
                return None
            zeros += solved
    return zeros


def polynomial_zeros(expression: Expr, variable: Any) -> list[Expr] | None:
    """The real zeros of a polynomial: radicals up to degree two, SymPy's CRootOf beyond."""
    polynomial = sympy.Poly(expression, variable)
    step = gcd(*(k for (k,) in polynomial.monoms())) or 1
    if polynomial.degree() <= 0:
        return []
    if polynomial.degree() // step <= 2:
        return _by_radicals(polynomial, step)
    whole = polynomial.domain.is_QQ or polynomial.domain.is_ZZ
    # SymPy takes minutes to isolate the roots of a polynomial that holds 1e100
    if whole and all(max(abs(c.p), c.q) < _LONG for c in polynomial.coeffs()):
        return list(polynomial.sqf_part().real_roots())
    return None


def _by_radicals(polynomial: Any, step: int) -> list[Expr] | None:
    """Of a x^(2k) + b x^k + c."""
    a, b, c = (polynomial.nth(k * step) for k in (2, 1, 0))
    if a == 0:
        powers = [-c / b]
    else:
        inside = sympy.factor(b**2 - 4 * a * c)
        if inside.is_nonnegative is None:
            return None
        powers = [(-b - s * sympy.sqrt(inside)) / (2 * a) for s in (1, -1)] if inside.is_nonnegative else []
    zeros: list[Expr] = []
    for power in dict.fromkeys(map(sympy.expand, powers)):
        if step % 2:
            zeros.append(sympy.real_root(power, step))
        elif power.is_nonnegative:
            zeros += dict.fromkeys((-(power ** sympy.Rational(1, step)), power ** sympy.Rational(1, step)))
        elif power.is_nonnegative is None:
            return None
    return zeros
