"""A slope as an exponential and the rest: φ'(z) = rest(z) · exp(exponent(z)), so that a product needs no logarithm.

The exponents of the factors are added and their rests multiplied: σ' is e^(-|z|) · (1 + e^(-|z|))^(-2), whose rest
lies in [1/4, 1] however small σ' is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy
from sympy.codegen.cfunctions import log1p

from chainderiv.functions.activation import Activation
from chainderiv.functions.branches import pieces
from chainderiv.functions.gaps import sign_form
from chainderiv.symbols import Expr, z


@dataclass(frozen=True)
class Parts:
    """φ' (or φ) = rest · exp(exponent), and what follows from the two; expressions in z."""

    exponent: Expr
    rest: Expr
    whole: Expr  # the product, branch by branch
    bend: Expr  # d log|φ'|/dz = φ''/φ' (or φ'/φ)


def slope_parts(activation: Activation) -> Parts:
    """The parts of φ', from its stable form, else from its stated logarithm, else from the plain derivative.

    >>> from chainderiv.functions.lookup import neuron
    >>> parts = slope_parts(neuron("sigmoid"))
    >>> parts.exponent, parts.rest
    (-Abs(z), (1 + exp(-Abs(z)))**(-2))
    """
    stated = activation.stable.log_abs_derivative
    if activation.stable.derivative is None and stated is not None:
        return _parts_of_logarithm(stated, activation.stable_derivative)
    return _joined([(_of_product(value), when) for value, when in pieces(activation.stable_derivative)])


def value_parts(activation: Activation) -> Parts | None:
    """The parts of φ where its logarithm is stated: then it lives on where φ underflows.

    >>> from chainderiv.functions.lookup import neuron
    >>> value_parts(neuron("silu")).exponent
    Piecewise((0, z >= 0), (z, True))
    """
    stated = activation.stable.log_abs_value
    return None if stated is None else _parts_of_logarithm(sympy.piecewise_fold(stated), activation.stable_value)


def _parts_of_logarithm(stated: Expr, whole: Expr) -> Parts:
    sign = sign_form(whole)
    # branch by branch only where both branch alike: the last of either may hold elsewhere
    alike = [when for _, when in pieces(sign)] == [when for _, when in pieces(stated)]
    signs = [value for value, _ in pieces(sign)] if alike else [sign] * len(pieces(stated))
    return _joined([(_of_logarithm(value, s), when) for (value, when), s in zip(pieces(stated), signs, strict=True)])


def _joined(branches: list[tuple[tuple[Expr, Expr], Expr]]) -> Parts:
    def joined(part: Any) -> Expr:
        made = [(part(exponent, rest), when) for (exponent, rest), when in branches]
        return made[0][0] if len(made) == 1 else sympy.Piecewise(*made, evaluate=False)

    return Parts(
        joined(lambda exponent, rest: exponent),
        joined(lambda exponent, rest: rest),
        joined(lambda exponent, rest: rest * sympy.exp(exponent)),
        joined(lambda exponent, rest: sympy.diff(exponent, z) + _logarithmic_slope(rest)),
    )


def _of_product(expression: Expr) -> tuple[Expr, Expr]:
    exponent, rest = sympy.Integer(0), sympy.Integer(1)
    for factor in sympy.Mul.make_args(expression):
        if isinstance(factor, sympy.exp):
            exponent += factor.args[0]
        else:
            rest *= factor
    return exponent, rest


def _of_logarithm(expression: Expr, sign: Expr) -> tuple[Expr, Expr]:
    """exp of a sum: c log(u) and c log1p(u) become powers where c is a whole number, all else stays in the exponent."""
    exponent, rest = sympy.Integer(0), sympy.Integer(1)
    for term in sympy.Add.make_args(expression):
        count, function = term.as_coeff_Mul()
        if term.is_number:
            rest *= sympy.Float(sympy.exp(term).evalf(40), 40)
        elif count.is_Integer and isinstance(function, sympy.log | log1p):
            inner = function.args[0]
            rest *= (inner if isinstance(function, sympy.log) else 1 + inner) ** count
        else:
            exponent += term
    return exponent, rest if sign == 1 else rest * sympy.sign(sign)


def _logarithmic_slope(product: Expr) -> Expr:
    """d log|product|/dz, factor by factor."""
    total = sympy.Integer(0)
    for factor in sympy.Mul.make_args(product):
        base, power = factor.as_base_exp()
        if base.has(z) and not isinstance(base, sympy.sign):
            total += power * sympy.diff(base, z) / base
    return total
