"""The one zero of a formula that is monotone between two numbers, exact where algebra has it."""

from __future__ import annotations

import sympy
from sympy import oo

from chainderiv.symbolic.bounding.exact import exact_zeros
from chainderiv.symbolic.bounding.exponentials import Unproved, fraction
from chainderiv.symbolic.bounding.isolate import factors, root, sign_at
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbolic.bounding.periodic import periodic_zeros
from chainderiv.symbolic.bounding.pieces import between
from chainderiv.symbols import Expr

_NEAR, _MOST_STEPS = 10, 18


def crossing(monotone: Expr, left: Expr, right: Expr, at_left: int, divide: bool = True) -> Expr:
    """Where a formula in z that has the sign at_left beside its left end, and the other beside its right end, is 0.

    It is divided into factors first, unless it is told not to: with a number as long as 1e-300 that takes seconds.

    >>> from chainderiv.symbols import z
    >>> crossing(2 - sympy.exp(z), -oo, oo, 1), crossing(z + sympy.exp(z), -oo, oo, -1)
    (log(2), Root(z + exp(z), -57/100, -14/25))
    """
    parts = [base for base, _ in factors(monotone)] if divide else [_level(monotone)]
    for base in parts:
        for point in exact_zeros(base) or periodic_zeros(base, left, right) or []:
            if compare(left, point) < 0 < compare(right, point):
                return point
    low, high = bracket(monotone, left, right, at_left)
    if low == high:
        return low
    turning = (base for base in parts if sign_at(base, low) != sign_at(base, high))
    return root(next(turning, monotone), low, high)


def _level(monotone: Expr) -> Expr:
    """The numerator alone, but of a formula with erf all: times exp(z²/2) its slope cancels, and is hard to enclose."""
    others = monotone.atoms(sympy.Function) - monotone.atoms(sympy.exp)
    return monotone if others else fraction(monotone)[0]


def bracket(monotone: Expr, left: Expr, right: Expr, at_left: int) -> tuple[Expr, Expr]:
    """Rational numbers on either side of the zero."""
    start = here = between(left, right)
    side = sign_at(monotone, here)
    end = right if side == at_left else left
    for step in range(_MOST_STEPS):
        if side == 0:
            return here, here
        there = _towards(start, end, step)
        beyond = sign_at(monotone, there)
        if beyond != side:
            return (there, there) if beyond == 0 else (here, there) if end == right else (there, here)
        here = there
    raise Unproved(f"the zero of {monotone} between {left} and {right}")


def _towards(start: Expr, end: Expr, step: int) -> Expr:
    """Further towards an end with each step: double the way to infinity, or the bits that are shared with a number."""
    if end in (oo, -oo):
        # an exponential is far out at 1000; a power may have to go to 1e300, and its bits are doubled then
        way = 2 ** (step if step <= _NEAR else _NEAR * 2 ** (step - _NEAR))
        return start + (1 if end == oo else -1) * way * max(1, abs(start))
    bits = 2 ** min(step, _NEAR + 2)
    near = end if end.is_Rational else sympy.Rational(str(end.n(bits // 3 + 30)))
    return near + (start - near) / sympy.Integer(2) ** bits
