"""Root: the real number at which an expression is 0, given by the expression and an interval that isolates it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy
from flint import arb, fmpq
from mpmath import libmp
from sympy.printing.str import StrPrinter

from chainderiv.errors import BadValue
from chainderiv.functions.enclosing import enclose
from chainderiv.functions.intervals import NOWHERE, Ball, Interval, sign, working_bits
from chainderiv.functions.turning.turnings import Unproved
from chainderiv.symbols import Expr, z

MOST_BITS = 400_000
FIRST_BITS, FINE, _GUARD = 64, 400, 16


class Enclosed(sympy.AtomicExpr):
    """A real number that SymPy takes for an atom, known by an interval that holds it, as narrow as one likes."""

    is_real = True
    is_number = True
    is_commutative = True

    @property
    def free_symbols(self) -> set[Any]:
        """None: its z is bound."""
        return set()

    def enclose(self, bits: int) -> Interval:
        """An interval that holds the number, its width under 2^-bits of its size (or within 2^(-4 bits) of 0)."""
        held: Interval | None = self.__dict__.get("_held")
        if held is None or not narrow(held, bits):
            held = self.__dict__["_held"] = self._narrower(held, bits)
        return held

    def _narrower(self, held: Interval | None, bits: int) -> Interval:
        raise NotImplementedError

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self._hashable_content())

    def _numpycode(self, _printer: Any) -> str:
        return f"({float(self)!r})"

    def _eval_evalf(self, prec: int) -> Any:
        with working_bits(prec + FIRST_BITS):
            middle = self.enclose(prec + _GUARD).middle()
            return sympy.Float._new(libmp.mpf_pos(middle._mpf_, prec, "n"), prec)

    def _eval_is_extended_positive(self) -> bool | None:
        side = sign(self.enclose(FIRST_BITS))
        return None if side is None else side > 0

    def _eval_is_extended_negative(self) -> bool | None:
        side = sign(self.enclose(FIRST_BITS))
        return None if side is None else side < 0

    def _eval_is_zero(self) -> bool | None:
        return None if sign(self.enclose(FIRST_BITS)) is None else False


class Root(Enclosed):
    """The zero of an equation between two rational numbers, where the equation changes its sign exactly once.

    It is a number to SymPy: `.n(50)` gives 50 digits, refined by interval Newton steps, so that each is proved.
    Raises BadValue when its digits are asked for and the equation does not change its sign between them.

    >>> fixed = Root(z - sympy.exp(-z), 0, 1)
    >>> fixed.n(20), (fixed + 1).n(5)
    (0.56714329040978387300, 1.5671)
    """

    def __new__(cls, equation: Expr, lower: Any, upper: Any) -> Root:
        """See the class."""
        made: Root = super().__new__(cls)
        made.equation, made.isolating = equation, (sympy.Rational(lower), sympy.Rational(upper))
        return made

    equation: Expr
    isolating: tuple[Expr, Expr]

    def _hashable_content(self) -> tuple[Any, ...]:
        return (self.equation, *self.isolating)

    def _narrower(self, held: Interval | None, bits: int) -> Interval:
        return _refined(self.equation, held or ends_of(*self.isolating, 200), bits)

    def digits(self, count: int = 5) -> str:
        """The first decimals of the number, cut off and not rounded.

        >>> Root(z - sympy.exp(-z), 0, 1).digits()
        '0.56714…'
        """
        with working_bits(FIRST_BITS + 4 * count):
            shifted = self.enclose(FIRST_BITS + 4 * count).ball() * 10**count
            whole = int(abs(shifted).mid().floor().fmpq().p)
        text = f"{whole:0{count + 1}d}"
        return f"{'-' if shifted < 0 else ''}{text[:-count]}.{text[-count:]}…"

    def _sympystr(self, printer: Any) -> str:
        lower, upper = self.isolating
        return f"Root({printer.doprint(self.equation)}, {lower}, {upper})"

    def _latex(self, printer: Any) -> str:
        lower, upper = map(printer.doprint, self.isolating)
        return rf"\operatorname{{root}}_{{z \in [{lower}, {upper}]}}\left({printer.doprint(self.equation)}\right)"


class InDigits(StrPrinter):
    """SymPy's text, each Root in it by the first of its digits."""

    def _print(self, expr: Any, **options: Any) -> Any:
        return expr.digits() if isinstance(expr, Root) else super()._print(expr, **options)


def in_digits(expression: Expr) -> str:
    """An expression as people read it.

    >>> in_digits(z >= Root(z - sympy.exp(-z), 0, 1))
    'z >= 0.56714…'
    """
    return str(InDigits().doprint(expression))


@lru_cache(maxsize=1024)
def derivative(expression: Expr, order: int = 1) -> Expr:
    """Its derivative in z, kept: SymPy takes milliseconds for each, and a search asks for the same one often."""
    return sympy.diff(expression, z, order) if order else expression


def ends_of(lower: Any, upper: Any, bits: int) -> Interval:
    """The interval between two numbers, its ends exact and rounded outwards."""
    return exact(Interval(enclose(lower, NOWHERE, bits).low, enclose(upper, NOWHERE, bits).high), bits)


def compared(one: Expr, other: Expr) -> int:
    """1, -1 or 0 as a number is larger than another, smaller, or the same; raises Unproved where that does not show."""
    if one == other:
        return 0
    u, v = (enclose(number, NOWHERE, FINE) for number in (one, other))
    if u.high < v.low or v.high < u.low:
        return -1 if u.high < v.low else 1
    if isinstance(one, Root) and isinstance(other, Root) and one.equation in (other.equation, -other.equation):
        # each is the only zero in its interval
        low, high = ends_of(*one.isolating, FINE).low, ends_of(*one.isolating, FINE).high
        if low < v.low and v.high < high:
            return 0
    raise Unproved(f"two places near z = {float(one):.6g} are not told apart")


def exact(interval: Interval, bits: int) -> Interval:
    """The same with ends that are numbers, rounded outwards."""
    with working_bits(bits):
        return Interval(interval.low.lower(), interval.high.upper())


def _known(interval: Interval) -> int:
    """About how many bits of the number an interval tells."""
    with working_bits(2 * MOST_BITS):
        return max(0, min(2 * MOST_BITS, int(interval.ball().rel_accuracy_bits())))


def narrow(interval: Interval, bits: int) -> bool:
    """Whether an interval tells so many bits of the number in it, or four times as many places where it holds 0."""
    with working_bits(8 * bits):
        one = interval.ball()
        if one.contains(0):
            # a root that algebra cannot tell from 0 has no digits of its own: four times as many places must do
            return bool(abs(one) < arb(2) ** (-4 * bits))
    return bool(one.rel_accuracy_bits() >= bits)


def _refined(equation: Expr, interval: Interval, bits: int) -> Interval:
    """Interval Newton steps, N = m - f(m)/f'(X), and a bisection where one does not halve the interval."""
    slope, least = derivative(equation), FIRST_BITS
    left = _certain_sign(equation, interval.low)
    if left is None or left * (_certain_sign(equation, interval.high) or 0) >= 0:
        if left == 0:
            return Interval.of(interval.low)
        raise BadValue(f"{equation} does not change its sign there; give an interval in which it does")
    while not narrow(interval, bits):
        # a step doubles the bits that are known, and needs no more than that
        work = max(least, 2 * _known(interval) + FIRST_BITS)
        middle = _inner(interval, work, least > FIRST_BITS)
        at = enclose(equation, Interval.of(middle), work)
        newer = _newton(interval, middle, at, enclose(slope, interval, work), work)
        if newer is None or not _halved(newer, interval):
            side = sign(at)
            if side is None:
                least = 2 * work
                if least > MOST_BITS:
                    raise BadValue(f"{equation} is too flat at its root for {bits} bits")
                newer = newer or interval
            elif side == 0:
                newer = Interval.of(middle)
            else:
                newer = Interval(middle, interval.high) if side == left else Interval(interval.low, middle)
        interval = newer
    return interval


def _newton(interval: Interval, middle: Ball, at: Interval, slope: Interval, work: int) -> Interval | None:
    if sign(slope) is None:
        return None
    with working_bits(work):
        step = exact(Interval.of(middle) - at / slope, work)
    low = step.low if step.low > interval.low else interval.low
    high = step.high if step.high < interval.high else interval.high
    return Interval(low, high) if low <= high else None


def _halved(newer: Interval, interval: Interval) -> bool:
    with working_bits(FIRST_BITS):
        return bool(2 * (newer.high - newer.low) < interval.high - interval.low)


def _inner(interval: Interval, work: int, aside: bool) -> Ball:
    """The middle, or a point aside of it where no sign could be told in the middle, as happens at 0."""
    for bits in (work, 4 * MOST_BITS):
        with working_bits(bits):
            share = fmpq(9, 16) if aside else fmpq(1, 2)
            middle = (interval.low + (interval.high - interval.low) * share).mid()
        if interval.low < middle < interval.high:
            return middle
    return middle


def _certain_sign(equation: Expr, point: Ball) -> int | None:
    """The sign at a point, the bits doubled until it shows; None where it does not."""
    bits = FIRST_BITS
    while bits <= 1 << 14:
        found = sign(enclose(equation, Interval.of(point), bits))
        if found is not None:
            return found
        bits *= 2
    return None
