"""Second derivatives as formulas: exactly SymPy's own, of linear size per term, and with what the cost cancels."""

import xml.etree.ElementTree as ET
from itertools import combinations_with_replacement

import pytest
import sympy

import chainderiv as cd
from chainderiv.errors import BadValue, UnknownName
from chainderiv.functions.cost import cost
from chainderiv.functions.lookup import neuron
from chainderiv.symbols import CostSecond, CostSlope, PhiPrime, PhiSecond, a, bias, layer_of, weight, x, z
from tests.kinds import slow
from tests.symbolic.test_substitute import agree, rational_point


def composed(names, cost_name, residual):
    """C(a_L, y), nested by hand."""
    value = x
    for k, name in enumerate(names, start=1):
        inner = neuron(name).formula.subs(z, weight(k) * value + bias(k))
        value = value + inner if residual else inner
    return cost(cost_name).formula.subs(a, value)


def written_out(chain, terms, point):
    """The sum of the terms at a rational point, with φ', φ'' and the cost's derivatives put in by hand."""
    known, value = {}, point[x]
    for layer in range(1, chain.depth + 1):
        known[sympy.Symbol(f"z_{layer}", real=True)] = point[weight(layer)] * value + point[bias(layer)]
        inner = chain.activation(layer).formula.subs(z, known[sympy.Symbol(f"z_{layer}", real=True)])
        value = value + inner if chain.residual else inner
        known[sympy.Symbol(f"a_{layer}", real=True)] = value
    known |= point

    def formula(e):
        if isinstance(e, PhiPrime | PhiSecond):
            order = 1 if isinstance(e, PhiPrime) else 2
            return sympy.diff(chain.activation(layer_of(e.args[1])).formula, z, order).subs(z, e.args[1])
        order = 1 if isinstance(e, CostSlope) else 2
        return sympy.diff(chain.cost.formula, a, order).subs(a, e.args[1])

    kept = (PhiPrime, PhiSecond, CostSlope, CostSecond)
    factors = [[f.replace(lambda e: isinstance(e, kept), formula).subs(known) for f in t.factors] for t in terms]
    return sympy.Add(*(sympy.Mul(*fs) for fs in factors))


CASES = [slow(("sigmoid", "quadratic", False, 3)), ("sigmoid", "quadratic", True, 2), ("sigmoid", "cross_entropy", False, 2),
         ("tanh", "quadratic", False, 2), slow(("softsign", "quadratic", True, 2)), slow(("silu", "quadratic", False, 2)),
         ("leaky_relu", "quadratic", True, 2), ("arctan", "quadratic", False, 1)]  # fmt: skip


@pytest.mark.parametrize(("name", "cost_name", "residual", "depth"), CASES)
def test_the_terms_are_sympys_own_second_derivative(name, cost_name, residual, depth):
    chain = cd.Chain(depth, name, cost_name, residual)
    whole, point = composed([name] * depth, cost_name, residual), rational_point(depth, seed=9)
    for p, q in combinations_with_replacement(chain.parameters, 2):
        second = cd.derive(chain, (p, q))
        want = sympy.diff(whole, p.symbol, q.symbol).subs(point)
        assert agree(written_out(chain, second.terms, point), want), (p, q)
        assert agree(written_out(chain, second.surviving, point), want), (p, q)


def test_a_planted_thousandth_in_any_factor_is_seen():
    chain, point = cd.Chain(3), rational_point(3, seed=2)
    second = cd.derive(chain, ("b1", "w2"))
    want = sympy.diff(composed(["sigmoid"] * 3, "quadratic", False), bias(1), weight(2)).subs(point)
    assert agree(written_out(chain, second.terms, point), want)
    for t, term in enumerate(second.terms):
        for k, factor in enumerate(term.factors):
            planted = second.replace(t, k, factor * sympy.Rational(1001, 1000))
            assert not agree(written_out(chain, planted.terms, point), want), (t, k)


@pytest.mark.parametrize("residual", [False, True])
def test_each_term_is_of_linear_size_and_there_is_one_per_layer(residual):
    for depth in (10, 100, 1000):
        second = cd.derive(cd.Chain(depth, residual=residual), ("b1", "w2"))
        # the moved input's, one per layer from 2 on, the cost's
        assert len(second.terms) == 1 + (depth - 1) + 1
        for t in (0, 1, depth // 2, -1):
            assert len(second.terms[t].factors) <= 4 * depth + 4


def test_a_million_layers_are_made_only_where_they_are_read():
    second = cd.derive(cd.Chain(1_000_000), ("b999990", "b999999"))
    assert len(second.terms) == 3
    # ∂z_999999/∂b_999990: φ', eight pairs and a weight; φ''; and w, φ', ∂C/∂a onward
    assert len(second.terms[0].factors) == (1 + 2 * 8 + 1) + 1 + 3


def test_cross_entropy_cancels_one_sigmoid_prime_of_each_term_and_only_the_output_s():
    chain = cd.Chain(4, "sigmoid", "cross_entropy")
    second = cd.derive(chain, ("b1", "w2"))
    last = PhiPrime(sympy.Symbol("sigmoid"), sympy.Symbol("z_4", real=True))
    assert second.cancelled == last
    assert len(second.surviving) == len(second.terms) - 1
    miss = sympy.Symbol("a_4", real=True) - sympy.Symbol("y", real=True)
    for term in second.surviving[:-1]:
        assert term.factors[-1] == miss
        assert last not in term.factors
    assert second.surviving[-1].factors.count(last) == 1
    assert cd.derive(cd.Chain(4), ("b1", "w2")).cancelled is None


def test_it_is_printed_term_by_term():
    second = cd.derive(cd.Chain(2), ("b2", "b1"))
    assert str(second) == ("∂²C/∂b₁∂b₂ = (σ'(z₁) · w₂) · σ''(z₂) · ∂C/∂a₂ + (σ'(z₁) · w₂ σ'(z₂)) · ∂²C/∂a₂² · σ'(z₂)")
    assert str(second).partition(" = ")[2] == " + ".join(map(str, second.terms))
    assert second.to("text") == (
        "d^2C/db1db2 = (sigmoid'(z1) * w2) * sigmoid''(z2) * dC/da2 + "
        "(sigmoid'(z1) * w2 sigmoid'(z2)) * d^2C/da2^2 * sigmoid'(z2)"
    )
    assert r"\frac{\partial^{2} C}{\partial b_{1} \, \partial b_{2}}" in second.to("latex")
    assert r"\sigma''(z_{2})" in second.to("latex")
    assert r"\frac{\partial^{2} C}{\partial w_{1}^{2}}" in cd.derive(cd.Chain(1), ("w1", "w1")).to("latex")
    read = "".join(ET.fromstring(second.to("mathml")).itertext()).replace(" ", "")
    assert read.startswith("∂2C∂b1∂b2=(σ′(z1)·w2)·σ″(z2)·∂C∂a2+")


def test_a_long_sum_is_elided_where_it_is_shown_and_whole_where_asked_for():
    second = cd.derive(cd.Chain(40), ("b1", "w2"))
    assert " + ⋯ + " in str(second)
    assert second.to("unicode").count("σ''") == 39
    for shown in (str(second), second._repr_latex_()):
        assert len(shown) < 3000


def test_at_gives_every_factor_of_every_term():
    second = cd.derive(cd.Chain(3), ("b1", "w2"))
    values = second.at(w=100, z=0, x=0.5, y=0)
    assert [len(v) for v in values] == [len(t.factors) for t in second.terms]
    # σ''(0) = 0, and the first term is (1/4)(1/4)(100)(1/4)(1/2)
    product = values[0][0]
    for value in values[0][1:]:
        product = product * value
    assert product.to_float() == pytest.approx(100 / 128, rel=1e-14)
    assert values[1][2].sign == 0


@pytest.mark.parametrize("wrt", [("b1",), ("b1", "b2", "b3"), ("b1", "b9"), ("b1", 3), 7, None, {"b1"}])
def test_what_are_not_two_parameters_is_refused(wrt):
    with pytest.raises(BadValue) as caught:
        cd.derive(cd.Chain(4), wrt)
    assert "\n" not in str(caught.value)


def test_replace_and_to_refuse_what_they_do_not_have():
    second = cd.derive(cd.Chain(2), ("b1", "b2"))
    for place in ((9, 0), (0, 99), ("0", 0), (True, 0)):
        with pytest.raises(BadValue, match="give an index"):
            second.replace(*place, 1)
    with pytest.raises(UnknownName, match="did you mean 'latex'"):
        second.to("latx")
    with pytest.raises(BadValue, match="has no program"):
        second.to("c")
