"""What every run of several kinds of training does over its epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.errors import BadShape
from chainderiv.view.networks.curves import CURVE_SIZE
from chainderiv.view.networks.lines import epoch_axis
from chainderiv.view.theme import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES = ("-", (0, (6, 1.5)), (0, (3, 1.2)), (0, (1.2, 1.0)))  # kinds are told apart without their colours


def plot_courses(
    series: Mapping[str, ArrayLike],
    ax: Axes | None = None,
    dark: bool = False,
    *,
    ylabel: str,
    level: float | None = None,
    sizes: bool = False,
) -> Axes:
    """Draw a number over the epochs, a line for each run and a colour for each kind.

    series : by kind, shape (runs, epochs + 1). level : a height to compare with. sizes : on a logarithmic axis.
    Raises BadShape for another shape, or without a kind.

    >>> ax = plot_courses({"decay 0": [[0.1, 0.1, 0.8], [0.1, 0.7, 0.9]]}, ylabel="accuracy")
    >>> ax.lines[0].get_ydata().tolist()
    [0.1, 0.1, 0.8]
    """
    rows = {name: np.asarray(runs, float) for name, runs in series.items()}
    if not rows or any(row.ndim != 2 or not row.size for row in rows.values()):
        raise BadShape(f"series have shapes {[row.shape for row in rows.values()]}; give (runs, epochs + 1) for each")
    with drawing(ax, CURVE_SIZE, dark) as (ax, colours):
        for k, (name, runs) in enumerate(rows.items()):
            colour, dashes = colours.lines[k % len(colours.lines)], DASHES[k % len(DASHES)]
            lines = ax.plot(runs.T, color=colour, linestyle=dashes, linewidth=1.1, alpha=0.8, gid=name)
            lines[0].set_label(name)
        if level is not None:
            ax.axhline(level, color=colours.soft, linewidth=0.9, linestyle=":", gid="level")
        if sizes:
            ax.set_yscale("log")
        epoch_axis(ax, np.arange(max(row.shape[1] for row in rows.values())))
        ax.set_ylabel(ylabel)
    return ax
