"""Wide networks, drawn and measured by the full-width oracle, do what the theory says without drawing one."""

from itertools import pairwise

import numpy as np
import pytest

from chainderiv.nn.network import Network
from chainderiv.theory.mean_field import mean_field
from tests.kinds import slow

WIDTH, HIDDEN, SEEDS = 400, 8, 16


def drawn(name, w, b, q, seed):
    """A network with these standard deviations and an input whose pre-activations have the variance q."""
    rng = np.random.default_rng(seed)
    net = Network([WIDTH] * (HIDDEN + 1) + [10], name, "quadratic", "identity")
    net.weights = [rng.normal(0, w / np.sqrt(W.shape[1]), W.shape) for W in net.weights]
    net.biases = [rng.normal(0, b, one.shape) for one in net.biases]
    x = rng.standard_normal(WIDTH)
    return net, x * np.sqrt((q - b * b) / w**2 / np.mean(x * x)), rng.standard_normal(10)


def measured(name, w, b, q):
    """The growth of |δ|² from layer to layer on the way back, one mean a network: the mean of them, and its error."""
    means = []
    for seed in range(SEEDS):
        net, x, target = drawn(name, w, b, q, seed)
        squares = [float((delta**2).sum()) for delta in net.deltas(x[None], target[None])[:HIDDEN]]
        means.append(np.mean([first / second for first, second in pairwise(squares)]))
    return np.mean(means), np.std(means, ddof=1) / np.sqrt(SEEDS)


@pytest.mark.parametrize(
    ("name", "w", "b"),
    [
        ("tanh", 1.5, 0.2),
        slow(("tanh", 1.0, 0.3)),
        slow(("sigmoid", 1.0, 1.0)),
        ("gelu", 1.2, 0.5),
        slow(("hardtanh", 2.0, 0.1)),
        ("relu", 1.3, 0.3),
    ],
)
def test_a_wide_networks_gradient_grows_by_chi_1_in_each_layer(name, w, b):
    m = mean_field(name, w, b)
    growth, error = measured(name, w, b, m.q_star)
    assert abs(growth - m.chi_1) < 4 * error, (growth, m.chi_1, error)
    # the measurement is fine enough to refuse a theory that is off by a tenth
    assert abs(growth - 1.1 * m.chi_1) > 4 * error


def test_signals_of_a_wide_network_keep_the_length_q_star_and_come_to_it_from_another():
    m = mean_field("tanh", 1.5, 0.2)
    for start in (m.q_star, 0.3 * m.q_star):
        last = []
        for seed in range(SEEDS):
            net, x, _ = drawn("tanh", 1.5, 0.2, start, seed)
            last.append(float(np.mean(net.forward(x[None]).z[HIDDEN - 1] ** 2)))
        assert abs(np.mean(last) - m.q_star) < 4 * np.std(last, ddof=1) / np.sqrt(SEEDS)
