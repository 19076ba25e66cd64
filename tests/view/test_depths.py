"""Figures against depth hold the numbers they are given, and nothing else."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from chainderiv.errors import BadShape
from chainderiv.records.statistics import interval
from chainderiv.view.networks.depths import plot_accuracy_by_depth, plot_accuracy_lines, plot_layers, plot_start_norms

DEPTHS = (1, 2, 3)
RUNS = [np.array([0.95, 0.96, 0.97]), np.array([0.90, 0.94, 0.95]), np.array([0.1, 0.5, 0.6])]


def labelled(ax, text):
    (found,) = [line for line in ax.lines if text in str(line.get_label())]
    return found


def test_every_run_is_a_point_beside_its_depth():
    ax = plot_accuracy_by_depth(DEPTHS, RUNS)
    points = [c.get_offsets() for c in ax.collections if isinstance(c, PathCollection)]
    assert len(points) == 3
    for depth, runs, drawn in zip(DEPTHS, RUNS, points, strict=True):
        np.testing.assert_allclose(drawn[:, 1], 100 * runs, rtol=1e-14)
        assert np.abs(drawn[:, 0] - depth).max() < 0.5
        assert len(set(drawn[:, 0])) == 3


def test_the_mean_and_its_interval_are_those_of_the_runs():
    ax = plot_accuracy_by_depth(DEPTHS, RUNS)
    (container,) = ax.containers
    middle, _, (bars,) = container.lines
    np.testing.assert_allclose(middle.get_ydata(), [100 * runs.mean() for runs in RUNS], rtol=1e-14)
    for bar, runs in zip(bars.get_segments(), RUNS, strict=True):
        np.testing.assert_allclose(bar[:, 1], interval(100 * runs), rtol=1e-12)


def test_published_runs_have_a_marker_of_their_own_and_stand_in_the_legend():
    ax = plot_accuracy_by_depth(DEPTHS, RUNS, {1: 0.9648, 2: 0.969, 9: 0.5})
    mark = labelled(ax, "published")
    np.testing.assert_allclose(mark.get_xydata(), [[1, 96.48], [2, 96.9]])
    assert mark.get_marker() == "D"
    assert mark.get_linestyle() == "None"
    assert "published single run" in [t.get_text() for t in ax.get_legend().get_texts()]


def test_the_legend_covers_no_data():
    for ax in (plot_accuracy_by_depth(DEPTHS, RUNS, {1: 0.9648}), plot_layers({2: np.ones((3, 2))}, ylabel="norm")):
        ax.figure.draw_without_rendering()
        assert not ax.get_legend().get_window_extent().overlaps(ax.get_window_extent())


def test_one_run_is_drawn_without_an_interval():
    ax = plot_accuracy_by_depth([1, 2], [[0.9], [0.8]])
    ax.figure.draw_without_rendering()
    assert np.ptp(ax.containers[0].lines[2][0].get_segments()[0][:, 1]) == 0


def test_layers_of_all_depths_stand_apart_with_median_and_band():
    groups = {1: np.array([[1.0], [2.0], [4.0]]), 2: np.array([[0.1, 1.0], [0.2, 3.0], [0.3, 4.0]])}
    ax = plot_layers(groups, {2: (0.15, 2.5)}, ylabel="norm")
    middles = np.concatenate([c.lines[0].get_xydata() for c in ax.containers])
    np.testing.assert_allclose(middles, [[0, 2], [2, 0.2], [3, 3]])
    (bar,) = ax.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose(bar[:, 1], np.quantile(groups[1], [0.05, 0.95]), rtol=1e-12)
    np.testing.assert_allclose(labelled(ax, "published").get_xydata(), [[2, 0.15], [3, 2.5]])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "1", "2"]
    assert [t.get_text() for t in ax.texts] == ["1 hidden layer", "2 hidden layers"]
    assert ax.get_yscale() == "log"


def test_an_axis_of_less_than_two_decades_is_numbered_plainly():
    ax = plot_layers({2: np.array([[0.12], [0.31]])}, ylabel="ratio")
    ax.figure.draw_without_rendering()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0.15", "0.2", "0.3"]


def test_norms_at_the_start_run_from_the_output_back():
    values = np.array([[0.001, 0.01, 0.1], [0.003, 0.03, 0.3], [0.004, 0.05, 0.9]])
    ax = plot_start_norms({"one": values, "two": 2 * values})
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[3, 0.3], [2, 0.03], [1, 0.003]])
    assert ax.xaxis_inverted()
    assert [t.get_text() for t in ax.texts] == ["one", "two"]
    assert len(ax.collections) == 2
    assert not plot_start_norms({"one": values}, bands=False).collections


def test_a_run_that_diverged_is_a_cross_below_the_axis_and_the_line_goes_on_with_the_others():
    nan = float("nan")
    series = {
        "calm": [[0.9, 0.8, 0.7], [0.7, 0.6, 0.5]],
        "wild": [[0.9, 0.9, nan], [nan, nan, 0.5]],
        "lost": [[0.4, 0.4, 0.4], [nan, nan, nan]],
    }
    ax = plot_accuracy_lines([1, 4], series)
    lines = {line.get_gid(): line for line in ax.lines if line.get_gid()}
    np.testing.assert_array_equal(lines["calm"].get_ydata(), [80, 60])
    np.testing.assert_array_equal(lines["wild"].get_ydata(), [90, 50])
    np.testing.assert_array_equal(lines["lost"].get_ydata(), [40, nan])
    crosses = {line.get_color(): line for line in ax.lines if line.get_marker() == "x"}
    assert list(crosses[lines["wild"].get_color()].get_xdata()) == [1, 4]
    assert list(crosses[lines["lost"].get_color()].get_xdata()) == [4]
    assert all(y < 0 for cross in crosses.values() for y in cross.get_ydata())
    assert [t.get_text() for t in ax.get_legend().get_texts()] == list(series)
    assert min(ax.get_yticks()) == 0


def test_without_divergence_there_is_no_cross():
    ax = plot_accuracy_lines([1, 4], {"calm": [[0.9, 0.8], [0.7, 0.6]]})
    assert not [line for line in ax.lines if line.get_marker() == "x"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plot_accuracy_by_depth([1, 2], [[0.9]]),
        lambda: plot_accuracy_by_depth([], []),
        lambda: plot_accuracy_by_depth([1], [[]]),
        lambda: plot_layers({}, ylabel=""),
        lambda: plot_layers({1: [1.0]}, ylabel=""),
        lambda: plot_start_norms({}),
        lambda: plot_start_norms({"one": [1.0]}),
    ],
)
def test_other_shapes_are_refused(draw):
    with pytest.raises(BadShape, match="give"):
        draw()


def test_the_axes_given_are_the_ones_returned():
    for draw in (
        lambda ax: plot_accuracy_by_depth([1], [[0.9]], ax=ax),
        lambda ax: plot_layers({1: [[1.0]]}, ax=ax, ylabel=""),
        lambda ax: plot_start_norms({"one": [[1.0]]}, ax=ax),
        lambda ax: plot_accuracy_lines([1], {"one": [[0.9]]}, ax=ax),
    ):
        ax = Figure().add_subplot()
        assert draw(ax) is ax


def test_lines_that_lie_on_each_other_are_told_apart_by_mark_dashes_and_place():
    same = [np.array([0.96])] * 4
    ax = plot_accuracy_lines([1, 2, 4, 8], dict.fromkeys("abcdef", same))
    lines = [line for line in ax.lines if line.get_gid() in tuple("abcdef")]
    assert (
        len({line.get_marker() for line in lines})
        == len({line.get_linestyle() + str(line._dash_pattern) for line in lines})
        == 6
    )
    widths = [line.get_linewidth() for line in lines]
    assert widths == sorted(widths, reverse=True)
    ax.figure.draw_without_rendering()
    at = np.array([ax.transData.transform(line.get_xydata())[:, 0] for line in lines])
    assert (np.diff(at, axis=0) > 3).all()  # pixels
    assert (np.diff(at.T, axis=0).min(axis=1) > 20).all()  # and nearer to their own depth than to the next
