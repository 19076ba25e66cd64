"""What a kernel needs of exponents: taking them out of a product, and the exponential of what is not positive."""

from __future__ import annotations

from chainderiv.compiling.vectormath.bits import (
    EXPONENT,
    FRACTION,
    ONE,
    SHIFT,
    bits_of,
    float_of,
    inlined,
    pick,
    polynomial,
)
from chainderiv.compiling.vectormath.exp import EXPM1_TAIL, LOG2_E, LOG_2_HIGH, LOG_2_LOW

SIGN = ~0x7FFF_FFFF_FFFF_FFFF


@inlined
def exponent_of(value: float) -> float:
    """e of value = m · 2^e with 1 <= |m| < 2, for a normal number."""
    return float(((bits_of(value) & EXPONENT) >> 52) - 1023)


@inlined
def mantissa_of(value: float) -> float:
    """The m of the same; a normal number."""
    return float_of((bits_of(value) & (FRACTION | SIGN)) | ONE)


@inlined
def parts_down(x: float) -> tuple[float, int]:
    """exp(r) - 1 and, in the last bits of an int, k: e^x = 2^k exp(r) for -708 <= x <= 0, and e^-708 below."""
    within = pick(x < -708.0, -708.0, x)
    shifted = within * LOG2_E + SHIFT
    k = shifted - SHIFT
    r = (within - k * LOG_2_HIGH) - k * LOG_2_LOW
    return r + r * r * polynomial(r, EXPM1_TAIL), bits_of(shifted)


@inlined
def exp_down(x: float) -> float:
    """e^x for x <= 0, and e^-708 below, for callers that take it as underflowed: without the steps that exp takes."""
    beyond_1, k = parts_down(x)
    return float_of(bits_of(1.0 + beyond_1) + (k << 52))


@inlined
def expm1_down(x: float) -> float:
    """e^x - 1 for x <= 0, to 1 ulp; a compiler that meets both takes the steps that it shares with exp_down once."""
    beyond_1, k = parts_down(x)
    scale = float_of((k << 52) + ONE)
    return (scale - 1.0) + scale * beyond_1
