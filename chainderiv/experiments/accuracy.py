"""Do deeper networks get worse?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainderiv.experiments import published
from chainderiv.experiments.beside import Beside, compared
from chainderiv.experiments.experiment import Drawing, Experiment, Rows, Tables
from chainderiv.experiments.setup import Setup, to_the_end
from chainderiv.kinds import Floats
from chainderiv.records.statistics import Comparison, against_the_one_before, interval
from chainderiv.view.networks.depths import plot_accuracy_by_depth
from chainderiv.wording import counted, minus, percent, share, span

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Accuracy:
    """Accuracy against depth.

    depths : the numbers of hidden layers. by_epoch : for each, an array (seeds, epochs + 1) of validation accuracy.
    comparisons : the last epoch of each depth against that of the one before.
    """

    depths: tuple[int, ...]
    by_epoch: tuple[Floats, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def final(self) -> tuple[Floats, ...]:
        """The accuracy after the last epoch, an array (seeds,) per depth."""
        return tuple(runs[:, -1] for runs in self.by_epoch)

    @property
    def intervals(self) -> list[tuple[float, float]]:
        """The 95 % interval of each depth's mean."""
        return [interval(sample) for sample in self.final]

    def sentences(self) -> list[str]:
        """What the comparisons say."""
        return [
            _sentence(before, after, c, len(self.final[0]))
            for before, after, c in zip(self.depths, self.depths[1:], self.comparisons, strict=False)
        ]


def _sentence(before: int, after: int, c: Comparison, seeds: int) -> str:
    size = f"by {100 * abs(c.difference):.2f} points (95 % interval {100 * c.low:+.2f} to {100 * c.high:+.2f})"
    p = "< 0.0001" if c.p_holm < 1e-4 else f"= {c.p_holm:.2g}"
    tests = f"Hedges' g {c.effect:+.2f}, Holm-corrected p {p}, {seeds} seeds each"
    falls = c.difference < 0
    found = f"deeper is {'worse' if falls else 'better'}" if c.differs else "chance explains it well enough"
    return f"{before} → {after} hidden layers: accuracy {'falls' if falls else 'rises'} {size}; {tests}: {found}"


def _run(setup: Setup) -> Accuracy:
    """Validation accuracy after training in mini-batches, for each number of hidden layers and every seed.

    Raises BadValue when a run diverged: what is left is no fair comparison.
    """
    rows, depths = setup.epochs + 1, setup.accuracy_depths or setup.depths
    by_epoch = tuple(np.array([to_the_end(r.accuracy, rows) for r in setup.in_mini_batches(d)]) for d in depths)
    comparisons = against_the_one_before([runs[:, -1] for runs in by_epoch]) if len(by_epoch) > 1 else []
    return Accuracy(depths, by_epoch, tuple(comparisons))


def _summary(found: Accuracy) -> dict[str, Any]:
    return {
        "depths": found.depths,
        "final": found.final,
        "mean": [runs.mean() for runs in found.final],
        "mean_interval_95": found.intervals,
        "comparisons": [asdict(c) | {"differs": c.differs} for c in found.comparisons],
        "sentences": found.sentences(),
    }


def _table(found: Accuracy) -> Rows:
    yield "hidden_layers", "seed", "epoch", "accuracy"
    for hidden, runs in zip(found.depths, found.by_epoch, strict=True):
        yield from ((hidden, *place, float(value)) for place, value in np.ndenumerate(runs))


def _beside(found: Accuracy) -> list[Beside]:
    """The validation accuracy after training."""
    return [
        Beside(d, 0, f"validation accuracy, {counted(d, 'hidden layer')}", published.ACCURACY.get(d), runs)
        for d, runs in zip(found.depths, found.final, strict=True)
    ]


def _draw(found: Accuracy, figure: Figure, dark: bool) -> None:
    plot_accuracy_by_depth(found.depths, found.final, published.ACCURACY, figure.add_subplot(), dark)


def _reading(found: Accuracy, setup: Setup) -> list[str]:
    steps = [f"{minus(sentence)}." for sentence in found.sentences()]
    return [*steps, *_guessing(found, setup.source.load().classes), *([_spread(found)] if setup.as_published else [])]


def _guessing(found: Accuracy, classes: int) -> list[str]:
    """Which networks have not begun to learn: those within a half of what chance gives."""
    depths = [str(d) for d, runs in zip(found.depths, found.final, strict=True) if runs.mean() < 1.5 / classes]
    if not depths:
        return []
    epochs = found.by_epoch[0].shape[1] - 1
    return [
        f"Chance alone gives {share(1 / classes, 0)}: networks of {' and of '.join(depths)} hidden layers have not "
        f"begun to learn in these {epochs} epochs."
    ]


def _spread(found: Accuracy) -> str:
    """The published differences against how far two runs of one network lie apart by chance."""
    depths = [d for d in found.depths if d in published.ACCURACY]
    if len(depths) < 2:
        return "Nothing published can be compared at these depths."
    last, before = depths[-1], depths[-2]
    fell = published.ACCURACY[last] - published.ACCURACY[before]
    sizes = [found.final[found.depths.index(d)].std(ddof=1) for d in (before, last)]
    apart = float(np.hypot(*sizes))
    verdict = "less than" if abs(fell) < apart else "more than"
    return minus(
        f"The published single runs differ by {100 * fell:+.2f} points from {before} to {last} hidden layers. Two runs "
        f"that differ in nothing but these depths and their seeds vary by {100 * apart:.2f} points (standard deviation "
        f"of the difference): the published step is {verdict} that."
    )


def _headline(found: Accuracy) -> list[tuple[str, str]]:
    worse = sum(c.differs and c.difference < 0 for c in found.comparisons)
    steps = "steps to one more hidden layer that make it worse, of those tested"
    return [(steps, f"{worse} of {len(found.comparisons)}")]


def _section(found: Accuracy) -> Tables:
    more = {
        "mean": [percent(runs.mean()) for runs in found.final],
        "its 95 % interval": [span(low, high, percent) for low, high in found.intervals],
    }
    caption = "Validation accuracy after the last epoch, in per cent."
    yield compared("quantity, %", _beside(found), caption, percent, **more)


EXPERIMENT = Experiment(
    question="Do deeper networks get worse?",
    run=_run,
    trains=lambda setup: setup.seeds * len(setup.accuracy_depths or setup.depths),
    summary=_summary,
    table=_table,
    arrays=lambda found: {f"accuracy_hidden{d}": runs for d, runs in zip(found.depths, found.by_epoch, strict=True)},
    beside=_beside,
    figures={
        "accuracy": Drawing(
            _draw,
            (6.6, 4.2),
            "Validation accuracy against the number of hidden layers, every run a point, with the published runs "
            "marked.",
            "Points: runs. Line: their mean, with its 95 % interval. Diamonds: Nielsen’s single runs.",
        )
    },
    reading=_reading,
    headline=_headline,
    section=_section,
)
