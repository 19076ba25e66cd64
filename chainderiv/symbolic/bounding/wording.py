"""An equation, and a value at its root, in the fewest words: exponentials as tanh, and out of a value altogether."""

from __future__ import annotations

import sympy

from chainderiv.functions.simplified import simplified
from chainderiv.functions.turning.root import Root
from chainderiv.symbolic.bounding.exponentials import factored, split
from chainderiv.symbolic.bounding.periodic import WAVES
from chainderiv.symbolic.bounding.value_at import ValueAt
from chainderiv.symbols import Expr, z


def worded(equation: Expr) -> Expr:
    """An equation A + B exp(q) = 0 as (A + B) + (B - A) tanh(q/2) = 0, which has the same zeros, where it is shorter.

    The second is the first over (1 + exp(q))/2, which is positive.

    >>> worded(z * sympy.exp(z) - z - 2 * sympy.exp(z) - 2)
    z*tanh(z/2) - 2
    """
    apart = split(equation)
    if len(apart.moving) != 1 or len(apart.exponents) > 1:
        return equation
    ((t, q),) = apart.moving
    sides = _linear(apart.expression, t)
    if sides is None:
        return equation
    alone, beside = sides
    shorter = sympy.factor(alone + beside) + sympy.factor(beside - alone) * sympy.tanh(q / 2)
    rest = shorter.as_content_primitive()[1]
    rest = -rest if rest.could_extract_minus_sign() else rest
    return rest if sympy.count_ops(rest) < sympy.count_ops(equation) else equation


def value_at(expression: Expr, point: Expr) -> Expr:
    """An expression in z at a number; at a Root, its equation takes the exponentials out, or it is a ValueAt.

    >>> root = Root(z * sympy.tanh(z / 2) - 2, 2, 3)
    >>> value_at((z + sympy.exp(z) + 1) * sympy.exp(z) / (sympy.exp(z) + 1) ** 2, root)
    1/2 + Root(z*tanh(z/2) - 2, 2, 3)/4
    """
    if not isinstance(point, Root):
        value = expression.subs(z, point)
        # sin(2 atan(t)) is 2 t/(1 + t²)
        return simplified(sympy.expand_trig(value) if value.has(sympy.atan) and value.has(*WAVES) else value)
    if not _simple(expression) or not _simple(point.equation):
        return ValueAt(expression, point)
    short = _without_exponentials(expression, point.equation)
    if short is not None:
        return short.subs(z, point)
    return ValueAt(min(expression, factored(expression), key=sympy.count_ops), point)


def _simple(expression: Expr) -> bool:
    """Whether SymPy factors it in no time: few operations, and no long numbers."""
    numbers = expression.atoms(sympy.Rational)
    return bool(sympy.count_ops(expression) < 150 and all(max(abs(n.p), n.q) < 10**5 for n in numbers))


def _without_exponentials(expression: Expr, equation: Expr) -> Expr | None:
    """The expression as a rational function of z at the zeros of an equation A + B exp(q), else None."""
    turned = equation.replace(sympy.tanh, lambda u: (sympy.exp(2 * u) - 1) / (sympy.exp(2 * u) + 1))
    both = split(sympy.Tuple(expression, turned))
    if not both.exponents and expression.is_rational_function(z):
        return expression
    if len(both.moving) != 1 or len(both.exponents) > 1:
        return None
    ((t, _),) = both.moving
    sides = _linear(both.expression[1], t)
    if sides is None or not both.expression[0].is_rational_function(t, z):
        return None
    value = sympy.together(both.expression[0].subs(t, -sides[0] / sides[1]))
    return min(sympy.cancel(value), sympy.factor(value), key=sympy.count_ops)


def _linear(in_t: Expr, t: Expr) -> tuple[Expr, Expr] | None:
    """A and B of A + B t, polynomials in z, where an expression over one denominator has this numerator."""
    above = sympy.numer(sympy.together(in_t))
    if not above.is_polynomial(t, z) or sympy.degree(above, t) != 1:
        return None
    polynomial = sympy.Poly(above, t)
    return polynomial.nth(0), polynomial.nth(1)
