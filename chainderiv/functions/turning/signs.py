"""The sign of an expression in z, proved at a rational number or all over an interval between two."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import sympy
from flint import arb, fmpq

from chainderiv.functions.elementary import ROWS
from chainderiv.functions.enclosing import ball, enclose
from chainderiv.functions.intervals import Interval, working_bits
from chainderiv.symbols import Expr, normal_cdf

BITS, FINE = 128, 400
_ODD = tuple(row.head for row in ROWS if row.odd)  # 0 where their argument is and only there


def sign_over(expression: Expr, low: Fraction | None, high: Fraction | None) -> int:
    """1 or -1 where every value over an interval has that sign, else 0; None is infinity."""
    known = _sign_by_form(expression, low, high)
    if known:
        return known
    with working_bits(BITS):
        ends = [arb("-inf") if low is None else _arb(low), arb("inf") if high is None else _arb(high)]
        found = enclose(expression, Interval(*ends), BITS)
    return 1 if found.low > 0 else -1 if found.high < 0 else 0


def _sign_by_form(expression: Expr, low: Fraction | None, high: Fraction | None) -> int:
    """The sign that follows from that of the parts, also where they tend to 0, or 0."""
    if isinstance(expression, sympy.exp | normal_cdf | sympy.cosh):
        return 1
    if expression.is_Mul:
        return int(math.prod(sign_over(factor, low, high) for factor in expression.args))
    if expression.is_Pow and expression.exp.is_Integer:
        sign = sign_over(expression.base, low, high)
        return sign if expression.exp % 2 else abs(sign)
    if isinstance(expression, _ODD):
        return sign_over(expression.args[0], low, high)
    if isinstance(expression, sympy.log):
        return sign_over(expression.args[0] - 1, low, high)
    if expression.is_Add:
        signs = {sign_over(term, low, high) for term in expression.args}
        return signs.pop() if len(signs) == 1 else 0
    return 0


def sign_at(expression: Expr, at: Fraction) -> int:
    """Its sign at a number, 0 where it is not proved."""
    with working_bits(FINE):
        value = ball(expression, _arb(at))
    return 1 if value > 0 else -1 if value < 0 else 0


def crossing(expression: Expr, p: Any, q: Any) -> Any:
    """A place between two points of unlike signs where the sign changes, by halving; at the bits of the moment."""
    above = ball(expression, p) > 0
    for _ in range(160):
        middle = ((p + q) / 2).mid()
        u = ball(expression, middle)
        if not (u > 0 or u < 0):
            return middle
        p, q = (middle, q) if (u > 0) == above else (p, middle)
    return p


def _arb(number: Fraction) -> Any:
    return arb(fmpq(number.numerator, number.denominator))
