"""Networks whose layers add their input, a_l = a_{l-1} + φ(z_l): the forward pass by hand, the backward pass judged."""

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue
from chainderiv.nn.network import Network
from tests.kinds import FOUR, KINDS, costly
from tests.nn.compare import disagreement

TOLERANCE = 1e-12  # relative to the sum of the sizes of a gradient's terms
SIZES = [4, 5, 5, 5, 3, 3, 3]
ADDING = [2, 3, 5]  # of 6 layers: the first and the last never add, and the fourth is narrower than the third
COSTS = [("quadratic", "tanh"), ("quadratic", None), ("cross_entropy", "sigmoid"), ("log_likelihood", "softmax")]


def problem(activation, cost="cross_entropy", output=None, sizes=SIZES, seed=0):
    """A residual network off its kinks, with images and targets that its cost admits."""
    rng = np.random.default_rng(seed)
    net = Network(sizes, activation, cost, output, rng=rng, residual=True)
    x, targets = rng.standard_normal((6, sizes[0])), rng.uniform(size=(6, sizes[-1]))
    kinks = [float(k) for k in (*net.activation.kinks, *(net.output_activation or net.activation).kinks)]
    assert min(np.abs(layer - k).min() for layer in net.forward(x).z for k in [*kinks, np.inf]) > 1e-6
    return net, x, targets


def test_layers_add_their_input_from_the_second_on_where_the_widths_agree_but_not_the_last():
    net = Network(SIZES, residual=True)
    assert [layer for layer in range(1, net.depth + 1) if net.adds(layer)] == ADDING
    assert not any(Network(SIZES).adds(layer) for layer in range(1, 7))
    assert not any(Network([4, 4], residual=True).adds(layer) for layer in (1,))
    assert not any(Network([3, 4, 5, 6], residual=True).adds(layer) for layer in (1, 2, 3))
    # images as wide as the first layer, and outputs as wide as the last hidden one, are not added
    assert [layer for layer in (1, 2, 3) if Network([4, 4, 4, 4], residual=True).adds(layer)] == [2]


def sigma(z):
    return 1 / (1 + np.exp(-z))


def test_the_forward_pass_is_what_a_hand_would_write():
    net, x, _ = problem("tanh")
    W, b = net.weights, net.biases
    a1 = np.tanh(x @ W[0].T + b[0])
    a2 = a1 + np.tanh(a1 @ W[1].T + b[1])
    a3 = a2 + np.tanh(a2 @ W[2].T + b[2])
    a4 = np.tanh(a3 @ W[3].T + b[3])
    a5 = a4 + np.tanh(a4 @ W[4].T + b[4])
    a6 = sigma(a5 @ W[5].T + b[5])
    for got, want in zip(net.forward(x).a, [x, a1, a2, a3, a4, a5, a6], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-15)
    assert np.abs(net.output(x) - Network(SIZES, "tanh", rng=np.random.default_rng(0)).output(x)).max() > 1e-3


def test_where_no_widths_agree_nothing_differs_from_a_plain_network():
    x = np.random.default_rng(1).standard_normal((5, 3))
    residual, plain = (Network([3, 4, 5, 6], rng=2, residual=r) for r in (True, False))
    np.testing.assert_array_equal(residual.output(x), plain.output(x))
    assert "residual=True" in repr(residual)
    assert "residual" not in repr(plain)


def test_a_residual_network_survives_being_copied():
    net, x, _ = problem("tanh")
    np.testing.assert_array_equal(net.copy().output(x), net.output(x))
    assert net.copy("float32").residual


@pytest.mark.parametrize(("cost", "output"), COSTS)
@pytest.mark.parametrize("activation", costly(KINDS))
def test_the_backward_pass_agrees_with_the_complex_step(activation, cost, output):
    assert disagreement(*problem(activation, cost, output)) < TOLERANCE


def test_through_24_layers_that_add_the_first_gradient_does_not_vanish_and_is_right():
    deep = [4] + 24 * [3] + [3]
    net, x, targets = problem("sigmoid", sizes=deep)
    assert np.abs(net.mean_bias_gradients(x, targets)[0]).max() > 1e-8
    plain = Network(deep, rng=np.random.default_rng(0))
    assert np.abs(plain.mean_bias_gradients(x, targets)[0]).max() < 1e-12
    assert disagreement(net, x, targets) < TOLERANCE


def backward(net, x, targets, skips):
    """The gradients as the backward pass gives them, where the skip terms of the layers in `skips` alone are added."""
    run, slope = net.forward(x), array_functions(net.activation).derivative
    deltas, change = [net.last.delta(run.z[-1], targets)], 0
    for layer in range(net.depth, 1, -1):
        change = deltas[-1] @ net.weights[layer - 1] + (change if layer in skips else 0)
        deltas.append(change * slope(run.z[layer - 2]))
    deltas.reverse()
    weights = [d.T @ a / len(x) for d, a in zip(deltas, run.a[:-1], strict=True)]
    return weights, [d.mean(axis=0) for d in deltas]


@pytest.mark.parametrize("dropped", ADDING)
@pytest.mark.parametrize("activation", costly(FOUR, quick=["sigmoid"]))
def test_a_skip_term_that_is_dropped_on_the_way_back_is_caught(activation, dropped):
    net, x, targets = problem(activation)
    assert disagreement(net, x, targets, backward(net, x, targets, ADDING)) < TOLERANCE
    wrong = backward(net, x, targets, [layer for layer in ADDING if layer != dropped])
    assert disagreement(net, x, targets, wrong) > 1e-4


@pytest.mark.parametrize(
    ("activation", "cost"), [("sigmoid", "quadratic"), ("leaky_relu", "cross_entropy"), ("tanh", "log_likelihood")]
)
def test_verify_accepts_it_by_every_judge(activation, cost):
    net, x, targets = problem(activation, cost, sizes=[3, 3, 3, 2, 2, 2])
    assert [layer for layer in range(1, 6) if net.adds(layer)] == [2, 4]
    found = cd.verify(net, images=x[:1], labels=targets[:1])
    assert found.passed, found.worst
    for method in ("complex step", "mpmath differences"):
        assert sum(row.judged for row in found.rows if row.method == method) > 25


@pytest.mark.parametrize("methods", [("complex step",), ("mpmath differences",)])
def test_verify_refuses_a_backward_pass_that_forgets_what_is_added(monkeypatch, methods):
    net, x, targets = problem("tanh", sizes=[3, 3, 3, 2])
    assert cd.verify(net, images=x[:1], labels=targets[:1], methods=methods).passed
    monkeypatch.setattr(Network, "gradients", lambda net, x, targets: backward(net, x, targets, []))
    assert not cd.verify(net, images=x[:1], labels=targets[:1], methods=methods).passed


def test_labels_out_of_range_are_refused_as_of_a_plain_network():
    with pytest.raises(BadValue, match="give 0 to 2"):
        problem("tanh")[0].gradients(np.zeros((1, 4)), np.array([3]))
