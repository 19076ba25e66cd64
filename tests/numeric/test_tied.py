"""tied=True: one number per point that serves every layer, told from one per layer by the word and never by the shape."""

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadShape, BadValue
from tests.helpers import assert_same, same
from tests.numeric.test_evaluate import answer

DEPTH = 4
W, B = np.array([-2.0, 0.7, 1.5, 6.0]), np.array([-1.0, 0.0, 0.5, 2.0])


@pytest.mark.parametrize("engine", ["numpy", "numba", "mpmath"])
@pytest.mark.parametrize("wrt", ["b1", "w3", "x"])
def test_a_vector_of_tied_weights_gives_each_point_s_own_gradient(engine, wrt):
    chain = cd.Chain(DEPTH, "tanh")
    got = cd.evaluate(chain, W, B, wrt=wrt, engine=engine, tied=True)
    for k in range(len(W)):
        assert_same(got[k], answer(["tanh"] * DEPTH, float(W[k]), float(B[k]), 0.0, wrt), kappa=1e3)


def test_as_many_points_as_layers_are_points_where_it_is_said_and_layers_where_it_is_not():
    chain, per_layer = cd.Chain(DEPTH), cd.evaluate(cd.Chain(DEPTH), W, 0.1)
    assert per_layer.shape == ()
    assert_same(per_layer, answer(["sigmoid"] * DEPTH, W.tolist(), 0.1, 0.0, "b1"), kappa=1e3)
    points = cd.evaluate(chain, W, 0.1, tied=True)
    assert points.shape == (DEPTH,)
    assert not same(points, per_layer, 1e3).any()


def test_tied_numbers_broadcast_with_one_another_and_with_input_and_target():
    grid = cd.evaluate(cd.Chain(DEPTH), W[:, None], z=B, y=np.zeros((2, 1, 1)), tied=True)
    assert grid.shape == (2, len(W), len(B))
    assert_same(grid[1, 2, 3], cd.evaluate(cd.Chain(DEPTH), W[2], z=B[3]))


def test_the_condition_of_tied_points_is_that_of_each_alone():
    chain = cd.Chain(DEPTH)
    assert cd.condition(chain, W, B, tied=True).tolist() == [
        cd.condition(chain, w, b) for w, b in zip(W, B, strict=True)
    ]


def test_a_second_derivative_takes_tied_points_too():
    chain, pair = cd.Chain(DEPTH), ("b1", "w2")
    got = cd.evaluate(chain, W, B, wrt=pair, tied=True)
    for k in range(len(W)):
        assert_same(got[k], cd.evaluate(chain, [W[k]] * DEPTH, [B[k]] * DEPTH, wrt=pair, engine="mpmath"), kappa=1e3)


def test_a_shape_that_is_neither_names_the_word():
    with pytest.raises(BadShape, match=r"w has shape \(5,\); give a number or \(\.\.\., 4\).* or tied=True"):
        cd.evaluate(cd.Chain(DEPTH), np.ones(5), 0)
    with pytest.raises(BadValue, match="tied is 'yes'; give True or False"):
        cd.evaluate(cd.Chain(DEPTH), W, 0, tied="yes")
