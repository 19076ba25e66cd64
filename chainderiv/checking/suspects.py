"""What claim/gradient may be: every factor that may be missing, doubled or exchanged, other gradients, other chains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chainderiv import symbols
from chainderiv.checking.findings import Derived
from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import ChainderivError
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.cost import COSTS
from chainderiv.logsign import LogSign
from chainderiv.numeric.oracle import NumpyKernel
from chainderiv.numeric.orbit import Orbit
from chainderiv.numeric.parameters import Parameters
from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.factor import Factor, symbol_of
from chainderiv.symbolic.notation.equations import write, written
from chainderiv.symbolic.second import SecondDerivation
from chainderiv.wording import lowered

NEAR = 12  # layers of a chain in which every one is tried; of a deeper one the neighbours are
SHALLOW = 100  # layers of a chain whose gradient with other neurons is tried


def suspects(derived: Derived, at: Parameters) -> Iterator[tuple[str, LogSign]]:
    """What the ratio may be, and what to say of it."""
    if isinstance(derived, SecondDerivation):
        return
    seen = _Quantities(derived.chain, at)
    # of ∂a_m/∂θ the kernel has factors of 1 behind those that it prints
    values = dict(zip(derived.places, NumpyKernel(derived.as_gradient).factors(at), strict=False))
    for place, value in values.items():
        yield f"the factor {seen.written(place)} is missing", 1 / value
    yield from _joined(derived, values, seen)
    for place, value in values.items():
        yield f"the factor {seen.written(place)} is there once too often", value
    yield from _of_others(derived, at)
    for place, value in values.items():
        for name, other in seen.instead_of(place):
            yield f"{name} stands where {seen.written(place)} belongs", other / value
    yield from _everywhere(derived, values, seen)
    yield from _of_other_chains(derived, at)
    for name, value in seen.symbols():
        yield f"the factor {name} is there and does not belong", value
        yield f"the factor {name} is missing, or it is divided by {name} once too often", 1 / value


def _joined(derived: Derivation, values: dict[Factor, LogSign], seen: _Quantities) -> Iterator[tuple[str, LogSign]]:
    """A link, w_l φ'(z_l), every weight, or every φ' that is missing."""
    for layer in range(derived.start, derived.chain.depth + 1):
        pair = [Factor("weight", layer), Factor("prime", layer)]
        if all(place in values for place in pair):
            name = " ".join(map(seen.written, pair))
            yield f"the link {name} is missing", 1 / (values[pair[0]] * values[pair[1]])
    for kind, name in (("weight", "every weight"), ("prime", "every φ'")):
        those = [value for place, value in values.items() if place.kind == kind]
        if len(those) > 1:
            yield f"{name} is missing", 1 / _product(those)


def _product(values: list[LogSign]) -> LogSign:
    total = values[0]
    for value in values[1:]:
        total = total * value
    return total


def _of_others(derived: Derivation, at: Parameters) -> Iterator[tuple[str, LogSign]]:
    """Another parameter's gradient in the place of this one's."""
    chain, own = derived.chain, _value(derived, at)
    if derived.of is not None:
        yield (
            f"it is {write(chain, symbols.gradient(derived.wrt.symbol))}",
            _value(Derivation(chain, derived.wrt), at) / own,
        )
    near = chain.depth <= NEAR
    inside = [Parameter("a", n) for n in range(1, chain.depth)] if near else []
    for parameter in [*(chain.parameters if near else _beside(chain, derived.wrt)), *inside]:
        other = Derivation(chain, parameter, of=derived.of)
        if parameter != derived.wrt and (derived.of is None or parameter.start <= derived.of.layer):
            yield f"it is {write(chain, other.symbol)}", _value(other, at) / own


def _value(derived: Derivation, at: Parameters) -> LogSign:
    return NumpyKernel(derived.as_gradient).gradient(at)


def _of_other_chains(derived: Derivation, at: Parameters) -> Iterator[tuple[str, LogSign]]:
    """The gradient of a chain of another neuron, another cost, or with or without what a layer adds to its input."""
    chain, own = derived.chain, _value(derived, at)
    if chain.depth > SHALLOW or (derived.of is not None and derived.of.kind == "z"):
        return
    neurons = [f for f in ACTIVATIONS.values() if chain.activations != (f,)]
    others: list[tuple[Any, Any, bool]] = [(f, chain.cost, chain.residual) for f in neurons]
    given = list(chain.activations) if len(chain.activations) > 1 else chain.activations[0]
    others += [(given, cost, chain.residual) for cost in COSTS.values() if cost != chain.cost]
    for other in (*others, (given, chain.cost, not chain.residual)):
        try:
            made = Chain(chain.depth, *other)
        except ChainderivError:  # a cost that its output does not admit
            continue
        yield f"it is the gradient of {made!r}", _value(replace(derived, chain=made), at) / own


def _beside(chain: Chain, wrt: Parameter) -> list[Parameter]:
    layers = {*range(wrt.layer - 1, wrt.layer + 2), chain.depth - wrt.layer + 1, chain.depth, 1}
    return [Parameter(kind, n) for n in sorted(layers) if 1 <= n <= chain.depth for kind in "bw"] + [Parameter("x", 0)]


def _everywhere(derived: Derivation, values: dict[Factor, LogSign], seen: _Quantities) -> Iterator[tuple[str, LogSign]]:
    """The same wrong slope at every layer."""
    primes = [place for place in values if place.kind == "prime"]
    if len(primes) < 2:
        return
    for name, _ in seen.forms(primes[0].layer):
        each = [dict(seen.forms(place.layer)) for place in primes]
        ratios = [forms[name] / values[place] for forms, place in zip(each, primes, strict=True)]
        yield f"{name} stands where φ'(z_l) belongs, at every layer", _product(ratios)


class _Quantities:
    """The numbers of an orbit at points, by layer."""

    def __init__(self, chain: Chain, at: Parameters) -> None:
        self.chain, self.at = chain, at
        self.z: dict[int, LogSign] = {}
        self.a: dict[int, LogSign] = {0: LogSign.from_float(np.broadcast_to(at.x, at.shape))}
        self.prime: dict[int, LogSign] = {}
        orbit = Orbit(chain, at)
        with np.errstate(all="ignore"):
            while orbit.layer < chain.depth:
                orbit.step()
                self.z[orbit.layer] = LogSign.from_float(orbit.z)
                self.a[orbit.layer], self.prime[orbit.layer] = orbit.a, orbit.prime

    def written(self, place: Factor) -> str:
        """A factor as a derivation prints it."""
        return written(self.chain, place, symbol_of(self.chain, place), "unicode")

    def weight(self, layer: int) -> LogSign:
        """w_l."""
        return LogSign.from_float(np.broadcast_to(self.at.w[layer], self.at.shape))

    def layers(self, layer: int) -> list[int]:
        """Those that may be mistaken for one."""
        depth = self.chain.depth
        near = range(1, depth + 1) if depth <= NEAR else (layer - 1, layer + 1, 1, depth)
        return [n for n in dict.fromkeys(near) if n != layer and 1 <= n <= depth]

    def instead_of(self, place: Factor) -> Iterator[tuple[str, LogSign]]:
        """What may stand by mistake in the place of a factor."""
        layer = place.layer
        if place.kind == "slope":
            target = LogSign.from_float(np.broadcast_to(self.at.y, self.at.shape))
            yield f"(a{lowered(str(layer))} − y)", self.a[layer] - target
            yield f"a{lowered(str(layer))}", self.a[layer]
        if place.kind == "link":
            pair = " ".join(self.written(Factor(kind, layer)) for kind in ("weight", "prime"))
            yield f"{pair} without its 1", self.weight(layer) * self.prime[layer]
        of = {"weight": self.weight, "prime": self.prime.__getitem__, "activation": self.a.__getitem__}.get(place.kind)
        if of is None:
            return
        for other in self.layers(layer):
            yield self.written(Factor(place.kind, other)), of(other)
        if place.kind == "activation":
            yield from ((f"z{lowered(str(n))}", self.z[n]) for n in (layer, layer + 1) if n)
            yield (f"a{lowered(str(layer + 1))}", self.a[layer + 1])
        if place.kind == "prime":
            yield from ((name.replace("_l", lowered(str(layer))), value) for name, value in self.forms(layer))

    def forms(self, layer: int) -> Iterator[tuple[str, LogSign]]:
        """What people write for a slope that is another neuron's, or is taken at another place."""
        z, a = (values[layer].to_float() for values in (self.z, self.a))
        f = array_functions(self.chain.activation(layer))
        symbol = self.chain.activation(layer).symbol or self.chain.activation(layer).name
        with np.errstate(all="ignore"):
            yield "a_l (1 − a_l)", LogSign.from_float(a * (1 - a))
            yield "(1 − a_l²)", LogSign.from_float((1 - a) * (1 + a))
            yield f"{symbol}'(a_l)", LogSign.from_float(f.derivative(a))
            yield f"{symbol}(z_l)", LogSign.from_float(f.value(z))
            yield "σ'(z_l)", LogSign.from_float(1 / (2 + 2 * np.cosh(z)))
            yield "tanh'(z_l)", LogSign.from_float(1 / np.cosh(z) ** 2)
            yield "(z_l > 0)", LogSign.from_float((z > 0).astype(float))

    def symbols(self) -> Iterator[tuple[str, LogSign]]:
        """x, y and of each layer w_l, b_l, z_l, a_l."""
        yield "x", self.a[0]
        yield "y", LogSign.from_float(np.broadcast_to(self.at.y, self.at.shape))
        for n in range(1, self.chain.depth + 1) if self.chain.depth <= NEAR else ():
            mark = lowered(str(n))
            yield f"w{mark}", self.weight(n)
            yield f"b{mark}", LogSign.from_float(np.broadcast_to(self.at.inner[n], self.at.shape))
            yield f"z{mark}", self.z[n]
            yield f"a{mark}", self.a[n]
            yield f"(1 − a{mark})", 1 - self.a[n]
            yield self.written(Factor("prime", n)), self.prime[n]
