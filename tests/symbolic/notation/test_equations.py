"""The printed forms, character by character."""

import re
import xml.etree.ElementTree as ET

import pytest

import chainderiv as cd
from chainderiv.errors import UnknownName
from chainderiv.functions.catalogue import ACTIVATIONS

FOUR = cd.Chain(4)
EXACT = {
    ("unicode", "b1"): "∂C/∂b₁ = σ'(z₁) · w₂ σ'(z₂) · w₃ σ'(z₃) · w₄ σ'(z₄) · ∂C/∂a₄",
    ("unicode", "w1"): "∂C/∂w₁ = x · σ'(z₁) · w₂ σ'(z₂) · w₃ σ'(z₃) · w₄ σ'(z₄) · ∂C/∂a₄",
    ("unicode", "w3"): "∂C/∂w₃ = a₂ · σ'(z₃) · w₄ σ'(z₄) · ∂C/∂a₄",
    ("unicode", "x"): "∂C/∂x = w₁ σ'(z₁) · w₂ σ'(z₂) · w₃ σ'(z₃) · w₄ σ'(z₄) · ∂C/∂a₄",
    ("text", "b1"): "dC/db1 = sigmoid'(z1) * w2 sigmoid'(z2) * w3 sigmoid'(z3) * w4 sigmoid'(z4) * dC/da4",
    ("latex", "b1"): r"\frac{\partial C}{\partial b_{1}} = \sigma'(z_{1}) \cdot w_{2} \, \sigma'(z_{2}) \cdot "
    r"w_{3} \, \sigma'(z_{3}) \cdot w_{4} \, \sigma'(z_{4}) \cdot \frac{\partial C}{\partial a_{4}}",
}


@pytest.mark.parametrize(("target", "wrt"), EXACT)
def test_depth_four_is_printed_as_equation_one(target, wrt):
    assert cd.derive(FOUR, wrt).to(target) == EXACT[target, wrt]


def test_str_is_the_unicode_form():
    assert str(cd.derive(FOUR, "b1")) == EXACT["unicode", "b1"]


def test_the_text_form_is_ascii():
    for name in ("sigmoid", "tanh", "gelu", "leaky_relu"):
        assert cd.derive(cd.Chain(30, name), "w2").to("text").isascii()


def texts(mathml):
    return "".join(ET.fromstring(mathml).itertext())


@pytest.mark.parametrize("wrt", ["b1", "w2", "x"])
def test_mathml_is_well_formed_and_reads_as_the_equation(wrt):
    made = cd.derive(cd.Chain(4, ["relu", "tanh", "gelu", "sigmoid"], "cross_entropy"), wrt).to("mathml")
    root = ET.fromstring(made)
    assert root.tag == "{http://www.w3.org/1998/Math/MathML}math"
    read = texts(made).replace(" ", "")
    assert read.startswith("∂C∂" + wrt)
    assert read.endswith("∂C∂a4")
    assert read.index("′(z3)") < read.index("w4") < read.index("′(z4)")


def test_notebooks_get_latex_and_mathml():
    d = cd.derive(FOUR, "b1")
    assert d._repr_latex_() == "$\\displaystyle " + EXACT["latex", "b1"] + "$"
    assert ET.fromstring(d._repr_html_()).tag.endswith("math")


def test_a_name_with_markup_in_it_stays_well_formed():
    from chainderiv.symbols import z

    odd = cd.Activation("a<b&c", z**3)
    made = cd.derive(cd.Chain(2, odd), "b1").to("mathml")
    assert texts(made).replace(" ", "").count("a<b&c′(") == 2


# how papers write them; \\operatorname sets a word upright, and \\tanh and \\arctan are LaTeX's own
WRITTEN = {
    "sigmoid": r"\sigma", "tanh": r"\tanh", "relu": r"\operatorname{relu}", "leaky_relu": r"\operatorname{lrelu}",
    "elu": r"\operatorname{elu}", "selu": r"\operatorname{selu}", "softplus": r"\operatorname{softplus}",
    "softsign": r"\operatorname{softsign}", "gelu": r"\operatorname{gelu}", "silu": r"\operatorname{silu}",
    "mish": r"\operatorname{mish}", "arctan": r"\arctan", "identity": r"\operatorname{id}",
    "quick_gelu": r"\operatorname{quick\_gelu}", "gelu_tanh": r"\operatorname{gelu\_tanh}",
    **{name: rf"\operatorname{{{name}}}" for name in (
        "prelu", "celu", "relu6", "relu2", "hardtanh", "hardsigmoid", "hardswish", "softshrink", "tanhshrink", "logsigmoid",
        "squareplus", "snake",
    )},
}  # fmt: skip


def test_every_neuron_is_written_by_its_own_name_in_every_form():
    assert set(WRITTEN) == set(ACTIVATIONS)
    for name, latex in WRITTEN.items():
        d = cd.derive(cd.Chain(1, name), "b1")
        slope = r"\frac{\partial C}{\partial a_{1}}"
        assert d.to("latex") == rf"\frac{{\partial C}}{{\partial b_{{1}}}} = {latex}'(z_{{1}}) \cdot {slope}"
        assert d.to("text") == f"dC/db1 = {name}'(z1) * dC/da1"
        assert d.to("unicode") == f"∂C/∂b₁ = {'σ' if name == 'sigmoid' else name}'(z₁) · ∂C/∂a₁"
        word = "σ" if name == "sigmoid" else name
        assert f"<mi>{word}</mi><mo form='postfix' lspace='0' rspace='0'>′</mo>" in d.to("mathml")


def test_a_sum_or_a_negative_factor_is_bracketed():
    d = cd.derive(FOUR, "b1")
    assert str(d.replace(1, d.factors[1] - 1)) == EXACT["unicode", "b1"].replace("w₂", "(w₂ - 1)")
    assert "(-w₂)" in str(d.replace(1, -d.factors[1]))


def test_a_step_is_one_line_of_name_equation_and_reason():
    d = cd.derive(FOUR, "b3")
    lines = [d.line(s) for s in d.steps]
    assert [line.split("    ")[0] for line in lines] == [
        "BP1: δ₄ = σ'(z₄) · ∂C/∂a₄",
        "BP2: δ₃ = w₄ · σ'(z₃) · δ₄",
        "BP3: ∂C/∂b₃ = δ₃",
    ]


def test_long_products_are_elided_where_they_are_shown_and_whole_where_asked_for():
    d = cd.derive(cd.Chain(1000), "b1")
    for shown in (d._repr_latex_(), d._repr_html_()):
        assert len(shown) < 4000
    assert r"\sigma'(z_{1000})" in d._repr_latex_()
    assert r"\cdots" in d._repr_latex_()
    assert d.to("latex").count("sigma'") == 1000
    assert d.to("unicode").count("σ'") == 1000


def test_an_unknown_target_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'latex'"):
        cd.derive(FOUR, "b1").to("latx")
    for derived in (cd.derive(FOUR, "b1"), cd.derive(FOUR, ("b1", "b2"))):
        with pytest.raises(UnknownName, match="did you mean 'latex'"):
            derived.line(derived.steps[0], "latx")


MATHML = {
    "a chain": lambda: cd.derive(FOUR, "b1"), "a residual chain": lambda: cd.derive(cd.Chain(3, residual=True), "b1"),
    "a second derivative": lambda: cd.derive(FOUR, ("b1", "w2")), "full width": lambda: cd.derive_layers([784, 30, 10]),
    "what SymPy writes": lambda: cd.derive(FOUR, "b1").replace(3, (FOUR.parameter("w2").symbol + 1) ** 2),
}  # fmt: skip


@pytest.mark.parametrize("made", MATHML.values(), ids=MATHML)
def test_brackets_in_mathml_open_and_close_and_are_no_operators_with_space_about_them(made):
    """Core's rule: a bracket that stands neither first nor last in its row is infix, and 5/18 em wide on either side."""
    root = ET.fromstring(made().to("mathml"))
    signs = [mo for mo in root.iter() if mo.tag.endswith("}mo") and mo.text in ("(", ")")]
    assert {mo.text: mo.get("form") for mo in signs} == {"(": "prefix", ")": "postfix"}
    assert all(mo.get("form") for mo in signs)


def test_indices_in_mathml_are_letters_in_italics_and_numbers_upright():
    made = cd.derive_layers([784, 30, 10]).to("mathml")
    assert "<mrow><mi>l</mi><mo lspace='0' rspace='0'>−</mo><mn>1</mn></mrow>" in made
    # a name of several letters would be upright
    assert not re.search(r"<mi>[a-zA-Z0-9]*(\d|[+−-])[^<]*</mi>", made)
    assert not re.search(r"<mi>\d", cd.derive(FOUR, "b1").to("mathml"))
