"""How far a gradient points along what the weights below have made: t = (u·g)²/(|g|² Var u), u = W A of one layer."""

from __future__ import annotations

from typing import NamedTuple


class Direction(NamedTuple):
    """E t, Var t, and the covariance of t with log |g|² as made by all layers above."""

    mean: float
    variance: float
    with_log: float

    def passed(self, kept: float, own: float, share: float) -> Direction:
        """One layer on its way back, where t becomes (kept (t - 1) + own) / (1 + share (t - 1)) on the average.

        √kept is what u·g is multiplied by; what is new in it is normal. share t is what t adds to log |g|²: of the
        order of 1/width, as what this and the layer's own scatter add to the covariance, which is left out.
        """
        mean = kept * (self.mean - 1) + own
        new, kept = own - kept, kept - mean * share
        variance = kept**2 * self.variance + 4 * max(kept, 0.0) * self.mean * new + 2 * new**2
        return Direction(mean, variance, kept * self.with_log)


UNKNOWING = Direction(1.0, 2.0, 0.0)  # of a g that knows nothing of u
