"""Two inputs through one random layer, by the Hermite series of φ': for all their correlations at once.

    b_k = E φ'(√q x) He_k(x)/√k!,  S(c) = E φ'(u) φ'(v) = Σ b_k² c^k  (Mehler's formula)
    M(c) = (1/(1-c)) ∫_c^1 S = Σ b_k² (1 - c^(k+1))/((k + 1)(1 - c)),  (1 - c) q M = Var φ - Cov(φ(u), φ(v))

No term is negative: nothing cancels as c nears 1, and what lies beyond the last term is bounded by what the squares
still lack of E φ'² and of Var φ. Smooth neurons need some hundred terms; of a kink c^k must vanish instead.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.theory.gaussian import on_panels
from chainderiv.theory.moments import Moments

TERMS = 1024  # that panels of the width STEP follow, x being z/√q
REACHES = (15.0, 22.0, 30.0, 37.0)  # in √q: e^(-x²/4) is 4e-25 at the first
NO_TAIL = 1e-17
STEP = 0.5
HALVINGS = 4
EPS = float(np.finfo(float).eps)


class Values(NamedTuple):
    """S and M at pairs of a variance and a correlation, and the errors of both: all of one shape."""

    slope: Floats
    mean: Floats
    slope_error: Floats
    mean_error: Floats


class Series(NamedTuple):
    """b_k² (n, terms) at n variances, what halving the panels changed of each, E φ'² and Var φ/q (n,).

    reach : in √q, where the tails are cut.
    """

    squares: Floats
    change: Floats
    slope: Floats
    variance: Floats
    reach: float

    def at(self, gap: Floats) -> Values:
        """S and M at gaps 1 - c in (0, 1], (n, m)."""
        k = np.arange(self.squares.shape[1])
        log_c = np.log1p(-np.minimum(gap, 1 - 1e-16))[:, :, None]
        power = np.exp(k * log_c)
        share = -np.expm1((k + 1) * log_c) / ((k + 1) * gap[:, :, None])
        slope, slope_off = ((x[:, None, :] * power).sum(axis=2) for x in (self.squares, self.change))
        mean, mean_off = ((x[:, None, :] * share).sum(axis=2) for x in (self.squares, self.change))
        # what the squares lack
        lacking = np.maximum(self.slope - self.squares.sum(axis=1), 0) + 4 * EPS * self.slope
        spread = np.maximum(self.variance - (self.squares / (k + 1)).sum(axis=1), 0)
        unsure = 4 * EPS * self.variance + (self.change / (k + 1)).sum(axis=1)
        least = power[:, :, -1] * np.exp(log_c[:, :, 0])
        most = lacking[:, None] * np.minimum(1.0, share[:, :, -1])
        tail = np.minimum(spread[:, None] / gap, most)
        tail_off = np.minimum((unsure[:, None] + spread[:, None] * least) / gap, most)
        return Values(
            slope + lacking[:, None] * least / 2,
            mean + tail,
            2 * slope_off + 4 * EPS * (slope + mean) + lacking[:, None] * least,
            2 * mean_off + 4 * EPS * mean + tail_off,
        )


def series(moments: Moments, q: Floats, terms: int = TERMS) -> Series:
    """The series at variances q (n,), its panels halved until that changes nothing."""
    reach = 0
    found, tail = _terms(moments, q, REACHES[0], 1, terms)
    while not tail <= NO_TAIL and reach + 1 < len(REACHES):
        reach += 1
        found, tail = _terms(moments, q, REACHES[reach], 1, terms)
    for halvings in range(1, HALVINGS + 1):
        finer, _ = _terms(moments, q, REACHES[reach], 2**halvings, terms)
        change = np.abs(finer.squares - found.squares)
        found = finer._replace(change=change)
        if (change.sum(axis=1) <= 1e-13 * finer.slope).all():
            break
    used = 1 + int(np.flatnonzero(found.squares.any(axis=0) | found.change.any(axis=0)).max(initial=0))
    found = found._replace(squares=found.squares[:, :used], change=found.change[:, :used])
    return found if tail <= NO_TAIL else found._replace(change=np.full_like(found.change, np.inf))


def _terms(moments: Moments, q: Floats, reach: float, parts: int, count: int) -> tuple[Series, float]:
    root = np.sqrt(q)[:, None]
    even = np.linspace(-reach, reach, 1 + parts * int(np.ceil(2 * reach / STEP * (count / TERMS) ** 0.5)))
    own = moments.edges[np.abs(moments.edges) < reach * root.max()] / root
    edges = np.concatenate([np.clip(own, -reach, reach), np.broadcast_to(even, (q.size, even.size))], axis=1)
    x, widths = on_panels(np.sort(edges, axis=1))
    z, weights = root * x, widths * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    with np.errstate(all="ignore"):
        phi, slope = moments.functions.value(z), moments.functions.derivative(z)
    terms = weights * slope
    sizes = np.abs(terms) * np.exp(x * x / 4)
    tail = float(((sizes[:, 0] + sizes[:, -1]) / sizes.sum(axis=1)).max())
    least = (terms * slope).sum(axis=1)
    mean = (weights * phi).sum(axis=1, keepdims=True)
    variance = (weights * (phi - mean) ** 2).sum(axis=1) / q
    squares = np.zeros((q.size, count))
    before, now, other = np.zeros_like(x), np.ones_like(x), np.empty_like(x)
    for k in range(count):
        squares[:, k] = np.einsum("ij,ij->i", terms, now) ** 2
        if k % 32 == 31 and (least - squares.sum(axis=1) <= 8 * EPS * least).all():
            break
        np.multiply(x, now, out=other)
        before *= np.sqrt(k)
        other -= before
        other /= np.sqrt(k + 1)
        before, now, other = now, other, before
    return Series(squares, np.zeros_like(squares), least, variance, reach), tail
