"""derive(chain, wrt): a gradient as an ordered list of factors, or a second derivative as a sum of such products."""

from __future__ import annotations

import re
from typing import overload

from chainderiv.errors import BadValue
from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.second import SecondDerivation

Pair = tuple[str | Parameter, ...] | list[str | Parameter] | tuple[str, ...] | list[str]
Wrt = str | Parameter | Pair


@overload
def derive(chain: Chain, wrt: str | Parameter = "b1") -> Derivation: ...
@overload
def derive(chain: Chain, wrt: Pair) -> SecondDerivation: ...
@overload
def derive(chain: Chain, wrt: Wrt) -> Derivation | SecondDerivation: ...
def derive(chain: Chain, wrt: Wrt = "b1") -> Derivation | SecondDerivation:
    """∂C/∂b_l, ∂C/∂w_l, ∂C/∂z_l, ∂C/∂a_l or ∂C/∂x of a chain; of two parameters the second derivative, a sum of them.

    Of 'a4/b1' it is ∂a_4/∂b_1, and so for every a_m and z_m by what they depend on.
    Raises BadValue for a parameter that the chain does not have, and for a second derivative by z_l or a_l.

    >>> derive(Chain(depth=2), "w2").factors
    [a_1, sigmoid'(z_2), dC/da_2]
    >>> print(derive(Chain(depth=4), "a3/a1"))
    ∂a₃/∂a₁ = w₂ σ'(z₂) · w₃ σ'(z₃)
    >>> print(derive(Chain(depth=1), ("b1", "b1")))
    ∂²C/∂b₁² = σ''(z₁) · ∂C/∂a₁ + σ'(z₁) · ∂²C/∂a₁² · σ'(z₁)
    """
    if not isinstance(chain, Chain):
        raise BadValue(f"chain is {chain!r}; give a Chain")
    if isinstance(wrt, str) and "/" in wrt:
        of, by = chain.quotient(wrt)
        return Derivation(chain, by, of=of)
    if isinstance(wrt, str) and len(names := re.findall(r"[^\s,]+", wrt)) == 2:
        raise BadValue(f"wrt is {wrt!r}; give two parameters as a tuple, ({names[0]!r}, {names[1]!r})")
    if isinstance(wrt, str | Parameter):
        return Derivation(chain, chain.parameter(wrt))
    given = tuple(wrt) if isinstance(wrt, list) else wrt
    if not isinstance(given, tuple) or len(given) != 2:
        raise BadValue(f"wrt is {given!r}; give one parameter, as 'b1', or two, as ('b1', 'w2')")
    early, late = sorted((_of_a_pair(chain, one) for one in given), key=lambda p: (p.layer, p.kind))
    return SecondDerivation(chain, (early, late))


def _of_a_pair(chain: Chain, given: str | Parameter) -> Parameter:
    """b_l, w_l or x; raises BadValue for another, whose second derivative depends on what else is held."""
    found = chain.parameter(given)
    if found.kind in "za":
        cure = f"z{found.layer} moves as b{found.layer} does, so give 'b{found.layer}'"
        if found.kind == "a":
            cure = f"give ('x', …) of the chain that begins behind a{found.layer}"
        raise BadValue(f"a second derivative by {str(found)!r} is given; it is taken by b, w and x: {cure}")
    return found
