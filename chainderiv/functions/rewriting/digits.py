"""Correct digits of a formula: a ball's, the precision doubled until it is narrow enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy
from flint import arb

from chainderiv.functions.enclosing import ball, stated, steadied
from chainderiv.functions.intervals import working_bits
from chainderiv.functions.precise import working_digits
from chainderiv.symbols import Expr

AGREEING = 50  # digits that are correct
FIRST, MOST = 70, 20_000
NORMAL, LARGEST = 2.0**-1022, 1.7976931348623157e308
# far below the smallest number that float64 holds, 4.9e-324
BELOW, BEYOND = mpmath.mpf(10) ** -400, mpmath.mpf(10) ** 400
_BITS = 3.3219281  # in a digit


@dataclass(frozen=True)
class Correct:
    """A value known to AGREEING digits, or known to be smaller in size than anything that float64 holds.

    value is None where neither was reached, log where log|value| was not (to AGREEING digits of max(1, |log|)).
    """

    value: Any
    log: Any


@dataclass(frozen=True)
class Digits:
    """The correct digits of an expression in z, point by point; no more than most are tried.

    Every digit is proved: the precision is doubled until a ball around the true value is narrow enough. A zero is
    believed where the ball is that number alone, or where SymPy's exact value at that z is; a value below or beyond
    float64's range where the whole ball is. With relative, log|value| must be known relative to itself, and not to
    max(1, |log|): near 1 that takes as many digits more as log|value| is small.

    >>> from chainderiv.symbols import z
    >>> with mpmath.workdps(20):
    ...     print(Digits(1 - sympy.tanh(z) ** 2)(100.0).log)
    -198.61370563888010938
    """

    expression: Expr
    most: int = MOST
    relative: bool = False

    def __call__(self, point: float) -> Correct:
        """The digits at one z."""
        found, count = Correct(None, None), min(FIRST, self.most)
        while True:
            with working_bits(math.ceil(count * _BITS)):
                value = ball(self.expression, arb(point))
                if value == 0:
                    return Correct(mpmath.mpf(0), mpmath.ninf)
                found = Correct(_value(value, found.value), _log(value, found.log, self.relative))
                if found.value is not None and found.log is not None:
                    return found
                if count >= self.most:
                    # by exact arithmetic, where it is a rational number
                    exact = stated(self.expression, arb(point).fmpq()) if value.contains(0) else None
                    return found if exact is None else Correct(as_mpmath(arb(exact)), as_mpmath(_log_of(arb(exact))))
            count = min(2 * count, self.most)


def as_mpmath(value: Any) -> Any:
    """The middle of a ball."""
    middle = value.mid()
    return mpmath.make_mpf(middle._mpf_) if middle.is_finite() else mpmath.inf * mpmath.mpf(1 if value > 0 else -1)


def _known(value: Any) -> bool:
    infinite = not (value.is_nan() or value.mid().is_finite())
    return infinite or bool(value.rel_accuracy_bits() >= AGREEING * _BITS)


def _value(value: Any, found: Any) -> Any:
    one_sign, size = value > 0 or value < 0, abs(value)
    if _known(value) or (one_sign and size > arb(10) ** 400):
        return as_mpmath(value)
    if size < arb(10) ** -400:
        return as_mpmath(value) if one_sign else mpmath.mpf(0)
    return found


def _log_of(value: Any) -> Any:
    return arb.neg_inf() if value == 0 else abs(value).log()


def _log(value: Any, found: Any, relative: bool) -> Any:
    """log|value| where the ball gives it to AGREEING digits of max(1, |log|), or of |log|."""
    log = _log_of(value)
    if _known(log) or (not relative and log.is_finite() and log.rad() < arb(10) ** -AGREEING):
        return as_mpmath(log)
    return mpmath.mpf(0) if relative and abs(log) < arb(10) ** -400 else found


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
    return expression.replace(lambda e: e.is_Add and e.has(sympy.erf, sympy.erfc), steadied)
