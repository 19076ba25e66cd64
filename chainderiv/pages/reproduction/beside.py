"""Every published figure beside what was measured over the seeds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from chainderiv.experiments import published
from chainderiv.experiments.all import Accuracy, Norms, Ratios, Reproduction
from chainderiv.view.networks.curves import BAND

Floats = NDArray[np.float64]
PUBLISHED_RATIOS = {
    hidden: tuple(below / above for below, above in pairwise(norms)) for hidden, norms in published.START_NORMS.items()
}


@dataclass(frozen=True, eq=False)
class Beside:
    """One quantity.

    Parameters
    ----------
    experiment : as in QUESTIONS. hidden, layer : of a network with so many hidden layers, of which one; 0: of none.
    what : in words. published : the figure of a single run, or None.
    measured : shape (seeds,).
    """

    experiment: str
    hidden: int
    layer: int
    what: str
    published: float | None
    measured: Floats

    @property
    def band(self) -> tuple[float, float, float]:
        """5 %, median and 95 % of the seeds."""
        low, middle, high = np.quantile(self.measured, BAND)
        return float(low), float(middle), float(high)

    @property
    def inside(self) -> bool | None:
        """Whether the published figure lies in the band; None without one."""
        low, _, high = self.band
        return None if self.published is None else bool(low <= self.published <= high)


def start_norms(norms: Norms) -> list[Beside]:
    """The L2 norm of each hidden layer before training."""
    return [
        Beside("norms", hidden, layer, f"norm of hidden layer {layer} of {hidden}, at the start", figure, column)
        for hidden, values in norms.l2.items()
        for layer, (column, figure) in enumerate(
            zip(values[:, 0].T, published.START_NORMS.get(hidden, [None] * hidden), strict=True), 1
        )
    ]


def slower(norms: Norms) -> list[Beside]:
    """How many times slower the first hidden layer learns than the last: the median over the epochs, of each run."""
    return [
        Beside(
            "norms", hidden, 0, f"last of {hidden} hidden layers over the first, median over the epochs",
            float(published.SLOWER) if hidden == 4 else None, np.median(norms.slower(hidden), axis=1),
        )
        for hidden in norms.l2 if hidden > 1
    ]  # fmt: skip


def accuracies(reached: Accuracy) -> list[Beside]:
    """The validation accuracy after training."""
    return [
        Beside("accuracy", hidden, 0, f"validation accuracy, {hidden} hidden layer{'s' * (hidden > 1)}",
               published.ACCURACY.get(hidden), runs)
        for hidden, runs in zip(reached.depths, reached.final, strict=True)
    ]  # fmt: skip


def layer_ratios(ratios: Ratios) -> list[Beside]:
    """The norm of each hidden layer over that of the next; of the published ones from the published norms."""
    return [
        Beside("ratios", hidden, layer, f"hidden layer {layer} over {layer + 1}, of {hidden}", figure, column)
        for hidden, values in ratios.measured.items()
        for layer, (column, figure) in enumerate(
            zip(values.T, PUBLISHED_RATIOS.get(hidden, [None] * (hidden - 1)), strict=True), 1
        )
    ]


def everything(found: Reproduction) -> list[Beside]:
    """All of what was run."""
    rows: list[Beside] = []
    if found.norms is not None:
        rows += [*start_norms(found.norms), *slower(found.norms)]
    if found.accuracy is not None:
        rows += accuracies(found.accuracy)
    if found.ratios is not None:
        rows += layer_ratios(found.ratios)
    return rows
