"""∂C/∂a_L and ∂²C/∂a_L² at the end of an orbit: products of powers of a_L - t, t = y or a number, and sums of them.

Each a_L - t keeps its digits, where the expression as it is written would lose them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from chainderiv import symbols
from chainderiv.compiling.arrays import compiled_in
from chainderiv.functions.cost import cancelled_slope
from chainderiv.kinds import Array, Floats
from chainderiv.logsign import LogSign
from chainderiv.numeric.orbit import Orbit
from chainderiv.numeric.orbit_error import OrbitError, size
from chainderiv.numeric.sums import Sum

Powers = list[tuple[Floats, float]]  # t and p of each (a_L - t)^p


def slope(orbit: Orbit, target: Array, joined: bool) -> LogSign:
    """∂C/∂a_L, or φ'(z_L) ∂C/∂a_L if joined, with a cancelled φ'(z_L) never formed."""
    chain, shape = orbit.chain, orbit.parameters.shape
    apart = chain.residual or not joined
    cancelled = None if apart else cancelled_slope(chain.activation(chain.depth), chain.cost)
    one = LogSign.of(np.ones(shape), np.zeros(shape))
    total, _ = _product(orbit, target, cancelled or chain.cost.factors, one)
    return total * orbit.prime if joined and cancelled is None else total


def value_of_powers(orbit: Orbit, target: Floats, expression: Any) -> LogSign:
    """An expression in a_L and y, each term a product of powers of a - t."""
    nothing = LogSign.of(0.0, np.full(orbit.parameters.shape, -np.inf))
    return sum((value for value, _ in _summands(orbit, target, expression)), nothing)


def sum_of_powers(orbit: Orbit, target: Floats, expression: Any, error: OrbitError) -> Sum:
    """The same with the sum of the sizes of its terms, and its error."""
    nothing = np.full(orbit.parameters.shape, -np.inf)
    total, log_size, log_error = LogSign.of(0.0, nothing), nothing, nothing
    for value, powers in _summands(orbit, target, expression):
        off = 1.0 + sum(abs(power) * error.of_output(orbit, at) for at, power in powers)
        total = total + value
        log_size = np.logaddexp(log_size, value.log)
        log_error = np.logaddexp(log_error, value.log + np.log(off + size(value.log)))
    return Sum(total, log_size, log_error)


def _product(orbit: Orbit, target: Array, factors: Sequence[Any], value: LogSign) -> tuple[LogSign, Powers]:
    """A value times a cost's factors, and the powers in them."""
    powers: Powers = []
    for leading, root, power in factors:
        if root is None:
            value = value * float(leading)
            continue
        at = np.broadcast_to(target if root == symbols.y else float(root), orbit.parameters.shape)
        value = value * (orbit.minus(at) * float(leading)) ** float(power)
        powers.append((at, float(power)))
    return value, powers


def _summands(orbit: Orbit, target: Floats, expression: Any) -> Iterator[tuple[LogSign, Powers]]:
    for coefficient, product in _terms(expression):
        value = LogSign.from_float(np.broadcast_to(coefficient(target), orbit.parameters.shape))
        yield _product(orbit, target, orbit.chain.cost.factors_of(product), value)


@lru_cache(maxsize=64)
def _terms(expression: Any) -> tuple[tuple[Any, Any], ...]:
    """A sum in a and y as (coefficient in y, product in a)."""
    parts = (term.as_independent(symbols.a) for term in sympy.Add.make_args(expression))
    return tuple((compiled_in((symbols.y,), coefficient), product) for coefficient, product in parts)
