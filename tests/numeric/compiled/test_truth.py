"""The compiled engine against plain mpmath: at a depth of 100,000, and where an orbit is chaotic."""

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.symbolic.derive import derive
from tests.helpers import assert_same
from tests.kinds import costly
from tests.numeric.compiled.reading import reading

SLOPES = {
    "sigmoid": (lambda z: 1 / (1 + mp.exp(-z)), lambda z: mp.exp(-z) / (1 + mp.exp(-z)) ** 2),
    "tanh": (mp.tanh, lambda z: 1 - mp.tanh(z) ** 2),
    "gelu": (lambda z: z * mp.ncdf(z), lambda z: mp.ncdf(z) + z * mp.npdf(z)),
}


def plain(name, depth, w, b, x, digits):
    """log|∂C/∂b_1| and its sign with y = 0, by the formula itself."""
    phi, slope = SLOPES[name]
    with mp.workdps(digits):
        w, b, a, product = mp.mpf(float(w)), mp.mpf(float(b)), mp.mpf(x), mp.mpf(1)
        for layer in range(depth):
            z = w * a + b
            product *= slope(z) * (w if layer else 1)
            a = phi(z)
        product *= a
        return float(mp.sign(product)), float(mp.log(abs(product)))


def compiled(name, depth, w, b, x):
    parameters = Parameters(Layered(np.asarray(w)), Layered(np.asarray(b)), np.asarray(x), np.asarray(0.0))
    return reading(derive(cd.Chain(depth, name), "b1"), "numba", parameters)


@pytest.mark.slow
@pytest.mark.parametrize(("w", "b"), [(1.5, 0.2), (-3.0, 1.0)])
def test_a_closed_walk_of_100_000_layers_is_the_walk_of_every_layer(w, b):
    got = compiled("sigmoid", 100_000, [w], [b], 0.3)
    sign, log = plain("sigmoid", 100_000, w, b, 0.3, 40)
    assert not got.uncertain[0]
    kappa = cd.condition(cd.Chain(1000), w, b, x=0.3)  # a hundredth of the layers, and so a stricter bound
    assert_same(got.gradient[0], cd.LogSign(sign, log), kappa)


@pytest.mark.slow
def test_nothing_outside_the_mask_is_wrong_by_more_than_1e_9_and_much_inside_it_is():
    rng = np.random.default_rng(3)
    w, b = rng.uniform(-12, 12, 160), rng.uniform(-3, 3, 160)
    got = compiled("gelu", 60, w, b, 0.3)
    want = np.array([plain("gelu", 60, *point, 0.3, 160) for point in zip(w, b, strict=True)])
    off = np.abs(got.gradient.log - want[:, 1])
    right = (off <= 1e-9) & (got.gradient.sign == want[:, 0])
    assert (right | got.uncertain).all()
    assert 0.02 < got.uncertain.mean() < 0.6
    assert (~right[got.uncertain]).mean() > 0.1


# φ, |φ'| and |φ''/φ'|
BENDS = {
    "identity": (lambda z: z, lambda z: 1.0, lambda z: 0.0),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2, lambda z: 2 * abs(np.tanh(z))),
}


def rounding_by_hand(name, depth, w, b, x, miss):
    """a_L, and K of the walk's own docstring, for a target that is `miss` away from a_L."""
    phi, slope, bend = BENDS[name]
    a, moved, off, log = x, 0.0, 0.0, 0.0
    for layer in range(depth):
        z, moved_z = w * a + b, abs(w) * (moved + 3 * abs(a)) + abs(b)
        off += bend(z) * moved_z + 4  # a layer's own roundings of logarithms are four
        log += np.log(slope(z) * (abs(w) if layer else 1))
        a, moved = phi(z), slope(z) * moved_z
    return a, off + (1 + (moved + abs(a)) / miss) + abs(log + np.log(miss)) + 4


@pytest.mark.parametrize(("w", "b", "depth"), [(0.5, 0.1, 1), (0.5, 0.1, 20), (-1.25, 0.3, 9), (0.6, -0.1, 60)])
@pytest.mark.parametrize("name", costly(BENDS))
def test_a_point_is_uncertain_from_where_twice_the_bound_of_the_docstring_reaches_1e_9(name, w, b, depth):
    misses = np.geomspace(1e-9, 1e-2, 1500)
    a, off = rounding_by_hand(name, depth, w, b, 0.3, misses)
    given = Parameters(Layered(np.asarray(w)), Layered(np.asarray(b)), np.asarray(0.3), a - misses)
    uncertain = reading(derive(cd.Chain(depth, name), "b1"), "numba", given).uncertain
    share = 2 * 2.0**-52 * off / 1e-9
    assert uncertain[share > 1.02].all()
    assert not uncertain[share < 0.98].any()
    assert 0.2 < uncertain.mean() < 0.9


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_a_weight_s_gradient_is_uncertain_where_the_activation_before_it_has_cancelled(engine):
    """a_1 = w x + b is off by some ε (|w x| + |b|), and log|∂C/∂w_2| by that over |a_1|: 1e-9 near |a_1| = 1e-6."""
    w, x, a = 1.5, 0.3, np.geomspace(1e-9, 1e-2, 700)
    given = Parameters(Layered(np.asarray(w), own={}), Layered(np.asarray(0.25), own={1: a - w * x}), np.asarray(x),
                       np.asarray(3.0))  # fmt: skip
    uncertain = reading(derive(cd.Chain(2, "relu"), "w2"), engine, given).uncertain
    off_by = {"numba": 2 * (3 * abs(w * x) + abs(a - w * x)), "numpy": 8 * (abs(w * x) + abs(a - w * x))}[engine]
    share = 2.0**-52 * off_by / a / 1e-9
    assert uncertain[share > 1.02].all()
    assert not uncertain[share < 0.98].any()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "w", "b", "y", "certain", "uncertain"), [
    ("identity", 1.0, 0.0, -1e6, (500_000, 560_000), (566_000, 700_000)),
    ("identity", 0.01, 0.1, 1.0, (200_000, 258_000), (265_000, 300_000)),
    ("tanh", 0.5, 0.1, 1e6, (300_000, 440_000), (456_000, 600_000)),
    ("tanh", 1e-3, 1e-3, 1e6, (200_000, 205_000), (208_000, 300_000)),
    ("identity", 1.0, 1e-9, -1e6, (560_000,), (566_000,)),  # an orbit that never repeats
])  # fmt: skip
def test_a_chain_is_uncertain_from_a_depth_on_by_the_roundings_of_its_logarithms_alone(
    name, w, b, y, certain, uncertain
):
    """Four a layer, each of ε, |log|, and of tanh |φ''/φ'| E: twice their sum is 1e-9 at 2.25 million ε."""
    given = Parameters(Layered(np.array([w])), Layered(np.array([b])), np.asarray(0.3), np.asarray(y))
    found = {
        depth: bool(reading(derive(cd.Chain(depth, name), "b1"), "numba", given).uncertain[0])
        for depth in (*certain, *uncertain)
    }
    assert found == dict.fromkeys(certain, False) | dict.fromkeys(uncertain, True)


@pytest.mark.parametrize("name", costly(["relu", "leaky_relu"]))
def test_a_pre_activation_that_rounding_may_bring_to_the_other_side_of_a_kink_is_uncertain(name):
    """0.1 · 0.3 is rounded, by more than what some of these biases leave of it."""
    w, x = 0.1, 0.3
    b = -0.03 + np.array([-1e-3, -1e-13, -4e-18, 0.0, 4e-18, 1e-13, 1e-3])
    sides = [(Fraction(w) * Fraction(x) + Fraction(float(v)) > 0, w * x + v > 0) for v in b]
    assert any(exact != rounded for exact, rounded in sides)
    given = Parameters(Layered(np.asarray(0.7), own={1: np.asarray(w)}), Layered(np.asarray(0.4), own={1: b}),
                       np.asarray(x), np.asarray(0.1))  # fmt: skip
    got = reading(derive(cd.Chain(2, name), "b1"), "numba", given)
    assert got.uncertain.tolist() == [False, False, True, True, True, False, False]


def test_a_residual_link_that_cancels_is_uncertain_or_right():
    """1 - tanh'(z) = tanh(z)², and all that is left of a link at w = -1; 1e-9 of it is gone near z = 1e-3."""
    z = np.concatenate([np.geomspace(1e-7, 1.0, 60), -np.geomspace(1e-7, 1.0, 60)])
    b = z + 0.3  # z_l = -a_{l-1} + b
    given = Parameters(
        Layered(np.asarray(-1.0)), Layered(np.asarray(0.2), own={1: b}), np.asarray(0.3), np.asarray(5.0)
    )
    for wrt, first in (("x", True), ("b2", False)):
        got = reading(derive(cd.Chain(2, "tanh", residual=True), wrt), "numba", given)
        with mp.workdps(60):
            want = []
            for bias in b:
                z1 = mp.mpf(float(bias)) - mp.mpf(0.3)
                a1 = mp.mpf(0.3) + mp.tanh(z1)
                z2 = mp.mpf(0.2) - a1
                product = (mp.tanh(z1) ** 2 * mp.tanh(z2) ** 2 if first else mp.sech(z2) ** 2) * (a1 + mp.tanh(z2) - 5)
                want.append((float(mp.sign(product)), float(mp.log(abs(product)))))
        sign, log = np.array(want).T
        right = (np.abs(got.gradient.log - log) <= 1e-9) & (got.gradient.sign == sign)
        assert (right | got.uncertain).all()
        assert (0.3 < got.uncertain.mean() < 0.7) == first


def test_a_start_on_an_unstable_point_is_uncertain_though_it_repeats_bit_for_bit():
    # with b = -w/2 the sigmoid rests at 1/2, where its link is w/4
    assert compiled("sigmoid", 400, [-8.0], [4.0], 0.5).uncertain[0]
    assert not compiled("sigmoid", 400, [-2.0], [1.0], 0.5).uncertain[0]  # the same point, attracting
