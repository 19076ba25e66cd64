"""Whether neighbours in a row of samples differ: Welch's test, its effect size, corrected for how many there are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainderiv.errors import BadShape

LEVEL = 0.05
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """The mean of `after` against that of `before`.

    Attributes
    ----------
    difference : mean of after minus mean of before.
    low, high : the 95 % interval of the difference (Welch 1947).
    effect : Hedges' g, the difference in units of the samples' pooled spread, less its bias (Hedges 1981).
    p : two-sided, of Welch's test. p_holm : the same, corrected (Holm 1979).
    """

    difference: float
    low: float
    high: float
    effect: float
    p: float
    p_holm: float

    @property
    def differs(self) -> bool:
        """Whether the corrected p is under 5 %."""
        return self.p_holm < LEVEL


def against_the_one_before(samples: Sequence[ArrayLike]) -> list[Comparison]:
    """Each sample against the one before it.

    Parameters
    ----------
    samples : at least two of at least two finite numbers each.

    Raises
    ------
    BadShape
        For fewer.

    Examples
    --------
    >>> [c] = against_the_one_before([[0.95, 0.96, 0.97], [0.91, 0.92, 0.93]])
    >>> round(c.difference, 3), round(c.effect, 2), round(c.p, 4), c.differs
    (-0.04, -3.2, 0.008, True)
    """
    rows = [np.asarray(sample, float) for sample in samples]
    if len(rows) < 2 or any(row.ndim != 1 or len(row) < 2 for row in rows):
        raise BadShape(f"samples have shapes {[row.shape for row in rows]}; give at least two, each of two numbers")
    plain = [_compared(*pair) for pair in itertools.pairwise(rows)]
    corrected = holm([c[-1] for c in plain])
    return [Comparison(*c, p) for c, p in zip(plain, corrected, strict=True)]


def holm(p: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down correction of p-values.

    >>> [round(q, 3) for q in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order, least, corrected = np.argsort(p), 0.0, [0.0] * len(p)
    for rank, index in enumerate(order):
        least = max(least, min(1.0, (len(p) - rank) * p[index]))
        corrected[index] = least
    return corrected


def _compared(before: Floats, after: Floats) -> tuple[float, float, float, float, float]:
    difference, freedom = float(after.mean() - before.mean()), len(before) + len(after) - 2
    pooled = math.sqrt(sum(float(row.var(ddof=1)) * (len(row) - 1) for row in (before, after)) / freedom)
    if pooled == 0:  # without any spread chance explains nothing
        sure = difference != 0
        return difference, difference, difference, math.copysign(math.inf, difference) if sure else 0.0, float(not sure)
    from scipy.stats import ttest_ind

    test = ttest_ind(after, before, equal_var=False)
    low, high = test.confidence_interval(0.95)
    unbiased = 1 - 3 / (4 * freedom - 1)
    return difference, float(low), float(high), unbiased * difference / pooled, float(test.pvalue)


def interval(sample: ArrayLike) -> tuple[float, float]:
    """The 95 % interval of a sample's mean, by Student's t; (-inf, inf) of fewer than two numbers.

    >>> [round(v, 4) for v in interval([1.0, 2.0, 3.0])]
    [-0.4841, 4.4841]
    """
    numbers = np.asarray(sample, float)
    if len(numbers) < 2:
        return -math.inf, math.inf
    from scipy.special import stdtrit

    half = float(stdtrit(len(numbers) - 1, 0.975)) * float(numbers.std(ddof=1)) / math.sqrt(len(numbers))
    return float(numbers.mean()) - half, float(numbers.mean()) + half
