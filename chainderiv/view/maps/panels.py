"""Several maps side by side in one figure, in one scale of colours."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chainderiv.maps.sweep import Sweep
from chainderiv.view.maps import labels
from chainderiv.view.maps.drawing import cells_of, colour_bar, draw_legend, scale_of
from chainderiv.view.maps.map_view import view_sweep
from chainderiv.view.maps.maps import draw_map, map_entries, plot_sweep, require_drawable
from chainderiv.view.maps.quantities import quantity_of
from chainderiv.view.theme import SIZE, new_figure, theme


def plot_sweeps(sweeps: Sequence[Sweep], quantity: str = "gradient", dark: bool = False) -> Figure:
    """A figure with one panel per sweep, from left to right; see plot_sweep for what each shows and raises.

    Maps share one scale of colours and one colour bar, so that a colour means the same in all of them; lines share
    their vertical axis.

    >>> from chainderiv import Axis, Chain, sweep
    >>> maps = [sweep(Chain(3, name), w=Axis(-3, 3, 9), b=Axis(-2, 2, 7)) for name in ("sigmoid", "relu")]
    >>> figure = plot_sweeps(maps)
    >>> [ax.get_title(loc="left").partition(",")[0] for ax in figure.axes if ax.get_title(loc="left")]
    ['sigmoid', 'relu']
    >>> len(figure.axes)
    3
    """
    figure = new_figure((SIZE[0] * len(sweeps), SIZE[1]), dark)
    with theme(dark):
        panels = list(figure.subplots(1, len(sweeps), squeeze=False)[0])
    if len(sweeps) == 1 or any(len(one.axes) != 2 for one in sweeps):
        for ax, one in zip(panels, sweeps, strict=True):
            plot_sweep(one, quantity, ax, dark)
        low, high = (end(ax.get_ylim()[k] for ax in panels) for k, end in ((0, min), (1, max)))
        if all(len(one.axes) == 1 for one in sweeps):
            for ax in panels:
                ax.set_ylim(low, high)
    else:
        _draw_together(panels, sweeps, quantity, dark)
    return figure


def _draw_together(panels: Sequence[Axes], sweeps: Sequence[Sweep], quantity: str, dark: bool) -> None:
    shown = [quantity_of(one, quantity) for one in sweeps]
    for one in sweeps:
        require_drawable(one)
    views = [view_sweep(one, q, cells_of(ax)) for one, q, ax in zip(sweeps, shown, panels, strict=True)]
    norm = scale_of(max(view.largest for view in views))
    with theme(dark) as colours:
        for ax, one, q, view in zip(panels, sweeps, shown, views, strict=True):
            mesh = draw_map(ax, one, q, view, norm, colours)
            draw_legend(ax, map_entries(one, q, view, colours), bar=mesh is not None)
            ax.set_title(labels.chain_name(one), fontsize=10, fontweight="normal")
        if mesh is not None:
            colour_bar(panels, mesh, shown[0].label(sweeps[0]))
