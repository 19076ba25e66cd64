"""Wide numbers: float64 arrays with an exponent of their own, for activations that leave float64's range.

An identity chain with w = 0.1 and b = 0 has a_400 near 1e-400, and its gradient is a multiple of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.kinds import Floats, Mask

LOG_2 = float(np.log(2.0))
_FAR = 2000  # float64 holds exponents of less than this, so a term further away adds nothing


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


def to_float(p: Wide) -> Floats:
    """The nearest float64, at most its largest in size: never inf."""
    with np.errstate(over="ignore", under="ignore"):
        value = _shifted(p.m, p.e)
    return np.asarray(np.clip(value, -np.finfo(float).max, np.finfo(float).max))


def _shifted(m: Floats, by: Floats) -> Floats:
    return np.asarray(np.ldexp(m, np.clip(by, -_FAR, _FAR).astype(np.int32)))


def log_abs(p: Wide) -> Floats:
    """log|p|, natural; -inf for 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.abs(p.m)) + np.where(p.m == 0, 0, p.e) * LOG_2)


def choose(where: Mask, p: Wide, q: Wide) -> Wide:
    """p where the mask holds, else q."""
    return Wide(np.where(where, p.m, q.m), np.where(where, p.e, q.e))
