"""Scale: exp(-r₁ t^d₁ - …) t^a (log t)^b, t >= R: which of two is larger far out, and a bound that holds from R on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, cmp_to_key, lru_cache

import sympy
from flint import arb

from chainderiv.functions.enclosing import ball
from chainderiv.functions.intervals import Ball
from chainderiv.symbols import Expr


class TooNear(Exception):
    """What is not known from this place on: nearer to infinity it may be."""


@lru_cache(maxsize=4096)
def size(number: Expr) -> Ball:
    """A real number's ball, at the bits of the moment of the first call."""
    return ball(number, of=())


@lru_cache(maxsize=4096)
def sign_of(number: Expr) -> int:
    """Its sign; raises TooNear where its ball holds 0 and algebra does not say that it is 0."""
    if number.is_Rational:
        return int(sympy.sign(number))
    value = size(number)
    if not (value > 0 or value < 0):
        if sympy.simplify(number) == 0:
            return 0
        raise TooNear(f"whether {number} is 0")
    return 1 if value > 0 else -1


@dataclass(frozen=True)
class Scale:
    """exp(-Σ r t^d) t^power (log t)^logs, its rates (d, r) from the highest degree down, none of them 0."""

    rates: tuple[tuple[Expr, Expr], ...] = ()
    power: Expr = sympy.S.Zero
    logs: Expr = sympy.S.Zero

    @cached_property
    def tends(self) -> int:
        """1 where it grows without end, -1 where it vanishes, 0 where it is 1."""
        if self.rates:
            return -sign_of(self.rates[0][1])
        return sign_of(self.power) or sign_of(self.logs)

    def __mul__(self, other: Scale) -> Scale:
        if not self.rates or not other.rates:
            rates = self.rates or other.rates
        else:
            both = dict(self.rates)
            for degree, rate in other.rates:
                both[degree] = both.get(degree, sympy.Integer(0)) + rate
            rates = _ordered(both)
        return Scale(rates, self.power + other.power, self.logs + other.logs)

    def __pow__(self, exponent: Expr) -> Scale:
        rates = {degree: exponent * rate for degree, rate in self.rates}
        return Scale(_ordered(rates), exponent * self.power, exponent * self.logs)

    def __truediv__(self, other: Scale) -> Scale:
        return self * other.__pow__(sympy.S.NegativeOne)

    def most(self, start: Ball) -> Ball:
        """What it is at the start and never above from there on; raises TooNear where it is not falling yet.

        It falls where t q'(t) >= a + b/log t, q being Σ r t^d; t^d <= start^(d - D) t^D there for d < D.
        """
        if self == ONE:
            return arb(1)
        if self.logs != 0 and not start > 1:
            raise TooNear("a logarithm that is not positive")
        rise = size(self.power) + (size(self.logs) / start.log() if self.logs > 0 else 0)
        slope = self._slope(start) if self.rates else arb(0)
        if not slope >= rise:
            raise TooNear("a scale that is not falling")
        exponent: Ball = sum((size(r) * start ** size(d) for d, r in self.rates), arb(0))
        value = (-exponent).exp() * start ** size(self.power)
        return value if self.logs == 0 else value * start.log() ** size(self.logs)

    def _slope(self, start: Ball) -> Ball:
        """t q'(t) at the start, which it is not below from there on."""
        first, lead = self.rates[0]
        least = size(first * lead)
        for degree, rate in self.rates[1:]:
            least += size(degree * rate) * start ** size(degree - first) if sign_of(rate) < 0 else 0
        if not least > 0:
            raise TooNear("a scale that is not falling")
        return sum((size(d * r) * start ** size(d) for d, r in self.rates), arb(0))


ONE, LOG = Scale(), Scale(logs=sympy.S.One)


def _ordered(rates: Mapping[Expr, Expr]) -> tuple[tuple[Expr, Expr], ...]:
    kept = ((d, r if r.is_Rational else sympy.expand(r)) for d, r in rates.items())
    return tuple(sorted(((d, r) for d, r in kept if r != 0), reverse=True))


def exponential(rates: Mapping[Expr, Expr], power: Expr) -> Scale:
    """exp(-Σ r t^d) t^power of degrees and their rates."""
    return Scale(_ordered(rates), power)


def descending(scales: Iterable[Scale]) -> list[Scale]:
    """From the largest far out to the smallest."""
    return sorted(scales, key=cmp_to_key(_order))


def _order(one: Scale, other: Scale) -> int:
    return (other / one).tends
