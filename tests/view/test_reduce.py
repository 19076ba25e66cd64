"""A map of any size is drawn by blocks, and whatever stands out in it is still there."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from chainderiv import plot_link_map, plot_sweep
from chainderiv.maps.axis import Axis
from chainderiv.maps.plan import Plan
from chainderiv.maps.sweep import Sweep, sweep
from chainderiv.numeric.reading import Reading
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derive import derive
from chainderiv.view.maps import reduce
from chainderiv.view.maps.drawing import MOST_CELLS, cells_of
from chainderiv.view.maps.labels import UNCERTAIN, borders
from chainderiv.view.picture import picture
from chainderiv.view.theme import palette
from tests.kinds import slow
from tests.view.test_maps import child

SIDE = 16_000
# corners, and within; one place in a parameter is a tuple of two numbers
PLACES = [(0, 0), *(slow(((x, y),)) for x, y in ((1999, 1999), (1234, 77), (3, 1000)))]


class Flat:
    """Readings of a map that is nowhere in memory: one value everywhere, but for chosen points."""

    def __init__(self, shape, **odd):
        self.shape, self.odd, self.read_at_once, self.read_in_all = shape, odd, 0, 0

    def read(self, box):
        size = tuple(len(range(n)[part]) for n, part in zip(self.shape, box, strict=True))
        self.read_at_once = max(self.read_at_once, int(np.prod(size)))
        self.read_in_all += int(np.prod(size))
        tile = Reading(
            *(
                np.broadcast_to(np.array(v, t), size)
                for v, t in ((1, "i1"), (-2.0, "f8"), (-9.0, "f8"), (-2.0, "f8"), (False, "?"))
            )
        )
        for name, (place, value) in self.odd.items():
            at = tuple(p - part.start for p, part in zip(place, box, strict=True))
            if all(0 <= k < n for k, n in zip(at, size, strict=True)):
                array = getattr(tile, name).copy()
                array[at] = value
                tile = replace(tile, **{name: array})
        return tile


def flat(x=SIDE, y=SIDE, **odd):
    plan = Plan(
        derive(Chain(4), "b1"),
        "numpy",
        {"w": Axis(-12, 12, x), "b": Axis(-10, 10, y)},
        {"x": 0.5, "y": 0.0},
        (1024, 1024),
    )
    return Sweep(plan, Flat((x, y), **odd))


def pixels(figure):
    import io

    from matplotlib.image import imread

    return imread(io.BytesIO(picture(figure, "png")))[..., :3]


def seen(image, colour):
    """How many pixels have a colour, rounded to bytes."""
    return int((np.abs(image - np.array(to_rgba(colour)[:3])).max(axis=-1) < 1.5 / 255).sum())


@pytest.fixture
def small_map(monkeypatch):
    monkeypatch.setattr(reduce, "BOX_POINTS", 2**12)


@pytest.mark.usefixtures("small_map")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_one_exploding_point_is_in_the_picture(place, dark):
    ax = plot_sweep(flat(2000, 2000, log_abs=(place, 40.0)), dark=dark)
    assert child(ax, "map").get_array().max() == 40.0 / np.log(10.0)
    # the colour bar ends in that colour, in a row of pixels; the map adds at least one
    assert seen(pixels(ax), palette(dark).diverging[-1]) >= seen_without(dark) + 1


@lru_cache
def seen_without(dark):
    """How many pixels have the brightest colour where no point explodes."""
    return seen(pixels(plot_sweep(flat(2000, 2000), dark=dark)), palette(dark).diverging[-1])


@pytest.mark.parametrize("place", PLACES)
def test_one_exact_zero_and_one_undefined_point_are_in_the_picture(place):
    for value, colour, text in ((-np.inf, palette().zero, "exactly 0"), (np.nan, palette().undefined, "undefined")):
        ax = plot_sweep(flat(2000, 2000, log_abs=(place, value)))
        assert text in [t.get_text() for t in ax.get_legend().get_texts()]
        ax.get_legend().remove()
        assert seen(pixels(ax), colour) >= 1


@pytest.mark.parametrize("place", PLACES)
def test_one_uncertain_point_is_hatched(place):
    ax = plot_sweep(flat(2000, 2000, uncertain=(place, True)))
    hatched = child(ax, "uncertain").get_array()
    assert {0.0, 1.0} == set(hatched.compressed())
    cells = borders(np.linspace(-12, 12, 2000)), borders(np.linspace(-10, 10, 2000))
    middle = [ends[p] for ends, p in zip(cells, place, strict=True)]
    xy = child(ax, "uncertain").get_coordinates()[:-1, :-1][~np.ma.getmaskarray(hatched)]
    assert np.abs(xy - middle).max() < 0.4


def test_one_exploding_point_among_250_000_000_is_in_the_picture_and_memory_is_bounded():
    s = flat(link_log_sum=((11_337, 12_345), 30.0), log_abs=((11_337, 12_345), 40.0))
    ax = plot_sweep(s)
    assert child(ax, "map").get_array().max() == 40.0 / np.log(10.0)
    assert s.readings.read_at_once <= 2**23
    assert s.readings.read_in_all == SIDE**2
    codes = child(plot_sweep(flat(3000, 3000, link_log_sum=((2321, 1234), 30.0)), "regime"), "map").get_array()
    assert sorted(set(codes.ravel())) == [-1, 1]
    assert (codes == 1).sum() == 1


def test_cells_are_no_smaller_than_a_pixel_of_the_finished_figure():
    """A cell between two pixels' middles would be lost."""
    for size in ((6.0, 5.2), (3.0, 2.6), (12.0, 5.2)):
        from chainderiv.view.theme import new_figure

        ax = new_figure(size).add_subplot()
        wide, high = cells_of(ax)
        plot_sweep(flat(2000, 2000), ax=ax)
        ax.figure.draw_without_rendering()
        box = ax.get_window_extent()
        assert 0.6 * min(box.width, MOST_CELLS) < wide <= box.width
        assert 0.6 * box.height < high <= box.height
        assert max(wide, high) <= MOST_CELLS


@pytest.mark.parametrize("shape", [(700, 900), (1000, 3), (3, 1000), (501, 600)])
def test_each_block_shows_its_smallest_and_its_largest_value(shape, monkeypatch):
    monkeypatch.setattr(reduce, "BOX_POINTS", 5000)
    rng = np.random.default_rng(0)
    field = rng.normal(size=shape)
    x, y = reduce.bounds(shape[0], 50), reduce.bounds(shape[1], 70)
    found = reduce.Extremes(x, y)
    for box in reduce.reading_boxes(shape, (37, 41)):
        found.take(box, field[box])
    cells = found.cells().reshape(len(x) - 1, 2, len(y) - 1)
    for i in range(len(x) - 1):
        for j in range(len(y) - 1):
            block = field[x[i] : x[i + 1], y[j] : y[j + 1]]
            assert sorted(cells[i, :, j]) == [block.min(), block.max()]


def test_what_is_undefined_leaves_the_stronger_extreme():
    field = np.full((4, 2), -1.0)
    field[0, 0], field[1, 0], field[2, 1] = np.nan, -7.0, np.inf
    found = reduce.Extremes(reduce.bounds(4, 1), reduce.bounds(2, 2))
    found.take((slice(0, 4), slice(0, 2)), field)
    assert np.array_equal(np.sort(found.cells(), axis=0), [[-7, -1], [np.nan, np.inf]], equal_nan=True)
    nothing = reduce.Extremes(reduce.bounds(4, 1), reduce.bounds(2, 1))
    nothing.take((slice(0, 4), slice(0, 2)), np.full((4, 2), np.nan))
    assert np.isnan(nothing.cells()).all()


def test_a_smooth_map_is_drawn_smoothly():
    """Smallest and largest stand in the order in which the field runs: no saw's teeth."""
    field = np.linspace(0, 1, 1000)[:, None] * np.ones(10)
    for sign in (1, -1):
        found = reduce.Extremes(reduce.bounds(1000, 50), reduce.bounds(10, 10))
        found.take((slice(0, 1000), slice(0, 10)), sign * field)
        assert (np.diff(sign * found.cells(), axis=0) > 0).all()


def test_a_thin_band_of_a_code_is_not_lost_between_its_neighbours():
    codes = np.where(np.arange(1000) < 500, -1, 1)[:, None] * np.ones((1, 50))
    codes[500] = 0
    found = reduce.Presence(reduce.bounds(1000, 100), reduce.bounds(50, 50), (-1, 0, 1, 2))
    found.take((slice(0, 1000), slice(0, 50)), codes)
    assert (found.cells() == 0).any(axis=0).all()
    assert {-1, 1} <= set(found.cells().flat)


def test_a_large_map_of_a_chain_has_the_extremes_and_boundaries_of_the_whole():
    s = sweep(Chain(4), w=Axis(-12, 12, 900), b=Axis(-10, 10, 700))
    ax = plot_sweep(s)
    shown = child(ax, "map").get_array().compressed()
    assert (shown.min(), shown.max()) == (s.log10_abs.min(), s.log10_abs.max())
    assert shown.size < 500 * 500
    whole = plot_sweep(sweep(Chain(4), w=Axis(-12, 12, 241), b=Axis(-10, 10, 241)))
    for gid in ("boundary", "below_quarter"):
        some, same = (np.concatenate(child(a, gid).allsegs[0]) for a in (ax, whole))
        distance = np.abs(some[:, None] - same[None]).sum(axis=-1).min(axis=1)
        assert distance.max() < 0.3
    assert len(ax.texts) == 3


def test_log_axes_are_cut_by_ratios():
    s = sweep(Chain(3), w=Axis(1e-2, 1e2, 2000, scale="log"), b=Axis(-4, 4, 9))
    ax = plot_sweep(s)
    x = child(ax, "map").get_coordinates()[0, :, 0]
    assert len(x) < 600
    # two cells of a block are equal in ratio
    np.testing.assert_allclose(x[2::2] / x[1::2], x[1::2] / x[:-1:2], rtol=1e-9)
    ax.figure.draw_without_rendering()


def test_a_long_line_keeps_its_spikes():
    spike = flat(10, 10)
    line = replace(
        spike.plan, axes={"w": Axis(-12, 12, 1_000_000)}, fixed={"b": 0.0, "x": 0.5, "y": 0.0}, tile_shape=(2**16,)
    )
    s = Sweep(line, Flat((1_000_000,), log_abs=((777_777,), 40.0), uncertain=((5,), True)))
    ax = plot_sweep(s)
    x, y = child(ax, "line").get_data()
    assert len(x) < 5000
    assert x[np.nanargmax(y)] == line.axes["w"].values[777_777]
    assert any("uncertain" in t.get_text() for t in ax.get_legend().get_texts())


def test_a_large_link_map_is_reduced_too():
    ax = plot_link_map("tanh", Axis(-3, 3, 1501), Axis(-4, 4, 1301))
    assert child(ax, "map").get_array().size < 500 * 500
    assert np.ma.getmaskarray(child(ax, "map").get_array()).any()  # w = 0


def test_uncertain_is_hatched_only_where_it_is(swept):
    assert child(plot_sweep(swept), "uncertain") is None
    mask = np.zeros(swept.readings.shape, bool)
    mask[40:, :20] = True
    ax = plot_sweep(replace(swept, readings=replace(swept.readings, uncertain=mask)))
    mesh = child(ax, "uncertain")
    drawn = ~np.ma.getmaskarray(mesh.get_array())
    x, y = np.moveaxis(mesh.get_coordinates()[:-1, :-1][drawn], -1, 0)
    assert x.min() > 3.5
    assert y.max() < 0.3
    assert 0.3 < drawn.mean() / (mask.mean()) < 0.8  # lines, and what is between them
    assert UNCERTAIN in [t.get_text() for t in ax.get_legend().get_texts()]
