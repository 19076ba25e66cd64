"""bounds(activation) -> Bounds: how large |φ'| can be, and so which weights can make a link w φ'(z) amplify."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import sympy
from sympy import oo

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.intervals import Unenclosed
from chainderiv.functions.lookup import neuron
from chainderiv.symbolic.bounding import text, widest
from chainderiv.symbolic.bounding.amplifying import Amplifying, amplifying, regimes
from chainderiv.symbolic.bounding.certainty import Certainty, certainty
from chainderiv.symbolic.bounding.exact_number import exact_number
from chainderiv.symbolic.bounding.exponentials import Unproved
from chainderiv.symbolic.bounding.landscape import Landscape, landscape
from chainderiv.symbolic.bounding.probability import of_link
from chainderiv.symbolic.bounding.supremum import supremum
from chainderiv.symbols import Expr


@dataclass(frozen=True)
class Bounds:
    """What follows from the size of φ' alone.

    Every number is a SymPy number: exact, or made of a `Root` (an equation and an interval that isolates the root), and
    `.n(50)` gives 50 digits of any of them.

    Attributes
    ----------
    activation : Activation.
    supremum : sup |φ'(z)| over all real z, SymPy number or ∞.
    argument : where it is reached: a SymPy number if at one z, else a SymPy set, of a periodic φ' an ImageSet of the
        whole numbers. If it is only approached, the z at which: ∞, -∞, a kink, or a set of them.
    attained : bool. Whether it is reached.
    smallest_weight : 1/supremum, the |w| from which on a link w φ'(z) can have the size 1; beyond it, it can amplify.

    Source: Nielsen (2015), chapter 5, the problem on |w σ'(wa + b)| >= 1.

    Examples
    --------
    >>> found = bounds("sigmoid")
    >>> found.supremum, found.argument, found.smallest_weight
    (1/4, 0, 4)
    >>> found.interval(8).a_set
    Interval(-log(2*sqrt(2) + 3)/8, log(2*sqrt(2) + 3)/8)
    >>> found.widest.width.n(12), found.widest.weight.n(12)
    (0.447743204694, 6.89415103227)
    """

    activation: Activation
    supremum: Expr
    argument: Any
    attained: bool
    smallest_weight: Expr
    _land: Landscape = field(repr=False)
    _of_supremum: Certainty = field(repr=False)

    @property
    def strict(self) -> bool:
        """Whether |w| has to exceed smallest_weight for a link of the size 1, since |φ'| only approaches supremum."""
        return not self.attained

    def interval(self, w: Any, b: Any = 0) -> Amplifying | tuple[Amplifying, ...]:
        """Where a link has at least the size 1: {z : |w φ'(z)| >= 1}, and the same in a, z = w a + b.

        Parameters
        ----------
        w : number (6.9 is read as 69/10) or SymPy symbol that is positive or negative.
        b : number or real SymPy symbol.

        Returns
        -------
        Amplifying. For a symbol w a tuple of them, one for each range of |w| with formulas of its own; below the first
        range the set is empty.

        Raises
        ------
        BadValue
            When w or b is no such number or symbol, w is a symbol and the ends have no closed form, or 1/|w| and a
            height of |φ'| cannot be told apart.

        Examples
        --------
        >>> w = sympy.Symbol("w", positive=True)
        >>> (found,) = bounds("softplus").interval(w)
        >>> found.condition, found.z_set
        (1 < w, Interval(-log(w - 1), oo))
        """
        weight, bias = exact_number("w", w), exact_number("b", b)
        if weight.free_symbols and (weight.is_positive is None or weight.is_zero is not False):
            raise BadValue(f"w is {w} of unknown sign; give a number, or Symbol('w', positive=True)")
        try:
            return regimes(self._land, weight, bias) if weight.free_symbols else amplifying(self._land, weight, bias)
        except Unproved as e:
            raise BadValue(f"the set is not known for w = {w}: {e}; give another w") from e

    @cached_property
    def widest(self) -> widest.Widest:
        """The widest set of inputs a in which a link has at least the size 1, over all w."""
        return widest.widest(self._land)

    def probability_exceeds(self, s: Any, z: Any = 0) -> Expr:
        """P(|w φ'(z)| > 1) for w ~ N(0, s²), which is erfc(1/(s |φ'(z)| √2)); 0 where φ'(z) = 0.

        Parameters
        ----------
        s : positive number or SymPy symbol. The standard deviation of w.
        z : number or SymPy symbol.

        Examples
        --------
        >>> bounds("sigmoid").probability_exceeds(1)
        erfc(2*sqrt(2))
        """
        return of_link(self.activation, s, z, lambda size: sympy.erfc(1 / (sympy.sqrt(2) * size)), at_zero=0)

    def probability_under_quarter(self, s: Any, z: Any = 0) -> Expr:
        """P(|w φ'(z)| < 1/4) for w ~ N(0, s²), which is erf(1/(4 s |φ'(z)| √2)); 1 where φ'(z) = 0.

        For the sigmoid at z = 0 and s = 1 this is P(|w| < 1) = 0.6827.

        Examples
        --------
        >>> bounds("sigmoid").probability_under_quarter(1).n(4)
        0.6827
        """
        return of_link(self.activation, s, z, lambda size: sympy.erf(1 / (4 * sympy.sqrt(2) * size)), at_zero=1)

    @property
    def certainty(self) -> dict[str, Certainty]:
        """What stands behind each quantity; the sets of `interval` carry their own."""
        return {
            "supremum": self._of_supremum,
            "argument": certainty(self._land.proved, *_numbers(self.argument)),
            "smallest_weight": self._of_supremum,
            "widest": self.widest.certainty,
            "probabilities": Certainty.EXACT,
        }

    def to_dict(self, digits: int = 17) -> dict[str, Any]:
        """Every quantity as text, exactly and in decimals, with its certainty."""
        return text.as_dict(self, digits)

    def __str__(self) -> str:
        return text.as_text(self)

    def _repr_html_(self) -> str:
        return text.shown(text.title(self), text.quantities(self)).html()


def _numbers(argument: Any) -> list[Expr]:
    if not isinstance(argument, sympy.Set):
        return [argument]
    parts = argument.args if isinstance(argument, sympy.Union) else [argument]
    return [end for part in parts for end in (part if isinstance(part, sympy.FiniteSet) else part.args[:2])]


def bounds(activation: str | Activation) -> Bounds:
    """The bounds of an activation's derivative.

    They follow from its one formula: φ'' is taken apart into factors, each factor's zeros are solved for or isolated by
    interval arithmetic with a proof that there are no others, and between the zeros |φ'| is monotone. Where that proof
    does not succeed (an own formula that oscillates without end), `certainty` says so.

    Parameters
    ----------
    activation : name or Activation.

    Raises
    ------
    UnknownName
        When the catalogue has no such name.
    BadValue
        When φ' has a pole, or a function that cannot be enclosed.

    Examples
    --------
    >>> print(bounds("silu").supremum)
    1/2 + Root(z*tanh(z/2) - 2, 239/100, 12/5)/4
    """
    return _bounds(neuron(activation))


@lru_cache(maxsize=128)
def _bounds(neuron: Activation) -> Bounds:
    neuron.require_usable()
    try:
        land = landscape(neuron)
        top = supremum(neuron, land)
    except (Unproved, Unenclosed, sympy.PolynomialError, NotImplementedError) as e:
        raise BadValue(
            f"the derivative of activation {neuron.name!r} ({neuron.formula}) cannot be bounded: {e}; give a formula "
            "without poles, of powers, exp, log, tanh, erf, atan, sin and cos"
        ) from e
    smallest = sympy.Integer(0) if top.value == oo else oo if top.value == 0 else 1 / top.value
    return Bounds(neuron, top.value, top.argument, top.attained, smallest, land, top.certainty)
