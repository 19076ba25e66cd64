"""A formula in z at many digits, whatever its numbers and its size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from chainderiv.functions.precise import precise
from chainderiv.functions.rewriting.held import PlainLog, held
from chainderiv.symbols import Expr, z

LARGE = 40  # operations


def reading(expression: Expr) -> Callable[[Any], Any]:
    """The mpmath function of z, awkward numbers and large logarithms kept out of the way of SymPy's polynomials."""
    large = expression.count_ops() > LARGE
    return precise(held(expression.replace(sympy.log, PlainLog) if large else expression), z)
