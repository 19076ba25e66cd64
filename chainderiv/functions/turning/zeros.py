"""turnings(): every z at which a smooth expression changes its sign, proved to be all of them.

The zeros of a product are those of its factors, a power has its base's, and an odd function its argument's: each
factor is taken by itself, and a factor of even multiplicity does not change the sign.
"""

from __future__ import annotations


from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import sympy

from chainderiv.functions.elementary import ROWS
from chainderiv.functions.enclosing import enclose
from chainderiv.functions.intervals import NOWHERE, Unenclosed
from chainderiv.functions.turning.root import Root
from chainderiv.functions.turning.signs import FINE, sign_at, sign_over
from chainderiv.functions.turning.single import MOST_ZEROS, single
from chainderiv.functions.turning.turnings import Turnings, Unproved
from chainderiv.symbols import Expr, z

MOST_OPERATIONS = 60
_BRANCHING = tuple(row.head for row in ROWS if row.branches)
_ODD = tuple(row.head for row in ROWS if row.odd)  # 0 where their argument is and only there
_POSITIVE = (sympy.exp, sympy.cosh, *(row.head for row in ROWS if row.positive))


def turnings(expression: Expr) -> Turnings:
    """The zeros of a smooth expression in z, and its signs between them.

    Raises Unproved where it is not proved that there is no other zero.

    >>> turnings(2 * (sympy.exp(z / 2) - 1))
    Turnings(zeros=(0,), signs=(-1, 1))
    >>> turnings(sympy.exp(z) - 2).zeros, turnings(z**3 - z).signs
    ((log(2),), (-1, 1, -1, 1))
    >>> turnings(z * sympy.tanh(sympy.exp(z) - z - 2) ** 2).signs
    (-1, -1, 1, 1)
    """
    # across a jump of a derivative the proof would not hold
    if expression.has(sympy.Piecewise, *_BRANCHING):
        raise Unproved("it branches itself")
    if expression.count_ops() > MOST_OPERATIONS:
        raise Unproved(f"it is of more than {MOST_OPERATIONS} operations")
    try:
        return _product([(single(factor), power) for factor, power in _factors(expression)])
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
    elif not (isinstance(e, _POSITIVE) or e.is_positive):
        common = sympy.factor_terms(e) if e.is_Add else e
        if common.is_Mul and sum(part.has(z) for part in common.args) > 1:
            yield from _factors(common)
        else:
            yield e, 1


def _product(factors: list[tuple[Turnings, int]]) -> Turnings:
    """The zeros of a product, and its signs."""
    zeros = list(dict.fromkeys(zero for found, _ in factors for zero in found.zeros))
    if len(zeros) > MOST_ZEROS:
        raise Unproved(f"it is 0 at more than {MOST_ZEROS} places")
    zeros.sort(key=float)
    for one, other in pairwise(zeros):
        if not enclose(one, NOWHERE, FINE).high < enclose(other, NOWHERE, FINE).low:
            raise Unproved(f"two zeros near z = {float(one):.6g} are not told apart")
    signs = [1] * (len(zeros) + 1)
    for found, power in factors:
        places = [-1, *(zeros.index(zero) for zero in found.zeros), len(zeros)]
        for sign, (left, right) in zip(found.signs, pairwise(places), strict=True):
            for k in range(left + 1, right + 1):
                signs[k] *= sign ** abs(power)
    return Turnings(tuple(zeros), tuple(signs))


def proved_root(equation: Expr, lower: Any, upper: Any) -> Root:
    """The zero of an equation between two rational numbers; raises Unproved where it is not proved to be the only one.

    >>> proved_root(sympy.exp(z) + z, -1, 0).n(10)
    -0.5671432904
    """
    left, right = (Fraction(int(end.p), int(end.q)) for end in map(sympy.Rational, (lower, upper)))
    if left >= right or equation.has(sympy.Piecewise, *_BRANCHING) or equation.count_ops() > 2 * MOST_OPERATIONS:
        raise Unproved(f"{equation} is not taken between {lower} and {upper}")
    try:
        single = sign_at(equation, left) * sign_at(equation, right) < 0
        if not (single and sign_over(equation.diff(z), left, right)):
            raise Unproved(f"{equation} is not proved to have one zero alone between {lower} and {upper}")
    except Unenclosed as e:
        raise Unproved("it holds a function that has no intervals") from e
    return Root(equation, lower, upper)
