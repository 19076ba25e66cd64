"""The figures of a tour, and what is said of each."""

from __future__ import annotations

from matplotlib.figure import Figure

from chainderiv.experiments.experiment import Drawing
from chainderiv.maps.axis import Axis
from chainderiv.pages.tour.findings import Findings
from chainderiv.view.maps.link_map import plot_link_map
from chainderiv.view.maps.maps import plot_sweep
from chainderiv.view.networks.curves import plot_accuracy, plot_bars, plot_norms
from chainderiv.view.theme import SIZE

LINK_Z = Axis(-10, 10, 401)


def _link_map(found: Findings, figure: Figure, dark: bool) -> None:
    chain = found.derivation.chain
    plot_link_map(chain.activation(1), found.map.axes["w"], LINK_Z, ax=figure.add_subplot(), dark=dark)


def _training(found: Findings, figure: Figure, dark: bool) -> None:
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    plot_norms(found.record, ax=above, dark=dark)
    plot_accuracy(found.record, ax=below, dark=dark)
    above.set_xlabel("")


FIGURES: dict[str, Drawing[Findings]] = {
    "link-map": Drawing(
        _link_map,
        SIZE,
        "Map of one link over weight and pre-activation. It is below 1/4 outside two bands around z = 0; inside "
        "them, beyond weights of 4 in size, a tongue opens to either side where it exceeds 1.",
        "The size of one link. Dashed: 1/4. Solid: 1. Only inside the solid line does a link amplify. At w = 0 it "
        "is exactly 0.",
    ),
    "gradient-map": Drawing(
        lambda found, figure, dark: plot_sweep(found.map, ax=figure.add_subplot(), dark=dark),
        SIZE,
        "Map of the gradient of the first bias over weight and bias. Nearly all of it is labelled vanishing; a thin "
        "strip at positive weight and negative bias and a wedge at negative weight and positive bias are "
        "labelled exploding.",
        "log₁₀ |∂C/∂b₁|. Solid: the rate is 0, the boundary between vanishing and exploding. Dashed: the largest "
        "link is 1/4.",
    ),
    "bars": Drawing(
        lambda found, figure, dark: plot_bars(found.bars, ax=figure.add_subplot(), dark=dark),
        SIZE,
        "Bars for the neurons of 2 hidden layers, to one scale: those of the first layer are much shorter than those "
        "of the last.",
        "Mean ∂C/∂b of every hidden neuron before training, all bars to one scale. Right: positive. Left: negative.",
    ),
    "training": Drawing(
        _training,
        (6.0, 5.6),
        "Two charts over the epochs of training. Above, the norm of the gradient in each hidden layer on a "
        "logarithmic axis; below, the validation accuracy.",
        "Above: the norm of the mean ∂C/∂b of each hidden layer. Below: the fraction of validation images read "
        "correctly.",
    ),
}
