"""One map on its Axes: its colours and its boundaries, and what a legend says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D

from chainderiv.maps.regime import LOG_QUARTER
from chainderiv.maps.sweep import Sweep
from chainderiv.view.fitting import fit_words
from chainderiv.view.maps import labels
from chainderiv.view.maps.drawing import (
    code_patches,
    crosses,
    draw_codes,
    draw_contour,
    draw_uncertain,
    draw_values,
    special_patches,
    uncertain_patch,
)
from chainderiv.view.maps.look import Look
from chainderiv.view.maps.map_view import MapView
from chainderiv.view.maps.quantities import Quantity
from chainderiv.view.maps.regions import label_contour, name_regions
from chainderiv.view.theme import Palette

BOUNDARIES = {"rate": (0.0, "-", "boundary"), "largest_link": (LOG_QUARTER, "--", "below_quarter")}


def has_bar(quantity: Quantity, view: MapView, look: Look) -> bool:
    """Whether a map has a colour bar: there is a number to colour."""
    return look.colorbar and not quantity.codes and bool(np.isfinite(view.values).any())


def draw_map(
    ax: Axes, sweep: Sweep, quantity: Quantity, view: MapView, norm: Normalize, colours: Palette, look: Look
) -> Any:
    """Draw a map's view and its boundaries, but no colour bar and no legend.

    norm : the colour scale; several maps may share one.
    Returns the coloured cells, None of codes and where there is no number to colour.
    """
    mesh, note = None, note_of(sweep, quantity, view)
    if quantity.absent(sweep.derivation.chain.depth):
        ax.set(xlim=(view.axes[0].start, view.axes[0].stop), ylim=(view.axes[1].start, view.axes[1].stop))
        ax.set(xscale=view.axes[0].scale, yscale=view.axes[1].scale)
    elif quantity.codes:
        draw_codes(ax, view, quantity.codes, colours)
    else:
        mesh = draw_values(ax, view, norm, colours, look.cmap)
    if not quantity.absent(sweep.derivation.chain.depth):
        _draw_lines(ax, quantity, view, colours, look)
    if note:
        say(ax, note, colours)
    elif look.names and "rate" in view.fields and not quantity.codes:
        name_regions(ax, view, colours)
    title = labels.chain_name(sweep) if look.title is None else look.title
    x_label, y_label = map(labels.axis_label, sweep.axes)
    fit_words(ax, title, x_label, y_label, has_bar(quantity, view, look))
    return mesh


def _draw_lines(ax: Axes, quantity: Quantity, view: MapView, colours: Palette, look: Look) -> None:
    if quantity.hatched:
        draw_uncertain(ax, view, colours)
    for name, (level, style, gid) in BOUNDARIES.items():
        if name in view.fields:
            draw_contour(ax, view, view.fields[name], [level], style, colours, gid)
    if look.levels and "values" in view.fields:
        lines = draw_contour(ax, view, view.fields["values"], look.levels, ":", colours, "levels")
        if lines is not None and look.names:
            label_contour(ax, lines, [f"{level:g}" for level in lines.levels], colours)


def note_of(sweep: Sweep, quantity: Quantity, view: MapView) -> str:
    """What there is to say of a map without a number, '' of another."""
    if absent := quantity.absent(sweep.derivation.chain.depth):
        return absent
    if quantity.codes:
        return ""
    return nothing_but(view.values, quantity)


def nothing_but(values: Any, quantity: Quantity) -> str:
    """'undefined everywhere' or 'exactly 0 everywhere' where it is so, else ''."""
    if np.isnan(values).all():
        return "undefined everywhere"
    if quantity.logarithm and np.isneginf(values).all():
        return "exactly 0 everywhere"
    return ""


def say(ax: Axes, note: str, colours: Palette) -> None:
    """A note in the middle of the Axes."""
    box: dict[str, Any] = {"boxstyle": "round,pad=0.4", "facecolor": colours.paper, "edgecolor": colours.soft}
    ax.text(0.5, 0.5, note, transform=ax.transAxes, ha="center", va="center", color=colours.ink, bbox=box, gid="note")


def map_entries(sweep: Sweep, quantity: Quantity, view: MapView, colours: Palette) -> list[Any]:
    """The legend entries of what draw_map draws: boundaries, colours that are no logarithm, and what is hatched."""
    if quantity.absent(sweep.derivation.chain.depth):
        return []
    said = {"rate": "rate = 0: vanishing | exploding", "largest_link": f"largest ${labels.link_symbol(sweep)} = 1/4$"}
    entries: list[Any] = [
        Line2D([], [], color=colours.ink, ls=style, label=said[name])
        for name, (level, style, _) in BOUNDARIES.items()
        if name in view.fields and crosses(view.fields[name], level)
    ]
    if quantity.codes:
        entries += code_patches(view.values, quantity.codes, colours)
    else:
        entries += special_patches(view.values, colours)
    return entries if view.uncertain is None or not quantity.hatched else [*entries, uncertain_patch(colours)]
