"""compare(chain, "b1", "b3"): what two layers' gradients share, and their ratio as what stands between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chainderiv.errors import BadValue
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.notation.equations import product, write
from chainderiv.symbolic.notation.forms import CHAIN_FORMS, math_element
from chainderiv.symbols import Expr, gradient


@dataclass(frozen=True)
class Comparison:
    """Two gradients of one chain: what they share, and first/second as the product of what stands between.

    Attributes
    ----------
    first, second : Derivation, of biases of the layers j < k.
    common : the factors that both have.
    between, below : first/second is the product of the factors between over that of the factors below; a chain
        that is not residual has none below.
    links : the links of the layers j + 1 … k; first/second is also φ'(z_j)/φ'(z_k) times their product.

    Examples
    --------
    >>> list(compare(Chain(depth=4), "b1", "b2").between)
    [sigmoid'(z_1), w_2]
    """

    first: Derivation
    second: Derivation

    @property
    def common(self) -> Sequence[Expr]:
        """The factors that both have."""
        return self.second.factors[len(self.below) :]

    @property
    def between(self) -> Sequence[Expr]:
        """The factors of the first alone."""
        return self.first.factors[: len(self.first.factors) - len(self.common)]

    @property
    def below(self) -> Sequence[Expr]:
        """The factors of the second alone: φ'(z_k) of a residual chain, where 1 + w_k φ'(z_k) does not hold it."""
        return self.second.factors[:1] if self.first.chain.residual else ()

    @property
    def links(self) -> Sequence[Expr]:
        """w_l φ'(z_l), or 1 + w_l φ'(z_l), of the layers j + 1 … k."""
        return self.first.links[: self.second.start - self.first.start]

    def __str__(self) -> str:
        """∂C/∂b_j = [ what stands between ] · ∂C/∂b_k."""
        left, right, between, below = self._written("unicode")
        return f"{left} = [ {between}{''.join(f' / {factor}' for factor in below)} ] · {right}"

    def _repr_html_(self) -> str:
        style = CHAIN_FORMS["mathml"]
        left, right, between, below = self._written("mathml")
        ratio = style.fraction(between, below[0]) if below else between
        return math_element(f"<mrow>{left}{style.equals}{style.bracketed(ratio)}{style.times}{right}</mrow>")

    def _written(self, form: str) -> tuple[str, str, str, list[str]]:
        """Both gradients, what stands between them, and what is below it."""
        chain = self.first.chain
        left, right = (write(chain, gradient(d.wrt.symbol), form) for d in (self.first, self.second))
        between = product(chain, self.first.places[: len(self.between)], self.between, form, elide=True)
        return left, right, between, [write(chain, factor, form) for factor in self.below]


def compare(chain: Chain, first: str = "b1", second: str = "b2") -> Comparison:
    """∂C/∂b_j against ∂C/∂b_k, j < k: the ratio is φ'(z_j) w_{j+1} φ'(z_{j+1}) … w_k.

    Of a residual chain it is φ'(z_j) (1 + w_{j+1} φ'(z_{j+1})) … (1 + w_k φ'(z_k)) / φ'(z_k).
    Whichever is given first, the earlier layer's is compared with the later one's.
    Raises BadValue when the two are not biases of different layers.

    >>> print(compare(Chain(depth=4), "b1", "b3"))
    ∂C/∂b₁ = [ σ'(z₁) · w₂ σ'(z₂) · w₃ ] · ∂C/∂b₃
    >>> print(compare(Chain(depth=4, residual=True), "b1", "b2"))
    ∂C/∂b₁ = [ σ'(z₁) · (1 + w₂ σ'(z₂)) / σ'(z₂) ] · ∂C/∂b₂
    """
    if not isinstance(chain, Chain):
        raise BadValue(f"chain is {chain!r}; give a Chain")
    parameters = sorted({chain.parameter(first), chain.parameter(second)})
    if len(parameters) != 2 or any(p.kind != "b" for p in parameters):
        raise BadValue(f"compare is given {first!r} and {second!r}; give the biases of two layers, as b1 and b3")
    return Comparison(*(Derivation(chain, p) for p in parameters))
