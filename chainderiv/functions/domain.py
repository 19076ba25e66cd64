"""gap(): where a formula has no real value, or grows beyond any number: its logarithms, roots, quotients and tangents.

The arguments that must not be negative or 0 are followed over a spread of z in balls. Where one changes its sign, or
comes down to 0, the place is closed in on and the whole formula is looked at beside it: what is removable, as in
sin(z)/z, is no gap. It is a search: what it finds is there, and it may miss what lies between two places of the spread.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import sympy
from flint import arb
from sympy.codegen.cfunctions import log1p

from chainderiv.functions.enclosing import ball
from chainderiv.functions.heads import log10
from chainderiv.functions.intervals import Unenclosed, working_bits
from chainderiv.functions.turning.signs import crossing
from chainderiv.symbols import Expr, z

BITS, FINE = 64, 400
MOST_PLACES = 12  # at which one argument is closed in on
_AWAY = tuple(arb(10) ** -k for k in (10, 20, 30))  # from a place, in units of its size
GROWTH = 1.2  # of the formula from one of them to the next: of 1/z 1e10, of log|z| 3/2, of what has a limit 1
_LOGARITHMS = (sympy.log, log10, log1p)


class Limited(NamedTuple):
    """A part of a formula: what of it must not be 0, and whether it must not be negative either."""

    part: Expr
    argument: Expr
    signed: bool


def gap(formula: Expr) -> str | None:
    """What is wrong with a formula at some z, in words; None where nothing was found.

    >>> gap(sympy.log(z + 3))
    'log(z + 3) is not real at z = -3.25'
    >>> gap(sympy.tan(z))
    'it grows beyond any number at z = 1.5708'
    >>> gap(sympy.tan(sympy.tanh(z))), gap(sympy.sin(z) / z)
    (None, None)
    """
    try:
        found = [reason for limited in _limited(formula) if (reason := _wrong(formula, limited)) is not None]
    except Unenclosed:
        return None
    return min(found, key=len, default=None)


def _limited(formula: Expr) -> Iterator[Limited]:
    for part in sorted(formula.atoms(sympy.Pow, sympy.tan, *_LOGARITHMS), key=sympy.default_sort_key):
        if not part.has(z):
            continue
        if isinstance(part, sympy.tan):
            yield Limited(part, sympy.cos(part.args[0]), signed=False)
        elif isinstance(part, log1p):
            yield Limited(part, 1 + part.args[0], signed=True)
        elif isinstance(part, _LOGARITHMS):
            yield Limited(part, part.args[0], signed=True)
        elif part.base.has(z) and not (part.exp.is_Integer and part.exp > 0):
            yield Limited(part, part.base, signed=not part.exp.is_Integer)


def _spread() -> list[arb]:
    near = [arb(k) / 4 for k in range(81)]
    sizes = [*near, *(20 * arb(1.3) ** k for k in range(1, 44))]
    return [-u for u in reversed(sizes[1:])] + sizes


def _wrong(formula: Expr, limited: Limited) -> str | None:
    with working_bits(BITS):
        points = _spread()
        values = [ball(limited.argument, p) for p in points]
        if limited.signed:
            for p, u in sorted(zip(points, values, strict=True), key=lambda pair: abs(float(pair[0]))):
                # in a branch that does not hold there it does no harm
                if u < 0 and ball(formula, p).is_nan():
                    return f"{limited.part} is not real at z = {float(p):.6g}"
    with working_bits(FINE):
        for place in _places(limited.argument, points, values):
            if _grows(formula, place):
                return f"it grows beyond any number at z = {_shown(place)}"
    return None


def _shown(place: arb) -> str:
    text = f"{float(place):.6g}"
    return "0" if abs(float(place)) < 1e-20 else text


def _places(argument: Expr, points: list[Any], values: list[Any]) -> list[Any]:
    """Where an argument is 0, the smallest |z| first."""
    exact = [p for p, u in zip(points, values, strict=True) if u == 0]
    pairs = list(zip(points, values, strict=True))
    crossed = [(p, q) for (p, u), (q, v) in pairwise(pairs) if (u < 0 and v > 0) or (u > 0 and v < 0)]
    dips = [
        (p, q)
        for (p, u), (_, m), (q, v) in zip(pairs, pairs[1:], pairs[2:], strict=False)
        if (u > m and v > m and m > 0) or (u < m and v < m and m < 0)
    ]
    near = [sorted(found, key=lambda pair: abs(float(pair[0])))[:MOST_PLACES] for found in (crossed, dips)]
    found = [*exact, *(crossing(argument, *pair) for pair in near[0]), *(_lowest(argument, *pair) for pair in near[1])]
    return sorted((p for p in found if p is not None), key=lambda p: abs(float(p)))


def _lowest(argument: Expr, p: Any, q: Any) -> Any | None:
    """Where the size of an argument is least, if it comes to 0 there."""
    for _ in range(260):
        one, other = ((2 * p + q) / 3).mid(), ((p + 2 * q) / 3).mid()
        u, v = (abs(ball(argument, at)).mid() for at in (one, other))
        if u < 1e-70:
            return one
        p, q = (p, other) if u < v else (one, q)
    return None


def _grows(formula: Expr, place: Any) -> bool:
    scale = 1 + abs(place).mid()
    for side in (-1, 1):
        sizes = [abs(ball(formula, (place + side * scale * away).mid())) for away in _AWAY]
        if all(v.is_finite() for v in sizes) and all(v > GROWTH * u for u, v in pairwise(sizes)):
            return True
    return False
