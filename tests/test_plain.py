"""The hand-written mathematics is tested against difference quotients and against itself at more digits."""

import mpmath as mp
import pytest

from tests import plain

POINTS = ["-37.5", "-4.2", "-1.3", "-0.31", "-1e-6", "1e-6", "0.27", "1.9", "6.4", "41.5"]


@pytest.mark.parametrize("name", plain.PHI)
def test_every_hand_written_derivative_is_the_derivative_of_the_hand_written_value(name):
    for text in POINTS:
        with mp.workdps(240):
            z, h = mp.mpf(text), mp.mpf(10) ** -60
            quotient = (plain.PHI[name](z + h) - plain.PHI[name](z - h)) / (2 * h)
            assert abs(plain.phi_prime(name, z) - quotient) <= mp.mpf(10) ** -50 * max(map(abs, plain.TERMS[name](z)))


@pytest.mark.parametrize("name", plain.FROM_ONE)
def test_what_is_left_of_one_is_the_derivative_less_one(name):
    with mp.workdps(100):
        for z in map(mp.mpf, ("-3.5", "0.25", "2.5", "7", "20")):
            left = plain.FROM_ONE[name](z)
            assert abs(plain.phi_prime(name, z) - 1 - left) <= mp.mpf(10) ** -85
            assert abs(mp.exp(plain.log_phi_prime(name, z)) - abs(1 + left)) <= mp.mpf(10) ** -85


@pytest.mark.parametrize("name", ["quadratic", "cross_entropy"])
def test_the_costs_slopes_are_their_derivatives(name):
    with mp.workdps(60):
        a, y = mp.mpf("0.37"), mp.mpf("0.81")
        slope = plain.cost_slope(name, a, y)
        assert abs(mp.diff(lambda v: plain.cost(name, v, y), a) - slope) < mp.mpf(10) ** -40


def test_a_wrong_derivative_would_be_seen(monkeypatch):
    monkeypatch.setitem(plain.TERMS, "tanh", lambda z: [mp.mpf("1.001") / mp.cosh(z) ** 2])
    with pytest.raises(AssertionError):
        test_every_hand_written_derivative_is_the_derivative_of_the_hand_written_value("tanh")
