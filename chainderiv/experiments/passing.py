"""Hidden layers that pass their input on: put into a network, they leave what it computes as it is."""

from __future__ import annotations

import numpy as np

from chainderiv.compiling.arrays import ArrayFunctions, array_functions
from chainderiv.errors import BadValue
from chainderiv.given import of_kind, whole_number
from chainderiv.nn.network import Network

SMALL = 0.01  # the weight of a layer that passes on: φ is straight there to its square


def with_passing_layers(net: Network, count: int) -> Network:
    """A float64 network with `count` more hidden layers before the last, which computes nearly the same.

    A passing layer is a' = φ(ε (a - φ(0))) ≈ φ(0) + φ'(0) ε (a - φ(0)), ε = 0.01, and the last layer undoes the
    straight line: exact for relu, whose a is never negative, and to about (ε/2)²/12 of a for the sigmoid.

    Raises
    ------
    BadValue
        Without a hidden layer, or where φ is flat to the right of 0; count is a whole number >= 0.

    Examples
    --------
    >>> net = Network([4, 5, 3], rng=1)
    >>> deeper = with_passing_layers(net, 3)
    >>> deeper.sizes, bool(np.abs(deeper.output(np.eye(4)) - net.output(np.eye(4))).max() < 1e-4)
    ((4, 5, 5, 5, 5, 3), True)
    """
    whole_number("count", count, least=0)
    of_kind("net", net, Network, "a Network")
    functions = array_functions(net.activation)
    middle, slope = float(functions.value(0.0)), float(functions.derivative(1e-9))
    if net.depth < 2 or not _straight_at_zero(functions, middle, slope):
        raise BadValue(
            f"{net!r} has no hidden layer of neurons that slope evenly at 0; give one with sigmoid, tanh or relu"
        )
    if net.residual:
        raise BadValue(f"{net!r} would add their input to the layers that are put in; give one without residual")
    exact = net.copy("float64")
    width, last = net.sizes[-2], exact.weights[-1]
    weights, biases = exact.weights[:-1], exact.biases[:-1]
    scale = 1.0  # a' - φ(0) = scale · (a - φ(0)) so far
    for _ in range(count):
        step = SMALL / scale
        weights.append(step * np.eye(width))
        biases.append(np.full(width, -step * middle))
        scale *= step * slope
    weights.append(last / scale)
    biases.append(exact.biases[-1] + (1 - 1 / scale) * middle * last.sum(axis=1))
    deeper = exact.copy()
    deeper.sizes = (*net.sizes[:-1], *[width] * count, net.sizes[-1])
    deeper.weights, deeper.biases = weights, biases
    return deeper


def _straight_at_zero(functions: ArrayFunctions, middle: float, slope: float) -> bool:
    """Whether φ has one slope at 0 for all that φ(z) - φ(0) can be: to the right alone where that is never negative."""
    left = float(functions.derivative(-1e-9))
    lowest = float(np.min(functions.value(np.linspace(-30.0, 30.0, 60_001))))
    even = abs(left - slope) <= 1e-6 * abs(slope)  # 1e-9 on either side, a smooth φ' differs by about as much
    return np.isfinite(slope) and slope != 0 and (even or lowest >= middle)
