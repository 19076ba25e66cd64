"""How much a formula's own rounding can be: a running error analysis, as a formula in z.

In units of ε, with u the argument and every operation rounded once (Wilkinson 1963, running error analysis):

    E(u + v) = E(u) + E(v) + |u + v|,  E(u v) = |u| E(v) + |v| E(u) + |u v|,  E(f(u)) = |f'(u)| E(u) + |f(u)|.
"""

from __future__ import annotations

import sympy

from chainderiv.functions.elementary import spelling
from chainderiv.symbols import Expr


def rounding(expression: Expr) -> Expr:
    """E, the bound on |computed - exact| in units of ε, of an expression in exact symbols.

    >>> from chainderiv.symbols import z
    >>> rounding(1 - sympy.tanh(z) ** 2).subs(z, 0)
    1
    """
    if expression.is_Integer or expression.is_Symbol or expression == -sympy.oo:  # the logarithm of a stated 0 is exact
        return sympy.Integer(0)
    if expression.is_number:
        return sympy.Abs(expression)
    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*((rounding(value), when) for value, when in expression.args))
    if (spelled := spelling(expression)) is not None:
        return rounding(spelled)
    if isinstance(expression, sympy.Abs):
        return rounding(expression.args[0])
    passed_on = (rounding(u) * sympy.Abs(slope) for u, slope in zip(expression.args, slopes(expression), strict=True))
    return sympy.Abs(expression) + sum(passed_on, sympy.Integer(0))


def slopes(expression: Expr) -> list[Expr]:
    """What each argument's own rounding is multiplied by in the result, but for the sign: the derivative by it."""
    arguments = expression.args
    if expression.is_Add:
        return [sympy.Integer(1) for _ in arguments]
    if expression.is_Mul:
        return [sympy.Mul(*(v for v in arguments if v is not u)) for u in arguments]
    if expression.is_Pow:
        base, exponent = arguments
        if exponent.has(sympy.Symbol):
            return [sympy.Integer(1), sympy.Integer(1)]
        return [exponent * base ** (exponent - 1), sympy.Integer(0)]
    return [expression.fdiff(i) for i in range(1, len(arguments) + 1)]
