"""BP1 to BP4 in words of index and matrix form: Unicode, ASCII text, LaTeX and MathML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chainderiv.errors import unknown_name
from chainderiv.symbolic.full_width import indexed
from chainderiv.symbolic.notation.index_writer import Writer
from chainderiv.symbolic.notation.markup import FORMS
from chainderiv.symbolic.notation.scripts import Form
from chainderiv.symbols import Expr

if TYPE_CHECKING:
    from chainderiv.symbolic.full_width.layers import LayerDerivation
    from chainderiv.symbolic.steps import Step

ELIDE_ABOVE = 24  # layers; a longer product is elided where it is shown rather than asked for


def form_of(target: str) -> Form:
    """The form of that name; raises UnknownName."""
    if target not in FORMS:
        raise unknown_name("target", target, FORMS)
    return FORMS[target]


def expression(derivation: LayerDerivation, e: Expr, target: str = "unicode") -> str:
    """An expression in index or matrix form."""
    return Writer(derivation, form_of(target)).write(e)


def equation(derivation: LayerDerivation, left: Expr, right: Expr, target: str = "unicode") -> str:
    """left = right."""
    writer = Writer(derivation, form_of(target))
    return writer.write(left) + writer.form.equals + writer.write(right)


def step(derivation: LayerDerivation, one: Step, target: str = "unicode") -> str:
    """One line: name, equation, reason."""
    form = form_of(target)
    name, reason = form.plain(f"{one.name}: "), _reason(one.reason, target)
    return f"{name}{equation(derivation, one.left, one.right, target)}{form.plain('    (')}{reason}{form.plain(')')}"


def unrolled(derivation: LayerDerivation, at: int = 1, target: str = "unicode", cancel: bool = False,
             elide: bool = False) -> str:  # fmt: skip
    """δ^l = Σ'(z^l) (W^{l+1})ᵀ … Σ'(z^L) ∇_a C, elided in its middle on request."""
    writer, factors = Writer(derivation, form_of(target)), derivation.unrolled(at, cancel)
    long = elide and len(factors) > 2 * ELIDE_ABOVE
    # an even number of factors from the front, so that no Wᵀ stands apart from its Σ'
    parts = [factors[:4], factors[-4 + cancel :]] if long else [factors]
    written = [writer.form.within.join(map(writer.inner, part)) for part in parts]
    dots = f"{writer.form.within}{writer.form.dots}{writer.form.within}"
    return writer.marked("delta", at) + writer.form.equals + dots.join(written)


def index_form(derivation: LayerDerivation, target: str) -> str:
    """BP1 to BP4 in index form, a line each."""
    return _block(derivation, [derivation.equations], target)


def matrix_lines(derivation: LayerDerivation, target: str) -> str:
    """BP1 to BP4 in matrix form, a line each."""
    return _block(derivation, [derivation.matrix], target)


def legend(derivation: LayerDerivation, target: str = "unicode") -> str:
    """What Σ'(z^l) is."""
    writer = Writer(derivation, form_of(target))
    shared = derivation.output in (None, *derivation.hidden) and len(derivation.hidden) == 1
    name = writer.form.neuron(derivation.hidden[0]) if shared else writer.marked("phi", "", "l")
    z = writer.marked("z", "l")
    column = writer.form.applied(writer.form.primed(name), z)
    return f"where {writer.form.diagonal(z)} is the diagonal matrix of {column}"


def cancellation(derivation: LayerDerivation, target: str = "unicode") -> str:
    """One line: what the cost cancels at the output, and what is then δ^L_j."""
    gone = derivation.cancelled
    error = equation(derivation, indexed.delta[indexed.last, indexed.j], derivation.surviving, target)
    if gone is None:
        return f"the cost cancels nothing: {error}"
    given = derivation.hypothesis
    where = "" if given is None else f" where {equation(derivation, *given, target)}"
    return f"the cost cancels {expression(derivation, gone, target)} and no other factor: {error}{where}"


def to(derivation: LayerDerivation, target: str) -> str:
    """BP1 to BP4 in index form and in matrix form; raises UnknownName."""
    return _block(derivation, [derivation.equations, derivation.matrix], target)


def _block(derivation: LayerDerivation, tables: Sequence[dict[str, tuple[Expr, Expr]]], target: str) -> str:
    form = form_of(target)
    rows = [(name, *sides) for table in tables for name, sides in table.items()]
    writer = Writer(derivation, form)
    written = [(name, writer.write(left), writer.write(right)) for name, left, right in rows]
    if target == "latex":
        lines = [rf"&\text{{{name}}} & {left} &= {right}" for name, left, right in written]
        return "\\begin{alignedat}{2}\n" + " \\\\\n".join(lines) + "\n\\end{alignedat}"
    if target == "mathml":
        return _math_table(written)
    return "\n".join(f"{name}: {left}{form.equals}{right}" for name, left, right in written)


def _math_table(rows: Sequence[tuple[str, str, str]]) -> str:
    cells = [
        f"<mtr><mtd><mtext>{name}</mtext></mtd><mtd><mrow>{left}<mo>=</mo>{right}</mrow></mtd></mtr>"
        for name, left, right in rows
    ]
    body = "".join(cells)
    return f"<math xmlns='http://www.w3.org/1998/Math/MathML' display='block'><mtable>{body}</mtable></math>"


def _reason(text: str, target: str) -> str:
    """A reason with its z^{l+1}_k set as the form sets them."""
    form = form_of("unicode" if target == "mathml" else target)

    def set_marks(found: re.Match[str]) -> str:
        name = {"δ": "delta"}.get(found[2], found[2])
        marked = form.marked(name, found[3] or "", found[4] or "")
        if target != "latex":
            return found[1] + marked
        curl = r"\partial " if found[1] else ""
        return f"${curl}{marked}$"

    marks = r"(∂?)(?<![A-Za-z])([A-Za-zδ∑])(?=[\^_])(?:\^\{([^}]*)\})?(?:_(\w+))?"
    return form_of(target).plain(re.sub(marks, set_marks, text))
