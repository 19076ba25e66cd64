"""LAYERS: Keras' layers by their class, each as ONNX's operators at inference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainderiv.models.readers.keras import spatial
from chainderiv.models.readers.keras.building import Held, Place


def dense(place: Place, x: Held) -> Held:
    """Dense: kernel (in, out), over the last dimension."""
    x, kernel = place.last(x), place.weight(0)
    if kernel.ndim != 2:
        raise place.refused(f"a kernel of {kernel.ndim} dimensions")
    biased = place.setting("use_bias", True)
    bias = place.weight(1, (kernel.shape[1],)) if biased else None
    if x.rank == 2:
        z = place.building.dense(x.name, kernel.T, bias, place.name)
    else:
        z = place.node("MatMul", (x.name, place.constant("weight", kernel)))
        z = z if bias is None else place.node("Add", (z, place.constant("bias", bias)))
    return place.activated(Held(z, x.rank), place.config.get("activation"))


def batch_normalisation(place: Place, x: Held) -> Held:
    """BatchNormalization with the moving mean and variance, over the last dimension."""
    x = _channels(place, x)
    names = [name for name in ("scale", "center") if place.setting(name, True)]
    channels = place.weight(len(names)).shape
    gamma = place.weight(0, channels) if "scale" in names else np.ones(channels)
    beta = place.weight(len(names) - 1, channels) if "center" in names else np.zeros(channels)
    mean, variance = place.weight(len(names)), place.weight(len(names) + 1, channels)
    told = {"gamma": gamma, "beta": beta, "moving_mean": mean, "moving_variance": variance}
    operands = [place.constant(name, array) for name, array in told.items()]
    out = place.node("BatchNormalization", (x.name, *operands), epsilon=float(place.setting("epsilon", 1e-3)))
    return Held(out, x.rank, x.first)


def _channels(place: Place, x: Held) -> Held:
    """x with what a BatchNormalization runs over behind the batch."""
    axis = place.setting("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if axis in (-1, x.rank - 1):
        return place.first(x)
    if axis != 1:
        raise place.refused(f"axis = {axis!r}"[:60])
    return place.last(x)


def layer_normalisation(place: Place, x: Held) -> Held:
    """LayerNormalization over the last dimensions."""
    x = place.last(x)
    axes = place.setting("axis", -1)
    axes = sorted(n % x.rank for n in ([axes] if isinstance(axes, int) else axes))
    if axes != list(range(axes[0], x.rank)):
        raise place.refused(f"axis = {axes!r}"[:60])
    scaled, centred = place.setting("scale", True), place.setting("center", True)
    shape = place.weight(0).shape if scaled or centred else None
    if shape is None or place.setting("rms_scaling", False):
        raise place.refused("a LayerNormalization without scale and center, or of rms_scaling")
    gamma = place.weight(0) if scaled else np.ones(shape)
    operands = [place.constant("gamma", gamma)]
    operands += [place.constant("beta", place.weight(int(bool(scaled)), shape))] if centred else []
    epsilon = float(place.setting("epsilon", 1e-3))
    return Held(place.node("LayerNormalization", (x.name, *operands), axis=axes[0], epsilon=epsilon), x.rank)


def activation(place: Place, x: Held) -> Held:
    """Activation: one by its name."""
    return place.activated(x, place.config.get("activation"))


def relu(place: Place, x: Held) -> Held:
    """ReLU, with a leak and a ceiling; a threshold is not followed."""
    if place.setting("threshold", 0.0):
        raise place.refused("a threshold")
    leak, most = float(place.setting("negative_slope", 0.0)), place.config.get("max_value")
    out = place.node("LeakyRelu", (x.name,), alpha=leak) if leak else place.node("Relu", (x.name,))
    if most is not None:
        out = place.node("Clip", (out, "", place.constant("max_value", float(most))))
    return Held(out, x.rank, x.first)


def slope(operator: str, **named: tuple[Sequence[str], float]) -> Callable[[Place, Held], Held]:
    """A layer that is an operator, with numbers that Keras keeps under one of these names."""

    def made(place: Place, x: Held) -> Held:
        numbers = {}
        for attribute, (settings, default) in named.items():
            told = next((place.config[s] for s in settings if place.config.get(s) is not None), default)
            numbers[attribute] = float(told[0] if isinstance(told, list) else told)
        return Held(place.node(operator, (x.name,), **numbers), x.rank, x.first)

    return made


def prelu(place: Place, x: Held) -> Held:
    """PReLU, a slope for each neuron or shared."""
    x = place.last(x)
    return Held(place.node("PRelu", (x.name, place.constant("alpha", place.weight(0)))), x.rank)


def softmax(place: Place, x: Held) -> Held:
    """Softmax over one dimension."""
    axis = place.setting("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if not isinstance(axis, int):
        raise place.refused(f"axis = {axis!r}"[:60])
    x = place.last(x)
    return Held(place.node("Softmax", (x.name,), axis=axis), x.rank)


def passed(place: Place, x: Held) -> Held:
    """What does nothing at inference."""
    return x


def flatten(place: Place, x: Held) -> Held:
    """Flatten, the channels last as Keras has it."""
    x = place.last(x)
    return x if x.rank == 2 else Held(place.node("Flatten", (x.name,), axis=1), 2)


def reshape(place: Place, x: Held) -> Held:
    """Reshape, the batch kept."""
    target = [int(n) for n in place.setting("target_shape", [])]
    out = place.node("Reshape", (place.last(x).name, place.whole("shape", [0, *target])))
    return Held(out, 1 + len(target))


def permute(place: Place, x: Held) -> Held:
    """Permute, dimensions counted from 1."""
    perm = [0, *(int(n) for n in place.setting("dims", []))]
    if sorted(perm) != list(range(x.rank)):
        raise place.refused(f"dims = {perm[1:]!r}"[:60])
    return Held(place.node("Transpose", (place.last(x).name,), perm=perm), x.rank)


def rescaling(place: Place, x: Held) -> Held:
    """Rescaling: scale · x + offset."""
    x = place.last(x)
    out = place.node("Mul", (x.name, place.constant("scale", np.asarray(place.setting("scale", 1.0), float))))
    out = place.node("Add", (out, place.constant("offset", np.asarray(place.setting("offset", 0.0), float))))
    return Held(out, x.rank)


def embedding(place: Place, x: Held) -> Held:
    """Embedding: rows of a table."""
    whole = place.node("Cast", (x.name,), to=7)
    return Held(place.node("Gather", (place.constant("weight", place.weight(0)), whole), axis=0), x.rank + 1)


def merged(operator: str, mean: bool = False) -> Callable[[Place, Sequence[Held]], Held]:
    """Add, Multiply, Maximum … of two tensors or more."""

    def made(place: Place, tensors: Sequence[Held]) -> Held:
        x, *others = place.alike(tensors)
        out, rank = x.name, max(t.rank for t in tensors)
        for other in others:
            out = place.node(operator, (out, other.name))
        if mean:
            out = place.node("Div", (out, place.constant("count", float(len(tensors)))))
        return Held(out, rank, x.first)

    return made


def concatenated(place: Place, tensors: Sequence[Held]) -> Held:
    """Concatenate along one dimension."""
    axis = place.setting("axis", -1)
    rank = tensors[0].rank
    held = place.alike(tensors)
    if not isinstance(axis, int) or not -rank <= axis < rank or any(t.rank != rank for t in held):
        raise place.refused(f"axis = {axis!r}"[:60])
    if held[0].first:
        axis = [0, *range(2, rank), 1][axis % rank]
    return Held(place.node("Concat", [t.name for t in held], axis=axis), rank, held[0].first)


DIMENSIONS = ("1D", "2D", "3D")
ONE: dict[str, Callable[[Place, Held], Held]] = {
    "Dense": dense,
    "BatchNormalization": batch_normalisation,
    "LayerNormalization": layer_normalisation,
    "Activation": activation,
    "ReLU": relu,
    "LeakyReLU": slope("LeakyRelu", alpha=(("negative_slope", "alpha"), 0.3)),
    "ELU": slope("Elu", alpha=(("alpha",), 1.0)),
    "PReLU": prelu,
    "Softmax": softmax,
    "Flatten": flatten,
    "Reshape": reshape,
    "Permute": permute,
    "Rescaling": rescaling,
    "Embedding": embedding,
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise"), passed),
    **dict.fromkeys(("GaussianDropout", "AlphaDropout", "ActivityRegularization", "Identity"), passed),
    **{f"Conv{d}": spatial.convolution for d in DIMENSIONS},
    **{f"Convolution{d}": spatial.convolution for d in DIMENSIONS},
    **{f"Conv{d}Transpose": spatial.transposed for d in DIMENSIONS},
    **{f"DepthwiseConv{d}": spatial.depthwise for d in DIMENSIONS[:2]},
    **{f"SeparableConv{d}": spatial.separable for d in DIMENSIONS[:2]},
    **{f"MaxPooling{d}": spatial.pooling("MaxPool") for d in DIMENSIONS},
    **{f"AveragePooling{d}": spatial.pooling("AveragePool") for d in DIMENSIONS},
    **{f"GlobalMaxPooling{d}": spatial.global_pooling("ReduceMax") for d in DIMENSIONS},
    **{f"GlobalAveragePooling{d}": spatial.global_pooling("ReduceMean") for d in DIMENSIONS},
    **{f"ZeroPadding{d}": spatial.padded for d in DIMENSIONS},
    **{f"UpSampling{d}": spatial.enlarged for d in DIMENSIONS},
}
SEVERAL: dict[str, Callable[[Place, Sequence[Held]], Held]] = {
    "Add": merged("Add"),
    "Subtract": merged("Sub"),
    "Multiply": merged("Mul"),
    "Maximum": merged("Max"),
    "Minimum": merged("Min"),
    "Average": merged("Add", mean=True),
    "Concatenate": concatenated,
}


def laid(place: Place, arguments: Sequence[Any]) -> Held:
    """A layer put into the graph behind what it takes; raises BadValue for a class that is not followed."""
    tensors = [t for item in arguments for t in (item if isinstance(item, list) else [item])]
    kind, known = place.layer.kind, all(isinstance(t, Held) for t in tensors)
    if known and kind in SEVERAL and len(tensors) > 1:
        return SEVERAL[kind](place, tensors)
    if known and kind in ONE and not place.layer.is_operation and len(tensors) == 1:
        return ONE[kind](place, tensors[0])
    raise place.refused(f"the layer {kind!r}"[:60])
