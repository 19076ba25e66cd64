"""A phase diagram: a number of the mean field over σ_w and σ_b, the line χ₁ = 1, and where layers usually start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from chainderiv.errors import BadValue, unknown_name
from chainderiv.given import is_finite, of_kind, shown
from chainderiv.kinds import Floats, Mask
from chainderiv.theory.critical import stable_line
from chainderiv.theory.curve import homogeneous
from chainderiv.theory.phase import PhaseDiagram, growth_edge
from chainderiv.theory.usual import usual
from chainderiv.view.choices import as_it_stands, words
from chainderiv.view.fitting import draw_legend, fit_words, fitted, label_room
from chainderiv.view.maps.colours import LINEAR_WIDTH, colour_bar, scale_of
from chainderiv.view.maps.drawing import HALO, cells_of, draw_cells, draw_contour, draw_values, special_patches
from chainderiv.view.maps.look import Look, look_of
from chainderiv.view.maps.map_view import MapView, view_values
from chainderiv.view.maps.regions import label_contour, name_regions
from chainderiv.view.place import fill_place
from chainderiv.view.theme import SIZE, Palette, drawing

X_LABEL, Y_LABEL = (
    r"$\sigma_w$  (standard deviation of weights $\times\sqrt{\mathrm{fan\ in}}$)",
    r"$\sigma_b$  (standard deviation of biases)",
)
CRITICAL, ENDLESS = r"$\chi_1 = 1$: critical", "growth without end"
FINE = 101  # points of a line
MARKERS = "sDv^P*Xp"  # no "o", which ends the line from a region's name
CLEAR = 0.05  # of the map, around a mark, where no region is named
Points = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class PhaseQuantity:
    """What is coloured: its label, whether by its decimal logarithm, whether it has two sides, and its ends."""

    label: str
    logarithm: bool = True
    sided: bool = False
    ends: tuple[float, float] = (-np.inf, np.inf)


PHASE_QUANTITIES = {
    "chi_1": PhaseQuantity(r"$\log_{10}\chi_1$  (mean squared gradient, decades a layer)", sided=True),
    "chi_q": PhaseQuantity(r"$\chi_q$  (difference of lengths, from layer to layer)", logarithm=False),
    "q_star": PhaseQuantity(r"$\log_{10}q^*$  (variance before the activation)"),
    "c_star": PhaseQuantity(r"$c^*$  (correlation of two inputs)", logarithm=False, ends=(0.0, 1.0)),
    "xi_q": PhaseQuantity(r"$\log_{10}\xi_q$  (decades of layers)"),
    "xi_c": PhaseQuantity(r"$\log_{10}\xi_c$  (decades of layers)"),
}


class EvenNorm(Normalize):
    """Colours that change evenly from vmin to vmax."""

    even = True


def plot_phase(
    diagram: PhaseDiagram,
    ax: Axes | None = None,
    quantity: str = "chi_1",
    dark: bool = False,
    *,
    points: Points | None = None,
    title: str | None = None,
    legend: bool = True,
    names: bool = True,
    cmap: Any = None,
    limits: Any = None,
    levels: Any = (),
    colorbar: bool = True,
) -> Axes:
    r"""Draw a number of the mean field over σ_w and σ_b, which are standard deviations, with the line χ₁ = 1.

    Left of the line gradients vanish, right of it they explode: ‖∂C/∂b‖² grows by χ₁ in each layer on its way back.
    Right of the dashed one signals grow without end; where it stands alone χ₁ jumps there. Both are the theory's,
    however coarse the grid.

    Parameters
    ----------
    diagram : as phase_diagram gives it.
    ax, dark, title, legend, names, cmap, limits, levels, colorbar : as in plot_sweep; limits and levels are numbers of
        the colour bar.
    quantity : "chi_1", "q_star", "xi_q" or "xi_c", drawn by their decimal logarithm, "chi_q" or "c_star".
    points : dict of name to (sigma_w, sigma_b), marked where they lie on the map; None for where layers usually start,
        {} for none.

    Returns
    -------
    The Axes.

    Raises
    ------
    UnknownName
        For another quantity.
    BadValue
        When diagram is none, or an option is none.

    Poole et al. (2016), figure 1; Schoenholz et al. (2017), figures 1 and 2, whose axes are variances.

    Examples
    --------
    >>> from chainderiv import Axis, phase_diagram
    >>> plot_phase(phase_diagram("tanh", sigma_w=Axis(0.5, 4, 36), sigma_b=Axis(0, 2, 21)), title="").get_ylabel()
    '$\\sigma_b$  (standard deviation of biases)'
    """
    of_kind("diagram", diagram, PhaseDiagram, "what phase_diagram(…) returns")
    look = look_of(title, legend, names, cmap, limits, levels, colorbar)
    if not isinstance(quantity, str) or quantity not in PHASE_QUANTITIES:
        raise unknown_name("quantity", quantity, PHASE_QUANTITIES)
    places, kind = usual(diagram.activation) if points is None else _points(points), PHASE_QUANTITIES[quantity]
    values, rate = _values(getattr(diagram, quantity), kind).T, _values(diagram.chi_1).T * np.log(10) / 2
    with drawing(ax, SIZE, dark, fitted=True) as (ax, colours):
        # a name keeps clear of where the largest link falls below 1/4, and here of the marks
        fields = {"rate": rate, "largest_link": np.where(_near(diagram, places), -np.inf, 0.0)}
        view = view_values((diagram.axes["sigma_w"], diagram.axes["sigma_b"]), values, cells_of(ax), fields)
        mesh = _draw(ax, view, kind, colours, look)
        handles = [*_lines(ax, diagram, view, colours, look), *_marks(ax, diagram, places, colours)]
        if look.names:
            name_regions(ax, view, colours)
        has_bar = mesh is not None and look.colorbar
        if look.legend:
            draw_legend(ax, [*handles, *_patches(view.values, colours)], has_bar)
        own = f"wide layers of {as_it_stands(diagram.activation.name)}" if look.title is None else look.title
        fit_words(ax, own, X_LABEL, Y_LABEL, has_bar)
        if has_bar:
            colour_bar([ax], mesh, fitted(ax, kind.label, label_room(ax)[1]), *view.ends)
        fill_place(ax)
    return ax


def _points(given: Any) -> Points:
    items = dict(given) if isinstance(given, Mapping) else {"": given}
    for name, place in items.items():
        pair = list(place) if isinstance(place, list | tuple) else []
        if not isinstance(name, str) or not name or len(pair) != 2 or not all(map(is_finite, pair)):
            raise BadValue(f"points is {shown(given)}; give names and places, such as {{'mine': (1.5, 0.2)}}, or None")
        words("a name of points", name)
    return items


def _values(given: Floats, kind: PhaseQuantity = PHASE_QUANTITIES["chi_1"]) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(given) if kind.logarithm else given


def _draw(ax: Axes, view: MapView, kind: PhaseQuantity, colours: Palette, look: Look) -> Any:
    """The coloured cells, those of what is infinite over them."""
    low, high = view.ends if look.limits is None else look.limits
    if kind.sided:
        norm: Normalize = scale_of(min(low, -LINEAR_WIDTH), max(high, LINEAR_WIDTH), look)
    else:
        norm = EvenNorm(low, high) if low < high else EvenNorm(*np.clip((low - 0.5, high + 0.5), *kind.ends).tolist())
    mesh = draw_values(ax, view, norm, colours, look.cmap or (colours.colours if kind.sided else colours.shades))
    if (endless := np.isposinf(view.values)).any():
        shade = ListedColormap([colours.grid])
        draw_cells(ax, view, np.where(endless, 0.0, np.nan), Normalize(0, 1), shade, "infinite")
    return mesh


def _lines(ax: Axes, diagram: PhaseDiagram, view: MapView, colours: Palette, look: Look) -> list[Any]:
    """The critical line, and from where on signals grow without end, by the theory and not by the grid; levels."""
    y = diagram.axes["sigma_b"]
    b = (np.geomspace if y.scale == "log" else np.linspace)(y.start, y.stop, FINE)
    handles = [_line(ax, *stable_line(diagram.activation, b), "-", CRITICAL, colours, "critical")]
    if np.isinf(diagram.q_star).any() and not homogeneous(diagram.activation):
        handles += [_line(ax, growth_edge(diagram.activation, b), b, "--", ENDLESS, colours, "endless")]
    further = draw_contour(ax, view, view.fields["values"], look.levels, ":", colours, "levels")
    if further is not None and look.names:
        label_contour(ax, further, [f"{level:g}" for level in further.levels], colours)
    return [handle for handle in handles if handle is not None]


def _line(ax: Axes, w: Floats, b: Floats, style: str, label: str, colours: Palette, gid: str) -> Any:
    """A line over the map, and the legend's entry of it; None where it does not come into the map."""
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    inside = (w >= x0) & (w <= x1) & (b >= y0) & (b <= y1)
    if not inside.any():
        return None
    thin = rcParams["lines.linewidth"] / 1.8
    look: dict[str, Any] = {"color": colours.ink, "ls": style, "lw": 1.5 * thin}
    halo = withStroke(linewidth=HALO * thin, foreground=colours.paper, alpha=0.6)
    ax.plot(w, b, gid=gid, path_effects=[halo], scalex=False, scaley=False, **look)
    return Line2D([], [], label=label, **look)


def _near(diagram: PhaseDiagram, places: Points) -> Mask:
    """The points of the map, σ_w first, that are near a mark."""
    shares = [(axis.values - axis.start) / (axis.stop - axis.start) for axis in diagram.axes.values()]
    near = np.zeros([len(share) for share in shares], bool)
    for place in places.values():
        w, b = (
            np.abs(share - (at - axis.start) / (axis.stop - axis.start)) < CLEAR
            for share, at, axis in zip(shares, place, diagram.axes.values(), strict=True)
        )
        near |= w[:, None] & b[None, :]
    return near


def _marks(ax: Axes, diagram: PhaseDiagram, places: Points, colours: Palette) -> list[Any]:
    """A mark for each point that lies on the map, and the legend's entries of them."""
    ends = [(axis.start, axis.stop) for axis in diagram.axes.values()]
    handles = []
    for k, (name, place) in enumerate(places.items()):
        if all(low <= at <= high for at, (low, high) in zip(place, ends, strict=True)):
            look: dict[str, Any] = {"marker": MARKERS[k % len(MARKERS)], "ls": "none", "color": colours.ink}
            look |= {"ms": 0.6 * rcParams["font.size"], "markeredgecolor": colours.paper}
            # half of one that lies on the frame would be cut off
            ax.plot(*place, clip_on=False, zorder=5, gid="point", label=name, **look)
            handles.append(Line2D([], [], label=name, **look))
    return handles


def _patches(values: Floats, colours: Palette) -> list[Any]:
    endless = [Patch(facecolor=colours.grid, edgecolor=colours.soft, label="infinite")]
    return [*special_patches(values, colours), *(endless if np.isposinf(values).any() else [])]
