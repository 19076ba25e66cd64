"""The theory of formulas of one's own, kinks away from 0 included, is that of integrals at fifty digits."""

import mpmath as mp
import pytest

from chainderiv.functions.activation import Activation
from chainderiv.theory.critical import critical_points
from chainderiv.theory.mean_field import mean_field
from tests.kinds import costly

# of each: φ, φ', and where it bends, written out again for mpmath; σ_w at which signals settle
OWN = {
    "z*exp(-z^2/4)": (
        lambda z: z * mp.exp(-z * z / 4), lambda z: (1 - z * z / 2) * mp.exp(-z * z / 4), (), 2.0,
    ),
    "max(z, -1/3)": (lambda z: max(z, -mp.mpf(1) / 3), lambda z: mp.mpf(z > -mp.mpf(1) / 3), (-mp.mpf(1) / 3,), 1.1),
    "abs(z-1)-1": (lambda z: abs(z - 1) - 1, lambda z: mp.sign(z - 1), (mp.mpf(1),), 0.7),
    "clip(z, -1/2, 2)": (
        lambda z: min(max(z, -mp.mpf(1) / 2), 2), lambda z: mp.mpf(-0.5 < z < 2), (-mp.mpf(1) / 2, mp.mpf(2)), 1.6,
    ),
    "tanh(z)+max(z-1,0)/4": (
        lambda z: mp.tanh(z) + max(z - 1, 0) / 4, lambda z: mp.sech(z) ** 2 + mp.mpf(z > 1) / 4, (mp.mpf(1),), 1.3,
    ),
    "log(1+z^2)/2": (lambda z: mp.log(1 + z * z) / 2, lambda z: z / (1 + z * z), (), 1.5),
}  # fmt: skip
SIGMA_B = 0.3


def expectation(function, q, breaks):
    """E over N(0, q) at the digits in force, between the bends."""
    root = mp.sqrt(q)
    cuts = sorted({*(k * root for k in range(-16, 17, 2)), *breaks})
    return mp.quad(lambda z: function(z) * mp.npdf(z, 0, root), cuts)


def moments(name, q):
    """E φ², E φ'² and E φ φ' z/q."""
    phi, slope, breaks, _ = OWN[name]
    functions = (lambda z: phi(z) ** 2, lambda z: slope(z) ** 2, lambda z: phi(z) * slope(z) * z / q)
    return [expectation(one, q, breaks) for one in functions]


@pytest.mark.parametrize("name", costly(OWN, quick=list(OWN)[:1]))
def test_q_star_and_its_slopes_are_those_of_fifty_digits(name):
    w = OWN[name][-1]
    m = mean_field(Activation.from_formula("own", name), w, SIGMA_B)
    with mp.workdps(50):
        q, a = mp.mpf(m.q_star), mp.mpf(w) ** 2
        at = moments(name, q)
        # one step of Newton's method at 50 digits leaves the square of the error
        step = (a * at[0] + mp.mpf(SIGMA_B) ** 2 - q) / (1 - a * at[2])
        assert abs(step) <= 1e-12 * q
        assert abs(mp.mpf(m.chi_q) - a * at[2]) <= 1e-12
        assert abs(mp.mpf(m.chi_1) / (a * at[1]) - 1) <= 1e-12
        # a planted error of 1e-11 is seen
        planted = moments(name, q * (1 + mp.mpf("1e-11")))
        assert abs(a * planted[0] + mp.mpf(SIGMA_B) ** 2 - q * (1 + mp.mpf("1e-11"))) > 1e-12 * q * abs(1 - a * at[2])


@pytest.mark.parametrize("name", costly(list(OWN)[1:], quick=list(OWN)[1:2]))
def test_each_critical_sigma_w_is_that_of_fifty_digits(name):
    points = critical_points(Activation.from_formula("own", name), SIGMA_B)
    assert points
    for point in points:
        with mp.workdps(50):
            q = mp.mpf(point.q_star)
            v, m2, v_slope = moments(name, q)
            h = q * mp.mpf("1e-20")
            bent = (moments(name, q + h)[1] - moments(name, q - h)[1]) / (2 * h)
            # σ_b² = q - V/M₂ is solved by one step of Newton's method
            step = (mp.mpf(SIGMA_B) ** 2 - q + v / m2) / (1 - v_slope / m2 + v * bent / m2**2)
            sigma_w = 1 / mp.sqrt(m2 + bent * step)
            assert abs(mp.mpf(point.sigma_w) / sigma_w - 1) <= 1e-12
