"""What can be seen where nothing can be proved: the changes of sign on a grid, and which numbers look alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy

from chainderiv.functions.turning.root import Enclosed
from chainderiv.symbolic.bounding.exponentials import MOST_TURNS, TooManyTurns, Unproved
from chainderiv.symbolic.bounding.isolate import root, sign_at
from chainderiv.symbolic.bounding.order import proved_order
from chainderiv.symbols import Expr

WINDOW = sympy.Integer(16)
_STEPS = 4096


def zeros(expression: Expr, left: Any, right: Any) -> list[Expr]:
    """The zeros at which an expression changes its sign on a grid from left to right: perhaps not all of them.

    >>> from chainderiv.symbols import z
    >>> zeros(z**2 - z, -4, 4)
    [0, 1]
    """
    grid = (left + (right - left) * sympy.Rational(i, _STEPS) for i in range(1, _STEPS))
    found: list[Expr] = []
    unknown = 0
    before: tuple[Expr, int] | None = None
    for point in grid:
        try:
            side = sign_at(expression, point)
        except Unproved:
            side, unknown = 0, unknown + 1
            if unknown > MOST_TURNS:
                raise Unproved("whether it rises or falls is too little for the digits that are allowed") from None
        if side == 0:
            found.append(point)
        elif before is not None and before[1] != side:
            found.append(root(expression, before[0], point))
        before = (point, side) if side else None
        if len(found) > MOST_TURNS:
            raise TooManyTurns
    return found


def compare(one: Any, other: Any) -> int:
    """As order.compare, but what cannot be told apart counts as equal."""
    return proved_order(one, other) or 0


def alike(values: Iterable[Expr]) -> dict[Expr, Expr]:
    """For each value the one that stands for all that cannot be told from it, in the fewest words.

    >>> from chainderiv.symbols import z
    >>> two = root(z**2 - 4, sympy.Integer(1), sympy.Integer(3))
    >>> alike([two, sympy.Integer(2), sympy.Integer(3)])[two]
    2
    """
    chosen: dict[Expr, Expr] = {}
    # 1, and not cos at a root that is π
    for value in sorted(set(values), key=lambda v: (v.has(Enclosed), sympy.count_ops(v))):
        chosen[value] = next((other for other in chosen.values() if compare(value, other) == 0), value)
    return chosen
