"""Scaled(values, exponent): an array times a power of two of its own, so that no depth makes it underflow.

Scaling by a power of two is exact, so a pass in Scaled rounds where one in floats does. What lies 2^1022 below the
largest entry of the same array loses digits and then is 0: a norm does not see it. Where such an entry counts, as that
of one example among many, wide.Wide has an exponent for every entry, at two to five times the time, twice the memory
and with a way of its own for every operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainderiv.kinds import Array, Floats
from chainderiv.logsign import LogSign
from chainderiv.wide import LOG_2, Wide

_FAR = 5000  # more powers of two than float64 has: what is shifted down by them is 0


@dataclass(frozen=True, eq=False)
class Scaled:
    """values · 2^exponent; the largest of |values| lies in [1/2, 1), or all are 0.

    Make one with `scaled`, which sees to that. An array that holds inf or NaN has the exponent 0.

    >>> tiny = scaled([3e-200, 4e-200])
    >>> product = times(tiny, tiny)
    >>> print(product.to_float(), round(product.ln_norm() / np.log(10), 9))
    [0. 0.] -398.73618505
    """

    values: Floats
    exponent: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.values.shape

    def shifted(self, by: int) -> Scaled:
        """The same times 2^by, exactly."""
        return Scaled(self.values, self.exponent + by) if np.any(self.values) else self

    def ln_norm(self) -> float:
        """ln ‖x‖₂ over all entries: -inf of zeros, NaN where an entry is."""
        with np.errstate(divide="ignore", under="ignore"):
            return float(np.log(np.sqrt(np.sum(np.square(self.values)))) + self.exponent * LOG_2)

    def ln_abs(self) -> Floats:
        """ln|x| of each entry; -inf of a 0."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.abs(self.values)) + self.exponent * LOG_2)

    def to_log_sign(self) -> LogSign:
        """The entries as sign and natural logarithm."""
        return LogSign.of(np.sign(self.values), self.ln_abs())

    def to_float(self) -> Floats:
        """The entries as float64: 0 where they underflow, inf where they overflow."""
        return _times_two_to(self.values, self.exponent)

    def __getitem__(self, index: Any) -> Scaled:
        return scaled(self.values[index], self.exponent)


def scaled(values: Any, exponent: int = 0) -> Scaled:
    """values · 2^exponent, exactly; values : float64 numbers of any shape.

    >>> scaled([6.0, -1.5])
    Scaled(values=array([ 0.75  , -0.1875]), exponent=3)
    """
    array = np.asarray(values, np.float64)
    largest = float(np.max(np.abs(array), initial=0.0))
    if largest == 0 or not np.isfinite(largest):
        return Scaled(array, 0)
    by = int(np.frexp(largest)[1])
    return Scaled(array if by == 0 else _times_two_to(array, -by), exponent + by)


def of_wide(wide: Wide) -> Scaled:
    """An array whose entries have exponents of their own, brought to one."""
    top = np.max(wide.e, where=wide.m != 0, initial=-np.inf)
    if not np.isfinite(top):
        return scaled(wide.m)
    return scaled(_times_two_to(wide.m, wide.e - top), int(top))


def inverse(values: Array) -> Scaled:
    """1/x of each entry, also where float64 overflows; inf of a 0."""
    m, e = np.frexp(np.asarray(values, np.float64))
    with np.errstate(divide="ignore"):
        if np.any(m == 0):
            return scaled(1 / np.asarray(values, np.float64))
        return of_wide(Wide(np.asarray(1 / m), -e.astype(float)))


def plus(p: Scaled, q: Scaled) -> Scaled:
    """p + q, of one shape or broadcast."""
    if p.shape == q.shape and not np.any(p.values):
        return q
    if p.shape == q.shape and not np.any(q.values):
        return p
    (left, right), top = aligned([p, q])
    return scaled(left + right, top)


def times(p: Scaled, q: Scaled | Array) -> Scaled:
    """p · q entry by entry, broadcast."""
    other = q if isinstance(q, Scaled) else scaled(q)
    with np.errstate(under="ignore", invalid="ignore"):
        return scaled(p.values * other.values, p.exponent + other.exponent)


def matmul(p: Scaled, q: Scaled | Array) -> Scaled:
    """p @ q.

    >>> tiny = scaled([[1e-200, 1e-200]])
    >>> print(round(matmul(tiny, scaled([[1e-200], [1e-200]])).ln_norm() / np.log(10), 6))
    -399.69897
    """
    other = q if isinstance(q, Scaled) else scaled(q)
    with np.errstate(under="ignore", invalid="ignore"):
        return scaled(p.values @ other.values, p.exponent + other.exponent)


def aligned(several: Sequence[Scaled]) -> tuple[list[Floats], int]:
    """The arrays of all with the one exponent that they then share, the largest."""
    top = max((s.exponent for s in several if np.any(s.values)), default=0)
    return [_times_two_to(s.values, s.exponent - top) for s in several], top


def cosine(p: Scaled, q: Scaled) -> float:
    """⟨p, q⟩ / (‖p‖ ‖q‖), of one shape; NaN where either is 0."""
    with np.errstate(invalid="ignore", divide="ignore", under="ignore"):
        lengths = np.sqrt(np.sum(np.square(p.values))) * np.sqrt(np.sum(np.square(q.values)))
        return float(np.sum(p.values * q.values) / lengths)


def _times_two_to(values: Floats, by: Any) -> Floats:
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(values, np.clip(by, -_FAR, _FAR).astype(np.int32)))
