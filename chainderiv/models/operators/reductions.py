"""Reductions over axes: sums, means, norms, extremes; and running sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.rule import Back, Call, Rule, single
from chainderiv.models.scaled import Scaled, inverse, scaled, times

Axes = tuple[int, ...]
Reduce = Callable[[Array, Axes], Any]
Slope = Callable[[Array, Array, Axes], "Scaled | Array"]


def _axes(call: Call) -> Axes | None:
    """The axes, an input in newer versions and an attribute in older ones; None where nothing is to be reduced."""
    x, given = call.need(0), call.input(1)
    given = call.get("axes") if given is None else given
    axes = tuple(int(n) % max(x.ndim, 1) for n in np.asarray(() if given is None else given, np.int64).reshape(-1))
    if axes:
        return axes
    return None if call.get("noop_with_empty_axes", 0) else tuple(range(x.ndim))


def _reduction(reduce: Reduce, slope: Slope) -> Rule:
    """reduce(x, axes), the axes kept, and slope(x, y, axes) = ∂y/∂x."""

    def kept(call: Call) -> tuple[Array, Axes]:
        axes = _axes(call)
        assert axes is not None
        return np.asarray(reduce(call.need(0), axes)), axes

    def forward(call: Call) -> Array:
        if _axes(call) is None:
            return call.need(0)
        y, axes = kept(call)
        return y if call.get("keepdims", 1) else np.squeeze(y, axes)

    def backward(call: Call, gradients: Sequence[Floats | None]) -> Back:
        x, gradient = call.need(0), single(gradients)
        if _axes(call) is None:
            return [gradient]
        y, axes = kept(call)
        return [times(scaled(gradient.reshape(y.shape)), slope(x, y, axes))]

    return Rule(forward, backward, "reduction")


def _count(x: Array, axes: Axes) -> int:
    return int(np.prod([x.shape[k] for k in axes]))


def _mean_slope(x: Array, y: Array, axes: Axes) -> Array:
    return np.full(x.shape, 1.0 / _count(x, axes))


def _extreme_slope(x: Array, y: Array, axes: Axes) -> Array:
    """Where several are the largest, each has its share."""
    hits = x == y
    return np.asarray(hits / hits.sum(axis=axes, keepdims=True))


def _product_slope(x: Array, y: Array, axes: Axes) -> Array:
    """The product of all the others, zeros among them or not."""
    zeros = (x == 0).sum(axis=axes, keepdims=True)
    others = np.prod(np.where(x == 0, 1.0, x), axis=axes, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.where(x == 0, np.where(zeros == 1, others, 0.0), np.where(zeros == 0, others / x, 0.0))


def _length(x: Array, axes: Axes) -> Any:
    return np.sqrt(np.square(x).sum(axis=axes, keepdims=True))


def _length_slope(x: Array, y: Array, axes: Axes) -> Scaled | Array:
    # at 0 there is a kink, and no slope to be had
    return times(scaled(x), inverse(np.where(y == 0, 1.0, y)))


def _log_sum_exp(x: Array, axes: Axes) -> Any:
    top = x.max(axis=axes, keepdims=True)
    return top + np.log(np.exp(x - top).sum(axis=axes, keepdims=True))


def _over(function: Callable[..., Any]) -> Reduce:
    return lambda x, axes: function(x, axis=axes, keepdims=True)


def _place(function: Callable[..., Any]) -> Callable[[Call], Array]:
    def forward(call: Call) -> Array:
        x, axis = call.need(0), int(call.get("axis", 0))
        if call.get("select_last_index", 0):
            found = x.shape[axis] - 1 - function(np.flip(x, axis), axis=axis, keepdims=True)
        else:
            found = function(x, axis=axis, keepdims=True)
        return np.asarray(found if call.get("keepdims", 1) else np.squeeze(found, axis), np.int64)

    return forward


def _summed_up(x: Array, axis: int, exclusive: int) -> Array:
    if not exclusive or x.shape[axis] == 0:
        return np.cumsum(x, axis)
    # moved on by one, rather than x taken off again: that would leave a rounding for a 0
    axis = axis % x.ndim
    kept = np.take(np.cumsum(x, axis), range(x.shape[axis] - 1), axis)
    return np.concatenate([np.zeros_like(np.take(x, [0], axis)), kept], axis)


def _running(call: Call) -> Array:
    x, axis = call.need(0), int(call.need(1).reshape(-1)[0])
    turned = np.flip(x, axis) if call.get("reverse", 0) else x
    total = _summed_up(turned, axis, call.get("exclusive", 0))
    return np.flip(total, axis) if call.get("reverse", 0) else total


def _running_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    """The running sum from the other end."""
    gradient, axis = single(gradients), int(call.need(1).reshape(-1)[0])
    turned = gradient if call.get("reverse", 0) else np.flip(gradient, axis)
    total = _summed_up(turned, axis, call.get("exclusive", 0))
    return [total if call.get("reverse", 0) else np.flip(total, axis)]


REDUCTIONS: dict[str, Rule] = {
    "ReduceSum": _reduction(_over(np.sum), lambda x, y, axes: np.ones(x.shape)),
    "ReduceMean": _reduction(_over(np.mean), _mean_slope),
    "ReduceMax": _reduction(_over(np.max), _extreme_slope),
    "ReduceMin": _reduction(_over(np.min), _extreme_slope),
    "ReduceProd": _reduction(_over(np.prod), _product_slope),
    "ReduceL1": _reduction(lambda x, axes: np.abs(x).sum(axis=axes, keepdims=True), lambda x, y, axes: np.sign(x)),
    "ReduceL2": _reduction(_length, _length_slope),
    "ReduceSumSquare": _reduction(lambda x, axes: np.square(x).sum(axis=axes, keepdims=True), lambda x, y, axes: 2 * x),
    "ReduceLogSum": _reduction(
        lambda x, axes: np.log(x.sum(axis=axes, keepdims=True)),
        lambda x, y, axes: times(inverse(x.sum(axis=axes, keepdims=True)), np.ones(x.shape)),
    ),
    "ReduceLogSumExp": _reduction(_log_sum_exp, lambda x, y, axes: np.exp(x - y)),
    "ArgMax": Rule(_place(np.argmax), None, "step"),
    "ArgMin": Rule(_place(np.argmin), None, "step"),
    "CumSum": Rule(_running, _running_back, "reduction"),
}
