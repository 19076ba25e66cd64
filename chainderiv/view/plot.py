"""The figures: each draws on the Axes given or on new ones, returns them, and never calls show."""

from __future__ import annotations

from chainderiv.view.maps.maps import QUANTITIES, plot_link_map, plot_sweep
from chainderiv.view.networks.curves import plot_accuracy, plot_bars, plot_norms
from chainderiv.view.picture import picture, save_picture

__all__ = [
    "QUANTITIES",
    "picture",
    "plot_accuracy",
    "plot_bars",
    "plot_link_map",
    "plot_norms",
    "plot_sweep",
    "save_picture",
]
