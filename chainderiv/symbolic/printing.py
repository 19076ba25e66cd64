"""Derivation -> Unicode, ASCII text, LaTeX, MathML and a NumPy program.

Each form is a SymPy printer that knows our symbols; a derivation is printed factor by factor, so that depth costs
length and never recursion.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sympy.printing.latex import LatexPrinter
from sympy.printing.mathml import MathMLPresentationPrinter
from sympy.printing.str import StrPrinter

from chainderiv.errors import unknown_name
from chainderiv.symbolic import program
from chainderiv.symbols import layer_of

if TYPE_CHECKING:
    from chainderiv.symbolic.chain import Chain
    from chainderiv.symbolic.derivation import Comparison, Derivation, Step

ELIDE_ABOVE = 24  # layers; a longer product is elided where it is shown rather than asked for
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class _Unicode(StrPrinter):
    name_at: Callable[[int], str]

    def _print_Symbol(self, expr: Any) -> str:
        stem, _, index = expr.name.partition("_")
        return str({"delta": "δ"}.get(stem, stem) + index.translate(_SUBSCRIPTS))

    def _print_PhiPrime(self, expr: Any) -> str:
        return f"{self.name_at(layer_of(expr.args[1]))}'({self._print(expr.args[1])})"

    def _print_Mul(self, expr: Any) -> str:
        return re.sub(r"(?<!\*)\*(?!\*)", "·", super()._print_Mul(expr))

    def _print_CostSlope(self, expr: Any) -> str:
        return f"∂C/∂{self._print(expr.args[1])}"

    def _print_Gradient(self, expr: Any) -> str:
        return f"∂C/∂{self._print(expr.args[0])}"


class _Text(_Unicode):
    def _print_Mul(self, expr: Any) -> str:
        return str(StrPrinter._print_Mul(self, expr))

    def _print_Symbol(self, expr: Any) -> str:
        return str(expr.name).replace("_", "")

    def _print_CostSlope(self, expr: Any) -> str:
        return f"dC/d{self._print(expr.args[1])}"

    def _print_Gradient(self, expr: Any) -> str:
        return f"dC/d{self._print(expr.args[0])}"


class _Latex(LatexPrinter):
    name_at: Callable[[int], str]

    def _print_PhiPrime(self, expr: Any, exp: Any = None) -> str:
        body = f"{self.name_at(layer_of(expr.args[1]))}'({self._print(expr.args[1])})"
        return body if exp is None else f"{{{body}}}^{{{exp}}}"

    def _print_CostSlope(self, expr: Any, exp: Any = None) -> str:
        return self._fraction(expr.args[1], exp)

    def _print_Gradient(self, expr: Any, exp: Any = None) -> str:
        return self._fraction(expr.args[0], exp)

    def _fraction(self, below: Any, exp: Any) -> str:
        fraction = rf"\frac{{\partial C}}{{\partial {self._print(below)}}}"
        return fraction if exp is None else rf"\left({fraction}\right)^{{{exp}}}"


class _MathML(MathMLPresentationPrinter):
    name_at: Callable[[int], str]

    def _print_PhiPrime(self, expr: Any) -> Any:
        primed = self._text("mi", f"{self.name_at(layer_of(expr.args[1]))}′")
        left, right = (self._text("mo", bracket) for bracket in "()")
        return self._element("mrow", primed, left, self._print(expr.args[1]), right)

    def _print_CostSlope(self, expr: Any) -> Any:
        return self._fraction(expr.args[1])

    def _print_Gradient(self, expr: Any) -> Any:
        return self._fraction(expr.args[0])

    def _fraction(self, below: Any) -> Any:
        above = self._element("mrow", self._text("mo", "∂"), self._text("mi", "C"))
        return self._element("mfrac", above, self._element("mrow", self._text("mo", "∂"), self._print(below)))

    def _text(self, tag: str, text: str) -> Any:
        return self._element(tag, self.dom.createTextNode(text))

    def _element(self, tag: str, *children: Any) -> Any:
        element = self.dom.createElement(tag)
        for child in children:
            element.appendChild(child)
        return element


@dataclass(frozen=True)
class Style:
    """How one form writes an expression, and what stands between factors."""

    write: Callable[[Chain, Any], str]
    times: str
    within: str
    equals: str
    dots: str
    brackets: tuple[str, str]


def _writer(printer: type[Any], name_of: str) -> Callable[[Chain, Any], str]:
    plain = _latex_name if name_of == "latex" else str

    def write(chain: Chain, expression: Any) -> str:
        made = printer()
        # by layer and not by name: two activations may share a name
        made.name_at = lambda layer: getattr(chain.activation(layer), name_of) or plain(chain.activation(layer).name)
        return str(made.doprint(expression))

    return write


def _latex_name(name: str) -> str:
    escaped = "".join(rf"\{c}" if c in "_&%$#{}" else c for c in name if c not in "\\^~")
    return rf"\operatorname{{{escaped}}}"


def _write_mathml(chain: Chain, expression: Any) -> str:
    printer = _MathML()
    # SymPy's text nodes are raw: a name with markup in it would become markup
    printer.name_at = lambda layer: html.escape(chain.activation(layer).symbol or chain.activation(layer).name)
    # an entity that HTML knows and XML does not
    return str(printer._print(expression).toxml()).replace("&InvisibleTimes;", "&#x2062;")


STYLES: dict[str, Style] = {
    "unicode": Style(_writer(_Unicode, "symbol"), " · ", " ", " = ", "⋯", ("(", ")")),
    "text": Style(_writer(_Text, "name"), " * ", " ", " = ", "...", ("(", ")")),
    "latex": Style(_writer(_Latex, "latex"), r" \cdot ", r" \, ", " = ", r"\cdots", (r"\left(", r"\right)")),
    "mathml": Style(
        _write_mathml, "<mo>·</mo>", "<mspace width='0.2em'/>", "<mo>=</mo>", "<mo>⋯</mo>", ("<mo>(</mo>", "<mo>)</mo>")
    ),
}
TARGETS: dict[str, Callable[[Derivation], str]] = {
    "unicode": lambda d: equation(d, "unicode"),
    "text": lambda d: equation(d, "text"),
    "latex": lambda d: equation(d, "latex"),
    "mathml": lambda d: mathml(d),
    "numpy": program.numpy_program,
}


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
    body = equation(derivation, "mathml", elide)
    return f"<math xmlns='http://www.w3.org/1998/Math/MathML' display='block'><mrow>{body}</mrow></math>"


def equation(derivation: Derivation, form: str, elide: bool = False) -> str:
    """∂C/∂θ = the product of the factors; a long one is elided in its middle on request."""
    from chainderiv.symbols import gradient

    style = STYLES[form]
    left = style.write(derivation.chain, gradient(derivation.wrt.symbol))
    return left + style.equals + product(derivation, range(len(derivation.factors)), style, elide)


def product(derivation: Derivation, indices: Sequence[int], style: Style, elide: bool = False) -> str:
    """The factors at these indices, a weight and the φ' behind it written as one link."""
    if elide and len(indices) > 2 * ELIDE_ABOVE:
        # an odd number of factors from either end keeps every weight beside its φ'
        head, tail = (product(derivation, part, style) for part in (indices[:5], indices[-5:]))
        return style.times.join([head, style.dots, tail])
    return style.times.join(_group(derivation, g, style) for g in _links(derivation, indices))


def step(chain: Chain, one: Step, form: str = "unicode") -> str:
    """One line: name, equation, reason."""
    style = STYLES[form]
    factors = one.right.args if one.right.is_Mul else (one.right,)
    order = {"CostSlope": 3, "delta": 2, "PhiPrime": 1}
    ranked = sorted(factors, key=lambda f: order.get(str(getattr(f, "name", type(f).__name__)).partition("_")[0], 0))
    right = style.times.join(style.write(chain, f) for f in ranked)
    reason = re.sub(r"_[0-9]+", _subscript, one.reason) if form == "unicode" else one.reason
    return f"{one.name}: {style.write(chain, one.left)}{style.equals}{right}    ({reason})"


def _subscript(index: re.Match[str]) -> str:
    return index[0].removeprefix("_").translate(_SUBSCRIPTS)


def comparison(both: Comparison, form: str = "unicode") -> str:
    """∂C/∂b_j = [ what stands between ] · ∂C/∂b_k."""
    from chainderiv.symbols import gradient

    style, chain = STYLES[form], both.first.chain
    left, right = (style.write(chain, gradient(d.wrt.symbol)) for d in (both.first, both.second))
    between = product(both.first, range(len(both.between)), style, elide=form == "unicode")
    return f"{left}{style.equals}[ {between} ]{style.times}{right}"


def _links(derivation: Derivation, indices: Sequence[int]) -> list[tuple[int, ...]]:
    places, groups, i = derivation.places, [], 0
    while i < len(indices):
        pair = indices[i : i + 2]
        linked = len(pair) == 2 and places[pair[0]].kind == "weight" and places[pair[1]].kind == "prime"
        groups.append(tuple(pair) if linked else (indices[i],))
        i += len(groups[-1])
    return groups


def _group(derivation: Derivation, group: tuple[int, ...], style: Style) -> str:
    return style.within.join(_bracketed(derivation, derivation.factors[i], style) for i in group)


def _bracketed(derivation: Derivation, factor: Any, style: Style) -> str:
    written = style.write(derivation.chain, factor)
    atomic = factor.is_Symbol or factor.is_Function or (factor.is_number and factor.is_nonnegative)
    needs = not atomic
    return style.brackets[0] + written + style.brackets[1] if needs else written
