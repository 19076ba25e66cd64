"""What theory predicts without drawing a network, laid on networks that are drawn and measured, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainderiv.experiments import layers, plateau, slopes
from chainderiv.experiments.experiment import Experiment
from chainderiv.experiments.reproduction import Reproduction, band_said, data_said
from chainderiv.experiments.setup import Setup

# in the order of the page; each stands behind what it needs
EXPERIMENTS: dict[str, Experiment[Any]] = {
    "layers": layers.EXPERIMENT,
    "slopes": slopes.EXPERIMENT,
    "plateau": plateau.EXPERIMENT,
}


def _lead(setup: Setup) -> str:
    return (
        "How large a gradient is in each layer of a random network, and how far seeds scatter it, follows from the "
        "widths, the neuron and the σ of its weights and biases alone. Here that prediction is made first, and "
        f"{setup.seeds} networks of each kind are measured against it."
    )


def _setting(setup: Setup) -> Sequence[str]:
    data = setup.source.load()
    nets = (
        f"{data_said(setup)} Nielsen’s networks: {data.pixels} inputs, hidden layers of {setup.width} sigmoid "
        f"neurons, {data.classes} outputs, weights N(0, 1/n), biases N(0, 1), cross-entropy; {band_said(setup)}"
    )
    return [nets, slopes.setting(setup)]


def _settings(setup: Setup) -> dict[str, Any]:
    return {
        "seeds": setup.seeds, "width": setup.width, "depths": setup.depths, "trained_depths": setup.deepest,
        "trained_seeds": setup.remedy_seeds or setup.seeds, "epochs": setup.epochs,
    }  # fmt: skip


REPRODUCTION = Reproduction(
    about="what theory predicts, on what is measured",
    title="How large will the gradient be? What theory predicts, laid on networks that were measured",
    experiments=EXPERIMENTS,
    lead=_lead,
    setting=_setting,
    settings=_settings,
    full={"seeds": 300, "remedy_seeds": 6, "deepest": (3, 4, 5, 6, 7), "epochs": 60},
    # few images make few steps
    quick={"seeds": 100, "remedy_seeds": 2, "deepest": (3, 5), "epochs": 400},
)
