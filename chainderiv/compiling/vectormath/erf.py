"""erf, erfc, erfcx, normal_cdf of a float64, without a branch: a loop around them is vectorised.

All of the positive half line is one polynomial: (b + y) exp(y²) erfc(y) in t = (y - K)/(y + K), as in Shepherd and
Laframboise (1981), who took 1 + 2y. With b = 7/8 it hardly changes near 0, so that t's rounding does not show; K is,
of the fractions near 4, the one whose coefficients lose least to rounding.
"""

from __future__ import annotations

import math

from chainderiv.compiling.vectormath.bits import inlined, pick, polynomial, upper_half, with_sign_of
from chainderiv.compiling.vectormath.exp import exp_parts

TWO_OVER_ROOT_PI = 1.1283791670955126
ONE_OVER_ROOT_2_PI = 0.3989422804014327
ERFCX_B, ERFCX_K = 0.875, 3.8125
NORMAL_B, NORMAL_K = 1.25, 4.9375
# (b + y) exp(y²) erfc(y) in t on -1 <= t <= 1, interpolated by us at Chebyshev's points; off by 3e-17
ERFCX_FIRST = 0.6719314719859317
ERFCX_TAIL = (
    -0.17121549522579552,
    0.08744174749567786,
    -0.022139671192856186,
    -0.014352852254524217,
    0.025085757906481033,
    -0.020677539784883008,
    0.011817668798995372,
    -0.004784579662147331,
    0.0011690178521601162,
    2.4626042263842546e-06,
    -0.00012776498052119876,
    3.956809541574929e-05,
    4.884208400717571e-06,
    -6.172287547459411e-06,
    5.425511428697785e-07,
    7.695519752317077e-07,
    -1.7669766051217033e-07,
    -9.405217889491597e-08,
    3.2815961615018816e-08,
    1.093617274208683e-08,
    -4.648182520481037e-09,
    -8.542406626949245e-10,
    3.8575235758264873e-10,
)
# (b + y) exp(y²/2) Φ(-y) in t on -1 <= t <= 1, interpolated by us at Chebyshev's points; off by 4e-17
NORMAL_FIRST = 0.4815493965271995
NORMAL_TAIL = (
    -0.1281681141631816,
    0.059426048226395474,
    -0.009094226081108244,
    -0.015208749719715572,
    0.018791893899607684,
    -0.012585257131579729,
    0.0055211082682014205,
    -0.0013690261622783546,
    -4.4457335232902274e-05,
    0.0001703804732075764,
    -4.194365319786199e-05,
    -1.2219481775786677e-05,
    7.950287125192427e-06,
    5.630904271865674e-07,
    -1.2397171655746056e-06,
    9.679308756857296e-09,
    1.96286189836854e-07,
    -5.8743009819524685e-09,
    -3.172016141840612e-08,
    5.816883277931741e-10,
    4.518326018298025e-09,
    -7.860085798158556e-12,
    -3.8868620076827735e-10,
)
# erf(x)/x in x² on |x| <= 1, by a Remez exchange of our own; off by 7e-18
ERF_NEAR_0 = (
    1.1283791670955126,
    -0.3761263890318355,
    0.11283791670945252,
    -0.026866170643276083,
    0.005223977607422596,
    -0.0008548325989667251,
    0.0001205529531995124,
    -1.4924744658598196e-05,
    1.6447517679364607e-06,
    -1.6209176310612294e-07,
    1.372297939784883e-08,
    -7.801196917551076e-10,
)


@inlined
def sum_of_two(a: float, b: float) -> tuple[float, float]:
    """a + b and what it loses to rounding, for |a| >= |b|."""
    total = a + b
    return total, b - (total - a)


@inlined
def weighed(p: float, p_low: float, c: float, c_low: float, d: float, usual: float) -> float:
    """(p + p_low) (c + c_low)/d with the division's rounding alone; p c is within a factor 2 of the usual.

    What the product loses comes back as its first order, and for that 1/(p c) is known well enough from the usual one.
    """
    p_upper, c_upper = upper_half(p), upper_half(c)
    product = p_upper * c_upper
    total, lost = sum_of_two(product, p_upper * (c - c_upper) + (p - p_upper) * c + (p_low * c + p * c_low))
    value = total / d
    return value + value * lost * ((2.0 - total / usual) / usual)


@inlined
def positive_erfcx(y: float) -> float:
    """exp(y²) erfc(y) for y >= 0 but not inf."""
    t = (y - ERFCX_K) / (y + ERFCX_K)
    c, c_low = sum_of_two(ERFCX_FIRST, t * polynomial(t, ERFCX_TAIL))
    d = ERFCX_B + y
    added = d - ERFCX_B
    d_low = (ERFCX_B - (d - added)) + (y - added)
    value = c / d
    return value + value * (c_low - value * d_low) * (2.5 - 1.5 * c)  # 1/c, to 7 %


@inlined
def gaussian_tail(
    y: float, m: float, b: float, k: float, first: float, tail: tuple[float, ...], steepest: float, usual: float
) -> float:
    """The integral from y on of steepest · exp(-m u²), y >= 0, from its value at h, which is y without its last bits.

    b, k, first, tail : of (b + y) exp(m y²) times it, a polynomial in (y - k)/(y + k). h² is exact, where exp would
    magnify the rounding of y², and so are b + h and h ± k. Between h and y the integral is taken to its third order.
    """
    h = upper_half(y)
    left = y - h
    p, p_low, s, t = exp_parts(-m * (h * h))
    d = b + h
    v = (h - k) / (h + k)
    c, c_low = sum_of_two(first, v * polynomial(v, tail))
    turn = m * h * left
    between = steepest * left * (1.0 - turn * (1.0 - 2.0 / 3.0 * turn))
    return weighed(p, p_low, c, c_low - d * between, d, usual) * s * t


@inlined
def positive_erfc(y: float) -> float:
    """1 - erf(y) for 0 <= y <= 28."""
    return gaussian_tail(y, 1.0, ERFCX_B, ERFCX_K, ERFCX_FIRST, ERFCX_TAIL, TWO_OVER_ROOT_PI, 0.9)


@inlined
def erfc(x: float) -> float:
    """Complementary error function 1 - erf(x), to 1.9 ulp."""
    size = abs(x)
    tail = positive_erfc(pick(size > 28.0, 28.0, size))
    return pick(x < 0.0, 2.0 - tail, tail)


@inlined
def erf(x: float) -> float:
    """Error function, to 1.8 ulp."""
    size = abs(x)
    far = with_sign_of(1.0 - positive_erfc(pick(size > 6.0, 6.0, size)), x)
    return pick(size < 1.0, x * polynomial(x * x, ERF_NEAR_0), far)


@inlined
def erfcx(x: float) -> float:
    """Scaled complementary error function exp(x²) erfc(x), to 1.6 ulp; inf below -26.64."""
    size = abs(x)
    tail = pick(size == math.inf, 0.0, positive_erfcx(size))
    within = pick(size > 27.0, 27.0, size)
    h = upper_half(within)
    p, p_low, s, t = exp_parts(h * h)
    more = (within - h) * (within + h)  # x² = h² + more
    p_low += p * more * (1.0 + more * (0.5 + more / 6.0))
    return pick(x < 0.0, 2.0 * p * s * t + (2.0 * p_low * s * t - tail), tail)


@inlined
def normal_cdf(x: float) -> float:
    """Standard normal distribution function, (1 + erf(x/√2))/2, to 2 ulp in its left tail too; 0 below -38.5.

    As erfc, but from x itself: x/√2 would be off by a rounding, which exp magnifies.
    """
    size = abs(x)
    y = pick(size > 40.0, 40.0, size)
    tail = gaussian_tail(y, 0.5, NORMAL_B, NORMAL_K, NORMAL_FIRST, NORMAL_TAIL, ONE_OVER_ROOT_2_PI, 0.6)
    return pick(x > 0.0, 1.0 - tail, tail)
