"""The Maclaurin polynomial of a formula, by FLINT's truncated power series of balls: for where φ cancels near 0."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy
from flint import arb

from chainderiv.functions.intervals import Unenclosed, working_bits
from chainderiv.functions.rewriting.digits import as_mpmath
from chainderiv.functions.series import coefficients
from chainderiv.symbols import Expr, z

TERMS, BITS = 80, 466
RADIUS, KEPT = mpmath.mpf("0.25"), 48  # terms that RADIUS leaves below KEPT digits are dropped


def maclaurin(expression: Expr) -> Expr | None:
    """z^k · (a polynomial), accurate to far more digits than float64 holds for small |z|; else None.

    >>> maclaurin(z - sympy.tanh(z)).subs(z, 0)
    0
    """
    try:
        with working_bits(BITS):
            found = coefficients(expression, arb(0), TERMS)
        if not all(c.is_finite() for c in found):
            return None  # a pole, a branch point
        values = [as_mpmath(c) for c in found]
        sizes = [abs(c) * RADIUS**k for k, c in enumerate(values)]
        least = max(sizes) * mpmath.mpf(10) ** -KEPT
        return _polynomial([c if size > least else 0 for c, size in zip(values, sizes, strict=True)])
    except (ValueError, Unenclosed):
        return None  # a pole, or a function without a series at 0


def _polynomial(coefficients: list[Any]) -> Expr:
    """z^k · (lower half + z^m · upper half), each half so again: no deeper than a few steps, unlike Horner's form."""
    powers = [k for k, c in enumerate(coefficients) if c != 0]
    if not powers:
        raise ValueError("a series of zeros")
    first = powers[0]
    kept = coefficients[first:]
    if len(powers) == 1:
        return sympy.Float(kept[0], 60) * z**first
    half = len(kept) // 2
    upper = kept[half:]
    lower = _polynomial(kept[:half])
    return z**first * (lower + z**half * _polynomial(upper)) if any(upper) else z**first * lower
