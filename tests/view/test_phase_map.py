"""A phase diagram's picture: its colours are the theory's numbers, its line runs where χ₁ = 1, its marks where they say."""

import math
import pickle
from itertools import pairwise, product

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from chainderiv import critical_sigma_w, mean_field, phase_diagram, plot_phase
from chainderiv.errors import BadValue, UnknownName
from chainderiv.functions.lookup import neuron
from chainderiv.maps.axis import Axis
from chainderiv.theory.fixed_points import fixed_points
from chainderiv.theory.moments import moments
from chainderiv.view.maps.phase_map import PHASE_QUANTITIES
from tests.kinds import costly
from tests.view.collisions import collisions
from tests.view.test_maps import child
from tests.view.test_marks import texts

W, B = Axis(0.5, 4, 36), Axis(0, 2, 21)


@pytest.fixture(scope="module")
def tanh():
    return phase_diagram("tanh", sigma_w=W, sigma_b=B)


def coloured(ax, w, b):
    """The number that colours the cell at a point, whose axes are given by the labels."""
    cells = child(ax, "map").get_array()
    return float(cells[np.abs(B.values - b).argmin(), np.abs(W.values - w).argmin()])


@pytest.mark.parametrize("quantity", costly(PHASE_QUANTITIES, quick=["chi_1", "q_star", "xi_c"]))
def test_a_cell_has_the_number_of_the_mean_field_at_its_point(tanh, quantity):
    ax = plot_phase(tanh, quantity=quantity)
    assert ax.get_xlabel().startswith(r"$\sigma_w$  (standard deviation of weights")
    assert ax.get_ylabel() == r"$\sigma_b$  (standard deviation of biases)"
    for w, b in ((0.8, 0.5), (2.5, 0.3), (3.9, 1.9), (1.1, 1.2)):
        want = getattr(mean_field("tanh", w, b), quantity)
        want = math.log10(want) if PHASE_QUANTITIES[quantity].logarithm else want
        assert coloured(ax, w, b) == pytest.approx(want, abs=3e-5)


def test_the_line_runs_through_the_critical_weights_and_names_lie_on_their_sides(tanh):
    ax = plot_phase(tanh)
    line = child(ax, "critical").get_xydata()
    for b in (0.3, 1.0, 1.7):
        near = line[np.abs(line[:, 1] - b).argsort()[:4]]
        assert np.abs(near[:, 0] - critical_sigma_w("tanh", b)).min() < 0.005
    sides = {t.get_text(): t.get_position() for t in ax.texts}
    assert set(sides) == {"vanishing", "exploding"}
    for name, (w, b) in sides.items():
        assert (mean_field("tanh", w, b).chi_1 > 1) == (name == "exploding")


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "relu"])
def test_the_line_is_the_theorys_however_coarse_the_grid(name):
    axes = (Axis(0.5, 12, 3), Axis(0, 2, 2)) if name == "sigmoid" else (Axis(0.5, 4, 3), Axis(0, 2, 2))
    line = child(plot_phase(phase_diagram(name, *axes)), "critical").get_xydata()
    for b in (0.0, 0.7, 1.6):
        want = critical_sigma_w(name, b if name != "relu" else 0.0)
        assert np.interp(b, line[:, 1], line[:, 0]) == pytest.approx(want, rel=1e-3)


def test_where_signals_begin_to_grow_without_end_a_line_of_its_own_says_so(tanh):
    """gelu: just left of it there is a fixed point, just right of it none; it stands alone where χ₁ jumps there."""
    ax = plot_phase(phase_diagram("gelu", Axis(0.5, 3, 9), Axis(0.05, 1.5, 7)))
    edge = child(ax, "endless").get_xydata()
    for w, b in edge[5::30].tolist():
        # not mean_field, which solves for c* as well
        left, right = (fixed_points(moments(neuron("gelu")), w * f, b) for f in (1 - 1e-6, 1 + 1e-6))
        assert any(point.stable for point in left)
        assert not any(point.stable for point in right)
    assert {"$\\chi_1 = 1$: critical", "growth without end"} <= set(texts(ax))
    critical = child(ax, "critical").get_xydata()
    assert np.nanmin(critical[~np.isnan(critical[:, 0]), 1]) > 0.3
    assert child(plot_phase(tanh), "endless") is None


def test_a_correlation_that_is_1_everywhere_has_no_bar_beyond_1():
    ax = plot_phase(phase_diagram("tanh", Axis(0.2, 0.8, 6), Axis(0.1, 2, 5)), quantity="c_star")
    norm = child(ax, "map").norm
    assert (norm.vmin, norm.vmax) == (0.5, 1)


@pytest.mark.parametrize("size", [(6.4, 4.8), (3.4, 3.2)])
def test_numbers_at_the_ticks_of_a_narrow_axis_are_whole_and_do_not_overlap(size):
    figure = Figure(figsize=size)
    ax = plot_phase(phase_diagram("tanh", Axis(0.9999, 1.0001, 5), Axis(0, 0.001, 4)), figure.subplots(), points={})
    figure.draw_without_rendering()
    shown = [t for t in ax.get_xticklabels() if 0.9999 <= float(t.get_text()) <= 1.0001]
    boxes = [t.get_window_extent() for t in shown]
    assert len(boxes) >= 2
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
    assert ax.xaxis.get_offset_text().get_text() == ""


def test_usual_starts_are_marked_where_their_standard_deviations_are(tanh):
    marks = {
        one.get_label(): one.get_xydata()[0].tolist() for one in plot_phase(tanh).lines if one.get_gid() == "point"
    }
    default = [1 / math.sqrt(3), 1 / math.sqrt(300)]
    assert marks == {"LeCun, Xavier": [1, 0], "He": [math.sqrt(2), 0], "Nielsen": [1, 1], "PyTorch's default": default,
                     "PyTorch's gain": [5 / 3, 0]}  # fmt: skip


def test_ones_own_points_take_the_place_of_the_usual_and_none_stands_beyond_the_map(tanh):
    ax = plot_phase(tanh, points={"mine": (1.5, 0.2), "far": (9, 0)})
    assert [one.get_label() for one in ax.lines if one.get_gid() == "point"] == ["mine"]
    assert "mine" in texts(ax)
    assert "far" not in texts(ax)
    assert not [one for one in plot_phase(tanh, points={}).lines if one.get_gid() == "point"]


def test_pytorchs_default_layer_has_the_spread_that_is_marked():
    """U(±1/√n) for weights and biases: σ_w² = n Var w = 1/3, σ_b² = 1/(3 n)."""
    rng, n = np.random.default_rng(0), 100
    drawn = rng.uniform(-1 / math.sqrt(n), 1 / math.sqrt(n), 10**6)
    assert math.sqrt(n) * drawn.std() == pytest.approx(1 / math.sqrt(3), rel=3e-3)
    assert drawn.std() == pytest.approx(1 / math.sqrt(300), rel=3e-3)


def test_what_grows_without_end_has_a_shade_and_a_word_of_its_own(tanh):
    ax = plot_phase(phase_diagram("relu", sigma_w=W, sigma_b=B), quantity="q_star")
    endless = ~np.ma.getmaskarray(child(ax, "infinite").get_array())
    assert (endless == (W.values > math.sqrt(2))[None, :]).all()
    assert "infinite" in texts(ax)
    assert child(plot_phase(tanh, quantity="q_star"), "infinite") is None


@pytest.mark.parametrize("quantity", PHASE_QUANTITIES)
@pytest.mark.parametrize("dark", costly([False, True], quick=[False]))
def test_the_bar_has_at_each_number_the_colour_of_the_map(tanh, quantity, dark):
    ax = plot_phase(tanh, quantity=quantity, dark=dark)
    ax.figure.draw_without_rendering()
    (bar,) = (one for one in ax.figure.axes if one is not ax)
    (solids,) = (one for one in bar.collections if one.get_array() is not None)
    heights = solids.get_coordinates()[:, 0, 1]
    mesh = child(ax, "map")
    for number in np.linspace(*sorted(bar.get_ylim()), 12)[1:-1]:
        cell = int(np.searchsorted(heights, number)) - 1
        got, want = solids.get_facecolors()[cell], mesh.cmap(mesh.norm(number))
        assert np.abs(got - want).max() < 0.03, (number, to_hex(got), to_hex(want))


@pytest.mark.parametrize(
    ("size", "layout"),
    costly(product([(12, 9), (3.4, 3.2)], [None, "constrained"]), quick=[((12, 9), None), ((3.4, 3.2), "constrained")]),
)
def test_its_words_lie_over_nothing_whatever_the_size(tanh, layout, size):
    figure = Figure(figsize=size, layout=layout)
    plot_phase(tanh, figure.subplots(), points={})
    assert collisions(figure) == []


@pytest.mark.parametrize("layout", costly([None, "constrained"], quick=[None]))
def test_diagrams_on_the_callers_grid_collide_with_nothing(tanh, layout):
    figure = Figure(figsize=(12, 9), layout=layout)
    for ax, quantity in zip(figure.subplots(2, 2).ravel(), ("chi_1", "q_star", "c_star", "xi_c"), strict=True):
        assert plot_phase(tanh, ax, quantity) is ax
    assert collisions(figure) == []


def test_it_keeps_to_the_theme_and_to_the_callers_choices(tanh):
    dark = plot_phase(tanh, dark=True)
    assert to_hex(dark.figure.get_facecolor()) == "#14171c"
    own = plot_phase(tanh, quantity="c_star", title="mine", legend=False, names=False, cmap="viridis", limits=(0.2, 0.8),
                     levels=0.5, colorbar=False)  # fmt: skip
    assert own.get_title() == "mine"
    assert own.get_legend() is None
    assert not [t for t in own.texts if t.get_text() in ("vanishing", "exploding")]
    assert own.figure.axes == [own]
    mesh = child(own, "map")
    assert (mesh.cmap.name, mesh.norm.vmin, mesh.norm.vmax) == ("viridis", 0.2, 0.8)
    assert child(own, "levels") is not None
    pickle.loads(pickle.dumps(dark.figure))
    assert dark._repr_png_()[0][1:4] == b"PNG"


@pytest.mark.parametrize("wrong", [{"quantity": "chi1"}, {"quantity": None}])
def test_another_quantity_is_refused(tanh, wrong):
    with pytest.raises(UnknownName, match="quantity .* is unknown"):
        plot_phase(tanh, **wrong)


@pytest.mark.parametrize("points", [{"a": 1}, {"a": (1, "x")}, {1: (1, 2)}, [(1, 2)], "x", {"a": (1, math.nan)}])
def test_points_that_are_none_are_refused(tanh, points):
    with pytest.raises(BadValue, match="points is .*; give names and places"):
        plot_phase(tanh, points=points)
