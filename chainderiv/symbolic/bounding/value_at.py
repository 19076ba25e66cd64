"""ValueAt: what an expression is at a Root; and a ball's middle as a SymPy number."""

from __future__ import annotations

from typing import Any

import sympy

from chainderiv.errors import BadValue
from chainderiv.functions.enclosing import enclose
from chainderiv.functions.intervals import Ball, Interval
from chainderiv.functions.turning.root import FIRST_BITS, MOST_BITS, Enclosed, Root, narrow
from chainderiv.symbolic.bounding.exponentials import Unproved
from chainderiv.symbols import Expr


class ValueAt(Enclosed):
    """The value of an expression in z at a Root, where its equation does not make it shorter.

    >>> from chainderiv.symbols import z
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

    def _narrower(self, _held: Interval | None, bits: int) -> Interval:
        work = bits + FIRST_BITS
        while work < MOST_BITS:
            found = enclose(self.expression, self.root.enclose(work), work)
            if narrow(found, bits):
                return found
            work *= 2
        raise BadValue(f"{self.expression} has no digits at {self.root} within {MOST_BITS} bits")

    def _sympystr(self, printer: Any) -> str:
        return f"ValueAt({printer.doprint(self.expression)}, {printer.doprint(self.root)})"

    def _latex(self, printer: Any) -> str:
        return rf"\left.{printer.doprint(self.expression)}\right|_{{z = {printer.doprint(self.root)}}}"


def rational(end: Ball) -> Expr:
    """A ball's middle as a SymPy number; raises Unproved where it is not known at all."""
    if not end.is_finite():
        raise Unproved("where a level is reached")
    fraction = end.mid().fmpq()
    return sympy.Rational(int(fraction.p), int(fraction.q))
