"""What a kernel file of second derivatives states before its walk; these stand in where that is read."""

from __future__ import annotations

from chainderiv.numeric.conditioning import LOST
from chainderiv.numeric.orbit_error import EPSILON as EPSILON

UNCERTAIN = LOST
RESIDUAL = PINNED = LINEAR = JOINED = False
LANES = 128  # points that walk together: their state stays in the first-level cache
PITCH = LANES + 16  # of a buffer's rows: at a power of 2 apart they would share the cache's few places
TURNING, ROUNDING = 1.0, 8.0  # of c = φ''/φ': the largest |dc/dz|/(1 + c²), and of its own rounding over the same
TAIL = 8.0  # |z|, from which on
TAIL_TURNING, TAIL_ROUNDING = 1.0, 8.0  # these are the same over |c| (1 + |z|) and |c| (1 + |z|)²


def curved(z: float) -> tuple[float, ...]:
    """φ; exponent and rest of φ'; φ'; |φ|, |φ'|; c = φ''/φ'; how far z may be off at first order."""
    return z, 0.0, 1.0, 1.0, abs(z), 1.0, 0.0, 1.0


def ending(z: float, a: float, y: float, moved: float, e_z: float) -> tuple[float, float, float]:
    """∂C/∂a_L = value · exp(exponent); value, exponent, and by how much of itself it is off, in units of ε."""
    return a - y, 0.0, 1.0 + (moved + abs(a)) / abs(a - y)


def bending(z: float, a: float, y: float, moved: float, e_z: float) -> tuple[float, float]:
    """∂²C/∂a_L², and what it is off by, in units of ε."""
    return 1.0, 1.0
