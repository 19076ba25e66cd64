"""A chain's equations, steps and factors in the written forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainderiv.errors import unknown_name
from chainderiv.given import of_kind
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.factor import Factor
from chainderiv.symbolic.notation.documents import WHERE, framed
from chainderiv.symbolic.notation.forms import CHAIN_FORMS
from chainderiv.symbolic.notation.layout import Group, Product, Rows, on_one_line, rows
from chainderiv.symbolic.notation.lines import named
from chainderiv.symbolic.notation.measure import width
from chainderiv.symbolic.notation.pen import Pen, Row, pen
from chainderiv.symbolic.notation.where import where
from chainderiv.symbolic.steps import Step
from chainderiv.symbolic.style import PLAIN, Style
from chainderiv.symbols import Expr, PhiPrime, layer_of

SHOWN_TERMS = 6  # of a sum that is shown rather than asked for
WRITTEN_IN = {"markdown": "latex"}  # a target that is another's form in a frame of its own


def write(chain: Chain, expression: Expr, form: str = "unicode") -> str:
    """An expression in a chain's symbols as it stands."""
    return pen(chain, form).write(expression)


def equation(
    chain: Chain,
    left: Expr,
    sums: Sequence[Sequence[Sequence[Row]]],
    target: str,
    elide: bool = False,
    between: str | None = None,
    style: Style = PLAIN,
    first: int = 2,
    of_cost: bool = True,
) -> str:
    """∂C/∂θ, or ∂²C/∂θ∂η, = the sum of products, each of groups of factors; elided where it is long on request.

    sums : one such sum, or several that are equal, a line each.
    between : what stands between the products in the place of a plus.
    first : the first layer whose link is a factor.
    of_cost : whether C is in it.
    """
    form = WRITTEN_IN.get(target, target) if isinstance(target, str) else target
    hand = pen(chain, form, style, first)
    written = hand.write(left)
    sides = [_products(hand, products, elide) for products in sums]
    block = where(hand, of_cost) if style.where else []
    if hand.form.markup == "latex":
        lines: Rows = []
        for number, products in enumerate(sides):
            made = rows(written, products, hand.form, style.width, width(WHERE) if block else 0.0)
            lines += [("" if number else name, right) for name, right in made]
        return framed(lines, block, target, style)
    join = between or hand.form.plus
    body = written + "".join(hand.form.equals + on_one_line(products, hand.form, join) for products in sides)
    return framed([("", body)], block, target, style)


def _products(hand: Pen, products: Sequence[Sequence[Row]], elide: bool) -> list[Product]:
    """The products with their groups, the middle of a long sum left out."""
    alone = len(products) == 1
    if elide and len(products) > SHOWN_TERMS:
        first, last = ([_groups(hand, rows_, elide) for rows_ in end] for end in (products[:2], products[-2:]))
        return [*first, [Group([hand.form.dots])], *last]
    return [_groups(hand, rows_, elide, alone) for rows_ in products]


def _groups(hand: Pen, product_rows: Sequence[Row], elide: bool, alone: bool = False) -> Product:
    """The groups of a product, those of several factors in brackets; the one group of a product alone without."""
    bare = alone and len(product_rows) == 1
    return [
        Group(links, bracketed=not bare and len(places) > 1)
        for places, factors in product_rows
        if (links := hand.row(places, factors, elide))
    ]


def grouped(chain: Chain, product_rows: Sequence[Row], form: str, elide: bool) -> str:
    """The groups of a product on one line."""
    hand = pen(chain, form)
    return on_one_line([_groups(hand, product_rows, elide)], hand.form, "")


def product(chain: Chain, places: Sequence[Factor], factors: Sequence[Expr], form: str, elide: bool = False) -> str:
    """Factors and the places where they stand, a weight and the φ' behind it written as one link."""
    hand = pen(chain, form)
    return hand.form.times.join(hand.row(places, factors, elide))


def written(chain: Chain, place: Factor, factor: Expr, form: str) -> str:
    """One factor in one form: a sum or a negative one in brackets, and a residual link as 1 + w_l φ'(z_l)."""
    return pen(chain, form).written(place, factor)


def step(chain: Chain, one: Step, form: str = "unicode") -> str:
    """One line: name, equation, reason; raises UnknownName."""
    if not isinstance(form, str) or form not in CHAIN_FORMS:
        raise unknown_name("target", form, CHAIN_FORMS)
    style = CHAIN_FORMS[form]
    of_kind("step", one, Step, "one of the derivation's steps")
    factors = one.right.args if one.right.is_Mul else (one.right,)
    right = style.times.join(expression(chain, f, form) for f in sorted(factors, key=_rank))
    return named(style, one.name, f"{write(chain, one.left, form)}{style.equals}{right}", one.reason)


def expression(chain: Chain, factor: Expr, form: str) -> str:
    """A single expression in the chain's symbols, a residual link as 1 + w_l φ'(z_l)."""
    primes = factor.atoms(PhiPrime) if factor.is_Add else ()
    layer = layer_of(next(iter(primes)).args[1]) if len(primes) == 1 else 0
    return written(chain, Factor("link" if layer else "other", layer), factor, form)


def _rank(factor: Any) -> int:
    """Where a factor stands in a step: weights, then φ', then δ, and ∂C/∂a last."""
    order = {"CostSlope": 3, "Gradient": 3, "delta": 2, "PhiPrime": 1}
    return order.get(str(getattr(factor, "name", type(factor).__name__)).partition("_")[0], 0)
