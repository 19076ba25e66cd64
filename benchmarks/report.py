"""What was measured as text: a table of each map, and one of what is asked, a column for each kind of processor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.agreement import Agreement, agreement
from benchmarks.machine import AMD, INTEL
from benchmarks.tables import Line, Table
from benchmarks.turns import Measured, Others, Ratio, figures

QUIET, STEADY = 0.05, 0.15  # the most that others may take of the cores, and that our own times may spread


@dataclass(frozen=True)
class Row:
    """A line with what came of it; ratio : its time over ours, or ours over its; cpu_ratio : the same of CPU time.

    CPU time, of all threads together, is what other work on the machine disturbs least.
    """

    line: Line
    result: Measured
    ratio: Ratio | None
    cpu_ratio: str
    same: Agreement | None

    def __str__(self) -> str:
        if self.result.missing:
            return f"{self.line.name:<60} missing: {self.result.missing}"
        thin = f"  1/{self.line.map.thin} of the lines timed" if self.line.map.thin > 1 else ""
        ratio = "" if self.ratio is None else str(self.ratio)
        return (
            f"{self.line.name:<60}{1e3 * self.result.median:9.1f}{self.result.spread:7.0%}{1e3 * self.result.cpu:10.1f}"
            f"{self.cpu_ratio:>7}  {ratio:<20}{'' if self.same is None else self.same}{thin}"
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "peer": self.line.name,
            "missing": self.result.missing,
            "thin": self.line.map.thin,
            "seconds": self.result.seconds,
            "cpu_seconds": self.result.cpu_seconds,
            "ratio": None if self.ratio is None else asdict(self.ratio),
            "agreement": None if self.same is None else asdict(self.same) | {"same": self.same.same},
        }


HEAD = f"{'':60}{'ms':>9}{'±':>7}{'CPU ms':>10}{'ratio':>7}  {'over ours (range)':<20}|Δlog| where both hold a number"


def rows(table: Table, results: list[Measured]) -> list[Row]:
    """The lines of a table, each beside the first."""
    first = results[0]
    return [_row(line, result, first, table.lines[0]) for line, result in zip(table.lines, results, strict=True)]


def _row(line: Line, result: Measured, first: Measured, ours: Line) -> Row:
    if line is ours:
        return Row(line, result, None, "", None)
    inverse = line.asked is not None and line.asked.sense == "bound"
    above, below = (first, result) if inverse else (result, first)
    ratio = Ratio.of(above, below)
    cpu = "" if ratio is None else figures(above.cpu / below.cpu)
    judged = line.judged and not (result.missing or first.missing)
    same = agreement(first.told, result.told, line.map.thin, line.map.side) if judged else None
    return Row(line, result, ratio, cpu, same)


def docs_table(measured: Iterable[tuple[Table, list[Row]]]) -> str:
    """In Markdown, what docs/benchmarks.md has of one processor: every peer beside ours."""
    lines = ["| map | here | beside it | its time | ratio |", "|---|---|---|---|---|"]
    for table, found in measured:
        cells = f"| {table.what} | {_milliseconds(found[0])}" if not found[0].result.missing else f"| {table.what} | "
        for row in found[1:]:
            ratio = Ratio.of(row.result, found[0].result)
            if ratio is not None:
                lines.append(f"{cells} | {row.line.name} | {_milliseconds(row)} | {figures(ratio.median)} |")
                cells = "| |"
    return "\n".join(lines)


def _milliseconds(row: Row) -> str:
    milliseconds = 1e3 * row.result.median
    return f"{milliseconds:,.0f} ms" if milliseconds >= 10 else f"{figures(milliseconds)} ms"


def asked_table(measured: Iterable[tuple[Table, list[Row]]], kind: str, quiet: Quiet) -> str:
    """In Markdown: the column of this processor is filled, and judged where the machine was quiet."""
    columns = [INTEL, AMD] if kind in (INTEL, AMD) else [INTEL, AMD, kind]
    head = " | ".join(f"{c} | asked" for c in columns)
    lines = [f"| | {head} |", "|---" + "|---|---" * len(columns) + "|"]
    for table, found in measured:
        for row in found:
            if row.line.asked is not None:
                lines.append(f"| {table.what}: {row.line.asked.what} | {_cells(row, columns, kind, quiet)} |")
    return "\n".join(lines)


def _cells(row: Row, columns: list[str], kind: str, quiet: Quiet) -> str:
    asked = row.line.asked
    assert asked is not None
    cells = []
    for column in columns:
        figure = asked.on(column)
        bound = "" if figure is None else f"{'≥' if asked.sense == 'least' else '≤'} {figure:g}"
        cells += ["not measured" if column != kind else _judged(row, kind, quiet), bound]
    return " | ".join(cells)


def _judged(row: Row, kind: str, quiet: Quiet) -> str:
    if row.ratio is None or row.line.asked is None:
        return "missing"
    met = row.line.asked.met(row.ratio.median, kind) if quiet.reached else None
    return str(row.ratio) + ("" if met is None else ", met" if met else ", not met")


@dataclass(frozen=True)
class Quiet:
    """Whether the figures can be relied on: what others took of the cores, and how far our own times spread at most."""

    others: Others
    spread: float

    @property
    def reached(self) -> bool:
        """Whether both are small."""
        return (self.others.share or 0.0) <= QUIET and self.spread <= STEADY

    def __str__(self) -> str:
        taken = str(self.others) or "what others took is not told here"
        return f"{'quiet' if self.reached else 'NOT QUIET'}: {taken}; our own times spread by {self.spread:.0%} at most"


def quietness(others: Others, measured: Iterable[tuple[Table, list[Row]]]) -> Quiet:
    """Of a whole run."""
    return Quiet(others, max((found[0].result.spread for _, found in measured if found[0].result.seconds), default=0.0))
