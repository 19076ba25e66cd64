"""Maps: a Sweep, several side by side or one link as images, with the boundaries that the argument speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.given import of_kind, several
from chainderiv.maps.axis import Axis
from chainderiv.maps.regime import LOG_QUARTER
from chainderiv.maps.sweep import Sweep
from chainderiv.view.maps import labels
from chainderiv.view.maps.drawing import (
    cells_of,
    code_patches,
    colour_bar,
    crosses,
    draw_codes,
    draw_contour,
    draw_legend,
    draw_uncertain,
    draw_values,
    scale_of,
    special_patches,
    uncertain_patch,
)
from chainderiv.view.maps.map_view import MapView, view_sweep, view_values
from chainderiv.view.maps.quantities import Quantity, quantity_at
from chainderiv.view.maps.reduce import reduced_line
from chainderiv.view.maps.regions import label_contour, name_regions
from chainderiv.view.theme import SIZE, Palette, drawing, new_figure, theme

BOUNDARIES = {"rate": (0.0, "-", "boundary"), "largest_link": (LOG_QUARTER, "--", "below_quarter")}
TITLE: dict[str, Any] = {"fontsize": 10, "fontweight": "normal"}
SEVERAL = "one or more of what sweep(…) returns"
LINE_BLOCKS = 2000  # a line of more points is drawn by the extremes of as many blocks


def plot_sweep(sweep: Sweep, quantity: str = "gradient", ax: Axes | None = None, dark: bool = False) -> Axes:
    """Draw a sweep over one or two Axes: a line, or an image with the boundary rate = 0 as a contour.

    Maps also show the edge of below_quarter, where every link |w_l φ'(z_l)| is under 1/4. Depth 1 has no link,
    and so neither line. What rounding makes uncertain is hatched. A map of more points than the picture has pixels
    is drawn by blocks, the smallest and the largest value of each beside each other, and read box by box.

    Parameters
    ----------
    sweep : Sweep. The first of its axes runs to the right, the second upwards.
    quantity : 'gradient' (log10|∂C/∂θ|, decades), 'rate' (natural, per link), 'regime', 'below_quarter', 'uncertain',
        or of layer l 'factor:l' (log10|w_l φ'(z_l)|, decades) or 'activation:l' (a_l, dimensionless).
    ax : Axes to draw on; by default those of a new figure, which pyplot does not know.
    dark : whether the figure is for a dark page.

    Returns
    -------
    The Axes.

    Raises
    ------
    UnknownName
        For another quantity.
    BadValue
        When the sweep has more than two axes or is none, the chain has no such layer, or a rate is asked of a chain of
        depth 1.

    Source: the regions of Nielsen (2015), chapter 5.

    Examples
    --------
    >>> from chainderiv import Axis, Chain, sweep
    >>> ax = plot_sweep(sweep(Chain(depth=4), w=Axis(-12, 12, 31), b=Axis(-10, 10, 21)))
    >>> ax.get_xlabel()
    '$w$  (weight, dimensionless)'
    """
    shown = quantity_at(quantity, _swept(sweep).derivation.chain.depth)
    if len(sweep.axes) > 2:
        extra = ", ".join(list(sweep.axes)[2:])
        raise BadValue(f"the sweep has {len(sweep.axes)} axes; a picture has 1 or 2: fix {extra} at a number")
    with drawing(ax, SIZE, dark) as (ax, colours):
        if len(sweep.axes) == 1:
            _draw_line(ax, sweep, shown, colours)
        else:
            _draw_maps([ax], [sweep], [shown], colours)
    return ax


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
    sweeps = several("sweeps", sweeps, Sweep, SEVERAL)
    if not sweeps:
        raise BadValue(f"sweeps is empty; give {SEVERAL}")
    figure = new_figure((SIZE[0] * len(sweeps), SIZE[1]), dark)
    with theme(dark) as colours:
        panels = list(figure.subplots(1, len(sweeps), squeeze=False)[0])
        if all(len(one.axes) == 2 for one in sweeps):
            _draw_maps(panels, sweeps, [quantity_at(quantity, one.derivation.chain.depth) for one in sweeps], colours)
            return figure
        for ax, one in zip(panels, sweeps, strict=True):
            plot_sweep(one, quantity, ax, dark)
    if all(len(one.axes) == 1 for one in sweeps):
        lows, highs = zip(*(ax.get_ylim() for ax in panels), strict=True)
        for ax in panels:
            ax.set_ylim(min(lows), max(highs))
    return figure


def _swept(sweep: Sweep) -> Sweep:
    swept: Sweep = of_kind("sweep", sweep, Sweep, "what sweep(…) returns")
    return swept


def _draw_maps(panels: Sequence[Axes], sweeps: Sequence[Sweep], shown: Sequence[Quantity], colours: Palette) -> None:
    """Maps in one scale of colours, with legends and one colour bar."""
    views = [view_sweep(one, q, cells_of(ax)) for one, q, ax in zip(sweeps, shown, panels, strict=True)]
    norm = scale_of(max(view.largest for view in views))
    last = None
    for ax, one, q, view in zip(panels, sweeps, shown, views, strict=True):
        last = draw_map(ax, one, q, view, norm, colours)
        draw_legend(ax, map_entries(one, q, view, colours), bar=last is not None)
    if last is not None:  # one scale for all of them
        colour_bar(panels, last, shown[0].label(sweeps[0]))


def draw_map(
    ax: Axes, sweep: Sweep, quantity: Quantity, view: MapView, norm: Normalize, colours: Palette, names: bool = True
) -> Any:
    """Draw a map's view and its boundaries, but no colour bar and no legend; the coloured cells, None for codes.

    norm : the colour scale; several maps may share one. names : whether the regions are named.
    """
    x_name, y_name = sweep.axes
    mesh = None
    if quantity.codes:
        draw_codes(ax, view, quantity.codes, colours)
    else:
        mesh = draw_values(ax, view, norm, colours)
    if quantity.hatched:
        draw_uncertain(ax, view, colours)
    if view.fields:
        for name, (level, style, gid) in BOUNDARIES.items():
            draw_contour(ax, view, view.fields[name], level, style, colours, gid)
        if names and not quantity.codes:
            name_regions(ax, view, colours)
    ax.set(xlabel=labels.axis_label(x_name), ylabel=labels.axis_label(y_name))
    ax.set_title(labels.chain_name(sweep), **TITLE)
    return mesh


def map_entries(sweep: Sweep, quantity: Quantity, view: MapView, colours: Palette) -> list[Any]:
    """The legend entries of a map: its boundaries, the colours that are no logarithm, and what is hatched."""
    said = {"rate": "rate = 0: vanishing | exploding", "largest_link": f"largest ${labels.link_symbol(sweep)} = 1/4$"}
    entries: list[Any] = [
        Line2D([], [], color=colours.ink, ls=BOUNDARIES[name][1], label=said[name])
        for name, field in view.fields.items()
        if crosses(field, BOUNDARIES[name][0])
    ]
    if quantity.codes:
        entries += code_patches(view.values, quantity.codes, colours)
    else:
        entries += special_patches(view.values, colours)
    return entries if view.uncertain is None or not quantity.hatched else [*entries, uncertain_patch(colours)]


def plot_link_map(
    activation: str | Activation, w_axis: Axis, z_axis: Axis, ax: Axes | None = None, dark: bool = False
) -> Axes:
    """Draw one link, log10|w φ'(z)|, with the contours 1/4 and 1.

    1/4 is the source's bound on a link that vanishes; from 1 on a link amplifies.

    Parameters
    ----------
    activation : name or Activation.
    w_axis, z_axis : Axis. To the right the weight, upwards the pre-activation, both dimensionless.
    ax, dark : as in plot_sweep.

    Returns
    -------
    The Axes.

    Raises
    ------
    UnknownName
        When the catalogue has no such activation.
    BadValue
        When one of the axes is no Axis.

    Source: Nielsen (2015), chapter 5: |w σ'(z)| < 1/4 where |w| < 1.

    Examples
    --------
    >>> plot_link_map("tanh", Axis(-3, 3, 31), Axis(-4, 4, 31)).get_ylabel()
    '$z$  (pre-activation, dimensionless)'
    """
    phi = neuron(activation)
    for name, axis in (("w_axis", w_axis), ("z_axis", z_axis)):
        of_kind(name, axis, Axis, "an Axis(start, stop, count)")
    with np.errstate(divide="ignore"):
        weight = np.log(np.abs(w_axis.values))[:, None]
    values = (weight + array_functions(phi).log_abs_derivative(z_axis.values)[None, :]) / np.log(10)
    with drawing(ax, SIZE, dark) as (ax, colours):
        view = view_values((w_axis, z_axis), values, cells_of(ax))
        mesh = draw_values(ax, view, scale_of(view.largest), colours)
        colour_bar([ax], mesh, r"$\log_{10}|w\,\varphi'(z)|$  (decades)")
        for level, name, style in ((np.log10(0.25), "1/4", "--"), (0.0, "1", "-")):
            contour = draw_contour(ax, view, view.fields["values"], level, style, colours, gid=f"link {name}")
            label_contour(ax, contour, name, colours)
        ax.set(xlabel=labels.axis_label("w"), ylabel=labels.axis_label("z"))
        ax.set_title(f"one link of a {phi.name} chain", **TITLE)
        lines: list[Any] = [
            Line2D([], [], color=colours.ink, ls="--", label=r"$|w\,\varphi'(z)| = 1/4$"),
            Line2D([], [], color=colours.ink, label=r"$|w\,\varphi'(z)| = 1$: amplifies beyond"),
        ]
        draw_legend(ax, [*lines, *special_patches(view.values, colours)])
    return ax


def _draw_line(ax: Axes, sweep: Sweep, quantity: Quantity, colours: Palette) -> None:
    ((name, axis),) = sweep.axes.items()
    where, values = reduced_line(lambda part: quantity.over(sweep, (part,)), axis.count, LINE_BLOCKS)
    x = axis.values[where]
    with np.errstate(invalid="ignore"):
        shown = np.where(np.isfinite(values), values, np.nan)
    ax.plot(x, shown, color=colours.cycle[0], gid="line", drawstyle="steps-mid" if quantity.codes else None)
    ax.set(xscale=axis.scale, xlim=(axis.start, axis.stop), xlabel=labels.axis_label(name))
    ax.set_ylabel(quantity.label(sweep))
    ax.set_title(labels.chain_name(sweep), **TITLE)
    ax.axhline(0.0, color=colours.soft, linewidth=0.8)
    if quantity.codes:
        ax.set_yticks([code for code, _ in quantity.codes], [text for _, text in quantity.codes])
    handles: list[Any] = []
    band: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "linewidth": 0}
    tile = sweep.readings.read((slice(0, axis.count),))
    if sweep.derivation.chain.depth > 1 and (exploding := tile.link_log_sum[where] > 0).any():
        ax.fill_between(x, 0, 1, where=exploding, color=colours.high, alpha=0.3, gid="exploding", **band)
        handles.append(Patch(facecolor=colours.high, alpha=0.3, label="exploding: rate > 0"))
    if quantity.hatched and tile.uncertain.any():
        step = np.pad(tile.uncertain, 1)
        near = (step[:-2] | step[1:-1] | step[2:])[where]  # a lone point has no width of its own
        ax.fill_between(
            x, 0, 1, where=near, facecolor="none", edgecolor=colours.soft, hatch="////", gid="uncertain", **band
        )
        handles.append(uncertain_patch(colours))
    draw_legend(ax, handles, bar=False)
