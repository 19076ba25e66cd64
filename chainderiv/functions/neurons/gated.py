"""The neurons z times a gate that opens from 0 to 1: silu, gelu and its approximations, mish."""

from __future__ import annotations

from sympy import Abs, Integer, Piecewise, Rational, exp, log, pi, sqrt, tanh
from sympy.codegen.cfunctions import log1p

from chainderiv.functions.neurons.row import Parameter, Row, by_sign
from chainderiv.functions.stable import Stable
from chainderiv.symbols import Expr, erfcx, normal_cdf, z

QUICK = Rational("1.702")  # Hendrycks and Gimpel 2016
_CUBIC = Rational("0.044715")


def _logistic_gate(q: Expr) -> Stable:
    """Of z σ(q), q odd and rising: φ' = σ + s σ (1 - σ), s = z q'."""
    u, v, s = exp(-q), exp(q), z * q.diff(z)
    return Stable(
        value=by_sign(z / (1 + u), z * v / (1 + v)),
        derivative=by_sign((1 + u + s * u) / (1 + u) ** 2, v * (1 + v + s) / (1 + v) ** 2),
        # φ' - 1 = u (s - 1 - u)/(1 + u)²: φ' tends to 1, and its logarithm to what is left
        log_abs_derivative=by_sign(log1p(u * (s - 1 - u) / (1 + u) ** 2), q + log(Abs(1 + v + s)) - 2 * log1p(v)),
        log_abs_value=log(Abs(z)) + by_sign(-log1p(u), q - log1p(v)),
    )


def _cubic(u: Expr) -> Expr:
    return sqrt(2 / pi) * (u + _CUBIC * u**3)


def _gelu() -> Stable:
    density, upper_tail = exp(-(z**2) / 2) / sqrt(2 * pi), normal_cdf(-z)
    # φ'(z) = Φ(z) + z n(z) = n(z) (z + Φ(z)/n(z)); Φ/n is the Mills ratio √(π/2) erfcx(-z/√2)
    mills = sqrt(pi / 2) * erfcx(-z / sqrt(2))
    return Stable(
        derivative=by_sign(1 - upper_tail + z * density, density * (z + mills)),
        log_abs_derivative=by_sign(log1p(z * density - upper_tail), log(Abs(z + mills)) - z**2 / 2 - log(2 * pi) / 2),
        log_abs_value=by_sign(log(Abs(z)) + log1p(-upper_tail), log(Abs(z)) + log(erfcx(-z / sqrt(2)) / 2) - z**2 / 2),
    )


def _mish() -> Stable:
    # tanh(log(1 + v)) = (v² + 2v)/(v² + 2v + 2), v = e^z; on the right in u = e^-z, both sides times u²
    u, v = exp(-z), exp(z)
    right, left = 1 + 2 * u + 2 * u**2, 2 + 2 * v + v**2
    turning = (2 + v) * left + 4 * z * (1 + v)
    return Stable(
        value=by_sign(z * (1 + 2 * u) / right, z * v * (2 + v) / left),
        derivative=by_sign(((1 + 2 * u) * right + 4 * z * u**2 * (1 + u)) / right**2, v * turning / left**2),
        log_abs_derivative=by_sign(
            log1p(2 * u**2 * (2 * z * (1 + u) - right) / right**2), z + log(Abs(turning)) - 2 * log(left)
        ),
        log_abs_value=by_sign(log(Abs(z)) + log1p(-2 * u**2 / right), log(Abs(z)) + z + log((2 + v) / left)),
    )


def _gelu_tanh() -> Stable:
    """By 1 + tanh(p) = 2 σ(2p); what is left out beyond -16 and 100 is under e^-300 of the rest."""
    q, a = 2 * _cubic(z), sqrt(2 / pi)
    forms, s = _logistic_gate(q), z * q.diff(z)
    # log|φ'| = q + log|1 + s|, with log|s| by what does not overflow
    log_slope = q + 3 * log(Abs(z)) + log(6 * a * _CUBIC + 2 * a / z**2) + log1p(1 / s)
    return Stable(
        value=Piecewise((z, z > 100), (z * exp(q), z < -16), (forms.value, True)),
        derivative=Piecewise((1, z > 100), (-exp(log_slope), z < -16), (forms.derivative, True)),
        log_abs_derivative=Piecewise((0, z > 100), (log_slope, z < -16), (forms.log_abs_derivative, True)),
        log_abs_value=Piecewise((log(Abs(z)), z > 100), (log(Abs(z)) + q, z < -16), (forms.log_abs_value, True)),
    )


SILU = Row(
    "silu",
    lambda u, beta: u / (1 + exp(-beta * u)),
    (Parameter("beta", Integer(1), positive=True),),
    aliases=("swish",),
    latex=r"\operatorname{silu}",
    stable=lambda: _logistic_gate(z),
)
QUICK_GELU = Row(
    "quick_gelu",
    lambda u: u / (1 + exp(-QUICK * u)),
    latex=r"\operatorname{quick\_gelu}",
    stable=lambda: _logistic_gate(QUICK * z),
)
GELU = Row("gelu", lambda u: u * normal_cdf(u), latex=r"\operatorname{gelu}", stable=_gelu)
GELU_TANH = Row(
    "gelu_tanh",
    lambda u: u * (1 + tanh(_cubic(u))) / 2,
    aliases=("gelu_new", "gelu_pytorch_tanh"),
    latex=r"\operatorname{gelu\_tanh}",
    stable=_gelu_tanh,
)
MISH = Row("mish", lambda u: u * tanh(log(1 + exp(u))), latex=r"\operatorname{mish}", stable=_mish)
