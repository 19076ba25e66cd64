"""What index algebra does: derivatives of indexed sums, sums over Kronecker's δ, factors taken out of a sum."""

from __future__ import annotations

from collections.abc import Mapping

import sympy
from sympy.concrete.delta import deltasummation

from chainderiv.symbols import Expr


def differentiate(expression: Expr, wrt: Expr) -> Expr:
    """SymPy's derivative by an indexed symbol: ∂v_m/∂v_j is Kronecker's δ_mj, and sums of zeros are 0.

    >>> from chainderiv.symbolic.full_width.indexed import b, j, k, layer
    >>> differentiate(b[layer, k], b[layer, j])
    KroneckerDelta(j, k)
    """
    kept = expression.diff(wrt)
    return kept.replace(sympy.Sum, lambda summand, at: sympy.Sum(summand, at) if summand != 0 else sympy.Integer(0))


def sum_out(expression: Expr, ranges: Mapping[Expr, Expr]) -> Expr:
    """Σ_m f_m δ_mj = f_j in every sum of an expression, for j in its range 1 … ranges[j].

    >>> from chainderiv.symbolic.full_width.indexed import b, j, k, layer, n, total
    >>> sum_out(total(b[layer, k] * sympy.KroneckerDelta(k, j), k, layer), {j: n[layer]})
    b[l, j]
    """
    # SymPy cannot know that j is one of the values that m takes, and makes a Piecewise of it
    inside = {index <= upper: sympy.true for index, upper in ranges.items()}

    def collapse(summand: Expr, limits: Expr) -> Expr:
        terms = sympy.Add.make_args(sympy.expand_mul(summand))
        return sympy.Add(*(_one_term(term, limits).xreplace(inside) for term in terms))

    return expression.replace(sympy.Sum, collapse)


def take_out(expression: Expr) -> Expr:
    """Σ_k c f_k = c Σ_k f_k in every sum, for what does not depend on its index.

    >>> from chainderiv.symbolic.full_width.indexed import b, j, k, layer, total
    >>> take_out(total(b[layer, k] * b[layer, j], k, layer))
    b[l, j]*Sum(b[l, k], (k, 1, n[l]))
    """

    def parted(summand: Expr, limits: Expr) -> Expr:
        constant, rest = summand.as_independent(limits[0], as_Add=False)
        return constant * sympy.Sum(rest, limits)

    return expression.replace(sympy.Sum, parted)


def _one_term(term: Expr, limits: Expr) -> Expr:
    index = limits[0]
    if any(index in found.free_symbols for found in term.atoms(sympy.KroneckerDelta)):
        return deltasummation(term, limits)
    return take_out(sympy.Sum(term, limits))
