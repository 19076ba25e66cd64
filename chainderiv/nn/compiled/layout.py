"""Where a network's numbers stand in flat arrays: rows of neurons, each padded to whole LANES with zeros."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from chainderiv.compiling.lanes import LANES
from chainderiv.kinds import Array
from chainderiv.nn.network import Network

LINE = 64  # bytes of a cache line, on which arrays begin: a register's worth that crosses one costs twice


class Shape(NamedTuple):
    """The layers 0 … L of a network, and where in the flat arrays what belongs to layer l begins; entry 0 unused.

    sizes, pitches : neurons, and neurons padded. neuron_at : in a row of all layers' neurons (as after one image).
    weight_at : W_l, input by input (n_{l-1}, pitch_l). bias_at : b_l, behind all weights.
    turned_at : W_l for l >= 2, neuron by neuron (n_l, pitch_{l-1}), as the way back reads it.
    adds : whether a layer adds its input.
    """

    sizes: Array
    pitches: Array
    neuron_at: Array
    weight_at: Array
    bias_at: Array
    turned_at: Array
    adds: Array


class Work(NamedTuple):
    """What a pass over a mini-batch writes, in flat arrays of one dtype; layer l of a batch of m is at m · neuron_at.

    parameters, gradient, velocity : as Shape says. turned : W_l for the way back.
    z, a, slope, change, delta : z_l, a_l, φ'(z_l), ∂C/∂a_l and δ_l of every image. zeros : a row.
    targets : (m, pitch_L).
    """

    parameters: Array
    gradient: Array
    velocity: Array
    turned: Array
    z: Array
    a: Array
    slope: Array
    change: Array
    delta: Array
    targets: Array
    zeros: Array


def shape_of(net: Network) -> Shape:
    """The Shape of a network."""
    n = np.array(net.sizes, np.intp)
    pitches = -(-n // LANES) * LANES
    weights = n[:-1] * pitches[1:]
    neuron_at, weight_at = _starts(pitches[1:]), _starts(weights)
    turned_at = _starts([0, *(n[2:] * pitches[1:-1])])
    adds = np.array([net.adds(layer) for layer in range(len(n))])
    return Shape(n, pitches, neuron_at, weight_at, weights.sum() + neuron_at, turned_at, adds)


def _starts(counts: Sequence[int] | Array) -> Array:
    """Where each of the layers 1 … L begins, of so many numbers each; entry 0 is unused."""
    return np.array([0, 0, *np.cumsum(counts)[:-1]], np.intp)


def work_for(shape: Shape, images: int, dtype: np.dtype[Any]) -> Work:
    """Zeroed arrays for mini-batches of up to so many images."""
    pitches = shape.pitches
    neurons = int(pitches[1:].sum())
    parameters = int(shape.bias_at[1]) + neurons
    turned = int((shape.sizes[2:] * pitches[1:-1]).sum())
    counts = [parameters] * 3 + [turned] + [images * neurons] * 5 + [images * int(pitches[-1]), int(pitches.max())]
    return Work(*(_aligned(count, dtype) for count in counts))


def _aligned(count: int, dtype: np.dtype[Any]) -> Array:
    bytes_ = np.zeros(count * dtype.itemsize + LINE, np.uint8)
    start = -bytes_.ctypes.data % LINE
    return bytes_[start : start + count * dtype.itemsize].view(dtype)


def put(parameters: Array, shape: Shape, weights: Sequence[Array], biases: Sequence[Array]) -> None:
    """Write W_l (n_l, n_{l-1}) and b_l into flat parameters."""
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True), 1):
        rows, row = _views(parameters, shape, layer)
        rows[:], row[:] = W.T, b


def taken(parameters: Array, shape: Shape) -> tuple[list[Array], list[Array]]:
    """The W_l (n_l, n_{l-1}) and b_l that flat parameters (or gradients) hold, copied."""
    both = [_views(parameters, shape, layer) for layer in range(1, len(shape.sizes))]
    return [np.array(rows.T, order="C") for rows, _ in both], [row.copy() for _, row in both]


def _views(parameters: Array, shape: Shape, layer: int) -> tuple[Array, Array]:
    before, n, pitch = shape.sizes[layer - 1], shape.sizes[layer], shape.pitches[layer]
    start, bias = shape.weight_at[layer], shape.bias_at[layer]
    return parameters[start : start + before * pitch].reshape(before, pitch)[:, :n], parameters[bias : bias + n]


def rows_of(values: Array, shape: Shape, layer: int, images: int) -> Array:
    """What z, a, slope or delta holds of a layer after a pass over so many images: a view (images, n_l)."""
    start, pitch = images * shape.neuron_at[layer], shape.pitches[layer]
    return values[start : start + images * pitch].reshape(images, pitch)[:, : shape.sizes[layer]]
