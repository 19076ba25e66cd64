import json
import math
import re

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadShape, BadValue
from chainderiv.functions.lookup import neuron
from chainderiv.nn.initialise import INITIALISERS, initialiser
from chainderiv.nn.starts import Own

FAN_OUT, FAN_IN = 300, 500
TANH = neuron("tanh")
VARIANCES = {  # of weights and biases, as published
    "nielsen": (1 / FAN_IN, 1),
    "large": (1, 1),
    "glorot": (2 / (FAN_IN + FAN_OUT), 0),
    "he": (2 / FAN_IN, 0),
    "lecun": (1 / FAN_IN, 0),
    "critical": (1 / FAN_IN, 0),  # of tanh
    "sigma_w=1.5,sigma_b=0.2": (1.5**2 / FAN_IN, 0.2**2),
}
BOUNDS = {  # as published, and as torch.nn.init states them
    "glorot_uniform": math.sqrt(6 / (FAN_IN + FAN_OUT)),
    "he_uniform": math.sqrt(6 / FAN_IN),
    "lecun_uniform": math.sqrt(3 / FAN_IN),
}
OTHER_LAWS = {*BOUNDS, "orthogonal"}


def drawn(name, seed, fan_out=FAN_OUT, fan_in=FAN_IN):
    return initialiser(name).of(TANH)(np.random.default_rng(seed), fan_out, fan_in)


def assert_moments(values, variance, fourth, eighth):
    """Mean, variance and fourth moment within five of their standard errors (1 in 2 million by chance).

    fourth and eighth are those of the law of variance 1.
    """
    scaled = values.ravel() / np.sqrt(variance)
    bound = 5 / np.sqrt(scaled.size)
    assert abs(scaled.mean()) < bound
    assert abs((scaled**2).mean() - 1) < bound * np.sqrt(fourth - 1)
    assert abs((scaled**4).mean() - fourth) < bound * np.sqrt(eighth - fourth**2)


def assert_normal(values, variance):
    assert_moments(values, variance, 3, 105)


def assert_uniform(values, bound):
    """Nothing beyond the bound, and the moments bound²/3, bound⁴/5 and bound⁸/9."""
    assert np.abs(values).max() <= bound * (1 + 1e-15)
    assert_moments(values, bound**2 / 3, 9 / 5, 81 / 9)


def assert_orthogonal(W):
    """WWᵀ = 1, or WᵀW = 1 where there are more rows than columns."""
    small = W @ W.T if W.shape[0] <= W.shape[1] else W.T @ W
    np.testing.assert_allclose(small, np.eye(len(small)), rtol=0, atol=1e-13)


def test_every_initialiser_is_tested_by_its_law():
    assert set(INITIALISERS) <= VARIANCES.keys() | OTHER_LAWS


@pytest.mark.parametrize("name", VARIANCES)
def test_moments_are_those_of_the_published_normal_law(name):
    of_weights, of_biases = VARIANCES[name]
    draws = [drawn(name, seed) for seed in range(10)]
    assert_normal(np.stack([W for W, _ in draws]), of_weights)
    biases = np.stack([b for _, b in draws])
    if of_biases:
        assert_normal(biases, of_biases)
    else:
        assert (biases == 0).all()


@pytest.mark.parametrize("name", BOUNDS)
def test_uniform_forms_lie_within_the_published_bound_and_have_its_moments(name):
    draws = [drawn(name, seed) for seed in range(10)]
    assert_uniform(np.stack([W for W, _ in draws]), BOUNDS[name])
    assert not any(b.any() for _, b in draws)


@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (7, 7), (1, 9), (9, 1)])
def test_orthogonal_weights_are_orthogonal_and_turned_any_way(shape):
    draws = [drawn("orthogonal", seed, *shape) for seed in range(400)]
    for W, b in draws:
        assert_orthogonal(W)
        assert not b.any()
    # without the signs of R, QR's first entries would lean to one side: each is of mean 0 and variance 1/max
    entries = np.array([W[0, 0] for W, _ in draws]) * np.sqrt(max(shape))
    assert abs(entries.mean()) < 5 / np.sqrt(400)


def test_a_start_states_the_standard_deviation_that_it_draws():
    for start in (INITIALISERS[name] for name in INITIALISERS):
        law = start.of(TANH)
        W = np.stack([law(np.random.default_rng(seed), FAN_OUT, FAN_IN)[0] for seed in range(10)])
        assert abs(W.std() / law.sigma(FAN_OUT, FAN_IN) - 1) < 5 * np.sqrt(0.5 / W.size)


@pytest.mark.parametrize("name", [*INITIALISERS, "sigma_w=1.5,sigma_b=0.2"])
def test_shapes_are_fan_out_by_fan_in_and_the_same_seed_gives_the_same_bits(name):
    first, second = (drawn(name, 7, 3, 4) for _ in range(2))
    assert first[0].shape == (3, 4)
    assert first[1].shape == (3,)
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_law_of_another_variance_would_be_caught():
    values = np.random.default_rng(0).standard_normal((10, FAN_OUT, FAN_IN))
    with pytest.raises(AssertionError):
        assert_normal(values, 1.01)
    uniform = np.random.default_rng(0).uniform(-np.sqrt(3), np.sqrt(3), values.shape)
    with pytest.raises(AssertionError):
        assert_normal(uniform, 1)
    with pytest.raises(AssertionError):
        assert_uniform(uniform, 1.01 * np.sqrt(3))
    with pytest.raises(AssertionError):
        assert_uniform(uniform, 0.999 * np.sqrt(3))
    with pytest.raises(AssertionError):
        assert_orthogonal(values[0] / np.sqrt(FAN_IN))


@pytest.mark.parametrize(("name", "sigma_b"), [("critical", 0.0), ("critical,sigma_b=0.2", 0.2)])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "hardtanh"])
def test_critical_asks_the_theory_for_the_networks_own_activation(name, sigma_b, activation):
    net = cd.Network([4, 900, 800, 3], activation, "quadratic", init=name)
    assert net.init == name
    critical = cd.critical_sigma_w(activation, sigma_b)
    assert abs(net.weights[1].std() * np.sqrt(900) / critical - 1) < 5 * np.sqrt(0.5 / 720_000)
    assert (sigma_b == 0) == (not net.biases[1].any())
    assert cd.mean_field(activation, critical, sigma_b).phase == "critical"


@pytest.mark.parametrize(("name", "sigma_b"), [("gelu", 0.0), ("gelu", 0.2), ("silu", 0.0), ("mish", 0.2)])
def test_critical_is_refused_where_signals_leave_the_point(name, sigma_b):
    """gelu's point at σ_b = 0 is σ_w = 2, where signals grow, and gradients explode with them."""
    points = cd.critical_points(name, sigma_b)
    assert points
    assert not any(point.stable for point in points)
    with pytest.raises(BadValue, match="only where signals leave the point") as caught:
        cd.Network([4, 9, 3], name, init=f"critical,sigma_b={sigma_b}")
    (text,) = re.findall(r"or (sigma_w=\S+)", str(caught.value))
    assert cd.Network([4, 9, 3], name, init=text).init == text
    assert initialiser(text) == cd.Gaussian(points[0].sigma_w, sigma_b)


@pytest.mark.filterwarnings("error")
def test_numbers_that_a_dtype_cannot_hold_are_refused():
    with pytest.raises(BadValue, match="beyond float32; give"):
        cd.Network([4, 9, 3], init="sigma_w=1e60", dtype="float32")
    assert np.isfinite(cd.Network([4, 9, 3], init="sigma_w=1e60").weights[0]).all()


def test_a_gaussian_is_the_same_by_its_text_and_is_told_by_it():
    one, other = (
        cd.Network([5, 4, 3], init=init, rng=3) for init in (cd.Gaussian(1.5, 0.2), "sigma_w=1.5,sigma_b=0.2")
    )
    assert one.init == other.init == cd.Gaussian(1.5, 0.2).name
    for a, b in zip(one.weights + one.biases, other.weights + other.biases, strict=True):
        np.testing.assert_array_equal(a, b)
    assert initialiser(one.init) == cd.Gaussian(1.5, 0.2)
    assert initialiser("sigma_w=2") == cd.Gaussian(2.0, 0.0)
    odd = cd.Gaussian(1 / 3, 1e-300)
    assert initialiser(odd.name) == odd


def halves(rng, fan_out, fan_in):
    return rng.choice([-0.5, 0.5], (fan_out, fan_in)), [0.25] * fan_out


def test_an_own_function_is_called_for_each_layer_and_told_by_its_name():
    net = cd.Network([4, 3, 2], init=halves, rng=1)
    again = cd.Network([4, 3, 2], init=halves, rng=1)
    assert net.init == "halves"
    assert [set(np.abs(W).ravel()) for W in net.weights] == [{0.5}, {0.5}]
    assert [b.tolist() for b in net.biases] == [[0.25] * 3, [0.25] * 2]
    assert all((a == b).all() for a, b in zip(net.weights, again.weights, strict=True))


@pytest.mark.parametrize("init", [halves, "orthogonal", "critical", "xavier_uniform", cd.Gaussian(1.5, 0.2)])
def test_a_record_keeps_how_a_network_was_drawn_and_the_network_comes_back(init, tmp_path):
    net, data = cd.Network([64, 6, 10], "tanh", init=init, rng=2), cd.load_data("digits").take(20)
    first = [W.copy() for W in net.weights]
    record = cd.train(net, data, 1, folder=tmp_path)
    assert record.settings["init"] == net.init
    assert json.loads((tmp_path / "run.json").read_text())["settings"]["init"] == net.init
    back = cd.load_network(tmp_path)
    assert back.init == net.init
    assert all((a == b).all() for a, b in zip(back.weights, net.weights, strict=True))
    again = cd.Network([64, 6, 10], "tanh", init=init, rng=record.settings["init_seed"])
    assert all((a == b).all() for a, b in zip(again.weights, first, strict=True))


BAD = {
    "one array": (lambda rng, m, n: np.zeros((m, n)), BadValue, "two arrays"),
    "nothing": (lambda rng, m, n: None, BadValue, "two arrays"),
    "words": (lambda rng, m, n: ("wide", "narrow"), BadValue, "two arrays"),
    "turned": (lambda rng, m, n: (np.zeros((n, m)), np.zeros(m)), BadShape, r"\(3, 4\)"),
    "NaN": (lambda rng, m, n: (np.full((m, n), np.nan), np.zeros(m)), BadValue, "NaN"),
    "sigma 0": ("sigma_w=0", BadValue, "sigma_w is 0"),
    "sigma NaN": ("sigma_w=nan", BadValue, "sigma_w is nan"),
    "sigma_b below 0": ("critical,sigma_b=-1", BadValue, "sigma_b is -1"),
    "critical of another number": ("critical,sigma_w=1", BadValue, "critical,sigma_b=0.2"),
    "a number twice": ("sigma_w=1,sigma_w=2", BadValue, "give a name, or sigma_w"),
    "sigma_b alone": ("sigma_b=1", BadValue, "give a name, or sigma_w"),
    "no number": ("sigma_w=", BadValue, "give a name, or sigma_w"),
    "complex numbers": (lambda rng, m, n: (np.full((m, n), 1j), np.zeros(m)), BadValue, "no two arrays of numbers"),
    "critical nowhere": ("critical,sigma_b=0.2", BadValue, "critical at no sigma_w"),
}


@pytest.mark.parametrize(("init", "error", "said"), BAD.values(), ids=BAD)
def test_what_is_no_initialiser_is_refused_in_one_line(init, error, said):
    with pytest.raises(error, match=said) as caught:
        cd.Network([4, 3, 2], "relu", "quadratic", init=init)
    assert "\n" not in str(caught.value)


def test_a_sigma_that_is_none_is_refused_by_gaussian():
    for given in ((0, 0), (-1, 0), (np.inf, 0), (1, -0.1), (1, np.nan), ("1", 0), (None, 0)):
        with pytest.raises(BadValue, match="give a finite number"):
            cd.Gaussian(*given)


def test_weights_of_torchs_own_initialisers_pass_the_same_tests():
    torch = pytest.importorskip("torch")
    ways = {
        "glorot": torch.nn.init.xavier_normal_, "he": torch.nn.init.kaiming_normal_,
        "glorot_uniform": torch.nn.init.xavier_uniform_, "he_uniform": torch.nn.init.kaiming_uniform_,
    }  # fmt: skip
    torch.manual_seed(0)
    for name, fill in ways.items():
        values = np.stack([fill(torch.empty(FAN_OUT, FAN_IN, dtype=torch.float64)).numpy() for _ in range(10)])
        assert_uniform(values, BOUNDS[name]) if name in BOUNDS else assert_normal(values, VARIANCES[name][0])
    for shape in ((30, 50), (50, 30)):
        assert_orthogonal(torch.nn.init.orthogonal_(torch.empty(shape, dtype=torch.float64)).numpy())


def test_an_own_functions_name_is_never_empty():
    class Made:
        def __call__(self, rng, fan_out, fan_in):
            return halves(rng, fan_out, fan_in)

    assert Own(Made()).name == "Made"
    assert cd.Network([4, 3, 2], init=Made()).init == "Made"
