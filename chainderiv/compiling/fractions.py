"""Exponentials that a formula meets only in 1/(1 + e^u) and e^u/(1 + e^u): there one division serves e^u and the sum.

e^u = n/m makes them m/(n + m) and n/(n + m), and tanh(v) = (m - n)/(n + m) with u = -2|v|.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy

from chainderiv.symbols import Expr, z

SIZE = sympy.Symbol("t", nonnegative=True)  # |z|
# what the functions of vectormath/exp.py give: n, m, their difference and their sum
FRACTIONS = {"exp_fraction": ("_over", "_under", "_sum"), "tanh_fraction": ("_over", "_under", "_gap", "_sum")}
FRACTIONS |= {f"near_{function}": ends for function, ends in FRACTIONS.items()}


def as_fractions(expressions: Iterable[Expr]) -> dict[Expr, str]:
    """The exponents u <= 0 whose exponentials stand nowhere else in the expressions, with the fraction that serves.

    >>> as_fractions([sympy.exp(-SIZE) / (1 + sympy.exp(-SIZE)) ** 2, sympy.tanh(z)])
    {-2*t: 'tanh_fraction', -t: 'exp_fraction'}
    >>> as_fractions([1 / (1 + sympy.exp(-SIZE)), SIZE + sympy.exp(-SIZE)])
    {}
    """
    whole = sympy.Tuple(*expressions)
    met = {factor_of(p): "exp_fraction" for p in whole.atoms(sympy.Pow)}
    met |= {exponent_of_tanh(e): "tanh_fraction" for e in whole.atoms(sympy.tanh)}
    return {u: met[u] for u in sorted(filter(None, met), key=str) if not _is_alone(whole, u)}


def factor_of(e: Any) -> Expr | None:
    """u where e is a negative power of 1 + e^u, u <= 0."""
    if not isinstance(e, sympy.Pow):
        return None
    base, power = e.args
    if power.is_Integer and power < 0 and isinstance(base, sympy.Add) and len(base.args) == 2 and base.args[0] == 1:
        exponential = base.args[1]
        if isinstance(exponential, sympy.exp) and exponential.args[0].is_nonpositive:
            return exponential.args[0]
    return None


def exponent_of_tanh(e: Any) -> Expr | None:
    """-2|v| of tanh(v), where v is a multiple of z or t."""
    factor, of = e.args[0].as_coeff_Mul()
    return -2 * abs(factor) * SIZE if of in (z, SIZE) else None


def _is_alone(e: Any, u: Expr) -> bool:
    """Whether e^u stands in an expression where no fraction gives it."""
    factors = sympy.Mul.make_args(e)
    left: Any = e.args
    if any(factor_of(f) == u for f in factors):
        left = [f for f in factors if factor_of(f) != u and f != sympy.exp(u)]
    elif isinstance(e, sympy.tanh) and exponent_of_tanh(e) == u:
        left = ()
    return e == sympy.exp(u) or any(_is_alone(part, u) for part in left)
