"""verify(): symbolic gradients against judges that never see a derivative, with the errors taken in log space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainderiv import symbols
from chainderiv.errors import BadValue, unknown_name
from chainderiv.functions.precise import precise
from chainderiv.logsign import LogSign
from chainderiv.numeric import judges
from chainderiv.numeric.conditioning import EPSILON, bound
from chainderiv.numeric.kernel import NumpyKernel
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.numeric.points import draw_points
from chainderiv.numeric.rng import generator
from chainderiv.numeric.verification import METHODS, Progress, Row, Verification
from chainderiv.numeric.verify_network import Trainable, verify_network
from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.derivation import Derivation, Factor, derive
from chainderiv.symbolic.printing import STYLES
from chainderiv.symbolic.referee import walk

Floats = NDArray[np.float64]
ALL_PARAMETERS_UP_TO = 24  # layers; above it parameters are sampled
MPMATH_WORK = 5_000  # layers walked by mpmath differences in one verification, about
UNCERTAIN = 1e-4  # where 8εκ exceeds it, float64 itself is too uncertain to be judged
FLOAT_TOLERANCE = 1e-8  # of the float64 differences, whose own rounding is near 1e-11


def verify(
    subject: Chain | Trainable,
    derivation: Derivation | None = None,
    *,
    points: int = 100,
    rng: int | np.random.Generator = 0,
    methods: Sequence[str] = METHODS,
    images: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Compare gradients with judges that evaluate φ and C alone.

    A Chain is judged at random points, drawn so that no φ' is 0: (a) by the complex step, rescaled layer by layer,
    where φ is analytic, (b) by central differences in mpmath with the digits doubled until they settle, (c) by
    float64 central differences with Richardson extrapolation where the gradient is of order 1. Errors are |Δlog|
    against 1e-12 · max(1, |log|) + 8 ε κ. Every parameter is judged to depth 24, a sample above.
    A Network is judged on sampled weights and biases at the given images and labels.

    Parameters
    ----------
    derivation : Derivation, optional. Judge this one alone (a planted error, say) and not every parameter's.
    points : int >= 1.
    rng : int or numpy Generator.
    methods : some of METHODS.
    images, labels : for a Network.
    progress : called with (parameters done, parameters in all).

    Raises
    ------
    BadValue, UnknownName

    Examples
    --------
    >>> chain = Chain(depth=4)
    >>> d = derive(chain, "b1")
    >>> verify(chain, d, points=5).passed, verify(chain, d.replace(3, 1.001 * d.factors[3]), points=5).passed
    (True, False)
    """
    source = generator(rng)
    if isinstance(points, bool) or not isinstance(points, int) or points < 1:
        raise BadValue(f"points is {points!r}; give a whole number of at least 1")
    for method in methods:
        if method not in METHODS:
            raise unknown_name("method", method, METHODS)
    if not isinstance(subject, Chain):
        return verify_network(subject, images, labels, source, methods, progress)
    if derivation is not None and derivation.chain != subject:
        raise BadValue(f"the derivation is of {derivation.chain!r} and not of {subject!r}; derive it from that chain")
    derivations = [derivation] if derivation else [derive(subject, p) for p in _sample(subject, source)]
    return _verify_chain(subject, derivations, draw_points(subject, points, source), tuple(methods), progress)


def _sample(chain: Chain, rng: np.random.Generator) -> list[Parameter]:
    if chain.depth <= ALL_PARAMETERS_UP_TO:
        return list(chain.parameters)
    layers = sorted({1, chain.depth, *(int(n) for n in rng.integers(2, chain.depth, 4))})
    return [*(Parameter(kind, layer) for layer in layers for kind in "bw"), Parameter("x", 0)]


def _verify_chain(
    chain: Chain,
    derivations: list[Derivation],
    at: Parameters,
    methods: tuple[str, ...],
    progress: Progress | None,
) -> Verification:
    rows, could, worst = list[Row](), dict[tuple[str, str], NDArray[np.bool_]](), (-1.0, None, 0)
    count = at.shape[0]
    # deeper chains need more digits as well as more layers
    each = max(1, MPMATH_WORK // (chain.depth * len(derivations) * max(1, chain.depth // 100)))
    for done, derivation in enumerate(derivations, start=1):
        reading = NumpyKernel(derivation)(at, kappa=True)
        assert reading.kappa is not None
        certain = 8 * EPSILON * reading.kappa < UNCERTAIN
        for method in methods:
            judgement = _judge(chain, derivation.wrt, at, method, range(min(each, count)))
            mask = judgement.could & certain
            allowed = bound(judgement.log, reading.kappa)
            if method == METHODS[2]:
                allowed = np.maximum(allowed, FLOAT_TOLERANCE)
            error = _disagreement(reading.gradient, judgement)
            row, ratio, index = _row(str(derivation.wrt), method, mask, error, allowed, judgement.log)
            rows.append(row)
            could[row.parameter, method] = mask
            if ratio > worst[0]:
                worst = (ratio, (derivation, row), index)  # type: ignore[assignment]
        if progress is not None:
            progress(done, len(derivations))
    return Verification(tuple(rows), _worst(worst[1], at, worst[2]), could)


def _judge(chain: Chain, wrt: Parameter, at: Parameters, method: str, points: Sequence[int]) -> judges.Judgement:
    if method == METHODS[0]:
        return judges.complex_step(chain, at, wrt)
    if method == METHODS[1]:
        return judges.central_differences(chain, at, wrt, points)
    return judges.float_differences(chain, at, wrt)


def _disagreement(got: LogSign, want: judges.Judgement) -> Floats:
    """|Δlog|; inf where the signs differ or only one of the two is 0."""
    with np.errstate(invalid="ignore"):
        difference = np.abs(np.asarray(got.log) - want.log)
    same = (np.asarray(got.sign) == want.sign) & np.isfinite(difference)
    return np.where(same, difference, np.inf)


def _row(
    parameter: str, method: str, mask: NDArray[np.bool_], error: Floats, allowed: Floats, log: Floats
) -> tuple[Row, float, int]:
    """The Row, its worst ratio of error to allowed, and the point where that is."""
    if not mask.any():
        nothing = Row(parameter, method, 0, mask.size, 0.0, 0.0, float("nan"), float("nan"), True)
        return nothing, -1.0, 0
    ratio = np.where(mask, error / allowed, -1.0)
    index = int(np.argmax(ratio))
    log10 = log[mask] / np.log(10)
    row = Row(
        parameter, method, int(mask.sum()), mask.size, float(error[index]), float(allowed[index]),
        float(log10.min()), float(log10.max()), bool(ratio[index] <= 1),
    )  # fmt: skip
    return row, float(ratio[index]), index


def _worst(found: Any, at: Parameters, index: int) -> Row | None:
    if found is None:
        return None
    derivation: Derivation = found[0]
    row: Row = found[1]
    assert at.b is not None
    w, b = at.w.stacked, at.b.stacked
    assert w is not None
    assert b is not None
    point = Parameters(Layered(stacked=w[index]), Layered(stacked=b[index]), None, at.x[index], at.y[index])
    return replace(row, factor=_worst_factor(derivation, point))


def _worst_factor(derivation: Derivation, point: Parameters) -> str:
    """The factor that disagrees most with a difference quotient of its own layer's φ, or of C, in mpmath."""
    got = NumpyKernel(derivation).factors(point)
    chain, layers = derivation.chain, range(1, derivation.chain.depth + 1)
    assert point.b is not None
    w, b = ([float(array[layer]) for layer in layers] for array in (point.w, point.b))
    errors = []
    with mpmath.workdps(240):
        orbit = walk(chain, w, b, None, float(point.x))
        for place, value in zip(derivation.places, got, strict=True):
            want = _quotient(chain, place, orbit, float(point.y))
            log = float(mpmath.log(abs(want))) if want else -np.inf
            errors.append(_disagreement(value, judges.Judgement(np.sign(float(mpmath.sign(want))), log, True)))  # type: ignore[arg-type]
    k = int(np.argmax(errors))
    return f"factor {k}: {STYLES['unicode'].write(chain, derivation.symbol_of(derivation.places[k]))}"


def _quotient(chain: Chain, place: Factor, orbit: Any, y: float) -> Any:
    layer, h = place.layer, mpmath.mpf(10) ** -80
    if place.kind == "weight":
        return orbit.w[layer - 1]
    if place.kind == "activation":
        return orbit.a[layer]
    if place.kind == "prime":
        phi, z = precise(chain.activation(layer).formula, symbols.z), orbit.z[layer]
        return (phi(z + h) - phi(z - h)) / (2 * h)
    cost, a = precise(chain.cost.formula, symbols.a, symbols.y), orbit.a[layer]
    return (cost(a + h, mpmath.mpf(y)) - cost(a - h, mpmath.mpf(y))) / (2 * h)
