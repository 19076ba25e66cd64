"""How two near inputs part is told without a difference: T and J - T against closed forms at sixty digits."""

import mpmath as mp
import numpy as np
import pytest

from chainderiv.theory.moments import moments
from chainderiv.theory.parting import parting
from tests.theory.test_correlation import JOINT, neuron_of

VARIANCES, DISTANCES = np.exp([0.0, 0.7, 2.2]), np.array([1e-4, 1e-2, 0.09, 0.3])


def true(text, q, s):
    """T = M(1) - M(c) and J - T = M(c) - S(c), by differences at sixty digits."""
    joint, c = JOINT[text], 1 - s**2 / q

    def slope(c):
        return mp.diff(lambda x: joint(q, x), c) / q

    mean = (joint(q, mp.mpf(1)) - joint(q, c)) / (q * (1 - c))
    return slope(mp.mpf(1)) - mean, mean - slope(c)


@pytest.mark.parametrize("text", ["sin(z)", "exp(-z^2)", "erf(z)", "erf(30*z)"])
def test_what_m_lacks_and_what_the_slope_lacks_keep_their_digits_where_inputs_all_but_coincide(text):
    found = parting(moments(neuron_of(text)), VARIANCES, DISTANCES, 10.0, 14)
    for i, q in enumerate(VARIANCES):
        for k, s in enumerate(DISTANCES):
            with mp.workdps(60):
                lacking, rest = true(text, mp.mpf(q), mp.mpf(s))
                off = [float(abs(a[i, k] / b - 1)) for a, b in zip(found, (lacking, rest), strict=True)]
            assert max(off) < 1e-9, (q, s, off)
            # a planted error of 1e-8 is seen
            assert abs(found.lacking[i, k] * (1 + 1e-8) / float(lacking) - 1) > 1e-9


def test_a_difference_of_float64_would_have_lost_them():
    q, s = 1.0, 1e-4
    with mp.workdps(60):
        lacking, _ = (float(x) for x in true("erf(z)", mp.mpf(q), mp.mpf(s)))
    c = 1 - s * s
    plain = [float(x) for x in (JOINT["erf(z)"](q, 1.0), JOINT["erf(z)"](q, c))]
    slope = float(4 / mp.pi / mp.sqrt((1 + 2 * q) ** 2 - (2 * q) ** 2))
    assert abs((slope - (plain[0] - plain[1]) / (q * (1 - c))) / lacking - 1) > 1e-3
