from itertools import combinations

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patches import Patch

from chainderiv import plot_link_map, plot_sweep
from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue, UnknownName
from chainderiv.functions.lookup import neuron
from chainderiv.maps.axis import Axis
from chainderiv.maps.regime import LOG_QUARTER
from chainderiv.maps.sweep import sweep
from chainderiv.numeric.evaluate import evaluate
from chainderiv.symbolic.chain import Chain
from chainderiv.view.fitting import legend_columns
from chainderiv.view.maps.labels import axis_label, borders
from chainderiv.view.maps.maps import plot_sweeps
from chainderiv.view.theme import palette
from tests.kinds import slow


def child(ax, gid):
    """The artist drawn under that name, or None."""
    found = [artist for artist in ax.get_children() if artist.get_gid() == gid]
    assert len(found) <= 1
    return found[0] if found else None


def bilinear(x_axis, y_axis, field, points):
    """The field (x, y) at points, linear between its grid's values."""
    from scipy.interpolate import RegularGridInterpolator

    return RegularGridInterpolator((x_axis.values, y_axis.values), field)(points)


@pytest.mark.parametrize("dark", [False, slow(True)])
@pytest.mark.parametrize(
    ("quantity", "of"),
    [
        ("gradient", lambda s: s.log10_abs),
        ("rate", lambda s: s.rate),
        ("regime", lambda s: s.regime),
        ("below_quarter", lambda s: s.below_quarter),
        ("uncertain", lambda s: s.uncertain),
    ],
)
def test_the_image_holds_the_sweeps_numbers_with_the_first_axis_to_the_right(swept, quantity, of, dark):
    ax = plot_sweep(swept, quantity, dark=dark)
    drawn = child(ax, "map").get_array()
    want = np.asarray(of(swept), float).T
    np.testing.assert_array_equal(drawn.filled(-np.inf), want)
    assert (ax.get_xlim(), ax.get_ylim()) == ((-12, 12), (-10, 10))


@pytest.mark.parametrize("quantity", ["gradient", "rate", "regime", "below_quarter"])
def test_every_map_has_the_boundary_at_rate_0_and_the_edge_of_a_quarter(swept, quantity):
    ax = plot_sweep(swept, quantity)
    for gid, level, field in (("boundary", 0.0, swept.rate), ("below_quarter", LOG_QUARTER, swept.largest_link)):
        contour = child(ax, gid)
        assert contour.levels.tolist() == [level]
        points = np.concatenate(contour.allsegs[0])
        # beside w = 0 the logarithm falls to -inf, and nothing can be interpolated
        points = points[np.abs(points[:, 0]) > 0.8]
        assert len(points) > 50
        # a contour's vertices lie on the grid's lines, where linear interpolation gives the level back
        found = bilinear(*swept.axes.values(), np.where(np.isfinite(field), field, -50), points)
        np.testing.assert_allclose(found, level, rtol=0, atol=1e-9)


def test_0_has_the_middle_colour_each_side_its_own_depth_and_exact_zeros_their_own(swept):
    mesh = child(plot_sweep(swept), "map")
    finite = swept.log10_abs[np.isfinite(swept.log10_abs)]
    assert mesh.get_clim() == (finite.min(), finite.max())
    assert finite.max() < 1 < 30 < -finite.min()
    assert [float(mesh.norm(v)) for v in (finite.min(), 0.0)] == [0.0, 0.5]
    assert mesh.norm(finite.max()) > 0.8  # which one scale for both sides would leave all but white
    colours = mesh.to_rgba(mesh.get_array())
    zero = mesh.cmap.get_bad()
    masked = np.isneginf(swept.log10_abs).T
    assert masked.any()
    assert (colours[masked] == zero).all()
    assert not (colours[~masked] == zero).all(axis=-1).any()


def test_legend_says_what_the_colour_of_exact_zeros_means(swept):
    ax = plot_sweep(swept)
    texts = [t.get_text() for t in ax.get_legend().get_texts()]
    assert "exactly 0" in texts
    assert any("rate = 0" in t for t in texts)
    without = sweep(Chain(depth=4), w=Axis(1, 12, 11), b=Axis(-10, 10, 11))
    assert "exactly 0" not in [t.get_text() for t in plot_sweep(without).get_legend().get_texts()]


def test_what_is_no_number_is_drawn_in_a_third_colour(swept):
    from dataclasses import replace

    log = swept.log_abs.copy()
    log[3, 4] = np.nan
    ax = plot_sweep(replace(swept, readings=replace(swept.readings, log_abs=log)))
    holes = child(ax, "undefined").get_array()
    assert np.argwhere(~np.ma.getmaskarray(holes)).tolist() == [[4, 3]]
    assert "undefined" in [t.get_text() for t in ax.get_legend().get_texts()]


def test_the_regions_are_named_inside_themselves(swept):
    ax = plot_sweep(swept)
    names = {t.get_text() for t in ax.texts}
    assert names == {"vanishing", "exploding"}
    dots = [line.get_xydata()[-1] for line in ax.lines]
    vanishing = [t.get_position() for t in ax.texts if t.get_text() == "vanishing"]
    rates = bilinear(*swept.axes.values(), np.maximum(swept.rate, -50), np.array([*dots, *vanishing]))
    assert (rates[: len(dots)] > 0).all()
    assert (rates[len(dots) :] < 0).all()


def test_no_two_names_overlap():
    ax = plot_sweep(sweep(Chain(depth=4), w=Axis(-12, 12, 241), b=Axis(-10, 10, 241)))
    ax.figure.draw_without_rendering()
    boxes = [t.get_window_extent() for t in ax.texts]
    assert len(boxes) >= 3
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_the_axes_given_are_the_ones_returned(swept):
    ax = Figure().add_subplot()
    assert plot_sweep(swept, ax=ax) is ax
    link = Figure().add_subplot()
    assert plot_link_map("sigmoid", Axis(-6, 6, 13), Axis(-6, 6, 13), ax=link) is link


def test_the_image_is_rasterised_inside_vector_files(swept):
    meshes = [c for c in plot_sweep(swept).collections if isinstance(c, QuadMesh)]
    assert [mesh.get_gid() for mesh in meshes] == ["map", "zero"]
    assert all(c.get_rasterized() for c in meshes)


def test_labels_are_symbols_with_names_and_units(swept):
    ax = plot_sweep(swept)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$w$  (weight, dimensionless)", "$b$  (bias, dimensionless)")
    bar = next(a for a in ax.figure.axes if a is not ax)
    assert bar.get_ylabel() == r"$\log_{10}|\partial C/\partial b_{1}|$  (decades)"
    assert axis_label("b12") == "$b_{12}$  (bias of layer 12, dimensionless)"


def test_a_log_axis_is_drawn_as_one():
    s = sweep(Chain(depth=3), w=Axis(1e-2, 1e2, 5, scale="log"), z=Axis(-4, 4, 9))
    ax = plot_sweep(s)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    # edges by equal ratios stay positive where arithmetic ones would not
    np.testing.assert_allclose(borders(s.axes["w"].values, "log"), 10.0 ** np.arange(-2.5, 3), rtol=1e-12)
    ax.figure.draw_without_rendering()


def test_a_relu_map_whose_rate_jumps_from_minus_infinity_has_a_boundary():
    s = sweep(Chain(depth=4, activation="relu"), w=Axis(0.5, 3, 26), b=Axis(-2, 2, 21))
    assert np.isneginf(s.rate).any()
    assert (s.rate > 0).any()
    ax = plot_sweep(s)
    assert child(ax, "boundary") is not None
    ax.figure.draw_without_rendering()


def test_a_map_keeps_its_boundary_where_some_cells_are_undefined():
    """At w = -1 the orbit of residual tanh runs into 1 + w φ' = 0, and the gradient is undefined."""
    s = sweep(Chain(20, "tanh", residual=True), w=Axis(-2, 2, 41), b=Axis(-2, 2, 41))
    assert np.isnan(s.rate).any()
    contour = child(plot_sweep(s), "boundary")
    points = np.concatenate([line for line in contour.allsegs[0] if len(line)])
    # the boundary at w = 0, where every link is 1, among whatever else there is
    assert (np.abs(points[:, 0]) < 1e-6).sum() > 20


def test_depth_1_is_drawn_without_a_boundary_and_has_no_rate():
    s = sweep(Chain(depth=1), w=Axis(-3, 3, 13), b=Axis(-3, 3, 11))
    ax = plot_sweep(s)
    assert child(ax, "boundary") is child(ax, "below_quarter") is None
    with pytest.raises(BadValue, match="depth 1"):
        plot_sweep(s, "rate")


def test_a_map_that_vanishes_everywhere_has_no_boundary():
    s = sweep(Chain(depth=4), w=Axis(0.1, 0.5, 7), b=Axis(-1, 1, 7))
    assert child(plot_sweep(s), "boundary") is None


def test_one_axis_gives_a_line_of_its_numbers():
    s = sweep(Chain(depth=4), w=Axis(-10, 10, 41), z=0)
    for quantity, values in (("gradient", s.log10_abs), ("rate", s.rate), ("regime", s.regime)):
        ax = plot_sweep(s, quantity)
        x, y = child(ax, "line").get_data()
        np.testing.assert_array_equal(x, s.axes["w"].values)
        np.testing.assert_array_equal(y, np.where(np.isfinite(values), values, np.nan))
        shaded = child(ax, "exploding").get_paths()
        assert [np.sign(path.vertices[:, 0].mean()) for path in shaded] == [-1, 1]
    assert ax.get_yticklabels()[0].get_text() == "vanishing"


def test_three_axes_are_refused_and_the_cure_is_named():
    s = sweep(Chain(depth=2), w=Axis(0, 1, 2), b=Axis(0, 1, 2), x=Axis(0, 1, 2))
    with pytest.raises(BadValue, match="fix x at a number"):
        plot_sweep(s)


@pytest.mark.parametrize("quantity", ["gradeint", "", None, 3, ["rate"]])
def test_an_unknown_quantity_is_refused(swept, quantity):
    with pytest.raises(UnknownName, match="quantity"):
        plot_sweep(swept, quantity)


@pytest.mark.parametrize("name", ["sigmoid", slow("tanh"), "relu"])
def test_the_link_map_is_w_times_phi_prime_with_contours_at_a_quarter_and_1(name):
    w, z = Axis(-12, 12, 49), Axis(-8, 8, 33)
    ax = plot_link_map(name, w, z)
    with np.errstate(divide="ignore"):
        want = np.log10(np.abs(w.values[None, :] * array_functions(neuron(name)).derivative(z.values)[:, None]))
    drawn = child(ax, "map").get_array().filled(-np.inf)
    np.testing.assert_array_equal(np.isneginf(drawn), np.isneginf(want))
    finite = np.isfinite(want)
    np.testing.assert_allclose(drawn[finite], want[finite], rtol=0, atol=1e-13)
    assert child(ax, "link 1/4").levels.tolist() == [np.log10(0.25)]
    assert child(ax, "link 1").levels.tolist() == [0.0]
    assert {t.get_text() for t in ax.texts} == {"1/4", "1"}


def test_an_unknown_activation_is_refused_by_the_link_map():
    with pytest.raises(UnknownName, match="sigmoid"):
        plot_link_map("sigmod", Axis(-1, 1, 3), Axis(-1, 1, 3))


def test_dark_and_light_stand_on_their_own_paper(swept):
    for dark in (False, True):
        from matplotlib.colors import to_hex

        ax = plot_sweep(swept, dark=dark)
        assert to_hex(ax.figure.get_facecolor()) == palette(dark).paper


def test_what_is_uncertain_is_a_map_of_two_colours_and_is_not_hatched_as_well(swept):
    from dataclasses import replace

    mask = np.zeros(swept.log_abs.shape, bool)
    mask[3:9, 4:7] = True
    told = replace(swept, readings=replace(swept.readings, uncertain=mask))
    ax = plot_sweep(told, "uncertain")
    np.testing.assert_array_equal(child(ax, "map").get_array().filled(-np.inf), mask.T)
    assert child(ax, "uncertain") is None
    texts = [t.get_text() for t in ax.get_legend().get_texts()]
    assert [t for t in texts if "certain" in t] == ["certain within 1e-9", "uncertain by over 1e-9"]
    assert child(plot_sweep(told, "below_quarter"), "uncertain") is not None


@pytest.mark.parametrize("dark", [False, slow(True)])
def test_factor_and_activation_of_a_layer_are_maps(swept, dark):
    for name, want in (
        ("factor:3", swept.factor(3).log10),
        ("factor:1", swept.factor(1).log10),
        ("activation:2", swept.activation(2).to_float()),
    ):
        ax = plot_sweep(swept, name, dark=dark)
        np.testing.assert_array_equal(child(ax, "map").get_array().filled(-np.inf), want.T)
    bar = next(a for a in ax.figure.axes if a is not ax)
    assert bar.get_ylabel() == "$a_{2}$  (activation of layer 2, dimensionless)"


@pytest.mark.parametrize("name", ["factor", "factor:", "factor:0", "factor:5", "activation:1.5", "activation:-1"])
def test_a_layer_that_is_not_there_is_refused_with_the_layers_that_are(swept, name):
    with pytest.raises(BadValue, match=r"give (factor|activation):1 … (factor|activation):4"):
        plot_sweep(swept, name)


@pytest.mark.parametrize(
    ("axes", "fixed", "labelled"),
    [
        (
            ("w2", "b3"),
            {"w": 0.9, "b": 0.1},
            ("$w_{2}$  (weight of layer 2, dimensionless)", "$b_{3}$  (bias of layer 3, dimensionless)"),
        ),
        (("x", "w"), {"b": 0.1}, ("$x$  (input, dimensionless)", "$w$  (weight, dimensionless)")),
        (("w", "y"), {"b": 0.1}, ("$w$  (weight, dimensionless)", "$y$  (target, dimensionless)")),
        (
            ("z", "w4"),
            {"w": 0.9},
            ("$z$  (pre-activation, dimensionless)", "$w_{4}$  (weight of layer 4, dimensionless)"),
        ),
        (("depth", "w"), {"b": 0.1}, ("depth $L$  (layers)", "$w$  (weight, dimensionless)")),
        (("b1", "depth"), {"w": 2, "b": 0.1}, ("$b_{1}$  (bias of layer 1, dimensionless)", "depth $L$  (layers)")),
    ],
)
def test_any_parameter_may_stand_against_any_other(axes, fixed, labelled):
    """The first runs to the right, the second upwards, and each point is evaluate's."""
    ranges = {name: Axis(1, 6, 6) if name == "depth" else Axis(-2, 1, 4) for name in axes}
    s = sweep(Chain(depth=4), **ranges, **fixed)
    ax = plot_sweep(s)
    assert (ax.get_xlabel(), ax.get_ylabel()) == labelled
    drawn = child(ax, "map").get_array()
    point = {name: ranges[name].values[k] for name, k in zip(axes, (1, 3), strict=True)}
    depth = int(point.pop("depth", 4))
    tied = {
        kind: [(fixed | point).get(f"{kind}{layer}", (fixed | point).get(kind)) for layer in range(1, depth + 1)]
        for kind in "wbz"
    }
    tied = {kind: layers for kind, layers in tied.items() if layers[-1] is not None}
    others = {name: v for name, v in point.items() if name in "xy"}
    assert abs(drawn[3, 1] - evaluate(Chain(depth), **tied, **others).log10) < 1e-12


def test_depth_1_on_a_depth_axis_has_no_rate_and_the_title_names_the_range():
    s = sweep(Chain(depth=4), depth=Axis(1, 5, 5), w=Axis(-12, 12, 25), b=0)
    ax = plot_sweep(s, "regime")
    codes = child(ax, "map").get_array()
    assert (codes[:, 0] == 2).all()
    assert not (codes[:, 1:] == 2).any()
    assert "1 to 5 layers" in ax.get_title()
    line = child(plot_sweep(sweep(Chain(), depth=Axis(1, 30, 30), w=3, b=-1.5)), "line")
    assert len(line.get_xdata()) == 30


def test_maps_side_by_side_share_one_scale_and_one_bar():
    maps = [sweep(Chain(6, name), w=Axis(-3, 3, 13), b=Axis(-2, 2, 11)) for name in ("sigmoid", "relu")]
    figure = plot_sweeps(maps)
    assert len(figure.axes) == 3
    limits = [child(ax, "map").get_clim() for ax in figure.axes[:2]]
    finite = np.concatenate([s.log10_abs[np.isfinite(s.log10_abs)] for s in maps])
    assert limits == [(finite.min(), finite.max())] * 2
    assert len(plot_sweeps(maps, "regime").axes) == 2
    lines = [sweep(Chain(6, name), w=Axis(-3, 3, 13), b=1) for name in ("sigmoid", "relu")]
    one, two = plot_sweeps(lines).axes
    assert one.get_ylim() == two.get_ylim()


@pytest.mark.parametrize("count", [1, slow(2)])
@pytest.mark.parametrize("quantity", ["gradient", "uncertain"])
def test_the_legend_is_whole_and_the_map_keeps_its_width(count, quantity):
    maps = [sweep(Chain(100, "silu"), w=Axis(-12, 12, 49), b=Axis(-10, 10, 41))] * count
    figure = plot_sweeps(maps, quantity)
    figure.draw_without_rendering()
    for ax in figure.axes[:count]:
        assert len(ax.get_legend().get_texts()) >= 4
        assert ax.get_legend().get_window_extent().x1 <= figure.bbox.width
        assert ax.get_window_extent().width > figure.bbox.width / count * 0.55


def test_a_legend_that_is_too_wide_for_two_columns_has_one():
    handles = [Patch(label="w" * k) for k in (9, 9, 9)]
    figure = Figure()
    two = Legend(figure, handles, [h.get_label() for h in handles], ncols=2).get_window_extent().width
    assert [legend_columns(figure, handles, room) for room in (two, two - 1)] == [2, 1]
    assert legend_columns(figure, handles[:2], two) == 1


@pytest.mark.parametrize(("chain", "axes", "quantity"), [
    (Chain(4), {"w": Axis(1, 2, 2), "b": Axis(0, 1, 2)}, "gradient"),
    (Chain(3), {"depth": Axis(1, 3, 3), "w": Axis(-1, 1, 5), "b": 0}, "rate"),
    (Chain(4), {"w": Axis(1, 100, 2, "log"), "b": Axis(0, 1, 2)}, "gradient"),
    (Chain(12, "silu"), {"w": Axis(-4, 4, 61), "b": Axis(-4, 4, 61)}, "gradient"),
])  # fmt: skip
def test_the_names_of_regions_stay_within_the_frame(chain, axes, quantity):
    ax = plot_sweep(sweep(chain, **axes), quantity)
    ax.figure.draw_without_rendering()
    frame = ax.get_window_extent()
    assert ax.texts
    for name in ax.texts:
        box = name.get_window_extent()
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1


def test_a_name_that_is_wider_than_its_map_is_left_out():
    ax = Figure(figsize=(0.8, 4)).add_subplot()
    assert not plot_sweep(sweep(Chain(4), w=Axis(1, 2, 9), b=Axis(0, 1, 9)), ax=ax).texts


@pytest.mark.parametrize("name", ["relu", "hardtanh", "leaky_relu"])
def test_names_of_lines_that_run_in_one_do_not_lie_over_each_other(name):
    """Where φ' jumps from 0 to 1 the contours 1/4 and 1 stand at the same place."""
    ax = plot_link_map(name, Axis(-12, 12, 101), Axis(-6, 6, 101))
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) >= 2
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
