"""∂a_m/∂θ and ∂z_m/∂θ: the chain rule without a cost, judged by differences of a_m and z_m themselves."""

from itertools import product

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.logsign import LogSign
from tests import plain
from tests.helpers import assert_same
from tests.kinds import costly

WEIGHTS, BIASES, X = [0.7, -1.3, 0.4, 2.1], [0.2, -0.5, 1.1, 0.3], 0.6
ASKED = ["a4/b1", "a4/a1", "a3/w2", "a2/b2", "a4/x", "z4/b1", "z3/w3", "z3/a2", "z2/x", "a3/z1"]
KINDS = [("sigmoid", False), ("tanh", True), ("gelu", False)]
CASES = [(*kind, text) for kind, text in product(KINDS, ASKED) if not (kind[1] and text[0] == "z")]


def moved(name, residual, text, by):
    """a_m or z_m with θ moved, layer by layer."""
    of, wrt = text.split("/")
    w, b, a = [mp.mpf(v) for v in WEIGHTS], [mp.mpf(v) for v in BIASES], mp.mpf(X) + (by if wrt == "x" else 0)
    for layer in range(1, 5):
        z = (w[layer - 1] + (by if wrt == f"w{layer}" else 0)) * a + b[layer - 1]
        z += by if wrt in (f"b{layer}", f"z{layer}") else 0
        if of == f"z{layer}":
            return z
        a = plain.PHI[name](z) + (a if residual else 0) + (by if wrt == f"a{layer}" else 0)
        if of == f"a{layer}":
            return a
    raise AssertionError(text)


def want(name, residual, text):
    with mp.workdps(90):
        h = mp.mpf(10) ** -30
        value = (moved(name, residual, text, h) - moved(name, residual, text, -h)) / (2 * h)
        return LogSign(float(mp.sign(value)), float(mp.log(abs(value))))


@pytest.mark.parametrize("text", [text for text in ASKED if text[0] == "z"])
def test_of_a_residual_chain_a_z_has_no_derivative_of_its_own(text):
    with pytest.raises(BadValue, match="and multiply it by w_"):
        cd.derive(cd.Chain(4, "tanh", residual=True), text)


@pytest.mark.parametrize(("name", "residual", "text"), costly(CASES, quick=["sigmoid"]))
def test_the_compiled_engine_agrees_with_differences(name, residual, text):
    chain = cd.Chain(4, name, residual=residual)
    kappa = float(cd.condition(chain, WEIGHTS, BIASES, x=X, wrt=text))
    got = cd.evaluate(chain, WEIGHTS, BIASES, x=X, wrt=text, engine="numba")
    assert_same(got, want(name, residual, text), kappa)


@pytest.mark.parametrize(("name", "residual", "text"), CASES)
def test_the_other_engines_the_factors_and_the_program_agree_with_differences(name, residual, text):
    chain = cd.Chain(4, name, residual=residual)
    right, kappa = want(name, residual, text), float(cd.condition(chain, WEIGHTS, BIASES, x=X, wrt=text))
    for engine in ("numpy", "mpmath"):
        assert_same(cd.evaluate(chain, WEIGHTS, BIASES, x=X, wrt=text, engine=engine), right, kappa)
    d = cd.derive(chain, text)
    values = d.at(w=WEIGHTS, b=BIASES, x=X)
    assert_same(LogSign(np.prod([v.sign for v in values]), sum(v.log for v in values)), right, kappa)
    program = {}
    exec(d.to("numpy"), program)
    assert_same(LogSign(*program["gradient"](WEIGHTS, BIASES, X, 0.0)), right, kappa + 10)


@pytest.mark.parametrize("text", ["a4/b1", "z4/w2", "a3/a1"])
def test_the_judges_pass_it_and_find_every_wrong_factor(text):
    chain = cd.Chain(4, "tanh")
    d = cd.derive(chain, text)
    found = cd.verify(chain, d, points=8)
    assert found.passed
    assert {row.parameter for row in found.rows} == {text}
    for k, factor in enumerate(d.factors):
        planted = cd.verify(chain, d.replace(k, 1.001 * factor), points=4)
        assert not planted.passed
        assert planted.worst.factor.startswith(f"factor {k}:")


@pytest.mark.parametrize("text", ["a4/b1", "z4/w2", "a3/a1", "a3/x"])
@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_the_judges_know_the_derivative_of_a_m_and_pass_no_derivative_of_the_cost_for_it(name, text):
    chain = cd.Chain(4, name)
    d = cd.derive(chain, text)
    for line in (d.to("unicode"), d.to("text")):
        assert cd.verify(chain, line, points=8).passed
    with pytest.raises(BadValue, match="give one of the two"):
        cd.verify(chain, d.to("unicode"), wrt="b3")
    with pytest.raises(BadValue, match="give one of the two"):
        cd.verify(chain, derivation=d, wrt=str(d.wrt))
    of_cost = cd.verify(chain, sympy.Mul(*cd.derive(chain, str(d.wrt)).factors), wrt=text, points=8)
    assert not of_cost.passed
    assert of_cost.diagnosis.startswith("it is ∂C/∂")


@pytest.mark.parametrize("text", ["a4/b1", "z4/w2", "a3/a1", "a3/x"])
def test_a_function_is_judged_by_differences_of_a_m_itself(text):
    of, by = text.split("/")
    chain, last = cd.Chain(4, "tanh"), int(of[1])

    def claim(w, b, x, y, residue=1.0):
        a, slope = x, 1.0 if by == "x" else None
        for layer in range(1, last + 1):
            into, z = a, w[layer - 1] * a + b[layer - 1]
            slope = slope if slope is None else slope * w[layer - 1]
            if by in (f"b{layer}", f"w{layer}"):
                slope = into if by[0] == "w" else 1.0
            if of == f"z{layer}":
                break
            a = np.tanh(z)
            slope = 1.0 if by == f"a{layer}" else slope if slope is None else slope / np.cosh(z) ** 2
        return slope * residue

    assert cd.verify(chain, claim, wrt=text, points=8).passed
    wrong = cd.verify(chain, lambda w, b, x, y: claim(w, b, x, y, w[2]), wrt=text, points=8)
    assert not wrong.passed
    assert wrong.diagnosis == "the factor w₃ is there once too often"


def test_a_factor_that_a_claim_of_such_a_derivative_lacks_is_named():
    chain = cd.Chain(4)
    assert cd.verify(chain, "w2 σ'(z2) σ'(z3)", wrt="a3/a1", points=8).diagnosis == "the factor w₃ is missing"
    assert cd.verify(chain, "w3 σ'(z3)", wrt="a3/a1", points=8).diagnosis == "the link w₂ σ'(z₂) is missing"


PRINTED = {
    "a4/a1": "∂a₄/∂a₁ = w₂ σ'(z₂) · w₃ σ'(z₃) · w₄ σ'(z₄)",
    "a2/b2": "∂a₂/∂b₂ = σ'(z₂)",
    "z3/x": "∂z₃/∂x = w₁ σ'(z₁) · w₂ σ'(z₂) · w₃",
    "z3/w3": "∂z₃/∂w₃ = a₂",
    "a_3/w_2": "∂a₃/∂w₂ = a₁ · σ'(z₂) · w₃ σ'(z₃)",
}


@pytest.mark.parametrize("text", PRINTED)
def test_it_is_printed_without_a_cost(text):
    d = cd.derive(cd.Chain(4), text)
    assert str(d) == PRINTED[text]
    assert "C =" not in d.to("unicode", where=True)
    assert d.cancelled is None
    assert cd.derive(cd.Chain(4), d.named) == d


def test_it_is_a_fraction_in_latex_and_a_product_on_request():
    d = cd.derive(cd.Chain(4), "a4/a1")
    assert d.to("latex", form="product").startswith(r"\frac{\partial a_{4}}{\partial a_{1}} = \prod_{l=2}^{4}")
    assert len(d.links) == 3
    assert len(cd.derive(cd.Chain(4), "z4/a1").links) == 2


REFUSED = {
    "b2/b1": "give that of an a or a z",
    "a1/b3": "is 0; give a later layer",
    "a2/a2": "is 1, whatever the weights are",
    "z2/b2": "is 1, whatever the weights are",
    "a9/b1": "is not in a chain of depth 4",
    "a4/b1/b2": "is not in a chain of depth 4",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_such_derivative_is_refused_with_the_reason(text):
    with pytest.raises(BadValue, match=REFUSED[text]):
        cd.derive(cd.Chain(4), text)


def test_steps_and_maps_are_refused_with_what_serves_in_their_place():
    with pytest.raises(BadValue, match="which lead to gradients of C"):
        _ = cd.derive(cd.Chain(4), "a4/b1").steps
    with pytest.raises(BadValue, match="give a chain of the layers up to a4 whose cost is it"):
        cd.sweep(cd.Chain(4), w=cd.Axis(-1, 1, 3), b=0, wrt="a4/b1")
    own = cd.Chain(3, cost=cd.Cost("a3", cd.a))
    swept = cd.sweep(own, w=cd.Axis(0.5, 1, 2), b=0, wrt="b1")
    assert_same(LogSign(swept.sign[0], swept.log_abs[0]), cd.evaluate(cd.Chain(4), 0.5, 0, wrt="a3/b1"), 100.0)
