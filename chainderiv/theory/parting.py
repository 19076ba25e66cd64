"""How two inputs of a small distance part in one layer, without a difference: for many variances at once.

    J = S(1) - S(c) = E_m Var_x φ'(m + s x),  T = M(1) - M(c) = J - R/s²,  R = E_m Var_x (φ(m + s x) - s φ̄' x)

with m ~ N(0, q c), s² = q (1 - c), x ~ N(0, 1) and φ̄' the mean of φ' over x (Stein: E x φ = s φ̄'). T is what M still
lacks of χ₁/σ_w², and J - T = R/s² what σ_w² S lacks of 1 where σ_w² M is 1. None of them cancels as c nears 1, and what
depends on x depends on m and s alone: it serves all variances.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.theory.gaussian import on_panels
from chainderiv.theory.moments import Moments
from chainderiv.theory.near_one import inner_edges, outer_edges

EVEN = 41  # edges over the widest of the laws of m, so that the narrowest is followed


SMALL, ORDERS = 0.1, 12  # s up to which few orders of φ' over x may do, and how many
LEFT = 1e-13  # share of Var φ' that they may lack


class Parting(NamedTuple):
    """T and J - T, each of one shape."""

    lacking: Floats
    rest: Floats


def parting(moments: Moments, q: Floats, s: Floats, reach: float, points: int) -> Parting:
    """At variances q (n,) and distances s (k,), s² below the least q: each (n, k)."""
    found = [_at(moments, q, one, reach, points) for one in s.tolist()]
    return Parting(*(np.stack(column, axis=1) for column in zip(*found, strict=True)))


def _at(moments: Moments, q: Floats, s: float, reach: float, points: int) -> tuple[Floats, Floats]:
    width = np.sqrt(q - s * s)
    m, outer = on_panels(outer_edges(moments, s, reach * float(width.max()), EVEN), points)
    x, inner = on_panels(inner_edges(moments, m[0], s), points)
    inner = inner * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    z = m.T + s * x
    with np.errstate(all="ignore"):
        phi, slope = moments.functions.value(z), moments.functions.derivative(z)
        mean = (slope * inner).sum(axis=1, keepdims=True)
        slope = slope - mean
        parts = (slope**2 * inner).sum(axis=1)
        rest = _by_hermite(slope * inner, x, parts) if s < SMALL else None
        if rest is None:
            bent = phi - moments.functions.value(m.T) - s * mean * x
            bent -= (bent * inner).sum(axis=1, keepdims=True)
            rest = (bent * bent * inner).sum(axis=1) / (s * s)
        law = np.exp(-((m / width[:, None]) ** 2) / 2) / (np.sqrt(2 * np.pi) * width[:, None]) * outer
    return law @ (parts - rest), law @ rest


def _by_hermite(weighted: Floats, x: Floats, parts: Floats) -> Floats | None:
    """R/s² = Σ e_j²/(j + 1) with e_j = E φ' He_j/√j!, where Σ e_j² is all of Var φ'; None where it is not.

    φ itself, whose bend is of the order of s² only, would lose digits.
    """
    before, now, found, rest = np.zeros_like(x), np.ones_like(x), np.zeros_like(parts), np.zeros_like(parts)
    for j in range(1, ORDERS):
        before, now = now, (x * now - np.sqrt(j - 1) * before) / np.sqrt(j)
        squared = (weighted * now).sum(axis=1) ** 2
        found, rest = found + squared, rest + squared / (j + 1)
    return rest if (parts - found).sum() <= LEFT * parts.sum() else None
