"""Equations in index or matrix form as lines: one, a step with its reason, or a block of them with their names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chainderiv.symbolic.notation.forms import FORMS, Form, math_element
from chainderiv.symbolic.notation.writer import Writer
from chainderiv.symbolic.steps import Step
from chainderiv.symbols import Expr

_SIGNS = {"φ": r"\varphi", "δ": r"\delta", "…": r"\dots"}


def equation(writer: Writer, left: Expr, right: Expr) -> str:
    """left = right."""
    return writer.write(left) + writer.form.equals + writer.write(right)


def step(writer: Writer, one: Step) -> str:
    """One line: name, equation, reason."""
    return named(writer.form, one.name, equation(writer, one.left, one.right), one.reason)


def named(form: Form, name: str, written: str, reason: str) -> str:
    """A name, an equation that is written, and the reason for it."""
    plain = form.plain
    return f"{plain(f'{name}: ')}{written}{plain('    (')}{_reason(form, reason)}{plain(')')}"


def block(writer: Writer, *tables: Mapping[str, tuple[Expr, Expr]]) -> str:
    """Named equations, a line each."""
    rows = [(name, *map(writer.write, sides)) for table in tables for name, sides in table.items()]
    if writer.form.markup == "latex":
        lines = [rf"&\text{{{name}}} & {left} &= {right}" for name, left, right in rows]
        return "\\begin{alignedat}{2}\n" + " \\\\\n".join(lines) + "\n\\end{alignedat}"
    equals = writer.form.equals
    if writer.form.markup == "mathml":
        cells = "".join(
            f"<mtr><mtd><mtext>{name}</mtext></mtd>"
            f"<mtd style='text-align:left'><mrow>{left}{equals}{right}</mrow></mtd></mtr>"
            for name, left, right in rows
        )
        return math_element(f"<mtable displaystyle='true'>{cells}</mtable>")
    return "\n".join(f"{name}: {left}{equals}{right}" for name, left, right in rows)


def _reason(given: Form, text: str) -> str:
    """A reason with its z^{l+1}_k set as the form sets them."""
    form = FORMS["unicode"] if given.markup == "mathml" else given

    def set_marks(found: re.Match[str]) -> str:
        name = {"δ": "delta"}.get(found[2], found[2])
        marked = form.marked(name, found[3] or "", found[4] or "")
        if form.markup != "latex":
            return found[1] + marked
        return f"${form.partial(marked) if found[1] else marked}$"

    marks = r"(∂?)(?<![A-Za-z])([A-Za-zδ∑])(?=[\^_])(?:\^\{([^}]*)\})?(?:_(\w+))?"
    written = re.sub(marks, set_marks, text)
    if form.markup == "latex":
        written = re.sub("∂([A-Za-z])", lambda found: f"${form.partial(found[1])}$", written)
        written = re.sub("[φδ…]", lambda found: f"${_SIGNS[found[0]]}$", written)
    return given.plain(written)
