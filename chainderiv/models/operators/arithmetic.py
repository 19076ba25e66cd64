"""Arithmetic entry by entry, broadcast as NumPy does it; what integers are computed with, shapes follow from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.broadcasting import together, unbroadcast_scaled
from chainderiv.models.operators.rule import Back, Call, Rule, single
from chainderiv.models.scaled import Scaled, inverse, of_wide, scaled, times
from chainderiv.wide import from_log


def _entrywise(function: Callable[..., Any], count: int | None = None) -> Callable[[Call], Array]:
    """What NumPy's function makes of its inputs, count of them or all; one more would be where NumPy writes to."""
    count = function.nin if isinstance(function, np.ufunc) else count

    def forward(call: Call) -> Array:
        arrays = [call.need(k) for k in range(len(call.inputs) if count is None else count)]
        together(*arrays)
        return np.asarray(function(*arrays))

    return forward


def _like(call: Call, k: int, gradient: Scaled | Floats) -> Scaled | None:
    """The gradient of input k, which was broadcast."""
    if not call.wants(k):
        return None
    given = gradient if isinstance(gradient, Scaled) else scaled(gradient)
    return unbroadcast_scaled(given, call.need(k).shape)


def _add_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    return [_like(call, k, single(gradients)) for k in range(len(call.inputs))]


def _sub_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    return [_like(call, 0, single(gradients)), _like(call, 1, -single(gradients))]


def _mul_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    gradient = scaled(single(gradients))
    return [_like(call, k, times(gradient, call.need(1 - k))) if call.wants(k) else None for k in (0, 1)]


def _div(a: Array, b: Array) -> Any:
    if a.dtype.kind == "f" or b.dtype.kind == "f":
        return a / b
    return np.where(b == 0, 0, np.sign(a) * np.sign(b) * (np.abs(a) // np.maximum(np.abs(b), 1))).astype(a.dtype)


def _div_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    """∂a = ∂y/b and ∂b = -∂y y/b."""
    gradient = times(scaled(single(gradients)), inverse(call.need(1)))
    other = times(gradient, -call.outputs[0]) if call.wants(1) else gradient
    return [_like(call, 0, gradient), _like(call, 1, other)]


def _mean(*arrays: Array) -> Any:
    return sum(arrays[1:], arrays[0]) / len(arrays)


def _sum(*arrays: Array) -> Any:
    return sum(arrays[1:], arrays[0])


def _mean_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    return [_like(call, k, single(gradients) / len(call.inputs)) for k in range(len(call.inputs))]


def _power(a: Array, b: Array) -> Any:
    return np.power(a, b.astype(a.dtype) if a.dtype.kind == "f" else b)


def _power_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    """∂a = ∂y b a^(b-1) and ∂b = ∂y y ln a, which is no number where a < 0."""
    a, b, gradient = call.need(0), call.need(1).astype(float), scaled(single(gradients))
    of_b: Scaled | None = None
    if call.wants(1):
        with np.errstate(divide="ignore", invalid="ignore"):
            of_b = times(gradient, np.where(a == 0, 0.0, call.outputs[0] * np.log(a)))
    of_a = _like(call, 0, times(gradient, _power_slope(a, b))) if call.wants(0) else None
    return [of_a, None if of_b is None else _like(call, 1, of_b)]


def _power_slope(a: Array, b: Array) -> Scaled:
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        plain = np.where(b == 0, 0.0, b * np.power(a, b - 1))
        lost = (a != 0) & (b != 0) & ~((np.abs(plain) >= np.finfo(float).tiny) & (np.abs(plain) < np.inf))
        if not lost.any():
            return scaled(plain)
        logs = np.log(np.abs(b)) + (b - 1) * np.log(np.abs(a))
        signs = np.sign(b) * np.where((a < 0) & (np.mod(b, 2) == 0), -1.0, 1.0)
    return of_wide(from_log(signs, np.where((a == 0) & ~lost, np.log(np.abs(plain)), logs)))


def _chosen(pick: Callable[[Array, Array], Array]) -> Rule:
    """Max or Min of any number of arrays; where several are it, each has its share of the gradient."""

    def forward(call: Call) -> Array:
        arrays = [call.need(k) for k in range(len(call.inputs))]
        together(*arrays)
        best = arrays[0]
        for other in arrays[1:]:
            best = pick(best, other)
        return np.asarray(best)

    def backward(call: Call, gradients: Sequence[Floats | None]) -> Back:
        best = call.outputs[0]
        hits = [np.broadcast_to(call.need(k), best.shape) == best for k in range(len(call.inputs))]
        share = single(gradients) / np.maximum(sum(h.astype(float) for h in hits), 1.0)
        return [_like(call, k, share * hit) for k, hit in enumerate(hits)]

    return Rule(forward, backward, "choice")


def _where(call: Call) -> Array:
    together(*(call.need(k) for k in range(3)))
    return np.where(call.need(0).astype(bool), call.need(1), call.need(2))


def _where_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    chosen, gradient = call.need(0).astype(bool), single(gradients)
    return [None, _like(call, 1, np.where(chosen, gradient, 0.0)), _like(call, 2, np.where(chosen, 0.0, gradient))]


def _of_one(forward: Callable[[Array], Any], derivative: Callable[[Array, Array], Scaled | Array]) -> Rule:
    """A function of one input that is no neuron, for it is not finite everywhere; its derivative is of x and y."""

    def value(call: Call) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(forward(call.need(0)))

    def backward(call: Call, gradients: Sequence[Floats | None]) -> Back:
        with np.errstate(all="ignore"):
            return [times(scaled(single(gradients)), derivative(call.need(0), call.outputs[0]))]

    return Rule(value, backward, "slope")


def _tangent_slope(x: Array, y: Array) -> Array:
    return np.asarray(1 + y * y)


def _prelu(call: Call) -> Array:
    x, share = call.need(0), call.need(1)
    together(x, share)
    return np.where(x > 0, x, share * x)


def _prelu_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    x, share, gradient = call.need(0), call.need(1), single(gradients)
    return [
        _like(call, 0, times(scaled(gradient), np.where(x > 0, 1.0, share))),
        _like(call, 1, times(scaled(gradient), np.where(x > 0, 0.0, x))),
    ]


def _step(function: Callable[..., Any]) -> Rule:
    """A function whose slope is 0 wherever it has one, or whose values are no real numbers."""
    return Rule(_entrywise(function), None, "step")


def _infinite(call: Call) -> Array:
    x = call.need(0)
    above, below = (bool(call.get(f"detect_{sign}", 1)) for sign in ("positive", "negative"))
    return np.asarray((np.isposinf(x) & above) | (np.isneginf(x) & below))


def _shifted_bits(call: Call) -> Array:
    left = call.get("direction") in ("LEFT", b"LEFT")
    return np.asarray((np.left_shift if left else np.right_shift)(call.need(0), call.need(1)))


def _mod(call: Call) -> Array:
    function = np.fmod if call.get("fmod", 0) else np.mod
    return np.asarray(function(call.need(0), call.need(1)))


def _mod_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    return [_like(call, 0, single(gradients)), None]


ARITHMETIC: dict[str, Rule] = {
    "Add": Rule(_entrywise(np.add), _add_back, "sum"),
    "Sub": Rule(_entrywise(np.subtract), _sub_back, "sum"),
    "Mul": Rule(_entrywise(np.multiply), _mul_back, "product"),
    "Div": Rule(_entrywise(_div, 2), _div_back, "product"),
    "Sum": Rule(_entrywise(_sum), _add_back, "sum"),
    "Mean": Rule(_entrywise(_mean), _mean_back, "sum"),
    "Pow": Rule(_entrywise(_power, 2), _power_back, "slope"),
    "Max": _chosen(np.maximum),
    "Min": _chosen(np.minimum),
    "Where": Rule(_where, _where_back, "choice"),
    "PRelu": Rule(_prelu, _prelu_back, "slope"),
    "Neg": _of_one(np.negative, lambda x, y: np.full_like(x, -1.0)),
    "Abs": _of_one(np.abs, lambda x, y: np.sign(x)),
    "Sqrt": _of_one(np.sqrt, lambda x, y: inverse(2 * y)),
    "Log": _of_one(np.log, lambda x, y: inverse(x)),
    "Reciprocal": _of_one(lambda x: 1 / x, lambda x, y: times(times(inverse(x), inverse(x)), np.full_like(x, -1.0))),
    "Tan": _of_one(np.tan, _tangent_slope),
    "Acos": _of_one(np.arccos, lambda x, y: -inverse(np.sqrt((1 - x) * (1 + x))).to_float()),
    "Asin": _of_one(np.arcsin, lambda x, y: inverse(np.sqrt((1 - x) * (1 + x)))),
    "Acosh": _of_one(np.arccosh, lambda x, y: inverse(np.sqrt((x - 1) * (x + 1)))),
    "Atanh": _of_one(np.arctanh, lambda x, y: inverse((1 - x) * (1 + x))),
    "Mod": Rule(_mod, _mod_back, "slope"),
    "Floor": _step(np.floor),
    "Ceil": _step(np.ceil),
    "Round": _step(np.rint),
    "Sign": _step(np.sign),
    "IsNaN": _step(np.isnan),
    "IsInf": Rule(_infinite, None, "step"),
    "Equal": _step(np.equal),
    "Greater": _step(np.greater),
    "GreaterOrEqual": _step(np.greater_equal),
    "Less": _step(np.less),
    "LessOrEqual": _step(np.less_equal),
    "Not": _step(np.logical_not),
    "And": _step(np.logical_and),
    "Or": _step(np.logical_or),
    "Xor": _step(np.logical_xor),
    "BitwiseAnd": _step(np.bitwise_and),
    "BitwiseOr": _step(np.bitwise_or),
    "BitwiseXor": _step(np.bitwise_xor),
    "BitwiseNot": _step(np.bitwise_not),
    "BitShift": Rule(_shifted_bits, None, "step"),
}
