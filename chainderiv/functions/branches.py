"""Branches: a formula taken apart where it changes its branch, and its derivative on each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import mpmath
import sympy

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
        if not self.formula.has(*branching):
            return self.formula
        formula = self.formula.replace(sympy.Heaviside, lambda u, *_: sympy.Piecewise((1, u > 0), (0, True)))
        return sympy.piecewise_fold(formula.rewrite(branching, sympy.Piecewise))

    @cached_property
    def derivative(self) -> Expr:
        """The formula's derivative by z, as SymPy has it."""
        return sympy.diff(self.value, z)

    @cached_property
    def breaks(self) -> tuple[Expr, ...]:
        """Every z at which the formula changes its branch."""
        turning = [c.lhs - c.rhs for c in self.value.atoms(sympy.core.relational.Relational)]
        points = {p for t in turning if t.has(z) for p in sympy.solve(t, z) if p.is_real}
        return tuple(sorted(points))

    @cached_property
    def kinks(self) -> tuple[Expr, ...]:
        """The breaks at which the formula or its derivative jumps."""
        return tuple(p for p in self.breaks if _jumps(self.formula, p) or _jumps(self.derivative, p))


def _jumps(expression: Expr, point: Expr) -> bool:
    # at 50 digits, because SymPy's one-sided limits of a Piecewise are not to be trusted at its boundary
    with working_digits(50):
        at, near = mpmath.mpf(sympy.N(point, 50)), mpmath.mpf(10) ** -40
        left, right = (precise(expression, z)(at + side * near) for side in (-1, 1))
        return bool(abs(right - left) > 1e-30 * max(1, abs(left), abs(right)))
