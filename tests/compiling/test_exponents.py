"""What a kernel has of its own beside the elementary functions: as many digits, on the side that it is for."""

import mpmath
import numba
import numpy as np
import pytest

from chainderiv.compiling.vectormath.erf import positive_erfcx
from chainderiv.compiling.vectormath.exp import exp_down, expm1_down
from chainderiv.compiling.vectormath.log import log_of_normal
from tests.compiling.test_vectormath import erfcx, even, ulp, wide

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
