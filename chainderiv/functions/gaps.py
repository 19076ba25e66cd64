"""How an output nears its limits; and the sign and the logarithm of an expression, which do not underflow with it."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from chainderiv.functions.activation import Activation
from chainderiv.functions.branches import by_branch
from chainderiv.functions.elementary import BY_HEAD
from chainderiv.symbols import Expr


@dataclass(frozen=True)
class Gap:
    """How an output nears a limit, a whole number other than 0: value = |φ(z) - limit|, and its logarithm."""

    name: str  # as Stable calls it
    limit: Expr
    sign: int  # of φ(z) - limit
    value: Expr
    log: Expr

    @property
    def near(self) -> float:
        """How near to the limit a target must be for a_L - y to come from the gap."""
        return float(abs(self.limit) / 2)


def gaps_of(output: Activation) -> list[Gap]:
    """The limits of an activation that are whole numbers and not 0."""
    both = (
        ("below_upper", output.upper, -1, output.stable.below_upper, output.log_below_upper),
        ("above_lower", output.lower, 1, output.stable.above_lower, output.log_above_lower),
    )
    return [Gap(*gap) for gap in both if gap[1] is not None and gap[1].is_Integer and gap[1] != 0]


def log_abs(expression: Expr) -> Expr:
    """log|expression| branch by branch, -oo where the expression is the number 0."""
    return by_branch(lambda e: -sympy.oo if e == 0 else sympy.log(sympy.Abs(e)), expression)


def sign_form(expression: Expr) -> Expr:
    """What has the sign of an expression and does not underflow with it: its factors that can be negative.

    >>> from chainderiv.symbols import z
    >>> sign_form(sympy.exp(-z**2) * (1 + z)), sign_form(1 / (1 + sympy.exp(-z)))
    (z + 1, 1)
    """
    if isinstance(expression, sympy.Piecewise):
        return by_branch(sign_form, expression)
    if expression == 0 or _positive(expression):
        return sympy.Integer(1)  # beside a logarithm of -oo any sign serves
    if expression.is_Mul:
        return sympy.Mul(*map(sign_form, expression.args))
    if expression.is_Pow and expression.exp.is_Integer:
        return sign_form(expression.base) if expression.exp.is_odd else sympy.Integer(1)
    return sympy.Integer(-1) if expression.is_negative else expression


def _positive(expression: Expr) -> bool:
    row = BY_HEAD.get(type(expression))
    # SymPy does not know e^u to be positive where it does not know u to be real
    return (row is not None and row.positive) or isinstance(expression, sympy.exp) or bool(expression.is_positive)
