"""One layer's factor and activation over a grid, against formulas written by hand."""

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue

W, B = cd.Axis(-6, 6, 7), cd.Axis(-4, 4, 5)


def sigma(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("layer", [1, 2, 3, 5])
def test_factor_and_activation_are_those_of_a_loop_by_hand(layer):
    s = cd.sweep(cd.Chain(5), w=W, b=B, x=0.3)
    w, b = W.values[:, None], B.values[None, :]
    a = 0.3
    for _ in range(layer):
        z = w * a + b
        a = sigma(z)
    np.testing.assert_allclose(s.activation(layer).to_float(), a, rtol=1e-12)
    np.testing.assert_allclose(s.factor(layer).to_float(), w * sigma(z) * sigma(-z), rtol=1e-12)


def test_the_links_sum_to_link_log_sum_and_the_largest_is_the_largest():
    s = cd.sweep(cd.Chain(6, "tanh"), w=W, b=B, b3=0.7)
    logs = np.stack([s.factor(layer).log for layer in range(2, 7)])
    finite = np.isfinite(s.link_log_sum)
    np.testing.assert_allclose(logs.sum(axis=0)[finite], s.link_log_sum[finite], rtol=1e-12)
    assert np.isneginf(logs.sum(axis=0)[~finite]).all()
    np.testing.assert_allclose(logs.max(axis=0), s.largest_link, rtol=1e-12)


def test_a_residual_layer_s_factor_is_1_more():
    s = cd.sweep(cd.Chain(3, "tanh", residual=True), w=W, b=B, x=0.2)
    w, b = W.values[:, None], B.values[None, :]
    one = 0.2 + np.tanh(w * 0.2 + b)
    np.testing.assert_allclose(s.factor(2).to_float(), 1 + w / np.cosh(w * one + b) ** 2, rtol=1e-9)
    np.testing.assert_allclose(s.activation(1).to_float(), np.broadcast_to(one, (7, 5)), rtol=1e-14)


def test_they_hold_at_any_depth():
    s = cd.sweep(cd.Chain(600, "relu"), w=cd.Axis(5, 10, 2), b=0, x=1)
    np.testing.assert_allclose(s.activation(550).log, 550 * np.log([5, 10]), rtol=1e-13)
    np.testing.assert_allclose(s.factor(550).to_float(), [5, 10], rtol=1e-15)


def test_along_a_depth_axis_a_layer_that_is_not_there_is_nan():
    s = cd.sweep(cd.Chain(), depth=cd.Axis(1, 4, 4), w=W, b=0.1)
    alone = cd.sweep(cd.Chain(4), w=W, b=0.1)
    for got, want in ((s.factor(3), alone.factor(3)), (s.activation(3), alone.activation(3))):
        assert np.isnan(got.log[:2]).all()
        assert np.array_equal(got.log[2:], np.stack([want.log] * 2))
    last = cd.sweep(cd.Chain(3, ["relu", "relu", "tanh"]), w=W, depth=cd.Axis(2, 3, 2), b=0.1, x=0.5)
    w = W.values
    np.testing.assert_allclose(
        last.activation(2).to_float()[:, 0], np.tanh(w * np.maximum(w * 0.5 + 0.1, 0) + 0.1), rtol=1e-13
    )


def test_blocks_leave_no_trace(monkeypatch):
    from chainderiv.maps import plan

    s = cd.sweep(cd.Chain(5), w=W, b=B, x=cd.Axis(0, 1, 3))
    whole = s.factor(3).log
    monkeypatch.setattr(plan, "BLOCK_POINTS", 4)
    assert np.array_equal(s.factor(3).log, whole)


@pytest.mark.parametrize("layer", [0, 6, -1, 2.0, True, "3"])
def test_a_layer_that_is_not_there_is_refused(layer):
    s = cd.sweep(cd.Chain(5), w=W, b=B)
    for read in (s.factor, s.activation):
        with pytest.raises(BadValue, match="whole number from 1 to 5"):
            read(layer)
