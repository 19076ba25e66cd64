"""What a kernel has of its own beside the elementary functions: as many digits, on the side that it is for."""

import mpmath
import numba
import numpy as np
import pytest

from chainderiv.compiling.vectormath.erf import positive_erfcx
from chainderiv.compiling.vectormath.exp import (
    exp_down,
    exp_fraction,
    expm1_down,
    near_exp_fraction,
    near_tanh_fraction,
    tanh_fraction,
)
from chainderiv.compiling.vectormath.log import log_of_normal
from tests.compiling.test_vectormath import erfcx, even, ulp, wide
from tests.kinds import slow

DOWN = [even(-708.0, 0.0), even(-1.0, 0.0), -np.abs(wide(-300, 2.8))]
CASES = {
    "exp_down": (exp_down, mpmath.exp, 1.0, DOWN),
    "expm1_down": (expm1_down, mpmath.expm1, 1.2, DOWN),
    "log_of_normal": (log_of_normal, mpmath.log, 0.9, [even(0.5, 2), np.abs(wide(-307.6, 308.2))]),
    "positive_erfcx": (positive_erfcx, erfcx, 1.6, [even(0, 27), np.abs(wide(-300, 307))]),
}


def computed(function, x):
    @numba.njit(error_model="numpy")
    def run(x, out):
        for i in range(x.shape[0]):
            out[i] = function(x[i])

    out = np.empty_like(x)
    run(x, out)
    return out


@pytest.mark.parametrize("name", CASES)
def test_the_digits_are_those_of_the_elementary_functions(name):
    function, reference, stated, spreads = CASES[name]
    for x in spreads:
        with mpmath.workdps(60):
            off = [
                ulp(float(o), reference(mpmath.mpf(float(v)))) for v, o in zip(x, computed(function, x), strict=True)
            ]
        assert max(off) <= stated, f"{name}({x[int(np.argmax(off))]!r}) is off by {max(off)} ulp"


def test_what_underflows_is_small_enough_to_be_known_for_it():
    assert (computed(exp_down, np.array([-708.5, -1e4, -np.inf])) < 1e-290).all()
    assert (computed(expm1_down, np.array([-708.5, -1e4, -np.inf])) == -1.0).all()


SIGMOIDS = (lambda x: 1 / (1 + mpmath.exp(x)), lambda x: mpmath.exp(x) / (1 + mpmath.exp(x)))
SHARES = {exp_fraction: [(1, 1.7), (0, 1.7)], tanh_fraction: [(1, 1.7), (0, 1.7), (2, 1.8)]}


def shares(fraction, x):
    """The parts of a fraction over its last, their sum."""

    @numba.njit(error_model="numpy", fastmath={"contract"})
    def run(x, out):
        for i in range(x.shape[0]):
            parts = fraction(x[i])
            for k in range(len(parts) - 1):
                out[k, i] = parts[k] * (1.0 / parts[-1])

    out = np.empty((len(fraction(-1.0)) - 1, x.size))
    run(x, out)
    return out


def off_in_epsilons(got, reference, x):
    with mpmath.workdps(60):
        exact = [reference(mpmath.mpf(float(v))) for v in x]
        return max(float(abs(mpmath.mpf(float(g)) / e - 1)) for g, e in zip(got, exact, strict=True)) * 2.0**52


@pytest.mark.parametrize("fraction", SHARES)
@pytest.mark.parametrize("x", [*DOWN, slow(even(-40.0, 0.0)), slow(even(-5.0, 0.0))], ids=str)
def test_one_division_gives_both_sides_of_a_sigmoid_and_a_tanh(fraction, x):
    references = (SIGMOIDS[1], SIGMOIDS[0], lambda v: -mpmath.tanh(v / 2))
    for row, stated in SHARES[fraction]:
        got = shares(fraction, x)[row]
        assert off_in_epsilons(got, references[row], x) < stated
        planted = got.copy()
        planted[7] *= 1 + 2.0**-50
        assert off_in_epsilons(planted, references[row], x) > stated


@pytest.mark.parametrize("fraction", SHARES)
def test_the_fractions_of_what_underflows_and_of_0(fraction):
    over, under, *_ = shares(fraction, np.array([0.0, -0.0, -708.5, -1e4, -np.inf, np.nan]))
    np.testing.assert_array_equal(over[:2], 0.5)
    np.testing.assert_array_equal(under[:2], 0.5)
    assert (over[2:5] < 1e-290).all()
    assert (over[2:5] > 0).all()
    np.testing.assert_array_equal(under[2:5], 1.0)
    assert np.isnan([over[5], under[5]]).all()


NEAR = {near_exp_fraction: exp_fraction, near_tanh_fraction: tanh_fraction}
# d log/dx of the shares
SLOPES = (
    lambda x: 1 / (1 + mpmath.exp(x)),
    lambda x: mpmath.exp(x) / (1 + mpmath.exp(x)),
    lambda x: 1 / mpmath.sinh(x),
)


@pytest.mark.parametrize("fraction", NEAR)
@pytest.mark.parametrize("x", [even(-600.0, -1e-3), slow(even(-40.0, -1e-3)), -np.abs(wide(-300, 2.8))], ids=str)
def test_the_near_fractions_are_those_of_an_argument_that_is_off_by_two_thirds_of_an_epsilon_of_itself(fraction, x):
    references = (SIGMOIDS[1], SIGMOIDS[0], lambda v: -mpmath.tanh(v / 2))
    got = shares(fraction, x)
    for row, stated in SHARES[NEAR[fraction]]:
        with mpmath.workdps(60):
            at = [mpmath.mpf(float(v)) for v in x]
            off = [
                abs(mpmath.mpf(float(g)) / references[row](v) - 1) * 2**52 for g, v in zip(got[row], at, strict=True)
            ]
            allowed = [stated + 2 * abs(v * SLOPES[row](v)) / 3 for v in at]
        assert all(o < a for o, a in zip(off, allowed, strict=True))
    far = -500.0 * (1 + 2.0**-51)  # two epsilons of the argument are more than is allowed
    planted = shares(fraction, np.array([far]))[0, 0]
    with mpmath.workdps(60):
        assert abs(mpmath.mpf(float(planted)) / references[0](mpmath.mpf(-500)) - 1) * 2**52 > 1.7 + 2 * 500 / 3
