"""Expectations over a Gaussian: E[g(z)] for z ~ N(0, q), by Gauss-Legendre panels cut where a formula turns.

Panels lie evenly in s = asinh(z/m) with m = min(1, √q): near 0 they are as fine as a neuron bends, and far out as
coarse as the Gaussian allows, so that as many of them serve q = 1e-20 and q = 1e6. All q of an array go together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.kinds import Floats, Mask

POINTS = 16  # in a panel: exact for polynomials of degree 31
WIDTH = 0.5  # of a panel in s, before any is halved
MOST_HALVINGS = 6
CLOSE = 4e-15  # relative change at which halving the panels stops
REACHES = (10.0, 15.0, 22.0, 30.0, 37.0)  # in √q: where the tails are cut; at 37 the density is 1e-298
BEYOND = 1e-297  # the probability of what lies there
LEAST = 1e-270  # what such tails make is no more than that
NO_TAIL = 1e-17  # the share that may lie at the outermost nodes

Integrand = Callable[[Floats, Floats], Floats]
Places = tuple[Sequence[float], Sequence[float]]  # breaks and edges


class Divergent(BadValue):
    """An expectation that is infinite, or so far out that float64 does not reach it."""


class Expected(NamedTuple):
    """Expectations, shape (k, n) for k functions and n variances, and what halving the panels changed at most.

    NaN, with an error of inf, where the outermost nodes hold a share of the whole: exp(z²/4)² at q = 1 has no
    expectation, though halving its panels changes the sum by 1e-15 only.
    """

    value: Floats
    error: Floats


def gaussian(
    integrand: Integrand,
    q: Floats,
    breaks: Sequence[float] = (),
    halvings: int = MOST_HALVINGS,
    edges: Sequence[float] = (),
) -> Expected:
    """E[g(z)] for z ~ N(0, q): k functions at once, for each of n variances.

    Parameters
    ----------
    integrand : function of z (n, points) and q (n, 1) to an array (k, n, points).
    q : ndarray, shape (n,). Variances, > 0.
    breaks : places where a function or its derivative jumps; panels end there.
    halvings : how often panels may be halved.
    edges : further places where panels end, between which the functions are polynomials but for rounding.

    Examples
    --------
    >>> gaussian(lambda z, q: np.array([z**2, z**4]), np.array([1.0, 3.0])).value.round(12).tolist()
    [[1.0, 3.0], [3.0, 27.0]]
    >>> gaussian(lambda z, q: np.array([np.exp(z * z / 2)]), np.array([1.0])).value
    array([[nan]])
    """
    places = breaks, edges
    found, tail = _refined(integrand, q, places, REACHES[0], halvings)
    for reach in REACHES[1:]:
        # what grows fast has its mass further out: exp(z)² at q = 100 has it at 20 standard deviations
        cut = ~(tail <= NO_TAIL).all(axis=0)
        if not cut.any():
            return found
        further, tail[:, cut] = _refined(integrand, q[cut], places, reach, halvings)
        found.value[:, cut], found.error[:, cut] = further
    lost = ~(tail <= NO_TAIL)
    # what begins only where the density ends, as softshrink at small q, is as good as 0
    least = lost & (np.abs(found.value) <= LEAST)
    found.error[least] += np.abs(found.value[least]) + BEYOND
    found.value[least] = 0.0
    found.value[lost & ~least], found.error[lost & ~least] = np.nan, np.inf
    return found


def reached(expected: Expected, q: Floats) -> Expected:
    """The expectations, all of which must be numbers; raises Divergent."""
    lost: Mask = np.asarray(np.isnan(expected.value).any(axis=0))
    if lost.any():
        raise Divergent(
            f"an expectation at the variance q = {q[lost][0]:.6g} is infinite, or out of float64's reach; "
            "give a smaller sigma_w, or an activation that grows more slowly"
        )
    return expected


def _refined(integrand: Integrand, q: Floats, places: Places, reach: float, most: int) -> tuple[Expected, Floats]:
    """Panels halved until that changes nothing, for those q alone at which it does; and the share of the tails."""
    value, size, tail = _summed(integrand, q, places, reach, 1)
    error = np.full_like(value, np.inf)
    still = np.arange(q.size)
    for halvings in range(1, most + 1):
        finer, sizes, tails = _summed(integrand, q[still], places, reach, 2**halvings)
        with np.errstate(invalid="ignore"):
            change = np.abs(finer - value[:, still])
        value[:, still], size[:, still], tail[:, still], error[:, still] = finer, sizes, tails, change
        # a sum that cancels is right to its parts' size; what overflows stays so
        still = still[~((change <= CLOSE * sizes) | np.isinf(sizes)).all(axis=0)]
        if not still.size:
            break
    return Expected(value, error + np.finfo(float).eps * size), tail


def _summed(integrand: Integrand, q: Floats, places: Places, reach: float, parts: int) -> tuple[Floats, Floats, Floats]:
    """The sum over all panels, what its rounding is ε of, and the outermost nodes' share of its size."""
    z, weights = nodes(q, places[0], reach, parts, places[1])
    with np.errstate(all="ignore"):
        terms = integrand(z, q[:, None]) * weights
        sizes = np.abs(terms)
        whole = sizes.sum(axis=-1)
        share = np.where(whole > 0, (sizes[..., 0] + sizes[..., -1]) / whole, 1.0)
        # the density's exponent is rounded, and z as often as sinh magnifies that of s: far out that is many ε
        exponent, magnified = z * z / (2 * q[:, None]), np.log1p(z * z / np.minimum(1, q[:, None]))
        rounding = (sizes * (1 + exponent * (1 + magnified))).sum(axis=-1)
    return terms.sum(axis=-1), rounding, np.where(np.isfinite(whole), share, np.inf)


def nodes(
    q: Floats, breaks: Sequence[float], reach: float, parts: int = 1, edges: Sequence[float] = ()
) -> tuple[Floats, Floats]:
    """Nodes z and their weights, each (n, points), the density of N(0, q) among the weights.

    Panels between even edges, breaks and what is next to these are cut into parts: one beside a break that stayed
    whole, where all of the mass may lie, would look as if it had settled.
    """
    scale = np.minimum(1.0, np.sqrt(q))[:, None]
    outmost = np.arcsinh(reach * np.sqrt(q)[:, None] / scale)
    even = outmost * np.linspace(-1, 1, 2 * int(np.ceil(outmost.max() / WIDTH)) + 1)
    # one beyond the tails is moved to the middle, where an edge is, so that no outermost panel is empty
    cuts, further = (np.arcsinh(np.asarray(places, float)[None, :] / scale) for places in (breaks, edges))
    cuts, further = (np.where(np.abs(places) < outmost, places, 0.0) for places in (cuts, further))
    whole = np.sort(np.concatenate([even, cuts, *_beside(further, cuts)], axis=1), axis=1)
    within = whole[:, :-1, None] + np.diff(whole, axis=1)[:, :, None] * (np.arange(parts) / parts)
    ends = np.concatenate([within.reshape(q.size, -1), whole[:, -1:], further], axis=1)
    s, widths = on_panels(np.sort(ends, axis=1))
    z = scale * np.sinh(s)
    density = np.exp(-z * z / (2 * q[:, None])) / np.sqrt(2 * np.pi * q[:, None])
    return z, widths * density * scale * np.cosh(s)


def _beside(edges: Floats, cuts: Floats) -> list[Floats]:
    """The edges next to each cut on its left and right, 0 where there is none."""
    found = []
    for cut in cuts.T[:, :, None] if edges.size else ():
        left = np.where(edges < cut, edges, -np.inf).max(axis=1, keepdims=True)
        right = np.where(edges > cut, edges, np.inf).min(axis=1, keepdims=True)
        found += [np.where(np.isfinite(side), side, 0.0) for side in (left, right)]
    return found


def on_panels(edges: Floats, points: int = POINTS) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on the panels between edges (n, panels + 1): each (n, panels · points)."""
    unit, weight = _rule(points)
    half = np.diff(edges, axis=1)[:, :, None] / 2
    middle = (edges[:, 1:] + edges[:, :-1])[:, :, None] / 2
    shape = (edges.shape[0], -1)
    return (middle + half * unit).reshape(shape), (half * weight).reshape(shape)


@lru_cache
def _rule(points: int) -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(points)
