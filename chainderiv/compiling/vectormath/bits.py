"""The bits of a float64, a choice without a branch, a polynomial: what the elementary functions are written with.

Each elementary function is inlined, has no branch and calls nothing, so that LLVM computes as many at once as the
processor's registers hold, on x86-64 and arm64 alike. A docstring's error is the worst that was measured against
mpmath, in units in the last place (ulp).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from chainderiv.compiling.jit import njit

# a*b + c may become one rounding where the processor has it; nothing else of IEEE 754 is given up
inlined = njit(error_model="numpy", fastmath={"contract"}, forceinline=True)

SIGN = ~0x7FFF_FFFF_FFFF_FFFF
FRACTION = 0x000F_FFFF_FFFF_FFFF
EXPONENT = 0x7FF0_0000_0000_0000
ONE = 0x3FF0_0000_0000_0000  # the bits of 1.0
LONG = 16  # coefficients: from here on two chains, of even and of odd powers, hide each other's latency
SHIFT = 1.5 * 2.0**52  # t + SHIFT rounds t to a whole number, and its last bits are that number


def _cast(result: Any, given: Any, kind: Any) -> Any:
    def typed(typing: Any, value: Any) -> Any:
        return result(given), lambda context, builder, signature, args: builder.bitcast(args[0], kind)

    return intrinsic(typed)


def _pick(typing: Any, condition: Any, yes: Any, no: Any) -> Any:
    signature = types.float64(types.boolean, types.float64, types.float64)
    return signature, lambda context, builder, signature, args: builder.select(*args)


def _polynomial(typing: Any, x: Any, coefficients: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, count = args[0], signature.args[1].count
        c = [builder.extract_value(args[1], k) for k in range(count)]
        if count < LONG:
            return _horner(builder, x, c)
        square = builder.fmul(x, x)
        return _step(builder, _horner(builder, square, c[1::2]), x, _horner(builder, square, c[::2]))

    return types.float64(types.float64, coefficients), generate


def _horner(builder: Any, x: Any, coefficients: list[Any]) -> Any:
    total = coefficients[-1]
    for c in coefficients[-2::-1]:
        total = _step(builder, total, x, c)
    return total


def _step(builder: Any, total: Any, x: Any, c: Any) -> Any:
    return builder.fadd(builder.fmul(total, x, flags=["contract"]), c, flags=["contract"])


_typed: Any = intrinsic  # whose own type counts the typing context as an argument
bits_of: Callable[[float], int] = _cast(types.int64, types.float64, ir.IntType(64))  # the 64 bits of a float64
float_of: Callable[[int], float] = _cast(types.float64, types.int64, ir.DoubleType())  # the float64 of such bits
# pick(condition, yes, no) of float64s; `yes if condition else no` may stay a branch, and then no loop is vectorised
pick: Callable[[bool, float, float], float] = _typed(_pick)
# polynomial(x, (c_0, c_1, …)) = c_0 + c_1 x + … by Horner's rule, which a long one applies to its even and its odd part
polynomial: Callable[[float, tuple[float, ...]], float] = _typed(_polynomial)


@inlined
def with_sign_of(size: float, signed: float) -> float:
    """The size, which is not negative, with the other's sign bit."""
    return float_of(bits_of(size) | (bits_of(signed) & SIGN))


@inlined
def upper_half(x: float) -> float:
    """x without its last 27 bits: its square, and its product with another such, are exact."""
    return float_of(bits_of(x) & ~0x7FF_FFFF)


@inlined
def exponent_of(value: float) -> float:
    """e of value = m · 2^e with 1 <= |m| < 2, for a normal number."""
    return float(((bits_of(value) & EXPONENT) >> 52) - 1023)


@inlined
def mantissa_of(value: float) -> float:
    """The m of the same; a normal number."""
    return float_of((bits_of(value) & (FRACTION | SIGN)) | ONE)


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
