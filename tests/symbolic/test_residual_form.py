"""Residual chains as formulas: their factors, steps, prints and SymPy's own derivative of the composed cost."""

import xml.etree.ElementTree as ET

import pytest
import sympy

import chainderiv as cd
from chainderiv.functions.cost import cost
from chainderiv.functions.lookup import neuron
from chainderiv.symbols import CostSlope, PhiPrime, a, bias, gradient, pre_activation, weight, x, y, z
from tests.symbolic.test_substitute import agree, rational_point


def prime(layer):
    return PhiPrime(sympy.Symbol("sigmoid"), pre_activation(layer))


def composed(names):
    """C(a_L, y), a_l = a_(l-1) + φ(w_l a_(l-1) + b_l), nested by hand."""
    value = x
    for k, name in enumerate(names, start=1):
        value = value + neuron(name).formula.subs(z, weight(k) * value + bias(k))
    return cost("quadratic").formula.subs(a, value)


def test_each_link_is_one_factor():
    chain = cd.Chain(3, residual=True)
    slope = CostSlope(sympy.Symbol("quadratic"), sympy.Symbol("a_3", real=True), y)
    links = [1 + weight(k) * prime(k) for k in (1, 2, 3)]
    assert list(cd.derive(chain, "b1").factors) == [prime(1), *links[1:], slope]
    assert list(cd.derive(chain, "w2").factors) == [sympy.Symbol("a_1", real=True), prime(2), links[2], slope]
    assert list(cd.derive(chain, "x").factors) == [*links, slope]
    assert list(cd.derive(chain, "b1").links) == links[1:]


CASES = [("sigmoid", 3), ("tanh", 2), ("softsign", 2), ("leaky_relu", 2), ("silu", 2), ("sigmoid", 1)]


@pytest.mark.parametrize(("name", "depth"), CASES)
def test_the_product_is_sympys_own_diff_of_the_composed_cost(name, depth):
    chain, whole, point = cd.Chain(depth, name, residual=True), composed([name] * depth), rational_point(depth, seed=4)
    for parameter in chain.parameters:
        d = cd.derive(chain, parameter)
        want = sympy.diff(whole, parameter.symbol).subs(point)
        assert agree(d.substitute().subs(point), want), parameter
        planted = d.replace(0, d.factors[0] * sympy.Rational(1001, 1000))
        assert not agree(planted.substitute().subs(point), want), parameter


@pytest.mark.parametrize("wrt", ["b1", "b4", "w1", "w3", "x"])
def test_the_steps_substituted_into_one_another_give_the_product(wrt):
    d = cd.derive(cd.Chain(4, residual=True), wrt)
    known = {}
    for step in d.steps:
        known[step.left] = step.right.xreplace(known)
    assert d.steps[-1].left == gradient(d.wrt.symbol)
    assert sympy.expand(known[d.steps[-1].left] - sympy.Mul(*d.factors)) == 0


def test_the_steps_name_why_a_link_has_a_one():
    chain = cd.Chain(3, residual=True)
    d = cd.derive(chain, "b1")
    lines = [d.line(s) for s in d.steps]
    assert lines[0] == "BP2: ∂C/∂a₂ = (1 + w₃ σ'(z₃)) · ∂C/∂a₃    (a₃ = a₂ + φ(w₃ a₂ + b₃))"
    assert [line.partition(":")[0] for line in lines] == ["BP2", "BP2", "BP1", "BP3"]


PRINTED = {
    "unicode": "∂C/∂b₁ = σ'(z₁) · (1 + w₂ σ'(z₂)) · ∂C/∂a₂",
    "text": "dC/db1 = sigmoid'(z1) * (1 + w2 sigmoid'(z2)) * dC/da2",
    "latex": r"\frac{\partial C}{\partial b_{1}} = \sigma'(z_{1}) \cdot \left(1 + w_{2} \, \sigma'(z_{2})\right) \cdot "
    r"\frac{\partial C}{\partial a_{2}}",
}


@pytest.mark.parametrize(("target", "text"), PRINTED.items(), ids=PRINTED)
def test_it_is_printed_with_its_one(target, text):
    assert cd.derive(cd.Chain(2, residual=True), "b1").to(target) == text


def test_mathml_is_well_formed_and_reads_as_the_equation():
    root = ET.fromstring(cd.derive(cd.Chain(2, residual=True), "b1").to("mathml"))
    assert "".join(root.itertext()).replace(" ", "") == "∂C∂b1=σ′(z1)·(1+w2σ′(z2))·∂C∂a2"


def test_a_deep_one_is_elided_and_nothing_recurs():
    d = cd.derive(cd.Chain(100_000, residual=True), "b1")
    assert len(str(d)) < 300
    assert str(d).endswith("(1 + w₁₀₀₀₀₀ σ'(z₁₀₀₀₀₀)) · ∂C/∂a₁₀₀₀₀₀")
    assert len(d.factors) == 100_001
