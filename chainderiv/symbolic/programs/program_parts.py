"""What every printed program holds, whatever its language: its neurons, their signs and logarithms, and ∂C/∂a_L."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sympy

from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import cancelled_slope
from chainderiv.functions.gaps import Gap, gaps_of, log_abs, sign_form
from chainderiv.symbolic.chain import SHOWN_NAMES, Chain, Parameter, neurons
from chainderiv.symbols import Expr, a, y

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


@lru_cache(maxsize=64)
def quantities(activation: Activation) -> Mapping[str, Expr]:
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


def gaps(chain: Chain) -> list[Gap]:
    """The output's limits that are whole numbers and not 0, whose gap is a_L itself.

    None in a residual chain, whose output has no limits.
    """
    return [] if chain.residual else gaps_of(chain.activation(chain.depth))


def cancelled(chain: Chain, wrt: Parameter) -> bool:
    """Whether the cost cancels φ'(z_L); of ∂C/∂a_L that is no factor."""
    return _cancelled_slope(chain, wrt) is not None


def beside_the_miss(chain: Chain, wrt: Parameter) -> Expr:
    """What ∂C/∂a_L has beside a_L - y, after a cancellation, in a and y."""
    rest = sympy.Integer(1)
    for leading, root, power in _slope_factors(chain, wrt):
        if root is None:
            rest *= leading
        elif root == y:
            rest *= leading**power * (a - y) ** (power - 1)
        else:
            rest *= (leading * (a - root)) ** power
    return rest


def misses(chain: Chain, wrt: Parameter) -> bool:
    """Whether a_L - y is a factor of ∂C/∂a_L; of C = a_L it is none."""
    return any(root == y for _, root, _ in _slope_factors(chain, wrt))


def _slope_factors(chain: Chain, wrt: Parameter) -> tuple[tuple[Expr, Expr, Expr], ...]:
    factors = _cancelled_slope(chain, wrt)
    return chain.cost.factors if factors is None else factors


def _cancelled_slope(chain: Chain, wrt: Parameter) -> tuple[tuple[Expr, Expr, Expr], ...] | None:
    return (
        None
        if chain.residual or wrt.start > chain.depth
        else cancelled_slope(chain.activation(chain.depth), chain.cost)
    )


def indented(text: str, by: int) -> str:
    """Every line of a text that is not empty, moved to the right."""
    return "\n".join(" " * by + line if line else line for line in text.splitlines())


def lines_of(*parts: Any) -> list[str]:
    """The lines of texts and lists of texts, in order; None is no line."""
    made: list[str] = []
    for part in parts:
        made += [] if part is None else part.splitlines() if isinstance(part, str) else list(part)
    return made
