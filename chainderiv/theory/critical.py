"""Where gradients neither vanish nor explode in wide layers: χ₁ = 1, as a curve with q* as its parameter.

    σ_w² = 1/M₂(q*), σ_b² = q* - V(q*)/M₂(q*)

So no equation is solved to draw it; for a given σ_b the second one is, and each of its roots is a critical point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize.elementwise import find_root

from chainderiv.errors import BadValue
from chainderiv.functions.lookup import neuron
from chainderiv.given import size, whole_number
from chainderiv.kinds import Floats
from chainderiv.shown import Shown, Shows
from chainderiv.theory.fixed_points import EPS, FINENESS, Curve, homogeneous, slopes_at_0
from chainderiv.theory.gaussian import reached
from chainderiv.theory.moments import LEAST, M2, SLOPE, Moments, V, moments

NOISE = 1e-12  # of q, in q - V/M₂


@dataclass(frozen=True)
class CriticalPoint(Shows):
    """One (σ_w, σ_b) at which χ₁ = 1, its q* and χ_q there, and the error of σ_w.

    stable : whether signals come back to q*, which |χ_q| < 1 says, and at q* = 0 the next order; where they do not, no
        network is ever found there.

    Examples
    --------
    >>> (point,) = critical_points("gelu", sigma_b=0.1**0.5)
    >>> round(point.chi_q, 3), point.stable
    (1.037, False)
    """

    sigma_w: float
    sigma_b: float
    q_star: float
    chi_q: float
    stable: bool
    error: float

    def _shown(self) -> Shown:
        kind = "stable" if self.stable else "unstable: no network is found there"
        rows = [
            ("sigma_w:", f"{self.sigma_w:.12g} ± {self.error:.1e}"),
            ("sigma_b:", f"{self.sigma_b:.12g}"),
            ("q_star:", f"{self.q_star:.12g} ({kind})"),
            ("chi_q:", f"{self.chi_q:.12g}"),
        ]
        return Shown(["chi_1 = 1 at"], rows=rows)


@dataclass(frozen=True, eq=False)
class CriticalLine(Shows):
    """The critical points of an activation, as arrays over q*: σ_w, σ_b and χ_q, each (n,).

    Examples
    --------
    >>> print(critical_line("relu"))
    critical line, 1 point
      sigma_w: 1.41421 to 1.41421
      sigma_b: 0 to 0
    """

    q_star: Floats
    sigma_w: Floats
    sigma_b: Floats
    chi_q: Floats

    def _shown(self) -> Shown:
        count = len(self.sigma_w)
        ends = {"sigma_w": self.sigma_w, "sigma_b": self.sigma_b}
        rows = [(f"{name}:", f"{values.min():.6g} to {values.max():.6g}") for name, values in ends.items() if count]
        return Shown([f"critical line, {count} point{'s' * (count != 1)}"], rows=rows)


def critical_line(activation: Any, points: int = 400) -> CriticalLine:
    """The critical line σ_w² = 1/E φ'², σ_b² = q* - σ_w² E φ², over q* evenly spaced in its logarithm.

    Poole et al. (2016), equation (5), with q* as the parameter. Only those q* are given that some σ_b² >= 0 belongs to;
    a scaled line (relu, identity) has the one point σ_b = 0 for all of them.

    Examples
    --------
    >>> line = critical_line("tanh")
    >>> bool(((line.sigma_w > 1) & (line.sigma_b >= 0)).all())
    True
    """
    known, points = moments(neuron(activation)), whole_number("points", points, 2)
    if homogeneous(known.activation):
        w = np.array([float(slopes_at_0(known.activation) or np.nan) ** -0.5])
        return CriticalLine(np.array([np.nan]), w, np.zeros(1), np.ones(1))
    q = np.exp(np.linspace(np.log(1e-6), min(known.most, np.log(1e6)), points))
    near = known.near(q)
    squared = q - near[V] / near[M2]
    there = squared >= 0
    return CriticalLine(q[there], near[M2][there] ** -0.5, np.sqrt(squared[there]), (near[SLOPE] / near[M2])[there])


def critical_points(activation: Any, sigma_b: float = 0.0) -> tuple[CriticalPoint, ...]:
    """Every σ_w at which χ₁ = 1 for a given σ_b, ascending.

    Raises
    ------
    BadValue
        For a σ_b that is negative or no number.

    Examples
    --------
    >>> [round(p.sigma_w**2, 6) for p in critical_points("sigmoid")]
    [103.007554]
    >>> [p.sigma_w for p in critical_points("tanh")]
    [1.0]
    """
    known = moments(neuron(activation))
    b = size("sigma_b", sigma_b, zero=True)
    at_0 = [] if b or slopes_at_0(known.activation) in (None, 0) else [_at_0(known)]
    found = [] if homogeneous(known.activation) else _refined(known, _roots(known, b), b)
    return tuple(sorted([*at_0, *found], key=lambda p: p.sigma_w))


def critical_sigma_w(activation: Any, sigma_b: float = 0.0) -> float:
    """The smallest σ_w at which gradients neither vanish nor explode, χ₁ = 1, for a given σ_b.

    Raises
    ------
    BadValue
        Where there is none: relu has one at σ_b = 0 alone.

    Examples
    --------
    >>> critical_sigma_w("relu"), critical_sigma_w("tanh")
    (1.4142135623730951, 1.0)
    """
    found = critical_points(activation, sigma_b)
    if not found:
        raise BadValue(
            f"activation {neuron(activation).name!r} is critical at no sigma_w where sigma_b = {sigma_b:g}; "
            "give another sigma_b, such as 0"
        )
    return found[0].sigma_w


def _at_0(known: Moments) -> CriticalPoint:
    """q* = 0, where χ₁ = χ_q = σ_w² times the mean of the squared slopes."""
    slopes, curve = float(slopes_at_0(known.activation) or np.nan), Curve(known, 0.0)
    stable = bool((curve.height(curve.grid[:1]) > -np.log(slopes)).all())  # the next order decides
    return CriticalPoint(slopes**-0.5, 0.0, 0.0, 1.0, stable, 2 * EPS * slopes**-0.5)


def _squared(known: Moments, log_q: Floats) -> Floats:
    """σ_b² of the critical point at q*."""
    near = known.near(np.exp(log_q))
    with np.errstate(all="ignore"):
        return np.asarray(np.exp(log_q) - near[V] / near[M2])


def _roots(known: Moments, b: float) -> Floats:
    """Every q* whose critical point has this σ_b."""
    grid = np.arange(LEAST * FINENESS, int(known.most * FINENESS)) / FINENESS
    above = _squared(known, grid) - b * b
    # what rounding makes of q - V/M₂ near 0, where both are as large, is no crossing
    sides = np.where(np.abs(above) > NOISE * np.exp(grid), np.sign(above), 0)
    kept = np.flatnonzero(sides)
    left, right = kept[:-1], kept[1:]
    crossed = sides[left] * sides[right] < 0
    if not crossed.any():
        return grid[:0]
    ends = (grid[left[crossed]], grid[right[crossed]])
    return np.asarray(np.exp(find_root(lambda t: _squared(known, t) - b * b, ends).x))


def _refined(known: Moments, q: Floats, b: float) -> list[CriticalPoint]:
    """By secants on the quadrature itself."""
    if not q.size:
        return []
    near = known.near(q)
    rise = (_squared(known, np.log(q) + 1e-4) - _squared(known, np.log(q) - 1e-4)) / (2e-4 * q)
    value, error = reached(known.at(q), q)
    step = (b * b - (q - value[V] / value[M2])) / rise
    q = np.where(np.abs(step) < 1e-6 * q, q + step, q)
    value, error = reached(known.at(q), q)
    off = (error[V] / value[M2] + value[V] * error[M2] / value[M2] ** 2 + 2 * EPS * q) / np.abs(rise)
    steepness = np.abs(near[M2] - known.near(q * 1.001)[M2]) / (0.001 * q)
    return [
        CriticalPoint(
            float(value[M2, i] ** -0.5),
            b,
            float(q[i]),
            float(value[SLOPE, i] / value[M2, i]),
            bool(value[SLOPE, i] < value[M2, i]),
            float((off[i] * steepness[i] + error[M2, i]) / (2 * value[M2, i] ** 1.5)),
        )
        for i in range(q.size)
    ]
