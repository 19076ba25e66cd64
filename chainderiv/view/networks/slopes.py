"""Growths of a gradient from layer to layer, measured and predicted, as what endless width leaves of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.errors import BadShape
from chainderiv.view.networks.lines import ruled
from chainderiv.view.theme import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HALF = 0.36  # of the step from place to place, to either side, that a prediction's line reaches


def plot_slopes(
    places: Sequence[str],
    measured: ArrayLike,
    errors: ArrayLike,
    predicted: ArrayLike,
    ax: Axes | None = None,
    dark: bool = False,
    *,
    names: bool = True,
) -> Axes:
    """Draw at each place how far the growth of ln ‖∂C/∂b‖ a layer is from that of endless width, the line at 0.

    A point is a mean with twice its standard error to either side, a line what is predicted.

    measured, errors, predicted : a number for each place, less that of endless width. names : whether the places are
    named. Raises BadShape for another number of them.
    """
    rows: list[Any] = [np.asarray(given, float) for given in (measured, errors, predicted)]
    if any(row.shape != (len(places),) for row in rows):
        raise BadShape(f"shapes are {[row.shape for row in rows]}; give ({len(places)},), a number for each place")
    middle, error, line = rows
    at = np.arange(len(places))
    with drawing(ax, (6.0, 3.8), dark) as (ax, colours):
        ax.axhline(
            0, color=colours.cycle[1], linewidth=1.3, linestyle="--", label="endless width: ½ log χ₁", gid="endless"
        )
        lines = ax.hlines(
            line, at - HALF, at + HALF, colors=colours.cycle[0], linewidths=2.4, label="predicted for this width"
        )
        lines.set_gid("predicted")
        ax.errorbar(
            at, middle, 2 * error, color=colours.ink, linestyle="none", marker="o", markersize=4, capsize=3, zorder=4,
            label="measured, ± 2 standard errors",
        )  # fmt: skip
        ax.set_xticks(at, list(places) if names else [""] * len(places), rotation=90)
        ax.set_xlim(-0.6, len(places) - 0.4)
        ruled(ax)
    return ax
