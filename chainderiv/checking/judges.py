"""Three judges of ∂C/∂θ that never see a derivative: complex step, central differences in mpmath, and in float64.

Each gives, per point, a sign, a logarithm and whether it could judge there. A judge evaluates φ and C alone.

Sources: Squire and Trapp (1998) for the complex step; Richardson (1911) for the extrapolation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import mpmath
import numpy as np

from chainderiv import symbols
from chainderiv.checking.points import KINK_DISTANCE, near_kink
from chainderiv.compiling.arrays import ArrayFunction, array_functions, compiled, compiled_in
from chainderiv.functions.activation import Activation
from chainderiv.functions.elementary import spelled_out
from chainderiv.functions.precise import precise, working_digits
from chainderiv.functions.rounding import slope_rounding, underflow
from chainderiv.kinds import Floats, Mask
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.symbolic.chain import Chain, Parameter

STEP = 2.0**-40  # the square of the complex step, its relative error, is 2^-80
UNDERFLOW = 1e-290
FIRST_STEP, RICHARDSON_STEPS = 0.02, 6
# no step is a whole fraction of another: of cos(12345 z), ± h and ± h/2, … may all lie near whole periods
RATIO = 2.0137
SMALLEST_STEP = FIRST_STEP / RATIO ** (RICHARDSON_STEPS - 1)
EPSILON = float(np.finfo(float).eps)
STEP_ROUNDING = 16 * EPSILON  # what one of slope_rounding's units is: a complex operation rounds more than once
SMALLEST = 2.0**-1074  # of float64
UNCERTAIN = 1e-4  # of a logarithm, from which on there is nothing to be judged


@dataclass(frozen=True)
class Judgement:
    """sign and log of ∂C/∂θ per point, where the judge could judge, and what log may be off by of the judge's own."""

    sign: Floats
    log: Floats
    could: Mask
    off: Floats | float = 0.0


def complex_step(chain: Chain, at: Parameters, wrt: Parameter) -> Judgement:
    """Im φ(z + ih)/h layer by layer, the imaginary part rescaled to h at each and its exponent kept.

    It cannot judge near a kink, where an imaginary part underflows within one layer, or where C(a_L + ih) itself
    cancels (a_L close to y, or to the edge of the cost's domain). What the imaginary parts of φ lose where the terms of
    its slope cancel, as those of z/√(z² + 10⁻⁵) do far from 0, or where exp(z - 700) underflows before it is multiplied
    by exp(700), is stated as its own error.
    """
    a, shape = np.broadcast_to(at.x, at.shape), at.shape
    imaginary = np.where(wrt.is_activation, STEP, 0.0) * np.ones(shape)  # that of a_l, up to which it waits
    log, off, could = np.zeros(shape), np.zeros(shape), np.ones(shape, bool)
    for layer in range(1, chain.depth + 1):
        activation = chain.activation(layer)
        z = at.w[layer] * a + at.inner[layer]
        if layer >= wrt.start:
            enters = layer == wrt.layer  # z_l is moved, by b_l, w_l or itself
            alone = enters or not chain.residual  # else a_{l-1} + ih is passed on beside φ
            moved = STEP * (a if wrt.kind == "w" else np.ones(shape)) if enters else at.w[layer] * imaginary
            if alone:
                moved, log = _rescale(moved, log)
            total = array_functions(activation).complex_value(z + 1j * moved).imag + (0.0 if alone else imaginary)
            with np.errstate(all="ignore"):
                rounded, underflown = (bound(z) for bound in _step_bounds(activation))
                off += (STEP_ROUNDING * rounded * np.abs(moved) + SMALLEST * underflown) / np.abs(total)
            could &= (np.abs(total) > UNDERFLOW) & ~near_kink(activation, z)
            imaginary, log = _rescale(total, log)
        value = array_functions(activation).value(z)
        a = a + value if chain.residual else value
    end = _cost(chain)(a + 1j * imaginary, at.y).imag
    could &= (np.abs(end) > UNDERFLOW) & _cost_is_clear(chain, a, at.y) & (off < UNCERTAIN)
    with np.errstate(divide="ignore"):
        return Judgement(np.sign(end), log + np.log(np.abs(end) / STEP), could, off)


@lru_cache(maxsize=64)
def _step_bounds(activation: Activation) -> tuple[ArrayFunction, ArrayFunction]:
    value = spelled_out(activation.stable_value, lambda row: True)
    return compiled(slope_rounding(value)), compiled(underflow(value))


def _rescale(imaginary: Floats, log: Floats) -> tuple[Floats, Floats]:
    size = np.where(imaginary == 0, STEP, np.abs(imaginary))
    return np.sign(imaginary) * STEP, log + np.log(size / STEP)


@lru_cache(maxsize=64)
def _cost(chain: Chain) -> Any:
    return compiled_in((symbols.a, symbols.y), chain.cost.formula)


def _cost_is_clear(chain: Chain, a: Floats, y: Floats) -> Mask:
    """Where a_L is not so near to y, or to a pole of ∂C/∂a, that a subtraction inside C loses more than a digit."""
    roots = [root for _, root, _ in chain.cost.factors if root is not None]
    edges = [y if root == symbols.y else np.asarray(float(root)) for root in roots]
    clear = np.ones(np.shape(a), bool)
    for edge in edges:
        clear = clear & (np.abs(a - edge) > 0.1 * np.maximum(np.abs(a), np.abs(edge)))
    return clear


def central_differences(chain: Chain, at: Parameters, wrt: Parameter, points: Sequence[int]) -> Judgement:
    """(C(θ + h) - C(θ - h))/2h in mpmath at some of the points; see settled."""

    def value(index: int) -> Any:
        return settled(partial(_difference, PointCost(chain, at, index, wrt.start), wrt), 4000 + 64 * chain.depth)

    return judged_at(points, at.shape, value)


def judged_at(points: Iterable[int], shape: tuple[int, ...], value: Callable[[int], Any]) -> Judgement:
    """The judgement of a number in mpmath at some of the points; of None there is none."""
    sign, log, could = np.zeros(shape), np.full(shape, -np.inf), np.zeros(shape, bool)
    for index in points:
        if (found := value(index)) is not None:
            sign[index], could[index] = float(mpmath.sign(found)), True
            log[index] = float(mpmath.log(abs(found))) if found else -np.inf
    return Judgement(sign, log, could)


def settled(difference: Callable[[Any], Any], most: int, steps: int = 3, size: Callable[[Any], Any] = abs) -> Any:
    """A difference by a step h of 1/steps of the digits, these doubled until h and h/10 agree to 1e-13 of a size.

    None where that takes more than so many digits, or C is beyond mpmath, as exp of a number beyond 2^131072 is.
    """
    digits = 60
    while digits <= most:
        with working_digits(digits):
            h = mpmath.mpf(10) ** -(digits // steps)
            try:
                coarse, fine = difference(h), difference(h / 10)
            except (OverflowError, ZeroDivisionError):
                return None
            if fine is not None and coarse is not None and abs(coarse - fine) <= 1e-13 * size(fine):
                return fine
        digits *= 2
    return None


def _difference(cost: PointCost, wrt: Parameter, h: Any) -> Any:
    return difference(cost.moved({wrt: h}), cost.moved({wrt: -h}), h)


def difference(up: Any, down: Any, h: Any) -> Any:
    """The central difference at the digits that are set; None where C has not moved by enough of its last digits.

    Without that, two differences of a few units in the last place can agree by chance, and do.
    """
    resolved = abs(up - down) > 1e16 * mpmath.eps * abs(up)
    return (up - down) / (2 * h) if resolved else None


class PointCost:
    """C of one point in mpmath as a function of parameters from one layer on, those below walked once per precision."""

    def __init__(self, chain: Chain, at: Parameters, index: int, first: int) -> None:
        layers = range(1, chain.depth + 1)
        self.chain, self.first = chain, max(first, 1)
        self.w, self.b = ([float(array[layer][index]) for layer in layers] for array in (at.w, at.inner))
        self.x, self.y = float(at.x[index]), float(at.y[index])
        self._below: tuple[int, Any] = (0, None)

    def moved(self, by: Mapping[Parameter, Any]) -> Any:
        """C with some parameters moved, none of a layer below the first."""
        before = self.first - 1
        a = self._input() + by.get(Parameter("a", before) if before else Parameter("x", 0), 0)
        for layer in range(self.first, self.chain.depth + 1):
            by_z = sum(by.get(Parameter(kind, layer), 0) for kind in "bz")
            a = self._next(layer, by.get(Parameter("w", layer), 0), by_z, a)
        return precise(self.chain.cost.formula, symbols.a, symbols.y)(a, mpmath.mpf(self.y))

    def _input(self) -> Any:
        if self._below[0] != mpmath.mp.prec:
            a = mpmath.mpf(self.x)
            for layer in range(1, self.first):
                a = self._next(layer, 0, 0, a)
            self._below = (mpmath.mp.prec, a)
        return self._below[1]

    def _next(self, layer: int, by_w: Any, by_b: Any, a: Any) -> Any:
        w, b = mpmath.mpf(self.w[layer - 1]) + by_w, mpmath.mpf(self.b[layer - 1]) + by_b
        value = precise(self.chain.activation(layer).formula, symbols.z)(w * a + b)
        return a + value if self.chain.residual else value


def float_differences(chain: Chain, at: Parameters, wrt: Parameter) -> Judgement:
    """Central differences in float64, extrapolated by Richardson; only where they are of order 1 and settle."""

    def difference(h: float) -> Floats:
        return (float_cost(chain, moved(at, wrt, h)) - float_cost(chain, moved(at, wrt, -h))) / (2 * h)

    best, error = extrapolated(difference, at.shape)
    size = np.abs(best)
    # what C itself is rounded by, over the smallest step; a residual orbit can be large
    rounded = EPSILON * 2 * np.abs(float_cost(chain, at)) / SMALLEST_STEP
    could = (size > 1e-2) & (size < 1e2) & (np.maximum(error, rounded) < 1e-9 * size)
    could &= same_branches(chain, [moved(at, wrt, -FIRST_STEP), moved(at, wrt, FIRST_STEP)])
    with np.errstate(divide="ignore"):
        return Judgement(np.sign(best), np.log(size), could)


@np.errstate(over="ignore", invalid="ignore")  # a cost that overflows settles nowhere
def extrapolated(difference: Callable[[float], Floats], shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """The limit of a central difference as its step goes to 0, and the change of the last refinement."""
    table: list[Floats] = []
    best, error = np.zeros(shape), np.full(shape, np.inf)
    for step in range(RICHARDSON_STEPS):
        row = [difference(FIRST_STEP / RATIO**step)]
        for order, coarser in enumerate(table, start=1):
            row.append(row[-1] + (row[-1] - coarser) / (RATIO ** (2 * order) - 1))
            change = np.maximum(np.abs(row[-1] - row[-2]), np.abs(row[-1] - coarser))
            best, error = np.where(change < error, row[-1], best), np.minimum(error, change)
        table = row
    return best, error


def moved(at: Parameters, parameter: Parameter, by: float) -> Parameters:
    """The points with one parameter moved."""
    if parameter.kind == "x":
        return replace(at, x=at.x + by)
    if parameter.kind == "a":
        return Pushed(at.w, at.inner, at.x, at.y, at.pinned, parameter.layer, by)
    values = np.array((at.w if parameter.kind == "w" else at.inner).values)
    values[..., parameter.layer - 1] += by
    layers = Layered(values, stacked=True)
    return replace(at, w=layers) if parameter.kind == "w" else replace(at, inner=layers)


@dataclass(frozen=True, eq=False)
class Pushed(Parameters):
    """Points at which so much is added to a_l, between the layer that makes it and the one that it enters."""

    layer: int = 0
    by: float = 0.0


def float_cost(chain: Chain, at: Parameters) -> Floats:
    """C at every point, by plain float64 steps."""
    return np.asarray(_cost(chain)(_float_orbit(chain, at)[1], at.y))


def _float_orbit(chain: Chain, at: Parameters) -> tuple[list[Floats], Floats]:
    a, zs = np.broadcast_to(at.x, at.shape), []
    for layer in range(1, chain.depth + 1):
        zs.append(at.w[layer] * a + at.inner[layer])
        value = array_functions(chain.activation(layer)).value(zs[-1])
        a = a + value if chain.residual else value
        if isinstance(at, Pushed) and at.layer == layer:
            a = a + at.by
    return zs, a


def same_branches(chain: Chain, corners: Sequence[Parameters]) -> Mask:
    """Where no z_l lies on two sides of a break of its formula at the corners, or near to one at the first."""
    orbits = [_float_orbit(chain, at)[0] for at in corners]
    same = np.ones(corners[0].shape, bool)
    for layer, (first, *others) in enumerate(zip(*orbits, strict=True), start=1):
        for point in map(float, chain.activation(layer).breaks):
            same &= np.abs(first - point) > KINK_DISTANCE
            for other in others:
                same &= (other > point) == (first > point)
    return same
