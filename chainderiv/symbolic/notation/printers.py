"""SymPy printers that know our symbols, and the four written forms: Unicode, ASCII text, LaTeX and MathML."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sympy.printing.latex import LatexPrinter
from sympy.printing.mathml import MathMLPresentationPrinter
from sympy.printing.str import StrPrinter

from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.notation.naming import NAMES
from chainderiv.symbols import layer_of

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class _Unicode(StrPrinter):
    name_at: Callable[[int], str]
    partial, squared = "∂", "²"

    def _print_Symbol(self, expr: Any) -> str:
        stem, _, index = expr.name.partition("_")
        return str({"delta": "δ"}.get(stem, stem) + index.translate(SUBSCRIPTS))

    def _print_PhiPrime(self, expr: Any) -> str:
        return f"{self.name_at(layer_of(expr.args[1]))}'({self._print(expr.args[1])})"

    def _print_PhiSecond(self, expr: Any) -> str:
        return f"{self.name_at(layer_of(expr.args[1]))}''({self._print(expr.args[1])})"

    def _print_Mul(self, expr: Any) -> str:
        return re.sub(r"(?<!\*)\*(?!\*)", "·", super()._print_Mul(expr))

    def _print_CostSlope(self, expr: Any) -> str:
        return self._fraction(expr.args[1])

    def _print_CostSecond(self, expr: Any) -> str:
        return self._fraction(expr.args[1], expr.args[1])

    def _print_Gradient(self, expr: Any) -> str:
        return self._fraction(*expr.args)

    def _fraction(self, *below: Any) -> str:
        """∂C/∂θ, ∂²C/∂θ∂η or ∂²C/∂θ²."""
        order = "" if len(below) == 1 else self.squared
        names = [self._print(symbol) for symbol in below]
        under = names[0] + order if len(set(below)) == 1 else f"{names[0]}{self.partial}{names[1]}"
        return f"{self.partial}{order}C/{self.partial}{under}"


class _Text(_Unicode):
    partial, squared = "d", "^2"

    def _print_Mul(self, expr: Any) -> str:
        return str(StrPrinter._print_Mul(self, expr))

    def _print_Symbol(self, expr: Any) -> str:
        return str(expr.name).replace("_", "")


class _Latex(LatexPrinter):
    name_at: Callable[[int], str]

    def _print_PhiPrime(self, expr: Any, exp: Any = None) -> str:
        body = f"{self.name_at(layer_of(expr.args[1]))}'({self._print(expr.args[1])})"
        return body if exp is None else f"{{{body}}}^{{{exp}}}"

    def _print_PhiSecond(self, expr: Any, exp: Any = None) -> str:
        body = f"{self.name_at(layer_of(expr.args[1]))}''({self._print(expr.args[1])})"
        return body if exp is None else f"{{{body}}}^{{{exp}}}"

    def _print_CostSlope(self, expr: Any, exp: Any = None) -> str:
        return self._fraction(exp, expr.args[1])

    def _print_CostSecond(self, expr: Any, exp: Any = None) -> str:
        return self._fraction(exp, expr.args[1], expr.args[1])

    def _print_Gradient(self, expr: Any, exp: Any = None) -> str:
        return self._fraction(exp, *expr.args)

    def _fraction(self, exp: Any, *below: Any) -> str:
        order = "" if len(below) == 1 else "^{2}"
        under = [self._print(symbol) for symbol in dict.fromkeys(below)]
        under = [under[0] + order] if len(under) == 1 and order else under
        partials = r" \, ".join(rf"\partial {name}" for name in under)
        fraction = rf"\frac{{\partial{order} C}}{{{partials}}}"
        return fraction if exp is None else rf"\left({fraction}\right)^{{{exp}}}"


class _MathML(MathMLPresentationPrinter):
    name_at: Callable[[int], str]

    def _print_PhiPrime(self, expr: Any) -> Any:
        return self._primed(expr, "′")

    def _print_PhiSecond(self, expr: Any) -> Any:
        return self._primed(expr, "″")

    def _primed(self, expr: Any, primes: str) -> Any:
        primed = self._text("mi", f"{self.name_at(layer_of(expr.args[1]))}{primes}")
        left, right = (self._text("mo", bracket) for bracket in "()")
        return self._element("mrow", primed, left, self._print(expr.args[1]), right)

    def _print_CostSlope(self, expr: Any) -> Any:
        return self._fraction(expr.args[1])

    def _print_CostSecond(self, expr: Any) -> Any:
        return self._fraction(expr.args[1], expr.args[1])

    def _print_Gradient(self, expr: Any) -> Any:
        return self._fraction(*expr.args)

    def _fraction(self, *below: Any) -> Any:
        twice = len(below) == 2
        above = self._element("mrow", self._power(self._text("mo", "∂"), twice), self._text("mi", "C"))
        names = [self._print(symbol) for symbol in dict.fromkeys(below)]
        names = [self._power(name, twice and len(names) == 1) for name in names]
        under = [part for name in names for part in (self._text("mo", "∂"), name)]
        return self._element("mfrac", above, self._element("mrow", *under))

    def _power(self, base: Any, twice: bool) -> Any:
        return self._element("msup", base, self._text("mn", "2")) if twice else base

    def _text(self, tag: str, text: str) -> Any:
        return self._element(tag, self.dom.createTextNode(text))

    def _element(self, tag: str, *children: Any) -> Any:
        element = self.dom.createElement(tag)
        for child in children:
            element.appendChild(child)
        return element


@dataclass(frozen=True)
class Style:
    """How one form writes an expression, and what stands between factors and between terms."""

    write: Callable[[Chain, Any], str]
    times: str
    within: str
    equals: str
    dots: str
    brackets: tuple[str, str]
    plus: str
    over: str


def _writer(printer: type[Any], form: str) -> Callable[[Chain, Any], str]:
    def write(chain: Chain, expression: Any) -> str:
        made = printer()
        # by layer and not by name: two activations may share a name
        made.name_at = lambda layer: NAMES[form](chain.activation(layer))
        return str(made.doprint(expression))

    return write


def _write_mathml(chain: Chain, expression: Any) -> str:
    printer = _MathML()
    # SymPy's text nodes are raw, so what stands in them must be escaped
    printer.name_at = lambda layer: NAMES["mathml"](chain.activation(layer))
    # an entity that HTML knows and XML does not
    return str(printer._print(expression).toxml()).replace("&InvisibleTimes;", "&#x2062;")


STYLES: dict[str, Style] = {
    "unicode": Style(_writer(_Unicode, "unicode"), " · ", " ", " = ", "⋯", ("(", ")"), " + ", " / "),
    "text": Style(_writer(_Text, "text"), " * ", " ", " = ", "...", ("(", ")"), " + ", " / "),
    "latex": Style(
        _writer(_Latex, "latex"), r" \cdot ", r" \, ", " = ", r"\cdots", (r"\left(", r"\right)"), " + ", r" \,/\, "
    ),
    "mathml": Style(
        _write_mathml,
        "<mo>·</mo>",
        "<mspace width='0.2em'/>",
        "<mo>=</mo>",
        "<mo>⋯</mo>",
        ("<mo>(</mo>", "<mo>)</mo>"),
        "<mo>+</mo>",
        "<mo>/</mo>",
    ),
}
