"""Which of two exact real numbers is the larger."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy
from sympy import oo

from chainderiv.errors import BadValue
from chainderiv.functions.enclosing import enclose
from chainderiv.functions.intervals import NOWHERE, Unenclosed, sign
from chainderiv.functions.simplified import simplified
from chainderiv.functions.turning.root import Root
from chainderiv.symbolic.bounding.exponentials import Unproved
from chainderiv.symbolic.bounding.value_at import ValueAt
from chainderiv.symbols import Expr, z

_BITS = (100, 350, 2400)


def compare(one: Any, other: Any) -> int:
    """1, 0 or -1 as one is larger than the other, equal or smaller; either may be infinite.

    Raises Unproved for two numbers that algebra does not show to be one, and 2400 bits not to be two.

    >>> compare(sympy.sqrt(2), sympy.Rational(3, 2)), compare(sympy.log(4), 2 * sympy.log(2)), compare(-oo, 1)
    (-1, 0, -1)
    """
    found = proved_order(one, other)
    if found is None:
        raise Unproved(f"{one} and {other} cannot be told apart")
    return found


@lru_cache(maxsize=4096)
def proved_order(one: Any, other: Any) -> int | None:
    """What compare tells where the sign of the difference is proved by an enclosure, else None."""
    one, other = sympy.sympify(one), sympy.sympify(other)
    if one == other:
        return 0
    for infinite, side in ((oo, 1), (-oo, -1)):
        if one == infinite:
            return side
        if other == infinite:
            return -side
    difference = one - other
    if difference.is_Rational:
        return int(sympy.sign(difference))
    for bits in _BITS:
        found = _sign(difference, bits)
        if found is not None:
            return found
        if bits == _BITS[1]:
            if _is_0_everywhere(difference):
                return 0
            difference = simplified(difference)
    return None


def _is_0_everywhere(difference: Expr) -> bool:
    """Whether it is made of values at one and the same root, and is 0 whatever number that is."""
    values = difference.atoms(ValueAt)
    roots = {value.root for value in values} | difference.atoms(Root)
    if len(roots) != 1 or not values:
        return False
    return bool(simplified(difference.xreplace({v: v.expression for v in values} | dict.fromkeys(roots, z))) == 0)


def _sign(difference: Expr, bits: int) -> int | None:
    try:
        return sign(enclose(difference, NOWHERE, bits))
    except Unenclosed as e:
        raise BadValue(f"the sign of {difference} cannot be proved: it holds {e}; give another number") from e
