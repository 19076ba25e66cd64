"""Correct digits of a formula: mpmath's value, the precision doubled until an interval around it is narrow enough."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy
from sympy.codegen.cfunctions import expm1, log1p

from chainderiv.functions.precise import working_digits
from chainderiv.functions.rewriting.enclose import Enclosing, Interval, Undefined, enclosing
from chainderiv.symbols import Expr, normal_cdf, z

AGREEING = 50  # digits that are correct
FIRST, MOST, MOST_SPECIAL = 70, 20_000, 2_500
NORMAL, LARGEST = 2.0**-1022, 1.7976931348623157e308
# far below the smallest number that float64 holds, 4.9e-324
BELOW, BEYOND = mpmath.mpf(10) ** -400, mpmath.mpf(10) ** 400

_ELEMENTARY = (
    *(sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.atan, sympy.tanh, sympy.sinh, sympy.cosh, sympy.asinh),
    *(sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Piecewise, log1p, expm1),
)


@dataclass(frozen=True)
class Correct:
    """A value known to AGREEING digits, or known to be smaller in size than anything that float64 holds.

    value is None where neither was reached, log where log|value| was not (to AGREEING digits of max(1, |log|)).
    """

    value: Any
    log: Any


UNDECIDED = Correct(None, None)


class Digits:
    """The correct digits of an expression in z, point by point.

    Parameters
    ----------
    expression : SymPy expression in z.
    most : int. The most digits that are tried; work at one point is bounded by them. Where the expression holds an
        error function or another that is not elementary, it is 2,500 at most, each costing minutes beyond.
    relative : bool. Whether log|value| must settle relative to itself, and not to max(1, |log|): near 1 that takes
        as many digits more as log|value| is small.

    Notes
    -----
    The precision is doubled until an interval around the true value is narrow enough. A zero is believed where the
    interval is that number alone, or where SymPy's exact value at that z is; a value below or beyond float64's range
    where the whole interval is.

    Examples
    --------
    >>> with mpmath.workdps(20):
    ...     print(Digits(1 - sympy.tanh(z) ** 2)(100.0).log)
    -198.61370563888010938
    """

    def __init__(self, expression: Expr, most: int = MOST, relative: bool = False) -> None:
        self.expression, self.most, self.relative = expression, most, relative
        self._enclose = enclosing(without_cancelling_tails(expression))
        nested = [e.args[0] for e in expression.atoms(sympy.exp) if e.args[0].has(sympy.exp)]
        self._heights = [enclosing(exponent) for exponent in nested]
        if not expression.atoms(sympy.Function) <= expression.atoms(*_ELEMENTARY):
            self.most = min(most, MOST_SPECIAL)

    def __call__(self, point: float) -> Correct:
        """The digits at one z."""
        if point == 0 and (stated := self._stated(point)) is not None:
            return stated
        found, asked = UNDECIDED, point == 0
        for count in self._counts(point):
            with working_digits(count):
                interval = _at(self._enclose, point)
                if interval is None:
                    continue
                low, high = interval
                if low == high == 0:
                    return Correct(mpmath.mpf(0), mpmath.ninf)
                if low <= 0 <= high and not asked:
                    asked, stated = True, self._stated(point)
                    if stated is not None:
                        return stated
                found = Correct(_value(low, high, found.value), _log(low, high, found.log, self.relative))
                if found.value is not None and found.log is not None:
                    return found
        return found

    def _counts(self, point: float) -> Iterator[int]:
        # exp of a number of a hundred bits takes as many multiplications at every digit more
        with working_digits(15):
            heights = [_at(enclose, point) for enclose in self._heights]
        tall = any(h is None or max(mpmath.mag(end) for end in h) > 200 for h in heights)
        count, most = FIRST, 2 * FIRST if tall else self.most
        while count < most:
            yield count
            count *= 2
        yield most

    def _stated(self, point: float) -> Correct | None:
        """What SymPy's own arithmetic makes of the expression at that z, where it is a plain number."""
        exact = self.expression.subs(z, sympy.Rational(point))
        if not exact.is_Rational:
            return None
        with working_digits(FIRST):
            value = mpmath.mpf(int(exact.p)) / int(exact.q)
            return Correct(value, mpmath.log(abs(value)) if value else mpmath.ninf)


def _at(enclose: Enclosing, point: float) -> Interval | None:
    try:
        low, high = enclose(mpmath.mpf(point))
    except (Undefined, ZeroDivisionError, OverflowError, ValueError):  # a denominator whose digits ran out, log 0
        return None
    return None if mpmath.isnan(low) or mpmath.isnan(high) else (low, high)


def _value(low: Any, high: Any, found: Any) -> Any:
    middle, one_sign = (low + high) / 2, low > 0 or high < 0
    if high - low <= abs(middle) * mpmath.mpf(10) ** -AGREEING or (one_sign and min(abs(low), abs(high)) > BEYOND):
        return middle
    if max(abs(low), abs(high)) < BELOW:
        return middle if one_sign else mpmath.mpf(0)
    return found


def _log(low: Any, high: Any, found: Any, relative: bool) -> Any:
    """log|value| where the interval gives it to AGREEING digits of max(1, |log|), or of |log|."""
    if low <= 0 <= high:
        return found
    near = mpmath.mpf(10) ** -AGREEING
    if not relative and abs(high - low) <= abs(low) * near:
        with working_digits(FIRST):
            return mpmath.log(abs(+low))
    ends = [mpmath.log(abs(end)) for end in (low, high)]
    if abs(ends[1] - ends[0]) <= near * (abs(ends[1]) if relative else max(1, abs(ends[1]))):
        return ends[1]
    return mpmath.mpf(0) if relative and max(map(abs, ends)) < BELOW else found


def digits_that_hold(got: float, want: Any, least: float = 0.0) -> float:
    """-log10 of got's error relative to max(least, |want|), 0 … 16.

    Below float64's normal numbers the error counts in units of the smallest of them, as if it were 1e-12 of a value.

    An underflow that lost its sign (of a value, least = 0) holds none, and where |want| is beyond float64 the infinity
    of its sign is right.

    >>> digits_that_hold(0.1, mpmath.mpf("0.1")), digits_that_hold(float("nan"), mpmath.mpf(1))
    (16.0, 0.0)
    """
    if math.isnan(got):
        return 0.0
    if mpmath.isinf(want) or abs(want) > LARGEST:
        return 16.0 if math.isinf(got) and (got > 0) == (want > 0) else 0.0
    if math.isinf(got) or (got == 0 and want != 0 and least == 0 and (math.copysign(1.0, got) > 0) != (want > 0)):
        return 0.0
    with working_digits(60):
        apart, size = abs(mpmath.mpf(got) - want), max(mpmath.mpf(least), abs(want))
        error = apart / size if size >= NORMAL else apart / NORMAL * mpmath.mpf(10) ** -12
        return 16.0 if error < 1e-16 else max(0.0, float(-mpmath.log10(error)))


def without_cancelling_tails(expression: Expr) -> Expr:
    """c + c erf(w), and 2c - c erfc(-w), as 2c Φ(√2 w): 1 + erf(-100) alone needs 4345 digits to differ from 0."""
    return expression.replace(lambda e: e.is_Add and e.has(sympy.erf, sympy.erfc), _joined)


def _joined(total: Expr) -> Expr:
    number, rest = total.as_coeff_Add()
    for term in rest.args if rest.is_Add else (rest,):
        coefficient, function = term.as_coeff_Mul()
        if isinstance(function, sympy.erf) and number != 0 and abs(coefficient) == abs(number):
            side = sympy.sign(coefficient) * sympy.sign(number)
            return 2 * number * normal_cdf(side * sympy.sqrt(2) * function.args[0]) + rest - term
        if isinstance(function, sympy.erfc) and number != 0 and 2 * coefficient == -number:
            return number * normal_cdf(sympy.sqrt(2) * function.args[0]) + rest - term
    return total
