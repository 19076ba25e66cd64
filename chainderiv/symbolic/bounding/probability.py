"""How probable it is that a link w φ'(z) has a size, when w is drawn from N(0, s²): a function of s |φ'(z)|."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy import oo

from chainderiv import symbols
from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.symbolic.bounding.exact_number import exact_number
from chainderiv.symbolic.bounding.exponentials import factored
from chainderiv.symbolic.bounding.landscape import limit_at
from chainderiv.symbolic.bounding.pieces import Piece, plain, slope_at
from chainderiv.symbolic.bounding.wording import value_at
from chainderiv.symbols import Expr


def of_link(neuron: Activation, s: Any, z: Any, of_size: Callable[[Expr], Expr], at_zero: int) -> Expr:
    """The probability as of_size has it of s |φ'(z)|, and as at_zero where φ'(z) = 0.

    >>> from chainderiv.functions.lookup import neuron
    >>> of_link(neuron("relu"), 2, -3, sympy.erf, 0), of_link(neuron("relu"), 2, 3, sympy.erf, 0)
    (0, erf(2))
    """
    spread, point = spread_of(s), exact_number("z", z)

    def probability(size: Expr) -> Expr:
        return sympy.Integer(at_zero) if size == 0 else of_size(spread * size)

    if not point.free_symbols:
        size = _slope_size(neuron, point)
        if not size.is_finite:
            raise BadValue(f"the derivative of {neuron.name!r} at z = {point} is not finite; give another z")
        return probability(size)
    slope = sympy.piecewise_fold(plain(neuron.derivative))
    if not isinstance(slope, sympy.Piecewise):
        return probability(sympy.Abs(factored(slope)).subs(symbols.z, point))
    branches = [
        (probability(sympy.Abs(value).subs(symbols.z, point)), when.subs(symbols.z, point))
        for value, when in slope.args
    ]
    return sympy.Piecewise(*branches)


def spread_of(s: Any) -> Expr:
    """A standard deviation, exactly; raises BadValue for what is none."""
    spread = exact_number("s", s)
    if not spread.free_symbols and not spread > 0:
        raise BadValue(f"s is {s!r}; give a positive standard deviation")
    return spread


def is_finite_at(neuron: Activation, z: Any) -> bool:
    """Whether φ' is finite at a number.

    >>> from chainderiv.functions.lookup import neuron
    >>> is_finite_at(neuron("tanh"), 3)
    True
    """
    return bool(_slope_size(neuron, exact_number("z", z)).is_finite)


def _slope_size(neuron: Activation, z: Any) -> Expr:
    """|φ'(z)| at an exact number, as the formula's own branch has it."""
    expression = slope_at(neuron, z)
    if expression.has(sympy.erf):
        return sympy.Abs(expression.subs(symbols.z, z).replace(sympy.erf, _far_erf))
    # over one denominator: 1 - tanh² would lose its digits
    size = value_at(factored(expression), z)
    if size.is_number and not size.is_finite:
        size = limit_at(expression, Piece(-oo, oo, expression), z)
    return sympy.Abs(size)


def _far_erf(t: Expr) -> Expr:
    """erf(t) by erfc where it is near ±1: 1 + erf(-700) has no digit before the 200,000th."""
    if abs(t) < 1:
        return sympy.erf(t)
    return sympy.erfc(-t) - 1 if t < 0 else 1 - sympy.erfc(t)
