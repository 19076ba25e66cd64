"""verify() for a full-width Network: its backward pass against judges that run its forward pass alone.

A gradient at full width is a sum over paths and images whose terms cancel, so an error is taken relative to the sum
of the sizes of those terms, which a backward pass of absolute values gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import mpmath
import numpy as np
from numpy.typing import ArrayLike

from chainderiv import symbols
from chainderiv.checking.judges import settled
from chainderiv.checking.points import near_kink
from chainderiv.checking.verification import METHODS, Row, Verification
from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue
from chainderiv.functions.precise import precise
from chainderiv.kinds import Array, Mask, Progress
from chainderiv.nn.network import Network

SAMPLES = 12  # parameters judged per array of weights or biases
STEP = 1e-20  # its square is lost beside 1, and gradients down to 1e-280 still move the imaginary part
TOLERANCE = 1e-11  # of the complex step, relative to the sum of the sizes of the terms
FLOAT_TOLERANCE = 1e-7
MPMATH_PRODUCTS = 20_000  # weights × images above which a forward pass in mpmath takes too long


def verify_network(
    net: Network,
    images: ArrayLike | None,
    labels: ArrayLike | None,
    rng: np.random.Generator,
    methods: Sequence[str],
    progress: Progress | None,
) -> Verification:
    """Judge a Network's mean gradients on sampled weights and biases, and along one random direction per array.

    Raises BadValue without images and labels.
    """
    if images is None or labels is None:
        raise BadValue("a Network is verified at images and labels; give verify(net, images=…, labels=…)")
    exact = net.copy("float64")
    pixels, wanted = np.asarray(images, float), np.asarray(labels)
    # in float64 whatever net trains in: it is the backward pass that is judged, and float32 rounds by 1e-7
    got = dict(zip("wb", exact.gradients(pixels, wanted), strict=True))
    sizes = _term_sizes(exact, pixels, wanted)
    judges = dict(zip(METHODS, (_complex_step, _mpmath_difference, _float_difference), strict=True))
    rows, could = list[Row](), dict[tuple[str, str], Mask]()
    arrays = list(_named(exact))
    for done, (name, kind, layer) in enumerate(arrays, start=1):
        gradient, size = got[kind][layer], sizes[kind][layer]
        # a pixel that is 0 in every image gives a gradient of 0, which judges nothing
        alive = np.flatnonzero(size) if size.any() else np.arange(size.size)
        chosen = rng.choice(alive, min(SAMPLES, alive.size), replace=False)
        for method in methods:
            judge = partial(judges[method], exact, kind, layer, pixels, wanted)
            along = rng.normal(size=gradient.shape)
            estimates = [judge(direction) for direction in [*(_unit(gradient.shape, i) for i in chosen), along]]
            # the last judges one direction of the whole array, which no single fault escapes
            got_here = np.append(gradient.flat[chosen], (gradient * along).sum())
            size_here = np.append(size.flat[chosen], (size * np.abs(along)).sum())
            rows.append(_row(name, method, got_here, size_here, estimates))
            could[name, method] = np.array([e is not None and e != 0 for e in estimates])
        if progress is not None:
            progress(done, len(arrays))
    return Verification(tuple(rows), _worst(rows), could)


def _unit(shape: tuple[int, ...], index: int) -> Array:
    """The direction of one parameter."""
    direction = np.zeros(shape)
    direction.flat[index] = 1.0
    return direction


def _named(net: Network) -> Iterator[tuple[str, str, int]]:
    for layer in range(len(net.weights)):
        yield f"weights[{layer}]", "w", layer
        yield f"biases[{layer}]", "b", layer


def _term_sizes(net: Network, images: Array, labels: Array) -> dict[str, list[Array]]:
    """Means over the images of the sums of the sizes of what ∂C/∂W and ∂C/∂b are sums of."""
    run, slope = net.forward(images), array_functions(net.activation).derivative
    sizes = [np.abs(net.deltas(images, labels)[-1])]
    through = np.zeros(1)  # of the terms of ∂C/∂a_l
    for layer in range(len(net.weights), 1, -1):
        passed_on = through if net.adds(layer) else 0
        through = sizes[-1] @ np.abs(net.weights[layer - 1]) + passed_on
        sizes.append(through * np.abs(slope(run.z[layer - 2])))
    sizes.reverse()
    weights = [size.T @ np.abs(a) / len(images) for size, a in zip(sizes, run.a[:-1], strict=True)]
    return {"w": weights, "b": [size.mean(axis=0) for size in sizes]}


def _cost_at(net: Network, kind: str, layer: int, images: Array, labels: Array, shift: Array) -> Any:
    """C with one layer's weights or biases moved by shift, real or complex."""
    parameters = {"w": list(net.weights), "b": list(net.biases)}
    parameters[kind][layer] = parameters[kind][layer] + shift
    return net.cost_at(parameters["w"], parameters["b"], images, labels)


def _complex_step(net: Network, kind: str, layer: int, images: Array, labels: Array, along: Array) -> float | None:
    """Im C(θ + ih)/h (Squire and Trapp 1998); not beside a kink, and not where C itself is not finite."""
    if _beside_a_kink(net, images, 1e-9):
        return None
    moved = _cost_at(net, kind, layer, images, labels, 1j * STEP * along).imag / STEP
    return float(moved) if np.isfinite(moved) else None


def _float_difference(net: Network, kind: str, layer: int, images: Array, labels: Array, along: Array) -> float | None:
    """Central differences extrapolated once (Richardson 1911), where they are of order 1 and settle."""
    h = 1e-3

    def difference(step: float) -> float:
        up, down = (_cost_at(net, kind, layer, images, labels, side * step * along) for side in (1.0, -1.0))
        return float((up - down) / (2 * step))

    if _beside_a_kink(net, images, 0.05):
        return None
    whole, half, quarter = difference(h), difference(h / 2), difference(h / 4)
    first, second = half + (half - whole) / 3, quarter + (quarter - half) / 3
    settled = abs(second - first) < 1e-8 * abs(second)
    return second if abs(second) > 1e-3 and settled else None


def _mpmath_difference(net: Network, kind: str, layer: int, images: Array, labels: Array, along: Array) -> float | None:
    """Central differences in mpmath; small networks only."""
    if sum(W.size for W in net.weights) * len(images) > MPMATH_PRODUCTS:
        return None
    cost = partial(_mpmath_cost, net, kind, layer, images, labels, along)
    found = settled(lambda h: (cost(h) - cost(-h)) / (2 * h), 960)
    return None if found is None else float(found)


def _mpmath_cost(net: Network, kind: str, layer: int, images: Array, labels: Array, along: Array, shift: Any) -> Any:
    total = mpmath.mpf(0)
    for image, target in zip(images, _targets(net, images, labels), strict=True):
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
    return total / len(images)


def _mpmath_layer(net: Network, last: bool, z: list[Any]) -> list[Any]:
    activation = net.output_activation if last else net.activation
    if activation is None:
        exponentials = [mpmath.exp(v) for v in z]
        return [e / mpmath.fsum(exponentials) for e in exponentials]
    return [precise(activation.formula, symbols.z)(v) for v in z]


def _targets(net: Network, images: Array, labels: Array) -> Array:
    """Targets (n, outputs) from labels (n,) or as they are."""
    return np.eye(len(net.biases[-1]))[labels] if labels.ndim == 1 else labels


def _beside_a_kink(net: Network, images: Array, distance: float) -> bool:
    """Whether any neuron at any image lies within a distance of a kink of its φ."""
    activations = [net.activation] * (len(net.weights) - 1) + [net.output_activation]
    return any(
        f is not None and bool(near_kink(f, z, distance).any())
        for f, z in zip(activations, net.forward(images).z, strict=True)
    )


def _row(name: str, method: str, got: Array, size: Array, estimates: list[float | None]) -> Row:
    judged = [(g, s, e) for g, s, e in zip(got, size, estimates, strict=True) if e is not None and (e, g) != (0, 0)]
    allowed = FLOAT_TOLERANCE if method == METHODS[2] else TOLERANCE
    if not judged:
        return Row(name, method, 0, len(estimates), allowed=allowed)
    errors = [abs(g - e) / s if s else (0.0 if g == e else np.inf) for g, s, e in judged]
    errors = [e if np.isfinite(e) else np.inf for e in errors]  # max() would pass over a NaN
    with np.errstate(divide="ignore"):
        log10 = np.log10(np.abs([e for _, _, e in judged]))
    worst, low, high = float(max(errors)), float(log10.min()), float(log10.max())
    return Row(name, method, len(judged), len(estimates), worst, allowed, low, high, bool(worst <= allowed))


def _worst(rows: list[Row]) -> Row | None:
    worst = max((row for row in rows if row.judged), key=lambda row: row.worst_error / row.allowed, default=None)
    return worst and replace(worst, factor=f"layer {int(worst.parameter.partition('[')[2][:-1]) + 1}")
