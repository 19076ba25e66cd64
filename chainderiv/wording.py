"""Numbers as people read them, and marks above and below a letter."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

_RAISED = dict(zip("0123456789+-lL", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ˡᴸ", strict=True))
_LOWERED = dict(zip("0123456789+-,ijklmp", "₀₁₂₃₄₅₆₇₈₉₊₋,ᵢⱼₖₗₘₚ", strict=True))


def number(value: float, digits: int = 3) -> str:
    """A number for people: a true minus sign, and powers of ten where it is very small or large.

    >>> number(-0.25), number(4.34e-12, 2), number(float("nan"))
    ('−0.25', '4.3 · 10⁻¹²', '–')
    """
    if not math.isfinite(value):
        return "–"
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    ten = f" · 10{raised(str(int(exponent)))}" if exponent else ""
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


def raised(text: str) -> str:
    """A text as a superscript, or behind ^ where Unicode cannot raise it.

    >>> raised("-12"), raised("l+1"), raised("j"), raised("")
    ('⁻¹²', 'ˡ⁺¹', '^j', '')
    """
    return "".join(map(_RAISED.__getitem__, text)) if set(text) <= set(_RAISED) else f"^{text}"


def lowered(text: str) -> str:
    """A text as a subscript, or behind _ where Unicode cannot lower it.

    >>> lowered("12"), lowered("jk"), lowered("L"), lowered("")
    ('₁₂', 'ⱼₖ', '_L', '')
    """
    return "".join(map(_LOWERED.__getitem__, text)) if set(text) <= set(_LOWERED) else f"_{text}"
