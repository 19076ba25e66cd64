"""What every printed program holds, whatever its language: its neurons, their signs and logarithms, and ∂C/∂a_L."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy

from chainderiv.functions.activation import Activation, Expr
from chainderiv.functions.cost import cancelled_slope
from chainderiv.symbolic.chain import Chain, neurons
from chainderiv.symbols import a, erfcx, normal_cdf, y

SHOWN_NAMES = 12
_HARMLESS = frozenset(" ._-+=()")


def label(name: str) -> str:
    """A name as it may stand in a comment or a docstring of any language.

    >>> label("*/ system(1); /*"), label("two" + chr(10) + "lines")
    ('__ system(1)_ __', 'two lines')
    """
    # '?' too: C reads ??/ as a backslash, and a backslash joins the next line to a comment
    kept = (c if c.isascii() and (c.isalnum() or c in _HARMLESS) else "_" for c in " ".join(name.split()))
    return "".join(kept)[:60]


def summary(chain: Chain) -> str:
    """One line that says which chain a program is of."""
    names = [label(f.name) for f in neurons(chain)]
    shown = ", ".join(names[:SHOWN_NAMES]) + (", ..." if len(names) > SHOWN_NAMES else "")
    kind = "residual chain" if chain.residual else "chain"
    return f"{kind} of depth {chain.depth}, cost {label(chain.cost.name)}, activation {shown}"


def quantities(activation: Activation) -> dict[str, Expr]:
    """The formulas in z that a program may need of a neuron."""
    slope, value, stable = activation.stable_derivative, activation.stable_value, activation.stable
    return {
        "value": value,
        "derivative": slope,
        "derivative_sign": sign_form(slope),
        "log_abs_derivative": log_abs(slope) if stable.log_abs_derivative is None else stable.log_abs_derivative,
        "value_sign": sign_form(value),
        "log_abs_value": log_abs(value) if stable.log_abs_value is None else stable.log_abs_value,
    }


def log_abs(expression: Expr) -> Expr:
    """log|expression| branch by branch, -oo where the expression is the number 0."""
    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*((log_abs(value), when) for value, when in expression.args))
    return -sympy.oo if expression == 0 else sympy.log(sympy.Abs(expression))


def sign_form(expression: Expr) -> Expr:
    """What has the sign of an expression and does not underflow with it: its factors that can be negative.

    >>> from chainderiv.symbols import z
    >>> sign_form(sympy.exp(-z**2) * (1 + z)), sign_form(1 / (1 + sympy.exp(-z)))
    (z + 1, 1)
    """
    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*((sign_form(value), when) for value, when in expression.args))
    if expression == 0 or _positive(expression):
        return sympy.Integer(1)  # beside a logarithm of -oo any sign serves
    if expression.is_Mul:
        return sympy.Mul(*map(sign_form, expression.args))
    if expression.is_Pow and expression.exp.is_Integer:
        return sign_form(expression.base) if expression.exp.is_odd else sympy.Integer(1)
    return sympy.Integer(-1) if expression.is_negative else expression


def _positive(expression: Expr) -> bool:
    return isinstance(expression, erfcx | normal_cdf) or bool(expression.is_positive)


@dataclass(frozen=True)
class Gap:
    """How an output nears one of its limits: limit - φ(z) or φ(z) - limit, and its logarithm.

    Attributes
    ----------
    name : str. 'below_upper' or 'above_lower'.
    limit : whole number other than 0.
    sign : int. The sign of φ(z) - limit.
    value, log : expressions in z.
    """

    name: str
    limit: Expr
    sign: int
    value: Expr
    log: Expr

    @property
    def near(self) -> float:
        """How near to the limit a target must be for a_L - y to come from the gap."""
        return float(abs(self.limit) / 2)


def gaps(chain: Chain) -> list[Gap]:
    """The output's limits that are whole numbers and not 0, whose gap is a_L itself.

    None in a residual chain, whose output has no limits.
    """
    return [] if chain.residual else gaps_of(chain.activation(chain.depth))


def gaps_of(output: Activation) -> list[Gap]:
    """The limits of an activation that are whole numbers and not 0."""
    both = (
        ("below_upper", output.upper, -1, output.stable.below_upper, output.log_below_upper),
        ("above_lower", output.lower, 1, output.stable.above_lower, output.log_above_lower),
    )
    return [Gap(*gap) for gap in both if gap[1] is not None and gap[1].is_Integer and gap[1] != 0]


def cancelled(chain: Chain) -> bool:
    """Whether the cost cancels φ'(z_L)."""
    return _cancelled_slope(chain) is not None


def beside_the_miss(chain: Chain) -> Expr:
    """What ∂C/∂a_L has beside a_L - y, after a cancellation, in a and y."""
    factors = _cancelled_slope(chain)
    rest = sympy.Integer(1)
    for leading, root, power in chain.cost.factors if factors is None else factors:
        if root is None:
            rest *= leading
        elif root == y:
            rest *= leading**power * (a - y) ** (power - 1)
        else:
            rest *= (leading * (a - root)) ** power
    return rest


def _cancelled_slope(chain: Chain) -> tuple[tuple[Expr, Expr, Expr], ...] | None:
    return None if chain.residual else cancelled_slope(chain.activation(chain.depth), chain.cost)


def indented(text: str, by: int) -> str:
    """Every line of a text that is not empty, moved to the right."""
    return "\n".join(" " * by + line if line else line for line in text.splitlines())


def lines_of(*parts: Any) -> list[str]:
    """The lines of texts and lists of texts, in order; None is no line."""
    made: list[str] = []
    for part in parts:
        made += [] if part is None else part.splitlines() if isinstance(part, str) else list(part)
    return made
