"""Rows of an equation that fit a line: broken before a sign, a sum's terms rather than a product's factors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from chainderiv.symbolic.notation.forms import Form
from chainderiv.symbolic.notation.measure import width

EQUALS, ALIGNED, LEAD = 13.4, 4.0, r"\quad {}"  # what = takes, what an aligned block has beside it, a continued line
Rows = list[tuple[str, str]]  # what stands left and right of the sign at which they are aligned


@dataclass(frozen=True)
class Group:
    """Factors, in brackets if they are one of several groups."""

    links: Sequence[str]
    bracketed: bool = False

    def whole(self, form: Form) -> str:
        """The group on one line."""
        body = form.times.join(self.links)
        return form.bracketed(body) if self.bracketed else body


Product = Sequence[Group]


def on_one_line(products: Sequence[Product], form: Form, between: str) -> str:
    """The sum of products as it stands."""
    return between.join(form.times.join(group.whole(form) for group in groups) for groups in products)


def rows(left: str, products: Sequence[Product], form: Form, limit: float | None, column: float = 0.0) -> Rows:
    """left = the sum of products in rows no wider than a limit in pt, left in a column at least so wide."""
    room = inf if limit is None else limit - max(column, width(left)) - EQUALS - ALIGNED
    lines = [""]
    used = 0.0

    def place(sign: str, text: str, needs: float) -> None:
        nonlocal used
        taken = width(sign) + width(text)
        if lines[-1] and used + max(needs, taken) > room:
            # an operator that begins a line has something empty before it
            lines.append(LEAD + sign.rstrip() + " " + text)
            used = width(LEAD) + taken
        else:
            lines[-1] += sign + text
            used += taken

    for number, groups in enumerate(products):
        for k, (sign, text) in enumerate(_pieces(groups, form, room - width(LEAD))):
            first = number and not k
            # a term that fits a line of its own is not broken
            needs = _width_of(groups, form, room) if first else 0.0
            place(form.plus if first else sign, text, needs)
    return [(left, form.equals.lstrip() + lines[0]), *(("", line) for line in lines[1:])]


def _width_of(groups: Product, form: Form, room: float) -> float:
    """The width of a term, if a line holds it."""
    total = width(form.plus) + sum(width(form.times) + width(group.whole(form)) for group in groups)
    return total if total <= room - width(LEAD) else 0.0


def _pieces(groups: Product, form: Form, room: float) -> Iterator[tuple[str, str]]:
    """(sign before it, text) for each part that stays on one line."""
    for number, group in enumerate(groups):
        before = form.times if number else ""
        if group.bracketed and (len(group.links) == 1 or width(whole := group.whole(form)) <= room):
            yield before, whole if len(group.links) > 1 else group.whole(form)
            continue
        size = "Big" if any(r"\frac" in link for link in group.links) else "big"
        opening, closing = (rf"\{size}l(", rf"\{size}r)") if group.bracketed else ("", "")
        last = len(group.links) - 1
        for k, link in enumerate(group.links):
            yield (form.times if k else before), opening * (not k) + link + closing * (k == last)


def aligned(lines: Rows) -> str:
    """The rows as one block, or the one row as it is."""
    if len(lines) == 1:
        return " ".join(filter(None, lines[0]))
    return "\\begin{aligned}\n" + body(lines) + "\n\\end{aligned}"


def body(lines: Rows) -> str:
    """The rows with & where they are aligned."""
    return " \\\\\n".join(f"{left} &{right}" if left else f"&{right}" for left, right in lines)
