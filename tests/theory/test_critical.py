"""Critical weights are those at which χ₁ = 1 and q* a fixed point, by the plain formulas; all of them are found."""

import math

import mpmath as mp
import numpy as np
import pytest

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.theory.critical import critical_line, critical_points, critical_sigma_w
from chainderiv.theory.mean_field import mean_field
from tests.kinds import costly
from tests.theory import averages

CURVED = sorted(set(ACTIVATIONS) - {"relu", "leaky_relu", "prelu", "identity"})


@pytest.mark.parametrize("name", costly(CURVED, quick=["tanh", "gelu", "hardtanh"]))
def test_a_critical_point_satisfies_both_equations_at_fifty_digits(name):
    points = critical_points(name, 0.3)
    for p in points:
        value, squared = averages.moments(name, mp.mpf(p.q_star), 40)[:2]
        a = mp.mpf(p.sigma_w) ** 2
        assert abs(float(a * squared) - 1) < 2e-12
        # σ_b² is a difference of two numbers of q*'s size
        assert abs(float(p.q_star - a * value) - 0.09) < 1e-12 * max(1, p.q_star)
    assert points or name in ("softplus", "squareplus", "logsigmoid", "tanhshrink", "relu2", "softshrink"), name


@pytest.mark.parametrize(
    ("name", "want"),
    [("relu", 2**0.5), ("tanh", 1.0), ("identity", 1.0), ("gelu", 2.0), ("silu", 2.0), ("arctan", 1.0),
     ("leaky_relu", (2 / 1.0001) ** 0.5)],
)  # fmt: skip
def test_without_biases_the_slope_at_0_decides(name, want):
    assert critical_sigma_w(name) == pytest.approx(want, rel=1e-14)


@pytest.mark.parametrize(
    ("name", "stable"), [("tanh", True), ("hardtanh", True), ("relu", True), ("gelu", False), ("silu", False)]
)
def test_at_0_the_next_order_decides_whether_small_signals_come_back(name, stable):
    (point,) = critical_points(name)
    small = mp.mpf("1e-4")
    grown = mp.mpf(point.sigma_w) ** 2 * averages.moments(name, small)[0] / small
    assert point.stable == stable == (float(grown) <= 1 + 1e-12)


def test_the_sigmoid_is_critical_at_ten_without_biases_and_nowhere_else():
    """The wide cousin of |w| >= 4: one root, q* = 45.6, checked on both equations."""
    (p,) = critical_points("sigmoid")
    value, squared = averages.moments("sigmoid", mp.mpf(p.q_star), 40)[:2]
    assert float(1 / mp.sqrt(squared)) == pytest.approx(p.sigma_w, rel=1e-12)
    assert float(value / squared) == pytest.approx(p.q_star, rel=1e-12)


def test_where_lines_bend_at_0_alone_a_bias_leaves_no_critical_point():
    assert critical_points("relu", 0.2) == ()
    with pytest.raises(BadValue, match="'relu' is critical at no sigma_w where sigma_b = 0.2; give another"):
        critical_sigma_w("relu", 0.2)


def test_the_phase_changes_across_a_critical_point_that_is_stable():
    for name, b in (("tanh", 0.2), ("sigmoid", 0.5), ("hardtanh", 0.4)):
        w = critical_sigma_w(name, b)
        assert [mean_field(name, w * f, b).phase for f in (1 - 1e-9, 1 + 1e-9)] == ["ordered", "chaotic"]


def test_the_line_passes_the_points():
    line = critical_line("tanh", 4000)
    for b in (0.1, 0.5, 1.0):
        w = np.interp(b, line.sigma_b, line.sigma_w)
        assert w == pytest.approx(critical_sigma_w("tanh", b), rel=1e-4)


@pytest.mark.parametrize("b", [-0.1, math.nan, math.inf, "x"])
def test_a_sigma_b_that_is_none_is_refused(b):
    with pytest.raises(BadValue, match="sigma_b is"):
        critical_points("tanh", b)


@pytest.mark.parametrize("b", [0.03, 0.1, 0.3, 1.0])
@pytest.mark.parametrize(("text", "edge", "tails"), [("softshrink(z)", 0.5, 2), ("max(z-3/10,0)", 0.3, 1)])
def test_where_two_fixed_points_meet_signals_do_not_come_back(text, edge, tails, b):
    """V' = E φ'² where φ is 0 up to its kinks: χ_q = χ₁, and the critical point is the end of all fixed points."""
    phi = Activation.from_formula("f", text)
    (p,) = critical_points(phi, b)
    with mp.workdps(60):
        q = mp.mpf(p.q_star)
        k = edge / mp.sqrt(q)
        beyond = mp.erfc(k / mp.sqrt(2)) * tails / 2
        value = (q + mp.mpf(edge) ** 2) * beyond - tails * edge * mp.sqrt(q) * mp.npdf(k)
        # 0.3 is a little more than its float
        assert abs(q - value / beyond - mp.mpf(b) ** 2) < 1e-14 * q + 4 * mp.mpf(p.q_error)
        assert abs(1 / mp.sqrt(beyond) - p.sigma_w) < 4 * p.error
    assert p.chi_q == pytest.approx(1, abs=1e-11)
    assert not p.stable
    assert [r.stable for r in mean_field(phi, p.sigma_w * (1 - 1e-6), b).fixed_points] == [True, False]
    assert mean_field(phi, p.sigma_w * (1 + 1e-6), b).case == "growth without end"


@pytest.mark.parametrize("text", ["max(z-3,0)", "where(z>2,z-2,where(z<-1,z+1,0))", "softshrink(z)"])
def test_a_critical_weight_that_float64_does_not_hold_is_refused_and_not_guessed(text):
    phi = Activation.from_formula("f", text)
    for b in (1e-9, 1e-6, 1e-3):
        with pytest.raises(BadValue, match="where it is critical the mean of φ² is below 1e-300; give a larger one"):
            critical_points(phi, b)


def test_a_critical_weight_near_the_end_of_float64_has_all_its_digits():
    """max(z - 3, 0) at q = 0.01: 30 deviations out."""
    (p,) = critical_points(Activation.from_formula("f", "max(z-3,0)"), 0.1)
    with mp.workdps(60):

        def squared(q):
            beyond, k = mp.erfc(3 / mp.sqrt(2 * q)) / 2, 3 / mp.sqrt(q)
            return q - ((q + 9) * beyond - 3 * mp.sqrt(q) * mp.npdf(k)) / beyond

        q = mp.findroot(lambda q: squared(q) - mp.mpf(0.1) ** 2, mp.mpf(p.q_star))
        assert abs(q - p.q_star) <= 4 * p.q_error
        assert abs(mp.sqrt(2 / mp.erfc(3 / mp.sqrt(2 * q))) - p.sigma_w) <= 4 * p.error < 1e-11 * p.sigma_w


@pytest.mark.parametrize("points", [0, 1, -3, 2.5, True, "9", None, 10**7, 10**400])
def test_a_number_of_points_that_no_line_has_is_refused(points):
    with pytest.raises(BadValue, match="points is .*; give a whole number"):
        critical_line("tanh", points)
