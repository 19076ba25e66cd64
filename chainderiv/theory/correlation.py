"""Two inputs through one random layer: what becomes of the correlation c = cos 2β of u, v ~ N(0, q).

    S(β) = E φ'(u) φ'(v);  c' = 1 - (σ_w²/q) (V - E φ(u) φ(v)),  and the bracket is q (1 - c) times the mean of S over
    the correlations from c to 1 (Price's theorem, d E φ(u) φ(v)/dc = q S), so that nothing cancels as c nears 1

    u = √q ρ cos(θ - β), v = √q ρ cos(θ + β), with ρ and θ the polar coordinates of a standard normal pair

Panels of θ end on the rays u = 0 and v = 0 and are finest there; those of ρ end where u or v meets a break. The mean
over c is one over ξ in [0, 1] of 2ξ S(arcsin(ξ sin β)), which is smooth for kinks as well.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from scipy.optimize.elementwise import find_root

from chainderiv.compiling.arrays import array_functions
from chainderiv.kinds import Floats
from chainderiv.theory.gaussian import REACHES, on_panels
from chainderiv.theory.moments import Moments

ANGLES, RADII = 1.5, 1.0  # widths of panels in the asinh of each, before any is halved
DEGREE = 23  # of S and its mean as polynomials in the asinh of β
CLOSE = 1e-13
_UNIT = (1 + chebyshev.chebpts1(DEGREE + 1)) / 2
_GAUSS = tuple((1 + x) / 2 if i == 0 else x / 2 for i, x in enumerate(np.polynomial.legendre.leggauss(DEGREE + 1)))


class Pairs(NamedTuple):
    """S and its mean over the correlations from c to 1, as polynomials of β for n variances.

    coefficients : (DEGREE + 1, 2, n), Chebyshev's, in t of β = sinh(t·most)/sharp.  error : (n,), of either.
    """

    coefficients: Floats
    sharp: Floats
    error: Floats

    def at(self, t: Floats, row: int) -> Floats:
        """S (row 0) or its mean (row 1) at t (n,) in [0, 1]."""
        return np.asarray(chebyshev.chebval(2 * t - 1, self.coefficients[:, row], tensor=False))

    def settled(self, sigma_w: Floats) -> tuple[Floats, Floats]:
        """1 - c* and the slope χ_c of the map there: where σ_w² times the mean of S is 1, for n values of σ_w.

        c* = 0 where the mean never falls below 1/σ_w² for c >= 0.
        """
        a = np.broadcast_to(sigma_w, self.sharp.shape) ** 2
        ends = (np.zeros_like(a), np.ones_like(a))
        inside = a * self.at(ends[1], 1) < 1
        t = np.ones_like(a)
        if inside.any():
            mean, places = self.coefficients[:, 1], np.flatnonzero(inside)

            def above(t: Floats, place: Floats) -> Floats:  # the search goes on with those alone that are not found yet
                k = place.astype(int)
                return np.asarray(chebyshev.chebval(2 * t - 1, mean[:, k], tensor=False) - 1 / a[k])

            t[inside] = find_root(above, (ends[0][inside], ends[1][inside]), args=(places.astype(float),)).x
        beta = np.sinh(t * _most(self.sharp)) / self.sharp
        return np.where(inside, 2 * np.sin(beta) ** 2, 1.0), a * self.at(t, 0)


def _most(sharp: Floats) -> Floats:
    return np.arcsinh(np.pi / 4 * sharp)


def settled(moments: Moments, q: float, sigma_w: float) -> tuple[float, float, float]:
    """1 - c*, χ_c and the error of c* at one q: the polynomials' answer, mended by a step of Newton's method.

    Halved panels judge S itself, and both are taken of the quadrature and not of the polynomials.
    """
    at = np.array([q])
    rough = pairs(moments, at)
    gap, chi = rough.settled(np.array([sigma_w]))
    if gap[0] == 1.0:
        return 1.0, float(sigma_w**2 * slopes(moments, at, np.array([np.pi / 4]), 2)[0]), 0.0
    beta = np.arcsin(np.sqrt(gap / 2))
    t = np.arcsinh(beta * rough.sharp) / _most(rough.sharp)
    step = 1e-5
    fall = (rough.at(t * (1 + step), 1) - rough.at(t * (1 - step), 1)) / (2 * step * t)
    mean, change = _mean(moments, q, float(beta[0]), 1), 0.0
    for parts in (1, 2):
        finer = _mean(moments, q, float(beta[0]), 2 * parts)
        mean, change = finer, abs(finer - mean)
        if change <= CLOSE * mean:
            break
    t = t - (mean - sigma_w**-2) / fall
    beta = np.sinh(t * _most(rough.sharp)) / rough.sharp
    moved = abs((mean - sigma_w**-2) / fall[0])
    error = (change + 4 * np.finfo(float).eps) / abs(fall[0]) + moved**2
    per_t = 2 * np.sin(2 * beta) * np.cosh(t * _most(rough.sharp)) * _most(rough.sharp) / rough.sharp
    chi = sigma_w**2 * slopes(moments, at, beta, 2)
    return float(2 * np.sin(beta[0]) ** 2), float(chi[0]), float(error * per_t[0])


def _mean(moments: Moments, q: float, beta: float, parts: int) -> float:
    """The mean of S over the correlations from c = cos 2β to 1, by panels in the asinh of ξ."""
    steep = max(1.0, np.sqrt(q) * np.sin(beta))
    end = np.arcsinh(steep)
    s, widths = on_panels(end * np.linspace(0, 1, parts * int(np.ceil(end)) + 1)[None, :])
    xi, weights = np.sinh(s[0]) / steep, widths[0] * np.cosh(s[0]) / steep
    values = slopes(moments, np.full(xi.shape, q), np.arcsin(xi * np.sin(beta)), parts)
    return float((values * 2 * xi * weights).sum())


def pairs(moments: Moments, q: Floats, parts: int = 1) -> Pairs:
    """S and its mean for correlations from 0 to 1, at variances q (n,)."""
    sharp = np.maximum(1.0, np.sqrt(q))
    beta = np.sinh(_UNIT * _most(sharp)[:, None]) / sharp[:, None]
    many = np.repeat(q, beta.shape[1])
    values = slopes(moments, many, beta.ravel(), parts).reshape(beta.shape)
    basis = chebyshev.chebvander(2 * _UNIT - 1, DEGREE)
    s = np.linalg.solve(basis, values.T)
    xi, weights = _GAUSS
    inner = np.arcsin(xi * np.sin(beta)[:, :, None])
    t = np.arcsinh(inner * sharp[:, None, None]) / _most(sharp)[:, None, None]
    along = chebyshev.chebval(2 * t - 1, s[:, :, None, None], tensor=False)
    mean = np.linalg.solve(basis, (along * (2 * xi * weights)).sum(axis=2).T)
    error = np.abs(s[-2:]).max(axis=0) + 4 * np.finfo(float).eps * np.abs(values).max(axis=1)
    return Pairs(np.stack([s, mean], axis=1), sharp, error)


def slopes(moments: Moments, q: Floats, beta: Floats, parts: int = 1) -> Floats:
    """S = E φ'(u) φ'(v) at n pairs of a variance and a half-angle β in (0, π/2], by quadrature in parts."""
    derivative = array_functions(moments.activation).derivative
    root = np.sqrt(q)[:, None, None]
    breaks = np.asarray(moments.breaks, float)
    theta, widths = _angles(q, beta, breaks, parts)
    across, along = np.cos(theta - beta[:, None]), np.cos(theta + beta[:, None])
    rho, weights = _radii(q, across, along, breaks, parts)
    with np.errstate(all="ignore"):
        product = derivative(root * rho * across[:, :, None]) * derivative(root * rho * along[:, :, None])
    return np.asarray((product * weights * (widths / np.pi)[:, :, None]).sum(axis=(1, 2)))


def _angles(q: Floats, beta: Floats, breaks: Floats, parts: int) -> tuple[Floats, Floats]:
    """Angles θ in (0, π) and their weights, (n, angles), graded towards the rays u = 0 and v = 0."""
    fine = np.minimum(1.0, 1 / np.sqrt(q))[:, None]
    ray = np.pi / 2 - beta[:, None]  # v = 0; u = 0 is its mirror image, and swaps u and v
    before, after = np.arcsinh(ray / fine), np.arcsinh(beta[:, None] / fine)
    count = parts * int(np.ceil(max(before.max(), after.max()) / ANGLES))
    even = np.linspace(0, 1, count + 1)
    edges = np.concatenate([-before * even[::-1], after * even[1:]], axis=1)
    corners = [np.clip(np.arcsinh((c - ray) / fine), -before, after) for c in _corners(breaks, beta)]
    t, widths = on_panels(np.sort(np.concatenate([edges, *corners], axis=1), axis=1))
    theta, widths = ray + fine * np.sinh(t), widths * fine * np.cosh(t)
    return np.concatenate([theta, np.pi - theta], axis=1), np.concatenate([widths, widths], axis=1)


def _corners(breaks: Floats, beta: Floats) -> list[Floats]:
    """The angles, mirrored into (0, π/2), at which u and v meet two breaks at once."""
    met = [(k, m) for i, k in enumerate(breaks) for m in breaks[:i] if k + m]
    return [np.abs(np.arctan((k - m) / (k + m) / np.tan(beta)))[:, None] for k, m in met]


def _radii(q: Floats, across: Floats, along: Floats, breaks: Floats, parts: int) -> tuple[Floats, Floats]:
    """Radii ρ and weights with the density ρ exp(-ρ²/2) in them, (n, angles, radii), cut where u or v meets a break."""
    fine = np.minimum(1.0, 1 / np.sqrt(q))[:, None]
    outmost = np.arcsinh(REACHES[0] / fine)
    count = parts * int(np.ceil(outmost.max() / RADII))
    even = (outmost * np.linspace(0, 1, count + 1))[:, None, :]
    cuts = [k / (np.sqrt(q)[:, None] * cosine) for cosine in (across, along) for k in breaks if k]
    if not cuts:  # the same radii at every angle
        s, widths = on_panels(even[:, 0])
        s, widths, fine = s[:, None], widths[:, None], fine[:, :, None]
    else:
        turned = np.arcsinh(np.stack(cuts, axis=2) / fine[:, :, None])
        turned = np.where((turned > 0) & (turned < outmost[:, :, None]), turned, 0.0)
        edges = np.concatenate([np.broadcast_to(even, (*across.shape, count + 1)), turned], axis=2)
        s, widths = on_panels(np.sort(edges.reshape(-1, edges.shape[2]), axis=1))
        s, widths, fine = s.reshape(*across.shape, -1), widths.reshape(*across.shape, -1), fine[:, :, None]
    rho = fine * np.sinh(s)
    return rho, widths * fine * np.cosh(s) * rho * np.exp(-rho * rho / 2)
