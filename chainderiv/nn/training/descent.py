"""Mini-batch gradient descent: its settings, and the plain NumPy form that is the compiled one's oracle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from chainderiv.kinds import Array
from chainderiv.nn.network import Network
from chainderiv.records.measured import norm as l2

State = dict[str, Array]


@dataclass(frozen=True)
class Descent:
    """v ← μ v - η (g + (λ/n) w), w ← w + v over mini-batches of m out of n images; without the λ term for b.

    g is the mini-batch's mean gradient, scaled down to the norm `clip` where it is longer (Pascanu, Mikolov and Bengio
    2013). With μ = 0 and no clip this is w ← (1 - ηλ/n) w - (η/m) Σ ∂C/∂w (Nielsen 2015, equation 93).
    """

    batch_size: int
    learning_rate: float
    weight_decay: float
    momentum: float = 0.0
    clip: float = math.inf


class Descending(Protocol):
    """What train() asks of an engine: a network on its way down."""

    def advance(self, order: Array, first: int, last: int, factor: float) -> None:
        """Take the mini-batches first … last - 1 of an order of the images, with η · factor."""

    def network(self) -> Network:
        """The network as it is now, in the dtype that is trained in."""

    def state(self) -> State:
        """What must be kept to go on, bit for bit."""

    def restore(self, state: State) -> None:
        """Go on from there."""


class NumPyDescent:
    """The descent of a network on images (n, n_0) and targets (n, n_L), all of its dtype."""

    def __init__(self, net: Network, descent: Descent, images: Array, targets: Array) -> None:
        self._net, self._descent, self._images, self._targets = net.copy(), descent, images, targets
        self._velocity = [np.zeros_like(p) for p in (*net.weights, *net.biases)]

    def advance(self, order: Array, first: int, last: int, factor: float) -> None:
        """Descending.advance."""
        size = self._descent.batch_size
        with np.errstate(all="ignore"):  # what overflows shows as a number that is not finite
            for start in range(first * size, min(last * size, len(order)), size):
                self._step(order[start : start + size], factor * self._descent.learning_rate)

    def _step(self, batch: Array, eta: float) -> None:
        d, net = self._descent, self._net
        of_weights, of_biases = net.raw_gradients(self._images[batch], self._targets[batch])
        shrunk = _clipped([*of_weights, *of_biases], d.clip)
        decays = [d.weight_decay / len(self._images)] * net.depth + [0.0] * net.depth
        for p, v, g, decay in zip([*net.weights, *net.biases], self._velocity, shrunk, decays, strict=True):
            v *= d.momentum
            v -= eta * (g + decay * p)
            p += v

    def network(self) -> Network:
        """Descending.network."""
        return self._net.copy()

    def state(self) -> State:
        """Descending.state."""
        kinds = {"parameter": [*self._net.weights, *self._net.biases], "velocity": self._velocity}
        return {f"{kind}_{number}": array for kind, arrays in kinds.items() for number, array in enumerate(arrays)}

    def restore(self, state: State) -> None:
        """Descending.restore."""
        for name, array in self.state().items():
            array[...] = state[name]


def _clipped(gradients: Sequence[Array], clip: float) -> Sequence[Array]:
    if clip == math.inf:
        return gradients
    norm = math.sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients))
    if norm == math.inf:  # of squares beyond float64
        norm = math.hypot(*(l2(g, 2) for g in gradients))
    return [g * (clip / norm) for g in gradients] if norm > clip else gradients
