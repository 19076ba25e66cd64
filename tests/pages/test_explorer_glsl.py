"""The map's shaders: a real compiler takes them, and their arithmetic, run as C in 32-bit floats, keeps 32 bits' digits."""

import re

import numpy as np
import pytest

import chainderiv as cd
from tests.helpers import EPSILON
from tests.kinds import slow
from tests.pages.explored import chain_of, data
from tests.symbolic.programs.test_program_glsl import SINGLE, as_c, singles, validate
from tests.symbolic.programs.test_program_runners import compile_c, job, run_c

DEPTH, LAYER = 7, 2
KINDS = [("plain", "b", 0.0), ("plain", "w", 0.3), ("residual", "b", 0.3), ("residual", "a", 0.0)]
UNIFORMS = "uniform float y;\nuniform float x;\nuniform int depth, start;\nuniform bool pinned;\n"


def walked(name, kind, of, whole):
    """The functions of a neuron's shader, and the walk with its step."""
    programs = data(whole)["programs"]
    neuron = programs["neurons"][name]
    helpers = "\n".join(programs["helpers"]["glsl"][k] for k in neuron["glsl"]["helpers"])
    body = programs["bodies"]["glsl"][neuron["bodies"]["quadratic"][kind][of]]
    return f"{helpers}\n{neuron['glsl']['own']}", body.replace("{{step}}", neuron["glsl"]["steps"][kind == "residual"])


def shader(name, kind, of, whole=False):
    functions, walk = walked(name, kind, of, whole)
    head = f"#version 300 es\nprecision highp float;\nprecision highp int;\n{UNIFORMS}out vec4 result;\n{functions}\n"
    walk = f"vec4 gradient(float w, float b) {{\n{walk}\nreturn vec4(total, links, largest, 1.0);\n}}\n"
    return head + walk + "void main() {\nresult = gradient(gl_FragCoord.x, gl_FragCoord.y);\n}\n"


def in_c(name, kind, of, whole=False):
    functions, walk = walked(name, kind, of, whole)
    start = LAYER + 1 if of == "a" else LAYER
    given = f"const int depth = {DEPTH}, start = {start}, pinned = 0;\n"
    walk = walk.replace("uintBitsToFloat(0x7f800000u)", "INFINITY")
    walk = re.sub(r"= float\(", "= (float)(", re.sub(r"\bpair\b", "couple", walk))  # as_c has a type of that name
    unused = ["links", "largest", "z_start", "s_2", "lost", *re.findall(r"^float (\w+)\(", functions, re.MULTILINE)]
    unused = " ".join(f"(void){one};" for one in unused)  # a map asks for few of a neuron's functions
    text = f"vec2 gradient(float w, float b, float x, float y) {{\n{given}{walk}\n{unused}s = 1.0;\nreturn vec2(s, total);\n}}\n"
    return re.sub(r"float turn = .*\n", "", as_c(f"out vec4 result;\n{functions}\n{text}void main() {{}}"))


def cases_of(whole):
    return [(name, *kind) for name in data(whole)["programs"]["neurons"] for kind in (KINDS if whole else KINDS[::2])]


@pytest.mark.parametrize("whole", [False, slow(True)])
def test_the_compiler_accepts_the_shaders_of_the_page(whole, validator):
    for case in cases_of(whole):
        done = validate(validator, shader(*case[:3], whole))
        assert done.returncode == 0, done.stdout


def judged(texts, cases, folder):
    """By case, how far the logarithms of 32 bits are from the engine's, as parts of what is allowed."""
    executable, found = compile_c(texts, folder), {}
    for number, (name, kind, of, y) in enumerate(cases):
        chain = chain_of({"depth": DEPTH, "activation": name, "cost": "quadratic", "residual": kind == "residual"})
        rng = np.random.default_rng(number)
        points = [singles(rng, scale)[:3] for scale in (0.5, 1.0, 2.0, 4.0) for _ in range(3)]
        results = run_c(executable, [job(number, [w], [b], x, float(np.float32(y))) for w, b, x in points])
        found[name, kind, of] = []
        for (w, b, x), got in zip(points, results, strict=True):
            given = {"x": x, "y": float(np.float32(y)), "wrt": f"{of}{LAYER}"}
            want, kappa = cd.evaluate(chain, w, b, **given), float(cd.condition(chain, w, b, **given))
            if np.isneginf(want.log):
                assert got.log <= -3e38
            elif 8 * SINGLE * kappa < 1e-2 and abs(got.log) != np.inf:  # what 32 bits do not hold is read in 64
                allowed = 2e-6 * max(1.0, abs(want.log)) + 8 * SINGLE * kappa + EPSILON
                found[name, kind, of].append(abs(got.log - want.log) / allowed)
    return found


@pytest.mark.parametrize("whole", [False, slow(True)])
def test_the_arithmetic_of_the_map_keeps_the_digits_of_32_bits(whole, tmp_path):
    cases = cases_of(whole)
    found = judged([in_c(*case[:3], whole) for case in cases], cases, tmp_path)
    assert np.mean([len(parts) >= 3 for parts in found.values()]) > 0.9
    assert not {case: parts for case, parts in found.items() if not all(part <= 1 for part in parts)}


def test_a_step_with_a_mistake_is_seen(tmp_path):
    case = ("sigmoid", *KINDS[0])
    right = in_c(*case[:3])
    wrong = right.replace("float size = fabsf(z);", "float size = 1.0001f*fabsf(z);")
    assert wrong != right
    assert max(judged([wrong], [case], tmp_path)["sigmoid", "plain", "b"]) > 1


def test_a_link_that_rounds_to_0_is_undefined_on_the_map_too(tmp_path):
    executable = compile_c([in_c("gelu", "residual", "b"), in_c("relu", "residual", "b")], tmp_path)
    lost, rest = run_c(executable, [job(0, [-2], [0.5], 0.5, 0.3), job(1, [-1], [-9], 0.5, 0.3)])
    assert lost.log == np.inf  # no logarithm of 0: the page reads such a point in 64 bits
    assert rest.log <= -3e38
