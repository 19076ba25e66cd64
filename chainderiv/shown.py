"""How a result shows itself: lines and a table, as text where it is printed and as HTML where it is displayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

# a notebook's own colours stand: what is dark there stays dark
CELL = "text-align:left;vertical-align:top;white-space:pre-wrap"


@dataclass(frozen=True)
class Shown:
    """Lines before, a table, lines behind.

    Attributes
    ----------
    header : the names of the columns; where there are none, a row is a line of what and how much.

    Examples
    --------
    >>> shown = Shown(("two layers:",), ("layer", "link"), (("1", "< 1/4"), ("12", "25")), ("that is all",))
    >>> print(shown.text())
    two layers:
    layer  link
    -----  -----
    1      < 1/4
    12     25
    that is all
    >>> "<td" in shown.html(), "&lt; 1/4" in shown.html()
    (True, True)
    >>> print(Shown(rows=(("links:", "3"),)).text())
      links: 3
    """

    before: Sequence[str] = ()
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    after: Sequence[str] = ()

    def text(self, write: Callable[[str], str] = str) -> str:
        """As it is printed; write turns each piece into what the reader's terminal takes, before columns are set."""
        rows = [[write(cell) for cell in row] for row in self.rows]
        if self.header:
            middle = [table([write(name) for name in self.header], rows)]
        else:
            middle = [f"  {' '.join(filter(None, row))}" for row in rows]
        return "\n".join([*map(write, self.before), *middle, *map(write, self.after)])

    def html(self) -> str:
        """The same as HTML that fetches nothing, runs nothing and takes the page's own colours."""
        before, after = ("".join(f"<div>{escape(line)}</div>" for line in lines) for lines in (self.before, self.after))
        head = f"<thead>{_row('th', self.header)}</thead>" if self.header else ""
        names = self.rows if self.header else [[row[0].removesuffix(":"), *row[1:]] for row in self.rows]
        body = "".join(_row("td", row) for row in names)
        whole = f'<div style="overflow-x:auto"><table>{head}<tbody>{body}</tbody></table></div>' if body else ""
        return f"<div>{before}{whole}{after}</div>"


class Shows:
    """What has _shown() prints itself as text, and displays itself in a notebook as a table."""

    def _shown(self) -> Shown:
        raise NotImplementedError

    def __str__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns set apart by two blanks, numbers and words alike on the left."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [header, ["-" * w for w in widths], *rows]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def in_html(text: str) -> str:
    """Text as it is printed, for a notebook: the same letters in the same columns."""
    return f"<pre>{escape(text)}</pre>"


def _row(kind: str, cells: Sequence[str]) -> str:
    opening = f'<{kind} style="{CELL}">'
    return f"<tr>{''.join(f'{opening}{escape(cell)}</{kind}>' for cell in cells)}</tr>"
