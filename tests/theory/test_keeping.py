"""keeping(): its ends against mpmath's integrals of the plain formulas, layer by layer, and what it cannot know."""

import math

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue, UnknownName
from chainderiv.functions.lookup import neuron
from chainderiv.theory.keeping import _Kept, balanced, wide_course, wide_log_ratio
from chainderiv.theory.moments import moments
from tests import plain
from tests.theory import averages


def plain_log_ratio(name, sigma_w, sigma_b, steps, digits=25):
    """½ Σ log(σ_w² E φ'²) by mpmath."""
    with mp.workdps(digits):
        phi, prime = plain.PHI[name], lambda z: plain.phi_prime(name, z)
        a, log = mp.mpf(sigma_w) ** 2, mp.mpf(0)
        q = a + mp.mpf(sigma_b) ** 2
        for k in range(steps):
            log += mp.log(a * averages.average(lambda z: prime(z) ** 2, name, q, digits)) / 2
            if k < steps - 1:
                q = a * averages.average(lambda z: phi(z) ** 2, name, q, digits) + mp.mpf(sigma_b) ** 2
        return log


def off_by(name, root, level, sigma_b, steps):
    """How far σ_w is from where mpmath's log ratio is the level: one step of Newton's method."""
    log = plain_log_ratio(name, root, sigma_b, steps)
    with mp.workdps(25):
        slope = (plain_log_ratio(name, mp.mpf(root) * (1 + mp.mpf("1e-6")), sigma_b, steps) - log) / (
            root * mp.mpf("1e-6")
        )
        return abs(float((log - level) / slope))


SLOW = [
    ("sigmoid", 3, 0.0),
    ("gelu", 4, 0.5),
    ("selu", 4, 0.0),
    ("hardtanh", 4, 0.2),
    ("mish", 3, 0.0),
    ("relu6", 3, 1.0),
]


@pytest.mark.parametrize(
    ("name", "depth", "sigma_b"), [("tanh", 3, 0.0), *(pytest.param(*each, marks=pytest.mark.slow) for each in SLOW)]
)
def test_at_its_ends_the_gradient_changes_by_exactly_the_factor_and_each_is_as_near_as_it_says(name, depth, sigma_b):
    (kept,) = cd.keeping(name, depth, 2.0, sigma_b).intervals
    ends = ((kept.low, kept.low_error, -1), (kept.high, kept.high_error, 1))
    for end, error, side in ends:
        level = side * mp.log(2)
        assert off_by(name, end, level, sigma_b, depth - 1) <= error < 1e-12 * end
        planted = end * (1 + 1e-9)
        assert off_by(name, planted, level, sigma_b, depth - 1) > error


def test_where_it_is_balanced_the_ratio_is_1_by_mpmath():
    (root,) = balanced(neuron("tanh"), 3)
    assert off_by("tanh", root.sigma_w, 0, 0.0, 2) <= root.error < 1e-12


@pytest.mark.parametrize(("name", "slopes"), [("relu", 0.5), ("identity", 1.0), ("leaky_relu", 0.50005)])
def test_of_lines_the_ends_are_roots_of_the_factor(name, slopes):
    (kept,) = cd.keeping(name, 21, 3.0).intervals
    assert kept.low == pytest.approx(3 ** (-1 / 20) / math.sqrt(slopes), rel=1e-14)
    assert kept.high == pytest.approx(3 ** (1 / 20) / math.sqrt(slopes), rel=1e-14)


def test_over_many_layers_the_ratio_approaches_that_of_mean_field():
    (at,) = wide_log_ratio(neuron("tanh"), np.array([1.5]), 0.2, 400) - wide_log_ratio(
        neuron("tanh"), np.array([1.5]), 0.2, 300
    )
    assert at == pytest.approx(100 * math.log(cd.mean_field("tanh", 1.5, 0.2).chi_1) / 2, rel=1e-10)


class Waves(_Kept):
    """A log ratio that passes the factor many times: 3 sin 2x over x = log σ_w."""

    def log(self, x):
        return 3 * np.sin(2 * np.asarray(x))

    def _integrated(self, sigma_w):
        return self.log(np.log(sigma_w)), np.zeros_like(sigma_w)


def test_every_interval_is_found_where_there_are_several():
    kept = Waves(moments(neuron("tanh")), 0.0, 5).within(0.3)
    inner = [one for one in kept if not math.isnan(one.low + one.high)]
    half = math.asin(0.1) / 2
    middles = [k * math.pi / 2 for k in range(-4, 5)]
    assert [math.log(one.low) for one in inner] == pytest.approx([m - half for m in middles], abs=1e-12)
    assert [math.log(one.high) for one in inner] == pytest.approx([m + half for m in middles], abs=1e-12)


def test_an_interval_narrower_than_a_step_of_the_search_is_found():
    (kept,) = cd.keeping("silu", 100, 1.01).intervals
    assert 0 < kept.high - kept.low < 1e-5
    low, high = wide_log_ratio(neuron("silu"), np.array([kept.low, kept.high]), 0.0, 99)
    assert (low, high) == pytest.approx((-math.log(1.01), math.log(1.01)), rel=1e-6)


def test_one_layer_alone_keeps_it_whatever_sigma_w_is():
    assert cd.keeping("tanh", 1).intervals == ((0.0, math.inf, 0.0, 0.0),)
    assert "sigma_w: any" in str(cd.keeping("tanh", 1))


@pytest.mark.parametrize("factor", [math.exp(13.5), 1e12, 1e40])
def test_ends_are_found_however_far_a_large_factor_puts_them(factor):
    (kept,) = cd.keeping("relu", 3, factor).intervals
    assert kept.low == pytest.approx(math.sqrt(2 / factor), rel=1e-12)
    assert kept.high == pytest.approx(math.sqrt(2 * factor), rel=1e-12)


def test_an_end_where_expectations_are_not_known_is_not_known():
    (kept,) = cd.keeping("tanh", 3, 1e12).intervals
    assert kept.low == pytest.approx(1e-6, rel=1e-10)  # q is next to 0, and φ' to 1
    assert math.isnan(kept.high)
    assert "to not known" in str(cd.keeping("tanh", 3, 1e12))


@pytest.mark.parametrize(("name", "slope", "power"), [("silu", 0.5, 1), ("elu", 1.0, 1), ("cube", 3.0, 3)])
def test_signals_that_shrink_below_every_number_are_followed_by_their_logarithms(name, slope, power):
    phi = neuron(name) if power == 1 else cd.Activation.from_formula("cube", "z^3")
    w, steps = 1e-9, 12
    log, log_q = wide_course(phi, np.array([w]), 0.0, steps)
    a, q, want = mp.mpf(w) ** 2, mp.mpf(w) ** 2, mp.mpf(0)
    for _ in range(steps):  # V = slope² q, of the cube 15 q³; M₂ = slope², of the cube 27 q²
        want += mp.log(a * (slope**2 if power == 1 else 27 * q**2)) / 2
        q = a * (slope**2 * q if power == 1 else 15 * q**3)
    assert log[0] == pytest.approx(float(want), rel=1e-8)
    assert log_q[0] == pytest.approx(float(mp.log(q / a)), rel=1e-8)


@pytest.mark.parametrize("factor", [1.0000001, 1.0000000000000002, 2.5])
def test_a_factor_is_printed_as_it_is(factor):
    assert f"within a factor {factor!r} of" in str(cd.keeping("relu", 3, factor))


@pytest.mark.parametrize("sigma_b", [1e200, 1e308, 1e-200])
def test_a_bias_whose_square_float64_does_not_hold_is_refused(sigma_b):
    with pytest.raises(BadValue, match="too far for its square; give one from 0, or 1e-100 to 1e[+]100"):
        cd.keeping("tanh", 5, 2, sigma_b)


def test_where_none_is_known_it_is_said():
    kept = cd.keeping("relu2", 50)
    assert kept.intervals == ()
    assert "not known, or none" in str(kept)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"depth": 0}, "depth is 0"),
        ({"depth": 2.5}, "depth is 2.5"),
        ({"depth": 1001}, "a whole number from 1 to 1000"),
        ({"factor": 1.0}, "factor is 1.0; give a finite number > 1"),
        ({"factor": math.nan}, "factor is nan"),
        ({"factor": "2"}, "factor is '2'"),
        ({"sigma_b": -1}, "sigma_b is -1"),
        ({"sigma_b": math.inf}, "sigma_b is inf"),
        ({"activation": cd.Activation.from_formula("step", "where(z>0, 1+z, z)")}, "jumps"),
    ],
)
def test_what_is_no_question_is_one_line(given, said):
    with pytest.raises(BadValue) as caught:
        cd.keeping(**{"activation": "tanh", "depth": 5} | given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_told():
    with pytest.raises(UnknownName, match="tanh"):
        cd.keeping("tahn", 5)


@pytest.mark.parametrize(("depth", "sigma_b"), [(3, 0.0), (3, 0.5), (10, 0.0)])
def test_a_neuron_that_begins_beyond_0_has_ends_too_though_nothing_is_known_of_the_smallest_signals(depth, sigma_b):
    (kept,) = cd.keeping("softshrink", depth, 2, sigma_b).intervals
    for end, want in ((kept.low, -math.log(2)), (kept.high, math.log(2))):
        assert float(plain_log_ratio("softshrink", end, sigma_b, depth - 1)) == pytest.approx(want, abs=1e-11)
    assert max(kept.low_error, kept.high_error) < 1e-13
    assert cd.advise("softshrink", depth, 100).after.gradient == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("name", "factor"), [("relu2", 1e40), ("elu", 1e40), ("elu", 1e80), ("cube", 1e30)])
def test_the_error_of_an_end_far_out_is_a_small_share_of_it(name, factor):
    phi = neuron(name) if name != "cube" else cd.Activation.from_formula("cube", "z^3")
    (kept,) = cd.keeping(phi, 4, factor).intervals
    # a σ_w and q_1 = σ_w²: of elu M₂ = 1; of relu2 V = 3 q²/2 and M₂ = 2 q; of the cube V = 15 q³ and M₂ = 27 q²
    V, M2 = {"elu": ((1, 1), (1, 0)), "relu2": ((1.5, 2), (2, 1)), "cube": ((15, 3), (27, 2))}[name]

    def log_ratio(w):
        a = q = mp.mpf(w) ** 2
        total = mp.mpf(0)
        for _ in range(3):
            total += mp.log(a * M2[0] * q ** M2[1]) / 2
            q = a * V[0] * q ** V[1]
        return total

    want = mp.findroot(lambda x: log_ratio(mp.exp(x)) + mp.log(factor), math.log(kept.low))
    assert kept.low_error < 1e-10 * kept.low
    assert abs(kept.low - float(mp.exp(want))) <= kept.low_error + 1e-13 * kept.low


def test_below_the_table_a_power_is_taken_only_where_it_is_the_last_one():
    phi = cd.Activation.from_formula("f", "z^3+1e-22*z")  # a cube to q = 1e-22, and below it a line
    assert np.isnan(wide_course(phi, np.array([1e-3]), 0.0, 5)).all()
