"""The chance that a link is smaller than a bound, in the long run."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import legendre
from scipy.special import ndtr

from chainderiv.kinds import Floats, Mask, Places
from chainderiv.theory.gaussian import POINTS
from chainderiv.theory.one_neuron.panels import MOST, halved, nodes_on
from chainderiv.theory.one_neuron.walk import Walk, both, density

CLOSE = 1e-8  # of a chance, where small biases make steps of it
STEP = 0.05  # of a chance between two neighbours there; what is smooth changes by a tenth of that
OUTMOST = float(np.polynomial.legendre.leggauss(POINTS)[0][-1])  # node of a panel from -1 to 1
MOST_STEPS = 60  # panels of t that may be open at once
AT_ONCE = 400  # states whose panels fit into memory


def smaller(walk: Walk, log_bound: float) -> float:
    """P(log|w φ'(z)| < log_bound), as the mean over states: right where that chance is smooth in t."""
    return float(walk.settled @ _from_each(walk, log_bound, walk.t))


def smaller_over_steps(walk: Walk, log_bound: float) -> float:
    """The same where it is not: without biases, or with small ones, it has the roots of |z φ'(z)| as edges.

    The chance is resolved over t first, and then over z by the law of z: as what it exceeds that of the least t by,
    which is 0 far down, where panels of t are too wide for a density of z. Raises OverflowError for too many edges.
    """
    even = np.zeros(walk.edges.size - 1, int)

    def chance(t: Floats, _: Places) -> tuple[Floats, Floats, Mask]:
        found = _from_each(walk, log_bound, t.ravel()).reshape(1, *t.shape)
        return found, np.ones(len(t)), np.zeros(len(t), bool)

    low, high, _ = halved(walk.edges[:-1], walk.edges[1:], even, chance, MOST_STEPS, CLOSE)
    values = chance(nodes_on(low, high)[0], even)[0][0]
    unit = np.polynomial.legendre.leggauss(POINTS)[0]
    least = values[0, 0]
    coefficients = np.linalg.solve(legendre.legvander(unit, POINTS - 1), (values - least).T)

    def terms(u: Floats, _: Places) -> tuple[Floats, Floats, Mask]:
        t = np.clip(walk.next_t(both(u)), walk.low, walk.high)
        panel = np.clip(np.searchsorted(low, t, side="right") - 1, 0, low.size - 1)
        place = (2 * t - low[panel] - high[panel]) / (high[panel] - low[panel])
        found = legendre.legval(place, coefficients[:, panel], tensor=False)
        law = (density(u.ravel()[:, None] - walk.t) @ walk.settled).reshape(u.shape)
        return found * law, np.ones(len(u)), np.zeros(len(u), bool)

    edges = walk.first_edges(walk.low, walk.high)
    lower, upper, owner = halved(edges[:-1], edges[1:], np.zeros(edges.size - 1, int), terms, negligible=CLOSE)
    u, weights = nodes_on(lower, upper)
    return float(least + (terms(u, owner)[0].mean(axis=0) * weights).sum())


def _with_edges(u: Floats) -> Floats:
    """Nodes (k, POINTS) between the edges of their panels."""
    beyond = (u[:, -1:] - u[:, :1]) * (1 / OUTMOST - 1) / 2
    return np.concatenate([u[:, :1] - beyond, u, u[:, -1:] + beyond], axis=1)


def _from_each(walk: Walk, log_bound: float, t: Floats) -> Floats:
    """The chance from states t, (k,)."""
    parts = np.split(t, range(AT_ONCE, t.size, AT_ONCE))
    return np.concatenate([_from_some(walk, log_bound, part) for part in parts])


def _from_some(walk: Walk, log_bound: float, t: Floats) -> Floats:
    ratios, scales = walk.weight(t)

    def integrands(inside: Floats, owner: Places) -> tuple[Floats, Floats, Mask]:
        u = _with_edges(inside)
        xi = u - t[owner, None]
        f, alive = walk.slope(both(u))
        limit = np.where(alive, log_bound - f, np.inf) - scales[owner, None]
        with np.errstate(over="ignore"):
            if walk.sigma_b == 0:
                below = (xi < limit).astype(float)
            else:
                most, middle = np.exp(limit), np.exp(ratios[owner, None] + xi)
                below = ndtr(most - middle) - ndtr(-most - middle)
        # a step between an edge and its next node shows in no sum
        stepped = np.maximum(np.abs(below[..., 0] - below[..., 1]), np.abs(below[..., -1] - below[..., -2])).max(axis=0)
        unseen = (stepped > STEP) & (density(xi).max(axis=-1) * (u[:, -1] - u[:, 0]) > CLOSE)
        return (below * density(xi))[..., 1:-1], np.ones(owner.size), unseen

    first = walk.first_edges(0.0, 0.0)
    low, high = (t[:, None] + ends for ends in (first[:-1], first[1:]))
    owners = np.repeat(np.arange(t.size), len(first) - 1)
    low, high, owners = halved(low.ravel(), high.ravel(), owners, integrands, MOST + 10 * t.size, CLOSE / 10)
    u, weights = nodes_on(low, high)
    sums = (integrands(u, owners)[0].mean(axis=0) * weights).sum(axis=-1)
    return np.asarray(np.bincount(owners, sums, t.size), float)
