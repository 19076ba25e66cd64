"""Passes over known images, and the rows that are measured at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from chainderiv.compiling.arrays import array_functions
from chainderiv.kinds import Array
from chainderiv.nn.network import Network
from chainderiv.records.measured import Passed, Row, layers_of, norm


class Passes(Protocol):
    """The two passes that a measurement takes over images that are known beforehand."""

    def measured(self, net: Network) -> Passed:
        """Over the measured training images."""

    def outputs(self, net: Network) -> Array:
        """z_L of the validation images."""


class NumPyPasses:
    """Passes by the network's own NumPy methods, over arrays that are known to fit it."""

    def __init__(self, images: Array, targets: Array, held_back: Array) -> None:
        self._images, self._targets, self._held_back = images, targets, held_back

    def measured(self, net: Network) -> Passed:
        """Passes.measured."""
        run, slope = net.forward(self._images), array_functions(net.activation).derivative
        of_weights, of_biases = net.raw_gradients(self._images, self._targets)
        return Passed(of_weights, of_biases, run.a[1:], [slope(z) for z in run.z[:-1]], run.z[-1])

    def outputs(self, net: Network) -> Array:
        """Passes.outputs."""
        return net.forward(self._held_back).z[-1]


@dataclass(frozen=True, eq=False)
class Measurer:
    """Measures a network at its passes; targets and held_back_targets are the images' (n, n_L)."""

    passes: Passes
    targets: Array
    held_back_targets: Array

    def row(self, net: Network, step: int, update_ratio: Array) -> Row:
        """Measure net after so many mini-batches."""
        exact = net.copy("float64")
        with np.errstate(all="ignore"):
            passed, z = self.passes.measured(exact), self.passes.outputs(exact)
            right = exact.last.value(z).argmax(axis=1) == self.held_back_targets.argmax(axis=1)
            return Row(
                step,
                tuple(passed.bias_gradients),
                float(exact.last.cost_per_image(passed.z_last, self.targets).mean()),
                float(exact.last.cost_per_image(z, self.held_back_targets).mean()),
                float(right.mean()),
                layers_of(passed, exact.activation) | {"update_ratio": update_ratio},
            )


def update_ratio(before: Network, after: Network) -> Array:
    """‖W_l - W_l before‖/‖W_l before‖, shape (L,)."""
    moved = [norm(np.subtract(W, V, dtype=float), 2) for W, V in zip(after.weights, before.weights, strict=True)]
    with np.errstate(all="ignore"):
        return np.divide(moved, [norm(W, 2) for W in before.weights])
