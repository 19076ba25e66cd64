"""The neurons that saturate, and the softened ramps whose slope is one of them.

The stable forms are written with e = exp(-|z|), so that nothing overflows and the small side keeps its digits.
"""

from __future__ import annotations

import sympy
from sympy import Abs, Integer, Piecewise, Rational, asinh, atan, cos, exp, log, sin, sqrt, tanh
from sympy.codegen.cfunctions import expm1, log1p

from chainderiv.functions.neurons.row import Parameter, Row, by_sign
from chainderiv.functions.stable import Stable
from chainderiv.symbols import Expr, z


def logistic() -> Expr:
    """σ(z) without overflow."""
    return by_sign(1 / (1 + exp(-z)), exp(z) / (1 + exp(z)))


def log_logistic() -> Expr:
    """log σ(z), which lives on where σ(z) underflows."""
    return by_sign(-log1p(exp(-z)), z - log1p(exp(z)))


def _sigmoid() -> Stable:
    e = exp(-Abs(z))
    return Stable(
        value=logistic(),
        derivative=e / (1 + e) ** 2,
        log_abs_derivative=-Abs(z) - 2 * log1p(e),
        log_abs_value=log_logistic(),
        above_lower=logistic(),
        below_upper=by_sign(exp(-z) / (1 + exp(-z)), 1 / (1 + exp(z))),
    )


def _tanh() -> Stable:
    e = exp(-2 * Abs(z))
    return Stable(
        derivative=4 * e / (1 + e) ** 2,
        # -log1p(sinh²) keeps the digits of log φ' = -z² + … near 0; tanh/(1 - tanh²) would lose them
        log_abs_derivative=Piecewise(
            (-log1p((expm1(z) + expm1(z) / (1 + expm1(z))) ** 2 / 4), Abs(z) < 1),
            (2 * log(2) - 2 * Abs(z) - 2 * log1p(e), True),
        ),
        above_lower=by_sign(2 / (1 + exp(-2 * z)), 2 * exp(2 * z) / (1 + exp(2 * z))),
        below_upper=by_sign(2 * exp(-2 * z) / (1 + exp(-2 * z)), 2 / (1 + exp(2 * z))),
    )


def _softplus() -> Stable:
    value = by_sign(z + log1p(exp(-z)), log1p(exp(z)))
    return Stable(
        value=value,
        derivative=logistic(),
        log_abs_derivative=log_logistic(),
        # below -700 log φ = z - e^z/2 + …, and e^z is under 1e-304 of it
        log_abs_value=Piecewise((log(z + log1p(exp(-z))), z >= 0), (log(log1p(exp(z))), z > -700), (z, True)),
        above_lower=value,
    )


def _logsigmoid() -> Stable:
    return Stable(
        value=log_logistic(),
        derivative=by_sign(exp(-z) / (1 + exp(-z)), 1 / (1 + exp(z))),
        log_abs_derivative=by_sign(-z - log1p(exp(-z)), -log1p(exp(z))),
        # softplus's, mirrored
        log_abs_value=Piecewise((log(log1p(exp(z)) - z), z <= 0), (log(log1p(exp(-z))), z < 700), (-z, True)),
        below_upper=by_sign(log1p(exp(-z)), log1p(exp(z)) - z),
    )


def _softsign() -> Stable:
    lower = (1 + 2 * Abs(z)) / (1 + Abs(z))
    return Stable(
        derivative=1 / (1 + Abs(z)) ** 2,
        log_abs_derivative=-2 * log1p(Abs(z)),
        above_lower=by_sign(lower, 1 / (1 + Abs(z))),
        below_upper=by_sign(1 / (1 + Abs(z)), lower),
    )


def _arctan() -> Stable:
    return Stable(log_abs_derivative=Piecewise((-log1p(z**2), Abs(z) <= 1), (-2 * log(Abs(z)) - log1p(1 / z**2), True)))


def _squareplus() -> Stable:
    # φ = exp(asinh(z/2)), so φ' = φ/√(z² + 4) is the sigmoid of s = 2 asinh(z/2)
    s = 2 * asinh(z / 2)
    root = Piecewise((sqrt(z**2 + 4), Abs(z) < 2), (Abs(z) * sqrt(1 + (2 / z) ** 2), True))
    value = by_sign((z + root) / 2, 2 / (root - z))
    return Stable(
        value=value,
        derivative=by_sign(1 / (1 + exp(-s)), exp(s) / (1 + exp(s))),
        log_abs_derivative=by_sign(-log1p(exp(-s)), s - log1p(exp(s))),
        log_abs_value=s / 2,
        above_lower=value,
    )


def _tanhshrink() -> Stable:
    squared, series = z**2, sympy.Integer(0)
    # -tanh's terms from z³ on: for |z| < 1/32 each is under 1/2500 of the one before
    for n in reversed(range(2, 16)):
        series = series * squared - sympy.bernoulli(2 * n) * (16**n - 4**n) / sympy.factorial(2 * n)
    e = exp(-2 * Abs(z))
    far = 2 * log1p(-e) - 2 * log1p(e)
    return Stable(
        value=Piecewise((z**3 * series, Abs(z) < Rational(1, 32)), (z - tanh(z), True)),
        log_abs_derivative=Piecewise((2 * log(Abs(tanh(z))), Abs(z) < Rational(1, 64)), (far, True)),
    )


def _snake() -> Stable:
    # 1 + sin(2z): near its zeros a square of what is small keeps twice the digits; no logarithm is vouched for there
    return Stable(derivative=(sin(z) + cos(z)) ** 2)


SIGMOID = Row(
    "sigmoid", lambda u: 1 / (1 + exp(-u)), aliases=("logistic", "expit"), symbol="σ", latex=r"\sigma", stable=_sigmoid
)
TANH = Row("tanh", tanh, latex=r"\tanh", stable=_tanh)
SOFTPLUS = Row(
    "softplus",
    lambda u, beta: log(1 + exp(beta * u)) / beta,
    (Parameter("beta", Integer(1), positive=True),),
    latex=r"\operatorname{softplus}",
    stable=_softplus,
)
LOGSIGMOID = Row("logsigmoid", lambda u: -log(1 + exp(-u)), latex=r"\operatorname{logsigmoid}", stable=_logsigmoid)
SOFTSIGN = Row("softsign", lambda u: u / (1 + Abs(u)), latex=r"\operatorname{softsign}", stable=_softsign)
ARCTAN = Row("arctan", atan, aliases=("atan",), latex=r"\arctan", stable=_arctan)
SQUAREPLUS = Row(
    "squareplus",
    lambda u, b: (u + sqrt(u**2 + b)) / 2,
    (Parameter("b", Integer(4), positive=True),),
    latex=r"\operatorname{squareplus}",
    stable=_squareplus,
)
TANHSHRINK = Row("tanhshrink", lambda u: u - tanh(u), latex=r"\operatorname{tanhshrink}", stable=_tanhshrink)
SNAKE = Row(
    "snake",
    lambda u, a: u + sin(a * u) ** 2 / a,
    (Parameter("a", Integer(1), positive=True),),
    latex=r"\operatorname{snake}",
    stable=_snake,
)
IDENTITY = Row("identity", lambda u: u, aliases=("linear", "id"), latex=r"\operatorname{id}")
