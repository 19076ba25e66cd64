"""Neurons: each is an Activation by its formula, the catalogue's own where it has one; nothing is stated here again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.given import of_kind
from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.rule import Back, Call, Rule, single
from chainderiv.models.scaled import Scaled, of_wide, scaled, times
from chainderiv.nn.wide_backward import wide_slopes

_TINY = np.finfo(float).tiny
LARGEST = 1e30  # a Clip's limit beyond it is what files write for none


@lru_cache(maxsize=256)
def stated(text: str | Activation) -> Activation:
    """The Activation that a text states: a name of the catalogue, or a formula in z; an Activation states itself.

    >>> stated("elu(z, 2.0)").name, stated("sigmoid").symbol
    ('elu(z, 2.0)', 'σ')
    """
    if isinstance(text, Activation):
        return text
    return neuron(text) if text.isidentifier() else Activation.from_formula(text, text)


def slope(activation: Activation, z: Array) -> Scaled:
    """φ'(z); from its logarithm where float64 loses it, as of a sigmoid at -800.

    >>> round(float(slope(stated("sigmoid"), np.array([-800.0])).ln_abs()[0]), 9)
    -800.0
    """
    functions = array_functions(activation)
    plain = functions.derivative(z)
    kept = (np.abs(plain) >= _TINY) & (np.abs(plain) < np.inf)
    if not kept.all():
        # a slope that is stated as 0 is one
        kept |= (plain == 0) & (functions.states_zero_slope(z) != 0)
    return scaled(plain) if kept.all() else of_wide(wide_slopes(activation, z))


def neuron_of(text: Callable[[Call], str | Activation]) -> Rule:
    """The rule of φ where text says which one a node means."""

    def forward(call: Call) -> Array:
        return array_functions(stated(text(call))).value(call.need(0))

    def backward(call: Call, gradients: Sequence[Floats | None]) -> Back:
        return [times(slope(stated(text(call)), call.need(0)), single(gradients))]

    return Rule(forward, backward, "slope")


def activation_of(operator: str, call: Call) -> Activation | None:
    """The Activation that a node of this operator stands for, None where it is none.

    >>> call = Call((np.ones(3), np.array(0.0), np.array(6.0)), {}, 18)
    >>> activation_of("Clip", call).name, activation_of("MatMul", call)
    ('clip(z, 0.0, 6.0)', None)
    """
    text = TEXTS.get(operator) or _SOMETIMES.get(operator)
    found = None if text is None else text(call)
    return None if found is None else stated(found)


def _named(name: str) -> Callable[[Call], str | Activation]:
    return lambda call: name


def _number(call: Call, name: str, default: float) -> str:
    """A finite attribute as a formula writes it; raises BadValue for another."""
    given = float(call.get(name, default))
    if not np.isfinite(given):
        raise BadValue(f"{name} is {given}; give a model of finite numbers")
    return repr(given)


def _leaky_relu(call: Call) -> str:
    return "relu" if call.get("alpha") == 0 else _at(0.01, "leaky_relu")(call)


def _selu(call: Call) -> str:
    if call.get("alpha") is None and call.get("gamma") is None:
        return "selu"
    alpha, gamma = _number(call, "alpha", 1.67326319217681884765625), _number(call, "gamma", 1.05070102214813232421875)
    return f"{gamma} * elu(z, {alpha})"


def _gelu(call: Call) -> str:
    return "gelu_tanh" if _text(call.get("approximate", "none")) == "tanh" else "gelu"


def _text(given: str | bytes) -> str:
    return given.decode() if isinstance(given, bytes) else given


def _hard_sigmoid(call: Call) -> str:
    return f"clip({_number(call, 'alpha', 0.2)} * z + {_number(call, 'beta', 0.5)}, 0, 1)"


def _shrink(call: Call) -> str:
    edge, bias = _number(call, "lambd", 0.5), _number(call, "bias", 0.0)
    return f"where(z < -{edge}, z + {bias}, where(z > {edge}, z - {bias}, 0))"


def _at(default: float, name: str) -> Callable[[Call], str]:
    """A neuron of the catalogue whose parameter is the attribute alpha."""

    def text(call: Call) -> str:
        alpha = _number(call, "alpha", default)
        return name if float(alpha) == default else f"{name}(z, {alpha})"

    return text


def _leak(call: Call) -> str | None:
    """Of a PRelu with one slope for all, which is then a leaky ReLU."""
    share = call.need(1).reshape(-1)
    return (
        f"leaky_relu(z, {float(share[0])!r})" if share.size == 1 and np.isfinite(share[0]) and share[0] != 0 else None
    )


def _clip(call: Call) -> str | None:
    """Max(z, low) and the like; None where nothing is left between the limits."""
    low, high = (_limit(call, k, name) for k, name in ((1, "min"), (2, "max")))
    if low is not None and high is not None:
        return f"clip(z, {low!r}, {high!r})" if low < high else None
    if low is None and high is None:
        return "identity"
    return f"Min(z, {high!r})" if low is None else f"Max(z, {low!r})"


def _limit(call: Call, k: int, name: str) -> float | None:
    """A limit of a Clip; None where there is none, or it lies where float32 ends."""
    value = call.input(k)
    value = call.get(name) if value is None else value
    limit = None if value is None else float(np.asarray(value).reshape(-1)[0])
    if limit is not None and np.isnan(limit):
        raise BadValue(f"{name} is {limit}; give a model of finite numbers")
    return None if limit is None or abs(limit) > LARGEST else limit


def _clipped(call: Call) -> Array:
    x, text = call.need(0), _clip(call)
    if x.dtype.kind == "f" and text is not None:
        return array_functions(stated(text)).value(x)
    low, high = (_limit(call, k, name) for k, name in ((1, "min"), (2, "max")))
    x = x if low is None else np.maximum(x, np.asarray(low, x.dtype))
    return x if high is None else np.asarray(np.minimum(x, np.asarray(high, x.dtype)))


def _clip_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    text = _clip(call)
    return [None if text is None else times(slope(stated(text), call.need(0)), single(gradients))]


TEXTS: dict[str, Callable[[Call], str | Activation]] = {
    "Activation": lambda call: of_kind("activation", call.get("activation"), Activation, "an Activation"),  # our own
    "Sigmoid": _named("sigmoid"),
    "Tanh": _named("tanh"),
    "Relu": _named("relu"),
    "LeakyRelu": _leaky_relu,
    "Elu": _at(1.0, "elu"),
    "Selu": _selu,
    "Celu": _at(1.0, "celu"),
    "Softplus": _named("softplus"),
    "Softsign": _named("softsign"),
    "Gelu": _gelu,
    "Swish": _at(1.0, "silu"),
    "Mish": _named("mish"),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _named("hardswish"),
    "ThresholdedRelu": lambda call: f"where(z > {_number(call, 'alpha', 1.0)}, z, 0)",
    "Shrink": _shrink,
    "Erf": _named("erf(z)"),
    "Sin": _named("sin(z)"),
    "Cos": _named("cos(z)"),
    "Atan": _named("arctan"),
    "Sinh": _named("sinh(z)"),
    "Cosh": _named("cosh(z)"),
    "Asinh": _named("asinh(z)"),
    "Exp": _named("exp(z)"),
}
_SOMETIMES: dict[str, Callable[[Call], str | None]] = {"Clip": _clip, "PRelu": _leak}  # a formula, as their inputs are
NEURONS: dict[str, Rule] = {
    **{operator: neuron_of(text) for operator, text in TEXTS.items()},
    "Clip": Rule(_clipped, _clip_back, "slope"),
}
