"""The colours of numbers on either side of 0, and the bar that says what they mean."""

import mpmath
import numpy as np
import pytest

from chainderiv import plot_link_map, plot_sweep
from chainderiv.errors import BadValue, UnknownName
from chainderiv.maps.axis import Axis
from chainderiv.maps.sweep import sweep
from chainderiv.symbolic.chain import Chain
from chainderiv.view.maps.colours import SidedNorm, said
from tests.kinds import slow
from tests.view.test_maps import child


def bar_of(ax):
    return child(ax, "map").colorbar


def number(text):
    """What a tick's text says."""
    text = text.replace("−", "-").strip("$")
    sign, _, power = text.partition("10^{")
    return (-1 if sign == "-" else 1) * 10.0 ** float(power.strip("}")) if power else float(text)


def untrue(bar):
    """The ticks whose text is not the number whose colour stands at their place."""
    bar.ax.figure.draw_without_rendering()
    low, high = bar.ax.get_ylim()
    shown = [t for t in bar.ax.yaxis.get_major_ticks() if low <= t.get_loc() <= high]
    assert len(shown) > 2
    mesh, height = bar.mappable, bar.ax.transData
    wrong = []
    for tick in shown:
        value = number(tick.label2.get_text())
        # the bar's cells are drawn at the numbers that their colours stand for
        beside = bar.cmap(mesh.norm(value)), mesh.cmap(mesh.norm(tick.get_loc()))
        at = [height.transform((0, v))[1] for v in (value, tick.get_loc())]
        if not np.allclose(*beside, atol=0.02) or abs(at[0] - at[1]) > 0.5:
            wrong.append(tick.label2.get_text())
    return wrong


@pytest.mark.parametrize(("low", "high"), [(-32.0, 0.6), (-0.7, 1200.0), (-5.0, 5.0)])
def test_a_side_s_colours_go_by_asinh_to_its_own_end_and_back(low, high):
    norm = SidedNorm(low, high)
    for value in np.linspace(low, high, 23):
        end = high if value > 0 else -low
        with mpmath.workdps(30):
            part = mpmath.asinh(2 * abs(value)) / mpmath.asinh(2 * end) / 2
            want = mpmath.mpf(1) / 2 + (part if value > 0 else -part)
        assert float(norm(value)) == pytest.approx(float(want), abs=1e-14)
        assert float(norm.inverse(norm(value))) == pytest.approx(value, rel=1e-12, abs=1e-12)


def test_what_is_hardly_above_0_stays_pale():
    assert float(SidedNorm(-32, 1e-12)(1e-12)) < 0.5 + 1e-11
    assert 0.5 < float(SidedNorm(-32, 0.1)(0.1)) < 0.65


def test_the_pockets_of_a_shallow_map_are_as_deep_in_colour_as_its_valley(swept):
    mesh = child(plot_sweep(swept), "map")
    place = np.ma.filled(mesh.norm(mesh.get_array()), np.nan)
    values = mesh.get_array().filled(np.nan)
    assert (place[values > 1e-9] > 0.5).all()
    assert (place[values < -1e-9] < 0.5).all()
    assert np.nanmax(place) > 0.8


@pytest.mark.parametrize("quantity", ["gradient", "rate", "activation:3"])
def test_the_ticks_of_the_bar_are_true_and_stay_so_with_another_map_and_other_limits(swept, quantity):
    ax = plot_sweep(swept, quantity)
    mesh = child(ax, "map")
    assert untrue(bar_of(ax)) == []
    mesh.set_cmap("viridis")
    assert untrue(bar_of(ax)) == []
    mesh.set_clim(-3, 0.5)
    assert untrue(bar_of(ax)) == []
    assert [bar_of(ax).vmin, bar_of(ax).vmax] == pytest.approx([-3, 0.5])
    mesh.set_clim(-1e6, 1e7)
    assert untrue(bar_of(ax)) == []


def test_a_tick_that_says_another_number_is_seen(swept):
    bar = bar_of(plot_sweep(swept))
    bar.set_ticks([-10, -3, 0], labels=["−10", "−1", "0"])
    assert untrue(bar) == ["−1"]


def test_another_colour_map_leaves_exact_zeros_their_colour(swept):
    ax = plot_sweep(swept)
    child(ax, "map").set_cmap("viridis")
    zero = child(ax, "zero")
    legend = dict(zip((t.get_text() for t in ax.get_legend().get_texts()), ax.get_legend().legend_handles, strict=True))
    drawn = ~np.ma.getmaskarray(zero.get_array())
    np.testing.assert_array_equal(drawn, np.isneginf(swept.log10_abs).T)
    np.testing.assert_allclose(zero.to_rgba(zero.get_array())[drawn][0], legend["exactly 0"].get_facecolor())


def test_limits_levels_and_a_colour_map_are_taken(swept):
    ax = plot_sweep(swept, limits=(-6, 1), levels=(-3, -6), cmap="PuOr", title="mine", legend=False, names=False)
    mesh = child(ax, "map")
    assert (mesh.get_clim(), mesh.cmap.name) == ((-6, 1), "PuOr")
    assert child(ax, "levels").levels.tolist() == [-6, -3]
    assert (ax.get_title(), ax.get_legend(), len(ax.texts)) == ("mine", None, 0)
    assert bar_of(ax).extend == "min"
    assert child(plot_sweep(swept, colorbar=False), "map").colorbar is None
    link = plot_link_map("tanh", Axis(-3, 3, 31), Axis(-4, 4, 31), limits=2, levels=-1, title="")
    assert (child(link, "map").get_clim(), link.get_title()) == ((-2, 2), "")
    line = plot_sweep(sweep(Chain(4), w=Axis(-9, 9, 31), b=-3), limits=(-5, 0), levels=-2)
    assert line.get_ylim() == (-5, 0)
    assert -2 in [float(one.get_ydata()[0]) for one in line.lines]


@pytest.mark.parametrize(("options", "error", "said"), [
    ({"limits": (1, 1)}, BadValue, "give .low, high."),
    ({"limits": "wide"}, BadValue, "give .low, high."),
    ({"limits": -3}, BadValue, "n > 0"),
    ({"levels": ["a"]}, BadValue, "finite numbers"),
    ({"levels": float("nan")}, BadValue, "finite numbers"),
    ({"cmap": "virdis"}, UnknownName, "did you mean 'viridis'"),
    ({"cmap": 3}, BadValue, "colour maps"),
    ({"title": 3}, BadValue, "a text"),
    ({"legend": None}, BadValue, "True or False"),
    ({"colorbar": "no"}, BadValue, "True or False"),
])  # fmt: skip
def test_an_option_that_is_none_is_refused_in_one_line(swept, options, error, said):
    with pytest.raises(error, match=said) as caught:
        plot_sweep(swept, **options)
    assert "\n" not in str(caught.value)


def test_the_ticks_of_an_activation_are_evenly_spaced_over_its_range():
    ax = plot_sweep(sweep(Chain(4), w=Axis(-12, 12, 41), b=Axis(-10, 10, 31)), "activation:3")
    bar = bar_of(ax)
    ax.figure.draw_without_rendering()
    low, high = bar.ax.get_ylim()
    ticks = [t for t in bar.ax.yaxis.get_ticklocs() if low <= t <= high]
    assert len(ticks) >= 4
    assert np.ptp(np.diff(ticks)) < 1e-12
    assert low == 0 < 0.99 < high <= 1


def test_numbers_of_ticks_are_plain_and_powers_of_ten_are_powers():
    assert [said(v) for v in (0.3, -30.0, 1e5, -1e300)] == ["0.3", "−30", "$10^{5}$", "$-10^{300}$"]


@pytest.mark.parametrize(
    ("limits", "beyond"), [((1, 3), (0.5, -2, 4, 9)), ((-9, -3), (-1, 2, -20)), ((-6, 0.2), (0.4, 3))]
)
def test_what_is_beyond_a_limit_has_the_colour_that_the_bar_ends_in(limits, beyond):
    ax = plot_sweep(sweep(Chain(4, "relu"), w=Axis(-12, 12, 25), b=Axis(-10, 10, 21)), limits=limits)
    mesh, bar = child(ax, "map"), bar_of(ax)
    for value in beyond:
        end = limits[0] if value < limits[0] else limits[1]
        assert mesh.cmap(mesh.norm(value)) == pytest.approx(mesh.cmap(mesh.norm(end)), abs=0.02)
    arrows = [patch.get_facecolor() for patch in bar._extend_patches]
    ends = [mesh.cmap(mesh.norm(end)) for end in limits]
    assert all(any(np.allclose(arrow, end, atol=0.02) for end in ends) for arrow in arrows)


@pytest.mark.parametrize("limits", [(-9, -4), (4, 9), (31, 95), (-0.0008, -0.0002)])
def test_a_bar_has_several_true_ticks_whatever_its_limits(limits):
    ax = plot_sweep(sweep(Chain(4, "relu"), w=Axis(-12, 12, 25), b=Axis(-10, 10, 21)), limits=limits)
    assert untrue(bar_of(ax)) == []


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning:matplotlib")  # of its own ticks
@pytest.mark.parametrize("quantity", ["gradient", "activation:3"])
def test_numbers_at_the_end_of_float64_are_drawn(quantity):
    axes = {"w": Axis(1e300, 1e308, 5), "b": Axis(1e300, 1e308, 5)}
    ax = plot_sweep(sweep(Chain(4, "softplus"), **axes), quantity)
    assert np.isfinite(child(ax, "map").get_coordinates()).all()


@pytest.mark.parametrize(
    "look",
    [{}, {"quantity": "rate"}, {"quantity": "activation:3"}, {"limits": (-3, 0.2)}, {"limits": (1, 3)},
     {"quantity": "activation:3", "dark": True}],
)  # fmt: skip
@pytest.mark.parametrize("weights", [(-12, 12), slow(((0.5, 1.2),))])
def test_a_bar_has_at_each_number_the_colour_of_the_map(look, weights):
    ax = plot_sweep(sweep(Chain(4), w=Axis(*weights, 25), b=Axis(-1, 1, 21)), **look)
    bar, mesh = bar_of(ax), child(ax, "map")
    assert differing(bar, mesh) == []
    mesh.set_cmap("viridis")
    assert differing(bar, mesh) == []
    bar.solids.set_array(bar.solids.get_array() + 0.1 * np.ptp(bar.ax.get_ylim()))
    assert differing(bar, mesh) != []


def differing(bar, mesh):
    """The numbers beside which the bar has another colour than the map gives them."""
    bar.ax.figure.draw_without_rendering()
    heights, shown = bar.solids.get_coordinates()[:, 0, 1], bar.solids.get_facecolors()
    numbers = np.linspace(*bar.ax.get_ylim(), 30)[1:-1]
    cells = np.searchsorted(heights, numbers) - 1
    return [n for n, c in zip(numbers, cells, strict=True) if np.abs(shown[c] - mesh.cmap(mesh.norm(n))).max() > 0.03]
