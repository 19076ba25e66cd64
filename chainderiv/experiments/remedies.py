"""Do other neurons solve it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.experiments.beside import Table
from chainderiv.experiments.experiment import Drawing, Experiment, Rows, Tables
from chainderiv.experiments.ratios import geometric_mean, to_the_next
from chainderiv.experiments.setup import Setup
from chainderiv.kinds import Floats
from chainderiv.records.record import TrainingRecord
from chainderiv.view.networks.depths import plot_accuracy_lines, plot_start_norms
from chainderiv.wording import number, percent, share

# neurons with the initialisation made for them
REMEDIES: dict[str, dict[str, Any]] = {
    "sigmoid, nielsen": {},
    "relu, he": {"activation": "relu", "init": "he"},
    "tanh, glorot": {"activation": "tanh", "init": "glorot"},
    "selu, lecun": {"activation": "selu", "init": "lecun"},
    "sigmoid, residual": {"residual": True},
    "relu, he, residual": {"activation": "relu", "init": "he", "residual": True},
}


@dataclass(frozen=True, eq=False)
class Remedies:
    """Whether other neurons solve it.

    depths : numbers of hidden layers. start : by remedy, the L2 norms before training of the deepest, (seeds, hidden
    layers). accuracy : by remedy, per depth, the accuracies (seeds,) after the last epoch; NaN of a run that diverged.
    log_start : the natural logarithms of start, which do not underflow; by default they are taken of it.
    """

    depths: tuple[int, ...]
    start: dict[str, Floats]
    accuracy: dict[str, tuple[Floats, ...]]
    log_start: dict[str, Floats] = field(default_factory=dict)

    def link(self, remedy: str) -> float:
        """By what the norm changes from a hidden layer to the one below, at the start: the geometric mean."""
        log = self.log_start[remedy] if remedy in self.log_start else np.log(self.start[remedy])
        return geometric_mean([to_the_next(log)])


def _run(setup: Setup) -> Remedies:
    """The norms per layer at the start, and accuracy against depth, of neurons beside sigmoids."""
    setup, start, logs, reached = replace(setup, seeds=_seeds(setup)), {}, {}, {}
    for name, network in REMEDIES.items():
        runs = [setup.in_mini_batches(hidden, **network) for hidden in setup.deepest]
        start[name] = np.array([r.norm_columns()["norms_l2"][0] for r in runs[-1]])
        logs[name] = np.array([r.log_norms().log[0] for r in runs[-1]])
        reached[name] = tuple(np.array([_final(r) for r in each]) for each in runs)
    return Remedies(setup.deepest, start, reached, logs)


def _seeds(setup: Setup) -> int:
    return setup.remedy_seeds or setup.seeds


def _final(record: TrainingRecord) -> float:
    return float("nan") if "diverged" in record.settings else float(record.accuracy[-1])


def _summary(found: Remedies) -> dict[str, Any]:
    return {
        "depths": found.depths,
        "start": found.start,
        "accuracy": found.accuracy,
        "factor_per_layer": {name: found.link(name) for name in found.start},
    }


def _table(found: Remedies) -> Rows:
    yield "neurons", "hidden_layers", "seed", "accuracy"
    for name, each in found.accuracy.items():
        for hidden, runs in zip(found.depths, each, strict=True):
            # an empty cell: the run diverged
            yield from ((name, hidden, seed, float(a) if np.isfinite(a) else "") for seed, a in enumerate(runs))


def _arrays(found: Remedies) -> Mapping[str, ArrayLike]:
    named: dict[str, ArrayLike] = {}
    for name, start in found.start.items():
        short = name.replace(", ", "_")
        named |= {f"remedy_{short}_start": start, f"remedy_{short}_accuracy": np.array(found.accuracy[name])}
    return named


def _reading(found: Remedies, setup: Setup) -> list[str]:
    """Which neurons keep the norm from layer to layer, and how well the deepest networks do."""
    links = {name: found.link(name) for name in found.start}
    order = sorted(links, key=lambda name: abs(np.log(links[name])))
    deep = found.depths[-1]
    best, worst = order[0], order[-1]
    # of those of which more than half did not diverge
    kept = {n: float(np.nanmedian(r[-1])) for n, r in found.accuracy.items() if np.isfinite(r[-1]).mean() > 0.5}
    sentences = [
        f"Going down one layer multiplies the norm by {number(links[best])} for {best}, the nearest to 1, and by "
        f"{number(links[worst])} for {worst}, the farthest ({deep} hidden layers, at the start)."
    ]
    if kept:
        top, bottom = max(kept, key=kept.__getitem__), min(kept, key=kept.__getitem__)
        sentences.append(
            f"With {deep} hidden layers {top} reaches {share(kept[top])} and {bottom} {share(kept[bottom])} "
            "(medians of the runs that did not diverge)."
        )
    lost = [_lost(name, found) for name, runs in found.accuracy.items() if np.isnan(np.concatenate(runs)).any()]
    if lost:
        sentences.append(f"At η = 0.1 training diverges for {'; '.join(lost)}.")
    return sentences


def _lost(name: str, found: Remedies) -> str:
    """How many runs diverged, depth by depth."""
    counts = zip(found.depths, map(np.isnan, found.accuracy[name]), strict=True)
    told = [f"{lost.sum()} of {len(lost)} with {depth}" for depth, lost in counts if lost.any()]
    return f"{name} ({', '.join(told)} hidden layers)"


def _section(found: Remedies) -> Tables:
    link = [
        (name, number(found.link(name)), *(number(float(np.median(start[:, k]))) for k in (0, -1)))
        for name, start in found.start.items()
    ]
    caption = f"At the start, {found.depths[-1]} hidden layers. Factor: from a layer to the one below."
    yield Table(("neurons", "factor per layer", "first layer’s norm", "last layer’s"), link, caption)
    reached = [(name, *map(_reached, runs)) for name, runs in found.accuracy.items()]
    caption = "Validation accuracy, median in per cent; in brackets how many runs diverged."
    yield Table(("neurons", *(f"{d} hidden" for d in found.depths)), reached, caption)


def _reached(runs: Floats) -> str:
    finite = runs[np.isfinite(runs)]
    middle = percent(float(np.median(finite))) if len(finite) else "–"
    lost = len(runs) - len(finite)
    return f"{middle} ({lost} of {len(runs)} diverged)" if lost else middle


EXPERIMENT = Experiment(
    question="Do other neurons solve it?",
    introduction=lambda setup: (
        f"The same training with other neurons, each with the initial weights made for it: {_seeds(setup)} seeds and "
        f"{setup.epochs} epochs here. The chapter publishes no figures of these."
    ),
    run=_run,
    trains=lambda setup: _seeds(setup) * len(setup.deepest) * len(REMEDIES),
    summary=_summary,
    table=_table,
    arrays=_arrays,
    figures={
        "remedies-norms": Drawing(
            lambda found, figure, dark: plot_start_norms(
                found.start, figure.add_subplot(), dark, bands=False, logs=found.log_start
            ),
            (7.4, 4.4),
            "Norm of each hidden layer's gradient before training for several neurons, on a logarithmic axis.",
            "Medians at the deepest network. A level line means that every layer starts to learn at the same pace.",
        ),
        "remedies-accuracy": Drawing(
            lambda found, figure, dark: plot_accuracy_lines(found.depths, found.accuracy, figure.add_subplot(), dark),
            (7.4, 4.4),
            "Validation accuracy against depth for several neurons.",
            "Medians of the runs that did not diverge. A cross below the axis: some or all of them did.",
        ),
    },
    reading=_reading,
    section=_section,
)
