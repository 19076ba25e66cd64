"""Numbers as people read them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 3) -> str:
    """A number for people: a true minus sign, and powers of ten where it is very small or large.

    >>> number(-0.25), number(4.34e-12, 2), number(float("nan"))
    ('−0.25', '4.3 · 10⁻¹²', '–')
    """
    if not math.isfinite(value):
        return "–"
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    ten = f" · 10{str(int(exponent)).translate(_RAISED)}" if exponent else ""
    return mantissa.replace("-", "−") + ten


def percent(value: float) -> str:
    """A fraction in per cent.

    >>> percent(0.9648)
    '96.48'
    """
    return f"{100 * value:.2f}"


def span(low: float, high: float, write: Callable[[float], str] = number) -> str:
    """From one number to another.

    >>> span(0.9, 0.96482, percent)
    '90.00 … 96.48'
    """
    return f"{write(low)} … {write(high)}"


def minus(text: str) -> str:
    """A true minus sign before numbers; hyphens stay.

    >>> minus("full-batch: -0.5")
    'full-batch: −0.5'
    """
    return re.sub(r"-(?=\d)", "−", text)
