"""sup |φ'|, where it is, and whether it is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy

from chainderiv.functions.activation import Activation
from chainderiv.functions.enclosing import enclose
from chainderiv.functions.intervals import LINE, Interval, working_bits
from chainderiv.symbolic.bounding import periodic
from chainderiv.symbolic.bounding.amplifying import as_set, joined, levels
from chainderiv.symbolic.bounding.certainty import Certainty, certainty
from chainderiv.symbolic.bounding.isolate import at
from chainderiv.symbolic.bounding.landscape import Landscape
from chainderiv.symbolic.bounding.order import compare, proved_order
from chainderiv.symbolic.bounding.pieces import pieces
from chainderiv.symbolic.bounding.value_at import rational
from chainderiv.symbols import Expr

_BITS = 64


@dataclass(frozen=True)
class Supremum:
    """sup |φ'|, the z at which it is reached or approached, whether it is reached, and how sure that is."""

    value: Expr
    argument: Any
    attained: bool
    certainty: Certainty


def supremum(neuron: Activation, land: Landscape) -> Supremum:
    """The largest of the values at the segments' ends and at the nodes."""
    marks = levels(land)
    value = marks[0] if marks else sympy.Integer(0)
    reached = joined(land, value, {})
    places = as_set(reached) if reached else sympy.FiniteSet(*_approached(land, value))
    if land.period is not None:
        places = periodic.repeated(places, land.period)
    argument = places.args[0] if isinstance(places, sympy.FiniteSet) and len(places) == 1 else places
    proved = land.proved or _never_above(neuron, value)
    return Supremum(value, argument, bool(reached), certainty(proved, value))


def _approached(land: Landscape, value: Expr) -> list[Expr]:
    return [
        end
        for s in land.segments
        for end, height in ((s.left, s.at_left), (s.right, s.at_right))
        if compare(height, value) == 0
    ]


def _never_above(neuron: Activation, value: Expr) -> bool:
    """Whether one enclosure over the whole line shows that |φ'| <= value, as it does for |cos z| <= 1."""
    for part in pieces(neuron):
        over = Interval(
            LINE.low if part.left == -sympy.oo else at(part.left, _BITS).low,
            LINE.high if part.right == sympy.oo else at(part.right, _BITS).high,
        )
        with working_bits(_BITS):
            highest = abs(enclose(part.slope, over, _BITS)).high.upper()
        if not highest.is_finite() or proved_order(rational(highest), value) not in (0, -1):
            return False
    return True
