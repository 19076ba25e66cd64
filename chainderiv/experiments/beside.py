"""Every published figure beside what was measured over the seeds, and tables of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, repeat

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.view.networks.lines import BAND, BAND_SAID
from chainderiv.wording import number, span

MIDDLE_AND_BAND = ("median", f"{BAND_SAID} of the seeds")


@dataclass(frozen=True)
class Table:
    """A table of the page, its caption above it; '' or the line that it is folded under.

    rows : of each row the cells: text, or whether something holds; None is a dash.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str | bool | None]]
    caption: str
    folded: str = ""


@dataclass(frozen=True, eq=False)
class Beside:
    """One quantity, in words: the published figure of a single run, or None, and what was measured, shape (seeds,).

    hidden, layer : of a network with so many hidden layers, of which one; 0: of none.
    """

    hidden: int
    layer: int
    what: str
    published: float | None
    measured: Floats

    @property
    def band(self) -> tuple[float, float, float]:
        """5 %, median and 95 % of the seeds."""
        low, middle, high = np.quantile(self.measured, BAND)
        return float(low), float(middle), float(high)

    @property
    def inside(self) -> bool | None:
        """Whether the published figure lies in the band; None without one."""
        low, _, high = self.band
        return None if self.published is None else bool(low <= self.published <= high)


def by_layer(what: str, measured: Mapping[int, Floats], published: Mapping[int, Sequence[float]]) -> list[Beside]:
    """A row for each layer, or each pair of neighbours, of networks of several depths.

    what : in words, with {hidden}, {layer} and {above}. measured : by the number of hidden layers, shape (seeds, k).
    published : likewise, k figures.
    """
    return [
        Beside(hidden, layer, what.format(hidden=hidden, layer=layer, above=layer + 1), figure, column)
        for hidden, values in measured.items()
        for layer, figure, column in zip(count(1), published.get(hidden, repeat(None)), values.T)
    ]


def inside(rows: Sequence[Beside]) -> str:
    """How many published figures lie in the measured bands."""
    judged = [row.inside for row in rows if row.inside is not None]
    return f"{sum(judged)} of the {len(judged)} published figures lie inside the band of {BAND_SAID} of the seeds."


def middle_and_band(measured: Floats, write: Callable[[float], str] = number) -> tuple[str, str]:
    """The median, and 5 to 95 % of the seeds."""
    low, middle, high = map(float, np.quantile(measured, BAND))
    return write(middle), span(low, high, write)


def compared(
    what: str, rows: Sequence[Beside], caption: str, write: Callable[[float], str] = number, **more: Sequence[str]
) -> Table:
    """Published, median, band and whether it lies inside; then more columns by their names."""
    body = [
        (row.what, written(row.published, write), *middle_and_band(row.measured, write), row.inside, *extra)
        for row, *extra in zip(rows, *more.values(), strict=True)
    ]
    return Table((what, "published", *MIDDLE_AND_BAND, "inside?", *more), body, caption)


def written(published: float | None, write: Callable[[float], str] = number) -> str | None:
    """A published figure, where there is one."""
    return None if published is None else write(published)
