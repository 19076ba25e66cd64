"""How large is the gradient in each hidden neuron at the start?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainderiv.experiments.beside import MIDDLE_AND_BAND, Table, by_layer, middle_and_band, written
from chainderiv.experiments.experiment import Drawing, Experiment, Rows, Tables
from chainderiv.experiments.published import START_NORMS
from chainderiv.experiments.runs import Training
from chainderiv.experiments.setup import MEASURED_ON, NORM, Setup
from chainderiv.kinds import Floats
from chainderiv.records.measured import norm
from chainderiv.records.measurements import MEASURED_IMAGES
from chainderiv.view.networks.curves import plot_bars
from chainderiv.wording import number


@dataclass(frozen=True, eq=False)
class Bars:
    """Networks at the start.

    gradients : of seed 0, the mean ∂C/∂b of every hidden neuron, an array (n_l,) per layer. by_seed : the layers' L2
    norms, shape (seeds, hidden layers).
    """

    gradients: tuple[Floats, ...]
    by_seed: Floats

    @property
    def norms(self) -> Floats:
        """The layers' L2 norms, of seed 0."""
        return np.asarray(self.by_seed[0])


def _run(setup: Setup, hidden: int = 2) -> Bars:
    """The mean ∂C/∂b of every hidden neuron at the start, over the first 1000 training images."""
    first = setup.source.load().train.first(MEASURED_IMAGES)
    nets = (Training(setup.sizes(hidden), seed).network() for seed in range(setup.seeds))
    each = [net.mean_bias_gradients(first.images, first.labels)[:-1] for net in nets]
    return Bars(tuple(each[0]), np.array([[norm(g, 2) for g in gradients] for gradients in each]))


def _table(found: Bars) -> Rows:
    yield "layer", "neuron", "mean_bias_gradient"
    for layer, gradients in enumerate(found.gradients, 1):
        yield from ((layer, neuron, float(g)) for neuron, g in enumerate(gradients, 1))


def _reading(found: Bars, setup: Setup) -> list[str]:
    first, last = found.norms[0], found.norms[-1]
    return [
        f"In the run shown, the last hidden layer's mean ∂C/∂b has the norm {number(last)} and the first one's "
        f"{number(first)}: {_times(last / first)}."
    ]


def _times(ratio: float) -> str:
    return f"{number(ratio)} times as much" if ratio >= 1 else f"{number(1 / ratio)} times less"


def _section(found: Bars) -> Tables:
    layers = by_layer("hidden layer {layer}", {len(found.norms): found.by_seed}, START_NORMS)
    rows = [
        (row.what, written(row.published), number(size), *middle_and_band(row.measured))
        for row, size in zip(layers, found.norms, strict=True)
    ]
    yield Table(("layer", "published", "run shown", *MIDDLE_AND_BAND), rows, f"{NORM}.")


EXPERIMENT = Experiment(
    question="How large is the gradient in each hidden neuron at the start?",
    run=_run,
    summary=lambda found: {"gradients": found.gradients, "norms_l2": found.norms},
    table=_table,
    arrays=lambda found: {f"bars_layer{k}": g for k, g in enumerate(found.gradients, 1)},
    figures={
        "bars": Drawing(
            lambda found, figure, dark: plot_bars(found.gradients, figure.add_subplot(), dark),
            (6.0, 5.2),
            "Bars for each hidden neuron of two layers, all to one scale.",
            f"Mean ∂C/∂b of every hidden neuron before training, over {MEASURED_ON}, seed 0. "
            "Right: positive. Left: negative. All bars are to one scale.",
        )
    },
    reading=_reading,
    section=_section,
)
