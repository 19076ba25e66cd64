"""Where gradients neither vanish nor explode in wide layers: χ₁ = 1, as a curve with q* as its parameter.

    σ_w² = 1/M₂(q*), σ_b² = q* - V(q*)/M₂(q*)

So no equation is solved to draw it; for a given σ_b the second one is, and each of its roots is a critical point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize.elementwise import find_root

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.given import whole_number
from chainderiv.kinds import Floats
from chainderiv.shown import Shown, Shows
from chainderiv.theory.curve import EPS, FINENESS, FURTHER, Curve, homogeneous, slopes_at_0
from chainderiv.theory.fixed_points import sigma
from chainderiv.theory.moments import LEAST, M2, SLOPE, TINY, Moments, V, moments
from chainderiv.theory.poincare import critical_bias, critical_bias_in_digits
from chainderiv.theory.wide import FARTHEST, near
from chainderiv.wording import counted

TOLD = 1e-11  # how far χ_q is told from 1 by the table
LOOSE = 1e-9  # of q: what is left of q - V/M₂ by the table
SMALL = 1e-3  # of q: less is taken from the quadrature that does not cancel
SCAN_HALVINGS = 2
BESIDE = 1e-3  # of q, where slopes are taken
ASIDE = 0.1  # of q - σ_b², where the next order tells
ROUGH = 1e-9  # relative error of q from which on it is found in digits
SECANTS = 30
MOST_POINTS = 10**6
FINER = 16  # points of a line that is drawn, for each of its coarse ones


@dataclass(frozen=True)
class CriticalPoint(Shows):
    """One (σ_w, σ_b) at which χ₁ = 1, its q* and χ_q there, and the errors of σ_w and q*.

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
    q_error: float

    def _shown(self) -> Shown:
        kind = "stable" if self.stable else "unstable: no network is found there"
        rows = [
            ("sigma_w:", f"{self.sigma_w:.12g} ± {self.error:.1e}"),
            ("sigma_b:", f"{self.sigma_b:.12g}"),
            ("q_star:", f"{self.q_star:.12g} ± {self.q_error:.1e} ({kind})"),
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
        return Shown([f"critical line, {counted(count, 'point')}"], rows=rows)


def critical_line(activation: Any, points: int = 400) -> CriticalLine:
    """The critical line σ_w² = 1/E φ'², σ_b² = q* - σ_w² E φ², over q* evenly spaced in its logarithm.

    Poole et al. (2016), equation (5), with q* as the parameter. Only those q* are given that some σ_b² >= 0 belongs to;
    a scaled line (relu, identity) has the one point σ_b = 0 for all of them. Raises BadValue for points that are no
    whole number from 2 to 10⁶.

    Examples
    --------
    >>> line = critical_line("tanh")
    >>> bool(((line.sigma_w > 1) & (line.sigma_b >= 0)).all())
    True
    """
    known, points = moments(neuron(activation)), whole_number("points", points, 2)
    if points > MOST_POINTS:
        raise BadValue(f"points is above {MOST_POINTS}, more than a line is drawn with; give a whole number from 2 on")
    if homogeneous(known.activation):
        w = np.array([float(slopes_at_0(known.activation) or np.nan) ** -0.5])
        return CriticalLine(np.array([np.nan]), w, np.zeros(1), np.ones(1))
    return _line(known, np.linspace(math.log(1e-6), known.most, points))


def _line(known: Moments, log_q: Floats) -> CriticalLine:
    q = np.exp(log_q)
    squared, error = _squared(known, q)
    q, squared = q[squared > error], squared[squared > error]
    m2, slope = near(known, q, (M2, SLOPE))
    return CriticalLine(q, m2**-0.5, np.sqrt(squared), slope / m2)


def stable_line(activation: Activation, sigma_b: Floats) -> tuple[Floats, Floats]:
    """σ_w and σ_b of the critical points that are stable, in order of q*, finest within the σ_b given; NaN in gaps."""
    known = moments(activation)
    if homogeneous(activation):
        return np.broadcast_to(critical_line(activation).sigma_w, sigma_b.shape), sigma_b
    log_q = np.linspace(math.log(1e-6), known.most, 400)
    squared, _ = _squared(known, np.exp(log_q))
    low, high = sigma_b.min() ** 2, sigma_b.max() ** 2
    near_it = (np.maximum(squared[1:], squared[:-1]) >= low) & (np.minimum(squared[1:], squared[:-1]) <= high)
    finer = log_q[:-1][near_it, None] + np.arange(FINER) / FINER * (log_q[1] - log_q[0])
    line = _line(known, np.sort(np.concatenate([log_q, finer[:, 1:].ravel()])))
    ends = [p for end in (sigma_b.min(), sigma_b.max()) for p in known_critical_points(activation, float(end)) or ()]
    q, w, b = (
        np.append(column, [getattr(p, name) for p in ends])
        for name, column in (("q_star", line.q_star), ("sigma_w", line.sigma_w), ("sigma_b", line.sigma_b))
    )
    stable = np.append(line.chi_q < 1 - TOLD, [p.stable for p in ends])
    order = np.argsort(q)
    return np.where(stable, w, np.nan)[order], b[order]


def critical_points(activation: Any, sigma_b: float = 0.0) -> tuple[CriticalPoint, ...]:
    """Every σ_w at which χ₁ = 1 for a given σ_b, ascending.

    Raises
    ------
    BadValue
        For a σ_b that is negative or no number, or so small that float64 does not hold the mean of φ² at its q*.

    Examples
    --------
    >>> [round(p.sigma_w**2, 6) for p in critical_points("sigmoid")]
    [103.007554]
    >>> [p.sigma_w for p in critical_points("tanh")]
    [1.0]
    """
    known = moments(neuron(activation))
    b = sigma("sigma_b", sigma_b, zero=True)
    at_0 = [] if b or slopes_at_0(known.activation) in (None, 0) else [_at_0(known)]
    found = [] if homogeneous(known.activation) else _roots(known, b)
    return tuple(sorted([*at_0, *found], key=lambda p: p.sigma_w))


def known_critical_points(activation: Activation, sigma_b: float) -> tuple[CriticalPoint, ...] | None:
    """The same where many biases are asked at once; None where float64 does not hold them."""
    try:
        return critical_points(activation, sigma_b)
    except BadValue:
        return None


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
        phi = neuron(activation)
        if homogeneous(phi):
            raise BadValue(
                f"activation {phi.name!r} is critical at no sigma_w where sigma_b = {sigma_b:g}; "
                "give another sigma_b, such as 0"
            )
        raise BadValue(
            f"activation {phi.name!r} has no critical sigma_w at sigma_b = {sigma_b:g} that is found, with a q* up to "
            f"{math.exp(moments(phi).most):.2g}; give another sigma_b"
        )
    return found[0].sigma_w


def _at_0(known: Moments) -> CriticalPoint:
    """q* = 0, where χ₁ = χ_q = σ_w² times the mean of the squared slopes."""
    slopes = float(slopes_at_0(known.activation) or math.nan)
    return CriticalPoint(slopes**-0.5, 0.0, 0.0, 1.0, _comes_back(known, slopes), 2 * EPS * slopes**-0.5, 0.0)


def _comes_back(known: Moments, slopes: float) -> bool:
    """Whether small signals shrink where σ_w² times the squared slopes at 0 is 1: the next order decides."""
    level = -math.log(slopes)
    sides = Curve(known, 0.0, (level, -math.inf)).sides(level)[1:]
    return bool(sides[sides != 0][:1] > 0) if sides.any() else True


class Scan(NamedTuple):
    """σ_b² of the critical point over log q, and its error; NaN and inf where it is not known."""

    log_q: Floats
    squared: Floats
    error: Floats


@lru_cache(maxsize=1024)
def _scan(known: Moments, first: int) -> Scan:
    """Over FURTHER factors e of q: by tables, or where they cancel by the quadrature that does not."""
    log_q = first + np.arange(FURTHER * FINENESS) / FINENESS
    return Scan(log_q, *_squared(known, np.exp(log_q)))


def _squared(known: Moments, q: Floats) -> tuple[Floats, Floats]:
    """σ_b² of the critical points at q, and its error."""
    v, m2 = near(known, q, (V, M2))
    with np.errstate(all="ignore"):
        squared = np.where((v > 2 * TINY) & (m2 > 2 * TINY), q - v / m2, np.nan)
    error = LOOSE * q
    lost = np.abs(squared) <= SMALL * q
    if lost.any():
        squared[lost], error[lost] = critical_bias(known, q[lost], SCAN_HALVINGS)
    return squared, np.where(np.isfinite(squared), error, np.inf)


def _sides(known: Moments, b: float) -> tuple[Floats, Floats]:
    """On which side of b² the σ_b² of the critical point at q is, 0 where it is not told; and log q, from -inf on."""
    parts = [_scan(known, first) for first in range(LEAST, int(known.most), FURTHER)]
    while True:
        log_q, squared, error = (np.concatenate(column) for column in zip(*parts, strict=True))
        off = squared - b * b
        sides = np.where(np.abs(off) > error, np.sign(off), 0)
        if b and sides[0] > 0 and log_q[0] > FURTHER - FARTHEST:
            parts.insert(0, _scan(known, round(log_q[0]) - FURTHER))
        elif sides[-1] < 0 and squared[-1] > SMALL * np.exp(log_q[-1]) and log_q[-1] < FARTHEST - 2 * FURTHER:
            parts.append(_scan(known, round(log_q[-1] + 1 / FINENESS)))
        else:
            break
    # at q = 0 it is -(φ(0)/φ'(0))², or 0
    return np.append(-1.0 if b or slopes_at_0(known.activation) is None else 0.0, sides), np.append(-np.inf, log_q)


def _roots(known: Moments, b: float) -> list[CriticalPoint]:
    """Every critical point of this σ_b, but for q* = 0."""
    sides, log_q = _sides(known, b)
    if b:
        log_q[0] = 2 * math.log(b)  # q* is larger
    kept = np.flatnonzero(sides).tolist()
    return [_refined(known, log_q[i], log_q[k], b) for i, k in pairwise(kept) if sides[i] != sides[k]]


def _refined(known: Moments, low: float, high: float, b: float) -> CriticalPoint:
    """By the quadrature that does not cancel, between two log q; in digits where float64 does not tell the place."""
    q, told = _solved(known, low, high, b)
    ends = critical_bias(known, q * np.array([1 - BESIDE, 1.0, 1 + BESIDE]))
    rise = float(abs(ends.value[2] - ends.value[0])) / (2 * BESIDE)  # by log q
    off = (float(ends.error[1]) + 2 * EPS * b * b) / rise if told and rise > 0 else math.inf
    if b and not off < ROUGH:
        t, off = _in_digits(known, math.log(q) if off < 1 else high, b)
        q = math.exp(t)
    value, error = known.reached(q)
    if min(value[V], value[M2]) <= TINY or not math.isfinite(off):
        raise BadValue(
            f"sigma_b is {b:g}, and where it is critical the mean of φ² is below {TINY:g}; give a larger one"
        )
    m2, chi_q = float(value[M2]), float(value[SLOPE] / value[M2])
    around = near(known, np.array([q * (1 - BESIDE), q * (1 + BESIDE)]), (M2, SLOPE))
    # an error that is all of q leaves M₂ between that at 0 and here
    moved, moved_slope = np.abs(around[:, 1] - around[:, 0]) / (2 * BESIDE) * min(off, 1.0) + error[[M2, SLOPE]]
    unsure = float(moved_slope + abs(chi_q) * moved) / m2 + 8 * EPS
    stable = chi_q < 1 if abs(chi_q - 1) > unsure else _returns(known, q, b, chi_q)
    return CriticalPoint(m2**-0.5, b, q, chi_q, stable, m2**-0.5 * (float(moved) / (2 * m2) + EPS), off * q)


def _returns(known: Moments, q: float, b: float, chi_q: float) -> bool:
    """Whether signals come back where χ_q is 1 but for rounding: q must be below its image before q*, above behind it.

    Of softshrink each critical point is the end of all fixed points, where two of them meet.
    """
    beside = b * b + (q - b * b) * np.array([1 - ASIDE, 1.0, 1 + ASIDE])
    value, error = known.at(beside)
    level, share = -math.log(value[M2, 1]), error[V] / value[V] + error[M2, 1] / value[M2, 1]
    off = np.log((beside - b * b) / value[V]) - level
    told = np.abs(off) > share + 8 * EPS * (1 + abs(level))
    if told[0] and told[2]:
        return bool(off[0] < 0 < off[2])
    slopes = slopes_at_0(known.activation)
    return _comes_back(known, slopes) if slopes else chi_q < 1


def _solved(known: Moments, low: float, high: float, b: float) -> tuple[float, bool]:
    """q by float64, and whether it tells: if not, the upper end."""
    end = math.exp(high)  # over it, because the rounding of a large log q is many of q

    def above(t: Floats) -> Floats:
        return critical_bias(known, np.atleast_1d(end * np.exp(t))).value.reshape(np.shape(t)) - b * b

    if not (np.isfinite(low) and np.prod(np.sign(above(np.array([low - high, 0.0])))) < 0):
        return end, False
    return end * math.exp(float(find_root(above, (low - high, 0.0)).x)), True


def _in_digits(known: Moments, t: float, b: float) -> tuple[float, float]:
    """log q and its error, by secants of log σ_b² over log q, of which it is nearly a line there."""
    want, points = 2 * math.log(b), list[tuple[float, float]]()
    for _ in range(SECANTS):
        squared = critical_bias_in_digits(known, math.exp(t))
        if not squared > 0:
            break
        points.append((t, math.log(squared) - want))
        if len(points) == 1:
            t -= math.copysign(1.0, points[0][1])
            continue
        (t0, off0), (t1, off1) = points[-2:]
        if off0 == off1:
            break
        move = -off1 * (t1 - t0) / (off1 - off0)
        t = t1 + move
        if abs(move) <= 1e-12 or abs(t) > FARTHEST:
            return t, 2e-12
    return t, math.inf
