"""A chain of random weights: drawn chains, a second numerical method, and what can be done by hand say the same."""

import math
from itertools import product

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.functions.lookup import neuron
from chainderiv.theory.one_neuron.link_chance import smaller, smaller_over_steps
from chainderiv.theory.one_neuron.random_chain import FINE, random_chain
from chainderiv.theory.one_neuron.reach import reach
from tests import plain
from tests.kinds import slow

WEIGHT = -(np.euler_gamma + math.log(2)) / 2  # E log|w| of w ~ N(0, 1)
CRITICAL = math.sqrt(2 * math.exp(np.euler_gamma))  # σ_w at which E log|w| = 0
SPREAD = math.pi**2 / 8  # its variance
SLOPES = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: -np.abs(z) - 2 * np.log1p(np.exp(-np.abs(z)))),
    "tanh": (np.tanh, lambda z: 2 * (math.log(2) - np.abs(z) - np.log1p(np.exp(-2 * np.abs(z))))),
    "softplus": (lambda z: np.logaddexp(0, z), lambda z: -np.logaddexp(0, -z)),
}


def drawn(name, w, b, chains, layers, x=0.5, seed=0):
    """log|w_l| and log|φ'(z_l)| of many chains, (layers, chains) each, by the plain formulas."""
    phi, slope = SLOPES[name]
    rng = np.random.default_rng(seed)
    a, weights, slopes = np.full(chains, x), [], []
    for _ in range(layers):
        drawn_w = rng.normal(0, w, chains)
        z = drawn_w * a + rng.normal(0, b, chains)
        a = phi(z)
        weights.append(np.log(np.abs(drawn_w)))
        slopes.append(slope(z))
    return np.array(weights), np.array(slopes)


def within(got, samples, errors=3.0):
    """Whether a number is the samples' mean, within so many of its standard errors."""
    return abs(got - np.mean(samples)) < errors * np.std(samples, ddof=1) / math.sqrt(len(samples))


def by_trapezoids(name, w, b, points=701):
    """The exponent a second way: the density of z itself at z = c sinh v, v even, by going round until it stands."""
    phi, slope = SLOPES[name]
    c = b / w
    v = np.linspace(-1, 1, points) * math.asinh(11 * math.hypot(w, b) / c)
    z = c * np.sinh(v)
    s = np.sqrt(w * w * phi(z) ** 2 + b * b)
    step = np.exp(-((z / s[:, None]) ** 2) / 2) / s[:, None] / math.sqrt(2 * math.pi) * c * np.cosh(v) * (v[1] - v[0])
    law = np.full(points, 1.0 / points)
    for _ in range(150):
        law = law @ step
        law /= law.sum()
    return math.log(w) + WEIGHT + float(law @ slope(z))


@pytest.mark.parametrize(
    ("name", "w", "b"),
    [
        *[("sigmoid", 1.0, 1.0), ("tanh", 1.5, 0.2), ("tanh", 3.0, 0.1), ("sigmoid", 12.0, 0.5)],
        *[("softplus", 0.08, 1.0), ("softplus", 0.01, 0.3)],
    ],
)
def test_the_exponent_is_that_of_the_density_of_z_on_even_points(name, w, b):
    r = random_chain(name, w, b)
    other = by_trapezoids(name, w, b)
    assert abs(r.exponent - other) <= 1e-12 * max(1, abs(other))
    assert abs(r.exponent - other) <= r.error + 1e-13  # what it says of itself is no smaller than what it is
    assert r.error < 1e-12
    assert abs(r.exponent * (1 + 1e-11) - other) > 1e-12  # a planted error is seen


def test_nielsens_chain_has_a_typical_link_of_a_tenth():
    r = random_chain("sigmoid", sigma_w=1, sigma_b=1)
    assert abs(r.exponent + 2.30758479092508) < 1e-13
    assert f"{r.typical_link:.4f}" == "0.0995"
    assert r.weight_probability() == pytest.approx(float(mp.erf(1 / mp.sqrt(2))), rel=1e-15)


@pytest.mark.parametrize("w", [0.5, 1.0, 1.5, 1.88])
def test_without_biases_tanh_ends_at_0_and_its_links_are_its_weights(w):
    r = random_chain("tanh", w, 0.0)
    assert r.exponent == pytest.approx(math.log(w) + WEIGHT, rel=1e-14)
    assert r.variance == pytest.approx(SPREAD, rel=1e-14)
    assert r.case == "z tends to 0"
    assert r.probability(0.25) == pytest.approx(math.erf(0.25 / w / math.sqrt(2)), rel=1e-14)


def test_tanh_without_biases_is_critical_at_the_root_of_twice_e_to_gamma():
    critical = float(mp.sqrt(2 * mp.exp(mp.euler)))
    assert f"{critical:.5f}" == "1.88736"
    assert abs(random_chain("tanh", critical, 0.0).exponent) < 1e-15
    assert random_chain("tanh", critical * 0.999, 0.0).exponent < 0
    # beyond it z settles away from 0, where tanh is flatter, and gradients vanish again
    assert random_chain("tanh", 2.5, 0.0).exponent < 0


LINES = product(
    [("identity", 1.0, 1.0), ("leaky_relu", 0.01, 1.0), ("prelu", 0.25, 1.0)], [(1.0, 1.0), (0.7, 0.0), (40.0, 1.0)]
)


@pytest.mark.parametrize(
    ("name", "left", "right", "w", "b"),
    # each law of z
    [line + law if line[0] == "prelu" else slow(line + law) for line, law in LINES],
)
def test_lines_are_a_product_of_weights_and_tossed_slopes_whether_z_settles_or_grows(name, left, right, w, b):
    r = random_chain(name, w, b)
    assert r.exponent == pytest.approx(math.log(w) + WEIGHT + math.log(left * right) / 2, rel=1e-12)
    assert r.variance == pytest.approx(SPREAD + (math.log(left / right) / 2) ** 2, rel=1e-10)
    toss = [math.erf(0.3 / w / slope / math.sqrt(2)) for slope in (left, right)]
    assert r.probability(0.3) == pytest.approx(sum(toss) / 2, rel=1e-8)
    slopes = math.log(left * right) / 2, (math.log(left / right) / 2) ** 2
    assert r.mean(5) == pytest.approx(4 * (math.log(w) + WEIGHT) + 5 * slopes[0], rel=1e-11)
    assert r.sd(5) == pytest.approx(math.sqrt(4 * SPREAD + 5 * slopes[1]), rel=1e-10)


def test_a_line_with_biases_has_the_tail_that_its_weights_give():
    """Kesten: E|w|^κ = 1, and of w ~ N(0, 1) the second moment is 1."""
    assert random_chain("identity", 1.0, 1.0).index == pytest.approx(2, rel=1e-12)
    # one side alone grows: E|w|^κ = 2
    k = mp.findroot(lambda k: mp.power(2, k / 2) * mp.gamma((k + 1) / 2) / mp.sqrt(mp.pi) - 2, 3.3)
    assert random_chain("gelu", 1.0, 1.0).index == pytest.approx(float(k), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "w", "b"), [("sigmoid", 1.0, 1.0), ("tanh", 1.5, 0.2), ("tanh", 3.0, 0.1), ("softplus", 0.6, 0.5)]
)
def test_variance_and_probability_are_those_of_drawn_chains(name, w, b):
    r = random_chain(name, w, b)
    layers, start = 230, 30
    weights, slopes = drawn(name, w, b, chains=4000, layers=layers, seed=3)
    links = (weights + slopes)[start:]
    sums = links.sum(axis=0)
    count = len(links)
    assert within(r.exponent, sums / count)
    squares = (sums - sums.mean()) ** 2
    # what the ends of a stretch lack of it does not grow: two stretches tell what a layer adds
    half = links[: count // 2].sum(axis=0)
    added = (squares - (half - half.mean()) ** 2) / (count - count // 2)
    assert within(r.variance, added)
    assert not within(1.2 * r.variance, added)  # an error of a fifth is seen
    below = (links < math.log(0.25)).mean(axis=0)
    assert within(r.probability(0.25), below)
    assert not within(r.probability(0.25) + 0.01, below)


@pytest.mark.parametrize("name", ["softplus", "elu", "gelu"])
@pytest.mark.parametrize("w", [1e-8, 1e-100])
def test_weights_as_small_as_they_like_leave_the_biases_own_law(name, w):
    """z is then N(0, σ_b²): mpmath's integral, cut at the zero of gelu's slope."""
    zero = [mp.findroot(lambda z: plain.phi_prime(name, z), -1)] if name == "gelu" else []
    slope = mp.quad(
        lambda z: mp.log(abs(plain.phi_prime(name, z))) * mp.npdf(z, 0, 0.5), [-6, -2, -1, *zero, -0.5, 0, 1, 6]
    )
    r = random_chain(name, w, 0.5)
    want = math.log(w) + WEIGHT + float(slope)
    assert r.exponent == pytest.approx(want, rel=1e-13)
    assert abs(r.exponent - want) <= r.error + 1e-14 * abs(want)


@pytest.mark.parametrize(("depth", "chains"), [(24, 3000), (100, 1000)])
@pytest.mark.parametrize(("name", "w", "b", "x"), [("sigmoid", 1.0, 1.0, 0.5), ("tanh", 2.0, 0.3, 3.0)])
def test_mean_and_spread_at_a_depth_are_those_that_evaluate_finds(name, w, b, x, depth, chains):
    rng = np.random.default_rng(depth)
    weights, biases = rng.normal(0, w, (chains, depth)), rng.normal(0, b, (chains, depth))
    gradient = cd.evaluate(cd.Chain(depth, name), weights, biases, x=x, y=7.0).log
    a = np.full(chains, x)
    for layer in range(depth):
        a = SLOPES[name][0](weights[:, layer] * a + biases[:, layer])
    logs = gradient - np.log(np.abs(a - 7.0))  # but for the cost's own factor
    r = random_chain(name, w, b)
    assert within(r.mean(depth, x), logs)
    assert within(r.sd(depth, x) ** 2, (logs - logs.mean()) ** 2)
    assert not within(r.mean(depth, x) * 1.05, logs)
    assert not within((1.2 * r.sd(depth, x)) ** 2, (logs - logs.mean()) ** 2)


def test_one_layer_is_the_mean_over_a_gaussian():
    r = random_chain("tanh", 1.5, 0.5)
    s = mp.sqrt(1.5**2 * 0.25 + 0.25)
    terms = [
        mp.quad(lambda z, k=k: mp.log(mp.sech(z) ** 2) ** k * mp.npdf(z, 0, s), [-12, -3, 0, 3, 12]) for k in (1, 2)
    ]
    assert r.mean(1) == pytest.approx(float(terms[0]), rel=1e-12)
    assert r.sd(1) == pytest.approx(float(mp.sqrt(terms[1] - terms[0] ** 2)), rel=1e-11)


def test_two_layers_are_an_integral_over_the_plane():
    r = random_chain("sigmoid", 2.0, 0.5)
    s = math.hypot(2.0 * 0.5, 0.5)
    x = np.linspace(-9, 9, 2001)
    phi, slope = SLOPES["sigmoid"]
    first = s * x
    spread = np.sqrt(4 * phi(first) ** 2 + 0.25)
    weight = np.exp(-x * x / 2) / math.sqrt(2 * math.pi) * (x[1] - x[0])
    want = weight @ (slope(first) + slope(spread[:, None] * x) @ weight) + math.log(2) + WEIGHT
    assert r.mean(2) == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("name", [slow("gelu"), "silu", slow("mish")])
def test_a_zero_of_the_slope_is_integrated_through(name):
    """One layer, where the law of z is a Gaussian: mpmath cuts at the zero, and so must the panels."""
    s = math.hypot(0.9 * 0.5, 0.4)
    zero = mp.findroot(lambda z: plain.phi_prime(name, z), -1)
    want = mp.quad(
        lambda z: mp.log(abs(plain.phi_prime(name, z))) * mp.npdf(z, 0, s),
        [-12 * s, -6 * s, -3 * s, zero, -0.3, 0, 3 * s, 12 * s]
        if zero > -3 * s
        else [-12 * s, -6 * s, zero, -s, 0, 3 * s, 12 * s],
    )
    assert random_chain(name, 0.9, 0.4).mean(1) == pytest.approx(float(want), rel=1e-12)


def test_the_exponent_of_gelu_is_that_of_drawn_chains():
    r = random_chain("gelu", 0.7, 0.5)
    rng, chains = np.random.default_rng(5), 20_000
    from scipy.special import ndtr

    a, total = np.full(chains, 0.5), np.zeros(chains)
    for layer in range(80):
        w = rng.normal(0, 0.7, chains)
        z = w * a + rng.normal(0, 0.5, chains)
        a = z * ndtr(z)
        if layer >= 20:
            total += np.log(np.abs(w * (ndtr(z) + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi))))
    assert within(r.exponent, total / 60)
    assert not within(r.exponent + 0.02, total / 60)


def test_a_flat_side_ends_every_gradient_and_what_is_alive_is_told_apart():
    r = random_chain("relu", 0.8, 0.0)
    assert r.exponent == -math.inf
    assert "φ'" in r.case
    assert [r.alive(depth) for depth in (1, 2, 10)] == pytest.approx([0.5, 0.25, 2.0**-10], rel=1e-12)
    # alive it is a product of weights
    assert r.mean(10) == pytest.approx(9 * (math.log(0.8) + WEIGHT), rel=1e-12)
    assert r.sd(10) == pytest.approx(math.sqrt(9 * SPREAD), rel=1e-12)
    biased = random_chain("relu", 0.8, 0.3)
    assert biased.exponent == -math.inf
    assert biased.case == "φ' = 0 with probability 0.5 a layer: the gradient is 0 sooner or later"
    assert biased.alive(10) == pytest.approx(2.0**-10, rel=1e-12)


def test_where_no_gradient_is_left_there_is_a_chance_of_0_and_no_mean():
    """softshrink is flat within ±½, and z hardly leaves ±0.05."""
    r = random_chain("softshrink", 0.3, 0.01)
    assert r.alive(24) == 0.0
    with pytest.raises(BadValue, match="no gradient is left but by a chance .*; give"):
        r.mean(24)
    with pytest.raises(BadValue, match="no gradient is left"):
        random_chain("softshrink", 0.3, 0.0).sd(1, x=0.01)


def test_hardtanh_alive_is_what_drawn_chains_show():
    r = random_chain("hardtanh", 1.2, 0.4)
    rng, chains = np.random.default_rng(8), 200_000
    a, total, alive = np.full(chains, 0.5), np.zeros(chains), np.ones(chains, bool)
    for layer in range(8):
        w = rng.normal(0, 1.2, chains)
        z = w * a + rng.normal(0, 0.4, chains)
        a = np.clip(z, -1, 1)
        alive &= np.abs(z) < 1
        total += np.log(np.abs(w)) if layer else 0
    assert within(r.alive(8), alive.astype(float))
    assert within(r.mean(8), total[alive])
    assert within(r.sd(8) ** 2, (total[alive] - total[alive].mean()) ** 2)
    assert not within(1.03 * r.alive(8), alive.astype(float))


def test_where_log_slopes_fall_faster_than_the_law_of_z_there_is_no_mean():
    """gelu: log|φ'| falls as z²/2, and E z² is finite below σ_w = √2 alone, where half of w² is 1."""
    below, beyond = random_chain("gelu", 1.3, 0.5), random_chain("gelu", 1.5, 0.5)
    assert math.isfinite(below.exponent)
    assert below.variance == math.inf
    assert beyond.exponent == -math.inf
    assert "E log|φ'(z)| is -∞" in beyond.case
    assert random_chain("gelu", 2**0.5, 0.5).index == pytest.approx(2, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "w", "b", "said"),
    [
        ("relu2", 1.0, 1.0, "grows faster than in proportion to z"),
        ("softshrink", 3.0, 0.0, "chance decides which"),
        ("gelu", 5.0, 0.0, "no mean way back is finite"),
        ("hardswish", 5.0, 0.0, "is thrown onto 0"),
        ("snake", 3.0, 1.0, "has no limit there"),
        ("snake", 1.0, 1.0, "turns too often"),
        (cd.Activation.from_formula("waves", "z*sin(z)"), 1.0, 1.0, "has no limit far out that is known"),
    ],
)
def test_what_has_no_honest_answer_is_refused_by_one_line(name, w, b, said):
    with pytest.raises(BadValue, match=said) as caught:
        random_chain(name, w, b)
    assert "\n" not in str(caught.value)
    assert "give" in str(caught.value)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "w", "b"),
    [
        *[("softsign", 1e10, 0.0), slow(("elu", 1e-200, 1e-200)), ("identity", 1e-200, 1e-200)],
        *[("identity", 1.8873, 1e200), ("softsign", 1.01 * CRITICAL, 0.0)],
    ],
)
def test_at_the_ends_of_float64_links_are_what_their_limits_say(name, w, b):
    """softsign: φ' = (φ/z)², and log|w φ/z| has the mean 0 where z settles; others: z is so small that φ is a line."""
    r = random_chain(name, w, b)
    want = -(math.log(w) + WEIGHT) if name == "softsign" else math.log(w) + WEIGHT
    assert abs(r.exponent - want) <= r.error
    assert r.error < 1e-6


@pytest.mark.parametrize("w", [slow(2.0), slow(1e5), 1e10])
def test_a_law_that_hardly_settles_is_solved_for_to_rounding(w):
    """Without biases log|w φ/z| of softsign has the mean 0, and φ' is (φ/z)²."""
    r, want = random_chain("softsign", w, 0.0), -(math.log(w) + WEIGHT)
    assert abs(r.exponent - want) <= min(r.error, 1e-12)
    assert r.error < 1e-12


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "w", "b"),
    [("tanh", 1e300, 1.0), ("tanh", 1.0, 1e249), ("identity", 1.0, 1e300), ("softsign", 1e308, 1e308)],
)
def test_what_leaves_float64_is_refused_by_one_line(name, w, b):
    with pytest.raises(BadValue, match="give") as caught:
        random_chain(name, w, b)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("above", [slow(1e-3), 1e-8, slow(1e-12)])
def test_a_law_that_hardly_settles_is_refused_and_not_guessed(above):
    with pytest.raises(BadValue, match="is not known"):
        random_chain("tanh", CRITICAL * (1 + above), 0.0)


@pytest.mark.parametrize(("w", "b"), [(0, 0), (-1, 0), (math.nan, 0), (math.inf, 0), (1, -1), (1, math.nan), ("1", 0)])
def test_a_sigma_that_is_none_is_refused(w, b):
    with pytest.raises(BadValue, match="sigma_[wb] is .*give a finite number >"):
        random_chain("tanh", w, b)


@pytest.mark.parametrize(("depth", "x"), [(0, 0.5), (2.5, 0.5), (True, 0.5), (3, math.nan), (3, "x"), (3, 1e300)])
def test_a_depth_or_an_input_that_is_none_is_refused(depth, x):
    with pytest.raises(BadValue, match="give a"):
        random_chain("tanh", 1.5, 0.2).mean(depth, x)


def test_zero_without_biases_stays_zero_and_is_refused():
    with pytest.raises(BadValue, match="every z is 0"):
        random_chain("tanh", 1.5, 0.0).mean(5, x=0)


@pytest.mark.parametrize(("name", "w", "b"), [("sigmoid", 1.0, 1.0), ("tanh", 3.0, 0.05)])
def test_a_chance_over_steps_is_the_same_where_there_are_none(name, w, b):
    walk = reach(neuron(name), w, b).walk(*FINE)
    plainly, resolved = smaller(walk, math.log(0.25)), smaller_over_steps(walk, math.log(0.25))
    assert resolved == pytest.approx(plainly, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "w"), [("sigmoid", 2.5), ("tanh", 3.0)])
def test_without_biases_chances_have_edges_and_are_those_of_drawn_chains(name, w):
    weights, slopes = drawn(name, w, 0.0, chains=4000, layers=400, seed=6)
    below = ((weights + slopes)[150:] < math.log(0.25)).mean(axis=0)
    found = random_chain(name, w, 0.0).probability(0.25)
    assert within(found, below)
    assert not within(found + 0.01, below)


def test_powers_of_z_that_overflow_do_not_hide_what_a_neuron_tends_to():
    """z³/(1 + z²) is z far out: with σ_w = 3 chains grow, and their links are weights."""
    r = random_chain(cd.Activation.from_formula("cubic", "z**3/(1 + z**2)"), 3.0, 1.0)
    assert r.case == "z grows without end"
    assert r.exponent == pytest.approx(math.log(3) + WEIGHT, rel=1e-14)
    assert random_chain(cd.Activation.from_formula("cubic", "z**3/(1 + z**2)"), 1.0, 1.0).index == pytest.approx(2)


def test_a_law_that_thins_out_slowly_keeps_the_digits_of_its_means():
    """softplus at σ_w = 1: κ = 3.38, and log|φ'| falls as |z|; drawn chains at three standard errors."""
    r = random_chain("softplus", 1.0, 0.5)
    weights, slopes = drawn("softplus", 1.0, 0.5, chains=20_000, layers=60, seed=2)
    links = (weights + slopes)[20:].mean(axis=0)
    assert r.error < 1e-12
    assert within(r.exponent, links)
    assert not within(r.exponent + 0.02, links)
