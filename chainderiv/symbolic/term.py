"""Term: one product of the sum that a second derivative is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.factor import Factor, symbol_of
from chainderiv.symbols import Expr


@dataclass(frozen=True)
class Term:
    """One product of the sum.

    Attributes
    ----------
    chain : Chain.
    groups : the places in groups, such as ∂z_l/∂θ, φ''(z_l), ∂z_l/∂η and ∂C/∂a_l.
    replaced : dict of index -> expression, of the places taken in one row.

    Examples
    --------
    >>> from chainderiv import derive
    >>> print(derive(Chain(depth=2), ("b1", "b2")).terms[0])
    (σ'(z₁) · w₂) · σ''(z₂) · ∂C/∂a₂
    """

    chain: Chain
    groups: tuple[tuple[Factor, ...], ...]
    replaced: dict[int, Expr] = field(default_factory=dict)

    @property
    def factors(self) -> tuple[Expr, ...]:
        """The SymPy objects in one row, after replacements."""
        made = (symbol_of(self.chain, place) for place in self.places)
        return tuple(self.replaced.get(k, e) for k, e in enumerate(made))

    @property
    def places(self) -> tuple[Factor, ...]:
        """What stands at each index."""
        return tuple(place for group in self.groups for place in group)

    @property
    def rows(self) -> list[tuple[Sequence[Factor], Sequence[Expr]]]:
        """The places of each group, and what stands there."""
        factors = iter(self.factors)
        return [(places, list(islice(factors, len(places)))) for places in self.groups]

    def __str__(self) -> str:
        from chainderiv.symbolic.notation.equations import grouped

        return grouped(self.chain, self.rows, "unicode", elide=True)

    def _repr_html_(self) -> str:
        from chainderiv.symbolic.notation.equations import grouped
        from chainderiv.symbolic.notation.forms import math_element

        return math_element(f"<mrow>{grouped(self.chain, self.rows, 'mathml', elide=True)}</mrow>")
