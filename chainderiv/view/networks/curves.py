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
from chainderiv.view.theme import SIZE, Palette, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SLOT = 2.3  # room for a layer, in units of the longest bar, which may point either way
LABEL_GAP = 0.075  # of the axes' height, between the names at the ends of lines
BAND = (0.05, 0.5, 0.95)  # of the runs: the band's edges, and the line within
BAND_SAID = f"{100 * BAND[0]:g} to {100 * BAND[-1]:g} %"
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
    record: TrainingRecord | Sequence[TrainingRecord], order: str = "l2", ax: Axes | None = None, dark: bool = False
) -> Axes:
    """Draw ‖mean ∂C/∂b_l‖ of every hidden layer over the epochs, on a log axis.

    Of several runs the median is the line, and a band holds 5 to 95 % of them.

    Parameters
    ----------
    record : TrainingRecord, or several of equally many rows and layers, such as one per seed.
    order : 'l2', or 'l1', the sum of the sizes.
    ax, dark : as in plot_bars.

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
        When one is no TrainingRecord.

    Source: Nielsen (2015), chapter 5, the speed of learning of each hidden layer.

    Examples
    --------
    >>> rows = tuple((np.full(3, 0.01 * k), np.full(3, 0.1 * k), np.ones(2)) for k in (3, 2, 1))
    >>> record = TrainingRecord({}, rows, np.ones(3), np.ones(3), np.zeros(3))
    >>> len([line for line in plot_norms(record).lines if line.get_gid()])
    2
    """
    records = [record] if isinstance(record, TrainingRecord) else several("record", record, TrainingRecord, RECORDS)
    each = [one.norms(order) for one in records]
    if len({norms.shape for norms in each}) != 1:
        raise BadShape(f"the records' norms have shapes {[n.shape for n in each]}; give one or more, all of one shape")
    return plot_norm_bands(np.array(each), order, ax, dark, epochs=records[0].epoch)


def plot_norm_bands(
    norms: ArrayLike,
    order: str,
    ax: Axes | None,
    dark: bool,
    *,
    epochs: ArrayLike | None = None,
    name: str = "hidden layer {}",
    gap: float = LABEL_GAP,
) -> Axes:
    """Draw what plot_norms draws, of norms (runs, rows, hidden layers) at epochs (rows,), by default 0, 1, ….

    gap : between the lines' names at their ends, as a part of the axes' height.
    Raises BadShape for another shape, or without a run or a hidden layer.
    """
    runs = np.asarray(norms, float)
    if runs.ndim != 3 or not runs.size:
        raise BadShape(
            f"norms have shape {runs.shape}; give (runs, rows, hidden layers) of a network with hidden layers"
        )
    x = np.asarray(range(runs.shape[1]) if epochs is None else epochs, float)
    with drawing(ax, CURVE_SIZE, dark) as (ax, _):
        lines = [banded(ax, x, layer, name.format(k), marker=_marker(x)) for k, layer in enumerate(runs.T, 1)]
        ax.set_yscale("log")
        _epochs(ax, x)
        ax.set_ylabel(rf"{order.upper()} norm of mean $\partial C/\partial b_l$  (units of $C$)")
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
        ax.plot(record.epoch, record.accuracy, gid="accuracy", marker=_marker(record.epoch))
        _epochs(ax, record.epoch)
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


def banded(ax: Axes, x: ArrayLike, runs: Floats, name: str, *, band: bool = True, **look: Any) -> Any:
    """The median of runs, shape (len(x), runs), as a line, and the band that several fill; the line."""
    shown = np.where(runs > 0, runs, np.nan)  # a log axis has no place for 0
    low, middle, high = np.quantile(shown, BAND, axis=1)
    (line,) = ax.plot(x, middle, gid=name, **look)
    if band and runs.shape[1] > 1:
        ax.fill_between(x, low, high, color=line.get_color(), alpha=0.2, linewidth=0, gid=name)
    return line


def _marker(x: Floats) -> str | None:
    """Points where there is hardly a line."""
    return "o" if len(x) < 3 else None


def _epochs(ax: Axes, epochs: Floats) -> None:
    ax.set_xlim(0, max(float(epochs[-1]), 1))
    whole_numbers(ax)
    ax.set_xlabel("epochs of training")
    ruled(ax)


def whole_numbers(ax: Axes) -> None:
    """Ticks at whole numbers alone along x."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def ruled(ax: Axes) -> None:
    """Lines across, below what is drawn."""
    ax.grid(axis="y")
    ax.set_axisbelow(True)


def name_ends(ax: Axes, lines: Sequence[Any], gap: float = LABEL_GAP) -> None:
    """Each line's name, its gid, beside its right end; pushed apart where ends lie close."""
    ends = [(line, *line.get_xydata()[-1]) for line in lines]
    drawn = [end for end in ends if np.isfinite(end[2])]
    to_axes = ax.transScale + ax.transLimits
    drawn.sort(key=lambda end: end[2])
    heights = [float(to_axes.transform((x, y))[1]) for _, x, y in drawn]
    for (line, x, y), height in zip(drawn, _apart(heights, gap), strict=True):
        ax.annotate(
            line.get_gid(), (x, y), (1.04, height), textcoords="axes fraction", va="center",
            color=line.get_color(), arrowprops={"arrowstyle": "-", "color": line.get_color(), "linewidth": 0.8},
            annotation_clip=False,
        )  # fmt: skip


def _apart(heights: Sequence[float], gap: float = LABEL_GAP) -> list[float]:
    """Ascending heights moved up until each is a gap above the one below, then back around their middle."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + gap) if placed else height)
    shift = float(np.mean(placed) - np.mean(heights)) if placed else 0.0
    return [height - shift for height in placed]
