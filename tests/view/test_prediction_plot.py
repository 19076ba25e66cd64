"""A prediction's picture: boxes are the predicted bands, points and bars what was measured, and nothing lies on anything."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import chainderiv as cd
from chainderiv import LogSign, plot_prediction
from chainderiv.errors import BadShape, BadValue
from chainderiv.experiments.drawn import Drawn
from chainderiv.experiments.runs import Source, Training
from chainderiv.view.networks.slopes import plot_slopes
from chainderiv.view.picture import picture
from chainderiv.view.theme import lone_axes, palette
from tests.kinds import costly
from tests.view.collisions import collisions

DIGITS = cd.load_data("digits")
SIZES = [64, 12, 11, 10]


@pytest.fixture(scope="module")
def told():
    return cd.predict(SIZES, data=DIGITS)


@pytest.fixture(scope="module")
def norms():
    return np.exp(Drawn(Training(tuple(SIZES)), 30).log_norms(Source("digits")))


def named(ax, kind, gid):
    return [one for one in ax.get_children() if isinstance(one, kind) and one.get_gid() == gid]


def boxes(ax):
    """Where each box begins and ends upwards."""
    return np.array([(box.get_y(), box.get_y() + box.get_height()) for box in ax.patches if box.get_gid() == "band"])


def medians(ax):
    (lines,) = named(ax, LineCollection, "median")
    return np.array([line[0, 1] for line in lines.get_segments()])


def test_boxes_are_the_predicted_bands_and_the_lines_across_them_the_medians(told):
    ax = plot_prediction(told)
    np.testing.assert_allclose(boxes(ax), told.band, rtol=1e-12)
    np.testing.assert_allclose(medians(ax), told.median, rtol=1e-12)
    assert [box.get_x() + box.get_width() / 2 for box in ax.patches] == pytest.approx([1, 2])
    assert ax.get_yscale() == "log"
    assert ax.get_title().replace("\n", " ") == told.title


def test_every_network_is_a_point_in_its_layer_and_the_bar_is_from_5_to_95_per_cent(told, norms):
    ax = plot_prediction(told, norms)
    (points,) = named(ax, PathCollection, "measured")
    at = np.asarray(points.get_offsets())
    assert len(at) == norms.size
    for layer in (1, 2):
        mine = at[np.abs(at[:, 0] - layer) < 0.5]
        np.testing.assert_allclose(np.sort(mine[:, 1]), np.sort(norms[:, layer - 1]), rtol=1e-12)
    (container,) = [c for c in ax.containers if hasattr(c, "has_yerr") and c.has_yerr]
    middle, _, (bars,) = container.lines
    np.testing.assert_allclose(middle.get_ydata(), np.median(norms, axis=0), rtol=1e-12)
    ends = np.array([bar[:, 1] for bar in bars.get_segments()])
    np.testing.assert_allclose(ends, np.quantile(norms, [0.05, 0.95], axis=0).T, rtol=1e-9)


def test_norms_and_their_logarithms_are_drawn_alike_and_one_network_is_points_alone(told, norms):
    logs = LogSign.of(np.ones_like(norms), np.log(norms))
    first, second = (named(plot_prediction(told, given), PathCollection, "measured")[0] for given in (norms, logs))
    np.testing.assert_allclose(first.get_offsets(), second.get_offsets(), rtol=1e-12)
    ax = plot_prediction(told, norms[0])
    (points,) = named(ax, PathCollection, "measured")
    np.testing.assert_allclose(points.get_offsets(), np.stack([[1, 2], norms[0]], axis=1), rtol=1e-12)
    assert not [c for c in ax.containers if getattr(c, "has_yerr", False)]


def test_marks_stand_at_their_norms_by_their_names(told):
    ax = plot_prediction(told, marks={"published": [0.07, 0.31], "mine": [0.1, 0.2]})
    lines = {line.get_label(): line for line in ax.lines if line.get_gid() == "marks"}
    assert list(lines["published"].get_ydata()) == pytest.approx([0.07, 0.31])
    assert {text.get_text() for text in ax.get_legend().get_texts()} >= {"published", "mine"}
    assert lines["published"].get_marker() != lines["mine"].get_marker()


def test_where_norms_leave_float64_the_axis_holds_their_decimal_logarithms():
    deep = cd.predict([64, *[30] * 140, 10], init=cd.Gaussian(0.02, 1), data=DIGITS)
    assert deep.median[0] == 0
    ax = plot_prediction(deep)
    np.testing.assert_allclose(medians(ax) * np.log(10), deep.log_points[:, 1], rtol=1e-12)
    assert ax.get_yscale() == "linear"
    low, _ = ax.get_ylim()
    assert low < deep.log_points[0, 0] / np.log(10) < -320
    assert ax.yaxis.get_major_formatter()(-300.0, None) == "$10^{-300}$"
    assert ax.get_title().startswith("[64, 30 × 140, 10], sigmoid")


def test_all_that_is_drawn_lies_within_the_axis_and_limits_change_it(told, norms):
    for given in (None, norms, norms[0] * 100):
        ax = plot_prediction(told, given)
        low, high = ax.get_ylim()
        lowest, highest = told.band.min(), told.band.max()
        if given is not None:
            lowest, highest = min(lowest, np.min(given)), max(highest, np.max(given))
        assert low < lowest
        assert high > highest
    assert plot_prediction(told, limits=(1e-6, 10)).get_ylim() == pytest.approx((1e-6, 10))


def test_a_norm_of_0_has_no_point_and_spoils_nothing(told, norms):
    dead = norms.copy()
    dead[0, 0] = 0
    ax = plot_prediction(told, dead)
    (points,) = named(ax, PathCollection, "measured")
    assert int(np.ma.count_masked(points.get_offsets()) > 0 or np.isnan(np.asarray(points.get_offsets())).any())
    assert picture(ax, "png")


@pytest.mark.parametrize("dark", costly([False, True], quick=[False]))
@pytest.mark.parametrize("size", [(2.6, 2.2), (3.4, 2.8), (6, 4.2), (12, 5)])
def test_nothing_lies_over_anything_else(told, norms, size, dark):
    figure = Figure(figsize=size)
    plot_prediction(told, norms, figure.add_subplot(), dark, marks={"published": [0.07, 0.31]})
    assert collisions(figure) == []


def test_pictures_beside_each_other_collide_with_nothing(told, norms):
    for layout in (None, "constrained"):
        figure = Figure(figsize=(11, 4), layout=layout)
        for ax, one in zip(figure.subplots(1, 3), (None, norms, norms[0]), strict=True):
            plot_prediction(told, one, ax)
        assert collisions(figure) == []


BAD = {
    "no prediction": ((None,), {}, BadValue, "prediction is None"),
    "other layers": (([[1.0, 2.0, 3.0]],), {}, BadShape, r"measured has shape \(1, 3\); give \(networks, 2\)"),
    "below 0": (([-1.0, 2.0],), {}, BadValue, "measured holds -1.0; give norms >= 0"),
    "NaN": (([float("nan"), 2.0],), {}, BadValue, "measured holds nan"),
    "infinity": (([float("inf"), 2.0],), {}, BadValue, "measured holds inf"),
    "words": ((["a", "b"],), {}, BadValue, "measured is"),
    "marks of other layers": ((), {"marks": {"mine": [1.0]}}, BadShape, r"marks\['mine'\] has shape"),
    "marks that are none": ((), {"marks": [1.0]}, BadValue, "marks is"),
    "legend": ((), {"legend": "no"}, BadValue, "legend is 'no'"),
    "limits": ((), {"limits": (0, 1)}, BadValue, "both above 0"),
    "title": ((), {"title": 3}, BadValue, "title is 3"),
    "axes": ((None, "ax"), {}, BadValue, "ax is 'ax'"),
}


BAD |= {
    "a formula that cannot be set": ((), {"title": "$x_{$"}, BadValue, "title is '[$]x_{[$]', which cannot be set"),
    "a mark's, too": ((), {"marks": {"$\\foo$": [1, 2]}}, BadValue, "a name of marks is .*, which cannot be set"),
    "a mark without a name": ((), {"marks": {3: [1, 2]}}, BadValue, "a name of marks is 3; give a text"),
    "no truth": ((), {"dark": "x"}, BadValue, "dark is 'x'; give True or False"),
    "one limit": ((), {"limits": 3}, BadValue, "limits is 3; give \\(low, high\\), both above 0$"),
}


@pytest.mark.parametrize(("args", "kinds", "error", "said"), BAD.values(), ids=BAD)
def test_what_is_no_prediction_no_norm_or_no_option_is_refused_in_one_line(told, args, kinds, error, said):
    first = args if args == (None,) else (told, *args)
    with pytest.raises(error, match=said) as caught:
        plot_prediction(*first, **kinds)
    assert "\n" not in str(caught.value)


def test_slopes_are_drawn_where_they_are_with_twice_their_errors():
    ax = plot_slopes(["1, 0.1", "2, 0.3"], [0.1, -0.2], [0.01, 0.02], [0.11, -0.19])
    (lines,) = named(ax, LineCollection, "predicted")
    assert [line[0, 1] for line in lines.get_segments()] == [0.11, -0.19]
    (container,) = ax.containers
    middle, _, (bars,) = container.lines
    assert list(middle.get_ydata()) == [0.1, -0.2]
    np.testing.assert_allclose([bar[:, 1] for bar in bars.get_segments()], [(0.08, 0.12), (-0.24, -0.16)])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1, 0.1", "2, 0.3"]
    with pytest.raises(BadShape, match="a number for each place"):
        plot_slopes(["1"], [0.1, 0.2], [0.1], [0.1])


def test_frames_and_lines_across_are_the_themes_on_axes_of_ours_and_on_dark_ones_of_the_callers(told):
    for dark in (False, True):
        own = lone_axes((4, 3), dark)
        callers = Figure().add_subplot()
        for ax in (own, callers) if dark else (own,):
            plot_prediction(told, None, ax, dark)
            assert to_hex(ax.spines["left"].get_edgecolor()) == palette(dark).soft
        for ax in (own, plot_prediction(told, None, callers, dark)):
            assert {to_hex(line.get_color()) for line in ax.get_ygridlines()} == {palette(dark).grid}
        assert not own.spines["top"].get_visible()


def test_within_two_decades_the_axis_has_plain_numbers(told):
    ax = plot_prediction(told, limits=(0.5, 2))
    ax.figure.draw_without_rendering()
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0.5", "0.7", "1", "1.5", "2"]


@pytest.mark.parametrize("limits", [(1e-300, 1e300), (1e-307, 1.0), (0.1, 1e308)])
def test_limits_are_taken_as_far_as_float64_reaches(told, limits):
    ax = plot_prediction(told, limits=limits)
    assert ax.get_yscale() == "linear"  # of decimal logarithms, whose ticks are numbers
    assert ax.get_ylim() == pytest.approx(np.log10(limits), rel=1e-12)
    assert collisions(ax.figure) == []


def test_a_neurons_name_is_set_as_it_stands_whatever_it_is_called():
    odd = cd.Activation.from_formula("$x_{$", "tanh(z)")
    ax = plot_prediction(cd.predict(SIZES, odd, data=DIGITS))
    assert "\\$x_{\\$" in ax.get_title()
    phases = cd.plot_phase(cd.phase_diagram(odd, cd.Axis(0.5, 2, 4), cd.Axis(0, 1, 3)))
    maps = cd.plot_sweep(cd.sweep(cd.Chain(2, odd), w=cd.Axis(-1, 1, 5), b=cd.Axis(-1, 1, 5)), title=None)
    for each in (ax, phases, maps):
        each.figure.canvas.draw()


def test_a_title_is_never_broken_within_its_formula(told):
    title = "the first of many words, and then $a + b, c + d + e + f + g = 1$, at last $"
    ax = plot_prediction(told, ax=lone_axes((2.6, 2.2)), title=title)
    assert "$a + b, c + d + e + f + g = 1$" in ax.get_title()
    assert ax.get_title().count("\n") >= 2
    ax.figure.canvas.draw()


def test_numpys_truths_are_truths(told):
    assert plot_prediction(told, dark=np.True_).get_facecolor() == plot_prediction(told, dark=True).get_facecolor()
