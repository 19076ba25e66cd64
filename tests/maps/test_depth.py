"""Depth as an axis: the same numbers as one sweep for each depth."""

import pickle
from itertools import product

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadShape, BadValue
from chainderiv.maps import sweep as sweeping
from chainderiv.maps.depth import chain_at
from chainderiv.maps.regime import Regime
from chainderiv.maps.tally import tally
from tests.kinds import costly

ARRAYS = ("sign", "log_abs", "link_log_sum", "largest_link", "uncertain")
W, B = cd.Axis(-6, 6, 7), cd.Axis(-4, 4, 5)


def same_bits(one, other):
    return all(
        np.ascontiguousarray(getattr(one, n)).tobytes() == np.ascontiguousarray(getattr(other, n)).tobytes()
        for n in ARRAYS
    )


# of each engine, each place and each parameter
QUICK = [("numpy", 0, "b1"), ("numpy", 1, "x"), ("numpy", 2, "w1"), ("numba", 0, "b1")]


@pytest.mark.parametrize(
    ("engine", "place", "wrt"), costly(product(["numpy", "numba"], range(3), ["b1", "x", "w1"]), quick=QUICK)
)
def test_each_depth_is_a_sweep_of_its_own_bit_for_bit(engine, place, wrt):
    names = ["w", "b"]
    names.insert(place, "depth")
    given = {"w": W, "b": B, "depth": cd.Axis(1, 9, 5)}
    s = cd.sweep(cd.Chain(4, "tanh"), wrt=wrt, engine=engine, x=0.3, **{n: given[n] for n in names})
    assert list(s.axes) == names
    for k, depth in enumerate((1, 3, 5, 7, 9)):
        alone = cd.sweep(cd.Chain(depth, "tanh"), wrt=wrt, engine=engine, w=W, b=B, x=0.3)
        for name in ARRAYS:
            assert (
                np.ascontiguousarray(np.take(getattr(s, name), k, axis=place)).tobytes()
                == getattr(alone, name).tobytes()
            )
        if depth == 1:
            assert np.isnan(np.take(s.rate, k, axis=place)).all()
            assert (np.take(s.regime, k, axis=place) == Regime.UNDEFINED).all()
        else:
            assert np.array_equal(np.take(s.rate, k, axis=place), alone.rate)
            assert np.array_equal(np.take(s.regime, k, axis=place), alone.regime)


def test_depth_alone_is_a_line():
    s = cd.sweep(cd.Chain(), depth=cd.Axis(1, 40, 40), w=0.9, b=0.1)
    assert s.log_abs.shape == (40,)
    for depth in (1, 2, 40):
        assert s.log_abs[depth - 1] == cd.evaluate(cd.Chain(depth), 0.9, 0.1).log
    assert not (np.diff(s.log_abs) == 0).any()


def test_the_last_layer_keeps_its_activation_and_the_chain_s_own_depth_does_not_matter():
    many = [
        cd.sweep(
            cd.Chain(depth, ["relu"] * (depth - 1) + ["sigmoid"], "cross_entropy"), depth=cd.Axis(1, 6, 6), w=W, b=0.2
        )
        for depth in (2, 5)
    ]
    assert same_bits(*many)
    alone = cd.sweep(cd.Chain(6, ["relu"] * 5 + ["sigmoid"], "cross_entropy"), w=W, b=0.2)
    assert np.array_equal(many[0].log_abs[-1], alone.log_abs)
    assert chain_at(cd.Chain(1, "tanh"), 3) == cd.Chain(3, "tanh")
    assert chain_at(cd.Chain(3, ["relu", "relu", "tanh"]), 1) == cd.Chain(1, "tanh")
    assert chain_at(cd.Chain(3, "tanh", residual=True), 2) == cd.Chain(2, "tanh", residual=True)


def test_a_second_derivative_goes_along():
    s = cd.sweep(cd.Chain(3, "tanh"), wrt=("b1", "w2"), depth=cd.Axis(2, 4, 3), w=W, b=0.3)
    assert s.wrt == "b1,w2"
    alone = cd.sweep(cd.Chain(3, "tanh"), wrt=("b1", "w2"), w=W, b=0.3)
    assert np.array_equal(s.log_abs[1], alone.log_abs)


def test_tiles_and_pickling_leave_no_trace(monkeypatch):
    given = {"depth": cd.Axis(2, 10, 9), "w": W, "b": B}
    whole = cd.sweep(cd.Chain(), **given)
    monkeypatch.setattr(sweeping, "TILE_POINTS", 11)
    assert same_bits(cd.sweep(cd.Chain(), **given), whole)
    box = (slice(1, 3), slice(0, 7), slice(2, 5))
    assert np.array_equal(pickle.loads(pickle.dumps(whole.plan)).read(box).log_abs, whole.log_abs[box])


@pytest.mark.parametrize("axis", [cd.Axis(1, 50, 20), cd.Axis(0, 5, 6), cd.Axis(1.5, 3.5, 3), cd.Axis(1, 2e6, 2)])
def test_depths_that_are_no_whole_numbers_from_1_are_refused(axis):
    with pytest.raises(BadValue, match=r"whole numbers from 1.*depth=1:50:50"):
        cd.sweep(cd.Chain(), depth=axis, w=W, b=0)


def test_a_depth_that_is_no_axis_is_refused():
    with pytest.raises(BadValue, match="give the chain its depth"):
        cd.sweep(cd.Chain(), depth=7, w=W, b=0)


def test_hidden_layers_that_differ_are_refused():
    with pytest.raises(BadShape, match="hidden layers that differ"):
        cd.sweep(cd.Chain(4, ["relu", "tanh", "relu", "sigmoid"]), depth=cd.Axis(1, 5, 5), w=W, b=0)


@pytest.mark.parametrize("given", [{"wrt": "b3"}, {"wrt": ("b1", "w3")}, {"w3": W}, {"b3": 0.5}])
def test_a_layer_that_is_not_there_at_every_depth_is_refused(given):
    with pytest.raises(BadValue, match=r"depth runs from 2, where there is no [wb]3"):
        cd.sweep(cd.Chain(9), depth=cd.Axis(2, 5, 4), w=0.5, b=0.1, **given)
    assert cd.sweep(cd.Chain(9), depth=cd.Axis(3, 5, 3), **({"w": 0.5, "b": 0.1} | given)).log_abs.shape[0] == 3


def test_a_dataset_has_the_rate_of_each_depth():
    s = cd.sweep(cd.Chain(), w=W, depth=cd.Axis(1, 4, 4), b=B)
    assert np.array_equal(s.to_xarray().rate.values, s.rate, equal_nan=True)
    assert s.to_xarray().rate.dims == ("w", "depth", "b")


def test_the_tally_counts_by_the_rate_of_each_depth():
    s = cd.sweep(cd.Chain(), w=W, depth=cd.Axis(1, 4, 4), b=B)
    assert tally(s).regimes == {r: int((s.regime == r).sum()) for r in Regime}
    assert tally(s).regimes[Regime.UNDEFINED] == 35
