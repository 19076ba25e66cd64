"""Two inputs whose correlation is near 1, through one layer that may bend sharply, by quadrature.

    u = m + s x, v = m + s y, with m ~ N(0, q c), s² = q (1 - c) and x, y ~ N(0, 1), all three independent, so that
    S = E φ'(u) φ'(v) = E_m (E_x φ'(m + s x))²,  (1 - c) q M = ½ E (φ(u) - φ(v))² = E_m Var_x φ(m + s x)

The inner means see φ through a window of the width s, and are as smooth as that over m. Panels of both end at breaks.
"""

from __future__ import annotations

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.theory.gaussian import POINTS, on_panels
from chainderiv.theory.moments import Moments
from chainderiv.theory.series import EPS, Values

WINDOW = np.array([-8.5, -4.5, -1.5, 1.5, 4.5, 8.5])  # panels of x; 8.5 deviations out is 1e-17


def near_one(moments: Moments, q: Floats, gap: Floats, reach: float, points: int = POINTS) -> Values:
    """S and M at n pairs of a variance and a gap 1 - c, and by how much three quarters of the nodes miss them."""
    pairs = list(zip(q.tolist(), gap.tolist(), strict=True))
    rough, finer = (
        np.array([_summed(moments, *pair, reach, n) for pair in pairs]).T for n in (3 * points // 4, points)
    )
    # what oscillates faster than the nodes may miss one of the two by chance
    missed = 4 * np.abs(finer - rough)[:2].max(axis=0)
    slope, mean, slope_rest, mean_rest = finer
    return Values(slope, mean, missed + slope_rest + 8 * EPS * slope, missed + mean_rest + 8 * EPS * mean)


def once(moments: Moments, q: Floats, gap: Floats, reach: float, points: int = POINTS) -> Values:
    """The same at half the price, but for what the nodes miss."""
    return Values(
        *np.array([_summed(moments, *p, reach, points) for p in zip(q.tolist(), gap.tolist(), strict=True)]).T
    )


def cost(moments: Moments, q: float, gap: float) -> float:
    """About how many nodes one pair takes."""
    reach, own = 2 * np.sqrt(q), np.abs(moments.edges)
    outer = (own < 5 * reach).sum() + WINDOW.size * len(moments.breaks) + 12
    return float(outer * ((own < 4 * reach * np.sqrt(gap)).sum() + WINDOW.size) * POINTS**2)


def _summed(moments: Moments, q: float, gap: float, reach: float, points: int) -> tuple[float, float, float, float]:
    """S and M, and of both what lies at the outermost nodes and what is rounded."""
    s, width = np.sqrt(q * gap), np.sqrt(q * (1 - gap))
    m, outer = on_panels(outer_edges(moments, s, reach * width), points)
    x, inner = on_panels(inner_edges(moments, m[0], s), points)
    outer = outer[0] * np.exp(-((m[0] / width) ** 2) / 2) / (np.sqrt(2 * np.pi) * width)
    inner = inner * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    z = m.T + s * x
    with np.errstate(all="ignore"):
        phi, slope = moments.functions.value(z), moments.functions.derivative(z)
        off = phi - (phi * inner).sum(axis=1, keepdims=True)
        mean, spread = slope * inner, off * off * inner
        # of φ, of its argument, and of their difference
        rounding = (np.abs(off) * (np.abs(phi) + np.abs(z * slope)) * inner).sum(axis=1)
        ends = np.abs(mean[:, [0, -1]]).sum(axis=1), spread[:, [0, -1]].sum(axis=1)
        mean, spread = mean.sum(axis=1), spread.sum(axis=1)
        whole = float(outer @ mean**2), float(outer @ spread)
        lost = [float(outer @ (ends[0] * np.abs(mean))), float(outer @ ends[1])]
        lost = [x + float((outer * y)[[0, -1]].sum()) for x, y in zip(lost, (mean**2, spread), strict=True)]
    return whole[0], whole[1] / (q * gap), lost[0], (lost[1] + 4 * EPS * float(outer @ rounding)) / (q * gap)


def outer_edges(moments: Moments, s: float, reach: float, count: int = 13) -> Floats:
    """Edges over m, (1, n): the neuron's own, about each break those of the window, and so many even ones."""
    own = moments.edges[np.abs(moments.edges) < reach]
    beside = [b + s * WINDOW for b in moments.breaks]
    even = reach * np.linspace(-1, 1, count)
    edges = np.concatenate([own, *beside, even])
    return np.sort(np.clip(edges, -reach, reach))[None, :]


def inner_edges(moments: Moments, m: Floats, s: float) -> Floats:
    """Edges over x at each m, (n, edges): the window's, and the neuron's own within it."""
    low, high = m + s * WINDOW[0], m + s * WINDOW[-1]
    first, last = np.searchsorted(moments.edges, low), np.searchsorted(moments.edges, high)
    within = first[:, None] + np.arange(int((last - first).max(initial=0)))
    own = np.append(moments.edges, np.inf)[np.minimum(within, moments.edges.size)]
    edges = np.concatenate([np.broadcast_to(WINDOW, (m.size, WINDOW.size)), (own - m[:, None]) / s], axis=1)
    return np.asarray(np.sort(np.clip(edges, WINDOW[0], WINDOW[-1]), axis=1))
