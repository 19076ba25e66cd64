"""atan, sin, cos, tan of a float64, without a branch: a loop around them is vectorised.

sin, cos and tan take the multiple of π/2 nearest to x off it, in parts whose products with it are exact (Cody and Waite
1980). Of larger arguments too few digits would be left: there they return NaN.
"""

from __future__ import annotations

import math

from chainderiv.compiling.vectormath.bits import SHIFT, bits_of, float_of, inlined, pick, polynomial, with_sign_of
from chainderiv.compiling.vectormath.exp import TINY

LARGEST = 1.6e6  # of |x|: the multiple of π/2 has 20 bits
TWO_OVER_PI = 0.6366197723675814
# π/2 in three parts of 33 bits, and what is left
QUARTER_TURN = (
    float.fromhex("0x1.921fb54400000p+0"),
    float.fromhex("0x1.0b4611a600000p-34"),
    float.fromhex("0x1.3198a2e000000p-69"),
    float.fromhex("0x1.b839a252049c1p-104"),
)
HALF_PI = 1.5707963267948966
HALF_PI_LOW = float.fromhex("0x1.1a62633145c07p-54")
# (sin(r) - r)/r³ and (cos(r) - 1 + r²/2)/r⁴ in r² on |r| <= π/4, by a Remez exchange of our own;
# relative to sin and cos they are off by 4e-18 and 6e-20
SIN_TAIL = (
    -0.16666666666666632,
    0.008333333333322512,
    -0.00019841269829863723,
    2.7557313706023364e-06,
    -2.505075972031154e-08,
    1.5896861666524806e-10,
)
COS_TAIL = (
    0.041666666666666616,
    -0.0013888888888876074,
    2.4801587290537116e-05,
    -2.755731462237705e-07,
    2.0875756346838756e-09,
    -1.1361210242593912e-11,
)
# (atan(v) - v)/v³ in v² on |v| <= 1/2, by a Remez exchange of our own; relative to atan it is off by 5e-18
ATAN_TAIL = (
    -0.33333333333333065,
    0.1999999999991831,
    -0.1428571427744615,
    0.11111110697956486,
    -0.09090897068896245,
    0.0769208523928214,
    -0.06663913767253535,
    0.058589288963139446,
    -0.05124557999110328,
    0.04193084152975363,
    -0.027532676459866002,
    0.01018050094082925,
)


@inlined
def atan(x: float) -> float:
    """Inverse tangent, to 1.4 ulp: that of |x|, or of (|x| - 1)/(|x| + 1) and π/4, or of -1/|x| and π/2."""
    size = abs(x)
    middle, outer = size > 0.5, size > 2.0
    above = pick(outer, -1.0, pick(middle, size - 1.0, size))
    below = pick(outer, size, pick(middle, size + 1.0, 1.0))
    turns = pick(outer, 1.0, pick(middle, 0.5, 0.0))
    v = above / below
    w = v * v
    value = turns * HALF_PI + (v + (turns * HALF_PI_LOW + v * w * polynomial(w, ATAN_TAIL)))
    return with_sign_of(value, x)


@inlined
def reduced(x: float) -> tuple[float, float, int]:
    """r, the rest of it, and n with x = n π/2 + r and |r| <= π/4; of n the last bits count."""
    shifted = x * TWO_OVER_PI + SHIFT
    n = shifted - SHIFT
    first = x - n * QUARTER_TURN[0]
    second, lost = difference(first, n * QUARTER_TURN[1])
    third, lost_too = difference(second, n * QUARTER_TURN[2])
    rest = (lost + lost_too) - n * QUARTER_TURN[3]
    r = third + rest
    return r, (third - r) + rest, bits_of(shifted)


@inlined
def difference(a: float, b: float) -> tuple[float, float]:
    """a - b and what it loses to rounding (Knuth's two-sum)."""
    total = a - b
    taken = total - a
    return total, (a - (total - taken)) - (b + taken)


@inlined
def sin_and_cos(x: float) -> tuple[float, float, int]:
    """sin and cos of r, |r| <= π/4, to 0.8 ulp, and n with x = n π/2 + r; of n the last bits count."""
    r, low, n = reduced(x)
    z = r * r
    half = 0.5 * z
    sine = r + (low * (1.0 - half) + r * z * polynomial(z, SIN_TAIL))
    near = 1.0 - half
    cosine = near + (((1.0 - near) - half) + (z * z * polynomial(z, COS_TAIL) - r * low))
    return sine, cosine, n


@inlined
def turned_sin(x: float, turns: int) -> float:
    """sin(x + turns π/2)."""
    sine, cosine, n = sin_and_cos(x)
    n += turns
    value = pick((n & 1) == 1, cosine, sine)
    return float_of(bits_of(value) ^ ((n & 2) << 62))  # the sign, where n's second bit is set


@inlined
def sin(x: float) -> float:
    """Sine, to 0.8 ulp for |x| <= 1.6e6; NaN beyond."""
    value = pick(abs(x) < TINY, x, turned_sin(x, 0))
    return pick(abs(x) <= LARGEST, value, math.nan)


@inlined
def cos(x: float) -> float:
    """Cosine, to 0.8 ulp for |x| <= 1.6e6; NaN beyond."""
    return pick(abs(x) <= LARGEST, turned_sin(x, 1), math.nan)


@inlined
def tan(x: float) -> float:
    """Tangent, to 2.1 ulp for |x| <= 1.6e6; NaN beyond."""
    sine, cosine, n = sin_and_cos(x)
    odd = (n & 1) == 1
    value = pick(odd, -cosine, sine) / pick(odd, sine, cosine)
    value = pick(abs(x) < TINY, x, value)
    return pick(abs(x) <= LARGEST, value, math.nan)
