"""What a printed program says: one length at any depth, nothing of the package, and no name that could do harm."""

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.functions.cost import Cost
from chainderiv.functions.gaps import sign_form
from chainderiv.symbolic.programs.program_parts import label
from chainderiv.symbols import a, erfcx, normal_cdf, y, z
from tests.helpers import assert_same
from tests.kinds import KINDS
from tests.symbolic.programs.test_program_runners import (
    batch,
    compile_c,
    javascript_batch,
    job,
    run_c,
    run_javascript,
    run_numpy,
)

TARGETS = ("numpy", "c", "javascript", "glsl")
HOSTILE = [
    "*/ system(1); /*",
    'quote"""; import os; """',
    "ends in a backslash \\",
    "trigraph ??/",
    "nul\0",
    "$let {body} {{}} %s",
    "`; ${process.exit(1)}`",
    "#include <x>",
    "z-cubed",
    "ζ",
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("residual", [False, True])
def test_a_program_has_one_length_at_any_depth(target, residual):
    texts = [cd.derive(cd.Chain(depth, "gelu", residual=residual), "b1").to(target) for depth in (4, 1000, 1_000_000)]
    assert len({len(text.splitlines()) for text in texts}) == 1
    assert len({text.replace("1000000", "4").replace("1000", "4") for text in texts}) == 1
    assert len(texts[0]) < 6500


@pytest.mark.parametrize("target", TARGETS)
def test_a_thousand_layers_of_two_kinds_are_two_stretches(target):
    few, many = (cd.Chain(n, ["relu"] * (n - 1) + ["sigmoid"], "cross_entropy") for n in (3, 1000))
    short, long = (cd.derive(chain, "w2").to(target) for chain in (few, many))
    assert len(long) - len(short) < 100


def test_many_stretches_are_no_nested_expression(tmp_path):
    depth = 20_000
    chain = cd.Chain(depth, ["identity", "leaky_relu"] * (depth // 2))
    d, given = cd.derive(chain, "b1"), [job(0, [1.0] * depth, [0.0] * depth, 0.5, 0.25)]
    for (got,) in batch([d], tmp_path).run(given).values():
        assert_same(got, cd.LogSign(1.0, np.log(0.25)))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", KINDS)
def test_a_program_stands_alone(target, name):
    text = cd.derive(cd.Chain(4, name), "w3").to(target)
    for word in ("chainderiv", "sympy", "Piecewise", "normal_density", "mpmath", "Stable", "$", "{{", "M_PI", "M_SQRT"):
        assert word not in text
    brought = [line for line in text.splitlines() if line.startswith(("import", "#include"))]
    assert brought == {"numpy": ["import numpy", "import scipy.special"], "c": ["#include <math.h>"]}.get(target, [])


@pytest.mark.parametrize("target", TARGETS)
def test_a_replaced_derivation_has_no_program(target):
    with pytest.raises(BadValue, match="print the one that was derived"):
        cd.derive(cd.Chain(2), "b1").replace(0, 1).to(target)


def test_no_name_breaks_out_of_a_comment(tmp_path):
    chains = [cd.Chain(2, [cd.Activation(name, z**3), cd.Activation(name, 2 * z)]) for name in HOSTILE]
    made = batch([cd.derive(chain, "b1") for chain in chains], tmp_path)
    jobs = [job(k, [1.0, 2.0], [0.25, 0.5], 0.5, 0.0) for k in range(len(chains))]
    for results in made.run(jobs).values():
        for got in results:
            assert_same(got, cd.evaluate(chains[0], [1.0, 2.0], [0.25, 0.5]), 100)


def test_the_text_of_a_program_does_not_depend_on_a_hostile_name_but_for_a_comment():
    for target, mark in {"numpy": "#", "c": "//", "javascript": "//", "glsl": "//"}.items():
        plain = cd.derive(cd.Chain(2, cd.Activation("f", z**3 + z)), "b1").to(target).splitlines()
        for name in HOSTILE:
            text = cd.derive(cd.Chain(2, cd.Activation(name, z**3 + z)), "b1").to(target).splitlines()
            assert len(text) == len(plain)
            differ = [line for line, other in zip(text, plain, strict=True) if line != other]
            assert 1 <= len(differ) <= 2
            for line in differ:
                assert line.replace("∂", "").isascii()
                assert line.removeprefix("class neuron_1:").lstrip().startswith((mark, '"""'))


def test_a_hostile_name_of_a_cost_is_harmless_too(tmp_path):
    chain = cd.Chain(1, "tanh", Cost('"""*/\nbad(); //', (a - y) ** 2))
    d = cd.derive(chain, "b1")
    given, want = [job(0, [0.5], [0.25], 0.5, 0.125)], cd.evaluate(chain, [0.5], [0.25], y=0.125)
    assert_same(run_numpy([d.to("numpy")], given)[0], want, 20)
    assert_same(run_c(compile_c([d.to("c")], tmp_path), given)[0], want, 20)
    assert_same(run_javascript(javascript_batch([d.to("javascript")], tmp_path / "b.js"), given)[0], want, 20)


def test_a_label_holds_nothing_that_means_something_in_a_language():
    for name in HOSTILE:
        assert label(name).isascii()
        assert not set(label(name)) & set("*/\\\"'`?$#{}<>\n\r;")
    assert label("leaky_relu") == "leaky_relu"
    assert len(label("f" * 1000)) == 60


@pytest.mark.parametrize("target", ["c", "javascript", "glsl"])
@pytest.mark.parametrize("formula", [sympy.besselj(0, z) * z, z + sympy.gamma(z**2 + 1) / 9, sympy.sech(z)], ids=str)
def test_a_function_that_a_language_lacks_is_refused_in_one_line(target, formula):
    with pytest.raises(BadValue, match=f"beyond the target '{target}'; give an activation in its functions") as caught:
        cd.derive(cd.Chain(2, cd.Activation("rare", formula)), "b1").to(target)
    assert len(str(caught.value).splitlines()) == 1


def test_a_function_that_numpy_and_scipy_lack_is_refused_in_one_line():
    d = cd.derive(cd.Chain(2, cd.Activation("rare", sympy.expint(1, z**2 + 1))), "b1")
    with pytest.raises(BadValue, match="beyond the target 'numpy'") as caught:
        d.to("numpy")
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_not_stated_everywhere_or_beyond_float64_is_refused():
    from chainderiv.symbolic.programs.dialect import C
    from chainderiv.symbolic.programs.dialect_printer import DialectPrinter

    printer = DialectPrinter(C)
    with pytest.raises(BadValue, match="end its branches"):
        printer.require_known(sympy.Piecewise((z, z > 0)))
    with pytest.raises(BadValue, match="beyond float64"):
        printer.text(10**400 * z)


def test_whole_numbers_and_fractions_are_printed_as_floats_and_powers_without_pow():
    from chainderiv.symbolic.programs.dialect import GLSL, JAVASCRIPT, C
    from chainderiv.symbolic.programs.dialect_printer import DialectPrinter

    c, javascript, glsl = (DialectPrinter(d) for d in (C, JAVASCRIPT, GLSL))
    assert c.text(z / 2 + sympy.Rational(1, 3)) == "0.5*z + 0.3333333333333333"
    assert c.text(1 / (1 + z) ** 2) == "1.0/square(z + 1.0)"
    assert c.text(z / (1 + z) ** 2) == "z/square(z + 1.0)"
    assert javascript.text(z**3) == "Math.pow(z, 3.0)"
    assert glsl.text(z**3) == "whole_power(z, 3.0)"
    with mp.workdps(40):
        assert glsl.text(-sympy.sqrt(2 * sympy.pi) * z) == f"{float(-mp.sqrt(2 * mp.pi))!r}*z"
    assert javascript.text(sympy.Max(z, 1, -z)).count("Math.max(") == 2
    assert c.text(sympy.Piecewise((1, z > 0), (z / 3, True))) == "((z > 0.0) ? (1.0) : (0.3333333333333333*z))"
    assert c.text(-sympy.oo) == "-INFINITY"


@pytest.mark.parametrize(
    ("expression", "form"),
    [
        (sympy.exp(-(z**2)) * (1 + z), 1 + z),
        (-3 * sympy.exp(z) / (1 + sympy.exp(z)), -1),
        (z * normal_cdf(z), z),
        (z**3 * erfcx(z), z),
        (z**2 - z, z**2 - z),
        (sympy.Piecewise((sympy.exp(z), z > 0), (0, True)), 1),
        (sympy.Piecewise((-sympy.exp(z), z > 0), (z, True)), sympy.Piecewise((-1, z > 0), (z, True))),
    ],
    ids=str,
)
def test_the_sign_of_an_expression_is_that_of_what_can_be_negative(expression, form):
    assert sign_form(expression) == form
