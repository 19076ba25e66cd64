"""What each judge finds of one gradient at points: the errors of what is derived or claimed, and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chainderiv.checking import judges, second_judges
from chainderiv.checking.judges import UNCERTAIN, Judgement
from chainderiv.checking.verification import METHODS, Row
from chainderiv.kinds import Floats, Mask
from chainderiv.logsign import LogSign
from chainderiv.numeric.conditioning import LOST, bound
from chainderiv.numeric.oracle import NumpyKernel
from chainderiv.numeric.orbit_error import EPSILON
from chainderiv.numeric.parameters import Parameters
from chainderiv.numeric.second import walked
from chainderiv.numeric.terms import TermValues
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.second import SecondDerivation

MPMATH_WORK = 5_000  # layers walked by mpmath differences in one verification, about
FLOAT_TOLERANCE = 1e-8  # of the float64 differences, whose own rounding is near 1e-11
SECOND_TOLERANCE = 1e-6  # of a difference in float64 of differences or of a complex step, rounded to 1e-8 or so
Derived = Derivation | SecondDerivation


@dataclass(frozen=True, eq=False)
class Judged:
    """A value that is judged, a number per point, and how well it can be known there.

    Attributes
    ----------
    value : LogSign. What is derived, or claimed; NaN in both parts where it has no value.
    kappa : κ of the gradient; of a second derivative that of the sum of its terms.
    certain : where anything can be judged at all.
    log_size : the logarithm of what an error is relative to; None where it is the gradient itself.
    spare : what is allowed beside the bound, in the logarithm, as of a value that is rounded on its own way.
    """

    value: LogSign
    kappa: Floats
    certain: Mask
    log_size: Floats | None = None
    spare: Floats | float = 0.0


@dataclass(frozen=True, eq=False)
class Finding:
    """A Row, what the judge said, the points that it judged, and where the error is worst beside what is allowed."""

    row: Row
    mask: Mask
    derivation: Derived
    judgement: Judgement
    allowed: Floats
    error: Floats
    index: int
    ratio: float


def sample_of(derived: Derived, count: int, at: Parameters) -> range:
    """The points at which mpmath judges, where it has count gradients to judge."""
    depth = derived.chain.depth
    # deeper chains need more digits as well as more layers
    each = max(1, MPMATH_WORK // (depth * count * max(1, depth // 100)))
    return range(min(each, at.shape[0]))


def derived_values(derived: Derived, at: Parameters) -> Judged:
    """What a derivation says at points."""
    if isinstance(derived, SecondDerivation):
        terms, _ = walked(derived.chain, at, *derived.wrt)
        certain = 8 * EPSILON * terms.condition < (UNCERTAIN if derived.chain.vouched else LOST)
        certain = np.asarray(certain & np.isfinite(terms.log_size))
        return Judged(TermValues(derived, at).sum(), terms.condition, certain, terms.log_size)
    kernel = NumpyKernel(derived.as_gradient)
    reading, kappa = kernel.read(at)
    certain = np.asarray(8 * EPSILON * kappa < (UNCERTAIN if kernel.vouched else LOST))
    return Judged(reading.gradient, kappa, certain)


def findings(
    derived: Derived, judged: Judged, at: Parameters, methods: tuple[str, ...], sample: range
) -> Iterator[Finding]:
    """Every method's finding on a value of the gradient that is derived."""
    for method in methods:
        if isinstance(derived, SecondDerivation):
            yield _second_finding(derived, judged, at, method, sample)
        else:
            yield _first_finding(derived, judged, at, method, sample)


def _first_finding(derived: Derivation, judged: Judged, at: Parameters, method: str, sample: range) -> Finding:
    judgement = _judge(derived, at, method, sample)
    allowed = bound(judgement.log, judged.kappa) + judgement.off + judged.spare
    if method == METHODS[2]:
        allowed = np.maximum(allowed / judges.SMALLEST_STEP, FLOAT_TOLERANCE)  # C is rounded as its gradient is
    return _finding(derived, method, judgement, judged.certain, _disagreement(judged.value, judgement), allowed)


def _second_finding(second: SecondDerivation, judged: Judged, at: Parameters, method: str, sample: range) -> Finding:
    """The same of a second derivative, whose terms cancel: errors are relative to the sum of their sizes."""
    log_size = judged.log_size
    assert log_size is not None
    judgement = second_judges.judge(second.chain, at, second.wrt, method, sample, log_size)
    allowed = bound(log_size, judged.kappa) + judged.spare
    allowed = allowed if method == METHODS[1] else np.maximum(allowed, SECOND_TOLERANCE)
    with np.errstate(all="ignore"):
        apart = np.asarray((judged.value - LogSign(judgement.sign, judgement.log)).log)
        error = np.exp(apart - log_size)
    error, share = np.where(np.isnan(error), np.inf, error), np.exp(judgement.log - log_size)
    return _finding(second, method, judgement, judged.certain, error, allowed, share)


def _judge(derivation: Derivation, at: Parameters, method: str, sample: range) -> Judgement:
    chain, wrt = derivation.as_gradient.chain, derivation.wrt  # of ∂a_m/∂θ the layers up to a_m, and no cost
    if method == METHODS[0]:
        return judges.complex_step(chain, at, wrt)
    if method == METHODS[1]:
        return judges.central_differences(chain, at, wrt, sample)
    return judges.float_differences(chain, at, wrt)


def _disagreement(got: LogSign, want: Judgement) -> Floats:
    """|Δlog|; inf where the signs differ or only one of the two is 0."""
    with np.errstate(invalid="ignore"):
        difference = np.abs(np.asarray(got.log) - want.log)
    same = (np.asarray(got.sign) == want.sign) & np.isfinite(difference)
    return np.where(same, difference, np.inf)


def _finding(
    derived: Derived,
    method: str,
    judgement: Judgement,
    certain: Mask,
    error: Floats,
    allowed: Floats,
    share: Floats | None = None,
) -> Finding:
    """What a judge found; share is |value| of what the errors are relative to, None where they are |Δlog|."""
    mask = judgement.could & certain
    if not mask.any():
        row = Row(derived.named, method, 0, mask.size, noticed=math.inf)
        return Finding(row, mask, derived, judgement, allowed, error, 0, -1.0)
    with np.errstate(invalid="ignore"):  # inf/inf where κ is inf, and there nothing is judged
        ratio = np.where(mask, error / allowed, -1.0)
    index = int(np.argmax(ratio))
    log10 = judgement.log[mask] / np.log(10)  # of a second derivative that cancels to 0 it is -inf
    worst, bounded, low, high = map(float, (error[index], allowed[index], log10.min(), log10.max()))
    passed = bool(ratio[index] <= 1)
    with np.errstate(all="ignore"):
        seen = np.expm1(allowed + error) if share is None else (allowed + error) / share
    noticed = float(seen[mask].min())
    row = Row(derived.named, method, int(mask.sum()), mask.size, worst, bounded, low, high, passed, noticed=noticed)
    return Finding(row, mask, derived, judgement, allowed, error, index, float(ratio[index]))
