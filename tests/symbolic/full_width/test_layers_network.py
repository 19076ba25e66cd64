"""BP1 to BP4 written out against nn.Network, whose backward pass was written by hand in NumPy."""

import mpmath
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.symbolic.full_width.layers import derive_layers
from tests.symbolic.full_width.test_layers_instance import compiled

TOLERANCE = 1e-12  # relative to the largest gradient of the layer

NETWORKS = {
    "sigmoid, cross-entropy": ((2, 3, 2), "sigmoid", "cross_entropy", None),
    "sigmoid, log-likelihood": ((2, 3, 3), "sigmoid", "log_likelihood", None),
    "tanh, cross-entropy": ((3, 2, 3, 2), "tanh", "cross_entropy", None),
    "tanh, log-likelihood": ((1, 2, 1, 2, 2), "tanh", "log_likelihood", None),
    "tanh, quadratic": ((1, 2, 1, 2, 2), "tanh", "quadratic", None),
    "relu, quadratic": ((3, 3, 2), "relu", "quadratic", "identity"),
    "softplus, cross-entropy": ((1, 2, 2, 1, 2), "softplus", "cross_entropy", None),
    "softplus, sigmoid output": ((2, 3, 2), "softplus", "quadratic", "sigmoid"),
    "depth 1": ((3, 2), "tanh", "cross_entropy", None),
}


class Exact:
    """A float64 as the rational number that it is."""

    def __init__(self, value):
        self.p, self.q = float(value).as_integer_ratio()


def drawn(name):
    """A network, an image and its targets."""
    sizes, activation, cost, output = NETWORKS[name]
    rng = np.random.default_rng(5)
    net = cd.Network(list(sizes), activation=activation, cost=cost, output=output, rng=rng)
    targets = rng.uniform(0.1, 0.9, size=(1, sizes[-1]))
    return net, rng.standard_normal((1, sizes[0])), targets


def formulas(name, net, image, targets, change=lambda e: e):
    """The gradients as arrays of the network's shapes, each number from the explicit expression at 50 digits."""
    import sympy

    sizes, activation, cost, output = NETWORKS[name]
    derivation = derive_layers(list(sizes), activation, cost, output)
    at = {sympy.Symbol(f"x_{i}", real=True): Exact(v) for i, v in enumerate(image[0], 1)}
    at |= {sympy.Symbol(f"y_{i}", real=True): Exact(v) for i, v in enumerate(targets[0], 1)}
    for p in derivation.parameters:
        array = (net.weights if p.kind == "w" else net.biases)[p.layer - 1]
        at[p.symbol] = Exact(array[tuple(i - 1 for i in p.indices)])
    numbers = compiled([change(derivation.gradient(p)) for p in derivation.parameters], at)(at, 50)
    arrays = [np.zeros_like(a) for a in net.weights], [np.zeros_like(a) for a in net.biases]
    for p, value in zip(derivation.parameters, numbers, strict=True):
        arrays[p.kind == "b"][p.layer - 1][tuple(i - 1 for i in p.indices)] = float(mpmath.mpf(value))
    return arrays


def worst(got, want):
    """The largest difference over the layers, each relative to the layer's largest gradient."""
    found = 0.0
    for ours, theirs in zip([*got[0], *got[1]], [*want[0], *want[1]], strict=True):
        assert np.abs(theirs).max() > 0
        # NaN counts as wrong
        found = max(found, float(np.nan_to_num(np.abs(ours - theirs) / np.abs(theirs).max(), nan=np.inf).max()))
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_written_by_hand_has_the_gradients_of_the_equations(name):
    net, image, targets = drawn(name)
    assert worst(net.gradients(image, targets), formulas(name, net, image, targets)) < TOLERANCE


def test_a_thousandth_in_the_equations_is_caught_by_the_network():
    net, image, targets = drawn("tanh, cross-entropy")
    wrong = formulas("tanh, cross-entropy", net, image, targets, change=lambda e: 1.001 * e)
    assert worst(net.gradients(image, targets), wrong) > 1e-4


def test_a_transposed_weight_in_the_network_is_caught_by_the_equations(monkeypatch):
    name = "relu, quadratic"
    net, image, targets = drawn(name)
    want = formulas(name, net, image, targets)
    right = net.gradients(image, targets)
    broken = [right[0][0].T, *right[0][1:]], right[1]
    assert worst(broken, want) > 1e-4
