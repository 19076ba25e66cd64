"""Branches in z itself: of Max, Min, Abs and comparisons whose sides meet where an exact number is proved to be."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import sympy

from chainderiv.functions.turning.flat import chosen, turnings
from chainderiv.functions.turning.turnings import Turnings
from chainderiv.symbols import Expr, z


def by_sign(difference: Expr, above: Expr, below: Expr) -> Expr:
    """above where a difference is positive, below where it is negative; where it is 0 the flatter one, else the left.

    Raises Unproved where the zeros of the difference are not known.

    >>> by_sign(sympy.exp(z) - 2, sympy.exp(z), sympy.Integer(2))
    Piecewise((2, z <= log(2)), (exp(z), True))
    """
    return chosen(difference, above, below).expression


def settled(expression: Expr, hard: Callable[[Expr], bool]) -> Expr:
    """An expression whose comparisons of hard differences are comparisons of z with numbers.

    Raises Unproved where the zeros of a difference are not known.

    >>> settled(sympy.Piecewise((1, sympy.exp(z) > 2), (z, True)), lambda d: True)
    Piecewise((1, z > log(2)), (z, True))
    """
    related = sympy.core.relational.Relational
    found = {c: _condition(c) for c in expression.atoms(related) if c.has(z) and hard(c.lhs - c.rhs)}
    return expression.xreplace(found)


def _condition(comparison: Any) -> Any:
    """A comparison as one of z with the zeros of its difference."""
    found = turnings(comparison.lhs - comparison.rhs)
    wanted = 1 if comparison.rel_op in (">", ">=") else -1
    closed = comparison.rel_op in (">=", "<=")
    ends: list[Any] = [None, *found.zeros, None]
    holding = [
        _between(low, high, closed)
        for sign, (low, high) in zip(found.signs, pairwise(ends), strict=True)
        if sign == wanted or (closed and sign == 0)
    ]
    alone = [sympy.Eq(z, zero) for zero in _touching(found, wanted)] if closed else []
    return sympy.Or(*holding, *alone)


def _between(low: Any, high: Any, closed: bool) -> Any:
    left = sympy.true if low is None else z >= low if closed else z > low
    right = sympy.true if high is None else z <= high if closed else z < high
    return sympy.And(left, right)


def _touching(found: Turnings, wanted: int) -> list[Expr]:
    """The zeros on neither side of which a sign is the wanted one."""
    sides = zip(found.zeros, pairwise(found.signs), strict=True)
    return [zero for zero, (left, right) in sides if not {wanted, 0} & {left, right}]
