"""Hidden layers that pass their input on: what a network computes with them, and how far that may be off."""

import numpy as np
import pytest

from chainderiv.errors import BadValue
from chainderiv.experiments.passing import SMALL, with_passing_layers
from chainderiv.functions.activation import Activation
from chainderiv.nn.data.data import load_data
from chainderiv.nn.network import Network
from chainderiv.nn.training.training import train

EPSILON = np.finfo(float).eps
COUNTS = [0, 1, 2, 5, 8]


def network(activation, dtype="float64", **settings):
    return Network([6, 9, 7, 4], activation, rng=3, dtype=dtype, **settings)


def images(count=200):
    return np.random.default_rng(4).uniform(-1, 1, size=(count, 6))


def moved(net, count):
    """How far the passing layers move z_L of each image."""
    x = images()
    return np.abs(with_passing_layers(net, count).forward(x).z[-1] - net.forward(x).z[-1])


def room(net, middle):
    """Σ |w_L| |a - φ(0)| of each image and output: what a passing layer may bend a part of."""
    a = net.forward(images()).a[-2]
    return np.abs(a - middle) @ np.abs(net.weights[-1]).T


# φ(0), and by what part of a - φ(0) a passing layer bends it at most: σ(z) = 1/2 + z/4 (1 - z²/12 + …), |z| <= ε/2;
# tanh z = z (1 - z²/3 + …), |z| <= ε
BENDS = {"sigmoid": (0.5, (SMALL / 2) ** 2 / 12), "tanh": (0.0, SMALL**2 / 3)}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("activation", BENDS)
def test_the_outputs_move_no_further_than_the_bend_of_each_layer_allows(activation, count):
    middle, bend = BENDS[activation]
    net = network(activation)
    rounding = 100 * EPSILON / SMALL * (room(net, middle) + np.abs(net.forward(images()).z[-1]))
    assert (moved(net, count) <= 1.001 * count * bend * room(net, middle) + rounding).all()


@pytest.mark.parametrize("activation", BENDS)
def test_the_bound_is_of_the_size_of_what_is_seen_and_a_bend_of_twice_the_step_would_break_it(activation, monkeypatch):
    middle, bend = BENDS[activation]
    net = Network([6, 9, 7, 4], activation, init="large", rng=3)  # its neurons saturate: |a - φ(0)| is near its largest
    assert (moved(net, 8) > 0.1 * 8 * bend * room(net, middle)).any()
    monkeypatch.setattr("chainderiv.experiments.passing.SMALL", 5 * SMALL)
    assert not (moved(net, 8) <= 1.001 * 8 * bend * room(net, middle)).all()


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("activation", ["relu", "identity"])
def test_where_the_neuron_is_straight_the_outputs_move_by_rounding_alone(activation, count):
    net = network(activation)
    assert (moved(net, count) <= 100 * EPSILON * (room(net, 0.0) + np.abs(net.forward(images()).z[-1]))).all()


@pytest.mark.parametrize("count", COUNTS)
def test_a_softplus_whose_bend_is_of_first_order_passes_on_to_a_hundredth(count):
    """log(1 + e^z) = log 2 + z/2 (1 + z/4 - …): each layer bends by z/4, and z = ε (a - log 2)."""
    net = network("softplus")
    farthest = np.abs(net.forward(images()).a[-2] - np.log(2)).max()
    assert (moved(net, count) <= 1.01 * count * SMALL * farthest / 4 * room(net, np.log(2)) + 1e-10).all()


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "softplus"])
@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic", "log_likelihood"])
def test_every_neuron_and_cost_keeps_its_answers(activation, cost):
    net, x = network(activation, cost=cost), images()
    deeper = with_passing_layers(net, 8)
    apart = np.sort(net.forward(x).z[-1], axis=1)[:, -1] - np.sort(net.forward(x).z[-1], axis=1)[:, -2]
    clear = apart > 2 * moved(net, 8).max(axis=1)  # the two largest outputs are further apart than they moved
    assert clear.mean() > 0.8
    np.testing.assert_array_equal(deeper.predict(x)[clear], net.predict(x)[clear])


def test_a_trained_network_keeps_its_accuracy_under_eight_more_layers():
    digits = load_data("digits")
    net = Network([64, 30, 10], rng=0)
    train(net, digits, 10, 10, 1.0, 0.1)
    held = digits.validation.images, digits.validation.labels
    assert net.accuracy(*held) > 0.85
    for count in COUNTS:
        assert with_passing_layers(net, count).accuracy(*held) == net.accuracy(*held)


@pytest.mark.parametrize("count", COUNTS)
def test_the_depth_and_the_sizes_say_what_it_is(count):
    deeper = with_passing_layers(network("tanh"), count)
    assert deeper.sizes == (6, 9, 7, *[7] * count, 4)
    assert deeper.depth == 3 + count
    assert [W.shape for W in deeper.weights] == [(m, n) for n, m in zip(deeper.sizes, deeper.sizes[1:], strict=False)]
    assert [len(b) for b in deeper.biases] == list(deeper.sizes[1:])
    assert len(deeper.mean_bias_gradients(images(), np.zeros(200, int))) == 3 + count


def test_the_new_layers_stand_before_the_last_and_the_old_ones_are_as_they_were():
    net = network("sigmoid")
    deeper = with_passing_layers(net, 2)
    for old, new in zip([*net.weights[:2], *net.biases[:2]], [*deeper.weights[:2], *deeper.biases[:2]], strict=True):
        np.testing.assert_array_equal(old, new)
    for W in deeper.weights[2:4]:
        np.testing.assert_array_equal(W, W[0, 0] * np.eye(7))


def test_the_network_that_is_given_stays_as_it_is():
    net = network("sigmoid", "float32")
    before = [p.copy() for p in (*net.weights, *net.biases)]
    deeper = with_passing_layers(net, 3)
    for p in (*deeper.weights, *deeper.biases):
        p += 1
    assert net.sizes == (6, 9, 7, 4)
    assert net.dtype == np.float32
    assert deeper.dtype == np.float64
    for old, new in zip(before, (*net.weights, *net.biases), strict=True):
        np.testing.assert_array_equal(old, new)


FLAT = Activation.from_formula("flat", "where(z > 1, z - 1, 0)")
REFUSED = {
    "without a hidden layer": (lambda: Network([6, 4]), 1, "no hidden layer"),
    "flat at 0": (lambda: network(FLAT), 1, "slope evenly at 0"),
    "bent at 0": (lambda: network("leaky_relu"), 1, "slope evenly at 0"),
    "bent at 0, smoothly to the left": (lambda: network("selu"), 1, "slope evenly at 0"),
    "residual": (lambda: network("sigmoid", residual=True), 1, "without residual"),
    "less than none": (lambda: network("sigmoid"), -1, "whole number >= 0"),
    "half a layer": (lambda: network("sigmoid"), 0.5, "whole number >= 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_pass_on_is_refused(name):
    make, count, says = REFUSED[name]
    with pytest.raises(BadValue, match=says):
        with_passing_layers(make(), count)


@pytest.mark.parametrize("activation", ["elu", "gelu", "silu", "mish", "arctan", "softsign"])
def test_every_other_neuron_that_slopes_evenly_passes_on(activation):
    net = network(activation)
    assert moved(net, 3).max() < 0.1 * np.abs(net.forward(images()).z[-1]).max()
    assert moved(net, 3).max() > 0
