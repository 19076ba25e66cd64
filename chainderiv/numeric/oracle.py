"""The engine "numpy": walks the layers with arrays, and is the oracle for the compiled one."""

from __future__ import annotations

from abc import ABC, abstractmethod
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

    Where a formula that no stable form vouches for has lost all but the first digits (Conditioning.unknown), the
    gradient is NaN. One that is vouched for is a number to a map, which marks it as uncertain; `gradient`, which cannot
    mark, has NaN there.
    """

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.vouched = derivation.chain.vouched
        self._replaced = dict(derivation.replaced)
        self._wanted = {str(s) for e in self._replaced.values() for s in e.atoms() if s.is_Symbol}
        # a residual chain has φ'(z_L) within its last link, but for the output's own parameters
        self._ends_in_prime = "prime" in [place.kind for place in derivation.places[-2:]]

    def gradient(self, parameters: Parameters) -> LogSign:
        """∂C/∂θ alone; NaN where it is lost, or lies within its rounding of a kink or of a slope that is 0."""
        if not self.vouched:
            return super().gradient(parameters)
        doubts = Doubts(self.derivation.chain, parameters)
        gradient = self._walk(parameters, doubts)[1]
        lost = np.asarray(doubts.mask | (gradient.sign == 0))  # a zero is proved, or asked of the referee
        if lost.any():
            where = np.nonzero(lost) if lost.shape else ()
            lost[where] = np.isinf(self.read(parameters.at(where))[1])
        return without(lost, gradient)

    @np.errstate(all="ignore")
    def read(self, parameters: Parameters) -> tuple[Reading, Floats]:
        """The gradient, the links and what is uncertain, and κ."""
        chain = self.derivation.chain
        links, condition = Links(parameters.shape), Conditioning(chain, parameters, self.derivation.wrt)
        orbit, gradient = self._walk(parameters, links, condition)
        kappa = condition.finish(orbit)
        value = gradient if self.vouched else without(condition.unknown(kappa, gradient.log), gradient)
        return Reading.of(value, links.log_sum, links.largest, is_lost(kappa)), kappa

    @np.errstate(all="ignore")  # what leaves float64 is caught by its value and walked again in wide numbers
    def _walk(self, parameters: Parameters, *beside: Links | Conditioning | Doubts) -> tuple[Orbit, LogSign]:
        """The orbit at its end, and ∂C/∂θ; what goes beside it steps with it."""
        orbit, gradient = Orbit(self.derivation.chain, parameters), Product(parameters.shape)
        known, place = dict[Any, LogSign](), 0
        while orbit.layer < self.derivation.chain.depth:
            before = orbit.a
            orbit.step()
            for value in self._at_layer(orbit, before):
                if place not in self._replaced:
                    gradient.times(value)
                place += 1
            self._know(known, orbit)
            for one in beside:
                one.step(orbit, before)
        for value in self._at_output(orbit, known, place):
            gradient.times(value)
        return orbit, gradient.value()

    @np.errstate(all="ignore")
    def factors(self, parameters: Parameters) -> list[LogSign]:
        """The value of every factor, in the derivation's order; nothing is cancelled."""
        orbit, known, values = Orbit(self.derivation.chain, parameters), dict[Any, LogSign](), list[LogSign]()
        while orbit.layer < self.derivation.chain.depth:
            before = orbit.a
            orbit.step()
            values += self._at_layer(orbit, before)
            self._know(known, orbit)
        values += self._ends(orbit)
        for place, value in self._in_place(orbit, known).items():
            values[place] = value
        return values

    def _know(self, known: dict[Any, LogSign], orbit: Orbit) -> None:
        """Keep of the layer walked last what a replaced factor names."""
        layer = orbit.layer
        for name, value in ((f"w_{layer}", orbit.weight), (f"a_{layer}", orbit.a)):
            if name in self._wanted:
                known[name] = value
        if f"z_{layer}" in self._wanted:
            known[f"z_{layer}"] = LogSign.from_float(orbit.z)
            known[self.derivation.symbol_of(Factor("prime", layer))] = orbit.prime

    def _ends(self, orbit: Orbit) -> list[LogSign]:
        """φ'(z_L), where it is a factor of its own, and ∂C/∂a_L."""
        last = slope(orbit, orbit.parameters.y, joined=False)
        return [orbit.prime, last] if self._ends_in_prime else [last]

    def _at_output(self, orbit: Orbit, known: dict[Any, LogSign], first: int) -> list[LogSign]:
        """The factors from place first on, cancelled into one while they are derived ones; and the replaced ones."""
        if max(self._replaced, default=-1) < first:
            values = [slope(orbit, orbit.parameters.y, joined=self._ends_in_prime)]
        else:
            values = [v for k, v in enumerate(self._ends(orbit), first) if k not in self._replaced]
        return values + list(self._in_place(orbit, known).values())

    def _in_place(self, orbit: Orbit, known: dict[Any, LogSign]) -> dict[int, LogSign]:
        """The replaced factors by their places."""
        if not self._replaced:
            return {}
        chain = orbit.chain
        known[str(chain.parameter("x"))] = LogSign.from_float(orbit.parameters.x)
        known[self.derivation.symbol_of(Factor("slope", chain.depth))] = self._ends(orbit)[-1]
        return {k: evaluate_expression(e, known, orbit.parameters) for k, e in self._replaced.items()}

    def _at_layer(self, orbit: Orbit, before: LogSign) -> list[LogSign]:
        """The factors that a layer brings, in order; the output's φ' comes with the cost."""
        layer, start, kind = orbit.layer, self.derivation.start, self.derivation.wrt.kind
        if layer < start:
            return []
        found = [before] if layer == start and kind == "w" else []
        linked = layer > start or self.derivation.wrt.is_activation
        if linked and orbit.chain.residual:
            return [*found, orbit.link]
        if linked:
            found.append(orbit.weight)
        if layer < orbit.chain.depth:
            found.append(orbit.prime)
        return found
