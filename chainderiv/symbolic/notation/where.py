"""What a derivation's symbols are: the layer equations, the activations, and the cost."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import sympy

from chainderiv.functions.activation import Activation
from chainderiv.symbolic.chain import neurons
from chainderiv.symbolic.notation.pen import Pen
from chainderiv.symbolic.notation.spelling import of_neuron
from chainderiv.symbols import Expr, a, activation, normal_cdf, pre_activation, z

NORMAL = r"\Phi(t) = \frac{1}{\sqrt{2 \pi}} \int_{-\infty}^{t} e^{-s^{2}/2} \, ds"


@dataclass(frozen=True)
class Said:
    """An equation on one line; and by its branches, each in parts between which it may be broken."""

    whole: str
    branches: tuple[tuple[str, ...], ...] = ()


def where(hand: Pen, of_cost: bool) -> list[list[Said]]:
    """Lines of equations: of the layers, of each activation, and of the cost where it is asked for."""
    chain = hand.chain
    lines = [[*map(Said, _layers(hand))]]
    if len(chain.activations) > 1:
        lines.append([*map(Said, _which(hand))])
    lines += [_neuron(hand, one) for one in neurons(chain) if not _is_plain(hand, one)]
    if hand.form.markup == "latex" and any(one.formula.has(normal_cdf) for one in neurons(chain)):
        lines.append([Said(NORMAL)])
    cost = chain.cost.formula.subs(a, activation(chain.depth))
    return [*lines, [_said(hand, hand.form.letter("C"), cost)]] if of_cost else lines


def _layers(hand: Pen) -> list[str]:
    """z_l = w_l a_{l-1} + b_l, a_l = φ(z_l), l = 1, …, L, and a_0 = x."""
    form, chain, z_l = hand.form, hand.chain, hand.write(pre_activation("l"))
    before, last = form.marked("a", "", "l-1"), hand.index(chain.depth)
    total = form.marked("w", "", "l") + form.within + before + form.plus + form.marked("b", "", "l")
    name = form.neuron(chain.activation(1)) if len(chain.activations) == 1 else hand.name_of_l()
    value = form.applied(name, z_l)
    dots = r"\dots" if form.markup == "latex" else form.dots.replace("⋯", "…")
    return [
        _equal(hand, z_l, total),
        _equal(hand, form.marked("a", "", "l"), before + form.plus + value if chain.residual else value),
        f"l = 1, {dots}, {last}" if chain.depth > 1 else "l = 1",
        _equal(hand, form.marked("a", "", "0"), hand.write(activation(0))),
    ]


def _which(hand: Pen) -> list[str]:
    """φ_l of each stretch of layers."""
    chain, form, made, layer = hand.chain, hand.form, [], 1
    to = r" \leq " if form.markup == "latex" else " <= " if form.partial("") == "d" else " ≤ "
    for one, stretch in groupby(chain.activations):
        last = layer + len(list(stretch)) - 1
        layers = f"l = {hand.index(layer)}" if last == layer else f"{layer}{to}l{to}{hand.index(last)}"
        made.append(_equal(hand, hand.name_of_l(), form.neuron(one)) + form.plain(" for ") + layers)
        layer = last + 1
    return made


def _neuron(hand: Pen, one: Activation) -> list[Said]:
    """φ(z) = …, and φ'(z) = … where it was to be spelled out and is too long for its places."""
    name, u = hand.form.neuron(one), hand.write(z)
    made = [_said(hand, hand.form.applied(name, u), one.formula)]
    if hand.style.spelled and not hand.fits(of_neuron(hand.writer, one, name, pre_activation(hand.chain.depth))):
        prime = hand.form.applied(hand.form.primed(name, 1), u)
        made.append(_said(hand, prime, one.derivative))
    return made


def _is_plain(hand: Pen, one: Activation) -> bool:
    """Whether the name says it all, as tanh does, and is not one's own."""
    renamed = "phi" in hand.style.names and len(hand.chain.activations) == 1
    named = not renamed and type(one.formula).__name__ in (one.name, "atan")
    return bool(one.formula.is_Function) and one.formula.args == (z,) and named


def _said(hand: Pen, left: str, right: Expr) -> Said:
    """left = right, and by its branches."""
    whole = _equal(hand, left, hand.write(right))
    if not right.is_Piecewise:
        return Said(whole, (_in_terms(hand, left, right),))
    plain = hand.form.plain
    cases = [plain(" otherwise") if when == sympy.true else plain(" for ") + hand.write(when) for _, when in right.args]
    branches = ((*_in_terms(hand, left, value), case) for (value, _), case in zip(right.args, cases, strict=True))
    return Said(whole, tuple(branches))


def _in_terms(hand: Pen, left: str, right: Expr) -> tuple[str, ...]:
    """Left =, the first term of a sum, and the others with their signs."""
    form, (first, *rest) = hand.form, right.as_ordered_terms()
    signed = [(bool(term.as_coeff_Mul()[0].is_negative), term) for term in rest]
    more = [(form.minus + hand.write(-term)) if less else (form.plus + hand.write(term)) for less, term in signed]
    return (left + form.equals, hand.write(first), *more)


def _equal(hand: Pen, left: str, right: str) -> str:
    return left + hand.form.equals + right
