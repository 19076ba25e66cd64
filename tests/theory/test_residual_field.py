"""mean_field(residual=True): the growth that is told against the recursion walked far, and against networks."""

import math

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import quad

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from tests.kinds import costly

EXPONENTIAL = ["relu", "leaky_relu", "gelu", "selu", "identity", "softplus", "tanhshrink"]


def relus(w, b, depth, q):
    """The recursion for ReLU, whose means are closed forms: E φ² = q/2, E φ = √(q/2π), E φ'² = 1/2."""
    P = m = 0.0
    found = []
    for _ in range(depth):
        found.append(q)
        mean = np.sqrt(q / (2 * np.pi))
        P, m = P + q / 2 + 2 * m * mean, m + mean
        q = w * w * P + b * b
    return np.array(found)


def test_lengths_and_growths_of_relu_are_its_closed_forms():
    m = cd.mean_field("relu", sigma_w=0.9, sigma_b=0.4, residual=True)
    np.testing.assert_allclose(m.lengths(60, q=1.7), relus(0.9, 0.4, 60, 1.7), rtol=1e-12)
    np.testing.assert_allclose(m.growths(60, q=1.7), 1 + 0.9**2 / 2, rtol=1e-12)
    np.testing.assert_allclose(m.bias_growths(60), m.growths(60), rtol=1e-12)
    far = relus(0.9, 0.4, 400, 1.7)
    assert m.growth == "exponential"
    assert m.phase == "chaotic"
    assert abs(m.rate - (1 + 0.9**2 / 2)) < 1e-12
    assert abs(m.length_rate - far[-1] / far[-2]) < 1e-10


@pytest.mark.parametrize("name", EXPONENTIAL)
def test_what_grows_by_a_factor_a_layer_does_so_by_the_factor_that_is_told(name):
    m = cd.mean_field(name, sigma_w=0.8, sigma_b=0.1, residual=True)
    q = m.lengths(90, q=1e12)
    assert m.growth == "exponential"
    assert abs(q[-1] / q[-2] / m.length_rate - 1) < 1e-6
    assert abs(m.growths(90, q=1e12)[-1] / m.rate - 1) < 1e-6


@pytest.mark.parametrize(
    ("name", "growth"), [("tanh", "stretched"), ("hardtanh", "stretched"), ("sigmoid", "polynomial")]
)
def test_saturating_neurons_grow_more_slowly_and_by_the_rate_that_is_told(name, growth):
    m = cd.mean_field(name, sigma_w=1.2, sigma_b=0.2, residual=True)
    assert (m.growth, m.phase) == (growth, "critical")
    # a long way out, where layers are a continuum: the next layers from a q_l that l layers have made
    far, depth = 1e13, 40
    power = 1 if growth == "stretched" else 2
    start = m.length_rate * far**power
    P, mean = (start - 0.04) / 1.44, np.sqrt(m.length_rate) / 1.2 * far * (power == 2)
    grown, q = 0.0, start
    phi = {"tanh": (np.sign, 4 / 3), "hardtanh": (np.sign, 2.0), "sigmoid": (lambda z: z > 0, 1 / 6)}[name]
    for _ in range(depth):
        # far out φ is a step, and φ'² a spike of the area ∫ φ'²
        V, level = (1.0, 0.0) if power == 1 else (0.5, 0.5)
        grown += np.log1p(1.44 * phi[1] / np.sqrt(2 * np.pi * q))
        P, mean = P + V + 2 * mean * level, mean + level
        q = 1.44 * P + 0.04
    last = far + depth
    want = m.rate * (depth / (np.sqrt(last) + np.sqrt(far)) if power == 1 else np.log1p(depth / far))
    assert abs(grown / want - 1) < 1e-6
    assert abs(q / (m.length_rate * last**power) - 1) < 1e-6


def test_the_area_of_the_spike_is_what_the_rates_are_made_of():
    area = quad(lambda z: np.cosh(z) ** -4.0, -40, 40)[0]
    m = cd.mean_field("tanh", sigma_w=0.7, residual=True)
    assert abs(m.rate - 2 * 0.7 * area / np.sqrt(2 * np.pi)) < 1e-9
    assert abs(m.length_rate - 0.49) < 1e-9


def test_gradients_of_the_packages_own_networks_grow_as_is_told_within_two_standard_errors_at_width_400():
    w, b, width, hidden = 1.0, 0.3, 400, 6
    for seed, name in enumerate(["tanh", "sigmoid"]):
        m, rng, logs = cd.mean_field(name, w, b, residual=True), np.random.default_rng(seed), []
        for _ in range(12):
            net = cd.Network([width] * (hidden + 1) + [10], name, "quadratic", "identity", residual=True)
            net.weights = [rng.normal(0, w / np.sqrt(W.shape[1]), W.shape) for W in net.weights]
            net.biases = [rng.normal(0, b, one.shape) for one in net.biases]
            x = rng.standard_normal((1, width))
            deltas = net.deltas(x / np.sqrt(np.mean(x * x)), 5 * rng.standard_normal((1, 10)))
            logs.append([np.log((delta**2).sum()) for delta in deltas[:hidden]])
        steps = -np.diff(np.array(logs), axis=1)
        whole = steps.sum(axis=1)
        want = np.log(m.bias_growths(hidden, q=w * w + b * b))
        assert abs(whole.mean() - want.sum()) < 2 * whole.std(ddof=1) / np.sqrt(12) + 5 / width, name
        assert (np.abs(steps.mean(axis=0) - want) < 3.5 * steps.std(axis=0, ddof=1) / np.sqrt(12)).all(), name
        assert abs(whole.mean() - want.sum() / 2) > 4 * whole.std(ddof=1) / np.sqrt(12)  # it does see what is wrong


def test_what_is_not_known_is_said_and_not_guessed():
    assert cd.mean_field("snake", 1, residual=True).growth == ""
    assert cd.mean_field("relu2", 1, residual=True).phase == ""
    assert "not known" in str(cd.mean_field("relu2", 1, residual=True))
    assert "polynomial growth" in str(cd.mean_field("sigmoid", 1, residual=True))


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: cd.mean_field("tanh", 1, residual=1), "residual"),
        (lambda: cd.mean_field("tanh", -1, residual=True), "sigma_w"),
        (lambda: cd.mean_field("relu", 1, residual=True).lengths(0), "depth"),
        (lambda: cd.mean_field("relu", 1, residual=True).lengths(3, q=0), "q is 0"),
        (lambda: cd.mean_field("relu", 1e30, residual=True).lengths(30), "smaller depth or sigma_w"),
        (
            lambda: cd.mean_field(Activation.from_formula("f", "max(z-50,0)"), 1, residual=True).lengths(3),
            "larger sigma_w",
        ),
        (lambda: cd.mean_field(Activation.from_formula("f", "1e-200*z"), 1, residual=True), "leave float64; give a st"),
        (lambda: cd.mean_field("relu2", 1, residual=True).lengths(30), "give a smaller"),
        (
            lambda: cd.phase_diagram("tanh", sigma_w=cd.Axis(1, 2, 3), sigma_b=cd.Axis(0, 1, 3), residual=True),
            "mean_field",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line(ask, said):
    with pytest.raises(BadValue, match=said) as caught:
        ask()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", costly(["relu", "leaky_relu", "gelu", "elu", "silu", "softplus", "mish", "identity", "tanh"])
)
@pytest.mark.parametrize("sigma_w", [1e-100, 1e-18, 1e-3, 3.0, 1e18, 1e50, 1e100])
def test_growth_is_told_at_whatever_sigma_w(name, sigma_w):
    m = cd.mean_field(name, sigma_w, residual=True)
    assert 1 <= m.rate < math.inf or m.growth != "exponential"
    if m.growth != "exponential":
        return
    # ρ of the cubic at 60 digits: E φ²/q and (E φ)²/q of lines that bend at 0, or become such far out
    left = {"leaky_relu": mp.mpf(0.01), "identity": mp.mpf(1)}.get(name, mp.mpf(0))
    with mp.workdps(60):
        a = mp.mpf(sigma_w) ** 2
        share, lean = a * (1 + left**2) / 2, a * (1 - left) ** 2 / (2 * mp.pi)
        roots = mp.polyroots([1, -1, -(1 + share), 1 + share - 2 * lean], maxsteps=500, extraprec=2000)
        want = max(mp.re(root) for root in roots) ** 2
    assert abs(m.length_rate - want) <= 1e-11 * want
