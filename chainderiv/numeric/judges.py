"""Three judges of ∂C/∂θ that never see a derivative: complex step, central differences in mpmath, and in float64.

Each gives, per point, a sign, a logarithm and whether it could judge there. A judge evaluates φ and C alone.

Sources: Squire and Trapp (1998) for the complex step; Richardson (1911) for the extrapolation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

from chainderiv import symbols
from chainderiv.functions.precise import precise, working_digits
from chainderiv.numeric.arrays import array_functions, compiled_in
from chainderiv.numeric.parameters import Parameters
from chainderiv.numeric.points import KINK_DISTANCE, near_kink
from chainderiv.symbolic.chain import Chain, Parameter

Floats = NDArray[np.float64]
STEP = 2.0**-40  # the square of the complex step, its relative error, is 2^-80
UNDERFLOW = 1e-290
RICHARDSON_STEPS = 6


@dataclass(frozen=True)
class Judgement:
    """sign and log of ∂C/∂θ per point, and where the judge could judge."""

    sign: Floats
    log: Floats
    could: NDArray[np.bool_]


def complex_step(chain: Chain, at: Parameters, wrt: Parameter) -> Judgement:
    """Im φ(z + ih)/h layer by layer, the imaginary part rescaled to h at each and its exponent kept.

    It cannot judge near a kink, where an imaginary part underflows within one layer, or where C(a_L + ih) itself
    cancels (a_L close to y, or to the edge of the cost's domain).
    """
    assert at.b is not None
    a, shape = np.broadcast_to(at.x, at.shape), at.shape
    imaginary = np.where(wrt.kind == "x", STEP, 0.0) * np.ones(shape)
    log, could = np.zeros(shape), np.ones(shape, bool)
    for layer in range(1, chain.depth + 1):
        activation = chain.activation(layer)
        z = at.w[layer] * a + at.b[layer]
        if layer >= wrt.layer:
            enters = layer == wrt.layer and wrt.kind != "x"
            alone = enters or not chain.residual  # else a_{l-1} + ih is passed on beside φ
            moved = STEP * (a if wrt.kind == "w" else np.ones(shape)) if enters else at.w[layer] * imaginary
            if alone:
                moved, log = _rescale(moved, log)
            total = array_functions(activation).complex_value(z + 1j * moved).imag + (0.0 if alone else imaginary)
            could &= (np.abs(total) > UNDERFLOW) & ~near_kink(activation, z)
            imaginary, log = _rescale(total, log)
        value = array_functions(activation).value(z)
        a = a + value if chain.residual else value
    end = _cost(chain)(a + 1j * imaginary, at.y).imag
    could &= (np.abs(end) > UNDERFLOW) & _cost_is_clear(chain, a, at.y)
    with np.errstate(divide="ignore"):
        return Judgement(np.sign(end), log + np.log(np.abs(end) / STEP), could)


def _rescale(imaginary: Floats, log: Floats) -> tuple[Floats, Floats]:
    size = np.where(imaginary == 0, STEP, np.abs(imaginary))
    return np.sign(imaginary) * STEP, log + np.log(size / STEP)


@lru_cache(maxsize=64)
def _cost(chain: Chain) -> Any:
    return compiled_in((symbols.a, symbols.y), chain.cost.formula)


def _cost_is_clear(chain: Chain, a: Floats, y: Floats) -> NDArray[np.bool_]:
    """Where a_L is not so near to y, or to a pole of ∂C/∂a, that a subtraction inside C loses more than a digit."""
    roots = [root for _, root, _ in chain.cost.factors if root is not None]
    edges = [y if root == symbols.y else np.asarray(float(root)) for root in roots]
    clear = np.ones(np.shape(a), bool)
    for edge in edges:
        clear = clear & (np.abs(a - edge) > 0.1 * np.maximum(np.abs(a), np.abs(edge)))
    return clear


def central_differences(chain: Chain, at: Parameters, wrt: Parameter, points: Sequence[int]) -> Judgement:
    """(C(θ + h) - C(θ - h))/2h in mpmath at some of the points, the digits doubled until h and h/10 agree to 1e-13."""
    sign, log, could = np.zeros(at.shape), np.full(at.shape, -np.inf), np.zeros(at.shape, bool)
    for index in points:
        value = _settled_difference(_Cost(chain, at, index), wrt)
        if value is not None:
            sign[index], log[index], could[index] = float(mpmath.sign(value)), _log(value), True
    return Judgement(sign, log, could)


def _log(value: Any) -> float:
    return float(mpmath.log(abs(value)))


def _settled_difference(cost: _Cost, wrt: Parameter) -> Any:
    digits, most = 60, 4000 + 64 * cost.chain.depth
    while digits <= most:
        with working_digits(digits):
            h = mpmath.mpf(10) ** -(digits // 3)
            coarse, fine = cost.difference(wrt, h), cost.difference(wrt, h / 10)
            if fine is not None and coarse is not None and abs(coarse - fine) <= 1e-13 * abs(fine):
                return fine
        digits *= 2
    return None


class _Cost:
    """C of one point in mpmath as a function of one parameter; the layers below it are walked once per precision."""

    def __init__(self, chain: Chain, at: Parameters, index: int) -> None:
        assert at.b is not None
        layers = range(1, chain.depth + 1)
        self.chain = chain
        self.w, self.b = ([float(array[layer][index]) for layer in layers] for array in (at.w, at.b))
        self.x, self.y = float(at.x[index]), float(at.y[index])
        self._below: tuple[int, Any] = (0, None)

    def difference(self, wrt: Parameter, h: Any) -> Any:
        """The central difference at the digits that are set; None where C has not moved by enough of its last digits.

        Without that, two differences of a few units in the last place can agree by chance, and do.
        """
        up, down = self._shifted(wrt, h), self._shifted(wrt, -h)
        resolved = abs(up - down) > 1e16 * mpmath.eps * abs(up)
        return (up - down) / (2 * h) if resolved else None

    def _shifted(self, wrt: Parameter, by: Any) -> Any:
        a = self._input(wrt.layer)
        start = max(wrt.layer, 1)
        if wrt.kind == "x":
            a = a + by
        for layer in range(start, self.chain.depth + 1):
            w, b = mpmath.mpf(self.w[layer - 1]), mpmath.mpf(self.b[layer - 1])
            if layer == wrt.layer:
                w, b = (w + by, b) if wrt.kind == "w" else (w, b + by)
            a = self._next(layer, w, b, a)
        return precise(self.chain.cost.formula, symbols.a, symbols.y)(a, mpmath.mpf(self.y))

    def _input(self, layer: int) -> Any:
        if self._below[0] != mpmath.mp.prec:
            a = mpmath.mpf(self.x)
            for below in range(1, layer):
                a = self._next(below, mpmath.mpf(self.w[below - 1]), mpmath.mpf(self.b[below - 1]), a)
            self._below = (mpmath.mp.prec, a)
        return self._below[1]

    def _next(self, layer: int, w: Any, b: Any, a: Any) -> Any:
        value = precise(self.chain.activation(layer).formula, symbols.z)(w * a + b)
        return a + value if self.chain.residual else value


def float_differences(chain: Chain, at: Parameters, wrt: Parameter) -> Judgement:
    """Central differences in float64, extrapolated by Richardson; only where they are of order 1 and settle."""
    first = 0.02
    table: list[Floats] = []
    best, error = np.zeros(at.shape), np.full(at.shape, np.inf)
    for step in range(RICHARDSON_STEPS):
        h = first / 2**step
        row = [(_float_cost(chain, at, wrt, h) - _float_cost(chain, at, wrt, -h)) / (2 * h)]
        for order, coarser in enumerate(table, start=1):
            row.append(row[-1] + (row[-1] - coarser) / (4**order - 1))
            change = np.maximum(np.abs(row[-1] - row[-2]), np.abs(row[-1] - coarser))
            best, error = np.where(change < error, row[-1], best), np.minimum(error, change)
        table = row
    size = np.abs(best)
    could = (size > 1e-2) & (size < 1e2) & (error < 1e-9 * size) & _same_branches(chain, at, wrt, first)
    with np.errstate(divide="ignore"):
        return Judgement(np.sign(best), np.log(size), could)


def _float_orbit(chain: Chain, at: Parameters, wrt: Parameter, by: float) -> tuple[list[Floats], Floats]:
    assert at.b is not None
    a, zs = at.x + (by if wrt.kind == "x" else 0.0), []
    for layer in range(1, chain.depth + 1):
        w = at.w[layer] + (by if wrt == Parameter("w", layer) else 0.0)
        zs.append(w * a + at.b[layer] + (by if wrt == Parameter("b", layer) else 0.0))
        value = array_functions(chain.activation(layer)).value(zs[-1])
        a = a + value if chain.residual else value
    return zs, a


def _float_cost(chain: Chain, at: Parameters, wrt: Parameter, by: float) -> Floats:
    return np.asarray(_cost(chain)(_float_orbit(chain, at, wrt, by)[1], at.y))


def _same_branches(chain: Chain, at: Parameters, wrt: Parameter, by: float) -> NDArray[np.bool_]:
    """Where no z_l passes a break of its formula between θ - h and θ + h."""
    low, high = (_float_orbit(chain, at, wrt, shift)[0] for shift in (-by, by))
    same = np.ones(at.shape, bool)
    for layer, (left, right) in enumerate(zip(low, high, strict=True), start=1):
        for point in chain.activation(layer).breaks:
            same &= ((left > float(point)) == (right > float(point))) & (np.abs(left - float(point)) > KINK_DISTANCE)
    return same
