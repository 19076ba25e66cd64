"""Costs: their slopes, what they cancel, and what they refuse."""

import pytest
import sympy

import chainderiv as cd
from chainderiv.errors import CostDomain, UnknownName
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.cost import COSTS, cancels, cost
from chainderiv.functions.lookup import neuron
from chainderiv.symbols import a, y, z
from tests.kinds import costly


@pytest.mark.parametrize(("name", "formula", "slope"), [
    ("quadratic", (a - y) ** 2 / 2, a - y),
    ("cross_entropy", -(y * sympy.log(a) + (1 - y) * sympy.log(1 - a)), (a - y) / (a * (1 - a))),
    ("log_likelihood", -y * sympy.log(a), -y / a),
])  # fmt: skip
def test_costs_and_their_slopes(name, formula, slope):
    assert sympy.expand(cost(name).formula - formula) == 0
    assert sympy.simplify(cost(name).slope - slope) == 0


def test_the_registry_is_whole():
    assert set(COSTS) == {"quadratic", "cross_entropy", "log_likelihood"}


@pytest.mark.parametrize("at", ["quadratic", "cross_entropy"])
@pytest.mark.parametrize("name", costly(ACTIVATIONS))
def test_cross_entropy_cancels_sigmoid_prime_and_nothing_else_is_cancelled(name, at):
    assert cancels(neuron(name), cost(at)) == (name == "sigmoid" and at == "cross_entropy")


def test_a_sigmoid_written_another_way_is_cancelled_too():
    assert cancels(cd.Activation("logistic", sympy.exp(z) / (1 + sympy.exp(z))), cost("cross_entropy"))


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n != "sigmoid"])
def test_cross_entropy_is_refused_after_what_leaves_the_unit_interval_with_the_cure(name):
    with pytest.raises(CostDomain, match="sigmoid") as caught:
        cd.Chain(3, name, "cross_entropy")
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)
    cd.Chain(3, [name, name, "sigmoid"], "cross_entropy")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_chain_refuses_log_likelihood_and_names_cross_entropy(name):
    with pytest.raises(CostDomain, match="cross_entropy"):
        cd.Chain(2, name, "log_likelihood")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_quadratic_cost_is_admitted_everywhere(name):
    assert cd.Chain(2, name).cost.name == "quadratic"


@pytest.mark.parametrize("given", ["crossentropy", "cross-entropy"])
def test_an_unknown_cost_is_answered_with_the_nearest(given):
    with pytest.raises(UnknownName, match="did you mean 'cross_entropy'"):
        cost(given)
