"""Passes over known images, and the rows that are measured at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from chainderiv.compiling.arrays import array_functions
from chainderiv.kinds import Array
from chainderiv.logsign import LogSign
from chainderiv.nn.network import Network, gradient_means
from chainderiv.records.measured import Passed, Row, beyond_alone, exact_norms, layers_of, lost_on_the_way, norm
from chainderiv.wide import rounded, to_log_sign


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
        slope, (run, deltas) = array_functions(net.activation).derivative, net.raw_pass(self._images, self._targets)
        slopes = [slope(z) for z in run.z[:-1]]
        return Passed(*gradient_means(deltas, run.a), run.a[1:], slopes, run.z[-1], lost_on_the_way(deltas))

    def outputs(self, net: Network) -> Array:
        """Passes.outputs."""
        return net.forward(self._held_back).z[-1]


@dataclass(frozen=True, eq=False)
class Measurer:
    """Measures a network at its passes; images are the measured ones, targets and held_back_targets are (n, n_L)."""

    passes: Passes
    images: Array
    targets: Array
    held_back_targets: Array

    def row(self, net: Network, step: int, update_ratio: Array) -> Row:
        """Measure net after so many mini-batches."""
        exact = net.copy("float64")
        with np.errstate(all="ignore"):
            passed, z = self.passes.measured(exact), self.passes.outputs(exact)
            biases, norms, logs = self._gradients(exact, passed)
            right = exact.last.value(z).argmax(axis=1) == self.held_back_targets.argmax(axis=1)
            return Row(
                step,
                biases,
                float(exact.last.cost_per_image(passed.z_last, self.targets).mean()),
                float(exact.last.cost_per_image(z, self.held_back_targets).mean()),
                float(right.mean()),
                layers_of(passed, exact.activation) | norms | {"update_ratio": update_ratio},
                logs,
            )

    def _gradients(
        self, exact: Network, passed: Passed
    ) -> tuple[tuple[Array, ...], dict[str, Array], Mapping[int, LogSign]]:
        """What a row holds of the gradients: ∂C/∂b_l, the norms of ∂C/∂W_l, and logarithms of what leaves float64."""
        if not passed.lost:
            return tuple(passed.bias_gradients), {}, {}
        of_weights, of_biases = exact.wide_gradients(self.images, self.targets)
        logs = {layer: to_log_sign(gradient) for layer, gradient in enumerate(of_biases, 1)}
        norms = exact_norms([to_log_sign(gradient) for gradient in of_weights])
        return tuple(rounded(gradient) for gradient in of_biases), norms, beyond_alone(logs)


def update_ratio(before: Network, after: Network) -> Array:
    """‖W_l - W_l before‖/‖W_l before‖, shape (L,)."""
    moved = [norm(np.subtract(W, V, dtype=float), 2) for W, V in zip(after.weights, before.weights, strict=True)]
    with np.errstate(all="ignore"):
        return np.divide(moved, [norm(W, 2) for W in before.weights])
