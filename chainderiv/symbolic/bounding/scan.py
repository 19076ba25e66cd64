"""What can be seen where nothing can be proved: the changes of sign on a grid."""

from __future__ import annotations

from typing import Any

import sympy

from chainderiv.symbolic.bounding.exponentials import Unproved
from chainderiv.symbolic.bounding.isolate import root, sign_at
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
    before: tuple[Expr, int] | None = None
    for point in grid:
        side = _sign_or_zero(expression, point)
        if side == 0:
            found.append(point)
            before = None
            continue
        if before is not None and before[1] != side:
            found.append(root(expression, before[0], point))
        before = (point, side)
    return found


def _sign_or_zero(expression: Expr, point: Expr) -> int:
    try:
        return sign_at(expression, point)
    except Unproved:
        return 0
