"""A quotient on a half line, written out: as a value, and as a logarithm, so that float64 keeps its digits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy
from sympy.codegen.cfunctions import expm1, log1p

from chainderiv.functions.rewriting.halfline import MOST_TERMS, Bounded, Quotient, bounded, t, used
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
    generators, count = list(q.generators), 1 + len(q.rates)
    if near and _vanishes_at_zero(polynomial, q):
        # in e - 1 in place of each exponential e
        polynomial = polynomial.compose([(e, e + 1) for e in polynomial.ring.gens[1:count]])
        generators[1:count] = [expm1(-rate) for rate in q.rates]
    return _nested(dict(polynomial.terms()), [*range(1, count), 0], generators)


def _term_by_term(polynomial: Any, shift: tuple[int, ...], q: Quotient) -> Expr:
    """Every term with one exponential of its own: g/u² as exp(-t² + 2t), which neither overflows nor is 0/0."""
    terms, count = [], len(shift)
    for monomial, coefficient in polynomial.terms():
        powers = [p - s for p, s in zip(monomial[1 : 1 + count], shift, strict=True)]
        exponent = sum((-k * rate for k, rate in zip(powers, q.rates, strict=True)), sympy.Integer(0))
        bare = (monomial[0], *(0,) * count, *monomial[1 + count :])
        terms.append(_monomial(bare, coefficient, q.generators) * sympy.exp(exponent))
    return sympy.Add(*terms)


def _monomial(powers: tuple[int, ...], coefficient: Any, generators: Sequence[Expr]) -> Expr:
    number = sympy.Rational(int(coefficient.numerator), int(coefficient.denominator))
    return number * sympy.Mul(*(g**k for g, k in zip(generators, powers, strict=True)))


def horner(coefficients: Mapping[int, Expr], g: Expr) -> Expr:
    """Σ c_k g^k in Horner's form, which steps over the powers that do not occur; raises ValueError where none does.

    >>> horner({3: 5, 1: 2}, t)
    t*(5*t**2 + 2)
    """
    total, above = sympy.Integer(0), max(coefficients)
    for power in sorted(coefficients, reverse=True):
        total = total * g ** (above - power) + coefficients[power]
        above = power
    return total * g**above


def _nested(terms: dict[tuple[int, ...], Any], order: list[int], generators: Sequence[Expr]) -> Expr:
    """A polynomial nested in the generators that order names, one after the other."""
    if not order:
        return sympy.Add(*(_monomial(m, c, generators) for m, c in terms.items()))
    i, rest = order[0], order[1:]
    by_power: dict[int, dict[tuple[int, ...], Any]] = {}
    for monomial, coefficient in terms.items():
        by_power.setdefault(monomial[i], {})[(*monomial[:i], 0, *monomial[i + 1 :])] = coefficient
    return horner({power: _nested(inner, rest, generators) for power, inner in by_power.items()}, generators[i])


def _vanishes_at_zero(polynomial: Any, q: Quotient) -> bool:
    """Whether a polynomial of several terms, in t and the exponentials alone, is 0 at t = 0."""
    alone = len(polynomial) > 1 and max(used(polynomial)) <= len(q.rates)
    return alone and bool(sum(c for m, c in polynomial.terms() if m[0] == 0) == 0)


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
    rest = {m: c for m, c in factor.terms() if m not in steady}
    if not steady or not _vanishes_or_adds(rest, steady, q):
        return sympy.Integer(1), sympy.log(sympy.Abs(_written(factor, part, q)))
    number = sympy.Add(*(_monomial(m, c, q.generators) for m, c in steady.items()))
    ratio = _written(factor.ring.from_dict(rest), part, q) / number
    return number, ratio.args[0] if isinstance(ratio, expm1) else log1p(ratio)


def _number(i: int, q: Quotient) -> bool:
    return bool(q.generators[i].is_number)


def _vanishes_or_adds(rest: dict[Any, Any], steady: dict[Any, Any], q: Quotient) -> bool:
    """Whether the rest vanishes for large t, or has the one sign of what is steady."""
    count = 1 + len(q.rates)
    if all(any(m[1:count]) or any(m[i] for i in q.small) for m in rest):
        return True
    held = all(i < count or _number(i, q) for m in rest for i, power in enumerate(m) if power)
    return held and all(c > 0 for c in (*steady.values(), *rest.values()))


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
