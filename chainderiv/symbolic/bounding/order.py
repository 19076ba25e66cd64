"""Which of two exact real numbers is the larger."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy
from sympy import oo

_DIGITS = (30, 100, 250)


@lru_cache(maxsize=4096)
def compare(one: Any, other: Any) -> int:
    """1, 0 or -1 as one is larger than the other, equal or smaller; either may be infinite.

    Two numbers that algebra cannot part, and that agree on 250 digits, count as equal.

    >>> compare(sympy.sqrt(2), sympy.Rational(3, 2)), compare(sympy.log(4), 2 * sympy.log(2)), compare(-oo, 1)
    (-1, 0, -1)
    """
    if one == other:
        return 0
    one, other = sympy.sympify(one), sympy.sympify(other)
    for infinite, side in ((oo, 1), (-oo, -1)):
        if one == infinite:
            return side
        if other == infinite:
            return -side
    difference = one - other
    for digits in _DIGITS:
        if difference == 0:
            return 0
        found = difference.evalf(digits, maxn=4 * digits)
        scale = max(abs(one.evalf(15)), abs(other.evalf(15)))
        if abs(found) > scale * sympy.Float(10) ** (5 - digits):
            return 1 if found > 0 else -1
        if digits == _DIGITS[0]:
            difference = sympy.simplify(difference)
    return 0
