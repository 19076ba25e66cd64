"""What a map comes to in a few numbers, counted tile by tile, so that it may be larger than memory."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from chainderiv.kinds import Box, Signs
from chainderiv.maps.plan import Plan
from chainderiv.maps.regime import LOG_QUARTER, Regime, regime
from chainderiv.numeric.reading import Reading, Readings
from chainderiv.shown import Shown, Shows
from chainderiv.wording import share
from chainderiv.workers import as_done, usable_cores


@dataclass(frozen=True)
class Tally(Shows):
    """Counts over a map.

    Attributes
    ----------
    points, zeros, uncertain, below_quarter : how many points there are; whose gradient is exactly 0; whose logarithm is
        uncertain; whose links are all under 1/4 in size.
    smallest, largest : of the finite log|gradient|, natural; inf and -inf where there is none.
    regimes : dict of Regime -> how many points, empty at depth 1.
    undefined : how many points have a gradient that is no number.

    Two of them add up to that of both maps.

    Examples
    --------
    >>> left, right = (Tally(2, 0, 0, 1, low, -1.0, {Regime.VANISHING: 2}) for low in (-3.0, -9.0))
    >>> (left + right).smallest, (left + right).regimes[Regime.VANISHING]
    (-9.0, 4)
    """

    points: int
    zeros: int
    uncertain: int
    below_quarter: int
    smallest: float
    largest: float
    regimes: dict[Regime, int]
    undefined: int = 0

    def _shown(self) -> Shown:
        return Shown(rows=self.rows())

    def rows(self, second: bool = False) -> list[tuple[str, str]]:
        """What there is and how much, as a map tells it; second: of a second derivative."""
        of = f"of {self.points} points"
        rows = [("exactly 0", f"at {self.zeros} {of}")]
        if self.smallest <= self.largest:  # else there is no such point
            low, high = (end / math.log(10) for end in (self.smallest, self.largest))
            rows.insert(0, ("log10 of its size:", f"{low:.4g} to {high:.4g}"))
        if self.undefined:
            rows.append(("undefined", f"at {self.undefined} {of}"))
        if self.regimes and second:
            rows.append(("what its links do, and with them the gradients:", ""))
        for kind, count in self.regimes.items():
            if count or kind is not Regime.UNDEFINED:
                rows.append((f"{kind.name.lower()}:", share(count / self.points)))
        if self.regimes:
            rows.append(("every link below 1/4:", share(self.below_quarter / self.points)))
        if self.uncertain:
            told = f"{share(self.uncertain / self.points)}, {self.uncertain} {of}"
            rows.append(("uncertain by over 1e-9 in the logarithm:", told))
        return rows

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.points + other.points,
            self.zeros + other.zeros,
            self.uncertain + other.uncertain,
            self.below_quarter + other.below_quarter,
            min(self.smallest, other.smallest),
            max(self.largest, other.largest),
            {r: count + other.regimes[r] for r, count in self.regimes.items()},
            self.undefined + other.undefined,
        )


def counted(plan: Plan, readings: Readings) -> Tally:
    """Count over a whole map of any size, which is read tile by tile."""
    deep = plan.derivation.chain.depth > 1

    def count(box: Box, _: int) -> Tally:
        return _of_tile(readings.read(box), plan.links(box) if deep else None)

    with ThreadPoolExecutor(usable_cores(), "tally") as pool:
        parts = as_done(pool, count, plan.tiles, 2 * usable_cores())
        return reduce(Tally.__add__, (part for _, part in parts))


def _of_tile(tile: Reading, links: int | NDArray[np.int64] | None) -> Tally:
    finite = np.isfinite(tile.log_abs)
    with np.errstate(invalid="ignore"):
        codes: Signs | None = None if links is None else regime(tile.link_log_sum / links)
    return Tally(
        points=tile.log_abs.size,
        # a logarithm beyond float64 is -inf as well
        zeros=int(np.count_nonzero((tile.sign == 0) & np.isneginf(tile.log_abs))),
        uncertain=int(np.count_nonzero(tile.uncertain)),
        below_quarter=int(np.count_nonzero(tile.largest_link < LOG_QUARTER)),
        smallest=float(tile.log_abs.min(where=finite, initial=np.inf)),
        largest=float(tile.log_abs.max(where=finite, initial=-np.inf)),
        regimes={} if codes is None else {r: int(np.count_nonzero(codes == r)) for r in Regime},
        undefined=int(np.count_nonzero(np.isnan(tile.log_abs))),
    )
