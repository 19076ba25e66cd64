"""Why do networks of six hidden layers not train?

Sigmoid networks of Nielsen's start stand on a plateau at first, on which they guess. Weight decay goes on there:
weights shrink by η λ/n in each step, and with them the gradient that has to lead off the plateau.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.experiments.beside import Table
from chainderiv.experiments.experiment import Drawing, Experiment, Rows, Tables
from chainderiv.experiments.setup import BATCH, IMAGES, RATE, Setup, to_the_end
from chainderiv.kinds import Floats
from chainderiv.records.record import TrainingRecord
from chainderiv.theory.mean_field import mean_field
from chainderiv.view.networks.courses import plot_courses
from chainderiv.wording import counted, number, percent, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DECAYS = (0.0, 1.0, 2.5, 5.0)  # λ, for Nielsen's number of training images
TICKS = 4  # of an axis of epochs
GUESSING = 2.0  # times what chance gives
START: dict[str, Any] = {"activation": "sigmoid", "sigma_w": 1.0, "sigma_b": 1.0}  # of every run
RULE = 6.0  # ξ_c: how deep a network may be by Schoenholz et al. (2017), section 5


@dataclass(frozen=True, eq=False)
class Plateau:
    """How long networks guess, over their depth and the decay of their weights.

    depths : the numbers of hidden layers.
    by_epoch : for each λ, per depth, the validation accuracy (seeds, epochs + 1).
    gradients : likewise, the first hidden layer's norm of the mean ∂C/∂b, in L2.
    steps : descents in an epoch. classes : of the data. decay : η/n, by which times λ weights shrink in a step.
    xi_c : of the start, in layers.
    """

    depths: tuple[int, ...]
    by_epoch: dict[float, tuple[Floats, ...]]
    gradients: dict[float, tuple[Floats, ...]]
    steps: int
    classes: int
    decay: float
    xi_c: float

    def left(self, decay: float) -> tuple[Floats, ...]:
        """Per depth, the epochs (seeds,) after which a network does not guess any more; inf of one that always does.

        It guesses until its accuracy is above twice what chance gives for good.
        """
        return tuple(np.array([_left(run, GUESSING / self.classes) for run in runs]) for runs in self.by_epoch[decay])

    @property
    def most(self) -> int:
        """The steps of a whole run."""
        return self.steps * (len(next(iter(self.by_epoch.values()))[0][0]) - 1)

    def trains(self, decay: float) -> list[float]:
        """Per depth, the share of the runs that leave the plateau."""
        return [float(np.isfinite(epochs).mean()) for epochs in self.left(decay)]

    def kept(self, decay: float, epochs: float) -> float:
        """The share of a weight that decay alone leaves after so many epochs."""
        return math.exp(math.log1p(-decay * self.decay) * epochs * self.steps)


def _left(run: Floats, guessing: float) -> float:
    """The first epoch from which on all accuracies are above guessing."""
    low = np.flatnonzero(~(run > guessing))
    first = int(low[-1]) + 1 if low.size else 0
    return float(first) if first < len(run) else math.inf


def _run(setup: Setup) -> Plateau:
    """Accuracy and the first layer's gradient over the epochs, for each λ, each number of hidden layers, every seed."""
    setup, data = replace(setup, seeds=setup.remedy_seeds or setup.seeds), setup.source.load()
    accuracies, gradients = dict[float, tuple[Floats, ...]](), dict[float, tuple[Floats, ...]]()
    for decay in DECAYS:
        runs = [setup.in_mini_batches(depth, decay) for depth in setup.deepest]
        accuracies[decay] = _table_of(runs, setup.epochs, lambda record: record.accuracy)
        gradients[decay] = _table_of(runs, setup.epochs, lambda record: record.norm_columns()["norms_l2"][:, 0])
    steps = math.ceil(len(data.train) / BATCH)
    return Plateau(setup.deepest, accuracies, gradients, steps, data.classes, RATE / IMAGES, mean_field(**START).xi_c)


def _table_of(
    runs: Sequence[Sequence[TrainingRecord]], epochs: int, column: Callable[[TrainingRecord], Floats]
) -> tuple[Floats, ...]:
    """Per depth (seeds, epochs + 1), NaN behind the end of what diverged."""
    return tuple(np.array([to_the_end(column(record), epochs + 1) for record in each]) for each in runs)


def _summary(found: Plateau) -> dict[str, Any]:
    return {
        "depths": found.depths,
        "final": {_name(decay): [runs[:, -1] for runs in each] for decay, each in found.by_epoch.items()},
        "steps_on_the_plateau": {_name(d): [epochs * found.steps for epochs in found.left(d)] for d in found.by_epoch},
        "share_that_leaves": {_name(decay): found.trains(decay) for decay in found.by_epoch},
        "xi_c": found.xi_c,
    }


def _name(decay: float) -> str:
    return f"λ = {decay:g}"


def _table(found: Plateau) -> Rows:
    yield "weight_decay", "hidden_layers", "seed", "epoch", "accuracy", "first_layer_norm"
    for decay, each in found.by_epoch.items():
        for hidden, runs, norms in zip(found.depths, each, found.gradients[decay], strict=True):
            for place, value in np.ndenumerate(runs):
                yield decay, hidden, *place, float(value), float(norms[place])


def _arrays(found: Plateau) -> Mapping[str, ArrayLike]:
    named: dict[str, ArrayLike] = {}
    for decay, each in found.by_epoch.items():
        for hidden, runs, norms in zip(found.depths, each, found.gradients[decay], strict=True):
            named |= {f"plateau_decay{decay:g}_hidden{hidden}_accuracy": runs}
            named |= {f"plateau_decay{decay:g}_hidden{hidden}_first_norm": norms}
    return named


def _draw_courses(found: Plateau, figure: Figure, dark: bool) -> None:
    """A column for each depth: accuracies above, the gradient of the first layer below."""
    panels = figure.subplots(2, len(found.depths), sharex=True, sharey="row", squeeze=False)
    for k, (depth, above, below) in enumerate(zip(found.depths, *panels, strict=True)):
        reached = {_name(decay): 100 * each[k] for decay, each in found.by_epoch.items()}
        norms = {_name(decay): each[k] for decay, each in found.gradients.items()}
        plot_courses(reached, above, dark, ylabel="validation accuracy, %", level=100 / found.classes)
        plot_courses(norms, below, dark, ylabel="first hidden layer’s\nL2 norm", sizes=True)
        above.set_title(counted(depth, "hidden layer"), fontsize=10)
        for ax in (above, below):
            ax.set(xlabel="", ylabel="" if k else ax.get_ylabel())
            ax.locator_params("x", nbins=TICKS)
    panels[0, 0].set_ylim(0, 100)
    figure.supxlabel("epochs of training", fontsize=10)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(found.by_epoch))


def _reading(found: Plateau, setup: Setup) -> list[str]:
    return [*_waiting(found), *_decaying(found), *_rule(found)]


def _waiting(found: Plateau) -> list[str]:
    """How long the plateau lasts, at each depth."""
    sentences = []
    for k, depth in enumerate(found.depths):
        told = [_told(found.left(decay)[k] * found.steps, decay, found.most) for decay in found.by_epoch]
        sentences.append(f"{counted(depth, 'hidden layer')}: {'; '.join(told)}.")
    return sentences


def _told(steps: Floats, decay: float, most: float) -> str:
    """How many runs leave, and after how many steps half of all have left."""
    off = int(np.isfinite(steps).sum())
    if not off:
        return f"at {_name(decay)} none of {steps.size} runs leaves the plateau"
    some = "all runs leave" if off == steps.size else f"{off} of {steps.size} runs leave"
    return f"at {_name(decay)} {some} the plateau, after a median of {_median(steps, most)} steps"


def _median(steps: Floats, most: float) -> str:
    """Of all runs, those among them that never leave."""
    middle = float(np.median(steps))
    return f"{middle:,.0f}" if np.isfinite(middle) else f"more than {most:,.0f}"


def _decaying(found: Plateau) -> list[str]:
    """What decay does meanwhile, at the depth at which it keeps most runs on the plateau."""
    least, most = min(found.by_epoch), max(found.by_epoch)
    kept_on = np.subtract(found.trains(least), found.trains(most))
    k = int(np.argmax(kept_on))
    if not kept_on[k] > 0:
        return ["At none of these depths does a larger λ keep more runs on the plateau."]
    depth, left = found.depths[k], found.left(least)[k]
    seeds = np.flatnonzero(np.isfinite(left))
    before = np.maximum(left[seeds].astype(int) - 1, 0)  # the last epochs on the plateau
    norms = [np.median(found.gradients[decay][k][seeds, before]) for decay in (least, most)]
    kept = found.kept(most, float(np.median(before)))
    return [
        "For every λ the networks start the same, seed for seed, and so do their gradients: with "
        f"{counted(depth, 'hidden layer')} the size of these alone does not say which will train. Just before they "
        f"leave at {_name(least)} the norm of the first layer’s gradient is {number(norms[0], 2)}; that of the same "
        f"networks in the same epochs at {_name(most)} is {number(norms[1], 2)}, where decay alone has brought each "
        f"weight down to {number(kept, 2)} of what it was (medians)."
    ]


def _rule(found: Plateau) -> list[str]:
    """The depth that six correlation lengths allow, against the depths that train."""
    allowed = RULE * found.xi_c
    decay = min(found.by_epoch)
    trained = [d for d, share in zip(found.depths, found.trains(decay), strict=True) if share == 1]
    if not trained:
        return []
    verdict = "refutes" if max(trained) > allowed else "does not refute"
    return [
        f"{RULE:g} ξ_c, a rule for how deep a network can be trained, are {number(allowed, 2)} layers at this "
        f"start. All runs of {max(trained)} hidden layers leave the plateau at {_name(decay)}: here that {verdict} the "
        "rule."
    ]


def _section(found: Plateau) -> Tables:
    head = ("hidden layers", *map(_name, found.by_epoch))
    left = {decay: found.left(decay) for decay in found.by_epoch}
    rows = [
        (str(depth), *(_cell(left[decay][k] * found.steps, found.most) for decay in found.by_epoch))
        for k, depth in enumerate(found.depths)
    ]
    caption = (
        "Steps until a network no longer guesses, the median of all runs; in brackets, how many come so far. "
        f"It guesses until its accuracy is above {share(GUESSING / found.classes)} for good."
    )
    yield Table(head, rows, caption)
    reached = [
        (str(depth), *(percent(float(np.median(each[k][:, -1]))) for each in found.by_epoch.values()))
        for k, depth in enumerate(found.depths)
    ]
    yield Table(head, reached, "Validation accuracy after the last epoch, median in per cent.")


def _cell(steps: Floats, most: float) -> str:
    return f"{_median(steps, most)} ({int(np.isfinite(steps).sum())} of {steps.size})"


EXPERIMENT = Experiment(
    question="Why do six hidden layers not train?",
    introduction=lambda setup: (
        "Deep networks of sigmoids guess for a while before their error falls. Decay, by which every step multiplies "
        "each weight by 1 − ηλ/n, does not wait. Here the same networks, seed for seed, are trained with several λ: "
        f"{setup.remedy_seeds or setup.seeds} seeds, {setup.epochs} epochs in mini-batches of {BATCH}, η = {RATE:g}."
    ),
    run=_run,
    trains=lambda setup: (setup.remedy_seeds or setup.seeds) * len(setup.deepest) * len(DECAYS),
    summary=_summary,
    table=_table,
    arrays=_arrays,
    figures={
        "plateau": Drawing(
            _draw_courses,
            (9.6, 5.4),
            "Validation accuracy and the first layer's gradient over the epochs for several weight decays, a column "
            "for each number of hidden layers.",
            "Each line is a run. Above: accuracy, and dotted what chance gives. Below: the norm of the first hidden "
            "layer’s mean ∂C/∂b.",
        ),
    },
    reading=_reading,
    section=_section,
)
