"""Flat: an expression as one smooth piece after the other along z, its Max, Min, Abs and comparisons all decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key, lru_cache, reduce
from itertools import pairwise
from typing import Any

import mpmath
import sympy
from flint import arb

from chainderiv.functions.elementary import ROWS
from chainderiv.functions.enclosing import ball
from chainderiv.functions.intervals import working_bits
from chainderiv.functions.precise import precise, working_digits
from chainderiv.functions.turning.product import smooth
from chainderiv.functions.turning.root import FINE, compared
from chainderiv.functions.turning.turnings import Turnings, Unproved
from chainderiv.symbols import Expr, z

DIGITS = 60
_PROBES = ("0.7", "2.3", "-1.9")
MOST_PIECES = 40
BRANCHING = tuple(row.head for row in ROWS if row.branches)
_RELATED = sympy.core.relational.Relational


@dataclass(frozen=True)
class Flat:
    """Smooth pieces, the places where one gives way to the next, and whether a place belongs to the left one."""

    pieces: tuple[Expr, ...]
    places: tuple[Expr, ...] = ()
    left: tuple[bool, ...] = ()

    @property
    def expression(self) -> Expr:
        """It as branches in z, each up to its own place.

        >>> Flat((sympy.Integer(2), sympy.exp(z)), (sympy.log(2),), (True,)).expression
        Piecewise((2, z <= log(2)), (exp(z), True))
        """
        conditions = [z <= p if left else z < p for p, left in zip(self.places, self.left, strict=True)]
        return sympy.Piecewise(*zip(self.pieces, [*conditions, True], strict=True))


@dataclass(frozen=True)
class Row:
    """Several expressions between two places: None is infinity."""

    pieces: tuple[Expr, ...]
    low: Expr
    high: Expr


@lru_cache(maxsize=256)
def flat(e: Expr, low: Expr = None, high: Expr = None) -> Flat:
    """An expression in z taken apart between two numbers; raises Unproved where it is not proved where it branches.

    >>> flat(sympy.Abs(sympy.exp(z) - 2) + z).places
    (log(2),)
    """
    if not e.has(sympy.Piecewise, *BRANCHING):
        return Flat((e,))
    if isinstance(e, sympy.Piecewise):
        return _decided(e, low, high)
    if isinstance(e, sympy.Abs):
        return chosen(e.args[0], e.args[0], -e.args[0], low, high)
    if isinstance(e, sympy.Max):
        return flat(reduce(lambda u, v: chosen(u - v, u, v, low, high).expression, e.args), low, high)
    if isinstance(e, sympy.Min):
        return flat(reduce(lambda u, v: chosen(u - v, v, u, low, high).expression, e.args), low, high)
    if isinstance(e, BRANCHING):
        raise Unproved("it jumps")
    parts = [flat(part, low, high) for part in e.args]
    rows = _aligned(parts, low, high)
    made = [e.func(*row.pieces) for row in rows]
    owners = [{part.left[part.places.index(p)] for part in parts if p in part.places} for p in _inner(rows)]
    left = [
        own.pop() if len(own) == 1 else _flatter_is_left(*pair, p)
        for own, pair, p in zip(owners, pairwise(made), _inner(rows), strict=True)
    ]
    return _merged(made, _inner(rows), left)


def chosen(difference: Expr, above: Expr, below: Expr, low: Expr = None, high: Expr = None) -> Flat:
    """above where a difference is positive, below where it is negative, between two numbers.

    Where it is 0 the flatter one holds, and of two that are as steep the left one.
    """
    sides = flat(above, low, high), flat(below, low, high)
    pieces, places, left, before = list[Expr](), list[Expr](), list[bool](), None
    for row, found, _ in _signed([flat(difference, low, high), *sides], low, high):
        for sign, start in zip(found.signs, [row.low, *found.zeros], strict=True):
            side = 0 if sign > 0 or (sign == 0 and before != 1) else 1
            value = row.pieces[1 + side]
            if pieces and pieces[-1] != value:
                own = [s.left[s.places.index(start)] for s in (sides[side],) if start in s.places and before == side]
                places.append(start)
                left.append(own[0] if own else _flatter_is_left(pieces[-1], value, start))
                pieces.append(value)
            elif not pieces:
                pieces.append(value)
            before = side
    return Flat(tuple(pieces), tuple(places), tuple(left))


def _signed(parts: Sequence[Flat], low: Expr, high: Expr) -> Iterator[tuple[Row, Turnings, bool]]:
    """Where several are smooth, one after the other: the zeros of the first within and its signs, and whether it is 0
    where that ends.

    Raises Unproved where it jumps from one sign to another.
    """
    before, touched = 0, True
    for k, row in enumerate(_aligned(parts, low, high)):
        found, begins, ends = _inside(row)
        if k and (begins != touched or (not begins and found.signs[0] != before)):
            raise Unproved(f"it jumps at z = {float(row.low):.6g}")
        yield row, found, ends
        before, touched = found.signs[-1], ends


def _inside(row: Row) -> tuple[Turnings, bool, bool]:
    """The zeros between the ends and the signs there, and whether it is 0 at either end."""
    difference, low, high = row.pieces[0], row.low, row.high
    if not (place := z - difference).has(z):
        return _passing(place, low, high)
    if _vanishes(difference):
        return Turnings((), (0,)), True, True
    zeros, signs = smooth(difference, low, high)
    begins = bool(zeros) and low is not None and compared(zeros[0], low) == 0
    ends = bool(zeros) and high is not None and compared(zeros[-1], high) == 0
    stop = len(zeros) - ends
    return Turnings(zeros[begins:stop], signs[begins : stop + 1]), begins, ends


def _passing(place: Expr, low: Expr, high: Expr) -> tuple[Turnings, bool, bool]:
    """The same of z - place."""
    begins, ends = (end is not None and compared(place, end) == 0 for end in (low, high))
    if begins or (low is not None and compared(place, low) < 0):
        return Turnings((), (1,)), begins, False
    if ends or (high is not None and compared(place, high) > 0):
        return Turnings((), (-1,)), False, ends
    return Turnings((place,), (-1, 1)), False, False


def _vanishes(e: Expr) -> bool:
    """Whether it is 0 everywhere, by algebra, which is asked where no ball tells it from 0: it may take long."""
    with working_bits(FINE):
        hidden = all(ball(e, arb(number)).contains(0) for number in _PROBES)
    return bool(e == 0 or (hidden and sympy.expand(e) == 0))


def _inner(rows: Sequence[Row]) -> list[Expr]:
    return [row.high for row in rows[:-1]]


def _aligned(parts: Sequence[Flat], start: Expr, stop: Expr) -> list[Row]:
    """Several, between all the places of any one of them."""
    places = sorted(dict.fromkeys(p for part in parts for p in part.places), key=cmp_to_key(compared))
    if len(places) >= MOST_PIECES:
        raise Unproved(f"it has more than {MOST_PIECES} pieces")
    if any(compared(p, q) == 0 for p, q in pairwise(places)):
        raise Unproved("two of its places are one")
    at, rows = [0] * len(parts), []
    for low, high in pairwise([start, *places, stop]):
        rows.append(Row(tuple(part.pieces[k] for part, k in zip(parts, at, strict=True)), low, high))
        at = [k + (high in part.places) for part, k in zip(parts, at, strict=True)]
    return rows


def _merged(pieces: Sequence[Expr], places: Sequence[Expr], left: Sequence[bool]) -> Flat:
    """With equal neighbours as one."""
    kept = [k for k, (one, other) in enumerate(pairwise(pieces)) if one != other]
    return Flat((*(pieces[k] for k in kept), pieces[-1]), tuple(places[k] for k in kept), tuple(left[k] for k in kept))


def _flatter_is_left(left: Expr, right: Expr, at: Expr) -> bool:
    """Whether the left one of two pieces holds where they meet: unless the right one is flatter."""
    if not _meet(left, right, at):
        raise Unproved(f"it jumps at z = {float(at):.6g}")
    steep, less = (abs(_value_at(side.diff(z), at)) for side in (left, right))
    return not less < steep * (1 - mpmath.mpf(10) ** -30)


def _meet(one: Expr, other: Expr, at: Expr) -> bool:
    u, v = (_value_at(side, at) for side in (one, other))
    return bool(abs(u - v) <= mpmath.mpf(10) ** -30 * (1 + abs(u)))


def _value_at(expression: Expr, at: Expr) -> Any:
    """Its value in digits; infinite where it divides by 0, as the slope of a cube root does."""
    with working_digits(DIGITS):
        try:
            return +precise(expression, z)(+precise(at, z)(0))
        except ZeroDivisionError:
            return mpmath.inf


# ---- comparisons


def _decided(e: Expr, low: Expr, high: Expr) -> Flat:
    """Branches, each piece where its condition is proved to hold."""
    comparisons = {c: turnings(c.lhs - c.rhs, low, high) for _, when in e.args for c in _comparisons(when)}
    marks = [Flat(found.signs, found.zeros, (True,) * len(found.zeros)) for found in comparisons.values()]
    rows = _aligned(marks, low, high)
    values = [_value(e, dict(zip(comparisons, row.pieces, strict=True))) for row in rows]
    left = []
    for p, (one, other) in zip(_inner(rows), pairwise(range(len(rows))), strict=True):
        at = [0 if p in mark.places else rows[one].pieces[k] for k, mark in enumerate(marks)]
        own = _value(e, dict(zip(comparisons, at, strict=True)))
        # a value of its own at one place is no other one where the pieces meet
        own_side = own in (values[one], values[other])
        left.append(own == values[one] if own_side else _flatter_is_left(values[one], values[other], p))
        if not own_side and not _meet(own, values[one], p):
            raise Unproved(f"it jumps at z = {float(p):.6g}")
    return spliced(_merged(values, _inner(rows), left), low, high)


def spliced(outer: Flat, start: Expr = None, stop: Expr = None) -> Flat:
    """With the places at which its pieces branch themselves where they hold."""
    pieces, places, left = list[Expr](), list[Expr](), list[bool]()
    for k, (low, high) in enumerate(pairwise([start, *outer.places, stop])):
        inner = flat(outer.pieces[k], low, high)
        pieces += inner.pieces
        places += [*inner.places, *outer.places[k : k + 1]]
        left += [*inner.left, *outer.left[k : k + 1]]
    return _merged(pieces, places, left)


def _comparisons(when: Any) -> list[Any]:
    if when in (sympy.true, sympy.false):
        return []
    return sorted((c for c in when.atoms(_RELATED)), key=sympy.default_sort_key)


_HOLDS = {
    ">": lambda sign: sign > 0, ">=": lambda sign: sign >= 0, "<": lambda sign: sign < 0, "<=": lambda sign: sign <= 0,
    "==": lambda sign: sign == 0, "!=": lambda sign: sign != 0,
}  # fmt: skip


def _value(e: Expr, signs: Mapping[Any, int]) -> Expr:
    """The piece that holds where every comparison's difference has such a sign."""
    for value, when in e.args:
        truth = {c: sympy.true if _HOLDS[c.rel_op](signs[c]) else sympy.false for c in _comparisons(when)}
        if when == sympy.true or when.xreplace(truth) == sympy.true:
            return value
    raise Unproved("it has no value everywhere")


def turnings(expression: Expr, low: Expr = None, high: Expr = None) -> Turnings:
    """The zeros of an expression in z between two numbers, and its signs between them; 0 where it is 0 throughout.

    Raises Unproved where it is not proved that there is no other zero.

    >>> turnings(2 * (sympy.exp(z / 2) - 1))
    Turnings(zeros=(0,), signs=(-1, 1))
    >>> turnings(sympy.exp(z) - 2).zeros, turnings(sympy.Abs(z) - 1).signs
    ((log(2),), (1, -1, 1))
    """
    zeros, signs = list[Expr](), list[int]()
    for row, found, ends in _signed([flat(expression, low, high)], low, high):
        more = list(found.signs)
        if signs and not (zeros and zeros[-1] == row.low):
            more = more[1:]
        zeros += [*found.zeros, *([row.high] if ends and row.high != high else [])]
        signs += more
    return Turnings(tuple(zeros), tuple(signs))
