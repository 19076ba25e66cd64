"""φ''(z) and what rounding makes of it, from an activation's own formulas.

Where a stable logarithm is stated φ'' = φ' c with c = d log|φ'|/dz, else it is what SymPy derives. A computed c or φ''
is off by its own running error (functions/rounding) and, with z, by its slope. Where |z| is so large that a product in
it is ∞ · 0, as z² exp(-z²/2) is beyond 10¹⁵⁴, products are taken by the logarithms of their factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike

from chainderiv import symbols
from chainderiv.compiling.arrays import ArrayFunction, compiled, compiled_in
from chainderiv.functions.activation import Activation
from chainderiv.functions.rounding import rounding
from chainderiv.kinds import Floats
from chainderiv.logsign import LogSign
from chainderiv.numeric.orbit import Orbit
from chainderiv.numeric.orbit_error import OrbitError, exp_quiet
from chainderiv.symbols import Expr

LARGEST = float(np.finfo(float).max)
BY_LOGARITHMS = 1e4  # roundings that a product by logarithms is off by: they are of 710 and less, some of them added


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
    value, slope, own = (_everywhere(e) for e in (expression, third, rounding(expression)))
    plain = compiled(expression)

    def with_logarithms(z: ArrayLike) -> Floats:
        """The rounding, of a product by logarithms as well."""
        found = own(z)
        beyond = np.isnan(plain(z))
        with np.errstate(over="ignore"):
            return np.where(beyond, found + BY_LOGARITHMS * np.abs(value(z)), found) if beyond.any() else found

    return Bend(relative, value, slope, with_logarithms)


def _everywhere(expression: Expr) -> ArrayFunction:
    """The NumPy function of an expression; where that is NaN, of the expression with its products by logarithms."""
    plain = compiled(expression)

    def evaluate(z: ArrayLike) -> Floats:
        values = plain(z)
        lost = np.isnan(values) & ~np.isnan(z)
        if not lost.any():
            return values
        return np.where(lost, _by_logarithms(expression, np.asarray(z, float), {}).to_float(), values)

    return evaluate


@np.errstate(all="ignore")
def _by_logarithms(expression: Expr, z: Floats, known: dict[Expr, LogSign]) -> LogSign:
    """An expression in z, its products and powers as LogSign: z² and exp(-z²/2) may both leave float64."""
    if expression not in known:
        known[expression] = _one_by_logarithms(expression, z, known)
    return known[expression]


def _one_by_logarithms(expression: Expr, z: Floats, known: dict[Expr, LogSign]) -> LogSign:
    if not expression.has(symbols.z):
        return LogSign.from_float(np.full(z.shape, float(expression)))
    if expression == symbols.z:
        return LogSign.from_float(z)
    if isinstance(expression, sympy.Piecewise):
        branch = compiled(sympy.Piecewise(*((k, when) for k, (_, when) in enumerate(expression.args))))(z)
        values = [_by_logarithms(value, z, known) for value, _ in expression.args]
        chosen = [branch == k for k in range(len(values))]
        return LogSign.of(*(np.select(chosen, [getattr(v, part) for v in values], np.nan) for part in ("sign", "log")))
    parts = [_by_logarithms(argument, z, known) for argument in expression.args]
    if expression.is_Add or expression.is_Mul:
        return reduce(LogSign.__add__ if expression.is_Add else LogSign.__mul__, parts)
    if expression.is_Pow and expression.exp.is_number:
        return parts[0] ** float(expression.exp)
    arguments = [part.to_float() for part in parts]
    if isinstance(expression, sympy.exp):
        return LogSign.of(np.where(np.isneginf(arguments[0]), 0.0, 1.0), arguments[0])
    names = sympy.symbols(f"u:{len(parts)}", real=True)
    return LogSign.from_float(compiled_in(names, expression.func(*names))(*arguments))
