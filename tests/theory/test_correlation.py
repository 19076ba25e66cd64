"""c* and χ_c are those of closed forms at 50 digits, and where they are not, their errors say so."""

from functools import cache, partial

import mpmath as mp
import numpy as np
import pytest

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.maps.axis import Axis
from chainderiv.theory.correlation import settled
from chainderiv.theory.correlation_table import correlations
from chainderiv.theory.mean_field import mean_field
from chainderiv.theory.moments import moments
from chainderiv.theory.near_one import near_one
from chainderiv.theory.phase import phase_diagram
from chainderiv.theory.series import series
from tests.kinds import costly


def _sine(k):
    return lambda q, c: mp.exp(-k * k * q) * mp.sinh(k * k * q * c)


def _erf(k):  # the arcsine law
    return lambda q, c: 2 / mp.pi * mp.asin(2 * k * k * q * c / (1 + 2 * k * k * q))


# E φ(u) φ(v) for u, v ~ N(0, q) of correlation c
JOINT = {
    "sin(z)": _sine(1),
    "sin(10*z)": _sine(10),
    "cos(z)": lambda q, c: mp.exp(-q) * mp.cosh(q * c),
    "exp(-z^2)": lambda q, c: 1 / mp.sqrt((1 + 2 * q) ** 2 - (2 * q * c) ** 2),
    "erf(z)": _erf(1),
    "erf(30*z)": _erf(30),
    "erf(1000*z)": _erf(1000),
}
neuron_of = cache(partial(Activation.from_formula, "f"))  # found when a test first asks: it takes a second


def _true(text, w, b, near, c_near):
    """q*, c* and χ_c from the closed form at 50 digits."""
    joint, a, squared = JOINT[text], mp.mpf(w) ** 2, mp.mpf(b) ** 2
    q = mp.findroot(lambda q: mp.log((a * joint(q, 1) + squared) / q), (mp.mpf(near), mp.mpf(near) * (1 + 1e-9)))
    c = mp.mpf(c_near)
    if not (b == 0 and joint(q, 0) == 0):
        c = mp.findroot(lambda c: (a * joint(q, c) + squared) / q - c, (c, c * (1 - mp.mpf(1e-9))))
    return q, c, a * mp.diff(lambda c: joint(q, c), c) / q


@pytest.mark.parametrize("text", costly(sorted(JOINT), quick=["exp(-z^2)", "erf(z)"]))
def test_c_star_and_its_slope_are_the_closed_forms_to_within_their_errors_over_decades_of_weights(text):
    rng, judged = np.random.default_rng(7), 0
    for _ in range(40):
        w, b = (
            float(10 ** rng.uniform(-1, 1 if text.startswith("sin(10") else 2)),
            float(rng.choice([0.0, 10 ** rng.uniform(-2, 1)])),
        )
        m = mean_field(neuron_of(text), w, b)
        if not (0 < m.q_star < 1e6 and m.c_star < 1 and m.chi_1 > 1 + 1e-6):
            continue
        with mp.workdps(50):
            _, c, chi = _true(text, w, b, m.q_star, max(m.c_star, 1e-30))
            off, chi_off = abs(float(c - m.c_star)), abs(float(chi - m.chi_c))
        assert off <= m.errors["c_star"], (w, b, m.c_star, off, m.errors)
        assert chi_off <= m.errors["chi_c"], (w, b, m.chi_c, chi_off, m.errors)
        if text != "erf(1000*z)":
            assert m.errors["c_star"] < 1e-10, (w, b, m.errors)
        # a planted error of 1e-6 is seen
        assert abs(float(c) - m.c_star - 1e-6) > m.errors["c_star"]
        judged += 1
    assert judged >= 5


def _parted(joint, q, gap):
    """A σ_w at which 1 - c* is about gap, and 1 - c* for it."""

    def fall(gap):
        return (joint(q, mp.mpf(1)) - joint(q, 1 - gap)) / (q * gap)

    w = float(1 / mp.sqrt(fall(gap)))
    return w, mp.findroot(lambda g: mp.log(fall(g) * mp.mpf(w) ** 2), (gap, gap * (1 + mp.mpf(1e-9))))


@pytest.mark.parametrize("text", costly(sorted(JOINT), quick=["sin(z)", "exp(-z^2)", "erf(z)"]))
def test_as_c_nears_1_its_distance_keeps_its_digits_or_the_error_is_told(text):
    rng, known = np.random.default_rng(3), moments(neuron_of(text))
    for _ in range(12):
        q, gap = float(10 ** rng.uniform(-2, 3)), float(10 ** rng.uniform(-9, -1))
        if text.startswith("sin(10") and q > 10:
            continue
        with mp.workdps(60):
            w, want = _parted(JOINT[text], mp.mpf(q), mp.mpf(gap))
            found = settled(known, q, 0.0, w)
            off = float(abs(want - found.gap))
        assert off <= found.gap_error, (q, gap, w, found)
        assert abs(float(want) * (1 + 1e-3) - found.gap) > found.gap_error or found.gap_error > 1e-4 * found.gap


@pytest.mark.parametrize("text", sorted(JOINT))
def test_the_series_and_the_window_claim_no_digit_that_they_lack(text):
    known, q = moments(neuron_of(text)), 2.5
    gap = np.array([1e-8, 1e-4, 1e-2, 0.2, 0.7])
    for values in (
        series(known, np.array([q])).at(gap[None, :]),
        near_one(known, np.full(gap.shape, q), gap, 10.0),
    ):
        for i, g in enumerate(gap):
            with mp.workdps(50):
                c = 1 - mp.mpf(g)
                mean = (JOINT[text](q, mp.mpf(1)) - JOINT[text](q, c)) / (q * mp.mpf(g))
                slope = mp.diff(lambda c: JOINT[text](q, c), c) / q
                off = [float(abs(x.ravel()[i] - y)) for x, y in ((values.mean, mean), (values.slope, slope))]
            assert off[0] <= values.mean_error.ravel()[i], (g, off, values)
            assert off[1] <= values.slope_error.ravel()[i] + 4e-16 * float(mean), (g, off, values)


@pytest.mark.parametrize("name", costly(["tanh", "selu", "hardtanh", "elu", "softsign", "relu6"], quick=["elu"]))
def test_a_maps_correlations_are_those_of_single_points_to_within_their_errors(name):
    d = phase_diagram(name, Axis(0.5, 4, 15), Axis(0.05, 2, 10))
    chaotic = (d.chi_1 > 1) & np.isfinite(d.q_star)
    q, w = d.q_star[chaotic], np.broadcast_to(d.sigma_w, chaotic.shape)[chaotic]
    known = moments(neuron(name))
    found = correlations(known, q, d.chi_1[chaotic])
    assert np.isfinite(found.error).all()
    for i in np.random.default_rng(2).integers(0, q.size, 8):
        one = settled(known, float(q[i]), 0.0, float(w[i]))
        assert abs(one.gap - found.gap[i]) <= one.gap_error + found.error[i], (q[i], w[i], one, found.error[i])
        assert abs(one.gap - found.gap[i]) < 1e-10
        assert found.fall[i] == pytest.approx(1 - one.chi, rel=1e-8)
    assert np.array_equal(d.c_star_error[chaotic], found.error)


def test_a_kink_at_0_has_relus_arc_cosine_kernel():
    """|z| - z/2 is relu(z)/2 + 3 relu(-z)/2; E relu relu = q (sin α + (π - α) cos α)/2π with c = cos α."""

    def kernel(c):
        return (mp.sqrt(1 - c * c) + (mp.pi - mp.acos(c)) * c) / (2 * mp.pi)

    def joint(c):
        return (5 * kernel(c) + 3 * kernel(-c)) / 2

    known = moments(Activation.from_formula("f", "abs(z)-z/2"))
    for gap in (1e-8, 1e-3, 0.1, 0.9):
        with mp.workdps(50):
            mean = float((joint(mp.mpf(1)) - joint(1 - mp.mpf(gap))) / mp.mpf(gap))
        found = settled(known, 1.7, 0.0, mean**-0.5)
        assert abs(found.gap - gap) <= found.gap_error + 1e-15 * gap**0.5, (gap, found)
        assert found.gap_error < 1e-10


def test_a_c_star_of_0_has_an_error():
    m = mean_field("tanh", 100.0)
    assert abs(m.c_star) <= m.errors["c_star"] <= 1e-12


@pytest.mark.parametrize("text", ["z+sign(z)", "where(z>1,z,0)", "where(abs(z)>0.5,z,0)"])
def test_an_activation_that_jumps_is_refused(text):
    with pytest.raises(BadValue, match=r"'f' jumps at z = .* give one that is continuous"):
        mean_field(Activation.from_formula("f", text), 1.0, 0.2)
