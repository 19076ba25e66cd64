"""What a kernel file states before the walk; these stand in for it where the walk is read or run as plain Python."""

from __future__ import annotations

from chainderiv.numeric.conditioning import LOST
from chainderiv.numeric.orbit_error import EPSILON

UNCERTAIN = LOST
RESIDUAL = PINNED = LINEAR = BOUNDED = False
VOUCHED = True
LANES = 256  # points that walk together: their state stays in the first-level cache
PITCH = LANES + 16  # of a buffer's rows: at a power of 2 apart they would share the cache's few places
LONGEST = 24  # layers whose product is taken before its exponent is rescued
CHUNK = 8  # layers between two looks at whether the orbit repeats
# of a bounded neuron the largest |φ|, |φ'|, |φ''/φ'|, root of the slope of φ''/φ', and |log|φ'(z)||/(1 + |z|)
LOWER, UPPER = -1.0, 1.0  # its limits
REACH, STEEP, BEND, TURN, FALL = 1.0, 1.0, 2.0, 2.0, 2.0
SECOND = 2.0 * EPSILON  # the second order of log|φ'|, for a bounded neuron


def neuron(z: float) -> tuple[float, ...]:
    """φ; exponent and rest of φ'; φ'; |φ|, |φ'|, |φ''/φ'|; how far z may be off at first order; roundings of φ, φ'."""
    return z, 0.0, 1.0, 1.0, abs(z), 1.0, 0.0, 1.0, 0.0, 0.0


def near_neuron(z: float) -> tuple[float, ...]:
    """φ, φ' and |φ'| of a bounded neuron where nothing underflows, as if z were off by up to 2/3 ε of itself."""
    return z, 1.0, 1.0


def ending(z: float, a: float, y: float, moved: float, e_z: float) -> tuple[float, float, float]:
    """∂C/∂a_L = value · exp(exponent); value, exponent, and by how much of itself it is off, in units of ε."""
    return a - y, 0.0, 1.0 + (moved + abs(a)) / abs(a - y)
