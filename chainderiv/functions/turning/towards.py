"""The sign of an expression from some place on to infinity, proved: by what dominates, or by a derivative's."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction

from flint import arb, fmpq

from chainderiv.functions.intervals import Unenclosed, working_bits
from chainderiv.functions.turning.outward import Outward
from chainderiv.functions.turning.root import derivative
from chainderiv.functions.turning.scales import TooNear
from chainderiv.functions.turning.signs import BITS, sign_at, sign_over
from chainderiv.functions.turning.turnings import Unproved, without_end
from chainderiv.symbols import Expr

OUTERMOST = tuple(Fraction(n) for n in ("1/4", "1/2", 1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 1024, 2**20, 2**30))
TERMS = (2, 4, 8)  # of the sums that are tried, one after the other
MOST_ORDER = 4  # of a derivative that drives the expression


def towards(expression: Expr, side: int, beyond: Fraction | None) -> tuple[Fraction, int]:
    """A place at or outside of another and the one sign from it to infinity; raises Unproved.

    >>> import sympy
    >>> from chainderiv.symbols import z
    >>> towards(sympy.log(1 + sympy.exp(z)) - z, 1, None)
    (Fraction(1, 4), 1)
    """
    starts = [side * size for size in OUTERMOST if beyond is None or size > side * beyond]
    starts = ([] if beyond is None else [beyond]) + starts
    if sign := sign_over(expression, *_outside(side, starts[0])):
        return starts[0], sign
    found = _dominated(expression, side, [s for s in starts if side * s > 0])
    if found is not None:
        return found
    for start in starts:
        if sign := _driven(expression, side, start):
            return start, sign
    raise Unproved(f"its sign far out is not proved{without_end(expression)}")


def _outside(side: int, start: Fraction) -> tuple[Fraction | None, Fraction | None]:
    return (start, None) if side > 0 else (None, start)


def _dominated(expression: Expr, side: int, starts: Sequence[Fraction]) -> tuple[Fraction, int] | None:
    """The innermost start from which on the largest term outweighs what follows it: further out it does so the more."""
    for count in TERMS:
        sign = _dominant(expression, side, starts[-1], count)
        if sign:
            first = bisect_left(starts, True, key=lambda s: _dominant(expression, side, s, count) == sign)
            return starts[first], sign
    return None


def _dominant(expression: Expr, side: int, start: Fraction, count: int) -> int:
    with working_bits(BITS):
        try:
            return Outward(arb(fmpq(*abs(start).as_integer_ratio())), count).sign(expression, side)
        except (TooNear, Unenclosed):
            return 0


def _driven(expression: Expr, side: int, start: Fraction) -> int:
    """The sign from a start to infinity: of the expression, or of a derivative and of all before it at the start."""
    for order in range(MOST_ORDER + 1):
        far = sign_over(derivative(expression, order), *_outside(side, start))
        if not far:
            continue
        # outwards each lower derivative grows away from 0 where it starts with the sign it is driven to
        wanted = [far * side ** (order - k) for k in range(order)]
        if all(sign_at(derivative(expression, k), start) == w for k, w in enumerate(wanted)):
            return wanted[0] if order else far
    return 0
