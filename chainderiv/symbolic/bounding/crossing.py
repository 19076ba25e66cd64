"""The one zero of a formula that is monotone between two numbers, exact where algebra has it."""

from __future__ import annotations

from sympy import oo

from chainderiv.functions.activation import Expr
from chainderiv.symbolic.bounding.exact import exact_zeros
from chainderiv.symbolic.bounding.exponentials import Unproved
from chainderiv.symbolic.bounding.isolate import factors, root, sign_at
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbolic.bounding.pieces import between

_MOST_STEPS = 5000


def crossing(monotone: Expr, left: Expr, right: Expr, at_left: int) -> Expr:
    """Where a formula in z that has the sign at_left beside its left end, and the other beside its right end, is 0.

    >>> import sympy
    >>> from chainderiv.symbols import z
    >>> crossing(2 - sympy.exp(z), -oo, oo, 1), crossing(z + sympy.exp(z), -oo, oo, -1)
    (log(2), Root(z + exp(z), -57/100, -14/25))
    """
    parts = [base for base, _ in factors(monotone)]
    for base in parts:
        for point in exact_zeros(base) or []:
            if compare(left, point) < 0 < compare(right, point):
                return point
    low, high = bracket(monotone, left, right, at_left)
    if low == high:
        return low
    turning = (base for base in parts if sign_at(base, low) != sign_at(base, high))
    return root(next(turning, monotone), low, high)


def bracket(monotone: Expr, left: Expr, right: Expr, at_left: int) -> tuple[Expr, Expr]:
    """Rational numbers on either side of the zero."""
    here = between(left, right)
    side = sign_at(monotone, here)
    end = right if side == at_left else left
    for _ in range(_MOST_STEPS):
        if side == 0:
            return here, here
        there = _towards(here, end)
        if sign_at(monotone, there) != side:
            if sign_at(monotone, there) == 0:
                return there, there
            return (here, there) if end == right else (there, here)
        here = there
    raise Unproved(f"the zero of {monotone} between {left} and {right}")


def _towards(here: Expr, end: Expr) -> Expr:
    if end in (oo, -oo):
        return here + (1 if end == oo else -1) * max(1, abs(here))
    return between(*sorted((here, end)))
