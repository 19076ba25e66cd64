"""Branches: a formula taken apart where it changes its branch, and its derivative on each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import mpmath
import sympy

from chainderiv.functions.elementary import ROWS
from chainderiv.functions.heads import sinc
from chainderiv.functions.precise import precise, working_digits
from chainderiv.symbols import Expr, z


@dataclass(frozen=True)
class Branches:
    """A formula in z, and what follows of its branches."""

    formula: Expr

    @cached_property
    def value(self) -> Expr:
        """The formula with Max, Min, sign, Heaviside and Abs as branches: their own derivatives would hold δ(z)."""
        branching = (sympy.Max, sympy.Min, sympy.sign, sympy.Heaviside, sympy.Abs)
        formula = self.formula.replace(sympy.sinc, sinc)  # SymPy's own slope is 0/0 at 0
        if not formula.has(*branching):
            return formula
        formula = formula.replace(sympy.Heaviside, lambda u, *_: sympy.Piecewise((1, u > 0), (0, True)))
        return sympy.piecewise_fold(formula.rewrite(branching, sympy.Piecewise))

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
        return tuple(p for p in self.breaks if _jumps(self.formula, p) or _jumps(self.derivative, p))


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


def _jumps(expression: Expr, point: Expr) -> bool:
    # at 50 digits, because SymPy's one-sided limits of a Piecewise are not to be trusted at its boundary
    with working_digits(50):
        at, near = mpmath.mpf(sympy.N(point, 50)), mpmath.mpf(10) ** -40
        left, right = (precise(expression, z)(at + side * near) for side in (-1, 1))
        return bool(abs(right - left) > 1e-30 * max(1, abs(left), abs(right)))
