"""Fixed points, slopes and correlations are those of the plain formulas, and the degenerate ones have their name."""

import math

import mpmath as mp
import numpy as np
import pytest

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.maps.axis import Axis
from chainderiv.theory.critical import critical_points
from chainderiv.theory.mean_field import mean_field
from chainderiv.theory.moments import SLOPE
from chainderiv.theory.phase import phase_diagram
from tests import plain
from tests.kinds import costly, slow
from tests.theory import averages

WIDE = {"sigmoid": 4.0, "softsign": 3.0, "hardsigmoid": 3.0, "softplus": 0.6, "squareplus": 0.6, "relu2": 0.5,
        "softshrink": 1.2, "tanhshrink": 0.7, "logsigmoid": 0.6, "snake": 0.5, "identity": 0.8}  # fmt: skip


@pytest.mark.parametrize("name", costly(sorted(ACTIVATIONS)))
def test_q_star_and_its_slopes_are_those_of_fifty_digits(name):
    w, b = WIDE.get(name, 1.2), 0.3
    m = mean_field(name, w, b)
    assert m.q_star < math.inf
    at = averages.moments(name, mp.mpf(m.q_star), 50)
    with mp.workdps(50):
        a = mp.mpf(w) ** 2
        # one step of Newton's method at 50 digits leaves the square of the error
        step = (a * at[0] + mp.mpf(b) ** 2 - m.q_star) / (1 - a * at[SLOPE])
        right = [mp.mpf(m.q_star) + step, *(a * x for x in _moved(name, at, mp.mpf(m.q_star), step))]
    for got, want in zip((m.q_star, m.chi_q, m.chi_1), right, strict=True):
        assert abs(got - float(want)) <= 1e-12 * max(abs(float(want)), 1e-3), (got, want)


def _moved(name, at, q, step):
    """χ_q/a and χ₁/a at q + step; a step of rounding moves them by no more than it is long."""
    assert abs(step) < 1e-12 * q
    return at[2], at[1]


@pytest.mark.parametrize(("name", "w", "b"), [("tanh", 1.5, 0.2), ("sigmoid", 12.0, 0.5), ("tanh", 3.0, 0.1)])
def test_c_star_is_a_fixed_point_of_the_correlations_map(name, w, b):
    m = mean_field(name, w, b)
    assert m.q_star * m.c_star == pytest.approx(w**2 * _joint(name, m.q_star, m.c_star) + b**2, rel=1e-11)
    h = 1e-5
    rise = (_joint(name, m.q_star, m.c_star + h) - _joint(name, m.q_star, m.c_star - h)) / (2 * h)
    assert m.chi_c == pytest.approx(w**2 * rise / m.q_star, rel=1e-8)
    # a planted error of 1e-8 in c* is seen
    off = m.c_star + 1e-8
    assert abs(m.q_star * off - w**2 * _joint(name, m.q_star, off) - b**2) > 1e-10 * m.q_star * (1 - m.chi_c)


def _joint(name, q, c):
    """E φ(u) φ(v) by a trapezoid rule over the plane, which is spectral for what is analytic."""
    x = np.linspace(-9.5, 9.5, 1201)
    phi = (
        np.vectorize(lambda z: float(plain.PHI[name](mp.mpf(z))), otypes=[float]) if name not in _FAST else _FAST[name]
    )
    first, second = np.meshgrid(x, x)
    weight = np.exp(-(first**2 + second**2) / 2) / (2 * np.pi) * (x[1] - x[0]) ** 2
    u = np.sqrt(q) * first
    v = np.sqrt(q) * (c * first + np.sqrt(1 - c * c) * second)
    return float((weight * phi(u) * phi(v)).sum())


_FAST = {"tanh": np.tanh, "sigmoid": lambda z: 1 / (1 + np.exp(-z))}


def test_a_kinked_correlation_is_that_of_the_inner_integral_by_hand():
    """hardtanh: E(φ(v) | u) is a difference of normal integrals, and the outer one is cut at u = ±1."""
    m = mean_field("hardtanh", 1.5, 0.2)
    s, c = mp.sqrt(m.q_star), mp.mpf(m.c_star)
    spread = s * mp.sqrt(1 - c * c)

    def inner(mean):
        low, high = (-1 - mean) / spread, (1 - mean) / spread
        middle = mean * (mp.ncdf(high) - mp.ncdf(low)) + spread * (mp.npdf(low) - mp.npdf(high))
        return middle + mp.ncdf(-high) - mp.ncdf(low)

    cuts = [-10 * s, -5 * s, -2 * s, -1, 0, 1, 2 * s, 5 * s, 10 * s]
    joint = mp.quad(lambda u: min(max(u, -1), 1) * inner(c * u) * mp.npdf(u, 0, s), cuts)
    assert abs(m.q_star * m.c_star - float(m.sigma_w**2 * joint) - 0.04) < 1e-11


def test_c_star_near_one_keeps_its_digits():
    """Just inside the chaotic phase 1 - c* is (χ₁ - 1)/(d ln S/dc) to first order; tanh: dS/dc = q E φ''²."""
    m = mean_field("tanh", 1.3041458400565114 * (1 + 2e-8), 0.2)
    second = averages.average(lambda z: (2 * mp.tanh(z) / mp.cosh(z) ** 2) ** 2, "tanh", m.q_star)
    # the mean of S over [c, 1] is S(1) - (1 - c) S'(1)/2
    want = 2 * (m.chi_1 - 1) / (m.sigma_w**2 * m.q_star * float(second))
    assert m.phase == "chaotic"
    assert 1 - m.c_star == pytest.approx(want, rel=1e-4)
    assert 1e-8 < 1 - m.c_star < 1e-5


@pytest.mark.parametrize(
    ("name", "w", "b", "case", "phase"),
    [
        ("tanh", 1.5, 0.2, "", "chaotic"),
        ("tanh", 1.0, 0.0, "q* = 0", "critical"),
        ("tanh", 0.9, 0.0, "q* = 0", "ordered"),
        ("selu", 0.5, 0.0, "q* = 0 at a kink", "ordered"),
        ("relu", 2**0.5, 0.0, "a line of fixed points", "critical"),
        ("identity", 1.0, 0.0, "a line of fixed points", "critical"),
        ("leaky_relu", (2 / 1.0001) ** 0.5, 0.0, "a line of fixed points", "critical"),
        ("relu", 2**0.5, 0.1, "growth without end", "critical"),
        ("relu", 2.0, 0.0, "growth without end", "chaotic"),
        ("softshrink", 1.0, 0.0, "q* = 0", "ordered"),
        ("softshrink", 6.0, 0.0, "q* = 0", "ordered"),
        ("tanhshrink", 1.0, 0.0, "q* = 0", "ordered"),
        ("relu2", 0.5, 0.0, "q* = 0", "ordered"),
        ("relu", 1.0, 0.5, "", "ordered"),
        ("gelu", 2.1**0.5, 0.1**0.5, "several fixed points", "ordered"),
        ("gelu", 3.0, 0.1, "growth without end", "chaotic"),
        ("softplus", 2.0, 0.1, "growth without end", "chaotic"),
    ],
)
def test_each_case_has_its_name_and_phase(name, w, b, case, phase):
    m = mean_field(name, w, b)
    assert (m.case, m.phase) == (case, phase)


@pytest.mark.parametrize("name", ["softshrink", "tanhshrink", "relu2"])
def test_where_the_slope_at_0_is_0_small_signals_die_whatever_the_weights(name):
    """E φ² falls faster than q there: the map stays below the diagonal, and 0 is reached from any small length."""
    for w in (0.5, 3.0):
        m = mean_field(name, w)
        assert (m.q_star, m.chi_1, m.half_life) == (0, 0, 0)
        small = mp.mpf("1e-6")
        assert w**2 * averages.moments(name, small, 20)[0] < small / 10
        assert phase_diagram(name, Axis(w, w + 1, 3), Axis(0, 1, 2)).q_star[0].tolist() == [0, 0, 0]
    assert critical_points(name) == ()


@pytest.mark.parametrize(
    ("name", "b"),
    [
        ("softshrink", 0.03),
        slow(("softshrink", 0.05)),
        slow(("tanhshrink", 1e-4)),
        ("relu2", 1e-6),
        slow(("tanh", 5e-11)),
    ],
)
def test_what_hardly_passes_a_layer_has_a_fixed_point_all_the_same(name, b):
    """q* is σ_b² but for a share that no grid of r reaches: by iterating the map at 40 digits."""
    w = 0.3 if name == "tanh" else 3.0
    q = mp.mpf(b) ** 2
    for _ in range(12):
        q = mp.mpf(w) ** 2 * averages.moments(name, q)[0] + mp.mpf(b) ** 2
    m = mean_field(name, w, b)
    assert m.q_star == pytest.approx(float(q), rel=1e-6 if name == "tanh" else 1e-14)
    assert m.phase == "ordered"
    d = phase_diagram(name, Axis(w, w + 0.1, 2), Axis(b, b + 1, 2))
    assert d.q_star[0, 0] == pytest.approx(float(q), rel=1e-6)
    assert d.chi_1[0, 0] < 1


def test_selu_settles_at_one_and_a_kink_at_0_takes_the_mean_of_both_slopes():
    m = mean_field("selu", 1.0)
    scale, alpha = map(mp.mpf, plain.SELU)
    assert m.q_star == pytest.approx(1, abs=1e-14)
    at_0 = m.fixed_points[0]
    assert (at_0.q_star, at_0.stable) == (0, False)
    assert at_0.chi_1 == pytest.approx(float((scale**2 + (scale * alpha) ** 2) / 2), rel=1e-14)


def test_the_unstable_point_of_gelu_is_found_though_iterating_never_reaches_it():
    stable, unstable = mean_field("gelu", 2.1**0.5, 0.1**0.5).fixed_points
    assert (stable.stable, unstable.stable) == (True, False)
    for point in (stable, unstable):
        value = averages.moments("gelu", mp.mpf(point.q_star))[0]
        assert point.q_star == pytest.approx(float(2.1 * value + 0.1), rel=1e-12)


def test_nielsens_sigmoid_has_the_ratio_that_is_known():
    """√χ₁ at σ_w = σ_b = 1, by iterating the map from 1 at 30 digits."""
    q = mp.mpf(1)
    for _ in range(12):
        q = averages.average(lambda z: plain.sigmoid(z) ** 2, "sigmoid", q, 30) + 1
    chi = averages.average(lambda z: plain.sigmoid_prime(z) ** 2, "sigmoid", q, 30)
    m = mean_field("sigmoid", 1, 1)
    assert math.sqrt(m.chi_1) == pytest.approx(float(mp.sqrt(chi)), rel=1e-13)
    assert f"{math.sqrt(m.chi_1):.4f}" == "0.2048"


def test_what_grows_beyond_every_expectation_is_refused():
    with pytest.raises(BadValue, match="infinite, or out of float64's reach; give a smaller sigma_w"):
        mean_field(Activation.from_formula("steep", "z*exp(z*z/50)"), 3.0, 0.1)


@pytest.mark.parametrize(("w", "b"), [(0, 0), (-1, 0), (math.nan, 0), (math.inf, 0), (1, -1), (1, math.nan), ("1", 0)])
def test_a_sigma_that_is_none_is_refused(w, b):
    with pytest.raises(BadValue, match="sigma_[wb] is .*give a finite number >"):
        mean_field("tanh", w, b)


def test_the_map_of_lengths_never_oscillates():
    """q V'/V >= -1/2, so χ_q > -1/2 wherever a fixed point is."""
    from chainderiv.functions.lookup import neuron
    from chainderiv.theory.moments import moments

    q = np.exp(np.linspace(-8, 8, 60))
    for name in ACTIVATIONS:
        value = moments(neuron(name)).at(q).value
        known = np.isfinite(value[0]) & (value[0] > 1e-280)
        assert (q * value[SLOPE] >= -0.5 * value[0] * (1 + 1e-9))[known].all(), name


@pytest.mark.parametrize("b", [0.1, 0.3, 0.7])
def test_what_hardly_passes_a_layer_leaves_a_q_star_that_is_rounded_and_an_error_that_says_so(b):
    """Of max(z - 9, 0) next to nothing comes through: q* is σ_b², which float64 rounds."""
    phi = Activation.from_formula("f", "max(z-9,0)")
    m = mean_field(phi, 1.0, b)
    with mp.workdps(60):
        assert abs(mp.mpf(b) ** 2 - m.q_star) <= m.errors["q_star"] < 1e-15
        beyond = mp.erfc(9 / (mp.mpf(b) * mp.sqrt(2))) / 2
    if beyond > 1e-290:  # κ = 1/P(z > 9), though its square is below all numbers
        assert m.kappa == pytest.approx(float(1 / beyond), rel=1e-10)


def test_a_fourth_moment_that_is_infinite_takes_no_fixed_point_away():
    # E φ'⁴ is finite below q = 2, E φ'² below 4: q* = σ_w²/√(1 - q*/4) + σ_b² has two roots, and κ is unknown at both
    m = mean_field(Activation.from_formula("steep", "exp(z*z/16)"), 0.1**0.5, 2.2**0.5)
    assert m.q_star == pytest.approx(2.2 + 0.1 / (1 - m.q_star / 4) ** 0.5, rel=1e-14)
    assert m.chi_1 == pytest.approx(0.1 * m.q_star / 64 / (1 - m.q_star / 4) ** 1.5, rel=1e-12)
    assert math.isnan(m.kappa)
    assert m.error < 1e-14


def test_a_further_fixed_point_far_out_where_only_the_fourth_moment_is_unknown_is_told_beside_the_first():
    w, b = 1.4326049210646216e-14, 2.2968327164374998
    m = mean_field(Activation.from_formula("f", "sinh(z)"), w, b)
    first, second = m.fixed_points
    assert (first.stable, second.stable) == (True, False)
    assert first.q_star == pytest.approx(b * b, rel=1e-15)
    assert second.q_star == pytest.approx(w * w * (math.exp(2 * second.q_star) - 1) / 2 + b * b, rel=1e-11)
