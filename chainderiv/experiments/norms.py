"""How fast does each hidden layer learn, at the start and later?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from chainderiv.experiments import published
from chainderiv.experiments.beside import MIDDLE_AND_BAND, Beside, Table, by_layer, compared, middle_and_band
from chainderiv.experiments.experiment import Drawing, Experiment, Rows, Tables
from chainderiv.experiments.setup import NORM, Setup, to_the_end
from chainderiv.kinds import Floats
from chainderiv.records.measurements import quotient
from chainderiv.view.networks.curves import plot_norm_bands
from chainderiv.view.networks.depths import plot_layers
from chainderiv.view.networks.lines import BAND, BAND_SAID
from chainderiv.wording import counted, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE = (9.6, 6.3)


@dataclass(frozen=True, eq=False)
class Norms:
    """The hidden layers' norms over the epochs, row 0 before the first update.

    l1, l2 : by the number of hidden layers: arrays (seeds, epochs + 1, hidden layers) of ‖mean ∂C/∂b_l‖; NaN where a
        run had diverged.
    log_l2 : the natural logarithms of l2, which do not underflow; by default they are taken of it.
    """

    l1: dict[int, Floats]
    l2: dict[int, Floats]
    log_l2: dict[int, Floats] = field(default_factory=dict)

    def log(self, hidden: int) -> Floats:
        """The natural logarithms of the L2 norms, shape (seeds, epochs + 1, hidden layers)."""
        with np.errstate(divide="ignore"):
            return self.log_l2[hidden] if hidden in self.log_l2 else np.log(self.l2[hidden])

    def start(self, order: str) -> dict[int, Floats]:
        """Row 0 of 'l1' or 'l2', by the number of hidden layers, shape (seeds, hidden layers)."""
        return {hidden: values[:, 0] for hidden, values in getattr(self, order).items()}

    def at_start(self, hidden: int) -> Floats:
        """Median and 5 and 95 % of the L2 norms before training, shape (3, hidden layers)."""
        return np.quantile(self.l2[hidden][:, 0], [0.5, 0.05, 0.95], axis=0)

    def slower(self, hidden: int) -> Floats:
        """The last hidden layer's L2 norm over the first's, shape (seeds, epochs + 1)."""
        norms, log = self.l2[hidden], self.log(hidden)
        return quotient(norms[:, :, -1], norms[:, :, 0], log[:, :, -1], log[:, :, 0])

    def named(self, kind: str) -> dict[str, Floats]:
        """All of them, by names that begin so."""
        return {f"{kind}_{o}_hidden{hidden}": runs for o in ("l1", "l2") for hidden, runs in getattr(self, o).items()}

    def summary(self) -> dict[str, Any]:
        """The start of every run, and by depth how much slower the first layer learns, over the epochs."""
        return {
            str(hidden): {
                **{f"start_{order}": getattr(self, order)[hidden][:, 0] for order in ("l1", "l2")},
                "last_over_first": np.quantile(self.slower(hidden), BAND, axis=0),
            }
            for hidden in self.l2
        }


def _run(setup: Setup, **network: Any) -> Norms:
    """The norms of the mean gradient over full-batch epochs on 1000 images, each taken before the next update.

    network : what Training takes beside sizes and seed, such as cost="quadratic".
    """
    records = {hidden: setup.full_batch(hidden, **network) for hidden in setup.depths}
    rows = setup.full_batch_epochs + 1
    l1, l2 = (
        {hidden: np.array([to_the_end(r.norm_columns()[name], rows) for r in runs]) for hidden, runs in records.items()}
        for name in ("norms_l1", "norms_l2")
    )
    logs = {hidden: np.array([to_the_end(r.log_norms().log, rows) for r in runs]) for hidden, runs in records.items()}
    return Norms(l1, l2, logs)


def _table(found: Norms) -> Rows:
    yield "order", "hidden_layers", "layer", "epoch", "p05", "median", "p95"
    for order in ("l2", "l1"):
        for hidden, runs in getattr(found, order).items():
            bands = np.moveaxis(np.quantile(runs, BAND, axis=0), 0, -1).tolist()
            yield from ((order, hidden, k + 1, epoch, *bands[epoch][k]) for epoch, k in np.ndindex(*runs.shape[1:]))


def _start_norms(found: Norms) -> list[Beside]:
    return by_layer("norm of hidden layer {layer} of {hidden}, at the start", found.start("l2"), published.START_NORMS)


def _slower(found: Norms) -> list[Beside]:
    """How many times slower the first hidden layer learns than the last: the median over the epochs, of each run."""
    what = "last of {} hidden layers over the first, median over the epochs"
    return [
        Beside(hidden, 0, what.format(hidden), published.SLOWER.get(hidden), np.median(found.slower(hidden), axis=1))
        for hidden in found.l2
        if hidden > 1
    ]


def _draw_start(found: Norms, figure: Figure, dark: bool) -> None:
    label = r"L2 norm of mean $\partial C/\partial b_l$" + "\nbefore training"
    ax = plot_layers(found.start("l2"), published.START_NORMS, figure.add_subplot(), dark, ylabel=label)
    ax.set_xlabel("hidden layer")


PANEL_TITLE: dict[str, Any] = {"fontsize": 10.5, "fontweight": "normal", "loc": "left"}


def draw_panels(by_depth: Mapping[int, Floats], order: str, figure: Figure, dark: bool) -> None:
    """A panel for each number of hidden layers, all to one scale."""
    rows = -(-len(by_depth) // 2)
    figure.set_size_inches(WIDE[0], 0.5 + 2.9 * rows)
    panels = figure.subplots(rows, min(2, len(by_depth)), sharex=True, sharey=True, squeeze=False).ravel()
    low, high = (end([end(v[v > 0]) for v in by_depth.values()]) for end in (np.min, np.max))
    for ax in panels:
        ax.set(yscale="log", ylim=(low / 1.5, high * 1.5))
    for ax, (hidden, values) in zip(panels, by_depth.items(), strict=False):
        plot_norm_bands(values, order, ax, dark, name="layer {}", gap=0.11)
        ax.set_title(counted(hidden, "hidden layer"), **PANEL_TITLE)
        ax.set(ylim=(low / 1.5, high * 1.5), ylabel="", xlabel="")
    for ax in panels[len(by_depth) :]:
        ax.set_visible(False)
    figure.supxlabel("epochs of training, full batch", fontsize=11)
    figure.supylabel(rf"{order.upper()} norm of mean $\partial C/\partial b_l$  (units of $C$)", fontsize=11)


def _reading(found: Norms, setup: Setup) -> list[str]:
    """The deepest network's first layer against its last, at the start and over the epochs."""
    hidden = max(found.l2)
    if hidden == 1:
        return [f"The one hidden layer's norm is {number(found.at_start(1)[0, 0])} at the start (median)."]
    ratio = np.median(found.slower(hidden), axis=0)
    return [
        f"With {hidden} hidden layers the last one's norm at the start is {number(ratio[0])} times the first one's "
        f"(median over the seeds). Over the {len(ratio) - 1} epochs that follow the factor lies between "
        f"{number(ratio.min())} and {number(ratio.max())}, and ends at {number(ratio[-1])}."
    ]


def _headline(found: Norms) -> list[tuple[str, str]]:
    hidden = max(found.l2)
    ratio = number(float(np.median(found.slower(hidden)[:, 0])))
    return [(f"last of {hidden} hidden layers’ gradient over the first’s, at the start", f"{ratio} : 1")]


def _section(found: Norms) -> Tables:
    yield compared("quantity", _start_norms(found), f"{NORM}.")
    if slow := _slower(found):
        yield compared("quantity", slow, "How many times slower the first layer learns than the last.")
    l1 = by_layer("hidden layer {layer} of {hidden}", found.start("l1"), {})
    rows = [(row.what, *middle_and_band(row.measured)) for row in l1]
    yield Table(("quantity", *MIDDLE_AND_BAND), rows, "At the start.", "The same in the L1 norm, Σ |∂C/∂b|")


EXPERIMENT = Experiment(
    question="How fast does each hidden layer learn, at the start and later?",
    run=_run,
    trains=lambda setup: setup.seeds * len(setup.depths),
    summary=Norms.summary,
    table=_table,
    arrays=lambda found: found.named("norms"),
    beside=lambda found: [*_start_norms(found), *_slower(found)],
    figures={
        "start-norms": Drawing(
            _draw_start,
            (7.6, 4.2),
            "Norm of each hidden layer's gradient before training for networks of several depths, on a logarithmic "
            "axis, with the published values marked.",
            f"L2 norm of each hidden layer before training. Points: runs. Bars: {BAND_SAID} of them. "
            "Diamonds: Nielsen’s single runs.",
        ),
        "norms-l2": Drawing(
            lambda found, figure, dark: draw_panels(found.l2, "l2", figure, dark),
            WIDE,
            "Norm of each hidden layer's gradient over the epochs, a panel for each depth, on a logarithmic axis.",
            f"L2 norm, as Nielsen’s program takes it. Line: median of the seeds. Band: {BAND_SAID} of them.",
        ),
        "norms-l1": Drawing(
            lambda found, figure, dark: draw_panels(found.l1, "l1", figure, dark),
            WIDE,
            "The same in the L1 norm.",
            f"L1 norm, the sum of the sizes. Line: median of the seeds. Band: {BAND_SAID} of them.",
        ),
    },
    reading=_reading,
    headline=_headline,
    section=_section,
)
