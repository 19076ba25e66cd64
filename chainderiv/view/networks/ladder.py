"""A network as a ladder: the gradient of each layer, and the steps that weights and slopes make between them."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chainderiv.given import of_kind
from chainderiv.kinds import Floats, Places
from chainderiv.models.diagnosis import Diagnosis
from chainderiv.models.layer_diagnosis import LayerDiagnosis
from chainderiv.theory.finite_width.quantiles import NORMAL
from chainderiv.view.choices import as_it_stands, switch, title_of
from chainderiv.view.fitting import draw_legend, fit_words
from chainderiv.view.networks.lines import BAND_SAID, power, ruled, whole_numbers
from chainderiv.view.place import fill_place
from chainderiv.view.theme import Palette, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LADDER_SIZE = (6.0, 4.2)
X_LABEL = "layer"
Y_LABEL = r"$\Vert\delta_l\Vert$  (over that of the last layer)"
MEASURED, PREDICTED = "measured", f"predicted, {BAND_SAID}"
WEIGHTS, SLOPES, ZERO = "a step by weights", "a step by slopes", "exactly 0"
LEAST, SHORT = 1.0, 2.0  # decades that the axis spans, and up to which its numbers are plain
ROOM = 0.06  # of the axis, above and below what is drawn
MANY = 40  # layers, from which on points are small
Step = tuple[list[Any], str, str]  # lines, their colour, and what they are called


def plot_diagnosis(
    diagnosis: Diagnosis, ax: Axes | None = None, dark: bool = False, *, title: str | None = None, legend: bool = True
) -> Axes:
    """Draw ‖δ_l‖ of every layer over the last one's on a log axis, with each step's weight part and slope part.

    The line is what ‖W‖_F/√n_out and √mean φ'² predict, with the band that networks of these widths have around it. The
    layer to blame has a stripe behind it. A δ that is exactly 0 is a cross at the foot of the axis.

    Parameters
    ----------
    diagnosis : as diagnose gives it.
    ax, dark : Axes to draw on, by default those of a new figure, which pyplot does not know; whether for a dark page.
    title : what stands above; by default the verdict. '' for none.
    legend : whether there is one.

    Returns
    -------
    The Axes.

    Raises
    ------
    BadValue
        When diagnosis is none, or an option is none.

    Examples
    --------
    >>> import chainderiv as cd
    >>> ax = cd.plot_diagnosis(cd.diagnose(cd.Network([20, 30, 30, 10])))
    >>> [line.get_gid() for line in ax.lines]
    ['predicted', 'measured']
    """
    of_kind("diagnosis", diagnosis, Diagnosis, "what diagnose(…) returns")
    switch("legend", legend)
    own = title_of(title)
    layers = diagnosis.layers
    with drawing(ax, LADDER_SIZE, dark, fitted=True) as (ax, colours):
        heights, predicted = _heights(layers), _predicted(layers)
        at, steps = np.array([one.number for one in layers]), _both(layers, heights, colours)
        handles = _drawn(ax, at, heights, predicted, steps, colours) if layers else []
        if diagnosis.culprit is not None:
            _blame(ax, diagnosis.culprit, diagnosis.verdict, colours)
        ax.set_xlim((at[0] if layers else 1) - 0.6, (at[-1] if layers else 1) + 0.6)
        ends = [y for lines, *_ in steps for line in lines for _, y in line]
        _frame(ax, np.concatenate([heights, predicted.ravel(), ends]))
        handles += _crosses(ax, at, heights, colours)
        whole_numbers(ax)
        ruled(ax)
        if legend and handles:
            draw_legend(ax, handles, False)
        fit_words(ax, as_it_stands(diagnosis.headline) if own is None else own, X_LABEL, Y_LABEL, False)
        fill_place(ax)
    return ax


def _heights(layers: tuple[LayerDiagnosis, ...]) -> Floats:
    """log10 of ‖δ_l‖/‖δ_L‖, L the last layer that has one; -inf of an exact 0."""
    logs = np.array([one.log10_norm_delta for one in layers])
    some = logs[np.isfinite(logs)]
    return logs - (some[-1] if some.size else 0.0)


def _predicted(layers: tuple[LayerDiagnosis, ...]) -> Floats:
    """log10 of what is predicted, 5 %, middle and 95 %, (L, 3): steps added up from the last layer on."""
    found = [(0.0, 0.0)]
    for one, above in itertools.pairwise(reversed([*layers])):
        step = _log10(one.weight_predicted) + _log10(above.slope_predicted) + _log10(above.rest)
        found.append((found[-1][0] + step, found[-1][1] + _variance(above)))
    middle, variance = np.array(found[::-1]).T
    wide = NORMAL[2] * np.sqrt(variance)
    return np.array([middle - wide, middle, middle + wide]).T


def _variance(layer: LayerDiagnosis) -> float:
    """Of log10 of a layer's step; 0 where theory knows none."""
    known = layer.expected
    return 0.0 if known is None or known.low <= 0 else (_log10(known.high / known.low) / (2 * NORMAL[2])) ** 2


def _log10(size: float) -> float:
    return math.log10(size) if size > 0 else math.nan


def _drawn(ax: Axes, at: Places, heights: Floats, predicted: Floats, steps: list[Step], colours: Palette) -> list[Any]:
    """The prediction and its band, the steps, and a point for each layer."""
    (low, middle, high), blue = predicted.T, colours.cycle[0]
    ax.fill_between(at, low, high, color=blue, alpha=0.18, linewidth=0, gid="band")
    line = ax.plot(at, middle, color=blue, linestyle="--", label=PREDICTED, gid="predicted")
    lines = [_steps(ax, *one) for one in steps]
    look: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 5 if len(heights) < MANY else 3}
    seen = np.where(np.isfinite(heights), heights, np.nan)
    points = ax.plot(at, seen, color=colours.ink, zorder=4, label=MEASURED, gid="measured", **look)
    return [*points, *line, *(one for one in lines if one is not None)]


def _both(layers: tuple[LayerDiagnosis, ...], heights: Floats, colours: Palette) -> list[Step]:
    """Lines from each layer to the one below: by the upper one's weights, and then by the lower one's slopes."""
    weights, slopes = [], []
    for place, (one, above) in enumerate(itertools.pairwise(layers)):
        number, (end, start) = one.number, heights[place : place + 2]
        middle = start + _log10(above.weight_part) if math.isfinite(start) else math.nan
        if math.isfinite(middle):
            weights.append([(number + 1, start), (number + 0.5, middle)])
        before = end - _log10(one.slope_part) if math.isfinite(end) else math.nan
        if math.isfinite(before):
            slopes.append([(number + 0.5, before), (number, end)])
    return [(weights, colours.lines[3], WEIGHTS), (slopes, colours.lines[0], SLOPES)]


def _steps(ax: Axes, lines: Any, colour: str, label: str) -> Any:
    from matplotlib.collections import LineCollection

    if not lines:
        return None
    drawn = LineCollection(lines, colors=colour, linewidths=1.8, label=label, zorder=3)
    drawn.set_gid(label)
    ax.add_collection(drawn)
    return drawn


def _blame(ax: Axes, culprit: int, verdict: str, colours: Palette) -> None:
    colour = colours.low if verdict in ("vanishing", "blocked") else colours.high
    ax.axvspan(culprit - 0.4, culprit + 0.4, color=colour, alpha=0.55, linewidth=0, zorder=0, gid="culprit")


def _frame(ax: Axes, drawn: Floats) -> None:
    """The axis of decimal logarithms, whose ticks are powers of ten, and which holds all that is drawn."""
    from matplotlib.ticker import MaxNLocator

    drawn = drawn[np.isfinite(drawn)]
    low, high = (float(drawn.min()), float(drawn.max())) if drawn.size else (0.0, 0.0)
    more = max(LEAST - (high - low), 0.0) / 2
    low, high = low - more, high + more
    ax.set_ylim(low - ROOM * (high - low), high + ROOM * (high - low))
    if high - low > SHORT:
        ax.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], nbins=7))
        ax.yaxis.set_major_formatter(power)
    else:
        powers = range(math.floor(low) - 1, math.ceil(high) + 2)
        ticks = [power + math.log10(step) for power in powers for step in (1, 2, 5)]
        ax.set_yticks([tick for tick in ticks if low <= tick <= high])
        ax.yaxis.set_major_formatter(_plain)


def _plain(value: float, _: Any) -> str:
    return f"{10**value:.2g}"


def _crosses(ax: Axes, at: Places, heights: Floats, colours: Palette) -> list[Any]:
    zeros = at[heights == -np.inf]
    if not zeros.size:
        return []
    foot = ax.get_ylim()[0]
    return ax.plot(
        zeros, np.full(len(zeros), foot), color=colours.cycle[1], linestyle="none", marker="x", markersize=8,
        clip_on=False, zorder=5, label=ZERO, gid="zero",
    )  # fmt: skip
