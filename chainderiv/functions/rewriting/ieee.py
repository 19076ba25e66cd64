"""A formula in float64 as arrays evaluate it, point by point: inf and NaN where NumPy has them, and no exception."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import sympy
from sympy.codegen.cfunctions import expm1, log1p

from chainderiv.functions.precise import working_digits
from chainderiv.symbols import Expr, erfcx, normal_cdf, z

Column = list[float]
_INF, _NAN = math.inf, math.nan


class Floats:
    """Expressions in z at given points; what two expressions share is computed once.

    >>> Floats([1.0, -800.0])(1 / (1 + sympy.exp(-z)))
    [0.7310585786300049, 0.0]
    """

    def __init__(self, points: Sequence[float]) -> None:
        self.points = [float(p) for p in points]
        self._known: dict[Expr, Column] = {z: self.points}
        self._bounds: dict[Expr, Column] = {z: [0.0] * len(self.points)}

    def __call__(self, expression: Expr) -> Column:
        """The values at the points."""
        if expression not in self._known:
            self._known[expression] = self._evaluate(expression)
        return self._known[expression]

    def rounding(self, expression: Expr) -> Column:
        """chainderiv.functions.rounding's bound at the points, in units of ε, without making it an expression first."""
        if expression not in self._bounds:
            self._bounds[expression] = self._rounded(expression)
        return self._bounds[expression]

    def _rounded(self, e: Expr) -> Column:
        if e.is_Integer:
            return [0.0] * len(self.points)
        if e.is_number:
            return [abs(v) for v in self(e)]
        if isinstance(e, sympy.Abs):
            return self.rounding(e.args[0])
        if isinstance(e, sympy.Piecewise):
            return self._selected(e, self.rounding)
        own, inner = self(e), [self.rounding(a) for a in e.args]
        if e.is_Add:
            return [abs(v) + sum(row) for v, *row in zip(own, *inner, strict=True)]
        slopes = [self(slope) for slope in _slopes(e)]
        passed = [[r * abs(s) for r, s in zip(rs, ss, strict=True)] for rs, ss in zip(inner, slopes, strict=True)]
        return [abs(v) + sum(row) for v, *row in zip(own, *passed, strict=True)]

    def _evaluate(self, e: Expr) -> Column:
        if e.is_number or e in (sympy.oo, -sympy.oo, sympy.nan):
            return [float(e) if e.is_extended_real else _NAN] * len(self.points)
        if e.is_Mul:
            over, under = _fraction(e)
            if under != 1:
                return [_quotient(p, q) for p, q in zip(self(over), self(under), strict=True)]
            return [math.prod(row) for row in self._rows(e.args)]
        if e.is_Add:
            return [sum(row[1:], row[0]) for row in self._rows(e.args)]  # from 0, -0.0 would become 0.0
        if e.is_Pow:
            if e.exp.is_Rational and e.exp < 0:
                return [_quotient(1.0, q) for q in self(1 / e)]
            return [_power(p, q) for p, q in self._rows(e.args)]
        if isinstance(e, sympy.Piecewise):
            return self._selected(e, self)
        if isinstance(e, sympy.Max | sympy.Min):
            return [(max if isinstance(e, sympy.Max) else min)(row) for row in self._rows(e.args)]
        function = _FUNCTIONS.get(type(e)) or _evaluated_by_sympy(type(e))
        return [_applied(function, row) for row in self._rows(e.args)]

    def _rows(self, arguments: Sequence[Expr]) -> list[tuple[float, ...]]:
        return list(zip(*(self(a) for a in arguments), strict=True))

    def _selected(self, e: Expr, read: Callable[[Expr], Column]) -> Column:
        out = [_NAN] * len(self.points)
        left = set(range(len(self.points)))
        for value, when in e.args:
            column = read(value)
            for i in [i for i in left if when == sympy.true or when.subs(z, self.points[i]) == sympy.true]:
                out[i] = column[i]
                left.remove(i)
        return out


def _slopes(e: Expr) -> list[Expr]:
    """The derivative by each argument."""
    if e.is_Mul:
        return [sympy.Mul(*(v for v in e.args if v is not u)) for u in e.args]
    if e.is_Pow:
        base, exponent = e.args
        return [sympy.Integer(1)] * 2 if exponent.has(z) else [exponent * base ** (exponent - 1), sympy.Integer(0)]
    return [e.fdiff(i) for i in range(1, len(e.args) + 1)]


def _fraction(product: Expr) -> tuple[Expr, Expr]:
    """Numerator and denominator as printed: negative powers below the line."""
    below = [f for f in product.args if f.is_Pow and f.exp.is_Rational and f.exp < 0]
    above = [f for f in product.args if f not in below]
    return sympy.Mul(*above, evaluate=False) if len(above) > 1 else sympy.Mul(*above), sympy.Mul(
        *(1 / f for f in below)
    )


def _quotient(p: float, q: float) -> float:
    if q == 0:
        return _NAN if p == 0 or math.isnan(p) else math.copysign(_INF, p) * math.copysign(1.0, q)
    return p / q


def _power(base: float, exponent: float) -> float:
    try:
        result = math.sqrt(base) if exponent == 0.5 else base**exponent
    except OverflowError:
        return -_INF if base < 0 and exponent % 2 == 1 else _INF
    except (ZeroDivisionError, ValueError):
        return _INF if base == 0 and exponent < 0 else _NAN
    return result if isinstance(result, float) else _NAN


def _applied(function: Callable[..., float], row: tuple[float, ...]) -> float:
    if any(math.isnan(v) for v in row):
        return _NAN
    try:
        return function(*row)
    except OverflowError:
        return _INF if row[0] > 0 or function is math.cosh else -_INF
    except (ValueError, ZeroDivisionError, TypeError):
        return _NAN


def _log(v: float) -> float:
    return -_INF if v == 0 else math.log(v)


def _log1p(v: float) -> float:
    return -_INF if v == -1 else math.log1p(v)


def _erfcx(v: float) -> float:
    if v == _INF:
        return 0.0
    with working_digits(30):
        return float(mpmath.exp(mpmath.mpf(v) ** 2) * mpmath.erfc(v))


def _normal_cdf(v: float) -> float:
    with working_digits(30):
        return float(mpmath.ncdf(v))


def _evaluated_by_sympy(function: Any) -> Callable[..., float]:
    return lambda *row: float(function(*(sympy.Float(v) for v in row)).evalf(25))


_FUNCTIONS: dict[Any, Callable[..., float]] = {
    sympy.exp: math.exp,
    sympy.log: _log,
    log1p: _log1p,
    expm1: math.expm1,
    sympy.Abs: abs,
    sympy.sign: lambda v: math.copysign(1.0, v) if v else 0.0,
    sympy.tanh: math.tanh,
    sympy.sinh: math.sinh,
    sympy.cosh: math.cosh,
    sympy.sin: math.sin,
    sympy.cos: math.cos,
    sympy.tan: math.tan,
    sympy.atan: math.atan,
    sympy.asinh: math.asinh,
    sympy.erf: math.erf,
    sympy.erfc: math.erfc,
    erfcx: _erfcx,
    normal_cdf: _normal_cdf,
}
