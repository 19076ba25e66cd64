"""A gradient that is exactly 0 is certain where arithmetic proves it, and nowhere else."""

import mpmath
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.numeric.compiled.source import is_compilable
from chainderiv.symbols import z
from tests.kinds import slow

# text: φ and φ' by hand, in mpmath
PHI = {
    "log(1+Max(0,z))": (lambda z: mpmath.log1p(max(z, 0)), lambda z: 1 / (1 + z) if z > 0 else mpmath.mpf(0)),
    "sqrt(Max(0,z))": (
        lambda z: mpmath.sqrt(max(z, 0)),
        lambda z: 1 / (2 * mpmath.sqrt(z)) if z > 0 else mpmath.mpf(0),
    ),
    "where(z>0,z**0.3,0)": (
        lambda z: mpmath.mpf(z) ** mpmath.mpf("0.3") if z > 0 else mpmath.mpf(0),
        lambda z: mpmath.mpf("0.3") * mpmath.mpf(z) ** mpmath.mpf("-0.7") if z > 0 else mpmath.mpf(0),
    ),
    "exp(-z**2)": (lambda z: mpmath.exp(-(z**2)), lambda z: -2 * z * mpmath.exp(-(z**2))),
    "log(1+z**2)": (lambda z: mpmath.log1p(z**2), lambda z: 2 * z / (1 + z**2)),
    "sinc(z)": (mpmath.sinc, lambda z: (mpmath.cos(z) - mpmath.sinc(z)) / z if z else mpmath.mpf(0)),
}
AXES = {"w": cd.Axis(-3, 3, 25), "b": cd.Axis(-3, 3, 19)}


def by_hand(text, depth, w, b, x=0.5):
    """∂C/∂b_1 of a tied chain with the quadratic cost and y = 0."""
    phi, slope = PHI[text]
    with mpmath.workdps(80):
        w, a, product = mpmath.mpf(w), mpmath.mpf(x), mpmath.mpf(1)
        for layer in range(depth):
            at = w * a + mpmath.mpf(b)
            a = phi(at)
            product *= slope(at) * (w if layer else 1)
        return product * a


@pytest.mark.parametrize(
    ("text", "engine"),
    [
        *((text, "numpy") if text != "sinc(z)" else slow((text, "numpy")) for text in PHI),
        *(slow((text, "numba")) for text in PHI),
    ],
)
def test_a_map_with_exact_zeros_has_no_hole(text, engine):
    chain = cd.Chain(depth=4, activation=cd.Activation.from_formula("own", text))
    if engine == "numba" and not is_compilable(chain):
        engine = None
    s = cd.sweep(chain, **AXES, engine=engine)
    assert s.uncertain.mean() < 0.01  # sinc runs to 1 - sinc(0.04) and its like, whose digits are gone
    zeros = 0
    for (i, w), (j, b) in ((p, q) for p in enumerate(s.axes["w"].values) for q in enumerate(s.axes["b"].values)):
        want = by_hand(text, 4, w, b)
        zeros += want == 0
        if want and s.uncertain[i, j]:
            continue
        assert s.sign[i, j] == mpmath.sign(want), (w, b)
        if want:
            assert abs(s.log_abs[i, j] - float(mpmath.log(abs(want)))) < 1e-10, (w, b)
    assert zeros > 0


def test_an_underflow_is_no_zero():
    """φ' = -80 e^-1600 …: 0 in float64, at a z that is known exactly."""
    plain = cd.Activation("bump", 1 / (1 + sympy.exp(z**2)))
    s = cd.sweep(cd.Chain(depth=3, activation=plain), z=cd.Axis(0, 40, 2), w=1.0)
    assert s.sign[0] == 0
    assert not s.uncertain[0]
    assert s.uncertain[1]


def test_a_zero_beside_its_break_is_not_certain():
    """z_2 = w_2 sqrt(w_1 x) + b_2 is 0 but for rounding, and φ' = 1.5 sqrt(z) is 0 on one side only."""
    act = cd.Activation.from_formula("own", "where(z>0,z**1.5,0)")
    w, b = [1.0, 1.0], [0.3, -(0.8**1.5)]
    kappa = cd.condition(cd.Chain(depth=2, activation=act), w=w, b=b)
    assert not np.isfinite(kappa)
    assert cd.condition(cd.Chain(depth=2, activation=act), w=w, b=[0.3, -1.0]) == 0


def test_a_zero_times_an_infinite_slope_is_not_one():
    """cbrt' is infinite at 0."""
    act = cd.Activation.from_formula("own", "Max(0,z)")
    root = cd.Activation.from_formula("root", "cbrt(z)")
    chain = cd.Chain(depth=2, activation=[act, root])
    assert not np.isfinite(cd.condition(chain, w=1.0, b=[-1.0, 0.0], y=1.0))
    assert cd.condition(chain, w=1.0, b=[-1.0, 1.0], y=0.0) == 0
