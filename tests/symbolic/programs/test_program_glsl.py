"""GLSL: a real compiler takes every program, and its arithmetic, run here as C in 32-bit floats, keeps 32 bits' digits."""

import re
import subprocess

import numpy as np
import pytest

import chainderiv as cd
from tests.kinds import FOUR, KINDS, slow
from tests.symbolic.programs.test_program import FORMULAS
from tests.symbolic.programs.test_program_runners import compile_c, job, run_c

CHAINS = [(name, "quadratic", residual) for name in KINDS for residual in (False, True)]
CHAINS += [("sigmoid", "cross_entropy", False)]
OWN = ("decimal", "cubic root", "cardinal")
ERF = cd.Activation.from_formula("erf(z)", "erf(z)")  # 32 bits have a series of their own for it
SHADED = CHAINS + [(phi, "quadratic", False) for phi in (ERF, *(cd.Activation(name, FORMULAS[name]) for name in OWN))]
SINGLE = 2.0**-23
LOWEST = -3.4028234663852886e38


def validate(validator, text):
    return subprocess.run([validator, "--stdin", "-S", "frag"], input=text, capture_output=True, text=True)


@pytest.mark.parametrize("case", CHAINS, ids=str)
def test_the_compiler_accepts_every_program(case, validator):
    name, cost, residual = case
    for depth, wrt in ((1, "w1"), (4, "w3"), (4, "x"), (1000, "b1")):
        text = cd.derive(cd.Chain(depth, name, cost, residual=residual), wrt).to("glsl")
        done = validate(validator, text)
        assert done.returncode == 0, done.stdout + text


def test_the_compiler_accepts_mixed_chains(validator):
    for activations in (list(KINDS), ["relu"] * 999 + ["gelu"]):
        done = validate(validator, cd.derive(cd.Chain(len(activations), activations), "w2").to("glsl"))
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", FORMULAS)
def test_the_compiler_accepts_an_activation_of_ones_own(name, validator):
    chain = cd.Chain(3, cd.Activation("*/ own", FORMULAS[name]))
    done = validate(validator, cd.derive(chain, "w2").to("glsl"))
    assert done.returncode == 0, done.stdout


def test_the_compiler_refuses_a_program_with_a_mistake(validator):
    text = cd.derive(cd.Chain(4), "b1").to("glsl")
    for right, wrong in (("1.0/(1.0 + exp(-z))", "1/(1.0 + exp(-z))"), ("log1p(", "lg1p("), ("highp float", "float")):
        assert right in text
        assert validate(validator, text.replace(right, wrong, 1)).returncode != 0


def as_c(text):
    """The shader's functions in C, every number a float, behind the `gradient` of the other C programs."""
    functions = text[text.index("out vec4 result;") : text.index("void main()")].split("\n", 1)[1]
    functions = re.sub(r"(?<![\w.])(\d+\.\d*(?:e[+-]?\d+)?)", r"\1f", functions)
    functions = re.sub(r"^float (\w+)\(", r"static float \1(", functions, flags=re.MULTILINE)
    functions = re.sub(r"\b(exp|log|floor|sqrt|atan|sin|cos|pow|asinh)\(", r"\1f(", functions).replace("abs(", "fabsf(")
    functions = functions.replace("float z) {", "float z) {\n    (void)z;")
    functions = functions.replace("vec2 gradient(", "static pair shader(").replace(
        "return vec2(s, total)", "return (pair){s, total}"
    )
    return f"""#include <math.h>

#ifndef PAIR
#define PAIR
typedef struct {{ float x, y; }} pair;
#endif
{functions}
void gradient(const double *w, const double *b, double x, double y, double *sign, double *log_abs) {{
    pair found = shader((float)w[0], (float)b[0], (float)x, (float)y);
    *sign = found.x;
    *log_abs = found.y;
}}
"""


@pytest.fixture(scope="module")
def shaders(tmp_path_factory):
    every = [cd.derive(cd.Chain(5, name, cost, residual=residual), "w2") for name, cost, residual in SHADED]
    return compile_c([as_c(d.to("glsl")) for d in every], tmp_path_factory.mktemp("shaders")), every


def singles(rng, scale):
    return [float(np.float32(v)) for v in (*rng.normal(0, scale, 2), rng.normal(), rng.uniform())]


@pytest.mark.parametrize(
    "number",
    # and two formulas of one's own
    [k if k - len(CHAINS) in (0, 1) or case[0] in FOUR else slow(k) for k, case in enumerate(SHADED)],
    ids=lambda k: str(SHADED[k][0]),
)
def test_the_arithmetic_of_a_shader_keeps_the_digits_of_32_bits(number, shaders):
    executable, every = shaders
    d, rng, judged = every[number], np.random.default_rng(number), 0
    points = [singles(rng, scale) for scale in (0.5, 1.0, 1.0, 2.0, 4.0) for _ in range(9)]
    results = run_c(executable, [job(number, [w] * 5, [b] * 5, x, y) for w, b, x, y in points])
    for (w, b, x, y), got in zip(points, results, strict=True):
        want = cd.evaluate(d.chain, w, b, x=x, y=y, wrt="w2", engine="mpmath")
        kappa = cd.condition(d.chain, w, b, x=x, y=y, wrt="w2")
        if np.isneginf(want.log):
            assert (got.sign, got.log) == (0.0, LOWEST)
        elif 8 * SINGLE * kappa < 1e-2:
            judged += 1
            assert got.sign == want.sign, (d.chain, w, b, x, y)
            assert abs(got.log - want.log) <= 2e-6 * max(1.0, abs(want.log)) + 8 * SINGLE * kappa, (d.chain, w, b, x, y)
    assert judged >= 10


def test_a_shader_with_a_mistake_comes_out_wrong(shaders, tmp_path):
    text = as_c(cd.derive(cd.Chain(5, "tanh"), "w2").to("glsl"))
    wrong = text.replace("z = w*a + b;", "z = 1.001f*w*a + b;")
    assert wrong != text
    right, got = run_c(compile_c([text, wrong], tmp_path), [job(k, [0.9] * 5, [0.1] * 5, 0.5, 0.25) for k in (0, 1)])
    assert abs(right.log - got.log) > 1e-4
