"""A sum that cancels against a square root, by its conjugate: z + √(z² + 4) is -4/(z - √(z² + 4))."""

from __future__ import annotations

import sympy

from chainderiv.symbols import Expr, z

_root = sympy.Dummy("root", positive=True)


def conjugate(expression: Expr) -> Expr | None:
    """(A + B r)/D with r = √P, P a polynomial in z, as (A² - B² P)/((A - B r) D); None for what is not of that kind.

    >>> conjugate(z + sympy.sqrt(z**2 + 4))
    -4/(z - sqrt(z**2 + 4))
    """
    radicands = {e.base for e in expression.atoms(sympy.Pow) if e.exp.is_Rational and e.exp.q == 2 and e.base.has(z)}
    if len(radicands) != 1:
        return None
    (radicand,) = radicands
    in_root = expression.replace(lambda e: e.is_Pow and e.base == radicand, lambda e: _root ** (2 * e.exp))
    above, below = sympy.fraction(sympy.together(in_root))
    if not (radicand.is_polynomial(z) and above.is_polynomial(z, _root) and below.is_polynomial(z, _root)):
        return None
    parts = [sympy.Integer(0), sympy.Integer(0)]
    for (power,), coefficient in sympy.Poly(above, _root).terms():
        parts[power % 2] += coefficient * radicand ** (power // 2)
    even, odd = map(sympy.expand, parts)
    if odd == 0:
        return None
    norm = sympy.factor(sympy.expand(even**2 - odd**2 * radicand))
    return (norm / ((even - odd * _root) * below)).subs(_root, sympy.sqrt(radicand))
