"""Awkward numbers kept whole: to SymPy's polynomials exp(1.702 z) is the power 958140820723073 of exp(z/2^49)."""

from __future__ import annotations

from typing import Any

import sympy

from chainderiv.symbols import Expr

SIMPLE = 100  # a fraction of whole numbers up to this is no trouble; exp(900) is, a power of e to be factored


class Held(sympy.Function):
    """A positive number that no polynomial looks into: Held(1.702)."""

    nargs = 1
    is_real = True
    is_positive = True

    @classmethod
    def _should_evalf(cls, arg: Any) -> int:
        """Not because its number is a float: it would not be held."""
        return -1

    def _eval_evalf(self, prec: int) -> Any:
        """Its value, by which min and max compare it."""
        return self.args[0]._eval_evalf(prec)

    def _mpmathcode(self, printer: Any) -> str:
        return f"({printer._print(self.args[0])})"


def held(expression: Expr) -> Expr:
    """The expression with its awkward numbers held, and its simple decimals as fractions.

    >>> held(sympy.Float(1.5)), held(sympy.Float(1.702))
    (3/2, Held(1.702))
    """
    return expression.replace(_is_awkward, _hold)


def released(expression: Expr) -> Expr:
    """The expression with the numbers themselves."""
    return expression.replace(Held, lambda number: number)


def _is_awkward(e: Expr) -> bool:
    return bool(e.is_Float or (e.is_Rational and max(abs(e.p), e.q) > SIMPLE))


def _hold(number: Expr) -> Expr:
    exact = sympy.Rational(number)
    if max(abs(exact.p), exact.q) <= SIMPLE:
        return exact
    size = Held(abs(number))
    return size if number > 0 else -size
