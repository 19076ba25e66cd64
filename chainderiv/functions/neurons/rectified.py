"""The neurons that change their branch: ramps, leaks, clips, and ramps with an exponential tail.

At a kink the flatter branch holds, as of Max and Min; so relu'(0) = 0.
"""

from __future__ import annotations

from sympy import Integer, Piecewise, Rational, exp, log
from sympy.codegen.cfunctions import expm1

from chainderiv.errors import BadValue
from chainderiv.functions.neurons.row import Parameter, Row
from chainderiv.functions.stable import Stable
from chainderiv.symbols import Expr, z


def _leaking(u: Expr, slope: Expr) -> Expr:
    return Piecewise((u, u > 0), (slope * u, True))


def _tailed(u: Expr, depth: Expr, length: Expr) -> Expr:
    """A ramp that bends to -depth, over such a length."""
    return Piecewise((u, u > 0), (depth * (exp(u / length) - 1), True))


def _clipped(u: Expr, least: Expr, most: Expr) -> Expr:
    if not least < most:
        raise BadValue(f"hardtanh is clipped at {least} and {most}; give the smaller first, as in hardtanh(z, -1, 1)")
    return Piecewise((least, u <= least), (most, u >= most), (u, True))


def _shrunk(u: Expr, by: Expr) -> Expr:
    return Piecewise((u - by, u > by), (u + by, u < -by), (0, True))


def _elu() -> Stable:
    return Stable(
        value=Piecewise((z, z > 0), (expm1(z), True)),
        log_abs_derivative=Piecewise((0, z > 0), (z, True)),
        above_lower=Piecewise((1 + z, z > 0), (exp(z), True)),
    )


# Klambauer et al. 2017, λ and α as published
_LAMBDA, _ALPHA = Rational("1.0507009873554805"), Rational("1.6732632423543772")


def _selu() -> Stable:
    return Stable(
        value=Piecewise((_LAMBDA * z, z > 0), (_LAMBDA * _ALPHA * expm1(z), True)),
        log_abs_derivative=Piecewise((log(_LAMBDA), z > 0), (log(_LAMBDA * _ALPHA) + z, True)),
    )


RELU = Row("relu", lambda u: Piecewise((u, u > 0), (0, True)), latex=r"\operatorname{relu}")
LEAKY_RELU = Row(
    "leaky_relu",
    _leaking,
    (Parameter("negative_slope", Rational(1, 100)),),
    aliases=("lrelu",),
    latex=r"\operatorname{lrelu}",
)
PRELU = Row("prelu", _leaking, (Parameter("weight", Rational(1, 4)),), latex=r"\operatorname{prelu}")
ELU = Row(
    "elu",
    lambda u, alpha: _tailed(u, alpha, 1),
    (Parameter("alpha", Integer(1)),),
    latex=r"\operatorname{elu}",
    stable=_elu,
)
SELU = Row(
    "selu",
    lambda u: Piecewise((_LAMBDA * u, u > 0), (_LAMBDA * _ALPHA * (exp(u) - 1), True)),
    latex=r"\operatorname{selu}",
    stable=_selu,
)
# at α = 1 it is elu, whose forms it has
CELU = Row(
    "celu",
    lambda u, alpha: _tailed(u, alpha, alpha),
    (Parameter("alpha", Integer(1), positive=True),),
    latex=r"\operatorname{celu}",
    stable=_elu,
)
RELU6 = Row("relu6", lambda u: Piecewise((0, u <= 0), (6, u >= 6), (u, True)), latex=r"\operatorname{relu6}")
RELU2 = Row(
    "relu2",
    lambda u: Piecewise((u**2, u > 0), (0, True)),
    aliases=("squared_relu", "relu_squared"),
    latex=r"\operatorname{relu2}",
)
HARDTANH = Row(
    "hardtanh",
    _clipped,
    (Parameter("min_val", Integer(-1)), Parameter("max_val", Integer(1))),
    latex=r"\operatorname{hardtanh}",
)
HARDSIGMOID = Row(
    "hardsigmoid",
    lambda u: Piecewise((0, u <= -3), (1, u >= 3), (u / 6 + Rational(1, 2), True)),
    latex=r"\operatorname{hardsigmoid}",
)
HARDSWISH = Row(
    "hardswish",
    lambda u: Piecewise((0, u <= -3), (u, u >= 3), (u * (u + 3) / 6, True)),
    aliases=("hardsilu",),
    latex=r"\operatorname{hardswish}",
)
SOFTSHRINK = Row(
    "softshrink", _shrunk, (Parameter("lambd", Rational(1, 2), positive=True),), latex=r"\operatorname{softshrink}"
)
