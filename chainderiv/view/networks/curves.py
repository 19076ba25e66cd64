"""Measurements of a Network: a bar per neuron, a line per layer, and over several runs the band they fill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.errors import BadShape, BadValue
from chainderiv.given import floats, of_kind, several
from chainderiv.kinds import Floats
from chainderiv.records.record import TrainingRecord
from chainderiv.view.choices import switch, title_of
from chainderiv.view.networks.lines import (
    LABEL_GAP,
    banded,
    epoch_axis,
    leaves_ticks,
    limits_above_0,
    marker,
    name_ends,
    sized_axis,
)
from chainderiv.view.theme import SIZE, Palette, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SLOT = 2.3  # room for a layer, in units of the longest bar, which may point either way
RECORDS = "what train(…) returns, once or several times"
CURVE_SIZE = (6.0, 3.8)


def plot_bars(gradients: Sequence[ArrayLike], ax: Axes | None = None, dark: bool = False) -> Axes:
    """Draw the mean ∂C/∂b of every hidden neuron as a bar, all to one scale, layer beside layer.

    Bars point right where ∂C/∂b > 0. A bar's length in the Axes' own units is the gradient.

    Parameters
    ----------
    gradients : one array (n_l,) per hidden layer, the first layer first; units of the cost.
    ax : Axes to draw on; by default those of a new figure, which pyplot does not know.
    dark : whether the figure is for a dark page.

    Returns
    -------
    The Axes.

    Raises
    ------
    BadShape
        When there is no layer, or one is no row.
    BadValue
        When a gradient is no finite number.

    Source: Nielsen (2015), chapter 5, the bars on the neurons of two hidden layers.

    Examples
    --------
    >>> ax = plot_bars([[0.001, -0.002], [0.03, 0.01]])
    >>> [round(float(bar.get_width()), 6) for bar in ax.patches]
    [0.001, -0.002, 0.03, 0.01]
    """
    layers = [_row(g) for g in several("gradients", gradients, object, "one array (n_l,) per hidden layer")]
    if not layers:
        raise BadShape("no hidden layer is given; give one array (n_l,) per hidden layer")
    longest = max(float(np.abs(g).max()) for g in layers) or 1.0
    with drawing(ax, SIZE, dark) as (ax, colours):
        centres = [SLOT * longest * (k + 0.5) for k in range(len(layers))]
        for centre, g in zip(centres, layers, strict=True):
            _layer(ax, centre, g, colours)
        names = [_layer_name(k, g) for k, g in enumerate(layers, 1)]
        ax.set_xticks(centres, names)
        tallest = max(len(g) for g in layers)
        ax.set(xlim=(0, SLOT * longest * len(layers)), ylim=(tallest + 2.5, 0))
        ax.set_yticks([1, *range(5, tallest + 1, 5)])
        ax.set_ylabel("neuron")
        ax.tick_params(length=0)
        ax.spines[["left", "bottom"]].set_visible(False)
        _scale_bar(ax, centres[0] - longest, tallest + 1.6, longest, colours)
    return ax


def plot_norms(
    record: TrainingRecord | Sequence[TrainingRecord],
    order: str = "l2",
    ax: Axes | None = None,
    dark: bool = False,
    *,
    title: str | None = None,
    names: bool = True,
    limits: Any = None,
) -> Axes:
    """Draw ‖mean ∂C/∂b_l‖ of every hidden layer over the epochs, on a log axis, however small they are.

    Of several runs the median is the line, and a band holds 5 to 95 % of them. Where a norm leaves float64, the axis
    holds decimal logarithms, with powers of ten at its ticks.

    Parameters
    ----------
    record : TrainingRecord, or several of equally many rows and layers, such as one per seed.
    order : 'l2', or 'l1', the sum of the sizes.
    ax, dark : as in plot_bars.
    title : what stands above; by default nothing.
    names : whether the layers are named at the ends of their lines.
    limits : (low, high), the smallest and the largest norm on the axis, above 0; by default those of the record.

    Returns
    -------
    The Axes.

    Raises
    ------
    UnknownName
        For another order.
    BadShape
        When the network has no hidden layer, or the records' shapes differ.
    BadValue
        When one is no TrainingRecord, or an option is none.

    Source: Nielsen (2015), chapter 5, the speed of learning of each hidden layer.

    Examples
    --------
    >>> rows = tuple((np.full(3, 0.01 * k), np.full(3, 0.1 * k), np.ones(2)) for k in (3, 2, 1))
    >>> record = TrainingRecord({}, rows, np.ones(3), np.ones(3), np.zeros(3))
    >>> len([line for line in plot_norms(record).lines if line.get_gid()])
    2
    """
    records = [record] if isinstance(record, TrainingRecord) else several("record", record, TrainingRecord, RECORDS)
    title, ends = title_of(title), limits_above_0(limits)
    each = [one.log_norms(order).log for one in records]
    if len({logs.shape for logs in each}) != 1:
        raise BadShape(f"the records' norms have shapes {[n.shape for n in each]}; give one or more, all of one shape")
    plain = np.array([one.norm_columns()[f"norms_{order}"] for one in records])
    switch("names", names)
    ax = plot_norm_bands(plain, order, ax, dark, epochs=records[0].epoch, logs=np.array(each), ends=ends, names=names)
    if title is not None:
        ax.set_title(title)
    return ax


def plot_norm_bands(
    norms: ArrayLike,
    order: str,
    ax: Axes | None,
    dark: bool,
    *,
    epochs: ArrayLike | None = None,
    name: str = "hidden layer {}",
    gap: float = LABEL_GAP,
    logs: Floats | None = None,
    ends: tuple[float, float] | None = None,
    names: bool = True,
) -> Axes:
    """Draw what plot_norms draws, of norms (runs, rows, hidden layers) at epochs (rows,), by default 0, 1, ….

    gap : between the lines' names at their ends, as a part of the axes' height.
    logs : the norms' natural logarithms, which are drawn where a norm leaves float64.
    Raises BadShape for another shape, or without a run or a hidden layer.
    """
    runs = np.asarray(norms, float)
    if runs.ndim != 3 or not runs.size:
        raise BadShape(
            f"norms have shape {runs.shape}; give (runs, rows, hidden layers) of a network with hidden layers"
        )
    x = np.asarray(range(runs.shape[1]) if epochs is None else epochs, float)
    far = logs is not None and leaves_ticks(logs, *([] if ends is None else [np.log(ends)]))
    shown = logs / np.log(10.0) if far and logs is not None else runs
    with drawing(ax, CURVE_SIZE, dark) as (ax, _):
        lines = [banded(ax, x, k, name.format(n), marker=marker(x), far=far) for n, k in enumerate(shown.T, 1)]
        sized_axis(ax, far)
        if ends is not None:
            ax.set_ylim(*(np.log10(ends) if far else ends))
        epoch_axis(ax, x)
        ax.set_ylabel(rf"{order.upper()} norm of mean $\partial C/\partial b_l$  (units of $C$)")
        if names:
            name_ends(ax, lines, gap)
    return ax


def plot_accuracy(record: TrainingRecord, ax: Axes | None = None, dark: bool = False) -> Axes:
    """Draw the fraction of right answers on the validation set over the epochs.

    Parameters
    ----------
    record : TrainingRecord; raises BadValue for another kind.
    ax, dark : as in plot_bars.

    Returns
    -------
    The Axes.

    Examples
    --------
    >>> record = TrainingRecord({}, ((np.ones(2),),) * 2, np.ones(2), np.ones(2), np.array([0.1, 0.9]))
    >>> plot_accuracy(record).get_xlabel()
    'epochs of training'
    """
    of_kind("record", record, TrainingRecord, "what train(…) returns")
    with drawing(ax, CURVE_SIZE, dark) as (ax, _):
        ax.plot(record.epoch, record.accuracy, gid="accuracy", marker=marker(record.epoch))
        epoch_axis(ax, record.epoch)
        ax.set(ylim=(0, 1), ylabel="validation accuracy\n(fraction)")
    return ax


def _row(gradients: ArrayLike) -> Floats:
    row = floats("a layer's gradients", gradients)
    if row.ndim != 1 or not row.size:
        raise BadShape(f"a layer's gradients have shape {row.shape}; give (n_l,) with n_l >= 1")
    if not np.isfinite(row).all():
        raise BadValue(f"a layer's gradients hold {row[~np.isfinite(row)][0]}; give finite numbers")
    return row


def _layer(ax: Axes, centre: float, g: Floats, colours: Palette) -> None:
    neurons = np.arange(1, len(g) + 1)
    shades = [colours.cycle[0] if value < 0 else colours.cycle[1] for value in g]
    ax.plot([centre, centre], [0.3, len(g) + 0.7], color=colours.grid, linewidth=1.0, zorder=0)
    ax.barh(neurons, g, left=centre, height=0.62, color=shades, zorder=2)
    ax.scatter(np.full(len(g), centre), neurons, s=4, color=colours.soft, zorder=1)


def _layer_name(number: int, g: Floats) -> str:
    return f"hidden layer {number}\nnorm {np.linalg.norm(g):.2g}"


def _scale_bar(ax: Axes, left: float, y: float, longest: float, colours: Palette) -> None:
    size = 10.0 ** np.floor(np.log10(longest))
    size *= max(step for step in (1, 2, 5) if step * size <= longest)
    ax.plot([left, left + size], [y, y], color=colours.ink, linewidth=2.0, gid="scale")
    ax.text(left + size + 0.05 * longest, y, rf"mean $\partial C/\partial b$ = {size:g}", va="center", fontsize=9.5)
