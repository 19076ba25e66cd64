"""The compiled engine against plain mpmath: at a depth of 100,000, and where an orbit is chaotic."""

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.symbolic.derive import derive
from tests.helpers import assert_same
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


@pytest.mark.parametrize(("w", "b"), [(1.5, 0.2), (-3.0, 1.0)])
def test_a_closed_walk_of_100_000_layers_is_the_walk_of_every_layer(w, b):
    got = compiled("sigmoid", 100_000, [w], [b], 0.3)
    sign, log = plain("sigmoid", 100_000, w, b, 0.3, 40)
    assert not got.uncertain[0]
    kappa = cd.condition(cd.Chain(1000), w, b, x=0.3)  # a hundredth of the layers, and so a stricter bound
    assert_same(got.gradient[0], cd.LogSign(sign, log), kappa)


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


def test_a_start_on_an_unstable_point_is_uncertain_though_it_repeats_bit_for_bit():
    # with b = -w/2 the sigmoid rests at 1/2, where its link is w/4
    assert compiled("sigmoid", 400, [-8.0], [4.0], 0.5).uncertain[0]
    assert not compiled("sigmoid", 400, [-2.0], [1.0], 0.5).uncertain[0]  # the same point, attracting
