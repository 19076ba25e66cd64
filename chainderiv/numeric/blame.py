"""Which factor of a derivation is at fault: each against a difference quotient of its own layer, in mpmath."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from chainderiv import symbols
from chainderiv.functions.precise import precise, working_digits
from chainderiv.numeric.kernel import NumpyKernel
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.factor import Factor
from chainderiv.symbolic.printing import STYLES, written
from chainderiv.symbolic.referee import walk

DIGITS, STEP_DIGITS = 240, 80  # a difference of steps of 1e-80 holds 160 digits, less what φ saturates by


def worst_factor(derivation: Derivation, at: Parameters, index: int) -> str:
    """'factor k: φ'(z_l)' for the factor that disagrees most, at one of the points of `at`."""
    chain, point = derivation.chain, _one_point(at, index)
    with working_digits(DIGITS):
        orbit = walk(chain, *_floats(point, chain.depth), None, float(point.x))
        errors = [
            _error(float(got.sign), float(got.log), _quotient(chain, place, orbit, float(point.y)))
            for place, got in zip(derivation.places, NumpyKernel(derivation).factors(point), strict=True)
        ]
    k = int(np.argmax(errors))
    place = derivation.places[k]
    return f"factor {k}: {written(chain, place, derivation.symbol_of(place), STYLES['unicode'])}"


def _one_point(at: Parameters, index: int) -> Parameters:
    assert at.b is not None
    w, b = at.w.stacked, at.b.stacked
    assert w is not None
    assert b is not None
    return Parameters(Layered(stacked=w[index]), Layered(stacked=b[index]), None, at.x[index], at.y[index])


def _floats(point: Parameters, depth: int) -> tuple[list[float], list[float]]:
    assert point.b is not None
    layers = range(1, depth + 1)
    return [float(point.w[layer]) for layer in layers], [float(point.b[layer]) for layer in layers]


def _error(sign: float, log: float, want: Any) -> float:
    """|Δlog|; inf where the signs differ or only one of the two is 0."""
    if sign != mpmath.sign(want):
        return float("inf")
    return abs(log - float(mpmath.log(abs(want)))) if want else 0.0


def _quotient(chain: Chain, place: Factor, orbit: Any, y: float) -> Any:
    layer, h = place.layer, mpmath.mpf(10) ** -STEP_DIGITS
    if place.kind == "weight":
        return orbit.w[layer - 1]
    if place.kind == "activation":
        return orbit.a[layer]
    if place.kind == "prime":
        phi, z = precise(chain.activation(layer).formula, symbols.z), orbit.z[layer]
        return (phi(z + h) - phi(z - h)) / (2 * h)
    if place.kind == "link":
        phi, z, w = precise(chain.activation(layer).formula, symbols.z), orbit.z[layer], orbit.w[layer - 1]
        return 1 + (phi(z + w * h) - phi(z - w * h)) / (2 * h)
    cost, a = precise(chain.cost.formula, symbols.a, symbols.y), orbit.a[layer]
    return (cost(a + h, mpmath.mpf(y)) - cost(a - h, mpmath.mpf(y))) / (2 * h)
