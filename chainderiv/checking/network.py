"""verify() for a full-width Network: its backward pass against judges that run its forward pass alone.

A gradient at full width is a sum over paths and images whose terms cancel, so an error is taken relative to the sizes
of those terms, layer by layer, and to what random roundings of that size come to on the way back.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import mpmath
import numpy as np
from numpy.typing import ArrayLike

from chainderiv import symbols
from chainderiv.checking.judges import difference, settled
from chainderiv.checking.points import near_kink
from chainderiv.checking.verification import METHODS, Row, Verification
from chainderiv.errors import BadValue
from chainderiv.functions.precise import precise
from chainderiv.kinds import Array, Mask, Progress
from chainderiv.nn.network import Forward, Network
from chainderiv.nn.output_layer import value
from chainderiv.nn.wide_backward import means, weight_means, wide_slopes
from chainderiv.records.measurements import beyond
from chainderiv.wide import Wide, choose, log_abs, matmul, plus, rounded, times, wide

SAMPLES = 12  # parameters judged per array of weights or biases
STRAYS = 4  # samples of random roundings
STEP = 1e-20  # its square is lost beside 1
UNDERFLOW = 1e-290  # of an imaginary part
TOGETHER = 1_000_000  # numbers in an array of several directions' complex steps
TOLERANCE = 1e-11  # of the complex step, relative to the sum of the sizes of the terms
FLOAT_TOLERANCE = 1e-7
MPMATH_PRODUCTS = 20_000  # weights × images above which a forward pass in mpmath takes too long


@dataclass(frozen=True, eq=False)
class _Subject:
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
    # in float64 whatever net trains in: it is the backward pass that is judged, and float32 rounds by 1e-7
    exact, pixels, wanted = net.copy("float64"), np.asarray(images, float), np.asarray(labels)
    got = _gradients(exact, pixels, wanted)
    subject = _Subject(exact, pixels, _targets(exact, wanted), exact.forward(pixels))
    sizes = _term_sizes(subject, np.random.default_rng(0))
    rows, could = list[Row](), dict[tuple[str, str], Mask]()
    arrays = list(_named(exact))
    for done, (name, kind, layer) in enumerate(arrays, start=1):
        gradient, size = got[kind][layer], sizes[kind][layer]
        # a pixel that is 0 in every image gives a gradient of 0, which judges nothing
        alive = np.flatnonzero(size.m) if size.m.any() else np.arange(size.m.size)
        chosen = rng.choice(alive, min(SAMPLES, alive.size), replace=False)
        for method in methods:
            judge = partial(_judge(method), subject, kind, layer)
            along = rng.normal(size=gradient.m.shape)
            estimates = judge([*(_unit(along.shape, i) for i in chosen), along])
            # the last judges one direction of the whole array, which no single fault escapes
            got_here, size_here = _picked(gradient, chosen, along), _picked(size, chosen, np.abs(along))
            rows.append(_row(name, method, got_here, size_here, estimates))
            could[name, method] = np.array([e is not None and bool(e.m != 0) for e in estimates])
        if progress is not None:
            progress(done, len(arrays))
    return Verification(tuple(rows), _worst(rows), could)


def _unit(shape: tuple[int, ...], index: int) -> Array:
    """The direction of one parameter."""
    direction = np.zeros(shape)
    direction.flat[index] = 1.0
    return direction


def _picked(values: Wide, chosen: Array, along: Array) -> Wide:
    """Some of the values, and behind them their sum along a direction."""
    row = Wide(values.m.reshape(1, -1), values.e.reshape(1, -1))
    total = matmul(row, wide(along.reshape(-1, 1)))
    return Wide(*(np.append(part[0, chosen], whole) for part, whole in zip(row, total, strict=True)))


def _named(net: Network) -> Iterator[tuple[str, str, int]]:
    for layer in range(len(net.weights)):
        yield f"weights[{layer}]", "w", layer
        yield f"biases[{layer}]", "b", layer


def _gradients(net: Network, images: Array, labels: Array) -> dict[str, list[Wide]]:
    """What gradients() says, and of numbers beyond float64 what it says in wide numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        floats = net.gradients(images, labels)
    exact = net.wide_gradients(images, labels)
    both = ([_held(*pair) for pair in zip(*parts, strict=True)] for parts in zip(floats, exact, strict=True))
    return dict(zip("wb", both, strict=True))


def _held(floats: Array, exact: Wide) -> Wide:
    return choose(beyond(log_abs(exact)), exact, wide(floats))


def _term_sizes(at: _Subject, rng: np.random.Generator) -> dict[str, list[Wide]]:
    """Means over the images of what a rounding of the size of its terms, in every δ, makes of ∂C/∂W and ∂C/∂b.

    t_l = |φ'(z_l)| |W_{l+1}|ᵀ |δ_{l+1}| are the sizes of the terms of δ_l, and d_l = φ'(z_l) W_{l+1}ᵀ d_{l+1} + r t_l
    with normal r is what random roundings come to (Parker, Pierce and Eggert 2000). The sizes of all products along all
    ways through a deep network would exceed its gradient so far that any number would pass.
    """
    net, exact = at.net, at.net.exact_deltas(at.images, at.targets).deltas
    terms, strayed = _size(exact[-1]), _random(_size(exact[-1]), rng)
    through, astray = wide(np.zeros((1, 1))), wide(np.zeros((1, 1)))
    sizes = [plus(terms, _summed(strayed))]
    for layer in range(net.depth, 1, -1):
        W, slope = net.weights[layer - 1], wide_slopes(net.activation, at.run.z[layer - 2])
        passed_on, passed_astray = through, astray
        through, astray = matmul(_size(exact[layer - 1]), wide(np.abs(W))), matmul(strayed, wide(W))
        if net.adds(layer):
            through, astray = plus(through, passed_on), plus(astray, passed_astray)
        terms = times(through, _size(slope))
        strayed = plus(times(astray, _repeated(slope)), _random(terms, rng))
        sizes.append(plus(terms, _summed(strayed)))
    sizes.reverse()
    return {"w": weight_means(sizes, [np.abs(a) for a in at.run.a[:-1]]), "b": means(sizes)}


def _repeated(p: Wide) -> Wide:
    """For each of the samples, one above the other."""
    return Wide(np.tile(p.m, (STRAYS, 1)), np.tile(p.e, (STRAYS, 1)))


def _random(p: Wide, rng: np.random.Generator) -> Wide:
    many = _repeated(p)
    return times(many, wide(rng.normal(size=many.m.shape)))


def _summed(strayed: Wide) -> Wide:
    """The sizes, summed over the samples."""
    parts = zip(np.split(np.abs(strayed.m), STRAYS), np.split(strayed.e, STRAYS), strict=True)
    total, *rest = (Wide(*part) for part in parts)
    for part in rest:
        total = plus(total, part)
    return total


def _size(p: Wide) -> Wide:
    return Wide(np.abs(p.m), p.e)


def _judge(method: str) -> Callable[..., list[Wide | None]]:
    """The judge of that name: the mean gradient along each of several directions, or None where it cannot judge."""

    def each(judge: Callable[..., Wide | None]) -> Callable[..., list[Wide | None]]:
        return lambda at, kind, layer, directions: [judge(at, kind, layer, along) for along in directions]

    judges = _complex_steps, each(_mpmath_difference), each(_float_difference)
    return dict(zip(METHODS, judges, strict=True))[method]


def _complex_steps(at: _Subject, kind: str, layer: int, directions: Sequence[Array]) -> list[Wide | None]:
    """Im C(θ + ih)/h (Squire and Trapp 1998), each image's imaginary part rescaled to h at every layer.

    Not beside a kink, not where an imaginary part underflows within one layer, nor where C itself is not finite.
    """
    if _beside_a_kink(at, 1e-9):
        return [None] * len(directions)
    some = max(1, TOGETHER // (len(at.images) * max(at.net.sizes[1:])))
    parts = (directions[k : k + some] for k in range(0, len(directions), some))
    return [found for part in parts for found in _some_complex_steps(at, kind, layer, part)]


def _some_complex_steps(at: _Subject, kind: str, layer: int, directions: Sequence[Array]) -> list[Wide | None]:
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


def _float_difference(at: _Subject, kind: str, layer: int, along: Array) -> Wide | None:
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


def _cost_at(at: _Subject, kind: str, layer: int, shift: Array) -> Any:
    """C with one layer's weights or biases moved by shift."""
    parameters = {"w": list(at.net.weights), "b": list(at.net.biases)}
    parameters[kind][layer] = parameters[kind][layer] + shift
    return at.net.cost_at(parameters["w"], parameters["b"], at.images, at.targets)


def _mpmath_difference(at: _Subject, kind: str, layer: int, along: Array) -> Wide | None:
    """Central differences in mpmath; small networks only. 0 where no digits show one and a slope may be 0."""
    if sum(W.size for W in at.net.weights) * len(at.images) > MPMATH_PRODUCTS:
        return None
    cost = partial(_mpmath_cost, at, kind, layer, along)
    found = settled(lambda h: difference(cost(h), cost(-h), h), 960 + 64 * at.net.depth)
    if found is None:
        return wide(0.0) if at.flat else None
    m, e = mpmath.frexp(found)
    return Wide(np.asarray(float(m)), np.asarray(float(e)))


def _mpmath_cost(at: _Subject, kind: str, layer: int, along: Array, shift: Any) -> Any:
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


def _targets(net: Network, labels: Array) -> Array:
    """Targets (n, outputs) from labels (n,) or as they are."""
    return np.eye(len(net.biases[-1]))[labels] if labels.ndim == 1 else labels


def _beside_a_kink(at: _Subject, distance: float) -> bool:
    """Whether any neuron at any image lies within a distance of a kink of its φ."""
    activations = [at.net.activation] * (at.net.depth - 1) + [at.net.output_activation]
    return any(
        f is not None and bool(near_kink(f, z, distance).any()) for f, z in zip(activations, at.run.z, strict=True)
    )


def _row(name: str, method: str, got: Wide, size: Wide, estimates: list[Wide | None]) -> Row:
    allowed = FLOAT_TOLERANCE if method == METHODS[2] else TOLERANCE
    judged = {k: e for k, e in enumerate(estimates) if e is not None and (e.m != 0 or got.m[k] != 0)}
    if not judged:
        return Row(name, method, 0, len(estimates), 0.0, allowed, float("nan"), float("nan"), None)
    want = Wide(*(np.array(part, float) for part in zip(*judged.values(), strict=True)))
    g, s = (Wide(p.m[list(judged)], p.e[list(judged)]) for p in (got, size))
    apart = plus(g, Wide(-want.m, want.e))
    with np.errstate(all="ignore"):
        errors = np.where(apart.m == 0, 0.0, rounded(Wide(np.abs(apart.m) / s.m, apart.e - s.e)))
    errors = np.where(np.isfinite(errors), errors, np.inf)  # max() would pass over a NaN
    log10 = log_abs(want) / np.log(10)
    worst = float(errors.max())
    return Row(
        name,
        method,
        len(judged),
        len(estimates),
        worst,
        allowed,
        float(log10.min()),
        float(log10.max()),
        bool(worst <= allowed),
    )


def _worst(rows: list[Row]) -> Row | None:
    worst = max((row for row in rows if row.judged), key=lambda row: row.worst_error / row.allowed, default=None)
    return worst and replace(worst, factor=f"layer {int(worst.parameter.partition('[')[2][:-1]) + 1}")
