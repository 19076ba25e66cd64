"""What is read of a formula of one's own is right to what it is said to be, and little of it is given up."""

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.numeric.conditioning import LOST, UNKNOWN
from chainderiv.numeric.kernel import oracle
from chainderiv.numeric.parameters import at_points
from tests.kinds import costly, slow

EPSILON = 2.0**-52


def _golu(z):
    return z * mp.exp(-mp.exp(-z)), mp.exp(-mp.exp(-z)) * (1 + z * mp.exp(-z))


def _xielu(z):
    if z > 0:
        return mp.mpf("0.8") * z**2 + z / 2, mp.mpf("1.6") * z + mp.mpf("0.5")
    return mp.mpf("0.8") * mp.expm1(z) - mp.mpf("0.3") * z, mp.mpf("0.8") * mp.exp(z) - mp.mpf("0.3")


def _rooted(z):
    root = mp.sqrt(z**2 + mp.mpf("0.04"))
    return z * (z + root) / 2, (z + root) ** 2 / (2 * root)


def _sigmoid(z):
    return 1 / (1 + mp.exp(-z)), mp.exp(-z) / (1 + mp.exp(-z)) ** 2


# text: φ and φ' by hand, depth, and the most of a map that may be given up
FORMULAS = {
    "1/(1+exp(-z))": (_sigmoid, 10, 0.0),
    "z*exp(-exp(-z))": (_golu, 10, 0.01),
    "where(z>0,0.8*z**2+0.5*z,0.8*(exp(z)-1)-0.3*z)": (_xielu, 10, 0.02),
    "0.5*z*(z+sqrt(z**2+0.04))": (_rooted, 10, 0.02),
    "0.5*(z+sqrt(z**2+4))": (lambda z: ((z + mp.sqrt(z**2 + 4)) / 2, (1 + z / mp.sqrt(z**2 + 4)) / 2), 10, 0.02),
    "sqrt(z**2+1e-300)": (lambda z: (mp.hypot(z, mp.mpf(10) ** -150), z / mp.hypot(z, mp.mpf(10) ** -150)), 3, 0.01),
    "exp(-z**2)": (lambda z: (mp.exp(-(z**2)), -2 * z * mp.exp(-(z**2))), 6, 0.05),
    "sin(z)+z": (lambda z: (mp.sin(z) + z, mp.cos(z) + 1), 6, 0.2),
    "log(1+z**2)": (lambda z: (mp.log1p(z**2), 2 * z / (1 + z**2)), 6, 0.02),
    "z-tanh(z)": (lambda z: (z - mp.tanh(z), mp.tanh(z) ** 2), 6, 0.02),
    "(exp(z)-1)/(exp(z)+1)+z/10": (lambda z: (mp.tanh(z / 2) + z / 10, (1 - mp.tanh(z / 2) ** 2) / 2 + mp.mpf(1) / 10), 10, 0.02),
}  # fmt: skip
POINTS = 150


def by_hand(both, depth, w, b, digits=120):
    """log|∂C/∂b_1| and its sign of a tied chain, y = 0, x = 0.5, digits doubled until nothing changes."""
    found = None
    while True:
        with mp.workdps(digits):
            a, sign, log = mp.mpf("0.5"), 1, mp.mpf(0)
            for layer in range(depth):
                a, slope = both(mp.mpf(w) * a + mp.mpf(b))
                factor = slope * (mp.mpf(w) if layer else 1)
                sign, log = sign * mp.sign(factor), log + (mp.log(abs(factor)) if factor else -mp.inf)
            sign, log = int(sign * mp.sign(a)), float(log + mp.log(abs(a))) if a else -np.inf
        if found == (sign, log) or (found and found[0] == sign and abs(found[1] - log) <= 1e-14 * max(1, abs(log))):
            return sign, log
        found, digits = (sign, log), 2 * digits
        assert digits < 20_000


@pytest.mark.parametrize("text", costly(FORMULAS, quick=list(FORMULAS)[0:3:2]))
def test_what_is_certain_is_right_and_what_is_known_is_known_to_its_bound(text):
    both, depth, most = FORMULAS[text]
    chain = cd.Chain(depth, cd.Activation.from_formula("own", text))
    rng = np.random.default_rng(sorted(FORMULAS).index(text))
    w, b = rng.uniform(-3, 3, (2, POINTS))
    parameters = at_points(depth, np.repeat(w[:, None], depth, 1), np.repeat(b[:, None], depth, 1), None, 0.5, 0.0)
    reading, kappa = oracle(cd.derive(chain, "b1")).read(parameters)
    assert np.isnan(reading.log_abs).mean() <= most
    for i in np.flatnonzero(~np.isnan(reading.log_abs)):
        sign, log = by_hand(both, depth, w[i], b[i])
        allowed = 8 * EPSILON * kappa[i]
        assert allowed < (UNKNOWN * max(1, abs(log)) if reading.uncertain[i] else LOST)
        assert reading.sign[i] == sign, (w[i], b[i])
        assert abs(reading.log_abs[i] - log) <= 1e-12 * max(1, abs(log)) + allowed, (w[i], b[i], log)


@pytest.mark.parametrize(
    ("text", "depth", "reach"),
    [
        slow(("1/(1+exp(-z))", 10_000, 3)),
        ("0.5*z*(z+sqrt(z**2+0.04))", 10, 3),
        ("sqrt(z**2+1e-300)", 3, 3),
        ("sqrt(z**2+1e-300)", 4, 40),
        ("where(z>0,0.8*z**2+0.5*z,0.8*(exp(z)-1)-0.3*z)", 10, 3),
        ("z*exp(-exp(-z))", 10, 8),
    ],
)
def test_a_map_of_an_own_formula_has_no_holes(text, depth, reach):
    chain = cd.Chain(depth, cd.Activation.from_formula("own", text))
    s = cd.sweep(chain, w=cd.Axis(-reach, reach, 13), b=cd.Axis(-reach, reach, 11))
    assert not np.isnan(s.log_abs).any()


SUNKEN = ["z*exp(-exp(-z))", "exp(-exp(-z))", "sin(z)*exp(-exp(z))", "(z**2-400)*exp(-exp(z/2))"]


@pytest.mark.parametrize("text", costly(SUNKEN, quick=["sin(z)*exp(-exp(z))", "exp(-exp(-z))", "z*exp(-exp(-z))"]))
def test_of_a_logarithm_of_1e10_and_more_the_sign_and_the_share_are_known(text):
    """log|φ'| is -1e13 at z = -30, where rounding z moves it by more than 1e-4, and by 1e-14 of itself."""
    chain, rng, far = cd.Chain(2, cd.Activation.from_formula("own", text)), np.random.default_rng(8), 0
    w, b = rng.uniform(-6, 6, (40, 2)), rng.uniform(-30, 30, (40, 2))
    read, _ = oracle(cd.derive(chain, "b1")).read(at_points(2, w, b, None, 0.5, 0.3))
    for i in np.flatnonzero(~np.isnan(read.log_abs)):
        right = cd.evaluate(chain, w=w[i], b=b[i], x=0.5, y=0.3, engine="mpmath")
        assert read.sign[i] == right.sign
        off = abs(read.log_abs[i] - right.log)
        assert off <= (UNKNOWN if read.uncertain[i] else LOST) * max(1.0, abs(right.log))
        far += abs(right.log) > 1e10
    assert far > 2


@pytest.mark.parametrize("text", [slow("(sqrt(z**2+1)-1)/2+z"), slow("z+log(1+z**2)/3")])
def test_a_formula_whose_slope_has_a_sign_of_its_own_is_compiled(text):
    chain = cd.Chain(5, cd.Activation.from_formula("own", text))
    one, other = (cd.sweep(chain, w=cd.Axis(-2, 2, 9), b=cd.Axis(-2, 2, 9), engine=e) for e in ("numba", "numpy"))
    known = ~(one.uncertain | other.uncertain)
    assert known.mean() > 0.9
    assert np.array_equal(one.sign[known], other.sign[known])
    np.testing.assert_allclose(one.log_abs[known], other.log_abs[known], rtol=1e-11, atol=1e-11)


def test_where_rounding_may_turn_the_slope_no_share_of_a_large_logarithm_is_known():
    """φ' of (z - 20) exp(-exp(z)) is 0 at 20 + e^-20, where its logarithm is near -4.9e8: z rounds to its other side."""
    rng = np.random.default_rng(4)
    w, b = rng.uniform(1, 2, 4000), np.full(4000, -140.0)
    with mp.workdps(60):
        zero = mp.findroot(lambda t: 1 - (t - 20) * mp.exp(t), 20 + mp.exp(-20))
        x = (float(zero) + 140) / w
        astray = [(mp.mpf(v) * mp.mpf(u) - 140 > zero) != (v * u - 140 > zero) for v, u in zip(w, x, strict=True)]
    chain = cd.Chain(1, cd.Activation.from_formula("own", "(z-20)*exp(-exp(z))"))
    read, _ = oracle(cd.derive(chain, "b1")).read(at_points(1, w[:, None], b[:, None], None, x, 0.3))
    assert np.count_nonzero(astray) > 100
    assert np.isnan(read.log_abs[astray]).all()
    beside, _ = oracle(cd.derive(chain, "b1")).read(at_points(1, [1.0], [-140 + 1e-9], None, float(zero) + 140, 0.3))
    right = cd.evaluate(chain, w=1.0, b=-140 + 1e-9, x=float(zero) + 140, y=0.3, engine="mpmath")
    assert beside.sign == right.sign
    assert abs(beside.log_abs - right.log) < UNKNOWN * abs(right.log)
