"""The engine "mpmath": correct digits, point by point, from the plain formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.logsign import LogSign
from chainderiv.numeric.parameters import Parameters
from chainderiv.numeric.reading import Reading
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.referee import factor_values, second_value
from chainderiv.symbolic.second import SecondDerivation


class MpmathKernel:
    """The referee: point by point, with plain formulas, in balls whose bits are doubled until they prove the value."""

    def __init__(self, derivation: Derivation | SecondDerivation) -> None:
        self.derivation = derivation

    @staticmethod
    def value(derivation: Any, point: dict[str, Any]) -> LogSign:
        """∂C/∂θ at one point."""
        return LogSign.product(_stack(factor_values(derivation.chain, derivation.factors, **point)))

    def gradient(self, parameters: Parameters) -> LogSign:
        """∂C/∂θ alone."""
        shape = parameters.shape
        logs, signs = np.zeros(shape), np.zeros(shape)
        for index in np.ndindex(shape):
            one = self.value(self.derivation, _point(parameters, self.derivation.chain.depth, index))
            signs[index], logs[index] = one.sign, one.log
        return LogSign(signs, logs)

    def fill(self, parameters: Parameters, reading: Reading) -> None:
        """Read into a flat reading that is there already; nothing is uncertain, because the digits are proved."""
        chain, shape = self.derivation.chain, parameters.shape
        sums, largest = np.zeros(shape), np.full(shape, -np.inf)
        through = Derivation(chain, chain.parameter("x"))
        for index in np.ndindex(shape):
            # ∂C/∂x = w_1 φ'(z_1) · w_2 φ'(z_2) …: its pairs are the links (one by one in a residual chain)
            point = _point(parameters, chain.depth, index)
            values = _stack(factor_values(chain, through.factors, **point, beyond=True)).log[:-1]
            links = values.reshape(chain.depth, -1).sum(axis=1)[1:]
            sums[index], largest[index] = links.sum(), links.max(initial=-np.inf)
        found = Reading.of(self.gradient(parameters), sums, largest, np.zeros(shape, bool))
        reading.put(..., found.reshape(-1))


class MpmathSecondKernel(MpmathKernel):
    """The referee of a second derivative: the surviving terms, summed."""

    @staticmethod
    def value(derivation: Any, point: dict[str, Any]) -> LogSign:
        """∂²C/∂θ∂η at one point."""
        return second_value(derivation.chain, derivation.surviving, **point)


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
