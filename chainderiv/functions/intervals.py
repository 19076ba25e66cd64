"""Intervals and balls, and the function of them that stands for each function of SymPy's: every result is proved.

FLINT's ball arithmetic (Johansson 2017, "Arb"): a function of a ball is a ball that holds each of its values, whatever
the precision. A wide interval is a pair of thin balls, one for either end, because a ball's radius has 30 bits alone;
where a function is monotone, its values at the ends are the ends of its values (Moore 1966).
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from itertools import product
from math import prod
from typing import Any

import sympy
from flint import arb, ctx, fmpq
from sympy.codegen.cfunctions import expm1, log1p

from chainderiv.functions.heads import cbrt, log10, sinc, spherical
from chainderiv.symbols import erfcx, normal_cdf

Ball = Any  # FLINT's arb: SymPy's and its numbers meet here, and older releases have no type information
_LOCK = threading.RLock()
_INF, _MINUS_INF = arb.pos_inf(), arb.neg_inf()
# exp beyond ±2^100 is an end of its own to us: FLINT gives it up at 2^128 with 64 bits
_HUGE = 2**100
_FAR = 1024  # from here on erfc by erfcx's asymptotic series: FLINT's own loses its digits far out


class Unenclosed(Exception):
    """An expression with a part for which there is no interval function; never shown to a user."""


@contextmanager
def working_bits(count: int) -> Iterator[None]:
    """Work with count bits, one thread at a time: FLINT's precision is one for the whole process.

    >>> with working_bits(200):
    ...     print(ctx.prec)
    200
    """
    with _LOCK:
        before = ctx.prec
        ctx.prec = count
        try:
            yield
        finally:
            ctx.prec = before


@dataclass(frozen=True, slots=True)
class Interval:
    """Every number from low to high, each a thin ball around its end; they are one object where one ball is meant."""

    low: Ball
    high: Ball

    @classmethod
    def of(cls, ball: Ball) -> Interval:
        """The numbers of one ball."""
        return cls(ball, ball)

    @property
    def thin(self) -> bool:
        """Whether it is one ball."""
        return self.low is self.high

    def __add__(self, other: Interval) -> Interval:
        low = self.low + other.low
        return Interval(low, low if self.thin and other.thin else self.high + other.high)

    def __neg__(self) -> Interval:
        return Interval.of(-self.low) if self.thin else Interval(-self.high, -self.low)

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def __mul__(self, other: Interval) -> Interval:
        if self.thin and other.thin:
            return Interval.of(_times(self.low, other.low))
        if self.low >= 0 and other.low >= 0:
            return Interval(_times(self.low, other.low), _times(self.high, other.high))
        corners = [_times(u, v) for u, v in product((self.low, self.high), (other.low, other.high))]
        return hull(corners, corners)

    def __truediv__(self, other: Interval) -> Interval:
        if other.low > 0 or other.high < 0:
            below = 1 / other.high
            return self * Interval(below, below if other.thin else 1 / other.low)
        return LINE if not other.low >= 0 or other.high == 0 else self * Interval(1 / other.high, _INF)

    def __pow__(self, exponent: int) -> Interval:
        """u^n for a whole number n >= 0."""
        u = self if exponent % 2 or self.low >= 0 else abs(self)
        low = whole_power(u.low, exponent)
        return Interval(low, low if u.thin else whole_power(u.high, exponent))

    def __abs__(self) -> Interval:
        if self.low >= 0:
            return self
        return -self if self.high <= 0 else Interval(arb(0), (-self.low).max(self.high))

    def ball(self) -> Ball:
        """One ball that holds it."""
        return self.low if self.thin else self.low.union(self.high)

    def middle(self) -> Ball:
        """A number within it, exact."""
        return ((self.low.lower() + self.high.upper()) / 2).mid()


LINE = Interval(_MINUS_INF, _INF)
NOWHERE = Interval.of(arb(0))  # what stands for z in a number, which has none


def sign(interval: Interval) -> int | None:
    """1, -1 or 0 where every number of the interval has that sign, else None."""
    if interval.low > 0:
        return 1
    if interval.high < 0:
        return -1
    return 0 if interval.low == 0 == interval.high else None


def _times(u: Ball, v: Ball) -> Ball:
    """0 · ∞ is 0 at the end of an interval."""
    return arb(0) if u == 0 or v == 0 else u * v


def hull(lows: Sequence[Ball], highs: Sequence[Ball]) -> Interval:
    """From the least to the largest; the line where one of them is no number."""
    if any(end.is_nan() for end in (*lows, *highs)):
        return LINE
    return Interval(reduce(arb.min, lows), reduce(arb.max, highs))


def whole_power(u: Ball, exponent: int) -> Ball:
    """By squaring: FLINT's own has no value where the ball holds 0."""
    power, square = arb(1), u
    while exponent:
        power = power * square if exponent % 2 else power
        exponent //= 2
        square = square * square if exponent else square
    return power


@dataclass(frozen=True)
class Rule:
    """A function of balls, the same of intervals, and where it has one a form that is exact for rational numbers."""

    ball: Callable[..., Ball]
    wide: Callable[..., Interval]
    rational: Callable[..., Any] | None = None

    def exactly(self, *us: Any) -> Any | None:
        """Its value at rational numbers where that is known as one, else None."""
        if self.rational is not None:
            return self.rational(*us)
        value = self.ball(*map(arb, us))
        return value.fmpq() if value.is_finite() and value.is_exact() and all(arb(u).is_exact() for u in us) else None


def _lower(ball: Callable[[Ball], Ball], end: Ball, least: Any) -> Ball:
    value = ball(end)
    return value if value >= least else arb(least)  # no comparison holds of what is no number


def _upper(ball: Callable[[Ball], Ball], end: Ball, most: Any) -> Ball:
    value = ball(end)
    return value if value <= most else arb(most)


def _rising(ball: Callable[[Ball], Ball], least: Any = _MINUS_INF, most: Any = _INF, above: Any = _MINUS_INF) -> Rule:
    """An increasing function with values from least to most, defined above a number."""

    def wide(u: Interval) -> Interval:
        if u.high <= above:
            raise Unenclosed("a function of what is outside of its domain")
        return Interval(_lower(ball, u.low, least), _upper(ball, u.high, most))

    return Rule(ball, wide)


def _falling(ball: Callable[[Ball], Ball], least: Any, most: Any) -> Rule:
    return Rule(ball, lambda u: Interval(_lower(ball, u.high, least), _upper(ball, u.low, most)))


def _wave(ball: Callable[[Ball], Ball], shift: Any) -> Rule:
    """cos(u + π shift): it turns at the whole multiples of π."""

    def wide(u: Interval) -> Interval:
        turns = u.low / arb.pi() + shift, u.high / arb.pi() + shift
        if not all(t.is_finite() and abs(t) < _HUGE for t in turns):
            return Interval(arb(-1), arb(1))
        first, last = (int(t.floor().unique_fmpz()) for t in (turns[0].lower(), turns[1].upper()))
        ends = [ball(u.low), ball(u.high)]
        extremes = [arb((-1) ** k) for k in range(first + 1, min(last, first + 2) + 1)]
        return hull([*ends, *extremes], [*ends, *extremes])

    return Rule(ball, wide)


def _anywhere(ball: Callable[..., Ball]) -> Rule:
    """A function of a wide ball: proved, though wider than it need be."""
    return Rule(ball, lambda *us: Interval.of(ball(*(u.ball() for u in us))))


def _at_points(ball: Callable[..., Ball]) -> Rule:
    """A function that is not bounded over intervals."""

    def wide(*us: Interval) -> Interval:
        if not all(u.thin for u in us):
            raise Unenclosed("a function that no interval goes through")
        return Interval.of(ball(*(u.low for u in us)))

    return Rule(ball, wide)


def _exp(u: Interval) -> Interval:
    low, high = arb(u.low).min(arb(_HUGE)), arb(u.high).max(arb(-_HUGE))
    return Interval(
        _lower(arb.exp, low, 0) if low > -_HUGE else arb(0), _upper(arb.exp, high, _INF) if high < _HUGE else _INF
    )


def _log(u: Ball) -> Ball:
    return _MINUS_INF if u == 0 else u.log()


def _erfcx(u: Ball) -> Ball:
    return _far_erfcx(u * u) if u > _FAR else (u * u).exp() * u.erfc()


def _far_erfcx(square: Ball) -> Ball:
    """erfcx(t) = U(1/2, 1/2, t²)/√π for t > 0."""
    half = arb(0.5)
    return square.hypgeom_u(half, half) / arb.const_sqrt_pi()


def _erfc(u: Ball) -> Ball:
    return (-u * u).exp() * _far_erfcx(u * u) if u > _FAR else u.erfc()


def _normal_cdf(u: Ball) -> Ball:
    if u < -_FAR:
        return (-u * u / 2).exp() * _far_erfcx(u * u / 2) / 2
    return (-u / arb(2).sqrt()).erfc() / 2


def _larger(u: Ball, v: Ball) -> Ball:
    return u if u >= v else v if v >= u else u.max(v)


def _smaller(u: Ball, v: Ball) -> Ball:
    return u if u <= v else v if v <= u else u.min(v)


def _heaviside(u: Ball, at_zero: Ball) -> Ball:
    step = (u.sgn() + 1) / 2
    return at_zero if u == 0 else step.union(at_zero) if u.contains(0) else step


def _cbrt(u: Ball) -> Ball:
    third = fmpq(1, 3)
    if u >= 0 or u.is_nan():
        return u**third
    return -((-u) ** third) if u < 0 else _cbrt(u.lower()).union(_cbrt(u.upper()))


def _spherical(order: Ball, u: Ball) -> Ball:
    """j_n(u)/uⁿ = 0F1(n + 3/2; -u²/4)/(2n + 1)!!."""
    double_factorial = prod(range(1, 2 * int(order.unique_fmpz()) + 2, 2))
    return (-u * u / 4).hypgeom_0f1(order + arb(1.5)) / double_factorial


def _polygamma(order: Ball, u: Ball) -> Ball:
    """(-1)^(n+1) n! ζ(n+1, u); digamma for n = 0."""
    n = int(order.unique_fmpz())
    return u.digamma() if n == 0 else (-1) ** (n + 1) * (order + 1).gamma() * (order + 1).zeta(u)


def _folded(operation: Callable[[Any, Any], Any], *us: Any) -> Any:
    return reduce(operation, us)


def _extreme(of_two: Callable[[Ball, Ball], Ball], of_numbers: Callable[..., Any]) -> Rule:
    """The largest or the smallest of several: each of its ends is that of theirs."""
    of = partial(_folded, of_two)
    return Rule(of, lambda *us: Interval(of(*(u.low for u in us)), of(*(u.high for u in us))), of_numbers)


# SymPy's head -> its functions of balls and of intervals
FUNCTIONS: dict[Any, Rule] = {
    sympy.exp: Rule(arb.exp, _exp),
    expm1: _rising(arb.expm1, -1),
    sympy.log: _rising(_log, above=0),
    log1p: _rising(arb.log1p, above=-1),
    log10: _rising(lambda u: _log(u) / arb.const_log10(), above=0),
    cbrt: _rising(_cbrt),
    sympy.Abs: Rule(abs, abs, abs),
    sympy.sign: _rising(arb.sgn, -1, 1),
    sympy.Max: _extreme(_larger, max),
    sympy.Min: _extreme(_smaller, min),
    sympy.Heaviside: _anywhere(_heaviside),
    sympy.sin: _wave(arb.sin, arb(-0.5)),
    sympy.cos: _wave(arb.cos, 0),
    sympy.sinh: _rising(arb.sinh),
    sympy.cosh: Rule(arb.cosh, lambda u: _rising(arb.cosh).wide(abs(u))),
    sympy.tanh: _rising(arb.tanh, -1, 1),
    sympy.asinh: _rising(arb.asinh),
    sympy.acosh: _rising(arb.acosh, 0, above=0),
    sympy.atanh: _rising(arb.atanh),
    sympy.atan: _rising(arb.atan),
    sympy.asin: _rising(arb.asin),
    sympy.erf: _rising(arb.erf, -1, 1),
    sympy.erfi: _rising(arb.erfi),
    sympy.erfc: _falling(_erfc, 0, 2),
    erfcx: _falling(_erfcx, 0, _INF),
    normal_cdf: _rising(_normal_cdf, 0, 1),
    sympy.acos: _anywhere(arb.acos),
    sympy.tan: _anywhere(arb.tan),
    sympy.cot: _anywhere(arb.cot),
    sympy.sec: _anywhere(arb.sec),
    sympy.csc: _anywhere(arb.csc),
    sympy.coth: _anywhere(arb.coth),
    sympy.sech: _anywhere(arb.sech),
    sympy.csch: _anywhere(arb.csch),
    sympy.sinc: _anywhere(arb.sinc),
    sinc: _anywhere(arb.sinc),
    spherical: _anywhere(_spherical),
    sympy.gamma: _at_points(arb.gamma),
    sympy.loggamma: _at_points(arb.lgamma),
    sympy.polygamma: _at_points(_polygamma),
    sympy.erfinv: _at_points(arb.erfinv),
    sympy.erfcinv: _at_points(arb.erfcinv),
    sympy.LambertW: _at_points(arb.lambertw),
    sympy.Ei: _at_points(arb.ei),
    sympy.Si: _at_points(arb.si),
    sympy.Ci: _at_points(arb.ci),
    sympy.Shi: _at_points(arb.shi),
    sympy.Chi: _at_points(arb.chi),
    sympy.li: _at_points(arb.li),
    sympy.fresnels: _at_points(arb.fresnel_s),
    sympy.fresnelc: _at_points(arb.fresnel_c),
    sympy.zeta: _at_points(arb.zeta),
    sympy.harmonic: _at_points(lambda u: (u + 1).digamma() + arb.const_euler()),
    sympy.besselj: _at_points(lambda order, u: u.bessel_j(order)),
    sympy.bessely: _at_points(lambda order, u: u.bessel_y(order)),
    sympy.besseli: _at_points(lambda order, u: u.bessel_i(order)),
    sympy.besselk: _at_points(lambda order, u: u.bessel_k(order)),
    sympy.acoth: _at_points(lambda u: (1 / u).atanh()),
    sympy.acsch: _at_points(lambda u: (1 / u).asinh()),
    sympy.asech: _at_points(lambda u: (1 / u).acosh()),
    sympy.floor: _at_points(arb.floor),
    sympy.ceiling: _at_points(arb.ceil),
}
SUM, PRODUCT = (Rule(f, f, f) for f in (partial(_folded, operator.add), partial(_folded, operator.mul)))
