"""erfcx, the normal distribution function, erf and erfc of the printed programs, compiled and run, against mpmath."""

import json
import subprocess
from functools import cache

import mpmath as mp
import numpy as np
import pytest

from chainderiv.symbolic.programs.dialect import JAVASCRIPT, C
from chainderiv.symbolic.programs.dialect_functions import helpers_called
from tests.symbolic.programs.test_program_runners import compile_text, node

NAMES = ("erfcx", "normal_cdf", "erf", "erfc")
CALLS = " ".join(f"{name}()" for name in NAMES)
TINY, SMALLEST = 2.0**-1022, 2.0**-1074
MOST = 1e-15
_MAIN = """
#include <stdio.h>

int main(void) {
    double x;
    while (scanf("%lf", &x) == 1) {
        printf("%.17g %.17g %.17g %.17g\\n", erfcx(x), normal_cdf(x), erf(x), erfc(x));
    }
    return 0;
}
"""
_SCRIPT = """
for (const x of JSON.parse(require("fs").readFileSync(0, "utf8"))) {
    console.log([erfcx(x), normal_cdf(x), erf(x), erfc(x)].join(" "));
}
"""


def arguments():
    """Subnormal to 1e300, both signs, dense where the methods meet and where erfc and the left tail underflow."""
    rng = np.random.default_rng(11)
    sizes = np.concatenate([np.geomspace(1e-320, 1e300, 500), np.geomspace(1e-6, 40, 900), rng.uniform(0, 40, 900),
                            np.linspace(0.2, 0.8, 400), np.linspace(3.9, 4.1, 60), np.linspace(26.4, 26.7, 60)])  # fmt: skip
    edges = np.array(
        [SMALLEST, 1e-310, TINY, 1e-300, 0.25, 0.5, 0.75, 1, 4, 26.5, 26.54, 27, 37.5, 38.5, 1e10, 1e154, 1e200]
    )
    near = np.concatenate([np.nextafter(edges, 0), edges, np.nextafter(edges, np.inf)])
    return np.unique(np.concatenate([-sizes, sizes, -near, near, [0.0]])).tolist()


POINTS = arguments()


@cache
def exact(name, x):
    """50 digits; None where the value leaves float64's normal numbers, and nothing is said of its digits."""
    with mp.workdps(50):
        x = mp.mpf(x)
        if abs(x) > 200:
            value = {
                "erfcx": None if x < 0 else asymptotic(x),
                "normal_cdf": mp.mpf(x > 0),
                "erf": mp.sign(x),
                "erfc": mp.mpf(2 * (x < 0)),
            }[name]
        else:
            value = {
                "erfcx": lambda: mp.exp(x * x) * mp.erfc(x),
                "normal_cdf": lambda: mp.erfc(-x / mp.sqrt(2)) / 2,
                "erf": lambda: mp.erf(x),
                "erfc": lambda: mp.erfc(x),
            }[name]()
        return value if value is not None and TINY <= abs(value) < mp.mpf(2) ** 1024 else None


def asymptotic(x):
    """erfcx(x) for x > 200: 1/(x √π) (1 - 1/(2x²) + 3/(4x⁴) - …), 50 digits after 24 terms."""
    terms = [mp.fac2(2 * n - 1) / (-2 * x * x) ** n if n else mp.mpf(1) for n in range(24)]
    return mp.fsum(terms) / (x * mp.sqrt(mp.pi))


def in_c(folder, change=lambda text: text):
    text = change("#include <math.h>\n" + "\n".join(helpers_called(CALLS, C)) + _MAIN)
    return compile_text(text, folder / "erfcx.c")


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """{language: an array of one row per argument}; C's erf and erfc are its library's."""
    folder = tmp_path_factory.mktemp("erfcx")
    script = folder / "erfcx.js"
    script.write_text("\n".join(helpers_called(CALLS, JAVASCRIPT)) + _SCRIPT)
    return {"c": run_executable(in_c(folder)), "javascript": rows(node([str(script)], json.dumps(POINTS)))}


def run_executable(path):
    return rows(subprocess.run([str(path)], input="\n".join(x.hex() for x in POINTS), capture_output=True, text=True))


def rows(done):
    assert done.returncode == 0, done.stderr[:2000]
    return np.array([[float(v) for v in line.split()] for line in done.stdout.splitlines()])


def worst(name, column):
    """The largest relative error, and where."""
    errors = []
    for x, got in zip(POINTS, column, strict=True):
        want = exact(name, x)
        if want is not None:
            with mp.workdps(50):
                errors.append((float(abs(got / want - 1)) if np.isfinite(got) else np.inf, x))
    assert len(errors) > 3000
    return max(errors)


@pytest.mark.parametrize(
    ("language", "name"), [("c", "erfcx"), ("c", "normal_cdf")] + [("javascript", name) for name in NAMES]
)
def test_every_function_is_right_to_1e_15_wherever_it_is_a_normal_number(language, name, computed):
    error, x = worst(name, computed[language][:, NAMES.index(name)])
    assert error <= MOST, f"{error} = {error * 2**52:.2f} ε at {x!r}"


def test_a_wrong_digit_in_the_method_is_seen(tmp_path):
    for right, wrong in (
        ("16.755160819145565", "16.7552"),
        ("1.265625*q", "1.2656*q"),  # the third place of the trapezoidal rule
        ("2.0*n + 1.0", "2.0*n + 1.00000001"),
    ):
        table = run_executable(in_c(tmp_path, lambda text, pair=(right, wrong): text.replace(*pair)))
        assert worst("erfcx", table[:, 0])[0] > MOST


def test_beyond_the_normal_numbers_the_functions_underflow_and_overflow_quietly(computed):
    assert len(computed) > 1
    x = np.array(POINTS)
    assert all(there.any() for there in (x < -40, x > 40, np.abs(x) < TINY))
    for table in computed.values():
        for x, (erfcx, cdf, erf, erfc) in zip(POINTS, table, strict=True):
            assert not np.isnan([erfcx, cdf, erf, erfc]).any(), x
            if x < -40:
                assert (erfcx, cdf, erf, erfc) == (np.inf, 0.0, -1.0, 2.0)
            if x > 40:
                assert (cdf, erf, erfc) == (1.0, 1.0, 0.0)
            if abs(x) < TINY:
                # what is left of a subnormal number is its whole self but for one unit in its last place
                assert abs(erf - 2 / np.sqrt(np.pi) * x) <= SMALLEST
