"""What V/q, M₂ and κ tend to where signals grow without end, as far as the end of the table tells it.

Three values, at equal steps of log q, whose differences shrink by a factor like a geometric series' have the limit of
one (Aitken 1926), and by how much the limits of two such triples differ is the error. What shrinks slowly, as the
differences of log q do, has no limit that is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.theory.moments import M2, M4, MOST, Moments, V

STEP = 2.0  # of log q
FAR = 90.0  # log q at which limits are taken, if they are known there
SLOWEST = 0.7  # factor by which differences shrink
TOLD = 100.0  # errors, by which a limit is told from 0
STILL = 1e-13  # a relative difference that is none
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Limits:
    """Of V/q, M₂ and M₄/M₂² as q grows, each with its error.  at : V/q at the end of the table."""

    share: tuple[float, float]
    slope: tuple[float, float]
    kappa: tuple[float, float]
    at: float

    @property
    def top(self) -> float:
        """The log σ_w² from which on signals grow without end, as far as is known; inf where V/q tends to 0."""
        limit, error = self.share
        return -math.log(limit + error) if limit > TOLD * error else math.inf

    def grows(self, level: float) -> bool:
        """Whether V/q stays above 1/σ_w²: log σ_w² is a level above the curve's end, and no lower than its limit."""
        return level >= self.top and level > -math.log(self.at)


@lru_cache(maxsize=256)
def limits(moments: Moments) -> Limits | None:
    """The limits of an activation; None where one of them is not known."""
    far = _limits_at(moments, FAR) if moments.most == MOST else None
    return far or _limits_at(moments, moments.most - 1e-6)


def _limits_at(moments: Moments, end: float) -> Limits | None:
    q = np.exp(end - STEP * np.array([3.0, 2.0, 1.0, 0.0]))
    value, error = moments.at(q)
    last = np.exp(np.array([moments.most - 1e-6]))
    with np.errstate(all="ignore"):
        share = _limit(value[V] / q, error[V, -1] / q[-1])
        slope = _limit(value[M2], error[M2, -1])
        kappa = _limit(value[M4] / value[M2] ** 2, error[M4, -1] / value[M2, -1] ** 2)
    if share is None or slope is None or kappa is None:
        return None
    return Limits(share, slope, kappa, float((moments.at(last).value[V] / last)[0]))


def _limit(values: Floats, error: float) -> tuple[float, float] | None:
    if not np.isfinite(values).all():
        return None
    last, rounding = float(values[-1]), 4 * EPS * abs(float(values[-1])) + float(error)
    changes = np.abs(np.diff(values))
    if changes[-1] <= STILL * abs(last):
        return last, float(changes[-1]) + rounding
    if (changes[1:] > SLOWEST * changes[:-1]).any():
        return None
    before, limit = (_aitken(*three) for three in (values[:3].tolist(), values[1:].tolist()))
    return limit, abs(limit - before) + rounding


def _aitken(first: float, second: float, third: float) -> float:
    return third + (third - second) ** 2 / ((second - first) - (third - second))
