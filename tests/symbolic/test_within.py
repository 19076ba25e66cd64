"""∂C/∂z_l and ∂C/∂a_l: derivatives by what lies within the chain, judged by the layers behind it."""

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.logsign import LogSign
from tests import plain
from tests.helpers import assert_same

WEIGHTS, BIASES, X, Y = [0.7, -1.3, 0.4, 2.1], [0.2, -0.5, 1.1, 0.3], 0.6, 0.25
KINDS = [
    ("sigmoid", "quadratic", False),
    ("sigmoid", "cross_entropy", False),
    ("tanh", "quadratic", True),
    ("gelu", "quadratic", False),
]
WITHIN = ["z1", "z3", "z4", "a1", "a3", "a4"]


def want(name, cost, residual, wrt):
    """By hand: of z_l as of b_l, and of a_l as of the input of the layers behind it."""
    kind, layer = wrt[0], int(wrt[1:])

    def once():
        w, b = map(list, (WEIGHTS, BIASES))
        if kind == "z":
            whole = w, b, X, Y, f"b{layer}"
            return plain.residual_gradient([name] * 4, *whole) if residual else plain.gradient([name] * 4, cost, *whole)
        a = plain.orbit([name] * layer, w[:layer], b[:layer], X, residual)[1][-1]
        if layer == 4:
            return plain.cost_slope(cost, a, mp.mpf(Y))
        rest = [name] * (4 - layer), w[layer:], b[layer:], a, Y, "x"
        return plain.residual_gradient(*rest) if residual else plain.gradient(rest[0], cost, *rest[1:])

    value = plain.correct(once)
    return LogSign(float(mp.sign(value)), float(mp.log(abs(value))))


@pytest.mark.parametrize("wrt", WITHIN)
@pytest.mark.parametrize(("name", "cost", "residual"), KINDS)
def test_every_engine_and_every_factor_agree_with_the_layers_behind(name, cost, residual, wrt):
    chain = cd.Chain(4, name, cost, residual)
    right, kappa = want(name, cost, residual, wrt), float(cd.condition(chain, WEIGHTS, BIASES, x=X, y=Y, wrt=wrt))
    for engine in ("numpy", "numba", "mpmath"):
        assert_same(cd.evaluate(chain, WEIGHTS, BIASES, x=X, y=Y, wrt=wrt, engine=engine), right, kappa)
    values = cd.derive(chain, wrt).at(w=WEIGHTS, b=BIASES, x=X, y=Y)
    product = LogSign(np.prod([v.sign for v in values]), sum(v.log for v in values))
    assert_same(product, right, kappa)
    program = {}
    exec(cd.derive(chain, wrt).to("numpy"), program)
    assert_same(LogSign(*program["gradient"](WEIGHTS, BIASES, X, Y)), right, kappa + 10)


@pytest.mark.parametrize("wrt", WITHIN)
@pytest.mark.parametrize(("name", "cost", "residual"), KINDS)
def test_the_judges_pass_it_and_find_every_wrong_factor(name, cost, residual, wrt):
    chain = cd.Chain(4, name, cost, residual)
    d = cd.derive(chain, wrt)
    found = cd.verify(chain, d, points=10)
    assert found.passed
    assert {row.parameter for row in found.rows} == {wrt}
    for k, factor in enumerate(d.factors):
        planted = cd.verify(chain, d.replace(k, 1.001 * factor), points=5)
        assert not planted.passed
        assert planted.worst.factor.startswith(f"factor {k}:")


def test_a_judge_that_moves_another_layers_activation_disagrees():
    chain = cd.Chain(4, "tanh")
    right, wrong = cd.derive(chain, "a2"), cd.derive(chain, "a1")
    d = right.replace(0, wrong.factors[0] * wrong.factors[1] * right.factors[0])
    assert not cd.verify(chain, d, points=5).passed


@pytest.mark.parametrize("wrt", ["z2", "a2", "a3", "z3"])
@pytest.mark.parametrize(("name", "cost", "residual"), KINDS)
def test_a_map_has_it_at_every_point_by_either_engine(name, cost, residual, wrt):
    chain = cd.Chain(3, name, cost, residual)
    axes = {"w": cd.Axis(-3, 3, 7), "b": cd.Axis(-2, 2, 5)}
    maps = [cd.sweep(chain, **axes, wrt=wrt, engine=engine) for engine in ("numpy", "numba")]
    for k, w in enumerate(axes["w"].values):
        for m, b in enumerate(axes["b"].values):
            exact = cd.evaluate(chain, w, b, wrt=wrt, engine="mpmath")
            kappa = float(cd.condition(chain, w, b, wrt=wrt))
            for s in maps:
                assert_same(LogSign(s.sign[k, m], s.log_abs[k, m]), exact, kappa)
    assert maps[0].wrt == wrt


PRINTED = {
    "z2": "∂C/∂z₂ = σ'(z₂) · w₃ σ'(z₃) · ∂C/∂a₃",
    "a1": "∂C/∂a₁ = w₂ σ'(z₂) · w₃ σ'(z₃) · ∂C/∂a₃",
    "a_2": "∂C/∂a₂ = w₃ σ'(z₃) · ∂C/∂a₃",
}


@pytest.mark.parametrize("wrt", PRINTED)
def test_it_is_printed_by_its_own_name(wrt):
    assert str(cd.derive(cd.Chain(3), wrt)) == PRINTED[wrt]


def test_the_steps_end_at_what_was_asked_for():
    last = {wrt: cd.derive(cd.Chain(3), wrt).line(cd.derive(cd.Chain(3), wrt).steps[-1]) for wrt in ("z2", "a2", "a3")}
    assert last["z2"] == "definition: ∂C/∂z₂ = δ₂    (δ₂ is ∂C/∂z₂)"
    assert last["a2"] == "activation: ∂C/∂a₂ = w₃ · δ₃    (∂z₃/∂a₂ = w₃)"
    assert last["a3"].startswith("cost: ∂C/∂a₃ = (a₃ - y)")
    residual = cd.derive(cd.Chain(3, "tanh", residual=True), "a1")
    assert residual.line(residual.steps[-1]).startswith("BP2: ∂C/∂a₁ = (1 + w₂ tanh'(z₂)) · ∂C/∂a₂")


@pytest.mark.parametrize("wrt", ["z5", "a0", "a5", "z0"])
def test_a_layer_that_is_none_is_refused(wrt):
    with pytest.raises(BadValue, match="give b1 … b4, w1 … w4, z1 … z4, a1 … a4 or x"):
        cd.derive(cd.Chain(4), wrt)


def test_a_second_derivative_by_it_is_refused_with_what_is_equal_to_it():
    with pytest.raises(BadValue, match="z2 moves as b2 does, so give 'b2'"):
        cd.derive(cd.Chain(4), ("z2", "w3"))
    with pytest.raises(BadValue, match="begins behind a2"):
        cd.derive(cd.Chain(4), ("w3", "a2"))


def test_what_the_cost_cancels_is_cancelled_for_all_but_the_output_itself():
    chain = cd.Chain(3, cost="cross_entropy")
    assert str(cd.derive(chain, "a2").surviving[-1]) == "a_3 - y"
    assert cd.derive(chain, "z3").surviving == cd.derive(chain, "b3").surviving
    assert cd.derive(chain, "a3").cancelled is None
