"""φ(z) - y without cancellation, also where the output saturates at its target."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.compiling.arrays import ArrayFunction, array_functions
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Array, Floats
from chainderiv.logsign import LogSign


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


def log_miss(activation: Activation, z: Floats, target: Floats) -> LogSign:
    """φ(z) - y as LogSign; at a target that is a limit of φ it lives on where the gap underflows."""
    f = array_functions(activation)
    total = LogSign.from_float(miss(activation, z, target))
    sign, log = np.asarray(total.sign), np.asarray(total.log)
    for limit, gap, side in (
        (activation.lower, f.log_above_lower, 1.0),
        (activation.upper, f.log_below_upper, -1.0),
    ):
        if limit is not None:
            at_limit = np.broadcast_to(np.asarray(target) == float(limit), log.shape)
            if at_limit.any():
                sign, log = np.where(at_limit, side, sign), np.where(at_limit, gap(z), log)
    return LogSign.of(sign, log)


@lru_cache(maxsize=256)
def float_limits(activation: Activation) -> tuple[tuple[float, ArrayFunction], ...]:
    """(r, z -> φ(z) - r) for each limit r ≠ 0 of φ that float64 holds exactly."""
    functions = array_functions(activation)
    sides: list[tuple[Any, ArrayFunction]] = [
        (activation.lower, functions.above_lower),
        (activation.upper, lambda z: -functions.below_upper(z)),
    ]
    return tuple((float(r), gap) for r, gap in sides if r is not None and r.is_Integer and r != 0)
