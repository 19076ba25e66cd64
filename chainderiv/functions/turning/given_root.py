"""proved_root(): a number given as the zero of an equation between two others, once it is proved to be that."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy

from chainderiv.functions.intervals import Unenclosed
from chainderiv.functions.turning.flat import BRANCHING
from chainderiv.functions.turning.product import MOST_OPERATIONS
from chainderiv.functions.turning.root import Root
from chainderiv.functions.turning.signs import sign_at
from chainderiv.functions.turning.single import slopes
from chainderiv.functions.turning.turnings import Unproved
from chainderiv.symbols import Expr


def proved_root(equation: Expr, lower: Any, upper: Any) -> Root:
    """The zero of an equation between two rational numbers; raises Unproved where it is not proved to be the only one.

    >>> from chainderiv.symbols import z
    >>> proved_root(sympy.exp(z) + z, -1, 0).n(10)
    -0.5671432904
    """
    left, right = (Fraction(int(end.p), int(end.q)) for end in map(sympy.Rational, (lower, upper)))
    if left >= right or equation.has(sympy.Piecewise, *BRANCHING) or equation.count_ops() > 2 * MOST_OPERATIONS:
        raise Unproved(f"{equation} is not taken between {lower} and {upper}")
    try:
        single = sign_at(equation, left) * sign_at(equation, right) < 0
        if not (single and slopes(equation, 1, left, right)):
            raise Unproved(f"{equation} is not proved to have one zero alone between {lower} and {upper}")
    except Unenclosed as e:
        raise Unproved("it holds a function that has no intervals") from e
    return Root(equation, lower, upper)
