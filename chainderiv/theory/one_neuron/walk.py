"""The chain of one neuron a layer with random weights, followed as a law and not by drawing it.

z' = w φ(z) + b with w ~ N(0, σ_w²) and b ~ N(0, σ_b²) is N(0, s²), s² = σ_w² φ(z)² + σ_b²: of all that has been, the
next layer keeps t = log s alone, and the sign of z' is a fair coin. What is expected from t on is smooth in t, whatever
kinks φ has, for log|z'| is t plus the logarithm of a standard normal's size. So functions of t are polynomials on
panels, and expectations over z' are sums over nodes in log|z'|, refined where φ needs it: Nyström's method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from scipy.linalg import lu_factor, lu_solve

from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Floats, Mask, Places
from chainderiv.theory.one_neuron.log_weight import log_moments
from chainderiv.theory.one_neuron.panels import halved, nodes_on

BELOW, ABOVE = 40.0, 2.5  # of t: where the density of log|z'| ends, at e⁻⁴⁰ and at 12 standard deviations
NEAR = 2.0  # thirds of t: so far from 0 and from the ends panels are 1 wide, then wider by what is beyond
STEEP = 1.5  # change of t over a panel of log|z|
AT_A_ZERO = -36.5  # log|φ'| at a node that rounding puts onto a zero of φ'
WIDEST_ZERO = 1e-9  # of log|z|, that such nodes may stand for
MOST_PANELS = 2500  # of log|z|
REFINED = 3  # solutions of a system: of a law that hardly settles the first is right to 1e-11
SELDOM = 1e-30  # a chance that counts for nothing


@dataclass(frozen=True)
class Walk:
    """The states t on (m,) nodes between low and high, where those beyond are held, and the next |z| on (n,) nodes.

    A function of z is an array (2, n), at |z| and at -|z|; one of t is an array (m,). tilt: functions of t may grow as
    e^(tilt t) and their means keep their digits.  degree, width : of the polynomials, and of a panel of log|z|.
    """

    activation: Activation
    sigma_w: float
    sigma_b: float
    low: float
    high: float
    tilt: float
    degree: int
    width: float

    def next_t(self, z: Floats) -> Floats:
        """log s of what follows z; -∞ where nothing is left."""
        with np.errstate(all="ignore"):
            part = math.log(self.sigma_w) + array_functions(self.activation).log_abs_value(z)
        return part if self.sigma_b == 0 else np.logaddexp(2 * part, 2 * math.log(self.sigma_b)) / 2

    def slope(self, z: Floats) -> tuple[Floats, Mask]:
        """log|φ'(z)|, and whether φ' is not the number 0 there; where it is, the logarithm is told as 0."""
        functions = array_functions(self.activation)
        alive = np.asarray(functions.states_zero_slope(z) == 0)
        with np.errstate(all="ignore"):
            f = functions.log_abs_derivative(z)
        return np.where(alive, np.where(f == -np.inf, AT_A_ZERO, f), 0.0), alive

    @cached_property
    def edges(self) -> Floats:
        """Of the panels of t."""
        edges = [self.low]
        while edges[-1] < self.high - 1e-9:
            edges.append(min(edges[-1] + self._wide(edges[-1]), self.high))
        return np.array(edges)

    def _wide(self, t: float) -> float:
        """Of a panel that begins at t: all is smooth far from the ends and from where neurons bend, unless it grows."""
        if self.tilt and t >= 0:
            return 1.0
        rooms = ((place - t) / 3 if t < place else (t - place) / 2 for place in (self.low, 0.0, self.high))
        return 1 + max(0.0, min(rooms) - NEAR)

    @cached_property
    def t(self) -> Floats:
        """(m,), Chebyshev's nodes of each panel."""
        low, high = self.edges[:-1, None], self.edges[1:, None]
        return ((low + high) / 2 + (high - low) / 2 * chebyshev.chebpts1(self.degree + 1)).ravel()

    def nodes(self, low: float, high: float) -> tuple[Floats, Floats]:
        """log|z| of what follows states from low to high, and weights: (n,) each."""

        def integrands(u: Floats, _: Places) -> tuple[Floats, Floats, Mask]:
            z = both(u)
            weight = density(u - np.clip(u, low, high)).max(axis=-1)
            f, _alive = self.slope(z)
            steep = np.ptp(np.clip(self.next_t(z), self.low, self.high), axis=-1).max(axis=0) > STEEP
            return np.concatenate([f, f * f]), weight, steep & (weight > SELDOM)

        edges = self.first_edges(low, high)
        try:
            lower, upper, _ = halved(edges[:-1], edges[1:], np.zeros(len(edges) - 1, int), integrands)
            if lower.size > MOST_PANELS:
                raise OverflowError
        except OverflowError as e:
            raise BadValue(
                f"log|φ'| of {self.activation.name!r} turns too often over the z that sigma_w = {self.sigma_w:g}, "
                f"sigma_b = {self.sigma_b:g} reach, and has no mean that is known; give smaller sigmas"
            ) from e
        u, weights = nodes_on(lower, upper)
        if float((self.slope(both(u))[0] == AT_A_ZERO).any(axis=0).ravel() @ weights.ravel()) > WIDEST_ZERO:
            raise BadValue(
                f"log|φ'| of {self.activation.name!r} is beyond float64 at z that are reached; give an activation in a "
                "form whose slope does not underflow, or a smaller sigma_w"
            )
        return u.ravel(), weights.ravel()

    def first_edges(self, low: float, high: float) -> Floats:
        """Of the panels of log|z'| that follow states from low to high, before any is halved."""
        count = math.ceil((high + ABOVE - low + BELOW) / self.width)
        even = np.linspace(low - BELOW, high + ABOVE, count + 1)
        bends = [math.log(abs(float(p))) for p in self.activation.breaks if p]
        return np.unique(np.concatenate([even, [p for p in bends if even[0] < p < even[-1]]]))

    @cached_property
    def _nodes(self) -> tuple[Floats, Floats]:
        return self.nodes(self.low, self.high)

    @cached_property
    def _slopes(self) -> tuple[Floats, Mask]:
        return self.slope(both(self._nodes[0]))

    @cached_property
    def _chances(self) -> Floats:
        """Of each |z| from each t, (m, n)."""
        u, weights = self._nodes
        made = density(u - self.t[:, None]) * weights
        made[made < SELDOM] = 0.0  # subnormal numbers would make every product slow
        return np.asarray(made / made.sum(axis=1, keepdims=True))

    @cached_property
    def mean_slope(self) -> Floats:
        """E log|φ'(z')| from each t, where φ' is not the number 0."""
        return np.asarray(self._chances @ self._slopes[0].mean(axis=0))

    @cached_property
    def dead(self) -> Floats:
        """P(φ'(z') is the number 0) from each t."""
        return np.asarray(self._chances @ (~self._slopes[1]).mean(axis=0))

    @cached_property
    def links(self) -> Floats:
        """E log^k|w φ'(z')| h(t') from each t, k = 0, 1, 2, over those z' at which φ' is not 0: matrices (3, m, m)."""
        made = np.zeros((3, self.t.size, self.t.size))
        first, second = self._with_log_w()
        for side, (f, alive) in enumerate(zip(*self._slopes, strict=True)):
            powers = (self._chances, first + self._chances * f, second + (2 * first + self._chances * f) * f)
            for k, weights in enumerate(powers):
                self._read(made[k], weights * (alive / 2), side)
        return made

    @cached_property
    def step(self) -> Floats:
        """E h(t') from each t, (m, m)."""
        made = np.zeros((self.t.size, self.t.size))
        for side in (0, 1):
            self._read(made, self._chances / 2, side)
        return made

    def _read(self, matrix: Floats, weights: Floats, side: int) -> None:
        """Add to a matrix that takes h on the nodes: the sums of h(t') with weights (m, n) of the z on one side."""
        panels, places = self._placed(self.next_t(both(self._nodes[0])[side]))
        count = self.degree + 1
        ends = [0, *(np.flatnonzero(np.diff(panels)) + 1), panels.size]  # runs that one panel holds
        for first, last in pairwise(ends):
            basis = chebyshev.chebvander(places[first:last], self.degree) @ self._interpolation
            columns = slice(panels[first] * count, (panels[first] + 1) * count)
            matrix[:, columns] += weights[:, first:last] @ basis

    def at(self, functions: Floats, t: Floats) -> Floats:
        """Functions (k, m) of t at other t: (k, *shape)."""
        panel, place = self._placed(t)
        values = functions.reshape(len(functions), -1, self.degree + 1) @ self._interpolation.T
        return np.asarray(chebyshev.chebval(place, np.moveaxis(values[:, panel], -1, 0), tensor=False))

    def _placed(self, t: Floats) -> tuple[Places, Floats]:
        """The panel of each t, and its place there from -1 to 1."""
        t = np.clip(t, self.low, self.high)
        panel = np.clip(np.searchsorted(self.edges, t, side="right") - 1, 0, len(self.edges) - 2)
        low, high = self.edges[panel], self.edges[panel + 1]
        return panel, np.clip((2 * t - low - high) / (high - low), -1, 1)

    @cached_property
    def _interpolation(self) -> Floats:
        """Chebyshev coefficients out of values on a panel's nodes."""
        return np.asarray(np.linalg.inv(chebyshev.chebvander(chebyshev.chebpts1(self.degree + 1), self.degree)))

    @cached_property
    def _scale(self) -> Floats:
        return np.exp(-self.tilt * np.maximum(self.t - max(self.low, 0.0), 0.0))

    @cached_property
    def _factors(self) -> Any:
        """Of I - P and what makes it regular, every row and column in shares of what grows as e^(tilt t)."""
        scale = self._scale
        system = np.eye(self.t.size) - scale[:, None] * self.step / scale + scale[:, None] * scale
        return lu_factor(system, overwrite_a=True, check_finite=False)

    @cached_property
    def settled(self) -> Floats:
        """The mean of a function of t in the long run, as weights (m,) of its values on the nodes."""
        scale, found = self._scale, np.zeros(self.t.size)
        for _ in range(REFINED):
            left = scale * (1 - found.sum()) + (found @ self.step - found) / scale
            found = found + scale * lu_solve(self._factors, left, trans=1, check_finite=False)
        return found

    def to_come(self, centred: Floats) -> Floats:
        """h with h - P h = g, the sum of all that is expected of g from each t on; g has the mean 0 in the long run."""
        scale, found = self._scale, np.zeros(self.t.size)
        for _ in range(REFINED):
            left = scale * (centred - found + self.step @ found - scale @ (scale * found))
            found = found + lu_solve(self._factors, left, check_finite=False) / scale
        return found

    def _with_log_w(self) -> tuple[Floats, Floats]:
        """The chances times E log|w| and E log²|w| given both ends of the step, (m, n) each."""
        made = np.zeros((2, *self._chances.shape))
        met = self._chances > 0
        xi = (self._nodes[0] - self.t[:, None])[met]
        ratio, scale = (part[np.nonzero(met)[0]] for part in self.weight(self.t))
        if self.sigma_b == 0:
            first, second = scale + xi, (scale + xi) ** 2
        else:
            first, second = log_moments(ratio + xi)
            first, second = scale + first, scale**2 + 2 * scale * first + second
        made[:, met] = self._chances[met] * first, self._chances[met] * second
        return made[0], made[1]

    def weight(self, t: Floats) -> tuple[Floats, Floats]:
        """What |w| is between t and z' = ±e^(t + ξ): e^scale |e^(ratio + ξ) + η|, η a standard normal.

        σ_w² φ²/s² of z' is w's share and σ_b²/s² the bias's; without biases |w| is e^(scale + ξ).
        """
        if self.sigma_b == 0:
            return t, np.full_like(t, math.log(self.sigma_w))
        log_b = math.log(self.sigma_b)
        with np.errstate(divide="ignore"):
            ratio = t - log_b + np.log(np.maximum(-np.expm1(-2 * (t - log_b)), 0.0)) / 2
        return ratio, math.log(self.sigma_w) + log_b - t


def both(u: Floats) -> Floats:
    """z = ±e^u, (2, *shape)."""
    size = np.exp(u)
    return np.stack([size, -size])


def density(xi: Floats) -> Floats:
    """Of log|ξ|, ξ a standard normal."""
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(math.sqrt(2 / math.pi) * np.exp(xi - np.exp(2 * xi) / 2))
