"""By how much does the gradient grow from layer to layer, at every width?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainderiv.experiments.beside import Table
from chainderiv.experiments.drawn import Drawn, all_drawn
from chainderiv.experiments.experiment import Drawing, Experiment, Rows, Tables
from chainderiv.experiments.growth import MOST, RARE, Cell, Verdict, verdict_of
from chainderiv.experiments.runs import Training
from chainderiv.experiments.setup import Setup
from chainderiv.kinds import Floats
from chainderiv.nn.prediction import predict
from chainderiv.nn.starts import Gaussian
from chainderiv.theory.critical import critical_sigma_w
from chainderiv.theory.mean_field import mean_field
from chainderiv.view.networks.slopes import plot_slopes
from chainderiv.wording import minus, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACTIVATION = "tanh"
# three of each phase: ordered, critical, where σ_w follows from σ_b, and chaotic
POINTS: tuple[tuple[float | None, float], ...] = (
    (0.8, 0.3), (1.0, 0.5), (1.2, 0.6), (None, 0.1), (None, 0.3), (None, 0.6), (1.5, 0.2), (2.0, 0.3), (3.0, 0.5),
)  # fmt: skip
INPUTS, OUTPUTS = 20, 10
KINDS = {"predicted": "The prediction for the width", "endless": "½ log χ₁ alone"}


class Width(NamedTuple):
    """Networks of one width: their hidden layers, and how many there are for each seed, for wide ones are costly."""

    hidden: int
    share: float


WIDTHS = {30: Width(10, 5.0), 100: Width(10, 3.0), 300: Width(8, 1.0), 1000: Width(6, 0.2)}


@dataclass(frozen=True, eq=False)
class Slopes:
    """Growth a layer on the way back, of nine points of tanh at several widths, each a Cell, in `cells`."""

    cells: tuple[Cell, ...]

    @property
    def widths(self) -> tuple[int, ...]:
        """Ascending."""
        return tuple(sorted({cell.width for cell in self.cells}))

    def at(self, width: int | None) -> list[Cell]:
        """The cells of a width, or all."""
        return [cell for cell in self.cells if width in (None, cell.width)]

    def verdict(self, kind: str, width: int | None = None) -> Verdict:
        """What the measurement says of 'predicted' or 'endless', at a width or at all."""
        return verdict_of([cell.off(kind) for cell in self.at(width)])


def points() -> list[tuple[float, float]]:
    """σ_w and σ_b of POINTS."""
    return [(critical_sigma_w(ACTIVATION, b) if w is None else w, b) for w, b in POINTS]


def setting(setup: Setup) -> str:
    """How many networks of which sizes."""
    kinds = ", ".join(
        f"{_count(setup, width)} of width {width} with {each.hidden} hidden layers" for width, each in WIDTHS.items()
    )
    return (
        f"Growth a layer: networks of {INPUTS} inputs, {OUTPUTS} outputs and {ACTIVATION} between, weights "
        f"N(0, σ_w²/n), biases N(0, σ_b²), ½ |z_L − y|² as the cost; {kinds}."
    )


def _count(setup: Setup, width: int) -> int:
    return max(2, round(WIDTHS[width].share * setup.seeds))


def _drawn(setup: Setup, w: float, b: float, width: int) -> Drawn:
    """Networks of that width, and an input whose signals have from the first layer on the length they settle at."""
    sizes = (INPUTS, *[width] * WIDTHS[width].hidden, OUTPUTS)
    kind = Training(sizes, 0, ACTIVATION, "quadratic", "identity", Gaussian(w, b).name)
    q = mean_field(ACTIVATION, w, b).q_star
    return Drawn(kind, _count(setup, width), float(np.sqrt((q - b * b) / w**2)))


def _cell(w: float, b: float, width: int, drawn: Drawn, logs: Floats, setup: Setup) -> Cell:
    kind, field = drawn.kind, mean_field(ACTIVATION, w, b)
    told = predict(kind.sizes, ACTIVATION, kind.cost, kind.output, Gaussian(w, b), data=drawn.split(setup.source))
    slope = float((told.mean_log[0] - told.mean_log[-1]) / (len(told.mean_log) - 1))
    return Cell(w, b, field.phase, width, logs, slope, float(np.log(field.chi_1)) / 2, float(told.sd_log[0]))


def _run(setup: Setup) -> Slopes:
    """How fast the gradient grows in each layer, of networks drawn, and what theory says of it."""
    places = [(w, b, width) for width in WIDTHS for w, b in points()]
    wanted = [_drawn(setup, *place) for place in places]
    measured = all_drawn(setup, wanted)
    return Slopes(tuple(_cell(*p, d, logs, setup) for p, d, logs in zip(places, wanted, measured, strict=True)))


def _numbers(cell: Cell) -> dict[str, Any]:
    return {
        "phase": cell.phase, "sigma_w": cell.sigma_w, "sigma_b": cell.sigma_b, "width": cell.width,
        "hidden_layers": cell.logs.shape[1], "networks": len(cell.logs), "mean_slope": cell.mean,
        "standard_error": cell.error, "predicted": cell.predicted, "half_log_chi_1": cell.endless,
        "z_predicted": cell.off("predicted"), "z_half_log_chi_1": cell.off("endless"),
        "sd_over_predicted": cell.spread_share,
    }  # fmt: skip


def _summary(found: Slopes) -> dict[str, Any]:
    verdicts = {
        kind: {
            "all" if width is None else str(width): found.verdict(kind, width)._asdict()
            | {"holds": found.verdict(kind, width).holds}
            for width in (*found.widths, None)
        }
        for kind in KINDS
    }
    return {"cells": [_numbers(cell) for cell in found.cells], "verdicts": verdicts}


def _table(found: Slopes) -> Rows:
    rows = [_numbers(cell) for cell in found.cells]
    yield tuple(rows[0])
    yield from (tuple(row.values()) for row in rows)


def _draw(found: Slopes, figure: Figure, dark: bool) -> None:
    """A panel for each width, each to its own scale."""
    rows = -(-len(found.widths) // 2)
    panels = figure.subplots(rows, 2, sharex=True, squeeze=False).ravel()
    for k, (ax, width) in enumerate(zip(panels, found.widths, strict=False)):
        cells = found.at(width)
        places = [f"{cell.sigma_w:.3g}, {cell.sigma_b:.3g}" for cell in cells]
        means, lines = ([getattr(c, kind) - c.endless for c in cells] for kind in ("mean", "predicted"))
        plot_slopes(places, means, [cell.error for cell in cells], lines, ax, dark)
        ax.set_title(f"width {width}", fontsize=10.5, fontweight="normal", loc="left")
        ax.tick_params(axis="x", labelsize=9)
        if k == 0:
            handles, labels = ax.get_legend_handles_labels()
    for ax in panels[len(found.widths) :]:
        ax.set_visible(False)
    figure.legend(handles, labels, loc="outside upper left", ncols=3, fontsize=9)
    figure.supxlabel(r"$\sigma_w, \sigma_b$", fontsize=11)
    figure.supylabel(r"growth of $\ln\|\partial C/\partial b\|$ a layer, less $\frac{1}{2}\log\chi_1$", fontsize=11)


def _reading(found: Slopes, setup: Setup) -> list[str]:
    """What is refuted, of each theory, and at which widths."""
    shares, near = [c.spread_share for c in found.cells], [abs(c.spread_off) <= MOST for c in found.cells]
    spread = (
        f"{sum(near)} of {len(near)} standard deviations of ln ‖∂C/∂b₁‖ over the networks lie within {MOST} of their "
        f"standard errors of the predicted ones, of which they are {min(shares):.2f} to {max(shares):.2f}."
    )
    return [*(_said(found, kind) for kind in KINDS), spread]


def _said(found: Slopes, kind: str) -> str:
    whole = found.verdict(kind)
    widths = {width: found.verdict(kind, width) for width in found.widths}
    numbers = (
        f"{KINDS[kind]}: {whole.beyond} of {whole.of} means are more than {MOST} standard errors off, the largest "
        f"deviation is {whole.largest:.1f}, and Σz² is {whole.squares:.1f}, where chance exceeds {whole.rare:.1f} once "
        f"in {round(1 / RARE)}: "
    )
    refuted = [f"{w} (Σz² = {v.squares:.1f})" for w, v in widths.items() if not v.holds]
    kept = [f"{w} (Σz² = {v.squares:.1f})" for w, v in widths.items() if v.holds]
    if not refuted:
        return numbers + ("nothing speaks against it." if whole.holds else "refuted, though at no width alone.")
    others = f"; at width {_listed(kept)} nothing speaks against it" if kept else ""
    return f"{numbers}refuted at width {_listed(refuted)}{others}."


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def _headline(found: Slopes) -> list[tuple[str, str]]:
    verdict = found.verdict("predicted")
    what = f"growths a layer within {MOST} standard errors of what is predicted"
    return [(what, f"{verdict.of - verdict.beyond} of {verdict.of}")]


def _section(found: Slopes) -> Tables:
    first, rare = found.at(found.widths[0]), found.verdict("endless", found.widths[0]).rare
    head = ("phase", "σ_w", "σ_b", "χ₁", *(f"z at width {width}" for width in found.widths))
    for kind, said in KINDS.items():
        verdicts = [found.verdict(kind, width) for width in found.widths]
        rows: list[Sequence[str | bool | None]] = [
            (cell.phase, number(cell.sigma_w, 4), number(cell.sigma_b), number(float(np.exp(2 * cell.endless)), 4),
             *(minus(f"{found.at(width)[k].off(kind):+.1f}") for width in found.widths))
            for k, cell in enumerate(first)
        ]  # fmt: skip
        rows.append(("Σz²", "", "", "", *(f"{v.squares:.1f}" for v in verdicts)))
        rows.append(("holds?", "", "", "", *(v.holds for v in verdicts)))
        below = f"in standard errors of the mean. Chance exceeds Σz² = {rare:.1f} once in {round(1 / RARE)}."
        yield Table(head, rows, f"{said}: how far the measured growth a layer is from it, {below}")


EXPERIMENT = Experiment(
    question="By how much does the gradient grow from layer to layer, at every width?",
    introduction=lambda setup: (
        f"Networks of {ACTIVATION} with one input whose signals have the length they settle at, at three points of "
        "each phase. In wide layers ln ‖∂C/∂b‖ grows by ½ log χ₁ in each layer on its way back; what a width adds is "
        "of the order 1/width."
    ),
    run=_run,
    trains=lambda setup: len(WIDTHS) * len(POINTS),
    summary=_summary,
    table=_table,
    arrays=lambda found: {f"slopes_width{w}": np.array([cell.slopes for cell in found.at(w)]) for w in found.widths},
    figures={
        "slopes": Drawing(
            _draw,
            (8.6, 6.2),
            "Measured and predicted growth of the gradient a layer at nine points, a panel for each width.",
            "Each panel has its own scale. Dashed: ½ log χ₁, endless width. Lines: predicted for the width. Points: "
            "measured, with twice the standard error to either side. Left to right: ordered, critical, chaotic.",
        )
    },
    reading=_reading,
    headline=_headline,
    section=_section,
)
