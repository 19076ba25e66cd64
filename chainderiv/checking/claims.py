"""verify(chain, claim, wrt): a gradient that someone else has derived or programmed, against the same judges."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import sympy

from chainderiv.checking.claim_text import claim_text, left_side
from chainderiv.checking.claimed_formula import ClaimedFormula, claimed_formula
from chainderiv.checking.claimed_function import (
    MOST_ROUNDING,
    ClaimedFunction,
    epsilon,
    plain_rounding,
    within_range,
)
from chainderiv.checking.diagnosis import diagnosed
from chainderiv.checking.findings import Derived, Finding, Judged, derived_values, findings, sample_of
from chainderiv.checking.judges import UNCERTAIN
from chainderiv.checking.verification import METHODS, Row, Verification, point_of
from chainderiv.errors import BadValue
from chainderiv.given import is_finite, shown
from chainderiv.kinds import Floats, Mask
from chainderiv.logsign import LogSign
from chainderiv.numeric.orbit_error import EPSILON
from chainderiv.numeric.parameters import Parameters
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derive import Wrt, derive
from chainderiv.symbolic.second import SecondDerivation

Claim = ClaimedFormula | ClaimedFunction


def read_claim(chain: Chain, given: Any, wrt: Wrt | None) -> tuple[Claim, Derived]:
    """A claim, and the derivation of the gradient that it is said to be; raises BadValue for what is no claim."""
    if isinstance(given, str):
        left: Any = left_side(given)
        left = left[0] if len(left) == 1 else left
        derived = derive(chain, wrt or left or "b1")
        if left and derive(chain, left).named != derived.named:
            said = derive(chain, left).named
            raise BadValue(f"the claim {shown(given)} is of {said} and wrt is {derived.named}; give one of the two")
        return claimed_formula(chain, claim_text(chain, given)), derived
    derived = derive(chain, "b1" if wrt is None else wrt)
    if isinstance(given, sympy.Basic) or not callable(given):
        plain = is_finite(given) and not isinstance(given, sympy.Basic)
        return claimed_formula(chain, sympy.Rational(float(given)) if plain else given), derived
    return ClaimedFunction(chain, given), derived


def verify_claim(claim: Claim, derived: Derived, at: Parameters, methods: tuple[str, ...]) -> Verification:
    """Judge a claim at points.

    What is derived only tells κ and where to look; the claim is compared with judges that have seen neither.
    """
    own = derived_values(derived, at)
    judged, why, far = _claimed(claim, derived, at, own)
    if not judged.certain.any():  # the judges take seconds for what is deep, and would be asked in vain
        rows = tuple(Row(derived.named, method, 0, judged.certain.size, noticed=math.inf) for method in methods)
        could = {(derived.named, method): judged.certain for method in methods}
        return Verification(rows, None, could, diagnosis=_unseen(own, far))
    found = list(findings(derived, judged, at, methods, sample_of(derived, 1, at)))
    rows = tuple(f.row for f in found)
    could = {(f.row.parameter, f.row.method): f.mask for f in found}
    worst = max((f for f in found if f.row.judged), key=lambda f: f.ratio, default=None)
    if worst is None:
        return Verification(rows, None, could, diagnosis=_unseen(own, far))
    ratio = judged.value[worst.index] / LogSign(worst.judgement.sign, worst.judgement.log)[worst.index]
    if all(row.passed is not False for row in rows):
        said = _lost_digits(judged, found) if isinstance(claim, ClaimedFunction) else None
    else:
        said = _fault(derived, at, judged, found, why)
    return Verification(rows, worst.row, could, point_of(at, worst.index), ratio, said)


def _claimed(claim: Claim, derived: Derived, at: Parameters, own: Judged) -> tuple[Judged, dict[int, str], Mask]:
    """The claim's values, why it has none, and where the gradient leaves the range of what a function returns."""
    near = np.asarray(own.value.log)
    if isinstance(claim, ClaimedFormula):
        value, why = claim.values(at, own.certain, near)
        return replace(own, value=value), why, np.zeros(at.shape, bool)
    value, why, kind = claim.values(at, own.certain)
    spare = 8 * epsilon(kind) * (own.kappa + _plain(derived, at))
    inside = within_range(kind, near)
    certain = own.certain & inside & (spare < max(UNCERTAIN, MOST_ROUNDING * epsilon(kind)))
    if kind is None:  # of any range, and of digits of its own
        spare = 8 * EPSILON * own.kappa
    return replace(own, value=value, certain=certain, spare=spare), why, own.certain & ~inside


def _plain(derived: Derived, at: Parameters) -> Floats:
    if not isinstance(derived, SecondDerivation):
        return plain_rounding(derived, at)
    both: list[Floats] = [plain_rounding(derive(derived.chain, p), at) for p in derived.wrt]
    return both[0] + both[1]


def _unseen(own: Judged, far: Mask) -> str:
    if not far.any():
        return "give more points, or all methods"
    logs = np.asarray(own.value.log)[far] / np.log(10)
    return (
        f"the gradient is 10^{logs.min():.0f} to 10^{logs.max():.0f} at {int(far.sum())} points, too near the end "
        "of what the floats of a function hold; give a formula, or a function that returns a LogSign or mpmath's number"
    )


def _lost_digits(judged: Judged, found: list[Finding]) -> str | None:
    """What to say of a function that passes by what plain code is allowed, and not without."""
    lost = np.zeros(judged.certain.shape)
    for f in found:
        if f.row.method != METHODS[2]:
            lost = np.maximum(lost, np.where(f.mask & (f.error > f.allowed - judged.spare), f.error, 0.0))
    if not lost.any():
        return None
    return (
        f"it loses digits at {int((lost > 0).sum())} points, up to {lost.max():.1e} of the gradient, as plain forms "
        "such as 1 − tanh² do where they saturate; that is rounding, and no other formula"
    )


def _fault(derived: Derived, at: Parameters, judged: Judged, found: list[Finding], why: dict[int, str]) -> str:
    """What is wrong with a claim, as far as it holds at every judged point."""
    seen = np.any([f.mask for f in found], axis=0)
    failed = [reason for index, reason in why.items() if seen[index]]
    if failed:
        return f"it has no finite real value at {len(failed)} of {int(seen.sum())} judged points ({failed[0]})"
    return diagnosed(derived, at, judged, found)
