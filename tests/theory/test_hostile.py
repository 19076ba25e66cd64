"""Whatever σ_w and σ_b are, over all that float64 holds: a number with an error that is honest, or one line."""

import math
import warnings
import zlib
from functools import cache
from itertools import product

import mpmath as mp
import numpy as np
import pytest

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.maps.axis import Axis
from chainderiv.theory.critical import critical_line, critical_points, critical_sigma_w
from chainderiv.theory.mean_field import mean_field
from chainderiv.theory.phase import phase_diagram
from tests.kinds import slow
from tests.theory.closed_forms import FORMS, faults_of_critical_point, faults_of_mean_field

ODD = ["sqrt(abs(z))", "cbrt(z)", "1/(1+z^2)", "log(1+z^2)", "asinh(z)", "tanh(1000*z)", "sin(100*z)/100", "sinh(z)",
       "z*exp(z*z/50)", "exp(exp(z))", "where(z>1,z,0)", "where(abs(z)>0.5,z,0)", "z+sign(z)", "z^9", "1e-200*z",
       "1e200*tanh(z)", "tanh(z)+1e-12*z^2", "abs(z)^1.5", "softplus(z)-log(2)", "z-tanh(z)", "max(z,-1/2)"]  # fmt: skip


@cache
def neuron_of(formula):
    return Activation.from_formula("f", formula)


def drawn(rng):
    """σ_w and σ_b, wide in their logarithms, or near what is critical, or 0."""
    w = rng.choice([10.0 ** rng.uniform(-300, 300), 10.0 ** rng.uniform(-15, 15), rng.uniform(0.1, 5)])
    near_one = 1 + rng.choice([-1, 1]) * 10.0 ** rng.uniform(-17, -1)
    b = rng.choice([0.0, 10.0 ** rng.uniform(-300, 300), 10.0 ** rng.uniform(-40, 15), rng.uniform(0, 3)])
    return float(rng.choice([w, w, near_one])), float(b)


def tried(function, *given):
    """What it gives, or None where it refuses in one line; no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return function(*given)
        except BadValue as e:
            said = str(e)
    assert "\n" not in said, given
    assert "give" in said, given
    return None


def attack(formula, seed, count):
    rng, phi, refused = np.random.default_rng([seed, zlib.crc32(formula.encode())]), neuron_of(formula), 0
    for _ in range(count):
        w, b = drawn(rng)
        m, points = tried(mean_field, phi, w, b), tried(critical_points, phi, b)
        refused += m is None
        if m is not None:
            assert all(error >= 0 for error in m.errors.values() if not math.isnan(error)), (formula, w, b)
            str(m)
        if formula in FORMS:
            assert m is None or faults_of_mean_field(formula, m) == [], (formula, w, b, m.q_star, m.errors)
            for p in points or ():
                assert faults_of_critical_point(formula, p) == [], (formula, b, p)
        tried(critical_sigma_w, phi, b)
        if w < 1e300 and b < 1e300:
            d = tried(phase_diagram, phi, Axis(w, 2 * w, 3), Axis(b, 2 * b + 1, 2))
            if d is not None and m is not None and math.isfinite(m.q_star) and m.errors["q_star"] < 1e-9 * m.q_star:
                assert d.q_star[0, 0] == pytest.approx(m.q_star, rel=1e-9), (formula, w, b)
            if d is not None and m is None:
                assert np.isnan(d.q_star[0, 0]), (formula, w, b)
    return refused


@pytest.mark.parametrize("formula", [slow("sin(z)"), "erf(z)", "exp(-z^2)"])
def test_over_all_sizes_the_theory_is_right_within_its_errors_or_refuses(formula):
    attack(formula, 1, 6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("formula", [*FORMS, *ODD])
def test_over_all_sizes_and_formulas_the_theory_is_right_within_its_errors_or_refuses(formula, seed):
    attack(formula, 100 + seed, 12)


def test_the_judge_sees_what_is_off_by_more_than_its_error():
    from dataclasses import replace

    m = mean_field(neuron_of("sin(z)"), 1.5, 0.2)
    assert faults_of_mean_field("sin(z)", m) == []
    assert faults_of_mean_field("sin(z)", replace(m, q_star=m.q_star * (1 + 1e-12))) == ["q* is not within its error"]
    assert faults_of_mean_field("sin(z)", replace(m, chi_1=m.chi_1 * (1 + 1e-12))) == ["χ₁"]
    (p,) = critical_points(neuron_of("sin(z)"), 1e-12)
    assert faults_of_critical_point("sin(z)", p) == []
    assert faults_of_critical_point("sin(z)", replace(p, sigma_w=p.sigma_w + 1e-13)) == ["σ_w"]
    assert faults_of_critical_point("sin(z)", replace(p, q_star=p.q_star * (1 + 1e-6))) == [
        "q* is not within its error"
    ]


BIASES = product(["sin(z)", "erf(z)", "z*exp(-z^2)"], [1e-3, 1e-9, 1e-12, 1e-30, 1e-90, 1e3, 1e6])


@pytest.mark.parametrize(
    ("formula", "b"), [case if case[0] == "erf(z)" or case[1] == 1e-90 else slow(case) for case in BIASES]
)
def test_a_critical_point_of_a_tiny_or_huge_bias_is_found_with_an_honest_error(formula, b):
    points = critical_points(neuron_of(formula), b)
    for p in points:
        assert faults_of_critical_point(formula, p) == []
        assert p.error < 1e-12 * p.sigma_w
    assert points or (b > 1e2 and formula != "erf(z)"), formula


@pytest.mark.parametrize(("formula", "b"), [("z^3", 1e-12), ("z^3", 1e-40), ("z+z^2", 1e-30)])
def test_what_is_no_line_at_0_is_critical_however_small_the_bias(formula, b):
    (p,) = critical_points(neuron_of(formula), b)
    assert faults_of_critical_point(formula, p) == []


@pytest.mark.parametrize(
    ("w", "b", "phase"),
    [
        (1 + 1e-12, 0, "critical"),
        (1 + 1e-14, 0, "critical"),
        (1, 1e-15, "critical"),
        (1, 1e-8, "ordered"),
        (1 - 1e-13, 1e-20, "ordered"),
    ],
)
def test_beside_the_critical_point_at_0_an_error_says_how_far_q_star_is_known(w, b, phase):
    m = mean_field(neuron_of("sin(z)"), w, b)
    assert faults_of_mean_field("sin(z)", m) == []
    assert m.phase == phase


def test_a_bounded_neuron_settles_however_large_the_weights():
    for w in (1e3, 1e60):
        m = mean_field(neuron_of("erf(z)"), w)
        assert faults_of_mean_field("erf(z)", m) == []
        assert phase_diagram(neuron_of("erf(z)"), Axis(w, 2 * w, 2), Axis(0, 1, 2)).q_star[0, 0] == pytest.approx(
            m.q_star
        )
    # what oscillates more often than it can be followed is not known, and does not grow
    d = phase_diagram(neuron_of("sin(z)"), Axis(1e9, 2e9, 2), Axis(0, 1, 2))
    assert np.isnan(d.q_star).all()
    assert d.shares == {"unknown": 1.0}


@pytest.mark.parametrize("formula", ["abs(z)+1", "abs(z-5)"])
def test_what_rounding_alone_puts_below_1_is_critical(formula):
    m = mean_field(neuron_of(formula), 1.0)
    assert (m.case, m.phase, m.half_life) == ("growth without end", "critical", math.inf)
    d = phase_diagram(neuron_of(formula), Axis(1, 2, 2), Axis(0, 1, 2))
    assert d.shares == {"exploding": 0.5, "critical": 0.5, "growing_without_end": 1.0}


@pytest.mark.parametrize("formula", ["exp(z)", "sinh(z)"])
def test_what_grows_beyond_all_expectations_leaves_a_diagram_unknown_there(formula):
    d = phase_diagram(neuron_of(formula), Axis(0.5, 4, 8), Axis(0, 2, 5))
    assert np.isnan(d.q_star).mean() > 0.5
    assert not np.isinf(d.q_star).any()


@pytest.mark.parametrize("formula", [slow("sqrt(abs(z))"), "cbrt(z)"])
def test_an_infinite_mean_squared_slope_has_no_critical_point(formula):
    with pytest.raises(BadValue, match="no mean of φ² and φ'² that is known"):
        critical_points(neuron_of(formula))


def test_what_float64_does_not_hold_at_a_critical_point_is_said():
    with pytest.raises(BadValue, match="the mean of φ² is below 1e-300; give a larger one"):
        critical_points(neuron_of("z^3"), 1e-60)


def test_a_root_that_is_not_found_is_not_said_to_be_none():
    with pytest.raises(BadValue, match="has no critical sigma_w at sigma_b = 1e.50 that is found, with a q"):
        critical_sigma_w(neuron_of("sin(z)"), 1e50)


@pytest.mark.parametrize("wrong", [1e-300, 1e300, 5e-324])
def test_a_standard_deviation_whose_square_is_no_number_is_refused(wrong):
    for call in (
        lambda: mean_field("tanh", wrong),
        lambda: mean_field("tanh", 1, wrong),
        lambda: critical_points("tanh", wrong),
    ):
        with pytest.raises(BadValue, match="too far for its square; give one from .* to 1e.100"):
            call()
    with pytest.raises(BadValue, match="too far for its square"):
        phase_diagram("tanh", Axis(1, 2, 2), Axis(0, wrong, 2))


def test_the_line_keeps_its_digits_where_q_is_small():
    """sin: σ_b² = q - tanh q."""
    line = critical_line(neuron_of("sin(z)"), 50)
    for q, b in zip(line.q_star.tolist(), line.sigma_b.tolist(), strict=True):
        assert b == pytest.approx(float(mp.sqrt(mp.mpf(q) - mp.tanh(q))), rel=1e-8)
