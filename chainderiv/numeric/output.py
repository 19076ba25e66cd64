"""φ(z) - y without cancellation, also where the output saturates at its target."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainderiv import symbols
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import cancelled_slope
from chainderiv.logsign import LogSign
from chainderiv.numeric.arrays import ArrayFunction, array_functions

if TYPE_CHECKING:
    from chainderiv.numeric.orbit import Orbit


def miss(activation: Activation, z: ArrayLike, target: ArrayLike) -> NDArray[Any]:
    """φ(z) - y, from z: near a limit r of φ it is (φ(z) - r) - (y - r), and both terms keep their digits.

    Parameters
    ----------
    z, target : arrays that broadcast together, dimensionless.

    Examples
    --------
    >>> from chainderiv.functions.activation import activation
    >>> float(miss(activation("sigmoid"), 40.0, 1.0))   # σ(40) rounds to 1
    -4.248354255291589e-18
    """
    z, target = np.asarray(z), np.asarray(target)
    difference = np.asarray(array_functions(activation).value(z) - target)
    for limit, gap in _limits(activation):
        # within half of r the subtraction y - r is exact (Sterbenz); at r = 0 the plain difference is
        near = np.abs(target - limit) <= abs(limit) / 2
        if near.any():
            difference = np.where(near, gap(z) - (target - limit), difference)
    return difference


@lru_cache(maxsize=256)
def _limits(activation: Activation) -> tuple[tuple[float, ArrayFunction], ...]:
    """(r, z -> φ(z) - r) for each limit r ≠ 0 of φ that float64 holds exactly."""
    functions = array_functions(activation)
    sides: list[tuple[Any, ArrayFunction]] = [
        (activation.lower, functions.above_lower),
        (activation.upper, lambda z: -functions.below_upper(z)),
    ]
    return tuple((float(r), gap) for r, gap in sides if r is not None and r.is_Integer and r != 0)


def log_rounded_size(orbit: Orbit, target: NDArray[Any]) -> NDArray[Any]:
    """log of the size of what is rounded before y is taken from it: a_L, or near a limit of φ the gap to it."""
    size = np.asarray(orbit.a.log)
    for limit, gap in _limits(orbit.chain.activation(orbit.layer)):
        near = np.abs(target - limit) <= abs(limit) / 2
        size = np.where(near, np.log(np.abs(gap(orbit.z))), size)
    return size


def slope(orbit: Orbit, target: NDArray[Any], joined: bool) -> LogSign:
    """∂C/∂a_L, or φ'(z_L) ∂C/∂a_L if joined, with a cancelled φ'(z_L) never formed.

    The cost's own slope is taken apart into powers of a - t (t = y or a number), each of which keeps its digits.
    """
    chain, shape = orbit.chain, orbit.parameters.shape
    cancelled = cancelled_slope(chain.activation(chain.depth), chain.cost) if joined else None
    total = LogSign(np.ones(shape), np.zeros(shape))
    for leading, root, exponent in cancelled or chain.cost.factors:
        if root is None:
            total = total * float(leading)
        else:
            at = target if root == symbols.y else np.asarray(float(root))
            total = total * (orbit.minus(np.broadcast_to(at, shape)) * float(leading)) ** float(exponent)
    return total * orbit.prime if joined and cancelled is None else total
