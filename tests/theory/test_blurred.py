"""A neuron's mean over inputs: against closed forms, and against mpmath's quadrature of the plain formulas."""

import math

import mpmath as mp
import numpy as np
import pytest

from chainderiv.functions.lookup import neuron
from chainderiv.theory.finite_width.blurred import Blurred
from tests import plain
from tests.kinds import slow


def normal_cdf(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def density(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


@pytest.mark.parametrize(("p", "tau"), [(1.0, 0.5), (0.3, 2.0), (4.0, 1e-4), (1.0, 0.0)])
def test_relus_mean_slope_and_variance_are_those_in_closed_form(p, tau):
    at, s = Blurred(neuron("relu")).at(p, tau), math.sqrt(tau)
    rows = np.array([at.v, at.mean, at.slope, at.variance])[:, at.weights > 0]  # a panel of no width holds none
    for v, mean, slope, variance in rows[:, ::7].T:
        x = v / s if s else math.copysign(math.inf, v)
        wanted = v * normal_cdf(x) + (s * density(x) if s else 0)
        square = (v * v + tau) * normal_cdf(x) + (v * s * density(x) if s else 0)
        assert abs(mean - wanted) <= 1e-11 * (abs(v) + s)
        assert abs(slope - normal_cdf(x)) <= 1e-11
        assert abs(variance - (square - wanted**2)) <= 1e-11 * (v * v + tau)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", slow("gelu")])
def test_mean_and_slope_are_the_averages_of_the_plain_formulas(name):
    at = Blurred(neuron(name)).at(1.3, 0.7)
    phi, prime = plain.PHI[name], lambda z: plain.phi_prime(name, z)
    for k in range(5, at.v.size, at.v.size // 6):
        v = mp.mpf(at.v[k])
        for found, function in ((at.mean[k], phi), (at.slope[k], prime)):
            wanted = mp.quad(
                lambda x, f=function, v=v: f(v + mp.sqrt(0.7) * x) * mp.npdf(x), [-12, -6, -3, 0, 3, 6, 12]
            )
            assert abs(found - float(wanted)) < 1e-12


def test_nodes_average_over_the_common_part():
    at = Blurred(neuron("tanh")).at(2.5, 0.1)
    assert abs(at.expect(at.v**2) - 2.5) < 1e-12
    assert abs(at.expect(np.ones_like(at.v)) - 1) < 1e-14


def test_common_and_own_part_make_the_length_of_one_input_however_it_is_cut():
    # E A² + E W = E φ² at p + τ, and E φ'² likewise
    whole = Blurred(neuron("sigmoid")).at(1.5, 0.0)
    for tau in (0.01, 0.5, 1.4):
        at = Blurred(neuron("sigmoid")).at(1.5 - tau, tau)
        assert abs(at.expect(at.mean**2 + at.variance) - whole.expect(whole.mean**2)) < 1e-13
        assert abs(at.expect(at.squared_slope) - whole.expect(whole.slope**2)) < 1e-13
