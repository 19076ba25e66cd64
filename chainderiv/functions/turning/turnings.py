"""What is known of an expression's zeros: Turnings; and why they are not known: Unproved."""

from __future__ import annotations

from typing import NamedTuple

import sympy

from chainderiv.functions.heads import sinc
from chainderiv.symbols import Expr


class Turnings(NamedTuple):
    """The zeros, ascending, exact or Roots, and the signs between them: one more than there are zeros."""

    zeros: tuple[Expr, ...]
    signs: tuple[int, ...]


class Unproved(Exception):
    """Why the zeros of an expression are not known."""


def without_end(expression: Expr) -> str:
    """What to do about zeros without end, to be said behind what is wrong."""
    oscillates = expression.has(sympy.sin, sympy.cos, sympy.tan, sympy.sinc, sinc)
    advice = ", as of what oscillates without end: hold that still far out, as in sin(clip(z, -4, 4))"
    return advice if oscillates else ""
