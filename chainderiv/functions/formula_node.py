"""A formula's parts: each with its SymPy expression and, where it is constant, its value in float64, known first."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import combinations
from typing import Any

import sympy

from chainderiv.functions.elementary import ROWS, Elementary
from chainderiv.functions.turning.flat import flat, spliced
from chainderiv.functions.turning.pieces import by_sign, settled
from chainderiv.functions.turning.turnings import Unproved
from chainderiv.symbols import Expr, normal_cdf, z

MOST_STACKED = 2  # powers within powers: z**2**2, (1 + z**2)**2
MOST_EXPONENT = 100
MOST_BITS = 4096  # of an exact constant
MOST_DIGITS = 40  # of a number as it is written


class Fault(Exception):
    """What is wrong with a formula, the index of the character where it is, and what to write, which can be read."""

    def __init__(self, what: str, at: int, *instead: str) -> None:
        super().__init__(f"{what}; write {' or '.join(instead)}" if instead else what)
        self.at, self.instead = at, instead


@dataclass(frozen=True)
class Node:
    """A part of a formula; its value in float64 where it is constant."""

    expression: Expr
    value: float | None = None
    stacked: int = 0  # how many powers stand in one another in it


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}

FUNCTIONS = {row.word: row for row in ROWS if row.word}
E = Node(sympy.E, math.e)
# what turns where its argument, or a difference of two, is 0: that is solved for
TURNING = tuple(row.word for row in ROWS if row.branches or row.sharp)
_BRANCHED = (*(row.head for row in ROWS if row.branches), sympy.Piecewise)
_ODD = tuple(row.head for row in ROWS if row.odd)


def number(text: str, at: int) -> Node:
    """An exact number from its digits."""
    digits = text.lower().partition("e")[0].replace(".", "").strip("0")
    if len(digits) > MOST_DIGITS:
        raise Fault(f"a number has {len(digits)} digits; give at most {MOST_DIGITS}", at)
    value = _finite(lambda: float(text), at)
    if value == 0 and digits:
        raise Fault("a number is 0 in float64 although its digits are not; give one above 1e-308", at)
    return Node(sympy.Rational(text), value)


def negate(node: Node) -> Node:
    """Its negative."""
    return Node(-node.expression, None if node.value is None else -node.value, node.stacked)


def operate(sign: str, left: Node, right: Node, at: int) -> Node:
    """left + - * / ** right."""
    if sign == "**":
        return _power(left, right, at)
    if sign == "/" and right.value == 0:
        raise Fault("it divides by 0; give another denominator", at)
    operation = ARITHMETIC[sign]
    value = _both(operation, left, right, at)
    if sign in "*/":
        _keep(value, 0 not in (left.value, right.value), at)
    return Node(operation(left.expression, right.expression), value, max(left.stacked, right.stacked))


def _power(base: Node, exponent: Node, at: int) -> Node:
    if base == E:
        return call("exp", [exponent], at)
    stacked = 1 + max(base.stacked, exponent.stacked)
    if stacked > MOST_STACKED:
        raise Fault(f"more than {MOST_STACKED} powers are stacked; write it with fewer", at)
    if exponent.value is not None and abs(exponent.value) > MOST_EXPONENT:
        raise Fault(f"an exponent is {exponent.value:g}; give one of at most {MOST_EXPONENT} in size", at)
    if base.value == 0:
        raise Fault("it takes a power of 0; write 0 or 1", at)
    value = _both(pow, base, exponent, at)
    _keep(value, True, at)
    if value is not None and _bits(base.expression) * abs(exponent.value or 1.0) > MOST_BITS:
        raise Fault("a constant power has too many digits; write the number itself", at)
    return Node(base.expression**exponent.expression, value, stacked)


def call(name: str, arguments: Sequence[Node], at: int) -> Node:
    """A function of its arguments."""
    row, count = FUNCTIONS[name], FUNCTIONS[name].count
    wrong = len(arguments) < 2 if count is None else len(arguments) != count
    if wrong:
        wanted = "two or more arguments" if count is None else "one argument"
        example = f"{name}(z, 0)" if count is None else f"{name}(z)"
        raise Fault(f"{name} is given {len(arguments)}; it takes {wanted}", at, example)
    values = [a.value for a in arguments]
    value = None if None in values else _finite(lambda: float((row.plain or row.head)(*values)), at)
    if name == "exp":
        _keep(value, True, at)
    expressions = [a.expression for a in arguments]
    stacked = max(a.stacked for a in arguments)
    if value is None and name in TURNING:
        made = _turning(row, expressions, at)
        return Node(made, None, stacked)
    return Node(row.head(*expressions), value, stacked)


def _turning(row: Elementary, expressions: Sequence[Expr], at: int) -> Expr:
    """A function that branches or is infinitely steep where something is 0, that proved to be known."""
    if row.word not in _SIDES:
        if is_hard(expressions[0]) and not (row.sharp and expressions[0].is_nonzero):
            raise Fault(f"{row.word} branches on what is no polynomial of degree 1 or 2 in z; give it one", at)
        return row.head(*expressions)
    if len(expressions) > 2 and any(is_hard(u - v) for u, v in combinations(expressions, 2)):
        return reduce(lambda u, v: _turning(row, [u, v], at), expressions)
    difference = expressions[0] if row.count == 1 else expressions[1] - expressions[0]
    if not is_hard(difference):
        return row.head(*expressions)
    return _proved(lambda: by_sign(difference, *_SIDES[row.word](*expressions)), row.word, at)


def piecewise(compare: Any, sides: tuple[Node, Node], branches: tuple[Node, Node], at: int) -> Node:
    """where(left < right, first, second)."""
    left, right = sides
    if left.value is not None and right.value is not None:
        raise Fault("where compares two numbers, and one side holds z", at, "where(z > 0, z, 0)")
    first, second = branches
    when = compare(left.expression, right.expression)
    if _degree(left.expression - right.expression) > 1:
        when = _proved(lambda: settled(when, lambda _: True), "where", at)
    made = sympy.Piecewise((first.expression, when), (second.expression, True))
    return Node(made, None, max(n.stacked for n in (*sides, *branches)))


def constant(expression: Expr, at: int) -> Node:
    """What comes to a number."""
    spelt = expression.replace(normal_cdf, lambda u: (1 + sympy.erf(u / sympy.sqrt(2))) / 2)
    return Node(expression, _finite(lambda: float(spelt), at))


def turned(function: Callable[[Expr], Expr], inner: Expr, name: str, at: int) -> Expr:
    """A branching function of something, its kinks found; raises Fault where they are not."""
    made = function(inner)
    sizes = {e for e in made.atoms(sympy.Abs) - inner.atoms(sympy.Abs) if is_hard(e.args[0])}

    def settle() -> Expr:
        if is_hard(inner) and inner.has(*_BRANCHED):
            parts = flat(inner)
            return spliced(replace(parts, pieces=tuple(map(function, parts.pieces)))).expression
        sides = {e: by_sign(e.args[0], e.args[0], -e.args[0]) for e in sizes}
        return settled(made.xreplace(sides), is_hard)

    return _proved(settle, name, at)


def is_hard(difference: Expr) -> bool:
    """Whether kinks are not found by solving a polynomial of degree 2 at most, or an odd function of one."""
    return _degree(difference.args[0] if isinstance(difference, _ODD) else difference) > 2


def _proved(make: Callable[[], Expr], name: str, at: int) -> Expr:
    try:
        return make()
    except Unproved as e:
        raise Fault(
            f"{name} turns where what it compares is 0, and {e}; give it what is 0 at few places, and slopes there", at
        ) from e


# what a function is where the difference (of its second argument and its first) is positive, and where negative
_SIDES: dict[str, Callable[..., tuple[Expr, Expr]]] = {
    "Abs": lambda u: (u, -u),
    "Max": lambda u, v: (v, u),
    "Min": lambda u, v: (u, v),
}


def _degree(expression: Expr) -> float:
    """A bound on the degree of a polynomial in z, read off its form and never expanded; ∞ for what is none.

    Of what branches within it the kinks have been checked already, and its pieces count.
    """
    if not expression.has(z):
        return 0
    if expression == z:
        return 1
    if isinstance(expression, sympy.Piecewise):
        return max(_degree(value) for value, _ in expression.args)
    if isinstance(expression, _BRANCHED):
        return max(_degree(e) for e in expression.args)
    if expression.is_Add:
        return max(_degree(e) for e in expression.args)
    if expression.is_Mul:
        return sum(_degree(e) for e in expression.args)
    if expression.is_Pow and expression.exp.is_Integer and expression.exp > 0:
        return int(expression.exp) * _degree(expression.base)
    return math.inf


def _both(operation: Callable[[float, float], Any], left: Node, right: Node, at: int) -> float | None:
    a, b = left.value, right.value
    return None if a is None or b is None else _finite(lambda: operation(a, b), at)


def _finite(compute: Callable[[], Any], at: int) -> float:
    """A constant's value; a Fault where it is not real and finite in float64."""
    try:
        value = compute()
    except (OverflowError, ValueError, ZeroDivisionError):
        value = math.nan
    if isinstance(value, complex) or not math.isfinite(value):
        raise Fault("a constant is not real and finite in float64; give another", at)
    return float(value)


def _keep(value: float | None, nonzero: bool, at: int) -> None:
    """Refuse what is lost to 0: the exact number behind it may be huge."""
    if value == 0 and nonzero:
        raise Fault("a constant is 0 in float64 although it is none; give another", at)


def _bits(expression: Expr) -> int:
    if isinstance(expression, sympy.Rational):
        return int(max(abs(expression.p).bit_length(), expression.q.bit_length()))
    return 64
