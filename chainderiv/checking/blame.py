"""Which factor of a derivation is at fault: each against a difference quotient of its own layer, in mpmath."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from chainderiv import symbols
from chainderiv.functions.intervals import working_bits
from chainderiv.functions.precise import precise, working_digits
from chainderiv.functions.rewriting.digits import as_mpmath
from chainderiv.numeric.oracle import NumpyKernel
from chainderiv.numeric.parameters import Parameters
from chainderiv.numeric.terms import TermValues
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.factor import Factor, symbol_of
from chainderiv.symbolic.notation.equations import written
from chainderiv.symbolic.referee import Orbit, walk
from chainderiv.symbolic.second import SecondDerivation

DIGITS, STEP_DIGITS = 240, 80  # a difference of steps of 1e-80 holds 160 digits, less what φ saturates by


def worst_factor(derivation: Derivation | SecondDerivation, at: Parameters, index: int) -> str:
    """'factor k: φ'(z_l)' for the factor that disagrees most, at one of the points of `at`."""
    derivation = derivation.as_gradient if isinstance(derivation, Derivation) else derivation
    chain, point = derivation.chain, at.at((index,))
    found = _of_terms(derivation, point) if isinstance(derivation, SecondDerivation) else _of_product(derivation, point)
    quotients: dict[Factor, Any] = {}
    with working_digits(DIGITS):
        orbit = _orbit(chain, point)
        errors = []
        for _, place, got in found:
            if place not in quotients:
                quotients[place] = _quotient(chain, place, orbit, float(point.y))
            errors.append(_error(float(got.sign), float(got.log), quotients[place]))
    name, place, _ = found[int(np.argmax(errors))]
    return f"{name}: {written(chain, place, symbol_of(chain, place), 'unicode')}"


def _orbit(chain: Chain, point: Parameters) -> Orbit:
    """The referee's orbit at the digits that are set, as mpmath numbers."""
    with working_bits(mpmath.mp.prec):
        orbit = walk(chain, *_floats(point, chain.depth), None, float(point.x))
        return Orbit(*([as_mpmath(known.ball) for known in row] for row in (orbit.w, orbit.z, orbit.a)))


def _of_product(derivation: Derivation, point: Parameters) -> list[tuple[str, Factor, Any]]:
    values = NumpyKernel(derivation).factors(point)
    return [(f"factor {k}", *pair) for k, pair in enumerate(zip(derivation.places, values, strict=True))]


def _of_terms(second: SecondDerivation, point: Parameters) -> list[tuple[str, Factor, Any]]:
    values, seen, found = TermValues(second, point), set[Factor](), list[tuple[str, Factor, Any]]()
    for t, term in enumerate(second.surviving):
        for k, (place, value) in enumerate(zip(term.places, values.factors(term), strict=True)):
            # one place has one value in every term, but where it was replaced
            if place not in seen or k in term.replaced:
                found.append((f"term {t}, factor {k}", place, value))
            if k not in term.replaced:
                seen.add(place)
    return found


def _floats(point: Parameters, depth: int) -> tuple[list[float], list[float]]:
    layers = range(1, depth + 1)
    return [float(point.w[layer]) for layer in layers], [float(point.inner[layer]) for layer in layers]


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
    if place.kind not in ("prime", "link", "curve"):
        return _of_cost(chain, place.kind, orbit, mpmath.mpf(y), h)
    phi, z = precise(chain.activation(layer).formula, symbols.z), orbit.z[layer]
    if place.kind == "link":
        return 1 + _slope(lambda by: phi(z + orbit.w[layer - 1] * by), 0, h)
    return _slope(phi, z, h) if place.kind == "prime" else _bent(phi, z, h)


def _of_cost(chain: Chain, kind: str, orbit: Any, y: Any, h: Any) -> Any:
    cost, a, z = precise(chain.cost.formula, symbols.a, symbols.y), orbit.a[chain.depth], orbit.z[chain.depth]
    if kind == "slope":
        return _slope(lambda t: cost(t, y), a, h)
    if kind == "bend":
        return _bent(lambda t: cost(t, y), a, h)
    phi = precise(chain.activation(chain.depth).formula, symbols.z)
    if kind == "rest":
        return _slope(lambda t: cost(phi(t), y), z, h)
    # d rest/da = (d² C/dz²) / φ'(z)
    return _bent(lambda t: cost(phi(t), y), z, h) / _slope(phi, z, h)


def _slope(f: Any, at: Any, h: Any) -> Any:
    return (f(at + h) - f(at - h)) / (2 * h)


def _bent(f: Any, at: Any, h: Any) -> Any:
    return (f(at + h) - 2 * f(at) + f(at - h)) / (h * h)
