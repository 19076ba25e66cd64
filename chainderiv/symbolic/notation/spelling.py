"""φ', φ'' and the cost's derivatives written out: by φ itself where φ' is a polynomial of it, as σ' = σ(1 - σ)."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import mpmath
import sympy

from chainderiv.functions.activation import Activation
from chainderiv.functions.precise import precise, working_digits
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.factor import Factor
from chainderiv.symbolic.notation.writer import Writer
from chainderiv.symbols import Expr, a, activation as a_of, pre_activation, z

_PROBES = ("0.3", "0.8", "-1.4", "2.1", "-0.6")  # three to solve for the numbers, two to try them
DIGITS, LARGEST = 60, 5040  # of which the numbers are whole fractions


@lru_cache(maxsize=64)
def by_itself(neuron: Activation) -> tuple[Expr, Expr, Expr] | None:
    """(α, β, γ) of φ' = α + β φ + γ φ², where SymPy shows that there are such numbers, else None (Riccati 1724).

    >>> from chainderiv.functions.lookup import neuron
    >>> by_itself(neuron("sigmoid")), by_itself(neuron("tanh")), by_itself(neuron("gelu"))
    ((0, 1, -1), (1, 0, -1), None)
    """
    if neuron.breaks or neuron.derivative.is_number:
        return None
    phi, slope = precise(neuron.formula, z), precise(neuron.derivative, z)
    with working_digits(DIGITS):
        values = [(phi(mpmath.mpf(p)), slope(mpmath.mpf(p))) for p in _PROBES]
        rows = mpmath.matrix([[1, value, value**2] for value, _ in values[:3]])
        try:
            solved = mpmath.lu_solve(rows, mpmath.matrix([derivative for _, derivative in values[:3]]))
        except ZeroDivisionError:
            return None
        found = [Fraction(int(mpmath.nint(n * LARGEST)), LARGEST) for n in solved]
        for value, derivative in values:
            polynomial = sum(mpmath.mpf(n.numerator) / n.denominator * value**k for k, n in enumerate(found))
            if abs(polynomial - derivative) > mpmath.mpf(10) ** -(DIGITS // 2):
                return None
    first, second, third = (sympy.Rational(n.numerator, n.denominator) for n in found)
    left = neuron.derivative - (first + second * neuron.formula + third * neuron.formula**2)
    return (first, second, third) if sympy.simplify(left) == 0 else None


def spelled(writer: Writer, chain: Chain, place: Factor) -> str:
    """A factor written out, bracketed where it is a sum; nothing where it is 1."""
    layer = place.layer
    if place.kind in ("slope", "bend"):
        formula = chain.cost.slope if place.kind == "slope" else chain.cost.second
        return _bracketed(writer, formula.subs(a, a_of(layer)))
    neuron, u = chain.activation(layer), pre_activation(layer)
    return of_neuron(writer, neuron, writer.neuron(layer), u, second=place.kind == "curve")


def of_neuron(writer: Writer, neuron: Activation, name: str, u: Expr, second: bool = False) -> str:
    """φ'(u) or φ''(u) written out, φ by its name."""
    numbers = by_itself(neuron)
    if numbers is None:
        formula = neuron.second_derivative if second else neuron.derivative
        return _bracketed(writer, formula.subs(z, u))
    first, once, twice = numbers
    at = f"({writer.write(u)})"
    prime = _polynomial(writer, name, at, numbers)
    if first == 0:
        # φ (β + γ φ)
        prime = name + at + _polynomial(writer, name, at, (once, twice, sympy.Integer(0)))
    return prime + _polynomial(writer, name, at, (once, 2 * twice, sympy.Integer(0))) if second else prime


def _polynomial(writer: Writer, name: str, at: str, numbers: tuple[Expr, Expr, Expr]) -> str:
    """α + β φ + γ φ² in brackets, without what is 0."""
    form, text = writer.form, ""
    squared = name + ("^{2}" if form.markup == "latex" else "^2" if form.partial("") == "d" else "²") + at
    for number, power in zip(numbers, ("", name + at, squared), strict=True):
        if number != 0:
            size = "" if abs(number) == 1 and power else form.number(str(abs(number)))
            sign = (form.minus if number < 0 else form.plus) if text else form.sign * bool(number < 0)
            text += sign + size + (form.within if size and power else "") + power
    return form.bracketed(text)


def _bracketed(writer: Writer, formula: Expr) -> str:
    if formula == 1:
        return ""
    text = writer.write(formula)
    needs = formula.is_Add or formula.is_Piecewise or formula.as_coeff_Mul()[0].is_negative
    return writer.form.bracketed(text) if needs else text
