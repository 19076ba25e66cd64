"""Elementary functions that vectorise: their digits against mpmath, their edges, and that LLVM computes several at once."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from functools import lru_cache
from typing import Any

import mpmath
import numba
import numpy as np
import pytest

from chainderiv.compiling.emit import IMPORTS

CALLED = {}
exec(IMPORTS, CALLED)
# what a kernel has of its own: numbers' parts, choices, and functions for an argument of one sign
OWN = {"exponent_of", "mantissa_of", "pick", "with_sign_of"} | {
    "exp_down",
    "exp_fraction",
    "expm1_down",
    "log_of_normal",
    "near_exp_fraction",
    "near_tanh_fraction",
    "positive_erfcx",
    "tanh_fraction",
}
ELEMENTARY = {name: f for name, f in CALLED.items() if name not in OWN | {"__builtins__"}}
DIGITS = 60
COUNT = 1200  # points of a spread
LARGEST, SMALLEST = np.finfo(np.float64).max, 5e-324
INF, NAN = math.inf, math.nan


def normal_cdf(x):
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def erfcx(x):
    if x < 100:
        return mpmath.exp(x * x) * mpmath.erfc(x)
    # x² would need as many digits as it has itself; the asymptotic series has 60 with its first terms
    terms = [mpmath.mpf(1)]
    for k in range(1, 30):
        terms.append(-terms[-1] * (2 * k - 1) / (2 * x * x))
    return mpmath.fsum(terms) / (x * mpmath.sqrt(mpmath.pi))


def even(low, high):
    return np.linspace(low, high, COUNT) + (high - low) / 7e3


def wide(low, high):
    """Both signs, sizes from 10^low to 10^high."""
    sizes = 10.0 ** np.linspace(low, high, COUNT // 2)
    return np.concatenate([-sizes, sizes])


TURNS = np.array([float(k * mpmath.pi / 2) for k in (1, 2, 3, 5, 22, 355, 710, 5_419_351 // 8, 1_000_000)])
# by function: mpmath's, the worst ulp its docstring states, and where it is looked at
CASES: dict[str, tuple[Any, float, list[np.ndarray]]] = {
    "exp": (mpmath.exp, 1.0, [even(-745.2, -705), even(-700, 709.7), even(-1, 1), wide(-320, 2)]),
    "expm1": (mpmath.expm1, 1.2, [even(-1, 1), even(0.3, 0.4), even(-40, 700), wide(-320, 2)]),
    "log": (mpmath.log, 0.9, [even(0.5, 2), even(0.99, 1.01), np.abs(wide(-323.3, 308.2))]),
    "log1p": (mpmath.log1p, 1.0, [even(-0.999, 3), np.abs(wide(-320, 308.2)), -np.abs(wide(-320, -0.001))]),
    "tanh": (mpmath.tanh, 1.5, [even(-1, 1), even(-20, 20), wide(-320, 2)]),
    "sinh": (mpmath.sinh, 1.6, [even(-1, 1), even(-710.4, 710.4), wide(-320, 1)]),
    "cosh": (mpmath.cosh, 1.4, [even(-2, 2), even(-710.4, 710.4)]),
    "asinh": (mpmath.asinh, 1.7, [even(-1, 1), wide(-320, 308.2), wide(-2, 2)]),
    "cbrt": (
        lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
        0.7,
        [even(-9, 9), wide(-323.3, 308.2), wide(-202, -198), wide(198, 202)],
    ),
    "erf": (mpmath.erf, 1.8, [even(-1.2, 1.2), even(-6, 6), wide(-306, 0)]),
    "erfc": (mpmath.erfc, 1.9, [even(-6, 6), even(0, 27.3), wide(-320, 0)]),
    "erfcx": (erfcx, 1.6, [even(-26.6, 27), even(0, 3), wide(-320, 0), np.abs(wide(0, 307))]),
    "normal_cdf": (normal_cdf, 2.0, [even(-38.5, -5), even(-5, 8.5), wide(-320, 0)]),
    "atan": (mpmath.atan, 1.4, [even(-3, 3), wide(-320, 308.2), wide(-2, 2)]),
    "sin": (mpmath.sin, 0.8, [even(-7, 7), even(-1.59e6, 1.59e6), wide(-320, 6), TURNS]),
    "cos": (mpmath.cos, 0.8, [even(-7, 7), even(-1.59e6, 1.59e6), wide(-320, 6), TURNS]),
    "tan": (mpmath.tan, 2.1, [even(-7, 7), even(-1.59e6, 1.59e6), wide(-320, 6), TURNS]),
    "sqrt": (mpmath.sqrt, 0.5, [even(0, 10), np.abs(wide(-323.3, 308.2))]),
    "absolute": (abs, 0.0, [wide(-323.3, 308.2)]),
    "sign": (mpmath.sign, 0.0, [wide(-323.3, 308.2)]),
}
# what stands at inf, -inf, and where the function ends or leaves float64
SPECIAL: dict[str, dict[float, float]] = {
    "exp": {INF: INF, -INF: 0.0, 709.79: INF, -745.2: 0.0, -745.13: SMALLEST, LARGEST: INF, -LARGEST: 0.0},
    "expm1": {INF: INF, -INF: -1.0, 709.79: INF, -1e9: -1.0, SMALLEST: SMALLEST, -SMALLEST: -SMALLEST},
    "log": {1.0: 0.0, INF: INF, -INF: NAN, -1.0: NAN, -SMALLEST: NAN, SMALLEST: -744.4400719213812},
    "log1p": {-1.0: -INF, INF: INF, -INF: NAN, -1.0000000000000002: NAN, -2.0: NAN, -SMALLEST: -SMALLEST, LARGEST: 709.782712893384},
    "tanh": {INF: 1.0, -INF: -1.0, LARGEST: 1.0, SMALLEST: SMALLEST, -SMALLEST: -SMALLEST},
    "sinh": {INF: INF, -INF: -INF, 710.48: INF, -711.0: -INF, SMALLEST: SMALLEST},
    "cosh": {INF: INF, -INF: INF, 710.48: INF, -1e300: INF},
    "asinh": {INF: INF, -INF: -INF, SMALLEST: SMALLEST, LARGEST: 710.4758600739439},
    "cbrt": {INF: INF, -INF: -INF, -8.0: -2.0, LARGEST: 5.643803094122362e102, SMALLEST: 1.7031839360032603e-108},
    "erf": {INF: 1.0, -INF: -1.0, 7.0: 1.0, -LARGEST: -1.0},
    "erfc": {INF: 0.0, -INF: 2.0, 30.0: 0.0, LARGEST: 0.0, -LARGEST: 2.0},
    "erfcx": {INF: 0.0, -INF: INF, -26.7: INF, -LARGEST: INF},
    "normal_cdf": {INF: 1.0, -INF: 0.0, -39.0: 0.0, 9.0: 1.0, -LARGEST: 0.0},
    "atan": {INF: math.pi / 2, -INF: -math.pi / 2, SMALLEST: SMALLEST},
    "sin": {INF: NAN, -INF: NAN, 1.7e6: NAN, -1e300: NAN, SMALLEST: SMALLEST},
    "cos": {INF: NAN, -INF: NAN, 1.7e6: NAN, -1e300: NAN},
    "tan": {INF: NAN, -INF: NAN, 1.7e6: NAN, -1e300: NAN},
    "sqrt": {INF: INF, -1.0: NAN, -INF: NAN},
    "absolute": {INF: INF, -INF: INF},
    "sign": {INF: 1.0, -INF: -1.0},
}  # fmt: skip
AT_0 = {
    "exp": 1.0,
    "log": -INF,
    "cosh": 1.0,
    "erfc": 1.0,
    "erfcx": 1.0,
    "normal_cdf": 0.5,
    "cos": 1.0,
    "absolute": 0.0,
}  # at -0 too
VECTORISED = (
    "exp",
    "expm1",
    "log",
    "log1p",
    "tanh",
    "erfcx",
    "normal_cdf",
    "erf",
    "erfc",
    "atan",
    "cbrt",
    "sin",
    "cos",
)


@lru_cache(maxsize=64)
def loop(name):
    """The loop around a function, compiled."""
    f = ELEMENTARY[name]

    @numba.njit(error_model="numpy")
    def run(x, out):
        for i in range(x.shape[0]):
            out[i] = f(x[i])

    return run


def computed(name, x):
    x = np.ascontiguousarray(x, dtype=np.float64)
    out = np.empty_like(x)
    loop(name)(x, out)
    return out


def ulp(got: float, exact: Any) -> float:
    """By how many units in the last place of the exact value a float64 is off; inf if one of them is not finite."""
    nearest = float(exact)
    if not (math.isfinite(got) and math.isfinite(nearest)):
        return 0.0 if got == nearest else INF
    exponent = max(mpmath.frexp(exact)[1] - 53, -1074) if exact else -1074
    return float(abs(mpmath.mpf(got) - exact) / mpmath.ldexp(1, int(exponent)))


def worst_ulp(name, x, out):
    reference = CASES[name][0]
    with mpmath.workdps(DIGITS):
        return max((ulp(float(o), reference(mpmath.mpf(float(v)))), float(v)) for v, o in zip(x, out, strict=True))


def test_every_function_is_tested():
    assert set(CASES) == set(SPECIAL) == set(ELEMENTARY)


@pytest.mark.parametrize("name", CASES)
def test_the_digits_are_as_the_docstring_states(name):
    _, stated, spreads = CASES[name]
    for x in spreads:
        worst, where = worst_ulp(name, x, computed(name, x))
        assert worst <= stated, f"{name}({where!r}) is off by {worst} ulp"


@pytest.mark.parametrize("name", [n for n in CASES if CASES[n][1] > 0.5])
def test_the_docstring_names_the_error_that_is_tested(name):
    assert f"to {CASES[name][1]:g} ulp" in ELEMENTARY[name].__doc__


@pytest.mark.parametrize("name", ["exp", "log1p", "normal_cdf"])
def test_an_error_of_3_ulp_is_found_anywhere(name):
    x = CASES[name][2][0][::60]
    out = computed(name, x)
    for k in range(len(x)):
        planted = out.copy()
        planted[k] += 3 * np.spacing(planted[k])
        assert worst_ulp(name, x, planted)[0] > CASES[name][1]


def test_the_ulp_counter_counts():
    assert ulp(1.0 + 3 * 2.0**-52, mpmath.mpf(1)) == 3.0
    assert ulp(1.0 - 2.0**-53, mpmath.mpf(1)) == 0.5
    assert ulp(3 * SMALLEST, mpmath.mpf(SMALLEST)) == 2.0
    assert ulp(NAN, mpmath.mpf(1)) == ulp(INF, mpmath.mpf(1)) == ulp(1.0, mpmath.inf) == INF
    assert ulp(0.0, mpmath.mpf(0)) == 0.0


@pytest.mark.parametrize("name", SPECIAL)
def test_infinities_and_ends(name):
    np.testing.assert_array_equal(computed(name, list(SPECIAL[name])), list(SPECIAL[name].values()))


@pytest.mark.parametrize("name", CASES)
def test_zeros_of_both_signs(name):
    out = computed(name, [0.0, -0.0])
    want = np.array([AT_0[name]] * 2 if name in AT_0 else [0.0, -0.0])
    np.testing.assert_array_equal(out, want)
    np.testing.assert_array_equal(np.signbit(out), np.signbit(want))


@pytest.mark.parametrize("name", ELEMENTARY)
def test_nan_stays_nan(name):
    assert np.isnan(computed(name, [NAN, -NAN])).all()


@pytest.mark.parametrize(("name", "low", "high"), [("exp", -745.2, -708.0), ("normal_cdf", -38.6, -37.5)])
def test_nothing_jumps_where_results_become_subnormal(name, low, high):
    out = computed(name, np.linspace(low, high, 20_000))
    assert (np.diff(out) >= 0).all()
    assert out[0] == 0.0
    assert out[-1] > 2.3e-308
    assert len(np.unique(out[out < 1e-322])) == 20  # every one of the smallest numbers is met


def test_erfcx_and_erfc_reach_their_subnormals():
    assert computed("erfc", [27.2])[0] == pytest.approx(float(mpmath.erfc(27.2)), rel=0, abs=SMALLEST)
    assert computed("erfcx", [LARGEST])[0] == pytest.approx(1 / math.sqrt(math.pi) / LARGEST, rel=0, abs=SMALLEST)


@pytest.mark.parametrize("name", VECTORISED)
def test_llvm_computes_several_at_once(name):
    computed(name, [1.0])
    (text,) = loop(name).inspect_llvm().values()
    assert re.search(r"\bfmul [a-z ]*<[248] x double>", text), name
    assert not re.search(r"call double @(?!llvm\.)", text), name


def test_a_branch_would_be_found():
    @numba.njit(error_model="numpy")
    def run(x, out):
        for i in range(x.shape[0]):
            out[i] = math.erfc(x[i]) * x[i]

    run(np.ones(4), np.ones(4))
    (text,) = run.inspect_llvm().values()
    assert re.search(r"call double @(?!llvm\.)", text)


def test_importing_compiles_nothing_and_the_package_needs_no_numba():
    program = """
import sys
import chainderiv
assert "numba" not in sys.modules
from chainderiv.compiling.emit import IMPORTS
called = {}
exec(IMPORTS, called)
assert not any(called[name].signatures for name in %r)
"""
    subprocess.run([sys.executable, "-c", program % sorted(ELEMENTARY)], check=True, env=dict(os.environ))
