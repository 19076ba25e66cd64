"""Whether neighbours in a row of samples differ: Welch's test, its effect size, corrected for how many there are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.errors import BadShape, BadValue
from chainderiv.given import floats, several
from chainderiv.kinds import Floats

LEVEL = 0.05


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
    BadValue
        For a number that is not finite: what diverged is no measurement, and a comparison without it is another one.

    Examples
    --------
    >>> [c] = against_the_one_before([[0.95, 0.96, 0.97], [0.91, 0.92, 0.93]])
    >>> round(c.difference, 3), round(c.effect, 2), round(c.p, 4), c.differs
    (-0.04, -3.2, 0.008, True)
    """
    rows = [_row(sample) for sample in several("samples", samples, object, "at least two rows of numbers")]
    if len(rows) < 2 or any(len(row) < 2 for row in rows):
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
    (mean, spread), (later_mean, later) = _mean_and_spread(before), _mean_and_spread(after)
    n, m, difference = len(before), len(after), later_mean - mean
    if spread == later == 0:
        # without any spread nothing can be told by chance
        effect = math.copysign(math.inf, difference) if difference else 0.0
        return difference, difference, difference, effect, float(difference == 0)
    from scipy.special import stdtr, stdtrit

    # in units of the larger spread, whose square may be too small for a float
    unit = max(spread, later)
    u, v = (spread / unit) ** 2 / n, (later / unit) ** 2 / m
    error, freedom = unit * math.sqrt(u + v), (u + v) ** 2 / (u**2 / (n - 1) + v**2 / (m - 1))
    half = float(stdtrit(freedom, 1 - LEVEL / 2)) * error
    p = min(1.0, 2 * float(stdtr(freedom, -abs(difference) / error)))
    pooled = unit * math.sqrt((u * n * (n - 1) + v * m * (m - 1)) / (n + m - 2))
    unbiased = 1 - 3 / (4 * (n + m - 2) - 1)
    return difference, difference - half, difference + half, unbiased * difference / pooled, p


def _mean_and_spread(sample: Floats) -> tuple[float, float]:
    """Mean and standard deviation; of equal numbers that number and 0, which their sum need not give."""
    if sample.min() == sample.max():
        return float(sample[0]), 0.0
    return float(sample.mean()), float(sample.std(ddof=1))


def interval(sample: ArrayLike) -> tuple[float, float]:
    """The 95 % interval of a sample's mean, by Student's t; (-inf, inf) of fewer than two numbers.

    Raises BadValue for a number that is not finite, BadShape for no row of numbers.

    >>> [round(v, 4) for v in interval([1.0, 2.0, 3.0])]
    [-0.4841, 4.4841]
    """
    numbers = _row(sample)
    if len(numbers) < 2:
        return -math.inf, math.inf
    from scipy.special import stdtrit

    mean, spread = _mean_and_spread(numbers)
    half = float(stdtrit(len(numbers) - 1, 1 - LEVEL / 2)) * spread / math.sqrt(len(numbers))
    return mean - half, mean + half


def _row(sample: ArrayLike) -> Floats:
    numbers = floats("a sample", sample)
    if numbers.ndim != 1:
        raise BadShape(f"a sample has shape {numbers.shape}; give a row of numbers")
    broken = int((~np.isfinite(numbers)).sum())
    if broken:
        raise BadValue(
            f"a sample of {len(numbers)} holds {broken} that are not finite, as a run that diverged leaves them; "
            "leave those out and say so"
        )
    return numbers
