"""A hidden layer's neuron and a network's end as functions on flat arrays, generated from their formulas.

They are called through their addresses, so that the passes are compiled once and not for every activation. Inside,
numbers are float64 (by np.float64: Numba's float() leaves a float32 what it is): φ and φ' are as good as float32 can
hold them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from chainderiv.compiling.cache import load
from chainderiv.compiling.emit import IMPORTS, Lines, NotCompilable, folded
from chainderiv.compiling.parts import slope_parts
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import cancelled_slope
from chainderiv.functions.gaps import gaps_of
from chainderiv.nn.output_layer import OutputLayer
from chainderiv.numeric.compiled.source import function, miss_of

_HEAD = '''\
"""A part of chainderiv's trainer, generated: {what}."""

import numpy as np
from numba import cfunc, intp, types, void

from chainderiv.compiling.jit import njit

{imports}
ROW = types.Array(types.{dtype}, 1, "C")

'''
_HIDDEN = '''
@cfunc(void(ROW, ROW, ROW), cache=True, error_model="numpy", fastmath={"contract"})
def hidden(z, a, slope):
    """a = φ(z) and slope = φ'(z)."""
    for k in range(len(z)):
        a[k], slope[k] = neuron(np.float64(z[k]))
'''
_ENDING = '''
@cfunc(void(ROW, ROW, ROW, ROW, intp, intp), cache=True, error_model="numpy", fastmath={"contract"})
def ending(z, y, a, delta, n, pitch):
    """a_L = φ(z_L) and δ_L = ∂C/∂z_L of rows of n outputs, padded with zeros to the pitch."""
    for k in range(len(z)):
        value, slope = neuron(np.float64(z[k]))
        a[k], delta[k] = value, change(np.float64(z[k]), value, slope, np.float64(y[k]))
    for row in range(0, len(z), pitch):
        for k in range(row + n, row + pitch):
            a[k] = 0.0
            delta[k] = 0.0
'''
_SOFTMAX = '''
@cfunc(void(ROW, ROW, ROW, ROW, intp, intp), cache=True, error_model="numpy", fastmath={"contract"})
def ending(z, y, a, delta, n, pitch):
    """a_L = softmax(z_L) and δ_k = Σ_{j≠k} (a_k y_j - y_k a_j), which does not cancel at j = k."""
    for row in range(0, len(z), pitch):
        top = z[row]
        for k in range(row + 1, row + n):
            top = max(top, z[k])
        total = 0.0
        for k in range(row, row + n):
            total += exp(np.float64(z[k]) - top)
        for k in range(row, row + n):
            a[k] = exp(np.float64(z[k]) - top) / total
        a_before = y_before = 0.0
        for k in range(row, row + n):
            delta[k] = a[k] * y_before - y[k] * a_before
            a_before, y_before = a_before + a[k], y_before + y[k]
        a_behind = y_behind = 0.0
        for k in range(row + n - 1, row - 1, -1):
            delta[k] += a[k] * y_behind - y[k] * a_behind
            a_behind, y_behind = a_behind + a[k], y_behind + y[k]
        for k in range(row + n, row + pitch):
            a[k] = 0.0
            delta[k] = 0.0
'''


@lru_cache(maxsize=256)
def hidden_function(activation: Activation, dtype: np.dtype[Any]) -> Any:
    """hidden(z, a, slope) on flat arrays of dtype; raises NotCompilable."""
    return load(_head(activation.name, dtype) + _neuron(activation) + _HIDDEN).hidden


@lru_cache(maxsize=256)
def ending_function(last: OutputLayer, dtype: np.dtype[Any]) -> Any:
    """ending(z, y, a, delta, n, pitch) on flat arrays of dtype; raises NotCompilable."""
    text = _SOFTMAX if last.activation is None else _neuron(last.activation) + _change(last) + _ENDING
    return load(_head(f"{last.name} under {last.cost.name}", dtype) + text).ending


def _head(what: str, dtype: np.dtype[Any]) -> str:
    plain = what.replace('"', "'").replace("\\", "/")
    return _HEAD.format(what=plain, imports=IMPORTS, dtype=dtype.name)


def _neuron(activation: Activation) -> str:
    lines = Lines()
    names = [lines.name_of(folded(e)) for e in (activation.stable_value, slope_parts(activation).whole)]
    return function("neuron", "z", lines, names)


def _change(last: OutputLayer) -> str:
    """δ_L = φ'(z_L) ∂C/∂a_L, without the φ' that the cost cancels."""
    assert last.activation is not None
    lines, limits = Lines(), gaps_of(last.activation)
    cancelled = cancelled_slope(last.activation, last.cost)
    value = "slope" if cancelled is None else "1.0"
    for leading, root, power in last.cost.factors if cancelled is None else cancelled:
        factor = lines.name_of(leading)
        if root is not None:
            if not power.is_Integer:
                raise NotCompilable(f"the cost {last.cost.name!r} is beyond the compiled engine; use engine='numpy'")
            away = lines.line(f"{factor}*{miss_of(root, limits, lines)[0]}")
            factor = lines.name_of_power(away, int(power))
        value = lines.line(f"{value}*{factor}")
    return function("change", "z, a, slope, y", lines, [value])
