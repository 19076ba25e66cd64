"""What a caller gives, told apart and checked: whole numbers, finite numbers, and a source of randomness.

A number is one whatever library made it (numbers.Integral, numbers.Real); True and False are none.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from chainderiv.errors import BadValue


def is_whole(given: Any, least: int, most: float = math.inf) -> bool:
    """Whether it is a whole number from least to most.

    >>> is_whole(np.int64(3), 1), is_whole(True, 1), is_whole(3.0, 1), is_whole(10**400, 1)
    (True, False, False, True)
    """
    return isinstance(given, numbers.Integral) and not isinstance(given, bool) and least <= int(given) <= most


def is_finite(given: Any) -> bool:
    """Whether it is a real number that float64 holds.

    >>> is_finite(np.float32(3)), is_finite(float("nan")), is_finite(10**400), is_finite("3")
    (True, False, False, False)
    """
    if not isinstance(given, numbers.Real) or isinstance(given, bool):
        return False
    try:
        return math.isfinite(float(given))
    except OverflowError:  # a whole number beyond 1e308
        return False


def whole_number(name: str, given: Any, least: int) -> int:
    """The whole number given; raises BadValue for another kind or one below least."""
    if not is_whole(given, least):
        raise BadValue(f"{name} is {given!r}; give a whole number >= {least}")
    return int(given)


def one_of(name: str, given: Any, count: int) -> int:
    """The number of one of count, counted from 1; raises BadValue."""
    if not is_whole(given, 1, count):
        raise BadValue(f"{name} is {given!r}; give a whole number from 1 to {count}")
    return int(given)


def size(name: str, given: Any, zero: bool) -> float:
    """The finite number given, above 0 (or from 0 on); raises BadValue."""
    if is_finite(given) and (given > 0 or (zero and given == 0)):
        return float(given)
    raise BadValue(f"{name} is {given!r}; give a finite number {'>=' if zero else '>'} 0")


def generator(rng: Any) -> np.random.Generator:
    """The Generator given, or the one that a whole number seeds; raises BadValue."""
    if isinstance(rng, np.random.Generator):
        return rng
    if not is_whole(rng, 0):
        raise BadValue(f"rng is {rng!r}; give a whole number >= 0 or a numpy.random.Generator")
    return np.random.default_rng(int(rng))
