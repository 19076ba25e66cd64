"""Pooling: the largest or the mean of what lies under a window, or of the whole image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.rule import Back, Call, Rule, Unfollowed, single
from chainderiv.models.operators.windows import Windows, behind, windows


def _windows(call: Call) -> Windows:
    return windows(call, call.need(0).shape[2:], tuple(map(int, call.get("kernel_shape"))))


def _largest(call: Call) -> tuple[Array, Array, Windows]:
    """The largest under each window, and at which place in it, the first where several are it."""
    x, at = call.need(0), _windows(call)
    padded = at.padded(x, -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min)
    best, place_of = None, np.zeros((*x.shape[:2], *at.count), np.int32)
    for k, (_, part) in enumerate(at.places()):
        under = padded[behind(part)]
        if best is None:
            best = under.copy()
            continue
        place_of[under > best] = k
        best = np.maximum(best, under)
    assert best is not None
    return best, place_of, at


def _max_pool(call: Call) -> tuple[Array, ...]:
    if call.results > 1 and call.get("storage_order", 0):
        raise Unfollowed("its places are counted by columns")
    best, place_of, at = _largest(call)
    return (best,) if call.results == 1 else (best, _flat_places(call, place_of, at))


def _flat_places(call: Call, place_of: Array, at: Windows) -> Array:
    """Where in the whole tensor, flattened, the largest stands."""
    x = call.need(0)
    numbers = at.padded(np.arange(x.size, dtype=np.int64).reshape(x.shape))
    found = np.zeros(place_of.shape, np.int64)
    for k, (_, part) in enumerate(at.places()):
        found = np.where(place_of == k, numbers[behind(part)], found)
    return found


def _max_pool_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    _, place_of, at = _largest(call)
    gradient, out = single(gradients), at.empty(call.need(0))
    for k, (_, part) in enumerate(at.places()):
        out[behind(part)] += np.where(place_of == k, gradient, 0.0)
    return [at.cropped(out)]


def _counted(call: Call, at: Windows) -> Floats:
    """How many places of each window count: those on the image, and on the padding where the node says so."""
    ones = np.ones((1, 1, *at.size))
    if call.get("count_include_pad", 0):
        sides = [(0, 0), (0, 0), *zip(at.before, at.after, strict=True)]
        ones = np.pad(ones, sides, constant_values=1.0)
        # a last window that hangs over the padding, too, has nothing there
        reach = at.empty(np.empty((1, 1, *at.size))).shape
        ones = np.pad(ones, [(0, n - m) for n, m in zip(reach, ones.shape, strict=True)])
    else:
        ones = at.padded(ones)
    return np.asarray(sum(ones[behind(part)] for _, part in at.places()))


def _average_pool(call: Call) -> Array:
    at = _windows(call)
    padded = at.padded(call.need(0))
    return np.asarray(sum(padded[behind(part)] for _, part in at.places()) / _counted(call, at))


def _average_pool_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    at = _windows(call)
    share, out = single(gradients) / _counted(call, at), at.empty(call.need(0))
    for _, part in at.places():
        out[behind(part)] += share
    return [at.cropped(out)]


def _sizes(call: Call) -> tuple[Array, float]:
    """|x|^p, and p."""
    order = float(call.get("p", 2))
    if order < 1:
        raise BadValue(f"p is {order:g}; give a number >= 1")
    return np.abs(call.need(0)) ** order, order


def _power_pool(call: Call) -> Array:
    """(Σ |x|^p)^(1/p) over each window."""
    (sizes, order), at = _sizes(call), _windows(call)
    padded = at.padded(sizes)
    return np.asarray(sum(padded[behind(part)] for _, part in at.places()) ** (1 / order))


def _power_pool_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    at, out = _windows(call), _windows(call).empty(call.need(0))
    share = single(gradients) * _power_share(call)
    for _, part in at.places():
        out[behind(part)] += share
    return [at.cropped(out) * _power_slope(call)]


def _power_share(call: Call) -> Floats:
    """y^(1-p), which stands beside sign(x) |x|^(p-1); where y is 0 there is a kink, and no slope to be had."""
    y, order = call.outputs[0], float(call.get("p", 2))
    return np.where(y == 0, 0.0, np.where(y == 0, 1.0, y) ** (1 - order))


def _power_slope(call: Call) -> Floats:
    x, order = call.need(0), float(call.get("p", 2))
    return np.asarray(np.sign(x) * np.abs(x) ** (order - 1))


def _global_power(call: Call) -> Array:
    sizes, order = _sizes(call)
    return np.asarray(sizes.sum(axis=_whole(sizes), keepdims=True) ** (1 / order))


def _global_power_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    return [single(gradients) * _power_share(call) * _power_slope(call)]


def _whole(x: Array) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


def _global_mean(call: Call) -> Array:
    x = call.need(0)
    return np.asarray(x.mean(axis=_whole(x), keepdims=True))


def _global_mean_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    x = call.need(0)
    return [np.broadcast_to(single(gradients) / np.prod(x.shape[2:]), x.shape)]


def _global_max(call: Call) -> Array:
    x = call.need(0)
    return np.asarray(x.max(axis=_whole(x), keepdims=True))


def _global_max_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    x = call.need(0)
    flat = x.reshape(*x.shape[:2], -1)
    first = np.arange(flat.shape[-1]) == np.argmax(flat, axis=-1)[..., None]
    return [np.where(first, single(gradients).reshape(*x.shape[:2], 1), 0.0).reshape(x.shape)]


POOLINGS: dict[str, Rule] = {
    "MaxPool": Rule(_max_pool, _max_pool_back, "pooling"),
    "AveragePool": Rule(_average_pool, _average_pool_back, "pooling"),
    "LpPool": Rule(_power_pool, _power_pool_back, "pooling"),
    "GlobalLpPool": Rule(_global_power, _global_power_back, "pooling"),
    "GlobalAveragePool": Rule(_global_mean, _global_mean_back, "pooling"),
    "GlobalMaxPool": Rule(_global_max, _global_max_back, "pooling"),
}
