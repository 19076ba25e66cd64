"""Derivation -> Unicode, ASCII text, LaTeX, MathML, and programs in NumPy, C, JavaScript and GLSL.

A derivation is printed factor by factor, so that depth costs length and never recursion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import sympy

from chainderiv.errors import unknown_name
from chainderiv.symbolic.factor import Factor, symbol_of
from chainderiv.symbolic.notation.printers import STYLES, SUBSCRIPTS, Style
from chainderiv.symbolic.programs import numpy_program as program
from chainderiv.symbols import PhiPrime, gradient, layer_of

if TYPE_CHECKING:
    from chainderiv.symbolic.chain import Chain
    from chainderiv.symbolic.comparison import Comparison
    from chainderiv.symbolic.derivation import Derivation
    from chainderiv.symbolic.second import SecondDerivation, Term
    from chainderiv.symbolic.steps import Step

A_LINE_EACH = {"unicode": "\n    + ", "text": "\n    + "}  # between the terms of a sum that is shown
SHOWN_TERMS = 6  # of a second derivative that is shown rather than asked for
ELIDE_ABOVE = 24  # layers; a longer product is elided where it is shown rather than asked for

TARGETS: dict[str, Callable[[Derivation], str]] = {
    "unicode": lambda d: equation(d, "unicode"),
    "text": lambda d: equation(d, "text"),
    "latex": lambda d: equation(d, "latex"),
    "mathml": lambda d: mathml(d),
    "numpy": program.numpy_program,
    "c": program.c_program,
    "javascript": program.javascript_program,
    "glsl": program.glsl_program,
}


FORMULAS = tuple(STYLES)  # the targets that are formulas and no programs


def to(derivation: Derivation, target: str) -> str:
    """The derivation printed whole in one of TARGETS; raises UnknownName."""
    if target not in TARGETS:
        raise unknown_name("target", target, TARGETS)
    return TARGETS[target](derivation)


def latex(derivation: Derivation, elide: bool = False) -> str:
    """The equation in LaTeX, without dollar signs."""
    return equation(derivation, "latex", elide)


def mathml(derivation: Derivation, elide: bool = False) -> str:
    """The equation as a <math> element."""
    return math_element(equation(derivation, "mathml", elide))


def math_element(body: str) -> str:
    """A displayed <math> element."""
    return f"<math xmlns='http://www.w3.org/1998/Math/MathML' display='block'><mrow>{body}</mrow></math>"


def equation(derivation: Derivation, form: str, elide: bool = False) -> str:
    """∂C/∂θ = the product of the factors; a long one is elided in its middle on request."""
    style = STYLES[form]
    left = style.write(derivation.chain, gradient(derivation.wrt.symbol))
    return left + style.equals + product(derivation.chain, derivation.places, derivation.factors, style, elide)


def shown(derived: Derivation | SecondDerivation, form: str) -> str:
    """The equation in one of FORMULAS, elided in its middle where it is long."""
    from chainderiv.symbolic.second import SecondDerivation

    if isinstance(derived, SecondDerivation):
        return sum_of_products(derived, form, elide=True, between=A_LINE_EACH.get(form))
    return equation(derived, form, elide=True)


def surviving(derived: Derivation | SecondDerivation, form: str) -> str:
    """∂C/∂θ = what remains after the cost has cancelled what it cancels, elided in its middle when it is long."""
    from chainderiv.symbolic.second import SecondDerivation

    if isinstance(derived, SecondDerivation):
        return sum_of_products(derived, form, True, derived.surviving, A_LINE_EACH.get(form))
    style, chain = STYLES[form], derived.chain
    left = style.write(chain, gradient(derived.wrt.symbol))
    kept = derived.surviving
    places = [*derived.places[: len(kept) - 1], Factor("rest", chain.depth)]
    return left + style.equals + product(chain, places, kept, style, elide=True)


def product(chain: Chain, places: Sequence[Factor], factors: Sequence[Any], style: Style, elide: bool = False) -> str:
    """Factors and the places where they stand, a weight and the φ' behind it written as one link."""
    if elide and len(factors) > 2 * ELIDE_ABOVE:
        # five from either end, or four, so that every weight stays beside its φ'
        ends = (slice(None, 5 - (places[4].kind == "weight")), slice(-5 + (places[-5].kind == "prime"), None))
        head, tail = (product(chain, places[end], factors[end], style) for end in ends)
        return style.times.join([head, style.dots, tail])
    made: list[str] = []
    before = ""
    for place, factor in zip(places, factors, strict=True):
        text = written(chain, place, factor, style)
        if (before, place.kind) == ("weight", "prime"):
            made[-1] += style.within + text
        else:
            made.append(text)
        before = place.kind
    return style.times.join(made)


def sum_of_products(
    second: SecondDerivation,
    form: str,
    elide: bool = False,
    terms: Sequence[Term] | None = None,
    between: str | None = None,
) -> str:
    """∂²C/∂θ∂η = the sum of the terms, each a product of groups; a long one is elided in its middle on request."""
    style, chain, terms = STYLES[form], second.chain, second.terms if terms is None else terms
    left = style.write(chain, gradient(*(p.symbol for p in second.wrt)))
    if elide and len(terms) > SHOWN_TERMS:
        made = [term(chain, t, style, elide) for end in (terms[:2], terms[-2:]) for t in end]
        made.insert(2, style.dots)
    else:
        made = [term(chain, t, style, elide) for t in terms]
    return left + style.equals + (between or style.plus).join(made)


def term(chain: Chain, term: Term, style: Style, elide: bool) -> str:
    """One product of the sum, its groups in brackets."""
    groups, start = [], 0
    for places in term.groups:
        factors = term.factors[start : start + len(places)]
        body = product(chain, places, factors, style, elide)
        groups.append(body if len(places) == 1 else style.brackets[0] + body + style.brackets[1])
        start += len(places)
    return style.times.join(groups)


def written(chain: Chain, place: Factor, factor: Any, style: Style) -> str:
    """One factor in one form: a sum or a negative one in brackets, and a residual link as 1 + w_l φ'(z_l)."""
    left, right = style.brackets
    if place.kind == "link" and factor == symbol_of(chain, place):
        link = [style.write(chain, symbol_of(chain, Factor(kind, place.layer))) for kind in ("weight", "prime")]
        return f"{left}{style.write(chain, sympy.Integer(1))}{style.plus}{style.within.join(link)}{right}"
    text = style.write(chain, factor)
    atomic = factor.is_Symbol or factor.is_Function or (factor.is_number and factor.is_nonnegative)
    return text if atomic else left + text + right


def step(chain: Chain, one: Step, form: str = "unicode") -> str:
    """One line: name, equation, reason; raises UnknownName."""
    if form not in STYLES:
        raise unknown_name("target", form, STYLES)
    style = STYLES[form]
    factors = one.right.args if one.right.is_Mul else (one.right,)
    right = style.times.join(_step_factor(chain, f, style) for f in sorted(factors, key=_rank))
    reason = re.sub(r"_[0-9]+", _subscript, one.reason) if form == "unicode" else one.reason
    return f"{one.name}: {style.write(chain, one.left)}{style.equals}{right}    ({reason})"


def expression(chain: Chain, factor: Any, form: str) -> str:
    """A single expression in the chain's symbols, a residual link as 1 + w_l φ'(z_l)."""
    return _step_factor(chain, factor, STYLES[form])


def _step_factor(chain: Chain, factor: Any, style: Style) -> str:
    primes = factor.atoms(PhiPrime) if factor.is_Add else ()
    layer = layer_of(next(iter(primes)).args[1]) if len(primes) == 1 else 0
    return written(chain, Factor("link" if layer else "other", layer), factor, style)


def _rank(factor: Any) -> int:
    """Where a factor stands in a step: weights, then φ', then δ, and ∂C/∂a last."""
    order = {"CostSlope": 3, "Gradient": 3, "delta": 2, "PhiPrime": 1}
    return order.get(str(getattr(factor, "name", type(factor).__name__)).partition("_")[0], 0)


def _subscript(index: re.Match[str]) -> str:
    return index[0].removeprefix("_").translate(SUBSCRIPTS)


def comparison(both: Comparison, form: str = "unicode") -> str:
    """∂C/∂b_j = [ what stands between ] · ∂C/∂b_k."""
    style, chain = STYLES[form], both.first.chain
    left, right = (style.write(chain, gradient(d.wrt.symbol)) for d in (both.first, both.second))
    places = both.first.places[: len(both.between)]
    between = product(chain, places, both.between, style, elide=form == "unicode")
    below = "".join(style.over + style.write(chain, factor) for factor in both.below)
    return f"{left}{style.equals}[ {between}{below} ]{style.times}{right}"
