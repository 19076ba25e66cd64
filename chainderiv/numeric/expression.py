"""A replaced factor's value: a small expression in the chain's symbols, evaluated on LogSign."""

from __future__ import annotations

from functools import reduce
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.logsign import LogSign
from chainderiv.numeric.parameters import Parameters


def evaluate_expression(expression: Any, known: dict[Any, LogSign], parameters: Parameters) -> LogSign:
    """Sums, products and numeric powers of numbers and of what is known; raises BadValue for anything else."""
    if expression.is_number:
        return LogSign.from_float(float(expression))
    for key in (expression, str(expression)):
        if key in known:
            return known[key]
    if str(expression) == "y":
        return LogSign.from_float(parameters.y)
    parts = [evaluate_expression(e, known, parameters) for e in expression.args if not expression.is_Pow]
    if expression.is_Mul:
        return reduce(LogSign.__mul__, parts)
    if expression.is_Add:
        return reduce(LogSign.__add__, parts)
    if expression.is_Pow and expression.exp.is_number:
        return evaluate_expression(expression.base, known, parameters) ** float(expression.exp)
    raise BadValue(
        f"a replaced factor holds {expression}; use sums, products and powers of numbers, w_l, z_l, a_l, x, y, "
        "φ'(z_l) and ∂C/∂a_L of the chain"
    )
