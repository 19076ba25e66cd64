"""What is written around a map, or what has its form, made to fit into the place that it has."""

from __future__ import annotations

import math
import re
from typing import Any

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.ticker import MultipleLocator, ScalarFormatter
from matplotlib.transforms import ScaledTranslation

from chainderiv.view.place import place_of
from chainderiv.view.shown import OwnAxes

# in heights of letters: what stands around a map
BAR, BESIDE, BELOW = 6.2, 5.9, 8.8
TICKS = 3.3  # of BESIDE, the numbers at the ticks
ABOVE, BELOW_BESIDE = 6.0, 9.0  # title, ticks and label of a map; the legend that a neighbour may have
TITLE = 10 / 11  # of the size of letters
SHORT = 2.6  # inches: in a place that is no higher, a legend has as many columns as it can
LEAST_LEGEND = 0.7  # of its usual letters
HELD = "\0"  # in place of a space that no line ends at


def letter(ax: Axes) -> float:
    """The height of letters in pixels, in the theme's settings now."""
    return float(rcParams["font.size"]) * float(ax.figure.dpi) / 72


def map_size(ax: Axes, bar: bool = True) -> tuple[float, float]:
    """The width and height in pixels that a map is likely to have: labels, colour bar and legend take their share.

    bar : whether it has a colour bar.
    """
    box, place, size = ax.get_window_extent(), place_of(ax), letter(ax)
    if ax.get_subplotspec() is None:
        return 0.84 * box.width, 0.95 * box.height
    beside = (BESIDE + (BAR if bar else 0.0)) * size
    return min(0.84 * box.width, place.width - beside), min(0.95 * box.height, place.height - BELOW * size)


def label_room(ax: Axes) -> tuple[float, float]:
    """The width and height in pixels that labels along a map may take, with the legend that it has now.

    A layout gives all maps of a grid one size, that of the one with most around it: there a neighbour's legend counts.
    """
    place, size, spec = place_of(ax), letter(ax), ax.get_subplotspec()
    wide = map_size(ax)[0]
    if spec is None:
        return ax.get_window_extent().width, ax.get_window_extent().height
    legend = ax.get_legend()
    below = 0.0 if legend is None else legend.get_window_extent().height
    if spec.get_gridspec().nrows > 1:
        below = max(below, BELOW_BESIDE * size)
    return wide, min(0.95 * ax.get_window_extent().height, place.height - ABOVE * size - below)


def fit_words(ax: Axes, title: str, x_label: str, y_label: str, bar: bool) -> None:
    """Title and axis labels: a title in as many lines as it needs, and labels without words that are too long."""
    fit_ticks(ax)
    wide, high = label_room(ax)
    size = letter(ax)
    # long words at the ticks take more than a colour bar would
    ticks = max((extent(ax, tick.get_text())[0] for tick in ax.get_yticklabels()), default=0.0)
    wide -= max(0.0, ticks - (TICKS + (0.0 if bar else BAR)) * size)
    ax.set_xlabel(fitted(ax, x_label, wide + size))
    ax.set_ylabel(fitted(ax, y_label, high))
    if bar and not _is_one_of_rows(ax):  # no higher than the map, it leaves the room above it
        wide += 1.8 * BAR * size
    elif not bar and not _is_laid_out(ax):  # a layout gives one beside maps with a bar no more room than theirs
        wide += (BAR + 0.8) * size
    # where the caller's own title will stand, so that it takes this one's place
    ax.set_title(in_lines(ax, title, wide), fontsize=TITLE * rcParams["font.size"], fontweight="normal")


def fit_ticks(ax: Axes) -> None:
    """Fewer ticks to the right where their numbers would overlap, each number whole and none as a sum of two."""
    formatter = ax.xaxis.get_major_formatter()
    if ax.get_xscale() != "linear" or not isinstance(formatter, ScalarFormatter):
        return
    formatter.set_useOffset(False)
    low, high = sorted(ax.get_xlim())
    ticks = [float(t) for t in ax.get_xticks() if low <= t <= high]
    widest = max((extent(ax, number)[0] for number in formatter.format_ticks(ticks)), default=0.0)
    # a share of the room first: at the end of float64 the product would leave it
    least = min((widest + letter(ax) / 2) / label_room(ax)[0], 1.0) * (high - low)
    if len(ticks) > 1 and ticks[1] - ticks[0] < least:
        # a MaxNLocator of fewer does not give fewer where the ends differ in their last digits alone
        power = 10.0 ** math.floor(math.log10(least))
        ax.xaxis.set_major_locator(MultipleLocator(next(m * power for m in (1, 2, 5, 10) if m * power >= least)))


def fitted(ax: Axes, label: str, room: float) -> str:
    """A label 'name: symbol  (words)', without the words or by its name alone where it is wider than so many pixels."""
    shorter = label.partition("  (")[0]
    forms = (label, shorter, shorter.partition(": ")[0])
    return next((form for form in forms if extent(ax, form)[0] <= room), forms[-1])


def in_lines(ax: Axes, text: str, room: float) -> str:
    r"""A text in lines no wider than so many pixels, broken behind commas and semicolons, and between words if it must.

    A formula between dollar signs is one word.

    >>> from matplotlib.figure import Figure
    >>> in_lines(Figure().add_subplot(), "sigmoid, 4 layers; x = 0.5, y = 0", 150).split("\n")
    ['sigmoid, 4 layers;', 'x = 0.5, y = 0']
    """
    whole = re.sub(r"(?<!\\)\$.*?(?<!\\)\$", lambda formula: formula[0].replace(" ", HELD), text)
    parts = [part.replace(HELD, " ") for part in re.split(r"(?<=[,;]) ", whole)]
    if any(extent(ax, part, TITLE)[0] > room for part in parts):
        parts = [part.replace(HELD, " ") for part in whole.split(" ")]
    lines = [parts[0]]
    for part in parts[1:]:
        longer = f"{lines[-1]} {part}"
        if extent(ax, longer, TITLE)[0] > room:
            lines.append(part)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def extent(ax: Axes, text: str, scale: float = 1.0) -> tuple[float, float]:
    """The width and height of a text in pixels."""
    figure: Any = ax.figure
    trial = figure.text(0, 0, text, fontsize=scale * rcParams["font.size"])
    box = trial.get_window_extent()
    trial.remove()
    return box.width, box.height


def draw_legend(ax: Axes, handles: list[Any], bar: bool = True) -> None:
    """A legend below the map, if there is anything to tell; bar: whether a colour bar takes room beside it."""
    if not handles:
        return
    figure: Any = ax.figure
    size, place = letter(ax), place_of(ax)
    left, room = BESIDE * size, place.width - (BESIDE + (BAR if bar else 0.0)) * size
    # a wide one begins left of the map, and one that is too wide even so has smaller letters
    beside = BAR * size if bar and _is_one_of_rows(ax) else 0.0
    widest = place.width - beside - (2.5 + (BAR + 1.5 if _is_laid_out(ax) and not bar else 0.0)) * size
    short = place.height < SHORT * figure.dpi
    columns = legend_columns(figure, handles, widest, 4) if short else legend_columns(figure, handles, room)
    width = _legend(figure, handles, columns).get_window_extent().width
    small = max(LEAST_LEGEND, min(1.0, widest / width))
    reach = map_size(ax)[0] if _is_laid_out(ax) and not bar else place.width - beside - left - 1.5 * size
    shift = min(max(0.0, small * width - reach), left) + 0.3 * size
    down = 15 / 72 + 2.75 * rcParams["font.size"] / 72  # ticks, their numbers and the label, in inches
    below = ax.transAxes + ScaledTranslation(-shift / figure.dpi, -down, figure.dpi_scale_trans)
    where: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0, 0), "bbox_transform": below}
    size = small * rcParams["legend.fontsize"]
    ax.legend(handles=handles, ncols=columns, fontsize=size, borderaxespad=0.0, **where)


def legend_columns(figure: Figure, handles: list[Any], room: float, most: int = 2) -> int:
    """As many, of 2 at the most, as fit beside each other into so many pixels; 1 of fewer than three entries."""
    if len(handles) < 3:
        return 1
    # one that is too wide is cut off, and the layout narrows the map for it
    tried = range(min(most, len(handles)), 1, -1)
    return next((n for n in tried if _legend(figure, handles, n).get_window_extent().width <= room), 1)


def _is_laid_out(ax: Axes) -> bool:
    """Whether the Axes are some of several that a layout engine places."""
    figure, spec = ax.figure.get_figure(root=True), ax.get_subplotspec()
    several = spec is not None and spec.get_gridspec().ncols > 1
    return several and figure is not None and figure.get_layout_engine() is not None


def _is_one_of_rows(ax: Axes) -> bool:
    """Whether the Axes are some of a figure of ours that has several rows: its bar stands beside all that they have."""
    spec = ax.get_subplotspec()
    return isinstance(ax, OwnAxes) and spec is not None and spec.get_gridspec().nrows > 1


def _legend(figure: Figure, handles: list[Any], columns: int) -> Legend:
    return Legend(figure, handles, [str(handle.get_label()) for handle in handles], ncols=columns)
