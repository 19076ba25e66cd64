"""Numbers as people read them, also beyond float64, and marks above and below a letter."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable

from chainderiv.errors import BadValue

_RAISED = dict(zip("0123456789+-lL", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ˡᴸ", strict=True))
_LOWERED = dict(zip("0123456789+-,ijklmp", "₀₁₂₃₄₅₆₇₈₉₊₋,ᵢⱼₖₗₘₚ", strict=True))

_SPEC = re.compile(
    r"(?:(?P<fill>.?)(?P<align>[<>=^]))?(?P<sign>[-+ ]?)z?(?P<whole>#?)(?P<zero>0?)(?P<width>\d*)[,_]?"
    r"(?:\.(?P<digits>\d+))?(?P<kind>[eEfFgGn%]?)",
    re.DOTALL,
)
USUAL_DIGITS = {"": 12, "e": 6, "g": 6, "n": 6}


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


def shortest(value: float) -> str:
    """As few digits as tell a number from all others.

    >>> shortest(2.0), shortest(1.0000000000000002)
    ('2', '1.0000000000000002')
    """
    return repr(float(value)).removesuffix(".0")


def counted(count: int, thing: str) -> str:
    """So many things.

    >>> counted(1, "hidden layer"), counted(3, "hidden layer")
    ('1 hidden layer', '3 hidden layers')
    """
    return f"{count} {thing}{'s' * (count != 1)}"


def percent(value: float, decimals: int = 2) -> str:
    """A fraction in per cent, where the unit is said already.

    >>> percent(0.9648)
    '96.48'
    """
    return f"{100 * value:.{decimals}f}"


def share(value: float, decimals: int = 2) -> str:
    """A fraction in per cent with its unit, as ISO 80000-1 sets it.

    >>> share(0.9648), share(0.02, 0)
    ('96.48 %', '2 %')
    """
    return f"{percent(value, decimals)} %"


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


def from_raised(text: str) -> str:
    """A superscript as a text again, with a true minus sign.

    >>> from_raised("⁻¹²")
    '−12'
    """
    return minus("".join({high: plain for plain, high in _RAISED.items()}.get(letter, letter) for letter in text))


def lowered(text: str) -> str:
    """A text as a subscript, or behind _ where Unicode cannot lower it.

    >>> lowered("12"), lowered("jk"), lowered("L"), lowered("")
    ('₁₂', 'ⱼₖ', '_L', '')
    """
    return "".join(map(_LOWERED.__getitem__, text)) if set(text) <= set(_LOWERED) else f"_{text}"


def formatted(sign: float, log: float, spec: str) -> str:
    """sign · exp(log) by a format of Python's for floats, also where it leaves float64; raises BadValue.

    >>> formatted(-1.0, -1611.8, ".3e"), formatted(1.0, 5000.0, "+.3g"), formatted(1.0, 0.0, ".2f")
    ('-1.010e-700', '+2.97e+2171', '1.00')
    """
    if math.isinf(log) or not sign or math.isnan(log + sign) or _in_range(log):
        return _checked(sign * (math.inf if log == math.inf else math.exp(log)), spec)
    beyond = _SPEC.fullmatch(spec)
    if beyond is None or (beyond["kind"] in ("f", "F", "%") and log < 0):
        return _checked(math.copysign(0.0, sign), spec)
    if beyond["kind"] in ("f", "F", "%"):
        raise BadValue(f"the format {spec!r} would write {log / math.log(10):.0f} digits; give one as .3e or .4g")
    before = "-" if sign < 0 else beyond["sign"].replace("-", "")
    return _padded(before, _mantissa_and_exponent(log, beyond), beyond)


def _in_range(log: float) -> bool:
    """Whether float64 holds the size with all its digits."""
    return math.log(sys.float_info.min) <= log < math.log(sys.float_info.max)


def _checked(value: float, spec: str) -> str:
    try:
        return format(value, spec)
    except ValueError as e:
        raise BadValue(f"the format {spec!r} is none of a number; give one as .3e, +.4g or 12.3g") from e


def _mantissa_and_exponent(log: float, spec: re.Match[str]) -> str:
    kind = spec["kind"].lower()
    digits = USUAL_DIGITS[kind] if spec["digits"] is None else int(spec["digits"])
    whole, share = _decades(log)
    decimals = digits if kind == "e" else max(digits, 1) - 1
    mantissa, _, carried = f"{10**share:.{decimals}e}".partition("e")
    if kind != "e" and not spec["whole"] and "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}{'E' if spec['kind'].isupper() else 'e'}{whole + int(carried):+d}"


def _decades(log: float) -> tuple[int, float]:
    """log10 in whole decades and the rest, with the digits that log / ln 10 in float64 would lose."""
    from decimal import Decimal, localcontext  # only a number beyond float64 asks for it

    with localcontext(prec=30 + max(0, int(math.log10(abs(log))))):
        log10 = Decimal(log) / Decimal(10).ln()
        whole = math.floor(log10)
        return whole, float(log10 - whole)


def _padded(sign: str, body: str, spec: re.Match[str]) -> str:
    width, align = int(spec["width"] or 0), spec["align"] or ("=" if spec["zero"] else ">")
    fill = spec["fill"] or ("0" if spec["zero"] else " ")
    if align == "=":
        return sign + body.rjust(width - len(sign), fill)
    return format(sign + body, f"{fill}{align}{width}")


def signed(sign: float, log: float) -> str:
    """sign · exp(log) with its sign, to six digits or as many as the logarithm holds.

    >>> signed(1.0, -1611.8), signed(1.0, 1e15), signed(0.0, -math.inf), signed(math.nan, math.nan)
    ('+1.00961e-700', '+7e+434294481903251', '0', 'nan')
    """
    # half the logarithm's last unit, as a share of the number
    held = 6 if not abs(log) > 1 or math.isinf(log) else math.floor(-math.log10(math.ulp(log) / 2))
    digits = min(6, max(1, held))
    return formatted(sign, log, f"+.{digits}g") if abs(sign) == 1 else formatted(sign, log, ".6g")
