"""C and its gradients as explicit expressions in x_i, y_k, w^l_jk and b^l_j: BP1 to BP4 written out over their sums."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from chainderiv import symbols
from chainderiv.errors import BadValue, TooDeep
from chainderiv.given import is_whole
from chainderiv.symbolic.full_width import indexed
from chainderiv.symbolic.full_width.backward_steps import cost_sum, definitions
from chainderiv.symbolic.full_width.indexed import a, b, delta, j, k, last, layer, w, z
from chainderiv.symbolic.full_width.layer_input import Layers
from chainderiv.symbolic.nesting import nested
from chainderiv.symbols import Expr

Equations = Mapping[str, tuple[Expr, Expr]]

MOST_LEAVES = 20_000  # times that a parameter may stand in C, the nested expression
MOST_LAYERS = 30


@dataclass(frozen=True, order=True)
class LayerParameter:
    """w^l_jk or b^l_j: kind 'w' or 'b', the layer l, and the indices j (and k), all from 1.

    >>> from chainderiv import derive_layers
    >>> [str(parameter) for parameter in derive_layers([1, 2]).parameters]
    ['w1_11', 'b1_1', 'w1_21', 'b1_2']
    """

    kind: str
    layer: int
    indices: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.kind}{self.layer}_{_joined(self.indices)}"

    @property
    def symbol(self) -> Expr:
        """The SymPy symbol that stands for it in an explicit expression."""
        return sympy.Symbol(f"{self.kind}^{self.layer}_{_joined(self.indices)}", real=True)

    @property
    def indexed(self) -> Expr:
        """The same in index form."""
        return {"w": w, "b": b}[self.kind][(self.layer, *self.indices)]


def _joined(indices: Sequence[int]) -> str:
    return ("," if max(indices) > 9 else "").join(map(str, indices))


def read_parameter(given: Any, sizes: Sequence[int]) -> LayerParameter:
    """w2_13, w2_1,13, b1_2 or ("w", 2, 1, 3); raises BadValue for what a network of these sizes does not have."""
    found = given if isinstance(given, LayerParameter) else _parsed(given)
    if found is None or not _exists(found, sizes):
        raise BadValue(
            f"parameter {str(given)!r} is not in a network of sizes {list(sizes)}; give a weight as 'w2_13' "
            "(layer 2, to neuron 1 from neuron 3) or a bias as 'b2_1'"
        )
    return found


def _parsed(given: Any) -> LayerParameter | None:
    if not isinstance(given, str):
        kind, at, *indices = given if isinstance(given, Sequence) and len(given) > 2 else ("", 0)
        return LayerParameter(str(kind), at, tuple(indices))
    match = re.fullmatch(r"([wb])(\d{1,9})_(\d{1,9}|\d{1,9},\d{1,9})", given, re.ASCII)
    if match is None:
        return None
    apart = match[3].split(",") if "," in match[3] or match[1] == "b" else list(match[3])
    return LayerParameter(match[1], int(match[2]), tuple(map(int, apart)))


def _exists(parameter: LayerParameter, sizes: Sequence[int]) -> bool:
    at, wanted = parameter.layer, {"w": 2, "b": 1}.get(parameter.kind, 0)
    whole = all(is_whole(n, 0) for n in (at, *parameter.indices))
    if not whole or len(parameter.indices) != wanted or not 1 <= at < len(sizes):
        return False
    return all(1 <= i <= n for i, n in zip(parameter.indices, (sizes[at], sizes[at - 1]), strict=False))


def all_parameters(sizes: Sequence[int]) -> Iterator[LayerParameter]:
    """Every weight and bias, layer by layer."""
    for at in range(1, len(sizes)):
        for row in range(1, sizes[at] + 1):
            for column in range(1, sizes[at - 1] + 1):
                yield LayerParameter("w", at, (row, column))
            yield LayerParameter("b", at, (row,))


def require_small(layers: Layers) -> tuple[int, ...]:
    """The widths as numbers; raises BadValue where they are symbols and TooDeep where C would be too long."""
    sizes = layers.sizes
    if not all(isinstance(n, int) for n in sizes):
        raise BadValue("an explicit expression needs widths that are numbers; give them, such as [2, 3, 2]")
    leaves = 1
    for at in range(1, layers.depth + 1):
        leaves = sizes[at - 1] * (leaves + 1) + 1
        formula = layers.activation(at)
        leaves *= sizes[at] + 1 if formula is None else formula.formula.count(symbols.z)
        if leaves * sizes[-1] > MOST_LEAVES or at > MOST_LAYERS:
            brief = list(sizes) if len(sizes) <= 12 else f"[{sizes[0]}, …, {sizes[-1]}] ({len(sizes)} of them)"
            raise TooDeep(
                f"an explicit expression of sizes {brief} is refused (more than {MOST_LEAVES} parameters in "
                f"one formula, or more than {MOST_LAYERS} layers); use the equations, which serve at any size"
            )
    return tuple(sizes)


def write_cost(layers: Layers) -> Expr:
    """C of the whole network as one expression, unevaluated."""
    sum_ = layers.numbered(cost_sum(layers.cost), {last: sympy.Integer(layers.depth)})
    return nested(sum_.doit(), forward(layers))


def forward(layers: Layers) -> dict[Expr, Expr]:
    """Every indexed symbol of the forward pass as an expression in x_i, w^l_jk and b^l_j; and y_k."""
    sizes = require_small(layers)
    known = {parameter.indexed: parameter.symbol for parameter in all_parameters(sizes)}
    known |= {a[0, i]: sympy.Symbol(f"x_{i}", real=True) for i in range(1, sizes[0] + 1)}
    known |= {indexed.y[i]: sympy.Symbol(f"y_{i}", real=True) for i in range(1, sizes[-1] + 1)}
    given = {step.name: step.right for step in definitions(layers.output, layers.cost)}
    for at in range(1, layers.depth + 1):
        value = "output" if at == layers.depth else "activation"
        for name, base in (("layer", z), (value, a)):
            known |= {base[at, i]: _write(layers, given[name], at, {j: i}, known) for i in range(1, sizes[at] + 1)}
    return known


def write_errors(layers: Layers, at_output: Expr, equations: Equations) -> dict[Expr, Expr]:
    """What `forward` knows, and every δ^l_j: δ^L_j as given at the output and BP2 from layer to layer, written out."""
    known, sizes = forward(layers), layers.sizes
    for at in range(layers.depth, 0, -1):
        right = at_output if at == layers.depth else equations["BP2"][1]
        known |= {delta[at, i]: _write(layers, right, at, {j: i}, known) for i in range(1, sizes[at] + 1)}
    return known


def write_gradient(layers: Layers, equations: Equations, parameter: LayerParameter, known: dict[Expr, Expr]) -> Expr:
    """∂C/∂θ by BP3 or BP4 from what `write_errors` knows."""
    name = {"b": "BP3", "w": "BP4"}[parameter.kind]
    values = dict(zip((j, k), parameter.indices, strict=False))
    return _write(layers, equations[name][1], parameter.layer, values, known)


def _write(layers: Layers, right: Expr, at: int, values: dict[Expr, int], known: dict[Expr, Expr]) -> Expr:
    """The right side of an equation at one layer and one neuron, its sums written out and what is known put in."""
    chosen = {index: sympy.Integer(value) for index, value in values.items()}
    whole = layers.numbered(right, {layer: sympy.Integer(at), last: sympy.Integer(at), **chosen}).doit()
    whole = whole.replace(indexed.Phi, lambda z: _at(layers, z).formula.xreplace({symbols.z: z}))
    whole = whole.replace(symbols.PhiPrime, lambda _, z: _at(layers, z).derivative.xreplace({symbols.z: z}))
    slope = layers.cost.slope
    whole = whole.replace(symbols.CostSlope, lambda _, a, y: slope.xreplace({symbols.a: a, symbols.y: y}))
    return nested(whole, known)


def _at(layers: Layers, z: Expr) -> Any:
    return layers.activation(int(z.indices[0]))
