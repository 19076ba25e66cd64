"""Enclosures: an interval that is proved to hold every value of an expression over an interval of z.

Interval arithmetic with outward rounding (Moore 1966) on mpmath's stateless intervals, at any number of bits. A pair of
mpmath's raw floating-point numbers is an interval; its ends may be infinite.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import sympy
from mpmath import libmp

from chainderiv.symbols import Expr, erfcx, normal_cdf, z

Pair = tuple[Any, Any]  # lower and upper end, as mpmath's raw numbers
LINE: Pair = (libmp.fninf, libmp.finf)
NOWHERE: Pair = (libmp.fzero, libmp.fzero)  # what stands for z in a number, which has none
_ONE: Pair = (libmp.fone, libmp.fone)
# exp beyond ±2^1000 is infinite or 0 to us: mpmath would work on exponents of that many digits
_HUGE = libmp.from_man_exp(1, 1000)
_GUARD = 20  # bits beyond the ones asked for, where a function is known to its last bit but one


class Unenclosed(Exception):
    """An expression with a part for which there is no interval function; never shown to a user."""


def _pair(ends: Any) -> Pair:
    """mpmath has no type information."""
    low, high = ends
    return low, high


def _exp(u: Pair, bits: int) -> Pair:
    below = libmp.mpi_exp((_capped(u[0]), _capped(u[0])), bits)[0]
    above = libmp.mpi_exp((_capped(u[1]), _capped(u[1])), bits)[1]
    lowest = libmp.fzero if libmp.mpf_lt(u[0], libmp.mpf_neg(_HUGE)) else below
    return lowest, libmp.finf if libmp.mpf_gt(u[1], _HUGE) else above


def _capped(end: Any) -> Any:
    if libmp.mpf_gt(end, _HUGE):
        return _HUGE
    return libmp.mpf_neg(_HUGE) if libmp.mpf_lt(end, libmp.mpf_neg(_HUGE)) else end


def _log(u: Pair, bits: int) -> Pair:
    if libmp.mpf_le(u[1], libmp.fzero):
        raise Unenclosed("the logarithm of what is not positive")
    below = libmp.fninf if libmp.mpf_le(u[0], libmp.fzero) else libmp.mpf_log(u[0], bits, "f")
    return below, libmp.mpf_log(u[1], bits, "c")


def _rising(function: Callable[..., Any], u: Pair, bits: int) -> Pair:
    """An increasing function from its values at the ends, widened by more than mpmath's own error."""
    ends = (function(end, bits + _GUARD, "n") for end in u)
    return _widened(next(ends), "f", bits), _widened(next(ends), "c", bits)


def _falling(function: Callable[..., Any], u: Pair, bits: int) -> Pair:
    below, above = (function(end, bits + _GUARD, "n") for end in reversed(u))
    return _widened(below, "f", bits), _widened(above, "c", bits)


def _widened(end: Any, towards: str, bits: int) -> Any:
    if end in (libmp.finf, libmp.fninf, libmp.fzero):
        return end
    margin = libmp.mpf_shift(libmp.mpf_abs(end), -bits - _GUARD // 2)
    return (libmp.mpf_sub if towards == "f" else libmp.mpf_add)(end, margin, bits, towards)


def _cosh(u: Pair, bits: int) -> Pair:
    up = _exp(u, bits)
    return _pair(
        libmp.mpi_mul((libmp.fhalf, libmp.fhalf), libmp.mpi_add(up, libmp.mpi_div(_ONE, up, bits), bits), bits)
    )


def _normal_cdf(u: Pair, bits: int) -> Pair:
    scaled = libmp.mpi_div(libmp.mpi_neg(u), libmp.mpi_sqrt(_whole(2), bits + _GUARD), bits + _GUARD)
    return _pair(libmp.mpi_mul((libmp.fhalf, libmp.fhalf), _falling(libmp.mpf_erfc, scaled, bits), bits))


def _erfcx(u: Pair, bits: int) -> Pair:
    return _pair(libmp.mpi_mul(_exp(libmp.mpi_pow_int(u, 2, bits), bits), _falling(libmp.mpf_erfc, u, bits), bits))


def _whole(number: int) -> Pair:
    return libmp.from_int(number), libmp.from_int(number)


# SymPy's head -> its interval function
FUNCTIONS: dict[Any, Callable[[Pair, int], Pair]] = {
    sympy.exp: _exp,
    sympy.log: _log,
    sympy.Abs: libmp.mpi_abs,
    sympy.sin: libmp.mpi_sin,
    sympy.cos: libmp.mpi_cos,
    sympy.cosh: _cosh,
    sympy.atan: partial(_rising, libmp.mpf_atan),
    sympy.tanh: partial(_rising, libmp.mpf_tanh),
    sympy.sinh: partial(_rising, libmp.mpf_sinh),
    sympy.asinh: partial(_rising, libmp.mpf_asinh),
    sympy.erf: partial(_rising, libmp.mpf_erf),
    sympy.erfc: partial(_falling, libmp.mpf_erfc),
    normal_cdf: _normal_cdf,
    erfcx: _erfcx,
}


def _power(base: Pair, exponent: Any, bits: int) -> Pair:
    if exponent.is_Integer:
        return _pair(libmp.mpi_pow_int(base, int(exponent), bits))
    if not exponent.is_Rational:
        raise Unenclosed(f"the power {exponent}")
    if libmp.mpf_lt(base[1], libmp.fzero):
        raise Unenclosed("a root of what is negative")
    # an enclosure of what is never negative may still reach below 0
    kept = (libmp.fzero if libmp.mpf_lt(base[0], libmp.fzero) else base[0], base[1])
    if exponent == sympy.Rational(1, 2):
        return _pair(libmp.mpi_sqrt(kept, bits))
    numerator = libmp.mpi_pow_int(kept, abs(exponent.p), bits + _GUARD)
    root = libmp.mpi_sqrt(numerator, bits) if exponent.q == 2 else _root(numerator, exponent.q, bits)
    return libmp.mpi_div(_ONE, root, bits) if exponent < 0 else root


def _root(base: Pair, degree: int, bits: int) -> Pair:
    return _rising(lambda end, wp, rounding: libmp.mpf_nthroot(end, degree, wp, rounding), base, bits)


@lru_cache(maxsize=1024)
def _program(expression: Expr) -> tuple[list[tuple[Any, Any, tuple[int, ...]]], int]:
    """The parts of an expression, each once and after its own parts, as (head, expression, places of the parts)."""
    places: dict[Any, int] = {}
    steps: list[tuple[Any, Any, tuple[int, ...]]] = []

    def visit(part: Any) -> int:
        if part not in places:
            inner = () if _is_leaf(part) else part.args[:1] if part.is_Pow and part.base != sympy.E else part.args
            below = tuple(visit(u) for u in inner)
            places[part] = len(steps)
            steps.append((part.func, part, below))
        return places[part]

    return steps, visit(expression)


def _is_leaf(part: Any) -> bool:
    return bool(part.is_Atom or hasattr(part, "enclose") or part.func is sympy.CRootOf)


def enclose(expression: Expr, over: Pair, bits: int) -> Pair:
    """An interval that holds every value of an expression in z over an interval of z.

    Raises Unenclosed for an expression with a function that has no interval function here.

    >>> low, high = enclose(z * sympy.exp(-z), (libmp.fzero, libmp.fone), 53)
    >>> libmp.to_float(low), libmp.to_float(high)
    (0.0, 1.0)
    """
    steps, last = _program(expression)
    values: list[Pair] = []
    for head, part, below in steps:
        values.append(_value(head, part, [values[i] for i in below], over, bits))
    return values[last]


def _value(head: Any, part: Any, inner: list[Pair], over: Pair, bits: int) -> Pair:
    if not inner:
        return over if part == z else _constant(part, bits)
    if part.is_Add:
        return _folded(libmp.mpi_add, inner, bits)
    if part.is_Mul:
        return _folded(libmp.mpi_mul, inner, bits)
    if part.is_Pow and head is not sympy.exp:
        return _power(inner[0], part.exp, bits)
    if head not in FUNCTIONS:
        raise Unenclosed(f"the function {head}")
    return FUNCTIONS[head](inner[0], bits)


def _folded(operation: Callable[..., Pair], inner: list[Pair], bits: int) -> Pair:
    total = inner[0]
    for value in inner[1:]:
        total = operation(total, value, bits)
    return total


def _constant(part: Any, bits: int) -> Pair:
    if hasattr(part, "enclose"):
        return _pair(part.enclose(bits))
    if part.is_Integer:
        return _whole(int(part))
    if part.is_Rational:
        return _pair(libmp.mpi_div(_whole(part.p), _whole(part.q), bits))
    if not part.is_real:
        raise Unenclosed(f"the constant {part}")
    value = part.evalf(libmp.prec_to_dps(bits + _GUARD) + 2)._mpf_
    return _widened(value, "f", bits), _widened(value, "c", bits)


def sign(pair: Pair) -> int | None:
    """1, -1 or 0 where every number of the interval has that sign, else None."""
    if libmp.mpf_gt(pair[0], libmp.fzero):
        return 1
    if libmp.mpf_lt(pair[1], libmp.fzero):
        return -1
    return 0 if pair[0] == pair[1] == libmp.fzero else None
