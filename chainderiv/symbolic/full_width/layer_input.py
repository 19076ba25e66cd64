"""Layers: the widths, activations and cost that a caller gave for a network, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from chainderiv.errors import BadValue, unknown_name
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import Cost
from chainderiv.given import is_whole, shown
from chainderiv.symbolic.chain import MAX_DEPTH
from chainderiv.symbolic.full_width.indexed import last, n
from chainderiv.symbolic.lazy import Lazy
from chainderiv.symbolic.notation.forms import FORMS
from chainderiv.symbolic.notation.indices import RULES
from chainderiv.symbolic.notation.writer import Writer
from chainderiv.symbols import Expr


@dataclass(frozen=True)
class Layers:
    """A fully connected network as it was given; its attributes are those of LayerDerivation."""

    depth: int
    widths: tuple[int, ...] | None
    hidden: tuple[Activation, ...]
    output: Activation | None
    cost: Cost

    @property
    def sizes(self) -> Sequence[Any]:
        """n_0 … n_L: ints, or the symbols n_l."""
        return self.widths if self.widths is not None else Lazy(self.depth + 1, lambda at: n[at])

    def activation(self, at: int) -> Activation | None:
        """φ_l, l = 1 … L; None for a last layer of softmax."""
        if at == self.depth:
            return self.output
        return self.hidden[at - 1 if len(self.hidden) > 1 else 0]

    def numbered(self, expression: Expr, values: dict[Expr, Expr] | None = None) -> Expr:
        """An expression with numbers for indices, and then for widths where they are numbers."""
        at = expression.xreplace(values or {})
        if self.widths is None:
            return at
        found = [width for width in at.atoms(sympy.Indexed) if width.base == n and width.indices[0].is_Integer]
        return at.xreplace({width: sympy.Integer(self.widths[int(width.indices[0])]) for width in found})

    def writer(self, target: str) -> Writer:
        """The writer of that form; raises UnknownName."""
        if not isinstance(target, str) or target not in FORMS:
            raise unknown_name("target", target, FORMS)
        return Writer(FORMS[target], self._named, RULES)

    def _named(self, at: Expr) -> Activation | None:
        """The activation that a φ_l is named after: the output's at L, and that of hidden layers which share one."""
        if at == last or at.is_Integer:
            return self.activation(self.depth if at == last else int(at))
        return self.hidden[0] if len(self.hidden) == 1 else None


def read_sizes(given: Any) -> tuple[int, tuple[int, ...] | None]:
    """L and n_0 … n_L from a list of widths, or L and None from L alone; raises BadValue."""
    if is_whole(given, 1) and given <= MAX_DEPTH:
        return int(given), None
    sizes = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else ()
    if len(sizes) < 2 or not all(is_whole(n, 1) for n in sizes):
        raise BadValue(
            f"sizes are {shown(given)}; give at least two whole numbers >= 1, inputs first, such as [3, 2, 2], "
            f"or the number of layers, 1 to {MAX_DEPTH}"
        )
    return len(sizes) - 1, tuple(int(n) for n in sizes)
