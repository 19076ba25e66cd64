"""Several maps side by side in one figure."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from chainderiv.numeric.sweep import Sweep
from chainderiv.view.maps import plot_sweep
from chainderiv.view.theme import SIZE, new_figure


def plot_sweeps(sweeps: Sequence[Sweep], quantity: str = "gradient", dark: bool = False) -> Figure:
    """A figure with one panel per sweep, from left to right; see plot_sweep for what each shows and raises.

    >>> from chainderiv.numeric.axis import Axis
    >>> from chainderiv.numeric.sweep import sweep
    >>> from chainderiv.symbolic.chain import Chain
    >>> maps = [sweep(Chain(3, name), w=Axis(-3, 3, 9), b=Axis(-2, 2, 7)) for name in ("sigmoid", "relu")]
    >>> [ax.get_title(loc="left").partition(",")[0] for ax in plot_sweeps(maps).axes if ax.get_title(loc="left")]
    ['sigmoid', 'relu']
    """
    figure = new_figure((SIZE[0] * len(sweeps), SIZE[1]), dark)
    for place, one in enumerate(sweeps, start=1):
        plot_sweep(one, quantity, figure.add_subplot(1, len(sweeps), place), dark)
    return figure
