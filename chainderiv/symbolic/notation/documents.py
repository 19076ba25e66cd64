"""What stands around equations: nothing, Markdown's dollars, a <math> element, or a whole LaTeX document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from chainderiv.symbolic.notation.forms import math_element
from chainderiv.symbolic.notation.layout import ALIGNED, LEAD, Rows, aligned, body
from chainderiv.symbolic.notation.measure import width
from chainderiv.symbolic.notation.where import Said
from chainderiv.symbolic.style import PAGE, Style

WHERE, APART = r"\text{where}\quad", r",\quad "


def framed(lines: Rows, where: Sequence[Sequence[Said]], target: str, style: Style) -> str:
    """The rows of an equation, and lines of what its symbols are, as the target has them."""
    if target == "mathml":
        return math_element(f"<mrow>{lines[0][1]}</mrow>")
    if target not in ("latex", "markdown"):
        said = ["; ".join(item.whole for item in items) for items in where]
        return "\n".join([lines[0][1], *(f"{'     ' if k else 'where'} {line}" for k, line in enumerate(said))])
    whole = lines + _packed(where, style.width, max(width(left) for left, _ in lines))
    if style.standalone:
        return document(displayed(whole), style.width)
    return in_dollars(aligned(whole)) if target == "markdown" else aligned(whole)


def _packed(where: Sequence[Sequence[Said]], limit: float | None, column: float) -> Rows:
    """The lines of a where-block, broken between equations, and within one that is wider than the limit."""
    room = inf if limit is None else limit - max(column, width(WHERE)) - ALIGNED
    made: list[str] = []
    for items in where:
        line = ""
        for item in items:
            joined = line + APART + item.whole if line else item.whole
            if width(joined) <= room:
                line = joined
                continue
            made += [line] if line else []
            *before, line = [item.whole] if width(item.whole) <= room else list(_broken(item, room))
            made += before
        made.append(line)
    return [(WHERE if not k else "", r"\," + line) for k, line in enumerate(made)]


def _broken(item: Said, room: float) -> Iterator[str]:
    """An equation over several lines: a branch, and in it a term, that does not fit begins one."""
    for first, *rest in item.branches or [(item.whole,)]:
        line = first
        for part in (_small(part, room) for part in rest):
            if width(line + part) > room:
                yield line
                line = LEAD + part  # whose sign has something empty before it
            else:
                line += part
        yield line


def _small(part: str, room: float) -> str:
    """A term, in small letters where no line holds it otherwise."""
    return part if width(LEAD + part) <= room else rf"{{\scriptstyle {part}}}"


def in_dollars(latex: str) -> str:
    """A displayed formula in Markdown."""
    return f"$$\n{latex}\n$$"


def displayed(lines: Rows) -> str:
    """The rows as a display; those of several may part at the end of a page."""
    name, text = ("equation*", aligned(lines)) if len(lines) == 1 else ("align*", body(lines))
    return f"\\begin{{{name}}}\n{text}\n\\end{{{name}}}"


def document(display: str, limit: float | None = PAGE) -> str:
    """A whole document that pdflatex takes, of lines as wide as the limit."""
    wide = "" if limit in (None, PAGE) else f"\\setlength{{\\textwidth}}{{{limit:g}pt}}\n"
    return (
        "\\documentclass{article}\n\\usepackage[utf8]{inputenc}\n\\usepackage{amsmath}\n\\allowdisplaybreaks\n"
        f"{wide}\\begin{{document}}\n{display}\n\\end{{document}}"
    )
