"""A map with a cut through it beside it: the line at one value of one of its axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from matplotlib.figure import Figure

from chainderiv.errors import BadValue
from chainderiv.given import of_kind
from chainderiv.maps.sweep import Sweep
from chainderiv.view.choices import size_of
from chainderiv.view.maps.labels import held
from chainderiv.view.maps.line import draw_line
from chainderiv.view.maps.look import look_of
from chainderiv.view.maps.maps import draw_one
from chainderiv.view.maps.quantities import quantity_at
from chainderiv.view.theme import SIZE, drawing, new_axes, new_figure, theme


def plot_cut(
    sweep: Sweep,
    cut: Mapping[str, float],
    quantity: str = "gradient",
    dark: bool = False,
    *,
    size: Any = None,
    title: str | None = None,
    legend: bool = True,
    names: bool = True,
    cmap: Any = None,
    limits: Any = None,
    levels: Any = (),
    colorbar: bool = True,
) -> Figure:
    """A figure of a map over two Axes and, beside it, the line at one value of one of them; see plot_sweep.

    The line is `sweep.cut(…)`: evaluated there, between the map's points too. It is drawn in the map.

    Parameters
    ----------
    sweep : Sweep over two axes.
    cut : {name of one of the axes: value}, the value from the axis's start to its stop.
    size : (width, height) of the figure in inches. limits : of the colours and of the line's vertical axis.

    Raises
    ------
    UnknownName, BadValue
        As plot_sweep does, and where the map has other than two axes, or the cut is none of it.

    Examples
    --------
    >>> from chainderiv import Axis, Chain, sweep
    >>> figure = plot_cut(sweep(Chain(depth=4), w=Axis(-12, 12, 31), b=Axis(-10, 10, 21)), {"w": 6})
    >>> figure.axes[1].get_xlabel()
    '$b$  (bias, dimensionless)'
    """
    of_kind("sweep", sweep, Sweep, "what sweep(…) returns")
    of_kind("cut", cut, Mapping, "the name of an axis and a value, such as {'w': 2.0}")
    if len(sweep.axes) != 2 or len(cut) != 1:
        raise BadValue(
            f"a map of {len(sweep.axes)} axes is cut at {len(cut)} of them; give a map of 2 and a value of 1, as w = 2"
        )
    line, look = sweep.cut(**cut), look_of(title, legend, names, cmap, limits, levels, colorbar)
    ((name, value),) = cut.items()
    shown = quantity_at(quantity, sweep.derivation.chain.depth)
    along = quantity_at(quantity, line.derivation.chain.depth)
    figure = new_figure(size_of(size) or (2 * SIZE[0], SIZE[1]), dark)
    grid = figure.add_gridspec(1, 2)
    with theme(dark):
        left, right = (new_axes(figure, grid[k]) for k in (0, 1))
    with drawing(left, SIZE, dark, fitted=True) as (ax, colours):
        draw_one(ax, sweep, shown, colours, look)
        across = ax.axvline if name == next(iter(sweep.axes)) else ax.axhline
        across(value, color=colours.paper, linewidth=4.0, alpha=0.7)
        across(value, color=colours.cycle[3], linewidth=2.0, gid="cut")
    with drawing(right, SIZE, dark, fitted=True) as (ax, colours):
        draw_line(ax, line, along, colours, replace(look, title=f"cut at {held(name, value)}"))
        ax.title.set_color(colours.cycle[3])
    return figure
