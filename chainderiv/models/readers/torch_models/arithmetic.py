"""ARITHMETIC: torch's slopes, arithmetic and reductions, by their names in ATen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainderiv.models.readers.torch_models.putting import Held, Putting


def plain(operator: str, *names: str, **fixed: Any) -> Callable[..., Held]:
    """An operator of one tensor; names are its attributes, in torch's order of the numbers behind the tensor."""

    def made(put: Putting, x: Held, *settings: Any, **named: Any) -> Held:
        told = {name: float(value) for name, value in zip(names, settings, strict=False)}
        return put.node(operator, x, **fixed, **told)

    return made


def elu(put: Putting, x: Held, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Held:
    """Elu, of which torch makes the SELU, too."""
    if input_scale != 1:
        raise put.refused("an ELU of a scaled input")
    if scale == 1:
        return put.node("Elu", x, alpha=float(alpha))
    return put.node("Selu", x, alpha=float(alpha), gamma=float(scale))


def gelu(put: Putting, x: Held, *, approximate: str = "none") -> Held:
    """Gelu, exact or by tanh."""
    return put.node("Gelu", x, approximate=approximate)


def softplus(put: Putting, x: Held, beta: float = 1.0, threshold: float = 20.0) -> Held:
    """ln(1 + e^{βz})/β; above βz = 20 torch gives z, which differs by less than 3e-9."""
    if beta == 1:
        return put.node("Softplus", x)
    return put.node("Div", put.node("Softplus", put.node("Mul", x, put.tensor(float(beta)))), put.tensor(float(beta)))


def log_sigmoid(put: Putting, x: Held) -> Held:
    """-softplus(-z)."""
    return put.node("Neg", put.node("Softplus", put.node("Neg", x)))


def clamp(put: Putting, x: Held, least: Any = None, most: Any = None) -> Held:
    """Clip."""
    ends = [None if end is None else put.tensor(float(end)) for end in (least, most)]
    return put.node("Clip", x, *ends)


def relu6(put: Putting, x: Held) -> Held:
    """Clip from 0 to 6."""
    return clamp(put, x, 0.0, 6.0)


def hardtanh(put: Putting, x: Held, least: float = -1.0, most: float = 1.0) -> Held:
    """Clip from -1 to 1."""
    return clamp(put, x, least, most)


def prelu(put: Putting, x: Held, weight: Held) -> Held:
    """PRelu, a slope for each channel."""
    array = put.array(weight)
    if array is None:
        raise put.refused("a PReLU of computed slopes")
    if array.size > 1 and x.rank > 2:
        weight = put.constant(array.reshape(-1, *[1] * (x.rank - 2)), "slope")
    return put.node("PRelu", x, weight)


def glu(put: Putting, x: Held, axis: int = -1) -> Held:
    """The first half times the sigmoid of the second."""
    long = x.shape[axis]
    if long is None:
        raise put.refused("a GLU along a size that is free")
    half, along = put.whole([long // 2]), put.whole([axis])
    first = put.node("Slice", x, put.whole([0]), half, along)
    second = put.node("Slice", x, half, put.whole([long]), along)
    return put.node("Mul", first, put.node("Sigmoid", second))


def softmax(operator: str) -> Callable[..., Held]:
    """Softmax, LogSoftmax along an axis."""

    def made(put: Putting, x: Held, axis: int, *_: Any, **__: Any) -> Held:
        return put.node(operator, x, axis=axis)

    return made


def two(operator: str, flipped: bool = False) -> Callable[..., Held]:
    """x ∘ y of tensors or numbers; alpha is a factor of the second."""

    def made(put: Putting, x: Any, y: Any, *rest: Any, alpha: Any = 1, rounding_mode: Any = None) -> Held:
        factor = rest[0] if rest else alpha
        if rounding_mode is not None:
            raise put.refused("a division that rounds")
        first, second = put.tensor(x), put.tensor(y)
        if factor != 1:
            second = put.node("Mul", second, put.tensor(float(factor)))
        return put.node(operator, second, first) if flipped else put.node(operator, first, second)

    return made


def addc(operator: str) -> Callable[..., Held]:
    """x + value · (y ∘ z)."""

    def made(put: Putting, x: Held, y: Held, z: Held, *, value: float = 1) -> Held:
        part = put.node(operator, y, z)
        return put.node("Add", x, put.node("Mul", part, put.tensor(float(value))) if value != 1 else part)

    return made


def inverse_root(put: Putting, x: Held) -> Held:
    """1/√x."""
    return put.node("Reciprocal", put.node("Sqrt", x))


def square(put: Putting, x: Held) -> Held:
    """x²."""
    return put.node("Mul", x, x)


def where(put: Putting, condition: Held, x: Any, y: Any) -> Held:
    """x where the condition holds, else y."""
    return put.node("Where", condition, put.tensor(x), put.tensor(y))


def masked_fill(put: Putting, x: Held, mask: Held, value: Any) -> Held:
    """The value where the mask holds, else x."""
    return put.node("Where", mask, put.tensor(value), x)


def reduced(operator: str) -> Callable[..., Held]:
    """Mean, sum, largest … over axes, or over all."""

    def made(put: Putting, x: Held, axes: Any = None, keep: bool = False, *_: Any, **__: Any) -> Held:
        told = [axes] if isinstance(axes, int) else list(axes or ())
        inputs = [put.whole([a % x.rank for a in told])] if told else []
        return put.node(operator, x, *inputs, keepdims=int(bool(keep)))

    return made


def spread(root: bool) -> Callable[..., Held]:
    """var, std, of which torch divides by n - 1."""

    def made(put: Putting, x: Held, axes: Any = None, *rest: Any, **named: Any) -> Held:
        told = [axes] if isinstance(axes, int) else list(range(x.rank) if axes is None else axes)
        sizes = [x.shape[a] for a in told]
        if isinstance(axes, bool) or None in sizes:
            raise put.refused("a variance along a size that is free")
        correction = named.get("correction", 1 if named.get("unbiased", rest[0] if rest else True) else 0)
        keep = bool(named.get("keepdim", rest[1] if len(rest) > 1 else False))
        count, along = int(np.prod([n or 1 for n in sizes])), put.whole(told)
        centred = put.node("Sub", x, put.node("ReduceMean", x, along, keepdims=1))
        mean = put.node("ReduceMean", put.node("Mul", centred, centred), along, keepdims=int(keep))
        variance = put.node("Mul", mean, put.tensor(count / (count - float(correction))))
        return put.node("Sqrt", variance) if root else variance

    return made


ARITHMETIC: dict[str, Callable[..., Any]] = {
    **{name: plain(name.capitalize()) for name in ("relu", "sigmoid", "tanh", "selu", "mish", "exp", "log", "sqrt")},
    **{
        name: plain(name.capitalize())
        for name in ("abs", "neg", "sin", "cos", "tan", "erf", "reciprocal", "sinh", "cosh")
    },
    **{
        name: plain(name.capitalize())
        for name in ("asinh", "acosh", "atanh", "asin", "acos", "atan", "sign", "floor", "ceil")
    },
    "arctan": plain("Atan"),
    "silu": plain("Swish", alpha=1.0),
    "celu": plain("Celu", "alpha"),
    "elu": elu,
    "leaky_relu": lambda put, x, slope=0.01: put.node("LeakyRelu", x, alpha=float(slope)),
    "gelu": gelu,
    "softplus": softplus,
    "log_sigmoid": log_sigmoid,
    "softsign": plain("Softsign"),
    "hardsigmoid": plain("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hardswish": plain("HardSwish"),
    "hardtanh": hardtanh,
    "relu6": relu6,
    "softshrink": lambda put, x, lambd=0.5: put.node("Shrink", x, lambd=float(lambd), bias=float(lambd)),
    "hardshrink": lambda put, x, lambd=0.5: put.node("Shrink", x, lambd=float(lambd), bias=0.0),
    "prelu": prelu,
    "glu": glu,
    **dict.fromkeys(("softmax", "_softmax"), softmax("Softmax")),
    **dict.fromkeys(("log_softmax", "_log_softmax"), softmax("LogSoftmax")),
    "add": two("Add"),
    "sub": two("Sub"),
    "rsub": two("Sub", flipped=True),
    **dict.fromkeys(("mul", "multiply"), two("Mul")),
    **dict.fromkeys(("div", "true_divide", "divide"), two("Div")),
    "pow": two("Pow"),
    "maximum": two("Max"),
    "minimum": two("Min"),
    "eq": two("Equal"),
    "gt": two("Greater"),
    "lt": two("Less"),
    "ge": two("GreaterOrEqual"),
    "le": two("LessOrEqual"),
    "addcmul": addc("Mul"),
    "addcdiv": addc("Div"),
    **dict.fromkeys(("clamp", "clip"), clamp),
    "clamp_min": clamp,
    "clamp_max": lambda put, x, most: clamp(put, x, None, most),
    "rsqrt": inverse_root,
    "square": square,
    "where": where,
    "masked_fill": masked_fill,
    "logical_not": plain("Not"),
    "mean": reduced("ReduceMean"),
    "sum": reduced("ReduceSum"),
    "amax": reduced("ReduceMax"),
    "amin": reduced("ReduceMin"),
    "logsumexp": reduced("ReduceLogSumExp"),
    "var": spread(root=False),
    "std": spread(root=True),
}
