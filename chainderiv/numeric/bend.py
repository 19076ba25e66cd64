"""φ''(z) and what rounding makes of it, from an activation's own formulas.

Where a stable logarithm is stated φ'' = φ' c with c = d log|φ'|/dz, else it is what SymPy derives. A computed c or φ''
is off by its own running error (functions/rounding) and, with z, by its slope.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from chainderiv import symbols
from chainderiv.compiling.arrays import ArrayFunction, compiled
from chainderiv.functions.activation import Activation
from chainderiv.functions.rounding import rounding
from chainderiv.kinds import Floats
from chainderiv.logsign import LogSign
from chainderiv.numeric.orbit import Orbit
from chainderiv.numeric.orbit_error import OrbitError, exp_quiet

LARGEST = float(np.finfo(float).max)


@dataclass(frozen=True)
class Bend:
    """value is c = φ''/φ' where `relative`, else φ''; slope its derivative by z, rounding its error in units of ε."""

    relative: bool
    value: ArrayFunction
    slope: ArrayFunction
    rounding: ArrayFunction

    def of(self, orbit: Orbit) -> LogSign:
        """φ''(z_l) of the layer walked last; NaN where z_l has left float64."""
        return self._bent(orbit, self._value(orbit))

    def with_error(self, orbit: Orbit, error: OrbitError, of_prime: Floats) -> tuple[LogSign, Floats]:
        """φ''(z_l), and log of what it is off by, in units of ε, where log|φ'(z_l)| is off by of_prime."""
        value, moved = self._value(orbit), exp_quiet(error.log_z)
        with np.errstate(all="ignore"):
            off = np.abs(self.slope(orbit.z)) * moved + self.rounding(orbit.z) + np.abs(value)
            if self.relative:
                return self._bent(orbit, value), np.asarray(orbit.prime.log + np.log(off + np.abs(value) * of_prime))
            return self._bent(orbit, value), np.asarray(np.log(off))

    def _bent(self, orbit: Orbit, value: Floats) -> LogSign:
        bent = LogSign.from_float(value)
        return orbit.prime * bent if self.relative else bent

    def _value(self, orbit: Orbit) -> Floats:
        value, outside = self.value(orbit.z), np.abs(orbit.z) >= LARGEST
        return np.where(outside & (self.slope(orbit.z) != 0), np.nan, value) if outside.any() else value


@lru_cache(maxsize=256)
def bend(activation: Activation) -> Bend:
    """Compile φ''.

    >>> from chainderiv.functions.lookup import neuron
    >>> round(float(bend(neuron("tanh")).value(0.5)), 12)  # -2 tanh(1/2)
    -0.92423431452
    """
    relative = activation.curvature is not None
    expression: Any = activation.curvature if relative else activation.second_derivative
    # sign would have 2 δ(z) for its derivative
    expression = expression.replace(sympy.sign, lambda u: sympy.Piecewise((1, u > 0), (-1, u < 0), (0, True)))
    third = sympy.diff(expression, symbols.z)
    return Bend(relative, *(compiled(e) for e in (expression, third, rounding(expression))))
