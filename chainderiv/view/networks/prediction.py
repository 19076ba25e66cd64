"""What is predicted of each hidden layer, and what was measured over it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rcParams
from numpy.typing import ArrayLike

from chainderiv.errors import BadShape, BadValue
from chainderiv.given import floats, of_kind, shown
from chainderiv.kinds import Floats
from chainderiv.logsign import LogSign
from chainderiv.nn.prediction import Prediction
from chainderiv.view.choices import as_it_stands, switch, title_of, words
from chainderiv.view.fitting import draw_legend, fit_words
from chainderiv.view.networks.lines import (
    BAND,
    BAND_SAID,
    leaves_ticks,
    limits_above_0,
    plain_numbers,
    ruled,
    sized_axis,
    whole_numbers,
)
from chainderiv.view.place import fill_place
from chainderiv.view.theme import Palette, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PREDICTION_SIZE = (6.0, 4.2)
PREDICTED, MEASURED = f"predicted, {BAND_SAID}", f"measured, {BAND_SAID}"
ROOM = 0.07  # of the axis, above and below what is drawn
MARKERS = "Ds^vP"
WIDE = 0.8  # of the step from layer to layer, that a band is
SPREAD = 0.3  # to either side of a layer, over which its points are laid out
X_LABEL = "hidden layer"
Y_LABEL = r"L2 norm of mean $\partial C/\partial b_l$"


def plot_prediction(
    prediction: Prediction,
    measured: ArrayLike | LogSign | None = None,
    ax: Axes | None = None,
    dark: bool = False,
    *,
    marks: Mapping[str, ArrayLike] | None = None,
    title: str | None = None,
    legend: bool = True,
    limits: Any = None,
) -> Axes:
    """Draw the predicted ‖∂C/∂b_l‖₂ of every hidden layer, median and band, on a log axis; and what was measured.

    Where a norm leaves float64, the axis holds decimal logarithms, with powers of ten at its ticks.

    Parameters
    ----------
    prediction : as predict gives it.
    measured : norms of networks that were drawn, (networks, H), or (H,) of one: numbers >= 0, or LogSign, which does
        not underflow, as TrainingRecord.log_norms() of one run. A point each; of several a bar from 5 to 95 %, too.
    ax, dark : Axes to draw on, by default those of a new figure, which pyplot does not know; whether for a dark page.
    marks : by name, H norms each, such as published ones.
    title : what stands above; by default the prediction's own. '' for none.
    legend : whether there is one.
    limits : (low, high), the smallest and the largest norm on the axis, above 0.

    Returns
    -------
    The Axes.

    Raises
    ------
    BadShape
        For measured or marks of another number of layers.
    BadValue
        When prediction is none, a norm is no number >= 0, or an option is none.

    Examples
    --------
    >>> import chainderiv as cd
    >>> digits, sizes = cd.load_data("digits"), [64, 30, 30, 10]
    >>> record = cd.train(cd.Network(sizes), digits, epochs=0)
    >>> ax = cd.plot_prediction(cd.predict(sizes, data=digits), record.norms())
    >>> [round(float(box.get_height()), 2) for box in ax.patches]
    [0.05, 0.21]
    """
    of_kind("prediction", prediction, Prediction, "what predict(…) returns")
    switch("legend", legend)
    own, ends = title_of(title), limits_above_0(limits)
    hidden = len(prediction.median)
    runs = None if measured is None else _logs("measured", measured, hidden)
    named = {name: _logs(f"marks[{name!r}]", norms, hidden)[0] for name, norms in _named(marks).items()}
    every = [prediction.log_points, *([] if runs is None else [runs]), *named.values()]
    far = leaves_ticks(*every, *([] if ends is None else [np.log(ends)]))
    scaled = partial(_scaled, far=far)
    with drawing(ax, PREDICTION_SIZE, dark, fitted=True) as (ax, colours):
        sized_axis(ax, far)
        handles = [_band(ax, scaled(prediction.log_points), colours)]
        handles += [] if runs is None else _runs(ax, scaled(runs), colours)
        handles += [_marks(ax, name, scaled(logs), k, colours) for k, (name, logs) in enumerate(named.items())]
        ax.set_xlim(0.4, hidden + 0.6)
        drawn = np.concatenate([logs.ravel() for logs in every])
        ax.set_ylim(*scaled(_ends(drawn) if ends is None else np.log(ends)))
        if not far:
            plain_numbers(ax)
        whole_numbers(ax)
        ruled(ax)
        if legend:
            draw_legend(ax, handles, False)
        fit_words(ax, as_it_stands(prediction.title) if own is None else own, X_LABEL, Y_LABEL, False)
        fill_place(ax)
    return ax


def _logs(name: str, given: ArrayLike | LogSign, hidden: int) -> Floats:
    """Natural logarithms of norms, (networks, H)."""
    if isinstance(given, LogSign):
        logs, sizes = np.asarray(given.log, float), np.asarray(given.sign, float)
    else:
        sizes = floats(name, given)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(sizes)
    if logs.ndim not in (1, 2) or not logs.size or logs.shape[-1] != hidden:
        raise BadShape(f"{name} has shape {logs.shape}; give (networks, {hidden}), a norm for each hidden layer")
    if not (sizes >= 0).all() or np.isposinf(logs).any():
        raise BadValue(f"{name} holds {shown(sizes[~((sizes >= 0) & (sizes < np.inf))].tolist()[0])}; give norms >= 0")
    return np.atleast_2d(logs)


def _named(marks: Any) -> dict[str, Any]:
    wanted = "a dict of names and norms, or None"
    found = {} if marks is None else dict(of_kind("marks", marks, Mapping, wanted))
    return {words("a name of marks", of_kind("a name of marks", name, str, "a text")): found[name] for name in found}


def _scaled(logs: Floats, far: bool) -> Floats:
    """What the axis holds: norms, or where float64 does not hold them decimal logarithms; NaN for 0."""
    shown = np.where(np.isneginf(logs), np.nan, logs)
    return np.asarray(shown / np.log(10.0) if far else np.exp(shown))


def _ends(logs: Floats) -> Floats:
    """Of an axis that holds them all."""
    low, high = np.min(logs[np.isfinite(logs)]), np.max(logs)
    room = ROOM * max(high - low, 1.0)
    return np.array([low - room, high + room])


def _band(ax: Axes, points: Floats, colours: Palette) -> Any:
    """A box from 5 to 95 % in each layer, and the median across it."""
    layers, (low, middle, high) = np.arange(1, len(points) + 1), points.T
    boxes = ax.bar(layers, high - low, WIDE, low, color=colours.cycle[0], alpha=0.3, linewidth=0, label=PREDICTED)
    for box in boxes:
        box.set_gid("band")
    ends = layers - WIDE / 2, layers + WIDE / 2
    medians = ax.hlines(middle, *ends, colors=colours.cycle[0], linewidths=1.3 * rcParams["lines.linewidth"])
    medians.set_gid("median")
    return boxes


def _runs(ax: Axes, runs: Floats, colours: Palette) -> list[Any]:
    """A point for each, laid out side by side in their order; of several a bar from 5 to 95 %, and their median."""
    aside = SPREAD * np.linspace(-1, 1, len(runs)) if len(runs) > 1 else np.zeros(1)
    layers = np.arange(1, runs.shape[1] + 1)
    size, alpha = (0.6, 0.45) if len(runs) > 1 else (2.5, 1.0)
    look: dict[str, Any] = {"s": size * rcParams["font.size"], "color": colours.soft, "alpha": alpha, "linewidths": 0}
    at = np.add.outer(aside, layers)
    points = ax.scatter(at.ravel(), runs.ravel(), label="a network", zorder=3, gid="measured", **look)
    if len(runs) == 1:
        return [points]
    low, middle, high = np.nanquantile(runs, BAND, axis=0)
    bars = ax.errorbar(
        layers, middle, [middle - low, high - middle], color=colours.ink, linestyle="none", marker="o",
        markersize=0.45 * rcParams["font.size"], capsize=3, label=MEASURED, zorder=4,
    )  # fmt: skip
    return [points, bars]


def _marks(ax: Axes, name: str, norms: Floats, number: int, colours: Palette) -> Any:
    look: dict[str, Any] = {"ls": "none", "marker": MARKERS[number % len(MARKERS)], "markerfacecolor": "none"}
    look |= {"ms": 0.75 * rcParams["font.size"], "markeredgewidth": 1.8, "color": colours.cycle[1], "zorder": 5}
    (line,) = ax.plot(np.arange(1, len(norms) + 1), norms, label=name, gid="marks", **look)
    return line
