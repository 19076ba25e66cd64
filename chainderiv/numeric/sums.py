"""Sums of any size whose terms may cancel: the value, and beside it what it is off by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.logsign import LogSign
from chainderiv.numeric.orbit_error import size


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
            nothing = np.isneginf(self.log_size) & (self.log_error < np.inf)
            return np.where(nothing, 0.0, np.exp(self.log_error - self.log_size))

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
