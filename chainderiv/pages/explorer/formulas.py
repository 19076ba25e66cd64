"""The pieces of equation (1) as MathML: one of each kind, with the layer left open, put together on the page."""

from __future__ import annotations

from collections.abc import Mapping

from chainderiv.functions.activation import Activation
from chainderiv.functions.described import text_of
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.factor import Factor
from chainderiv.symbolic.notation.equations import write, written
from chainderiv.symbolic.notation.forms import math_element

# layers that no number in a formula could be taken for
BEFORE, LAYER, LAST = 90_001, 90_002, 90_009
OPEN = {BEFORE: "{before}", LAYER: "{layer}", LAST: "{last}"}


def formulas(phi: Activation) -> dict[str, str]:
    """φ as text, φ'(z_l) and 1 + w_l φ'(z_l), with {layer} for l.

    >>> from chainderiv import ACTIVATIONS
    >>> formulas(ACTIVATIONS["sigmoid"])["phi"]
    '1/(1 + exp(-z))'
    """
    plain, residual = (Chain(LAST, phi, residual=added) for added in (False, True))
    return {
        "symbol": phi.symbol or phi.name,
        "phi": text_of(phi.formula),
        "prime": _piece(plain, Factor("prime", LAYER)),
        "link": _piece(residual, Factor("link", LAYER)),
    }


def shared_formulas() -> Mapping[str, str]:
    """The pieces that no activation changes: ∂C/∂θ by the kind of θ, w_l, what stands before the first φ', and the end.

    >>> "{layer}" in shared_formulas()["weight"], "{last}" in shared_formulas()["slope"]
    (True, True)
    """
    chain = Chain(LAST)
    cancelling = Chain(LAST, cost="cross_entropy")
    left = {f"of_{kind}": write(chain, Derivation(chain, chain.parameter(name)).symbol, "mathml")
            for kind, name in {**{kind: f"{kind}{LAYER}" for kind in "bwa"}, "x": "x"}.items()}  # fmt: skip
    pieces = {
        "weight": _piece(chain, Factor("weight", LAYER)),
        "input": _piece(chain, Factor("activation", BEFORE)),
        "x": _piece(chain, Factor("activation", 0)),
        "slope": _piece(chain, Factor("slope", LAST)),
        "rest": _piece(cancelling, Factor("rest", LAST)),
    }
    return {**{name: _opened(text) for name, text in left.items()}, **pieces}


def _piece(chain: Chain, place: Factor) -> str:
    return _opened(written(chain, place, Derivation(chain, chain.parameter("b1")).symbol_of(place), "mathml"))


def _opened(mathml: str) -> str:
    for layer, name in OPEN.items():
        mathml = mathml.replace(f"<mn>{layer}</mn>", f"<mn>{name}</mn>")
    return math_element(mathml).replace(" display='block'", "")
