"""A chain's layers in stretches that one call of a kernel walks: the same neuron, the same parameters, the same use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import cancels
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.symbolic.chain import runs
from chainderiv.symbolic.derivation import Derivation


@dataclass(frozen=True)
class Segment:
    """So many layers from a first one on, walked at once."""

    activation: Activation
    first: int
    count: int
    linked: bool  # whether their factor is the link, else φ'(z_l) alone
    gradient: bool  # whether the product goes into ∂C/∂θ
    links: bool  # whether it goes into the sum over the links


def segments(derivation: Derivation, parameters: Parameters) -> Iterator[Segment]:
    """The stretches in order.

    The layer of θ itself is one of its own, whose link is no factor of ∂C/∂θ: its φ'(z_k) is.
    """
    chain = derivation.chain
    ends = {
        0,
        1,
        derivation.start - 1,
        min(derivation.start, chain.depth),
        *accumulate(count for count, _ in runs(chain)),
    }
    ends |= _ends(parameters.w) | _ends(parameters.inner)
    if cancelled_at(derivation, chain.depth):
        ends.add(chain.depth - 1)
    # parameters may be given for more layers than the chain has
    for before, last in pairwise(sorted(end for end in ends if end <= chain.depth)):
        use = _use(derivation, before + 1)
        yield Segment(chain.activation(before + 1), before + 1, last - before, *use)


def _ends(layers: Layered) -> set[int]:
    """The last layers of stretches with the same parameters."""
    if layers.stacked:
        return set(range(1, layers.values.shape[-1]))
    return {end for layer in layers.own for end in (layer - 1, layer)}


def _use(derivation: Derivation, layer: int) -> tuple[bool, bool, bool]:
    """linked, gradient, links of the stretch that begins with a layer."""
    start = derivation.start
    if layer == 1:
        return start == 1 and derivation.wrt.is_activation, start == 1 and not cancelled_at(derivation, 1), False
    own = derivation.wrt.is_activation  # whose first layer's link is a factor
    return True, (layer > start or (own and layer == start)) and not cancelled_at(derivation, layer), True


def cancelled_at(derivation: Derivation, layer: int) -> bool:
    """Whether φ' of that layer is the one that the cost cancels."""
    chain = derivation.chain
    return layer == chain.depth and not chain.residual and cancels(chain.activation(chain.depth), chain.cost)
