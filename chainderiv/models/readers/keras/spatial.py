"""Keras' layers over space: convolutions, pooling, padding and enlarging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainderiv.kinds import Array
from chainderiv.models.readers.keras.building import Held, Place


def numbers(place: Place, name: str, rank: int, default: int = 1) -> list[int]:
    """A setting of one number, or of one a dimension."""
    told = place.setting(name, default)
    listed = [told] * (rank - 2) if isinstance(told, int) else list(told)
    if len(listed) != rank - 2 or not all(isinstance(n, int) and 0 < n < 2**20 for n in listed):
        raise place.refused(f"{name} = {told!r}"[:60])
    return listed


def taken(place: Place, x: Held) -> Held:
    """What a layer over space takes: its channels behind the batch, in whichever order Keras keeps them."""
    if place.setting("data_format", "channels_last") == "channels_first":
        return Held(place.last(x).name, x.rank, True)
    return place.first(x)


def given(place: Place, x: Held) -> Held:
    """And what it gives on."""
    if place.setting("data_format", "channels_last") == "channels_first":
        return Held(x.name, x.rank)
    return x


def padding(place: Place, kernel: list[int], strides: list[int], dilations: list[int]) -> dict[str, Any]:
    """ONNX's attributes for "valid", "same" and "causal"."""
    told = place.setting("padding", "valid")
    reach = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
    if told == "valid":
        return {"pads": [0] * (2 * len(kernel))}
    if told == "causal" and len(kernel) == 1:
        return {"pads": [reach[0], 0]}
    if told != "same":
        raise place.refused(f"padding = {told!r}"[:60])
    if set(strides) == {1}:  # the odd one behind, as TensorFlow has it
        return {"pads": [n // 2 for n in reach] + [n - n // 2 for n in reach]}
    return {"auto_pad": "SAME_UPPER"}


def _out_in(kernel: Array) -> Array:
    """(…, in, out) as (out, in, …)."""
    return np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))


def convolution(place: Place, x: Held) -> Held:
    """Conv1D, Conv2D, Conv3D."""
    kernel = place.weight(0)
    return _convolved(place, taken(place, x), _out_in(kernel), place.setting("groups", 1), bias=1)


def depthwise(place: Place, x: Held) -> Held:
    """DepthwiseConv1D and 2D: kernel (…, in, multiplier), a group a channel."""
    kernel = place.weight(0)
    return _convolved(place, taken(place, x), _apart(kernel), kernel.shape[-2], bias=1)


def separable(place: Place, x: Held) -> Held:
    """SeparableConv1D and 2D: a depthwise one, and one of size 1 upon it."""
    kernel, pointwise = place.weight(0), _out_in(place.weight(1))
    z = taken(place, x)
    z = Held(_node(place, z, _apart(kernel), kernel.shape[-2], None), x.rank, True)
    operands = [z.name, place.constant("pointwise", pointwise), *_bias(place, 2)]
    return _activated(place, Held(place.node("Conv", operands), x.rank, True))


def _apart(kernel: Array) -> Array:
    """(…, in, multiplier) as (in · multiplier, 1, …)."""
    size, many = kernel.shape[:-2], kernel.shape[-2] * kernel.shape[-1]
    return np.ascontiguousarray(np.moveaxis(kernel.reshape(*size, 1, many), (-1, -2), (0, 1)))


def _convolved(place: Place, x: Held, kernel: Array, groups: int, bias: int) -> Held:
    return _activated(place, Held(_node(place, x, kernel, groups, bias), x.rank, True))


def _node(place: Place, x: Held, kernel: Array, groups: int, bias: int | None) -> str:
    strides, dilations = numbers(place, "strides", x.rank), numbers(place, "dilation_rate", x.rank)
    if kernel.ndim != x.rank:
        raise place.refused(f"a kernel of {kernel.ndim} dimensions upon a tensor of {x.rank}")
    size = list(kernel.shape[2:])
    attributes = padding(place, size, strides, dilations)
    operands = [x.name, place.constant("weight", kernel), *([] if bias is None else _bias(place, bias))]
    return place.node(
        "Conv", operands, kernel_shape=size, strides=strides, dilations=dilations, group=int(groups), **attributes
    )


def _bias(place: Place, number: int) -> list[str]:
    return [place.constant("bias", place.weight(number))] if place.setting("use_bias", True) else []


def _activated(place: Place, x: Held) -> Held:
    return given(place, place.activated(x, place.config.get("activation")))


def transposed(place: Place, x: Held) -> Held:
    """Conv1DTranspose, 2D and 3D: kernel (…, out, in)."""
    kernel = np.ascontiguousarray(np.moveaxis(place.weight(0), (-1, -2), (0, 1)))
    strides, dilations = numbers(place, "strides", x.rank), numbers(place, "dilation_rate", x.rank)
    size = list(kernel.shape[2:])
    if place.config.get("output_padding") is not None or set(dilations) != {1}:
        raise place.refused("output_padding or dilation_rate")
    # an input of n gives n · stride of "same", and (n - 1) · stride + max(size, stride) of "valid"
    over = [k - s for k, s in zip(size, strides, strict=True)]
    if place.setting("padding", "valid") == "same":
        if min(over) < 0:
            raise place.refused("strides beyond its kernel")
        attributes = {"pads": [n // 2 for n in over] + [n - n // 2 for n in over]}
    else:
        attributes = {"pads": [0] * (2 * len(size)), "output_padding": [max(-n, 0) for n in over]}
    operands = [taken(place, x).name, place.constant("weight", kernel), *_bias(place, 1)]
    z = place.node("ConvTranspose", operands, kernel_shape=size, strides=strides, **attributes)
    return _activated(place, Held(z, x.rank, True))


def pooling(operator: str) -> Callable[[Place, Held], Held]:
    """MaxPool or AveragePool; what is padded does not count into an average."""

    def pooled(place: Place, x: Held) -> Held:
        size = numbers(place, "pool_size", x.rank, 2)
        strides = numbers(place, "strides", x.rank) if place.config.get("strides") is not None else size
        attributes = padding(place, size, strides, [1] * len(size))
        if operator == "AveragePool":
            attributes["count_include_pad"] = 0
        out = place.node(operator, (taken(place, x).name,), kernel_shape=size, strides=strides, **attributes)
        return given(place, Held(out, x.rank, True))

    return pooled


def global_pooling(operator: str) -> Callable[[Place, Held], Held]:
    """ReduceMean or ReduceMax over all but the batch and the channels."""

    def pooled(place: Place, x: Held) -> Held:
        x = taken(place, x)
        keep = bool(place.setting("keepdims", False))
        axes = place.whole("axes", range(2, x.rank))
        out = place.node(operator, (x.name, axes), keepdims=int(keep))
        return given(place, Held(out, x.rank, True)) if keep else Held(out, 2)

    return pooled


def padded(place: Place, x: Held) -> Held:
    """ZeroPadding1D, 2D and 3D."""
    told = place.setting("padding", 1)
    listed = [told] if x.rank == 3 and not isinstance(told, int) and isinstance(told[0], int) else told
    pairs = [
        (n, n) if isinstance(n, int) else tuple(n) for n in ([told] * (x.rank - 2) if isinstance(told, int) else listed)
    ]
    if len(pairs) != x.rank - 2 or not all(isinstance(n, int) and 0 <= n < 2**20 for pair in pairs for n in pair):
        raise place.refused(f"padding = {told!r}"[:60])
    pads = [0, 0, *(before for before, _ in pairs), 0, 0, *(after for _, after in pairs)]
    out = place.node("Pad", (taken(place, x).name, place.whole("pads", pads)), mode="constant")
    return given(place, Held(out, x.rank, True))


def enlarged(place: Place, x: Held) -> Held:
    """UpSampling1D, 2D and 3D, nearest or bilinear."""
    size = numbers(place, "size", x.rank, 2)
    how = place.setting("interpolation", "nearest")
    if how not in ("nearest", "bilinear"):
        raise place.refused(f"interpolation = {how!r}"[:60])
    scales = place.constant("scales", np.asarray([1, 1, *size], np.float64))
    settings = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    if how == "nearest":
        settings = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    out = place.node("Resize", (taken(place, x).name, "", scales), **settings)
    return given(place, Held(out, x.rank, True))
