"""Activation -> NumPy functions, generated from its formulas; nothing is written a second time by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray
from sympy.utilities.lambdify import lambdify

from chainderiv.errors import BadValue, ChainderivError
from chainderiv.functions.activation import Activation
from chainderiv.functions.elementary import ROWS, spelled_out
from chainderiv.symbols import z

_EXACT = 2**53  # up to here float64 holds each integer
ArrayFunction = Callable[[ArrayLike], NDArray[Any]]


def _modules(*expressions: Any) -> list[Any]:
    """What the names in a formula's text mean; SciPy, which takes long to import, only where they ask for it."""
    heads = {type(part) for e in expressions for part in sympy.sympify(e).atoms(sympy.Function)}
    rows = [row for row in ROWS if row.numpy and row.head in heads]
    return [{row.name: _named(row.numpy) for row in rows}, np]  # by its name lambdify would import all of it


def _named(full_name: str) -> Any:
    module, _, name = full_name.rpartition(".")
    return getattr(import_module(module), name)


def _spelled(expression: Any) -> Any:
    """In functions that NumPy has, and in numbers: an integer beyond 64 bits would reach it as an object."""
    spelled = spelled_out(sympy.sympify(expression), lambda row: not row.numpy)
    large = (n for n in spelled.atoms(sympy.Rational) if max(abs(n.p), n.q) > _EXACT)
    return spelled.xreplace({n: sympy.Float(n, 40) for n in large})


@dataclass(frozen=True)
class ArrayFunctions:
    """An activation on arrays: each takes z (any shape, float32 or float64) and gives an array of its shape.

    together gives φ, φ' and log|φ'|, their common parts computed once; complex_value takes complex z and follows the
    branch of Re z. The roundings, in units of ε, are None where a stable form vouches for the digits.
    """

    value: ArrayFunction
    derivative: ArrayFunction
    log_abs_derivative: ArrayFunction
    log_abs_value: ArrayFunction
    curvature: ArrayFunction
    above_lower: ArrayFunction
    below_upper: ArrayFunction
    log_above_lower: ArrayFunction
    log_below_upper: ArrayFunction
    together: Callable[[ArrayLike], list[NDArray[Any]]]
    complex_value: ArrayFunction
    value_rounding: ArrayFunction | None
    derivative_rounding: ArrayFunction | None
    log_derivative_rounding: ArrayFunction | None
    states_zero_slope: ArrayFunction


@lru_cache(maxsize=256)
def array_functions(activation: Activation) -> ArrayFunctions:
    """Compile an activation's formulas for NumPy.

    Examples
    --------
    >>> from chainderiv.functions.lookup import neuron
    >>> float(array_functions(neuron("sigmoid")).log_abs_derivative(-10_000.0))
    -10000.0
    """
    activation.require_usable()
    try:
        return _functions(activation)
    except ChainderivError:
        raise
    except (NameError, TypeError, AttributeError, KeyError, ValueError, NotImplementedError) as e:
        raise BadValue(
            f"activation {activation.name!r} ({activation.formula}) has no NumPy form; "
            "give a formula of SymPy's elementary functions"
        ) from e


def _functions(activation: Activation) -> ArrayFunctions:
    lower = activation.stable.above_lower
    upper = activation.stable.below_upper
    made = ArrayFunctions(
        value=compiled(activation.stable_value),
        derivative=compiled(activation.stable_derivative),
        log_abs_derivative=compiled(activation.log_abs_derivative),
        log_abs_value=compiled(activation.log_abs_value),
        curvature=_curvature(activation),
        above_lower=compiled(sympy.nan if lower is None else lower),
        below_upper=compiled(sympy.nan if upper is None else upper),
        log_above_lower=compiled(sympy.nan if lower is None else activation.log_above_lower),
        log_below_upper=compiled(sympy.nan if upper is None else activation.log_below_upper),
        together=_together((activation.stable_value, activation.stable_derivative, activation.log_abs_derivative)),
        complex_value=_complex(activation.stable_value),
        value_rounding=_optional(activation.value_rounding),
        derivative_rounding=_optional(activation.derivative_rounding),
        log_derivative_rounding=_optional(activation.log_derivative_rounding),
        states_zero_slope=compiled(activation.states_zero_slope),
    )
    for function in (made.together, made.curvature, made.complex_value):
        function(0.41)  # a function that has no NumPy form shows here and not in the middle of a walk
    return made


def _curvature(activation: Activation) -> ArrayFunction:
    if activation.curvature is not None:
        return compiled(activation.curvature)
    both = _together((activation.second_derivative, activation.stable_derivative))

    def evaluate(values: ArrayLike) -> NDArray[Any]:
        second, first = both(values)
        with np.errstate(all="ignore"):
            return np.where(second == 0, 0.0, second / first)

    return evaluate


def _optional(expression: Any) -> ArrayFunction | None:
    return None if expression is None else compiled(expression)


def compiled(expression: Any) -> ArrayFunction:
    """The NumPy function of z that an expression states, silent where an unused branch overflows."""
    function = _together((expression,))
    return lambda values: function(values)[0]


def compiled_in(arguments: tuple[Any, ...], expression: Any) -> Callable[..., NDArray[Any]]:
    """The NumPy function of several symbols, for real and complex arrays."""
    spelled = _spelled(expression)
    function = lambdify(arguments, spelled, modules=_modules(spelled))

    def evaluate(*values: ArrayLike) -> NDArray[Any]:
        with np.errstate(all="ignore"):
            return np.asarray(function(*values))

    return evaluate


def _together(expressions: tuple[Any, ...]) -> Callable[[ArrayLike], list[NDArray[Any]]]:
    spelled = list(map(_spelled, expressions))
    function = lambdify(z, spelled, modules=_modules(*spelled), cse=True)

    def evaluate(values: ArrayLike) -> list[NDArray[Any]]:
        array = np.asarray(values)
        kind = array.dtype if array.dtype.kind == "f" else np.dtype(float)
        # every branch of a Piecewise is computed everywhere and only then selected
        with np.errstate(all="ignore"):
            results = function(np.atleast_1d(array.astype(kind, copy=False)))
        shape = array.shape
        return [np.broadcast_to(np.asarray(r, kind), shape or (1,)).reshape(shape) for r in results]

    return evaluate


def _complex(expression: Any) -> ArrayFunction:
    real_part = sympy.Symbol("real_part", real=True)
    plain = spelled_out(expression, lambda row: True)  # some of NumPy's functions take real numbers alone
    branched = plain.replace(sympy.Abs, lambda inner: sympy.sign(inner.subs(z, real_part)) * inner)
    branched = branched.replace(
        lambda e: isinstance(e, sympy.core.relational.Relational), lambda e: e.subs(z, real_part)
    )
    function = compiled_in((z, real_part), branched)

    def evaluate(values: ArrayLike) -> NDArray[Any]:
        array = np.atleast_1d(np.asarray(values, complex))
        result = function(array, array.real).astype(complex, copy=False)
        return np.broadcast_to(result, array.shape).reshape(np.shape(values))

    return evaluate
