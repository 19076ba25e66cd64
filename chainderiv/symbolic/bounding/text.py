"""Bounds as lines that a person reads, and as text for JSON: numbers exactly and in decimals, with their certainty."""

from __future__ import annotations

from typing import Any

import sympy
from sympy import oo

from chainderiv.functions.turning.root import Root, in_digits
from chainderiv.shown import Shown
from chainderiv.symbolic.bounding.certainty import Certainty
from chainderiv.symbolic.bounding.periodic import of_repeated
from chainderiv.symbolic.bounding.scan import WINDOW
from chainderiv.symbolic.bounding.value_at import ValueAt
from chainderiv.symbols import Expr, z

Quantity = tuple[str, str, Certainty]
Bounds = Any  # bounds.Bounds, which prints itself by this module
Amplifying = Any  # amplifying.Amplifying, likewise
SHORT = 48  # characters; a longer exact form is left to `to_dict`
DIGITS = 12
_FAR, _FARTHEST = 1000, 10**9


def as_text(found: Bounds, digits: int = DIGITS) -> str:
    """A line per quantity."""
    return "\n".join([title(found), *lines(quantities(found, digits))])


def shown(head: str, rows: list[Quantity]) -> Shown:
    """The same as a table of a notebook's."""
    cells = [(name, text, certainty.value) for name, text, certainty in rows]
    return Shown([head], ("quantity", "value", "certainty"), cells)


def title(found: Bounds) -> str:
    """The activation and its formula."""
    formula = in_digits(found.activation.formula)
    return f"{found.activation.name}: φ(z) = {formula if len(formula) <= 100 else formula[:97] + '...'}"


def quantities(found: Bounds, digits: int = DIGITS) -> list[Quantity]:
    """What is bounded, each with its name, what is found, and how certain it is."""
    certainty, widest = found.certainty, found.widest
    verb = "at" if found.attained else "approached as"
    where = place(found.argument, digits) if found.attained else f"z -> {_towards(found.argument, digits)}"
    weights = f"a link can have the size 1 {'beyond it' if found.strict else 'from it on'}"
    return [
        (
            "sup |φ'|",
            f"{number(found.supremum, digits)} {verb} {where}{_seen(certainty['supremum'])}",
            certainty["supremum"],
        ),
        ("smallest |w|", f"{number(found.smallest_weight, digits)}: {weights}", certainty["smallest_weight"]),
        ("widest in a", _widest(found, digits), widest.certainty),
    ]


def lines(rows: list[Quantity]) -> list[str]:
    """Name, what is found, and how certain it is."""
    width = max(len(name) for name, _, _ in rows)
    return [f"  {name.ljust(width)}  {text}   [{certainty.value}]" for name, text, certainty in rows]


def _widest(found: Bounds, digits: int) -> str:
    widest = found.widest
    if widest.width is sympy.nan:
        return f"not known: |φ'| was followed for |z| <= {WINDOW} alone"
    if widest.unbounded:
        return f"unbounded, {'from' if widest.attained else 'beyond'} |w| = {number(widest.weight, digits)}"
    verb = "at" if widest.attained else "approached at"
    roots = widest.width.atoms(Root) | widest.weight.atoms(Root)
    beside = ", ".join(f"z = {_decimal(r, digits)}{equation(r)}" for r in roots)
    text = f"{number(widest.width, digits)} {verb} |w| = {number(widest.weight, digits)}"
    return f"{text}, {beside}" if beside else text


def equation(root: Expr) -> str:
    """What a Root solves, in words."""
    return f", the root of {root.equation} = 0" if isinstance(root, Root) else ""


def sets(found: Amplifying, digits: int = DIGITS) -> list[Quantity]:
    """Where a link has at least the size 1, in z and in a, with the widths."""
    certainty = found.certainty
    empty, period = found.z_set is sympy.S.EmptySet, found.period
    again = "" if empty else _again(period, digits)
    again_in_a = "" if empty or period is None else _again(period / sympy.Abs(found.w), digits)
    width = "  its width" if empty or period is None else "  its width in a period"
    return [
        ("z with |w φ'(z)| >= 1", set_text(found.z_set, digits) + again + _seen(certainty), certainty),
        (width, number(found.z_width, digits), certainty),
        ("a with z = w a + b", set_text(found.a_set, digits) + again_in_a, certainty),
        (width, number(found.a_width, digits), certainty),
    ]


def _seen(certainty: Certainty) -> str:
    """What was looked at, where nothing is known of the rest."""
    return f" (of |z| <= {WINDOW} alone)" if certainty is Certainty.NUMERIC else ""


def number(value: Expr, digits: int = DIGITS) -> str:
    """A number: exactly where that is short, and in decimals where the exact form does not show them. z is its Root.

    >>> number(sympy.Rational(1, 4)), number(sympy.sqrt(2), 5), number(sympy.oo)
    ('1/4', 'sqrt(2) = 1.4142', 'oo')
    """
    if value in (oo, -oo) or value.is_Integer or (value.is_Rational and len(str(value)) <= 12):
        return str(value)
    decimal = _decimal(value, digits)
    exact = str(value.xreplace(dict.fromkeys(value.atoms(Root), z)))
    bare = isinstance(value, Root) or value.has(ValueAt, sympy.Float) or len(exact) > SHORT
    return decimal if bare else f"{exact} = {decimal}"


def _decimal(value: Expr, digits: int) -> str:
    if value.free_symbols:
        return str(value)
    far = value.args[0].n(15) if isinstance(value, sympy.erfc) else sympy.Integer(0)
    # erfc(t) < exp(-t²); its own digits, far out, are more than mpmath can count
    if far < _FAR:
        return str(value.n(digits))
    places = (far**2 / sympy.log(10)).n(15)
    return f"under 1e-{int(places) if places < _FARTHEST else _FARTHEST}"


def place(argument: Any, digits: int = DIGITS) -> str:
    """Where a supremum is: a number, a root with its equation, or a set."""
    if (found := of_repeated(argument)) is not None:
        points, period = found
        return f"z = {' and '.join(number(p, digits) for p in points)}{_again(period, digits)}"
    if isinstance(argument, sympy.Set):
        return f"every z of {set_text(argument, digits)}"
    return f"z = {number(argument, digits)}{equation(argument)}"


def _again(period: Expr | None, digits: int) -> str:
    """How a set goes on that is given for one period."""
    return "" if period is None else f", and again every {number(period, digits)}"


def _towards(argument: Any, digits: int) -> str:
    points = argument.args if isinstance(argument, sympy.Set) else [argument]
    return " and ".join(number(point, digits) for point in points)


def set_text(values: Any, digits: int = DIGITS) -> str:
    """A set of real numbers as intervals.

    >>> set_text(sympy.Union(sympy.Interval(-2, -1), sympy.Interval.open(0, sympy.oo)))
    '[-2, -1] and (0, oo)'
    """
    if values is sympy.S.EmptySet:
        return "none"
    if values == sympy.S.Reals:
        return "(-oo, oo)"
    parts = values.args if isinstance(values, sympy.Union) else [values]
    return " and ".join(_part(part, digits) for part in parts)


def _part(part: Any, digits: int) -> str:
    if isinstance(part, sympy.FiniteSet):
        return "{" + ", ".join(_bare(p, digits) for p in sorted(part.args, key=lambda p: p.n(DIGITS))) + "}"
    left = "(" if part.left_open else "["
    right = ")" if part.right_open else "]"
    return f"{left}{_bare(part.start, digits)}, {_bare(part.end, digits)}{right}"


def _bare(value: Expr, digits: int) -> str:
    return str(value) if value.is_Integer else _decimal(value, digits)


def as_dict(found: Bounds, digits: int = 17) -> dict[str, Any]:
    """Every quantity as text, exactly and in decimals, with its certainty."""
    widest = found.widest
    return {
        "activation": found.activation.name,
        "formula": str(found.activation.formula),
        "supremum": both(found.supremum, digits),
        "argument": {"exact": str(found.argument), "decimal": place(found.argument, digits).removeprefix("z = ")},
        "attained": found.attained,
        "smallest_weight": both(found.smallest_weight, digits) | {"strict": found.strict},
        "widest": {
            "unbounded": widest.unbounded,
            "width": both(widest.width, digits),
            "weight": both(widest.weight, digits),
        },
        "certainty": {name: certainty.value for name, certainty in found.certainty.items()},
    }


def both(value: Expr, digits: int) -> dict[str, str]:
    """A number exactly and in decimals."""
    return {"exact": str(value), "decimal": _decimal(value, digits)}


def sets_as_dict(found: Amplifying, digits: int = 17) -> dict[str, Any]:
    """The same of the sets of one weight."""
    return {
        "w": str(found.w),
        "b": str(found.b),
        "z": {"exact": str(found.z_set), "decimal": set_text(found.z_set, digits)},
        "z_width": both(found.z_width, digits),
        "a": {"exact": str(found.a_set), "decimal": set_text(found.a_set, digits)},
        "a_width": both(found.a_width, digits),
        "period": None if found.period is None else both(found.period, digits),
        "certainty": found.certainty.value,
    }
