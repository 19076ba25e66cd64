"""How much a formula's own rounding can be: a running error analysis, as a formula in z.

In units of ε, with u the argument and every operation rounded once (Wilkinson 1963, running error analysis):

    E(u + v) = E(u) + E(v) + |u + v|,  E(u v) = |u| E(v) + |v| E(u) + |u v|,  E(f(u)) = |f'(u)| E(u) + |f(u)|.

What a complex step φ(z + ih) carries in its imaginary parts is the slope u' of every part u, as forward differentiation
does, and the terms of a slope may cancel where those of φ do not. With f_i and f_ij the derivatives of one operation
f(u_1, u_2, …) by its arguments, its slope is off by

    T(f) = Σ_i |f_i| T(u_i) + Σ_ij |f_ij| E(u_j) |u_i'| + Σ_i |f_i u_i'|.

An imaginary part that underflows is off by up to half of float64's smallest number, whatever its size: with F for how
many such numbers the result is off by, F(f) = 1 + Σ_i |f_i| F(u_i).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import sympy

from chainderiv.functions.elementary import BY_HEAD, spelling
from chainderiv.symbols import Expr, z


@lru_cache(maxsize=2048)
def rounding(expression: Expr) -> Expr:
    """E, the bound on |computed - exact| in units of ε, of an expression in exact symbols.

    >>> from chainderiv.symbols import z
    >>> rounding(1 - sympy.tanh(z) ** 2).subs(z, 0)
    1
    """
    return _followed(expression, _size)


def underflow(expression: Expr) -> Expr:
    """F, the bound on what parts of φ(z + ih) that underflow make of its imaginary part, in float64's smallest number.

    >>> underflow(1000 * sympy.exp(2 * z)).subs(z, 0)
    2001
    """
    return _followed(expression, lambda part: sympy.Integer(1))


def _followed(expression: Expr, own: Callable[[Expr], Expr]) -> Expr:
    """The sum over all parts of an expression of a part's own rounding times its slopes up to the whole."""
    known: dict[Expr, Expr] = {}
    waiting = [expression]
    while waiting:  # every part once, after its own parts: no nest is too deep
        part = waiting[-1]
        missing = [u for u in _rounded_before(part) if u not in known]
        if not missing:
            known[part] = _of_parts(part, known, own)
            waiting.pop()
        waiting += missing
    return known[expression]


def _rounded_before(part: Expr) -> list[Expr]:
    if part.is_number or part.is_Symbol or isinstance(part, sympy.sign):
        return []
    if isinstance(part, sympy.Piecewise):
        return [value for value, _ in part.args]
    spelled = spelling(part)
    return list(part.args) if spelled is None else [spelled]


def _of_parts(part: Expr, known: dict[Expr, Expr], own: Callable[[Expr], Expr]) -> Expr:
    # the logarithm of a stated 0 is exact, and so is a sign where there is one
    if part.is_Integer or part.is_Symbol or part == -sympy.oo or isinstance(part, sympy.sign):
        return sympy.Integer(0)
    if part.is_number:
        return sympy.Abs(own(part))
    if isinstance(part, sympy.Piecewise):
        return sympy.Piecewise(*((known[value], when) for value, when in part.args))
    if (spelled := spelling(part)) is not None:
        return known[spelled]
    if isinstance(part, sympy.Abs):
        return known[part.args[0]]
    passed_on = (known[u] * _size(slope) for u, slope in zip(part.args, slopes(part), strict=True) if known[u] != 0)
    return own(part) + sum(passed_on, sympy.Integer(0))


def _size(expression: Expr) -> Expr:
    """|expression|, taken factor by factor; SymPy would look through all of a sum for its sign, or take 1e-300 out."""
    if expression.is_Mul:
        return sympy.Mul(*map(_size, expression.args))
    if expression.is_Pow and expression.exp.is_Rational:
        return _size(expression.base) ** expression.exp
    row = BY_HEAD.get(type(expression))
    if row is not None and row.positive:
        return expression
    return sympy.Abs(expression, evaluate=not expression.is_Add)


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


@lru_cache(maxsize=2048)
def slope_rounding(expression: Expr) -> Expr:
    """T, the bound on |Im φ(z + ih)/h - φ'(z)| in units of ε, a few operations counting as one.

    >>> from chainderiv.symbols import z
    >>> slope_rounding(z / (1 + z)).subs(z, 0), slope_rounding(1 / (1 + sympy.exp(-z))).subs(z, 0)
    (3, 7/4)
    """
    if expression == z or not expression.has(z):
        return sympy.Integer(0)
    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*((slope_rounding(value), when) for value, when in expression.args))
    if isinstance(expression, sympy.Abs):
        return slope_rounding(expression.args[0])
    places = {u: sympy.Dummy(real=True) for u in expression.args if u.has(z)}
    node = expression.func(*(places.get(u, u) for u in expression.args))
    back, total = {place: u for u, place in places.items()}, sympy.Integer(0)
    for u, place in places.items():
        slope, along = node.diff(place), sympy.Abs(u.diff(z))
        by_value = (sympy.Abs(slope.diff(other)) * rounding(v) for v, other in places.items())
        passed_on = sum(by_value, _powers(node) * sympy.Abs(slope)) * along + sympy.Abs(slope) * slope_rounding(u)
        total += passed_on.xreplace(back)
    return total


def _powers(node: Expr) -> Expr:
    """How many roundings an operation is: |p log u| more of u^p, whose exponential may be taken of a logarithm."""
    exponent = node.exp if node.is_Pow else 1
    plain = exponent in (1, -1, 2, sympy.Rational(1, 2), -sympy.Rational(1, 2))
    return sympy.Integer(1) if plain else 1 + sympy.Abs(exponent * sympy.log(sympy.Abs(node.base)))
