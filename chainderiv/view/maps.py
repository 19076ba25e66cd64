"""Maps: a Sweep or one link as an image, with the boundaries that the argument speaks of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm, Colormap, ListedColormap, Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from chainderiv.errors import BadValue, unknown_name
from chainderiv.functions.activation import Activation
from chainderiv.functions.activation import activation as find_activation
from chainderiv.numeric.arrays import array_functions
from chainderiv.numeric.axis import Axis
from chainderiv.numeric.regime import Regime
from chainderiv.numeric.sweep import LOG_QUARTER, Sweep
from chainderiv.view import labels
from chainderiv.view.regions import label_contour, name_regions
from chainderiv.view.theme import SIZE, Palette, axes_or_new, theme

Floats = NDArray[np.float64]
LINEAR_WIDTH = 0.5  # within it colours change evenly; beyond, by equal ratios, so that 1 shows beside -30
TICKS = (0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Quantity:
    """One number of a sweep: how to read it, its name in mathtext, and the names of its codes if it has any."""

    read: Callable[[Sweep], Floats]
    label: Callable[[Sweep], str]
    codes: tuple[tuple[int, str], ...] = ()


QUANTITIES: dict[str, Quantity] = {
    "gradient": Quantity(lambda s: s.log10_abs, lambda s: rf"$\log_{{10}}|{labels.gradient_symbol(s)}|$  (decades)"),
    "rate": Quantity(lambda s: s.rate, lambda s: rf"rate: mean of $\ln{labels.link_symbol(s)}$  (per link)"),
    "regime": Quantity(
        lambda s: s.regime.astype(float),
        lambda s: "regime of the rate",
        tuple((int(r), r.name.lower()) for r in Regime),
    ),
    "below_quarter": Quantity(
        lambda s: s.below_quarter.astype(float),
        lambda s: f"every link ${labels.link_symbol(s)} < 1/4$",
        ((0, "some link is 1/4 or more"), (1, "every link is under 1/4")),
    ),
}


def plot_sweep(sweep: Sweep, quantity: str = "gradient", ax: Axes | None = None, dark: bool = False) -> Axes:
    """Draw a sweep over one or two Axes: a line, or an image with the boundary rate = 0 as a contour.

    Maps also show the edge of below_quarter, where every link |w_l φ'(z_l)| is under 1/4. Depth 1 has no link,
    and so neither line.

    Parameters
    ----------
    sweep : Sweep. The first of its axes runs to the right, the second upwards.
    quantity : 'gradient' (log10|∂C/∂θ|, decades), 'rate' (natural, per link), 'regime' or 'below_quarter'.
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
        When the sweep has more than two axes, or a rate is asked of a chain of depth 1.

    Source: the regions of Nielsen (2015), chapter 5.

    Examples
    --------
    >>> from chainderiv.numeric.sweep import sweep
    >>> from chainderiv.symbolic.chain import Chain
    >>> ax = plot_sweep(sweep(Chain(depth=4), w=Axis(-12, 12, 31), b=Axis(-10, 10, 21)))
    >>> ax.get_xlabel()
    '$w$  (weight, dimensionless)'
    """
    if not isinstance(quantity, str) or quantity not in QUANTITIES:
        raise unknown_name("quantity", quantity, QUANTITIES)
    if len(sweep.axes) > 2:
        extra = ", ".join(list(sweep.axes)[2:])
        raise BadValue(f"the sweep has {len(sweep.axes)} axes; a picture has 1 or 2: fix {extra} at a number")
    values = QUANTITIES[quantity].read(sweep)
    with theme(dark) as colours:
        ax = axes_or_new(ax, SIZE, dark)
        draw = _draw_map if len(sweep.axes) == 2 else _draw_line
        draw(ax, sweep, QUANTITIES[quantity], values, colours)
        ax.set_title(labels.chain_name(sweep), fontsize=10, fontweight="normal")
    return ax


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

    Source: Nielsen (2015), chapter 5: |w σ'(z)| < 1/4 where |w| < 1.

    Examples
    --------
    >>> plot_link_map("tanh", Axis(-3, 3, 31), Axis(-4, 4, 31)).get_ylabel()
    '$z$  (pre-activation, dimensionless)'
    """
    phi = find_activation(activation)
    with np.errstate(divide="ignore"):
        weight = np.log(np.abs(w_axis.values))[:, None]
    values = (weight + array_functions(phi).log_abs_derivative(z_axis.values)[None, :]) / np.log(10)
    with theme(dark) as colours:
        ax = axes_or_new(ax, SIZE, dark)
        _image(ax, (w_axis, z_axis), values, r"$\log_{10}|w\,\varphi'(z)|$  (decades)", colours)
        for level, name, style in ((np.log10(0.25), "1/4", "--"), (0.0, "1", "-")):
            contour = _contour(ax, (w_axis, z_axis), values, level, style, colours, gid=f"link {name}")
            label_contour(ax, contour, name, colours)
        ax.set(xlabel=labels.axis_label("w"), ylabel=labels.axis_label("z"))
        ax.set_title(f"one link of a {phi.name} chain", fontsize=10, fontweight="normal")
        _legend(ax, [
            Line2D([], [], color=colours.ink, ls="--", label=r"$|w\,\varphi'(z)| = 1/4$"),
            Line2D([], [], color=colours.ink, label=r"$|w\,\varphi'(z)| = 1$: amplifies beyond"),
            *_special(values, colours),
        ])  # fmt: skip
    return ax


def _draw_map(ax: Axes, sweep: Sweep, quantity: Quantity, values: Floats, colours: Palette) -> None:
    (x_name, x_axis), (y_name, y_axis) = sweep.axes.items()
    if quantity.codes:
        handles = _coded(ax, (x_axis, y_axis), values, quantity.codes, colours)
    else:
        _image(ax, (x_axis, y_axis), values, quantity.label(sweep), colours)
        handles = _special(values, colours)
    if sweep.derivation.chain.depth > 1:
        handles = _boundaries(ax, sweep, (x_axis, y_axis), colours) + handles
        if not quantity.codes:
            name_regions(ax, sweep, (x_axis, y_axis), colours)
    ax.set(xlabel=labels.axis_label(x_name), ylabel=labels.axis_label(y_name))
    _legend(ax, handles)


def _boundaries(ax: Axes, sweep: Sweep, axes: tuple[Axis, Axis], colours: Palette) -> list[Any]:
    handles: list[Any] = []
    if _contour(ax, axes, sweep.rate, 0.0, "-", colours, gid="boundary"):
        handles.append(Line2D([], [], color=colours.ink, label="rate = 0: vanishing | exploding"))
    if _contour(ax, axes, sweep.largest_link, LOG_QUARTER, "--", colours, gid="below_quarter"):
        handles.append(Line2D([], [], color=colours.ink, ls="--", label=f"largest ${labels.link_symbol(sweep)} = 1/4$"))
    return handles


def _image(ax: Axes, axes: tuple[Axis, Axis], values: Floats, label: str, colours: Palette) -> None:
    """The values as cells; 0 has the middle colour, and equal sizes have equal depth on either side."""
    finite = np.abs(values[np.isfinite(values)])
    limit = max(float(finite.max()) if finite.size else 1.0, LINEAR_WIDTH)
    norm = AsinhNorm(linear_width=LINEAR_WIDTH, vmin=-limit, vmax=limit)
    # Matplotlib masks what is not finite; an exact 0 has the logarithm -inf
    mesh = _mesh(ax, axes, values, norm, colours.colours.with_extremes(bad=colours.zero), "map")
    if np.isnan(values).any():
        holes = np.where(np.isnan(values), 0.0, np.nan)
        _mesh(ax, axes, holes, Normalize(0, 1), ListedColormap([colours.undefined]), "undefined")
    bar = ax.figure.colorbar(mesh, ax=ax, label=label, pad=0.02)
    ticks = [s * t for t in TICKS if t <= limit for s in (-1, 1)]
    bar.set_ticks(sorted([0.0, *_spaced(ticks, limit)]), minor=False)
    bar.minorticks_off()
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))
    bar.outline.set_visible(False)


def _spaced(ticks: Sequence[float], limit: float) -> list[float]:
    """The ticks that stand apart: a twelfth of the bar's half at least."""
    place = np.arcsinh(np.abs(ticks) / LINEAR_WIDTH) / np.arcsinh(limit / LINEAR_WIDTH)
    return [tick for tick, at in zip(ticks, place, strict=True) if at >= 1 / 12]


def _mesh(ax: Axes, axes: tuple[Axis, Axis], values: Floats, norm: Normalize, cmap: Colormap, gid: str) -> Any:
    x, y = axes
    # cells, not imshow: an image cannot stand on a log axis; rasterised, or an SVG holds a path per point
    mesh = ax.pcolormesh(labels.edges(x), labels.edges(y), values.T, norm=norm, cmap=cmap, rasterized=True, gid=gid)
    ax.set(xscale=x.scale, yscale=y.scale, xlim=(x.start, x.stop), ylim=(y.start, y.stop))
    return mesh


def _coded(
    ax: Axes, axes: tuple[Axis, Axis], values: Floats, codes: tuple[tuple[int, str], ...], colours: Palette
) -> list[Any]:
    """Codes as flat colours: they are names, so a legend and no colour bar."""
    shades = [colours.low, colours.paper, colours.high, colours.undefined]
    if len(codes) == 2:
        shades = [colours.paper, colours.low]
    first, count = codes[0][0], len(codes)
    norm = Normalize(first - 0.5, first + count - 0.5)
    _mesh(ax, axes, values, norm, ListedColormap(shades), "map")
    return [
        Patch(facecolor=shade, edgecolor=colours.soft, label=name)
        for shade, (code, name) in zip(shades, codes, strict=True)
        if (values == code).any()
    ]


def _contour(
    ax: Axes, axes: tuple[Axis, Axis], values: Floats, level: float, style: str, colours: Palette, gid: str
) -> Any:
    """One level as a line, or None where the values do not cross it (Matplotlib warns of such a contour)."""
    x, y = axes
    finite = values[np.isfinite(values)]
    # nanmin: what is undefined somewhere leaves the line where it is, and -inf lies below every level
    if not finite.size or not (np.nanmin(values) < level < finite.max()):
        return None
    # a link of exactly 0 has the logarithm -inf, and a boundary runs between it and what explodes
    low = min(float(finite.min()), level) - 1.0
    field = np.where(np.isneginf(values), low, values).T
    look: dict[str, Any] = {"colors": [colours.ink], "linestyles": style, "linewidths": 1.5}
    contour = ax.contour(x.values, y.values, field, levels=[level], **look)
    contour.set(gid=gid, path_effects=[withStroke(linewidth=3.0, foreground=colours.paper, alpha=0.6)])
    return contour


def _special(values: Floats, colours: Palette) -> list[Any]:
    """Legend entries for the colours that are no logarithm."""
    entries = ((np.isneginf(values), colours.zero, "exactly 0"), (np.isnan(values), colours.undefined, "undefined"))
    return [Patch(facecolor=shade, label=name) for where, shade, name in entries if where.any()]


def _legend(ax: Axes, handles: list[Any]) -> None:
    if handles:
        columns = 1 if len(handles) < 3 else 2  # two long entries in a row would be wider than the map
        ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(-0.02, -0.13), ncols=columns, borderaxespad=0.0)


def _draw_line(ax: Axes, sweep: Sweep, quantity: Quantity, values: Floats, colours: Palette) -> None:
    ((name, axis),) = sweep.axes.items()
    with np.errstate(invalid="ignore"):
        shown = np.where(np.isfinite(values), values, np.nan)
    ax.plot(axis.values, shown, color=colours.cycle[0], gid="line", drawstyle="steps-mid" if quantity.codes else None)
    ax.set(xscale=axis.scale, xlim=(axis.start, axis.stop), xlabel=labels.axis_label(name))
    ax.set_ylabel(quantity.label(sweep))
    ax.axhline(0.0, color=colours.soft, linewidth=0.8)
    if quantity.codes:
        ax.set_yticks([code for code, _ in quantity.codes], [text for _, text in quantity.codes])
    if sweep.derivation.chain.depth > 1 and (sweep.rate > 0).any():
        ax.fill_between(
            axis.values, 0, 1, where=sweep.rate > 0, transform=ax.get_xaxis_transform(), color=colours.high,
            alpha=0.3, linewidth=0, gid="exploding",
        )  # fmt: skip
        _legend(ax, [Patch(facecolor=colours.high, alpha=0.3, label="exploding: rate > 0")])
