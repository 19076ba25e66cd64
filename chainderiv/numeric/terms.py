"""The terms of a second derivative at many points, factor by factor as they are printed: what the judges judge.

It multiplies what stands in each term, a replaced factor included, and knows nothing of the walk in second.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainderiv.logsign import LogSign
from chainderiv.numeric.bend import bend
from chainderiv.numeric.expression import evaluate_expression
from chainderiv.numeric.orbit import Orbit
from chainderiv.numeric.parameters import Parameters
from chainderiv.numeric.slope import slope, value_of_powers
from chainderiv.symbolic.factor import Factor, symbol_of
from chainderiv.symbolic.second import SecondDerivation
from chainderiv.symbolic.term import Term


class TermValues:
    """Every place's value at every point, from one walk."""

    def __init__(self, second: SecondDerivation, parameters: Parameters) -> None:
        self.second, self.parameters = second, parameters
        self.at: dict[Factor, LogSign] = {}
        with np.errstate(all="ignore"):
            self._walk()
        shape = parameters.shape
        self._row = {place: row for row, place in enumerate(self.at)}
        self._signs = np.array([np.broadcast_to(v.sign, shape) for v in self.at.values()])
        self._logs = np.array([np.broadcast_to(v.log, shape) for v in self.at.values()])
        symbols = {symbol_of(second.chain, place): value for place, value in self.at.items()}
        self._known = {k: v for key, v in symbols.items() for k in (key, str(key))}

    def sum(self) -> LogSign:
        """The surviving terms, summed by their sizes from the largest one."""
        products = [self.product(term) for term in self.second.surviving]
        logs, signs = np.array([p.log for p in products]), np.array([p.sign for p in products])
        top = logs.max(axis=0)
        anchor = np.where(np.isfinite(top), top, 0.0)
        with np.errstate(all="ignore"):
            total = (signs * np.exp(logs - anchor)).sum(axis=0)
            return LogSign.of(np.sign(total), np.log(np.abs(total)) + anchor)

    def product(self, term: Term) -> LogSign:
        """One term."""
        rows = [self._row[place] for k, place in enumerate(term.places) if k not in term.replaced]
        sign, log = self._signs[rows].prod(axis=0), self._logs[rows].sum(axis=0)
        whole = LogSign.of(sign, np.where(sign == 0, -np.inf, log))
        for expression in term.replaced.values():
            whole = whole * evaluate_expression(expression, self._known, self.parameters)
        return whole

    def factors(self, term: Term) -> Sequence[LogSign]:
        """The value of every factor of a term."""
        values = [self.at[place] for place in term.places]
        for k, expression in term.replaced.items():
            values[k] = evaluate_expression(expression, self._known, self.parameters)
        return values

    def _walk(self) -> None:
        chain = self.second.chain
        orbit = Orbit(chain, self.parameters)
        self.at[Factor("activation", 0)] = orbit.a
        while orbit.layer < chain.depth:
            orbit.step()
            layer = orbit.layer
            self.at |= {
                Factor("activation", layer): orbit.a,
                Factor("weight", layer): orbit.weight,
                Factor("prime", layer): orbit.prime,
                Factor("curve", layer): bend(chain.activation(layer)).of(orbit),
            }
            if chain.residual:
                self.at[Factor("link", layer)] = orbit.link
        self._at_output(orbit)

    def _at_output(self, orbit: Orbit) -> None:
        chain, target = self.second.chain, np.broadcast_to(self.parameters.y, self.parameters.shape)
        self.at[Factor("slope", chain.depth)] = slope(orbit, target, joined=False)
        self.at[Factor("bend", chain.depth)] = value_of_powers(orbit, target, chain.cost.second)
        if chain.output_rest is not None:
            self.at[Factor("rest", chain.depth)] = slope(orbit, target, joined=True)
            self.at[Factor("rest_slope", chain.depth)] = value_of_powers(orbit, target, chain.output_rest_slope)
