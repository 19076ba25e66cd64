"""phase_diagram(): q*, χ_q, χ₁ and where two inputs end, over a grid of σ_w and σ_b."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize.elementwise import find_root

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.given import of_kind, truth
from chainderiv.kinds import Floats, Mask, Places
from chainderiv.maps.axis import Axis
from chainderiv.shown import Shown, Shows
from chainderiv.theory.correlation_table import correlations
from chainderiv.theory.curve import Curve, homogeneous, slopes_at_0
from chainderiv.theory.fixed_points import curve_of, on_curve, sigma
from chainderiv.theory.growth import limits
from chainderiv.theory.moments import M2, SLOPE, Moments, V, moments
from chainderiv.theory.wide import near
from chainderiv.wording import share

TOLD = 1e-12  # how far χ₁ is told from 1


@dataclass(frozen=True, eq=False)
class PhaseDiagram(Shows):
    """The mean field over a grid: rows are σ_b and columns σ_w, so that an image of it has σ_w to the right.

    Attributes
    ----------
    activation : Activation.
    axes : dict of "sigma_w" and "sigma_b" to Axis; sigma_w (columns,) and sigma_b (rows,) are their values.
    q_star : (rows, columns). The smallest stable fixed point, inf where signals grow without end, NaN where it lies
        beyond what is known, as all numbers do there, and where every length is kept.
    chi_q, chi_1 : (rows, columns), as in MeanField.
    c_star, chi_c : of two inputs, made when they are asked for; NaN where q* is 0 or infinite.

    Examples
    --------
    >>> print(phase_diagram("tanh", sigma_w=Axis(0.5, 3, 6), sigma_b=Axis(0, 1, 3)))
    tanh over sigma_w 0.5:3:6 x sigma_b 0:1:3 (standard deviations)
      vanishing: 38.89 %
      exploding: 55.56 %
      critical: 5.56 %
    """

    activation: Activation
    axes: dict[str, Axis]
    q_star: Floats
    chi_q: Floats
    chi_1: Floats
    _moments: Moments = field(repr=False)

    @property
    def sigma_w(self) -> Floats:
        """Standard deviations of weights times √fan_in, ascending (columns,)."""
        return self.axes["sigma_w"].values

    @property
    def sigma_b(self) -> Floats:
        """Standard deviations of biases, ascending (rows,)."""
        return self.axes["sigma_b"].values

    @property
    def shares(self) -> dict[str, float]:
        """How much of the grid vanishes, explodes, …: of its points, 0 to 1; what does not occur is left out."""
        found = {
            "vanishing": self.vanishing,
            "exploding": self.chi_1 > 1 + TOLD,
            "critical": np.abs(self.chi_1 - 1) <= TOLD,
            "unknown": np.isnan(self.chi_1),
            "growing_without_end": np.isinf(self.q_star),
        }
        return {name: float(where.mean()) for name, where in found.items() if where.any()}

    def _shown(self) -> Shown:
        over = " x ".join(f"{name} {axis.start:g}:{axis.stop:g}:{axis.count}" for name, axis in self.axes.items())
        rows = [(f"{name.replace('_', ' ')}:", share(part)) for name, part in self.shares.items()]
        return Shown([f"{self.activation.name} over {over} (standard deviations)"], rows=rows)

    @property
    def vanishing(self) -> Any:
        """Where χ₁ < 1, as far as it is told from 1: the ordered phase."""
        return np.asarray(self.chi_1 < 1 - TOLD)

    @property
    def xi_q(self) -> Floats:
        """-1/ln |χ_q|, in layers."""
        return _depths(np.abs(self.chi_q))

    @property
    def xi_c(self) -> Floats:
        """-1/ln χ_c, in layers."""
        return _depths(self.chi_c)

    @property
    def c_star(self) -> Floats:
        """The correlation that two inputs tend to."""
        return self._correlation[0]

    @property
    def chi_c(self) -> Floats:
        """The slope of the correlation's map there."""
        return self._correlation[1]

    @property
    def c_star_error(self) -> Floats:
        """The error of c_star."""
        return self._correlation[2]

    @cached_property
    def _correlation(self) -> tuple[Floats, Floats, Floats]:
        finite = (self.q_star > 0) & np.isfinite(self.q_star)
        together = homogeneous(self.activation) and bool(self._moments.breaks)  # a kink does it at any length
        c = np.where(finite | together, 1.0, np.nan)
        chi = np.where(finite, self.chi_1, c)
        chaotic = finite & (self.chi_1 > 1 + TOLD)
        beyond = chaotic & (self.q_star > np.exp(self._moments.most))
        c[beyond] = chi[beyond] = np.nan
        chaotic &= ~beyond
        error = np.where(beyond, np.nan, np.zeros_like(c))
        if chaotic.any():
            gap, fall, error[chaotic] = correlations(self._moments, self.q_star[chaotic], self.chi_1[chaotic])
            c[chaotic], chi[chaotic] = 1 - gap, 1 - fall
        return c, chi, error


def _depths(chi: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return np.where(chi >= 1 - TOLD, np.inf, -1 / np.log(np.maximum(chi, 0.0)))


def phase_diagram(activation: Any, sigma_w: Axis, sigma_b: Axis, residual: bool = False) -> PhaseDiagram:
    """The mean field of an activation over σ_w and σ_b, from a table of its moments: no point is iterated.

    Parameters
    ----------
    activation : name, or Activation.
    sigma_w, sigma_b : Axis. Standard deviations: of the weights times √fan_in (> 0), and of the biases (>= 0).
    residual : False. Layers that add their input keep no length, so that there is no diagram of them.

    Raises
    ------
    BadValue
        For an axis that is none or reaches below 0, and for residual layers.

    Poole et al. (2016), figure 1, with standard deviations on its axes and not variances.

    Examples
    --------
    >>> d = phase_diagram("tanh", sigma_w=Axis(0.5, 3, 6), sigma_b=Axis(0, 1, 3))
    >>> d.vanishing.astype(int).tolist()
    [[1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]]
    """
    if truth("residual", residual):
        raise BadValue(
            "layers that add their input have no fixed point, and all of them are on one side of chi_1 = 1; "
            "give mean_field(…, residual=True), which says how they grow"
        )
    known = moments(neuron(activation))
    w = of_kind("sigma_w", sigma_w, Axis, "an Axis").values
    b = of_kind("sigma_b", sigma_b, Axis, "an Axis").values
    if w[0] <= 0 or b[0] < 0:
        raise BadValue(f"the axes start at sigma_w = {w[0]:g}, sigma_b = {b[0]:g}; give sigma_w > 0 and sigma_b >= 0")
    for name, ends in (("sigma_w", w[[0, -1]]), ("sigma_b", b[[0, 1, -1]])):
        for end in ends.tolist():
            sigma(name, end, zero=name == "sigma_b")
    q, chi_q, chi_1 = (_scaled if homogeneous(known.activation) else _solved)(known, w, b)
    return PhaseDiagram(known.activation, {"sigma_w": sigma_w, "sigma_b": sigma_b}, q, chi_q, chi_1, known)


def _scaled(known: Moments, w: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
    """Lines that bend at 0 alone: V = k q; at σ_w² k = 1 without biases every q is one."""
    chi = np.broadcast_to(w**2 * float(slopes_at_0(known.activation) or 0), (b.size, w.size))
    kept = np.abs(chi - 1) <= TOLD
    with np.errstate(all="ignore"):
        q = np.where((chi < 1) & ~kept, b[:, None] ** 2 / (1 - chi), np.where(kept & (b[:, None] == 0), np.nan, np.inf))
    return q, chi.copy(), chi.copy()


def _solved(known: Moments, w: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
    """The first place where the curve of each σ_b rises above log σ_w²; NaN where none is known, nor growth is."""
    shape, level = (b.size, w.size), 2 * np.log(w)
    q, found, low, high = np.full(shape, np.nan), np.zeros(shape, bool), np.zeros(shape), np.zeros(shape)
    for row, sigma_b in enumerate(b.tolist()):
        curve = curve_of(known, sigma_b, float(level[0]), float(level[-1]))
        k, hidden = _passed(curve, level)
        found[row] = ~hidden & (k > 0) & (k < curve.grid.size)
        ends = np.append(curve.grid, np.inf)
        low[row], high[row] = ends[np.maximum(k - 1, 0)], ends[k]
        grows = (k == curve.grid.size) & _grows(known, level)
        q[row] = np.where(k < 0, 0.0, np.where(grows, np.inf, np.nan))
        for column in np.flatnonzero(hidden).tolist():
            points = on_curve(curve, float(w[column]))
            q[row, column] = next((p.q_star for p in points if p.stable), q[row, column])
    squared = np.broadcast_to((b**2)[:, None], shape)[found]
    levels = np.broadcast_to(level, shape)[found]
    log_r = find_root(
        lambda t, s, wanted: t - np.log(near(known, np.exp(t) + s, (V,))[0]) - wanted,
        (low[found], high[found]),
        args=(squared, levels),
    ).x
    q[found] = np.exp(log_r) + squared
    return q, *_slopes(known, q, w**2)


def _passed(curve: Curve, level: Floats) -> tuple[Places, Mask]:
    """For each level the first place of the grid where the curve is above it, -1 for r = 0, and where that is hidden.

    It is where rounding does not tell that the curve is below the level before.
    """
    off, noise = curve.heights, curve.noise
    k = np.searchsorted(np.maximum.accumulate(off - noise), level, side="right")
    before = np.append(-np.inf, off)[k] > level
    if curve.start is None:
        return k, (before & (k < off.size)) | (k == 0)
    begins = np.array([curve.begins(one) for one in level.tolist()])
    below = np.append(np.inf, np.minimum.accumulate(off + noise))[k] < level
    hidden = np.where(begins > 0, False, (begins == 0) | ~below | (before & (k < off.size)))
    return np.where(begins > 0, -1, k), hidden


def _grows(known: Moments, level: Floats) -> Any:
    found = limits(known)
    return np.zeros(level.shape, bool) if found is None else np.array([found.grows(one) for one in level.tolist()])


def growth_edge(activation: Activation, sigma_b: Floats) -> Floats:
    """The σ_w from which on signals grow without end, for each σ_b; NaN where none is known."""
    known = moments(activation)
    found = limits(known)
    if found is None or homogeneous(activation):
        slopes = slopes_at_0(activation) if homogeneous(activation) else None
        return np.full(sigma_b.shape, slopes**-0.5 if slopes else np.nan)
    curves = (Curve(known, b, (np.inf, -np.inf)) for b in sigma_b.tolist())
    highest = np.array([curve.heights.max(initial=found.top) for curve in curves])
    return np.exp(highest / 2)


def _slopes(known: Moments, q: Floats, squared: Floats) -> tuple[Floats, Floats]:
    """χ_q and χ₁ at q (rows, columns), what they tend to where that is inf."""
    a = np.broadcast_to(squared, q.shape)
    chi_q, chi_1 = np.full(q.shape, np.nan), np.full(q.shape, np.nan)
    inside = np.isfinite(q) & (q > 0)
    chi_q[inside], chi_1[inside] = a[inside] * near(known, q[inside], (SLOPE, M2))
    chi_q[q == 0] = chi_1[q == 0] = a[q == 0] * float(slopes_at_0(known.activation) or 0)
    if (grown := np.isinf(q)).any() and (found := limits(known)) is not None:
        chi_q[grown], chi_1[grown] = a[grown] * found.share[0], a[grown] * found.slope[0]
    return chi_q, chi_1
