"""Where is the chain inside the network?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.experiments.beside import Beside, by_layer, compared
from chainderiv.experiments.experiment import Drawing, Experiment, Rows, Tables
from chainderiv.experiments.norms import Norms
from chainderiv.experiments.published import START_NORMS
from chainderiv.experiments.runs import Training
from chainderiv.experiments.setup import Setup
from chainderiv.functions.lookup import neuron
from chainderiv.kinds import Floats
from chainderiv.nn.initialise import initialiser
from chainderiv.nn.prediction import predict
from chainderiv.nn.starts import Own
from chainderiv.theory.mean_field import mean_field
from chainderiv.view.networks.depths import plot_layers
from chainderiv.view.theme import Palette, palette
from chainderiv.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NO_THEORY = "theory: not computed here"
MOST = 3.0  # standard errors that a prediction may be off


@dataclass(frozen=True, eq=False)
class Theory:
    """The same of networks that are not drawn.

    ratios : by the number of hidden layers, (hidden layers - 1,), of networks of these widths. wide : √χ₁, of endlessly
    wide ones at the lengths where signals settle.
    """

    ratios: dict[int, Floats]
    wide: float

    @property
    def link(self) -> float:
        """The geometric mean of all that are of these widths."""
        return geometric_mean(list(self.ratios.values()))


@dataclass(frozen=True, eq=False)
class Ratios:
    """The chain inside the network: each hidden layer's L2 norm at the start over that of the layer above.

    measured : by the number of hidden layers, an array (seeds, hidden layers - 1). predicted : what theory gives, or
    None where it has no answer.
    """

    measured: dict[int, Floats]
    predicted: Theory | None = None

    @property
    def link(self) -> float:
        """The geometric mean of all."""
        return geometric_mean(list(self.measured.values()))

    @property
    def error(self) -> np.float64:
        """The standard error of ln link: each run has one mean logarithm, and runs are independent of each other."""
        runs = np.concatenate([np.log(row) for row in self.measured.values()], axis=1).mean(axis=1)
        return np.float64(runs.std(ddof=1) / np.sqrt(len(runs)))


def _published() -> dict[int, list[float]]:
    """Of the published norms, by the number of hidden layers."""
    return {hidden: to_the_next(np.log([norms]))[0].tolist() for hidden, norms in START_NORMS.items()}


def to_the_next(log_start: Floats) -> Floats:
    """Each hidden layer's norm over that of the next, of their logarithms, shape (seeds, hidden layers - 1)."""
    return np.exp(log_start[:, :-1] - log_start[:, 1:])


def geometric_mean(ratios: Sequence[Floats]) -> float:
    """Of all in all; NaN of none."""
    logs = np.log(np.concatenate([r.ravel() for r in ratios]))
    return float(np.exp(logs.mean())) if logs.size else float("nan")


def _run(setup: Setup, measured: Norms) -> Ratios:
    """The ratios of neighbouring layers' norms; a chain's product of links has one such factor per layer."""
    ratios = {h: to_the_next(measured.log(h)[:, 0]) for h in measured.l2 if h > 1}
    return Ratios(ratios, theory(setup, tuple(ratios)) if ratios else None)


def theory(setup: Setup, depths: Sequence[int]) -> Theory | None:
    """What is predicted of the networks that norms measures; None where no prediction can be made of their kind."""
    kind, data = Training(setup.sizes(1)), setup.source.load()
    try:
        told = {
            h: predict(setup.sizes(h), kind.activation, kind.cost, kind.output, kind.init, data=data) for h in depths
        }
        return Theory({hidden: each.ratios for hidden, each in told.items()}, wide_ratio(kind, setup.width))
    except BadValue:
        return None


def wide_ratio(kind: Training, width: int) -> float:
    """√χ₁ at the σ of hidden layers of that width; raises BadValue where signals do not settle."""
    law = initialiser(kind.init).of(neuron(kind.activation))
    if isinstance(law, Own):
        raise BadValue(f"init is the function {law.name!r}, whose σ are not known; give a name or a Gaussian")
    field = mean_field(kind.activation, law.sigma(width, width) * width**0.5, law.sigma_b)
    return float(field.chi_1**0.5)


def _table(found: Ratios) -> Rows:
    yield "hidden_layers", "layer", "seed", "ratio_to_the_next"
    for hidden, runs in found.measured.items():
        yield from ((hidden, layer + 1, seed, float(value)) for (seed, layer), value in np.ndenumerate(runs))


def _beside(found: Ratios) -> list[Beside]:
    """The norm of each hidden layer over that of the next; of the published ones from the published norms."""
    return by_layer("hidden layer {layer} over {above}, of {hidden}", found.measured, _published())


def _draw(found: Ratios, figure: Figure, dark: bool) -> None:
    places = [f"{k} : {k + 1}" for k in range(1, 1 + max(row.shape[1] for row in found.measured.values()))]
    label = "norm of a layer over\nthe norm of the next"
    told = None if found.predicted is None else found.predicted.ratios
    ax = figure.add_subplot()
    plot_layers(found.measured, _published(), ax, dark, ylabel=label, places=places, predicted=told)
    ax.set_xlabel("neighbouring hidden layers")
    _level(ax, found.link, f"measured, geometric\nmean: {found.link:.3f}", palette(dark).cycle[0])
    _theory(ax, found, palette(dark))


def _level(ax: Axes, value: float, text: str, colour: str) -> None:
    ax.axhline(value, color=colour, linewidth=1.2, linestyle="--", gid="link")
    place: dict[str, Any] = {"xy": (1.02, value), "xycoords": ("axes fraction", "data"), "annotation_clip": False}
    ax.annotate(text, va="center", color=colour, fontsize=9.5, **place)


def _theory(ax: Axes, found: Ratios, colours: Palette) -> None:
    """The theory's line, or the words that hold its place."""
    low, high = ax.get_ylim()
    if found.predicted is None:
        text = NO_THEORY.replace(": ", ":\n")
    else:
        ours, endless = f"{found.predicted.link:.4f}", f"{found.predicted.wide:.4f}"
        text = f"predicted, geometric\nmean: {ours};\nof endless width:\n{endless} (dotted)"
        ax.axhline(found.predicted.wide, color=colours.ink, linewidth=1.2, linestyle=":", gid="wide")
    # apart from the measured mean's name, on the side where there is room
    height = 0.28 if found.link > (low * high) ** 0.5 else 0.78
    ax.text(1.02, height, text, transform=ax.transAxes, va="center", color=colours.soft, fontsize=9.5, style="italic")


def _reading(found: Ratios, setup: Setup) -> list[str]:
    """The geometric mean of the links, beside that of the published norms."""
    figures = [np.array(figures) for figures in _published().values()]
    pairs = sum(row.shape[1] for row in found.measured.values())
    return [
        f"Over {pairs} pairs of neighbouring layers, and all seeds, the geometric mean of the ratio is "
        f"{found.link:.4f}; that of the {sum(map(len, figures))} ratios of published norms is "
        f"{geometric_mean(figures):.4f}. Ten such links in a row would multiply a gradient by "
        f"{number(found.link**10, 2)}.",
        *([] if found.predicted is None else [judged(found, found.predicted)]),
    ]


def judged(found: Ratios, theory: Theory) -> str:
    """How far both predictions are from what was measured."""
    with np.errstate(divide="ignore", invalid="ignore"):  # runs that are all alike have no error
        off = np.log(found.link / np.array([theory.link, theory.wide])) / found.error
    refuted = [name for name, z in zip(("the first", "the second"), off, strict=True) if not abs(z) <= MOST]
    verdict = f"it refutes {' and '.join(refuted)}" if refuted else "it speaks against neither"
    measured = f"{found.link:.4f} ± {found.link * float(found.error):.4f}"
    return (
        f"Without drawing a network theory gives a ratio to the next layer of {theory.link:.4f} for these widths, and "
        f"of {theory.wide:.4f}, which is √χ₁, for endless width. The measured mean, {measured}, lies "
        f"{abs(off[0]):.1f} and {abs(off[1]):.1f} of its standard errors from them: {verdict}."
    )


def _section(found: Ratios) -> Tables:
    rows, caption = _beside(found), "At the start. The published ones are ratios of published norms."
    if found.predicted is None:
        yield compared("ratio of norms", rows, f"{caption} {NO_THEORY.capitalize()}.")
        return
    told = [f"{found.predicted.ratios[row.hidden][row.layer - 1]:.4f}" for row in rows]
    caption += f" Theory: of these widths; of endless width it is {found.predicted.wide:.4f} everywhere."
    yield compared("ratio of norms", rows, caption, theory=told)


def _summary(found: Ratios) -> dict[str, Any]:
    told = found.predicted
    return {
        "measured": found.measured,
        "geometric_mean": found.link,
        "predicted": None if told is None else told.link,
        "predicted_ratios": None if told is None else told.ratios,
        "predicted_endless_width": None if told is None else told.wide,
    }


EXPERIMENT = Experiment(
    question="Where is the chain inside the network?",
    introduction=lambda setup: (
        "A chain of single neurons has a link w σ′(z) per layer. In a full network the ratio of the norms of "
        "neighbouring layers stands in its place."
    ),
    needs=("norms",),
    run=_run,
    summary=_summary,
    table=_table,
    beside=_beside,
    figures={
        "ratios": Drawing(
            _draw,
            (7.8, 4.2),
            "Ratio of the gradient norms of neighbouring hidden layers for networks of several depths.",
            "Norm of a hidden layer over that of the next, before training. Points: runs. Diamonds: from Nielsen’s "
            "norms. Dashed: the geometric mean of all measured ratios. Bars across: predicted.",
        )
    },
    reading=_reading,
    section=_section,
)
