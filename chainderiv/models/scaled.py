"""Scaled(values, exponent): an array times a power of two of its own, so that no depth makes it underflow.

Scaling by a power of two is exact, so a pass in Scaled rounds where one in floats does. What lies 2^500 below the
largest entry stands in a Scaled of its own, `below`, with its own exponent, and so on: the gradient of one saturated
example among many keeps its digits, and an entry is 0 only where it is. A product of two such bands is a normal float64
number, so none is lost on the way. wide.Wide has an exponent for every entry, at two to five times the time; it serves
where bands meet, which is rare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from chainderiv.kinds import Array, Floats, Mask
from chainderiv.logsign import LogSign
from chainderiv.wide import LOG_2, Wide, plus as wide_plus, times as wide_times

_FAR = 5000  # more powers of two than float64 has: what is shifted down by them is 0
BAND = 500  # bits that a band spans: a product of two numbers of as much, 2^-1000, is normal in float64
_REACH = 200  # bits that gradients which come back together may lie apart


@dataclass(frozen=True, eq=False)
class Scaled:
    """values · 2^exponent + below; the largest of |values| lies in [1/2, 1), the least but 0 at 2^-500, or all are 0.

    Make one with `scaled`, which sees to that. An array that holds inf or NaN has the exponent 0. Where `values` has a
    number `below` has a 0, and the other way round.

    >>> tiny = scaled([3e-200, 4e-200])
    >>> product = times(tiny, tiny)
    >>> print(product.to_float(), round(product.ln_norm() / np.log(10), 9))
    [0. 0.] -398.73618505
    >>> print((times(scaled([1.0, 1e-200]), scaled([1.0, 1e-200])).ln_abs() / np.log(10)).round(9))
    [   0. -400.]
    """

    values: Floats
    exponent: int = 0
    below: Scaled | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.values.shape

    @property
    def nonzero(self) -> Mask:
        """Where an entry is not 0, however small."""
        here = np.asarray(self.values != 0)
        return here if self.below is None else here | self.below.nonzero

    def shifted(self, by: int) -> Scaled:
        """The same times 2^by, exactly."""
        if not np.any(self.values):
            return self
        return Scaled(self.values, self.exponent + by, None if self.below is None else self.below.shifted(by))

    def ln_norm(self) -> float:
        """ln ‖x‖₂ over all entries: -inf of zeros, NaN where an entry is; what lies 2^500 below adds nothing."""
        with np.errstate(divide="ignore", under="ignore"):
            return float(np.log(np.sqrt(np.sum(np.square(self.values)))) + self.exponent * LOG_2)

    def ln_abs(self) -> Floats:
        """ln|x| of each entry; -inf of a 0."""
        with np.errstate(divide="ignore"):
            here = np.asarray(np.log(np.abs(self.values)) + self.exponent * LOG_2)
        return here if self.below is None else np.where(self.values == 0, self.below.ln_abs(), here)

    def to_log_sign(self) -> LogSign:
        """The entries as sign and natural logarithm."""
        return LogSign.of(reduce(np.add, (np.sign(band.values) for band in bands(self))), self.ln_abs())

    def to_float(self) -> Floats:
        """The entries as float64: 0 where they underflow, inf where they overflow."""
        return np.asarray(reduce(np.add, (_times_two_to(band.values, band.exponent) for band in bands(self))))

    def __getitem__(self, index: Any) -> Scaled:
        return linear(self, lambda values: values[index])


def scaled(values: Any, exponent: int = 0) -> Scaled:
    """values · 2^exponent, exactly; values : float64 numbers of any shape.

    >>> scaled([6.0, -1.5])
    Scaled(values=array([ 0.75  , -0.1875]), exponent=3, below=None)
    """
    array = np.asarray(values, np.float64)
    sizes = np.asarray(np.abs(array))
    largest = float(np.max(sizes, initial=0.0))
    if largest == 0 or not np.isfinite(largest):
        return Scaled(array, 0)
    by = int(np.frexp(largest)[1])
    least = float(np.ldexp(1.0, by - BAND))
    below = None
    if _reaches_below(sizes, least):
        far = sizes < least
        below = scaled(np.where(far, array, 0.0), exponent)
        array = np.where(far, 0.0, array)
    return Scaled(array if by == 0 else _times_two_to(array, -by), exponent + by, below)


def _reaches_below(sizes: Floats, least: float) -> bool:
    """Whether a number but 0 is less than that."""
    # the bits of floats >= 0 are ordered as they are; one less makes the largest of a 0
    bits = np.subtract(sizes.view(np.uint64), np.uint64(1))
    return least > 0 and bool(np.min(bits) < np.float64(least).view(np.uint64) - np.uint64(1))


def bands(p: Scaled) -> Iterator[Scaled]:
    """The parts of p that have one exponent each, the largest first."""
    band: Scaled | None = p
    while band is not None:
        yield Scaled(band.values, band.exponent)
        band = band.below


def moved(p: Scaled, move: Callable[[Floats], Floats]) -> Scaled:
    """p with its entries elsewhere, all of them: reshaped, turned or negative."""
    return Scaled(move(p.values), p.exponent, None if p.below is None else moved(p.below, move))


def linear(p: Scaled, function: Callable[[Floats], Floats]) -> Scaled:
    """What a linear function makes of p.

    >>> print(linear(scaled([1e-200, -1e-200, 1e-300]), lambda x: x.sum()).to_float())
    1e-300
    """
    return reduce(plus, (scaled(function(band.values), band.exponent) for band in bands(p)))


def of_wide(wide: Wide) -> Scaled:
    """An array whose entries have exponents of their own, brought to one for each band."""
    top = np.max(wide.e, where=wide.m != 0, initial=-np.inf)
    if not np.isfinite(top) or not np.isfinite(wide.m).all():
        return scaled(wide.m)
    far = (wide.m != 0) & (top - wide.e >= BAND)  # top - 500 is top where it is huge
    below = of_wide(Wide(np.where(far, wide.m, 0.0), wide.e)) if far.any() else None
    return Scaled(_times_two_to(np.where(far, 0.0, wide.m), wide.e - top), int(top), below)


def to_wide(p: Scaled) -> Wide:
    """The same with an exponent for every entry."""
    m, e = np.frexp(p.values)
    here = Wide(m, e + float(p.exponent))
    if p.below is None:
        return here
    below = to_wide(p.below)
    return Wide(np.where(m == 0, below.m, m), np.where(m == 0, below.e, here.e))


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
    if p.below or q.below or abs(p.exponent - q.exponent) > BAND:
        return of_wide(wide_plus(to_wide(p), to_wide(q)))
    (left, right), top = aligned([p, q])
    return scaled(left + right, top)


def times(p: Scaled, q: Scaled | Array) -> Scaled:
    """p · q entry by entry, broadcast."""
    other = q if isinstance(q, Scaled) else scaled(q)
    with np.errstate(under="ignore", invalid="ignore"):
        if p.below or other.below:
            return of_wide(wide_times(to_wide(p), to_wide(other)))
        return scaled(p.values * other.values, p.exponent + other.exponent)


def matmul(p: Scaled, q: Scaled | Array) -> Scaled:
    """p @ q.

    >>> tiny = scaled([[1e-200, 1e-200]])
    >>> print(round(matmul(tiny, scaled([[1e-200], [1e-200]])).ln_norm() / np.log(10), 6))
    -399.69897
    """
    other = q if isinstance(q, Scaled) else scaled(q)
    with np.errstate(under="ignore", invalid="ignore"):
        products = (
            scaled(left.values @ right.values, left.exponent + right.exponent)
            for left in bands(p)
            for right in bands(other)
        )
        return reduce(plus, products)


def aligned(several: Sequence[Scaled]) -> tuple[list[Floats], int]:
    """The arrays of all with the one exponent that they then share, the largest."""
    top = max((s.exponent for s in several if np.any(s.values)), default=0)
    return [_times_two_to(s.values, s.exponent - top) for s in several], top


def levels(several: Sequence[Scaled]) -> Iterator[tuple[list[Floats], int]]:
    """Arrays of all with an exponent in common, whose sum over the levels they are; nearly always there is one.

    What is made of arrays one level after the other loses nothing to the range of float64, if it is linear in them.
    """
    exponents = [s.exponent for s in several if np.any(s.values)]
    apart = max(exponents, default=0) - min(exponents, default=0)
    if apart <= _REACH and all(s.below is None for s in several):
        yield aligned(several)
        return
    for k, one in enumerate(several):
        for band in bands(one):
            yield [band.values if n == k else np.zeros(s.shape) for n, s in enumerate(several)], band.exponent


def cosine(p: Scaled, q: Scaled) -> float:
    """⟨p, q⟩ / (‖p‖ ‖q‖), of one shape; NaN where either is 0."""
    with np.errstate(invalid="ignore", divide="ignore", under="ignore"):
        lengths = np.sqrt(np.sum(np.square(p.values))) * np.sqrt(np.sum(np.square(q.values)))
        return float(np.sum(p.values * q.values) / lengths)


def _times_two_to(values: Floats, by: Any) -> Floats:
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(values, np.asarray(np.clip(by, -_FAR, _FAR), np.int32)))
