"""A cut through a map is evaluated where it is asked for, and is the map where the map has points."""

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue
from tests import plain_map

W, B = cd.Axis(-12, 12, 25), cd.Axis(-10, 10, 21)


@pytest.fixture(scope="module")
def swept():
    return cd.sweep(cd.Chain(4), w=W, b=B)


def test_a_cut_on_a_point_of_the_map_is_the_maps_own_line(swept):
    for name, at, line in (("w", 6.0, swept.log_abs[18]), ("b", -3.0, swept.log_abs[:, 7])):
        cut = swept.cut(**{name: at})
        assert list(cut.axes) == [{"w": "b", "b": "w"}[name]]
        assert cut.fixed[name] == at
        np.testing.assert_array_equal(np.isneginf(cut.log_abs), np.isneginf(line))
        finite = np.isfinite(line)
        np.testing.assert_allclose(cut.log_abs[finite], line[finite], rtol=1e-13)


def test_a_cut_between_points_is_evaluated_there_and_not_the_nearest_line(swept):
    cut = swept.cut(w=6.3)
    want = plain_map.rate(6.3, B.values)
    np.testing.assert_allclose(cut.rate, want, rtol=1e-11)
    nearest = swept.rate[18]
    assert np.abs(cut.rate - nearest).max() > 0.01


def test_a_cut_of_three_axes_leaves_two_or_one():
    s = cd.sweep(cd.Chain(), depth=cd.Axis(1, 4, 4), w=W, b=B)
    two = s.cut(depth=3)
    assert (list(two.axes), two.derivation.chain.depth) == (["w", "b"], 3)
    np.testing.assert_array_equal(two.log_abs, s.log_abs[2])
    one = s.cut(w=6, b=-3)
    assert list(one.axes) == ["depth"]
    np.testing.assert_allclose(one.log_abs, s.log_abs[:, 18, 7], rtol=1e-13)
    with pytest.raises(BadValue, match="whole number"):
        s.cut(depth=2.5)


@pytest.mark.parametrize(("at", "said"), [
    ({}, "give a number for one or more of w, b"),
    ({"w": 1, "b": 1}, "leave one at least"),
    ({"x": 1}, "no axis of the map"),
    ({"w": 13}, "from -12 to 12"),
    ({"w": float("nan")}, "from -12 to 12"),
    ({"w": "2"}, "from -12 to 12"),
])  # fmt: skip
def test_what_is_no_cut_is_refused(swept, at, said):
    with pytest.raises(BadValue, match=said):
        swept.cut(**at)


def test_the_picture_of_a_cut_has_its_line_in_the_map_and_its_numbers_beside_it(swept):
    figure = cd.plot_cut(swept, {"w": 6.3})
    ax, beside = figure.axes[:2]
    (mark,) = [line for line in ax.lines if line.get_gid() == "cut"]
    assert list(mark.get_xdata()) == [6.3, 6.3]
    (line,) = [line for line in beside.lines if line.get_gid() == "line"]
    np.testing.assert_array_equal(line.get_ydata(), swept.cut(w=6.3).log10_abs)
    assert "w = 6.3" in beside.get_title()
    (mark,) = [line for line in cd.plot_cut(swept, {"b": -3}).axes[0].lines if line.get_gid() == "cut"]
    assert list(mark.get_ydata()) == [-3, -3]
    for wrong in ({"w": 1, "b": 2}, {}, {"w": 99}):
        with pytest.raises(BadValue):
            cd.plot_cut(swept, wrong)
