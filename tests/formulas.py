"""Activations that the catalogue does not have: each as SymPy's formula, and φ, φ' a second time by hand in mpmath.

The terms of φ' are written so that no digits cancel within one; a whole number 0 is a zero that the formula states.
"""

import math
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import sympy
from sympy import Max, Min, Rational, asinh, atan, cosh, erf, exp, log, sin, sinh, sqrt, tanh

from chainderiv.functions.heads import cbrt, log10, sinc
from chainderiv.symbols import z
from tests.plain import density, sigmoid, sigmoid_prime, softplus


@dataclass(frozen=True)
class Case:
    """formula in z; phi(t) by hand; terms(t), whose sum is φ'; loses: where float64 loses the plain formula's digits."""

    formula: Any
    phi: Any
    terms: Any
    loses: tuple[str, ...] = ()


def swish(beta):
    return Case(
        z / (1 + exp(-beta * z)),
        lambda t: t * sigmoid(_exact(beta) * t),
        lambda t: [sigmoid(_exact(beta) * t), _exact(beta) * t * sigmoid_prime(_exact(beta) * t)],
        ("derivative", "log"),
    )


def _exact(beta):
    return mp.mpf(beta.p) / beta.q if isinstance(beta, Rational) else mp.mpf(float(beta))


def _tanhshrink(t):
    """t - tanh t, by its series near 0, where the difference cancels."""
    with mp.workdps(mp.mp.dps + 60):
        return t - mp.tanh(t)


ALL = ("value", "derivative", "log")
FORMULAS = {
    "swish with a rate of 3/2": swish(Rational(3, 2)),
    "swish with a decimal rate": swish(sympy.Float(1.702)),
    "gaussian": Case(exp(-(z**2)), lambda t: mp.exp(-t * t), lambda t: [-2 * t * mp.exp(-t * t)], ("log",)),
    "wavelet": Case(
        z * exp(-(z**2) / 2),
        lambda t: t * mp.exp(-t * t / 2),
        lambda t: [mp.exp(-t * t / 2), -t * t * mp.exp(-t * t / 2)] if abs(t) != 1 else [0],
        ("derivative", "log"),
    ),
    "log cosh": Case(
        log(cosh(z)),
        lambda t: mp.log1p(2 * mp.sinh(t / 2) ** 2),
        lambda t: [mp.tanh(t)],
        ALL,
    ),
    "half tanh": Case(
        sinh(z) / (1 + cosh(z)), lambda t: mp.tanh(t / 2), lambda t: [1 / (2 * mp.cosh(t / 2) ** 2)], ALL
    ),
    "inverse square root": Case(
        z / sqrt(1 + z**2), lambda t: t / mp.sqrt(1 + t * t), lambda t: [(1 + t * t) ** mp.mpf(-1.5)], ("derivative", "log")
    ),
    "normal distribution": Case((1 + erf(z / sqrt(2))) / 2, mp.ncdf, lambda t: [density(t)], ("value", "log")),
    "gelu with erf": Case(
        z * (1 + erf(z / sqrt(2))) / 2, lambda t: t * mp.ncdf(t), lambda t: [mp.ncdf(t), t * density(t)], ALL
    ),
    "erf": Case(erf(z), mp.erf, lambda t: [2 / mp.sqrt(mp.pi) * mp.exp(-t * t)], ("log",)),
    "sine": Case(sin(z), mp.sin, lambda t: [mp.cos(t)]),
    "snake": Case(z + sin(z) ** 2, lambda t: t + mp.sin(t) ** 2, lambda t: [mp.mpf(1), mp.sin(2 * t)]),
    "bent identity": Case(
        (sqrt(z**2 + 1) - 1) / 2 + z,
        lambda t: t + t * t / (2 * (mp.sqrt(t * t + 1) + 1)),
        lambda t: [mp.mpf(1), t / (2 * mp.sqrt(t * t + 1))],
        ("value",),
    ),
    "hard sigmoid": Case(
        Max(0, Min(1, (z + 3) / 6)),
        lambda t: min(max((t + 3) / 6, 0), 1),
        lambda t: [mp.mpf(1) / 6 if abs(t) < 3 else 0],
    ),
    "squared relu": Case(Max(0, z) ** 2, lambda t: max(t, 0) ** 2, lambda t: [2 * t if t > 0 else 0]),
    "tanhshrink": Case(z - tanh(z), _tanhshrink, lambda t: [mp.tanh(t) ** 2], ("value",)),
    "softplus with a rate of 2": Case(
        log(1 + exp(2 * z)) / 2, lambda t: softplus(2 * t) / 2, lambda t: [sigmoid(2 * t)], ALL
    ),
    "shifted softplus": Case(
        log(1 + exp(z)) - log(2), lambda t: mp.log1p(mp.expm1(t) / 2), lambda t: [sigmoid(t)], ALL
    ),
    "tanh by the sigmoid": Case(
        2 * (1 / (1 + exp(-2 * z))) - 1, mp.tanh, lambda t: [1 / mp.cosh(t) ** 2], ALL
    ),
    "gudermannian": Case(
        atan(sinh(z)), lambda t: 2 * mp.atan(mp.tanh(t / 2)), lambda t: [1 / mp.cosh(t)], ("derivative", "log")
    ),
    "complementary log-log": Case(
        1 - exp(-exp(z)), lambda t: -mp.expm1(-mp.exp(t)), lambda t: [mp.exp(t - mp.exp(t))], ALL
    ),
    "cube root": Case(cbrt(z), lambda t: mp.sign(t) * mp.cbrt(abs(t)), lambda t: [mp.cbrt(abs(t)) / (3 * abs(t)) if t else mp.inf]),
    "inverse hyperbolic sine": Case(
        asinh(z), lambda t: mp.log1p(abs(t) + t * t / (1 + mp.sqrt(1 + t * t))) * mp.sign(t), lambda t: [1 / mp.sqrt(1 + t * t)]
    ),
    "sinc": Case(sinc(z), mp.sinc, lambda t: [-t * mp.hyp0f1(mp.mpf("2.5"), -t * t / 4) / 3]),
    "decimal logarithm": Case(
        log10(1 + z**2), lambda t: mp.log1p(t * t) / mp.log(10), lambda t: [2 * t / (1 + t * t) / mp.log(10)], ("value",)
    ),
    "lisht": Case(z * tanh(z), lambda t: t * mp.tanh(t), lambda t: [mp.tanh(t), t / mp.cosh(t) ** 2]),
}  # fmt: skip


def digits(got, want, scale):
    """The digits of got: -log10 of |got - want| / scale, 0 … 16; below float64's normal numbers in units of those."""
    got = float(got)
    if mp.isinf(want) or abs(want) > mp.mpf(2) ** 1024:
        return 16.0 if mp.isinf(got) and (got > 0) == (want > 0) else 0.0
    if got != got or mp.isinf(got):
        return 0.0
    normal = mp.mpf(2) ** -1022
    if got == 0 and want != 0 and scale < normal and (math.copysign(1, got) > 0) != (want > 0):
        return 0.0  # an underflow that lost its sign
    apart = abs(mp.mpf(got) - want)
    error = apart / scale if scale >= normal else apart / normal * mp.mpf(10) ** -12
    return 16.0 if error < mp.mpf(10) ** -16 else float(max(0, -mp.log10(error)))


def truth(case, point):
    """φ, φ', log|φ'|, and how much larger the largest term of φ' is than φ', at the digits that are set."""
    t = mp.mpf(float(point))
    terms = case.terms(t)
    slope = mp.fsum(terms)
    if all(isinstance(term, int) for term in terms) or slope == 0:
        return case.phi(t), mp.mpf(0), mp.ninf, mp.mpf(1)
    return case.phi(t), slope, mp.log(abs(slope)), max(abs(term) for term in terms) / abs(slope)
