"""How a written form sets marks, sums, fractions and transposes: Unicode and ASCII text; LaTeX and MathML in markup."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from chainderiv.functions.activation import Activation
from chainderiv.symbolic.notation.naming import NAMES

_RAISED = dict(zip("0123456789+-lL", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ˡᴸ", strict=True))
_LOWERED = dict(zip("0123456789+-,ijklmp", "₀₁₂₃₄₅₆₇₈₉₊₋,ᵢⱼₖₗₘₚ", strict=True))
GREEK = {"delta": "δ", "phi": "φ"}


@dataclass(frozen=True)
class Form:
    """One written form; every method takes parts that are written already and returns what is written of them.

    times, within : what stands between factors, and between those of a sum.
    """

    times: str = " · "
    within: str = " "
    plus: str = " + "
    minus: str = " - "
    sign: str = "-"
    equals: str = " = "
    dots: str = "⋯"

    linear: ClassVar[bool] = True  # whether a fraction stands on one line and needs brackets

    def inside_sum(self) -> Form:
        """The same form with factors closer together."""
        return replace(self, times=self.within)

    def letter(self, name: str) -> str:
        """A name of one symbol."""
        return GREEK.get(name, name)

    def number(self, text: str) -> str:
        """A number."""
        return text

    def neuron(self, activation: Activation) -> str:
        """The name of an activation."""
        return NAMES["unicode"](activation)

    def marked(self, name: str, above: str, below: str) -> str:
        """A symbol with its layer above and its indices below, either of which may be empty."""
        raised = "".join(_RAISED.get(c, "") for c in above)
        lowered = "".join(_LOWERED.get(c, "") for c in below)
        # a letter that Unicode cannot raise or lower leaves the whole mark on the line
        high = raised if len(raised) == len(above) else f"^{above}"
        low = lowered if len(lowered) == len(below) else f"_{below}"
        return self.letter(name) + high + low

    def applied(self, function: str, argument: str) -> str:
        """f(u)."""
        return f"{function}({argument})"

    def primed(self, function: str) -> str:
        """f'."""
        return f"{function}'"

    def partial(self, above: str, below: str) -> str:
        """∂u/∂v."""
        return f"∂{above}/∂{below}"

    def fraction(self, above: str, below: str) -> str:
        """u/v, both in the brackets that they need."""
        return f"{above}/{below}"

    def power(self, base: str, exponent: str) -> str:
        """u to the n."""
        raised = "".join(_RAISED.get(c, "") for c in exponent)
        return base + (raised if len(raised) == len(exponent) else f"^{exponent}")

    def sum(self, index: str, upper: str, body: str) -> str:
        """The sum over an index from 1."""
        return f"∑{_LOWERED[index]} {body}"

    def bracketed(self, body: str) -> str:
        """(u)."""
        return f"({body})"

    def transposed(self, matrix: str) -> str:
        """The transpose of a matrix that stands in brackets or needs none."""
        return f"{matrix}ᵀ"

    def slope(self) -> str:
        """∇_a C, the column of all ∂C/∂a^L_k."""
        return "∇ₐC"

    def diagonal(self, z: str) -> str:
        """Σ'(z^l)."""
        return f"Σ'({z})"

    def plain(self, text: str) -> str:
        """Words between formulas."""
        return text


@dataclass(frozen=True)
class Unicode(Form):
    """Nielsen's indices as real superscripts and subscripts."""


@dataclass(frozen=True)
class Text(Form):
    """ASCII: z^(l+1)_k."""

    times: str = " * "
    dots: str = "..."

    def letter(self, name: str) -> str:
        """A name of one symbol."""
        return name

    def neuron(self, activation: Activation) -> str:
        """The name of an activation."""
        return NAMES["text"](activation)

    def marked(self, name: str, above: str, below: str) -> str:
        """A symbol with its layer above and its indices below."""
        high = f"^({above})" if len(above) > 1 and not above.isdigit() else f"^{above}" * bool(above)
        return name + high + (f"_{below}" if below.isalnum() or "," in below else f"_({below})" * bool(below))

    def partial(self, above: str, below: str) -> str:
        """du/dv."""
        return f"d{above}/d{below}"

    def power(self, base: str, exponent: str) -> str:
        """u^n."""
        return f"{base}^{exponent}"

    def sum(self, index: str, upper: str, body: str) -> str:
        """The sum over an index from 1."""
        return f"sum_{index} {body}"

    def transposed(self, matrix: str) -> str:
        """The transpose."""
        return f"{matrix}^T"

    def slope(self) -> str:
        """The column of all dC/da^L_k."""
        return "grad_a C"

    def diagonal(self, z: str) -> str:
        """Sigma'(z^l)."""
        return f"Sigma'({z})"

    def plain(self, text: str) -> str:
        """Words between formulas."""
        for sign, word in {"∂": "d", "δ": "delta", "∑": "sum", "…": "...", "φ": "phi"}.items():
            text = text.replace(sign, word)
        return text
