"""A formula in float64 as arrays evaluate it, point by point: inf and NaN where NumPy has them, and no exception."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import mpmath
import sympy

from chainderiv.functions.elementary import BY_HEAD, spelling
from chainderiv.functions.precise import precise, working_digits
from chainderiv.functions.rounding import slopes
from chainderiv.symbols import Expr, z

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
        if (spelled := spelling(e)) is not None:
            return self.rounding(spelled)
        if isinstance(e, sympy.Abs):
            return self.rounding(e.args[0])
        if isinstance(e, sympy.Piecewise):
            return self._selected(e, self.rounding)
        own, inner = self(e), [self.rounding(a) for a in e.args]
        passed = [
            [r * abs(s) for r, s in zip(column, self(slope), strict=True)]
            for column, slope in zip(inner, slopes(e), strict=True)
        ]
        return [abs(v) + sum(row) for v, *row in zip(own, *passed, strict=True)]

    def _evaluate(self, e: Expr) -> Column:
        if e.is_number:
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
        if (spelled := spelling(e)) is not None:
            return self(spelled)
        function = _plain(e)
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


def _fraction(product: Expr) -> tuple[Expr, Expr]:
    """Numerator and denominator as printed: negative powers below the line."""
    below = [f for f in product.args if f.is_Pow and f.exp.is_Rational and f.exp < 0]
    above = [f for f in product.args if f not in below]
    return sympy.Mul(*above, evaluate=len(above) < 2), sympy.Mul(*(1 / f for f in below))


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
    except (ValueError, ZeroDivisionError, TypeError, NameError, AttributeError):  # mpmath may not know it
        return _NAN


def _plain(e: Expr) -> Callable[..., float]:
    """A function in float64: its row's, else mpmath's value rounded."""
    row = BY_HEAD.get(type(e))
    if row is not None and row.plain is not None:
        return row.plain
    arguments = sympy.symbols(f"u:{len(e.args)}", real=True)
    read = precise(e.func(*arguments), *arguments)

    def rounded(*values: float) -> float:
        with working_digits(30):
            return float(read(*map(mpmath.mpf, values)))

    return rounded
