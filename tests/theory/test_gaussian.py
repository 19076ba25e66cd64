"""Expectations are right to rounding, kinks included, and one that is infinite is told."""

import mpmath as mp
import numpy as np
import pytest

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.lookup import neuron
from chainderiv.theory.gaussian import Divergent, gaussian, reached
from chainderiv.theory.moments import SLOPE, moments
from tests.kinds import costly
from tests.theory import averages

SPREAD = (0.003, 1.3021, 60.0)


@pytest.mark.parametrize("name", costly(sorted(ACTIVATIONS)))
def test_the_moments_of_every_neuron_are_mpmaths(name):
    q = np.array(SPREAD)
    value, error = moments(neuron(name)).at(q)
    want = np.array([[float(m) for m in averages.moments(name, x)] for x in SPREAD]).T
    # φ φ' z/q cancels in part: it is right to the size of its terms, √(V M₂/q)
    sizes = np.abs(want)
    sizes[SLOPE] = np.sqrt(want[0] * want[1] / q)
    assert (np.abs(value - want) <= 1e-13 * sizes).all()
    assert (np.abs(value - want) <= 4 * error + 1e-15 * sizes).all()


def test_the_table_gives_what_the_quadrature_gives():
    q = np.exp(np.random.default_rng(3).uniform(-20, 10, 200))
    for name in ("tanh", "gelu", "hardtanh", "mish", "relu6"):
        known = moments(neuron(name))
        assert np.allclose(known.near(q), known.at(q).value, rtol=1e-12, atol=0), name


def test_what_grows_like_the_density_falls_has_no_expectation():
    q = np.array([1.0, 4.0])
    assert np.isnan(gaussian(lambda z, q: np.array([np.exp(z * z / 2)]), q).value).all()
    near = gaussian(lambda z, q: np.array([np.exp(z * z / 4)]), q)
    assert near.value[0, 0] == pytest.approx(2**0.5, rel=1e-13)
    assert np.isnan(near.value[0, 1])
    with pytest.raises(Divergent, match="q = 4 is infinite"):
        reached(near, q)


def test_a_mass_twenty_deviations_out_is_found():
    found = gaussian(lambda z, q: np.array([np.exp(z) ** 2]), np.array([100.0]))
    assert found.value[0, 0] == pytest.approx(float(mp.exp(200)), rel=1e-12)


def test_an_oscillation_is_followed_or_its_error_told():
    q = np.array([1.0, 100.0, 1e6])
    value, error = gaussian(lambda z, q: np.array([np.sin(3 * z) ** 2]), q)
    want = (1 - np.exp(-18 * q)) / 2
    assert (np.abs(value[0] - want) <= 4 * error[0]).all()
    assert (error[0, :2] < 1e-13).all()
    assert error[0, 2] > 1e-6


def test_a_break_that_is_not_told_shows_in_the_error():

    def step(z, q):
        return np.array([(z > 0.3) * 1.0])

    blind = gaussian(step, np.array([1.0]))
    cut = gaussian(step, np.array([1.0]), (0.3,))
    want = float(mp.ncdf(-0.3))
    assert abs(cut.value[0, 0] - want) < 1e-15
    assert 1e-8 < abs(blind.value[0, 0] - want) <= 4 * blind.error[0, 0]


def test_the_table_keeps_its_digits_where_v_falls_by_decades():
    q = np.exp(np.random.default_rng(4).uniform(np.log(3.6e-4), 0, 100))
    known = moments(neuron("softshrink"))
    assert np.ptp(np.log10(known.at(q).value[0])) > 50
    assert np.allclose(known.near(q), known.at(q).value, rtol=1e-9, atol=0)


def test_a_slope_that_is_infinite_has_no_moments():
    with pytest.raises(BadValue, match="'root' has no mean of φ² and φ'² that is known"):
        moments(Activation.from_formula("root", "cbrt(z)")).near(q=np.array([1.0]))


def test_what_lies_twenty_deviations_out_is_no_zero():
    """softshrink is 0 within 1/2: at q = 6e-4 that is 20 deviations."""
    with mp.workdps(40):
        q = mp.mpf(6e-4)
        k = mp.mpf("0.5") / mp.sqrt(q)
        beyond = mp.erfc(k / mp.sqrt(2))  # two tails; E φ φ' z/q is as large
        want = [(q + mp.mpf("0.25")) * beyond - mp.sqrt(q) * mp.npdf(k), beyond, beyond, beyond]
    got = moments(neuron("softshrink")).at(np.array([6e-4])).value[:, 0]
    assert 0 < float(want[0]) < 1e-90
    assert got == pytest.approx([float(w) for w in want], rel=1e-12, abs=0)


@pytest.mark.parametrize(("text", "edge", "tails"), [("softshrink(z)", 0.5, 2), ("max(z-3,0)", 3.0, 1)])
def test_all_of_the_mass_beside_a_break_is_known_to_within_the_error_that_is_told(text, edge, tails):
    """Where φ is 0 up to a kink, all lies in one panel beside it; E φ'² is the chance of what is beyond."""
    known = moments(Activation.from_formula("f", text))
    q = (edge / np.linspace(5, 33, 57)) ** 2
    with mp.workdps(40):
        want = np.array([float(tails * mp.erfc(edge / mp.sqrt(2 * mp.mpf(x))) / 2) for x in q.tolist()])
    coarse = gaussian(known._integrand, q, known.breaks, 2)
    for value, error in (known.at(q), coarse):
        assert (np.abs(value[1] - want) <= 2 * error[1] + 1e-14 * want).all()
    assert (known.at(q).error[1] < 4e-12 * want).all()
    assert (np.abs(known.at(q).value[1] - want) < 1e-12 * want).all()
    # a planted error is seen
    assert (np.abs((1 + 1e-11) * known.at(q).value[1] - want) > 2 * known.at(q).error[1] + 1e-14 * want).all()
