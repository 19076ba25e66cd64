"""The engine "numpy": walks the layers with arrays, and is the oracle for the compiled one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.logsign import LogSign
from chainderiv.numeric.conditioning import Conditioning, Doubts, is_lost, is_unknown, without
from chainderiv.numeric.expression import evaluate_expression
from chainderiv.numeric.orbit import Orbit
from chainderiv.numeric.parameters import Parameters
from chainderiv.numeric.product import Links, Product
from chainderiv.numeric.reading import Reading
from chainderiv.numeric.slope import slope
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.factor import Factor


class Oracle(ABC):
    """A kernel that knows how well its readings are conditioned."""

    @abstractmethod
    def read(self, parameters: Parameters) -> tuple[Reading, Floats]:
        """The gradient, the links and what is uncertain, of the shape of the parameters, and κ."""

    def gradient(self, parameters: Parameters) -> LogSign:
        """∂C/∂θ alone."""
        return self.read(parameters)[0].gradient

    def fill(self, parameters: Parameters, reading: Reading) -> None:
        """Read into a flat reading that is there already."""
        reading.put(..., self.read(parameters)[0].reshape(-1))


class NumpyKernel(Oracle):
    """Walks the layers once, all points together; memory does not grow with the depth.

    Where a formula that no stable form vouches for has lost all but its first digits (conditioning.is_unknown), the
    gradient is NaN.
    """

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.vouched = derivation.chain.vouched
        # a residual chain has φ'(z_L) within its last link, but for the output's own parameters
        self._ends_in_prime = derivation.places[-2].kind == "prime"

    def gradient(self, parameters: Parameters) -> LogSign:
        """∂C/∂θ alone; NaN where it is lost, or lies within its rounding of a kink or of a slope that is 0."""
        if not self.vouched:
            return super().gradient(parameters)
        doubts = Doubts(self.derivation.chain, parameters)
        gradient = self._walk(parameters, doubts)[1]
        if not doubts.mask.any():
            return gradient
        lost = doubts.mask.copy()
        where = np.nonzero(lost) if lost.shape else ()
        lost[where] = is_lost(self.read(parameters.at(where))[1])
        return without(lost, gradient)

    @np.errstate(all="ignore")
    def read(self, parameters: Parameters) -> tuple[Reading, Floats]:
        """The gradient, the links and what is uncertain, and κ."""
        chain = self.derivation.chain
        links, condition = Links(parameters.shape), Conditioning(chain, parameters, self.derivation.wrt)
        orbit, gradient = self._walk(parameters, links, condition)
        kappa = condition.finish(orbit)
        value = gradient if self.vouched else without(is_unknown(kappa), gradient)
        return Reading.of(value, links.log_sum, links.largest, is_lost(kappa)), kappa

    @np.errstate(all="ignore")  # what leaves float64 is caught by its value and walked again in wide numbers
    def _walk(self, parameters: Parameters, *beside: Links | Conditioning | Doubts) -> tuple[Orbit, LogSign]:
        """The orbit at its end, and ∂C/∂θ; what goes beside it steps with it."""
        orbit, gradient = Orbit(self.derivation.chain, parameters), Product(parameters.shape)
        while orbit.layer < self.derivation.chain.depth:
            before = orbit.a
            orbit.step()
            if not self.derivation.replaced:
                for value in self._at_layer(orbit, before):
                    gradient.times(value)
            for one in beside:
                one.step(orbit, before)
        for value in self._replaced(orbit) if self.derivation.replaced else [self._end(orbit)]:
            gradient.times(value)
        return orbit, gradient.value()

    def _end(self, orbit: Orbit) -> LogSign:
        """φ'(z_L) and ∂C/∂a_L as one cancelled value."""
        return slope(orbit, orbit.parameters.y, joined=self._ends_in_prime)

    def _replaced(self, orbit: Orbit) -> list[LogSign]:
        """Every factor's value, and the two at the end as one while both are the derived ones."""
        values, ends = self.factors(orbit.parameters), 2 if self._ends_in_prime else 1
        if max(k for k, _ in self.derivation.replaced) < len(values) - ends:
            values[-ends:] = [self._end(orbit)]
        return values

    @np.errstate(all="ignore")
    def factors(self, parameters: Parameters) -> list[LogSign]:
        """The value of every factor, in the derivation's order; nothing is cancelled."""
        derivation, chain, values = self.derivation, self.derivation.chain, list[LogSign]()
        # what a replaced factor may name
        known: dict[Any, LogSign] = {str(chain.parameter("x")): LogSign.from_float(parameters.x)}
        orbit = Orbit(chain, parameters)
        while orbit.layer < chain.depth:
            before = orbit.a
            orbit.step()
            layer = orbit.layer
            values += self._at_layer(orbit, before)
            known |= {f"w_{layer}": orbit.weight, f"z_{layer}": LogSign.from_float(orbit.z), f"a_{layer}": orbit.a}
            known[derivation.symbol_of(Factor("prime", layer))] = orbit.prime
        if self._ends_in_prime:
            values.append(orbit.prime)
        values.append(slope(orbit, parameters.y, joined=False))
        known[derivation.symbol_of(Factor("slope", chain.depth))] = values[-1]
        for k, expression in derivation.replaced:
            values[k] = evaluate_expression(expression, known, parameters)
        return values

    def _at_layer(self, orbit: Orbit, before: LogSign) -> list[LogSign]:
        """The factors that a layer brings, in order; the output's φ' comes with the cost."""
        layer, start, kind = orbit.layer, self.derivation.start, self.derivation.wrt.kind
        if layer < start:
            return []
        found = [before] if layer == start and kind == "w" else []
        linked = layer > start or kind == "x"
        if linked and orbit.chain.residual:
            return [*found, orbit.link]
        if linked:
            found.append(orbit.weight)
        if layer < orbit.chain.depth:
            found.append(orbit.prime)
        return found
