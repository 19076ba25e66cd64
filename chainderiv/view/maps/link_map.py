"""One link as a map over its weight and its pre-activation."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.given import of_kind
from chainderiv.maps.axis import Axis
from chainderiv.view.choices import as_it_stands
from chainderiv.view.fitting import draw_legend, fit_words, fitted, label_room
from chainderiv.view.maps import labels
from chainderiv.view.maps.colours import colour_bar, scale_of
from chainderiv.view.maps.drawing import cells_of, draw_contour, draw_values, special_patches
from chainderiv.view.maps.look import look_of
from chainderiv.view.maps.map_view import view_values
from chainderiv.view.maps.regions import label_contour
from chainderiv.view.place import fill_place
from chainderiv.view.theme import SIZE, drawing

LABEL = r"$\log_{10}|w\,\varphi'(z)|$  (decades)"
LEVELS = (
    (float(np.log10(0.25)), "1/4", "--", r"$|w\,\varphi'(z)| = 1/4$"),
    (0.0, "1", "-", r"$|w\,\varphi'(z)| = 1$: amplifies beyond"),
)


def plot_link_map(
    activation: str | Activation,
    w_axis: Axis,
    z_axis: Axis,
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
    """Draw one link, log10|w φ'(z)|, with the contours 1/4 and 1.

    1/4 is the source's bound on a link that vanishes; from 1 on a link amplifies.

    Parameters
    ----------
    activation : name or Activation.
    w_axis, z_axis : Axis. To the right the weight, upwards the pre-activation, both dimensionless.
    ax, dark, title, legend, cmap, limits, levels, colorbar : as in plot_sweep; levels are further ones, in decades.
    names : whether the lines are named.

    Returns
    -------
    The Axes.

    Raises
    ------
    UnknownName
        When the catalogue has no such activation.
    BadValue
        When one of the axes is no Axis, or an option is none.

    Source: Nielsen (2015), chapter 5: |w σ'(z)| < 1/4 where |w| < 1.

    Examples
    --------
    >>> plot_link_map("tanh", Axis(-3, 3, 31), Axis(-4, 4, 31)).get_ylabel()
    '$z$  (pre-activation, dimensionless)'
    """
    phi, look = neuron(activation), look_of(title, legend, names, cmap, limits, levels, colorbar)
    for name, axis in (("w_axis", w_axis), ("z_axis", z_axis)):
        of_kind(name, axis, Axis, "an Axis(start, stop, count)")
    with np.errstate(divide="ignore"):
        weight = np.log(np.abs(w_axis.values))[:, None]
    values = (weight + array_functions(phi).log_abs_derivative(z_axis.values)[None, :]) / np.log(10)
    with drawing(ax, SIZE, dark, fitted=True) as (ax, colours):
        view = view_values((w_axis, z_axis), values, cells_of(ax))
        mesh = draw_values(ax, view, scale_of(*view.ends, look), colours, look.cmap)
        lines = list[Any]()
        for level, name, style, said in LEVELS:
            contour = draw_contour(ax, view, view.fields["values"], [level], style, colours, gid=f"link {name}")
            if contour is not None:
                lines.append(Line2D([], [], color=colours.ink, ls=style, label=said))
            if look.names:
                label_contour(ax, contour, [name], colours)
        further = draw_contour(ax, view, view.fields["values"], look.levels, ":", colours, gid="levels")
        if further is not None and look.names:
            label_contour(ax, further, [f"{level:g}" for level in further.levels], colours)
        has_bar = mesh is not None and look.colorbar
        own = f"one link of a {as_it_stands(phi.name)} chain" if look.title is None else look.title
        if look.legend:
            draw_legend(ax, [*lines, *special_patches(view.values, colours)], has_bar)
        fit_words(ax, own, labels.axis_label("w"), labels.axis_label("z"), has_bar)
        if has_bar:
            colour_bar([ax], mesh, fitted(ax, LABEL, label_room(ax)[1]), *view.ends)
        fill_place(ax)
    return ax
