"""Pictures on the caller's own Axes: whatever their size and their layout, nothing lies over anything else."""

from itertools import product

import numpy as np
import pytest
from matplotlib.figure import Figure

from chainderiv import plot_link_map, plot_sweep
from chainderiv.maps.axis import Axis
from chainderiv.maps.sweep import sweep
from chainderiv.symbolic.chain import Chain
from chainderiv.view.maps.cut import plot_cut
from chainderiv.view.maps.maps import plot_sweeps
from tests.kinds import costly, slow
from tests.view.collisions import collisions

W, B = Axis(-12, 12, 49), Axis(-10, 10, 41)


@pytest.fixture(scope="module")
def maps():
    return [sweep(Chain(*chain), w=W, b=B) for chain in ((4,), (1000,), (12, "gelu"), (6, "relu"))]


GRIDS = list(product([None, (12, 6)], [(1, 3), (2, 2), (3, 1)], [None, "constrained", "tight"]))


# each shape, each layout and each size once
@pytest.mark.parametrize(
    ("size", "shape", "layout"),
    costly(GRIDS, quick=[(None, (1, 3), "tight"), ((12, 6), (2, 2), None), (None, (3, 1), "constrained")]),
)
def test_maps_on_the_callers_grid_collide_with_nothing(maps, layout, shape, size):
    figure = Figure(figsize=size, layout=layout)
    quantities = ("gradient", "rate", "regime", "activation:3")
    for ax, one, quantity in zip(np.ravel(figure.subplots(*shape)), maps, quantities, strict=False):
        assert plot_sweep(one, quantity, ax=ax) is ax
    assert collisions(figure) == []


def test_lines_link_maps_and_maps_with_options_collide_with_nothing(maps):
    line = sweep(Chain(4), w=W, b=-3)
    for layout in (None, "constrained"):
        figure = Figure(layout=layout)
        one, two, three = figure.subplots(1, 3)
        plot_sweep(line, ax=one)
        plot_link_map("sigmoid", W, B, ax=two)
        plot_sweep(maps[0], ax=three, title="My own title, which is rather long for so narrow a place", levels=(-6, -3))
        assert collisions(figure) == []


@pytest.mark.parametrize(
    ("quantity", "count"),
    costly(product(["gradient", "regime"], range(1, 6)), quick=[("gradient", 1), ("gradient", 3), ("regime", 5)]),
)
def test_figures_of_our_own_collide_with_nothing_and_wrap(maps, count, quantity):
    figure = plot_sweeps((maps * 2)[:count], quantity)
    assert collisions(figure) == []
    rows = {round(ax.get_position().y0, 2) for ax in figure.axes[:count]}
    assert len(rows) == (1 if count < 4 else 2)


@pytest.mark.parametrize("size", [(3, 2.6), slow(((3.4, 3.0),)), (12, 9)])
def test_a_figure_in_a_papers_column_collides_with_nothing(maps, size):
    for quantity in ("gradient", "regime", "activation:2"):
        assert collisions(plot_sweeps(maps[:1], quantity, size=size)) == []


def test_a_map_and_its_cut_collide_with_nothing(maps):
    assert collisions(plot_cut(maps[0], {"w": -6.1})) == []
    assert collisions(plot_cut(maps[0], {"b": 3}, "rate", size=(7, 3.2))) == []


def test_a_planted_collision_and_what_leaves_the_figure_are_seen(maps):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    for ax in (left, right):
        plot_sweep(maps[0], ax=ax)
    assert collisions(figure) == []
    left.get_legend().set_bbox_to_anchor((0.0, 0.3), transform=left.transAxes)
    assert ("frame 0", "legend 0") in collisions(figure)
    left.get_legend().remove()
    assert collisions(figure) == []
    right.set_title("a title that nobody has wrapped and that is wider than both maps beside each other are")
    assert {two for one, two in collisions(figure) if one == "title 2"} == {"edge"}


def test_maps_on_a_grid_without_a_layout_engine_keep_most_of_their_place(maps):
    figure = Figure()
    for ax, one in zip(figure.subplots(1, 3), maps, strict=False):
        plot_sweep(one, ax=ax)
        assert ax.get_window_extent().width > 0.3 * figure.bbox.width / 3
        assert ax.get_window_extent().height > 0.6 * figure.bbox.height
        assert ax.get_in_layout()


def test_axes_that_the_caller_placed_by_hand_stay_where_they_are(maps):
    figure = Figure()
    ax = figure.add_axes((0.2, 0.3, 0.4, 0.5))
    plot_sweep(maps[0], ax=ax)
    assert np.allclose(ax.get_position().bounds, (0.2, 0.3, 0.4, 0.5), rtol=0, atol=1e-12)


def test_a_caller_s_own_title_takes_the_place_of_ours_and_no_second_one_stays(maps):
    from matplotlib import rc_context

    for place in ("center", "left", "right"):
        with rc_context({"axes.titlelocation": place}):
            ax = plot_sweep(maps[0])
            ax.set_title("mine")
        titles = [ax.get_title(loc=loc) for loc in ("left", "center", "right")]
        assert [title for title in titles if title] == ["mine"]


@pytest.mark.parametrize("quantity", ["below_quarter", "regime", "uncertain"])
def test_lines_with_words_at_their_ticks_collide_with_nothing(quantity):
    figure = Figure(figsize=(8, 6), layout="constrained")
    figure.subplots(2, 2)
    for ax, name in zip(figure.axes, ("sigmoid", "relu", "hardtanh", "gelu"), strict=True):
        plot_sweep(sweep(Chain(24, name), w=Axis(-12, 12, 41), b=1.0), quantity, ax=ax)
    assert collisions(figure) == []


@pytest.mark.parametrize(
    ("columns", "size"), costly([(1, (4, 9)), (1, (3, 7)), (2, (5, 6))], quick=[(1, (3, 7)), (2, (5, 6))])
)
def test_a_bar_beside_several_rows_leaves_their_legends_room(maps, columns, size):
    assert collisions(plot_sweeps(maps, columns=columns, size=size)) == []
