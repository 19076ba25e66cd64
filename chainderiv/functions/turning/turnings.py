"""What is known of an expression's zeros: Turnings; and why they are not known: Unproved."""

from __future__ import annotations

from typing import NamedTuple

from chainderiv.symbols import Expr


class Turnings(NamedTuple):
    """The zeros, ascending, exact or Roots, and the signs between them: one more than there are zeros."""

    zeros: tuple[Expr, ...]
    signs: tuple[int, ...]


class Unproved(Exception):
    """Why the zeros of an expression are not known."""
