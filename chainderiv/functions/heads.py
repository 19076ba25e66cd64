"""Functions of a real number that SymPy lacks, or whose slopes it writes as 0/0."""

from __future__ import annotations

from typing import Any

import sympy

from chainderiv.symbols import Expr

MOST_ORDER = 12  # of spherical: its closed form grows as 2^n


class log10(sympy.Function):  # noqa: N801 -- SymPy's functions are named as in mathematics
    """The logarithm to the base 10."""

    nargs = 1

    @classmethod
    def eval(cls, t: Any) -> Any:
        """Of a number, by the natural logarithm."""
        return sympy.log(t, 10) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> Any:
        """1/(t log 10)."""
        return 1 / (self.args[0] * sympy.log(10))

    def _eval_is_real(self) -> Any:
        return self.args[0].is_positive

    def _latex(self, printer: Any, exp: Any = None) -> str:
        return rf"\log_{{10}}{_raised(exp)}{{\left({printer._print(self.args[0])} \right)}}"


class cbrt(sympy.Function):  # noqa: N801
    """The real cube root, negative of what is negative; its slope at 0 is infinite."""

    nargs = 1
    is_extended_real = True

    @classmethod
    def eval(cls, t: Any) -> Any:
        """Of a number, by a power; a sign is taken out."""
        if t.is_number and t.is_extended_real:
            return sympy.sign(t) * sympy.Abs(t) ** sympy.Rational(1, 3)
        return -cls(-t) if t.could_extract_minus_sign() else None

    def fdiff(self, argindex: int = 1) -> Any:
        """1/(3 cbrt(t)²)."""
        return 1 / (3 * self**2)

    def _eval_power(self, exponent: Any) -> Any:
        return self.args[0] ** (exponent / 3) if exponent.is_Integer and exponent % 3 == 0 else None

    def _eval_is_positive(self) -> Any:
        return self.args[0].is_positive

    def _eval_is_negative(self) -> Any:
        return self.args[0].is_negative

    def _eval_is_zero(self) -> Any:
        return self.args[0].is_zero

    def _eval_is_finite(self) -> Any:
        return self.args[0].is_finite

    def _latex(self, printer: Any, exp: Any = None) -> str:
        return rf"\sqrt[3]{{{printer._print(self.args[0])}}}{_raised(exp)}"


class sinc(sympy.sinc):  # noqa: N801
    """SymPy's sin(t)/t, 1 at 0, with a slope that is a number there too."""

    def fdiff(self, argindex: int = 1) -> Any:
        """-t spherical(1, t)."""
        return -self.args[0] * spherical(1, self.args[0])


class spherical(sympy.Function):  # noqa: N801
    """j_n(t)/tⁿ of the spherical Bessel function, n = 1, 2, …: what sinc's slopes hold, even and finite at 0.

    j_0 is sinc; (1/t d/dt) takes -j_n(t)/tⁿ to the next one (Abramowitz and Stegun 1964, 10.1.25).
    """

    nargs = 2
    is_real = True

    def __new__(cls, n: Any, t: Any, **options: Any) -> Any:
        """Raises ValueError for an order that is no Integer from 0 to 12."""
        if not (isinstance(n, int | sympy.Integer) and 0 <= n <= MOST_ORDER):
            raise ValueError(f"spherical's order is {str(n)[:40]}; give a whole number from 0 to {MOST_ORDER}")
        return super().__new__(cls, n, t, **options)

    @classmethod
    def eval(cls, n: Any, t: Any) -> Any:
        """At 0 it is 1/(2n + 1)!!; a sign is left out."""
        if t.is_zero:
            return 1 / sympy.factorial2(2 * n + 1)
        return cls(n, -t) if t.could_extract_minus_sign() else None

    def fdiff(self, argindex: int = 2) -> Any:
        """-t spherical(n + 1, t)."""
        n, t = self.args
        return -t * spherical(n + 1, t) if argindex == 2 else sympy.Integer(0)

    def _eval_evalf(self, prec: int) -> Any:
        return closed(*self.args)._eval_evalf(prec + 60)

    def _sympystr(self, printer: Any) -> str:
        return f"({printer._print(sympy.together(closed(*self.args)))})"

    def _latex(self, printer: Any, exp: Any = None) -> str:
        return rf"\left({printer._print(sympy.together(closed(*self.args)))}\right){_raised(exp)}"

    def _mathml_presentation(self, printer: Any) -> Any:
        return printer._print(sympy.together(closed(*self.args)))


def closed(n: Any, t: Expr) -> Expr:
    """spherical(n, t) in sines and cosines, which is 0/0 at t = 0.

    >>> closed(1, sympy.Symbol("t"))
    (-cos(t) + sin(t)/t)/t**2
    """
    before, now = sympy.cos(t), sympy.sin(t) / t
    for k in range(int(n)):
        before, now = now, ((2 * k + 1) * now - before) / t**2 if k else (now - before) / t**2
    return now


def _raised(exponent: Any) -> str:
    return "" if exponent is None else f"^{{{exponent}}}"
