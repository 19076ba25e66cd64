"""The last layer of a network: its outputs, the cost on them and δ^L, right where the outputs saturate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from sympy.utilities.lambdify import lambdify

from chainderiv.compiling.arrays import array_functions
from chainderiv.compiling.output import log_miss, miss
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import Cost, cancelled_slope, cancels
from chainderiv.functions.output_choice import choose_output
from chainderiv.kinds import Array
from chainderiv.logsign import LogSign
from chainderiv.nn.wide_backward import wide_slopes
from chainderiv.symbols import a, y, z
from chainderiv.wide import Wide, choose, from_log, plus, times, wide

Formula = Callable[..., Any]

_rest = sympy.Symbol("rest", real=True)  # 1 - a, which keeps its digits where a rounds to 1
_miss = sympy.Symbol("miss", real=True)  # a - y, likewise
_log_a = sympy.Symbol("log_a", real=True)
_log_rest = sympy.Symbol("log_rest", real=True)
# for xreplace, which takes these as they stand; subs would turn a - y into 1 - rest - y and lose its digits
_STABLE = {a - y: _miss, y - a: -_miss, 1 - a: _rest, a - 1: -_rest}


@dataclass(frozen=True)
class OutputLayer:
    """An output activation (None: softmax) and the cost on its values; z and targets are (n, outputs)."""

    activation: Activation | None
    cost: Cost

    @property
    def name(self) -> str:
        """The output's name: an activation's, or 'softmax'."""
        return "softmax" if self.activation is None else self.activation.name

    def value(self, z: Array) -> Array:
        """a_L from z_L; complex for complex z."""
        return np.exp(_log_softmax(z)) if self.activation is None else value(self.activation, z)

    def cost_per_image(self, z: Array, targets: Array) -> Array:
        """C of each image, shape (n,), summed over the outputs; complex for complex z."""
        plain, of_log_a, of_log_rest, used = _cost_terms(self.cost)
        known = self.value(z) if a in used else 0, self._miss(z, targets) if _miss in used else 0, targets
        terms = plain(*known) + np.zeros_like(z)
        if of_log_a:
            terms = terms + _weighed(of_log_a(*known), self._log_value(z))
        if of_log_rest:
            terms = terms + _weighed(of_log_rest(*known), self._log_rest(z))
        return np.asarray(terms.sum(axis=1))

    def delta(self, z: Array, targets: Array) -> Array:
        """δ_L = ∂C/∂z_L of each image, shape (n, outputs); a - y where the cost cancels φ'(z_L)."""
        if self.activation is None:
            return _softmax_delta(self.value(z), targets)
        constant, factor = _slope_factor(self.activation, self.cost)
        difference = miss(self.activation, z, targets)
        if factor is None:
            return difference if constant == 1 else constant * difference
        rest = _one_minus(self.activation, z)
        slope = factor(self.value(z), rest, difference, targets)
        return np.asarray(array_functions(self.activation).derivative(z) * slope)

    def wide_delta(self, z: Array, targets: Array) -> Wide:
        """delta() of float64 in wide numbers: by logarithms where it underflows."""
        delta = self.delta(z, targets)
        lost = np.abs(delta) < np.finfo(float).tiny
        if not lost.any():
            return wide(delta)
        if self.activation is None:
            exact = _wide_softmax_delta(from_log(1.0, _log_softmax(z)), wide(targets))
        else:
            exact = _wide_delta(self.activation, self.cost, z, targets)
        return choose(lost, exact, wide(delta))

    def _miss(self, z: Array, targets: Array) -> Array:
        if self.activation is None or np.iscomplexobj(z):
            return self.value(z) - targets
        return miss(self.activation, z, targets)

    def _log_value(self, z: Array) -> Array:
        if self.activation is None:
            return _log_softmax(z)
        if np.iscomplexobj(z):
            return _log(value(self.activation, z))
        return array_functions(self.activation).log_abs_value(z)

    def _log_rest(self, z: Array) -> Array:
        if self.activation is not None and _mirrored(self.activation):
            return self._log_value(-z)
        return _log(1 - self.value(z) if self.activation is None else _one_minus(self.activation, z))


def output_layer(output: str | Activation | None, cost: Cost, hidden: Activation) -> OutputLayer:
    """The last layer that was asked for, by the rule and with the errors of `choose_output`."""
    return OutputLayer(choose_output(output, cost, hidden), cost)


def value(activation: Activation, z: Array) -> Array:
    """φ(z), on complex z by the branch of Re z."""
    functions = array_functions(activation)
    return functions.complex_value(z) if np.iscomplexobj(z) else functions.value(z)


def _log_softmax(z: Array) -> Array:
    # the largest term stands apart: log1p keeps the digits of what the others add, and nothing overflows
    largest = z.real.argmax(axis=1)[:, None]
    shifted = z - np.take_along_axis(z, largest, axis=1)
    others = np.exp(shifted)
    np.put_along_axis(others, largest, 0, axis=1)
    return np.asarray(shifted - np.log1p(others.sum(axis=1, keepdims=True)))


def _softmax_delta(outputs: Array, targets: Array) -> Array:
    # a_k Σ_j y_j - y_k Σ_j a_j without the j = k that cancels; Σ a_j = 1, so with Σ y_j = 1 it is a_k - y_k
    all_but_one = 1 - np.eye(outputs.shape[1], dtype=outputs.dtype)
    return np.asarray(outputs * (targets @ all_but_one) - targets * (outputs @ all_but_one))


def _wide_softmax_delta(outputs: Wide, targets: Wide) -> Wide:
    # a_k Σ y_j - y_k Σ a_j, of the j before k and of those behind it
    nothing = wide(np.zeros_like(outputs.m[:, 0]))
    total = wide(np.zeros_like(outputs.m))
    for order in (range(outputs.m.shape[1]), reversed(range(outputs.m.shape[1]))):
        a_sum = y_sum = nothing
        for k in order:
            a_k, y_k = (Wide(v.m[:, k], v.e[:, k]) for v in (outputs, targets))
            pulled = times(y_k, a_sum)
            here = plus(times(a_k, y_sum), Wide(-pulled.m, pulled.e))
            total.m[:, k], total.e[:, k] = plus(Wide(total.m[:, k], total.e[:, k]), here)
            a_sum, y_sum = plus(a_sum, a_k), plus(y_sum, y_k)
    return total


def _wide_delta(output: Activation, cost: Cost, z: Array, targets: Array) -> Wide:
    # the factors of φ'(z_L) ∂C/∂a_L as a chain's end takes them
    cancelled = cancelled_slope(output, cost)
    total = LogSign.of(np.ones(z.shape), np.zeros(z.shape))
    for leading, root, power in cost.factors if cancelled is None else cancelled:
        if root is None:
            total = total * float(leading)
        else:
            at = targets if root == y else np.full(z.shape, float(root))
            total = total * (log_miss(output, z, at) * float(leading)) ** float(power)
    found = from_log(total.sign, np.asarray(total.log))
    return found if cancelled is not None else times(found, wide_slopes(output, z))


def _weighed(weight: Any, log: Array) -> Array:
    """A weight times a logarithm, with 0 · log 0 = 0."""
    with np.errstate(invalid="ignore"):
        return np.where(weight == 0, 0, weight * log)


def _log(values: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values))


def _one_minus(activation: Activation, z: Array) -> Array:
    if _mirrored(activation):
        return value(activation, -z)
    if activation.upper == 1 and not np.iscomplexobj(z):
        return array_functions(activation).below_upper(z)
    return 1 - value(activation, z)


@lru_cache(maxsize=64)
def _mirrored(activation: Activation) -> bool:
    """Whether 1 - φ(z) = φ(-z), as for the sigmoid."""
    formula = activation.formula
    return bool(sympy.simplify(formula + formula.subs(z, -z) - 1) == 0)


@lru_cache(maxsize=64)
def _cost_terms(cost: Cost) -> tuple[Formula, Formula | None, Formula | None, frozenset[Any]]:
    """C = plain + of_log_a · log a + of_log_rest · log(1 - a), functions of (a, a - y, y); None where 0.

    Last, which of a, a - y and y they hold.
    """
    formula = cost.formula.subs({sympy.log(a): _log_a, sympy.log(1 - a): _log_rest})
    plain = formula.subs({_log_a: 0, _log_rest: 0}).xreplace(_STABLE)
    factors = sympy.diff(formula, _log_a), sympy.diff(formula, _log_rest)
    compiled = [None if f == 0 else lambdify((a, _miss, y), f, "numpy") for f in factors]
    used = frozenset().union(*(f.free_symbols for f in (plain, *factors)))
    return lambdify((a, _miss, y), plain, "numpy"), compiled[0], compiled[1], used


@lru_cache(maxsize=64)
def _slope_factor(output: Activation, cost: Cost) -> tuple[float, Formula | None]:
    """δ_L = constant · (a - y) where the cost cancels φ'(z_L), else φ'(z_L) · factor(a, 1 - a, a - y, y)."""
    if cancels(output, cost):
        ratio = sympy.simplify(cost.slope.subs(a, output.formula) * output.derivative / (output.formula - y))
        if ratio.is_number:
            return float(ratio), None
    return 1.0, lambdify((a, _rest, _miss, y), cost.slope.xreplace(_STABLE), "numpy")
