"""Softmax and LogSoftmax, over one axis (and before version 13 over all from it on)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.rule import Back, Call, Rule, single
from chainderiv.models.scaled import Scaled, linear, moved, of_wide, plus, scaled, times
from chainderiv.wide import from_log

AXIS_OF_ITS_OWN = 13  # the version from which on the axis is one


def _rows(call: Call) -> Array:
    """The inputs with what is summed over behind."""
    x, new = call.need(0), call.opset >= AXIS_OF_ITS_OWN
    axis = int(call.get("axis", -1 if new else 1))
    if new:
        return np.moveaxis(x, axis, -1)
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(int(np.prod(x.shape[:axis])), -1)


def _back_in_place(call: Call, rows: Array) -> Array:
    if call.opset >= AXIS_OF_ITS_OWN:
        return np.moveaxis(rows, -1, int(call.get("axis", -1)))
    return rows.reshape(call.need(0).shape)


def logs_of(rows: Array) -> Array:
    """ln softmax along the last axis; NaN where a whole row is -inf."""
    with np.errstate(invalid="ignore"):
        below = rows - rows.max(axis=-1, keepdims=True)
    return np.asarray(below - np.log(np.exp(below).sum(axis=-1, keepdims=True)))


def _logs(call: Call) -> Array:
    return logs_of(_rows(call))


def _softmax(call: Call) -> Array:
    return _back_in_place(call, np.exp(_logs(call)))


def _log_softmax(call: Call) -> Array:
    return _back_in_place(call, _logs(call))


def _shares(logs: Array) -> Scaled:
    """exp(logs), also where it underflows."""
    plain = np.exp(logs)
    if np.all((plain >= np.finfo(float).tiny) | np.isneginf(logs)):
        return scaled(plain)
    return of_wide(from_log(1.0, logs))


def _softmax_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    return [_placed(call, softmax_back(_logs(call), _rows_like(call, single(gradients))))]


def softmax_back(logs: Array, gradient: Floats) -> Scaled:
    """∂x_k = s_k (∂y_k − Σ_j s_j ∂y_j), each ∂y less that of the row's largest share.

    So nothing cancels in a saturated row, and the largest share, beside which the others underflow, stands apart.
    """
    largest = np.argmax(logs, axis=-1, keepdims=True)
    above = scaled(gradient - np.take_along_axis(gradient, largest, axis=-1))
    first = np.arange(logs.shape[-1]) == largest
    shares = _shares(np.where(first, -np.inf, logs))
    drift = times(shares, above)
    mean = linear(drift, lambda values: values.sum(axis=-1, keepdims=True))
    of_first = times(_negative(mean), np.where(first, np.exp(logs), 0.0))
    return plus(times(shares, _minus(above, mean)), of_first)


def _negative(p: Scaled) -> Scaled:
    return moved(p, np.negative)


def _minus(p: Scaled, q: Scaled) -> Scaled:
    return plus(p, _negative(q))


def _log_softmax_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    """∂x_k = ∂y_k − s_k Σ_j ∂y_j."""
    logs, gradient = _logs(call), _rows_like(call, single(gradients))
    total = scaled(gradient.sum(axis=-1, keepdims=True))
    return [_placed(call, _minus(scaled(gradient), times(_shares(logs), total)))]


def _rows_like(call: Call, gradient: Floats) -> Floats:
    if call.opset >= AXIS_OF_ITS_OWN:
        return np.moveaxis(gradient, int(call.get("axis", -1)), -1)
    return gradient.reshape(_rows(call).shape)


def _placed(call: Call, rows: Scaled) -> Scaled:
    return moved(rows, lambda values: _back_in_place(call, values))


def _hardmax(call: Call) -> Array:
    """1 at the first of the largest, else 0."""
    rows = _rows(call)
    return _back_in_place(call, (np.arange(rows.shape[-1]) == np.argmax(rows, -1)[..., None]).astype(float))


SOFTMAX: dict[str, Rule] = {
    "Softmax": Rule(_softmax, _softmax_back, "softmax"),
    "Hardmax": Rule(_hardmax, None, "step"),
    "LogSoftmax": Rule(_log_softmax, _log_softmax_back, "softmax"),
}
