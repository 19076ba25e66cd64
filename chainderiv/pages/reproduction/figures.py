"""The figures of a reproduction, one function each; FIGURES says which experiment has which."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chainderiv.experiments import published
from chainderiv.experiments.all import Norms, Reproduction
from chainderiv.pages.reproduction.beside import PUBLISHED_RATIOS
from chainderiv.pages.reproduction.plan import Reproduced
from chainderiv.view.networks.curves import plot_bars, plot_norm_bands
from chainderiv.view.networks.depths import plot_accuracy_by_depth, plot_accuracy_lines, plot_layers, plot_start_norms
from chainderiv.view.picture import picture
from chainderiv.view.theme import Palette, new_figure, palette, theme

Draw = Callable[[Reproduction, bool], Figure]
NO_THEORY = "theory: not computed here"


def pictures(reproduced: Reproduced, progress: Callable[[int, int], object]) -> dict[str, bytes]:
    """name-light.svg, name-light.png, name-dark.svg and name-dark.png for each figure of what was asked for."""
    wanted = {name: draw for of, drawn in FIGURES.items() if reproduced.shows(of) for name, draw in drawn.items()}
    made: dict[str, bytes] = {}
    for done, (name, draw) in enumerate(wanted.items(), 1):
        for dark in (False, True):
            figure = draw(reproduced.found, dark)
            for form in ("svg", "png"):
                made[f"{name}-{'dark' if dark else 'light'}.{form}"] = picture(figure, form)
                # laid out once: the second file takes half the time, and its parts stand where the first one's do
                figure.set_layout_engine("none")
        progress(done, len(wanted))
    return made


def _bars(found: Reproduction, dark: bool) -> Figure:
    assert found.bars is not None
    bars = found.bars
    return _alone((6.0, 5.2), dark, lambda ax: plot_bars(bars.gradients, ax, dark))


def _start(found: Reproduction, dark: bool) -> Figure:
    assert found.norms is not None
    start = {hidden: values[:, 0] for hidden, values in found.norms.l2.items()}
    label = r"L2 norm of mean $\partial C/\partial b_l$" + "\nbefore training"
    return _alone((7.6, 4.2), dark, lambda ax: _layer_numbers(
        plot_layers(start, published.START_NORMS, ax, dark, ylabel=label), "hidden layer"
    ))  # fmt: skip


def _layer_numbers(ax: Axes, what: str) -> Axes:
    ax.set_xlabel(what)
    return ax


def _curves(order: str) -> Draw:
    def draw(found: Reproduction, dark: bool) -> Figure:
        assert found.norms is not None
        return norm_panels(found.norms, order, dark)

    return draw


def norm_panels(norms: Norms, order: str, dark: bool) -> Figure:
    """A panel for each number of hidden layers, all to one scale."""
    by_depth = getattr(norms, order)
    rows = -(-len(by_depth) // 2)
    figure = new_figure((9.6, 0.5 + 2.9 * rows), dark)
    with theme(dark):
        panels = figure.subplots(rows, min(2, len(by_depth)), sharex=True, sharey=True, squeeze=False).ravel()
        low, high = (end([end(v[v > 0]) for v in by_depth.values()]) for end in (np.min, np.max))
        for ax in panels:
            ax.set(yscale="log", ylim=(low / 1.5, high * 1.5))
        for ax, (hidden, values) in zip(panels, by_depth.items(), strict=False):
            plot_norm_bands(values, order, ax, dark, name="layer {}", gap=0.11)
            ax.set_title(f"{hidden} hidden layer{'' if hidden == 1 else 's'}", fontsize=10.5, fontweight="normal")
            ax.set(ylim=(low / 1.5, high * 1.5), ylabel="", xlabel="")
        for ax in panels[len(by_depth) :]:
            ax.set_visible(False)
        figure.supxlabel("epochs of training, full batch", fontsize=11)
        figure.supylabel(rf"{order.upper()} norm of mean $\partial C/\partial b_l$  (units of $C$)", fontsize=11)
    return figure


def _accuracy(found: Reproduction, dark: bool) -> Figure:
    reached = found.accuracy
    assert reached is not None
    return _alone((6.6, 4.2), dark, lambda ax: plot_accuracy_by_depth(
        reached.depths, reached.final, published.ACCURACY, ax, dark
    ))  # fmt: skip


def _insertion(found: Reproduction, dark: bool) -> Figure:
    inserted, reached = found.insertion, found.accuracy
    assert inserted is not None
    assert reached is not None

    def draw(ax: Axes) -> None:
        colours = palette(dark)
        ax.plot(
            reached.depths, 100 * inserted.kept.mean(axis=0), color=colours.cycle[2], marker="s", zorder=6,
            label="trained shallow, then deepened by layers that pass on",
        )  # fmt: skip
        plot_accuracy_by_depth(reached.depths, inserted.trained, None, ax, dark, label="trained from the start: mean",
                               columns=1)  # fmt: skip

    return _alone((6.6, 4.6), dark, draw)


def _costs(found: Reproduction, dark: bool) -> Figure:
    costs = found.costs
    assert costs is not None
    hidden = max(costs.quadratic.l2)
    start = {
        "cross-entropy": costs.cross_entropy.l2[hidden][:, 0],
        "quadratic": costs.quadratic.l2[hidden][:, 0],
    }
    return _alone(
        (6.6, 4.0),
        dark,
        lambda ax: plot_start_norms(start, ax, dark).set_title(
            f"{hidden} hidden layers", fontsize=10.5, fontweight="normal"
        ),
    )


def _quadratic(found: Reproduction, dark: bool) -> Figure:
    assert found.costs is not None
    return norm_panels(found.costs.quadratic, "l2", dark)


def _remedy_norms(found: Reproduction, dark: bool) -> Figure:
    remedies = found.remedies
    assert remedies is not None
    return _alone((7.4, 4.4), dark, lambda ax: plot_start_norms(remedies.start, ax, dark, bands=False))


def _remedy_accuracy(found: Reproduction, dark: bool) -> Figure:
    remedies = found.remedies
    assert remedies is not None
    return _alone((7.4, 4.4), dark, lambda ax: plot_accuracy_lines(remedies.depths, remedies.accuracy, ax, dark))


def _ratios(found: Reproduction, dark: bool) -> Figure:
    ratios = found.ratios
    assert ratios is not None
    places = [f"{k} : {k + 1}" for k in range(1, 1 + max(row.shape[1] for row in ratios.measured.values()))]

    def draw(ax: Axes) -> None:
        label = "norm of a layer over\nthe norm of the next"
        plot_layers(ratios.measured, PUBLISHED_RATIOS, ax, dark, ylabel=label, places=places)
        ax.set_xlabel("neighbouring hidden layers")
        _level(ax, ratios.link, f"measured, geometric\nmean: {ratios.link:.3f}", palette(dark).cycle[0])
        _theory(ax, ratios.predicted, ratios.link, palette(dark))

    return _alone((7.8, 4.2), dark, draw)


def _level(ax: Axes, value: float, text: str, colour: str) -> None:
    ax.axhline(value, color=colour, linewidth=1.2, linestyle="--", gid="link")
    ax.annotate(text, (1.02, value), xycoords=("axes fraction", "data"), va="center", color=colour, fontsize=9.5,
                annotation_clip=False)  # fmt: skip


def _theory(ax: Axes, predicted: float | None, measured: float, colours: Palette) -> None:
    """The theory's line, or the words that hold its place."""
    low, high = ax.get_ylim()
    if predicted is not None:
        ax.axhline(predicted, color=colours.ink, linewidth=1.4, gid="theory")
    text = NO_THEORY.replace(": ", ":\n") if predicted is None else f"theory: {predicted:.4f}"
    # apart from the measured mean's name, on the side where there is room
    height = 0.28 if measured > (low * high) ** 0.5 else 0.78
    ax.text(1.02, height, text, transform=ax.transAxes, va="center", color=colours.soft, fontsize=9.5, style="italic")


def _alone(size: tuple[float, float], dark: bool, draw: Callable[[Axes], object]) -> Figure:
    figure = new_figure(size, dark)
    with theme(dark):
        draw(figure.add_subplot())
    return figure


FIGURES: dict[str, dict[str, Draw]] = {
    "bars": {"bars": _bars},
    "norms": {"start-norms": _start, "norms-l2": _curves("l2"), "norms-l1": _curves("l1")},
    "accuracy": {"accuracy": _accuracy},
    "insertion": {"insertion": _insertion},
    "costs": {"costs": _costs, "norms-quadratic": _quadratic},
    "remedies": {"remedies-norms": _remedy_norms, "remedies-accuracy": _remedy_accuracy},
    "ratios": {"ratios": _ratios},
}
