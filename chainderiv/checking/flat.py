"""Where φ is flat its slope must be 0: no random point judges that, because a gradient of 0 judges nothing."""

from __future__ import annotations

import math

import mpmath
import numpy as np

from chainderiv.checking.points import near_kink
from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.activation import Activation
from chainderiv.functions.precise import precise, working_digits
from chainderiv.symbols import z

SPREAD = np.linspace(-8.0, 8.0, 33) + 0.0625


def slope_where_flat(activation: Activation) -> tuple[float, ...]:
    """The z of a spread at which φ does not change by a digit of 240, and yet the kernel's φ' is not 0.

    >>> from chainderiv.functions.lookup import neuron
    >>> slope_where_flat(neuron("relu"))
    ()
    """
    spread = SPREAD[~near_kink(activation, SPREAD)]
    phi = precise(activation.formula, z)
    with working_digits(240):
        h = mpmath.mpf(10) ** -80
        flat = np.array([phi(mpmath.mpf(p) + h) == phi(mpmath.mpf(p) - h) for p in spread])
    functions = array_functions(activation)
    slope, value = functions.log_abs_derivative(spread), functions.log_abs_value(spread)
    # a slope this small beside φ would not show in 240 digits
    shows = slope + math.log(2) - 80 * math.log(10) > value - 235 * math.log(10)
    sloping = ~np.isneginf(slope) & (shows | np.isneginf(value))
    return tuple(float(p) for p in spread[flat & sloping])
