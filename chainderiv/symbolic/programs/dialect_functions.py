"""Functions that a language lacks, written once for C, JavaScript and GLSL.

$real stands before a parameter, $let before a variable, $define before a function; $exp, $abs, $floor are the
language's own. Each function is listed after those that it calls.

Where x >= 1/4, erfcx(x) = (2x/π) ∫₀^∞ e^(-t²)/(x² + t²) dt comes from the trapezoidal rule with the step h = 3/8. It is
off by the residue of the pole at t = ix, 2 e^(x²)/(e^(2πx/h) - 1), and by some e^(-π²/h²) = 3e-31 (Matta and Reichel
1971; Hunter and Regan 1972). Below, e^(x²) erf(x) is a series of positive terms (Abramowitz and Stegun 1964, 7.1.6).
Nothing cancels, and x² is split where its rounding would be magnified by e^(x²). For 32 bits a polynomial does it: that
of (1 + 2x) erfcx(x) in (x - k)/(x + k), here k = 9/4 (Shepherd and Laframboise 1981).
"""

from __future__ import annotations

import math
import re
from string import Template

from chainderiv.symbolic.programs.dialect import Dialect

# e^(-t²)/(1 + t²/x²) at t = 3n/8, the smallest first
_TRAPEZIA = "".join(
    f"    sum += {math.exp(-square)!r}/(1.0 + {square!r}*q);\n"
    for square in ((0.375 * n) ** 2 for n in range(17, 0, -1))
)

HELPERS: dict[str, str] = {
    "square": """\
$define square(${real}x) {
    return x*x;
}
""",
    "sign_of": """\
$define sign_of(${real}x) {
    return x > 0.0 ? 1.0 : (x < 0.0 ? -1.0 : x);
}
""",
    "whole_power": """\
$define whole_power(${real}x, ${real}n) {
    $let power = 1.0;
    for ($let k = 0.0; k < n; k += 1.0) {
        power *= x;
    }
    return power;
}
""",
    "natural_log": """\
// log(x), and the lowest float for 0, where GLSL leaves log undefined
$define natural_log(${real}x) {
    return x == 0.0 ? -3.4028235e38 : log(x);
}
""",
    "log1p": """\
// log(1 + x) = 2 atanh(x/(2 + x))
$define log1p(${real}x) {
    if ($abs(x) > 0.5) {
        return natural_log(1.0 + x);
    }
    $let t = x/(2.0 + x), q = t*t;  // q <= 1/9, and 1/25 where x > 0
    $let sum = 1.0 + q*(0.33333333333333333 + q*(0.2 + q*(0.14285714285714286 + q*(0.11111111111111111
        + q*(0.090909090909090909 + q*0.076923076923076923)))));
    return 2.0*t*sum;
}
""",
    "expm1": """\
// e^x - 1 by its series near 0
$define expm1(${real}x) {
    if ($abs(x) > 0.5) {
        return exp(x) - 1.0;
    }
    $let sum = 1.0;
    for ($let n = 9.0; n > 1.5; n -= 1.0) {
        sum = 1.0 + sum*x/n;
    }
    return x*sum;
}
""",
    "accurate_tanh": """\
// tanh without the overflow that some graphics processors have
$define accurate_tanh(${real}x) {
    $let t = expm1(-2.0*$abs(x));
    return (x < 0.0 ? t : -t)/(2.0 + t);
}
""",
    "accurate_sinh": """\
$define accurate_sinh(${real}x) {
    $let t = expm1($abs(x));
    return (x < 0.0 ? -0.5 : 0.5)*(t + t/(1.0 + t));
}
""",
    "exp_of_square": """\
// e^(c x^2), c = 1, -1 or -1/2; high^2 is exact
$define exp_of_square(${real}c, ${real}x) {
    if ($abs(x) > 64.0) {
        return $exp(c*x*x);
    }
    $let high = $floor(x*$split)/$split;
    return $exp(c*high*high)*$exp(c*(x - high)*(x + high));
}
""",
    "erf_series": """\
// e^(x^2) erf(x) for |x| <= 1
$define erf_series(${real}x) {
    $let sum = 1.0;
    for ($let n = 24.0; n > 0.5; n -= 1.0) {
        sum = 1.0 + sum*2.0*x*x/(2.0*n + 1.0);
    }
    return 1.1283791670955126*x*sum;
}
""",
    "erfcx_positive": """\
// e^(x^2) erfc(x) for x >= 0; above 1/4 the trapezoidal rule with the step 3/8, less the residue of its pole
$define erfcx_positive(${real}x) {
    if (x < 0.25) {
        return $exp(x*x) - erf_series(x);
    }
    $let r = 1.0/x;
    $let q = r*r, sum = 0.0;
"""
    + _TRAPEZIA
    + """\
    $let whole = 0.11936620731892150*(1.0 + 2.0*sum)/x;
    if (x >= 4.0) {
        return whole;
    }
    return whole - 2.0*$exp(x*(x - 16.755160819145565))/(1.0 - $exp(-16.755160819145565*x));
}
""",
    "erfcx": """\
$define erfcx(${real}x) {
    return x >= 0.0 ? erfcx_positive(x) : 2.0*exp_of_square(1.0, x) - erfcx_positive(-x);
}
""",
    "erf": """\
$define erf(${real}x) {
    if ($abs(x) < 0.75) {
        return erf_series(x)*$exp(-x*x);
    }
    $let tail = exp_of_square(-1.0, x)*erfcx_positive($abs(x));
    return x > 0.0 ? 1.0 - tail : tail - 1.0;
}
""",
    "erfc": """\
$define erfc(${real}x) {
    return x < 0.25 ? 1.0 - erf(x) : exp_of_square(-1.0, x)*erfcx_positive(x);
}
""",
    "normal_cdf": """\
// the standard normal distribution function, digits kept in its left tail
$define normal_cdf(${real}x) {
    $let tail = 0.5*exp_of_square(-0.5, x)*erfcx_positive($abs(x)*0.7071067811865476);
    return x > 0.0 ? 1.0 - tail : tail;
}
""",
}

# what 32 bits need of them: no loop, and few divisions
_SINGLE = {
    "expm1": """\
// e^x - 1 by its series near 0
$define expm1(${real}x) {
    $let series = x*(1.0 + x*(0.5 + x*(0.16666667 + x*(0.041666667 + x*(0.0083333333 + x*(0.0013888889
        + x*(0.00019841270 + x*0.000024801587)))))));
    return $abs(x) > 0.5 ? exp(x) - 1.0 : series;
}
""",
    "exp_of_square": """\
// e^(c x^2)
$define exp_of_square(${real}c, ${real}x) {
    return $exp(c*x*x);
}
""",
    "erf_series": """\
// e^(x^2) erf(x) for |x| <= 3/4
$define erf_series(${real}x) {
    $let q = 2.0*x*x;
    return 1.1283791671*x*(1.0 + q*(0.33333333 + q*(0.066666667 + q*(0.0095238095 + q*(0.0010582011 + q*(0.000096200096
        + q*(0.0000074000074 + q*(0.00000049333383 + q*(0.000000029019637 + q*0.0000000015273493)))))))));
}
""",
    "erfcx_positive": """\
// e^(x^2) erfc(x) for x >= 0: (1 + 2x) times it is all but a polynomial in (x - 9/4)/(x + 9/4)
$define erfcx_positive(${real}x) {
    $let q = (x - 2.25)/(x + 2.25);
    $let sum = 1.270979938 + q*(-0.1102560624 + q*(-0.1307811749 + q*(0.1652654386 + q*(-0.08311963983
        + q*(0.01138998943 + q*(0.008036093919 + q*(-0.002500558693 + q*(-0.001053969316 + q*(0.0002908153744
        + q*0.0001283491219)))))))));
    return sum/(1.0 + 2.0*x);
}
""",
}


def called(name: str, text: str) -> bool:
    """Whether a text calls a function of ours; Math.log1p is none of ours.

    >>> called("log1p", "Math.log1p(t)"), called("erf", "1.0 - erf(t)")
    (False, True)
    """
    return re.search(rf"(?<![.\w]){name}\(", text) is not None


def helpers_called(text: str, dialect: Dialect) -> list[str]:
    """The functions that a text calls and the language lacks, and those that they call, each before what calls it."""
    kept: list[str] = []
    written = HELPERS | _SINGLE if dialect.single else HELPERS
    for name, helper in reversed(written.items()):
        if name not in dialect.native and called(name, text):
            kept.insert(0, Template(helper).substitute(dialect.words))
            text += kept[0]
    return kept
