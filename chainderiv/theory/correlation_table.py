"""Where two inputs settle at very many (σ_w, q*): c* and χ_c by polynomials in log q and in how far c is from 1.

In each panel of log q, ln M and S/M are tabulated over c = cos 2β, in pieces of asinh(β √(1 + q)). Panels and pieces
are cut in two until the polynomials are right to ACCURACY. M falls as β grows: one piece at most holds M = 1/σ_w².
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from scipy.optimize.elementwise import find_root

from chainderiv.kinds import Floats
from chainderiv.theory.moments import Moments
from chainderiv.theory.near_one import near_one, once
from chainderiv.theory.series import EPS, Series, series

PANEL, ORDER = 3.0, 12  # of log q, and the degree there
FAR, NEAR = 14, 20  # degrees in a piece, where the series serves and where it does not
ACCURACY = 1e-9
MOST_CUTS = 5
TERMS = 512
POINTS = 10  # of near_one in a panel
TRUSTED = 1e-12  # relative error of M up to which the series serves


class Correlations(NamedTuple):
    """1 - c*, χ_c and the error of c*, each (n,)."""

    gap: Floats
    chi: Floats
    error: Floats


class Piece(NamedTuple):
    """From one share to another of the β between two ends: ln M and S/M as coefficients (degree + 1, 2, ORDER + 1).

    error : of both.  tails : the last coefficients' share of it, along β and along log q.
    """

    ends: tuple[float, float]
    share: tuple[float, float]
    coefficients: Floats
    error: Floats
    tails: tuple[float, float]

    def beta(self, unit: Floats, sharp: Floats) -> Floats:
        """β at unit of the piece, 0 to 1."""
        return _beta(self.ends, self.share, unit, sharp)


def correlations(moments: Moments, q: Floats, sigma_w: Floats) -> Correlations:
    """Where two inputs settle at n variances and weights, χ₁ being above 1."""
    found = Correlations(*(np.empty_like(q) for _ in range(3)))
    log_q = np.log(q)
    low, high = float(log_q.min()), float(log_q.max()) + 1e-6
    edges = np.linspace(low, high, 1 + int(np.ceil((high - low) / PANEL)))
    waiting = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    while waiting:
        low, high = waiting.pop()
        at = (log_q >= low) & (log_q < high)
        if not at.any():
            continue
        pieces = _pieces(moments, low, high, last=high - low < PANEL / 2**MOST_CUTS)
        if pieces is None:
            waiting += [(low, (low + high) / 2), ((low + high) / 2, high)]
            continue
        x = 2 * (log_q[at] - low) / (high - low) - 1
        for whole, part in zip(found, _settled(pieces, x, np.sqrt(1 + q[at]), sigma_w[at]), strict=True):
            whole[at] = part
    return found


def _settled(pieces: list[Piece], x: Floats, sharp: Floats, sigma_w: Floats) -> Correlations:
    """At n points of one panel of log q, x from -1 to 1."""
    in_q, level = chebyshev.chebvander(x, ORDER), -2 * np.log(sigma_w)
    found = Correlations(np.zeros_like(x), np.ones_like(x), np.zeros_like(x))
    left = np.arange(x.size)
    for piece in pieces:
        values = piece.coefficients @ in_q[left].T
        inside = (values[:, 0].sum(axis=0) <= level[left]) | (piece is pieces[-1])
        at = left[inside]
        if at.size:
            for whole, part in zip(found, _within(piece, values[:, :, inside], level[at], sharp[at]), strict=True):
                whole[at] = part
        left = left[~inside]
    return found


def _within(piece: Piece, values: Floats, level: Floats, sharp: Floats) -> tuple[Floats, Floats, Floats]:
    """In one piece, or at that end of it which is nearest."""
    start, end = (chebyshev.chebval(np.full(level.size, side), values[:, 0], tensor=False) for side in (-1.0, 1.0))
    t = np.where(start <= level, -1.0, 1.0)
    within = np.flatnonzero((start > level) & (end < level))
    if within.size:

        def above(t: Floats, place: Floats) -> Floats:  # the search goes on with those alone that are not found yet
            k = place.astype(int)
            return np.asarray(chebyshev.chebval(t, values[:, 0, k], tensor=False) - level[k])

        ends = (np.full(within.size, -1.0), np.ones(within.size))
        t[within] = find_root(above, ends, args=(within.astype(float),)).x
    ratio = np.clip(chebyshev.chebval(t, values[:, 1], tensor=False), 0.0, 1.0)
    gap = 2 * np.sin(piece.beta((1 + t) / 2, sharp)) ** 2
    # d ln M/d(1 - c) = -(1 - S/M)/(1 - c)
    error = gap * np.minimum(1.0, piece.error[0] / np.maximum(1 - ratio, piece.error[1])) + 4 * EPS
    return gap, np.asarray(ratio), error


def _beta(ends: tuple[float, float], share: tuple[float, float], unit: Floats, sharp: Floats) -> Floats:
    first, last = (np.arcsinh(end * sharp) for end in ends)
    return np.asarray(np.sinh(first + (share[0] + (share[1] - share[0]) * unit) * (last - first)) / sharp)


def _pieces(moments: Moments, low: float, high: float, last: bool) -> list[Piece] | None:
    """Those of one panel of log q, from β = 0 up; None where the panel is to be cut, unless it is the last."""
    q = np.exp(low + (high - low) * (1 + chebyshev.chebpts1(ORDER + 1)) / 2)
    known = series(moments, q, TERMS)
    limit = _limit(known)
    far = _halved(moments, q, known, (limit, np.pi / 4), last)
    near = _halved(moments, q, known, (0.0, limit), last) if limit and far is not None else []
    return None if far is None or near is None else near + far


def _limit(known: Series) -> float:
    """β below which the series is not enough, 0 where it is everywhere."""
    gap = np.concatenate([[1e-12], np.exp(np.linspace(-9, -0.7, 34))])
    values = known.at(np.broadcast_to(gap, (known.slope.size, gap.size)))
    bad = ~(values.mean_error <= TRUSTED * values.mean).all(axis=0)
    return float(np.arcsin(np.sqrt(gap[min(np.flatnonzero(bad).max() + 1, gap.size - 1)] / 2))) if bad.any() else 0.0


def _halved(moments: Moments, q: Floats, known: Series, ends: tuple[float, float], last: bool) -> list[Piece] | None:
    """From one β to another, cut until the polynomials in β are right; None where those in log q are not."""
    found: list[Piece] = []
    waiting = [((0.0, 1.0), 0)]
    while waiting:
        share, cuts = waiting.pop()
        piece = _piece(moments, q, known, ends, share)
        if piece.tails[1] > ACCURACY and not last:
            return None
        if piece.tails[0] <= ACCURACY or cuts == MOST_CUTS:
            found.append(piece)
        else:
            middle = (share[0] + share[1]) / 2
            waiting += [((middle, share[1]), cuts + 1), ((share[0], middle), cuts + 1)]
    return found


def _piece(moments: Moments, q: Floats, known: Series, ends: tuple[float, float], share: tuple[float, float]) -> Piece:
    degree = FAR if ends[1] == np.pi / 4 else NEAR
    nodes = chebyshev.chebpts1(degree + 1)
    gap = 2 * np.sin(_beta(ends, share, (1 + nodes) / 2, np.sqrt(1 + q)[:, None])) ** 2
    if degree == FAR:
        slope, mean, _, off = known.at(gap)
        unsure = float((off / mean).max())
    else:
        pairs = np.repeat(q, nodes.size), gap.ravel()
        slope, mean = (x.reshape(gap.shape) for x in once(moments, *pairs, known.reach - 5, POINTS)[:2])
        corners = np.ix_([0, -1], [0, -1])
        judged = near_one(moments, np.repeat(q[[0, -1]], 2), gap[corners].ravel(), known.reach)
        unsure = float(((4 * np.abs(mean[corners].ravel() - judged.mean) + judged.mean_error) / judged.mean).max())
    rows = np.stack([np.log(mean), slope / mean])
    in_q = np.linalg.inv(chebyshev.chebvander(chebyshev.chebpts1(ORDER + 1), ORDER))
    in_t = np.linalg.inv(chebyshev.chebvander(nodes, degree))
    coefficients = np.einsum("tj,rqj,pq->trp", in_t, rows, in_q, optimize=True)
    along_t = np.abs(coefficients[-2:]).max(axis=0).sum(axis=1)
    along_q = np.abs(coefficients[:, :, -2:]).max(axis=2).sum(axis=0)
    return Piece(
        ends, share, coefficients, along_t + along_q + unsure + 8 * EPS, (float(along_t.max()), float(along_q.max()))
    )
