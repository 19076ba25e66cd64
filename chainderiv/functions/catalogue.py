"""The catalogue of activations. A new one is one object here and one entry in ACTIVATIONS; nothing else.

The stable forms are written with e = exp(-|z|), so that nothing overflows and the small side keeps its digits.
"""

from __future__ import annotations

from typing import Any

from sympy import Abs, Piecewise, Rational, atan, exp, log, pi, sqrt, tanh
from sympy.codegen.cfunctions import expm1, log1p

from chainderiv.functions.activation import Activation
from chainderiv.functions.stable import Stable
from chainderiv.symbols import erfcx, normal_cdf, z

e = exp(-Abs(z))


def _by_sign(right: Any, left: Any) -> Any:
    """right for z >= 0, left for z < 0."""
    return Piecewise((right, z >= 0), (left, True))


_logistic = _by_sign(1 / (1 + exp(-z)), exp(z) / (1 + exp(z)))
_log_logistic = _by_sign(-log1p(exp(-z)), z - log1p(exp(z)))

SIGMOID = Activation(
    "sigmoid",
    1 / (1 + exp(-z)),
    symbol="σ",
    latex=r"\sigma",
    stable=Stable(
        value=_logistic,
        derivative=e / (1 + e) ** 2,
        log_abs_derivative=-Abs(z) - 2 * log1p(e),
        log_abs_value=_log_logistic,
        above_lower=_logistic,
        below_upper=_by_sign(exp(-z) / (1 + exp(-z)), 1 / (1 + exp(z))),
    ),
)

_e2 = exp(-2 * Abs(z))
TANH = Activation(
    "tanh",
    tanh(z),
    latex=r"\tanh",
    stable=Stable(
        derivative=4 * _e2 / (1 + _e2) ** 2,
        # -log1p(sinh²) keeps the digits of log φ' = -z² + … near 0; tanh/(1 - tanh²) would lose them
        log_abs_derivative=Piecewise(
            (-log1p((expm1(z) + expm1(z) / (1 + expm1(z))) ** 2 / 4), Abs(z) < 1),
            (2 * log(2) - 2 * Abs(z) - 2 * log1p(_e2), True),
        ),
        above_lower=_by_sign(2 / (1 + exp(-2 * z)), 2 * exp(2 * z) / (1 + exp(2 * z))),
        below_upper=_by_sign(2 * exp(-2 * z) / (1 + exp(-2 * z)), 2 / (1 + exp(2 * z))),
    ),
)

# relu'(0) = 0, the branch that the formula states at the kink
RELU = Activation("relu", Piecewise((z, z > 0), (0, True)), latex=r"\operatorname{relu}")

LEAKY_RELU = Activation("leaky_relu", Piecewise((z, z > 0), (z / 100, True)), latex=r"\operatorname{lrelu}")

ELU = Activation(
    "elu",
    Piecewise((z, z > 0), (exp(z) - 1, True)),
    latex=r"\operatorname{elu}",
    stable=Stable(
        value=Piecewise((z, z > 0), (expm1(z), True)),
        log_abs_derivative=Piecewise((0, z > 0), (z, True)),
        above_lower=Piecewise((1 + z, z > 0), (exp(z), True)),
    ),
)

# Klambauer et al. 2017, λ and α as published
_LAMBDA, _ALPHA = Rational("1.0507009873554805"), Rational("1.6732632423543772")
SELU = Activation(
    "selu",
    Piecewise((_LAMBDA * z, z > 0), (_LAMBDA * _ALPHA * (exp(z) - 1), True)),
    latex=r"\operatorname{selu}",
    stable=Stable(
        value=Piecewise((_LAMBDA * z, z > 0), (_LAMBDA * _ALPHA * expm1(z), True)),
        log_abs_derivative=Piecewise((log(_LAMBDA), z > 0), (log(_LAMBDA * _ALPHA) + z, True)),
    ),
)

SOFTPLUS = Activation(
    "softplus",
    log(1 + exp(z)),
    latex=r"\operatorname{softplus}",
    stable=Stable(
        value=_by_sign(z + log1p(exp(-z)), log1p(exp(z))),
        derivative=_logistic,
        log_abs_derivative=_log_logistic,
        # below -700 log φ = z - e^z/2 + …, and e^z is under 1e-304 of it
        log_abs_value=Piecewise((log(z + log1p(exp(-z))), z >= 0), (log(log1p(exp(z))), z > -700), (z, True)),
        above_lower=_by_sign(z + log1p(exp(-z)), log1p(exp(z))),
    ),
)

_softsign_lower = (1 + 2 * Abs(z)) / (1 + Abs(z))
SOFTSIGN = Activation(
    "softsign",
    z / (1 + Abs(z)),
    latex=r"\operatorname{softsign}",
    stable=Stable(
        derivative=1 / (1 + Abs(z)) ** 2,
        log_abs_derivative=-2 * log1p(Abs(z)),
        above_lower=_by_sign(_softsign_lower, 1 / (1 + Abs(z))),
        below_upper=_by_sign(1 / (1 + Abs(z)), _softsign_lower),
    ),
)

_normal_density = exp(-(z**2) / 2) / sqrt(2 * pi)
_upper_tail = normal_cdf(-z)
# φ'(z) = Φ(z) + z n(z) = n(z) (z + Φ(z)/n(z)); Φ/n is the Mills ratio √(π/2) erfcx(-z/√2)
_mills = sqrt(pi / 2) * erfcx(-z / sqrt(2))
GELU = Activation(
    "gelu",
    z * normal_cdf(z),
    latex=r"\operatorname{gelu}",
    stable=Stable(
        derivative=_by_sign(1 - _upper_tail + z * _normal_density, _normal_density * (z + _mills)),
        log_abs_derivative=_by_sign(
            log1p(z * _normal_density - _upper_tail),
            log(Abs(z + _mills)) - z**2 / 2 - log(2 * pi) / 2,
        ),
        log_abs_value=_by_sign(
            log(Abs(z)) + log1p(-_upper_tail), log(Abs(z)) + log(erfcx(-z / sqrt(2)) / 2) - z**2 / 2
        ),
    ),
)

_u, _v = exp(-z), exp(z)
SILU = Activation(
    "silu",
    z / (1 + exp(-z)),
    latex=r"\operatorname{silu}",
    stable=Stable(
        value=_by_sign(z / (1 + _u), z * _v / (1 + _v)),
        derivative=_by_sign((1 + _u + z * _u) / (1 + _u) ** 2, _v * (1 + _v + z) / (1 + _v) ** 2),
        # φ' - 1 = u (z - 1 - u)/(1 + u)²: φ' tends to 1, and its logarithm to what is left
        log_abs_derivative=_by_sign(log1p(_u * (z - 1 - _u) / (1 + _u) ** 2), z + log(Abs(1 + _v + z)) - 2 * log1p(_v)),
        log_abs_value=log(Abs(z)) + _log_logistic,
    ),
)

# tanh(log(1 + v)) = (v² + 2v)/(v² + 2v + 2), v = e^z; on the right in u = e^-z, both sides times u²
_right, _left = 1 + 2 * _u + 2 * _u**2, 2 + 2 * _v + _v**2
_mish_left = (2 + _v) * _left + 4 * z * (1 + _v)
MISH = Activation(
    "mish",
    z * tanh(log(1 + exp(z))),
    latex=r"\operatorname{mish}",
    stable=Stable(
        value=_by_sign(z * (1 + 2 * _u) / _right, z * _v * (2 + _v) / _left),
        derivative=_by_sign(((1 + 2 * _u) * _right + 4 * z * _u**2 * (1 + _u)) / _right**2, _v * _mish_left / _left**2),
        log_abs_derivative=_by_sign(
            log1p(2 * _u**2 * (2 * z * (1 + _u) - _right) / _right**2),
            z + log(Abs(_mish_left)) - 2 * log(_left),
        ),
        log_abs_value=_by_sign(log(Abs(z)) + log1p(-2 * _u**2 / _right), log(Abs(z)) + z + log((2 + _v) / _left)),
    ),
)

ARCTAN = Activation(
    "arctan",
    atan(z),
    latex=r"\arctan",
    stable=Stable(
        log_abs_derivative=Piecewise((-log1p(z**2), Abs(z) <= 1), (-2 * log(Abs(z)) - log1p(1 / z**2), True))
    ),
)

IDENTITY = Activation("identity", z, latex=r"\operatorname{id}")

ACTIVATIONS: dict[str, Activation] = {
    f.name: f
    for f in (SIGMOID, TANH, RELU, LEAKY_RELU, ELU, SELU, SOFTPLUS, SOFTSIGN, GELU, SILU, MISH, ARCTAN, IDENTITY)
}
