"""Each step of the derivation is an equation, and a true one: both sides against SymPy's derivatives of a network."""

from dataclasses import replace
from itertools import product

import pytest
import sympy

from chainderiv import symbols
from chainderiv.symbolic.full_width import indexed
from chainderiv.symbolic.full_width.layer_expression import forward
from chainderiv.symbolic.full_width.layers import derive_layers
from chainderiv.symbolic.nesting import nested
from tests.symbolic.full_width.test_layers_instance import compiled, differing, point

# two neurons in every layer, so that every index runs over 1 and 2
NETWORKS = {
    "sigmoid and cross-entropy": ([2, 2, 2], "sigmoid", "cross_entropy"),
    "softmax and log-likelihood": ([2, 2, 2], "tanh", "log_likelihood"),
    "softplus and quadratic": ([2, 2, 2], "softplus", "quadratic"),
}


class Network:
    """What every symbol of a step is in one network, by SymPy's own derivative of the explicit cost."""

    def __init__(self, derivation):
        self.derivation, self.known, self.cost = derivation, forward(derivation), derivation.cost_expression()

    def variable(self, of):
        """The symbol to differentiate by: z^l_j moves as its bias does."""
        return self.known[indexed.b[of.indices] if of.base == indexed.z else of]

    def function(self, z):
        return self.derivation.activation(int(z.indices[0])).formula

    def written(self, side):
        cost = self.derivation.cost.formula
        e = side.doit()
        e = e.replace(indexed.Partial, lambda u, v: self.known[u].diff(self.variable(v)))
        e = e.replace(symbols.Gradient, lambda of: self.cost.diff(self.variable(of)))
        e = e.replace(symbols.CostSlope, lambda _, a, y: cost.diff(symbols.a).xreplace({symbols.a: a, symbols.y: y}))
        e = e.replace(indexed.Phi, lambda z: self.function(z).xreplace({symbols.z: z}))
        e = e.replace(symbols.PhiPrime, lambda _, z: self.function(z).diff(symbols.z).xreplace({symbols.z: z}))
        errors = {
            d: self.cost.diff(self.variable(indexed.b[d.indices]))
            for d in e.atoms(sympy.Indexed)
            if d.base == indexed.delta
        }
        total = {indexed.total_cost: self.cost}
        return nested(e, self.known | errors | total)


def instances(step):
    """Both sides at every value of the indices that are free."""
    free = sorted((step.left.free_symbols | step.right.free_symbols) & {indexed.j, indexed.k, indexed.m}, key=str)
    for chosen in product((sympy.Integer(1), sympy.Integer(2)), repeat=len(free)):
        at = dict(zip(free, chosen, strict=True))
        yield step.left.xreplace(at), step.right.xreplace(at)


def untrue(network, steps):
    """The names of the steps whose sides differ, at a point where the targets sum to 1."""
    sides = [(s.name, *map(network.written, both)) for s in steps for both in instances(s)]
    at = point(network.derivation, ones=True)
    got, want = (compiled([side[place] for side in sides], at) for place in (2, 1))
    wrong = differing(got, want, at)
    return {sides[i][0] for i in wrong}


def all_steps(derivation):
    """The definitions at the last layer, then the steps at every layer."""
    at = {indexed.last: sympy.Integer(derivation.depth), indexed.layer: sympy.Integer(derivation.depth)}
    given = [s for s in derivation.steps if s.name in ("layer", "output", "cost", "error")]
    given = [replace(s, left=derivation.numbered(s.left, at), right=derivation.numbered(s.right, at)) for s in given]
    return [*given, *(s for layer in range(1, derivation.depth + 1) for s in derivation.steps_at(layer))]


@pytest.mark.parametrize("name", NETWORKS)
def test_both_sides_of_every_step_are_equal_at_every_index(name):
    derivation = derive_layers(*NETWORKS[name])
    steps = all_steps(derivation)
    assert {"BP1", "BP2", "BP3", "BP4", "BP2, derivative"} <= {s.name for s in steps}
    assert untrue(Network(derivation), steps) == set()


@pytest.mark.parametrize(
    "planted", ["BP1, derivative", "BP1", "BP2, sum", "BP2", "BP3", "BP4, derivative", "cancellation"]
)
def test_a_step_that_is_wrong_by_a_thousandth_is_named(planted):
    derivation = derive_layers(*NETWORKS["sigmoid and cross-entropy"])
    steps = [
        replace(s, right=sympy.Rational(1001, 1000) * s.right) if s.name == planted else s
        for s in all_steps(derivation)
    ]
    assert untrue(Network(derivation), steps) == {planted}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_general_steps_at_a_number_are_the_steps_carried_out_there(name):
    derivation = derive_layers(*NETWORKS[name])
    here = {layer: {s.name: (s.left, s.right) for s in derivation.steps_at(layer)} for layer in (1, 2)}
    elsewhere = {"layer", "activation", "output", "cost", "error"}
    for step in derivation.steps:
        at_output = not step.name.startswith(("BP2", "BP3", "BP4"))
        for layer in [2] if at_output else [1] if step.name.startswith("BP2") else [1, 2]:
            at = {indexed.layer: sympy.Integer(layer), indexed.last: sympy.Integer(layer)}
            sides = derivation.numbered(step.left, at), derivation.numbered(step.right, at)
            assert step.name in elsewhere or here[layer].pop(step.name) == sides
    assert here == {1: {}, 2: {}}


def test_what_is_put_in_gives_the_next_step():
    named = {s.name: s for s in derive_layers(3, "tanh", "quadratic").steps}
    for equation, part in (("BP1", "BP1, derivative"), ("BP2", "BP2, sum")):
        whole, inner = named[f"{equation}, chain rule"].right, named[part]
        assert whole.xreplace({inner.left: inner.right}) == named[f"{equation}, put in"].right


def test_every_step_has_a_reason_and_every_equation_its_place():
    names = [s.name for s in derive_layers(4).steps]
    assert [n for n in names if n in ("BP1", "BP2", "BP3", "BP4")] == ["BP1", "BP2", "BP3", "BP4"]
    assert len(names) > 4
    assert all(s.reason for s in derive_layers(4).steps)
    # nothing is before the output layer in a network of one layer
    assert not [s.name for s in derive_layers(1).steps if s.name.startswith("BP2")]
