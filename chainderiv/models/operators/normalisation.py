"""Normalisations: x̂ = (x − mean) / √(var + ε) over some axes, then γ x̂ + β.

What comes back through x̂ is (∂x̂ − mean ∂x̂ − x̂ mean(∂x̂ x̂)) / √(var + ε), means over the same axes (Ioffe & Szegedy 2015,
section 3); where the mean is not taken off (RMS; Zhang & Sennrich 2019), or both are given (a BatchNormalization that
is not trained), the terms that they made are missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainderiv.errors import BadShape
from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.broadcasting import unbroadcast
from chainderiv.models.operators.rule import Back, Call, Rule, Unfollowed, single

KEPT, TRAINED = (
    9,
    14,
)  # BatchNormalization's versions: from 9 on it is spatial; from 14 on an attribute says it is trained


@dataclass(frozen=True)
class Normal:
    """x̂ and 1/√(var + ε), which broadcasts with it; axes : over which, centred : whether the mean was taken off."""

    x: Floats
    inverse: Floats
    axes: tuple[int, ...]
    mean: Floats
    var: Floats
    centred: bool = True

    def back(self, gradient: Floats) -> Floats:
        """∂C/∂x of ∂C/∂x̂."""
        along = (gradient * self.x).mean(axis=self.axes, keepdims=True)
        inner = gradient - self.x * along
        if self.centred:
            inner = inner - gradient.mean(axis=self.axes, keepdims=True)
        return np.asarray(inner * self.inverse)


def normal(x: Array, axes: tuple[int, ...], epsilon: float, centred: bool = True) -> Normal:
    """x normalised by its own statistics over axes."""
    mean = x.mean(axis=axes, keepdims=True) if centred else np.zeros(1)
    apart = x - mean
    var = np.square(apart).mean(axis=axes, keepdims=True)
    inverse = 1 / np.sqrt(var + epsilon)
    return Normal(apart * inverse, inverse, axes, mean, var, centred)


def _channels(p: Array, x: Array) -> Array:
    """(C,) as it stands beside x (n, C, …)."""
    return p.reshape(-1, *[1] * (x.ndim - 2))


def _scaled_back(call: Call, x_hat: Floats, gamma: Array, gradient: Floats) -> tuple[Floats, Floats, Floats]:
    """∂x̂, ∂γ and ∂β, the latter two in γ's shape as it was broadcast."""
    return gradient * gamma, unbroadcast(gradient * x_hat, gamma.shape), unbroadcast(gradient, gamma.shape)


def _batch_trained(call: Call) -> bool:
    if call.opset < KEPT and not call.get("spatial", 1):
        raise Unfollowed("it keeps statistics for each place")
    old = call.opset < TRAINED and call.results > 1
    return bool(call.training or old or call.get("training_mode", 0))


def _batch_normal(call: Call) -> Normal:
    x, epsilon = call.need(0), call.get("epsilon", 1e-5)
    if _batch_trained(call):
        return normal(x, (0, *range(2, x.ndim)), epsilon)
    mean, var = (_channels(call.need(k), x) for k in (3, 4))
    inverse = 1 / np.sqrt(var + epsilon)
    return Normal((x - mean) * inverse, inverse, (0, *range(2, x.ndim)), mean, var)


def _batch(call: Call) -> tuple[Array, ...]:
    """Beside y, the statistics that are kept where the node names them."""
    x, found = call.need(0), _batch_normal(call)
    y = _channels(call.need(1), x) * found.x + _channels(call.need(2), x)
    if call.results == 1:
        return (y,)
    share = call.get("momentum", 0.9)
    kept = [call.need(k) * share + new.reshape(-1) * (1 - share) for k, new in ((3, found.mean), (4, found.var))]
    return (y, *kept, *(new.reshape(-1) for new in (found.mean, found.var)))


def _batch_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    if gradients[0] is None:  # kept statistics are no way for a gradient
        return []
    x, found = call.need(0), _batch_normal(call)
    of_x, of_gamma, of_beta = _scaled_back(call, found.x, _channels(call.need(1), x), single(gradients))
    parts = [of_gamma.reshape(-1), of_beta.reshape(-1)]
    if _batch_trained(call):
        return [found.back(of_x), *parts]
    of_mean = -unbroadcast(of_x * found.inverse, found.mean.shape)
    of_var = unbroadcast(of_x * found.x, found.mean.shape) * found.inverse**2 / -2
    return [of_x * found.inverse, *parts, of_mean.reshape(-1), of_var.reshape(-1)]


def _trailing(call: Call) -> tuple[int, ...]:
    x, axis = call.need(0), int(call.get("axis", -1))
    return tuple(range(axis + x.ndim if axis < 0 else axis, x.ndim))


def _layer(call: Call) -> tuple[Array, ...]:
    found = normal(call.need(0), _trailing(call), call.get("epsilon", 1e-5))
    y, beta = found.x * call.need(1), call.input(2)
    return (y if beta is None else y + beta, found.mean, found.inverse)[: call.results]


def _layer_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    if any(g is not None for g in gradients[1:]):
        raise Unfollowed("its mean or deviation is used")
    found = normal(call.need(0), _trailing(call), call.get("epsilon", 1e-5))
    return _back_of(call, found, call.need(1), single(gradients))


def _back_of(call: Call, found: Normal, gamma: Array, gradient: Floats) -> Back:
    of_x, of_gamma, of_beta = _scaled_back(call, found.x, gamma, gradient)
    beta = call.input(2)
    if beta is not None and beta.shape != gamma.shape:
        of_beta = unbroadcast(gradient, beta.shape)
    return [found.back(of_x), of_gamma, of_beta]


def _rms_normal(call: Call) -> Normal:
    return normal(call.need(0), _trailing(call), call.get("epsilon", 1e-5), centred=False)


def _rms(call: Call) -> Array:
    return _rms_normal(call).x * call.need(1)


def _rms_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    return _back_of(call, _rms_normal(call), call.need(1), single(gradients))


def _instance_normal(call: Call) -> Normal:
    x = call.need(0)
    return normal(x, tuple(range(2, x.ndim)), call.get("epsilon", 1e-5))


def _instance(call: Call) -> Array:
    x = call.need(0)
    return _instance_normal(call).x * _channels(call.need(1), x) + _channels(call.need(2), x)


def _instance_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    found, x = _instance_normal(call), call.need(0)
    of_x, *parts = _scaled_back(call, found.x, _channels(call.need(1), x), single(gradients))
    return [found.back(of_x), *(p.reshape(-1) for p in parts)]


def _groups(call: Call) -> tuple[Array, Array, Array]:
    """x (n, groups, C/groups, …), γ and β (groups, C/groups or 1, 1 …)."""
    x, groups = call.need(0), int(call.get("num_groups", 1))
    if groups < 1 or x.ndim < 2 or x.shape[1] % groups:
        raise BadShape(f"{x.shape[1:2]} channels are to make {groups} groups; give a model that is whole")
    apart = x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:])
    each = (groups, -1, *[1] * (x.ndim - 2))
    return apart, call.need(1).reshape(each), call.need(2).reshape(each)


def _group_normal(call: Call) -> tuple[Normal, Array, Array]:
    apart, gamma, beta = _groups(call)
    return normal(apart, tuple(range(2, apart.ndim)), call.get("epsilon", 1e-5)), gamma, beta


def _group(call: Call) -> Array:
    found, gamma, beta = _group_normal(call)
    return np.asarray(found.x * gamma + beta).reshape(call.need(0).shape)


def _group_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    found, gamma, _ = _group_normal(call)
    of_x, *parts = _scaled_back(call, found.x, gamma, single(gradients).reshape(found.x.shape))
    return [found.back(of_x).reshape(call.need(0).shape), *(p.reshape(-1) for p in parts)]


def _length(call: Call) -> tuple[Array, int, int]:
    x, axis, order = call.need(0), int(call.get("axis", -1)), int(call.get("p", 2))
    lengths = np.sqrt(np.square(x).sum(axis, keepdims=True)) if order == 2 else np.abs(x).sum(axis, keepdims=True)
    return np.where(lengths == 0, 1.0, lengths), axis, order


def _unit(call: Call) -> Array:
    return np.asarray(call.need(0) / _length(call)[0])


def _unit_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    lengths, axis, order = _length(call)
    y, gradient = call.outputs[0], single(gradients)
    along = (gradient * y).sum(axis, keepdims=True)
    return [(gradient - (y if order == 2 else np.sign(y)) * along) / lengths]


def _neighbours(x: Array, size: int, turned: bool = False) -> Floats:
    """Σ of x over `size` channels around each; turned : over those that have it among theirs."""
    less, more = (size - 1) // 2, size - 1 - (size - 1) // 2
    sides = (more, less) if turned else (less, more)
    padded = np.pad(x, [(0, 0), sides, *[(0, 0)] * (x.ndim - 2)])
    return np.asarray(sum(padded[behind_channel(k, x)] for k in range(size)))


def behind_channel(k: int, x: Array) -> tuple[slice, slice]:
    """The index of the channels from k on, as many as x has."""
    return slice(None), slice(k, k + x.shape[1])


def _local_parts(call: Call) -> tuple[int, float, float, Floats]:
    x, size = call.need(0), int(call.get("size"))
    each, beta = call.get("alpha", 1e-4) / size, call.get("beta", 0.75)
    return size, each, beta, call.get("bias", 1.0) + each * _neighbours(np.square(x), size)


def _local(call: Call) -> Array:
    """x / (bias + α/size Σ x²)^β, the sum over neighbouring channels (Krizhevsky 2012)."""
    *_, beta, under = _local_parts(call)
    return np.asarray(call.need(0) * under**-beta)


def _local_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    x, gradient = call.need(0), single(gradients)
    size, each, beta, under = _local_parts(call)
    around = _neighbours(gradient * x * under ** (-beta - 1), size, turned=True)
    return [gradient * under**-beta - 2 * each * beta * x * around]


NORMALISATIONS: dict[str, Rule] = {
    "BatchNormalization": Rule(_batch, _batch_back, "normalisation"),
    "LayerNormalization": Rule(_layer, _layer_back, "normalisation"),
    "RMSNormalization": Rule(_rms, _rms_back, "normalisation"),
    "InstanceNormalization": Rule(_instance, _instance_back, "normalisation"),
    "GroupNormalization": Rule(_group, _group_back, "normalisation"),
    "LpNormalization": Rule(_unit, _unit_back, "normalisation"),
    "LRN": Rule(_local, _local_back, "normalisation"),
}
