"""Derivation -> kernel: what evaluates a gradient's factors at many points.

One interface, engines by name: "numpy" walks the layers with arrays and is the oracle for faster engines; "mpmath"
is the referee, point by point, with its digits doubled until they settle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chainderiv.errors import unknown_name
from chainderiv.logsign import LogSign
from chainderiv.numeric.conditioning import Conditioning
from chainderiv.numeric.expression import evaluate_expression
from chainderiv.numeric.orbit import Orbit
from chainderiv.numeric.output import slope
from chainderiv.numeric.parameters import Parameters
from chainderiv.symbolic.derivation import Derivation, Factor
from chainderiv.symbolic.referee import factor_values

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """What a kernel reads at each point.

    Attributes
    ----------
    gradient : LogSign. ∂C/∂θ.
    link_log_sum : ndarray. Σ log|w_l φ'(z_l)| over the links l = 2 … L (0 for depth 1).
    largest_link : ndarray. The largest log|w_l φ'(z_l)| (-inf for depth 1).
    kappa : ndarray or None. First-order amplification κ of rounding along the orbit, where it was asked for.
    """

    gradient: LogSign
    link_log_sum: Floats
    largest_link: Floats
    kappa: Floats | None = None


class Kernel(Protocol):
    """A derivation made ready to be read at many points."""

    def __call__(self, parameters: Parameters, kappa: bool = False) -> Reading:
        """Read the gradient, the links and, on request, κ."""


class Product:
    """A running product as sign and logarithm, the sum of logarithms compensated (Neumaier 1974)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._sign = np.ones(shape)
        self._log, self._lost = np.zeros(shape), np.zeros(shape)

    def times(self, factor: LogSign) -> None:
        """Multiply by one factor."""
        self._sign = self._sign * factor.sign
        log = np.asarray(factor.log)
        total = self._log + log
        larger = np.abs(self._log) >= np.abs(log)
        with np.errstate(invalid="ignore"):
            lost = np.where(larger, (self._log - total) + log, (log - total) + self._log)
        # a zero factor makes the total -inf, of which nothing is lost
        self._lost = self._lost + np.where(np.isfinite(total), lost, 0.0)
        self._log = total

    @property
    def log(self) -> Floats:
        """The logarithm so far."""
        return np.asarray(self._log + self._lost)

    def value(self) -> LogSign:
        """The product so far."""
        return LogSign(self._sign, np.where(self._sign == 0, -np.inf, self.log))


class NumpyKernel:
    """Walks the layers once, all points together; memory does not grow with the depth."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self._replaced = {derivation.places[k]: expression for k, expression in derivation.replaced}
        # as long as the output's two factors are the derived ones, they are read as one, cancelled
        depth = derivation.chain.depth
        self._joined = not {Factor("prime", depth), Factor("slope", depth)} & self._replaced.keys()
        self._wanted = {str(s) for e in self._replaced.values() for s in e.atoms() if s.is_Symbol}

    def __call__(self, parameters: Parameters, kappa: bool = False) -> Reading:
        """Read the gradient, the links and, on request, κ."""
        chain, shape = self.derivation.chain, parameters.shape
        orbit = Orbit(chain, parameters)
        gradient, links, largest = Product(shape), Product(shape), np.full(shape, -np.inf)
        condition = Conditioning(chain, parameters, self.derivation.wrt) if kappa else None
        known: dict[Any, LogSign] = {}
        for layer in range(1, chain.depth + 1):
            before = orbit.a
            weight = LogSign.from_float(np.broadcast_to(parameters.w[layer], shape))
            orbit.step()
            if layer > 1:
                link = weight * orbit.prime
                links.times(LogSign(1.0, link.log))
                largest = np.maximum(largest, link.log)
            self._multiply(gradient, layer, before, weight, orbit.prime)
            self._remember(known, layer, before, weight, orbit)
            if condition is not None:
                condition.step(orbit, before)
        self._finish(gradient, orbit, parameters, known)
        ratio = None if condition is None else condition.finish(orbit)
        return Reading(gradient.value(), links.log, largest, ratio)

    def _multiply(
        self, gradient: Product, layer: int, before: LogSign, weight: LogSign, prime: LogSign
    ) -> None:
        derivation = self.derivation
        if layer < derivation.start:
            return
        if layer == derivation.start and derivation.wrt.kind == "w":
            self._factor(gradient, Factor("activation", layer - 1), before)
        if layer > derivation.start or derivation.wrt.kind == "x":
            self._factor(gradient, Factor("weight", layer), weight)
        if layer < derivation.chain.depth:
            self._factor(gradient, Factor("prime", layer), prime)

    def _factor(self, gradient: Product, place: Factor, value: LogSign) -> None:
        if place not in self._replaced:
            gradient.times(value)

    def _finish(self, gradient: Product, orbit: Orbit, parameters: Parameters, known: dict[Any, LogSign]) -> None:
        chain, depth = self.derivation.chain, self.derivation.chain.depth
        output = slope(orbit, parameters.y, joined=self._joined)
        if self._joined:
            gradient.times(output)
        else:
            self._factor(gradient, Factor("prime", depth), orbit.prime)
            self._factor(gradient, Factor("slope", depth), output)
        if self._replaced:
            known[self.derivation.symbol_of(Factor("slope", depth))] = output
            known[chain.parameter("x").symbol] = LogSign.from_float(parameters.x)
            for expression in self._replaced.values():
                gradient.times(evaluate_expression(expression, known, parameters))

    def _remember(
        self, known: dict[Any, LogSign], layer: int, before: LogSign, weight: LogSign, orbit: Orbit
    ) -> None:
        """Keep the values that a replaced factor names."""
        values = {"w": weight, "z": LogSign.from_float(orbit.z), "a": orbit.a}
        for kind, value in values.items():
            if f"{kind}_{layer}" in self._wanted:
                known[f"{kind}_{layer}"] = value
        if f"z_{layer}" in self._wanted:
            known[self.derivation.symbol_of(Factor("prime", layer))] = orbit.prime


class MpmathKernel:
    """The referee: point by point in mpmath, with plain formulas and digits doubled until they settle."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation

    def __call__(self, parameters: Parameters, kappa: bool = False) -> Reading:
        """Read the gradient and the links; κ is 0, because the digits are correct."""
        chain, shape = self.derivation.chain, parameters.shape
        logs, signs = np.zeros(shape), np.zeros(shape)
        sums, largest = np.zeros(shape), np.full(shape, -np.inf)
        through = Derivation(chain, chain.parameter("x"))
        for index in np.ndindex(shape):
            point = _point(parameters, chain.depth, index)
            product = LogSign.product(_stack(factor_values(self.derivation, **point)))
            signs[index], logs[index] = product.sign, product.log
            # ∂C/∂x = w_1 φ'(z_1) · w_2 φ'(z_2) …: its pairs are the links
            values = _stack(factor_values(through, **point)).log[2:-1]
            pairs = values[0::2] + values[1::2]
            sums[index], largest[index] = pairs.sum(), pairs.max(initial=-np.inf)
        return Reading(LogSign(signs, logs), sums, largest, np.zeros(shape) if kappa else None)


def _stack(values: tuple[LogSign, ...]) -> LogSign:
    return LogSign(np.array([v.sign for v in values]), np.array([v.log for v in values]))


def _point(parameters: Parameters, depth: int, index: tuple[int, ...]) -> dict[str, Any]:
    shape = parameters.shape

    def at(array: Floats) -> float:
        return float(np.broadcast_to(array, shape)[index])

    point: dict[str, Any] = {"x": at(parameters.x), "y": at(parameters.y)}
    for name, layers in (("w", parameters.w), ("b", parameters.b), ("z", parameters.z)):
        if layers is not None:
            point[name] = [at(layers[layer]) for layer in range(1, depth + 1)]
    return point


ENGINES: dict[str, Callable[[Derivation], Kernel]] = {"numpy": NumpyKernel, "mpmath": MpmathKernel}


def kernel(derivation: Derivation, engine: str = "numpy") -> Kernel:
    """Make a derivation ready to be read by an engine; raises UnknownName."""
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    return ENGINES[engine](derivation)
