"""The page of a tour: what its template says is said there, and here are the numbers, tables and figures it names."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from chainderiv.checking.verification import Row
from chainderiv.pages.tour.figures import FIGURES
from chainderiv.pages.tour.findings import Findings
from chainderiv.pages.writer import Figure, Table, render
from chainderiv.records.measurements import measured_images
from chainderiv.symbolic.notation import equations
from chainderiv.wording import minus, number, span

TITLE = "Why the first layers of a deep network learn slowly, or much too fast"
NUMBERS = "results.json"
FILES = {
    "formula.txt": "the formula and its derivation, in Unicode",
    "formula.tex": "the formula as a LaTeX document",
    NUMBERS: "every number of this page",
}
JUDGES = ("judge", "judged", "log₁₀ |gradient|", "worst |Δlog|")


def tour_page(found: Findings, pictures: Mapping[str, bytes]) -> str:
    """index.html.

    pictures : name-light.svg and name-dark.svg for link-map, gradient-map, bars and training.
    """
    parts = _of_formula(found) | _of_map(found) | _of_check(found) | _of_training(found)
    head = {"title": TITLE, "command": command(found), "twin": NUMBERS, "files": FILES, "seed": found.seed}
    return render("tour.html.j2", **head, **parts, figures=_figures(pictures))


def command(found: Findings) -> str:
    """What gives the same numbers again, whatever the folder."""
    return f"chainderiv tour --seed {found.seed}"


def _of_formula(found: Findings) -> dict[str, Any]:
    of = found.derivation
    steps = [(one.name, of.line(one).partition(": ")[2]) for one in of.steps]
    each = zip(of.factors, found.exploding, found.running_products, strict=True)
    rows = [
        (equations.write(of.chain, factor), number(value.to_float(), 10), number(product.to_float(), 10))
        for factor, value, product in each
    ]
    caption = "Every factor of ∂C/∂b₁ at w = 100, z = 0, x = 0.5, y = 0."
    return {
        "mathml": of.to("mathml"),
        "steps": Table(["step", "equation and reason"], steps, "From the output back.", words=True),
        "factors": Table(["factor", "value", "product so far"], rows, caption),
        "link": found.links[0].to_float(),
        "before_cost": found.running_products[-2].to_float(),
    }


def _of_map(found: Findings) -> dict[str, Any]:
    low, high = found.log10_range
    exploding, quarter = (float(part.mean()) for part in (found.map.regime == 1, found.map.below_quarter))
    return {"low": low, "high": high, "exploding": exploding, "below_quarter": quarter}


def _of_check(found: Findings) -> dict[str, Any]:
    check = found.verification
    by_method = groupby(sorted(check.rows, key=lambda row: row.method), key=lambda row: row.method)
    summary = [_summary(method, list(rows)) for method, rows in by_method]
    every = [
        (row.parameter, *_summary(row.method, [row]), number(row.allowed, 2) if row.judged else "–")
        for row in check.rows
    ]
    return {
        "passed": check.passed,
        "judged": check.judged,
        "worst": found.worst_disagreement,
        "all_parameters": Table(JUDGES, summary, "All parameters together."),
        "every_parameter": Table(["parameter", *JUDGES, "allowed"], every, "Symbolic gradient against each judge."),
    }


def _summary(method: str, rows: list[Row]) -> tuple[str, str, str, str]:
    judged = [row for row in rows if row.judged]
    count = f"{sum(row.judged for row in rows)} of {sum(row.points for row in rows)}"
    if not judged:
        return method, count, "–", "–"
    low, high = min(row.log10_smallest for row in judged), max(row.log10_largest for row in judged)
    worst = max(row.worst_error for row in judged)
    return method, count, span(low, high, lambda end: minus(f"{end:.1f}")), number(worst, 2)


def _of_training(found: Findings) -> dict[str, Any]:
    record, settings = found.record, found.record.settings
    return {
        **{name: settings[name] for name in ("sizes", "data", "batch_size", "learning_rate")},
        "ratios": record.ratio().tolist(),
        "norms": record.norms()[0].tolist(),
        "epochs": record.epochs,
        "accuracy": record.accuracy.tolist(),
        "measured": measured_images(settings),
    }


def _figures(pictures: Mapping[str, bytes]) -> dict[str, Figure]:
    return {
        name: Figure(pictures[f"{name}-light.svg"], pictures[f"{name}-dark.svg"], drawing.alt, drawing.caption)
        for name, drawing in FIGURES.items()
    }
