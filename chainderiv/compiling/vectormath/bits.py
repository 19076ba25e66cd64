"""The bits of a float64, a choice without a branch, a polynomial: what the elementary functions are written with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

# a*b + c may become one rounding where the processor has it; nothing else of IEEE 754 is given up
inlined = njit(error_model="numpy", fastmath={"contract"}, forceinline=True)

FRACTION = 0x000F_FFFF_FFFF_FFFF
EXPONENT = 0x7FF0_0000_0000_0000
ONE = 0x3FF0_0000_0000_0000  # the bits of 1.0
LONG = 16  # coefficients: from here on two chains, of even and of odd powers, hide each other's latency
SHIFT = 1.5 * 2.0**52  # t + SHIFT rounds t to a whole number, and its last bits are that number


def _bits_of(typing: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), generate


def _float_of(typing: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), generate


def _pick(typing: Any, condition: Any, yes: Any, no: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(*args)

    return types.float64(types.boolean, types.float64, types.float64), generate


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
bits_of: Callable[[float], int] = _typed(_bits_of)  # the 64 bits of a float64, as an int64
float_of: Callable[[int], float] = _typed(_float_of)  # the float64 whose bits an int64 holds
# pick(condition, yes, no) of float64s; `yes if condition else no` may stay a branch, and then no loop is vectorised
pick: Callable[[bool, float, float], float] = _typed(_pick)
# polynomial(x, (c_0, c_1, …)) = c_0 + c_1 x + … by Horner's rule, which a long one applies to its even and its odd part
polynomial: Callable[[float, tuple[float, ...]], float] = _typed(_polynomial)


@inlined
def with_sign_of(size: float, signed: float) -> float:
    """The size, which is not negative, with the other's sign bit."""
    return float_of(bits_of(size) | (bits_of(signed) & ~0x7FFF_FFFF_FFFF_FFFF))


@inlined
def upper_half(x: float) -> float:
    """x without its last 27 bits: its square, and its product with another such, are exact."""
    return float_of(bits_of(x) & ~0x7FF_FFFF)
