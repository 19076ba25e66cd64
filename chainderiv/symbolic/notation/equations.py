"""A chain's equations, steps and factors in the four written forms.

A gradient is written factor by factor, so that depth costs length and never recursion.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from chainderiv.errors import unknown_name
from chainderiv.given import of_kind
from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.factor import Factor, symbol_of
from chainderiv.symbolic.notation.forms import CHAIN_FORMS, LONG, math_element
from chainderiv.symbolic.notation.writer import SYMBOLS, Writer
from chainderiv.symbolic.steps import Step
from chainderiv.symbols import Expr, PhiPrime, gradient, layer_of
from chainderiv.wording import lowered

SHOWN_TERMS = 6  # of a sum that is shown rather than asked for

Row = tuple[Sequence[Factor], Sequence[Expr]]  # places, and what stands there


def write(chain: Chain, expression: Expr, form: str = "unicode") -> str:
    """An expression in a chain's symbols as it stands."""
    return Writer(CHAIN_FORMS[form], chain.activation, SYMBOLS).write(expression)


def equation(
    chain: Chain,
    wrt: Sequence[Parameter],
    products: Sequence[Sequence[Row]],
    form: str,
    elide: bool = False,
    between: str | None = None,
) -> str:
    """∂C/∂θ, or ∂²C/∂θ∂η, = the sum of products, each of groups of factors; elided where it is long on request.

    between : what stands between the products in the place of a plus.
    """
    style = _style(form)
    between = between or style.plus
    left = write(chain, gradient(*(p.symbol for p in wrt)), form)
    ends = (products[:2], products[-2:]) if elide and len(products) > SHOWN_TERMS else (products,)
    alone = len(products) == 1
    parts = [between.join(grouped(chain, rows, form, elide, alone) for rows in end) for end in ends]
    body = left + style.equals + style.elided(parts, between)
    return math_element(f"<mrow>{body}</mrow>") if form == "mathml" else body


def _style(form: str) -> Any:
    """The marks of a form; raises UnknownName."""
    if not isinstance(form, str) or form not in CHAIN_FORMS:
        raise unknown_name("target", form, CHAIN_FORMS)
    return CHAIN_FORMS[form]


def grouped(chain: Chain, rows: Sequence[Row], form: str, elide: bool, alone: bool = False) -> str:
    """The groups of a product, those of several factors in brackets; the one group of a product alone without."""
    style = CHAIN_FORMS[form]
    made = []
    for places, factors in rows:
        body = product(chain, places, factors, form, elide)
        bare = len(places) == 1 or (alone and len(rows) == 1)
        made.append(body if bare else style.bracketed(body))
    return style.times.join(made)


def product(chain: Chain, places: Sequence[Factor], factors: Sequence[Expr], form: str, elide: bool = False) -> str:
    """Factors and the places where they stand, a weight and the φ' behind it written as one link."""
    style = CHAIN_FORMS[form]
    if elide and len(factors) > LONG:
        # five from either end, or four, so that every weight stays beside its φ'
        ends = (slice(None, 5 - (places[4].kind == "weight")), slice(-5 + (places[-5].kind == "prime"), None))
        return style.elided((product(chain, places[end], factors[end], form) for end in ends), style.times)
    made: list[str] = []
    before = ""
    for place, factor in zip(places, factors, strict=True):
        text = written(chain, place, factor, form)
        if (before, place.kind) == ("weight", "prime"):
            made[-1] += style.within + text
        else:
            made.append(text)
        before = place.kind
    return style.times.join(made)


def written(chain: Chain, place: Factor, factor: Expr, form: str) -> str:
    """One factor in one form: a sum or a negative one in brackets, and a residual link as 1 + w_l φ'(z_l)."""
    style = CHAIN_FORMS[form]
    if place.kind == "link" and factor == symbol_of(chain, place):
        link = [write(chain, symbol_of(chain, Factor(kind, place.layer)), form) for kind in ("weight", "prime")]
        return style.bracketed(style.number("1") + style.plus + style.within.join(link))
    text = write(chain, factor, form)
    atomic = factor.is_Symbol or factor.is_Function or (factor.is_number and factor.is_nonnegative)
    return text if atomic else style.bracketed(text)


def step(chain: Chain, one: Step, form: str = "unicode") -> str:
    """One line: name, equation, reason; raises UnknownName."""
    style = _style(form)
    of_kind("step", one, Step, "one of the derivation's steps")
    factors = one.right.args if one.right.is_Mul else (one.right,)
    right = style.times.join(expression(chain, f, form) for f in sorted(factors, key=_rank))
    reason = re.sub(r"_([0-9]+)", lambda index: lowered(index[1]), one.reason) if form == "unicode" else one.reason
    return f"{one.name}: {write(chain, one.left, form)}{style.equals}{right}    ({reason})"


def expression(chain: Chain, factor: Expr, form: str) -> str:
    """A single expression in the chain's symbols, a residual link as 1 + w_l φ'(z_l)."""
    primes = factor.atoms(PhiPrime) if factor.is_Add else ()
    layer = layer_of(next(iter(primes)).args[1]) if len(primes) == 1 else 0
    return written(chain, Factor("link" if layer else "other", layer), factor, form)


def _rank(factor: Any) -> int:
    """Where a factor stands in a step: weights, then φ', then δ, and ∂C/∂a last."""
    order = {"CostSlope": 3, "Gradient": 3, "delta": 2, "PhiPrime": 1}
    return order.get(str(getattr(factor, "name", type(factor).__name__)).partition("_")[0], 0)
