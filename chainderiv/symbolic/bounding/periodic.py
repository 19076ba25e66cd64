"""Sines and cosines of one angle: the period that they have, and their zeros by algebra in t = tan(angle/2)."""

from __future__ import annotations

from math import gcd, lcm
from typing import Any

import sympy
from sympy import oo
from sympy.simplify.fu import TR8

from chainderiv.functions.simplified import simplified
from chainderiv.functions.turning.root import Enclosed
from chainderiv.symbolic.bounding.exact import polynomial_zeros
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbols import Expr, z

_t = sympy.Dummy("t", real=True)
WAVES = sympy.sin, sympy.cos


def summed(expression: Expr) -> Expr:
    """Products of sines and cosines as sums of them, which shows the shortest period.

    >>> summed(1 + 2 * sympy.sin(z) * sympy.cos(z))
    sin(2*z) + 1
    """
    return TR8(sympy.expand(expression))


def period_of(expression: Expr) -> Expr | None:
    """The period of the size of an expression in which z stands within sines and cosines of commensurable angles alone.

    >>> period_of(sympy.sin(2 * z) + sympy.cos(3 * z)), period_of(sympy.cos(z)), period_of(z + sympy.sin(z))
    (2*pi, pi, None)
    """
    unit = _unit(expression)
    if unit is None:
        return None
    half = sympy.pi / unit
    turned = expression.xreplace({wave: _half_on(wave, unit) for wave in expression.atoms(*WAVES)})
    return half if sympy.expand(turned + expression) == 0 else 2 * half


def _half_on(wave: Expr, unit: Expr) -> Expr:
    return wave if sympy.cancel(_angle(wave)[0] / unit) % 2 == 0 else -wave


def _unit(expression: Expr) -> Expr | None:
    """The largest number of which every angle is a whole multiple, but for what is added to it."""
    waves = expression.atoms(*WAVES)
    if not waves or expression.xreplace(dict.fromkeys(waves, sympy.Integer(1))).has(z):
        return None
    paces = [sympy.diff(wave.args[0], z) for wave in waves]
    if any(not pace.is_number or pace.is_zero or pace.has(Enclosed) for pace in paces):
        return None
    ratios = [sympy.cancel(pace / paces[0]) for pace in paces]
    if not all(ratio.is_Rational for ratio in ratios):
        return None
    share = sympy.Rational(gcd(*(int(abs(r.p)) for r in ratios)), lcm(*(int(r.q) for r in ratios)))
    return abs(paces[0]) * share


def periodic_zeros(expression: Expr, left: Expr, right: Expr) -> list[Expr] | None:
    """Every zero strictly between two numbers, exact; None where algebra has none, or the numbers are infinite.

    >>> sorted(periodic_zeros(sympy.cos(2 * z), 0, 3))
    [pi/4, 3*pi/4]
    """
    unit = _unit(expression)
    if unit is None or {left, right} & {oo, -oo}:
        return None
    waves = expression.atoms(*WAVES)
    pace, rest = _angle(min(waves, key=sympy.default_sort_key))
    shift = rest / pace  # from there sin(2 z + 1) is sin(2 z)
    above = sympy.numer(sympy.together(expression.xreplace({u: _in_t(u, unit, shift) for u in waves})))
    found = polynomial_zeros(above, _t) if above.is_polynomial(_t) and above != 0 else None
    if found is None:
        return None
    first = [2 * sympy.atan(t) / unit - shift for t in found]
    if simplified(expression.subs(z, end := sympy.pi / unit - shift)) == 0:  # t is infinite there
        first.append(end)
    return [p for one in first for p in _repeated(one, 2 * sympy.pi / unit, left, right)]


def _angle(wave: Expr) -> tuple[Expr, Expr]:
    """c and d of sin(c z + d)."""
    pace = sympy.diff(wave.args[0], z)
    return pace, sympy.expand(wave.args[0] - pace * z)


def _in_t(wave: Expr, unit: Expr, shift: Expr) -> Expr:
    """sin or cos of k u z + d by t = tan(u (z + shift)/2): exp(i u z) = (1 + i t)²/(1 + t²)."""
    pace, rest = _angle(wave)
    k, rest = int(sympy.cancel(pace / unit)), sympy.expand(rest - pace * shift)
    cos, sin = sympy.expand((1 + sympy.I * _t) ** (2 * abs(k))).as_real_imag()
    sin = sin if k > 0 else -sin
    if isinstance(wave, sympy.sin):
        cos, sin = sin, -cos
    return (cos * sympy.cos(rest) - sin * sympy.sin(rest)) / (1 + _t**2) ** abs(k)


def _repeated(point: Expr, period: Expr, left: Expr, right: Expr) -> list[Expr]:
    """A number and those that lie periods from it, strictly between two numbers."""
    first, last = (int(sympy.floor(((end - point) / period).n(30))) for end in (left, right))
    every = (sympy.expand(point + n * period) for n in range(first, last + 2))
    return [p for p in every if compare(left, p) < 0 < compare(right, p)]


def repeated(points: Any, period: Expr) -> Any:
    """A finite set of points of one period, and all that lie whole periods from them.

    >>> repeated(sympy.FiniteSet(0), sympy.pi)
    ImageSet(Lambda(n, pi*n), Integers)
    """
    n = sympy.Symbol("n", integer=True)
    sets = [sympy.ImageSet(sympy.Lambda(n, point + n * period), sympy.S.Integers) for point in points.args]
    return sets[0] if len(sets) == 1 else sympy.Union(*sets, evaluate=False)


def of_repeated(places: Any) -> tuple[list[Expr], Expr] | None:
    """The points and the period of such a set; None of another."""
    sets = places.args if isinstance(places, sympy.Union) else (places,)
    if not all(isinstance(one, sympy.ImageSet) or one is sympy.S.Integers for one in sets):
        return None
    each = [one.lamda if isinstance(one, sympy.ImageSet) else sympy.S.IdentityFunction for one in sets]
    return [at(0) for at in each], each[0](1) - each[0](0)
