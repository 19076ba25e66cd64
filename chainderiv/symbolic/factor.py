"""Factor: what stands at one place of a gradient, and the SymPy object that it is."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from chainderiv import symbols
from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbols import Expr


@dataclass(frozen=True)
class Factor:
    """The place of a factor: its kind and its layer l.

    The kinds: 'activation' a_l, 'weight' w_l, 'prime' φ'(z_l), 'link' 1 + w_l φ'(z_l) of a residual chain,
    'slope' ∂C/∂a_L; in second derivatives also 'curve' φ''(z_l) and 'bend' ∂²C/∂a_L²; where the cost cancels
    φ'(z_L), 'rest' φ'(z_L) ∂C/∂a_L as a function of a_L, such as a_L - y, and 'rest_slope' its derivative by a_L.

    >>> from chainderiv import derive
    >>> derive(Chain(depth=2), "b1").places[1]
    Factor(kind='weight', layer=2)
    """

    kind: str
    layer: int


def symbol_of(chain: Chain, place: Factor) -> Expr:
    """The SymPy object that a chain has at a place."""
    layer = place.layer
    if place.kind == "activation":
        return symbols.activation(layer)
    if place.kind == "weight":
        return symbols.weight(layer)
    if place.kind == "link":
        return 1 + symbols.weight(layer) * symbol_of(chain, Factor("prime", layer))
    if place.kind in ("prime", "curve"):
        made, neuron = symbols.PhiPrime if place.kind == "prime" else symbols.PhiSecond, chain.activation(layer)
        symbols.SPELT[neuron.name] = neuron.latex, neuron.symbol
        return made(sympy.Symbol(neuron.name), symbols.pre_activation(layer))
    return _of_the_cost(chain, place.kind)


def _of_the_cost(chain: Chain, kind: str) -> Expr:
    output = symbols.activation(chain.depth)
    if kind in ("slope", "bend"):
        made = symbols.CostSlope if kind == "slope" else symbols.CostSecond
        return made(sympy.Symbol(chain.cost.name), output, symbols.y)
    rest = chain.output_rest if kind == "rest" else chain.output_rest_slope
    assert rest is not None
    return rest.subs(symbols.a, output)


def through(chain: Chain, layer: int) -> list[Factor]:
    """∂a_l/∂a_{l-1} as factors: w_l φ'(z_l), or 1 + w_l φ'(z_l) as one."""
    if chain.residual:
        return [Factor("link", layer)]
    return [Factor("weight", layer), Factor("prime", layer)]


def z_by(parameter: Parameter) -> list[Factor]:
    """∂z_k/∂θ of θ's own layer: nothing for a bias or z_k itself, a_{k-1} for a weight."""
    return [Factor("activation", parameter.layer - 1)] if parameter.kind == "w" else []


def a_by(parameter: Parameter) -> list[Factor]:
    """∂a_k/∂θ of θ's own layer: nothing for a_k itself, as the input a_0 is."""
    return [] if parameter.is_activation else [*z_by(parameter), Factor("prime", parameter.layer)]
