import numpy as np
import pytest

from chainderiv.functions.activation import Activation
from chainderiv.nn.network import Network
from chainderiv.symbols import z
from tests.kinds import KINDS
from tests.nn.compare import disagreement

TOLERANCE = 1e-12  # relative to the sum of the sizes of a gradient's terms

OUTPUTS = {
    "quadratic": [None, "sigmoid", "tanh"],
    "cross_entropy": ["sigmoid"],
    "log_likelihood": ["softmax"],
}
CASES = [(name, cost, output) for name in KINDS for cost, outputs in OUTPUTS.items() for output in outputs]


def problem(activation, cost, output, sizes=(4, 5, 3, 3), images=6, seed=0):
    """A network off its kinks, with images and targets that its cost admits."""
    rng = np.random.default_rng(seed)
    net = Network(list(sizes), activation=activation, cost=cost, output=output, rng=rng)
    x, targets = rng.standard_normal((images, sizes[0])), rng.uniform(size=(images, sizes[-1]))
    kinks = [float(k) for k in (*net.activation.kinks, *(net.output_activation or net.activation).kinks)]
    distance = min(np.abs(layer - k).min() for layer in net.forward(x).z for k in [*kinks, np.inf])
    assert distance > 1e-6
    return net, x, targets


@pytest.mark.parametrize(("activation", "cost", "output"), CASES)
def test_backward_pass_agrees_with_the_complex_step_through_the_forward_pass(activation, cost, output):
    assert disagreement(*problem(activation, cost, output)) < TOLERANCE


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_every_layer_carries_a_gradient_that_the_comparison_judges(activation):
    net, x, targets = problem(activation, "cross_entropy", None)
    sizes = [np.abs(g).max() for part in net.gradients(x, targets) for g in part]
    assert len(sizes) == 2 * len(net.weights) > 2
    assert min(sizes) > 0


PLANTED = {
    "scaled by 1.001": lambda g: 1.001 * g,
    "sign flipped": lambda g: -g,
    "zero": lambda g: 0 * g,
    "not a number": lambda g: np.nan * g,
}


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("error", PLANTED)
def test_an_error_planted_in_one_layer_is_caught(error, part, layer):
    net, x, targets = problem("tanh", "cross_entropy", "sigmoid")
    gradients = net.gradients(x, targets)
    gradients[part][layer] = PLANTED[error](gradients[part][layer])
    assert disagreement(net, x, targets, gradients) > 1e-5


def test_a_derivative_that_is_wrong_by_a_thousandth_in_one_layer_is_caught(monkeypatch):
    net, x, targets = problem("sigmoid", "quadratic", "tanh")
    right = Network._backward
    monkeypatch.setattr(Network, "_backward", lambda *a: [1.001 * right(*a)[0], *right(*a)[1:]])
    assert disagreement(net, x, targets) > 1e-5


def test_planted_errors_are_caught_where_the_gradient_vanishes():
    net, x, targets = problem("sigmoid", "cross_entropy", None, sizes=[4] + 24 * [3] + [3])
    weights, biases = net.gradients(x, targets)
    assert 0 < np.abs(biases[0]).max() < 1e-14
    assert disagreement(net, x, targets) < TOLERANCE
    assert disagreement(net, x, targets, (weights, [0 * biases[0], *biases[1:]])) > 1000 * TOLERANCE


def test_an_activation_of_ones_own_serves_as_hidden_and_as_output():
    import sympy

    cauchy = Activation("cauchy", sympy.Rational(1, 2) + sympy.atan(z) / sympy.pi)
    assert disagreement(*problem(cauchy, "cross_entropy", cauchy)) < 1e-11
    halved = Activation("halved", 1 / (1 + sympy.exp(-z / 2)))
    assert disagreement(*problem("tanh", "cross_entropy", halved)) < TOLERANCE


@pytest.mark.parametrize(("activation", "cost"), [("sigmoid", "cross_entropy"), ("tanh", "log_likelihood")])
def test_gradients_are_the_means_of_the_deltas_over_the_images(activation, cost):
    net, x, targets = problem(activation, cost, None)
    deltas, run = net.deltas(x, targets), net.forward(x)
    weights, biases = net.gradients(x, targets)
    for layer, delta in enumerate(deltas):
        outer = np.mean([np.outer(d, a) for d, a in zip(delta, run.a[layer], strict=True)], axis=0)
        np.testing.assert_allclose(weights[layer], outer, rtol=1e-13, atol=1e-15 * np.abs(outer).max())
        np.testing.assert_array_equal(biases[layer], net.mean_bias_gradients(x, targets)[layer])
