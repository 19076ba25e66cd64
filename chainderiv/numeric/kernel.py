"""Derivation -> kernel: what evaluates a gradient's factors at many points.

One interface, engines by name: "numpy" walks the layers with arrays and is the oracle for "numba", which compiles the
walk and serves large work; "mpmath" is the referee, point by point, with its digits doubled until they settle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from chainderiv.errors import unknown_name
from chainderiv.kinds import Floats
from chainderiv.logsign import LogSign
from chainderiv.numeric.conditioning import Conditioning, is_lost
from chainderiv.numeric.expression import evaluate_expression
from chainderiv.numeric.orbit import Orbit
from chainderiv.numeric.parameters import Parameters
from chainderiv.numeric.reading import Links, Product, Reading
from chainderiv.numeric.second import read_second
from chainderiv.numeric.slope import slope
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.factor import Factor
from chainderiv.symbolic.referee import factor_values, second_value
from chainderiv.symbolic.second import SecondDerivation

LARGE = 2_000_000  # points times layers: NumPy takes a good tenth of a second for them


class Kernel(Protocol):
    """A derivation made ready to be read at many points."""

    def __call__(self, parameters: Parameters, kappa: bool = False) -> Reading:
        """Read the gradient, the links and, on request, κ."""


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

    @np.errstate(all="ignore")  # what leaves float64 is caught by its value and walked again in wide numbers
    def __call__(self, parameters: Parameters, kappa: bool = False) -> Reading:
        """Read the gradient, the links and, on request, κ."""
        chain, shape = self.derivation.chain, parameters.shape
        orbit, known = Orbit(chain, parameters), dict[Any, LogSign]()
        gradient, links = Product(shape), Links(shape)
        condition = Conditioning(chain, parameters, self.derivation.wrt) if kappa or not self.vouched else None
        while orbit.layer < chain.depth:
            before = self._step(orbit, known)
            for place, value in self._at_layer(orbit, before):
                if place not in self._replaced:
                    gradient.times(value)
            links.take(orbit)
            if condition is not None:
                condition.step(orbit, before)
        for value in self._at_output(orbit, known):
            gradient.times(value)
        if condition is None:
            return Reading(gradient.value(), links.log_sum, links.largest)
        ratio = condition.finish(orbit)
        value = gradient.value() if self.vouched else _without_lost(gradient.value(), ratio)
        return Reading(value, links.log_sum, links.largest, ratio)

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


def _without_lost(gradient: LogSign, kappa: Floats) -> LogSign:
    lost = is_lost(kappa)
    return LogSign(np.where(lost, np.nan, gradient.sign), np.where(lost, np.nan, gradient.log))


class MpmathKernel:
    """The referee: point by point in mpmath, with plain formulas and digits doubled until they settle."""

    def __init__(self, derivation: Derivation | SecondDerivation) -> None:
        self.derivation = derivation

    @staticmethod
    def value(derivation: Any, point: dict[str, Any]) -> LogSign:
        """∂C/∂θ at one point."""
        return LogSign.product(_stack(factor_values(derivation.chain, derivation.factors, **point)))

    def __call__(self, parameters: Parameters, kappa: bool = False) -> Reading:
        """Read the gradient and the links; κ is 0, because the digits are correct."""
        chain, shape = self.derivation.chain, parameters.shape
        logs, signs = np.zeros(shape), np.zeros(shape)
        sums, largest = np.zeros(shape), np.full(shape, -np.inf)
        through = Derivation(chain, chain.parameter("x"))
        for index in np.ndindex(shape):
            point = _point(parameters, chain.depth, index)
            gradient = self.value(self.derivation, point)
            signs[index], logs[index] = gradient.sign, gradient.log
            # ∂C/∂x = w_1 φ'(z_1) · w_2 φ'(z_2) …: its pairs are the links (one by one in a residual chain)
            values = _stack(factor_values(through.chain, through.factors, **point)).log[:-1]
            links = values.reshape(chain.depth, -1).sum(axis=1)[1:]
            sums[index], largest[index] = links.sum(), links.max(initial=-np.inf)
        return Reading(LogSign(signs, logs), sums, largest, np.zeros(shape) if kappa else None)


def _stack(values: tuple[LogSign, ...]) -> LogSign:
    return LogSign(np.array([v.sign for v in values]), np.array([v.log for v in values]))


def _point(parameters: Parameters, depth: int, index: tuple[int, ...]) -> dict[str, Any]:
    shape = parameters.shape

    def at(array: Floats) -> float:
        return float(np.broadcast_to(array, shape)[index])

    point: dict[str, Any] = {"x": at(parameters.x), "y": at(parameters.y)}
    for name, layers in (("w", parameters.w), ("z" if parameters.pinned else "b", parameters.inner)):
        point[name] = [at(layers[layer]) for layer in range(1, depth + 1)]
    return point


class SecondKernel:
    """∂²C/∂θ∂η by one walk over the layers; NaN where a formula has lost its digits, relative to the terms' sizes."""

    def __init__(self, second: SecondDerivation) -> None:
        self.second = second

    def __call__(self, parameters: Parameters, kappa: bool = False) -> Reading:
        """Read the second derivative of the derived terms, the links and κ."""
        reading = read_second(self.second.chain, parameters, *self.second.wrt)
        if self.second.chain.vouched:
            return reading
        assert reading.terms is not None
        return replace(reading, gradient=_without_lost(reading.gradient, reading.terms.condition))


class MpmathSecondKernel(MpmathKernel):
    """The referee of a second derivative: the surviving terms, summed."""

    @staticmethod
    def value(derivation: Any, point: dict[str, Any]) -> LogSign:
        """∂²C/∂θ∂η at one point."""
        return second_value(derivation.chain, derivation.surviving, **point)


def _compiled(derivation: Derivation) -> Kernel:
    oracle = NumpyKernel(derivation)
    if derivation.replaced:
        return oracle  # a replaced factor is an expression of its own, and no map of it is large
    from chainderiv.numeric.compiled.engine import CompiledKernel  # loads Numba

    return CompiledKernel(derivation, oracle)


ENGINES: dict[str, tuple[Callable[[Any], Kernel], Callable[[Any], Kernel]]] = {
    "numpy": (NumpyKernel, SecondKernel),
    "numba": (_compiled, SecondKernel),  # a second derivative is one walk with arrays in either
    "mpmath": (MpmathKernel, MpmathSecondKernel),
}


def suitable_engine(derivation: Derivation | SecondDerivation, points: int) -> str:
    """'numba' where the work repays a compilation of some seconds and the formulas have a compiled form, else 'numpy'.

    points : how many the map has. It is what sweep takes by default.

    >>> from chainderiv import Chain, derive
    >>> suitable_engine(derive(Chain(depth=4), "b1"), 1000)
    'numpy'
    """
    if points * derivation.chain.depth < LARGE or isinstance(derivation, SecondDerivation) or derivation.replaced:
        return "numpy"
    from chainderiv.numeric.compiled.source import is_compilable

    return "numba" if is_compilable(derivation.chain) else "numpy"


def kernel(derivation: Derivation | SecondDerivation, engine: str = "numpy") -> Kernel:
    """Make a derivation ready to be read by an engine; raises UnknownName, or BadValue for what it cannot say."""
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    return ENGINES[engine][isinstance(derivation, SecondDerivation)](derivation)
