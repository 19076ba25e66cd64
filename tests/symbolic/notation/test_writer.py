"""One writer for chains and layers: SymPy around our symbols, and scripts, character by character."""

import dataclasses
import string

import pytest
import sympy

import chainderiv as cd
from chainderiv.symbolic.notation.equations import write
from chainderiv.symbolic.notation.forms import CHAIN_FORMS, FORMS
from chainderiv.symbols import gradient, weight

CHAIN = cd.Chain(2)
PRIME, W2, SLOPE = cd.derive(CHAIN, "b1").factors[0], weight(2), cd.derive(CHAIN, "b1").factors[3]
MADE = [
    (PRIME**2, "σ'(z₁)**2", "sigmoid'(z1)**2", r"{\sigma'(z_{1})}^{2}"),
    (1 / (3 * W2), "1/(3·w₂)", "1/(3*w2)", r"\frac{1}{3 w_{2}}"),
    (
        SLOPE**2 - 2 * PRIME * W2,
        "-2·w₂·σ'(z₁) + (∂C/∂a₂)**2",
        "-2*w2*sigmoid'(z1) + (dC/da2)**2",
        r"- 2 w_{2} \sigma'(z_{1}) + \left(\frac{\partial C}{\partial a_{2}}\right)^{2}",
    ),
    (sympy.sqrt(W2) * PRIME, "sqrt(w₂)·σ'(z₁)", "sqrt(w2)*sigmoid'(z1)", r"\sqrt{w_{2}} \sigma'(z_{1})"),
    (
        gradient(weight(1), W2),
        "∂²C/∂w₁∂w₂",
        "d^2C/dw1dw2",
        r"\frac{\partial^{2} C}{\partial w_{1} \, \partial w_{2}}",
    ),
    (gradient(W2, W2), "∂²C/∂w₂²", "d^2C/dw2^2", r"\frac{\partial^{2} C}{\partial w_{2}^{2}}"),
]


@pytest.mark.parametrize(("expression", "unicode", "text", "latex"), MADE, ids=[row[1] for row in MADE])
def test_what_is_put_together_is_written_by_sympy_around_our_symbols(expression, unicode, text, latex):
    assert write(CHAIN, expression, "unicode") == unicode
    assert write(CHAIN, expression, "text") == text
    assert write(CHAIN, expression, "latex") == latex


def test_sympy_sets_a_power_of_one_of_our_symbols_in_mathml():
    opening, closing = (
        f"<mo form='{form}' stretchy='false'>{sign}</mo>" for form, sign in (("prefix", "("), ("postfix", ")"))
    )
    name = "<mi>σ</mi><mo form='postfix' lspace='0' rspace='0'>′</mo>"
    prime = f"<mrow>{name}{opening}<msub><mi>z</mi><mn>1</mn></msub>{closing}</mrow>"
    assert write(CHAIN, PRIME, "mathml") == prime
    assert write(CHAIN, PRIME**2, "mathml") == f"<msup>{prime}<mn>2</mn></msup>"


def test_a_chain_differs_from_layers_in_what_is_stated_and_in_nothing_else():
    def different(name):
        return {f.name for f in dataclasses.fields(FORMS[name]) if _differ(name, f.name)}

    assert different("unicode") == {"star"}
    assert different("text") == {"marked"}
    assert different("latex") == {"times"}
    assert different("mathml") == {"times", "applied", "bracketed"}


def _differ(form, field):
    return getattr(FORMS[form], field) != getattr(CHAIN_FORMS[form], field)


def test_the_text_forms_are_ascii():
    for form in (FORMS["text"], CHAIN_FORMS["text"]):
        parts = [form.times, form.dots, form.slope, form.second, form.partial("u"), form.transposed("W")]
        assert set("".join([*parts, form.sum("k", "n", "u"), form.diagonal("z")])) <= set(string.printable)
