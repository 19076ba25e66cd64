"""A network of width 1 against the product of equation (1), written out with mpmath at 50 digits and more."""

import mpmath
import numpy as np
import pytest

from chainderiv.functions.lookup import neuron
from chainderiv.functions.precise import precise
from chainderiv.nn.network import Network
from chainderiv.symbols import z as z_symbol
from tests.kinds import KINDS, costly


def chain_gradients(hidden, output, cost, w, b, x, y):
    """∂C/∂w_l = a_{l-1} ∂C/∂b_l and ∂C/∂b_l = φ'(z_l) w_{l+1} φ'(z_{l+1}) … φ'(z_L) ∂C/∂a_L, l = 1 … L."""
    w, b, x, y = ([mpmath.mpf(float(v)) for v in np.atleast_1d(p)] for p in (w, b, x, y))
    a, slopes = [x[0]], []
    for layer, (weight, bias) in enumerate(zip(w, b, strict=True), 1):
        chosen = neuron(output if layer == len(w) else hidden)
        z = weight * a[-1] + bias
        slopes.append(precise(chosen.derivative, z_symbol)(z))
        a.append(precise(chosen.formula, z_symbol)(z))
    difference = a[-1] - y[0]
    cost_slope = difference if cost == "quadratic" else difference / (a[-1] * (1 - a[-1]))
    by_bias = []
    for layer in range(len(w)):
        product = slopes[layer]
        for after in range(layer + 1, len(w)):
            product *= w[after] * slopes[after]
        by_bias.append(product * cost_slope)
    return [p * g for p, g in zip(a[:-1], by_bias, strict=True)], by_bias


def settled(*problem):
    """The gradients at 50 digits and, so that they are correct digits, at 100: relative agreement 1e-40."""
    with mpmath.workdps(50):
        first = chain_gradients(*problem)
    with mpmath.workdps(100):
        second = chain_gradients(*problem)
        for one, two in zip([*first[0], *first[1]], [*second[0], *second[1]], strict=True):
            assert abs(one - two) <= mpmath.mpf(10) ** -40 * abs(two)
        return [[float(g) for g in part] for part in second]


def width_one(hidden, output, cost, w, b):
    net = Network([1] * (len(w) + 1), activation=hidden, output=output, cost=cost)
    net.weights = [np.array([[v]]) for v in w]
    net.biases = [np.array([v]) for v in b]
    return net


def assert_equal(hidden, output, cost, w, b, x, y, rtol=1e-12):
    got = width_one(hidden, output, cost, w, b).gradients(np.array([[x]]), np.array([[y]]))
    want = settled(hidden, output, cost, w, b, x, y)
    for one, two in zip(got, want, strict=True):
        np.testing.assert_allclose([g.item() for g in one], two, rtol=rtol, atol=0)
    return np.array(want[1])


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("hidden", costly(KINDS))
def test_width_one_is_the_product_of_equation_one(hidden, depth):
    rng = np.random.default_rng(depth)
    for _ in range(5):
        # z is drawn off the kinks and off the flat part of relu, and b solved for it
        w, z, b, a = (
            rng.uniform(0.5, 2, depth) * rng.choice([-1, 1], depth),
            rng.uniform(0.2, 1.5, depth),
            [],
            0.5,
        )
        for weight, value in zip(w, z, strict=True):
            b.append(value - weight * a)
            with mpmath.workdps(30):
                a = float(precise(neuron(hidden).formula, z_symbol)(mpmath.mpf(value)))
        assert_equal(hidden, hidden, "quadratic", w, b, 0.5, rng.uniform(-1, 0))
        assert_equal(hidden, "sigmoid", "cross_entropy", w, b, 0.5, rng.uniform())


@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
@pytest.mark.parametrize(("z", "y"), [(40.0, 1.0), (-40.0, 0.0), (-300.0, 0.0), (300.0, 1.0), (40.0, 0.0)])
def test_the_gradient_keeps_its_digits_where_the_output_saturates(cost, z, y):
    w, b = [0.5, 2.0], [0.25, z]
    with mpmath.workdps(700):  # 1 - σ(300) has 130 zeros before its first digit
        want = [[float(g) for g in part] for part in chain_gradients("sigmoid", "sigmoid", cost, w, b, 0.5, y)]
    got = width_one("sigmoid", "sigmoid", cost, w, b).gradients(np.array([[0.5]]), np.array([[y]]))
    assert all(g != 0 for part in want for g in part)
    # ε z of rounding in z moves exp(z) by as much
    for one, two in zip(got, want, strict=True):
        np.testing.assert_allclose([g.item() for g in one], two, rtol=1e-12, atol=0)


def test_a_vanished_gradient_is_compared_to_all_its_digits():
    gradients = assert_equal("sigmoid", "sigmoid", "quadratic", [0.9] * 24, [0.1] * 24, 0.5, 0.0)
    assert 0 < abs(gradients[0]) < 1e-15
