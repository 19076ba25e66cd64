"""How far a bound can be relied on."""

from __future__ import annotations

from enum import StrEnum

from chainderiv.errors import BadValue
from chainderiv.functions.turning.root import Enclosed
from chainderiv.symbols import Expr


class Certainty(StrEnum):
    """What stands behind a quantity.

    EXACT : a closed form. CERTIFIED : a number given by an equation and an interval that was proved to hold one root
    of it; any number of its digits can be had, each proved by ball arithmetic, with no margin assumed. NUMERIC : found
    on a grid, where it could not be proved that nothing was missed.

    >>> from chainderiv import bounds
    >>> bounds("silu").certainty["supremum"] is Certainty.CERTIFIED
    True
    """

    EXACT = "exact"
    CERTIFIED = "certified numeric"
    NUMERIC = "numeric"

    @classmethod
    def _missing_(cls, value: object) -> None:
        raise BadValue(f"certainty is {value!r}; give one of {', '.join(repr(one.value) for one in cls)}")


def certainty(proved: bool, *values: Expr) -> Certainty:
    """The certainty of values that were read from a landscape.

    >>> import sympy
    >>> certainty(True, sympy.sqrt(2)).value
    'exact'
    """
    if not proved:
        return Certainty.NUMERIC
    return Certainty.CERTIFIED if any(value.has(Enclosed) for value in values) else Certainty.EXACT
