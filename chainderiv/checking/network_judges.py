"""Three judges of a Network's mean gradients that run its forward pass alone, along directions in one of its arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import mpmath
import numpy as np

from chainderiv import symbols
from chainderiv.checking.judges import difference, settled
from chainderiv.checking.points import near_kink
from chainderiv.checking.verification import METHODS
from chainderiv.functions.precise import precise
from chainderiv.kinds import Array
from chainderiv.nn.network import Forward, Network
from chainderiv.nn.output_layer import value
from chainderiv.wide import Wide, matmul, wide

STEP = 1e-20  # its square is lost beside 1
UNDERFLOW = 1e-290  # of an imaginary part
TOGETHER = 1_000_000  # numbers in an array of several directions' complex steps
MPMATH_PRODUCTS = 20_000  # weights × images above which a forward pass in mpmath takes too long


@dataclass(frozen=True, eq=False)
class Subject:
    """A network in float64 at images (n, n_0) and targets (n, n_L), and its way forward there."""

    net: Network
    images: Array
    targets: Array
    run: Forward

    @property
    def flat(self) -> bool:
        """Whether a slope may be the number 0, so that a judge may believe a zero."""
        each = {self.net.activation, self.net.output_activation} - {None}
        return any(f is not None and f.states_zero_slope != 0 for f in each)


def judge_of(method: str) -> Callable[..., list[Wide | None]]:
    """The judge of that name: the mean gradient along each of several directions, or None where it cannot judge."""

    def each(judge: Callable[..., Wide | None]) -> Callable[..., list[Wide | None]]:
        return lambda at, kind, layer, directions: [judge(at, kind, layer, along) for along in directions]

    judges = _complex_steps, each(_mpmath_difference), each(_float_difference)
    return dict(zip(METHODS, judges, strict=True))[method]


def _complex_steps(at: Subject, kind: str, layer: int, directions: Sequence[Array]) -> list[Wide | None]:
    """Im C(θ + ih)/h (Squire and Trapp 1998), each image's imaginary part rescaled to h at every layer.

    Not beside a kink, not where an imaginary part underflows within one layer, nor where C itself is not finite.
    """
    if _beside_a_kink(at, 1e-9):
        return [None] * len(directions)
    some = max(1, TOGETHER // (len(at.images) * max(at.net.sizes[1:])))
    parts = (directions[k : k + some] for k in range(0, len(directions), some))
    return [found for part in parts for found in _some_complex_steps(at, kind, layer, part)]


def _some_complex_steps(at: Subject, kind: str, layer: int, directions: Sequence[Array]) -> list[Wide | None]:
    net, images, count = at.net, len(at.images), len(directions)
    below = np.zeros((count * images, 1))
    exponent, unseen = np.zeros_like(below), np.full(count * images, -np.inf)
    a = at.run.a[layer]
    moved = np.concatenate([a @ along.T if kind == "w" else np.tile(along, (images, 1)) for along in directions])
    with np.errstate(all="ignore"):
        for k in range(layer, net.depth):
            adds = net.adds(k + 1) and k > layer
            # to sizes of about 1, by a power of two
            top = np.maximum(np.abs(moved).max(axis=1), np.abs(below).max(axis=1) if adds else 0.0)
            shift = np.frexp(top)[1][:, None]
            moved, below, exponent = np.ldexp(moved, -shift), np.ldexp(below, -shift), exponent + shift
            z = np.tile(at.run.z[k], (count, 1)) + 1j * STEP * moved
            if k < net.depth - 1:
                imaginary = value(net.activation, z).imag
            else:
                imaginary = net.last.cost_per_image(z, np.tile(at.targets, (count, 1))).imag[:, None]
            faint = (np.abs(imaginary).max(axis=1) < UNDERFLOW) & (top > 0) & (not (at.flat or adds))
            unseen = np.maximum(unseen, np.where(faint, exponent[:, 0], -np.inf))
            below = imaginary / STEP + (below if adds else 0.0)
            if k < net.depth - 1:
                moved = below @ net.weights[k + 1].T
        p = wide(below)
        rows = Wide(p.m.reshape(count, images), (p.e + exponent).reshape(count, images))
        total = matmul(rows, wide(np.full((images, 1), 1.0 / images)))
    # what an image that was lost may have added
    most = unseen.reshape(count, images).max(axis=1) + np.log2(UNDERFLOW / STEP)
    lowest = np.where(total.m[:, 0] == 0, -np.inf, total.e[:, 0] - 60)
    sure = np.isfinite(total.m[:, 0]) & ~(most > lowest)
    return [Wide(m, e) if known else None for m, e, known in zip(total.m[:, 0], total.e[:, 0], sure, strict=True)]


def _float_difference(at: Subject, kind: str, layer: int, along: Array) -> Wide | None:
    """Central differences extrapolated once (Richardson 1911), where they are of order 1 and settle."""
    h = 1e-3

    def difference(step: float) -> float:
        up, down = (_cost_at(at, kind, layer, side * step * along) for side in (1.0, -1.0))
        return float((up - down) / (2 * step))

    if _beside_a_kink(at, 0.05):
        return None
    whole, half, quarter = difference(h), difference(h / 2), difference(h / 4)
    first, second = half + (half - whole) / 3, quarter + (quarter - half) / 3
    settled = abs(second - first) < 1e-8 * abs(second)
    return wide(second) if abs(second) > 1e-3 and settled else None


def _cost_at(at: Subject, kind: str, layer: int, shift: Array) -> Any:
    """C with one layer's weights or biases moved by shift."""
    parameters = {"w": list(at.net.weights), "b": list(at.net.biases)}
    parameters[kind][layer] = parameters[kind][layer] + shift
    return at.net.cost_at(parameters["w"], parameters["b"], at.images, at.targets)


def _mpmath_difference(at: Subject, kind: str, layer: int, along: Array) -> Wide | None:
    """Central differences in mpmath; small networks only. 0 where no digits show one and a slope may be 0."""
    if sum(W.size for W in at.net.weights) * len(at.images) > MPMATH_PRODUCTS:
        return None
    cost = partial(_mpmath_cost, at, kind, layer, along)
    found = settled(lambda h: difference(cost(h), cost(-h), h), 960 + 64 * at.net.depth)
    if found is None:
        return wide(0.0) if at.flat else None
    m, e = mpmath.frexp(found)
    return Wide(np.asarray(float(m)), np.asarray(float(e)))


def _mpmath_cost(at: Subject, kind: str, layer: int, along: Array, shift: Any) -> Any:
    net = at.net
    total = mpmath.mpf(0)
    for image, target in zip(at.images, at.targets, strict=True):
        a = [mpmath.mpf(float(pixel)) for pixel in image]
        for k, (W, b) in enumerate(zip(net.weights, net.biases, strict=True)):
            z = [mpmath.fsum(mpmath.mpf(float(w)) * v for w, v in zip(row, a, strict=True)) for row in W]
            z = [s + mpmath.mpf(float(v)) for s, v in zip(z, b, strict=True)]
            if k == layer:
                moved = along @ np.array(a, object) if kind == "w" else along
                z = [v + shift * m for v, m in zip(z, moved, strict=True)]
            out = _mpmath_layer(net, k == len(net.weights) - 1, z)
            a = [v + below for v, below in zip(out, a, strict=True)] if net.adds(k + 1) else out
        cost = precise(net.cost.formula, symbols.a, symbols.y)
        total += mpmath.fsum(cost(v, mpmath.mpf(float(t))) for v, t in zip(a, target, strict=True))
    return total / len(at.images)


def _mpmath_layer(net: Network, last: bool, z: list[Any]) -> list[Any]:
    activation = net.output_activation if last else net.activation
    if activation is None:
        exponentials = [mpmath.exp(v) for v in z]
        return [e / mpmath.fsum(exponentials) for e in exponentials]
    return [precise(activation.formula, symbols.z)(v) for v in z]


def _beside_a_kink(at: Subject, distance: float) -> bool:
    """Whether any neuron at any image lies within a distance of a kink of its φ."""
    activations = [at.net.activation] * (at.net.depth - 1) + [at.net.output_activation]
    return any(
        f is not None and bool(near_kink(f, z, distance).any()) for f, z in zip(activations, at.run.z, strict=True)
    )
