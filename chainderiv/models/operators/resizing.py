"""Resize and Upsample: along each axis a matrix, whose transpose is the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.rule import Back, Call, Rule, Unfollowed, fits, single

HALVES = 1e-12  # a place within this of a half is one: 0.1 · 5 is none in float64
PLACES: dict[str, Callable[[Floats, float, int, int], Floats]] = {
    "half_pixel": lambda k, scale, n, m: (k + 0.5) / scale - 0.5,
    "asymmetric": lambda k, scale, n, m: k / scale,
    "align_corners": lambda k, scale, n, m: k * ((n - 1) / (m - 1) if m > 1 else 0.0),
    "pytorch_half_pixel": lambda k, scale, n, m: (k + 0.5) / scale - 0.5 if m > 1 else np.zeros_like(k),
    "tf_half_pixel_for_nn": lambda k, scale, n, m: (k + 0.5) / scale,
    "half_pixel_symmetric": lambda k, scale, n, m: n / 2 * (1 - m / (scale * n)) + (k + 0.5) / scale - 0.5,
}
NEAREST: dict[str, Callable[[Floats], Floats]] = {
    "round_prefer_floor": lambda p: np.ceil(p - 0.5 - HALVES),
    "round_prefer_ceil": lambda p: np.floor(p + 0.5 + HALVES),
    "floor": lambda p: np.floor(p + HALVES),
    "ceil": lambda p: np.ceil(p - HALVES),
}


def _text(call: Call, name: str, default: str) -> str:
    given = call.get(name, default)
    return given.decode() if isinstance(given, bytes) else given


def _numbers(call: Call, k: int) -> list[float] | None:
    given = call.input(k)
    return None if given is None or given.size == 0 else [float(n) for n in given.reshape(-1)]


def _wanted(call: Call) -> dict[int, tuple[int, float]]:
    """Axis -> its new length and the scale; raises BadValue where neither is given."""
    x, old = call.need(0), call.opset < 11
    scales = _numbers(call, 1 if old else 2) or call.get("scales")
    sizes = None if old else _numbers(call, 3)
    axes = [int(n) % x.ndim for n in call.get("axes", range(x.ndim))]
    if sizes is not None:
        stretched = [n / x.shape[k] for k, n in zip(axes, sizes, strict=True)]
        choose = {"stretch": None, "not_larger": min, "not_smaller": max}[
            _text(call, "keep_aspect_ratio_policy", "stretch")
        ]
        if choose is None:
            return {k: (int(n), s) for k, n, s in zip(axes, sizes, stretched, strict=True)}
        scale = choose(stretched)
        return {k: (int(np.floor(x.shape[k] * scale + 0.5)), scale) for k in axes}
    if scales is None:
        raise BadValue("neither scales nor sizes are given; give a file whose operators are complete")
    return {k: (int(np.floor(x.shape[k] * s)), float(s)) for k, s in zip(axes, scales, strict=True)}


def _matrices(call: Call) -> Iterator[tuple[int, Floats]]:
    """Of each axis whose length changes, (new, old): how the new numbers are made of the old ones."""
    x = call.need(0)
    for axis, (length, scale) in _wanted(call).items():
        if length == x.shape[axis] and scale == 1:
            continue
        fits((length, x.shape[axis]))
        yield axis, _matrix(call, x.shape[axis], length, scale)


def _matrix(call: Call, n: int, m: int, scale: float) -> Floats:
    old = call.opset < 11
    how = _text(call, "coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    if how not in PLACES:
        raise Unfollowed(f"its places are counted by {how}")
    at, mode = PLACES[how](np.arange(m, dtype=float), scale, n, m), _text(call, "mode", "nearest")
    if mode == "nearest":
        shift = NEAREST[_text(call, "nearest_mode", "floor" if old else "round_prefer_floor")](at)
        return _taps(n, m, [(shift, np.ones(m))])
    if mode not in KERNELS:
        raise Unfollowed(f"it is {mode}")
    kernel, slope = KERNELS[mode], call.get("cubic_coeff_a", -0.75)
    # a kernel that is as wide as what it shrinks smooths it
    finer = min(scale, 1.0) if call.get("antialias", 0) else 1.0
    if call.get("exclude_outside", 0):
        return _shared(kernel(np.abs(np.arange(n) - at[:, None]) * finer, slope))
    left, reach = np.floor(at), int(np.ceil((1 if mode in ("linear", "bilinear") else 2) / finer))
    fits((m, 2 * reach))
    around = np.arange(1 - reach, 1 + reach)
    weights = _shared(kernel(np.abs((at - left)[:, None] - around) * finer, slope))
    return _taps(n, m, [(left + k, weight) for k, weight in zip(around, weights.T, strict=True)])


def _shared(matrix: Floats) -> Floats:
    """Weights that add up to 1 in each row."""
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))


def _line(t: Floats, a: float) -> Floats:
    return np.maximum(1 - t, 0.0)


def _cubic(t: Floats, a: float) -> Floats:
    """Keys's kernel (1981)."""
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    return np.where(t <= 1, near, np.where(t < 2, a * (((t - 5) * t + 8) * t - 4), 0.0))


KERNELS = {"linear": _line, "bilinear": _line, "cubic": _cubic}


def _taps(n: int, m: int, taps: Sequence[tuple[Floats, Floats]]) -> Floats:
    """Each tap is where it stands and its weight; beyond the ends the last number goes on."""
    matrix = np.zeros((m, n))
    for place, weight in taps:
        np.add.at(matrix, (np.arange(m), np.clip(place, 0, n - 1).astype(int)), weight)
    return matrix


def _along(matrix: Floats, x: Array, axis: int) -> Floats:
    fits([len(matrix) if k == axis else n for k, n in enumerate(x.shape)])
    return np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)


def _resize(call: Call) -> Array:
    x = call.need(0)
    for axis, matrix in _matrices(call):
        x = _along(matrix, x, axis)
    return x


def _resize_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    gradient = single(gradients)
    for axis, matrix in _matrices(call):
        gradient = _along(matrix.T, gradient, axis)
    return [gradient]


RESIZING: dict[str, Rule] = {
    "Resize": Rule(_resize, _resize_back, "pooling"),
    "Upsample": Rule(_resize, _resize_back, "pooling"),
}
