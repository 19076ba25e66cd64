"""advise(): what it recommends against networks that are drawn, published facts, and the frameworks that draw it."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

import chainderiv as cd
from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue, UnknownName
from chainderiv.functions.lookup import neuron
from chainderiv.nn.pasted import PASTED
from chainderiv.theory.finite_width.layer import Drawn
from chainderiv.theory.finite_width.width import passage
from chainderiv.theory.keeping import wide_log_ratio

DENSITY = 1 / math.sqrt(2 * math.pi)

# φ and φ' once more, in NumPy
NEURONS = {
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: 1 / (2 * np.cosh(z / 2)) ** 2),
}


def drawn_ratios(name, depth, width, sigma_w, networks, rng):
    """log of ‖∂C/∂b‖ in the first hidden layer over the last one's, of networks drawn here."""
    (phi, prime), scale, found = NEURONS[name], sigma_w / math.sqrt(width), []
    for _ in range(networks):
        weights = scale * rng.standard_normal((depth, width, width))
        zs, a = [], np.ones(width)
        for W in weights:
            zs.append(W @ a)
            a = phi(zs[-1])
        g = rng.standard_normal(width)
        last = np.linalg.norm(g)
        for W, z in zip(weights[:0:-1], zs[-2::-1], strict=True):
            g = (W.T @ g) * prime(z)
        found.append(math.log(np.linalg.norm(g) / last))
    return np.array(found)


def plainly_drawn_ratios(activation, depth, width, sigma_w, networks, rng, sigma_b=0.0):
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
        def inner(x):
            return float(function(np.array([math.sqrt(q) * x]))[0]) ** 2 * math.exp(-x * x / 2) * DENSITY

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
    found = plainly_drawn_ratios(activation, depth, width, sigma_w, n, rng)
    log = passage(neuron(activation), [width] * depth, [Drawn(sigma_w / math.sqrt(width), 0.0)] * depth, width).log
    error = found.std() / math.sqrt(n)
    # 3.5 standard errors, and what the second order of 1/width may be
    assert abs(found.mean() - log.mean / 2) < 3.5 * error + 0.03 * math.sqrt(log.variance)
    assert found.std() / math.sqrt(log.variance / 4) == pytest.approx(1, abs=0.1)
    wide = float(wide_log_ratio(neuron(activation), np.array([sigma_w]), 0, depth - 1)[0])
    assert abs(found.mean() - wide) > 3.5 * error + 0.03 * math.sqrt(log.variance)


@pytest.mark.parametrize(
    ("activation", "sigma_w"),
    [("relu", 2**0.5), ("tanh", 1.0), ("identity", 1.0), ("sigmoid", 10.149263710019525), ("selu", 0.6904860736335)],
)
def test_within_a_factor_10_the_critical_gain_does_for_a_few_layers(activation, sigma_w):
    found = cd.advise(activation, 5, 100, within=10.0)
    assert found.sigma_w == pytest.approx(sigma_w, rel=1e-11)
    assert found.sigma_b == 0
    assert 0.1 < found.after.gradient < 10
    assert 0.1 < found.scatter.median < 10


@pytest.mark.parametrize(
    ("name", "depth", "width"),
    [
        ("tanh", 6, 40),
        pytest.param("relu", 8, 30, marks=pytest.mark.slow),
        pytest.param("sigmoid", 4, 60, marks=pytest.mark.slow),
    ],
)
def test_networks_of_the_width_scatter_as_told_and_endless_width_is_refuted(name, depth, width):
    found, n = cd.advise(name, depth, width), 1500
    logs = drawn_ratios(name, depth, width, found.sigma_w, n, np.random.default_rng(1))
    error = logs.std() / math.sqrt(n)
    # 3.5 standard errors, and what the second order of 1/width may be
    room = 3.5 * error + 0.03 * logs.std()
    assert abs(logs.mean() - found.scatter.mean_log) < room
    assert logs.std() / found.scatter.sd_log == pytest.approx(1, abs=0.1)
    inside = np.mean((np.exp(logs) > found.scatter.band[0]) & (np.exp(logs) < found.scatter.band[1]))
    assert inside == pytest.approx(0.9, abs=0.04)
    assert abs(logs.mean() - math.log(found.after.gradient)) > room


@pytest.mark.parametrize(
    ("name", "sigma_w"), [("relu", 2**0.5), ("identity", 1.0), ("sigmoid", 10.149263710019525), ("relu6", 2**0.5)]
)
def test_what_is_recommended_is_the_critical_gain_where_that_keeps_the_gradient(name, sigma_w):
    found = cd.advise(name, 10, 100)
    assert found.sigma_w == pytest.approx(sigma_w, rel=1e-5 if name == "relu6" else 1e-11)
    assert found.sigma_b == 0
    assert found.std == found.sigma_w / 10
    assert 0.5 < found.after.gradient < 2


@pytest.mark.parametrize("name", ["tanh", pytest.param("selu", marks=pytest.mark.slow)])
def test_where_the_critical_gain_does_not_keep_it_the_ratio_is_1_and_both_are_said(name):
    found = cd.advise(name, 50, 100)
    gain = cd.gains(name).gain
    assert found.sigma_w > gain
    assert found.after.gradient == pytest.approx(1, abs=1e-9)
    (kept,) = found.keeping.intervals
    assert kept.low < found.sigma_w < kept.high
    assert any(f"the critical {gain:.6g}" in caveat for caveat in found.caveats)


@pytest.mark.parametrize("name", ["gelu", *(pytest.param(name, marks=pytest.mark.slow) for name in ("silu", "mish"))])
def test_a_neuron_without_a_gain_is_given_biases_at_a_critical_point_that_signals_keep_to(name):
    found = cd.advise(name, 20, 300)
    field = cd.mean_field(name, found.sigma_w, found.sigma_b)
    assert found.sigma_b > 0
    assert field.chi_1 == pytest.approx(1, abs=1e-9)
    assert field.chi_q < 0.995
    assert 0.5 < found.after.gradient < 2
    assert found.keeping.sigma_b == found.sigma_b
    assert any("which signals leave" in caveat for caveat in found.caveats)


def test_where_no_sigma_w_is_known_none_is_given_and_the_usual_starts_are_told():
    found = cd.advise("relu2", 50, 100)
    assert (found.after, found.sigma_w, found.std) == (None, None, None)
    assert "no start is known that keeps the gradient" in str(found)
    assert found.before
    with pytest.raises(BadValue, match="nothing is recommended for 'relu2'"):
        found.to("torch")


def test_torchs_gain_of_tanh_explodes_and_its_default_vanishes():
    before = {one.name: one for one in cd.advise("tanh", 40, 100).before}
    assert before["PyTorch's gain"].sigma_w == 5 / 3
    assert before["PyTorch's gain"].gradient > 10
    default = before["PyTorch's default"]
    assert (default.sigma_w, default.sigma_b) == pytest.approx((3**-0.5, 300**-0.5), rel=1e-15)
    assert default.gradient < 1e-8
    assert cd.advise("relu", 40, 100).after.gradient == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("text", ["z+0.1*z^3", "z+0.1*z^2", "sinh(z)"])
def test_where_signals_leave_the_critical_point_for_what_is_not_known_the_sigma_w_of_this_depth_is_given(text):
    phi = cd.Activation.from_formula("mine", text)
    found = cd.advise(phi, 10, 100)
    assert found.after.gradient == pytest.approx(1, abs=1e-9)
    assert any("which signals leave" in caveat for caveat in found.caveats)
    assert found.gains.fields == (None,)
    assert "not known" in str(found.gains)


def test_what_is_below_every_number_is_told_and_is_no_0():
    found = cd.advise("relu", 1000, 1)
    (default,) = (one for one in found.before if one.name == "PyTorch's default")
    assert default.gradient == 0  # of float64
    assert default.log_gradient == pytest.approx(-999 / 2 * math.log(6), rel=1e-12)  # √(½ · ⅓) in each of 999
    assert "2.06e-389" in str(found)


@pytest.mark.parametrize(("power", "said"), [(156, "about 10\\^156"), (5000, "about 10\\^5000"), (8, "100000000")])
def test_widths_of_which_no_network_is_drawn_are_refused(power, said):
    with pytest.raises(BadValue, match=f"^width is {said}; give a whole number from 1 to 16777216$"):
        cd.advise("tanh", 5, 10**power)


def test_the_columns_of_the_usual_starts_hold_the_gradient_and_the_signal():
    # ReLU at σ_w = 1: half of z² goes on in each layer, and half of the mean squared gradient comes back
    (line,) = (one for one in str(cd.advise("relu", 5, 100)).splitlines() if one.startswith("LeCun, Xavier"))
    assert line.split()[-4:] == ["1", "0", f"{0.5 ** (4 / 2):.3g}", f"{0.5**4:.3g}"]
    assert " gradient  signal" in str(cd.advise("relu", 5, 100))


CAVEATS = [
    ("sigmoid", 5, 100, "the wide cousin of |w| >= 4"),
    ("relu", 5, 100, "a line of fixed points"),
    ("hardtanh", 50, 100, "more than the factor is lost or gained"),
    ("softplus", 5, 100, "critical at no sigma_w without biases"),
    ("relu", 20, 12, "scatter less"),
    ("tanh", 1, 20, "no gradient is lost"),
]


@pytest.mark.parametrize(("name", "depth", "width", "said"), CAVEATS)
def test_caveats_are_told_where_they_apply_and_nowhere_else(name, depth, width, said):
    assert any(said in caveat for caveat in cd.advise(name, depth, width).caveats)
    other = cd.advise("leaky_relu" if name != "relu" else "tanh", 4, 200)
    assert not any(said in caveat for caveat in other.caveats)


def test_signals_that_grow_without_end_are_told():
    found = cd.advise("softplus", 8, 100)
    assert cd.mean_field("softplus", found.sigma_w).case == "growth without end"
    assert any("grow without end" in caveat for caveat in found.caveats)


@pytest.mark.parametrize("name", ["selu", "gelu"])
@pytest.mark.parametrize("target", PASTED)
def test_the_lines_to_paste_compile_and_hold_the_numbers_in_full(target, name):
    found = cd.advise(name, 3, 100)
    lines = found.to(target)
    compile(lines, target, "exec")
    assert repr(found.sigma_w) in lines
    assert (repr(found.sigma_b) in lines) == (name == "gelu")


@pytest.mark.parametrize("name", ["relu", "gelu"])
def test_pytorch_draws_what_is_said(name):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(100, 400), *(torch.nn.Linear(400, 400) for _ in range(2)))
    found = cd.advise(name, 3, 400)
    exec(found.to("torch"), {"model": model})
    for layer in model:
        assert float(layer.weight.detach().std()) * layer.in_features**0.5 == pytest.approx(found.sigma_w, rel=0.03)
        assert abs(float(layer.bias.detach().std()) - found.sigma_b) <= 0.2 * found.sigma_b


def test_jax_draws_what_is_said():
    jax = pytest.importorskip("jax")
    space, found = {}, cd.advise("selu", 3, 400)
    exec(found.to("jax"), space)
    W = space["start"](jax.random.key(0), (400, 100))
    assert float(W.std()) * 20 == pytest.approx(found.sigma_w, rel=0.03)
    assert abs(W).max() > 2.3 * found.std  # not cut at two deviations


def test_keras_draws_what_is_said():
    pytest.importorskip("keras")
    space, found = {}, cd.advise("selu", 3, 400)
    exec(found.to("keras"), space)
    W = np.asarray(space["start"]()((400, 100)))
    assert W.std() * 20 == pytest.approx(found.sigma_w, rel=0.03)
    assert np.abs(W).max() > 2.3 * found.std


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"depth": 0}, "depth is 0"),
        ({"depth": 2.5}, "depth is 2.5"),
        ({"width": 0}, "width is 0"),
        ({"width": "wide"}, "width is 'wide'"),
        ({"within": 1.0}, "within is 1.0; give a finite number > 1"),
        ({"within": math.nan}, "within is nan"),
        ({"within": None}, "within is None"),
        ({"activation": cd.Activation.from_formula("step", "where(z>0, 1+z, z)")}, "jumps"),
    ],
)
def test_what_cannot_be_advised_is_one_line(given, said):
    with pytest.raises(BadValue) as caught:
        cd.advise(**{"activation": "tanh", "depth": 5, "width": 100} | given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_target_names_those_that_there_are():
    with pytest.raises(UnknownName, match="keras"):
        cd.advise("relu", 3, 100).to("tensorflow")
