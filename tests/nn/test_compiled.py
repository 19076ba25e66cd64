"""The compiled descent and its measurements against NumPy's, which are their oracle."""

import signal
import sys
from dataclasses import replace

import numpy as np
import pytest

from chainderiv.functions.activation import Activation
from chainderiv.nn.compiled.engine import CompiledDescent, CompiledNetwork, CompiledPasses
from chainderiv.nn.compiled.layout import put, shape_of, taken, work_for
from chainderiv.nn.data.data import Data, Split
from chainderiv.nn.network import Network
from chainderiv.nn.training.descent import Descent, NumPyDescent
from chainderiv.nn.training.engines import measurer
from chainderiv.nn.training.training import train
from tests.kinds import KINDS, costly, slow

OWN = Activation.from_formula("swish", "z/(1+exp(-1.5*z))")
ENDS = {
    "cross_entropy": {"cost": "cross_entropy"},
    "quadratic": {"cost": "quadratic"},
    "sigmoid quadratic": {"cost": "quadratic", "output": "sigmoid"},
    "tanh quadratic": {"cost": "quadratic", "output": "tanh"},
    "softmax": {"cost": "log_likelihood"},
}


def some_data(pixels, classes, count=60, seed=5):
    """Images of which half the pixels are 0, one image empty and one full."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(size=(count, pixels)) * (rng.uniform(size=(count, pixels)) < 0.5)
    images[0], images[1] = 0, 1
    labels = rng.integers(classes, size=count)
    part = Split(images.astype(np.float32), labels)
    held = Split(images[::-1][:25].astype(np.float32).copy(), labels[::-1][:25].copy())
    return Data("some", part, held, held, classes)


def both(net, data, descent, steps, epochs=2):
    """The network after some descent, by the oracle and compiled."""
    images = data.train.images.astype(float)
    targets = np.eye(data.classes)[data.train.labels]
    ways = (
        NumPyDescent(net, descent, images, targets),
        CompiledDescent(net, descent, data.train.inked, data.train.labels),
    )
    for way in ways:
        rng = np.random.default_rng(3)
        for epoch in range(epochs):
            order = rng.permutation(len(data.train))
            way.advance(order, 0, steps // 2, 1.0 / (epoch + 1))
            way.advance(order, steps // 2, 10**6, 1.0 / (epoch + 1))
    return [way.network() for way in ways]


def assert_near(got, want, rtol=1e-10):
    """To rtol of each array's largest entry."""
    for one, two in zip(got, want, strict=True):
        assert one.shape == two.shape
        assert np.abs(one - two).max() <= rtol * np.abs(two).max()


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("hidden", [*costly(KINDS), "own"])
def test_the_compiled_descent_is_numpys(hidden, end):
    net = Network([9, 7, 33, 4, 3], OWN if hidden == "own" else hidden, init="glorot", rng=2, **ENDS[end])
    data = some_data(9, 3)
    want, got = both(net, data, Descent(7, 0.05, 2.0), 9)
    assert_near([*got.weights, *got.biases], [*want.weights, *want.biases])
    assert any(np.abs(W - V).max() > 1e-3 for W, V in zip(want.weights, net.weights, strict=True))


SHAPES = [[5, 2], [1, 1, 1], [40, 32, 64, 2], [6, 65, 1, 31, 4], [3, 5, 5, 5, 5, 5, 5, 5, 3]]
DESCENTS = {
    "one image": Descent(1, 0.1, 0.3),
    "whole": Descent(60, 0.1, 0.3),
    "no decay": Descent(7, 0.1, 0.0),
    "decay that halves at once": Descent(10, 0.5, 80.0),
    "decay that turns weights round": Descent(10, 0.5, 150.0),
    "momentum": Descent(7, 0.05, 0.3, momentum=0.9),
    "clip": Descent(7, 0.5, 0.3, clip=0.01),
    "clip and momentum": Descent(7, 0.5, 0.3, momentum=0.5, clip=0.05),
}


@pytest.mark.parametrize("descent", DESCENTS)
@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_every_setting_and_shape_descends_as_numpy_does(sizes, descent):
    net, d = Network(sizes, "tanh", rng=4), DESCENTS[descent]
    want, got = both(net, some_data(sizes[0], sizes[-1]), d, 60 // d.batch_size)
    assert_near([*got.weights, *got.biases], [*want.weights, *want.biases])


@pytest.mark.parametrize("descent", ["one image", "clip and momentum"])
def test_layers_that_add_their_input_descend_as_numpys(descent):
    net, d = Network([9, 6, 6, 6, 40, 40, 40, 3, 3], "tanh", rng=4, residual=True), DESCENTS[descent]
    assert [layer for layer in range(1, 9) if net.adds(layer)] == [2, 3, 5, 6]
    want, got = both(net, some_data(9, 3), d, 60 // d.batch_size)
    assert_near([*got.weights, *got.biases], [*want.weights, *want.biases])


def test_more_images_than_a_pass_takes_are_one_mini_batch_all_the_same():
    data, net = some_data(6, 3, count=2500), Network([6, 5, 3], rng=1)
    want, got = both(net, data, Descent(2300, 0.5, 1.0), 1)
    assert_near([*got.weights, *got.biases], [*want.weights, *want.biases])


@pytest.mark.parametrize("kind", [">i4", ">u2", "u1", "u8"])
def test_labels_of_any_kind_and_byte_order_are_trained_on(kind):
    data = some_data(6, 3)
    foreign = replace(
        data,
        train=Split(data.train.images, data.train.labels.astype(kind)),
        validation=Split(data.validation.images, data.validation.labels.astype(kind)),
    )
    one, other = Network([6, 5, 3], rng=1), Network([6, 5, 3], rng=1)
    train(one, data, 1, engine="numba")
    train(other, foreign, 1, engine="numba")
    np.testing.assert_array_equal(one.weights[0], other.weights[0])


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_gradients_whose_squares_are_beyond_float64_are_clipped_and_not_lost(engine):
    net = Network([6, 4, 4, 3], "relu", "quadratic", "identity", rng=0)
    net.weights[1] *= 1e80
    before = [b.copy() for b in net.biases]
    train(net, some_data(6, 3), 1, batch_size=60, learning_rate=0.5, weight_decay=0.0, clip=2.0, dtype="float64",
          engine=engine)  # fmt: skip
    # the step is η · clip long, and the first layer's weights take most of it, but its biases some
    assert 1e-3 < np.linalg.norm(net.biases[0] - before[0]) <= 1.0


def gradients(net, data):
    """The mean gradients of every layer over all training images, by the network and compiled."""
    passes = CompiledPasses(net, data.train.inked, data.train.labels, data.validation.inked)
    passed = passes.measured(net)
    of_weights, of_biases = net.gradients(data.train.images, data.train.labels)
    return [*passed.weight_gradients, *passed.bias_gradients], [*of_weights, *of_biases]


@pytest.mark.parametrize("seed", [*range(8), *map(slow, range(8, 40))])
def test_compiled_gradients_of_random_networks_are_the_backward_passes(seed):
    rng = np.random.default_rng(seed)
    sizes = [*rng.integers(1, 70, rng.integers(1, 7)), rng.integers(2, 12)]
    net = Network(
        sizes, str(rng.choice(list(KINDS))), rng=rng, init=str(rng.choice(["nielsen", "large", "he", "glorot"])),
        residual=bool(rng.integers(2)), **ENDS[str(rng.choice(list(ENDS)))],
    )  # fmt: skip
    got, want = gradients(net, some_data(sizes[0], sizes[-1], 50, seed))
    assert_near(got, want)
    assert any(layer.any() for layer in got)
    for layer in range(len(got)):
        off = [g * (1 + 1e-8 * (k == layer)) for k, g in enumerate(got)]
        if got[layer].any():
            with pytest.raises(AssertionError):
                assert_near(off, want)


@pytest.mark.parametrize("end", ENDS)
def test_what_is_measured_is_what_numpy_measures(end):
    data = some_data(8, 4, count=1100)
    for hidden in ("sigmoid", "relu", "gelu"):
        net = Network([8, 30, 6, 4], hidden, rng=7, **ENDS[end])
        want, got = (measurer(engine, net, data).row(net, 3, np.zeros(3)) for engine in ("numpy", "numba"))
        assert_near(got.bias_gradients, want.bias_gradients)
        for name, column in want.layers.items():
            np.testing.assert_allclose(got.layers[name], column, rtol=1e-10, atol=0)
        for name in ("training_cost", "cost", "accuracy"):
            np.testing.assert_allclose(getattr(got, name), getattr(want, name), rtol=1e-12, atol=0)


def test_a_wrong_slope_of_a_thousandth_would_be_caught():
    net, data = Network([9, 7, 5, 3], "tanh", rng=2), some_data(9, 3)
    want, got = both(net, data, Descent(7, 0.05 * 1.001, 2.0), 9)
    right, _ = both(net, data, Descent(7, 0.05, 2.0), 9)
    assert_near(got.weights, want.weights)
    with pytest.raises(AssertionError):
        assert_near(got.weights, right.weights)


@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_parameters_come_back_from_flat_arrays_and_nothing_overlaps(sizes):
    net = Network(sizes, rng=8)
    shape = shape_of(net)
    work = work_for(shape, 3, np.dtype(float))
    put(work.parameters, shape, net.weights, net.biases)
    weights, biases = taken(work.parameters, shape)
    for one, two in zip([*weights, *biases], [*net.weights, *net.biases], strict=True):
        np.testing.assert_array_equal(one, two)
    assert np.count_nonzero(work.parameters) == sum(p.size for p in [*net.weights, *net.biases])


@pytest.mark.parametrize("descent", ["one image", "clip and momentum"])
def test_padding_stays_zero(descent):
    net, data = Network([9, 7, 5, 3], "softplus", rng=2), some_data(9, 3)  # φ(0) is not 0
    way = CompiledDescent(net, DESCENTS[descent], data.train.inked, data.train.labels)
    way.advance(np.arange(60), 0, 60, 1.0)
    at = way._at
    assert isinstance(at, CompiledNetwork)
    held = at.work.parameters.copy()
    put(held, at.shape, [0 * W for W in net.weights], [0 * b for b in net.biases])
    assert not held.any()


def test_float32_learns_as_float64_does(tiny):
    records = [
        train(Network([6, 8, 3], rng=1), tiny, 40, 5, 0.5, 0.1, engine=engine, dtype=dtype)
        for engine, dtype in (("numba", "float32"), ("numpy", "float64"))
    ]
    np.testing.assert_allclose(records[0].training_cost, records[1].training_cost, rtol=1e-4)
    assert records[0].training_cost[-1] < 0.5 * records[0].training_cost[0]


@pytest.mark.parametrize("kept", [0.5, 0.9, -0.75])
def test_a_decay_over_many_float32_steps_is_the_rule_s_and_leaves_no_number_that_is_not_finite(kept):
    """w ← κ w - (η/m) Σ ∂C/∂w: κ to the power of the steps is far below what float32 holds, and w is not."""
    data, net = some_data(6, 3), Network([6, 5, 3], "tanh", rng=1)
    eta, n, epochs = 0.25, 60, 400  # of 6 steps: 0.9^2400 is 1e-110
    decay = (1 - kept) * n / eta
    compiled = CompiledDescent(net.copy("float32"), Descent(10, eta, decay), data.train.inked, data.train.labels)
    weights, biases = [W.copy() for W in net.weights], [b.copy() for b in net.biases]
    at, rng = net.copy(), np.random.default_rng(3)
    for _ in range(epochs):
        order = rng.permutation(n)
        compiled.advance(order, 0, 6, 1.0)
        for batch in order.reshape(6, 10):
            at.weights, at.biases = weights, biases
            of_weights, of_biases = at.gradients(data.train.images[batch], data.train.labels[batch])
            weights = [kept * W - eta * g for W, g in zip(weights, of_weights, strict=True)]
            biases = [b - eta * g for b, g in zip(biases, of_biases, strict=True)]
    got = compiled.network()
    assert_near([*got.weights, *got.biases], [*weights, *biases], rtol=1e-4)
    assert all(np.abs(W).max() > 1e-6 for W in weights)


def test_softmax_of_extreme_outputs_keeps_its_digits():
    net = Network([2, 3], cost="log_likelihood", rng=0)
    net.weights[0][:] = [[300, 0], [0, 300], [-400, 5]]
    data = some_data(2, 3)
    want, got = both(net, data, Descent(4, 0.1, 0.0), 15, epochs=1)
    assert_near(got.weights, want.weights)


def test_a_formula_of_ones_own_is_compiled():
    record = train(Network([9, 5, 3], OWN), some_data(9, 3), 2, engine="numba")
    assert record.settings["engine"] == "numba"
    assert record.settings["activation"] == "swish"


@pytest.mark.parametrize("which", [1, 2, 3, 4])
def test_an_interrupt_while_numba_learns_a_neurons_address_is_one(tiny, which):
    """It was lost there, and a TypeError raised that spoke of Numba's inner functions."""
    net, met = Network([tiny.train.images.shape[1], 3, 3], rng=1), []
    train(net.copy(), tiny, epochs=1, engine="numba", rng=1)

    def at_the_nth_address(frame, event, _):
        if event == "call" and frame.f_code.co_name == "_numba_unpickle":
            met.append(frame)
            if len(met) == which:
                # to this thread: what is sent to the process another may take, and later
                signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.setprofile(at_the_nth_address)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(net.copy(), tiny, epochs=2, engine="numba", rng=1)
    finally:
        sys.setprofile(None)
        signal.signal(signal.SIGINT, before)
    assert len(met) >= which
