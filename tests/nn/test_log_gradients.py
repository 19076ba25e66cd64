"""Gradients of any size at full width, against a way back in mpmath that is written out by hand."""

import warnings

import mpmath
import numpy as np
import pytest

import chainderiv as cd
from tests.helpers import assert_same
from tests.kinds import slow

DEEP = [3] + [4] * 450 + [2]
IMAGES, LABELS = np.array([[0.5, 0.25, 0.75], [0.1, 0.9, 0.3]]), np.array([1, 0])


def sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


# φ and φ'
NEURONS = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": (mpmath.tanh, lambda z: mpmath.sech(z) ** 2),
    "relu": (lambda z: max(z, mpmath.mpf(0)), lambda z: mpmath.mpf(z > 0)),
    "identity": (lambda z: z, lambda z: mpmath.mpf(1)),
}


def by_hand(net, images, targets):
    """δ_l of each image, per layer an object array (n, n_l), in mpmath."""
    phi, slope = NEURONS[net.activation.name]
    weights, biases = ([[[mpmath.mpf(float(v)) for v in row] for row in np.atleast_2d(p)] for p in part]
                       for part in (net.weights, net.biases))  # fmt: skip
    found = []
    for image, target in zip(images, targets, strict=True):
        a, z, depth = [[mpmath.mpf(float(v)) for v in image]], [], net.depth
        for W, (b,) in zip(weights, biases, strict=True):
            z.append([mpmath.fdot(row, a[-1]) + shift for row, shift in zip(W, b, strict=True)])
            out = [phi(v) for v in z[-1]]
            a.append([v + u for v, u in zip(out, a[-1], strict=True)] if net.adds(len(z)) else out)
        y = [mpmath.mpf(float(v)) for v in target]
        delta = [at_the_end(net, z[-1], y)]
        change = None
        for layer in range(depth, 1, -1):
            passed, columns = change, list(zip(*weights[layer - 1], strict=True))
            change = [mpmath.fdot(column, delta[-1]) for column in columns]
            if net.adds(layer):
                change = [c + p for c, p in zip(change, passed, strict=True)]
            delta.append([c * slope(v) for c, v in zip(change, z[layer - 2], strict=True)])
        found.append(delta[::-1])
    return [np.array([one[layer] for one in found], object) for layer in range(net.depth)]


def at_the_end(net, z, y):
    if net.output_activation is None:
        powers = [mpmath.exp(v) for v in z]
        return [p / sum(powers) - t for p, t in zip(powers, y, strict=True)]
    phi, slope = NEURONS[net.output_activation.name]
    if net.cost.name == "quadratic":
        return [(phi(v) - t) * slope(v) for v, t in zip(z, y, strict=True)]
    return [phi(v) - t for v, t in zip(z, y, strict=True)]


def log_sign(values):
    size = [float(mpmath.log(abs(v))) if v else -np.inf for v in values.ravel()]
    sign = [float(mpmath.sign(v)) for v in values.ravel()]
    return cd.LogSign(np.reshape(sign, values.shape), np.reshape(size, values.shape))


def judged(net, images=IMAGES, labels=LABELS, digits=60, kappa=1e5):
    """Both kinds of logarithms against mpmath's; gives mpmath's means."""
    targets = np.eye(net.sizes[-1])[labels]
    with mpmath.workdps(digits), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        want = by_hand(net, images, targets)
        means = [log_sign(delta.sum(axis=0) / len(images)) for delta in want]
        for got, right in zip(net.log_deltas(images, labels), want, strict=True):
            assert_same(got, log_sign(right), kappa)
        for got, right, floats in zip(
            net.log_mean_bias_gradients(images, labels), means, net.mean_bias_gradients(images, labels), strict=True
        ):
            assert_same(got, right, kappa)
            np.testing.assert_allclose(floats, right.to_float(), rtol=1e-9, atol=1e-320)
    return means


def biased_to(net, z):
    """The network with biases such that each layer's pre-activations at the first image are z."""
    phi = np.vectorize(lambda v: float(NEURONS[net.activation.name][0](v)))
    a, given = IMAGES[0], np.asarray(z, float)
    for layer, W in enumerate(net.weights):
        net.biases[layer] = given[: len(W)] - W @ a
        a = phi(net.weights[layer] @ a + net.biases[layer])
    return net


def at_zero(net, factor):
    """The network with weights factor(l) W_l in 64ths and all z_l exactly 0: else an exploding orbit is chaotic."""
    a = IMAGES[0]
    for layer, W in enumerate(net.weights):
        net.weights[layer] = np.round(64 * factor(layer) * W) / 64
        net.biases[layer] = -net.weights[layer] @ a
        a = np.full(len(W), 0.5)
    assert not np.any(net.forward(IMAGES[:1]).z[-1])
    return net


@pytest.mark.parametrize(
    ("activation", "settings"),
    [
        ("sigmoid", {}),
        slow(("sigmoid", {"cost": "log_likelihood"})),
        slow(("tanh", {"cost": "quadratic", "init": "he"})),
        slow(("sigmoid", {"residual": True, "cost": "quadratic"})),
        slow(("identity", {"output": "sigmoid", "init": "lecun"})),
    ],
)
def test_logarithms_are_those_of_the_way_back_by_hand_at_any_depth(activation, settings):
    net = cd.Network(DEEP, activation, rng=3, **settings)
    # the residual one's outputs are 1 - 1e-250, the identities' two images would cancel
    means = judged(net, labels=LABELS if activation != "identity" else np.array([1, 1]), digits=600)
    if not settings:
        assert means[0].norm().log10 < -320


def test_the_network_of_601_layers_has_no_zero():
    net = cd.Network([64] + [10] * 600 + [10], rng=0)
    images, labels = np.full((1, 64), 0.5), np.array([3])
    with mpmath.workdps(40):
        want = log_sign(by_hand(net, images, np.eye(10)[labels])[0].sum(axis=0))
    assert_same(net.log_mean_bias_gradients(images, labels)[0], want, 1e5)
    assert want.norm().log10 < -420
    assert not any(np.isneginf(layer.log).any() for layer in net.log_deltas(images, labels))


def test_logarithms_live_on_where_gradients_explode():
    net = at_zero(cd.Network(DEEP, "sigmoid", rng=4), lambda layer: 40)
    means = judged(net, IMAGES[:1], LABELS[:1], kappa=1e7)
    assert means[0].norm().log10 > 310


def test_a_gradient_that_vanishes_on_the_way_and_comes_back_is_not_lost():
    net = at_zero(cd.Network(DEEP, "sigmoid", rng=4), lambda layer: 40 if layer < 120 else 0.4)
    means = judged(net, IMAGES[:1], LABELS[:1], kappa=1e7)
    middle, first = means[120].norm().log10, means[0].norm().log10
    assert middle < -340
    assert -300 < first < -200  # float64 has it, yet its way back is 0 in the middle


def test_a_saturated_neuron_keeps_its_own_logarithm_beside_others_that_do_not_vanish():
    net = biased_to(cd.Network([3, 4, 4, 2], rng=1), [-900.0, 0.2, 1000.0, -0.3])
    judged(net, IMAGES[:1], LABELS[:1], digits=1000)
    # the first neuron of layer 1 hears of the saturated one above it alone
    net.weights[1][1:, 0] = 0.0
    means = judged(biased_to(net, [-900.0, 0.2, 1000.0, -0.3]), IMAGES[:1], LABELS[:1], digits=1000)
    assert means[0].log[0] < -1700


@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic", "log_likelihood"])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_a_saturated_output_keeps_its_logarithm(cost, label):
    net = biased_to(cd.Network([3, 3, 3], cost=cost, rng=1), [0.3, -0.5, 0.1])
    net.weights[1] *= 0
    net.biases[1] = np.array([900.0, -800.0, 5.0])
    judged(net, IMAGES[:1], np.array([label]), digits=1200)


def test_what_is_zero_stays_zero_and_is_not_told():
    net = cd.Network([3, 4, 4, 2], "relu", "cross_entropy", init="he", rng=2)
    net.biases[1][:] = -100.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all((g == 0).all() for g in net.mean_bias_gradients(IMAGES, LABELS)[:2])
        assert all((g == 0).all() for g in net.gradients(IMAGES, LABELS)[0][:2])
    assert all(np.isneginf(layer.log).all() for layer in net.log_deltas(IMAGES, LABELS)[:2])


def test_a_stated_zero_slope_times_what_overflowed_is_zero_and_not_undefined():
    net = cd.Network([1, 1, 1, 1], "relu", "quadratic", "identity")
    net.weights = [np.array([[w]]) for w in (-1.0, 1e200, 1e150)]
    net.biases = [np.array([b]) for b in (0.0, 1.0, 0.0)]
    image, target = np.array([[1.0]]), np.array([[0.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        deltas = net.deltas(image, target)
        weights, biases = net.gradients(image, target)
    assert deltas[0] == weights[0] == biases[0] == 0
    np.testing.assert_allclose(np.ravel(deltas[1:]), [1e300, 1e150], rtol=1e-15)
    np.testing.assert_allclose(np.ravel(biases[1:]), [1e300, 1e150], rtol=1e-15)


def one_identity():
    net = cd.Network([1, 1], "identity", "quadratic")
    net.weights, net.biases = [np.array([[1.0]])], [np.array([0.0])]
    return net


def test_a_mean_whose_sum_overflows_is_the_mean():
    images, targets = np.full((2, 1), 1.5e308), np.zeros((2, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert one_identity().mean_bias_gradients(images, targets)[0] == 1.5e308
    with pytest.warns(RuntimeWarning, match="∂C/∂W leaves float64 in 1 of 1"):
        assert one_identity().gradients(images, targets)[1][0] == 1.5e308


def test_a_mean_of_products_beyond_floats_is_told_with_its_layer_and_what_holds_it():
    net, image, target = one_identity(), np.array([[1e200]]), np.array([[0.0]])
    with pytest.warns(RuntimeWarning) as told:
        weights, biases = net.gradients(image, target)
    (said,) = told
    assert "∂C/∂W leaves float64 in 1 of 1 layers, from 1 to 1" in str(said.message)
    assert "take wide_gradients" in str(said.message)
    assert np.isposinf(weights[0])
    assert biases[0] == 1e200
    np.testing.assert_allclose(cd_log(net.wide_gradients(image, target)[0][0]), 400 * np.log(10), rtol=1e-15)


@pytest.mark.parametrize("method", ["deltas", "mean_bias_gradients", "gradients"])
def test_floats_that_underflow_say_so_and_from_which_layer_to_which(method):
    net = cd.Network(DEEP, rng=3)
    with pytest.warns(
        RuntimeWarning, match=r"leaves float64 in \d+ of 451 layers, from 1 to \d+.*take (log_|wide_gradients)"
    ):
        found = getattr(net, method)(IMAGES, LABELS)
    assert {g.dtype.name for g in (found if method != "gradients" else [*found[0], *found[1]])} == {"float64"}


def test_a_float32_network_has_the_logarithms_of_its_own_parameters_and_tells_what_float32_loses():
    net = cd.Network([3] + [4] * 60 + [2], rng=3, dtype="float32")
    with pytest.warns(RuntimeWarning, match="leaves float32 in"):
        floats = net.mean_bias_gradients(IMAGES, LABELS)
    assert {g.dtype.name for g in floats} == {"float32"}
    with mpmath.workdps(60):
        want = by_hand(net, IMAGES, np.eye(2)[LABELS])
    for got, right in zip(net.log_deltas(IMAGES, LABELS), want, strict=True):
        assert_same(got, log_sign(right), 1e5)


def test_weights_have_the_means_of_their_outer_products():
    net = cd.Network(DEEP, "tanh", rng=3)
    net.weights = [W / 4 for W in net.weights]
    weights, _ = net.wide_gradients(IMAGES, LABELS)
    a = net.forward(IMAGES).a
    with mpmath.workdps(60):
        deltas = by_hand(net, IMAGES, np.eye(2)[LABELS])
        for layer in (0, 1, 200, 450):
            exact = np.vectorize(lambda v: mpmath.mpf(float(v)), otypes=[object])(a[layer])
            want = log_sign(deltas[layer].T.dot(exact) / 2)
            assert_same(cd.LogSign(np.sign(weights[layer].m), cd_log(weights[layer])), want, 1e5)
    assert cd_log(weights[0]).max() < -750


def cd_log(wide):
    return np.log(np.abs(wide.m)) + wide.e * np.log(2.0)
