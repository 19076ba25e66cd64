"""What a sum of terms c z^k exp(q(z)) does far out: a bound beyond which it has no zero, and limits of quotients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cmp_to_key

import sympy
from flint import arb
from sympy import oo

from chainderiv.functions.enclosing import enclose
from chainderiv.functions.intervals import LINE, Interval, Unenclosed, sign, working_bits
from chainderiv.functions.simplified import simplified
from chainderiv.symbolic.bounding.exponentials import fraction
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbols import Expr, z

_FARTHEST = 2**16
_BITS = 64


@dataclass(frozen=True)
class Term:
    """c z^k exp(q), q a polynomial in z without a constant; c is a number or, as erf(z) is, bounded far out."""

    c: Expr
    k: int
    q: Expr


def terms(expression: Expr) -> tuple[Term, ...]:
    """A sum of such terms taken apart, those of one kind collected."""
    collected: dict[tuple[int, Expr], Expr] = {}
    for part in sympy.Add.make_args(sympy.expand(expression)):
        term = _term(part)
        kind = (term.k, term.q)
        collected[kind] = collected.get(kind, sympy.Integer(0)) + term.c
    kept = ((kind, c) for kind, c in collected.items() if simplified(c) != 0)
    return tuple(Term(c, k, q) for (k, q), c in kept)


def _term(part: Expr) -> Term:
    c, k, q = sympy.Integer(1), 0, sympy.Integer(0)
    for factor in sympy.Mul.make_args(part):
        base, exponent = factor.as_base_exp()
        if base == z and exponent.is_Integer:
            k += int(exponent)
        elif isinstance(factor, sympy.exp) and sympy.sympify(factor.args[0]).is_polynomial(z):
            q += factor.args[0]
        else:
            c *= factor
    q = sympy.expand(q)
    rest = q.subs(z, 0)
    return Term(c * sympy.exp(rest), k, sympy.expand(q - rest))


def squared(q: Expr) -> Expr:
    """A polynomial of degree two as a square and a number, whose enclosure is as narrow as it can be.

    >>> squared(z**2 - 6 * z)
    (z - 3)**2 - 9
    """
    q = sympy.expand(q)
    if sympy.degree(q, z) != 2:
        return q
    a, b, c = sympy.Poly(q, z).all_coeffs()
    return a * (z + b / (2 * a)) ** 2 + c - b**2 / (4 * a)


def growth(term: Term, other: Term) -> int:
    """1, 0 or -1 as |term| outgrows the other towards +∞, keeps pace or falls behind."""
    ahead = sympy.Poly(term.q - other.q, z)
    if ahead.degree() > 0:
        return compare(ahead.LC(), 0)
    return (term.k > other.k) - (term.k < other.k)


def leading(parts: Sequence[Term]) -> Term:
    """The term that outgrows the others towards +∞."""
    return max(parts, key=cmp_to_key(growth))


def no_zero_beyond(expression: Expr, side: int) -> Expr:
    """A power of 2, R, such that the expression has no zero with side · z >= R; raises Unenclosed if none is found.

    The largest term outweighs the others at R, and every other one falls against it from there on.
    """
    turned = expression if side > 0 else expression.subs(z, -z)
    parts = terms(turned)
    radius = 1
    while radius <= _FARTHEST:
        tail = Interval(arb(radius), LINE.high)
        if _outweighed(parts, radius) or sign(enclose(turned, tail, _BITS)) is not None:
            return sympy.Integer(radius)
        radius *= 2
    raise Unenclosed(f"the zeros of {expression} far out")


def _outweighed(parts: tuple[Term, ...], radius: int) -> bool:
    first, total = leading(parts), Interval.of(arb(0))
    tail = Interval(arb(radius), LINE.high)
    for term in parts:
        if term is first:
            continue
        if not _falls(term.k - first.k, term.q - first.q, radius):
            return False
        # one exponential for both constants and both q: each alone may be beyond what an interval holds
        moves = term.c.has(z) or first.c.has(z)
        ratio = (1 if moves else term.c / first.c) * z ** (term.k - first.k) * sympy.exp(sympy.expand(term.q - first.q))
        with working_bits(_BITS):
            size = abs(enclose(ratio.subs(z, radius), tail, _BITS))
            if moves:
                size = size * abs(enclose(term.c, tail, _BITS) / enclose(first.c, tail, _BITS))
            total = total + size
    return bool(total.high < 1 and sign(enclose(first.c, tail, _BITS)))


def _falls(k: int, q: Expr, radius: int) -> bool:
    """Whether z^k exp(q) falls for z >= radius: k + z q' has no positive coefficient in z - radius."""
    shifted = sympy.Poly((k + z * sympy.diff(q, z)).subs(z, z + radius), z)
    return all(enclose(c, LINE, _BITS).high <= 0 for c in shifted.all_coeffs())


def limit(expression: Expr, side: int) -> Expr:
    """lim of an expression in z at side · ∞: from the leading terms of a quotient, else SymPy's (Gruntz 1996).

    >>> limit(z * sympy.exp(z) / (1 + sympy.exp(z)) ** 2, -1)
    0
    """
    turned = expression if side > 0 else expression.subs(z, -z)
    if not turned.has(z):
        return turned
    above, below = (terms(part) for part in fraction(turned))
    if any(term.c.has(z) for term in above + below):
        return sympy.limit(turned, z, oo)
    if not above:
        return sympy.Integer(0)
    first, second = leading(above), leading(below)
    pace, ratio = growth(first, second), first.c / second.c
    if pace == 0:
        return simplified(ratio)
    return sympy.Integer(0) if pace < 0 else oo * compare(ratio, 0)
