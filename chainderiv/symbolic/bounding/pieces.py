"""φ' of one formula, taken apart at its breaks into smooth pieces that algebra can work on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sympy
from sympy import oo

from chainderiv.functions.activation import Activation
from chainderiv.functions.elementary import ROWS
from chainderiv.symbolic.bounding.exponentials import factored
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbols import Expr, z


@dataclass(frozen=True)
class Piece:
    """φ' on the open interval from left to right (SymPy numbers or ±∞), where it is smooth."""

    left: Expr
    right: Expr
    slope: Expr


def plain(expression: Expr) -> Expr:
    """An expression in exponentials, logarithms, powers, erf and atan, its decimals read as exact fractions.

    >>> plain(sympy.tanh(0.5 * z))
    (exp(z) - 1)/(exp(z) + 1)
    """
    exact = sympy.nsimplify(expression, rational=True) if expression.has(sympy.Float) else expression
    for row in ROWS:
        words = row.words or row.spelled
        exact = exact if words is None else exact.replace(row.head, words)
    return exact


def breaks(neuron: Activation) -> tuple[Expr, ...]:
    """The z at which the formula changes its branch, in order, as exact numbers."""
    return tuple(sympy.nsimplify(p, rational=True) if p.has(sympy.Float) else p for p in neuron.breaks)


def pieces(neuron: Activation) -> tuple[Piece, ...]:
    """The smooth pieces of φ' from left to right.

    >>> from chainderiv.functions.lookup import neuron
    >>> [(p.left, p.right, p.slope) for p in pieces(neuron("elu"))]
    [(-oo, 0, exp(z)), (0, oo, 1)]
    """
    ends = [-oo, *breaks(neuron), oo]
    return tuple(Piece(left, right, slope_at(neuron, between(left, right))) for left, right in pairwise(ends))


def slope_at(neuron: Activation, point: Any) -> Expr:
    """φ' as the branch states it that holds at a point: an expression in z that serves at this point alone."""
    return _branch(plain(_branch(neuron.derivative, point)), point)


def between(left: Any, right: Any) -> Expr:
    """A rational number strictly between two numbers, either of which may be infinite."""
    if left == -oo and right == oo:
        return sympy.Rational(1, 3)
    if left == -oo:
        return sympy.floor(right) - 1
    if right == oo:
        return sympy.ceiling(left) + 1
    if left.is_Rational and right.is_Rational:
        return (left + right) / 2
    middle = sympy.Rational(str(((left + right) / 2).n(30)))
    if not (compare(left, middle) < 0 < compare(right, middle)):
        middle = sympy.Rational(str(((left + right) / 2).n(300)))
    return middle


def mirrored(parts: tuple[Piece, ...]) -> bool:
    """Whether |φ'| is even, so that what holds on the right holds on the left.

    >>> from chainderiv.functions.lookup import neuron
    >>> mirrored(pieces(neuron("softsign"))), mirrored(pieces(neuron("gelu")))
    (True, False)
    """
    for near, far in zip(parts, reversed(parts), strict=True):
        if near.left != -far.right and compare(near.left, -far.right):
            return False
        if not _same_size(near.slope, far.slope.subs(z, -z)):
            return False
    return True


def _same_size(one: Expr, other: Expr) -> bool:
    probe = sympy.Rational(7, 19)
    values = [abs(f.subs(z, probe).n(30)) for f in (one, other)]
    if not all(v.is_number for v in values) or abs(values[0] - values[1]) > 1e-20 * (1 + values[0]):
        return False
    return any(factored(one - sign * other) == 0 for sign in (1, -1))


def _branch(expression: Expr, point: Any) -> Expr:
    """The expression with each Piecewise replaced by what it is at a point."""

    def chosen(*branches: Expr) -> Expr:
        return next((value for value, when in branches if when.subs(z, point) == sympy.true), sympy.nan)

    return expression.replace(sympy.Piecewise, chosen)
