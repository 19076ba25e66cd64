"""What is wrong with a claim: the ratio of claim and gradient, named where one name holds at every judged point."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from chainderiv.checking.claimed_function import plain_rounding
from chainderiv.checking.findings import Derived, Finding, Judged
from chainderiv.checking.suspects import suspects
from chainderiv.kinds import Floats, Places
from chainderiv.logsign import LogSign
from chainderiv.numeric.orbit_error import EPSILON
from chainderiv.numeric.parameters import Parameters
from chainderiv.symbolic.second import SecondDerivation

NAMED = 1e-9  # of the ratio: so near is a factor that is named
FEWEST = 2  # judged points, below which every ratio is a constant
MOST_WRITTEN = 6  # of log10 of a ratio that is written as a number
SIMPLE = 64  # the largest denominator of a fraction that is told as one


@dataclass(frozen=True, eq=False)
class Ratio:
    """claim/gradient at the judged points, and what its logarithm may be off by."""

    value: LogSign
    room: Floats

    def sign_of(self, other: LogSign) -> float | None:
        """1 or -1 where it is other, or its negative, at every point; else None."""
        with np.errstate(invalid="ignore"):
            near = np.abs(np.asarray(self.value.log) - other.log) <= self.room
        signs = np.asarray(self.value.sign) * other.sign
        for sign in (1.0, -1.0):
            if near.all() and (signs == sign).all():
                return sign
        return None


def diagnosed(derived: Derived, at: Parameters, judged: Judged, found: list[Finding]) -> str:
    """A sentence on a claim that failed."""
    ratio, places = _ratio(judged, found)
    count = places.size
    if np.isneginf(ratio.value.log).any():
        zeros = int(np.isneginf(ratio.value.log).sum())
        return f"it is 0 at {zeros} of {count} judged points, where the gradient is not"
    signs = np.asarray(ratio.value.sign)
    sized = (np.abs(ratio.value.log) <= ratio.room).all()
    if sized and 0 < (signs < 0).sum() < count:
        return f"its sign is wrong at {int((signs < 0).sum())} of {count} judged points; its size is right"
    if count < FEWEST:
        return f"it is {times_of(ratio.value[0])} the gradient at the one judged point"
    if (said := _constant(ratio)) is not None:
        return said
    there = at.at((places,))
    loosely = _loosely(ratio, derived, there)
    one = LogSign(np.ones(count), np.zeros(count))
    for said, other in suspects(derived, there):
        sign = loosely.sign_of(other)
        # a quantity that stands for one that equals it explains nothing
        if sign is not None and Ratio(other, loosely.room).sign_of(one) != 1:
            return said if sign > 0 else f"{said}, and the sign is wrong"
    logs = np.asarray(ratio.value.log)
    if sized or float(np.abs(logs).max()) < 1e-6:
        return f"it differs from the gradient by up to {float(np.abs(np.expm1(logs)).max()):.1e} of it"
    wrong = int((signs < 0).sum())
    turned = f", and its sign is wrong at {wrong} of {count}" if wrong else ""
    low, high = (abs(ratio.value[int(k)]) for k in (np.argmin(logs), np.argmax(logs)))
    return (
        f"its size is {times_of(low)} to {times_of(high)} the gradient's, another ratio at every judged point{turned}"
    )


def _loosely(ratio: Ratio, derived: Derived, at: Parameters) -> Ratio:
    """Where what it is compared with is computed by plain forms."""
    if isinstance(derived, SecondDerivation):
        return ratio
    return Ratio(ratio.value, ratio.room + NAMED + 8 * EPSILON * plain_rounding(derived, at))


def _ratio(judged: Judged, found: list[Finding]) -> tuple[Ratio, Places]:
    """claim/gradient by the judge that may be off by least at each point, at the points that any judge could judge."""
    seen = np.flatnonzero(np.any([f.mask for f in found], axis=0))
    sign, log, room = (np.full(seen.size, fill) for fill in (np.nan, np.nan, np.inf))
    for f in found:
        allowed = f.allowed
        if judged.log_size is not None:  # an error relative to the sum of the terms' sizes
            with np.errstate(all="ignore"):
                allowed = np.asarray(f.allowed * np.exp(judged.log_size - f.judgement.log))
        better = f.mask[seen] & (allowed[seen] < room)
        sign, log = (
            np.where(better, part[seen], old) for part, old in ((f.judgement.sign, sign), (f.judgement.log, log))
        )
        room = np.where(better, allowed[seen], room)
    return Ratio(judged.value[seen] / LogSign(sign, log), 4 * room), seen


def _constant(ratio: Ratio) -> str | None:
    """What to say where the ratio is one number at every point, and not 1; else None."""
    count = ratio.room.size
    ones = ratio.sign_of(LogSign(np.ones(count), np.zeros(count)))
    if ones is not None:
        return "its sign is wrong at every judged point" if ones < 0 else None
    first = ratio.value[int(np.argmin(ratio.room))]
    same = ratio.sign_of(LogSign(np.full(count, first.sign), np.full(count, first.log)))
    return f"it is {times_of(first)} the gradient at every judged point" if same == 1 else None


def times_of(value: LogSign) -> str:
    """'1/2 of', '1.001 times', '-2 times'."""
    minus = "-" if value.sign < 0 else ""
    if not abs(value.log10) < MOST_WRITTEN:
        return f"{minus}10^{float(value.log10):.4g} times"
    size = float(np.exp(value.log))
    simple = Fraction(size).limit_denominator(SIMPLE)
    if 0 < simple.numerator <= SIMPLE and abs(size / float(simple) - 1) < 1e-9 and simple != 1:
        return f"{minus}{simple} {'times' if simple.denominator == 1 else 'of'}"
    if abs(size - 1) > 1e-5 or size == 1:
        return f"{minus}{size:.6g} times"
    return f"{minus}(1 {'+' if size > 1 else '-'} {abs(float(np.expm1(value.log))):.2g}) times"
