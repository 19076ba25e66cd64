"""How LaTeX and MathML set marks, sums, fractions and transposes, and all four forms by name."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import ClassVar

from chainderiv.functions.activation import Activation
from chainderiv.symbolic.notation.naming import NAMES
from chainderiv.symbolic.notation.scripts import GREEK, Form, Text, Unicode

_COMMANDS = {"delta": r"\delta", "phi": r"\varphi", "∑": r"\sum", "log": r"\log", "exp": r"\exp",
             "diag": r"\operatorname{diag}"}  # fmt: skip


@dataclass(frozen=True)
class Latex(Form):
    """LaTeX, without dollar signs."""

    times: str = r" \, "
    within: str = r" \, "
    dots: str = r"\cdots"

    linear: ClassVar[bool] = False

    def letter(self, name: str) -> str:
        """A name of one symbol."""
        return _COMMANDS.get(name, name)

    def neuron(self, activation: Activation) -> str:
        """The name of an activation."""
        return NAMES["latex"](activation)

    def marked(self, name: str, above: str, below: str) -> str:
        """A symbol with its layer above and its indices below."""
        return self.letter(name) + f"^{{{above}}}" * bool(above) + f"_{{{below}}}" * bool(below)

    def applied(self, function: str, argument: str) -> str:
        """f(u)."""
        return rf"{function}\left({argument}\right)" if "frac" in argument else f"{function}({argument})"

    def partial(self, above: str, below: str) -> str:
        r"""\frac{∂u}{∂v}."""
        return rf"\frac{{\partial {above}}}{{\partial {below}}}"

    def fraction(self, above: str, below: str) -> str:
        """u over v."""
        return rf"\frac{{{above}}}{{{below}}}"

    def power(self, base: str, exponent: str) -> str:
        """u to the n."""
        return f"{{{base}}}^{{{exponent}}}"

    def sum(self, index: str, upper: str, body: str) -> str:
        """The sum over an index from 1."""
        return rf"\sum_{{{index}=1}}^{{{upper}}} {body}"

    def bracketed(self, body: str) -> str:
        """(u), as high as what stands in it."""
        return rf"\left({body}\right)"

    def transposed(self, matrix: str) -> str:
        """The transpose."""
        return rf"{matrix}^{{\mathsf{{T}}}}"

    def slope(self) -> str:
        """∇_a C."""
        return r"\nabla_{a} C"

    def diagonal(self, z: str) -> str:
        """Σ'(z^l)."""
        return rf"\Sigma'({z})"

    def plain(self, text: str) -> str:
        """Words between formulas."""
        return rf"\text{{{text}}}"


@dataclass(frozen=True)
class MathML(Form):
    """Presentation MathML, every part one element or a run of them."""

    times: str = "<mspace width='0.2em'/>"
    within: str = "<mspace width='0.2em'/>"
    plus: str = "<mo>+</mo>"
    minus: str = "<mo>−</mo>"
    sign: str = "<mo>−</mo>"
    equals: str = "<mo>=</mo>"
    dots: str = "<mo>⋯</mo>"

    linear: ClassVar[bool] = False

    def letter(self, name: str) -> str:
        """A name of one symbol."""
        return f"<mi>{GREEK.get(name, name)}</mi>"

    def number(self, text: str) -> str:
        """A number."""
        return f"<mn>{text}</mn>"

    def neuron(self, activation: Activation) -> str:
        """The name of an activation, which may hold markup of its own."""
        return f"<mi>{NAMES['mathml'](activation)}</mi>"

    def marked(self, name: str, above: str, below: str) -> str:
        """A symbol with its layer above and its indices below."""
        base, high, low = self.letter(name), f"<mi>{above}</mi>", f"<mi>{below}</mi>"
        if above and below:
            return f"<msubsup>{base}{low}{high}</msubsup>"
        if above:
            return f"<msup>{base}{high}</msup>"
        return f"<msub>{base}{low}</msub>" if below else base

    def applied(self, function: str, argument: str) -> str:
        """f(u)."""
        return function + self.bracketed(argument)

    def primed(self, function: str) -> str:
        """f'."""
        return f"<msup>{function}<mo>′</mo></msup>"

    def partial(self, above: str, below: str) -> str:
        """∂u over ∂v."""
        return self.fraction(f"<mo>∂</mo>{above}", f"<mo>∂</mo>{below}")

    def fraction(self, above: str, below: str) -> str:
        """u over v."""
        return f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>"

    def power(self, base: str, exponent: str) -> str:
        """u to the n."""
        return f"<msup><mrow>{base}</mrow><mrow>{exponent}</mrow></msup>"

    def sum(self, index: str, upper: str, body: str) -> str:
        """The sum over an index from 1."""
        under = f"<mrow><mi>{index}</mi><mo>=</mo><mn>1</mn></mrow>"
        return f"<munderover><mo>∑</mo>{under}<mrow>{upper}</mrow></munderover>{body}"

    def bracketed(self, body: str) -> str:
        """(u)."""
        return f"<mrow><mo>(</mo>{body}<mo>)</mo></mrow>"

    def transposed(self, matrix: str) -> str:
        """The transpose."""
        return f"<msup>{matrix}<mi mathvariant='sans-serif'>T</mi></msup>"

    def slope(self) -> str:
        """∇_a C."""
        return "<msub><mo>∇</mo><mi>a</mi></msub><mi>C</mi>"

    def diagonal(self, z: str) -> str:
        """Σ'(z^l)."""
        return self.applied(self.primed("<mi mathvariant='normal'>Σ</mi>"), z)

    def plain(self, text: str) -> str:
        """Words between formulas."""
        return f"<mtext>{html.escape(text)}</mtext>"


FORMS: dict[str, Form] = {"unicode": Unicode(), "text": Text(), "latex": Latex(), "mathml": MathML()}
