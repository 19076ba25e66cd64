"""Branches: a formula taken apart where it changes its branch, and its derivative on each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mpmath
import sympy

from chainderiv.functions.elementary import ROWS
from chainderiv.functions.heads import sinc
from chainderiv.functions.precise import precise, working_digits
from chainderiv.symbols import Expr, z

LONG = 10**30  # of a fraction's parts
DIGITS = 400  # in which a jump is told from what is only steep


@dataclass(frozen=True)
class Branches:
    """A formula in z, and what follows of its branches."""

    formula: Expr

    @cached_property
    def value(self) -> Expr:
        """The formula with Max, Min, sign, Heaviside and Abs as branches: their own derivatives would hold δ(z).

        Where the arguments of Max or Min meet, or that of Abs is 0, the flatter branch goes on, and of two that are
        as steep the left one: no spelling of a kink decides on its slope.
        """
        branching = (sympy.Max, sympy.Min, sympy.sign, sympy.Heaviside, sympy.Abs)
        formula = self.formula.replace(sympy.sinc, sinc)  # SymPy's own slope is 0/0 at 0
        if not formula.has(*branching):
            return formula
        formula = formula.replace(sympy.Heaviside, lambda u, *_: sympy.Piecewise((1, u > 0), (0, True)))
        formula = formula.replace(lambda e: isinstance(e, sympy.Max | sympy.Min | sympy.Abs), _owned_by_the_left)
        return _flatter(sympy.piecewise_fold(formula.rewrite(branching, sympy.Piecewise)), self.formula)

    @cached_property
    def derivative(self) -> Expr:
        """The formula's derivative by z, as SymPy has it."""
        return sympy.diff(self.value, z)

    @cached_property
    def breaks(self) -> tuple[Expr, ...]:
        """Every z at which the formula changes its branch, or a part of it has an infinite slope."""
        turning = [c.lhs - c.rhs for c in self.value.atoms(sympy.core.relational.Relational)]
        turning += [e.args[0] for row in ROWS if row.sharp for e in self.value.atoms(row.head)]
        points = {p for t in turning if t.has(z) for p in sympy.solve(t, z) if p.is_real}
        return tuple(sorted(points))

    @cached_property
    def kinks(self) -> tuple[Expr, ...]:
        """The breaks at which the formula or its derivative jumps, or rises beyond any number, as cbrt does."""
        return tuple(p for p in self.breaks if jumps(self.formula, p) or jumps(self.derivative, p))


def pieces(expression: Expr) -> list[tuple[Expr, Expr]]:
    """An expression's branches, each with its condition."""
    return list(expression.args) if isinstance(expression, sympy.Piecewise) else [(expression, sympy.true)]


def by_branch(function: Callable[[Expr], Expr], expression: Expr) -> Expr:
    """A function of an expression, taken on each of its branches.

    >>> by_branch(sympy.exp, sympy.Piecewise((z, z > 0), (0, True)))
    Piecewise((exp(z), z > 0), (1, True))
    """
    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*((by_branch(function, value), when) for value, when in expression.args))
    return function(expression)


def height(expression: Expr) -> int:
    """How many operations stand within one another.

    >>> height(sympy.exp(-z) + 1)
    3
    """
    known: dict[Expr, int] = {}
    waiting = [expression]
    while waiting:
        part = waiting[-1]
        missing = [u for u in part.args if u not in known]
        if not missing:
            known[waiting.pop()] = max((known[u] + 1 for u in part.args), default=0)
        waiting += missing
    return known[expression]


def log_of_size(expression: Expr) -> Expr:
    """log|expression|; SymPy looks into a large one for long, for what it could take out, and is not asked.

    Nor where there is 1e-300 in it, which SymPy would take out as 10^300.
    """
    far = any(max(abs(n.p), n.q) > LONG for n in expression.atoms(sympy.Rational))
    if far or expression.count_ops() > 40:
        return sympy.log(sympy.Abs(expression, evaluate=False), evaluate=False)
    return sympy.log(sympy.Abs(expression))


def _owned_by_the_left(turning: Expr) -> Expr:
    """Max, Min or Abs as branches, each of which holds its right end and not its left one."""
    found = turning.rewrite(sympy.Piecewise, deep=False)
    if not isinstance(found, sympy.Piecewise):
        return found
    related = sympy.core.relational.Relational
    return sympy.Piecewise(
        *(
            (
                _owned_by_the_left(e) if e.is_Piecewise and e not in turning.args else e,
                when.replace(lambda c: isinstance(c, related) and not c.has(sympy.Piecewise), _half_open),
            )
            for e, when in found.args
        )
    )


def _flatter(found: Expr, formula: Expr) -> Expr:
    """The branches with the flatter one at each point of a comparison that the formula does not make itself."""
    related = sympy.core.relational.Relational
    own = {c.rhs for c in found.atoms(related) - formula.atoms(related) if c.lhs == z and c.rhs.is_number}
    for point in own - {c.rhs for c in formula.atoms(related)}:
        with working_digits(DIGITS):
            left, right = _beside(sympy.diff(found, z), point, mpmath.mpf(10) ** -(DIGITS // 4))
            flatter = abs(right) < abs(left) * (1 - mpmath.mpf(10) ** -30)
        if flatter:
            found = found.xreplace({z > point: z >= point, z <= point: z < point})
    return found


def _half_open(condition: Expr) -> Expr:
    """A comparison that holds its right ends and not its left ones: z >= 0 becomes z > 0, and z < 0 becomes z <= 0."""
    try:
        found = condition.as_set()
    except (NotImplementedError, ValueError, TypeError, AttributeError):
        return condition
    parts = found.args if isinstance(found, sympy.Union) else (found,)
    if not all(isinstance(part, sympy.Interval | sympy.FiniteSet) for part in parts):
        return condition
    within = [part for part in parts if isinstance(part, sympy.Interval)]
    ends = [(part.start == -sympy.oo or z > part.start, part.end == sympy.oo or z <= part.end) for part in within]
    return sympy.Or(*(sympy.And(*map(sympy.sympify, pair)) for pair in ends))


def jumps(expression: Expr, point: Expr) -> bool:
    """Whether the limits from the left and from the right differ, or a side rises beyond any number."""
    # in digits, because SymPy's one-sided limits of a Piecewise are not to be trusted at its boundary
    with working_digits(DIGITS):
        near, nearer = (_beside(expression, point, mpmath.mpf(10) ** -n) for n in (DIGITS // 4, DIGITS // 2))
        apart, still_apart = (abs(right - left) for left, right in (near, nearer))
        size, larger = (max(1, abs(left), abs(right)) for left, right in (near, nearer))
        # of what is continuous the difference shrinks, however steep it is
        return bool((still_apart > 1e-30 * larger and 2 * still_apart > apart) or larger > 2 * size)


def _beside(expression: Expr, point: Expr, distance: Any) -> tuple[Any, Any]:
    function, at = precise(expression, z), mpmath.mpf(sympy.N(point, DIGITS))
    return function(at - distance), function(at + distance)
