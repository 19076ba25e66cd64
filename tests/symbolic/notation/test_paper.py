"""LaTeX for a paper: it fits its line, judged by another measure, and says what the derivation says."""

import re
from itertools import product

import matplotlib
import matplotlib.mathtext
import pytest
import sympy

import chainderiv as cd
from chainderiv.errors import BadValue, UnknownName
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.symbolic.notation.measure import width
from chainderiv.symbols import z
from tests.kinds import costly

SHIFTED = 36.0  # pt: 'where' and a quad, which stand left of the lines of a where-block


def set_by_mathtext(latex):
    """The width in pt of a line, by Matplotlib's own layout in Computer Modern."""
    for ours, theirs in ((r"\left", ""), (r"\right", ""), (r"\text", r"\mathrm"), ("&", ""), (r"\:", r"\,"), (r"\Bigl", ""),
                         (r"\Bigr", ""), (r"\bigl", ""), (r"\bigr", ""), (r"\dots", r"\ldots")):  # fmt: skip
        latex = re.sub(re.escape(ours) + r"(?![a-z])", theirs.replace("\\", r"\\"), latex)
    latex = re.sub(r"\\mathrm\{([^}]*)\}", lambda m: r"\mathrm{" + m[1].replace(" ", r"\ ") + "}", latex)
    with matplotlib.rc_context({"mathtext.fontset": "cm"}):
        parser = matplotlib.mathtext.MathTextParser("path")
        return parser.parse(f"${latex}$", dpi=72, prop=matplotlib.font_manager.FontProperties(size=10))[0]


def lines_of(latex):
    """(left, right) of every row."""
    body = latex.replace("\\begin{aligned}\n", "").replace("\n\\end{aligned}", "")
    return [tuple(row.partition("&")[::2]) if "&" in row else ("", row) for row in body.split(" \\\\\n")]


CHAINS = [cd.Chain(depth, name) for depth in (1, 2, 4, 9, 24, 60) for name in ("sigmoid", "tanh", "relu", "softsign")] + [
    cd.Chain(24, "tanh", residual=True), cd.Chain(24, cost="cross_entropy"),
    cd.Chain(9, ["relu"] * 4 + ["tanh"] * 4 + ["sigmoid"], "cross_entropy"),
]  # fmt: skip


# the depth says how many rows there are, the neuron what its name is in them
TIED = [chain for chain in CHAINS[:24] if chain.activation(1).name == "sigmoid" and chain.depth < 60]
# each of those on one of the lines; the second derivatives of nine layers are the longest
QUICK = [
    *((chain, 246 if chain.depth == 4 else 345) for chain in TIED),
    *((chain, 246) for chain in CHAINS[24:] if chain.depth != 9),
]


@pytest.mark.parametrize(("chain", "pt"), costly(list(product(CHAINS, [345, 246])), quick=QUICK), ids=str)
def test_every_row_of_every_form_fits_its_line(chain, pt):
    wrts = ["b1", f"w{chain.depth}", "x"] + ([("b1", f"w{chain.depth}"), ("b1", "b1")] if chain.depth < 10 else [])
    for wrt in wrts:
        d = cd.derive(chain, wrt)
        for form in ("factors", "product", "elided"):
            rows = lines_of(d.to("latex", width=pt, form=form))
            column = max(set_by_mathtext(left) for left, _ in rows if left) if rows[0][0] else 0.0
            for _, right in rows:
                assert column + set_by_mathtext(right) <= pt, right


def test_a_row_that_is_too_long_is_seen_by_the_measure():
    d = cd.derive(cd.Chain(9), "b1")
    whole = d.to("latex", width=None)
    assert "aligned" not in whole
    assert set_by_mathtext(whole) > 345
    assert width(whole) > 345


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "leaky_relu", "softplus", "arctan"])
def test_the_estimate_is_no_less_than_the_other_measure_and_not_much_more(name):
    d = cd.derive(cd.Chain(12, name), "w3")
    for latex in (
        d.to("latex", width=None),
        d.to("latex", form="product"),
        d.to("latex", form="elided", symbols={"w": "theta"}),
    ):
        want = set_by_mathtext(latex)
        assert 0.97 * want <= width(latex) <= 1.2 * want


def test_rows_hold_every_factor_once_and_in_order():
    d = cd.derive(cd.Chain(60), "b1")
    whole, rows = d.to("latex", width=None), d.to("latex", width=246)
    joined = re.sub(r"\s+", " ", rows.replace(r"\begin{aligned}", "").replace(r"\end{aligned}", ""))
    assert re.sub(r"\s+", "", joined.replace(r"\\ &\quad {}", "").replace("&=", "=")) == re.sub(r"\s+", "", whole)
    assert rows.count(r"\\") > 5


FORMS = {
    "factors": r"\sigma'(z_{1}) \cdot w_{2} \, \sigma'(z_{2}) \cdot w_{3} \, \sigma'(z_{3}) \cdot w_{4} \, \sigma'(z_{4}) \cdot ",
    "product": r"\sigma'(z_{1}) \cdot \prod_{l=2}^{4} \left(w_{l} \, \sigma'(z_{l})\right) \cdot ",
    "elided": r"\sigma'(z_{1}) \cdot w_{2} \, \sigma'(z_{2}) \, \cdots \, w_{4} \, \sigma'(z_{4}) \cdot ",
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_equation_one_is_written(form):
    made = cd.derive(cd.Chain(4), "b1").to("latex", form=form)
    assert made == r"\frac{\partial C}{\partial b_{1}} = " + FORMS[form] + r"\frac{\partial C}{\partial a_{4}}"


def test_a_product_is_in_every_form_of_text():
    d = cd.derive(cd.Chain(4), "b1")
    assert d.to("unicode", form="product") == "∂C/∂b₁ = σ'(z₁) · ∏ₗ₌₂⁴ (wₗ σ'(zₗ)) · ∂C/∂a₄"
    assert d.to("text", form="product") == "dC/db1 = sigmoid'(z1) * prod_(l=2..4) (wl sigmoid'(zl)) * dC/da4"
    assert "∏" in d.to("mathml", form="product")


def test_layers_that_differ_have_a_phi_each_in_a_product():
    d = cd.derive(cd.Chain(4, ["relu", "tanh", "tanh", "sigmoid"]), "b1")
    assert r"\prod_{l=2}^{4} \left(w_{l} \, \varphi_{l}'(z_{l})\right)" in d.to("latex", form="product")
    assert "φₗ = relu for l = 1; φₗ = tanh for 2 ≤ l ≤ 3; φₗ = σ for l = 4" in d.to(
        "unicode", form="product", where=True
    )
    alike = cd.derive(cd.Chain(4, ["relu", "tanh", "tanh", "tanh"]), "b1")
    assert r"\prod_{l=2}^{4} \left(w_{l} \, \tanh'(z_{l})\right)" in alike.to("latex", form="product")


def test_a_replaced_factor_stands_outside_the_product():
    d = cd.derive(cd.Chain(6), "b1")
    assert (
        d.replace(5, 2)
        .to("unicode", form="product")
        .startswith("∂C/∂b₁ = σ'(z₁) · w₂ σ'(z₂) · w₃ 2 · " if False else "∂C/∂b₁ = σ'(z₁)")
    )
    made = d.replace(5, 2).to("unicode", form="product")
    assert made == "∂C/∂b₁ = σ'(z₁) · ∏ₗ₌₂³ (wₗ σ'(zₗ)) · 2 σ'(z₄) · ∏ₗ₌₅⁶ (wₗ σ'(zₗ)) · ∂C/∂a₆"


def test_what_the_cost_cancels_is_left_out_of_the_product():
    d = cd.derive(cd.Chain(5, cost="cross_entropy"), "b1")
    assert d.to("unicode", form="product", surviving=True) == "∂C/∂b₁ = σ'(z₁) · ∏ₗ₌₂⁴ (wₗ σ'(zₗ)) · w₅ · (a₅ - y)"
    last = d.to("unicode", form="elided", surviving=True, symbols={"L": "L"})
    assert last == "∂C/∂b₁ = σ'(z₁) · w₂ σ'(z₂) ⋯ w_L-1 σ'(z_L-1) · w_L · (a_L - y)"


SPELLED = {"sigmoid": lambda f: f * (1 - f), "tanh": lambda f: 1 - f**2}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_slope_that_is_a_polynomial_of_its_neuron_is_found_and_no_other(name):
    from chainderiv.symbolic.notation.spelling import by_itself

    numbers = by_itself(ACTIVATIONS[name])
    assert (numbers is not None) == (name in SPELLED)
    if numbers is not None:
        f = ACTIVATIONS[name].formula
        assert sympy.simplify(sum(n * f**k for k, n in enumerate(numbers)) - SPELLED[name](f)) == 0


def test_a_slope_that_only_nearly_is_such_a_polynomial_is_none():
    from chainderiv.symbolic.notation.spelling import by_itself

    f = 1 / (1 + sympy.exp(-z)) + sympy.Rational(1, 10**40) * sympy.sin(z)
    assert by_itself(cd.Activation("nearly", f)) is None


def test_slopes_are_spelled_out():
    d = cd.derive(cd.Chain(2), "b1")
    assert d.to("unicode", spelled=True) == "∂C/∂b₁ = σ(z₁)(1 - σ(z₁)) · w₂ σ(z₂)(1 - σ(z₂)) · (a₂ - y)"
    assert "tanh²(z₁)" in cd.derive(cd.Chain(1, "tanh"), "b1").to("unicode", spelled=True)
    second = cd.derive(cd.Chain(1), ("b1", "b1")).to("unicode", spelled=True)
    assert second.startswith("∂²C/∂b₁² = σ(z₁)(1 - σ(z₁))(1 - 2 σ(z₁)) · (a₁ - y) + ")
    assert cd.derive(cd.Chain(2, "identity"), "b1").to("unicode", spelled=True) == "∂C/∂b₁ = w₂ · (a₂ - y)"


def test_a_slope_too_long_for_its_place_keeps_its_sign_and_is_said_below():
    made = cd.derive(cd.Chain(3, "mish"), "b1").to("latex", spelled=True, where=True, width=246)
    assert made.startswith("\\begin{aligned}\n\\frac{\\partial C}{\\partial b_{1}} &= \\operatorname{mish}'(z_{1})")
    assert r"\operatorname{mish}'(z) = " in made


def test_the_where_block_says_layers_activation_and_cost():
    text = cd.derive(cd.Chain(3, "softplus"), "b1").to("text", where=True).splitlines()
    assert text[1:] == [
        "where zl = wl al-1 + bl; al = softplus(zl); l = 1, ..., 3; a0 = x",
        "      softplus(z) = log(1 + exp(z))" if "1 + exp" in text[2] else "      softplus(z) = log(exp(z) + 1)",
        "      C = (a3 - y)**2/2",
    ]
    residual = cd.derive(cd.Chain(3, residual=True), "b1").to("unicode", where=True)
    assert "aₗ = aₗ₋₁ + σ(zₗ)" in residual
    tanh = cd.derive(cd.Chain(3, "tanh"), "b1")
    assert "tanh(z) =" not in tanh.to("unicode", where=True)  # its name says it all
    assert "f(z) = tanh(z)" in tanh.to("unicode", where=True, symbols={"phi": "f"})


def test_names_of_ones_own_are_written_in_every_form():
    own = {"w": "theta", "phi": "f", "C": "J", "z": "u", "L": "L"}
    d = cd.derive(cd.Chain(4), "b1")
    latex = d.to("latex", form="elided", symbols=own)
    assert latex == (
        r"\frac{\partial J}{\partial b_{1}} = f'(u_{1}) \cdot \theta_{2} \, f'(u_{2}) \, \cdots \, \theta_{L} \, f'(u_{L}) \cdot "
        r"\frac{\partial J}{\partial a_{L}}"
    )
    assert d.to("unicode", form="product", symbols=own) == "∂J/∂b₁ = f'(u₁) · ∏ₗ₌₂ᴸ (θₗ f'(uₗ)) · ∂J/∂a_L"
    assert d.to("text", symbols={"w": "θ"}).count("theta") == 3
    assert "<mi>θ</mi>" in d.to("mathml", symbols={"w": r"\theta"})
    assert r"{w^{(1)}}_{2}" in d.to("latex", symbols={"w": "w^{(1)}"})
    mixed = cd.derive(cd.Chain(2, ["relu", "sigmoid"]), "b1").to("latex", symbols={"phi": "f"})
    assert "f_{1}'(z_{1})" in mixed
    assert "f_{2}'(z_{2})" in mixed


REFUSED = [
    ({"form": "prodcut"}, UnknownName, "did you mean 'product'"),
    ({"width": 20}, BadValue, "give pt, 120 or more"),
    ({"width": "wide"}, BadValue, "give pt, 120 or more"),
    ({"symbols": {"q": "r"}}, BadValue, "give some of w, b, z"),
    ({"symbols": {"w": r"\frac{"}}, BadValue, "give a letter, a word or its LaTeX"),
    ({"symbols": {"w": "a$b"}}, BadValue, "give a letter"),
    ({"symbols": 3}, BadValue, "give a dict"),
    ({"symbols": {"w": "z"}}, BadValue, "'z' for both w and z; give each a name of its own"),
    ({"symbols": {"w": "θ", "b": r"\theta"}}, BadValue, "for both w and b"),
    ({"symbols": {"y": "x"}}, BadValue, "for both x and y"),
    ({"symbols": {"L": "l"}}, BadValue, "for both l and L"),
    ({"where": 1}, BadValue, "give True or False"),
]


def test_names_may_be_exchanged():
    said = cd.derive(cd.Chain(2), "b1").to("text", symbols={"w": "b", "b": "w", "a": "x"})
    assert said == "dC/dw1 = sigmoid'(z1) * b2 sigmoid'(z2) * dC/dx2"


@pytest.mark.parametrize(("keywords", "error", "said"), REFUSED, ids=str)
def test_what_cannot_be_asked_for_is_refused_in_a_line(keywords, error, said):
    for d in (cd.derive(cd.Chain(2), "b1"), cd.derive(cd.Chain(2), ("b1", "b2"))):
        with pytest.raises(error, match=said) as caught:
            d.to("latex", **keywords)
        assert "\n" not in str(caught.value)


def test_a_target_refuses_what_it_has_no_use_for():
    d = cd.derive(cd.Chain(2), "b1")
    for target, keywords in (("c", {"form": "product"}), ("mathml", {"spelled": True}), ("unicode", {"standalone": True}),
                             ("text", {"width": 246}), ("markdown", {"standalone": True})):  # fmt: skip
        with pytest.raises(BadValue, match=f"is given for the target '{target}'"):
            d.to(target, **keywords)
    with pytest.raises(BadValue, match="which is LaTeX"):
        d.to("unicode", symbols={"w": r"\mathbf{w}"})


def test_markdown_and_a_document_frame_the_same_latex():
    d = cd.derive(cd.Chain(9), "b1")
    latex = d.to("latex")
    assert d.to("markdown") == f"$$\n{latex}\n$$"
    whole = d.to("latex", standalone=True, where=True)
    assert re.findall(r"\\begin\{(\w+\*?)\}", whole) == ["document", "align*"]
    assert whole.count("{") == whole.count("}")
    assert whole.isascii()
    short = cd.derive(cd.Chain(2), "b1")
    assert f"\\begin{{equation*}}\n{short.to('latex')}\n\\end{{equation*}}" in short.to("latex", standalone=True)
    assert r"\setlength{\textwidth}{246pt}" in d.to("latex", standalone=True, width=246)


def test_a_notebook_shows_what_survives_as_well():
    shown = cd.derive(cd.Chain(2, cost="cross_entropy"), "b1")._repr_latex_()
    assert shown.count("&=") == 2
    assert r"\left(a_{2} - y\right)" in shown
    assert "aligned" not in cd.derive(cd.Chain(2), "b1")._repr_latex_()
    assert cd.derive(cd.Chain(2, cost="cross_entropy"), ("b1", "b1"))._repr_latex_().count("&=") == 2


NAMES = {
    "β": r"\beta", "swish_β": r"\operatorname{swish\_\beta}", "βx": r"\operatorname{\beta x}", "a_b": r"\operatorname{a\_b}",
    "z*tanh(z)": r"\varphi", "é": r"\operatorname{\text{é}}",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_with_letters_of_its_own_is_one_that_latex_takes(name):
    made = cd.derive(cd.Chain(1, cd.Activation(name, z**3)), "b1").to("latex")
    assert f"= {NAMES[name]}'(z_{{1}})" in made


def test_a_symbol_is_written_in_latex_where_none_is_stated_for_it():
    assert r"= \beta'(z_{1})" in cd.derive(cd.Chain(1, cd.Activation("mine", z**3, symbol="β")), "b1").to("latex")
    assert r"= h'(z_{1})" in cd.derive(cd.Chain(1, cd.Activation("mine", z**3, symbol="h")), "b1").to("latex")


def test_a_letter_that_latex_lacks_is_refused_with_the_cure_and_a_notebook_shows_mathml():
    d = cd.derive(cd.Chain(1, cd.Activation("жук", z**3)), "b1")
    with pytest.raises(BadValue, match="give Activation.*latex="):
        d.to("latex")
    assert d._repr_latex_() is None
    assert "жук" in d._repr_html_()


def test_sympy_prints_the_factors_as_they_are_written():
    prime, slope = cd.derive(cd.Chain(4), "b1").factors[0], cd.derive(cd.Chain(4), "b1").factors[-1]
    assert (str(prime), str(slope)) == ("sigmoid'(z_1)", "dC/da_4")
    assert (sympy.latex(prime), sympy.latex(slope)) == (r"\sigma'(z_{1})", r"\frac{\partial C}{\partial a_{4}}")
    assert sympy.latex(prime**2) == r"{\sigma'(z_{1})}^{2}"
    assert str(slope**2) == "(dC/da_4)**2"
    assert sympy.pretty(prime) == "σ'(z₁)"
    assert [line.strip() for line in sympy.pretty(slope).splitlines()] == ["∂C", "───", "∂a₄"]
    second = cd.derive(cd.Chain(2), ("b1", "b2"))
    assert str(second.terms[1].factors[3]) == "d^2C/da_2^2"
