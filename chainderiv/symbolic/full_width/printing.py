"""What BP1 to BP4 come to, in words: the unrolled product, what its Σ' are, and what the cost cancels."""

from __future__ import annotations

from chainderiv.symbolic.full_width import indexed
from chainderiv.symbolic.full_width.layers import LayerDerivation
from chainderiv.symbolic.notation.forms import LONG
from chainderiv.symbolic.notation.indices import inner, marked


def unrolled(
    derivation: LayerDerivation, at: int = 1, target: str = "unicode", cancel: bool = False, elide: bool = False
) -> str:
    """δ^l = Σ'(z^l) (W^{l+1})ᵀ … Σ'(z^L) ∇_a C, elided in its middle on request."""
    writer, factors = derivation.writer(target), derivation.unrolled(at, cancel)
    form, long = writer.form, elide and len(factors) > LONG
    # an even number of factors from the front, so that no Wᵀ stands apart from its Σ'
    parts = [factors[:4], factors[-4 + cancel :]] if long else [factors]
    written = (form.within.join(inner(writer, f) for f in part) for part in parts)
    return marked(writer, "delta", at) + form.equals + form.elided(written, form.within)


def legend(derivation: LayerDerivation, target: str = "unicode") -> str:
    """What Σ'(z^l) is."""
    writer = derivation.writer(target)
    form, z = writer.form, marked(writer, "z", "l")
    shared = derivation.output in (None, *derivation.hidden) and len(derivation.hidden) == 1
    name = form.neuron(derivation.hidden[0]) if shared else marked(writer, "phi", "", "l")
    return f"where {form.diagonal(z)} is the diagonal matrix of {form.applied(form.primed(name, 1), z)}"


def cancellation(derivation: LayerDerivation, target: str = "unicode") -> str:
    """One line: what the cost cancels at the output, and what is then δ^L_j."""
    gone, given = derivation.cancelled, derivation.hypothesis
    error = derivation.written(indexed.delta[indexed.last, indexed.j], derivation.surviving, target)
    if gone is None:
        return f"the cost cancels nothing: {error}"
    where = "" if given is None else f" where {derivation.written(*given, target)}"
    return f"the cost cancels {derivation.written(gone, target=target)} and no other factor: {error}{where}"
