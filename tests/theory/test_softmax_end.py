"""The end with softmax against draws of its own, and against a network of two outputs, which is one sigmoid."""

import numpy as np
import pytest

from chainderiv.errors import BadValue
from chainderiv.theory.finite_width.softmax_end import SoftmaxEnd
from tests.kinds import slow


def drawn(shares, p, tau, made, count=20_000, inputs=300, seed=0):
    """log |g|², t and E |δ|² of random outputs, by NumPy's own numbers: v = u + b, with many inputs and classes."""
    rng, m = np.random.default_rng(seed), len(shares)
    u = np.sqrt(made) * rng.standard_normal((count, m))
    v, zeta = u + np.sqrt(p - made) * rng.standard_normal((count, m)), rng.standard_normal((inputs, m))
    G, square = -np.tile(shares, (count, 1)), 0.0
    for one in np.concatenate([zeta, -zeta]):
        e = np.exp(v + np.sqrt(tau) * one)
        a = e / e.sum(axis=1, keepdims=True)
        G += a / (2 * inputs)
        square += (a**2 + shares * (1 - 2 * a)).sum(axis=1).mean() / (2 * inputs)
    squares = (G**2).sum(axis=1)
    return np.log(squares), (u * G).sum(axis=1) ** 2 / (squares * made), square / squares.mean()


@pytest.mark.parametrize(("p", "tau", "made"), [slow((1.3, 0.4, 0.8)), (0.3, 1e-3, 0.3), (4.0, 0.0, 2.0)])
def test_the_law_of_the_mean_gradient_is_that_of_drawn_outputs(p, tau, made):
    shares = np.array([0.4, 0.3, 0.2, 0.1, 0.0])
    end = SoftmaxEnd(shares)
    logs, t, single = drawn(shares, p, tau, made)
    found, along = end.cumulants(p, tau), end.along(p, tau, made)
    count = np.sqrt(len(logs))
    off = logs - logs.mean()
    assert abs(found.mean - logs.mean()) < 4 * logs.std() / count + 0.005
    assert abs(found.variance / logs.var() - 1) < 0.05
    assert abs(found.third - (off**3).mean()) < 0.1 * logs.std() ** 3
    assert abs(along.mean - t.mean()) < 4 * t.std() / count + 0.01
    assert abs(along.variance / t.var() - 1) < 0.1
    assert abs(along.with_log - (t * off).mean()) < 0.05 * t.std() * logs.std()
    assert abs(end.single(p, tau) / single - 1) < 0.02
    # other classes are another law
    assert abs(SoftmaxEnd(np.full(5, 0.2)).cumulants(p, tau).mean - logs.mean()) > 0.05


def test_of_two_outputs_softmax_is_the_sigmoid_of_their_difference():
    s, p = 0.3, 1.7
    x = np.linspace(-9, 9, 400_001)
    G = 1 / (1 + np.exp(-np.sqrt(2 * p) * x)) - s
    logs, weights = np.log(2 * G**2), np.exp(-x * x / 2) / np.exp(-x * x / 2).sum()
    found = SoftmaxEnd(np.array([s, 1 - s])).cumulants(p, 0.0)
    assert abs(found.mean - weights @ logs) < 0.005  # the logarithm has a pole


def test_outputs_that_are_certain_are_refused_in_one_line():
    with pytest.raises(BadValue, match="give smaller weights"):
        SoftmaxEnd(np.array([1.0, 0.0])).cumulants(1e12, 0.0)
