"""The Maclaurin polynomial of a formula, by FLINT's truncated power series of balls: for where φ cancels near 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from operator import add, mul
from typing import Any

import mpmath
import sympy
from flint import arb, arb_series, ctx, fmpq

from chainderiv.functions.elementary import BY_HEAD
from chainderiv.functions.enclosing import ball
from chainderiv.functions.intervals import Unenclosed, working_bits
from chainderiv.functions.rewriting.digits import as_mpmath
from chainderiv.symbols import Expr, z

Series = Any  # python-flint has no type information
TERMS, BITS = 80, 466
RADIUS, KEPT = mpmath.mpf("0.25"), 48  # terms that RADIUS leaves below KEPT digits are dropped


def maclaurin(expression: Expr) -> Expr | None:
    """z^k · (a polynomial), accurate to far more digits than float64 holds for small |z|; else None.

    >>> maclaurin(z - sympy.tanh(z)).subs(z, 0)
    0
    """
    try:
        with working_bits(BITS), _terms(TERMS):
            made = _series(expression)
            coefficients = [made[k] for k in range(TERMS)]
        if not all(c.is_finite() for c in coefficients):
            return None  # a pole, a branch point
        values = [as_mpmath(c) for c in coefficients]
        sizes = [abs(c) * RADIUS**k for k, c in enumerate(values)]
        least = max(sizes) * mpmath.mpf(10) ** -KEPT
        return _polynomial([c if size > least else 0 for c, size in zip(values, sizes, strict=True)])
    except (ValueError, Unenclosed):
        return None  # a pole, or a function without a series at 0


@contextmanager
def _terms(count: int) -> Iterator[None]:
    before, ctx.cap = ctx.cap, count
    try:
        yield
    finally:
        ctx.cap = before


def _polynomial(coefficients: list[Any]) -> Expr:
    """z^k · (lower half + z^m · upper half), each half so again: no deeper than a few steps, unlike Horner's form."""
    powers = [k for k, c in enumerate(coefficients) if c != 0]
    if not powers:
        raise ValueError("a series of zeros")
    first = powers[0]
    kept = coefficients[first:]
    if len(powers) == 1:
        return sympy.Float(kept[0], 60) * z**first
    half = len(kept) // 2
    upper = kept[half:]
    lower = _polynomial(kept[:half])
    return z**first * (lower + z**half * _polynomial(upper)) if any(upper) else z**first * lower


def _series(e: Expr) -> Series:
    if not e.has(z):
        return arb_series([ball(e, arb(0))])
    if e == z:
        return arb_series([0, 1])
    if e.is_Add:
        return reduce(add, map(_series, e.args))
    if e.is_Mul:
        return reduce(mul, map(_series, e.args))
    if e.is_Pow and not e.exp.has(z):
        return _power(_series(e.base), e.exp)
    if e.is_Pow and e.base != sympy.E:
        return (_series(e.exp) * _series(sympy.log(e.base))).exp()
    head = sympy.exp if e.is_Pow else e.func
    if head in _RULES:
        return _RULES[head](_series(e.args[-1]))
    row = BY_HEAD.get(head)
    if row is None or row.words is None:
        raise ValueError(f"no series of {head}")
    return _series(row.words(*e.args))


def _power(u: Series, exponent: Any) -> Series:
    if exponent.is_Integer:
        return u ** int(exponent) if exponent >= 0 else 1 / u ** int(-exponent)
    if exponent.is_Rational:
        return u ** fmpq(int(exponent.p), int(exponent.q))
    return (arb_series([ball(exponent, arb(0))]) * u.log()).exp()


# what is not here goes by its row's words
_RULES: dict[Any, Callable[[Series], Series]] = {
    sympy.exp: lambda u: u.exp(),
    sympy.log: lambda u: u.log(),
    sympy.sin: lambda u: u.sin(),
    sympy.cos: lambda u: u.cos(),
    sympy.asinh: lambda u: (u + (u * u + 1).sqrt()).log(),
    sympy.atan: lambda u: u.atan(),
    sympy.erf: lambda u: u.erf(),
}
