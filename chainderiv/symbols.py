"""The one place where symbols are made: x, y, z, a, w_l, b_l, z_l, a_l, δ_l; and functions such as φ', φ'' and ∂C/∂a.

Those with several indices, of full width, are made in symbolic/full_width/indexed.

Notation as in Nielsen (2015), chapter 5: a_0 = x, z_l = w_l a_{l-1} + b_l, a_l = φ(z_l).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy.printing.precedence import PRECEDENCE

Expr = Any  # SymPy has no type information

x = sympy.Symbol("x", real=True)
y = sympy.Symbol("y", real=True)
z = sympy.Symbol("z", real=True)
a = sympy.Symbol("a", real=True)


def weight(layer: int) -> sympy.Symbol:
    """w_l, the weight into layer l = 1 … L."""
    return sympy.Symbol(f"w_{layer}", real=True)


def bias(layer: int) -> sympy.Symbol:
    """b_l, the bias of layer l = 1 … L."""
    return sympy.Symbol(f"b_{layer}", real=True)


def pre_activation(layer: int | str) -> sympy.Symbol:
    """z_l = w_l a_{l-1} + b_l, l = 1 … L; of 'l' the one of any layer."""
    return sympy.Symbol(f"z_{layer}", real=True)


def activation(layer: int) -> sympy.Symbol:
    """a_l = φ(z_l), l = 0 … L; a_0 is the input x."""
    return x if layer == 0 else sympy.Symbol(f"a_{layer}", real=True)


def layer_of(symbol: sympy.Symbol) -> int:
    """l of z_l, a_l, w_l or b_l.

    >>> layer_of(pre_activation(3))
    3
    """
    return int(symbol.name.partition("_")[2])


def delta(layer: int) -> sympy.Symbol:
    """δ_l = ∂C/∂z_l, l = 1 … L."""
    return sympy.Symbol(f"delta_{layer}", real=True)


# how neurons are written, by their names: (LaTeX, letter), either of which may be empty
SPELT: dict[str, tuple[str, str]] = {}


class _OfTheNeuron(sympy.Function):
    """φ'(z_l) or φ''(z_l) kept as a symbol of its own, which SymPy prints as it is written."""

    nargs = 2
    is_real = True
    primes = "'"

    def _sympystr(self, printer: Any) -> str:
        return f"{self.args[0]}{self.primes}({printer.doprint(self.args[1])})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        name = str(self.args[0])
        word = SPELT.get(name, ("", ""))[0] or rf"\operatorname{{{name.replace('_', chr(92) + '_')}}}"
        text = f"{word}{self.primes}({printer.doprint(self.args[1])})"
        return text if exp is None else f"{{{text}}}^{{{exp}}}"

    def _pretty(self, printer: Any) -> Any:
        name = str(self.args[0])
        letter = SPELT.get(name, ("", ""))[1] if printer._use_unicode else ""
        return _pretty_word((letter or name) + self.primes, printer._print(self.args[1]))


class PhiPrime(_OfTheNeuron):
    """φ'(z_l) kept as a symbol of its own: PhiPrime(name of the activation, z_l).

    >>> PhiPrime(sympy.Symbol("tanh"), pre_activation(2))
    tanh'(z_2)
    """


class PhiSecond(_OfTheNeuron):
    """φ''(z_l) kept as a symbol of its own: PhiSecond(name of the activation, z_l)."""

    primes = "''"


class _Partial(sympy.Function):
    """A derivative kept as a symbol of its own, which SymPy prints as a fraction."""

    is_real = True
    precedence = PRECEDENCE["Mul"]

    @property
    def above(self) -> Any:
        """What is differentiated, C if None."""
        return None

    @property
    def below(self) -> tuple[Any, ...]:
        """What it is taken by, each as often as it is."""
        raise NotImplementedError

    def _fraction(self, partial: str, power: Callable[[int], str], write: Callable[[Any], str]) -> tuple[str, str]:
        """Above and below the line, ∂ and powers as the printer has them."""
        order, counts = len(self.below), {u: self.below.count(u) for u in self.below}
        above = "∂C" if order == 1 else f"∂{power(order)} C"
        above = above if self.above is None else f"∂{write(self.above)}"
        below = "".join(f"∂{write(u)}{power(n) if n > 1 else ''}" for u, n in counts.items())
        return above.replace("∂", partial), below.replace("∂", partial)

    def _sympystr(self, printer: Any) -> str:
        above, below = self._fraction("d", "^{}".format, printer.doprint)
        return f"{above.replace(' ', '')}/{below}"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = r"\frac{{{}}}{{{}}}".format(*self._fraction(r"\partial ", "^{{{}}}".format, printer.doprint))
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    def _pretty(self, printer: Any) -> Any:
        partial, raised = ("∂", "²") if printer._use_unicode else ("d", "^2")
        above, below = self._fraction(partial, lambda _: raised, lambda u: str(printer._print(u)))
        return _pretty_fraction(above.replace(" ", ""), below)


class Gradient(_Partial):
    """∂C/∂θ kept as a symbol of its own: Gradient(θ); ∂²C/∂θ∂η is Gradient(θ, η)."""

    nargs = (1, 2)

    @property
    def below(self) -> tuple[Any, ...]:
        """θ, or θ and η."""
        return tuple(self.args)


def gradient(*parameters: sympy.Symbol) -> Any:
    """∂C/∂θ, or ∂²C/∂θ∂η of two."""
    return Gradient(*parameters)


class Quotient(_Partial):
    """∂a_m/∂θ or ∂z_m/∂θ kept as a symbol of its own: Quotient(a_m, θ)."""

    nargs = 2

    @property
    def above(self) -> Any:
        """a_m or z_m."""
        return self.args[0]

    @property
    def below(self) -> tuple[Any, ...]:
        """θ."""
        return (self.args[1],)


class CostSlope(_Partial):
    """∂C/∂a_L kept as a symbol of its own: CostSlope(name of the cost, a_L, y).

    >>> CostSlope(sympy.Symbol("quadratic"), activation(4), y)
    dC/da_4
    """

    nargs = 3

    @property
    def below(self) -> tuple[Any, ...]:
        """a_L."""
        return (self.args[1],)


class CostSecond(_Partial):
    """∂²C/∂a_L² kept as a symbol of its own: CostSecond(name of the cost, a_L, y)."""

    nargs = 3

    @property
    def below(self) -> tuple[Any, ...]:
        """a_L, twice."""
        return (self.args[1], self.args[1])


def _pretty_word(name: str, argument: Any) -> Any:
    """name(argument) for SymPy's pretty printer."""
    from sympy.printing.pretty.stringpict import prettyForm

    return prettyForm(*prettyForm(name).right(*prettyForm(*argument.parens())))


def _pretty_fraction(above: str, below: str) -> Any:
    from sympy.printing.pretty.stringpict import prettyForm

    return prettyForm(above) / prettyForm(below)


class erfcx(sympy.Function):  # noqa: N801 -- SymPy's functions are named as in mathematics
    """erfcx(t) = exp(t²) erfc(t), the scaled complementary error function (Cody 1969).

    >>> erfcx(z).diff(z)
    2*z*erfcx(z) - 2/sqrt(pi)
    """

    nargs = 1
    is_real = True

    def fdiff(self, argindex: int = 1) -> Any:
        """erfcx'(t) = 2 t erfcx(t) - 2/√π."""
        t = self.args[0]
        return 2 * t * erfcx(t) - 2 / sympy.sqrt(sympy.pi)


class normal_cdf(sympy.Function):  # noqa: N801
    """Φ(t) = (1 + erf(t/√2))/2, the standard normal distribution function.

    A symbol of its own, because SymPy turns erfc(-t) into 2 - erfc(t) and so loses every digit of the left tail.

    >>> normal_cdf(z).diff(z)
    sqrt(2)*exp(-z**2/2)/(2*sqrt(pi))
    """

    nargs = 1
    is_real = True

    def fdiff(self, argindex: int = 1) -> Any:
        """Φ'(t) = exp(-t²/2)/√(2π)."""
        return sympy.exp(-(self.args[0] ** 2) / 2) / sympy.sqrt(2 * sympy.pi)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"\Phi{power}\left({printer.doprint(self.args[0])}\right)"
