"""What a kernel reads, and how products and sums of any size are carried to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainderiv.kinds import Floats, Mask
from chainderiv.logsign import LogSign
from chainderiv.numeric.conditioning import is_lost
from chainderiv.numeric.orbit import Orbit
from chainderiv.numeric.orbit_error import size
from chainderiv.numeric.tile import Tile


@dataclass(frozen=True)
class Sum:
    """A sum: its value, the log of the sum of its terms' sizes, and the log of its error in units of ε."""

    value: LogSign
    log_size: Floats
    log_error: Floats

    @property
    def condition(self) -> Floats:
        """The error relative to the sum of the sizes, in units of ε; 0 where there is nothing to sum."""
        with np.errstate(invalid="ignore"):
            return np.where(np.isneginf(self.log_size), 0.0, np.exp(self.log_error - self.log_size))

    @classmethod
    def of(cls, value: LogSign, relative_error: Floats | float) -> Sum:
        """One term, off by a share of itself."""
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.where(value.sign == 0, -np.inf, value.log + np.log(relative_error))
        return cls(value, np.asarray(value.log), np.asarray(off))

    def __add__(self, other: Sum) -> Sum:
        total = self.value + other.value
        log_size = np.logaddexp(self.log_size, other.log_size)
        # exp and log of the two are rounded once each, relative to the larger of them
        own = log_size + np.log(size(log_size))
        return Sum(total, log_size, np.logaddexp(np.logaddexp(self.log_error, other.log_error), own))

    def times(self, factor: LogSign, relative_error: Floats | float) -> Sum:
        """Every term times a factor that is off by a share of itself."""
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.logaddexp(self.log_error, self.value.log + np.log(relative_error)) + factor.log
            return Sum(self.value * factor, zero_wins(self.log_size, factor.log), np.where(np.isnan(off), -np.inf, off))


def zero_wins(one: Floats, other: Floats) -> Floats:
    """Sum of logarithms, -inf where one of them is."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isneginf(one) | np.isneginf(other), -np.inf, one + other)


@dataclass(frozen=True)
class Reading:
    """What a kernel reads at each point.

    Attributes
    ----------
    gradient : LogSign. ∂C/∂θ.
    link_log_sum : ndarray. Σ log|link| over the links l = 2 … L (0 for depth 1): w_l φ'(z_l), or 1 + w_l φ'(z_l).
    largest_link : ndarray. The largest log|link| (-inf for depth 1).
    kappa : ndarray or None. First-order amplification κ of rounding along the orbit, where it was asked for.
    terms : Sum or None. Of a second derivative: the sum with the sizes of its terms.
    uncertain : bool ndarray or None. Where amplified rounding may move log|∂C/∂θ| by more than 1e-9; None where the
        engine does not watch it.
    """

    gradient: LogSign
    link_log_sum: Floats
    largest_link: Floats
    kappa: Floats | None = None
    terms: Sum | None = None
    uncertain: Mask | None = None


def tile_of(reading: Reading) -> Tile:
    """What a map keeps of a reading that has κ."""
    sign, log = np.asarray(reading.gradient.sign), np.asarray(reading.gradient.log)
    uncertain = is_lost(np.asarray(reading.kappa)) if reading.uncertain is None else reading.uncertain
    return Tile(
        np.nan_to_num(sign, nan=0.0).astype(np.int8), log, reading.link_log_sum, reading.largest_link, uncertain
    )


def reading_of(tile: Tile) -> Reading:
    """The reading that a tile was kept of."""
    sign = np.where(np.isnan(tile.log_abs), np.nan, tile.sign)
    return Reading(LogSign(sign, tile.log_abs), tile.link_log_sum, tile.largest_link, uncertain=tile.uncertain)


class Links:
    """What a walk keeps of its links, l = 2 … L: the sum of their logarithms, and the largest."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._product, self.largest = Product(shape), np.full(shape, -np.inf)

    def take(self, orbit: Orbit) -> None:
        """The link of the layer that the orbit has just walked; the first layer has none."""
        if orbit.layer > 1:
            self._product.times(abs(orbit.link))
            self.largest = np.maximum(self.largest, orbit.link.log)

    @property
    def log_sum(self) -> Floats:
        """Σ log|link|."""
        return self._product.log


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
        """The product so far."""
        return LogSign(self._sign, np.where(self._sign == 0, -np.inf, self.log))
