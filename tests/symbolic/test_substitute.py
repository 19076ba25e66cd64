"""substitute() against SymPy's own diff of the composed cost, at random rational points."""

import random

import pytest
import sympy

import chainderiv as cd
from chainderiv.functions.cost import cost
from chainderiv.functions.lookup import neuron
from chainderiv.symbols import a, bias, weight, x, y, z
from tests.kinds import slow

CHAINS = [("sigmoid", "quadratic"), ("sigmoid", "cross_entropy"), ("tanh", "quadratic"), ("softplus", "quadratic"),
          ("leaky_relu", "quadratic"), ("silu", "quadratic"), ("arctan", "quadratic"), ("softsign", "quadratic"),
          (("elu", "tanh", "relu", "sigmoid"), "cross_entropy")]  # fmt: skip


def composed(names, cost_name):
    """C(φ(w_L φ(… w_1 x + b_1 …) + b_L), y), nested by hand."""
    value = x
    for k, name in enumerate(names, start=1):
        value = neuron(name).formula.subs(z, weight(k) * value + bias(k))
    return cost(cost_name).formula.subs(a, value)


def rational_point(depth, seed):
    chosen = random.Random(seed)
    symbols = [x, *(s for k in range(1, depth + 1) for s in (weight(k), bias(k)))]
    point = {s: sympy.Rational(chosen.randint(-30, 30) or 7, chosen.randint(10, 20)) for s in symbols}
    return point | {y: sympy.Rational(chosen.randint(1, 9), 10)}


def agree(got, want):
    got, want = sympy.N(got, 60), sympy.N(want, 60)
    return abs(got - want) <= sympy.Float(10, 60) ** -40 * abs(want)


# SymPy's diff of four nested branches takes 15 s
CASES = [(*c, depth) for c in CHAINS for depth in (1, 2, 3, 4) if (c[0], depth) != ("leaky_relu", 4)]


@pytest.mark.parametrize(
    ("names", "cost_name", "depth"), [case if case[2] < 3 else slow(case) for case in CASES], ids=str
)
def test_substitute_is_sympys_own_diff_of_the_composed_cost(names, cost_name, depth):
    layers = [names] * depth if isinstance(names, str) else list(names[-depth:])
    chain = cd.Chain(depth, layers, cost_name)
    whole, point = composed(layers, cost_name), rational_point(depth, seed=depth)
    for parameter in chain.parameters:
        got = cd.derive(chain, parameter).substitute().subs(point)
        want = sympy.diff(whole, parameter.symbol).subs(point)
        assert agree(got, want), parameter


def test_a_planted_thousandth_is_seen():
    chain, point = cd.Chain(3), rational_point(3, seed=1)
    d = cd.derive(chain, "b1")
    want = sympy.diff(composed(["sigmoid"] * 3, "quadratic"), bias(1)).subs(point)
    assert agree(d.substitute().subs(point), want)
    for k in range(len(d.factors)):
        planted = d.replace(k, d.factors[k] * sympy.Rational(1001, 1000)).substitute()
        assert not agree(planted.subs(point), want)


def test_what_is_substituted_holds_only_x_y_w_and_b():
    found = cd.derive(cd.Chain(4, "tanh"), "w2").substitute().free_symbols
    assert found <= {x, y, *(s for k in range(1, 5) for s in (weight(k), bias(k)))}


def test_two_activations_of_one_name_are_not_mixed_up():
    chain = cd.Chain(2, [cd.Activation("f", z**2), cd.Activation("f", z**3)])
    point = rational_point(2, seed=4)
    whole = ((weight(2) * (weight(1) * x + bias(1)) ** 2 + bias(2)) ** 3 - y) ** 2 / 2
    assert agree(cd.derive(chain, "b1").substitute().subs(point), sympy.diff(whole, bias(1)).subs(point))
