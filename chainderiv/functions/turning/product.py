"""smooth(): every z at which a smooth expression changes its sign, proved to be all of them.

The zeros of a product are those of its factors, a power has its base's, and an odd function its argument's: each
factor is taken by itself, and a factor of even multiplicity does not change the sign.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import sympy

from chainderiv.functions.elementary import ROWS
from chainderiv.functions.enclosing import enclose
from chainderiv.functions.intervals import NOWHERE, Unenclosed, sign
from chainderiv.functions.turning.root import compared
from chainderiv.functions.turning.signs import BITS
from chainderiv.functions.turning.single import MOST_ZEROS, single
from chainderiv.functions.turning.turnings import Turnings, Unproved
from chainderiv.symbols import Expr, z

MOST_OPERATIONS = 60
_ODD = tuple(row.head for row in ROWS if row.odd)  # 0 where their argument is and only there
_POSITIVE = (sympy.exp, sympy.cosh, *(row.head for row in ROWS if row.positive))


def smooth(expression: Expr, low: Expr = None, high: Expr = None) -> Turnings:
    """The zeros of a smooth expression in z between two numbers, both of them included, and its signs between them.

    None is infinity; before a zero at an end stands a sign too. Raises Unproved where it is not proved that there is no
    other zero.

    >>> smooth(z * sympy.tanh(sympy.exp(z) - z - 2) ** 2).signs
    (-1, -1, 1, 1)
    >>> smooth(z**3 - z, sympy.Integer(0)).zeros
    (0, 1)
    """
    if expression.count_ops() > MOST_OPERATIONS:
        raise Unproved(f"it is of more than {MOST_OPERATIONS} operations")
    try:
        return _product([(_factor(factor, low, high), power) for factor, power in _factors(expression)])
    except Unenclosed as e:
        raise Unproved("it holds a function that has no intervals") from e


def _factors(e: Expr) -> Iterator[tuple[Expr, int]]:
    """The factors of an expression that may be 0 or negative, each with a power, which may be a negative one."""
    if e.is_Mul:
        for part in e.args:
            yield from _factors(part)
    elif e.is_Pow and e.exp.is_Integer:
        yield from ((factor, power * int(e.exp)) for factor, power in _factors(e.base))
    elif isinstance(e, _ODD):
        yield from _factors(e.args[0])
    elif not e.has(z):
        yield e, 1
    elif not isinstance(e, _POSITIVE):
        common = sympy.factor_terms(e) if e.is_Add else e
        if common.is_Mul and sum(part.has(z) for part in common.args) > 1:
            yield from _factors(common)
        else:
            yield e, 1


def _factor(e: Expr, low: Expr, high: Expr) -> Turnings:
    return single(e, low, high) if e.has(z) else Turnings((), (_sign(e),))


def _sign(number: Expr) -> int:
    found = sign(enclose(number, NOWHERE, BITS))
    if not found:
        raise Unproved(f"the sign of {number} does not show")
    return found


def _product(factors: list[tuple[Turnings, int]]) -> Turnings:
    """The zeros of a product, and its signs."""
    if any(found.zeros and power < 0 for found, power in factors):
        raise Unproved("it divides by what is 0 somewhere")
    zeros = list(dict.fromkeys(zero for found, _ in factors for zero in found.zeros))
    if len(zeros) > MOST_ZEROS:
        raise Unproved(f"it is 0 at more than {MOST_ZEROS} places")
    zeros.sort(key=float)
    for one, other in pairwise(zeros):
        if compared(one, other) >= 0:
            raise Unproved(f"two zeros near z = {float(one):.6g} are not in order")
    signs = [1] * (len(zeros) + 1)
    for found, power in factors:
        places = [-1, *(zeros.index(zero) for zero in found.zeros), len(zeros)]
        for own, (left, right) in zip(found.signs, pairwise(places), strict=True):
            for k in range(left + 1, right + 1):
                signs[k] *= own ** abs(power)
    return Turnings(tuple(zeros), tuple(signs))
