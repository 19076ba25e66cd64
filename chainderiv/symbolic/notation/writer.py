"""Writer: an expression in one form, each of our symbols by a rule of its own, and SymPy's printers around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter
from sympy.printing.mathml import MathMLPresentationPrinter
from sympy.printing.printer import Printer
from sympy.printing.str import StrPrinter

from chainderiv.functions.activation import Activation
from chainderiv.symbolic.notation.forms import Form, brackets
from chainderiv.symbols import Expr, layer_of

Rule = Callable[["Writer", Any], str]


@dataclass(frozen=True)
class Writer:
    """Writes expressions in one form."""

    form: Form
    activation: Callable[[Any], Activation | None]  # of a layer; None where it has no name of its own
    rules: Mapping[str, Rule]  # how each class is written, by its name; else as its nearest base is

    def write(self, e: Expr) -> str:
        """An expression by its rule; as SymPy writes it where it has none."""
        rule = _rule(self.rules, e)
        return around(self, e) if rule is None else rule(self, e)

    def neuron(self, at: Any) -> str:
        """The name of φ_l."""
        found = self.activation(at)
        return self.form.marked("phi", "", str(at).replace(" ", "")) if found is None else self.form.neuron(found)


class Written(sympy.Symbol):
    """What is written already."""


def _rule(rules: Mapping[str, Rule], e: Expr) -> Rule | None:
    return next((rules[kind.__name__] for kind in type(e).__mro__ if kind.__name__ in rules), None)


def _symbol(writer: Writer, e: Expr) -> str:
    stem, _, index = e.name.partition("_")
    return writer.form.marked(stem, "", index)


def _primed(writer: Writer, e: Expr) -> str:
    z, count = e.args[1], 1 if type(e).__name__ == "PhiPrime" else 2
    at = z.indices[0] if isinstance(z, sympy.Indexed) else layer_of(z)
    return writer.form.applied(writer.form.primed(writer.neuron(at), count), writer.write(z))


def _derivative(writer: Writer, *below: Expr) -> str:
    """∂C/∂θ, ∂²C/∂θ∂η or ∂²C/∂θ²."""
    form, names = writer.form, [writer.write(symbol) for symbol in dict.fromkeys(below)]
    if len(below) == 1:
        return form.fraction(form.partial(form.letter("C")), form.partial(names[0]))
    squared = names if len(names) == 2 else [form.squared(names[0])]
    return form.fraction(form.second, form.beside.join(map(form.partial, squared)))


def _ellipsis(writer: Writer) -> str:
    return r"\ldots" if writer.form.markup == "latex" else "…"


SYMBOLS: dict[str, Rule] = {
    "Symbol": _symbol,
    "Root": lambda writer, e: writer.form.number(e.digits().replace("…", _ellipsis(writer))),
    "Written": lambda _, e: str(e.name),
    "PhiPrime": _primed,
    "PhiSecond": _primed,
    "CostSlope": lambda writer, e: _derivative(writer, e.args[1]),
    "CostSecond": lambda writer, e: _derivative(writer, e.args[1], e.args[1]),
    "Quotient": lambda writer, e: writer.form.fraction(*(writer.form.partial(writer.write(u)) for u in e.args)),
    "Gradient": lambda writer, e: _derivative(writer, *e.args),
}


class _Around(Printer):
    """A printer of SymPy's that leaves our symbols to their rules."""

    writer: Writer

    def _print(self, expr: Any, **options: Any) -> Any:
        rule = _rule(SYMBOLS, expr)
        return super()._print(expr, **options) if rule is None else self._placed(rule(self.writer, expr), **options)

    def _placed(self, text: str) -> Any:
        return text


class _Text(_Around, StrPrinter):
    def _print_Mul(self, expr: Any) -> str:
        return re.sub(r"(?<!\*)\*(?!\*)", self.writer.form.star, super()._print_Mul(expr))


class _Latex(_Around, LatexPrinter):
    def _placed(self, text: str, exp: str | None = None) -> str:
        if exp is None:
            return text
        return rf"\left({text}\right)^{{{exp}}}" if "frac" in text else f"{{{text}}}^{{{exp}}}"


class _MathML(_Around, MathMLPresentationPrinter):
    def _placed(self, text: str) -> Any:
        return self.dom.createTextNode(text)  # which SymPy writes as it is

    def doprint(self, expr: Any) -> str:
        # an entity that HTML knows and XML does not
        made = str(self._print(expr).toxml()).replace("&InvisibleTimes;", "&#x2062;")
        opening, closing = brackets(made)
        return made.replace("<mo>-</mo>", "<mo>−</mo>").replace("<mo>(</mo>", opening).replace("<mo>)</mo>", closing)


def around(writer: Writer, e: Expr) -> str:
    """An expression as SymPy writes it around our symbols."""
    printer = {"latex": _Latex, "mathml": _MathML}.get(writer.form.markup, _Text)()
    printer.writer = writer
    return str(printer.doprint(e))
