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

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.checking.claimed_function import within_range
from chainderiv.checking.claimed_gradients import NAMES, Arrays, claimed_gradients, fault_of, listed
from chainderiv.checking.network_judges import Subject, judge_of
from chainderiv.checking.verification import METHODS, Row, Verification
from chainderiv.errors import BadValue
from chainderiv.kinds import Array, Mask, Progress
from chainderiv.nn.network import Network
from chainderiv.nn.wide_backward import means, weight_means, wide_slopes
from chainderiv.records.measurements import beyond
from chainderiv.wide import Wide, choose, log_abs, matmul, plus, rounded, times, to_float, wide

SAMPLES = 12  # parameters judged per array of weights or biases
STRAYS = 4  # samples of random roundings
TOLERANCE = 1e-11  # of the complex step, relative to the sum of the sizes of the terms
FLOAT_TOLERANCE = 1e-7
CLAIMED_ROUNDINGS = 100  # ε of its own type that claimed gradients may be off by: 1.2e-5 of float32


def verify_network(
    net: Network,
    images: ArrayLike | None,
    labels: ArrayLike | None,
    rng: np.random.Generator,
    methods: Sequence[str],
    progress: Progress | None,
    gradients: Callable[..., Any] | None = None,
) -> Verification:
    """Judge a Network's mean gradients on sampled weights and biases, and along one random direction per array.

    Raises BadValue without images and labels.
    """
    if images is None or labels is None:
        raise BadValue("a Network is verified at images and labels; give verify(net, images=…, labels=…)")
    # in float64 whatever net trains in: it is the backward pass that is judged, and float32 rounds by 1e-7
    exact, pixels, wanted = net.copy("float64"), np.asarray(images, float), np.asarray(labels)
    got = _gradients(exact, pixels, wanted)
    subject = Subject(exact, pixels, _targets(exact, wanted), exact.forward(pixels))
    claim = None if gradients is None else _claim(exact, gradients, pixels, wanted)
    sizes = _term_sizes(subject, np.random.default_rng(0), claim)
    own, got = got, got if claim is None else claim.values
    rows, could = list[Row](), dict[tuple[str, str], Mask]()
    arrays = list(_named(exact))
    for done, (name, kind, layer) in enumerate(arrays, start=1):
        gradient, size = got[kind][layer], sizes[kind][layer]
        # a pixel that is 0 in every image gives a gradient of 0, which judges nothing
        alive = np.flatnonzero(size.m) if size.m.any() else np.arange(size.m.size)
        chosen = rng.choice(alive, min(SAMPLES, alive.size), replace=False)
        for method in methods:
            judge = partial(judge_of(method), subject, kind, layer)
            along = rng.normal(size=gradient.m.shape)
            estimates = judge([*(_unit(along.shape, i) for i in chosen), along])
            # the last judges one direction of the whole array, which no single fault escapes
            got_here, size_here = _picked(gradient, chosen, along), _picked(size, chosen, np.abs(along))
            rows.append(_row(name, method, got_here, size_here, estimates, claim))
            could[name, method] = np.array([e is not None and bool(e.m != 0) for e in estimates])
        if progress is not None:
            progress(done, len(arrays))
    worst = _worst(rows)
    said = None if claim is None else _said(claim, rows, own, sizes, subject, wanted)
    return Verification(tuple(rows), worst, could, diagnosis=said)


@dataclass(frozen=True, eq=False)
class _Claim:
    """Claimed gradients: as they are returned and in wide numbers, the type that rounds most, and its tolerance."""

    arrays: Arrays
    values: dict[str, list[Wide]]
    kind: Any

    @property
    def tolerance(self) -> float:
        return float(max(TOLERANCE, CLAIMED_ROUNDINGS * np.finfo(self.kind).eps))

    @property
    def blur(self) -> float:
        """What a slope is rounded by where it is a difference of numbers near 1, in units of the tolerance."""
        return float(8 * np.finfo(self.kind).eps / self.tolerance)


def _claim(net: Network, gradients: Callable[..., Any], images: Array, labels: Array) -> _Claim:
    net.cost_at(net.weights, net.biases, images, labels)  # refuses images and labels that do not fit
    arrays = claimed_gradients(net, gradients, images, labels)
    values = {kind: [wide(part.astype(float)) for part in parts] for kind, parts in arrays.items()}
    single = any(part.dtype == np.float32 for parts in arrays.values() for part in parts)
    return _Claim(arrays, values, np.float32 if single else np.float64)


def _said(
    claim: _Claim,
    rows: Sequence[Row],
    own: dict[str, list[Wide]],
    sizes: dict[str, list[Wide]],
    at: Subject,
    labels: Array,
) -> str | None:
    """What is wrong with claimed gradients, or why some could not be judged."""
    seen = {row.parameter for row in rows if row.judged}
    if all(row.passed is not False for row in rows):
        unseen = list(dict.fromkeys(row.parameter for row in rows if row.parameter not in seen))
        if not unseen:
            return None
        return f"no gradient of {listed(unseen)} could be judged: 0, or too near the end of what their floats hold"
    wrong = []
    for kind, layer in ((kind, layer) for kind in "wb" for layer in range(at.net.depth)):
        want = own[kind][layer]
        errors = _errors(claim.values[kind][layer], want, sizes[kind][layer])
        errors = errors[(want.m == 0) | within_range(claim.kind, log_abs(want))]
        failed = any(r.passed is False for r in rows if r.parameter == f"{NAMES[kind]}[{layer}]")
        if failed or errors.max(initial=0.0) > claim.tolerance:
            wrong.append((kind, layer))
    floats = {kind: [to_float(part) for part in parts] for kind, parts in own.items()}
    return fault_of(at.net, claim.arrays, floats, wrong, (at.images, labels))


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


def _term_sizes(at: Subject, rng: np.random.Generator, claim: _Claim | None = None) -> dict[str, list[Wide]]:
    """Means over the images of what a rounding of the size of its terms, in every δ, makes of ∂C/∂W and ∂C/∂b.

    t_l = |φ'(z_l)| |W_{l+1}|ᵀ |δ_{l+1}| are the sizes of the terms of δ_l, and d_l = φ'(z_l) W_{l+1}ᵀ d_{l+1} + r t_l
    with normal r is what random roundings come to (Parker, Pierce and Eggert 2000). The sizes of all products along all
    ways through a deep network would exceed its gradient so far that any number would pass. A claimed gradient's code
    may be plain: its slopes and a_L - y are rounded as differences of numbers near 1 are.
    """
    net, exact = at.net, at.net.exact_deltas(at.images, at.targets).deltas
    blur, terms = wide(0.0 if claim is None else claim.blur), _size(exact[-1])
    if claim is not None:
        terms = plus(terms, times(blur, wide(np.maximum(np.abs(at.run.a[-1]), np.abs(at.targets)))))
    strayed = _random(terms, rng)
    through, astray = wide(np.zeros((1, 1))), wide(np.zeros((1, 1)))
    sizes = [plus(terms, _summed(strayed))]
    for layer in range(net.depth, 1, -1):
        W, slope = net.weights[layer - 1], wide_slopes(net.activation, at.run.z[layer - 2])
        passed_on, passed_astray = through, astray
        through, astray = matmul(_size(exact[layer - 1]), wide(np.abs(W))), matmul(strayed, wide(W))
        if net.adds(layer):
            through, astray = plus(through, passed_on), plus(astray, passed_astray)
        terms = times(through, plus(_size(slope), blur))
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


def _targets(net: Network, labels: Array) -> Array:
    """Targets (n, outputs) from labels (n,) or as they are."""
    return np.eye(len(net.biases[-1]))[labels] if labels.ndim == 1 else labels


def _row(
    name: str, method: str, got: Wide, size: Wide, estimates: list[Wide | None], claim: _Claim | None = None
) -> Row:
    allowed = FLOAT_TOLERANCE if method == METHODS[2] else TOLERANCE
    judged = {k: e for k, e in enumerate(estimates) if e is not None and (e.m != 0 or got.m[k] != 0)}
    if claim is not None:
        allowed = max(allowed, claim.tolerance)
        judged = {k: e for k, e in judged.items() if e.m == 0 or within_range(claim.kind, log_abs(e))}
    if not judged:
        return Row(name, method, 0, len(estimates), 0.0, allowed, float("nan"), float("nan"), None)
    want = Wide(*(np.array(part, float) for part in zip(*judged.values(), strict=True)))
    g, s = (Wide(p.m[list(judged)], p.e[list(judged)]) for p in (got, size))
    errors = _errors(g, want, s)
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


def _errors(got: Wide, want: Wide, size: Wide) -> Array:
    """|got - want| relative to a size; inf where it is no number."""
    with np.errstate(all="ignore"):
        apart = plus(got, Wide(-want.m, want.e))
        errors = np.where(apart.m == 0, 0.0, rounded(Wide(np.abs(apart.m) / size.m, apart.e - size.e)))
    return np.where(np.isfinite(errors), errors, np.inf)  # max() would pass over a NaN


def _worst(rows: list[Row]) -> Row | None:
    worst = max((row for row in rows if row.judged), key=lambda row: row.worst_error / row.allowed, default=None)
    return worst and replace(worst, factor=f"layer {int(worst.parameter.partition('[')[2][:-1]) + 1}")
