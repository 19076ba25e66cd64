"""Every neuron that the costly tests leave out is of a kind that they try, and goes the whole way all the same."""

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.catalogue import ACTIVATIONS, Catalogue
from chainderiv.functions.neurons.row import Row
from chainderiv.functions.neurons.table import ROWS
from tests.balls import NEURONS, sign_and_log
from tests.helpers import assert_same
from tests.kinds import KINDS, costly

LEFT_OUT = [name for name in ACTIVATIONS if name not in KINDS]


def test_the_oracles_know_every_row():
    assert set(NEURONS) == set(ACTIVATIONS) == set(ROWS)
    assert set(KINDS) < set(ROWS)


@pytest.mark.parametrize("name", costly(LEFT_OUT, quick=["gelu_tanh", "hardtanh", "relu2", "softshrink"]))
def test_its_gradients_are_those_of_ball_arithmetic_and_the_checker_passes_it(name):
    chain, rng, judged = cd.Chain(3, name), np.random.default_rng(5), 0
    assert cd.verify(chain, points=5).passed
    for k in range(40):
        w, b = rng.normal(0.7, 1, 3), rng.normal(0.3, 1, 3) * (1, 1, 10)[k % 3]
        truth = sign_and_log(name, w, b, 0.5, 0.3)
        if truth is not None:
            got, kappa = cd.evaluate(chain, w, b, y=0.3), cd.condition(chain, w, b, y=0.3)
            assert_same(got, cd.LogSign(*truth), kappa if truth[0] else 0)
            judged += bool(truth[0])
    assert judged > 3


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_program_s_and_a_bound_s_way_is_open_to_it(name):
    names: dict = {}
    exec(cd.derive(cd.Chain(2, name), "b1").to("numpy"), names)
    sign, log = names["gradient"](np.full(2, 0.9), np.full(2, 0.7), 0.5, 0.3)
    assert_same(cd.LogSign(sign, log), cd.evaluate(cd.Chain(2, name), 0.9, 0.7, y=0.3), 100)
    slopes = np.abs(array_functions(ACTIVATIONS[name]).derivative(np.linspace(-9, 9, 999)))
    supremum = cd.bounds(name).supremum
    assert not supremum.is_finite or float(supremum) >= slopes.max() * (1 - 1e-15)


def test_an_activation_is_made_once_and_only_when_it_is_asked_for():
    made = Catalogue(ROWS)
    assert all(isinstance(row, Row) for row in made.data.values())
    assert made["gelu"] is made["gelu"]
    assert made["gelu"] == ACTIVATIONS["gelu"]
    assert sum(isinstance(row, Row) for row in made.data.values()) == len(ROWS) - 1


@pytest.mark.parametrize("name", costly(["gelu_tanh", "quick_gelu", "gelu"]))
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_weight_s_gradient_lives_on_where_the_neuron_before_it_underflows(name, engine):
    w, b = [1.0, 0.7], [-47.0, 1.2]
    got = cd.evaluate(cd.Chain(2, name), w, b, x=0.0, y=0.3, wrt="w2", engine=engine)
    assert_same(got, cd.LogSign(*sign_and_log(name, w, b, 0.0, 0.3, "w", 2)), 1e4)
    assert got.sign != 0
