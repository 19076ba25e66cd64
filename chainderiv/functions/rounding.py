"""How much a formula's own rounding can be: a running error analysis, as a formula in z.

In units of ε, with u the argument and every operation rounded once (Wilkinson 1963, running error analysis):

    E(u + v) = E(u) + E(v) + |u + v|,  E(u v) = |u| E(v) + |v| E(u) + |u v|,  E(f(u)) = |f'(u)| E(u) + |f(u)|.
"""

from __future__ import annotations

import sympy

from chainderiv.symbols import Expr


def rounding(expression: Expr) -> Expr:
    """E, the bound on |computed - exact| in units of ε, of an expression in exact symbols.

    >>> from chainderiv.symbols import z
    >>> rounding(1 - sympy.tanh(z) ** 2).subs(z, 0)
    1
    """
    if expression.is_Integer or expression.is_Symbol:
        return sympy.Integer(0)
    if expression.is_number:
        return sympy.Abs(expression)
    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*((rounding(value), when) for value, when in expression.args))
    if isinstance(expression, sympy.Abs):
        return rounding(expression.args[0])
    return sympy.Abs(expression) + sum(_passed_on(expression), sympy.Integer(0))


def _passed_on(expression: Expr) -> list[Expr]:
    """What each argument's own rounding becomes in the result."""
    arguments = expression.args
    if expression.is_Add:
        return [rounding(u) for u in arguments]
    if expression.is_Mul:
        rest = [sympy.Mul(*(v for v in arguments if v is not u)) for u in arguments]
        return [rounding(u) * sympy.Abs(others) for u, others in zip(arguments, rest, strict=True)]
    if expression.is_Pow:
        base, exponent = arguments
        if exponent.has(sympy.Symbol):
            return [rounding(base) + rounding(exponent)]
        return [rounding(base) * sympy.Abs(exponent * base ** (exponent - 1))]
    return [rounding(u) * sympy.Abs(expression.fdiff(i)) for i, u in enumerate(arguments, start=1)]
