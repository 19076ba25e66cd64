"""verify(): symbolic gradients against judges that never see a derivative, with the errors taken in log space."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.checking import judges, second_judges
from chainderiv.checking.blame import worst_factor
from chainderiv.checking.judges import UNCERTAIN
from chainderiv.checking.network import verify_network
from chainderiv.checking.points import draw_points, slope_where_flat
from chainderiv.checking.verification import METHODS, Row, Verification
from chainderiv.errors import BadValue, unknown_name
from chainderiv.functions.activation import Activation
from chainderiv.given import function, generator, is_whole, several
from chainderiv.kinds import Floats, Mask, Progress
from chainderiv.logsign import LogSign
from chainderiv.nn.network import Network
from chainderiv.numeric.conditioning import LOST, bound
from chainderiv.numeric.oracle import NumpyKernel
from chainderiv.numeric.orbit_error import EPSILON
from chainderiv.numeric.parameters import Parameters
from chainderiv.numeric.second import walked
from chainderiv.numeric.terms import TermValues
from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.derive import derive
from chainderiv.symbolic.second import SecondDerivation

ALL_PARAMETERS_UP_TO = 24  # layers; above it parameters are sampled
MPMATH_WORK = 5_000  # layers walked by mpmath differences in one verification, about
FLOAT_TOLERANCE = 1e-8  # of the float64 differences, whose own rounding is near 1e-11
SECOND_TOLERANCE = 1e-6  # of a difference in float64 of differences or of a complex step, rounded to 1e-8 or so


def verify(
    subject: Chain | Network,
    derivation: Derivation | SecondDerivation | None = None,
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
    against 1e-12 · max(1, |log|) + 8 ε κ, and what the complex step may lose where its own terms cancel.
    Every parameter is judged to depth 24, a sample above; the result's smallest_noticed says what they can see.
    A Network is judged on sampled weights and biases at the given images and labels.

    Parameters
    ----------
    derivation : what derive returned, optional. Judge this one alone (a planted error, say) and not every parameter's.
        Of a second derivative the terms cancel, so its errors are relative to the sum of their sizes.
    points : int >= 1.
    rng : int or numpy Generator.
    methods : some of 'complex step', 'mpmath differences', 'float64 differences'; by default all.
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
    source, progress = generator(rng), function("progress", progress)
    if not is_whole(points, 1):
        raise BadValue(f"points is {points!r}; give a whole number of at least 1")
    if not methods:
        raise BadValue(f"methods is empty; give some of {', '.join(METHODS)}")
    for method in several("methods", methods, object, f"some of {', '.join(METHODS)}"):
        if method not in METHODS:
            raise unknown_name("method", method, METHODS)
    if not isinstance(subject, Chain):
        if derivation is not None:
            raise BadValue("a Network has no derivation to judge; give verify(net, images=…, labels=…)")
        if not isinstance(subject, Network):
            raise BadValue(f"{subject!r} cannot be verified; give a Chain or a Network")
        return verify_network(subject, images, labels, source, methods, progress)
    if images is not None or labels is not None:
        raise BadValue("images and labels are given for a Chain; they belong to a Network")
    if derivation is not None and not isinstance(derivation, Derivation | SecondDerivation):
        raise BadValue(f"derivation is {derivation!r}; give what derive(chain, …) returns")
    if derivation is not None and derivation.chain != subject:
        raise BadValue(f"the derivation is of {derivation.chain!r} and not of {subject!r}; derive it from that chain")
    derivations = [derivation] if derivation else [derive(subject, p) for p in _sample(subject, source)]
    return _verify_chain(subject, derivations, draw_points(subject, int(points), source), tuple(methods), progress)


def _sample(chain: Chain, rng: np.random.Generator) -> list[Parameter]:
    if chain.depth <= ALL_PARAMETERS_UP_TO:
        return list(chain.parameters)
    layers = sorted({1, chain.depth, *(int(n) for n in rng.integers(2, chain.depth, 4))})
    return [*(Parameter(kind, layer) for layer in layers for kind in "bw"), Parameter("x", 0)]


@dataclass(frozen=True, eq=False)
class _Finding:
    """A Row, the points that it judged, and where its error is worst relative to what is allowed."""

    row: Row
    mask: Mask
    derivation: Derivation | SecondDerivation
    index: int
    ratio: float


def _verify_chain(
    chain: Chain,
    derivations: Sequence[Derivation | SecondDerivation],
    at: Parameters,
    methods: tuple[str, ...],
    progress: Progress | None,
) -> Verification:
    # deeper chains need more digits as well as more layers
    each = max(1, MPMATH_WORK // (chain.depth * len(derivations) * max(1, chain.depth // 100)))
    sample = range(min(each, at.shape[0]))
    found: list[_Finding] = []
    for done, derivation in enumerate(derivations, start=1):
        found += _findings(derivation, at, methods, sample)
        if progress is not None:
            progress(done, len(derivations))
    could = {(f.row.parameter, f.row.method): f.mask for f in found}
    worst = max((f for f in found if f.row.judged), key=lambda f: f.ratio, default=None)
    named = None if worst is None else replace(worst.row, factor=worst_factor(worst.derivation, at, worst.index))
    rows = tuple(f.row for f in found)
    wrong = [_sloping(f, places) for f in dict.fromkeys(chain.activations) if (places := slope_where_flat(f))]
    return Verification((*rows, *wrong), wrong[0] if wrong else named, could)


def _sloping(activation: Activation, places: tuple[float, ...]) -> Row:
    """The failed Row of a φ' that is not 0 where φ is flat."""
    count, name = len(places), activation.name
    where = f"{name}'({places[0]:g}), where {name} is flat"
    return Row(f"{name}'", METHODS[1], count, count, worst_error=math.inf, passed=False, factor=where)


def _findings(
    derivation: Derivation | SecondDerivation, at: Parameters, methods: tuple[str, ...], sample: range
) -> Iterator[_Finding]:
    """Every method's finding on one derivation."""
    if isinstance(derivation, SecondDerivation):
        yield from _second_findings(derivation, at, methods, sample)
        return
    kernel = NumpyKernel(derivation)
    reading, kappa = kernel.read(at)
    certain = 8 * EPSILON * kappa < (UNCERTAIN if kernel.vouched else LOST)
    for method in methods:
        judgement = _judge(derivation, at, method, sample)
        allowed = bound(judgement.log, kappa) + judgement.off
        if method == METHODS[2]:
            allowed = np.maximum(allowed / judges.SMALLEST_STEP, FLOAT_TOLERANCE)  # C is rounded as its gradient is
        error = _disagreement(reading.gradient, judgement)
        yield _finding(derivation, method, judgement.could & certain, error, allowed, judgement.log)


def _second_findings(
    second: SecondDerivation, at: Parameters, methods: tuple[str, ...], sample: range
) -> Iterator[_Finding]:
    """The same of a second derivative, whose terms cancel: errors are relative to the sum of their sizes."""
    terms, _ = walked(second.chain, at, *second.wrt)
    got, condition = TermValues(second, at).sum(), terms.condition
    allowed = bound(terms.log_size, condition)
    certain = (8 * EPSILON * condition < (UNCERTAIN if second.chain.vouched else LOST)) & np.isfinite(terms.log_size)
    for method in methods:
        judgement = second_judges.judge(second.chain, at, second.wrt, method, sample, terms.log_size)
        permitted = allowed if method == METHODS[1] else np.maximum(allowed, SECOND_TOLERANCE)
        with np.errstate(all="ignore"):
            apart = np.asarray((got - LogSign(judgement.sign, judgement.log)).log)
            error = np.exp(apart - terms.log_size)
        error = np.where(np.isnan(error), np.inf, error)
        share = np.exp(judgement.log - terms.log_size)
        yield _finding(second, method, judgement.could & certain, error, permitted, judgement.log, share)


def _judge(derivation: Derivation, at: Parameters, method: str, sample: range) -> judges.Judgement:
    chain, wrt = derivation.chain, derivation.wrt
    if method == METHODS[0]:
        return judges.complex_step(chain, at, wrt)
    if method == METHODS[1]:
        return judges.central_differences(chain, at, wrt, sample)
    return judges.float_differences(chain, at, wrt)


def _disagreement(got: LogSign, want: judges.Judgement) -> Floats:
    """|Δlog|; inf where the signs differ or only one of the two is 0."""
    with np.errstate(invalid="ignore"):
        difference = np.abs(np.asarray(got.log) - want.log)
    same = (np.asarray(got.sign) == want.sign) & np.isfinite(difference)
    return np.where(same, difference, np.inf)


def _finding(
    derivation: Derivation | SecondDerivation,
    method: str,
    mask: Mask,
    error: Floats,
    allowed: Floats,
    log: Floats,
    share: Floats | None = None,
) -> _Finding:
    """What a judge found; share is |value| of what the errors are relative to, None where they are |Δlog|."""
    if not mask.any():
        return _Finding(Row(derivation.named, method, 0, mask.size, noticed=math.inf), mask, derivation, 0, -1.0)
    with np.errstate(invalid="ignore"):  # inf/inf where κ is inf, and there nothing is judged
        ratio = np.where(mask, error / allowed, -1.0)
    index = int(np.argmax(ratio))
    log10 = log[mask] / np.log(10)  # of a second derivative that cancels to 0 it is -inf
    worst, bounded, low, high = map(float, (error[index], allowed[index], log10.min(), log10.max()))
    passed = bool(ratio[index] <= 1)
    with np.errstate(all="ignore"):
        seen = np.expm1(allowed + error) if share is None else (allowed + error) / share
    noticed = float(seen[mask].min())
    row = Row(derivation.named, method, int(mask.sum()), mask.size, worst, bounded, low, high, passed, noticed=noticed)
    return _Finding(row, mask, derivation, index, float(ratio[index]))
