"""κ is what it says: no rounding moves log|gradient| by more than ε κ, and some rounding moves it by a good part."""

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.numeric.conditioning import is_lost
from tests import plain
from tests.kappa import kappa
from tests.kinds import slow
from tests.problems import DEEP, PROBLEMS

SMALL = mp.mpf(2) ** -60  # so small that what is left is first order
# a value in several roundings, as z (z + 3)/6 is, of which the design's κ counts one; κ is at most so much larger
SEVERAL = {"prelu", "relu2", "hardsigmoid", "hardswish", "softshrink", "snake"}
SMOOTH = ["sigmoid", "tanh", "softplus", "gelu", "silu", "mish", "arctan"]


def rounded_log(name, w, b, x, y, rng):
    """log|∂C/∂b_1| where every operation is off by up to SMALL, relative."""

    def off(value):
        return value * (1 + (SMALL * rng.choice((-1, 1)) if rng is not None else 0))

    a, log = mp.mpf(x), mp.mpf(0)
    for k, (weight, bias) in enumerate(zip(w, b, strict=True)):
        z = off(off(mp.mpf(weight) * a) + mp.mpf(bias))
        log += mp.log(abs((weight if k else 1) * plain.phi_prime(name, z)))
        a = off(plain.PHI[name](z))
    return log + mp.log(abs(a - mp.mpf(y)))


@pytest.mark.parametrize("depth", [1, 4, 12])
@pytest.mark.parametrize("name", SMOOTH)
def test_no_rounding_moves_the_logarithm_by_more_than_kappa_and_some_by_a_good_part(name, depth):
    rng = np.random.default_rng([depth, SMOOTH.index(name)])
    w, b = rng.normal(0, 1.5, depth), rng.normal(0, 1.5, depth)
    k = float(cd.condition(cd.Chain(depth, name), w, b, y=0.3))
    with mp.workdps(60):
        exact = rounded_log(name, w, b, 0.5, 0.3, None)
        moves = [float(abs(rounded_log(name, w, b, 0.5, 0.3, rng) - exact) / SMALL) for _ in range(30)]
    assert max(moves) <= k
    assert max(moves) >= k / 100


@pytest.mark.parametrize(
    "problem", [slow(p) if p in DEEP else p for p in PROBLEMS if p.answer != "0"], ids=lambda p: p.name
)
def test_condition_is_the_design_s_kappa(problem):
    chain = cd.Chain(problem.depth, problem.activations, problem.cost)
    got = float(cd.condition(chain, problem.w, problem.b, x=problem.x, y=problem.y, wrt=problem.wrt))
    assert kappa(problem) * 0.95 <= got
    assert got <= kappa(problem) * (1.25 if SEVERAL & {*problem.activations} else 1.05)


def test_kappa_grows_where_the_orbit_amplifies_its_rounding():
    steady = cd.condition(cd.Chain(100, "tanh"), 0.9, 0.1, y=2.0)
    amplified = cd.condition(cd.Chain(100), 100.0, -50.0)
    assert steady < 1e4
    assert 25.0**99 < amplified < 1e3 * 25.0**99


def test_a_kappa_that_is_no_number_vouches_for_nothing():
    at_the_edge = 1e-9 / (8 * 2.0**-52)
    assert is_lost(np.array([np.nan, np.inf, 1.001 * at_the_edge, 0.999 * at_the_edge, 0.0])).tolist() == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_kappa_has_one_number_per_point():
    assert np.shape(cd.condition(cd.Chain(3), np.ones((5, 3)), 0.0, x=np.ones((2, 1)))) == (2, 5)
