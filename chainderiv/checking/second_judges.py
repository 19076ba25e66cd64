"""Three judges of ∂²C/∂θ∂η that never see a derivative, by the same methods as those of ∂C/∂θ.

The terms of a second derivative can cancel, so a judge is told the sum of their sizes, and is content where its own
error is small beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import mpmath
import numpy as np

from chainderiv.checking.judges import (
    FIRST_STEP,
    Judgement,
    PointCost,
    complex_step,
    extrapolated,
    float_cost,
    judged_at,
    moved,
    same_branches,
    settled,
)
from chainderiv.checking.verification import METHODS
from chainderiv.kinds import Floats, Mask
from chainderiv.numeric.parameters import Parameters
from chainderiv.symbolic.chain import Chain, Parameter

SETTLED = 1e-9  # of the sum of the sizes, where the float64 judges are content
NOISE = 3e-7  # of the sum of the sizes: the most that a complex step may lose over the steps of a difference
MOST_DIGITS = 8000


def judge(
    chain: Chain, at: Parameters, wrt: tuple[Parameter, Parameter], method: str, sample: Sequence[int], log_size: Floats
) -> Judgement:
    """The judgement of one method; log_size is the log of the sum of the sizes of the terms."""
    if method == METHODS[0]:
        return _complex_step(chain, at, wrt, log_size)
    if method == METHODS[1]:
        return _central_differences(chain, at, wrt, sample, log_size)
    return _float_differences(chain, at, wrt, log_size)


def _complex_step(chain: Chain, at: Parameters, wrt: tuple[Parameter, Parameter], log_size: Floats) -> Judgement:
    """∂C/∂η by the complex step, and central differences of it in θ, extrapolated; its exponent is kept."""
    early, late = wrt
    could = same_branches(chain, [moved(at, early, side * FIRST_STEP) for side in (-1.0, 1.0)])

    def difference(h: float) -> Floats:
        nonlocal could
        up, down = (complex_step(chain, moved(at, early, side * h), late) for side in (1.0, -1.0))
        could = could & up.could & down.could
        with np.errstate(all="ignore"):
            noise = np.maximum(up.off * np.exp(up.log - log_size), down.off * np.exp(down.log - log_size)) / h
            could = could & ~(noise > NOISE)
            return (up.sign * np.exp(up.log - log_size) - down.sign * np.exp(down.log - log_size)) / (2 * h)

    return _relative(*extrapolated(difference, at.shape), could, log_size)


def _float_differences(chain: Chain, at: Parameters, wrt: tuple[Parameter, Parameter], log_size: Floats) -> Judgement:
    """Differences of C in float64 in both directions, extrapolated; only where the terms are of order 1."""
    early, late = wrt

    def corner(s: float, t: float) -> Parameters:
        return moved(moved(at, early, s), late, t)

    def cost(s: float, t: float) -> Floats:
        return float_cost(chain, corner(s, t))

    def difference(h: float) -> Floats:
        with np.errstate(all="ignore"):
            mixed = (cost(h, h) - cost(h, -h) - cost(-h, h) + cost(-h, -h)) / (4 * h * h)
            return np.asarray(mixed / np.exp(log_size))

    signs = (-FIRST_STEP, FIRST_STEP)
    could = (log_size > np.log(1e-2)) & (log_size < np.log(1e2))
    could &= same_branches(chain, [corner(s, t) for s in signs for t in signs])
    return _relative(*extrapolated(difference, at.shape), could, log_size)


def _relative(best: Floats, error: Floats, could: Mask, log_size: Floats) -> Judgement:
    """A judgement from what was found relative to the sum of the sizes."""
    with np.errstate(all="ignore"):
        return Judgement(np.sign(best), np.log(np.abs(best)) + log_size, could & (error < SETTLED))


def _central_differences(
    chain: Chain, at: Parameters, wrt: tuple[Parameter, Parameter], points: Sequence[int], log_size: Floats
) -> Judgement:
    """(C(+,+) - C(+,-) - C(-,+) + C(-,-))/4h² in mpmath; see settled."""

    def value(index: int) -> Any:
        cost, log = PointCost(chain, at, index, wrt[0].layer), float(log_size[index])
        return settled(partial(_difference, cost, wrt, log), MOST_DIGITS, 4, lambda _: mpmath.exp(log))

    return judged_at((index for index in points if np.isfinite(log_size[index])), at.shape, value)


def _difference(cost: PointCost, wrt: tuple[Parameter, Parameter], log_size: float, h: Any) -> Any:
    """The mixed difference; None where what the terms add up to is not well above the last digits of C."""
    (early, late), size = wrt, mpmath.exp(log_size)
    if early == late:
        corners = [(1, cost.moved({early: 2 * h})), (-2, cost.moved({})), (1, cost.moved({early: -2 * h}))]
    else:
        corners = [(s * t, cost.moved({early: s * h, late: t * h})) for s in (1, -1) for t in (1, -1)]
    resolved = 4 * h * h * size > 1e16 * mpmath.eps * max(abs(value) for _, value in corners)
    return mpmath.fsum(sign * value for sign, value in corners) / (4 * h * h) if resolved else None
