"""The moments of a neuron under z ~ N(0, q): V = E φ², M₂ = E φ'², V' = dV/dq and M₄ = E φ'⁴.

V' is E[φ φ' z]/q, Gaussian integration by parts, so that no second derivative is asked of a kink.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev, legendre

from chainderiv.compiling.arrays import ArrayFunctions, array_functions
from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.branches import jumps
from chainderiv.kinds import Floats, Mask
from chainderiv.theory.gaussian import MOST_HALVINGS, WIDTH, Expected, gaussian, reached

V, M2, SLOPE, M4 = range(4)
LEAST, MOST, STRIDE = -48, 24, 8  # log q, from 1e-21 to 1e10: where fixed points are looked for
KNOWN = 1e-10  # relative error beyond which the table ends
TINY = 1e-300
FARTHEST = 1e7  # of edges
PANELS = 400
NARROW = 1e-7
DIGITS = 24
FLATTEST = 1e-100  # slopes, of which the mean of φ² and φ'² is a number with room to spare
EVERYWHERE = np.sinh(np.linspace(-12, 12, 97))  # places z, some of which have a slope
DEGREE = 17  # of the table's polynomials, each over a factor e of q


@dataclass(frozen=True)
class Moments:
    """V, M₂, V' and M₄ of an activation as functions of q."""

    activation: Activation

    @cached_property
    def functions(self) -> ArrayFunctions:
        """φ and φ' on arrays."""
        return array_functions(self.activation)

    @cached_property
    def breaks(self) -> tuple[float, ...]:
        """Where φ or φ' jumps, or a branch changes."""
        return tuple(float(p) for p in self.activation.breaks)

    @cached_property
    def edges(self) -> Floats:
        """Places z, ascending, between which φ' is a polynomial of degree 23 to rounding; breaks are among them.

        Far from 0, where PANELS do not suffice, they are wider.
        """
        even = np.sinh(WIDTH * np.arange(1, int(np.arcsinh(FARTHEST) / WIDTH) + 1))
        start = np.unique(np.concatenate([-even, [0.0], even, self.breaks]))
        waiting = sorted(pairwise(start.tolist()), key=lambda p: -min(map(abs, p)))
        found, largest = [start], 0.0
        unit, weights = np.polynomial.legendre.leggauss(DIGITS)
        last = weights * legendre.legvander(unit, DIGITS - 1)[:, -3:].T * (np.arange(DIGITS)[-3:, None] + 0.5)
        while waiting and len(found) < PANELS:
            left, right = waiting.pop()
            middle = (left + right) / 2
            with np.errstate(all="ignore"):
                slopes = self.functions.derivative(middle + (right - left) / 2 * unit)
            size = float(np.abs(slopes).max())
            largest = max(largest, size) if np.isfinite(size) else largest
            if np.isfinite(size) and np.abs(last @ slopes).max() > 1e-13 * largest and right - left > NARROW:
                found.append(np.array([middle]))
                waiting += [(left, middle), (middle, right)][:: -1 if left >= 0 else 1]
        return np.unique(np.concatenate(found))

    def at(self, q: Floats, halvings: int = MOST_HALVINGS) -> Expected:
        """The four at variances q (n,): (4, n), by quadrature."""
        return gaussian(self._integrand, np.asarray(q, float), self.breaks, halvings, self.edges.tolist())

    def reached(self, q: float) -> tuple[Floats, Floats]:
        """V, M₂ and V' at one q, and their errors, all known; raises BadValue. M₄ may be infinite where these are not.

        >>> from chainderiv.functions.activation import Activation
        >>> steep = Moments(Activation.from_formula("steep", "exp(z*z/16)"))  # M₂ is finite below q = 4, M₄ below 2
        >>> steep.reached(2.5)[0].round(3).tolist(), steep.at(np.array([2.5])).value[M4].tolist()
        ([1.633, 0.17, 0.544], [nan])
        """
        found = reached(Expected(*(rows[:M4] for rows in self.at(np.array([q])))), np.array([q]))
        return found.value[:, 0], found.error[:, 0]

    def _integrand(self, z: Floats, q: Floats) -> Floats:
        phi, slope = self.functions.value(z), self.functions.derivative(z)
        squared = slope * slope
        return np.array([phi * phi, squared, phi * slope * (z / q), squared * squared])

    @cached_property
    def _table(self) -> Floats:
        """Chebyshev coefficients (DEGREE + 1, 4, panels), a panel for each factor e of q, as far as known.

        Of logarithms, and of q V'/V: V may fall by twenty decades in a panel, as softshrink's.
        """
        unit = chebyshev.chebpts1(DEGREE + 1)
        basis = chebyshev.chebvander(unit, DEGREE)
        panels: list[Any] = []
        for first in range(LEAST, MOST, STRIDE):
            q = np.exp((np.arange(first, first + STRIDE)[:, None] + (1 + unit) / 2).ravel())
            found = gaussian(self._integrand, q, self.breaks, halvings=2)
            known = _known(found)
            if not known.all():
                further = gaussian(self._integrand, q[~known], self.breaks, 5, self.edges.tolist())
                found.value[:, ~known], known[~known] = further.value, _known(further)
            # a polynomial that reaches 0 within a panel has no digit anywhere in it; all of it is below 1e-100
            least = (found.value[V] <= TINY).reshape(STRIDE, -1).any(axis=1).repeat(DEGREE + 1)
            values = bent(np.where(least, 0.0, found.value), q).reshape(4, STRIDE, DEGREE + 1).transpose(2, 0, 1)
            whole = known.reshape(STRIDE, -1).all(axis=1)
            count = STRIDE if whole.all() else int(np.argmin(whole))
            panels.append(np.linalg.solve(basis, values.reshape(DEGREE + 1, -1)).reshape(values.shape)[..., :count])
            if count < STRIDE:
                break
        table = np.concatenate(panels, axis=-1)
        if not table.size:
            raise BadValue(
                f"activation {self.activation.name!r} has no mean of φ² and φ'² that is known at any variance; "
                "give one whose slope is finite everywhere"
            )
        return table

    @property
    def most(self) -> float:
        """The largest log q of the table."""
        return LEAST + float(self._table.shape[-1])

    def near(self, q: Floats, rows: tuple[int, ...] = (V, M2, SLOPE, M4)) -> Floats:
        """The four, or some of them, at variances q of any shape: (4, *shape), from a table; NaN beyond it."""
        at = np.log(q)
        panel = np.clip(np.floor(at) - LEAST, 0, self._table.shape[-1] - 1).astype(int)
        inside = (at >= LEAST) & (at <= self.most)
        asked = (V, *rows) if SLOPE in rows else rows
        bent = chebyshev.chebval(2 * (at - LEAST - panel) - 1, self._table[:, asked][..., panel], tensor=False)
        with np.errstate(over="ignore"):
            found = [bent[k] * np.exp(bent[0]) / q if row == SLOPE else np.exp(bent[k]) for k, row in enumerate(asked)]
        found = [np.where(np.abs(x) > 2 * TINY, x, 0.0) for x in found[len(found) - len(rows) :]]
        return np.where(inside, found, np.nan)


def _known(found: Expected) -> Mask:
    """Where V and M₂ are known: a mean of squares of which nothing is found within 37 deviations is as good as 0."""
    enough = (found.error <= KNOWN * found.value) | (found.value == 0)
    return np.asarray(enough[:SLOPE].all(axis=0))


def bent(values: Floats, q: Floats) -> Floats:
    """What is smooth over any panel: log V, log M₂, q V'/V and log M₄, of TINY what is smaller."""
    v, m2, slope, m4 = np.where(np.isnan(values), 1.0, values)
    some = v > TINY
    ratio = np.where(some, q * slope / np.where(some, v, 1.0), 0.0)
    return np.stack([*np.log(np.maximum([v, m2], TINY)), ratio, np.log(np.maximum(m4, TINY))])


@lru_cache(maxsize=64)
def moments(activation: Activation) -> Moments:
    """The moments of an activation, their table made once; raises BadValue where φ jumps, or is all but flat.

    Its slope would hold a δ(z) there, whose square has no mean: inputs that are as near as one likes part at once.
    """
    for point in activation.breaks:
        if jumps(activation.branched, point):
            raise BadValue(
                f"activation {activation.name!r} jumps at z = {float(point):g}, and the mean of its squared slope is "
                "infinite; give one that is continuous, such as steep pieces that join"
            )
    known = Moments(activation)
    with np.errstate(all="ignore"):
        slopes = np.abs(known.functions.derivative(EVERYWHERE))
    if 0 < (steepest := np.nanmax(slopes)) < FLATTEST:
        raise BadValue(
            f"activation {activation.name!r} has slopes of {steepest:.3g} at most, whose squares leave float64; "
            "give a steeper one, and smaller weights"
        )
    return known
