"""Does the cross-entropy cost save us?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainderiv.experiments.beside import MIDDLE_AND_BAND, Table, by_layer, middle_and_band, written
from chainderiv.experiments.experiment import Drawing, Experiment, Rows, Tables
from chainderiv.experiments.norms import EXPERIMENT as NORMS, WIDE, Norms, draw_panels
from chainderiv.experiments.published import START_NORMS
from chainderiv.experiments.setup import Setup
from chainderiv.kinds import Floats
from chainderiv.view.networks.depths import plot_start_norms
from chainderiv.view.networks.lines import BAND_SAID
from chainderiv.wording import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAME = 0.25  # factors within a quarter of one another count as one and the same


@dataclass(frozen=True, eq=False)
class Costs:
    """The same networks under two costs.

    cross_entropy, quadratic : the norms.
    """

    cross_entropy: Norms
    quadratic: Norms

    @property
    def deepest(self) -> int:
        """The greatest number of hidden layers."""
        return max(self.quadratic.l2)

    def shrinks(self, hidden: int) -> Floats:
        """The quadratic cost's L2 norms at the start over the cross-entropy's, shape (seeds, hidden layers).

        The σ'(z_L) that cross-entropy cancels is one factor of δ_L: it is in every layer's norm alike.
        """
        return np.asarray(self.quadratic.l2[hidden][:, 0] / self.cross_entropy.l2[hidden][:, 0])


def _run(setup: Setup, cross_entropy: Norms) -> Costs:
    """The norms with the quadratic cost, beside those that were measured."""
    return Costs(cross_entropy, NORMS.run(setup, cost="quadratic"))


def _summary(found: Costs) -> dict[str, Any]:
    return {
        "quadratic": found.quadratic.summary(),
        "quadratic_over_cross_entropy": {hidden: found.shrinks(hidden) for hidden in found.quadratic.l2},
    }


def _table(found: Costs) -> Rows:
    yield "hidden_layers", "layer", "seed", "cross_entropy", "quadratic"
    for hidden, runs in found.quadratic.l2.items():
        pairs = np.stack([found.cross_entropy.l2[hidden][:, 0], runs[:, 0]], axis=-1).tolist()
        yield from ((hidden, k + 1, seed, *pairs[seed][k]) for seed, k in np.ndindex(len(runs), hidden))


def _draw(found: Costs, figure: Figure, dark: bool) -> None:
    kinds = {"cross-entropy": found.cross_entropy, "quadratic": found.quadratic}
    start = {name: norms.start("l2")[found.deepest] for name, norms in kinds.items()}
    ax = plot_start_norms(start, figure.add_subplot(), dark)
    ax.set_title(f"{found.deepest} hidden layers", fontsize=10.5, fontweight="normal", loc="left")


def _reading(found: Costs, setup: Setup) -> list[str]:
    """One factor in all layers, and the layers as far apart as before."""
    hidden = found.deepest
    shrinks = np.median(found.shrinks(hidden), axis=0)
    entropy, quadratic = (float(np.median(n.slower(hidden)[:, 0])) for n in (found.cross_entropy, found.quadratic))
    alike = float(shrinks.max() / shrinks.min()) < 1 + SAME
    first = (
        f"The quadratic cost's norms are {number(float(shrinks.min()))} to {number(float(shrinks.max()))} of the "
        f"cross-entropy's at the start, {'nearly the same factor in each' if alike else 'not one factor in all'} of "
        f"the {hidden} hidden layers. "
    )
    if hidden == 1:
        return [first]
    stays = "the cancelled σ′ is one factor, and the links between the layers stay."
    changes = "here the cost changes how far the layers lie apart."
    return [
        f"{first}The last layer's norm is {number(entropy)} times the first one's with cross-entropy and "
        f"{number(quadratic)} times with the quadratic cost: "
        + (stays if abs(np.log(entropy / quadratic)) < np.log(1 + SAME) else changes)
    ]


def _section(found: Costs) -> Tables:
    hidden = found.deepest
    starts = [norms.at_start(hidden)[0] for norms in (found.cross_entropy, found.quadratic)]
    layers = by_layer("hidden layer {layer} of {hidden}", {hidden: found.shrinks(hidden)}, START_NORMS)
    rows = [
        (row.what, written(row.published), number(one), number(other), *middle_and_band(row.measured))
        for row, one, other in zip(layers, *starts, strict=True)
    ]
    head = ("layer", "published", "cross-entropy", "quadratic", "quadratic over it", MIDDLE_AND_BAND[1])
    yield Table(head, rows, "L2 norm at the start, medians; the published ones are with cross-entropy.")


EXPERIMENT = Experiment(
    question="Does the cross-entropy cost save us?",
    introduction=lambda setup: (
        "With sigmoid outputs, cross-entropy cancels σ′(z_L), the output layer’s own. The links below it keep theirs."
    ),
    needs=("norms",),
    run=_run,
    trains=NORMS.trains,
    summary=_summary,
    table=_table,
    arrays=lambda found: found.quadratic.named("quadratic"),
    figures={
        "costs": Drawing(
            _draw,
            (6.6, 4.0),
            "Norm of each hidden layer's gradient before training under two costs, on a logarithmic axis.",
            "A constant distance on this axis is one common factor. The slope is the links.",
        ),
        "norms-quadratic": Drawing(
            lambda found, figure, dark: draw_panels(found.quadratic.l2, "l2", figure, dark),
            WIDE,
            "Norm of each hidden layer's gradient over the epochs with the quadratic cost, a panel for each depth.",
            f"The L2 norms over the epochs with the quadratic cost. Line: median. Band: {BAND_SAID} of the seeds.",
        ),
    },
    reading=_reading,
    section=_section,
)
