"""exp, expm1, tanh, sinh, cosh of a float64, without a branch: a loop around them is vectorised.

exp(x) = 2^k exp(r), k whole and |r| <= log(2)/2 (Cody and Waite 1980): adding 1.5 · 2^52 rounds to k, and leaves it in
the last bits.
"""

from __future__ import annotations

from chainderiv.compiling.vectormath.bits import ONE, SHIFT, bits_of, float_of, inlined, pick, polynomial, with_sign_of

LOG2_E = 1.4426950408889634
LOG_2 = 0.6931471805599453
LOG_2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")  # 42 bits: its product with k is exact
LOG_2_LOW = float.fromhex("0x1.ef35793c76730p-45")
# (exp(r) - 1 - r)/r² on |r| <= log(2)/2, by a Remez exchange of our own; relative to exp(r) - 1 it is off by 2e-17
EXPM1_TAIL = (
    0.5000000000000006,
    0.16666666666666685,
    0.041666666666574106,
    0.008333333333314548,
    0.001388888893225531,
    0.00019841269903113438,
    2.4801504569725e-05,
    2.7557227889080416e-06,
    2.762628391024189e-07,
    2.5114491310876775e-08,
)
# r coth(r/2) = r (e^r + 1)/(e^r - 1) in r² on |r| <= log(2)/2, interpolated in Chebyshev's points; e^r is off by 2e-18
COTH = (
    2.0,
    0.1666666666666666,
    -0.0027777777777564404,
    6.613756471622828e-05,
    -1.6534060033836456e-06,
    4.1437662804024295e-08,
)
HALVED = ~0x000F_FFFF_FFFF_FFFF
QUARTER = ONE - 0x0020_0000_0000_0000  # the bits of 1/4
TINY = 1e-17  # below it x is the result, for the functions that begin with x


@inlined
def exp_parts(x: float) -> tuple[float, float, float, float]:
    """p, p_low, s, t with exp(x) = (p + p_low) s t to 0.3 ulp, for |x| < 1400.

    0.7 < p < 1.5; s and t are powers of 2: two, because their product is out of float64 where the result overflows or
    is subnormal.
    """
    shifted = x * LOG2_E + SHIFT
    k = shifted - SHIFT
    near = x - k * LOG_2_HIGH
    r = near - k * LOG_2_LOW
    rest = r * r * polynomial(r, EXPM1_TAIL) + ((near - r) - k * LOG_2_LOW)
    beyond_1 = r + rest
    p = 1.0 + beyond_1
    s, t = powers_of_2(bits_of(shifted))
    return p, (beyond_1 - (p - 1.0)) + (rest - (beyond_1 - r)), s, t


@inlined
def powers_of_2(bits: int) -> tuple[float, float]:
    """s and t with s t = 2^k, where the last bits of an int are k, and |k| < 2000."""
    half = (bits << 51) & HALVED
    return float_of(half + ONE), float_of((bits << 52) - half + ONE)


@inlined
def exp(x: float) -> float:
    """e^x, to 1 ulp, subnormal results too."""
    within = pick(x > 710.0, 710.0, x)
    beyond_1, k = plain_parts(pick(within < -746.0, -746.0, within))
    s, t = powers_of_2(k)
    return (1.0 + beyond_1) * s * t


@inlined
def plain_parts(x: float) -> tuple[float, int]:
    """exp(r) - 1 and, in the last bits of an int, k, with e^x = 2^k exp(r)."""
    shifted = x * LOG2_E + SHIFT
    k = shifted - SHIFT
    r = (x - k * LOG_2_HIGH) - k * LOG_2_LOW
    return r + r * r * polynomial(r, EXPM1_TAIL), bits_of(shifted)


@inlined
def exp_down(x: float) -> float:
    """e^x for x <= 0, and e^-708 below, for callers that take it as underflowed: without the steps that exp takes."""
    beyond_1, k = plain_parts(pick(x < -708.0, -708.0, x))
    return float_of(bits_of(1.0 + beyond_1) + (k << 52))


@inlined
def exp_fraction(x: float) -> tuple[float, float, float]:
    """n, m and n + m with e^x = n/m and 1.6 < m < 2.4, for x <= 0; below -708 as exp_down.

    n/(n + m) and m/(n + m) are off by less than 1.7 ε: a sigmoid's two sides, for one division.
    """
    return fraction_of(*coth_parts(x))


@inlined
def near_exp_fraction(x: float) -> tuple[float, float, float]:
    """The same for -708 <= x <= 0, and as if x were off by another 2/3 ε of itself: for an x that is so anyway."""
    return fraction_of(*near_coth_parts(x))


@inlined
def fraction_of(c: float, r: float, bits: int) -> tuple[float, float, float]:
    """2^k (c + r), c - r and their sum."""
    over, under = float_of(bits_of(c + r) + bits), c - r
    return over, under, over + under


@inlined
def tanh_fraction(x: float) -> tuple[float, float, float, float]:
    """The same n and m, and m - n and m + n, whose quotient is -tanh(x/2) to 1.8 ε: it loses nothing near 0."""
    return tanh_fraction_of(*coth_parts(x))


@inlined
def near_tanh_fraction(x: float) -> tuple[float, float, float, float]:
    """The same as near_exp_fraction is to exp_fraction."""
    return tanh_fraction_of(*near_coth_parts(x))


@inlined
def tanh_fraction_of(c: float, r: float, bits: int) -> tuple[float, float, float, float]:
    """2^k (c + r), c - r, their difference and their sum."""
    scale = float_of(bits + ONE)
    up, down = 1.0 + scale, 1.0 - scale
    return float_of(bits_of(c + r) + bits), c - r, down * c - up * r, up * c - down * r


@inlined
def coth_parts(x: float) -> tuple[float, float, int]:
    """c, r and the exponent's bits with e^x = 2^k (c + r)/(c - r): c = r coth(r/2), |r| <= log(2)/2."""
    within = pick(x < -708.0, -708.0, x)
    shifted = within * LOG2_E + SHIFT
    k = shifted - SHIFT
    r = (within - k * LOG_2_HIGH) - k * LOG_2_LOW
    return polynomial(r * r, COTH), r, bits_of(shifted) << 52


@inlined
def near_coth_parts(x: float) -> tuple[float, float, int]:
    """The same for -708 <= x, in one step: k log(2) is off by 1/3 ε of itself, where the processor rounds once."""
    shifted = x * LOG2_E + SHIFT
    r = x - (shifted - SHIFT) * LOG_2
    return polynomial(r * r, COTH), r, bits_of(shifted) << 52


@inlined
def expm1_down(x: float) -> float:
    """e^x - 1 for x <= 0, to 1 ulp; a compiler that meets both takes the steps that it shares with exp_down once."""
    beyond_1, k = plain_parts(pick(x < -708.0, -708.0, x))
    scale = float_of((k << 52) + ONE)
    return (scale - 1.0) + scale * beyond_1


@inlined
def quarter_expm1(x: float) -> tuple[float, float]:
    """(exp(x) - 1)/4 as a float64 and the rest of it, 1e-300 < |x| and -40 <= x <= 710.6, to 0.6 ulp of the first.

    A quarter, because it stays in float64 wherever sinh(x) does.
    """
    shifted = x * LOG2_E + SHIFT
    k = shifted - SHIFT
    near = x - k * LOG_2_HIGH
    r = near - k * LOG_2_LOW
    r_low = (near - r) - k * LOG_2_LOW
    scale = float_of((bits_of(shifted) << 52) + QUARTER)  # 2^(k-2)
    whole = scale - 0.25
    scaled = scale * r
    first = whole + scaled
    tail = (scaled - (first - whole)) + scale * (r_low + r * r * polynomial(r, EXPM1_TAIL))
    total = first + tail
    return total, tail - (total - first)


@inlined
def expm1(x: float) -> float:
    """e^x - 1, to 1.2 ulp."""
    within = pick(x > 710.0, 710.0, x)
    within = pick(within < -40.0, -40.0, within)
    q, _ = quarter_expm1(within)
    return pick(abs(x) < TINY, x, 4.0 * q)


@inlined
def tanh(x: float) -> float:
    """Hyperbolic tangent q/(q + 1/2), q = (exp(2|x|) - 1)/4, to 1.5 ulp.

    What q and q + 1/2 lost to rounding is put back as its first order, where q does not dwarf it.
    """
    size = abs(x)
    q, q_low = quarter_expm1(2.0 * pick(size > 20.0, 20.0, size))
    below = q + 0.5
    below_low = q - (below - 0.5)
    ratio = q / below
    gap = 1.0 - ratio  # 1/(2 (q + 1/2))
    value = ratio + pick(q < 1.0, 2.0 * gap * (gap * q_low - ratio * below_low), 0.0)
    return pick(size < TINY, x, with_sign_of(value, x))


@inlined
def sinh(x: float) -> float:
    """Hyperbolic sine 2 (q + q/(4q + 1)), q = (exp(|x|) - 1)/4, to 1.6 ulp."""
    size = abs(x)
    q, q_low = quarter_expm1(pick(size > 710.6, 710.6, size))
    second = q / (4.0 * q + 1.0)
    shrink = 1.0 - 4.0 * second  # 1/(4q + 1)
    value = 2.0 * (q + (second + (1.0 + shrink * shrink) * q_low))
    return pick(size < TINY, x, with_sign_of(value, x))


@inlined
def cosh(x: float) -> float:
    """Hyperbolic cosine h + 1/(4h), h = exp(|x|)/2, to 1.4 ulp."""
    size = abs(x)
    p, _, s, t = exp_parts(pick(size > 711.0, 711.0, size))
    h = p * s * (0.5 * t)
    return h + 0.25 / h
