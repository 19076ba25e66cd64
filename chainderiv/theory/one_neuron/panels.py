"""Panels halved where a function is not yet resolved on them: towards kinks, zeros of a logarithm's argument, steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainderiv.kinds import Floats, Mask, Places
from chainderiv.theory.gaussian import POINTS

MOST_HALVINGS = 44  # a panel of width 1 is then as narrow as float64 can tell at 40
CLOSE = 3e-14  # of what a panel holds
NEGLIGIBLE = 2e-14  # of an integral
MOST = 4000  # panels that may be open at once
_UNIT, _WEIGHT = np.polynomial.legendre.leggauss(POINTS)

# nodes (k, POINTS) and whose each panel is (k,) -> functions (m, k, POINTS), by what its integral is multiplied at most
# (k,), and whether it is to be halved in any case (k,)
Integrands = Callable[[Floats, Places], tuple[Floats, Floats, Mask]]


def halved(
    low: Floats, high: Floats, owner: Places, integrands: Integrands, most: int = MOST, negligible: float = NEGLIGIBLE
) -> tuple[Floats, Floats, Places]:
    """The panels [low, high], each somebody's, halved until that changes no integral of a function or of it times u.

    Raises OverflowError where more than most of them are open at once.
    """
    kept = []
    for _ in range(MOST_HALVINGS):
        middle = (low + high) / 2
        whole, size, weight, coarse = _moments(low, high, _UNIT, owner, integrands)
        left, *_ = _moments(low, middle, (_UNIT - 1) / 2, owner, integrands)
        right, *_ = _moments(middle, high, (_UNIT + 1) / 2, owner, integrands)
        with np.errstate(invalid="ignore"):
            close = np.abs(left + right - whole) * weight <= negligible + CLOSE * size * weight
        open_ = coarse | ~close.all(axis=(0, 1))
        kept.append((low[~open_], high[~open_], owner[~open_]))
        low, high = np.concatenate([low[open_], middle[open_]]), np.concatenate([middle[open_], high[open_]])
        owner = np.tile(owner[open_], 2)
        if low.size > most:
            raise OverflowError
        if not low.size:
            break
    kept.append((low, high, owner))
    every = [np.concatenate(parts) for parts in zip(*kept, strict=True)]
    order = np.argsort(every[0], kind="stable")
    return every[0][order], every[1][order], every[2][order]


def nodes_on(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights of each panel, (k, POINTS)."""
    half = (high - low)[:, None] / 2
    return (low + high)[:, None] / 2 + half * _UNIT, half * _WEIGHT


def _moments(
    low: Floats, high: Floats, place: Floats, owner: Places, integrands: Integrands
) -> tuple[Floats, Floats, Floats, Mask]:
    """The integrals of each function and of it times a place, (m, 2, k), and of its size; the other two as given."""
    u, weights = nodes_on(low, high)
    values, weight, coarse = integrands(u, owner)
    terms = values * weights
    sums = np.stack([terms.sum(axis=-1), terms @ place], axis=1)
    return sums, np.abs(terms).sum(axis=-1)[:, None], weight, coarse
