"""φ(z) - y without cancellation, also where the output saturates at its target."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.compiling.arrays import ArrayFunction, array_functions
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Array


def miss(activation: Activation, z: ArrayLike, target: ArrayLike) -> Array:
    """φ(z) - y, from z: near a limit r of φ it is (φ(z) - r) - (y - r), and both terms keep their digits.

    Parameters
    ----------
    z, target : arrays that broadcast together, dimensionless.

    Examples
    --------
    >>> from chainderiv.functions.lookup import neuron
    >>> float(miss(neuron("sigmoid"), 40.0, 1.0))   # σ(40) rounds to 1
    -4.248354255291589e-18
    """
    z, target = np.asarray(z), np.asarray(target)
    difference = np.asarray(array_functions(activation).value(z) - target)
    for limit, gap in float_limits(activation):
        # within half of r the subtraction y - r is exact (Sterbenz); at r = 0 the plain difference is
        near = np.abs(target - limit) <= abs(limit) / 2
        if near.any():
            difference = np.where(near, gap(z) - (target - limit), difference)
    return difference


@lru_cache(maxsize=256)
def float_limits(activation: Activation) -> tuple[tuple[float, ArrayFunction], ...]:
    """(r, z -> φ(z) - r) for each limit r ≠ 0 of φ that float64 holds exactly."""
    functions = array_functions(activation)
    sides: list[tuple[Any, ArrayFunction]] = [
        (activation.lower, functions.above_lower),
        (activation.upper, lambda z: -functions.below_upper(z)),
    ]
    return tuple((float(r), gap) for r, gap in sides if r is not None and r.is_Integer and r != 0)
