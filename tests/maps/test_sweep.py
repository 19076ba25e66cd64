"""sweep: evaluate over a grid, whatever the axes and whoever computes the tiles."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.maps import plan as planning, sweep as sweeping
from chainderiv.maps.regime import BAND, Regime, regime
from chainderiv.maps.tally import tally
from tests.helpers import assert_same, same
from tests.kinds import KINDS, costly, slow

W, B = cd.Axis(-6, 6, 7), cd.Axis(-4, 4, 5)
FOUR = cd.Chain(4)


def bits(s):
    return [a.tobytes() for a in (s.sign, s.log_abs, s.link_log_sum, s.largest_link)]


@pytest.mark.parametrize("name", costly(KINDS))
def test_a_sweep_is_evaluate_point_by_point(name):
    chain = cd.Chain(5, name)
    s = cd.sweep(chain, w=W, b=B, x=0.3, y=0.2, wrt="w2")
    assert s.log_abs.shape == (7, 5)
    for i, j in np.ndindex(7, 5):
        w, b = W.values[i], B.values[j]
        k = cd.condition(chain, w, b, x=0.3, y=0.2, wrt="w2")
        assert_same(s.gradient[i, j], cd.evaluate(chain, w, b, x=0.3, y=0.2, wrt="w2"), k)


def test_a_sweep_is_not_its_neighbour_s_values():
    s = cd.sweep(FOUR, w=W, b=B)
    assert not same(s.gradient[1:], s.gradient[:-1], 100).all()


def test_the_dimensions_stand_in_the_order_of_the_keywords():
    one = cd.sweep(FOUR, w=W, b=B)
    two = cd.sweep(FOUR, b=B, w=W)
    assert (list(one.axes), list(two.axes)) == (["w", "b"], ["b", "w"])
    assert np.array_equal(one.log_abs, two.log_abs.T)
    three = cd.sweep(FOUR, y=cd.Axis(0, 1, 2), w3=cd.Axis(1, 2, 3), w=0.5, b=B, x=cd.Axis(-1, 1, 4))
    assert list(three.axes) == ["y", "w3", "b", "x"]
    assert three.log_abs.shape == (2, 3, 5, 4)


def test_x_and_y_default_to_a_half_and_zero():
    assert bits(cd.sweep(FOUR, w=W, b=1)) == bits(cd.sweep(FOUR, w=W, b=1, x=0.5, y=0.0))
    assert cd.sweep(FOUR, w=W, b=1).fixed == {"x": 0.5, "y": 0.0, "b": 1.0}


def test_one_layer_s_axis_overrides_the_tied_value():
    s = cd.sweep(FOUR, w=0.5, b=0.1, w2=W, b3=B)
    for i, j in np.ndindex(7, 5):
        w, b = [0.5, W.values[i], 0.5, 0.5], [0.1, 0.1, B.values[j], 0.1]
        assert_same(s.gradient[i, j], cd.evaluate(FOUR, w, b), cd.condition(FOUR, w, b))


def test_every_layer_named_on_its_own_needs_no_tied_value():
    s = cd.sweep(cd.Chain(2), w1=W, w2=0.5, b1=0.1, b2=0.2)
    assert_same(s.gradient[2], cd.evaluate(cd.Chain(2), [W.values[2], 0.5], [0.1, 0.2]), 100)


def test_pinning_z_is_solving_for_the_biases():
    z = cd.Axis(-3, 3, 5)
    s = cd.sweep(FOUR, w=W, z=z)
    sigma = 1 / (1 + np.exp(-z.values))
    for i, j in np.ndindex(7, 5):
        w, pinned = W.values[i], z.values[j]
        b = [pinned - w * 0.5, *[pinned - w * sigma[j]] * 3]
        assert_same(s.gradient[i, j], cd.evaluate(FOUR, w, b), cd.condition(FOUR, w, b))


def test_the_exploding_case_is_25_per_link():
    s = cd.sweep(FOUR, w=cd.Axis(50, 100, 2), z=0)
    np.testing.assert_allclose(s.rate, np.log([12.5, 25]), rtol=1e-14, atol=0)
    assert s.regime.tolist() == [Regime.EXPLODING] * 2


def test_a_log_axis_has_equal_ratios_and_both_ends():
    axis = cd.Axis(1e-2, 1e2, 9, scale="log")
    assert axis.values[[0, -1]].tolist() == [1e-2, 1e2]
    np.testing.assert_allclose(axis.values[1:] / axis.values[:-1], 10**0.5, rtol=1e-14, atol=0)
    s = cd.sweep(FOUR, w=axis, b=0.5)
    assert_same(s.gradient[4], cd.evaluate(FOUR, axis.values[4], 0.5), 100)


def test_a_linear_axis_is_evenly_spaced_and_holds_both_ends():
    assert cd.Axis(-1, 1, 5).values.tolist() == [-1, -0.5, 0, 0.5, 1]
    assert cd.Axis.parse("-12:12:1001") == cd.Axis(-12, 12, 1001)
    assert cd.Axis.parse("0.01:100:5:log") == cd.Axis(0.01, 100, 5, "log")


def test_x_and_y_may_be_axes():
    x, y = cd.Axis(-1, 1, 3), cd.Axis(0, 1, 4)
    s = cd.sweep(FOUR, w=0.9, b=0.1, x=x, y=y)
    for i, j in np.ndindex(3, 4):
        at = {"x": x.values[i], "y": y.values[j]}
        assert_same(s.gradient[i, j], cd.evaluate(FOUR, 0.9, 0.1, **at), cd.condition(FOUR, 0.9, 0.1, **at))


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(sweeping, "TILE_POINTS", 5)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("pool", ["threads", slow("processes")])
def test_an_executor_gives_the_same_bits_as_none(pool):
    chain = cd.Chain(20, ["tanh"] * 19 + ["sigmoid"], "cross_entropy")
    grid = {"w": cd.Axis(-12, 12, 23), "b": B, "y": 1.0}
    alone = cd.sweep(chain, **grid)
    # fork is not safe beside threads
    made = ThreadPoolExecutor(2) if pool == "threads" else ProcessPoolExecutor(2, get_context("spawn"))
    with made as executor:
        told = []
        shared = cd.sweep(chain, executor=executor, progress=lambda done, of: told.append((done, of)), **grid)
    assert bits(shared) == bits(alone)
    assert told == [(k, 23) for k in range(1, 24)]


def test_the_tile_size_leaves_no_trace(monkeypatch):
    whole = cd.sweep(FOUR, w=W, b=B)
    monkeypatch.setattr(sweeping, "TILE_POINTS", 1)
    assert bits(cd.sweep(FOUR, w=W, b=B)) == bits(whole)


def test_the_mpmath_engine_draws_the_same_map():
    one, two = (cd.sweep(FOUR, w=W, b=B, engine=engine) for engine in ("numpy", "mpmath"))
    kappa = cd.condition(FOUR, W.values[:, None, None] * np.ones(4), B.values[None, :, None] * np.ones(4))
    assert_same(one.gradient, two.gradient, kappa)
    np.testing.assert_allclose(one.rate, two.rate, rtol=1e-11, atol=1e-11)
    assert np.array_equal(one.below_quarter, two.below_quarter)


def links(chain, w, b):
    """|w σ'(z_l)|, l = 2 … L, in plain float64."""
    a, found = 0.5, []
    for _ in range(chain.depth):
        z = w * a + b
        a = 1 / (1 + np.exp(-z))
        found.append(abs(w) / (2 * np.cosh(z / 2)) ** 2)
    return np.array(found[1:])


def test_rate_regime_and_below_quarter_are_their_definitions():
    w, b = cd.Axis(-11.7, 12.2, 20), cd.Axis(-7.3, 7.1, 20)
    s = cd.sweep(FOUR, w=w, b=b)
    want = np.array([[links(FOUR, v, c) for c in b.values] for v in w.values])
    np.testing.assert_allclose(s.rate, np.log(want).mean(axis=-1), rtol=1e-11, atol=1e-11)
    assert np.array_equal(s.below_quarter, (want < 0.25).all(axis=-1))
    assert np.array_equal(s.regime, np.sign(s.rate) * (np.abs(s.rate) > BAND))
    # each of the three regions is on the map, and "below a quarter" is neither all of it nor none
    assert {-1, 1} <= set(s.regime.flat)
    assert 0 < s.below_quarter.mean() < 1
    assert (s.regime[s.below_quarter] == Regime.VANISHING).all()


def test_log10_is_the_decimal_logarithm():
    s = cd.sweep(cd.Chain(1000), w=cd.Axis(0.5, 1, 2), b=0.1)
    np.testing.assert_allclose(s.log10_abs, s.log_abs / np.log(10), rtol=1e-15, atol=0)
    assert (s.log10_abs < -500).all()


@pytest.mark.parametrize("wrt", ["b1", ("b1", "w2")])
def test_a_map_read_by_numpy_marks_what_kappa_allows_to_be_wrong_by_more_than_1e_9(wrt):
    s = cd.sweep(cd.Chain(40, "silu"), wrt=wrt, engine="numpy", w=cd.Axis(-12, 12, 25), b=cd.Axis(-2, 2, 21))
    assert 0.01 < s.uncertain.mean() < 0.5
    if wrt == "b1":
        w, b = np.meshgrid(s.axes["w"].values, s.axes["b"].values, indexing="ij")
        kappa = cd.condition(cd.Chain(40, "silu"), w[..., None] * np.ones(40), b[..., None] * np.ones(40))
        assert (s.uncertain == ~(8 * 2.0**-52 * kappa < 1e-9)).all()


def test_a_dead_chain_has_zeros_and_vanishes():
    s = cd.sweep(cd.Chain(3, "relu"), w=1.0, b=cd.Axis(-5, -4, 2))
    assert s.sign.tolist() == [0, 0]
    assert np.isneginf(s.log_abs).all()
    assert (s.regime == Regime.VANISHING).all()


def test_depth_1_has_no_rate_no_regime_but_a_gradient():
    s = cd.sweep(cd.Chain(1), w=W, b=0.5)
    assert np.isfinite(s.log_abs).all()
    for name in ("rate", "regime"):
        with pytest.raises(BadValue, match="depth 1 has no link"):
            getattr(s, name)


@pytest.mark.parametrize(("rate", "want"), [
    (-np.inf, Regime.VANISHING), (-0.06, Regime.VANISHING), (-BAND, Regime.STABLE), (0.0, Regime.STABLE),
    (BAND, Regime.STABLE), (0.06, Regime.EXPLODING), (np.inf, Regime.EXPLODING), (np.nan, Regime.UNDEFINED),
])  # fmt: skip
def test_regimes_part_at_the_band(rate, want):
    assert regime(rate) == want


@pytest.mark.parametrize("points", [7, 10**6])
def test_a_tally_counts_what_is_on_the_map_whatever_its_tiles(points, monkeypatch):
    """relu dies at part of the points, and where the target is next to the output the rest is rounding."""
    monkeypatch.setattr(planning, "LEAST_TILE_POINTS", points)
    s = cd.sweep(cd.Chain(4, "relu"), w=cd.Axis(-0.5, 2, 11), b=cd.Axis(-1, 1, 9), y=0.3 + 2.0**-30, engine="numpy")
    s.readings.uncertain[3, 2:5] = True  # some, where rounding makes none
    found = tally(s)
    assert (len(s.plan.tiles) > 5) == (points == 7)
    logs, rates = [v for v in s.log_abs.flat if np.isfinite(v)], list(s.link_log_sum.flat)
    assert (found.points, found.zeros) == (99, sum(int(sign == 0) for sign in s.sign.flat))
    assert 0 < found.zeros < 99
    assert found.uncertain == sum(map(bool, s.uncertain.flat)) >= 3
    assert found.below_quarter == sum(v < np.log(0.25) for v in s.largest_link.flat) not in (0, 99, found.zeros)
    assert (found.smallest, found.largest) == (min(logs), max(logs))
    assert found.smallest < found.largest
    counts = {Regime.VANISHING: sum(r / 3 < -0.05 for r in rates), Regime.EXPLODING: sum(r / 3 > 0.05 for r in rates)}
    assert found.regimes == counts | {Regime.STABLE: 99 - sum(counts.values()), Regime.UNDEFINED: 0}


def test_the_band_is_a_twentieth():
    assert regime([-0.0501, -0.0499, 0.0499, 0.0501]).tolist() == [-1, 0, 0, 1]


@pytest.mark.parametrize("engine", ["numpy", "numba", "mpmath"])
def test_a_link_of_exactly_a_quarter_is_not_below_a_quarter(engine):
    """At z = 0 a sigmoid's link is w/4."""
    s = cd.sweep(cd.Chain(3), w=cd.Axis(0.5, 1.5, 3), z=0, engine=engine)
    assert s.below_quarter.tolist() == [True, False, False]


@pytest.mark.parametrize("engine", ["numpy", "numba", "mpmath"])
def test_the_links_begin_at_the_second_layer_in_every_engine(engine):
    """w_1 = 100 makes the first layer's w φ' the largest by far, and it is no link."""
    s = cd.sweep(cd.Chain(3), w1=100.0, w2=cd.Axis(1, 2, 2), w3=0.5, z=0, engine=engine)
    np.testing.assert_allclose(s.link_log_sum, np.log(s.axes["w2"].values / 4 * 0.5 / 4), rtol=1e-14)
    np.testing.assert_allclose(s.largest_link, np.log(s.axes["w2"].values / 4), rtol=1e-14)


def test_a_band_of_zero_leaves_only_zero_stable():
    assert regime([-1e-9, 0.0, 1e-9], band=0.0).tolist() == [-1, 0, 1]
