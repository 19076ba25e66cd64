"""An expression on a half line t > 0 as exp(growth) · numerator/denominator, both polynomials that stay finite.

With u = exp(-r t), g = exp(-c t²), … as generators beside t and whatever else the expression holds, most activations
are rational functions. What dominates for large t is taken out as one exact exponent, so that its logarithm is a
polynomial in t; what is left has powers of u and g alone that vanish, and nothing overflows. The roots, logarithms and
error functions stay generators of their own, rewritten so that they tend to a constant where they can.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd, lcm
from typing import Any

import sympy
from sympy.polys.fields import field

from chainderiv.functions.elementary import ROWS
from chainderiv.symbols import Expr

t = sympy.Symbol("t", positive=True)
# f(R) ~ c R as R vanishes
_PASSING = {row.head: row.near_0 for row in ROWS if row.near_0 is not None}
MOST_POWER, MOST_GENERATORS, MOST_TERMS = 40, 9, 60
LARGE = 25  # terms


class Unsuitable(ValueError):
    """An expression that is no quotient of this kind, or too large a one."""


@dataclass(frozen=True)
class Bounded:
    """A polynomial as exp(-dominant) · (leading + what vanishes)."""

    polynomial: Any  # with the powers of the exponentials that all terms share taken out
    shift: tuple[int, ...]  # the powers of the dominant term within polynomial; all 0 but where g meets 1/u
    dominant_power: tuple[int, ...]  # those of the exponentials in the dominant term of the whole
    leading: Any  # the dominant term's coefficient, a polynomial in the other generators


def bounded(polynomial: Any, count: int) -> Bounded:
    """A polynomial's dominant exponential, taken out; count generators, from the second on, are exponentials."""
    powers = [monomial[1 : 1 + count] for monomial in polynomial]
    if not powers:
        return Bounded(polynomial, (0,) * count, (0,) * count, polynomial)
    common = tuple(min(column) for column in zip(*powers, strict=True))
    dominant = min(powers)  # the exponential of highest degree decides first
    shift = tuple(d - c for d, c in zip(dominant, common, strict=True))
    ring = polynomial.ring
    taken = polynomial.mul_monom((0, *(-c for c in common), *(0,) * (ring.ngens - 1 - count)))
    leading = {(m[0], *(0,) * count, *m[1 + count :]): c for m, c in polynomial.terms() if m[1 : 1 + count] == dominant}
    return Bounded(taken, shift, dominant, ring.from_dict(leading))


def used(element: Any) -> set[int]:
    """The indices of the generators that occur in an element of the field or in a polynomial."""
    parts = [element.numer, element.denom] if hasattr(element, "numer") else [element]
    return {i for p in parts for monomial in p for i, power in enumerate(monomial) if power}


@dataclass(frozen=True)
class Quotient:
    """An element of QQ(t, u, g, …), numerator and denominator coprime, and what each generator stands for."""

    element: Any
    generators: tuple[Expr, ...]  # t first, then the decaying exponentials exp(-r t^d), highest degree first
    rates: tuple[Expr, ...]  # their r t^d, in the same order

    @cached_property
    def numerator(self) -> Bounded:
        """The numerator, its dominant exponential taken out."""
        return bounded(self.element.numer, len(self.rates))

    @cached_property
    def denominator(self) -> Bounded:
        """The denominator, its dominant exponential taken out."""
        return bounded(self.element.denom, len(self.rates))

    @cached_property
    def growth(self) -> Expr:
        """The exponent that is taken out: a polynomial in t."""
        powers = [d - n for n, d in zip(self.numerator.dominant_power, self.denominator.dominant_power, strict=True)]
        return sum((k * rate for k, rate in zip(powers, self.rates, strict=True)), sympy.Integer(0))

    @cached_property
    def limit(self) -> Any | None:
        """The finite limit for t to infinity as an element of the field, where it is read off, else None."""
        if not self.element:
            return self.element
        if self.growth != 0:
            return self.element.field(0) if sympy.Poly(self.growth, t).LC() < 0 else None
        over, under = self._steady(self.numerator.leading), self._steady(self.denominator.leading)
        if not over or not under:
            return self.element.field(0) if under else None
        while over.degree(0) == under.degree(0) and over.degree(0) > 0:
            over, under = (p.coeff_wrt(0, p.degree(0)) for p in (over, under))
        ratio = self.element.field(over) / self.element.field(under)
        if not all(i == 0 or self.generators[i].is_number for i in used(ratio)):
            return None
        if 0 not in used(ratio):
            return ratio
        return self.element.field(0) if over.degree(0) < under.degree(0) else None

    @property
    def is_large(self) -> bool:
        """Whether it is written out in few ways only."""
        return len(self.element.numer) + len(self.element.denom) > LARGE

    def leading(self) -> Quotient | None:
        """With R in place of every log1p(R), expm1(R), … that vanishes: equal where R is below every digit."""
        if not self.small:
            return None
        inner = {self.generators[i]: _PASSING[type(g)] * g.args[0] for i in self.small if (g := self.generators[i])}
        led = quotient(self.expression(self.element).xreplace(inner))
        return led.leading() or led

    def off(self, constant: Any) -> Quotient:
        """(q - c)/c for an element c of the field."""
        return replace(self, element=reduced(self.element - constant, self) / constant)

    def expression(self, element: Any) -> Expr:
        """An element of the field as it stands."""
        names = dict(zip(element.field.symbols, self.generators, strict=True))
        return element.as_expr().xreplace(names)

    @cached_property
    def small(self) -> frozenset[int]:
        """The generators other than exponentials that vanish for large t: log1p, expm1 and atan of what does."""
        return frozenset(i for i, g in enumerate(self.generators) if type(g) in _PASSING and _vanishes(g.args[0]))

    def _steady(self, polynomial: Any) -> Any:
        kept = {m: c for m, c in polynomial.terms() if not any(m[i] for i in self.small)}
        return polynomial.ring.from_dict(kept)


def _vanishes(expression: Expr) -> bool:
    try:
        limit = quotient(expression).limit
    except Unsuitable:
        return False
    return limit is not None and not limit


def quotient(expression: Expr) -> Quotient:
    """The quotient that an expression in t is; raises Unsuitable."""
    rates = _rates(expression)
    opaque = sorted(set(_opaque(expression)), key=sympy.default_sort_key)
    decaying = tuple(sympy.exp(-rate) for rate in rates.values())
    generators = (t, *decaying, *opaque)
    if len(generators) > MOST_GENERATORS:
        raise Unsuitable(f"{len(generators)} generators")
    domain, *elements = field([f"g{i}" for i in range(len(generators))], sympy.QQ)
    known = dict(zip(generators, elements, strict=True))
    raw = Quotient(_element(expression, known, rates, domain), generators, tuple(rates.values()))
    return replace(raw, element=reduced(raw.element, raw))


def _rates(expression: Expr) -> dict[int, Expr]:
    """Degree d -> r t^d such that every exp(c t^d) in the expression is a whole power of exp(-r t^d)."""
    found: dict[int, list[Expr]] = {}
    for exponent in _exponents(expression):
        for (degree,), coefficient in sympy.Poly(exponent, t).terms():
            found.setdefault(degree, []).append(coefficient)
    return {d: _common(found[d]) * t**d for d in sorted(found, reverse=True)}


def _common(coefficients: list[Expr]) -> Expr:
    first = sympy.Abs(coefficients[0])
    ratios = [sympy.cancel(c / first) for c in coefficients]
    if not all(r.is_Rational for r in ratios):
        raise Unsuitable("rates without a common measure")
    common = sympy.Rational(gcd(*(int(r.p) for r in ratios)), lcm(*(int(r.q) for r in ratios)))
    if max(abs(r / common) for r in ratios) > MOST_POWER:
        raise Unsuitable("rates too far apart")
    return first * common


def _is_exponential(e: Expr) -> bool:
    return isinstance(e, sympy.exp) and e.has(t) and e.args[0].is_polynomial(t)


def _exponents(e: Expr) -> Iterator[Expr]:
    if _is_exponential(e):
        yield e.args[0]
    elif e.is_Add or e.is_Mul or (e.is_Pow and e.exp.is_Rational):
        for argument in e.args:
            yield from _exponents(argument)


def _opaque(e: Expr) -> Iterator[Expr]:
    """What stays a generator: roots, numbers that are not rational, and every other function."""
    if e.is_Rational or e == t or _is_exponential(e):
        return
    if e.is_Add or e.is_Mul:
        for argument in e.args:
            yield from _opaque(argument)
    elif e.is_Pow and e.exp.is_Rational:
        if not e.exp.is_Integer:
            yield sympy.Pow(e.base, sympy.Rational(1, e.exp.q))
        yield from _opaque(e.base)
    else:
        yield e


def _element(e: Expr, known: dict[Expr, Any], rates: dict[int, Expr], domain: Any) -> Any:
    if e.is_Rational:
        return domain(sympy.QQ(int(e.p), int(e.q)))
    if e in known:
        return known[e]
    if _is_exponential(e):
        product = domain(1)
        for (degree,), coefficient in sympy.Poly(e.args[0], t).terms():
            power = sympy.cancel(-coefficient * t**degree / rates[degree])
            product *= known[sympy.exp(-rates[degree])] ** int(power)
        return product
    if e.is_Pow:
        power, root = int(e.exp.p), sympy.Pow(e.base, sympy.Rational(1, e.exp.q))
        if abs(power) > MOST_POWER:
            raise Unsuitable("a high power")
        base = _element(e.base, known, rates, domain) if e.exp.q == 1 else known[root]
        return base**power
    parts = [_element(argument, known, rates, domain) for argument in e.args]
    total = domain(0) if e.is_Add else domain(1)
    for part in parts:
        total = total + part if e.is_Add else total * part
        if len(total.numer) + len(total.denom) > MOST_TERMS:
            raise Unsuitable("too many terms")
    return total


def reduced(element: Any, quotient: Quotient) -> Any:
    """The element with every root's power below its index, W^n being the radicand; square roots leave sums below."""
    for i, generator in enumerate(quotient.generators):
        if i in used(element) and generator.is_Pow and generator.exp.is_Rational and not generator.exp.is_Integer:
            element = _reduced_in(element, i, generator, quotient)
    return element


def _reduced_in(element: Any, i: int, generator: Expr, quotient: Quotient) -> Any:
    domain, index = element.field, int(generator.exp.q)
    known = dict(zip(quotient.generators, domain.gens, strict=True))
    rates = {sympy.degree(rate, t): rate for rate in quotient.rates}
    try:
        radicand = _element(generator.base, known, rates, domain)
    except (KeyError, TypeError):  # the radicand holds what this field does not
        return element

    def lowered(polynomial: Any) -> list[Any]:
        parts = [domain(0) for _ in range(index)]
        for monomial, coefficient in polynomial.terms():
            rest = polynomial.ring.from_dict({(*monomial[:i], 0, *monomial[i + 1 :]): coefficient})
            parts[monomial[i] % index] += domain(rest) * radicand ** (monomial[i] // index)
        return parts

    root = domain.gens[i]
    over, under = lowered(element.numer), lowered(element.denom)
    if index == 2 and under[0] and under[1]:
        norm = under[0] ** 2 - under[1] ** 2 * radicand
        over = [over[0] * under[0] - over[1] * under[1] * radicand, over[1] * under[0] - over[0] * under[1]]
        under = [norm, domain(0)]
    top, bottom = (sum((p * root**k for k, p in enumerate(parts)), domain(0)) for parts in (over, under))
    return top / bottom
