"""A chain's layers in stretches that one call of a kernel walks: the same neuron, the same parameters, the same use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import cancels
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.symbolic.chain import runs
from chainderiv.symbolic.derivation import Derivation


@dataclass(frozen=True)
class Segment:
    """Layers first … last, walked at once.

    Attributes
    ----------
    linked : bool. Whether their factor is the link, else φ'(z_l) alone.
    gradient, links : bool. Whether the product goes into ∂C/∂θ, and into the sum over the links.
    """

    activation: Activation
    first: int
    last: int
    linked: bool
    gradient: bool
    links: bool

    @property
    def count(self) -> int:
        """The number of layers."""
        return self.last - self.first + 1


def segments(derivation: Derivation, parameters: Parameters) -> Iterator[Segment]:
    """The stretches in order.

    The layer of θ itself is one of its own, whose link is no factor of ∂C/∂θ: its φ'(z_k) is.
    """
    chain = derivation.chain
    at = 1
    edges = {0, 1, derivation.start - 1, derivation.start} | _own(parameters)
    edges |= {chain.depth - 1} if cancelled_at(derivation, chain.depth) else set()
    for count, activation in _stretches(derivation):
        cuts = sorted({at - 1, at + count - 1} | {e for e in edges if at <= e < at + count})
        for before, last in pairwise(cuts):
            yield Segment(activation, before + 1, last, *_use(derivation, before + 1))
        at += count


def _stretches(derivation: Derivation) -> Iterator[tuple[int, Activation]]:
    chain = derivation.chain
    at = 1
    for count, _ in runs(chain):
        yield count, chain.activation(at)
        at += count


def _own(parameters: Parameters) -> set[int]:
    """The last layers of stretches with the same parameters."""
    return _edges(parameters.w) | _edges(parameters.inner)


def _edges(layers: Layered) -> set[int]:
    if layers.stacked:
        return set(range(1, layers.values.shape[-1]))
    return {edge for layer in layers.own for edge in (layer - 1, layer)}


def _use(derivation: Derivation, layer: int) -> tuple[bool, bool, bool]:
    """linked, gradient, links of the stretch that begins with a layer."""
    start = derivation.start
    through_input = derivation.wrt.kind == "x"
    if layer == 1:
        return through_input, start == 1 and not cancelled_at(derivation, 1), False
    return True, layer > start and not cancelled_at(derivation, layer), True


def cancelled_at(derivation: Derivation, layer: int) -> bool:
    """Whether φ' of that layer is the one that the cost cancels."""
    chain = derivation.chain
    return layer == chain.depth and not chain.residual and cancels(chain.activation(chain.depth), chain.cost)
