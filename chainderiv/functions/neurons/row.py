"""Row: a neuron of the catalogue, as it is stated; its Activation, and a function of formulas, follow from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import sympy

from chainderiv.functions.stable import Stable
from chainderiv.symbols import Expr, z


class Parameter(NamedTuple):
    """A number that a neuron's formula holds: PyTorch's keyword for it, its default and whether it must be above 0."""

    word: str
    default: Expr
    positive: bool = False


@dataclass(frozen=True)
class Row:
    """One neuron: formula(u, *parameters) is φ of u; with z and the defaults it is the catalogue's formula.

    Attributes
    ----------
    name : str. How it is called and shown.
    formula : function of an expression and of the parameters, in their order.
    parameters : what else the formula holds, with defaults.
    aliases : other names of the same mathematics; case, blanks, _ and - do not matter.
    symbol, latex : as in Activation.
    stable : function that states the forms which keep their digits, at the defaults.

    Examples
    --------
    >>> row = Row("stretched", lambda u, a: a * sympy.tanh(u), (Parameter("a", sympy.Integer(2)),))
    >>> row.stated, row.formula(z**2, 3)
    (2*tanh(z), 3*tanh(z**2))
    """

    name: str
    formula: Callable[..., Expr]
    parameters: tuple[Parameter, ...] = ()
    aliases: tuple[str, ...] = ()
    symbol: str = ""
    latex: str = ""
    stable: Callable[[], Stable] = Stable

    @property
    def stated(self) -> Expr:
        """φ(z) at the defaults."""
        return self.formula(z, *(p.default for p in self.parameters))


def by_sign(right: Any, left: Any) -> Any:
    """right for z >= 0, left for z < 0."""
    return sympy.Piecewise((right, z >= 0), (left, True))
