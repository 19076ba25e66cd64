"""Root: the real number at which an expression is 0, given by the expression and an interval that isolates it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy
from mpmath import libmp

from chainderiv.errors import BadValue
from chainderiv.functions.intervals import Pair, enclose, sign
from chainderiv.symbols import Expr, z

MOST_BITS = 400_000
_FIRST_BITS = 64


class Enclosed(sympy.AtomicExpr):
    """A real number that SymPy takes for an atom, known by an interval that holds it, as narrow as one likes."""

    is_real = True
    is_number = True
    is_commutative = True

    @property
    def free_symbols(self) -> set[Any]:
        """None: its z is bound."""
        return set()

    def enclose(self, bits: int) -> Pair:
        """An interval that holds the number, its width under 2^-bits of its size (or within 2^(-4 bits) of 0)."""
        held: Pair | None = self.__dict__.get("_held")
        if held is None or not _narrow(held, bits):
            held = self.__dict__["_held"] = self._narrower(held, bits)
        return held

    def _narrower(self, held: Pair | None, bits: int) -> Pair:
        raise NotImplementedError

    def _eval_evalf(self, prec: int) -> Any:
        low, high = self.enclose(prec + 4)
        middle = libmp.mpf_shift(libmp.mpf_add(low, high, prec + 8, "n"), -1)
        return sympy.Float._new(libmp.mpf_pos(middle, prec, "n"), prec)

    def _eval_is_extended_positive(self) -> bool | None:
        side = sign(self.enclose(_FIRST_BITS))
        return None if side is None else side > 0

    def _eval_is_extended_negative(self) -> bool | None:
        side = sign(self.enclose(_FIRST_BITS))
        return None if side is None else side < 0

    def _eval_is_zero(self) -> bool | None:
        return None if sign(self.enclose(_FIRST_BITS)) is None else False


class Root(Enclosed):
    """The zero of an equation between two rational numbers, where the equation changes its sign exactly once.

    It is a number to SymPy: `.n(50)` gives 50 digits, refined by interval Newton steps, so that each is proved.

    Parameters
    ----------
    equation : SymPy expression in chainderiv.symbols.z, 0 at the root.
    lower, upper : rational numbers on either side of it. Another root that the equation has outside of them is another
        Root.

    Raises
    ------
    BadValue
        When its digits are asked for and the equation does not change its sign between them.

    Examples
    --------
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

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (self.equation, *self.isolating)

    def _narrower(self, held: Pair | None, bits: int) -> Pair:
        return _refined(self.equation, held or _ends(*self.isolating), bits)

    def _sympystr(self, printer: Any) -> str:
        lower, upper = self.isolating
        return f"Root({printer.doprint(self.equation)}, {lower}, {upper})"

    def _latex(self, printer: Any) -> str:
        lower, upper = map(printer.doprint, self.isolating)
        return rf"\operatorname{{root}}_{{z \in [{lower}, {upper}]}}\left({printer.doprint(self.equation)}\right)"


class ValueAt(Enclosed):
    """The value of an expression in z at a Root, where its equation does not make it shorter.

    Parameters
    ----------
    expression : SymPy expression in chainderiv.symbols.z.
    root : Root.

    Examples
    --------
    >>> ValueAt(sympy.exp(z), Root(z - sympy.exp(-z), 0, 1)).n(10)
    1.763222834
    """

    def __new__(cls, expression: Expr, root: Root) -> ValueAt:
        """See the class."""
        made: ValueAt = super().__new__(cls)
        made.expression, made.root = expression, root
        return made

    expression: Expr
    root: Root

    def _hashable_content(self) -> tuple[Any, ...]:
        return self.expression, self.root

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.expression, self.root

    def _narrower(self, _held: Pair | None, bits: int) -> Pair:
        work = bits + _FIRST_BITS
        while work < MOST_BITS:
            found = enclose(self.expression, self.root.enclose(work), work)
            if _narrow(found, bits):
                return found
            work *= 2
        raise BadValue(f"{self.expression} has no digits at {self.root} within {MOST_BITS} bits")

    def _sympystr(self, printer: Any) -> str:
        return f"ValueAt({printer.doprint(self.expression)}, {printer.doprint(self.root)})"

    def _latex(self, printer: Any) -> str:
        return rf"\left.{printer.doprint(self.expression)}\right|_{{z = {printer.doprint(self.root)}}}"


@lru_cache(maxsize=1024)
def derivative(expression: Expr, order: int = 1) -> Expr:
    """Its derivative in z, kept: SymPy takes milliseconds for each, and a search asks for the same one often."""
    return sympy.diff(expression, z, order)


def _ends(lower: Any, upper: Any) -> Pair:
    bits = 200
    return enclose(lower, (libmp.fzero, libmp.fzero), bits)[0], enclose(upper, (libmp.fzero, libmp.fzero), bits)[1]


def _width(pair: Pair) -> Any:
    return libmp.mpf_sub(pair[1], pair[0], 64, "c")


def _known(pair: Pair) -> int:
    """About how many bits of the number an interval tells."""
    width, far = _width(pair), libmp.mpf_abs(pair[1])
    return 0 if width == libmp.fzero else max(0, far[2] + far[3] - width[2] - width[3])


def _narrow(pair: Pair, bits: int) -> bool:
    near, far = (libmp.mpf_abs(end) for end in pair)
    smaller = near if libmp.mpf_lt(near, far) else far
    if libmp.mpf_le(pair[0], libmp.fzero) and libmp.mpf_le(libmp.fzero, pair[1]):
        # a root that algebra cannot tell from 0 has no digits of its own: four times as many places must do
        return bool(libmp.mpf_lt(far, libmp.mpf_shift(libmp.fone, -4 * bits)))
    return bool(libmp.mpf_le(_width(pair), libmp.mpf_shift(smaller, -bits)))


def _refined(equation: Expr, pair: Pair, bits: int) -> Pair:
    """Interval Newton steps, N = m - f(m)/f'(X), and a bisection where one does not halve the interval."""
    slope, least = derivative(equation), _FIRST_BITS
    left = _certain_sign(equation, pair[0])
    if left is None or left * (_certain_sign(equation, pair[1]) or 0) >= 0:
        if left == 0:
            return pair[0], pair[0]
        raise BadValue(f"{equation} does not change its sign there; give an interval in which it does")
    while not _narrow(pair, bits):
        # a step doubles the bits that are known, and needs no more than that
        work = max(least, 2 * _known(pair) + _FIRST_BITS)
        middle = _inner(pair, work, least > _FIRST_BITS)
        at = enclose(equation, (middle, middle), work)
        newer = _newton(pair, middle, at, enclose(slope, pair, work), work)
        if newer is None or not _halved(newer, pair):
            side = sign(at)
            if side is None:
                least = 2 * work
                if least > MOST_BITS:
                    raise BadValue(f"{equation} is too flat at its root for {bits} bits")
                newer = newer or pair
            else:
                newer = (middle, middle) if side == 0 else (middle, pair[1]) if side == left else (pair[0], middle)
        pair = newer
    return pair


def _newton(pair: Pair, middle: Any, at: Pair, slope: Pair, work: int) -> Pair | None:
    if sign(slope) is None:
        return None
    step = libmp.mpi_sub((middle, middle), libmp.mpi_div(at, slope, work), work)
    low = step[0] if libmp.mpf_gt(step[0], pair[0]) else pair[0]
    high = step[1] if libmp.mpf_lt(step[1], pair[1]) else pair[1]
    return (low, high) if libmp.mpf_le(low, high) else None


def _halved(newer: Pair, pair: Pair) -> bool:
    return bool(libmp.mpf_lt(_width(newer), libmp.mpf_shift(_width(pair), -1)))


def _inner(pair: Pair, work: int, aside: bool) -> Any:
    """The middle, or a point aside of it where no sign could be told in the middle, as happens at 0."""
    width = libmp.mpf_sub(pair[1], pair[0])
    share = libmp.mpf_shift(libmp.mpf_mul_int(width, 9, work, "n"), -4) if aside else libmp.mpf_shift(width, -1)
    exact = libmp.mpf_add(pair[0], share)
    short = libmp.mpf_pos(exact, work, "n")
    inside = libmp.mpf_lt(pair[0], short) and libmp.mpf_lt(short, pair[1])
    return short if inside else exact


def _certain_sign(equation: Expr, point: Any) -> int | None:
    """The sign at a point, the bits doubled until it shows; None where it does not."""
    bits = _FIRST_BITS
    while bits <= 1 << 14:
        found = sign(enclose(equation, (point, point), bits))
        if found is not None:
            return found
        bits *= 2
    return None
