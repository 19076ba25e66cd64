"""What is mapped: ∂C/∂b₁ over 1000 × 1000 points, x = 0.3, y = 0, quadratic cost, and in what form it is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
W, B, X, Y = (-12.0, 12.0), (-10.0, 10.0), 0.3, 0.0
LONGEST_CHUNK = 16  # layers whose product stays in float64 here, whose exponent peers then take out: 16 · 22 < 708


@dataclass(frozen=True)
class Map:
    """A map of side × side points, w from -12 to 12 by b from -10 to 10.

    thin : a peer that takes minutes is given every so many-th line alone, and its time is multiplied.
    axes, held : which parameters these are, and what the others are.
    """

    depth: int
    activation: str = "sigmoid"
    side: int = 1000
    thin: int = 1
    residual: bool = False
    wrt: str | tuple[str, str] = "b1"
    axes: tuple[str, str] = ("w", "b")
    held: tuple[tuple[str, float], ...] = ()

    @cached_property
    def lines(self) -> tuple[Array, Array]:
        """The values of w and of b."""
        return np.linspace(*W, self.side)[:: self.thin].copy(), np.linspace(*B, self.side)

    @property
    def points(self) -> tuple[Array, Array]:
        """w and b of every point, flat."""
        w, b = np.meshgrid(*self.lines, indexing="ij")
        return w.ravel(), b.ravel()


class Answer(NamedTuple):
    """Sign and natural logarithm of every point, flat; certain : where rounding leaves it digits."""

    sign: Array
    log_abs: Array
    certain: Array


Run = Callable[[], Any]  # gives sign and log_abs, or the gradient alone


def answer_of(found: Any) -> Answer:
    """What a peer's run gave."""
    if not isinstance(found, tuple):
        gradient = np.asarray(found)
        with np.errstate(divide="ignore"):
            found = np.sign(gradient), np.log(np.abs(gradient))
    sign, log_abs, *told = (np.asarray(part).ravel() for part in found)
    return Answer(sign, log_abs, told[0] if told else np.ones(sign.size, bool))
