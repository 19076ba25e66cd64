"""Conv and ConvTranspose, of one to three dimensions and any number of groups.

A convolution is a sum over the places in its kernel of products of matrices: of each place the image that lies under
it, (n, groups, channels, windows). Nothing as large as all windows at once is made. What passes a gradient back through
the one is the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainderiv.errors import BadShape
from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.rule import Back, Call, Rule, fits, single
from chainderiv.models.operators.windows import Windows, auto_pad, behind, lengths, padding, windows
from chainderiv.models.scaled import linear, scaled


def _correlated(x: Array, W: Array, at: Windows, groups: int) -> Floats:
    """y (n, M, *count) of x (n, C, *size) and W (M, C/groups, *kernel)."""
    fits((len(x), max(x.shape[1], len(W)), *at.count))
    padded, weights = at.padded(x), _grouped(W, groups)
    y = np.zeros((len(x), groups, len(W) // groups, int(np.prod(at.count))))
    for place, part in at.places():
        y += weights[behind(place)] @ _under(padded, part, groups)
    return y.reshape(len(x), len(W), *at.count)


def _spread(y: Array, W: Array, at: Windows, groups: int) -> Floats:
    """The adjoint of `_correlated` in x: (n, C, *size) of y (n, M, *count)."""
    channels = W.shape[1] * groups
    out = at.empty(np.empty((len(y), channels, *at.size)))
    weights, flat = np.swapaxes(_grouped(W, groups), 1, 2), y.reshape(len(y), groups, len(W) // groups, -1)
    for place, part in at.places():
        out[behind(part)] += (weights[behind(place)] @ flat).reshape(len(y), channels, *at.count)
    return at.cropped(out)


def _of_weights(x: Array, y: Array, W: Array, at: Windows, groups: int) -> Floats:
    """The adjoint of `_correlated` in W."""
    padded, flat = at.padded(x), y.reshape(len(y), groups, len(W) // groups, -1)
    out = np.empty((groups, len(W) // groups, *W.shape[1:]))
    for place, part in at.places():
        out[behind(place)] = (flat @ np.swapaxes(_under(padded, part, groups), -1, -2)).sum(axis=0)
    return out.reshape(W.shape)


def _grouped(W: Array, groups: int) -> Array:
    return W.reshape(groups, len(W) // groups, *W.shape[1:])


def _under(padded: Array, part: tuple[slice, ...], groups: int) -> Array:
    """(n, groups, C/groups, windows): what lies under one place of the kernel."""
    seen: Array = padded[behind(part)]
    return np.asarray(seen.reshape(len(seen), groups, seen.shape[1] // groups, -1))


def _shifted(y: Floats, b: Array | None) -> Floats:
    return y if b is None else y + b.reshape(-1, *[1] * (y.ndim - 2))


def _checked(x: Array, W: Array, channels: int, groups: int) -> None:
    if x.ndim != W.ndim or x.ndim < 3 or x.shape[1] != channels or groups < 1 or len(W) % groups:
        raise BadShape(
            f"a convolution of {W.shape} in {groups} groups is applied to {x.shape}; give images "
            f"(examples, {channels}, …) of {W.ndim - 2} dimensions"
        )


def _conv_windows(call: Call) -> tuple[Windows, int]:
    x, W, groups = call.need(0), call.need(1), int(call.get("group", 1))
    _checked(x, W, W.shape[1] * groups, groups)
    return windows(call, x.shape[2:], W.shape[2:]), groups


def _conv(call: Call) -> Array:
    at, groups = _conv_windows(call)
    return _shifted(_correlated(call.need(0), call.need(1), at, groups), call.input(2))


def _conv_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    return _back(call, single(gradients), *_conv_windows(call), transposed=False)


def _back(call: Call, gradient: Floats, at: Windows, groups: int, transposed: bool) -> Back:
    """Of a transposed one, which is a convolution's way back, the images and the gradient change places."""
    x, W = scaled(call.need(0)), scaled(call.need(1))
    spread = _correlated if transposed else _spread

    def of_weights(images: Floats) -> Floats:
        pair = (gradient, images) if transposed else (images, gradient)
        return _of_weights(*pair, call.need(1), at, groups)

    return [
        linear(W, lambda weights: spread(gradient, weights, at, groups)) if call.wants(0) else None,
        linear(x, of_weights) if call.wants(1) else None,
        _over_channels(gradient) if call.wants(2) else None,
    ]


def _over_channels(gradient: Floats) -> Floats:
    return np.asarray(gradient.sum(axis=(0, *range(2, gradient.ndim))))


def _transposed_windows(call: Call) -> tuple[Windows, int]:
    """The windows of the convolution whose way back a ConvTranspose is: its images are this one's outputs."""
    x, W, groups = call.need(0), call.need(1), int(call.get("group", 1))
    _checked(x, W, len(W), groups)
    count, kernel = x.shape[2:], W.shape[2:]
    strides, dilations = lengths(call, "strides", count), lengths(call, "dilations", count)
    extra = tuple(map(int, call.get("output_padding", (0,) * len(count))))
    span = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    full = [(n - 1) * s + w + e for n, s, w, e in zip(count, strides, span, extra, strict=True)]
    size = _stated_size(call, count, strides)
    if size is None:
        before, after = padding(call, count, count, strides)
        size = tuple(n - b - a for n, b, a in zip(full, before, after, strict=True))
    else:
        before, after = _halves(call, [max(n - wanted, 0) for n, wanted in zip(full, size, strict=True)])
    fits((len(x), W.shape[1] * groups, *map(max, full, size)))
    return Windows(size, kernel, strides, dilations, before, after, count), groups


def _stated_size(call: Call, count: Sequence[int], strides: Sequence[int]) -> tuple[int, ...] | None:
    """The size of the output where the node states it, or asks for one that the strides tell."""
    wanted = call.get("output_shape")
    if wanted is not None:
        return tuple(map(int, wanted))[-len(count) :]
    return tuple(n * s for n, s in zip(count, strides, strict=True)) if auto_pad(call).startswith("SAME") else None


def _halves(call: Call, total: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    less, more = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    return (less, more) if auto_pad(call) == "SAME_UPPER" else (more, less)


def _transposed(call: Call) -> Array:
    at, groups = _transposed_windows(call)
    return _shifted(_spread(call.need(0), call.need(1), at, groups), call.input(2))


def _transposed_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    return _back(call, single(gradients), *_transposed_windows(call), transposed=True)


def _folded_windows(call: Call) -> tuple[Windows, tuple[int, ...]]:
    """The windows over the image that a Col2Im makes, and its input's shape with those told apart."""
    image, block = (tuple(int(n) for n in call.need(k)) for k in (1, 2))
    x, at = call.need(0), windows(call, image, block)
    apart = (len(x), x.shape[1] // int(np.prod(block)), *block, *at.count)
    fits((*apart[:2], *image))
    return at, apart


def _at_place(place: Sequence[int]) -> Any:
    return slice(None), slice(None), *place


def _folded(call: Call) -> Array:
    """What stands in the windows laid over one another and added up (n, C, *image)."""
    at, apart = _folded_windows(call)
    x, out = call.need(0).reshape(apart), at.empty(np.empty((*apart[:2], *at.size)))
    for place, part in at.places():
        out[behind(part)] += x[_at_place(place)]
    return at.cropped(out)


def _folded_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    at, apart = _folded_windows(call)
    padded, out = at.padded(single(gradients)), np.empty(apart)
    for place, part in at.places():
        out[_at_place(place)] = padded[behind(part)]
    return [out.reshape(call.need(0).shape)]


CONVOLUTIONS: dict[str, Rule] = {
    "Conv": Rule(_conv, _conv_back, "weight"),
    "Col2Im": Rule(_folded, _folded_back, "shape"),
    "ConvTranspose": Rule(_transposed, _transposed_back, "weight"),
}
