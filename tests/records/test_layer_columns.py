"""What is measured of the layers, against computations of its own and a network whose answers are known."""

import mpmath as mp
import numpy as np
import pytest

from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.nn.data.data import Data, Split
from chainderiv.nn.network import Network
from chainderiv.nn.training.descent import Descent
from chainderiv.nn.training.engines import measurer, started
from chainderiv.nn.training.passes import update_ratio
from chainderiv.nn.training.training import train
from chainderiv.records.measured import Row, norm, rows_of_record, steepest
from chainderiv.records.measurements import LAYER_COLUMNS
from tests import plain
from tests.kinds import KINDS
from tests.nn.training.runs_kept import SETTINGS, SIZES, run, small_data

ENGINES = ["numpy", "numba"]
ENDS = {"sigmoid": {}, "tanh": {"cost": "log_likelihood"}, "relu": {"cost": "quadratic", "output": "sigmoid"}}


def known(images, labels, classes):
    """Data that are measured on exactly these images."""
    part = Split(np.array(images, np.float32), np.array(labels))
    return Data("known", part, part, part, classes)


def measured(net, data, engine):
    return measurer(engine, net, data).row(net, 0, np.full(net.depth, np.nan)).layers


@pytest.mark.parametrize("hidden", ENDS)
@pytest.mark.parametrize("engine", ENGINES)
def test_norms_means_and_spreads_are_those_of_the_network_s_own_passes(engine, hidden):
    net, data = Network([6, 5, 4, 3], hidden, rng=3, **ENDS[hidden]), small_data()
    layers = measured(net, data, engine)
    assert set(layers) == set(LAYER_COLUMNS)
    of_weights, _ = net.gradients(data.train.images, data.train.labels)
    a = net.forward(data.train.images).a[1:]
    want = {
        "weight_norm_l1": [np.abs(g).sum() for g in of_weights],
        "weight_norm_l2": [np.sqrt((g**2).sum()) for g in of_weights],
        "activation_mean": [values.sum() / values.size for values in a],
        "activation_spread": [np.sqrt(((values - values.mean()) ** 2).sum() / values.size) for values in a],
    }
    for name, column in want.items():
        np.testing.assert_allclose(layers[name], column, rtol=1e-11, atol=0)


def with_layer(hidden, biases):
    """Two inputs that are passed on as they are to as many neurons as there are biases, and two outputs."""
    net = Network([2, len(biases), 2], hidden)
    net.weights = [np.tile([1.0, 0.0], (len(biases), 1)), np.zeros((2, len(biases)))]
    net.biases = [np.array(biases, float), np.zeros(2)]
    return net


# x_1 of four images
IMAGES = [[0, 0], [1, 0], [2, 0], [3, 0]]


@pytest.mark.parametrize("engine", ENGINES)
def test_relu_is_saturated_below_0_and_dead_where_every_image_is(engine):
    # z = x + b: never, at 0 and 1 (0 - 1.5, 1 - 1.5), at 0, 1 and 2, always above, always below
    net = with_layer("relu", [1.0, -1.5, -2.5, 0.5, -4.0])
    layers = measured(net, known(IMAGES, [0, 1, 0, 1], 2), engine)
    assert layers["saturated"][0] == (0 + 2 + 3 + 0 + 4) / 20
    assert layers["dead"][0] == 1 / 5
    assert np.isnan([layers["saturated"][1], layers["dead"][1]]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sigmoid_is_saturated_where_its_slope_is_below_an_80th(engine):
    # σ'(z) < 1/80 where |z| > 4.356...: log((1 + sqrt(1 - 1/20))/(1 - sqrt(1 - 1/20)))
    edge = np.log((1 + np.sqrt(0.95)) / (1 - np.sqrt(0.95)))
    assert 4.35 < edge < 4.37
    net = with_layer("sigmoid", [edge - 3.01, edge - 2.99, -edge - 0.01, edge + 0.01, -edge + 0.01])
    # of x = 0, 1, 2, 3 are beyond the edge: none; 3; 0; all; none, for 3 - edge is within as well
    layers = measured(net, known(IMAGES, [0, 1, 0, 1], 2), engine)
    assert layers["saturated"][0] == (0 + 1 + 1 + 4 + 0) / 20
    assert layers["dead"][0] == 1 / 5


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_update_ratio_is_of_the_last_mini_batch_before_the_row(engine, dtype):
    settings = SETTINGS | {"engine": engine, "dtype": dtype, "measure_steps": 1, "schedule": "constant"}
    record = run(2, **settings)[1]
    assert np.isnan(record.layers["update_ratio"][0]).all()
    wanted = one_by_one(engine, dtype, 2)
    np.testing.assert_allclose(record.layers["update_ratio"][1:], wanted, rtol=1e-12, atol=0)
    assert np.abs(record.layers["update_ratio"][2] / wanted[0] - 1).max() > 1e-3


def one_by_one(engine, dtype, epochs):
    """‖ΔW_l‖/‖W_l‖ of every mini-batch, taken one by one."""
    net, rng, ratios = Network(SIZES, rng=2).copy(dtype), np.random.default_rng(SETTINGS["rng"]), []
    descending = started(engine, net, small_data(), Descent(7, 0.5, 0.6, 0.5, 0.3))
    before = [W.astype(float) for W in net.weights]
    for _ in range(epochs):
        order = rng.permutation(60)
        for step in range(9):
            descending.advance(order, step, step + 1, 1.0)
            after = [W.astype(float) for W in descending.network().weights]
            moved = [np.sqrt(((W - V) ** 2).sum() / (V**2).sum()) for W, V in zip(after, before, strict=True)]
            ratios.append(moved)
            before = after
    return np.array(ratios)


@pytest.mark.parametrize("scale", [1e-200, 1e-310, 1e200, 1.0])
def test_norms_keep_numbers_whose_squares_leave_float64(scale):
    assert norm(np.array([[3.0, 0.0], [0.0, -4.0]]) * scale, 2) == pytest.approx(5 * scale, rel=1e-12)
    assert norm(np.array([3.0, -4.0]) * scale, 1) == pytest.approx(7 * scale, rel=1e-12)


def test_norms_of_nothing_of_0_and_of_what_is_not_finite_are_what_they_are():
    assert [norm(np.array(v), 2) for v in ([], [0.0, 0.0], [np.inf, 1.0], [-np.inf])] == [0, 0, np.inf, np.inf]
    assert np.isnan(norm(np.array([np.nan, 1.0]), 2))


@pytest.mark.parametrize("engine", ENGINES)
def test_gradients_of_1e_200_have_norms(engine):
    sizes = []
    for scale in (1e-100, 1e-200):
        net = Network([6, 5, 4, 3], "identity", "quadratic", rng=1)
        net.weights[1] *= scale
        sizes.append(measured(net, small_data(), engine)["weight_norm_l2"][0])
    # linear in the weights between, as long as they hardly reach the output
    assert sizes[0] * 1e-100 == pytest.approx(sizes[1], rel=1e-12)
    assert 1e-202 < sizes[1] < 1e-197


def test_an_update_of_a_thousandth_more_would_be_told():
    one, two = Network(SIZES, rng=1), Network(SIZES, rng=1)
    two.weights = [1.01 * W for W in one.weights]
    np.testing.assert_allclose(update_ratio(one, two), 0.01, rtol=1e-10)
    two.weights = [1.01001 * W for W in one.weights]
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(update_ratio(one, two), 0.01, rtol=1e-10)


@pytest.mark.parametrize("name", KINDS)
def test_the_steepest_slope_is_the_largest_of_the_hand_written_derivative(name):
    with mp.workdps(30):
        places = [mp.mpf(k) / 8 + mp.mpf(1) / 10**6 for k in range(-240, 241)]
        sizes = {z: abs(plain.phi_prime(name, z)) for z in places}
        top = max(sizes, key=sizes.get)
        for step in (mp.mpf(1) / 8**k for k in range(2, 8)):  # closer and closer round the largest
            top = max((top + k * step for k in range(-8, 9)), key=lambda z: abs(plain.phi_prime(name, z)))
        want = abs(plain.phi_prime(name, top))
    assert steepest(ACTIVATIONS[name]) == pytest.approx(float(want), rel=1e-6)


@pytest.mark.parametrize("name", ["step", "training_cost", "cost", "bias_gradients", None])
def test_a_row_with_one_number_that_is_not_finite_is_not(name):
    numbers = {"bias_gradients": (np.ones(3), np.zeros(2)), "training_cost": 0.5, "cost": 0.25}
    for broken in (np.nan, np.inf, -np.inf):
        bad = {"bias_gradients": (np.ones(3), np.array([0.0, broken]))}.get(name, broken)
        row = Row(3, accuracy=0.5, layers={}, **(numbers | ({name: bad} if name in numbers else {})))
        assert row.finite == (name not in numbers)


def test_the_norms_of_the_weights_gradients_leave_out_the_output_s():
    record = run(1)[1]
    for order in ("l1", "l2"):
        assert record.layer_norms(order).shape == (len(record.cost), 2)
        np.testing.assert_array_equal(record.layer_norms(order), record.layers[f"weight_norm_{order}"][:, [0, 1]])


def test_rows_come_back_from_the_record_that_they_made():
    record = run(2)[1]
    for k, row in enumerate(rows_of_record(record)):
        assert (row.step, row.training_cost, row.cost, row.accuracy) == (
            record.steps[k], record.training_cost[k], record.cost[k], record.accuracy[k],
        )  # fmt: skip
        assert row.training_cost != row.cost
        for name, column in record.layers.items():
            np.testing.assert_array_equal(row.layers[name], column[k])


def test_a_network_without_hidden_layers_has_columns_of_its_output():
    record = train(Network([6, 3]), small_data(), 1)
    assert {name: column.shape for name, column in record.layers.items()} == dict.fromkeys(LAYER_COLUMNS, (2, 1))
    assert np.isnan(record.layers["dead"]).all()
