"""A quotient on a half line, written out: as a value, and as a logarithm, so that float64 keeps its digits."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.codegen.cfunctions import expm1, log1p

from chainderiv.functions.rewriting.bounded import Bounded, bounded, used
from chainderiv.functions.rewriting.halfline import MOST_TERMS, Quotient, t
from chainderiv.symbols import Expr


def rendered(q: Quotient, near: bool = False, growth: bool = True) -> Expr:
    """exp(growth) · numerator/denominator; near = True writes factors that vanish at t = 0 in expm1."""
    over, under = (_product(part, q, near) for part in (q.numerator, q.denominator))
    return (sympy.exp(q.growth) if growth else 1) * over / under


def logarithm(q: Quotient) -> Expr:
    """log|q| = growth + the logarithms of the factors."""
    total, constant = q.growth, sympy.Integer(1)
    for part, sign in ((q.numerator, 1), (q.denominator, -1)):
        for factor, multiplicity in _factors(part, q):
            number, log = _log_factor(factor, part, q)
            constant *= number ** (sign * multiplicity)
            total += sign * multiplicity * log
    return total + sympy.log(sympy.Abs(constant))


def log_from(q: Quotient, limit: Any, near: bool = False) -> Expr:
    """log|q| = log|c| + log1p((q - c)/c), for q that is near the constant c."""
    c = q.expression(q.element.field(limit))
    return sympy.log(sympy.Abs(c)) + log1p(rendered(q.off(limit), near))


def _factors(part: Bounded, q: Quotient) -> list[tuple[Any, int]]:
    """The factors of a polynomial with their multiplicities, each with a positive leading term, and a number."""
    polynomial = part.polynomial
    if any(part.shift) or len(polynomial) > MOST_TERMS:
        return [(polynomial, 1)]
    number, factors = polynomial.factor_list()
    for i, (factor, multiplicity) in enumerate(factors):
        if bounded(factor, len(q.rates)).leading.LC < 0:
            factors[i] = (-factor, multiplicity)
            number *= (-1) ** multiplicity
    return [(polynomial.ring(number), 1), *factors]


def _product(part: Bounded, q: Quotient, near: bool) -> Expr:
    return sympy.Mul(*(_written(factor, part, q, near) ** k for factor, k in _factors(part, q)))


def _written(polynomial: Any, part: Bounded, q: Quotient, near: bool = False) -> Expr:
    if any(part.shift):
        return _term_by_term(polynomial, part.shift, q)
    if near and _vanishes_at_zero(polynomial, q):
        return _horner(_about_zero(polynomial, q), [expm1(-rate) for rate in q.rates], q)
    return _horner(polynomial, [sympy.exp(-rate) for rate in q.rates], q)


def _term_by_term(polynomial: Any, shift: tuple[int, ...], q: Quotient) -> Expr:
    """Every term with one exponential of its own: g/u² as exp(-t² + 2t), which neither overflows nor is 0/0."""
    terms, count = [], len(shift)
    for monomial, coefficient in polynomial.terms():
        powers = [p - s for p, s in zip(monomial[1 : 1 + count], shift, strict=True)]
        exponent = sum((-k * rate for k, rate in zip(powers, q.rates, strict=True)), sympy.Integer(0))
        bare = (monomial[0], *(0,) * count, *monomial[1 + count :])
        terms.append(_monomial(bare, coefficient, q.generators) * sympy.exp(exponent))
    return sympy.Add(*terms)


def _monomial(powers: tuple[int, ...], coefficient: Any, generators: tuple[Expr, ...]) -> Expr:
    number = sympy.Rational(int(coefficient.numerator), int(coefficient.denominator))
    return number * sympy.Mul(*(g**k for g, k in zip(generators, powers, strict=True)))


def _horner(polynomial: Any, exponentials: list[Expr], q: Quotient) -> Expr:
    """The polynomial nested in its exponentials, one after the other, then in t."""
    generators = list(q.generators)
    generators[1 : 1 + len(exponentials)] = exponentials
    order = [*range(1, 1 + len(exponentials)), 0]
    return _nested(dict(polynomial.terms()), order, tuple(generators))


def _nested(terms: dict[tuple[int, ...], Any], order: list[int], generators: tuple[Expr, ...]) -> Expr:
    if not order:
        return sympy.Add(*(_monomial(m, c, generators) for m, c in terms.items()))
    i, rest = order[0], order[1:]
    by_power: dict[int, dict[tuple[int, ...], Any]] = {}
    for monomial, coefficient in terms.items():
        by_power.setdefault(monomial[i], {})[(*monomial[:i], 0, *monomial[i + 1 :])] = coefficient
    total, above = sympy.Integer(0), max(by_power)
    for power in sorted(by_power, reverse=True):
        total = total * generators[i] ** (above - power) + _nested(by_power[power], rest, generators)
        above = power
    return total * generators[i] ** above


def _vanishes_at_zero(polynomial: Any, q: Quotient) -> bool:
    count = 1 + len(q.rates)
    if any(i >= count for i in used(polynomial)):
        return False
    return bool(sum(c for m, c in polynomial.terms() if m[0] == 0) == 0) and len(polynomial) > 1


def _about_zero(polynomial: Any, q: Quotient) -> Any:
    """The polynomial in e - 1 in place of each exponential e."""
    return polynomial.compose([(e, e + 1) for e in polynomial.ring.gens[1 : 1 + len(q.rates)]])


def _log_factor(factor: Any, part: Bounded, q: Quotient) -> tuple[Expr, Expr]:
    """A number c and log|factor/c|."""
    if any(part.shift):
        return sympy.Integer(1), sympy.log(sympy.Abs(_term_by_term(factor, part.shift, q)))
    if len(factor) == 1:
        (monomial, coefficient), *_ = factor.terms()
        logs = [k * _log_generator(q.generators[i]) for i, k in enumerate(monomial) if k and not _number(i, q)]
        numbers = tuple(k if _number(i, q) else 0 for i, k in enumerate(monomial))
        return _monomial(numbers, coefficient, q.generators), sympy.Add(*logs)
    steady = {m: c for m, c in factor.terms() if all(_number(i, q) for i, k in enumerate(m) if k)}
    if not steady or not _rest_vanishes_or_adds(factor, steady, q):
        return sympy.Integer(1), sympy.log(sympy.Abs(_written(factor, part, q)))
    others = [m for m in factor if m not in steady]
    if len(factor) == 2 and sum(others[0]) == 1 and factor[others[0]] == next(iter(steady.values())):
        small = q.generators[others[0].index(1)]
        if isinstance(small, expm1) and not any(next(iter(steady))):
            return _monomial(next(iter(steady)), next(iter(steady.values())), q.generators), small.args[0]
    number = sympy.Add(*(_monomial(m, c, q.generators) for m, c in steady.items()))
    ring = factor.ring
    rest = _written(ring.from_dict({m: c for m, c in factor.terms() if m not in steady}), part, q)
    return number, log1p(rest / number)


def _number(i: int, q: Quotient) -> bool:
    return bool(q.generators[i].is_number)


def _rest_vanishes_or_adds(factor: Any, steady: dict[Any, Any], q: Quotient) -> bool:
    """Whether factor = c + R with R that vanishes for large t, or c and R of one sign."""
    count = 1 + len(q.rates)
    rest = [(m, c) for m, c in factor.terms() if m not in steady]
    if all(any(m[1:count]) or any(m[i] for i in q.small) for m, _ in rest):
        return True
    positive = all(c > 0 for c in steady.values())
    return positive and all(c > 0 for _, c in rest) and all(i < count or _number(i, q) for i in used(factor))


def _log_generator(generator: Expr) -> Expr:
    if isinstance(generator, sympy.exp):
        return generator.args[0]
    if generator == t:
        return sympy.log(t)
    if generator.is_Pow:
        base = generator.base
        constant = base.as_coeff_Add()[0] if base.is_Add else sympy.Integer(0)
        log = log1p((base - constant) / constant) + sympy.log(constant) if constant.is_positive else sympy.log(base)
        return generator.exp * log
    return sympy.log(sympy.Abs(generator))
