"""The Maclaurin polynomial of a formula, by arithmetic on truncated power series: for where φ cancels near 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import sympy
from sympy.codegen.cfunctions import expm1, log1p

from chainderiv.functions.precise import working_digits
from chainderiv.functions.rewriting.reading import reading
from chainderiv.symbols import Expr, normal_cdf, z

Series = list[Any]
TERMS, DIGITS = 80, 140
RADIUS, KEPT = mpmath.mpf("0.25"), 48  # terms that RADIUS leaves below KEPT digits are dropped


def maclaurin(expression: Expr) -> Expr | None:
    """z^k · (a polynomial in Horner's form), accurate to far more digits than float64 holds for small |z|; else None.

    >>> maclaurin(z - sympy.tanh(z)).subs(z, 0)
    0
    """
    try:
        with working_digits(DIGITS):
            coefficients = _series(expression)
            sizes = [abs(c) * RADIUS**k for k, c in enumerate(coefficients)]
            least = max(sizes) * mpmath.mpf(10) ** -KEPT
            return _polynomial([c if size > least else 0 for c, size in zip(coefficients, sizes, strict=True)])
    except (ValueError, ZeroDivisionError, TypeError, OverflowError):
        return None  # a pole, a branch or a function without a series at 0


def _polynomial(coefficients: Series) -> Expr:
    total = sympy.Integer(0)
    powers = [k for k, c in enumerate(coefficients) if c != 0]
    if not powers:
        raise ValueError("a series of zeros")
    above = powers[-1]
    for k in reversed(powers):
        total = total * z ** (above - k) + sympy.Float(coefficients[k], 60)
        above = k
    return total * z**above


def _series(e: Expr) -> Series:
    if not e.has(z):
        return _constant(reading(e)(mpmath.mpf(0)))
    if e == z:
        return [mpmath.mpf(int(k == 1)) for k in range(TERMS)]
    if e.is_Add:
        return [mpmath.fsum(column) for column in zip(*(_series(a) for a in e.args), strict=True)]
    if e.is_Mul:
        product = _constant(mpmath.mpf(1))
        for a in e.args:
            product = _times(product, _series(a))
        return product
    if e.is_Pow:
        if e.exp.has(z):
            return _series(sympy.exp(e.exp * sympy.log(e.base), evaluate=False))
        return _power(_series(e.base), e.exp)
    if len(e.args) == 1 and type(e) in _RULES:
        return _RULES[type(e)](_series(e.args[0]))
    if len(e.args) == 1 and type(e) in _INTEGRATED:
        return _integrated(e)
    raise ValueError(f"no series of {type(e)}")


def _constant(value: Any) -> Series:
    if not isinstance(value, int | mpmath.mpf) or not mpmath.isfinite(value):
        raise ValueError(f"{value} at 0")
    return [mpmath.mpf(value), *[mpmath.mpf(0)] * (TERMS - 1)]


def _times(p: Series, q: Series) -> Series:
    return [mpmath.fdot(p[: k + 1], q[k::-1]) for k in range(TERMS)]


def _exp(p: Series) -> Series:
    """y' = p' y."""
    y = [mpmath.exp(p[0])]
    for k in range(1, TERMS):
        y.append(mpmath.fsum(j * p[j] * y[k - j] for j in range(1, k + 1)) / k)
    return y


def _power(p: Series, exponent: Any) -> Series:
    """y' p = α p' y (Euler); a zero at 0 is taken out of whole powers."""
    if exponent.is_Integer and exponent >= 0:
        product = _constant(mpmath.mpf(1))
        for _ in range(int(exponent)):
            product = _times(product, p)
        return product
    alpha = reading(exponent)(0)
    if p[0] <= 0 and not (exponent.is_Integer and p[0] != 0):
        raise ValueError("a power of what is 0 at 0")
    y = [mpmath.power(p[0], alpha)]
    for k in range(1, TERMS):
        terms = ((alpha * j - (k - j)) * p[j] * y[k - j] for j in range(1, k + 1))
        y.append(mpmath.fsum(terms) / (k * p[0]))
    return y


def _tanh(p: Series) -> Series:
    """y' = (1 - y²) p', with the square of y kept beside it."""
    y, square = [mpmath.tanh(p[0])], list[Any]()
    for k in range(1, TERMS):
        square.append(mpmath.fdot(y[:k], y[k - 1 :: -1]))
        rest = mpmath.fsum(j * p[j] * ((1 if k == j else 0) - square[k - j]) for j in range(1, k + 1))
        y.append(rest / k)
    return y


def _sin_cos(p: Series) -> tuple[Series, Series]:
    s, c = [mpmath.sin(p[0])], [mpmath.cos(p[0])]
    for k in range(1, TERMS):
        s.append(mpmath.fsum(j * p[j] * c[k - j] for j in range(1, k + 1)) / k)
        c.append(-mpmath.fsum(j * p[j] * s[k - j] for j in range(1, k + 1)) / k)
    return s, c


def _halves(p: Series, sign: int) -> Series:
    plus, minus = _exp(p), _exp([-v for v in p])
    return [(a + sign * b) / 2 for a, b in zip(plus, minus, strict=True)]


def _integrated(e: Expr) -> Series:
    """f(w) = f(w(0)) + ∫ f'(w) w' dz."""
    inner = e.args[0]
    start = reading(e)(mpmath.mpf(0))
    inner_slope = [k * c for k, c in enumerate(_series(inner))][1:]
    slope = _times(_series(e.func(z).diff(z).subs(z, inner)), [*inner_slope, mpmath.mpf(0)])
    return [_constant(start)[0], *(slope[k] / (k + 1) for k in range(TERMS - 1))]


_RULES: dict[Any, Callable[[Series], Series]] = {
    sympy.exp: _exp,
    expm1: lambda p: [_exp(p)[0] - 1, *_exp(p)[1:]],
    sympy.tanh: _tanh,
    sympy.sinh: lambda p: _halves(p, -1),
    sympy.cosh: lambda p: _halves(p, 1),
    sympy.sin: lambda p: _sin_cos(p)[0],
    sympy.cos: lambda p: _sin_cos(p)[1],
}
_INTEGRATED = (sympy.log, log1p, sympy.atan, sympy.asinh, sympy.erf, sympy.erfc, normal_cdf)
