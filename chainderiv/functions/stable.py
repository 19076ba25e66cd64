"""Stable: rewritings of a neuron that keep their digits in float64."""

from __future__ import annotations

from dataclasses import dataclass

from chainderiv.symbols import Expr


@dataclass(frozen=True)
class Stable:
    """Rewritings of quantities that follow from φ, for where the plain ones lose digits in float64.

    Attributes
    ----------
    value, derivative : expressions in z that equal φ and φ' for real z.
    log_abs_derivative, log_abs_value : log|φ'| and log|φ|, natural.
    above_lower, below_upper : φ - lim φ at -∞ and lim φ at +∞ - φ, where those limits are finite.

    Examples
    --------
    >>> from chainderiv import Activation, z
    >>> f = Activation("reach", z / (1 + abs(z)), stable=Stable(derivative=1 / (1 + abs(z)) ** 2))
    >>> f.stable_derivative
    (Abs(z) + 1)**(-2)
    """

    value: Expr = None
    derivative: Expr = None
    log_abs_derivative: Expr = None
    log_abs_value: Expr = None
    above_lower: Expr = None
    below_upper: Expr = None
