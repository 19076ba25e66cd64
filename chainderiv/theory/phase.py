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
from chainderiv.given import of_kind
from chainderiv.kinds import Floats
from chainderiv.maps.axis import Axis
from chainderiv.shown import Shown, Shows
from chainderiv.theory.correlation_table import correlations
from chainderiv.theory.fixed_points import Curve, below_grid, homogeneous, slopes_at_0
from chainderiv.theory.moments import M2, SLOPE, Moments, V, moments


@dataclass(frozen=True, eq=False)
class PhaseDiagram(Shows):
    """The mean field over a grid: rows are σ_b and columns σ_w, so that an image of it has σ_w to the right.

    Attributes
    ----------
    activation : Activation.
    axes : dict of "sigma_w" and "sigma_b" to Axis; sigma_w (columns,) and sigma_b (rows,) are their values.
    q_star : (rows, columns). The smallest stable fixed point, inf where signals grow without end.
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
            "vanishing": self.chi_1 < 1,
            "exploding": self.chi_1 > 1,
            "critical": self.chi_1 == 1,
            "unknown": np.isnan(self.chi_1),
            "growing_without_end": np.isinf(self.q_star),
        }
        return {name: float(where.mean()) for name, where in found.items() if where.any()}

    def _shown(self) -> Shown:
        over = " x ".join(f"{name} {axis.start:g}:{axis.stop:g}:{axis.count}" for name, axis in self.axes.items())
        rows = [(f"{name.replace('_', ' ')}:", f"{100 * share:.2f} %") for name, share in self.shares.items()]
        return Shown([f"{self.activation.name} over {over} (standard deviations)"], rows=rows)

    @property
    def vanishing(self) -> Any:
        """Where χ₁ < 1: the ordered phase."""
        return self.chi_1 < 1

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
        chaotic = finite & (self.chi_1 > 1)
        error = np.zeros_like(c)
        if chaotic.any():
            w = np.broadcast_to(self.sigma_w, chaotic.shape)[chaotic]
            gap, chi[chaotic], error[chaotic] = correlations(self._moments, self.q_star[chaotic], w)
            c[chaotic] = 1 - gap
        return c, chi, error


def _depths(chi: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return np.where(chi >= 1, np.inf, -1 / np.log(chi))


def phase_diagram(activation: Any, sigma_w: Axis, sigma_b: Axis) -> PhaseDiagram:
    """The mean field of an activation over σ_w and σ_b, from a table of its moments: no point is iterated.

    Parameters
    ----------
    activation : name, or Activation.
    sigma_w, sigma_b : Axis. Standard deviations: of the weights times √fan_in (> 0), and of the biases (>= 0).

    Raises
    ------
    BadValue
        For an axis that is none or reaches below 0.

    Poole et al. (2016), figure 1, with standard deviations on its axes and not variances.

    Examples
    --------
    >>> d = phase_diagram("tanh", sigma_w=Axis(0.5, 3, 6), sigma_b=Axis(0, 1, 3))
    >>> d.vanishing.astype(int).tolist()
    [[1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]]
    """
    known = moments(neuron(activation))
    w = of_kind("sigma_w", sigma_w, Axis, "an Axis").values
    b = of_kind("sigma_b", sigma_b, Axis, "an Axis").values
    if w[0] <= 0 or b[0] < 0:
        raise BadValue(f"the axes start at sigma_w = {w[0]:g}, sigma_b = {b[0]:g}; give sigma_w > 0 and sigma_b >= 0")
    q, chi_q, chi_1 = (_scaled if homogeneous(known.activation) else _solved)(known, w, b)
    return PhaseDiagram(known.activation, {"sigma_w": sigma_w, "sigma_b": sigma_b}, q, chi_q, chi_1, known)


def _scaled(known: Moments, w: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
    """Lines that bend at 0 alone: V = k q."""
    chi = np.broadcast_to(w**2 * float(slopes_at_0(known.activation) or 0), (b.size, w.size))
    with np.errstate(all="ignore"):
        q = np.where(chi < 1, b[:, None] ** 2 / (1 - chi), np.inf)
    return q, chi.copy(), chi.copy()


def _solved(known: Moments, w: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
    """The first place where the curve of each σ_b rises above log σ_w²."""
    shape = (b.size, w.size)
    level = 2 * np.log(w)
    low, high = np.zeros(shape), np.zeros(shape)
    at_0, low_r = np.zeros(shape, bool), np.zeros(shape, bool)
    for row, sigma_b in enumerate(b):
        curve = Curve(known, float(sigma_b))
        heights = curve.height(curve.grid)
        first = np.searchsorted(np.maximum.accumulate(heights), level, side="right")
        at_0[row] = (first == 0) & (curve.start is not None)
        low_r[row] = curve.begins_above(level) if sigma_b else False
        ends = np.append(curve.grid, np.inf)
        low[row], high[row] = ends[np.maximum(first - 1, 0)], ends[first]
    found = np.isfinite(high) & ~at_0 & (low < high)
    squared = np.broadcast_to((b**2)[:, None], shape)[found]
    levels = np.broadcast_to(level, shape)[found]
    log_r = find_root(
        lambda t, s, wanted: t - np.log(known.near(np.exp(t) + s, (V,))[0]) - wanted,
        (low[found], high[found]),
        args=(squared, levels),
    ).x
    q = np.where(at_0, 0.0, np.inf)
    q[found] = np.exp(log_r) + squared
    for k in np.flatnonzero(low_r.any(axis=1)):
        q[k, low_r[k]] = below_grid(known, w[low_r[k]], float(b[k]))
    found |= low_r
    a = np.broadcast_to(w**2, shape)
    chi_q, chi_1 = np.full(shape, np.nan), np.full(shape, np.nan)
    near = known.near(q[found])
    chi_q[found], chi_1[found] = a[found] * near[SLOPE], a[found] * near[M2]
    chi_q[at_0] = chi_1[at_0] = a[at_0] * float(slopes_at_0(known.activation) or 0)
    grown = np.isinf(q)
    chi_q[grown] = chi_1[grown] = a[grown] * known.near(np.exp(np.array([known.most - 1e-6])))[M2]
    return q, chi_q, chi_1
