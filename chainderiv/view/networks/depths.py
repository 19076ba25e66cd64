"""Measurements of many networks against their depth and their layers: each run, the middle, and published marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.errors import BadShape
from chainderiv.kinds import Floats
from chainderiv.records.statistics import interval
from chainderiv.view.networks.curves import CURVE_SIZE
from chainderiv.view.networks.lines import (
    BAND,
    BAND_SAID,
    banded,
    leaves_ticks,
    name_ends,
    plain_numbers,
    ruled,
    sized_axis,
    whole_numbers,
)
from chainderiv.view.theme import Palette, drawing
from chainderiv.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRIP = 5.0  # per cent, between the crosses of two kinds below the axis
SPREAD = 0.16  # to either side of a place on the axis, over which its points are laid out
REACH = 0.36  # likewise, of a bar across
BESIDE = 0.32  # of the step to the nearest other depth, to either side, for marks of several kinds at one depth
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (3, 1.5)), (0, (6, 1.5, 1, 1.5)), (0, (2, 1)), (0, (1, 1.2)))
HOLLOW: dict[str, Any] = {"linestyle": "none", "marker": "D", "markersize": 8.5, "markerfacecolor": "none"}
HOLLOW |= {"markeredgewidth": 1.8, "zorder": 5}


def plot_accuracy_by_depth(
    depths: Sequence[int],
    accuracies: Sequence[ArrayLike],
    published: Mapping[int, float] | None = None,
    ax: Axes | None = None,
    dark: bool = False,
    *,
    label: str = "mean of the runs and its 95 % interval",
    columns: int = 3,
) -> Axes:
    """Draw the accuracy of every run against its number of hidden layers, the mean, and its 95 % interval.

    accuracies : for each of the ascending depths, shape (runs,). Fractions in [0, 1]; drawn in per cent.
    published : by the number of hidden layers, the accuracy of a published single run.
    label : of the means, in the legend. columns : of the legend.
    Raises BadShape when there is not one row of runs for each depth.

    >>> ax = plot_accuracy_by_depth([1, 2], [[0.9, 0.92], [0.8, 0.82]], {1: 0.93})
    >>> [float(y) for y in ax.lines[-1].get_ydata()]
    [93.0]
    """
    rows = [100 * np.asarray(row, float) for row in accuracies]
    if len(rows) != len(depths) or not rows or any(row.ndim != 1 or not row.size for row in rows):
        shapes = [row.shape for row in rows]
        raise BadShape(f"accuracies have shapes {shapes}; give (runs,) for each of {len(depths)} depths")
    with drawing(ax, CURVE_SIZE, dark) as (ax, colours):
        for depth, row in zip(depths, rows, strict=True):
            _points(ax, depth, row, colours.cycle[0], "a run" if depth == depths[0] else None)
        means = np.array([row.mean() for row in rows])
        ends = np.array([interval(row) if len(row) > 1 else (m, m) for row, m in zip(rows, means, strict=True)])
        ax.errorbar(
            depths, means, np.abs(ends.T - means), color=colours.cycle[0], marker="o", markersize=6, capsize=4,
            label=label, zorder=4,
        )  # fmt: skip
        _mark(ax, {d: 100 * v for d, v in (published or {}).items() if d in depths}, colours)
        _depth_axis(ax, depths)
        ax.set_ylabel("validation accuracy, %")
        _legend_above(ax, columns=columns)
    return ax


def plot_layers(
    groups: Mapping[int, ArrayLike],
    published: Mapping[int, Sequence[float]] | None = None,
    ax: Axes | None = None,
    dark: bool = False,
    *,
    ylabel: str,
    places: Sequence[str] | None = None,
    predicted: Mapping[int, ArrayLike] | None = None,
) -> Axes:
    """Draw a number of each layer, or each pair of neighbours, of networks of several depths, on a log axis.

    A point is a run; a bar holds 5 to 95 % of them, and its middle mark is the median.

    groups : by the number of hidden layers: shape (runs, k), of k layers or pairs, the first one first.
    published : by the number of hidden layers, k published numbers.
    places : what stands below each of k; by default 1, 2, ….
    predicted : by the number of hidden layers, k numbers, a bar across each.
    Raises BadShape for another shape, or without a group.
    """
    rows = {hidden: np.asarray(values, float) for hidden, values in groups.items()}
    if not rows or any(row.ndim != 2 or not row.size for row in rows.values()):
        raise BadShape(f"groups have shapes {[r.shape for r in rows.values()]}; give (runs, k) for each depth")
    names, marks, at = dict[float, str](), dict[float, float](), 0
    with drawing(ax, (7.2, 3.9), dark) as (ax, colours):
        for hidden, row in rows.items():
            x = np.arange(at, at + row.shape[1], dtype=float)
            _column(ax, x, row, colours, first=at == 0)
            marks |= dict(zip(x, (published or {}).get(hidden, ()), strict=False))
            names |= dict(zip(x, places or map(str, count(1)), strict=False))
            ax.text(x.mean(), 1.0, counted(hidden, "hidden layer"), transform=ax.get_xaxis_transform(), ha="center",
                    va="bottom", color=colours.soft, fontsize=9.5)  # fmt: skip
            if predicted is not None:
                ends = x - REACH, x + REACH
                bars = ax.hlines(predicted[hidden], *ends, colors=colours.ink, linewidths=2.0, zorder=4,
                                 label="" if at else "predicted")  # fmt: skip
                bars.set_gid("predicted")
            at += row.shape[1] + 1
        _mark(ax, marks, colours)
        ax.set_yscale("log")
        plain_numbers(ax)
        ax.set_xticks(list(names), list(names.values()))
        ax.set(xlim=(-0.8, at - 1.2), ylabel=ylabel)
        ruled(ax)
        _legend_above(ax, lift=0.07)
    return ax


def plot_start_norms(
    series: Mapping[str, ArrayLike],
    ax: Axes | None = None,
    dark: bool = False,
    *,
    bands: bool = True,
    logs: Mapping[str, ArrayLike] | None = None,
) -> Axes:
    """Draw the norm of each hidden layer's mean ∂C/∂b of several kinds of network, a named line each, on a log axis.

    From left to right as backpropagation goes, from the last hidden layer to the first. The median is the line, and a
    band holds 5 to 95 % of the runs.

    series : by kind, shape (runs, hidden layers). logs : their natural logarithms, which are drawn where a norm leaves
        float64.
    Raises BadShape for another shape, or without a kind.

    >>> ax = plot_start_norms({"sigmoid": [[0.01, 0.1], [0.03, 0.3]]})
    >>> [round(float(y), 3) for y in ax.lines[0].get_ydata()]
    [0.2, 0.02]
    """
    rows = {name: np.asarray(values, float) for name, values in series.items()}
    if not rows or any(row.ndim != 2 or not row.size for row in rows.values()):
        raise BadShape(f"norms have shapes {[r.shape for r in rows.values()]}; give (runs, hidden layers) for each")
    exact = {name: np.asarray(values, float) for name, values in (logs or {}).items()}
    far = exact.keys() == rows.keys() and leaves_ticks(*exact.values())
    if far:
        rows = {name: values / np.log(10.0) for name, values in exact.items()}
    with drawing(ax, CURVE_SIZE, dark) as (ax, _):
        look: dict[str, Any] = {"band": bands, "far": far, "markersize": 4.5}
        lines = [
            banded(ax, np.arange(row.shape[1], 0, -1), row.T[::-1], name, **look, **kind_style(k))
            for k, (name, row) in enumerate(rows.items())
        ]
        sized_axis(ax, far)
        ax.invert_xaxis()
        ax.set(
            xlabel="hidden layer, from the output back",
            ylabel=r"L2 norm of mean $\partial C/\partial b_l$" + "\nbefore training",
        )
        whole_numbers(ax)
        ruled(ax)
        name_ends(ax, lines)
    return ax


def kind_style(number: int) -> dict[str, Any]:
    """Marker, dashes and width of one of several lines, so that those that lie on each other are told apart.

    An earlier one is wider, and shows on both sides and between the dashes of the later ones.
    """
    look: dict[str, Any] = {"marker": "osD^vP*X"[number % 8], "linestyle": DASHES[number % len(DASHES)]}
    return look | {"linewidth": max(1.3, 3.1 - 0.4 * number)}


def plot_accuracy_lines(
    depths: Sequence[int], series: Mapping[str, Sequence[ArrayLike]], ax: Axes | None = None, dark: bool = False
) -> Axes:
    """Draw the median accuracy of several kinds of network against their depth, a named line each.

    A run that is NaN has diverged: the median is of the others, and a cross in the strip below the axis, in the kind's
    colour and on its line there, says that some did.

    series : by kind, for each of the ascending depths: shape (runs,). Fractions in [0, 1]; drawn in per cent.
    """
    with drawing(ax, CURVE_SIZE, dark) as (ax, colours):
        lost, steps = 0, _steps(depths)
        for k, (name, each) in enumerate(series.items()):
            runs = [np.asarray(row, float) for row in each]
            kept = [100 * np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in runs]
            # side by side, so that no mark hides another
            x = np.asarray(depths, float) + steps * BESIDE * (2 * k + 1 - len(series)) / len(series)
            (line,) = ax.plot(x, kept, markersize=5, gid=name, label=name, **kind_style(k))
            at = [depth for depth, row in zip(depths, runs, strict=True) if np.isnan(row).any()]
            if at:
                lost += 1
                ax.plot(at, [-STRIP * lost] * len(at), color=line.get_color(), linestyle="none", marker="x",
                        markeredgewidth=1.8)  # fmt: skip
        ax.axhline(0, color=colours.grid, linewidth=0.8)
        ax.set_ylim(-STRIP * (lost + 1) if lost else -3, 102)
        ax.set_yticks(range(0, 101, 20))
        if lost:
            ax.annotate("× diverged", (1.02, -STRIP * (lost + 1) / 2), xycoords=("axes fraction", "data"), va="center",
                        color=colours.soft, fontsize=9.5, annotation_clip=False)  # fmt: skip
        ax.set_ylabel("validation accuracy, %")
        _depth_axis(ax, depths)
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.55), fontsize=9.5, handlelength=3.0)
    return ax


def _steps(depths: Sequence[int]) -> Floats:
    """From each depth to the nearest other, 1 of one alone.

    >>> _steps([1, 2, 4, 8]).tolist()
    [1.0, 1.0, 2.0, 4.0]
    """
    if len(depths) < 2:
        return np.ones(len(depths))
    apart = np.diff(np.asarray(depths, float))
    return np.asarray(np.minimum(np.concatenate([apart, apart[-1:]]), np.concatenate([apart[:1], apart])))


def _points(ax: Axes, place: float, values: Floats, colour: str, label: str | None) -> None:
    """A small point for each, laid out side by side in the order of the runs: chance plays no part."""
    offsets = SPREAD * np.linspace(-1, 1, len(values)) if len(values) > 1 else [0.0]
    ax.scatter(place + np.asarray(offsets), values, s=14, color=colour, alpha=0.55, linewidths=0, label=label, zorder=3)


def _column(ax: Axes, x: Floats, row: Floats, colours: Palette, first: bool) -> None:
    for k, (place, values) in enumerate(zip(x, row.T, strict=True)):
        _points(ax, float(place), values, colours.cycle[0], "a run" if first and not k else None)
    low, middle, high = np.quantile(row, BAND, axis=0)
    ax.errorbar(
        x, middle, [middle - low, high - middle], color=colours.cycle[0], linestyle="none", marker="o", markersize=6,
        capsize=4, label=f"median and {BAND_SAID} of the runs" if first else None, zorder=4,
    )  # fmt: skip


def _mark(ax: Axes, published: Mapping[Any, float], colours: Palette) -> None:
    if published:
        ax.plot(
            list(published), list(published.values()), color=colours.cycle[1], label="published single run", **HOLLOW
        )


def _depth_axis(ax: Axes, depths: Sequence[int]) -> None:
    ax.set_xticks(list(depths))
    ax.set_xlim(min(depths) - 0.5, max(depths) + 0.5)
    ax.set_xlabel("hidden layers")
    ruled(ax)


def _legend_above(ax: Axes, lift: float = 0.0, columns: int = 3) -> None:
    """A legend over the axes, where no data are."""
    handles, labels = ax.get_legend_handles_labels()
    if labels:
        ax.legend(handles, labels, loc="lower left", bbox_to_anchor=(-0.02, 1.0 + lift), ncols=columns, fontsize=9,
                  columnspacing=1.2, handletextpad=0.5)  # fmt: skip
