"""∂C/∂a_L at the end of an orbit, and what of it is rounded."""

from __future__ import annotations

import numpy as np

from chainderiv import symbols
from chainderiv.compiling.output import float_limits
from chainderiv.functions.cost import cancelled_slope
from chainderiv.kinds import Array
from chainderiv.logsign import LogSign
from chainderiv.numeric.orbit import Orbit


def slope(orbit: Orbit, target: Array, joined: bool) -> LogSign:
    """∂C/∂a_L, or φ'(z_L) ∂C/∂a_L if joined, with a cancelled φ'(z_L) never formed.

    The cost's own slope is taken apart into powers of a - t (t = y or a number), each of which keeps its digits.
    """
    chain, shape = orbit.chain, orbit.parameters.shape
    apart = chain.residual or not joined
    cancelled = None if apart else cancelled_slope(chain.activation(chain.depth), chain.cost)
    total = LogSign(np.ones(shape), np.zeros(shape))
    for leading, root, exponent in cancelled or chain.cost.factors:
        if root is None:
            total = total * float(leading)
        else:
            at = target if root == symbols.y else np.asarray(float(root))
            total = total * (orbit.minus(np.broadcast_to(at, shape)) * float(leading)) ** float(exponent)
    return total * orbit.prime if joined and cancelled is None else total


def log_rounded_size(orbit: Orbit, target: Array) -> Array:
    """log of the size of what is rounded before y is taken from it: a_L, or near a limit of φ the gap to it."""
    size = np.asarray(orbit.a.log)
    if orbit.chain.residual:
        return size
    for limit, gap in float_limits(orbit.chain.activation(orbit.layer)):
        near = np.abs(target - limit) <= abs(limit) / 2
        size = np.where(near, np.log(np.abs(gap(orbit.z))), size)
    return size
