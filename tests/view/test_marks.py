"""What is exactly 0, undefined or absent is said, in a line, in a map and in a film."""

from dataclasses import replace

import numpy as np
import pytest

from chainderiv import plot_sweep
from chainderiv.maps.axis import Axis
from chainderiv.maps.sweep import sweep
from chainderiv.symbolic.chain import Chain
from chainderiv.view.maps import animation
from chainderiv.view.maps.animation import animate_sweep
from chainderiv.view.maps.drawing import crosses
from tests.view.test_maps import child


def texts(ax):
    legend = ax.get_legend()
    return [] if legend is None else [t.get_text() for t in legend.get_texts()]


def marked(ax, gid):
    return np.concatenate([one.get_xdata() for one in ax.lines if one.get_gid() == gid] or [np.array([])])


def without_numbers(swept):
    gone = {name: np.full(swept.log_abs.shape, np.nan) for name in ("log_abs", "link_log_sum", "largest_link")}
    return replace(swept, readings=replace(swept.readings, **gone))


def test_an_exact_zero_on_a_line_is_marked_where_it_is_and_the_line_leads_there():
    """∂C/∂b₁ of depth 4 has the factor w³, and so is 0 at w = 0 alone."""
    ax = plot_sweep(sweep(Chain(4), w=Axis(-12, 12, 25), b=-3))
    assert marked(ax, "zeros").tolist() == [0.0]
    drops = [one for one in ax.lines if one.get_gid() == "drop"]
    assert sorted(tuple(one.get_xdata()) for one in drops) == [(-1.0, 0.0), (1.0, 0.0)]
    assert {one.get_ydata()[1] for one in drops} == {ax.get_ylim()[0]}
    assert "exactly 0" in texts(ax)


def test_a_zero_between_the_points_of_a_line_is_told_by_the_change_of_sign():
    ax = plot_sweep(sweep(Chain(4), w=Axis(-12, 12, 24), b=-3))
    assert marked(ax, "zeros").size == 0
    assert marked(ax, "sign changes") == pytest.approx([0.0], abs=1e-12)
    assert "changes its sign" in texts(ax)
    # w² at depth 3 touches 0 and goes back, and nothing between the points tells it
    even = plot_sweep(sweep(Chain(3), w=Axis(-12, 12, 24), b=-3))
    assert marked(even, "sign changes").size == 0
    assert "changes its sign" not in texts(even)


def test_a_dead_stretch_is_marked_along_its_whole_length():
    """relu with b = 1 and x = 1/2: z₁ = w/2 + 1 is below 0 under w = −2, and nothing passes."""
    s = sweep(Chain(4, "relu"), w=Axis(-12, -3, 19), b=1)
    assert np.isneginf(s.log_abs).all()
    wide = sweep(Chain(4, "relu"), w=Axis(-12, 12, 49), b=1)
    ax = plot_sweep(wide)
    dead = wide.axes["w"].values[np.isneginf(wide.log_abs)]
    assert marked(ax, "zeros").min() == dead.min() == -12
    assert "exactly 0" in texts(ax)
    assert "exactly 0 everywhere" in [t.get_text() for t in plot_sweep(s).texts]


def test_a_stretch_that_is_undefined_is_shaded_and_in_the_legend():
    s = sweep(Chain(4), w=Axis(-12, 12, 49), b=-3)
    log = s.log_abs.copy()
    log[10:14] = np.nan
    ax = plot_sweep(replace(s, readings=replace(s.readings, log_abs=log)))
    (path,) = child(ax, "undefined").get_paths()
    x = s.axes["w"].values
    assert (path.vertices[:, 0].min(), path.vertices[:, 0].max()) == (x[9], x[14])
    assert "undefined" in texts(ax)
    assert "undefined" not in texts(plot_sweep(s))


@pytest.mark.parametrize("quantity", ["gradient", "rate"])
def test_a_map_on_which_nothing_is_known_says_so_and_has_no_bar(swept, quantity):
    ax = plot_sweep(without_numbers(swept), quantity)
    assert [t.get_text() for t in ax.texts] == ["undefined everywhere"]
    assert ax.figure.axes == [ax]
    assert not [t for t in plot_sweep(swept, quantity).texts if "everywhere" in t.get_text()]


def test_a_line_on_which_nothing_is_known_says_so_and_has_no_numbers_beside_it():
    s = sweep(Chain(4), w=Axis(-12, 12, 25), b=-3)
    ax = plot_sweep(without_numbers(s))
    ax.figure.draw_without_rendering()
    assert "undefined everywhere" in [t.get_text() for t in ax.texts]
    assert ax.yaxis.get_offset_text().get_text() == ""
    assert len(ax.get_yticks()) == 0


def test_a_map_that_is_exactly_0_everywhere_says_so():
    s = sweep(Chain(4, "relu"), w=Axis(-5, -3, 9), b=Axis(-2, -1, 9))
    assert np.isneginf(s.log_abs).all()
    ax = plot_sweep(s)
    assert [t.get_text() for t in ax.texts] == ["exactly 0 everywhere"]
    assert ax.figure.axes == [ax]


@pytest.mark.parametrize("count", [61, 161, 401])
def test_no_region_is_named_over_the_line_where_the_gradient_is_exactly_0(count):
    ax = plot_sweep(sweep(Chain(4), w=Axis(-12, 12, count), b=Axis(-10, 10, 61)))
    ax.figure.draw_without_rendering()
    at = ax.transData.transform((0.0, 0.0))[0]
    names = {t.get_text(): t.get_window_extent() for t in ax.texts}
    assert "vanishing" in names
    for box in names.values():
        assert not box.x0 < at < box.x1


def test_a_leader_ends_at_its_name_and_in_the_region_that_it_names():
    """A residual chain's regions, beside each other at w = 0, with a factor's colours below them."""
    for chain in (Chain(6, residual=True), Chain(20, "tanh", residual=True), Chain(4)):
        s = sweep(chain, w=Axis(-6, 6, 81), b=Axis(-6, 6, 81))
        ax = plot_sweep(s, "factor:3")
        ax.figure.draw_without_rendering()
        boxes = {t.get_text(): [] for t in ax.texts}
        for text in ax.texts:
            boxes[text.get_text()].append(text.get_window_extent())
        w, b = (axis.values for axis in s.axes.values())
        for line in ax.lines:
            (x0, y0), (x1, y1) = line.get_xydata()
            named = [n for n, some in boxes.items() for box in some if box.contains(*ax.transData.transform((x0, y0)))]
            assert len(named) == 1
            rate = s.rate[np.abs(w - x1).argmin(), np.abs(b - y1).argmin()]
            assert (rate > 0) == (named[0] == "exploding")


def drawn_lines(ax, gid):
    contour = child(ax, gid)
    return contour is not None and any(len(line) for line in contour.allsegs[0])


def test_the_legend_has_a_line_where_one_is_drawn_and_else_none():
    split = np.full((5, 6), -1.0)
    split[3:] = 1.0
    assert crosses(split, 0.0)
    torn = split.copy()
    torn[2] = np.nan
    assert not crosses(torn, 0.0)
    s = sweep(Chain(4), w=Axis(1, 5, 5), b=Axis(0, 5, 6))
    for field, there in ((split, True), (torn, False)):
        told = replace(s, readings=replace(s.readings, link_log_sum=field, largest_link=np.full(field.shape, -9.0)))
        ax = plot_sweep(told)
        assert drawn_lines(ax, "boundary") == there
        assert any("rate = 0" in text for text in texts(ax)) == there
        assert not any("1/4" in text for text in texts(ax))


@pytest.mark.parametrize(("quantity", "said"), [
    ("rate", ["depth 1 has no link,\nand so no rate or regime", "", ""]),
    ("regime", ["depth 1 has no link,\nand so no rate or regime", "", ""]),
    ("factor:3", ["depth 1 has no layer 3", "depth 2 has no layer 3", ""]),
    ("gradient", ["", "", ""]),
])  # fmt: skip
def test_the_frame_of_a_depth_that_has_no_such_number_says_so(tmp_path, monkeypatch, quantity, said):
    notes, draw = [], animation.draw_map

    def spy(ax, *arguments):
        mesh = draw(ax, *arguments)
        notes.append("".join(t.get_text() for t in ax.texts if t.get_gid() == "note"))
        assert (child(ax, "map") is None) == bool(notes[-1])
        return mesh

    monkeypatch.setattr(animation, "draw_map", spy)
    s = sweep(Chain(), depth=Axis(1, 3, 3), w=Axis(-3, 3, 9), b=Axis(-2, 2, 7))
    animate_sweep(s, tmp_path / "map.gif", quantity)
    assert notes[1:] == said  # the first is the layout's, of the deepest


def test_a_lone_point_that_explodes_is_shaded_as_wide_as_its_cell():
    """σ at z = 0 has links of w/4: with w = 6, b = −3 is the one of 41 points whose rate is above 0."""
    s = sweep(Chain(4), w=6, b=Axis(-10, 10, 41))
    above = s.axes["b"].values[s.rate > 0]
    assert above.tolist() == [-3.0]
    ax = plot_sweep(s)
    (path,) = child(ax, "exploding").get_paths()
    assert [path.vertices[:, 0].min(), path.vertices[:, 0].max()] == pytest.approx([-3.25, -2.75])


@pytest.mark.parametrize("options", [{"w": Axis(-12, 12, 41)}, {"w": Axis(0.01, 100, 41, scale="log")}])
def test_every_point_that_explodes_is_shaded_and_no_other(options):
    s = sweep(Chain(4, "gelu"), b=2, **options)
    ax = plot_sweep(s)
    shaded = [(p.vertices[:, 0].min(), p.vertices[:, 0].max()) for p in child(ax, "exploding").get_paths()]
    for point, rate in zip(s.axes["w"].values, s.rate, strict=True):
        assert any(low <= point <= high for low, high in shaded) == (rate > 0)
