"""What is written on a map is true of what is drawn there: names of regions, legends, ticks; by hand-written links."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from chainderiv import plot_link_map, plot_sweep
from chainderiv.maps.axis import Axis
from chainderiv.maps.sweep import sweep
from chainderiv.symbolic.chain import Chain
from tests import plain_map
from tests.view.test_maps import child

W, B = (-12, 12), (-10, 10)


def plain_points(swept):
    """w, shape (n, 1), and b, shape (1, m), of the map."""
    w, b = (axis.values for axis in swept.axes.values())
    return w[:, None], b[None, :]


def entries(ax):
    """Text -> the legend's handle, which no other entry looks like."""
    handles = ax.get_legend().legend_handles
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(set(texts)) == len(texts) == len(handles)
    return dict(zip(texts, handles, strict=True))


def colours_of(mesh):
    """RGBA of every cell, the first axis first."""
    return mesh.to_rgba(mesh.get_array()).swapaxes(0, 1)


def where_coloured(ax, patch):
    """Which cells have the colour of a legend's entry."""
    return (np.abs(colours_of(child(ax, "map")) - np.array(to_rgba(patch.get_facecolor()))) < 1e-6).all(axis=-1)


def vertices(contour):
    """The points of a contour's lines, without those beside w = 0, where the logarithm falls to -inf."""
    points = np.concatenate([line for line in contour.allsegs[0] if len(line)])
    points = points[np.abs(points[:, 0]) > 1.5]
    assert len(points) > 100
    return points.T


def dashed(contour):
    ((_, dashes),) = contour.get_linestyles()
    return dashes is not None


def named_places(ax):
    """(name, the place that it names): where its line ends, or where it stands itself."""
    texts = list(ax.texts)
    to_pixels = ax.transData.transform
    at = to_pixels([text.get_position() for text in texts])
    places = {}
    for line in ax.lines:
        start, end = line.get_xydata()
        # a name may have been moved into the frame after its line was drawn
        nearest = int(np.argmin(np.linalg.norm(at - to_pixels(start), axis=1)))
        assert nearest not in places
        places[nearest] = tuple(end)
    return [(text.get_text(), places.get(k, text.get_position())) for k, text in enumerate(texts)]


def test_a_regions_name_stands_in_that_region_or_its_line_ends_there(swept):
    found = named_places(plot_sweep(swept))
    assert {name for name, _ in found} == {"vanishing", "exploding"}
    for name, (w, b) in found:
        assert plain_map.regions(w, b)[name], (name, w, b)


def test_a_name_with_room_stands_inside_the_exploding_region():
    """With z pinned every link is w σ'(z): beyond |w| = 4 the map explodes over half of its area."""
    s = sweep(Chain(depth=4), w=Axis(-40, 40, 81), z=Axis(-2, 2, 41))
    ax = plot_sweep(s)
    found = named_places(ax)
    assert [name for name, _ in found].count("exploding") == 2
    assert [name for name, _ in found].count("vanishing") == 1
    assert len(ax.lines) < 3
    for name, (w, z) in found:
        link = np.log(abs(w) * plain_map.slope(z))
        assert (link > 0.05) if name == "exploding" else (link < -0.05), (name, w, z)


@pytest.mark.parametrize("dark", [False, True])
def test_every_entry_of_the_regimes_legend_has_the_colour_of_the_points_that_it_names(swept, dark):
    ax = plot_sweep(swept, "regime", dark=dark)
    patches = {text: handle for text, handle in entries(ax).items() if isinstance(handle, Patch)}
    want = plain_map.regions(*plain_points(swept))
    assert set(patches) == set(want)
    for name, patch in patches.items():
        np.testing.assert_array_equal(where_coloured(ax, patch), want[name], err_msg=name)
        assert want[name].any()


@pytest.mark.parametrize("dark", [False, True])
def test_every_entry_of_the_legend_of_a_quarter_has_the_colour_of_the_points_that_it_names(swept, dark):
    ax = plot_sweep(swept, "below_quarter", dark=dark)
    patches = {text: handle for text, handle in entries(ax).items() if isinstance(handle, Patch)}
    under = plain_map.largest_link(*plain_points(swept)) < 0.25
    assert 0 < under.sum() < under.size
    assert set(patches) == {"every link is under 1/4", "some link is 1/4 or more"}
    np.testing.assert_array_equal(where_coloured(ax, patches["every link is under 1/4"]), under)
    np.testing.assert_array_equal(where_coloured(ax, patches["some link is 1/4 or more"]), ~under)


def test_every_entry_of_the_legend_of_the_uncertain_has_the_colour_of_the_points_that_it_names(swept):
    mask = np.zeros(swept.log_abs.shape, bool)
    mask[3:9, 4:7] = True
    ax = plot_sweep(replace(swept, readings=replace(swept.readings, uncertain=mask)), "uncertain")
    found = entries(ax)
    np.testing.assert_array_equal(where_coloured(ax, found["uncertain by over 1e-9"]), mask)
    np.testing.assert_array_equal(where_coloured(ax, found["certain within 1e-9"]), ~mask)


def test_exact_zeros_and_what_is_undefined_have_the_colours_of_their_entries(swept):
    log = swept.log_abs.copy()
    log[3, 4] = np.nan
    ax = plot_sweep(replace(swept, readings=replace(swept.readings, log_abs=log)))
    found = entries(ax)
    zero = np.broadcast_to(plain_points(swept)[0] == 0, log.shape)
    assert zero.sum() == log.shape[1]
    # a hole lies over the cell, whose own colour is that of what is masked
    np.testing.assert_array_equal(where_coloured(ax, found["exactly 0"]), zero | np.isnan(log))
    holes = child(ax, "undefined")
    shown = holes.to_rgba(holes.get_array())[~np.ma.getmaskarray(holes.get_array())]
    np.testing.assert_allclose(shown, [to_rgba(found["undefined"].get_facecolor())], atol=1e-6)


@pytest.mark.parametrize("quantity", ["gradient", "rate", "regime", "below_quarter"])
def test_each_line_of_the_legend_is_drawn_as_the_boundary_that_it_names(quantity):
    s = sweep(Chain(depth=4), w=Axis(*W, 161), b=Axis(*B, 161))
    ax = plot_sweep(s, quantity)
    lines = {text: handle for text, handle in entries(ax).items() if isinstance(handle, Line2D)}
    said = {
        "rate = 0: vanishing | exploding": lambda w, b: plain_map.rate(w, b),
        r"largest $|w_l\,\varphi'(z_l)| = 1/4$": lambda w, b: np.log(plain_map.largest_link(w, b) / 0.25),
    }
    assert set(lines) == set(said)
    contours = [child(ax, "boundary"), child(ax, "below_quarter")]
    for text, log in said.items():
        (drawn,) = [c for c in contours if dashed(c) == (lines[text].get_linestyle() == "--")]
        # between grid points 0.15 apart it is drawn straight
        assert np.median(np.abs(log(*vertices(drawn)))) < 0.02, text
    assert {line.get_linestyle() for line in lines.values()} == {"-", "--"}


def test_the_link_maps_lines_are_named_in_the_legend_and_on_the_map_by_their_size():
    ax = plot_link_map("sigmoid", Axis(*W, 161), Axis(-8, 8, 161))
    sizes = {r"$|w\,\varphi'(z)| = 1/4$": 0.25, r"$|w\,\varphi'(z)| = 1$: amplifies beyond": 1.0}
    lines = {text: handle for text, handle in entries(ax).items() if isinstance(handle, Line2D)}
    assert set(lines) == set(sizes)
    contours = [child(ax, "link 1/4"), child(ax, "link 1")]
    for text, size in sizes.items():
        (drawn,) = [c for c in contours if dashed(c) == (lines[text].get_linestyle() == "--")]
        w, z = vertices(drawn)
        assert np.median(np.abs(np.log(np.abs(w) * plain_map.slope(z) / size))) < 0.02, text
    for text in ax.texts:
        w, z = text.get_position()
        assert abs(w) * plain_map.slope(z) == pytest.approx({"1/4": 0.25, "1": 1.0}[text.get_text()], rel=0.1)
    assert {text.get_text() for text in ax.texts} == {"1/4", "1"}


@pytest.mark.parametrize("quantity", ["regime", "below_quarter"])
def test_the_ticks_of_a_line_of_codes_name_what_holds_at_its_points(quantity):
    w = Axis(-12, 12, 97)
    ax = plot_sweep(sweep(Chain(depth=4), w=w, b=-2), quantity)
    ticks = dict(zip(ax.get_yticks(), (label.get_text() for label in ax.get_yticklabels()), strict=True))
    drawn = [ticks[value] for value in child(ax, "line").get_ydata()]
    if quantity == "regime":
        regions = plain_map.regions(w.values, -2.0)
        want = [next(name for name, there in regions.items() if there[k]) for k in range(w.count)]
    else:
        under = plain_map.largest_link(w.values, -2.0) < 0.25
        want = np.where(under, "every link is under 1/4", "some link is 1/4 or more").tolist()
    assert drawn == want
    assert len(set(want)) > 1


def test_on_a_line_the_shaded_part_is_where_the_chain_explodes():
    w = Axis(-12, 12, 97)
    ax = plot_sweep(sweep(Chain(depth=4), w=w, b=-2))
    assert set(entries(ax)) == {"exploding: rate > 0", "exactly 0"}
    grows = plain_map.rate(w.values, -2.0) > 0
    shaded = np.zeros(w.count, bool)
    for path in child(ax, "exploding").get_paths():
        low, high = path.vertices[:, 0].min(), path.vertices[:, 0].max()
        shaded |= (w.values >= low - 1e-9) & (w.values <= high + 1e-9)
    np.testing.assert_array_equal(shaded, grows)
    assert 0 < grows.sum() < w.count
