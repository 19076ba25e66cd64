"""advise: the σ_w that keep the gradient, judged by networks that are drawn and by integrals of another hand."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue, UnknownName
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.nn.advice import advise
from chainderiv.nn.pasted import PASTED
from chainderiv.theory.finite_width.layer import Drawn
from chainderiv.theory.finite_width.width import passage
from chainderiv.theory.keeping import wide_log_ratio
from chainderiv.theory.mean_field import mean_field

DENSITY = 1 / math.sqrt(2 * math.pi)


def drawn_ratios(activation, depth, width, sigma_w, networks, rng, sigma_b=0.0):
    """log of ‖∂C/∂b‖ in the first hidden layer over the last one's, of networks drawn here."""
    functions, scale, found = array_functions(neuron(activation)), sigma_w / math.sqrt(width), []
    for _ in range(networks):
        weights = scale * rng.standard_normal((depth, width, width))
        zs, a = [], np.ones(width)
        for W in weights:
            zs.append(W @ a + sigma_b * rng.standard_normal(width))
            a = functions.value(zs[-1])
        g = last = functions.derivative(zs[-1]) * rng.standard_normal(width)
        for W, z in zip(weights[:0:-1], zs[-2::-1], strict=True):
            g = (W.T @ g) * functions.derivative(z)
        found.append(math.log(np.linalg.norm(g) / np.linalg.norm(last)))
    return np.array(found)


@pytest.mark.parametrize(("activation", "sigma_w"), [("tanh", 1.5), ("sigmoid", 8.0), ("softplus", 1.6), ("relu", 1.3)])
def test_over_endless_width_the_ratio_is_the_product_of_the_mean_squared_slopes(activation, sigma_w):
    functions, q, log = array_functions(neuron(activation)), sigma_w**2 + 0.09, 0.0

    def mean_square(function):
        inner = lambda x: float(function(np.array([math.sqrt(q) * x]))[0]) ** 2 * math.exp(-x * x / 2) * DENSITY  # noqa: E731
        return sum(quad(inner, *ends, epsabs=0, epsrel=1e-12)[0] for ends in ((-12, 0), (0, 12)))

    for _ in range(4):
        log += math.log(sigma_w**2 * mean_square(functions.derivative)) / 2
        q = sigma_w**2 * mean_square(functions.value) + 0.09
    assert wide_log_ratio(neuron(activation), np.array([sigma_w]), 0.3, 4)[0] == pytest.approx(log, rel=1e-8)


@pytest.mark.parametrize(
    ("activation", "depth", "width", "sigma_w"),
    [
        ("tanh", 6, 40, 1.4),
        pytest.param("relu", 8, 30, 2**0.5, marks=pytest.mark.slow),
        pytest.param("sigmoid", 4, 40, 9.0, marks=pytest.mark.slow),
        pytest.param("softplus", 6, 60, 1.6, marks=pytest.mark.slow),
    ],
)
def test_the_ratio_scatters_over_networks_as_predicted_and_endless_width_alone_is_refuted(
    activation, depth, width, sigma_w
):
    rng, n = np.random.default_rng(1), 1500
    found = drawn_ratios(activation, depth, width, sigma_w, n, rng)
    log = passage(neuron(activation), [width] * depth, [Drawn(sigma_w / math.sqrt(width), 0.0)] * depth, width).log
    error = found.std() / math.sqrt(n)
    # 3.5 standard errors, and what the second order of 1/width may be
    assert abs(found.mean() - log.mean / 2) < 3.5 * error + 0.03 * math.sqrt(log.variance)
    assert found.std() / math.sqrt(log.variance / 4) == pytest.approx(1, abs=0.1)
    wide = float(wide_log_ratio(neuron(activation), np.array([sigma_w]), 0, depth - 1)[0])
    assert abs(found.mean() - wide) > 3.5 * error + 0.03 * math.sqrt(log.variance)


@pytest.mark.parametrize(("activation", "depth"), [("tanh", 5), ("gelu", 5)])
def test_at_both_ends_of_the_interval_the_median_is_the_factor(activation, depth):
    found = advise(activation, depth, 40, factor=3.0)
    for sigma_w, want in zip(found.interval, (1 / 3, 3), strict=True):
        ratios = np.exp(drawn_ratios(activation, depth, 40, sigma_w, 800, np.random.default_rng(2), found.sigma_b))
        # the median of 800 is within 3.5 of its standard errors, 1.25 spreads over √800, and 5 % for the second order
        spread = np.log(ratios).std() * 1.25 / math.sqrt(800)
        assert abs(math.log(np.median(ratios) / want)) < 3.5 * spread + 0.05
    low, high = found.interval
    assert low < found.sigma_w < high


@pytest.mark.parametrize(
    ("activation", "sigma_w"),
    [("relu", 2**0.5), ("tanh", 1.0), ("identity", 1.0), ("sigmoid", 10.149263710019525), ("selu", 0.6904860736335)],
)
def test_what_is_recommended_is_the_critical_gain_where_that_keeps_the_gradient(activation, sigma_w):
    found = advise(activation, 5, 100)
    assert found.sigma_w == pytest.approx(sigma_w, rel=1e-11)
    assert found.sigma_b == 0
    assert 0.1 < found.after.ratio[1] < 10


def test_where_the_critical_point_does_not_keep_it_the_median_is_1_and_both_are_said():
    deep = advise("softsign", 10, 100)
    assert deep.after.ratio[1] == pytest.approx(1, abs=1e-3)
    assert any("at the critical 1 it is 0.0" in caveat for caveat in deep.caveats)
    unstable = advise("gelu", 5, 100)
    assert any("critical at sigma_w = 2, which signals leave" in caveat for caveat in unstable.caveats)
    assert any("a critical point that signals keep to" in caveat for caveat in unstable.caveats)


@pytest.mark.parametrize("activation", ["gelu", pytest.param("silu", marks=pytest.mark.slow)])
def test_a_neuron_without_a_gain_is_given_biases_at_a_critical_point_that_is_stable(activation):
    found = advise(activation, 30, 100)
    field = mean_field(activation, found.sigma_w, found.sigma_b)
    assert found.sigma_b > 0
    assert field.chi_1 == pytest.approx(1, abs=1e-9)
    assert field.chi_q < 1
    assert 0.1 < found.after.ratio[1] < 10
    assert f"std={found.sigma_b!r}" in found.to("torch")


def test_before_are_the_usual_starts_and_what_they_do():
    before = {one.name: one for one in advise("sigmoid", 10, 100).before}
    assert before["He"].sigma_w == 2**0.5
    assert before["PyTorch's default"].ratio[1] < before["LeCun, Xavier"].ratio[1] < 1e-5
    tanh = {one.name: one for one in advise("tanh", 40, 100).before}
    assert tanh["PyTorch's gain"].sigma_w == 5 / 3
    assert tanh["PyTorch's gain"].ratio[1] > 10  # it explodes: χ₁ = 1.21


def test_the_wide_cousin_of_a_single_weight_of_4_is_told():
    (caveat,) = (c for c in advise("sigmoid", 5, 100).caveats if "10.1493" in c)
    assert "|w| = 4 to amplify" in caveat


@pytest.mark.parametrize("target", PASTED)
def test_the_lines_to_paste_compile_and_hold_the_number_in_full(target):
    found = advise("selu", 3, 100)
    lines = found.to(target)
    compile(lines, target, "exec")
    assert repr(found.sigma_w) in lines


def test_pytorch_draws_what_is_said():
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(*(torch.nn.Linear(400, 400) for _ in range(3)))
    found = advise("relu", 3, 400)
    exec(found.to("torch"), {"model": model})
    for layer in model:
        assert float(layer.weight.std()) * 20 == pytest.approx(found.sigma_w, rel=0.02)
        assert not layer.bias.any()


def test_jax_draws_what_is_said():
    jax = pytest.importorskip("jax")
    space = {}
    found = advise("selu", 3, 400)
    exec(found.to("jax"), space)
    W = space["start"](jax.random.key(0), (400, 100))
    assert float(W.std()) * 20 == pytest.approx(found.sigma_w, rel=0.03)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"depth": 1}, "depth"),
        ({"depth": 2.5}, "depth"),
        ({"depth": 1001}, "depth is 1001; give 2 to 1000 hidden layers"),
        ({"width": 0}, "width"),
        ({"width": "wide"}, "width"),
        ({"factor": 1.0}, "factor is 1.0; give a finite number > 1"),
        ({"factor": math.nan}, "factor"),
        ({"factor": None}, "factor"),
        ({"activation": "relu2", "depth": 10}, "relu2"),
        ({"activation": Activation.from_formula("step", "where(z>0, 1+z, z)")}, "jumps"),
    ],
)
def test_what_cannot_be_advised_is_one_line(given, said):
    with pytest.raises(BadValue) as caught:
        advise(**{"activation": "tanh", "depth": 5, "width": 100} | given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_target_names_those_that_there_are():
    with pytest.raises(UnknownName, match="keras"):
        advise("relu", 3, 100).to("tensorflow")
