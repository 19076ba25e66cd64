"""Exponentials as symbols: an expression in z and exp(q(z)) as one in z and t, in which algebra is quick."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Any

import sympy

from chainderiv.symbols import Expr, z

MOST_POWER = 64  # of one exponential in another: polynomials of a higher degree take SymPy too long


class Unproved(Exception):
    """What could not be proved with the work that is allowed; never shown to a user."""


MOST_TURNS = 40


class TooManyTurns(Unproved):
    """|φ'| rises and falls too often to be gone through turn by turn."""

    def __init__(self) -> None:
        super().__init__(f"it turns more than {MOST_TURNS} times")


@dataclass(frozen=True)
class Split:
    """An expression in z and symbols t, each of which stands for one exponential exp(q).

    The exponents lead from t to q, which is in z, or a number that is no multiple of another q.
    """

    expression: Expr
    exponents: dict[Any, Expr]

    @property
    def moving(self) -> list[tuple[Any, Expr]]:
        """t and q(z) where q holds z."""
        return [(t, q) for t, q in self.exponents.items() if q.has(z)]

    def join(self, expression: Expr) -> Expr:
        """An expression in z and the symbols with the exponentials in their places."""
        return expression.xreplace({t: sympy.exp(q) for t, q in self.exponents.items()})


def split(expression: Expr) -> Split:
    """The exponentials of an expression named, those with commensurable exponents as powers of one.

    >>> apart = split(z * sympy.exp(3 * z / 2) - sympy.exp(-z))
    >>> apart.expression, apart.exponents
    (t_0**3*z - 1/t_0**2, {t_0: z/2})
    """
    exponents = sorted({e.args[0] for e in expression.atoms(sympy.exp) if e.has(z)}, key=sympy.default_sort_key)
    named: dict[Any, Expr] = {}
    powers: dict[Expr, Expr] = {}
    for group in _in_reach(_commensurable(exponents)):
        first, unit = group[0][0], _unit([ratio for _, ratio in group])
        unit *= -1 if first.could_extract_minus_sign() else 1
        t = sympy.Symbol(f"t_{len(named)}", positive=True)
        named[t] = first * unit  # as it was written: (z - 3)^2 multiplied out cannot be enclosed as well
        for exponent, ratio in group:
            powers[sympy.exp(exponent)] = t ** (ratio / unit)
            if (rest := sympy.expand(exponent - ratio * first)) != 0:
                # a symbol of its own: a polynomial in E would have as many terms as this number is large
                constant = sympy.Symbol(f"t_{len(named)}", positive=True)
                named[constant] = rest
                powers[sympy.exp(exponent)] *= constant
    return Split(expression.xreplace(powers), named)


def _commensurable(exponents: list[Expr]) -> list[list[tuple[Expr, Expr]]]:
    """The exponents in groups, each with its rational ratio to the first of its group, but for a constant."""
    groups: list[list[tuple[Expr, Expr]]] = []
    for exponent in exponents:
        for group in groups:
            ratio = sympy.cancel(sympy.diff(exponent, z) / sympy.diff(group[0][0], z))
            if ratio.is_Rational:
                group.append((exponent, ratio))
                break
        else:
            groups.append([(exponent, sympy.Integer(1))])
    return groups


def _in_reach(groups: list[list[tuple[Expr, Expr]]]) -> list[list[tuple[Expr, Expr]]]:
    """The groups, each divided so that no power in it is high: exp(z) and exp(1000 z) are symbols of their own."""
    kept: list[list[tuple[Expr, Expr]]] = []
    for group in groups:
        near: list[list[tuple[Expr, Expr]]] = []
        for member in sorted(group, key=lambda pair: abs(pair[1])):
            fitting = (some for some in near if _highest([*some, member]) <= MOST_POWER)
            some = next(fitting, None)
            near.append([member]) if some is None else some.append(member)
        # ratios are to the first of a group
        kept += [[(exponent, ratio / some[0][1]) for exponent, ratio in some] for some in near]
    return kept


def _highest(group: list[tuple[Expr, Expr]]) -> Expr:
    ratios = [ratio for _, ratio in group]
    return max(abs(ratio / _unit(ratios)) for ratio in ratios)


def _unit(ratios: list[Expr]) -> Expr:
    """The largest fraction of which each ratio is a whole multiple."""
    below = sympy.ilcm(1, *(r.q for r in ratios))
    return sympy.Rational(gcd(*(abs(int(r * below)) for r in ratios)), below)


def factored(expression: Expr) -> Expr:
    """An expression as one quotient of products of factors.

    >>> factored(sympy.exp(-z) - sympy.exp(-2 * z))
    (exp(z) - 1)*exp(-2*z)
    """
    apart = split(expression)
    return apart.join(sympy.factor(sympy.together(apart.expression)))


def fraction(expression: Expr) -> tuple[Expr, Expr]:
    """The numerator and the denominator of an expression over one denominator."""
    apart = split(expression)
    above, below = sympy.fraction(sympy.together(apart.expression))
    return apart.join(above), apart.join(below)
