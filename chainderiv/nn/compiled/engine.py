"""The engine "numba" of train(): the same descent and the same measurements, compiled; NumPy's are its oracle."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from chainderiv.compiling.cache import load
from chainderiv.compiling.undisturbed import undisturbed
from chainderiv.kinds import Array
from chainderiv.nn.compiled import passes
from chainderiv.nn.compiled.layout import put, rows_of, shape_of, taken, work_for
from chainderiv.nn.compiled.neurons import ending_function, hidden_function
from chainderiv.nn.data.sparse import Pixels
from chainderiv.nn.network import Network
from chainderiv.nn.training.descent import Descent, State
from chainderiv.records.measured import Passed, lost_on_the_way


def _numbers(labels: Array) -> Array:
    """Labels in the one form that the passes are compiled for: bytes in another order would end in a traceback."""
    return np.ascontiguousarray(labels, np.int64)


class CompiledNetwork:
    """A network's parameters in flat arrays, and passes over up to `images` at once; raises NotCompilable."""

    def __init__(self, net: Network, images: int) -> None:
        self.net, self.shape = net, shape_of(net)
        self.work = work_for(self.shape, min(images, passes.CHUNK), net.dtype)
        self.hidden = hidden_function(net.activation, net.dtype)
        self.ending = ending_function(net.last, net.dtype)
        self.kernel = load(inspect.getsource(passes))
        put(self.work.parameters, self.shape, net.weights, net.biases)

    def call(self, name: str, *given: object) -> Any:
        """Run one of the passes.

        Where it is handed a function, Numba runs Python to learn its address, and does not look whether that raised: an
        interrupt there would end in a TypeError. Compiled code heeds none, so nothing waits longer for one.
        """
        with undisturbed():
            return getattr(self.kernel, name)(self.shape, self.work, *given)


class CompiledDescent:
    """NumPyDescent, compiled: images are given by their pixels and labels by their numbers."""

    def __init__(self, net: Network, descent: Descent, images: Pixels, labels: Array) -> None:
        self._at, self._descent = CompiledNetwork(net, descent.batch_size), descent
        self._images, self._labels = images, _numbers(labels)
        self._scale = 1.0

    def advance(self, order: Array, first: int, last: int, factor: float) -> None:
        """Descending.advance."""
        d, at = self._descent, self._at
        batch = min(d.batch_size, len(order))
        self._scale = at.call(
            "descend", at.hidden, at.ending, self._images, self._labels, order, batch, first, last,
            d.learning_rate * factor, d.weight_decay / len(order), d.momentum, d.clip, self._scale,
        )  # fmt: skip

    def network(self) -> Network:
        """Descending.network."""
        net = self._at.net.copy()
        net.weights, net.biases = taken(self._at.work.parameters, self._at.shape)
        net.weights[0] *= net.dtype.type(self._scale)
        return net

    def state(self) -> State:
        """Descending.state."""
        work = self._at.work
        return {"parameters": work.parameters, "velocity": work.velocity, "scale": np.array(self._scale)}

    def restore(self, state: State) -> None:
        """Descending.restore."""
        self._at.work.parameters[:], self._at.work.velocity[:] = state["parameters"], state["velocity"]
        self._scale = float(state["scale"])


class CompiledPasses:
    """NumPyPasses, compiled."""

    def __init__(self, net: Network, images: Pixels, labels: Array, held_back: Pixels) -> None:
        self._images, self._labels, self._held_back = images, _numbers(labels), held_back
        self._at = CompiledNetwork(net, passes.CHUNK)

    def measured(self, net: Network) -> Passed:
        """Passes.measured."""
        at, count = self._at, len(self._labels)
        put(at.work.parameters, at.shape, net.weights, net.biases)
        at.call("turn")
        every = np.arange(count)
        at.call("gradients", at.hidden, at.ending, self._images, self._labels, every, 0, count)
        of_weights, of_biases = taken(at.work.gradient, at.shape)
        layers = range(1, net.depth + 1)
        a, slope = ([rows_of(v, at.shape, layer, count).copy() for layer in layers] for v in (at.work.a, at.work.slope))
        deltas = [rows_of(at.work.delta, at.shape, layer, count) for layer in layers]
        return Passed(
            [g / count for g in of_weights], [g / count for g in of_biases], a, slope[:-1],
            rows_of(at.work.z, at.shape, net.depth, count).copy(), lost_on_the_way(deltas),
        )  # fmt: skip

    def outputs(self, net: Network) -> Array:
        """Passes.outputs."""
        at, count = self._at, len(self._held_back.starts) - 1
        put(at.work.parameters, at.shape, net.weights, net.biases)
        z, every = [], np.arange(count)
        for first in range(0, count, passes.CHUNK):
            some = min(passes.CHUNK, count - first)
            at.call("forward", at.hidden, self._held_back, every, first, some, 1.0)
            z.append(rows_of(at.work.z, at.shape, net.depth, some).copy())
        return np.concatenate(z)
