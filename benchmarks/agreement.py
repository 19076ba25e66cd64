"""Whether two answers are the same: sign and logarithm, point by point, where the other one has a number at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.maps import Answer

NORMAL = float(np.log(np.finfo(float).tiny))  # of a smaller number digits are lost, down to none
ALIKE = 1e-6  # |Δlog| of what counts as the same; a sigmoid' written σ(1 - σ) is off by up to 1e-5 in the corners
MOST, HALF = 0.99, 0.5


@dataclass(frozen=True)
class Agreement:
    """Shares of the points, and the largest |Δlog| of those that both hold.

    held : where the peer has a number of full digits, of the points where we have one; alike : the share of held points
    with the same sign and a logarithm within ALIKE.
    """

    held: float
    alike: float
    largest: float

    @property
    def same(self) -> bool:
        """Whether what was timed answers the same question: a formula that loses digits does so in the corners."""
        return self.held > 0 and self.alike >= HALF

    def __str__(self) -> str:
        if not self.held:
            return "ANOTHER ANSWER: no point that both hold"
        lost = "" if self.held > 0.9999 else f", underflows at {1 - self.held:.0%}"
        off = "" if self.alike > MOST else f", digits lost at {1 - self.alike:.0%}"
        return f"{'' if self.same else 'ANOTHER ANSWER: '}|Δlog| ≤ {self.largest:.0e}{off}{lost}"


def agreement(ours: Answer, peer: Answer, thin: int = 1, side: int = 1) -> Agreement:
    """Compare a peer's answer, to every thin-th line of side points, with ours to all of them."""
    sign, log, certain = (part.reshape(-1, side)[::thin].ravel() for part in ours)
    seen = np.isfinite(log) & certain
    held = seen & np.isfinite(peer.log_abs)
    if _is_product(peer):
        held &= peer.log_abs > NORMAL
    if not held.any():
        return Agreement(0.0, 0.0, float("nan"))
    difference = np.abs(log - peer.log_abs)[held]
    alike = (difference <= ALIKE) & (sign == peer.sign)[held]
    return Agreement(float(held.sum() / seen.sum()), float(alike.mean()), float(difference.max()))


def _is_product(answer: Answer) -> bool:
    """Whether every logarithm is one of a number of float64, as they are of plain products, which underflow."""
    finite = answer.log_abs[np.isfinite(answer.log_abs)]
    return bool(finite.size and finite.min() > np.log(5e-324) - 1)
