"""The engine "numpy": walks the layers with arrays, and is the oracle for the compiled one."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.logsign import LogSign
from chainderiv.numeric.conditioning import Conditioning, Doubts, is_lost, without
from chainderiv.numeric.expression import evaluate_expression
from chainderiv.numeric.orbit import Orbit
from chainderiv.numeric.parameters import Parameters
from chainderiv.numeric.product import Links, Product
from chainderiv.numeric.reading import Reading
from chainderiv.numeric.slope import slope
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.factor import Factor


class NumpyKernel:
    """Walks the layers once, all points together; memory does not grow with the depth.

    Where a formula that no stable form vouches for has lost its digits (conditioning.is_lost), the gradient is NaN.
    """

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self._replaced = {derivation.places[k]: expression for k, expression in derivation.replaced}
        self.vouched = derivation.chain.vouched
        # a residual chain has φ'(z_L) within its last link, but for the output's own parameters
        self._ends_in_prime = derivation.places[-2].kind == "prime"
        self._wanted = {str(s) for e in self._replaced.values() for s in e.atoms() if s.is_Symbol}

    def gradient(self, parameters: Parameters) -> LogSign:
        """∂C/∂θ alone; NaN where it is lost, or lies within its rounding of a kink or of a slope that is 0."""
        if not self.vouched:
            return self.read(parameters)[0].gradient
        doubts = Doubts(self.derivation.chain, parameters)
        gradient = self._walk(parameters, doubts)[1]
        if not doubts.mask.any():
            return gradient
        lost = doubts.mask.copy()
        where = np.nonzero(lost) if lost.shape else ()
        lost[where] = is_lost(self.read(parameters.at(where))[1])
        return without(lost, gradient)

    def fill(self, parameters: Parameters, reading: Reading) -> None:
        """Read into a flat reading that is there already."""
        reading.put(..., self.read(parameters)[0].reshape(-1))

    @np.errstate(all="ignore")
    def read(self, parameters: Parameters) -> tuple[Reading, Floats]:
        """The gradient, the links and what is uncertain, and κ."""
        chain = self.derivation.chain
        links, condition = Links(parameters.shape), Conditioning(chain, parameters, self.derivation.wrt)
        orbit, gradient = self._walk(parameters, links, condition)
        kappa = condition.finish(orbit)
        lost = is_lost(kappa)
        value = gradient if self.vouched else without(lost, gradient)
        return Reading.of(value, links.log_sum, links.largest, lost), kappa

    @np.errstate(all="ignore")  # what leaves float64 is caught by its value and walked again in wide numbers
    def _walk(self, parameters: Parameters, *beside: Links | Conditioning | Doubts) -> tuple[Orbit, LogSign]:
        """The orbit at its end, and ∂C/∂θ; what goes beside it steps with it."""
        orbit, known = Orbit(self.derivation.chain, parameters), dict[Any, LogSign]()
        gradient = Product(parameters.shape)
        while orbit.layer < self.derivation.chain.depth:
            before = self._step(orbit, known)
            for place, value in self._at_layer(orbit, before):
                if place not in self._replaced:
                    gradient.times(value)
            for one in beside:
                one.step(orbit, before)
        for value in self._at_output(orbit, known):
            gradient.times(value)
        return orbit, gradient.value()

    @np.errstate(all="ignore")
    def factors(self, parameters: Parameters) -> list[LogSign]:
        """The value of every factor, in the derivation's order; nothing is cancelled."""
        chain = self.derivation.chain
        orbit, known, values = Orbit(chain, parameters), dict[Any, LogSign](), []
        while orbit.layer < chain.depth:
            before = self._step(orbit, known)
            values += [value for _, value in self._at_layer(orbit, before)]
        if self._ends_in_prime:
            values.append(orbit.prime)
        values.append(slope(orbit, parameters.y, joined=False))
        self._know_output(known, orbit, values[-1])
        for k, expression in self.derivation.replaced:
            values[k] = evaluate_expression(expression, known, parameters)
        return values

    def _step(self, orbit: Orbit, known: dict[Any, LogSign]) -> LogSign:
        """Walk one layer; a_{l-1}. What a replaced factor names is kept in known."""
        before = orbit.a
        orbit.step()
        layer = orbit.layer
        for name, value in ((f"w_{layer}", orbit.weight), (f"a_{layer}", orbit.a)):
            if name in self._wanted:
                known[name] = value
        if f"z_{layer}" in self._wanted:
            known[f"z_{layer}"] = LogSign.from_float(orbit.z)
            known[self.derivation.symbol_of(Factor("prime", layer))] = orbit.prime
        return before

    def _at_layer(self, orbit: Orbit, before: LogSign) -> list[tuple[Factor, LogSign]]:
        """The factors that a layer brings, in order; the output's φ' comes with the cost."""
        derivation, layer = self.derivation, orbit.layer
        kind, start, found = derivation.wrt.kind, derivation.start, list[tuple[Factor, LogSign]]()
        if layer < start:
            return found
        if layer == start and kind == "w":
            found.append((Factor("activation", layer - 1), before))
        linked = layer > start or kind == "x"
        if linked and derivation.chain.residual:
            return [*found, (Factor("link", layer), orbit.link)]
        if linked:
            found.append((Factor("weight", layer), orbit.weight))
        if layer < derivation.chain.depth:
            found.append((Factor("prime", layer), orbit.prime))
        return found

    def _at_output(self, orbit: Orbit, known: dict[Any, LogSign]) -> list[LogSign]:
        """φ'(z_L) and ∂C/∂a_L as one cancelled value while both are the derived ones, and the replaced factors."""
        depth, target = self.derivation.chain.depth, orbit.parameters.y
        prime, last = Factor("prime", depth), Factor("slope", depth)
        if not {prime, last} & self._replaced.keys():
            values = [slope(orbit, target, joined=self._ends_in_prime)]
        else:
            apart = {prime: orbit.prime} if self._ends_in_prime else {}
            apart[last] = slope(orbit, target, joined=False)
            values = [value for place, value in apart.items() if place not in self._replaced]
        if not self._replaced:
            return values
        self._know_output(known, orbit, slope(orbit, target, joined=False))
        return values + [evaluate_expression(e, known, orbit.parameters) for e in self._replaced.values()]

    def _know_output(self, known: dict[Any, LogSign], orbit: Orbit, value: LogSign) -> None:
        chain = self.derivation.chain
        known[self.derivation.symbol_of(Factor("slope", chain.depth))] = value
        known[str(chain.parameter("x"))] = LogSign.from_float(orbit.parameters.x)
