"""A sweep over one axis as a line, with what explodes, is exactly 0, undefined or uncertain marked."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from chainderiv.kinds import Floats, Mask, Places
from chainderiv.maps.sweep import Sweep
from chainderiv.view.fitting import draw_legend, fit_words
from chainderiv.view.maps import labels
from chainderiv.view.maps.drawing import uncertain_patch
from chainderiv.view.maps.look import Look
from chainderiv.view.maps.panel import nothing_but, say
from chainderiv.view.maps.quantities import Quantity
from chainderiv.view.maps.reduce import reduced_line
from chainderiv.view.theme import Palette

LINE_BLOCKS = 2000  # a line of more points is drawn by the extremes of as many blocks
BOTTOM = 0.0  # of the Axes, where an exact 0 stands: its logarithm is below every axis


def draw_line(ax: Axes, sweep: Sweep, quantity: Quantity, colours: Palette, look: Look) -> None:
    """Draw the line and what is marked along it, with a legend."""
    ((name, axis),) = sweep.axes.items()
    where, values = reduced_line(lambda part: quantity.over(sweep, (part,)), axis.count, LINE_BLOCKS)
    x, tile = axis.values[where], sweep.readings.read((slice(0, axis.count),))
    with np.errstate(invalid="ignore"):
        shown = np.where(np.isfinite(values), values, np.nan)
    ax.plot(x, shown, color=colours.cycle[0], gid="line", drawstyle="steps-mid" if quantity.codes else None)
    ax.set(xscale=axis.scale, xlim=(axis.start, axis.stop))
    _limit(ax, shown, quantity, look)
    handles: list[Any] = []
    if sweep.derivation.chain.depth > 1 and not np.isnan(values).all():
        shade = {"facecolor": colours.high, "alpha": 0.3, "linewidth": 0}
        # by cells, as on a map: a lone point has no width of its own
        ends, explodes = np.clip(labels.borders(x, axis.scale), x[0], x[-1]), tile.link_log_sum[where] > 0
        sides = np.repeat(ends, 2)[1:-1], np.repeat(explodes, 2)
        handles += _band(ax, *sides, "exploding", "exploding: rate > 0", shade)
    undefined = np.isnan(values)
    shade = {"facecolor": colours.undefined, "alpha": 0.6, "linewidth": 0}
    handles += _band(ax, x, _near(undefined, np.arange(len(x))), "undefined", "undefined", shade)
    if quantity.hatched:
        hatch = {"facecolor": "none", "edgecolor": colours.soft, "hatch": "////", "linewidth": 0}
        if _band(ax, x, _near(tile.uncertain, where), "uncertain", "", hatch):
            handles.append(uncertain_patch(colours))
    if quantity.logarithm and not quantity.codes:
        handles += _mark_zeros(ax, x, values, colours)
        if quantity.signed:
            handles += _mark_changes(ax, x, np.where(undefined, 0, tile.sign[where]), colours)
        if note := nothing_but(values, quantity):
            say(ax, note, colours)
            ax.set_yticks([])
    if look.legend:
        draw_legend(ax, handles, bar=False)
    title = labels.chain_name(sweep) if look.title is None else look.title
    fit_words(ax, title, labels.axis_label(name), quantity.label(sweep), bar=False)


def _limit(ax: Axes, shown: Floats, quantity: Quantity, look: Look) -> None:
    """The vertical axis: as far as the numbers go, with the lines at 0 and at the levels where they lie within."""
    if quantity.codes:
        codes = [code for code, _ in quantity.codes]
        ax.set_yticks(codes, [text for _, text in quantity.codes])
        ax.set_ylim(codes[0] - 0.2, codes[-1] + 0.2)
    elif look.limits is not None:
        ax.set_ylim(*look.limits)
    elif np.isfinite(shown).any():
        ax.set_ylim(*ax.get_ylim())  # what is drawn from now on leaves it as it is
    colour = ax.spines["left"].get_edgecolor()
    for level in (0.0, *look.levels):
        ax.axhline(level, color=colour, linewidth=0.8, linestyle=":" if level in look.levels else "-")


def _near(found: Mask, places: Places) -> Mask:
    """Which of some places along a line have one that is found between their neighbours.

    A lone point has no width of its own, and one that is not drawn is to be seen as well.

    >>> _near(np.array([False, False, False, True, False, False]), np.array([0, 2, 4, 5])).tolist()
    [False, True, True, False]
    """
    total = np.concatenate([[0], np.cumsum(found)])
    before, behind = np.concatenate([places[:1], places[:-1]]), np.concatenate([places[1:], places[-1:]])
    return np.asarray(total[behind + 1] > total[before])


def _band(ax: Axes, x: Floats, where: Mask, gid: str, label: str, look: dict[str, Any]) -> list[Any]:
    """Shade the whole height where it holds; the legend's entry, none where nothing is shaded."""
    if not where.any():
        return []
    ax.fill_between(x, 0, 1, where=where.tolist(), transform=ax.get_xaxis_transform(), gid=gid, **look)
    return [Patch(label=label, **look)]


def _mark_zeros(ax: Axes, x: Floats, values: Floats, colours: Palette) -> list[Any]:
    """Mark where the number is exactly 0 at the bottom, and lead the line there; the legend's entry."""
    zero = np.isneginf(values)
    if not zero.any():
        return []
    bottom, blend = ax.get_ylim()[0], ax.get_xaxis_transform()
    edges = np.flatnonzero(np.diff(np.pad(zero, 1).astype(int))).reshape(-1, 2)  # first, and one behind the last
    for first, behind in edges:
        here = x[first:behind]
        if len(here) > 1:
            ax.plot(here[[0, -1]], [BOTTOM] * 2, color=colours.zero, linewidth=6, transform=blend, gid="zeros",
                    solid_capstyle="butt", zorder=4)  # fmt: skip
        for end, beside in ((first, first - 1), (behind - 1, behind)):
            if 0 <= beside < len(x) and np.isfinite(values[beside]):
                drop = x[[beside, end]], [values[beside], bottom]
                ax.plot(*drop, color=colours.cycle[0], linestyle=":", gid="drop", scaley=False)
    look: dict[str, Any] = {"linestyle": "none", "marker": "v", "color": colours.zero, "markeredgecolor": colours.ink}
    lone = x[np.array([first for first, behind in edges if behind - first == 1], int)]
    if len(lone):
        ax.plot(lone, [BOTTOM] * len(lone), transform=blend, clip_on=False, zorder=5, gid="zeros", **look)
        return [Line2D([], [], label="exactly 0", **look)]
    return [Patch(facecolor=colours.zero, label="exactly 0")]


def _mark_changes(ax: Axes, x: Floats, sign: Any, colours: Palette) -> list[Any]:
    """Mark between which points the gradient changes its sign: the line dips there as far as the grid has it."""
    change = np.flatnonzero(sign[1:] * sign[:-1] < 0)
    if not len(change):
        return []
    look: dict[str, Any] = {"linestyle": "none", "marker": "v", "color": "none", "markeredgecolor": colours.ink}
    middle = (x[change] + x[change + 1]) / 2
    blend = ax.get_xaxis_transform()
    ax.plot(middle, [BOTTOM] * len(middle), transform=blend, clip_on=False, zorder=5, gid="sign changes", **look)
    return [Line2D([], [], label="changes its sign", **look)]
