"""Random networks of finite width, drawn here in plain NumPy, against what is predicted without drawing one."""

import itertools
from typing import NamedTuple

import numpy as np
import pytest
from scipy.special import expit

import chainderiv as cd
from chainderiv.experiments.slopes import points
from chainderiv.functions.lookup import neuron
from chainderiv.theory.finite_width.blurred import Blurred
from chainderiv.theory.finite_width.direction import Direction
from chainderiv.theory.finite_width.layer import Drawn, differences, layer
from chainderiv.theory.finite_width.width import _directions
from tests.theory.exact_draws import draw as plain_draw

INPUTS, OUTPUTS = 20, 10
PLAIN = {
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "sigmoid": (expit, lambda z: expit(z) * expit(-z)),
    "relu": (lambda z: np.maximum(z, 0), lambda z: np.where(z > 0, 1.0, 0.0)),
}
# three of each phase: ordered, critical, chaotic; and Nielsen's
POINTS = [("tanh", w, b) for w, b in points()] + [("sigmoid", 1.0, 1.0)]
CHI_SQUARED = 29.6  # the 99.9 % point at ten degrees of freedom


class Drawing(NamedTuple):
    """log ‖∂C/∂b_l‖ of hidden layers, (networks, H)."""

    logs: np.ndarray

    @property
    def slopes(self):
        return (self.logs[:, 0] - self.logs[:, -1]) / (self.logs.shape[1] - 1)


def draw(name, w, b, x, width, hidden, networks, seed, at_once=500):
    """Networks with one input x and the cost ½|z_L - y|², y = (1, 0, 0, …): written out here, and nowhere else."""
    phi, prime = PLAIN[name]
    sizes, rng, found = [INPUTS] + [width] * hidden + [OUTPUTS], np.random.default_rng(seed), []
    for start in range(0, networks, at_once):
        count = min(at_once, networks - start)
        a, weights, zs = np.broadcast_to(x, (count, INPUTS)), [], []
        for m, n in itertools.pairwise(sizes):
            W = rng.standard_normal((count, n, m)) * (w / np.sqrt(m))
            z = np.einsum("kij,kj->ki", W, a) + b * rng.standard_normal((count, n))
            weights.append(W)
            zs.append(z)
            a = phi(z)
        delta, logs = zs[-1] - np.eye(OUTPUTS)[0], []
        for W, z in zip(weights[:0:-1], zs[-2::-1], strict=True):
            delta = prime(z) * np.einsum("kij,ki->kj", W, delta)
            logs.append(np.log((delta**2).sum(axis=1)) / 2)
        found.append(np.array(logs[::-1]).T)
    return Drawing(np.concatenate(found))


def input_of(name, w, b):
    """An input after which signals have the length that they settle at, where they do."""
    q = cd.mean_field(name, w, b).q_star
    q = q if np.isfinite(q) else 1.0
    return np.full(INPUTS, np.sqrt((q - b * b) / w**2))


def predicted(name, w, b, x, width, hidden):
    one = cd.Split(x[None], np.array([0]))
    sizes = [INPUTS] + [width] * hidden + [OUTPUTS]
    return cd.predict(sizes, name, "quadratic", "identity", cd.Gaussian(w, b), data=one)


def compare(width, hidden, networks, seed, points=POINTS):
    """The deviations of the mean slopes, in standard errors: of the prediction, and of ½ log χ₁; and the ratios of sd."""
    rows = []
    for k, (name, w, b) in enumerate(points):
        x = input_of(name, w, b)
        seen, told = (
            draw(name, w, b, x, width, hidden, networks, (seed, k), 500 if width < 200 else 4),
            predicted(name, w, b, x, width, hidden),
        )
        error = seen.slopes.std(ddof=1) / np.sqrt(networks)
        slope = (told.mean_log[0] - told.mean_log[-1]) / (hidden - 1)
        plain = np.log(cd.mean_field(name, w, b).chi_1) / 2
        off = seen.slopes.mean() - np.array([slope, plain])
        steps = np.exp(np.quantile(seen.logs[:, 0] - seen.logs[:, 1], [0.05, 0.95]))
        if networks >= 1000:  # of fewer the points are not known
            np.testing.assert_allclose(told.ratio_band[0], steps, rtol=0.06)
        rows.append([*(off / error), told.sd_log[0] / seen.logs[:, 0].std(ddof=1)])
        assert told.trusted, told.doubts
    return np.array(rows).T


def test_slopes_and_spreads_at_width_30_are_as_predicted_and_half_log_chi_1_is_refuted_ten_times_of_ten():
    z, of_endless_width, spread = compare(30, 6, 1500, 1)
    assert np.abs(z).max() < 3.5, z
    assert (z**2).sum() < CHI_SQUARED
    assert np.abs(spread - 1).max() < 0.1, spread
    assert np.abs(of_endless_width).min() > 3.5, of_endless_width


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "hidden", "networks"), [(30, 10, 3000), (100, 10, 1500), (300, 8, 300), (1000, 6, 60)]
)
def test_slopes_and_spreads_are_as_predicted_at_every_width(width, hidden, networks):
    z, _, spread = compare(width, hidden, networks, 2)
    assert np.abs(z).max() < 3.5, z
    assert (z**2).sum() < CHI_SQUARED
    # of few networks the spread is itself known no better than by 1/√(2N)
    assert np.abs(spread - 1).max() < max(0.1, 3.5 / np.sqrt(2 * networks)), spread


def test_layers_of_other_widths_are_predicted_one_by_one():
    """No width and no length is taken as that of the layer before: [20, 100, 12, 60, 14, 10] from a short input."""
    widths, w, b = [100, 12, 60, 14], 1.4, 0.3
    x = np.full(INPUTS, 0.2)
    rng, logs = np.random.default_rng(5), []
    for _ in range(2000):
        a, weights, zs = x, [], []
        for m, n in itertools.pairwise([INPUTS, *widths, OUTPUTS]):
            weights.append(rng.normal(0, w / np.sqrt(m), (n, m)))
            zs.append(weights[-1] @ a + b * rng.standard_normal(n))
            a = np.tanh(zs[-1])
        delta, row = zs[-1] - np.eye(OUTPUTS)[0], []
        for W, z in zip(weights[:0:-1], zs[-2::-1], strict=True):
            delta = (W.T @ delta) / np.cosh(z) ** 2
            row.append(np.log(delta @ delta) / 2)
        logs.append(row[::-1])
    logs = np.array(logs)
    one = cd.Split(x[None], np.array([0]))
    told = cd.predict([INPUTS, *widths, OUTPUTS], "tanh", "quadratic", "identity", cd.Gaussian(w, b), data=one)
    z = (logs.mean(axis=0) - told.mean_log) / (logs.std(axis=0) / np.sqrt(len(logs)))
    assert np.abs(z).max() < 3.5, z
    assert np.abs(told.sd_log / logs.std(axis=0) - 1).max() < 0.1
    turned = cd.predict([INPUTS, *widths[::-1], OUTPUTS], "tanh", "quadratic", "identity", cd.Gaussian(w, b), data=one)
    z = (logs.mean(axis=0) - turned.mean_log) / (logs.std(axis=0) / np.sqrt(len(logs)))
    assert np.abs(z).max() > 3.5, "the same widths in another order would have done as well"


def test_relus_lengths_change_from_network_to_network_and_the_slope_is_still_right():
    x = input_of("relu", np.sqrt(2), 0.0)
    seen = draw("relu", np.sqrt(2), 0.0, x, 60, 6, 800, 3)
    told = predicted("relu", np.sqrt(2), 0.0, x, 60, 6)
    error = seen.slopes.std() / np.sqrt(800)
    assert abs(seen.slopes.mean() - (told.mean_log[0] - told.mean_log[-1]) / 5) < 3.5 * error


def settled(name, w, b, width):
    """A layer at the fixed point, and what W's own direction settles at there."""
    m = cd.mean_field(name, w, b)
    one = layer(Blurred(neuron(name)), m.q_star, 0.0, width, Drawn(w / np.sqrt(width), b))
    return m, one


@pytest.mark.parametrize(("name", "w", "b"), [("tanh", 1.5, 0.2), ("tanh", 1.0, 0.5), ("sigmoid", 1.0, 1.0)])
def test_a_very_wide_layers_first_order_is_the_one_that_is_derived(name, w, b):
    """n·(E s - log χ₁) and n·Var of one layer's step, by the formulas of docs/theory.md and NumPy's own quadrature."""
    width = 10**6
    m, one = settled(name, w, b, width)
    phi, prime = PLAIN[name]
    x, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    z = np.sqrt(m.q_star) * x
    V, M2, M4 = weights @ phi(z) ** 2, weights @ prime(z) ** 2, weights @ prime(z) ** 4
    F4, X = weights @ phi(z) ** 4, weights @ (phi(z) * prime(z)) ** 2
    kappa = M4 / M2**2
    assert abs(width * one.own.variance - (3 * kappa - 1)) < 1e-4
    assert abs(width * (one.own.mean - np.log(M2)) + (3 * kappa - 1) / 2) < 1e-3
    assert abs(width * one.made[1][0, 0] * m.q_star**2 / (w**4 * (F4 - V**2)) - 1) < 1e-4
    assert abs(width * one.shared[0] * m.q_star / (w**2 * (X / M2 - V)) - 1) < 1e-4
    # the direction of W that has made u: where it settles, (σ_w² E u²φ'²/U - χ_q²)/(χ₁ - χ_q²)
    U = w**2 * V
    along = U / m.q_star * (U / m.q_star * (weights @ (z * prime(z)) ** 2) + b**2 * M2)
    R = (w**2 * along / U - m.chi_q**2) / (m.chi_1 - m.chi_q**2)
    (first, *_) = _directions([one] * 40, [Drawn(w, b)] * 41, Direction(3.0, 18.0, 0.0))
    assert abs(width * first[0] - X / (V * M2) * (R - 1)) < 1e-4 * max(1, abs(R - 1))


def test_derivatives_by_differences_are_those_of_a_known_function():
    _, slopes, bends = differences(lambda p, tau: np.array([np.log(p) ** 2 * np.log(tau)]), np.e, np.e**2)
    np.testing.assert_allclose(slopes, [[4, 1]], rtol=0, atol=1e-3)
    np.testing.assert_allclose(bends, [[[4, 2], [2, 0]]], rtol=0, atol=1e-3)
    _, slopes, bends = differences(lambda p, tau: np.array([np.log(p) ** 2]), np.e, 0.0)
    np.testing.assert_allclose(slopes, [[2, 0]], rtol=0, atol=1e-9)


@pytest.mark.parametrize("width", [250, pytest.param(500, marks=pytest.mark.slow)])
def test_relus_spread_is_right_at_any_width_for_its_gradient_remembers_how_long_it_was_at_the_outputs(width):
    """A tenth of the spread, at every width, is what (u·g)² has to do with |g_L|²."""
    rng, w = np.random.default_rng(4), np.sqrt(2)
    logs = np.concatenate([plain_draw(*PLAIN["relu"], w, 0.0, 1.0, width, 10, 400, rng) for _ in range(10)])
    told = predicted("relu", w, 0.0, np.full(INPUTS, np.sqrt(0.5)), width, 10)
    assert np.abs(told.sd_log / logs.std(axis=0) - 1).max() < 0.055  # its own error is 0.011
    error = logs.std(axis=0) / np.sqrt(len(logs))
    assert np.abs((told.mean_log - logs.mean(axis=0)) / error).max() < 3.5
