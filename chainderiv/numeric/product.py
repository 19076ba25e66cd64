"""Products of any size: a running product of factors, and what a walk keeps of its links."""

from __future__ import annotations

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.logsign import LogSign
from chainderiv.numeric.orbit import Orbit


class Product:
    """A running product as sign and logarithm, the sum of logarithms compensated (Neumaier 1974)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._sign = np.ones(shape)
        self._log, self._lost = np.zeros(shape), np.zeros(shape)

    def times(self, factor: LogSign) -> None:
        """Multiply by one factor."""
        self._sign = self._sign * factor.sign
        log = np.asarray(factor.log)
        total = self._log + log
        larger = np.abs(self._log) >= np.abs(log)
        with np.errstate(invalid="ignore"):
            lost = np.where(larger, (self._log - total) + log, (log - total) + self._log)
        # a zero factor makes the total -inf, of which nothing is lost
        self._lost = self._lost + np.where(np.isfinite(total), lost, 0.0)
        self._log = total

    @property
    def log(self) -> Floats:
        """The logarithm so far."""
        return np.asarray(self._log + self._lost)

    def value(self) -> LogSign:
        """The product so far; NaN where its logarithm has left float64."""
        gone = ~(self.log < np.inf)
        log = np.where(self._sign == 0, -np.inf, np.where(gone, np.nan, self.log))
        return LogSign.of(np.where(gone & (self._sign != 0), np.nan, self._sign), log)


class Links:
    """What a walk keeps of its links, l = 2 … L: the sum of their logarithms, and the largest."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._product, self.largest = Product(shape), np.full(shape, -np.inf)

    def step(self, orbit: Orbit, before: LogSign) -> None:
        """The link of the layer that the orbit has just walked; the first layer has none."""
        if orbit.layer > 1:
            self._product.times(abs(orbit.link))
            self.largest = np.maximum(self.largest, orbit.link.log)

    @property
    def log_sum(self) -> Floats:
        """Σ log|link|."""
        return self._product.log
