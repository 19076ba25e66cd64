"""The last layer of a random network with softmax and log-likelihood: δ = softmax(z) - y, whose parts hang together.

Over the inputs z_i = v_i + √τ ζ_i, as of every neuron, and so G_i = E_ζ softmax_i(v + √τ ζ) - s_i of the mean gradient,
s_i the share of class i. Means over v are those over Sobol's points (1967), the same for all p, and over ζ likewise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.theory.finite_width.blurred import SHARP
from chainderiv.theory.finite_width.direction import UNKNOWING, Direction
from chainderiv.theory.finite_width.logarithm import Cumulants
from chainderiv.theory.gaussian import Divergent

LOG_DRAWS, LOG_BLURS = 12, 8  # powers of two: points v, and ζ for each
MOST = 2**25  # exponentials at once
SEED = 20170411
LEAST = 1e-280  # of |g|²


@dataclass(frozen=True)
class SoftmaxEnd:
    """Of each output the share of the inputs whose class it is."""

    shares: Floats

    @cached_property
    def _points(self) -> tuple[Floats, Floats]:
        """Standard normal v (draws, outputs) and ζ (blurs, outputs)."""
        outputs = len(self.shares)
        blurs = LOG_BLURS
        while blurs > 2 and (outputs << (LOG_DRAWS + blurs)) > MOST:
            blurs -= 1
        return _normal_points(outputs, LOG_DRAWS, SEED), _normal_points(outputs, blurs, SEED + 1)

    def _gradients(self, p: float, tau: float) -> tuple[Floats, float]:
        """G at each v (draws, outputs), and E |δ|² of one input."""
        v, zeta = self._points
        blurs = np.sqrt(tau) * zeta if tau > SHARP * p else np.zeros((1, v.shape[1]))
        whole, square = np.zeros(v.shape), 0.0
        for blur in blurs:
            z = np.sqrt(p) * v + blur
            shares = np.exp(z - z.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            # 1 - a as a sum keeps its digits where a rounds to 1
            others = shares @ (1 - np.eye(v.shape[1]))
            whole += (1 - self.shares) * shares - self.shares * others
            square += float(((1 - self.shares) * shares**2 + self.shares * others**2).sum(axis=1).mean())
        return whole / len(blurs), square / len(blurs)

    def _squares(self, p: float, tau: float) -> tuple[Floats, Floats]:
        """G and |g|² at each v."""
        G, _ = self._gradients(p, tau)
        squares = (G**2).sum(axis=1)
        if not squares.min() > LEAST:
            raise Divergent(
                f"outputs of softmax at the variance {p + tau:.3g} of z are right to more digits than float64 has; "
                "give smaller weights, or several outputs and classes"
            )
        return G, squares

    def cumulants(self, p: float, tau: float) -> Cumulants:
        """Of log |g_L|² at fixed p and τ."""
        logs = np.log(self._squares(p, tau)[1])
        off = logs - logs.mean()
        second, third, fourth = (float((off**k).mean()) for k in (2, 3, 4))
        return Cumulants(float(logs.mean()), second, third, fourth - 3 * second**2)

    def single(self, p: float, tau: float) -> float:
        """E |δ|² of one input over E |g_L|²."""
        G, square = self._gradients(p, tau)
        return square / max(float((G**2).sum(axis=1).mean()), LEAST)

    def along(self, p: float, tau: float, made: float) -> Direction:
        """Of u, the part of v that weights made, of variance made."""
        if not made:
            return UNKNOWING
        G, squares = self._squares(p, tau)
        known = (made / p * np.sqrt(p) * (G * self._points[0]).sum(axis=1)) ** 2 / squares
        rest, logs = made * (1 - made / p), np.log(squares)
        t, twice = (known + rest) / made, (known**2 + 6 * known * rest + 3 * rest**2) / made**2
        mean = float(t.mean())
        return Direction(mean, float(twice.mean()) - mean**2, float((t * (logs - logs.mean())).mean()))


def _normal_points(outputs: int, log_count: int, seed: int) -> Floats:
    from scipy.special import ndtri
    from scipy.stats.qmc import Sobol

    even = Sobol(outputs, scramble=True, rng=np.random.default_rng(seed)).random_base2(log_count)
    return np.asarray(ndtri(np.clip(even, 1e-12, 1 - 1e-12)))
