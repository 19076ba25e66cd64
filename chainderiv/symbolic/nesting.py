"""Expressions put into one another as they stand, so that a deep one is quickly made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy
from sympy.functions.elementary.piecewise import ExprCondPair

from chainderiv.symbols import Expr


class Piecewise(sympy.Piecewise):
    """SymPy's Piecewise, but it stays as it was put together, and so does its derivative.

    SymPy's own folds every branch of its arguments into its conditions: 2^L of them for L nested layers of relu.
    It has the same name because SymPy's printers look for their rule by the name of the class.
    """

    def __new__(cls, *branches: Any, **_: Any) -> Any:
        """The branches (value, condition), without those that are ruled out."""
        kept = [(value, when) for value, when in branches if when != sympy.false]
        if kept[0][1] == sympy.true:
            return kept[0][0]
        return sympy.Basic.__new__(
            cls, *(sympy.Basic.__new__(ExprCondPair, *map(sympy.sympify, pair)) for pair in kept)
        )


def nested(expression: Expr, values: Mapping[Expr, Expr]) -> Expr:
    """xreplace without evaluation: SymPy would walk the whole tree at every layer, and relu's doubles with each.

    >>> from chainderiv.symbols import x, y, z
    >>> nested(1 + z, {z: sympy.Add(x, y)})
    (x + y) + 1
    """
    if expression in values:
        return values[expression]
    if not expression.args or not expression.free_symbols & values.keys():
        return expression
    if isinstance(expression, sympy.Piecewise):
        return Piecewise(*((nested(value, values), nested(when, values)) for value, when in expression.args))
    return expression.func(*(nested(e, values) for e in expression.args), evaluate=False)
