"""Chain: the layer equations of a network with one neuron per layer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import sympy

from chainderiv import symbols
from chainderiv.errors import BadShape, BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import Cost, cancelled_product, cost as find_cost
from chainderiv.functions.lookup import neuron
from chainderiv.given import is_whole, up_to
from chainderiv.symbols import Expr

MAX_DEPTH = 1_000_000
SHOWN_NAMES = 12
_SYMBOLS = {
    "b": symbols.bias,
    "w": symbols.weight,
    "z": symbols.pre_activation,
    "a": symbols.activation,
    "x": symbols.activation,
}


@dataclass(frozen=True, order=True)
class Parameter:
    """What a gradient is taken with respect to: kind 'b', 'w', 'z', 'a' or 'x', and its layer (0 for x, which is a_0).

    >>> w2 = Chain(depth=4).parameter("w2")
    >>> w2, w2.symbol
    (Parameter(kind='w', layer=2), w_2)
    """

    kind: str
    layer: int

    def __str__(self) -> str:
        return self.kind + (str(self.layer) if self.layer else "")

    @property
    def is_activation(self) -> bool:
        """Whether it is an a_l, as x is, which acts from layer l + 1 on, by its weight."""
        return self.kind in ("a", "x")

    @property
    def start(self) -> int:
        """The first layer that it acts on; L + 1 for a_L, on which the cost alone depends."""
        return self.layer + 1 if self.is_activation else self.layer

    @property
    def symbol(self) -> Expr:
        """b_l, w_l, z_l, a_l or x as a SymPy symbol."""
        return _SYMBOLS[self.kind](self.layer)


@dataclass(frozen=True, init=False)
class Chain:
    """One neuron per layer: a_0 = x; z_l = w_l a_{l-1} + b_l; a_l = φ_l(z_l), l = 1 … L; cost C(a_L, y).

    A residual chain passes its input on beside φ: a_l = a_{l-1} + φ_l(z_l) (He et al. 2016, equation 1).

    Parameters
    ----------
    depth : int from 1 to 1,000,000. L, the number of layers.
    activation : name, Activation, or one of them per layer.
    cost : name or Cost.
    residual : bool. Whether every layer adds to its input.

    Raises
    ------
    BadValue, BadShape
        When the depth is no whole number in range, the activations are not one or L, or residual is no bool.
    UnknownName
        When a name is in no catalogue.
    CostDomain
        When the output can leave what the cost is defined on; the message names the cure.

    Source: Nielsen (2015), chapter 5, the simplest deep network.

    Examples
    --------
    >>> Chain(depth=3, activation=["relu", "relu", "sigmoid"], cost="cross_entropy")
    Chain(depth=3, activation=['relu', 'relu', 'sigmoid'], cost='cross_entropy')
    >>> Chain(depth=3, residual=True).equations(2)[1]
    (a_2, a_1 + 1/(1 + exp(-z_2)))
    """

    depth: int
    activations: tuple[Activation, ...]  # one for all layers, or one per layer
    cost: Cost
    residual: bool

    def __init__(
        self,
        depth: int = 4,
        activation: str | Activation | Sequence[str | Activation] = "sigmoid",
        cost: str | Cost = "quadratic",
        residual: bool = False,
    ) -> None:
        if not is_whole(depth, 1, MAX_DEPTH):
            raise BadValue(f"depth is {depth!r}; give a whole number from 1 to {MAX_DEPTH}")
        object.__setattr__(self, "depth", int(depth))
        layers = read_activations(activation, self.depth, f"layer ({depth} for this depth)")
        object.__setattr__(self, "activations", layers)
        object.__setattr__(self, "cost", find_cost(cost))
        if not isinstance(residual, bool):
            raise BadValue(f"residual is {residual!r}; give True or False")
        object.__setattr__(self, "residual", residual)
        for used in neurons(self):
            used.require_usable()
        self.cost.require_chain_output(self.activation(self.depth), self.residual)

    def __repr__(self) -> str:
        names: Any = [f.name for f in self.activations]
        if len(names) == 1:
            names = repr(names[0])
        elif len(names) > SHOWN_NAMES:
            names = f"[{names[0]!r}, …, {names[-1]!r}]"
        residual = ", residual=True" if self.residual else ""
        return f"Chain(depth={self.depth}, activation={names}, cost={self.cost.name!r}{residual})"

    def activation(self, layer: int) -> Activation:
        """φ_l, l = 1 … L."""
        return self.activations[layer - 1 if len(self.activations) > 1 else 0]

    @property
    def output_rest(self) -> Expr | None:
        """φ'(z_L) ∂C/∂a_L in a and y where the cost cancels φ'(z_L), as a - y of cross-entropy after σ, else None.

        A residual chain cancels nothing: its a_L is not φ(z_L).
        """
        return None if self.residual else cancelled_product(self.activation(self.depth), self.cost)

    @property
    def output_rest_slope(self) -> Expr | None:
        """The derivative of output_rest by a, as 1 of a - y, else None."""
        rest = self.output_rest
        return None if rest is None else sympy.diff(rest, symbols.a)

    @property
    def kinked(self) -> bool:
        """Whether φ' jumps somewhere in one of the layers."""
        return any(f.kinks for f in neurons(self))

    @property
    def vouched(self) -> bool:
        """Whether the digits of every layer's φ' hold everywhere."""
        return all(f.vouched for f in neurons(self))

    def parameter(self, text: str | Parameter) -> Parameter:
        """Read 'b1', 'w12', 'z3', 'a2' or 'x'; raises BadValue for what the chain does not have."""
        match = re.fullmatch(r"x|([bwza])_?([1-9][0-9]*)", str(text))
        if re.fullmatch(r"(?:delta|δ)_?[0-9₀-₉]+", str(text)):
            raise BadValue(
                f"parameter {str(text)!r} is given; δ_l is ∂C/∂z_l itself, so give 'z1' … 'z{self.depth}', or b_l, by "
                "which the derivative is the same"
            )
        if match is None or (match[1] and int(match[2]) > self.depth):
            known = ", ".join(f"{kind}1 … {kind}{self.depth}" for kind in "bwza")
            raise BadValue(f"parameter {str(text)!r} is not in a chain of depth {self.depth}; give {known} or x")
        return Parameter(match[1], int(match[2])) if match[1] else Parameter("x", 0)

    def quotient(self, text: str) -> tuple[Parameter, Parameter]:
        """Read 'a4/b1', ∂a_4/∂b_1, as what is differentiated, an a or z, and by what.

        Raises BadValue for what the chain does not have, and for a derivative that is 0 or 1 whatever the weights are.
        """
        above, below = map(self.parameter, map(str.strip, text.split("/") if text.count("/") == 1 else [text] * 2))
        if above.kind not in "az":
            raise BadValue(f"the derivative of {above} is asked for; give that of an a or a z, as 'a{self.depth}/b1'")
        if above == below or (above.kind == "z" and below.kind == "b" and above.layer == below.layer):
            raise BadValue(f"∂{above}/∂{below} is 1, whatever the weights are; give a later layer's a or z")
        if above.layer < below.start:
            raise BadValue(f"{above} does not depend on {below}: ∂{above}/∂{below} is 0; give a later layer's a or z")
        if above.kind == "z" and self.residual:
            raise BadValue(
                f"{text!r} is given for a residual chain, where z_{above.layer} is w_{above.layer} "
                f"a_{above.layer - 1} + b_{above.layer}; take ∂a_{above.layer - 1} and multiply it by w_{above.layer}"
            )
        return above, below

    def until(self, last: Parameter) -> Chain:
        """The layers up to a_m, or to z_m, with that as the cost: its gradients are the derivatives of a_m or z_m."""
        layers = [*(self.activations * (1 if len(self.activations) > 1 else last.layer))[: last.layer]]
        if last.kind == "z":
            layers[-1] = neuron("identity")
        return Chain(last.layer, layers, Cost(f"{last.kind}_{last.layer}", symbols.a), self.residual)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every b_l and w_l, and x."""
        layers = range(1, self.depth + 1)
        return (*(Parameter(k, layer) for layer in layers for k in "bw"), Parameter("x", 0))

    def equations(self, layer: int) -> tuple[tuple[Expr, Expr], tuple[Expr, Expr]]:
        """The two equations of a layer: (z_l, w_l a_{l-1} + b_l) and (a_l, φ_l(z_l)), a_{l-1} added if residual.

        Raises BadValue for a layer that the chain does not have.
        """
        up_to("layer", layer, self.depth)
        z, before = symbols.pre_activation(layer), symbols.activation(layer - 1)
        value = self.activation(layer).formula.subs(symbols.z, z)
        total = symbols.weight(layer) * before + symbols.bias(layer)
        return (z, total), (symbols.activation(layer), before + value if self.residual else value)


def neurons(chain: Chain) -> tuple[Activation, ...]:
    """The different activations, in the order of their first layers."""
    return tuple(dict.fromkeys(chain.activations))


def runs(chain: Chain) -> list[tuple[int, int]]:
    """(number of layers, index in `neurons`) for each stretch of layers with one activation."""
    if len(chain.activations) == 1:
        return [(chain.depth, 0)]
    places = {activation: k for k, activation in enumerate(neurons(chain))}
    indices = (places[activation] for activation in chain.activations)
    return [(len(list(stretch)), index) for index, stretch in groupby(indices)]


def read_activations(given: Any, count: int, each: str) -> tuple[Activation, ...]:
    """One Activation for all of count layers, or where they differ one for each; raises BadShape or UnknownName."""
    if isinstance(given, str | Activation):
        return (neuron(given),)
    if not isinstance(given, Sequence) or len(given) != count or not given:
        what = f"{len(given)} of them" if isinstance(given, Sequence) else repr(given)
        raise BadShape(f"activation is {what}; give one name or Activation, or one per {each}")
    layers = tuple(neuron(f) for f in given)
    return layers if any(f != layers[0] for f in layers) else layers[:1]
