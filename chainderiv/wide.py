"""Wide numbers: float64 arrays with an exponent of their own, for activations that leave float64's range.

An identity chain with w = 0.1 and b = 0 has a_400 near 1e-400, and its gradient is a multiple of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.kinds import Floats, Mask
from chainderiv.logsign import LogSign

LOG_2 = float(np.log(2.0))
_FAR = 2000  # float64 holds exponents of less than this, so a term further away adds nothing
_BAND = 500  # bits: two numbers that lie no further below 1, and their product, are normal float64 numbers


class Wide(NamedTuple):
    """m · 2^e with 1/2 <= |m| < 1, or m = 0.

    >>> tiny = wide(1e-200)
    >>> print(round(log_abs(times(tiny, tiny)) / np.log(10), 9))
    -400.0
    """

    m: Floats
    e: Floats  # whole; as a float it has no bounds worth the name


def wide(value: ArrayLike) -> Wide:
    """Exactly the given finite float64 numbers."""
    m, e = np.frexp(np.asarray(value, float))
    return Wide(m, e.astype(float))


def from_log(sign: ArrayLike, log: Floats) -> Wide:
    """sign · exp(log); log -inf is 0, and NaN where the exponent leaves float64."""
    with np.errstate(over="ignore"):
        power = log / LOG_2
    finite = np.isfinite(power)
    power = np.where(finite, power, 0.0)
    whole = np.floor(power)
    outside = np.where(np.isneginf(log), 0.0, np.nan)
    m, e = np.frexp(np.where(finite, np.copysign(np.exp2(power - whole), sign), outside))
    return Wide(m, e + whole)


def times(p: Wide, q: Wide) -> Wide:
    """p · q."""
    m, shift = np.frexp(p.m * q.m)
    return Wide(m, p.e + q.e + shift)


def whole_power(p: Wide, n: int) -> Wide:
    """p^n for a small whole number, with a rounding for each factor and none of a logarithm."""
    product = wide(np.ones_like(p.m))
    for _ in range(abs(n)):
        product = times(product, p)
    if n >= 0:
        return product
    m, shift = np.frexp(1 / product.m)
    return Wide(m, shift - product.e)


def plus(p: Wide, q: Wide) -> Wide:
    """p + q, rounded once."""
    # a zero has no exponent of its own
    pe, qe = np.where(p.m == 0, q.e, p.e), np.where(q.m == 0, p.e, q.e)
    top = np.maximum(pe, qe)
    total = _shifted(p.m, pe - top) + _shifted(q.m, qe - top)
    m, shift = np.frexp(total)
    return Wide(m, top + shift)


def matmul(p: Wide, q: Wide) -> Wide:
    """p @ q of matrices: rows of p and columns of q are scaled by their largest, and what lies far below it is apart.

    >>> tiny = matmul(wide([[1e-200, 1.0]]), wide([[1e-200], [0.0]]))
    >>> print(round(float(log_abs(tiny)[0, 0]) / np.log(10), 9))
    -400.0
    """
    total = wide(np.zeros((p.m.shape[0], q.m.shape[1])))
    for left, left_e in _bands(p, 1):
        for right, right_e in _bands(q, 0):
            m, shift = np.frexp(left @ right)
            total = plus(total, Wide(m, left_e + right_e + shift))
    return total


def _bands(p: Wide, axis: int) -> Iterator[tuple[Floats, Floats]]:
    """Matrices of numbers of at most 1 and their exponents, which add up to p; nearly always it is one."""
    m = p.m
    while True:
        top = np.max(p.e, axis=axis, keepdims=True, where=m != 0, initial=-np.inf)
        top = np.where(np.isneginf(top), 0.0, top)
        below = p.e - top  # 500 taken from an exponent of 1e300 would leave it as it is
        far = below <= -_BAND
        yield _shifted(np.where(far, 0.0, m), below), top
        m = np.where(far, m, 0.0)
        if not m.any():
            return


def to_log_sign(p: Wide) -> LogSign:
    """The same as sign and natural logarithm."""
    return LogSign.of(np.sign(p.m), log_abs(p))


def rounded(p: Wide) -> Floats:
    """The nearest float64: 0 or a number of few digits where it underflows, inf where it overflows."""
    with np.errstate(over="ignore", under="ignore"):
        return _shifted(p.m, p.e)


def to_float(p: Wide) -> Floats:
    """The nearest float64, at most its largest in size: never inf."""
    return np.asarray(np.clip(rounded(p), -np.finfo(float).max, np.finfo(float).max))


def _shifted(m: Floats, by: Floats) -> Floats:
    return np.asarray(np.ldexp(m, np.clip(by, -_FAR, _FAR).astype(np.int32)))


def log_abs(p: Wide) -> Floats:
    """log|p|, natural; -inf for 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.abs(p.m)) + np.where(p.m == 0, 0, p.e) * LOG_2)


def choose(where: Mask, p: Wide, q: Wide) -> Wide:
    """p where the mask holds, else q."""
    return Wide(np.where(where, p.m, q.m), np.where(where, p.e, q.e))
