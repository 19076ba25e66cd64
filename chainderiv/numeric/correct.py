"""The engine "mpmath": correct digits, point by point, from the plain formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.logsign import LogSign
from chainderiv.numeric.oracle import Oracle
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.numeric.reading import Reading
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.referee import Signed, factor_values, second_value
from chainderiv.symbolic.second import SecondDerivation


class MpmathKernel(Oracle):
    """The referee: point by point, with plain formulas, in balls whose bits are doubled until they prove the value."""

    def __init__(self, derivation: Derivation | SecondDerivation) -> None:
        self.derivation = derivation

    def gradient(self, parameters: Parameters) -> LogSign:
        """∂C/∂θ alone, or ∂²C/∂θ∂η."""
        logs, signs = np.zeros(parameters.shape), np.zeros(parameters.shape)
        for index in np.ndindex(parameters.shape):
            one = _value(self.derivation, _point(parameters.at(index), self.derivation.chain.depth))
            signs[index], logs[index] = one.sign, one.log
        return LogSign.of(signs, logs)

    def read(self, parameters: Parameters) -> tuple[Reading, Floats]:
        """The gradient and the links; nothing is uncertain, and κ is 0, because the digits are proved."""
        chain, shape = self.derivation.chain, parameters.shape
        sums, largest = np.zeros(shape), np.full(shape, -np.inf)
        through = Derivation(chain, chain.parameter("x"))
        for index in np.ndindex(shape):
            # ∂C/∂x = w_1 φ'(z_1) · w_2 φ'(z_2) …: its pairs are the links (one by one in a residual chain)
            point = _point(parameters.at(index), chain.depth)
            values = _stack(factor_values(chain, through.factors, **point, beyond=True)).log[:-1]
            links = values.reshape(chain.depth, -1).sum(axis=1)[1:]
            sums[index], largest[index] = links.sum(), links.max(initial=-np.inf)
        return Reading.of(self.gradient(parameters), sums, largest, np.zeros(shape, bool)), np.zeros(shape)


def _value(derivation: Derivation | SecondDerivation, point: dict[str, Any]) -> LogSign:
    """The gradient at one point: a product of factors, or the sum of a second derivative's surviving terms."""
    if isinstance(derivation, SecondDerivation):
        return LogSign.of(*second_value(derivation.chain, derivation.surviving, **point))
    return _stack(factor_values(derivation.chain, derivation.factors, **point)).product()


def _stack(values: tuple[Signed, ...]) -> LogSign:
    return LogSign.of(np.array([v.sign for v in values]), np.array([v.log for v in values]))


def _point(at: Parameters, depth: int) -> dict[str, Any]:
    """The parameters of one point as numbers."""

    def numbers(layers: Layered) -> list[float]:
        return [float(layers[layer]) for layer in range(1, depth + 1)]

    return {"x": float(at.x), "y": float(at.y), "w": numbers(at.w), "z" if at.pinned else "b": numbers(at.inner)}
