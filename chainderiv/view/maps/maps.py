"""Maps and lines of a Sweep, or of several side by side, with the boundaries that the argument speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chainderiv.errors import BadValue
from chainderiv.given import of_kind, several, whole_number
from chainderiv.maps.sweep import Sweep
from chainderiv.view.choices import size_of
from chainderiv.view.fitting import draw_legend, fitted, label_room
from chainderiv.view.maps.colours import colour_bar, scale_of
from chainderiv.view.maps.drawing import cells_of
from chainderiv.view.maps.line import draw_line
from chainderiv.view.maps.look import Look, look_of
from chainderiv.view.maps.map_view import ends_of, view_sweep
from chainderiv.view.maps.panel import draw_map, has_bar, map_entries
from chainderiv.view.maps.quantities import Quantity, quantity_at
from chainderiv.view.place import fill_place
from chainderiv.view.theme import SIZE, Palette, drawing, dress, new_axes, new_figure, palette, theme

SEVERAL = "one or more of what sweep(…) returns"
IN_A_ROW = 3  # panels, unless told
PANEL = 0.8  # of SIZE, the share of a panel in a figure of several rows


def plot_sweep(
    sweep: Sweep,
    quantity: str = "gradient",
    ax: Axes | None = None,
    dark: bool = False,
    *,
    title: str | None = None,
    legend: bool = True,
    names: bool = True,
    cmap: Any = None,
    limits: Any = None,
    levels: Any = (),
    colorbar: bool = True,
) -> Axes:
    """Draw a sweep over one or two Axes: a line, or an image with the boundary rate = 0 as a contour.

    Maps also show the edge of below_quarter, where every link |w_l φ'(z_l)| is under 1/4. Depth 1 has no link,
    and so neither line. What rounding makes uncertain is hatched. A map of more points than the picture has pixels
    is drawn by blocks, the smallest and the largest value of each beside each other, and read box by box.
    0 has the middle colour, and each side its own depth: the bar says what a colour means.

    Parameters
    ----------
    sweep : Sweep. The first of its axes runs to the right, the second upwards.
    quantity : 'gradient' (log10|∂C/∂θ|, decades), 'rate' (natural, per link), 'regime', 'below_quarter', 'uncertain',
        or of layer l 'factor:l' (log10|w_l φ'(z_l)|, decades) or 'activation:l' (a_l, dimensionless).
    ax : Axes to draw on; by default those of a new figure, which pyplot does not know and a notebook shows. Where the
        figure has no layout engine, Axes of a grid are moved so that all that belongs to them is in their place.
    dark : whether the figure is for a dark page.
    title : what stands above, '' for nothing; by default what was swept.
    legend, colorbar : whether there is one.
    names : whether the regions of a map are named, and the levels.
    cmap : name of a colour map of Matplotlib's, or a Colormap; of a map of numbers.
    limits : (low, high) or n for (-n, n): the ends of the colours, or of a line's own axis, in the quantity's units.
    levels : numbers at which a map has further contours, and a line further lines, in the quantity's units.

    Returns
    -------
    The Axes.

    Raises
    ------
    UnknownName
        For another quantity.
    BadValue
        When the sweep has more than two axes or is none, the chain has no such layer, or a rate is asked of a chain of
        depth 1; when an option is none, or the Axes are polar or the like.

    Source: the regions of Nielsen (2015), chapter 5.

    Examples
    --------
    >>> from chainderiv import Axis, Chain, sweep
    >>> ax = plot_sweep(sweep(Chain(depth=4), w=Axis(-12, 12, 31), b=Axis(-10, 10, 21)), limits=(-6, 1), levels=-3)
    >>> ax.get_xlabel()
    '$w$  (weight, dimensionless)'
    """
    shown = quantity_at(quantity, _swept(sweep).derivation.chain.depth)
    look = look_of(title, legend, names, cmap, limits, levels, colorbar)
    require_flat(sweep)
    with drawing(ax, SIZE, dark, fitted=True) as (ax, colours):
        draw_one(ax, sweep, shown, colours, look)
        fill_place(ax)
    return ax


def plot_sweeps(
    sweeps: Sequence[Sweep],
    quantity: str = "gradient",
    dark: bool = False,
    *,
    columns: int | None = None,
    size: Any = None,
    title: str | None = None,
    legend: bool = True,
    names: bool = True,
    cmap: Any = None,
    limits: Any = None,
    levels: Any = (),
    colorbar: bool = True,
) -> Figure:
    """A figure with one panel per sweep, row by row; see plot_sweep for what each shows, raises and may be told.

    Maps share one scale of colours and one colour bar, so that a colour means the same in all of them; lines share
    their vertical axis.

    columns : panels in a row, by default 3 at the most. size : (width, height) of the figure in inches.
    title : of several panels it stands above them all.

    >>> from chainderiv import Axis, Chain, sweep
    >>> maps = [sweep(Chain(3, name), w=Axis(-3, 3, 9), b=Axis(-2, 2, 7)) for name in ("sigmoid", "relu")]
    >>> figure = plot_sweeps(maps)
    >>> [ax.get_title().partition(",")[0] for ax in figure.axes if ax.get_title()]
    ['sigmoid', 'relu']
    >>> len(figure.axes)
    3
    """
    sweeps = several("sweeps", sweeps, Sweep, SEVERAL)
    if not sweeps:
        raise BadValue(f"sweeps is empty; give {SEVERAL}")
    look, count = look_of(title, legend, names, cmap, limits, levels, colorbar), len(sweeps)
    shown = [quantity_at(quantity, one.derivation.chain.depth) for one in sweeps]
    for one in sweeps:
        require_flat(one)
    rows, columns = _grid(count, columns)
    share = 1.0 if rows == 1 else PANEL
    figure = new_figure(size_of(size) or (share * SIZE[0] * columns, share * SIZE[1] * rows), dark)
    grid = figure.add_gridspec(rows, columns)
    with theme(dark):
        panels = [new_axes(figure, grid[k // columns, k % columns]) for k in range(count)]
    if count > 1 and look.title is not None:
        figure.suptitle(look.title, color=palette(dark).ink)
        look = replace(look, title=None)
    with drawing(panels[0], SIZE, dark, fitted=True) as (_, colours):
        if all(len(one.axes) == 2 for one in sweeps):
            for ax in panels:
                dress(ax, colours)
            _draw_maps(panels, sweeps, shown, colours, look)
            return figure
    for ax, one, q in zip(panels, sweeps, shown, strict=True):
        with drawing(ax, SIZE, dark, fitted=True) as (_, colours):
            draw_one(ax, one, q, colours, look)
    if all(len(one.axes) == 1 for one in sweeps) and look.limits is None:
        lows, highs = zip(*(ax.get_ylim() for ax in panels), strict=True)
        for ax in panels:
            ax.set_ylim(min(lows), max(highs))
    return figure


def draw_one(ax: Axes, sweep: Sweep, quantity: Quantity, colours: Palette, look: Look) -> None:
    """A sweep on Axes alone: a line, or a map with its own colour bar."""
    if len(sweep.axes) == 1:
        draw_line(ax, sweep, quantity, colours, look)
    else:
        _draw_maps([ax], [sweep], [quantity], colours, look)


def require_flat(sweep: Sweep) -> None:
    """Raise BadValue for a sweep that no picture has room for."""
    if len(sweep.axes) > 2:
        extra = ", ".join(list(sweep.axes)[2:])
        raise BadValue(f"the sweep has {len(sweep.axes)} axes; a picture has 1 or 2: fix {extra} at a number")


def _swept(sweep: Sweep) -> Sweep:
    swept: Sweep = of_kind("sweep", sweep, Sweep, "what sweep(…) returns")
    return swept


def _grid(count: int, columns: int | None) -> tuple[int, int]:
    """Rows and columns for so many panels; by default the rows are as even as they can be."""
    if columns is None:
        rows = -(-count // IN_A_ROW)
        return rows, -(-count // rows)
    wide = min(whole_number("columns", columns, 1), count)
    return -(-count // wide), wide


def _draw_maps(
    panels: Sequence[Axes], sweeps: Sequence[Sweep], shown: Sequence[Quantity], colours: Palette, look: Look
) -> None:
    """Maps in one scale of colours, with legends and one colour bar."""
    levels = bool(look.levels) and not shown[0].codes
    views = [view_sweep(one, q, cells_of(ax), levels) for one, q, ax in zip(sweeps, shown, panels, strict=True)]
    low, high = ends_of(views)
    norm = scale_of(low, high, look, even=not shown[0].logarithm)
    last = None
    for ax, one, q, view in zip(panels, sweeps, shown, views, strict=True):
        if look.legend:  # first, for it takes room from the labels
            draw_legend(ax, map_entries(one, q, view, colours), has_bar(q, view, look))
        mesh = draw_map(ax, one, q, view, norm, colours, look)
        last = last or mesh
    if last is not None and look.colorbar:  # one scale for all of them
        # the bar runs along all rows of a figure of our own
        rows = len({ax.get_position().y0 for ax in panels})
        label = fitted(panels[0], shown[0].label(sweeps[0]), rows * label_room(panels[0])[1])
        colour_bar(panels, last, label, low, high)
