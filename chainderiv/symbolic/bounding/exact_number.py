"""Numbers as they were meant: 6.9 is 69/10, and not the binary fraction that float64 makes of it."""

from __future__ import annotations

import numbers
import re
from decimal import Decimal
from typing import Any

import sympy

from chainderiv.errors import BadValue
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbols import Expr

_TEXT = re.compile(r"[+-]?(\d+/\d+|(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?)")
_LONGEST = 60
_RANGE = sympy.Integer(10) ** 300


def exact_number(name: str, given: Any) -> Expr:
    """An exact SymPy number from an int, float, fraction, text such as '13/2' or '6.9', or a SymPy number.

    An expression in real SymPy symbols stays one. Raises BadValue when it is none of these, not finite, or beyond 1e300
    or within 1e-300 of 0.

    >>> exact_number("w", 6.9), exact_number("w", "13/2")
    (69/10, 13/2)
    """
    number = _read(given)
    if number is None:
        raise BadValue(f"{name} is {given!r}; give a finite real number, such as 8, 6.9 or 13/2")
    if number.free_symbols:
        if not number.is_extended_real:
            raise BadValue(f"{name} is the expression {number}, not known as real; give Symbol({name!r}, real=True)")
        return number
    if number != 0 and (compare(abs(number), _RANGE) > 0 or compare(abs(number), 1 / _RANGE) < 0):
        raise BadValue(f"{name} is {given!r}; give 0 or a number from 1e-300 to 1e300 in size")
    return number


def _read(given: Any) -> Expr | None:
    if isinstance(given, sympy.Expr):
        exact = sympy.nsimplify(given, rational=True) if given.has(sympy.Float) else given
        fine = exact.free_symbols or (exact.is_extended_real and exact.is_finite)
        return exact if fine else None
    if isinstance(given, bool) or not isinstance(given, str | numbers.Real | Decimal):
        return None
    if isinstance(given, numbers.Rational):
        return sympy.Rational(int(given.numerator), int(given.denominator))
    text = str(given).strip()
    if len(text) > _LONGEST or not _TEXT.fullmatch(text) or re.search(r"/0+$", text):
        return None
    return sympy.Rational(text)
