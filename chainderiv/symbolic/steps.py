"""The argument step by step: BP1 at the output, BP2 once per layer, BP3 or BP4 at θ (Nielsen 2015, chapter 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chainderiv import symbols
from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.factor import Factor, symbol_of
from chainderiv.symbolic.lazy import Lazy
from chainderiv.symbols import Expr


@dataclass(frozen=True)
class Step:
    """One named step of the argument: its equation as (left, right) and a line of reason.

    >>> from chainderiv import derive
    >>> first = derive(Chain(depth=2), "b1").steps[0]
    >>> first.name, first.left, first.right
    ('BP1', delta_2, (dC/da_2)*sigmoid'(z_2))
    """

    name: str
    left: Expr
    right: Expr
    reason: str


def steps_to(chain: Chain, wrt: Parameter) -> Sequence[Step]:
    """The steps that lead to ∂C/∂θ."""
    layers = chain.depth - wrt.start + 1
    # ∂C/∂a_k of a residual chain is its last BP2: no δ is needed
    count = layers if chain.residual and wrt.is_activation and layers else layers + 1
    return Lazy(count, lambda k: _step(chain, wrt, k))


def _step(chain: Chain, wrt: Parameter, index: int) -> Step:
    layer = chain.depth - index
    if wrt.start > chain.depth:
        slope = chain.cost.slope.subs(symbols.a, wrt.symbol)
        return Step("cost", symbols.gradient(wrt.symbol), slope, f"C depends on a_{layer} alone")
    if chain.residual:
        return _residual_step(chain, wrt, layer)
    if index == 0:
        reason = "definition of δ_L and the chain rule at a_L = φ(z_L)"
        return Step("BP1", symbols.delta(layer), _prime(chain, layer) * _by_activation(chain, layer), reason)
    if layer >= wrt.start:
        right = _prime(chain, layer) * symbols.weight(layer + 1) * symbols.delta(layer + 1)
        reason = f"z_{layer + 1} = w_{layer + 1} φ(z_{layer}) + b_{layer + 1}"
        return Step("BP2", symbols.delta(layer), right, reason)
    return _at_parameter(wrt)


def _at_parameter(wrt: Parameter) -> Step:
    k, left = wrt.start, symbols.gradient(wrt.symbol)
    if wrt.kind == "b":
        return Step("BP3", left, symbols.delta(k), f"∂z_{k}/∂b_{k} = 1")
    if wrt.kind == "w":
        return Step("BP4", left, symbols.activation(k - 1) * symbols.delta(k), f"∂z_{k}/∂w_{k} = a_{k - 1}")
    if wrt.kind == "z":
        return Step("definition", left, symbols.delta(k), f"δ_{k} is ∂C/∂z_{k}")
    name, before = ("input", "x") if wrt.kind == "x" else ("activation", f"a_{k - 1}")
    return Step(name, left, symbols.weight(k) * symbols.delta(k), f"∂z_{k}/∂{before} = w_{k}")


def _residual_step(chain: Chain, wrt: Parameter, at: int) -> Step:
    """The sum a_l = a_{l-1} + φ(z_l) is walked by ∂C/∂a_l, and δ_k = φ'(z_k) ∂C/∂a_k taken where θ is."""
    k = wrt.layer
    if at > k:
        through = symbol_of(chain, Factor("link", at))
        reason = f"a_{at} = a_{at - 1} + φ(w_{at} a_{at - 1} + b_{at})".replace("a_0", "x")
        return Step("BP2", _by_activation(chain, at - 1), through * _by_activation(chain, at), reason)
    if at == k:
        right = _prime(chain, k) * _by_activation(chain, k)
        before = "x" if k == 1 else f"a_{k - 1}"
        reason = f"definition of δ_{k} and the chain rule at a_{k} = {before} + φ(z_{k})"
        return Step("BP1", symbols.delta(k), right, reason)
    return _at_parameter(wrt)


def _prime(chain: Chain, layer: int) -> Expr:
    return symbol_of(chain, Factor("prime", layer))


def _by_activation(chain: Chain, layer: int) -> Expr:
    """∂C/∂a_l; at the output the cost's own slope."""
    if layer == chain.depth:
        return symbol_of(chain, Factor("slope", layer))
    return symbols.gradient(symbols.activation(layer))
