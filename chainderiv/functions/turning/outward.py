"""An expression for t >= R > 0 as a sum of scales with exact coefficients, and a remainder that is bounded there.

A Taylor model (Makino and Berz 2003) about infinity: what cancels does so exactly, as in log(1 + e^t) - t = e^-t - …,
and every remainder is Lagrange's, or that of an enveloping series, in balls. What has no finite limit goes by

exp(q(t) + w) = e^q e^w,   log(c m (1 + w)) = log c + log m + log(1 + w),   (c m (1 + w))^r = c^r m^r (1 + w)^r,
erf w = 1 - e^(-w²) erfcx w,   atan w = π/2 - atan 1/w,   with m a scale and w what vanishes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from math import factorial
from typing import Any

import sympy
from flint import arb

from chainderiv.functions.elementary import BY_HEAD
from chainderiv.functions.enclosing import enclose
from chainderiv.functions.heads import cbrt
from chainderiv.functions.intervals import Ball, Interval
from chainderiv.functions.turning.root import derivative
from chainderiv.functions.turning.scales import LOG, ONE, Scale, TooNear, descending, exponential, sign_of, size
from chainderiv.symbols import Expr, erfcx, normal_cdf, z

BITS = 128

_ZERO, _ONE, _TWO = (sympy.Integer(n) for n in range(3))


@dataclass(frozen=True)
class Sum:
    """Σ c m + (a function within a ball) · scale; the exact terms are larger than that scale."""

    terms: dict[Scale, Expr] = field(default_factory=dict)
    rest: tuple[Scale, Ball] | None = None

    @property
    def limit(self) -> Expr | None:
        """What it tends to, 0 where that is within the remainder; None where it grows without end."""
        scales = [*self.terms, *([self.rest[0]] if self.rest else [])]
        return None if any(m.tends > 0 for m in scales) else self.terms.get(ONE, _ZERO)


@dataclass(frozen=True)
class Outward:
    """The arithmetic of such sums from a start on, with so many terms."""

    start: Ball
    most: int  # of the exact terms of a sum, and of a Taylor polynomial

    def sign(self, expression: Expr, side: int) -> int:
        """1 or -1 where an expression in z has that sign all over side · z >= start; raises TooNear else."""
        found = self.of(expression, side, {})
        scale, number = self.leading(found)
        total = size(number) + self._bounded(
            Sum({m: c for m, c in found.terms.items() if m != scale}, found.rest), scale
        )
        if not (total > 0 or total < 0):
            raise TooNear("what follows the first term outweighs it")
        return 1 if total > 0 else -1

    def of(self, e: Expr, side: int, known: dict[Expr, Sum]) -> Sum:
        """The sum that an expression in z = side · t is."""
        if e not in known:
            known[e] = self._made(e, side, known)
        return known[e]

    def _made(self, e: Expr, side: int, known: dict[Expr, Sum]) -> Sum:
        if not e.has(z):
            return constant(e)
        if e == z:
            return Sum({Scale(power=_ONE): sympy.Integer(side)})
        if e.is_Pow and e.exp.has(z) and e.base != sympy.E:
            return self.of(sympy.exp(e.exp * sympy.log(e.base), evaluate=False), side, known)
        if e.is_Pow and e.base != sympy.E:
            return self.power(self.of(e.base, side, known), e.exp)
        parts = [self.of(part, side, known) for part in (e.args[-1:] if e.is_Pow else e.args)]
        if e.is_Add:
            return self.add(*parts)
        if e.is_Mul:
            return reduce(self.times, parts)
        head = sympy.exp if e.is_Pow else e.func
        if head in _RULES:
            return _RULES[head](self, parts[0])
        row = BY_HEAD.get(head)
        if row is not None and len(parts) == 1 and parts[0].limit is not None:
            return self.taylor(head(z), parts[0])
        if row is not None and row.words is not None:
            return self.of(row.words(*e.args), side, known)
        raise TooNear(f"{head} far out")

    # ---- sums

    def add(self, *sums: Sum) -> Sum:
        """Their sum."""
        terms: dict[Scale, Expr] = {}
        for one in sums:
            for m, c in one.terms.items():
                terms[m] = _plain(terms[m] + c) if m in terms else c
        return self._kept(terms, [one.rest for one in sums if one.rest])

    def times(self, one: Sum, other: Sum) -> Sum:
        """Their product."""
        terms: dict[Scale, Expr] = {}
        for m, c in one.terms.items():
            for n, d in other.terms.items():
                scale, number = m * n, _plain(c * d)
                terms[scale] = _plain(terms[scale] + number) if scale in terms else number
        rests = [*_parts(one, other.rest), *_parts(other, one.rest)]
        if one.rest and other.rest:
            rests.append((one.rest[0] * other.rest[0], one.rest[1] * other.rest[1]))
        return self._kept(terms, rests)

    def scaled(self, one: Sum, number: Expr, by: Scale = ONE) -> Sum:
        """number · by · a sum."""
        return self.times(one, Sum({by: number}))

    def _kept(self, terms: dict[Scale, Expr], rests: list[tuple[Scale, Ball]]) -> Sum:
        """The largest terms exact, the others and every remainder in one remainder."""
        ordered = descending(m for m, c in terms.items() if c != 0)
        rests = rests + [(m, size(terms[m])) for m in ordered[self.most :]]
        if not rests:
            return Sum({m: terms[m] for m in ordered})
        largest = descending(m for m, _ in rests)[0]
        exact = [m for m in ordered[: self.most] if (m / largest).tends > 0]
        rests += [(m, size(terms[m])) for m in ordered[: self.most] if m not in exact]
        total = sum((b * self._range(m / largest) for m, b in rests), arb(0))
        return Sum({m: terms[m] for m in exact}, (largest, total))

    def _range(self, scale: Scale) -> Ball:
        """The values of a scale that vanishes, or is 1."""
        return arb(1) if scale == ONE else arb(0).union(scale.most(self.start))

    def _bounded(self, one: Sum, by: Scale = ONE) -> Ball:
        """The values of a sum divided by a scale that is no smaller."""
        parts = [*((m, size(c)) for m, c in one.terms.items()), *([one.rest] if one.rest else [])]
        return sum((b * self._range(m / by) for m, b in parts), arb(0))

    def leading(self, one: Sum) -> tuple[Scale, Expr]:
        """The largest term."""
        if not one.terms:
            raise TooNear("nothing but a remainder")
        first = descending(one.terms)[0]
        return first, one.terms[first]

    # ---- functions

    def taylor(self, f: Expr, one: Sum) -> Sum:
        """f, in z, of a sum with a limit c: Σ f⁽ᵏ⁾(c) wᵏ/k! and Lagrange's remainder, the sum being c + w."""
        limit = one.limit
        if limit is None:
            raise TooNear("a limit that is not finite")
        w = Sum({m: c for m, c in one.terms.items() if m != ONE}, one.rest)
        within = self._bounded(w).union(arb(0)) + size(limit)
        wide = enclose(derivative(f, self.most), Interval(within.lower(), within.upper()), BITS)
        last = wide.ball() / factorial(self.most)
        if not last.is_finite():
            raise TooNear("a remainder without a bound")
        total, power = constant(_coefficient(f, 0, limit)), w
        for k in range(1, self.most):
            total, power = self.add(total, self.scaled(power, _coefficient(f, k, limit))), self.times(power, w)
        return self.add(total, self.times(power, Sum({}, (ONE, last))))

    def relative(self, one: Sum) -> tuple[Expr, Scale, Sum]:
        """c, m and w of a sum c m (1 + w)."""
        m, c = self.leading(one)
        w = self.scaled(one, 1 / c, m**-_ONE)
        return c, m, Sum({n: d for n, d in w.terms.items() if n != ONE}, w.rest)

    def power(self, one: Sum, exponent: Expr) -> Sum:
        """A sum to a power that is a number."""
        c, m, w = self.relative(one)
        if sign_of(c) < 0 and not exponent.is_Integer:
            raise TooNear("a root of what is negative")
        return self.scaled(self.taylor((1 + z) ** exponent, w), c**exponent, m**exponent)

    def exp(self, one: Sum) -> Sum:
        """e to a sum, of which what grows is a sum of powers of t, and of log t."""
        rates, power, factor, small = dict[Expr, Expr](), _ZERO, _ONE, dict[Scale, Expr]()
        for m, c in one.terms.items():
            if m.tends < 0:
                small[m] = c
            elif m == ONE:
                factor = sympy.exp(c)
            elif m == LOG:
                power = c
            elif not m.rates and m.logs == 0:
                rates[m.power] = -c
            else:
                raise TooNear("an exponential of what is no power")
        return self.scaled(self.taylor(sympy.exp(z), Sum(small, one.rest)), factor, exponential(rates, power))

    def log(self, one: Sum) -> Sum:
        """The logarithm of a sum that is positive."""
        c, m, w = self.relative(one)
        if sign_of(c) < 0 or m.logs != 0:
            raise TooNear("a logarithm of a logarithm, or of what is negative")
        if m.power != 0 and not self.start > 1:
            raise TooNear("the logarithm of t, which is a scale from t = 1 on")
        grown = {Scale(power=d): -r for d, r in m.rates} | ({LOG: m.power} if m.power != 0 else {})
        number = constant(sympy.log(c))
        return self.add(Sum(grown), number, self.taylor(sympy.log(1 + z), w))

    def side(self, one: Sum) -> int:
        """The sign of a sum that grows without end."""
        return sign_of(self.leading(one)[1])

    def erfcx(self, one: Sum) -> Sum:
        """erfcx w ~ Σ (-1)^k (2k - 1)!!/(2 w²)^k/(√π w), of which each partial sum is nearer than the next term.

        That is for w > 0; erfcx(-w) = 2 e^(w²) - erfcx w.
        """
        if self.side(one) < 0:
            twice = self.scaled(self.exp(self.times(one, one)), _TWO)
            return self.add(twice, self.scaled(self.erfcx(self.scaled(one, -_ONE)), -_ONE))
        inverse = self.power(one, -_ONE)
        squared = self.scaled(self.times(inverse, inverse), -_ONE / 2)
        total, term = Sum(), constant(_ONE)
        for k in range(self.most):
            total, term = self.add(total, term), self.scaled(self.times(term, squared), sympy.Integer(2 * k + 1))
        total = self.add(total, self.times(term, Sum({}, (ONE, arb(0).union(arb(1))))))
        return self.scaled(self.times(total, inverse), 1 / sympy.sqrt(sympy.pi))

    def upper_tail(self, one: Sum) -> Sum:
        """erfc of a sum that grows without end."""
        if self.side(one) < 0:
            return self.add(constant(_TWO), self.scaled(self.upper_tail(self.scaled(one, -_ONE)), -_ONE))
        return self.times(self.exp(self.scaled(self.times(one, one), -_ONE)), self.erfcx(one))


def _parts(one: Sum, rest: tuple[Scale, Ball] | None) -> list[tuple[Scale, Ball]]:
    """The exact terms of a sum, each times a remainder."""
    return [(m * rest[0], size(c) * rest[1]) for m, c in one.terms.items()] if rest else []


def constant(number: Expr) -> Sum:
    """A number."""
    return Sum({ONE: number} if number != 0 else {})


def _plain(number: Expr) -> Expr:
    return number if number.is_Rational else sympy.expand(number)


@lru_cache(maxsize=1024)
def _coefficient(f: Expr, order: int, at: Expr) -> Expr:
    return _plain(derivative(f, order).subs(z, at) / factorial(order)) if order else _plain(f.subs(z, at))


def _where_finite(f: Expr, else_: Callable[[Outward, Sum], Sum]) -> Callable[[Outward, Sum], Sum]:
    return lambda o, one: else_(o, one) if one.limit is None else o.taylor(f, one)


def _odd(f: Expr, positive: Callable[[Outward, Sum], Sum]) -> Callable[[Outward, Sum], Sum]:
    """A function by its rule for what grows to infinity."""

    def rule(o: Outward, one: Sum) -> Sum:
        side = sympy.Integer(o.side(one))
        return o.scaled(positive(o, o.scaled(one, side)), side)

    return _where_finite(f, rule)


def _asinh(o: Outward, one: Sum) -> Sum:
    return o.log(o.add(one, o.power(o.add(o.times(one, one), constant(_ONE)), _ONE / 2)))


def _atan(o: Outward, one: Sum) -> Sum:
    return o.add(constant(sympy.pi / 2), o.scaled(o.taylor(sympy.atan(z), o.power(one, -_ONE)), -_ONE))


def _wave(o: Outward, one: Sum) -> Sum:
    return Sum({}, (ONE, arb(-1).union(arb(1))))


def _cbrt(o: Outward, one: Sum) -> Sum:
    side = sympy.Integer(sign_of(o.leading(one)[1]))
    return o.scaled(o.power(o.scaled(one, side), _ONE / 3), side)


_HALF_ROOT = sympy.sqrt(2) / 2
_RULES: dict[Any, Callable[[Outward, Sum], Sum]] = {
    sympy.exp: Outward.exp,
    sympy.log: Outward.log,
    cbrt: _cbrt,
    sympy.Abs: lambda o, one: o.scaled(one, sympy.Integer(sign_of(o.leading(one)[1]))),
    sympy.sin: _where_finite(sympy.sin(z), _wave),
    sympy.cos: _where_finite(sympy.cos(z), _wave),
    sympy.atan: _odd(sympy.atan(z), _atan),
    sympy.asinh: _odd(sympy.asinh(z), _asinh),
    sympy.erf: _where_finite(sympy.erf(z), lambda o, one: o.add(constant(_ONE), o.scaled(o.upper_tail(one), -_ONE))),
    sympy.erfc: _where_finite(sympy.erfc(z), lambda o, one: o.upper_tail(one)),
    erfcx: _where_finite(erfcx(z), lambda o, one: o.erfcx(one)),
    normal_cdf: _where_finite(
        normal_cdf(z), lambda o, one: o.scaled(o.upper_tail(o.scaled(one, -_HALF_ROOT)), _ONE / 2)
    ),
}
