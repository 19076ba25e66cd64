"""erf, erfc, erfcx, normal_cdf of a float64, without a branch: a loop around them is vectorised.

All of the positive half line is one polynomial: (1 + y) exp(y²) erfc(y) in t = (y - K)/(y + K), as in Shepherd and
Laframboise (1981), who took 1 + 2y; with 1 + y it hardly changes near 0, so that t's rounding does not show.
"""

from __future__ import annotations

import math

from chainderiv.numeric.vectormath_bits import inlined, pick, polynomial, upper_half, with_sign_of
from chainderiv.numeric.vectormath_exp import exp_parts

CENTRE = 3.53125  # K: among the sixty-fourths near 3.5 the one whose coefficients lose least to rounding
ROOT_2 = 1.4142135623730951
ROOT_HALF = 0.7071067811865476
CENTRE_ROOT_2 = 4.993941642129992
# (1 + y) exp(y²) erfc(y) in t on -1 <= t <= 1, interpolated by us at Chebyshev's points; off by 3e-17
SCALED_TAIL = (
    0.6978697029829439,
    -0.21364556506280308,
    0.11180593015371311,
    -0.033076909702981744,
    -0.009427655220929108,
    0.02102107168788059,
    -0.016156647847244916,
    0.007781978350493268,
    -0.0022090463262879195,
    7.753283392694478e-05,
    0.00022341492977952644,
    -7.38222939288576e-05,
    -1.0694904596822118e-05,
    1.1996589111595354e-05,
    -3.844058282993322e-07,
    -1.7122202071547246e-06,
    2.0758176997669585e-07,
    2.5704321053940284e-07,
    -4.026277080177949e-08,
    -4.078383191113349e-08,
    5.5275375228695196e-09,
    5.8424770367336155e-09,
    -4.342080675248802e-10,
    -5.094690909695028e-10,
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
def gauss_parts(y: float) -> tuple[float, float, float]:
    """p, s, t with exp(-y²) = p s t, as exp_parts; y² comes in two pieces, because exp would magnify its rounding."""
    upper = upper_half(y)
    return exp_parts(-(upper * upper), -((y - upper) * (y + upper)))


@inlined
def positive_erfcx(y: float) -> float:
    """exp(y²) erfc(y) for 0 <= y <= 1e300, to 1.5 ulp."""
    return polynomial((y - CENTRE) / (y + CENTRE), SCALED_TAIL) / (1.0 + y)


@inlined
def positive_erfc(y: float) -> float:
    """1 - erf(y) for 0 <= y <= 28, to 2 ulp."""
    p, s, t = gauss_parts(y)
    return p * positive_erfcx(y) * s * t


@inlined
def erfc(x: float) -> float:
    """Complementary error function 1 - erf(x), to 2 ulp."""
    size = abs(x)
    tail = positive_erfc(pick(size > 28.0, 28.0, size))
    return pick(x < 0.0, 2.0 - tail, tail)


@inlined
def erf(x: float) -> float:
    """Error function, to 1.5 ulp."""
    size = abs(x)
    far = with_sign_of(1.0 - positive_erfc(pick(size > 6.0, 6.0, size)), x)
    return pick(size < 1.0, x * polynomial(x * x, ERF_NEAR_0), far)


@inlined
def erfcx(x: float) -> float:
    """Scaled complementary error function exp(x²) erfc(x), to 2 ulp; inf below -26.64."""
    size = abs(x)
    tail = pick(size == math.inf, 0.0, positive_erfcx(size))
    within = pick(size > 27.0, 27.0, size)
    upper = upper_half(within)
    p, s, t = exp_parts(upper * upper, (within - upper) * (within + upper))
    return pick(x < 0.0, 2.0 * p * s * t - tail, tail)


@inlined
def normal_cdf(x: float) -> float:
    """Standard normal distribution function, (1 + erf(x/√2))/2, to 2 ulp in its left tail too; 0 below -38.5.

    It keeps x itself, because x/√2 is off by a rounding, which exp would magnify.
    """
    size = abs(x)
    y = pick(size > 40.0, 40.0, size)
    upper = upper_half(y)
    p, s, t = exp_parts(-0.5 * (upper * upper), -0.5 * ((y - upper) * (y + upper)))
    scaled = polynomial((y - CENTRE_ROOT_2) / (y + CENTRE_ROOT_2), SCALED_TAIL)
    tail = p * (ROOT_HALF * scaled / (ROOT_2 + y)) * s * t
    return pick(x > 0.0, 1.0 - tail, tail)
