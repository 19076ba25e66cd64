"""The moments of a neuron under z ~ N(0, q): V = E φ², M₂ = E φ'², V' = dV/dq and M₄ = E φ'⁴.

V' is E[φ φ' z]/q, Gaussian integration by parts, so that no second derivative is asked of a kink.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from chainderiv.compiling.arrays import ArrayFunctions, array_functions
from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Floats
from chainderiv.theory.gaussian import MOST_HALVINGS, Expected, gaussian

V, M2, SLOPE, M4 = range(4)
LEAST, MOST, STRIDE = -48, 24, 8  # log q, from 1e-21 to 1e10: where fixed points are looked for
KNOWN = 1e-10  # relative error beyond which the table ends
TINY = 1e-300
DEGREE = 17  # of the table's polynomials, each over a factor e of q


@dataclass(frozen=True)
class Moments:
    """V, M₂, V' and M₄ of an activation as functions of q."""

    activation: Activation

    @cached_property
    def _functions(self) -> ArrayFunctions:
        return array_functions(self.activation)

    @cached_property
    def breaks(self) -> tuple[float, ...]:
        """Where φ or φ' jumps, or a branch changes."""
        return tuple(float(p) for p in self.activation.breaks)

    def at(self, q: Floats, halvings: int = MOST_HALVINGS) -> Expected:
        """The four at variances q (n,): (4, n), by quadrature."""
        return gaussian(self._integrand, np.asarray(q, float), self.breaks, halvings)

    def _integrand(self, z: Floats, q: Floats) -> Floats:
        phi, slope = self._functions.value(z), self._functions.derivative(z)
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
            # of softshrink at a small q nothing is left that float64 holds
            known = ((found.error <= KNOWN * found.value) | (np.abs(found.value) <= TINY))[:SLOPE].all(axis=0)
            values = bent(found.value, q).reshape(4, STRIDE, DEGREE + 1).transpose(2, 0, 1)
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
        return np.where(inside, found[len(found) - len(rows) :], np.nan)


def bent(values: Floats, q: Floats) -> Floats:
    """What is smooth over any panel: log V, log M₂, q V'/V and log M₄, of TINY what is smaller."""
    v, m2, slope, m4 = np.where(np.isnan(values), 1.0, values)
    some = v > TINY
    ratio = np.where(some, q * slope / np.where(some, v, 1.0), 0.0)
    return np.stack([*np.log(np.maximum([v, m2], TINY)), ratio, np.log(np.maximum(m4, TINY))])


@lru_cache(maxsize=64)
def moments(activation: Activation) -> Moments:
    """The moments of an activation, their table made once."""
    return Moments(activation)
