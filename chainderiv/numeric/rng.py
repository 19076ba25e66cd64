"""Randomness is a numpy.random.Generator; a whole number is turned into one."""

from __future__ import annotations

import numbers

import numpy as np

from chainderiv.errors import BadValue


def generator(rng: object) -> np.random.Generator:
    """The Generator given, or the one that a whole number seeds; raises BadValue."""
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, bool) or not isinstance(rng, numbers.Integral) or int(rng) < 0:
        raise BadValue(f"rng is {rng!r}; give a whole number >= 0 or a numpy.random.Generator")
    return np.random.default_rng(int(rng))
