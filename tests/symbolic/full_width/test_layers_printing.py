"""The printed forms of BP1 to BP4, character by character."""

import xml.etree.ElementTree as ET

import pytest
import sympy

import chainderiv as cd
from chainderiv import symbols
from chainderiv.errors import UnknownName
from chainderiv.symbolic.full_width import printing
from chainderiv.symbolic.full_width.layers import derive_layers

SIGMOID = derive_layers([3, 2, 2])
SOFTMAX = derive_layers([3, 2, 2], "tanh", "log_likelihood")
UNICODE = """\
BP1: δᴸⱼ = σ'(zᴸⱼ) · ∂C/∂aᴸⱼ
BP2: δˡⱼ = σ'(zˡⱼ) · ∑ₖ wˡ⁺¹ₖⱼ δˡ⁺¹ₖ
BP3: ∂C/∂bˡⱼ = δˡⱼ
BP4: ∂C/∂wˡⱼₖ = aˡ⁻¹ₖ · δˡⱼ
BP1: δᴸ = Σ'(zᴸ) ∇ₐC
BP2: δˡ = Σ'(zˡ) (Wˡ⁺¹)ᵀ δˡ⁺¹
BP3: ∂C/∂bˡ = δˡ
BP4: ∂C/∂Wˡ = δˡ (aˡ⁻¹)ᵀ"""
TEXT = """\
BP1: delta^L_j = sigmoid'(z^L_j) * dC/da^L_j
BP2: delta^l_j = sigmoid'(z^l_j) * sum_k w^(l+1)_kj delta^(l+1)_k
BP3: dC/db^l_j = delta^l_j
BP4: dC/dw^l_jk = a^(l-1)_k * delta^l_j
BP1: delta^L = Sigma'(z^L) grad_a C
BP2: delta^l = Sigma'(z^l) (W^(l+1))^T delta^(l+1)
BP3: dC/db^l = delta^l
BP4: dC/dW^l = delta^l (a^(l-1))^T"""
LATEX_BP2 = (
    r"&\text{BP2} & \delta^{l}_{j} &= \sigma'(z^{l}_{j}) \, \sum_{k=1}^{n_{l+1}} w^{l+1}_{kj} \, \delta^{l+1}_{k} \\",
    r"&\text{BP2} & \delta^{l} &= \Sigma'(z^{l}) \, \left(W^{l+1}\right)^{\mathsf{T}} \, \delta^{l+1} \\",
)
FORMS = ("unicode", "text", "latex", "mathml")


def test_the_four_equations_in_unicode_and_in_ascii():
    assert SIGMOID.to("unicode") == UNICODE
    assert SIGMOID.to("text") == TEXT
    assert str(SIGMOID) == "\n".join(UNICODE.splitlines()[:4])


def test_latex_has_sums_with_their_limits_and_transposes():
    lines = SIGMOID.to("latex").splitlines()
    assert lines[0] == r"\begin{alignedat}{2}"
    assert lines[-1] == r"\end{alignedat}"
    assert (lines[2], lines[6]) == LATEX_BP2
    assert SIGMOID._repr_latex_() == "$\\displaystyle " + SIGMOID.to("latex") + "$"


@pytest.mark.parametrize("derivation", [SIGMOID, SOFTMAX], ids=["sigmoid", "softmax"])
def test_mathml_is_well_formed_and_reads_as_the_equations(derivation):
    root = ET.fromstring(derivation.to("mathml"))
    assert root.tag == "{http://www.w3.org/1998/Math/MathML}math"
    rows = ["".join(row.itertext()) for row in root.iter("{http://www.w3.org/1998/Math/MathML}mtr")]
    assert len(rows) == 8
    assert rows[2] == "BP3∂C∂bjl=δjl"
    assert rows[7] == "BP4∂C∂Wl=δl(al−1)T"
    ET.fromstring(derivation._repr_html_())


def test_softmax_has_its_jacobian_in_both_forms():
    index, matrix = (SOFTMAX.to("unicode").splitlines()[i] for i in (0, 4))
    assert index == "BP1: δᴸⱼ = aᴸⱼ · ∂C/∂aᴸⱼ - aᴸⱼ · ∑ₖ aᴸₖ ∂C/∂aᴸₖ"
    assert matrix == "BP1: δᴸ = (diag(aᴸ) - aᴸ (aᴸ)ᵀ) ∇ₐC"


def test_the_steps_of_the_hidden_layer_as_they_are_read():
    lines = [SIGMOID.line(s).split("    ")[0] for s in SIGMOID.steps if s.name.startswith("BP2")]
    assert lines == [
        "BP2, chain rule: δˡⱼ = ∑ₖ δˡ⁺¹ₖ ∂zˡ⁺¹ₖ/∂zˡⱼ",
        "BP2, next layer: zˡ⁺¹ₖ = ∑ₘ wˡ⁺¹ₖₘ σ(zˡₘ) + bˡ⁺¹ₖ",
        "BP2, derivative: ∂zˡ⁺¹ₖ/∂zˡⱼ = ∑ₘ wˡ⁺¹ₖₘ σ'(zˡₘ) δⱼₘ",
        "BP2, sum: ∂zˡ⁺¹ₖ/∂zˡⱼ = wˡ⁺¹ₖⱼ · σ'(zˡⱼ)",
        "BP2, put in: δˡⱼ = ∑ₖ wˡ⁺¹ₖⱼ σ'(zˡⱼ) δˡ⁺¹ₖ",
        "BP2: δˡⱼ = σ'(zˡⱼ) · ∑ₖ wˡ⁺¹ₖⱼ δˡ⁺¹ₖ",
    ]


def test_a_reason_has_its_indices_set_like_the_equation():
    named = {s.name: s for s in SOFTMAX.steps}
    assert SOFTMAX.line(named["BP2, next layer"]).endswith("(the layer equation, with aˡₘ written out)")
    short = named["output error, where targets sum to 1"]
    assert SOFTMAX.line(short).endswith(": δᴸⱼ = aᴸⱼ - yⱼ    (∑ₖ yₖ = 1)")
    assert SOFTMAX.line(short, "text").endswith(": delta^L_j = a^L_j - y_j    (sum_k y_k = 1)")
    assert r"$z^{l+1}_{k}$" in SOFTMAX.line(named["BP2, chain rule"], "latex")


@pytest.mark.parametrize("derivation", [SIGMOID, SOFTMAX, derive_layers(3, ["relu", "tanh"], "quadratic", "gelu")])
def test_the_text_form_is_ascii_and_every_form_writes_every_step(derivation):
    for s in derivation.steps:
        assert derivation.line(s, "text").isascii()
        assert derivation.line(s, "latex").count("{") == derivation.line(s, "latex").count("}")
        ET.fromstring(f"<m>{derivation.line(s, 'mathml')}</m>")
    for line in (printing.cancellation(derivation, "text"), printing.unrolled(derivation, 1, "text")):
        assert line.isascii()


def test_the_cancellation_in_words():
    assert printing.cancellation(SIGMOID) == "the cost cancels σ'(zᴸⱼ) and no other factor: δᴸⱼ = aᴸⱼ - yⱼ"
    assert printing.cancellation(SOFTMAX) == (
        "the cost cancels aᴸₖ and no other factor: δᴸⱼ = aᴸⱼ - yⱼ where ∑ₖ yₖ = 1"
    )
    quadratic = derive_layers([2, 2, 2], "tanh", "quadratic")
    assert printing.cancellation(quadratic) == "the cost cancels nothing: δᴸⱼ = tanh'(zᴸⱼ) · (aᴸⱼ - yⱼ)"


def test_the_unrolled_product_of_a_layer():
    assert printing.unrolled(SIGMOID, 1) == "δ¹ = Σ'(z¹) (W²)ᵀ Σ'(z²) ∇ₐC"
    assert SIGMOID.written(sympy.MatMul(*SIGMOID.unrolled(1))) == "Σ'(z¹) (W²)ᵀ Σ'(z²) ∇ₐC"
    assert printing.unrolled(SIGMOID, 2) == "δ² = Σ'(z²) ∇ₐC"
    assert printing.unrolled(SIGMOID, 1, cancel=True) == "δ¹ = Σ'(z¹) (W²)ᵀ (a² - y)"
    assert (
        SIGMOID.written(sympy.MatMul(*SIGMOID.unrolled(1, cancel=True)), target="text")
        == "Sigma'(z^1) (W^2)^T (a^2 - y)"
    )
    assert printing.unrolled(SOFTMAX, 1) == "δ¹ = Σ'(z¹) (W²)ᵀ (diag(a²) - a² (a²)ᵀ) ∇ₐC"


def test_a_long_product_is_elided_where_it_is_shown_and_whole_where_asked_for():
    deep = derive_layers(1000)
    shown = printing.unrolled(deep, 1, elide=True)
    assert shown == "δ¹ = Σ'(z¹) (W²)ᵀ Σ'(z²) (W³)ᵀ ⋯ Σ'(z⁹⁹⁹) (W¹⁰⁰⁰)ᵀ Σ'(z¹⁰⁰⁰) ∇ₐC"
    short = printing.unrolled(deep, 1, cancel=True, elide=True)
    assert short == "δ¹ = Σ'(z¹) (W²)ᵀ Σ'(z²) (W³)ᵀ ⋯ Σ'(z⁹⁹⁹) (W¹⁰⁰⁰)ᵀ (a¹⁰⁰⁰ - y)"
    assert printing.unrolled(deep, 1).count("ᵀ") == 999


def test_activations_of_each_layer_have_names_of_their_own():
    mixed = derive_layers(3, ["relu", "tanh"], "cross_entropy")
    assert str(mixed).splitlines()[1] == "BP2: δˡⱼ = φₗ'(zˡⱼ) · ∑ₖ wˡ⁺¹ₖⱼ δˡ⁺¹ₖ"
    first, second = (mixed.equations_at(at)["BP2"][1] for at in (1, 2))
    assert mixed.written(first) == "relu'(z¹ⱼ) · ∑ₖ w²ₖⱼ δ²ₖ"
    assert mixed.written(second) == "tanh'(z²ⱼ) · ∑ₖ w³ₖⱼ δ³ₖ"
    assert printing.legend(mixed) == "where Σ'(zˡ) is the diagonal matrix of φₗ'(zˡ)"
    assert printing.legend(SIGMOID) == "where Σ'(zˡ) is the diagonal matrix of σ'(zˡ)"


def test_indices_of_two_digits_are_set_apart():
    from chainderiv.symbolic.full_width.indexed import w

    assert SIGMOID.written(w[2, 1, 3]) == "w²₁₃"
    assert SIGMOID.written(w[12, 1, 13]) == "w¹²₁,₁₃"
    assert SIGMOID.written(w[12, 1, 13], target="text") == "w^12_1,13"


def test_a_name_with_markup_and_a_cost_with_branches_are_still_written():
    odd = cd.Activation("a<b&c", symbols.z**3)
    huber = cd.Cost(
        "huber", sympy.Piecewise((symbols.a - symbols.y, symbols.a > symbols.y), ((symbols.a - symbols.y) ** 2, True))
    )
    ET.fromstring(derive_layers([2, 2, 2], odd, "quadratic").to("mathml"))
    cost_step = next(s for s in derive_layers_unchecked(huber).steps if s.name == "cost")
    for form in FORMS:
        written = SIGMOID.line(cost_step, form)
        assert (r"\begin{cases}" if form == "latex" else "Piecewise((") in written


def derive_layers_unchecked(cost):
    """A derivation with a cost that no chain would take: its slope is no product."""
    from dataclasses import replace

    return replace(SIGMOID, cost=cost)


def test_an_unknown_target_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'latex'"):
        SIGMOID.to("latx")
