"""What index algebra does: derivatives of indexed sums, sums over Kronecker's δ, factors taken out of a sum."""

from __future__ import annotations

from collections.abc import Mapping

import sympy
from sympy.concrete.delta import deltasummation

from chainderiv.symbols import Expr


def differentiate(expression: Expr, wrt: Expr) -> Expr:
    """SymPy's derivative by an indexed symbol: ∂v_m/∂v_j is Kronecker's δ_mj, and sums of zeros are 0.

    >>> from chainderiv.symbolic.full_width.indexed import bias, j, k, layer
    >>> differentiate(bias[layer, k], bias[layer, j])
    KroneckerDelta(j, k)
    """
    return expression.diff(wrt).replace(_is_empty, lambda _: sympy.Integer(0))


def sum_out(expression: Expr, ranges: Mapping[Expr, Expr]) -> Expr:
    """Σ_m f_m δ_mj = f_j in every sum of an expression, for j in its range 1 … ranges[j].

    >>> from chainderiv.symbolic.full_width.indexed import bias, j, k, layer, total, width
    >>> sum_out(total(bias[layer, k] * sympy.KroneckerDelta(k, j), k, layer), {j: width[layer]})
    b[l, j]
    """
    # SymPy cannot know that j is one of the values that m takes, and makes a Piecewise of it
    inside = {index <= upper: sympy.true for index, upper in ranges.items()}

    def collapse(sum_: Expr) -> Expr:
        limits = sum_.limits[0]
        terms = sympy.Add.make_args(sympy.expand_mul(sum_.function))
        return sympy.Add(*(_one_term(term, limits).xreplace(inside) for term in terms))

    return expression.replace(_is_sum, collapse)


def take_out(expression: Expr) -> Expr:
    """Σ_k c f_k = c Σ_k f_k in every sum, for what does not depend on its index.

    >>> from chainderiv.symbolic.full_width.indexed import bias, j, k, layer, total
    >>> take_out(total(bias[layer, k] * bias[layer, j], k, layer))
    b[l, j]*Sum(b[l, k], (k, 1, n[l]))
    """

    def parted(sum_: Expr) -> Expr:
        constant, summand = sum_.function.as_independent(sum_.variables[0], as_Add=False)
        return constant * sympy.Sum(summand, *sum_.limits)

    return expression.replace(_is_sum, parted)


def _one_term(term: Expr, limits: Expr) -> Expr:
    index = limits[0]
    if any(index in found.free_symbols for found in term.atoms(sympy.KroneckerDelta)):
        return deltasummation(term, limits)
    return take_out(sympy.Sum(term, limits))


def _is_sum(expression: Expr) -> bool:
    return isinstance(expression, sympy.Sum)


def _is_empty(expression: Expr) -> bool:
    return isinstance(expression, sympy.Sum) and expression.function == 0
