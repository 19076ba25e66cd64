"""The factors and their order, the steps that lead to them, and what the cost cancels."""

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.errors import BadValue, ChainderivError
from chainderiv.numeric.oracle import NumpyKernel
from chainderiv.numeric.parameters import at_points
from chainderiv.symbols import CostSlope, PhiPrime, activation, bias, delta, gradient, pre_activation, weight, x, y
from tests import plain
from tests.helpers import assert_same


def prime(layer, name="sigmoid"):
    return PhiPrime(sympy.Symbol(name), pre_activation(layer))


def slope(depth, cost="quadratic"):
    return CostSlope(sympy.Symbol(cost), activation(depth), y)


def equation_one(depth, wrt):
    """φ'(z_k), w_{k+1}, φ'(z_{k+1}), …, φ'(z_L), ∂C/∂a_L behind a_{k-1} or w_1, written out."""
    kind, layer = wrt[0], int(wrt[1:] or 1)
    head = {"b": [], "w": [activation(layer - 1)], "x": [weight(1)]}[kind]
    links = [f for k in range(layer + 1, depth + 1) for f in (weight(k), prime(k))]
    return [*head, prime(layer), *links, slope(depth)]


PARAMETERS = [(d, str(p)) for d in (1, 2, 4) for p in cd.Chain(d).parameters]


@pytest.mark.parametrize(("depth", "wrt"), PARAMETERS)
def test_the_factors_stand_in_the_source_s_order(depth, wrt):
    assert list(cd.derive(cd.Chain(depth), wrt).factors) == equation_one(depth, wrt)


def test_every_parameter_of_a_chain_is_named():
    assert [str(p) for p in cd.Chain(2).parameters] == ["b1", "w1", "b2", "w2", "x"]
    assert [p.symbol for p in cd.Chain(1).parameters] == [bias(1), weight(1), x]


def test_b1_of_four_layers_has_eight_factors_and_three_links():
    d = cd.derive(cd.Chain(4), "b1")
    assert len(d.factors) == 8
    assert list(d.links) == [weight(k) * prime(k) for k in (2, 3, 4)]


@pytest.mark.parametrize(("wrt", "links"), [("b4", 0), ("w3", 1), ("x", 4), ("b2", 2)])
def test_the_links_are_those_between_the_parameter_and_the_output(wrt, links):
    found = list(cd.derive(cd.Chain(4), wrt).links)
    assert found == [weight(k) * prime(k) for k in range(5 - links, 5)]


def test_each_layer_of_a_mixed_chain_keeps_its_own_prime():
    d = cd.derive(cd.Chain(3, ["relu", "tanh", "sigmoid"], "cross_entropy"), "b1")
    assert list(d.factors) == [
        prime(1, "relu"), weight(2), prime(2, "tanh"), weight(3), prime(3), slope(3, "cross_entropy"),
    ]  # fmt: skip


@pytest.mark.parametrize(("depth", "wrt"), PARAMETERS)
def test_the_steps_substituted_into_one_another_give_the_product(depth, wrt):
    d = cd.derive(cd.Chain(depth), wrt)
    known = {}
    for step in d.steps:
        known[step.left] = step.right.xreplace(known)
    assert d.steps[-1].left == gradient(d.wrt.symbol)
    assert sympy.expand(known[d.steps[-1].left] - sympy.Mul(*d.factors)) == 0


def test_the_steps_bear_the_source_s_names():
    assert [s.name for s in cd.derive(cd.Chain(3), "b1").steps] == ["BP1", "BP2", "BP2", "BP3"]
    assert [s.name for s in cd.derive(cd.Chain(3), "w2").steps] == ["BP1", "BP2", "BP4"]
    assert cd.derive(cd.Chain(3), "x").steps[-1].right == weight(1) * delta(1)


def test_the_assignments_are_the_layer_equations_in_order():
    one, two, three, four = cd.derive(cd.Chain(2), "b1").assignments
    assert one == (pre_activation(1), weight(1) * x + bias(1))
    assert two == (activation(1), 1 / (1 + sympy.exp(-pre_activation(1))))
    assert three == (pre_activation(2), weight(2) * activation(1) + bias(2))
    assert four[0] == activation(2)


@pytest.mark.parametrize("wrt", ["b1", "w3", "x"])
def test_cross_entropy_cancels_one_sigmoid_prime_and_only_at_the_output(wrt):
    d = cd.derive(cd.Chain(4, "sigmoid", "cross_entropy"), wrt)
    assert d.cancelled == prime(4)
    kept = [f for f in d.surviving if isinstance(f, PhiPrime)]
    assert kept == [f for f in d.factors if isinstance(f, PhiPrime)][:-1]
    assert d.surviving[-1] == activation(4) - y


def test_three_sigmoid_primes_survive_in_a_chain_of_four():
    d = cd.derive(cd.Chain(4, "sigmoid", "cross_entropy"), "b1")
    assert list(d.surviving) == [
        prime(1), weight(2), prime(2), weight(3), prime(3), weight(4), activation(4) - y,
    ]  # fmt: skip


def test_the_quadratic_cost_cancels_nothing():
    d = cd.derive(cd.Chain(4), "b1")
    assert d.cancelled is None
    assert list(d.surviving) == list(d.factors)


def test_a_replaced_output_factor_is_no_longer_cancelled():
    d = cd.derive(cd.Chain(4, "sigmoid", "cross_entropy"), "b1")
    assert d.replace(6, d.factors[6] / 2).cancelled is None
    assert d.replace(0, 1).cancelled == prime(4)


@pytest.mark.parametrize("index", [6, 7])
def test_where_either_output_factor_is_replaced_every_factor_survives(index):
    """φ'(z_L) and ∂C/∂a_L cancel as a pair: of a replaced one nothing says that it still cancels the other."""
    changed = cd.derive(cd.Chain(4, "sigmoid", "cross_entropy"), "b1").replace(index, weight(2))
    want = equation_one(4, "b1")[:-1] + [slope(4, "cross_entropy")]
    want[index] = weight(2)
    assert changed.cancelled is None
    assert list(changed.surviving) == want


@pytest.mark.parametrize("index", range(8))
def test_the_value_of_a_replaced_derivation_is_the_product_of_its_factors(index):
    """Cross-entropy after a sigmoid, where no value may be kept from before a factor was replaced."""
    chain, w, b, y = cd.Chain(4, "sigmoid", "cross_entropy"), (1.5, -0.5, 2.0, 0.7), (0.1, 0.2, -0.3, 0.4), 0.3
    with mp.workdps(40):
        z, a = plain.orbit(["sigmoid"] * 4, w, b, 0.5)
        factors = [plain.phi_prime("sigmoid", z[0])]
        for k in (1, 2, 3):
            factors += [mp.mpf(w[k]), plain.phi_prime("sigmoid", z[k])]
        factors.append(plain.cost_slope("cross_entropy", a[-1], mp.mpf(y)))
        factors[index] = 3 * mp.mpf(w[1])
        want = mp.fprod(factors)
        want = cd.LogSign(float(mp.sign(want)), float(mp.log(abs(want))))
    changed = cd.derive(chain, "b1").replace(index, 3 * weight(2))
    got = NumpyKernel(changed).gradient(at_points(4, w, b, None, 0.5, y))
    assert_same(got, want, 200)


def test_at_w_100_and_z_0_every_link_is_25_and_the_product_before_the_slope_is_25_cubed_over_4():
    values = cd.derive(cd.Chain(4), "b1").at(w=100, z=0)
    for k in (1, 3, 5):
        assert (values[k] * values[k + 1]).to_float() == pytest.approx(25, rel=1e-15)
    product = values[0]
    for value in values[1:-1]:
        product = product * value
    assert product.to_float() == pytest.approx(25**3 / 4, rel=1e-14)


def test_at_gives_the_factors_whose_product_is_the_gradient():
    chain, rng = cd.Chain(5, "tanh"), np.random.default_rng(0)
    w, b = rng.normal(size=(2, 5))
    for parameter in chain.parameters:
        values = cd.derive(chain, str(parameter)).at(w=w, b=b, y=0.25)
        product = cd.LogSign.from_float(1.0)
        for value in values:
            product = product * value
        k = cd.condition(chain, w, b, y=0.25, wrt=str(parameter))
        assert_same(product, cd.evaluate(chain, w, b, y=0.25, wrt=str(parameter)), k)


def test_at_believes_no_zero_that_is_only_digits_running_out():
    values = cd.derive(cd.Chain(2, "tanh"), "b1").at(w=1, z=100, y=0.5)
    want = np.log(4) - 200
    assert values[0].sign == 1
    assert values[0].log == pytest.approx(want, rel=1e-14)


@pytest.mark.parametrize("bad", [
    {"w": 1}, {"w": 1, "b": 0, "z": 0}, {"w": [1, 2], "b": 0}, {"w": float("nan"), "b": 0}, {"w": "a", "b": 0},
    {"w": 1, "b": float("inf")},
])  # fmt: skip
def test_at_refuses_what_is_no_point(bad):
    with pytest.raises(ChainderivError) as caught:
        cd.derive(cd.Chain(4), "b1").at(**bad)
    assert "\n" not in str(caught.value)


def test_replace_changes_one_factor_and_counts_from_the_end_too():
    d = cd.derive(cd.Chain(4), "b1")
    for k in (2, -6):
        changed = d.replace(k, 1.001 * d.factors[2])
        assert [i for i, (p, q) in enumerate(zip(d.factors, changed.factors, strict=True)) if p != q] == [2]
        assert changed.factors[2] == 1.001 * d.factors[2]
    twice = d.replace(2, 0).replace(3, 5).replace(2, 7)
    assert [twice.factors[2], twice.factors[3]] == [7, 5]
    assert list(d.factors) == equation_one(4, "b1")


@pytest.mark.parametrize(("index", "expression"), [
    (8, 1), (-9, 1), (1.5, 1), (True, 1), ("1", 1), (None, 1), (0, "σ'"), (0, None), (0, object()),
])  # fmt: skip
def test_replace_refuses_what_is_no_index_or_no_expression(index, expression):
    with pytest.raises(BadValue) as caught:
        cd.derive(cd.Chain(4), "b1").replace(index, expression)
    assert "\n" not in str(caught.value)


def test_compare_gives_what_is_shared_and_what_stands_between():
    both = cd.compare(cd.Chain(4), "b1", "b3")
    assert list(both.between) == [prime(1), weight(2), prime(2), weight(3)]
    assert list(both.common) == equation_one(4, "b3")
    assert str(both) == "∂C/∂b₁ = [ σ'(z₁) · w₂ σ'(z₂) · w₃ ] · ∂C/∂b₃"
    assert str(cd.compare(cd.Chain(4), "b3", "b1")) == str(both)


@pytest.mark.parametrize("pair", [("b1", "b1"), ("b1", "w2"), ("x", "b1"), ("b1", "b9")])
def test_compare_refuses_what_are_not_two_biases(pair):
    with pytest.raises(BadValue):
        cd.compare(cd.Chain(4), *pair)


@pytest.mark.parametrize(("wrt", "said"), [
    ("b1,w2", r"give two parameters as a tuple, \('b1', 'w2'\)"), ("b1 w2", r"\('b1', 'w2'\)"),
    ("delta2", "δ_l is ∂C/∂z_l itself"), ("δ2", "give 'z1' … 'z3', or b_l"), ("δ_2", "∂C/∂z_l"), ("δ₂", "∂C/∂z_l"),
])  # fmt: skip
def test_what_is_meant_by_two_names_or_a_delta_is_said(wrt, said):
    with pytest.raises(cd.errors.BadValue, match=said) as caught:
        cd.derive(cd.Chain(3), wrt)
    assert "\n" not in str(caught.value)
