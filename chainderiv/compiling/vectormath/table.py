"""Elementary functions of a float64, written so that a compiler vectorises a loop around them.

Each is inlined, has no branch and calls nothing, so that LLVM computes as many at once as the processor's registers
hold, on x86-64 and arm64 alike. A docstring's error is the worst that was measured against mpmath, in units in the last
place (ulp).
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

from chainderiv.compiling.vectormath import (
    bits as vectormath_bits,
    erf as vectormath_erf,
    exp as vectormath_exp,
    log as vectormath_log,
    trig as vectormath_trig,
)
from chainderiv.compiling.vectormath.bits import inlined, pick
from chainderiv.compiling.vectormath.erf import erf, erfc, erfcx, normal_cdf
from chainderiv.compiling.vectormath.exp import cosh, exp, expm1, sinh, tanh
from chainderiv.compiling.vectormath.log import asinh, cbrt, log, log1p
from chainderiv.compiling.vectormath.trig import atan, cos, sin, tan


@inlined
def sqrt(x: float) -> float:
    """Square root, correctly rounded; NaN below 0."""
    return math.sqrt(x)


@inlined
def absolute(x: float) -> float:
    """|x|, exactly."""
    return abs(x)


@inlined
def sign(x: float) -> float:
    """-1, 0 or 1; NaN of NaN, and a zero keeps its sign."""
    return pick(x > 0.0, 1.0, pick(x < 0.0, -1.0, x))


ELEMENTARY: dict[str, Any] = {
    "absolute": absolute, "asinh": asinh, "atan": atan, "cbrt": cbrt, "cos": cos, "cosh": cosh, "erf": erf,
    "erfc": erfc, "erfcx": erfcx, "exp": exp, "expm1": expm1, "log": log, "log1p": log1p, "normal_cdf": normal_cdf,
    "sign": sign, "sin": sin, "sinh": sinh, "sqrt": sqrt, "tan": tan, "tanh": tanh,
}  # fmt: skip
# what the functions' machine code depends on
SOURCES: tuple[ModuleType, ...] = (vectormath_bits, vectormath_erf, vectormath_exp, vectormath_log, vectormath_trig)
