"""LAYERS: torch's operators with weights, norms, pooling and attention, by their names in ATen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainderiv.models.readers.torch_models.putting import Held, Putting, numbers


def linear(put: Putting, x: Held, weight: Held, bias: Held | None = None) -> Held:
    """x Wᵀ + b."""
    if x.rank == 2:
        return put.node("Gemm", x, weight, bias, transB=1)
    z = put.node("MatMul", x, put.node("Transpose", weight, perm=[1, 0]))
    return z if bias is None else put.node("Add", z, bias)


def addmm(put: Putting, bias: Held, x: Held, weight: Held, *, beta: float = 1, alpha: float = 1) -> Held:
    """β b + α x W."""
    return put.node("Gemm", x, weight, bias, alpha=float(alpha), beta=float(beta))


def baddbmm(put: Putting, bias: Held, x: Held, y: Held, *, beta: float = 1, alpha: float = 1) -> Held:
    """β b + α x y, a matrix a batch."""
    product = put.node("Mul", put.node("MatMul", x, y), put.tensor(float(alpha)))
    return put.node("Add", product, put.node("Mul", bias, put.tensor(float(beta))))


def matmul(put: Putting, x: Held, y: Held) -> Held:
    """The matrix product."""
    return put.node("MatMul", x, y)


def convolution(
    put: Putting, x: Held, weight: Held, bias: Held | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Held:  # fmt: skip
    """conv1d, conv2d, conv3d; padding may be a word."""
    space = weight.rank - 2
    size = [int(n or 1) for n in weight.shape[2:]]
    strides, dilations = numbers(stride, space), numbers(dilation, space)
    if isinstance(padding, str):
        reach = [d * (k - 1) if padding == "same" else 0 for k, d in zip(size, dilations, strict=True)]
        pads = [n // 2 for n in reach] + [n - n // 2 for n in reach]
    else:
        pads = numbers(padding, space) * 2
    if x.rank != weight.rank:
        raise put.refused("a convolution of one example without a batch")
    settings = {"kernel_shape": size, "strides": strides, "dilations": dilations, "pads": pads, "group": groups}
    return put.node("Conv", x, weight, bias, **settings)


def convolution_transposed(
    put: Putting, x: Held, weight: Held, bias: Held | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Held:  # fmt: skip
    """conv_transpose1d, 2d, 3d."""
    space = weight.rank - 2
    settings = {
        "kernel_shape": [int(n or 1) for n in weight.shape[2:]],
        "strides": numbers(stride, space),
        "dilations": numbers(dilation, space),
        "pads": numbers(padding, space) * 2,
        "output_padding": numbers(output_padding, space),
        "group": groups,
    }
    return put.node("ConvTranspose", x, weight, bias, **settings)


def any_convolution(
    put: Putting, x: Held, weight: Held, bias: Held | None, stride: Any, padding: Any, dilation: Any, transposed: bool,
    output_padding: Any, groups: int,
) -> Held:  # fmt: skip
    """aten.convolution, both ways."""
    if transposed:
        return convolution_transposed(put, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return convolution(put, x, weight, bias, stride, padding, dilation, groups)


def weight_norm(put: Putting, direction: Held, length: Held, axis: int = 0) -> Held:
    """g v / ‖v‖ along all axes but one (Salimans & Kingma 2016, equation 2), of constants at once."""
    v, g = put.array(direction), put.array(length)
    if v is None or g is None:
        raise put.refused("a weight that is normalised of what is computed")
    others = None if axis == -1 else tuple(k for k in range(v.ndim) if k != axis)
    return put.constant(g * (v / np.sqrt(np.square(v).sum(axis=others, keepdims=True))), "weight")


def batch_norm(
    put: Putting, x: Held, weight: Held | None, bias: Held | None, mean: Held | None, variance: Held | None,
    training: bool, momentum: float, eps: float, cudnn: bool = False,
) -> Held:  # fmt: skip
    """BatchNormalization, in training with the statistics of the batch."""
    channels = int(x.shape[1] or 1)
    gamma, beta = _like_norm(put, weight, bias, channels)
    by_batch = training or mean is None or variance is None
    mean = mean or put.constant(np.zeros(channels), "running_mean")
    variance = variance or put.constant(np.ones(channels), "running_var")
    settings: dict[str, Any] = {"epsilon": float(eps)} | ({"training_mode": 1, "unused": 2} if by_batch else {})
    return put.node("BatchNormalization", x, gamma, beta, mean, variance, **settings)


def _like_norm(put: Putting, weight: Held | None, bias: Held | None, channels: int) -> tuple[Held, Held]:
    gamma = weight or put.constant(np.ones(channels), "gamma")
    return gamma, bias or put.constant(np.zeros(channels), "beta")


def layer_norm(
    put: Putting, x: Held, shape: Any, weight: Held | None = None, bias: Held | None = None, eps: float = 1e-5,
    cudnn: bool = True,
) -> Held:  # fmt: skip
    """LayerNormalization over the last dimensions."""
    gamma = weight or put.constant(np.ones(list(shape)), "gamma")
    return put.node("LayerNormalization", x, gamma, bias, axis=-len(shape), epsilon=float(eps))


def rms_norm(put: Putting, x: Held, shape: Any, weight: Held | None = None, eps: float | None = None) -> Held:
    """RMSNormalization over the last dimensions; torch's own ε is that of x's type."""
    gamma = weight or put.constant(np.ones(list(shape)), "gamma")
    least = float(np.finfo(x.kind if x.kind in ("float32", "float64") else "float32").eps) if eps is None else eps
    return put.node("RMSNormalization", x, gamma, axis=-len(shape), epsilon=float(least))


def group_norm(
    put: Putting, x: Held, groups: int, weight: Held | None = None, bias: Held | None = None, eps: float = 1e-5,
    cudnn: bool = True,
) -> Held:  # fmt: skip
    """GroupNormalization, a γ and a β a channel as opset 21 has it."""
    gamma, beta = _like_norm(put, weight, bias, int(x.shape[1] or 1))
    return put.node("GroupNormalization", x, gamma, beta, num_groups=groups, epsilon=float(eps))


def instance_norm(
    put: Putting, x: Held, weight: Held | None, bias: Held | None, mean: Held | None, variance: Held | None,
    by_input: bool, momentum: float, eps: float, cudnn: bool = False,
) -> Held:  # fmt: skip
    """InstanceNormalization; with kept statistics a BatchNormalization."""
    if not by_input:
        return batch_norm(put, x, weight, bias, mean, variance, False, momentum, eps)
    gamma, beta = _like_norm(put, weight, bias, int(x.shape[1] or 1))
    return put.node("InstanceNormalization", x, gamma, beta, epsilon=float(eps))


def max_pool(space: int) -> Callable[..., Held]:
    """max_pool1d, 2d, 3d."""

    def pooled(
        put: Putting, x: Held, size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil: bool = False
    ) -> Held:
        kernel = numbers(size, space)
        settings = {"strides": numbers(stride, space) if stride else kernel, "pads": numbers(padding, space) * 2}
        more = {"dilations": numbers(dilation, space), "ceil_mode": int(ceil)}
        return put.node("MaxPool", x, kernel_shape=kernel, **settings, **more)

    return pooled


def average_pool(space: int) -> Callable[..., Held]:
    """avg_pool1d, 2d, 3d."""

    def pooled(
        put: Putting, x: Held, size: Any, stride: Any = (), padding: Any = 0, ceil: bool = False, counted: bool = True,
        divisor: int | None = None,
    ) -> Held:  # fmt: skip
        if divisor is not None:
            raise put.refused("a divisor of a pool")
        kernel = numbers(size, space)
        settings = {"strides": numbers(stride, space) if stride else kernel, "pads": numbers(padding, space) * 2}
        more = {"ceil_mode": int(ceil), "count_include_pad": int(counted)}
        return put.node("AveragePool", x, kernel_shape=kernel, **settings, **more)

    return pooled


def adaptive(operator: str, whole: str) -> Callable[..., Held]:
    """adaptive_avg_pool, adaptive_max_pool, where the sizes divide."""

    def pooled(put: Putting, x: Held, size: Any) -> Held:
        sizes = [n or 0 for n in x.shape[x.rank - len(size) :]] if not isinstance(size, int) else [x.shape[-1] or 0]
        wanted = numbers(size, len(sizes))
        if set(wanted) == {1}:
            return put.node(whole, x)
        if not all(n and n % w == 0 for n, w in zip(sizes, wanted, strict=True)):
            raise put.refused(f"adaptive pooling of {sizes} to {wanted}")
        kernel = [n // w for n, w in zip(sizes, wanted, strict=True)]
        return put.node(operator, x, kernel_shape=kernel, strides=kernel)

    return pooled


def embedding(put: Putting, weight: Held, at: Held, *_: Any) -> Held:
    """Rows of a table."""
    return put.node("Gather", weight, at, axis=0)


def attention(
    put: Putting, query: Held, key: Held, value: Held, mask: Held | None = None, dropout: float = 0.0,
    causal: bool = False, *, scale: float | None = None, enable_gqa: bool = False,
) -> Held:  # fmt: skip
    """softmax(s q kᵀ + mask) v, as its parts."""
    if enable_gqa:
        raise put.refused("attention of grouped queries")
    perm = [*range(key.rank - 2), key.rank - 1, key.rank - 2]
    factor = 1 / math.sqrt(query.shape[-1] or 1) if scale is None else scale
    scores = put.node("MatMul", query, put.node("Transpose", key, perm=perm))
    scores = put.node("Mul", scores, put.tensor(factor))
    if causal:
        lengths = query.shape[-2], key.shape[-2]
        if None in lengths:
            raise put.refused("causal attention of a length that is free")
        allowed = np.tril(np.ones([n or 1 for n in lengths], bool))
        scores = put.node("Add", scores, put.constant(np.where(allowed, 0.0, -np.inf), "mask"))
    if mask is not None and mask.kind == "bool":
        scores = put.node("Where", mask, scores, put.tensor(-np.inf))
    elif mask is not None:
        scores = put.node("Add", scores, mask)
    return put.node("MatMul", put.node("Softmax", scores, axis=-1), value)


def dropout(put: Putting, x: Held, share: float, training: bool) -> Held:
    """Nothing; in training, too, and then a note says so."""
    if training and share:
        note = "dropout was left out: a gradient at random neurons is none of the network's"
        if note not in put.building.notes:
            put.building.notes.append(note)
    return x


def resized(mode: str) -> Callable[..., Held]:
    """upsample_nearest and upsample_bilinear, by factors or to sizes."""

    def made(put: Putting, x: Held, size: Any = None, *rest: Any) -> Held:
        corners = bool(rest[0]) if mode == "linear" and rest else False
        factors = next((r for r in rest if isinstance(r, list | tuple)), None)
        space = x.rank - 2
        told = [float(f) for f in factors] if factors else _factors(put, x, size, space)
        scales = put.constant(np.asarray([1, 1, *told], np.float64), "scales")
        if mode == "nearest":
            settings = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        else:
            settings = {"coordinate_transformation_mode": "align_corners" if corners else "half_pixel"}
        return put.node("Resize", x, None, scales, mode=mode, **settings)

    return made


def _factors(put: Putting, x: Held, size: Any, space: int) -> list[float]:
    sizes = x.shape[2:]
    if size is None or None in sizes or not all(isinstance(n, int) for n in size):
        raise put.refused("enlarging to a size that is free")
    return [w / (n or 1) for w, n in zip(numbers(size, space), sizes, strict=True)]


LAYERS: dict[str, Callable[..., Held]] = {
    "linear": linear,
    "addmm": addmm,
    "baddbmm": baddbmm,
    **dict.fromkeys(("matmul", "mm", "bmm"), matmul),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), convolution_transposed),
    "convolution": any_convolution,
    **dict.fromkeys(("_weight_norm", "_weight_norm_interface"), weight_norm),
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    **{f"max_pool{d}d": max_pool(d) for d in (1, 2, 3)},
    **{f"avg_pool{d}d": average_pool(d) for d in (1, 2, 3)},
    **{f"adaptive_avg_pool{d}d": adaptive("AveragePool", "GlobalAveragePool") for d in (1, 2, 3)},
    "embedding": embedding,
    "scaled_dot_product_attention": attention,
    **dict.fromkeys(("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"), dropout),
    **{f"upsample_nearest{d}d": resized("nearest") for d in (1, 2, 3)},
    "upsample_bilinear2d": resized("linear"),
    "upsample_linear1d": resized("linear"),
}
