"""The way back through a network in wide numbers, so that a gradient of any size keeps its digits at any depth.

Every δ of every image has an exponent of its own, and scaling by a power of two is exact. Plain floats, which training
takes, are in Network._backward. The way forward stays in floats: an activation that underflows is 0 here as well.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Array
from chainderiv.wide import Wide, choose, from_log, matmul, plus, rounded, times, wide


def wide_slopes(activation: Activation, z: Array) -> Wide:
    """φ'(z), by its logarithm where it underflows or overflows."""
    functions = array_functions(activation)
    slope, log = functions.derivative(z), functions.log_abs_derivative(z)
    lost = _lost(slope) & ~np.isnan(log)
    return choose(lost, from_log(np.copysign(1.0, slope), log), wide(slope))


def wide_deltas(last: Wide, weights: Sequence[Array], slopes: Sequence[Wide], adds: Sequence[bool]) -> list[Wide]:
    """δ_1 … δ_L from δ_L (n, n_L), W_1 … W_L and φ'(z_1) … φ'(z_{L-1}); adds: whether layer l adds its input."""
    deltas, change = [last], wide(np.zeros((1, 1)))  # ∂C/∂a_l
    for layer in range(len(weights), 1, -1):
        passed_on = change
        change = matmul(deltas[-1], wide(weights[layer - 1]))
        if adds[layer - 1]:
            change = plus(change, passed_on)
        deltas.append(times(change, slopes[layer - 2]))
    return deltas[::-1]


def means(deltas: Sequence[Wide]) -> list[Wide]:
    """The means over the images, each (n_l,)."""
    return [Wide(*(part[0] for part in _over_images(delta, np.ones((len(delta.m), 1))))) for delta in deltas]


def weight_means(deltas: Sequence[Wide], a: Sequence[Array]) -> list[Wide]:
    """The means over the images of ∂C/∂W_l = δ_l a_{l-1}, each (n_l, n_{l-1}); a: a_0 … a_{L-1}."""
    return [_turned(_over_images(delta, below)) for delta, below in zip(deltas, a, strict=True)]


def _over_images(delta: Wide, a: Array) -> Wide:
    """The mean of a_i δ_i, (n_{l-1}, n_l)."""
    total = matmul(_turned(wide(a)), delta)
    m, shift = np.frexp(total.m / len(a))
    return Wide(m, total.e + shift)


def _turned(p: Wide) -> Wide:
    return Wide(p.m.T, p.e.T)


def plain_enough(deltas: Sequence[Array], a: Sequence[Array], z: Sequence[Array], activation: Activation) -> bool:
    """Whether nothing can have underflowed or overflowed on a way back in floats, nor in the means that follow it."""
    flat = array_functions(activation).states_zero_slope
    for layer, (delta, below) in enumerate(zip(deltas, a, strict=True)):
        lost = _lost(delta)
        # a slope that is stated as 0 gives zeros that are meant; times what overflowed it gives NaN, which is not
        if lost.any() and (layer == len(z) - 1 or not np.logical_and(delta == 0, flat(z[layer]))[lost].all()):
            return False
        (least, most), (least_below, most_below) = _sizes(delta), _sizes(below)
        if least * least_below < np.finfo(delta.dtype).tiny:
            return False
        # a mean is a sum first, of δ or of products
        if not len(delta) * most * most_below < np.finfo(delta.dtype).max:
            return False
    return True


def _sizes(values: Array) -> tuple[float, float]:
    """The smallest size that is not 0, at most 1, and the largest, at least 1."""
    sizes = np.abs(values)
    return float(np.min(sizes, where=sizes > 0, initial=1.0)), float(np.max(sizes, initial=1.0))


def _lost(values: Array) -> Any:
    """Where float cannot hold all digits: 0, what is below its normal numbers, inf and NaN."""
    sizes = np.abs(values)
    return ~((sizes >= np.finfo(values.dtype).tiny) & (sizes < np.inf))


def told(what: str, layers: Sequence[Wide], dtype: np.dtype[Any], cure: str) -> list[Array]:
    """The layers as floats, and a RuntimeWarning with the layers where they do not hold what is not 0."""
    with np.errstate(over="ignore", under="ignore"):
        floats = [rounded(p).astype(dtype) for p in layers]
    beyond = [n for n, (p, f) in enumerate(zip(layers, floats, strict=True), 1) if ((p.m != 0) & _lost(f)).any()]
    beyond = [n for n in beyond if np.isfinite(layers[n - 1].m).all()]
    if beyond:
        warnings.warn(
            f"{what} leaves {dtype.name} in {len(beyond)} of {len(layers)} layers, from {beyond[0]} to {beyond[-1]}: "
            f"it is 0 or has few digits where it underflows and inf where it overflows; take {cure}",
            RuntimeWarning,
            stacklevel=3,
        )
    return floats
