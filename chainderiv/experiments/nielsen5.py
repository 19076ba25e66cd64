"""Nielsen's experiments on why deep networks are hard to train, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainderiv.experiments import accuracy, bars, costs, insertion, norms, ratios, remedies
from chainderiv.experiments.experiment import Experiment
from chainderiv.experiments.reproduction import Reproduction, band_said, data_said
from chainderiv.experiments.setup import Setup

# in the order of the page; each stands behind what it needs
EXPERIMENTS: dict[str, Experiment[Any]] = {
    "bars": bars.EXPERIMENT,
    "norms": norms.EXPERIMENT,
    "accuracy": accuracy.EXPERIMENT,
    "insertion": insertion.EXPERIMENT,
    "costs": costs.EXPERIMENT,
    "remedies": remedies.EXPERIMENT,
    "ratios": ratios.EXPERIMENT,
}


def _lead(setup: Setup) -> str:
    return (
        "Nielsen’s book (2015, chapter 5) shows with single runs that the early layers of a deep network learn "
        f"slowly. Here each run is repeated with {setup.seeds} seeds, so that what chance does can be told "
        "from what depth does."
    )


def _setting(setup: Setup) -> Sequence[str]:
    data = setup.source.load()
    text = (
        f"{data_said(setup)} "
        f"Networks: {data.pixels} inputs, hidden layers of {setup.width} sigmoid neurons, {data.classes} outputs, "
        "weights N(0, 1/n), biases N(0, 1), cross-entropy, unless said otherwise. Norms over epochs: "
        f"{setup.full_batch_epochs} epochs of full-batch descent on the first {setup.measured_images} images, "
        f"η = 0.1, λ = 5.0, each norm taken before its update. Accuracy: {setup.epochs} epochs in mini-batches of 10, "
        f"η = 0.1, λ = 5.0 per 50,000 images. {band_said(setup)}"
    )
    tests = (
        "Differences of accuracy are tested by Welch’s test, corrected for their number by Holm’s method; "
        "Hedges’ g is the difference in units of the runs’ own spread."
    )
    return [text, tests]


def _settings(setup: Setup) -> dict[str, Any]:
    return {
        "seeds": setup.seeds, "width": setup.width, "depths": setup.depths,
        "accuracy_depths": setup.accuracy_depths or setup.depths, "remedy_depths": setup.deepest,
        "remedy_seeds": setup.remedy_seeds or setup.seeds, "remedy_epochs": setup.epochs,
        "full_batch_epochs": setup.full_batch_epochs, "epochs": setup.epochs,
    }  # fmt: skip


REPRODUCTION = Reproduction(
    about="Nielsen (2015), chapter 5",
    title="Why are deep networks hard to train? The published experiments, measured again over many seeds",
    experiments=EXPERIMENTS,
    lead=_lead,
    setting=_setting,
    settings=_settings,
    full={"seeds": 20, "remedy_seeds": 5, "full_batch_epochs": 500, "epochs": 30, "deepest": (1, 2, 4, 6, 8, 10)},
    # ends within a minute on two cores
    quick={"seeds": 3, "remedy_seeds": 2, "full_batch_epochs": 100, "epochs": 30, "deepest": (1, 4, 10)},
)
