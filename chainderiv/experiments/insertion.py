"""Is it the depth itself that hurts?"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from chainderiv.experiments.accuracy import Accuracy
from chainderiv.experiments.beside import MIDDLE_AND_BAND, Table, middle_and_band
from chainderiv.experiments.experiment import Drawing, Experiment, Rows, Tables
from chainderiv.experiments.passing import with_passing_layers
from chainderiv.experiments.setup import Setup
from chainderiv.kinds import Floats
from chainderiv.nn.network import Network
from chainderiv.nn.training.kept_network import load_network
from chainderiv.records.statistics import Comparison, against_the_one_before
from chainderiv.view.networks.depths import plot_accuracy_by_depth
from chainderiv.view.theme import palette
from chainderiv.wording import minus, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Insertion:
    """Whether layers that do nothing hurt.

    depths : the numbers of hidden layers. kept : the accuracies of each seed's trained network of the least depth,
    after layers were put in up to each depth, (seeds, len(depths)). trained : per depth, the accuracies (seeds,) of
    networks trained from the start.
    """

    depths: tuple[int, ...]
    kept: Floats
    trained: tuple[Floats, ...]

    @property
    def inserted(self) -> tuple[int, ...]:
        """How many layers were put in, per depth."""
        return tuple(depth - self.depths[0] for depth in self.depths)


def _run(setup: Setup, measured: Accuracy) -> Insertion:
    """Trained shallow networks into which layers that pass their input on are put, beside as deep ones trained."""
    held, depths = setup.source.load().validation, measured.depths
    kept = [
        [with_passing_layers(net, depth - depths[0]).accuracy(held.images, held.labels) for depth in depths]
        for net in _trained(setup, depths[0])
    ]
    return Insertion(depths, np.array(kept), measured.final)


def _trained(setup: Setup, hidden: int) -> list[Network]:
    """The networks of in_mini_batches after their last epoch."""
    with tempfile.TemporaryDirectory() as passing:
        # records hold no weights: without a folder the runs are taken again here, and kept for a moment
        folder = setup.folder or Path(passing)
        kept = setup if setup.folder else replace(setup, folder=folder, executor=None)
        kept.in_mini_batches(hidden)
        return [load_network(folder / each.name) for each in setup.stochastic(hidden)]


def _table(found: Insertion) -> Rows:
    yield "inserted", "seed", "kept", "trained_from_the_start"
    for extra, kept, runs in zip(found.inserted, found.kept.T, found.trained, strict=True):
        yield from ((extra, seed, *map(float, pair)) for seed, pair in enumerate(zip(kept, runs, strict=True)))


def _draw(found: Insertion, figure: Figure, dark: bool) -> None:
    ax, colour = figure.add_subplot(), palette(dark).cycle[2]
    label = "trained shallow, then deepened by layers that pass on"
    ax.plot(found.depths, 100 * found.kept.mean(axis=0), color=colour, marker="s", zorder=6, label=label)
    label = "trained from the start: mean"
    plot_accuracy_by_depth(found.depths, found.trained, None, ax, dark, label=label, columns=1)


def _reading(found: Insertion, setup: Setup) -> list[str]:
    """The most that inserted layers change, against as deep networks trained from the start."""
    change = float(np.abs(found.kept - found.kept[:, :1]).max())
    most = f"by more than {100 * change:.2f} points" if change > 0 else "at all"
    [gap] = against_the_one_before([found.trained[0], found.trained[-1]])
    sentences = (
        f"Up to {found.inserted[-1]} layers that pass their input on do not change the accuracy of a trained network "
        f"{most}. "
        f"Trained from the start, networks of {found.depths[-1]} hidden layers end "
        f"{100 * abs(gap.difference):.2f} points {'below' if gap.difference < 0 else 'above'} those of "
        f"{found.depths[0]} (95 % interval {100 * gap.low:+.2f} to {100 * gap.high:+.2f}). "
        f"{_blame(change, gap)}"
    )
    return [minus(sentences)]


def _blame(change: float, gap: Comparison) -> str:
    if not gap.differs:
        return "Chance explains that difference well enough: at these depths training loses nothing that can be told."
    if gap.difference > 0:
        return "Here the training of the deeper networks loses nothing."
    if change < -gap.difference:
        return "A deep network that is as good exists; this training does not find it."
    return "The inserted layers lose as much, so that this says nothing against the training."


def _section(found: Insertion) -> Tables:
    rows = [
        (str(depth), str(extra), percent(kept.mean()), percent(runs.mean()), middle_and_band(runs, percent)[1])
        for depth, extra, kept, runs in zip(found.depths, found.inserted, found.kept.T, found.trained, strict=True)
    ]
    head = ("hidden layers", "inserted", "accuracy kept: mean", "trained: mean", MIDDLE_AND_BAND[1])
    yield Table(head, rows, "Validation accuracy in per cent.")


EXPERIMENT = Experiment(
    question="Is it the depth itself that hurts?",
    introduction=lambda setup: (
        "A network of one trained hidden layer is given more hidden layers that only pass their input on. It is as "
        "deep as one that is trained from the start, and computes nearly the same as before."
    ),
    needs=("accuracy",),
    run=_run,
    trains=lambda setup: setup.seeds,
    summary=lambda found: {"inserted": found.inserted, "kept": found.kept, "trained": found.trained},
    table=_table,
    arrays=lambda found: {"insertion_inserted": found.inserted, "insertion_kept": found.kept},
    figures={
        "insertion": Drawing(
            _draw,
            (6.6, 4.6),
            "Accuracy against depth of a shallow network with inserted layers, and of networks trained from the start.",
            "Squares: the trained shallow networks, deepened by layers that pass their input on. Circles: trained from "
            "the start at that depth.",
        )
    },
    reading=_reading,
    section=_section,
)
