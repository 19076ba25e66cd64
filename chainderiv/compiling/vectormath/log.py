"""log, log1p, asinh, cbrt of a float64, without a branch: a loop around them is vectorised.

log(2^e (1 + f)) = e log(2) + 2 artanh(s) with s = f/(2 + f), and 2 artanh(s) = f - f²/2 + s (f²/2 + R(s²)), which
keeps the digits of f (Ng 1993, fdlibm).
"""

from __future__ import annotations

import math

from chainderiv.compiling.vectormath.bits import (
    EXPONENT,
    FRACTION,
    ONE,
    bits_of,
    float_of,
    inlined,
    pick,
    polynomial,
    upper_half,
    with_sign_of,
)
from chainderiv.compiling.vectormath.exp import LOG_2, LOG_2_HIGH, LOG_2_LOW, TINY, exp

ROOT_HALF = 0x3FE6_A09E_667F_3BCD  # the bits of sqrt(1/2): 1 + f lies between it and sqrt(2)
NORMAL = 2.0**-1022
WHOLE = 0x4330_0000_0000_0000  # the bits of 2^52: its last bits count ones
# (2 artanh(s) - 2 s)/s³ in s² on |s| <= (sqrt(2) - 1)/(sqrt(2) + 1), by a Remez exchange of our own;
# relative to the logarithm it is off by 2e-18
ARTANH_TAIL = (
    0.6666666666666731,
    0.39999999999436564,
    0.28571428738248056,
    0.22222198948157304,
    0.1818354671363256,
    0.15314464428938937,
    0.147921013838984,
)


@inlined
def log_of_parts(f: float, e: float, low: float) -> float:
    """log(2^e (1 + f)) + low, with 1 + f between sqrt(1/2) and sqrt(2)."""
    s = f / (2.0 + f)
    z = s * s
    half_square = 0.5 * f * f
    rest = s * (half_square + z * polynomial(z, ARTANH_TAIL)) + (e * LOG_2_LOW + low)
    return e * LOG_2_HIGH - ((half_square - rest) - f)


@inlined
def log_of_normal(x: float) -> float:
    """Natural logarithm of a normal number above 0, to 0.9 ulp; of any other, some number or other."""
    bits = bits_of(x) + (ONE - ROOT_HALF)
    e = float_of((bits >> 52) | WHOLE) - (2.0**52 + 1023.0)
    return log_of_parts(float_of((bits & FRACTION) + ROOT_HALF) - 1.0, e, 0.0)


@inlined
def log(x: float) -> float:
    """Natural logarithm, to 0.9 ulp; -inf at 0, NaN below."""
    tiny = x < NORMAL
    bits = bits_of(pick(tiny, x * 2.0**54, x)) + (ONE - ROOT_HALF)
    e = float_of(((bits >> 52) & 0x7FF) | WHOLE) - pick(tiny, 2.0**52 + 1077.0, 2.0**52 + 1023.0)
    f = float_of((bits & FRACTION) + ROOT_HALF) - 1.0
    value = log_of_parts(f, e, 0.0)
    value = pick(x < math.inf, value, x)
    return pick(x > 0.0, value, pick(x == 0.0, -math.inf, math.nan))


@inlined
def log1p(x: float) -> float:
    """Natural logarithm of 1 + x, to 1 ulp; -inf at -1, NaN below.

    What 1 + x loses to rounding is added as its first order: lost/(1 + x).
    """
    total = 1.0 + x
    added = total - 1.0
    lost = (1.0 - (total - added)) + (x - added)
    bits = bits_of(total) + (ONE - ROOT_HALF)
    e = float_of(((bits >> 52) & 0x7FF) | WHOLE) - (2.0**52 + 1023.0)
    f = float_of((bits & FRACTION) + ROOT_HALF) - 1.0
    shrink = float_of(EXPONENT - (bits & EXPONENT))  # 2^(1-e), which is 0 where e is 1024
    value = log_of_parts(f, e, lost * shrink * (0.5 - f * (0.5 - f * (0.5 - 0.5 * f))))
    value = pick(x < math.inf, value, x)
    value = pick(abs(x) < TINY, x, value)
    return pick(x > -1.0, value, pick(x == -1.0, -math.inf, math.nan))


@inlined
def asinh(x: float) -> float:
    """Inverse hyperbolic sine, log1p(|x| + x²/(1 + √(1 + x²))), to 1.7 ulp."""
    size = abs(x)
    huge = size > 1e17  # there it is log(2|x|) to the last digit, and x² would leave float64
    within = pick(huge, 1.0, size)
    square = within * within
    argument = pick(huge, size, within + square / (1.0 + math.sqrt(1.0 + square)))
    value = log1p(argument) + pick(huge, LOG_2, 0.0)
    return pick(size < TINY, x, with_sign_of(value, x))


@inlined
def cbrt(x: float) -> float:
    """Real cube root, to 0.7 ulp: exp(log|x|/3) and one step of Newton's.

    Of h, the root without its last bits, the square is exact, and so nearly is |x| - h³.
    """
    size = abs(x)
    tiny, huge = size < 1e-200, size > 1e200  # there h³ could leave float64's normal numbers
    within = size * pick(tiny, 2.0**600, pick(huge, 2.0**-600, 1.0))
    h = upper_half(exp(log_of_normal(within) / 3.0))
    square = h * h
    upper = upper_half(square)
    left = (within - upper * h) - (square - upper) * h
    step = left / (3.0 * square)
    value = h + (step - step * step / h)
    value = value * pick(tiny, 2.0**-200, pick(huge, 2.0**200, 1.0))
    return pick((size > 0.0) & (size < math.inf), with_sign_of(value, x), x)
