"""Pen: the factors of a product written in one form, weights beside their φ', and a run of links as it is asked for.

A gradient is written factor by factor, so that depth costs length and never recursion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from chainderiv.errors import unknown_name
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.factor import Factor, symbol_of
from chainderiv.symbolic.notation.forms import CHAIN_FORMS, LONG, Form
from chainderiv.symbolic.notation.measure import width
from chainderiv.symbolic.notation.names import layer_names, with_symbols
from chainderiv.symbolic.notation.spelling import of_neuron, spelled
from chainderiv.symbolic.notation.writer import SYMBOLS, Writer
from chainderiv.symbolic.style import PLAIN, Style
from chainderiv.symbols import Expr, pre_activation

Row = tuple[Sequence[Factor], Sequence[Expr] | None]  # places, and what stands there, None for what was derived
FEWEST = {"product": 2, "elided": 3, "factors": inf}  # links that are drawn together
INDENT = 30.0  # pt: a continued line begins with a blank and a sign


@dataclass(frozen=True)
class Pen:
    """Writes a chain's factors."""

    chain: Chain
    writer: Writer
    style: Style = PLAIN
    layers: dict[str, str] = field(default_factory=dict)  # the names of layers that have another

    @property
    def form(self) -> Form:
        """The written form."""
        return self.writer.form

    def write(self, expression: Expr) -> str:
        """An expression as it stands."""
        return self.writer.write(expression)

    def row(self, places: Sequence[Factor], factors: Sequence[Expr] | None, elide: bool = False) -> list[str]:
        """Factors and the places where they stand, a weight and the φ' behind it written as one link."""
        if elide and len(places) > LONG and self.style.form == "factors":
            # five from either end, or four, so that every weight stays beside its φ'
            ends = (slice(None, 5 - (places[4].kind == "weight")), slice(-5 + (places[-5].kind == "prime"), None))
            first, last = (self.row(places[end], None if factors is None else factors[end]) for end in ends)
            return [*first, self.form.dots, *last]
        made: list[str] = []
        run: list[tuple[int, list[int]]] = []
        for layer, indices in [*_links(places, factors, self.chain), (0, [])]:
            if not layer:
                made += self._together(run, places, factors)
                run = []
                made += [text] if (text := self._link(indices, places, factors)) else []
            else:
                run.append((layer, indices))
        return made

    def _together(self, run: list[Any], places: Sequence[Factor], factors: Sequence[Expr] | None) -> list[str]:
        """Links of neighbouring layers: each, or as one product, or the first and the last."""
        if len(run) < FEWEST[self.style.form]:
            return [text for _, indices in run if (text := self._link(indices, places, factors))]
        if self.style.form == "product":
            return [self._product(run[0][0], run[-1][0])]
        parts = [self._link(run[0][1], places, factors), self.form.dots, self._link(run[-1][1], places, factors)]
        together = self.form.within.join(parts)
        return [together] if self.fits(together) else parts

    def _link(self, indices: list[int], places: Sequence[Factor], factors: Sequence[Expr] | None) -> str:
        texts = [self.written(places[k], None if factors is None else factors[k]) for k in indices]
        return self.form.within.join(filter(None, texts))

    def _product(self, first: int, last: int) -> str:
        """∏ w_l φ'(z_l) of the layers from first to last; φ_l' where they differ."""
        form, chain = self.form, self.chain
        link = form.within.join(filter(None, [form.marked("w", "", "l"), self.prime_of_l(first, last)]))
        body = self._one_plus(link) if chain.residual else form.bracketed(link)
        return form.product("l", self.index(first), self.index(last), body)

    def prime_of_l(self, first: int, last: int) -> str:
        """φ'(z_l), or φ_l'(z_l) where the layers from first to last differ."""
        form, z = self.form, pre_activation("l")
        alike = len(self.chain.activations) == 1 or len(set(self.chain.activations[first - 1 : last])) == 1
        name = form.neuron(self.chain.activation(first)) if alike else self.name_of_l()
        if alike and self.style.spelled:
            written = of_neuron(self.writer, self.chain.activation(first), name, z)
            if self.fits(written):
                return written
        return form.applied(form.primed(name, 1), self.write(z))

    def name_of_l(self) -> str:
        """φ_l."""
        return self.form.marked("phi", "", "l")

    def index(self, layer: int) -> str:
        """A layer's number, or what stands for it."""
        return self.layers.get(str(layer), str(layer))

    def written(self, place: Factor, factor: Any = None) -> str:
        """One factor: a sum or a negative one in brackets, and a residual link as 1 + w_l φ'(z_l)."""
        derived: Expr = factor if place.kind == "other" else symbol_of(self.chain, place)
        factor = derived if factor is None else factor
        if factor == derived and place.kind == "link":
            link = [self.written(Factor(kind, place.layer)) for kind in ("weight", "prime")]
            return self.form.bracketed(
                self.form.number("1") + self.form.plus + self.form.within.join(filter(None, link))
            )
        if self.style.spelled and factor == derived and place.kind in ("prime", "curve", "slope", "bend"):
            text = spelled(self.writer, self.chain, place)
            if self.fits(text):
                return text
        text = self.write(factor)
        atomic = factor.is_Symbol or factor.is_Function or (factor.is_number and factor.is_nonnegative)
        return text if atomic else self.form.bracketed(text)

    def _one_plus(self, link: str) -> str:
        return self.form.bracketed(self.form.number("1") + self.form.plus + link)

    def fits(self, text: str) -> bool:
        """Whether a factor that is written out leaves room on a line."""
        limit = self.style.width
        return self.form.markup != "latex" or limit is None or width(text) <= (limit - INDENT) / 2


def pen(chain: Chain, form: str, style: Style = PLAIN, first: int = 2) -> Pen:
    """The pen of a form; raises UnknownName. first: the first layer whose link is a factor."""
    if not isinstance(form, str) or form not in CHAIN_FORMS:
        raise unknown_name("target", form, CHAIN_FORMS)
    stated = CHAIN_FORMS[form]
    layers = layer_names(style.names, stated, chain.depth, first)
    # one letter for several activations has the layer below it
    tied = len(chain.activations) == 1
    activation = (lambda _: None) if "phi" in style.names and not tied else chain.activation
    return Pen(chain, Writer(with_symbols(stated, style.names, layers, tied), activation, SYMBOLS), style, layers)


def _links(places: Sequence[Factor], factors: Sequence[Expr] | None, chain: Chain) -> Iterator[tuple[int, list[int]]]:
    """(layer, its indices) for each link as it was derived, and (0, indices) for what else stands in the row."""
    derived = (lambda k: True) if factors is None else (lambda k: factors[k] == symbol_of(chain, places[k]))
    k = 0
    while k < len(places):
        place, pair = places[k], k + 1 < len(places) and places[k + 1].kind == "prime" and places[k].kind == "weight"
        indices = [k, k + 1] if pair else [k]
        linked = (pair or place.kind == "link") and all(map(derived, indices))
        yield (place.layer if linked else 0), indices
        k += len(indices)
