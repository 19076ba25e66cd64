"""Functions on a half line t > 0, rewritten so that what they tend to for large t stands apart from what vanishes.

tanh w = (e^2w - 1)/(e^2w + 1),   log(e^p (c + R)) = p + log c + log1p(R/c),   erf w = 1 - e^(-w²) erfcx w,
atan w = π/2 - atan 1/w,   (e^p (c + R))^q = e^(pq) (c + R)^q,   e^R = 1 + expm1 R  for R that vanishes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sympy
from sympy.codegen.cfunctions import expm1

from chainderiv.functions.elementary import BY_HEAD
from chainderiv.functions.held import held
from chainderiv.functions.rewriting.halfline import Quotient, quotient, t
from chainderiv.functions.rewriting.render import logarithm, rendered
from chainderiv.symbols import Expr, erfcx, normal_cdf, z


def as_quotient(expression: Expr, side: int) -> Quotient:
    """An expression in z, without branches, as a quotient of polynomials in t = side · z > 0; raises Unsuitable."""
    return quotient(rewritten(held(expression).subs(z, side * t)))


def rewritten(e: Expr) -> Expr:
    """An expression in t with every function in the form above."""
    if not e.has(t):
        return e
    if isinstance(e, sympy.tanh):
        # the double, so that tanh(log f) becomes rational in f
        side = _sign(e.args[0])
        double = rewritten(sympy.exp(-2 * side * e.args[0]))
        return side * (1 - double) / (1 + double)
    if type(e) in _RULES:
        return _RULES[type(e)](e)
    row = BY_HEAD.get(type(e))
    if row is not None and row.words is not None:
        return rewritten(row.words(*e.args))
    if e.is_Pow:
        return _power(e)
    return e.func(*(rewritten(argument) for argument in e.args)) if e.args else e


def _exp(e: Expr) -> Expr:
    exponent = sympy.expand(e.args[0])
    plain = [term for term in sympy.Add.make_args(exponent) if term.is_polynomial(t)]
    rest = exponent - sympy.Add(*plain)
    constant, polynomial = sympy.Add(*plain).as_independent(t, as_Add=True)
    out = sympy.exp(constant) * (sympy.exp(polynomial) if polynomial != 0 else 1)
    if rest == 0:
        return out
    inner = quotient(rewritten(rest))
    small = inner.limit is not None and not inner.limit
    return out * (1 + expm1(rendered(inner)) if small else sympy.exp(rendered(inner)))


def _log(e: Expr) -> Expr:
    return logarithm(quotient(rewritten(e.args[0])))


def _power(e: Expr) -> Expr:
    base, exponent = rewritten(e.base), e.exp
    if exponent.is_Integer:
        return base**exponent
    if exponent.has(t) or not exponent.is_Rational:
        return rewritten(sympy.exp(exponent * sympy.log(e.base), evaluate=False)) if exponent.has(t) else base**exponent
    inner = quotient(base)
    if inner.growth == 0:
        return base**exponent
    return sympy.exp(sympy.expand(exponent * inner.growth)) * rendered(inner, growth=False) ** exponent


def _erfc_of(w: Expr) -> Expr:
    """erfc w with the Gaussian taken out of the tail that vanishes; where w does, erf w stays as it is."""
    inner = rewritten(w)
    made = quotient(inner)
    if made.limit is not None and not made.limit:
        return 1 - sympy.erf(rendered(made))
    gaussian = rewritten(sympy.exp(-sympy.expand(w**2)))
    return gaussian * erfcx(inner) if _sign(w) > 0 else 2 - gaussian * erfcx(-inner)


def _normal_cdf(e: Expr) -> Expr:
    return _erfc_of(sympy.expand(-e.args[0] / sympy.sqrt(2))) / 2


def _atan(e: Expr) -> Expr:
    inner = quotient(rewritten(e.args[0]))
    if inner.limit is not None:
        return sympy.atan(rendered(inner))
    sign = _sign(e.args[0])
    return sign * sympy.pi / 2 - sympy.atan(rendered(replace(inner, element=1 / inner.element)))


def _sign(w: Expr) -> int:
    """The sign of an expression for large t; where that cannot be told, 1, and a wrong form is found to be wrong."""
    value = sympy.N(w.subs(t, 300), 15, maxn=1000)
    return -1 if value.is_extended_negative else 1


_RULES: dict[Any, Callable[[Expr], Expr]] = {
    sympy.exp: _exp,
    sympy.log: _log,
    sympy.erf: lambda e: 1 - _erfc_of(e.args[0]),
    sympy.erfc: lambda e: _erfc_of(e.args[0]),
    normal_cdf: _normal_cdf,
    sympy.atan: _atan,
}
