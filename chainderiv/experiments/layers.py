"""How large will the gradient be in each layer, and how far will chance scatter it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainderiv.experiments.beside import Beside, by_layer, compared
from chainderiv.experiments.drawn import Drawn, all_drawn
from chainderiv.experiments.experiment import Drawing, Experiment, Rows, Tables
from chainderiv.experiments.published import START_NORMS
from chainderiv.experiments.ratios import Ratios, Theory, judged, to_the_next, wide_ratio
from chainderiv.experiments.runs import Training
from chainderiv.experiments.setup import NORM, Setup
from chainderiv.kinds import Floats
from chainderiv.nn.prediction import Prediction, predict
from chainderiv.theory.finite_width.quantiles import NORMAL
from chainderiv.view.networks.lines import BAND, BAND_SAID
from chainderiv.wording import minus, number, share, span

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 3.0  # standard errors that a mean may be off


@dataclass(frozen=True, eq=False)
class Layers:
    """Norms at the start, measured and predicted.

    logs : by the number of hidden layers, ln ‖mean ∂C/∂b_l‖, (networks, hidden layers). predicted : the same of theory.
    wide : √χ₁, by which the norms of endlessly wide layers differ.
    """

    logs: dict[int, Floats]
    predicted: dict[int, Prediction]
    wide: float

    @property
    def ratios(self) -> Ratios:
        """From layer to layer, measured and predicted, of the networks that have several."""
        deeper = [hidden for hidden in self.logs if hidden > 1]
        told = Theory({hidden: self.predicted[hidden].ratios for hidden in deeper}, self.wide)
        return Ratios({hidden: to_the_next(self.logs[hidden]) for hidden in deeper}, told)

    @property
    def norms(self) -> dict[int, Floats]:
        """The norms themselves."""
        return {hidden: np.exp(logs) for hidden, logs in self.logs.items()}

    def off(self, hidden: int) -> Floats:
        """How far each layer's mean logarithm is from the predicted one, in standard errors."""
        logs = self.logs[hidden]
        errors = logs.std(axis=0, ddof=1) / np.sqrt(len(logs))
        return np.asarray((logs.mean(axis=0) - self.predicted[hidden].mean_log) / errors)

    def points_off(self, hidden: int) -> tuple[Floats, Floats]:
        """The measured 5, 50 and 95 % points over the predicted ones, less 1, shape (hidden layers, 3); and in errors.

        One standard error is that of a quantile of so many normal logarithms of the predicted spread.
        """
        told, logs = self.predicted[hidden], self.logs[hidden]
        points = np.quantile(logs, BAND, axis=0).T - told.log_points
        p = np.array(BAND)
        density = np.exp(-(np.array(NORMAL) ** 2) / 2) / np.sqrt(2 * np.pi)
        errors = told.sd_log[:, None] * np.sqrt(p * (1 - p) / len(logs)) / density
        return np.expm1(points), points / errors

    def inside(self, hidden: int) -> Floats:
        """The share of the networks in each layer's predicted band."""
        low, _, high = self.predicted[hidden].log_points.T
        logs = self.logs[hidden]
        return np.asarray(((logs >= low) & (logs <= high)).mean(axis=0))


def _run(setup: Setup) -> Layers:
    """The norms of Nielsen's networks before training, predicted and measured on the first 1000 training images."""
    data = setup.source.load()
    wanted = {hidden: Drawn(Training(setup.sizes(hidden)), setup.seeds) for hidden in setup.depths}
    logs = dict(zip(wanted, all_drawn(setup, list(wanted.values())), strict=True))
    told = {hidden: predict(setup.sizes(hidden), data=data) for hidden in wanted}
    return Layers(logs, told, wide_ratio(Training(setup.sizes(1)), setup.width))


def _of_layers(found: Layers) -> list[dict[str, Any]]:
    """Every layer's numbers, by name."""
    rows = []
    for hidden, told in found.predicted.items():
        logs, off, points = found.logs[hidden], found.off(hidden), found.points_off(hidden)[0]
        measured, share = np.exp(np.quantile(logs, BAND, axis=0)), found.inside(hidden)
        for k in range(hidden):
            low, middle, high = np.exp(told.log_points[k]).tolist()
            rows.append({
                "hidden_layers": hidden, "layer": k + 1, "networks": len(logs),
                "predicted_p05": low, "predicted_median": middle, "predicted_p95": high,
                **dict(zip(("measured_p05", "measured_median", "measured_p95"), measured[:, k].tolist(), strict=True)),
                "z_mean_log": float(off[k]), "sd_log_over_predicted": float(logs[:, k].std(ddof=1) / told.sd_log[k]),
                "largest_deviation_of_points": float(np.abs(points[k]).max()), "inside_band": float(share[k]),
            })  # fmt: skip
    return rows


def _summary(found: Layers) -> dict[str, Any]:
    ratios: dict[str, Any] = {"endless_width": found.wide}
    if found.ratios.measured and found.ratios.predicted is not None:
        ratios |= {"measured": found.ratios.link, "predicted": found.ratios.predicted.link}
    return {"layers": _of_layers(found), "ratio_to_the_next": ratios}


def _table(found: Layers) -> Rows:
    rows = _of_layers(found)
    yield tuple(rows[0])
    yield from (tuple(row.values()) for row in rows)


def _beside(found: Layers) -> list[Beside]:
    return by_layer("hidden layer {layer} of {hidden}", found.norms, START_NORMS)


def _draw(found: Layers, figure: Figure, dark: bool) -> None:
    """A panel for each number of hidden layers, all to one scale."""
    from chainderiv.view.networks.prediction import plot_prediction

    logs = np.concatenate([each.ravel() for each in found.logs.values()])
    limits = np.exp([np.min(logs[np.isfinite(logs)]) - 0.3, np.max(logs) + 0.3]).tolist()
    widths = [hidden + 0.8 for hidden in found.logs]
    panels = figure.subplots(1, len(widths), width_ratios=widths, sharey=True, squeeze=False).ravel()
    for ax, (hidden, told) in zip(panels, found.predicted.items(), strict=True):
        marks = {"published": START_NORMS[hidden]} if hidden in START_NORMS else {}
        plot_prediction(told, found.norms[hidden], ax, dark, marks=marks, title="", legend=False, limits=limits)
        ax.set_title(f"{hidden} hidden", fontsize=10.5, fontweight="normal", loc="left")
        ax.set(xlabel="", ylabel="")
        ax.tick_params(labelsize=10)
    handles, labels = panels[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4, fontsize=9.5)
    figure.supxlabel("hidden layer", fontsize=11)
    figure.supylabel(r"L2 norm of mean $\partial C/\partial b_l$ before training", fontsize=11)


def _reading(found: Layers, setup: Setup) -> list[str]:
    """Whether the mean logarithms are those that are predicted, how many norms lie in the bands, and the doubts."""
    off = {(hidden, k): float(z) for hidden in found.logs for k, z in enumerate(found.off(hidden), 1)}
    shares, errors = (np.concatenate(each).ravel() for each in zip(*map(found.points_off, found.logs), strict=True))
    inside = np.concatenate([found.inside(hidden) for hidden in found.logs])
    far = {place: z for place, z in off.items() if not abs(z) <= MOST}
    beyond = int((~(np.abs(errors) <= MOST)).sum())
    told = [
        f"{len(off) - len(far)} of {len(off)} mean logarithms lie within {MOST:g} standard errors of what is "
        f"predicted, the largest deviation is {max(map(abs, off.values())):.1f}. Of the 5, 50 and 95 % points "
        f"{len(errors) - beyond} of {len(errors)} do, and the largest share by which one is off is "
        f"{share(np.abs(shares).max(), 1)}. {_verdict(far, beyond)}",
        f"The predicted bands of {BAND_SAID} hold {share(inside.mean(), 1)} of the measured norms.",
    ]
    ratios = found.ratios
    if ratios.measured and ratios.predicted is not None:
        told.append(judged(ratios, ratios.predicted))
    published = [
        bool(low <= norm <= high)
        for hidden, norms in START_NORMS.items()
        if hidden in found.predicted
        for norm, (low, high) in zip(norms, found.predicted[hidden].band, strict=True)
    ]
    if setup.as_published and published:
        told.append(f"{sum(published)} of the {len(published)} published norms lie in the predicted bands.")
    return told + [f"Not trusted: {doubt}." for doubt in _doubts(found.predicted)]


def _verdict(far: Mapping[tuple[int, int], float], beyond: int) -> str:
    """far : the mean logarithms that are off, in standard errors. beyond : how many points are."""
    if not far and not beyond:
        return "Nothing speaks against the prediction."
    means = [f"the mean of hidden layer {k} of {hidden} by {abs(z):.1f}" for (hidden, k), z in far.items()]
    return f"The prediction disagrees: {', '.join([*means, *([f'{beyond} of the points'] if beyond else [])])}."


def _doubts(predicted: Mapping[int, Prediction]) -> list[str]:
    return list(dict.fromkeys(doubt for told in predicted.values() for doubt in told.doubts))


def _headline(found: Layers) -> list[tuple[str, str]]:
    inside = np.concatenate([found.inside(hidden) for hidden in found.logs]).mean()
    return [(f"of the measured norms in the predicted bands of {BAND_SAID}", share(inside, 1))]


def _section(found: Layers) -> Tables:
    rows = _of_layers(found)
    more: dict[str, Any] = {
        "predicted": [number(row["predicted_median"]) for row in rows],
        f"predicted {BAND_SAID}": [span(row["predicted_p05"], row["predicted_p95"]) for row in rows],
        "z": [minus(f"{row['z_mean_log']:+.1f}") for row in rows],
    }
    caption = f"{NORM}, at the start. z: how far the mean logarithm is from the predicted one, in standard errors."
    yield compared("norm", _beside(found), caption, **more)


EXPERIMENT = Experiment(
    question="How large will the gradient be in each layer, and how far will chance scatter it?",
    introduction=lambda setup: (
        f"Nielsen’s networks before training, {setup.seeds} of each depth. Of the data the prediction knows the mean "
        "of |x|², that of x·x′ over pairs of images, and the shares of the classes."
    ),
    run=_run,
    trains=lambda setup: len(setup.depths),
    summary=_summary,
    table=_table,
    arrays=lambda found: {f"layers_log_norms_hidden{hidden}": logs for hidden, logs in found.logs.items()},
    beside=_beside,
    figures={
        "layers": Drawing(
            _draw,
            (9.2, 4.2),
            "Predicted and measured norm of each hidden layer's gradient before training, a panel for each depth, on a "
            "logarithmic axis, with the published values marked.",
            f"Boxes: predicted, {BAND_SAID} of networks, and the median. Points: networks that were measured; bars: "
            f"{BAND_SAID} of them. Diamonds: Nielsen’s single runs.",
        )
    },
    reading=_reading,
    headline=_headline,
    section=_section,
)
