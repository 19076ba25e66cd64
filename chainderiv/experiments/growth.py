"""How fast a gradient grows from layer to layer: one measurement against theory, and what several say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chainderiv.kinds import Floats

MOST = 3.5  # standard errors that a mean may be off
RARE = 1e-3  # how often chance alone brings a larger sum of squares


@dataclass(frozen=True, eq=False)
class Cell:
    """One point at one width.

    logs : ln ‖∂C/∂b_l‖ of the networks measured, (networks, H). predicted, endless : of its growth a layer on the way
    back, by theory for this width, and ½ log χ₁. spread : the standard deviation of logs in layer 1, by theory.
    """

    sigma_w: float
    sigma_b: float
    phase: str
    width: int
    logs: Floats
    predicted: float
    endless: float
    spread: float

    @property
    def slopes(self) -> Floats:
        """The growth a layer, of each network."""
        return np.asarray((self.logs[:, 0] - self.logs[:, -1]) / (self.logs.shape[1] - 1))

    @property
    def mean(self) -> float:
        """Of the slopes."""
        return float(self.slopes.mean())

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return float(self.slopes.std(ddof=1) / np.sqrt(len(self.slopes)))

    def off(self, kind: str) -> float:
        """How far the mean is from 'predicted' or 'endless', in standard errors."""
        return float((self.mean - getattr(self, kind)) / self.error)

    @property
    def spread_share(self) -> float:
        """The measured standard deviation in layer 1 over that of theory."""
        return float(self.logs[:, 0].std(ddof=1) / self.spread)

    @property
    def spread_off(self) -> float:
        """How far that is from 1, in standard errors, each 1/√(2N)."""
        return float((self.spread_share - 1) * np.sqrt(2 * len(self.logs)))


class Verdict(NamedTuple):
    """Of several cells: how many lie beyond MOST, the largest deviation, Σz², and what chance seldom brings of it."""

    beyond: int
    of: int
    largest: float
    squares: float
    rare: float

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the theory."""
        return not self.beyond and self.squares < self.rare


def verdict_of(off: Sequence[float]) -> Verdict:
    """Of deviations in standard errors, each about N(0, 1) where a theory holds: Σz² is then χ² of so many degrees.

    >>> [round(float(number), 2) for number in verdict_of([1.0, -4.0])]
    [1.0, 2.0, 4.0, 17.0, 13.82]
    """
    from scipy.special import chdtri

    z = np.array(off, float)
    sizes = np.abs(z)
    beyond = int((~(sizes <= MOST)).sum())  # one that is no number, too
    return Verdict(beyond, len(z), float(sizes.max()), float((z**2).sum()), float(chdtri(len(z), RARE)))
