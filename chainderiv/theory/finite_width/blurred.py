"""A neuron seen over many inputs: z = v + √τ ζ, with v ~ N(0, p) common to all inputs and ζ ~ N(0, 1) of each its own.

    A(v) = E_ζ φ(z), the mean of what leaves the neuron, ψ(v) = E_ζ φ'(z) = A'(v), and W(v) = E_ζ φ² - A² the variance

p is q c and τ is q (1 - c): the mean over the inputs of what one neuron does. One input alone is τ = 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Floats
from chainderiv.theory.gaussian import nodes, on_panels

REACH = 12.0  # standard deviations
PANELS = 12  # of ζ
SHARP = 1e-20  # a smaller τ/p is no blur


class Values(NamedTuple):
    """At nodes v with weights, each (k,): A, ψ, W and, of one input, φ'² meant over its own part as well."""

    v: Floats
    weights: Floats
    mean: Floats
    slope: Floats
    variance: Floats
    squared_slope: Floats

    def expect(self, values: Floats) -> float:
        """E over v."""
        return float(values @ self.weights)


@dataclass(frozen=True)
class Blurred:
    """An activation's A, ψ and W as functions of p and τ."""

    activation: Activation

    def at(self, p: float, tau: float) -> Values:
        """Their values at the nodes of N(0, p)."""
        functions, breaks = array_functions(self.activation), [float(b) for b in self.activation.breaks]

        def phi(z: Floats) -> Floats:
            value, slope = functions.value(z), functions.derivative(z)
            # less φ(v), from which the squares of a small blur would cancel
            return np.array([value, slope, (value.T - at_v.T).T ** 2, slope * slope])

        v, weights = common(p, tau, breaks)
        at_v = functions.value(v)
        value, slope, square, squared_slope = blur(phi, v, tau, breaks)
        variance = np.maximum(square - (value - at_v) ** 2, 0.0)
        return Values(v, weights, value, slope, variance, squared_slope)


def common(p: float, tau: float, breaks: Sequence[float]) -> tuple[Floats, Floats]:
    """Nodes v of N(0, p) and their weights, each (k,): fine where a break that τ blurs is passed."""
    edges = [b + s * np.sqrt(tau) for b in breaks for s in ((-3, 0, 3) if tau else (0,))]
    v, weights = nodes(np.array([p]), edges, REACH, 2)
    return v[0], weights[0] / weights[0].sum()


def blur(function: Callable[[Floats], Floats], v: Floats, tau: float, breaks: Sequence[float]) -> Floats:
    """E over ζ of k functions at v + √τ ζ: (k, n), for v (n,)."""
    if tau <= SHARP * float(np.max(np.abs(v))) ** 2:
        return function(v)
    root = np.sqrt(tau)
    even = np.linspace(-REACH, REACH, 2 * PANELS + 1)[None, :]
    cuts = (np.asarray(breaks, float)[None, :] - v[:, None]) / root
    cuts = np.where(np.abs(cuts) < REACH, cuts, 0.0)
    edges = np.sort(np.concatenate([np.broadcast_to(even, (v.size, even.size)), cuts], axis=1), axis=1)
    zeta, widths = on_panels(edges)
    weights = widths * np.exp(-zeta * zeta / 2) / np.sqrt(2 * np.pi)
    return np.asarray((function(v[:, None] + root * zeta) * weights).sum(axis=-1))
