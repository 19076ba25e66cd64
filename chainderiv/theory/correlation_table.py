"""Where two inputs settle at very many (σ_w, q*): c* and 1 - χ_c by polynomials in log q and in the inputs' distance s.

s² = q (1 - c). In each panel of log q the logarithms of T/s^p and of (J - T)/T, as parting has them, are tabulated over
s, with p = 1 where φ' jumps and 2 where it does not: below a distance by parting, above by the Hermite series. Panels
and pieces are cut in two until the polynomials are right to ACCURACY. T grows with s: one piece at most holds
T = M₂ - 1/σ_w², and nothing cancels as c* nears 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from scipy.optimize.elementwise import find_root

from chainderiv.kinds import Floats
from chainderiv.theory.moments import M2, Moments
from chainderiv.theory.parting import Parting, parting
from chainderiv.theory.series import EPS, Series, series

PANEL, ORDER = 1.5, 12  # of log q, and the degree there
FAR, NEAR = 14, 20  # degrees in a piece, where the series serves and where it does not
ACCURACY = 1e-9
MOST_CUTS = 5
TERMS = 512
POINTS, FEWER = 12, 10  # of parting in a panel, and those that judge them at every JUDGED-th distance
JUDGED = 5
TRUSTED = 1e-12  # relative error of M up to which the series serves
MOST = 0.9  # of 1 - c, at the least q of a panel, up to which parting serves
NEAREST = 0.02  # of 1 - c, below which the window serves in any case
LEAST = 1e-16  # of a piece, where the search begins


class Correlations(NamedTuple):
    """1 - c*, 1 - χ_c and the error of c*, each (n,)."""

    gap: Floats
    fall: Floats
    error: Floats


class Piece(NamedTuple):
    """Of a share of the way between two s: ln T/s^p and ln (J - T)/T as coefficients (degree + 1, 2, ORDER + 1).

    near : whether the distances are the same for all q, up to the given one; else from there to the s of c = 0.
    error : of both.  tails : the last coefficients' share of it, along s and along log q.
    """

    near: bool
    distance: float
    share: tuple[float, float]
    coefficients: Floats
    error: float
    tails: tuple[float, float]

    def s(self, unit: Floats, q: Floats) -> Floats:
        """The distance at unit of the piece, 0 to 1."""
        return _s(self.near, self.distance, self.share, unit, q)


def _s(near: bool, distance: float, share: tuple[float, float], unit: Floats, q: Floats) -> Floats:
    most = distance if near else np.sqrt(q)
    scale = np.minimum(1.0, most)
    first, last = 0.0 if near else np.arcsinh(distance / scale), np.arcsinh(most / scale)
    return np.asarray(scale * np.sinh(first + (share[0] + (share[1] - share[0]) * unit) * (last - first)))


def correlations(moments: Moments, q: Floats, chi_1: Floats) -> Correlations:
    """Where two inputs settle at n variances, χ₁ there being above 1."""
    found = Correlations(*(np.empty_like(q) for _ in range(3)))
    log_q, power = np.log(q), 1 if moments.activation.kinks else 2
    low, high = float(log_q.min()), float(log_q.max()) + 1e-6
    edges = np.linspace(low, high, 1 + int(np.ceil((high - low) / PANEL)))
    waiting = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    while waiting:
        low, high = waiting.pop()
        at = (log_q >= low) & (log_q < high)
        if not at.any():
            continue
        pieces = _pieces(moments, power, low, high, last=high - low < PANEL / 2**MOST_CUTS)
        if pieces is None:
            waiting += [(low, (low + high) / 2), ((low + high) / 2, high)]
            continue
        x = 2 * (log_q[at] - low) / (high - low) - 1
        wanted = np.log(moments.near(q[at], (M2,))[0]) + np.log1p(-1 / chi_1[at])
        unsure = 8 * EPS / (1 - 1 / chi_1[at])
        settled = _settled(pieces, power, x, q[at], wanted, unsure)
        fall = settled.fall * (chi_1[at] - 1)
        for whole, part in zip(found, settled._replace(fall=fall), strict=True):
            whole[at] = part
    return found


def _settled(pieces: list[Piece], power: int, x: Floats, q: Floats, wanted: Floats, unsure: Floats) -> Correlations:
    """At n points of one panel of log q, x from -1 to 1; fall is (J - T)/T here. c* = 0 where T is nowhere as much."""
    in_q = chebyshev.chebvander(x, ORDER)
    found, left = Correlations(*(np.ones_like(x) for _ in range(3))), np.arange(x.size)
    for piece in pieces:
        values = piece.coefficients @ in_q[left].T
        end = values[:, 0].sum(axis=0) + power * np.log(piece.s(np.ones(left.size), q[left]))
        inside = (end >= wanted[left]) | (piece is pieces[-1])
        at = left[inside]
        if at.size:
            within = _within(
                piece, power, values[:, :, inside], q[at], wanted[at], unsure[at], end[inside] < wanted[at]
            )
            for whole, part in zip(found, within, strict=True):
                whole[at] = part
        left = left[~inside]
    return found


def _within(
    piece: Piece, power: int, values: Floats, q: Floats, wanted: Floats, unsure: Floats, beyond: Floats
) -> tuple[Floats, Floats, Floats]:
    """In one piece, or at its end where T is beyond it."""
    unit, inside = np.ones(wanted.size), np.flatnonzero(np.logical_not(beyond))
    if inside.size:

        def above(unit: Floats, place: Floats) -> Floats:  # the search goes on with those alone that are not found yet
            k = place.astype(int)
            height = chebyshev.chebval(2 * unit - 1, values[:, 0, k], tensor=False)
            return np.asarray(height + power * np.log(piece.s(unit, q[k])) - wanted[k])

        least = np.full(inside.size, LEAST if piece.near and not piece.share[0] else 0.0)
        rising = above(least, inside.astype(float)) < 0  # at the joint of two pieces rounding decides
        unit[inside[~rising]] = 0.0
        some = inside[rising]
        ends = least[rising], np.ones(some.size)
        if some.size:
            root = find_root(above, ends, args=(some.astype(float),))
            unit[some] = np.where(root.success, root.x, 1.0)  # at the end rounding decides
    ratio = np.exp(chebyshev.chebval(2 * unit - 1, values[:, 1], tensor=False))
    gap = np.minimum(piece.s(unit, q) ** 2 / q, 1.0)
    # d ln T/d ln (1 - c) = (J - T)/T
    return gap, np.asarray(ratio), np.minimum(gap, gap * (piece.error + unsure) / ratio + 4 * EPS)


def _pieces(moments: Moments, power: int, low: float, high: float, last: bool) -> list[Piece] | None:
    """Those of one panel of log q, from s = 0 up; None where the panel is to be cut, unless it is the last."""
    q = np.exp(low + (high - low) * (1 + chebyshev.chebpts1(ORDER + 1)) / 2)
    known = series(moments, q, TERMS)
    gap = _limit(known)
    if gap * np.exp(high - low) > MOST and not last:
        return None
    distance = float(np.sqrt(min(gap * np.exp(high), MOST * np.exp(low))))
    near = _halved(moments, power, q, known, True, distance, last) if gap else []
    far = _halved(moments, power, q, known, False, distance if gap else 0.0, last) if near is not None else None
    return None if far is None or near is None else near + far


def _limit(known: Series) -> float:
    """1 - c below which the series is not enough, 0 where it is everywhere."""
    gap = np.concatenate([[1e-12], np.exp(np.linspace(-9, -0.7, 34))])
    values = known.at(np.broadcast_to(gap, (known.slope.size, gap.size)))
    bad = ~(values.mean_error <= TRUSTED * values.mean).all(axis=0)
    # T is what M lacks of M₂, and small where inputs are near: there the window serves in any case
    return max(float(gap[min(np.flatnonzero(bad).max() + 1, gap.size - 1)]) if bad.any() else 0.0, NEAREST)


def _halved(
    moments: Moments, power: int, q: Floats, known: Series, near: bool, distance: float, last: bool
) -> list[Piece] | None:
    """From one s to another, cut until the polynomials in s are right; None where those in log q are not."""
    found: list[Piece] = []
    waiting = [((0.0, 1.0), 0)]
    while waiting:
        share, cuts = waiting.pop()
        piece = _piece(moments, power, q, known, near, distance, share)
        if piece.tails[1] > ACCURACY and not last:
            return None
        if piece.tails[0] <= ACCURACY or cuts == MOST_CUTS:
            found.append(piece)
        else:
            middle = (share[0] + share[1]) / 2
            waiting += [((middle, share[1]), cuts + 1), ((share[0], middle), cuts + 1)]
    return found


def _piece(
    moments: Moments, power: int, q: Floats, known: Series, near: bool, distance: float, share: tuple[float, float]
) -> Piece:
    degree = NEAR if near else FAR
    nodes = chebyshev.chebpts1(degree + 1)
    s = _s(near, distance, share, (1 + nodes) / 2, q[:, None])
    if near:
        found, unsure = _by_window(moments, q, s, known.reach)
    else:
        found, unsure = _by_series(known, s * s / q[:, None])
    with np.errstate(all="ignore"):
        rows = np.stack([np.log(found.lacking) - power * np.log(s), np.log(found.rest / found.lacking)])
    in_q = np.linalg.inv(chebyshev.chebvander(chebyshev.chebpts1(ORDER + 1), ORDER))
    in_s = np.linalg.inv(chebyshev.chebvander(nodes, degree))
    coefficients = np.einsum("tj,rqj,pq->trp", in_s, rows, in_q, optimize=True)
    along_s = np.abs(coefficients[-2:]).max(axis=0).sum(axis=1)
    along_q = np.abs(coefficients[:, :, -2:]).max(axis=2).sum(axis=0)
    error = float(along_s.max() + along_q.max()) + unsure + 8 * EPS
    return Piece(near, distance, share, coefficients, error, (float(along_s.max()), float(along_q.max())))


def _by_window(moments: Moments, q: Floats, s: Floats, reach: float) -> tuple[Parting, float]:
    found = parting(moments, q, s, reach - 5, POINTS)
    judged = parting(moments, q, s[::JUDGED], reach, FEWER)
    return found, max(float(np.abs(a / b[:, ::JUDGED] - 1).max()) for a, b in zip(judged, found, strict=True))


def _by_series(known: Series, gap: Floats) -> tuple[Parting, float]:
    slope, mean, _, off = known.at(gap)
    found = Parting(known.slope[:, None] - mean, mean - slope)
    return found, float(((off + 4 * EPS * known.slope[:, None]) / found.lacking).max())
