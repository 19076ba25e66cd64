"""The Taylor coefficients of an expression about a ball, each a ball that holds f⁽ᵏ⁾/k! there: FLINT's power series."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from operator import add, mul
from typing import Any

import sympy
from flint import arb_series, ctx, fmpq

from chainderiv.functions.elementary import BY_HEAD
from chainderiv.functions.enclosing import ball
from chainderiv.functions.intervals import Ball, Unenclosed
from chainderiv.symbols import Expr, z

Series = Any  # python-flint has no type information


def coefficients(expression: Expr, about: Ball, count: int) -> list[Ball]:
    """f(u), f'(u), f''(u)/2, … for every u of a ball, at the bits that are set; no number where there is none.

    Raises Unenclosed for an expression with a function that has no series here.

    >>> from flint import arb
    >>> [float(c) for c in coefficients(sympy.exp(2 * z), arb(0), 3)]
    [1.0, 2.0, 2.0]
    """
    with _terms(count):
        try:
            made = _series(expression, arb_series([about, 1]))
        except (ValueError, ZeroDivisionError) as e:
            raise Unenclosed(f"no series of {expression}") from e
        return [made[k] for k in range(count)]


@contextmanager
def _terms(count: int) -> Iterator[None]:
    before, ctx.cap = ctx.cap, count
    try:
        yield
    finally:
        ctx.cap = before


def _series(e: Expr, about: Series) -> Series:
    if not e.has(z):
        return arb_series([ball(e, of=())])
    if e == z:
        return about
    parts = [_series(part, about) for part in e.args if not (e.is_Pow and part is e.exp and not part.has(z))]
    if e.is_Add:
        return reduce(add, parts)
    if e.is_Mul:
        return reduce(mul, parts)
    if e.is_Pow and not e.exp.has(z):
        return _power(parts[0], e.exp)
    if e.is_Pow and e.base != sympy.E:
        return (parts[1] * parts[0].log()).exp()
    head = sympy.exp if e.is_Pow else e.func
    if head in _RULES:
        return _RULES[head](parts[-1])
    row = BY_HEAD.get(head)
    if row is None or row.words is None:
        raise Unenclosed(f"no series of {head}")
    return _series(row.words(*e.args), about)


def _power(u: Series, exponent: Any) -> Series:
    if exponent.is_Integer:
        return u ** int(exponent) if exponent >= 0 else 1 / u ** int(-exponent)
    if exponent.is_Rational:
        return u ** fmpq(int(exponent.p), int(exponent.q))
    return (arb_series([ball(exponent, of=())]) * u.log()).exp()


# what is not here goes by its row's words
_RULES: dict[Any, Callable[[Series], Series]] = {
    sympy.exp: lambda u: u.exp(),
    sympy.log: lambda u: u.log(),
    sympy.tanh: lambda u: 1 - 2 / ((2 * u).exp() + 1),  # u once: over a wide ball each more makes it wider
    sympy.sin: lambda u: u.sin(),
    sympy.cos: lambda u: u.cos(),
    sympy.asinh: lambda u: (u + (u * u + 1).sqrt()).log(),
    sympy.atan: lambda u: u.atan(),
    sympy.erf: lambda u: u.erf(),
}
