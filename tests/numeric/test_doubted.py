"""Numbers and zeros that look certain and are none: each is the right one, asked of the referee, or doubted."""

import itertools

import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.symbols import z
from tests.kinds import slow

own = cd.Activation.from_formula
SQUARE = cd.Activation("square", sympy.Piecewise((z**2, z > 0), (0, True)))
TENTH, THIRD = sympy.Rational(1, 10), sympy.Rational(1, 3)
LEFT = cd.Activation("left", sympy.Piecewise((2 * z - TENTH, z > TENTH), (z, True)))
RIGHT = cd.Activation("right", sympy.Piecewise((0, z < THIRD), (z - THIRD, True)))
# z_4 is computed as -16 and is 5.2: what rounded z_1 at 2e17 is more than all of z_4
W, B = [2e18, 0.8200000000000001, 0.67, 1, 1], [0.1, 0.1, 0.1, -1.0988000000000002e17, -0.5]
LINEAR = ["identity"] * 3
# sign and log|∂C/∂θ| by mpmath, or by hand where they are plain; a chain is made in its test: forms take a while to find
CASES = [
    # φ' is inf/inf, and its logarithm 0
    slow((lambda: cd.Chain(2, [own("own", "log(1+exp(z-400))"), "identity"]), {"w": 1, "z": [1493, 0.3], "x": 0.5, "y": 0.2}, 1, np.log(0.1))),
    (lambda: cd.Chain(5, [*LINEAR, "tanh", "relu"]), {"w": W, "b": B, "x": 0.1, "y": 0.2, "wrt": "b1"}, 1, -10.831618),
    (lambda: cd.Chain(5, [*LINEAR, "tanh", "relu"]), {"w": W, "b": B, "x": 0.1, "y": 0.2, "wrt": "b4"}, 1, -10.23269),
    (lambda: cd.Chain(5, [*LINEAR, "tanh", "relu"]), {"w": W, "b": B, "x": 0.1, "y": 0.2, "wrt": "b5"}, 1, -1.204173),
    (lambda: cd.Chain(5, [*LINEAR, "tanh", "relu"]), {"w": W, "b": B, "x": 0.1, "y": 0.2, "wrt": ("b5", "b5")}, 1, 0.0),
    (lambda: cd.Chain(5, [*LINEAR, "tanh", "relu"]), {"w": W, "b": B, "x": 0.1, "y": 0.2, "wrt": ("b4", "b5")}, 1, -9.028517),
    (lambda: cd.Chain(5, [*LINEAR, SQUARE, SQUARE]), {"w": W, "b": B, "x": 0.1, "y": 0.2, "wrt": "b5"}, 1, 10.537488),
    # the float64 0.1 lies above 1/10, and that of 1/3 below 1/3
    (lambda: cd.Chain(1, own("shift", "Max(0,z-0.1)")), {"w": 1, "b": 0, "x": 0.1, "y": 1}, -1, 0.0),
    (lambda: cd.Chain(1, LEFT), {"w": 1, "z": 0.1, "y": 1}, -1, np.log(1.8)),
    (lambda: cd.Chain(1, RIGHT), {"w": 1, "z": 1 / 3, "y": 1}, 0, -np.inf),
    # 1e-150 z, and z/2, at both anchors: another at 1e155
    (lambda: cd.Chain(2, [own("far", "tanh(z*1e-150)"), "identity"]), {"w": 1, "z": [1e155, 0.3], "y": 0.2}, 1, -200346.304055),
    (lambda: cd.Chain(2, [own("far", "z*exp(-z*1e-150)"), "identity"]), {"w": 1, "z": [1e155, 0.3], "y": 0.2}, -1, -99990.78967),
    (lambda: cd.Chain(2, [own("far", "z*exp(-z*1e-150)"), "identity"]), {"w": 1, "z": [-1e155, 0.3], "y": 0.2}, 1, 100009.21035),
    (lambda: cd.Chain(2, [own("far", "z/(1+exp(z*1e-150))"), "identity"]), {"w": 1, "z": [1e155, 0.3], "y": 0.2}, -1, -99990.78967),
]  # fmt: skip


@pytest.mark.parametrize(("chain", "point", "sign", "log"), CASES)
def test_the_number_is_right(chain, point, sign, log):
    for engine in (None, "mpmath"):
        got = cd.evaluate(chain(), **point, engine=engine)
        assert got.sign == sign, engine
        assert got.log == pytest.approx(log, rel=1e-6, abs=1e-15), engine


@pytest.mark.parametrize("engine", ["numpy", slow("numba")])
def test_a_map_marks_a_kink_that_is_no_float64(engine):
    s = cd.sweep(cd.Chain(1, own("shift", "Max(0,z-0.1)")), w=1, z=cd.Axis(0, 0.1, 2), y=1, engine=engine)
    assert s.uncertain.tolist() == [False, True]


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_map_marks_a_kink_that_float64_has_on_its_other_side(engine):
    s = cd.sweep(cd.Chain(1, LEFT), w=1, z=cd.Axis(0.1, 0.2, 2), y=1, engine=engine)
    assert s.uncertain.tolist() == [True, False]


@pytest.mark.parametrize("engine", ["numpy", slow("numba")])
def test_a_map_has_no_sign_where_a_slope_is_inf_over_inf(engine):
    chain = cd.Chain(2, own("own", "log(1+exp(z-400))"))
    s = cd.sweep(chain, w=cd.Axis(1000, 1600, 4), b=0, x=1, y=0, engine=engine)
    assert not (s.sign == -1).any()
    assert (s.sign == 1).any()


def test_a_logarithm_beyond_float64_is_counted_as_no_zero():
    found = cd.tally(cd.sweep(cd.Chain(4), w=cd.Axis(0, 1e308, 2), b=0.0))
    assert found.zeros == 1  # at w = 0
    below = cd.tally(cd.sweep(cd.Chain(4), w=cd.Axis(1e308, 1.5e308, 2), b=0.0))
    assert below.zeros == 0


def test_a_point_that_the_referee_refuses_takes_no_other_with_it():
    chain = cd.Chain(1, own("own", "sin(exp(z))"))
    got = cd.evaluate(chain, w=[[1.0], [1e8]], b=0.0, x=1.0)
    assert got.log[0] == pytest.approx(float(cd.evaluate(chain, w=1.0, b=0.0, x=1.0, engine="mpmath").log), rel=1e-13)
    assert np.isnan(got.log[1])


@pytest.mark.parametrize(
    ("name", "wrong"),
    # b=None is b that is not given
    [*itertools.product("wbxy", ["0.9", ["1", "2"], "ink", 1j, [1.0, "2"]]), ("w", None), ("x", None), ("y", None)],
)
def test_a_text_or_nothing_is_no_number(name, wrong):
    with pytest.raises(cd.errors.ChainderivError, match=f"^{name} "):
        cd.evaluate(cd.Chain(2), **{"w": 1.0, "b": 0.5, name: wrong})
