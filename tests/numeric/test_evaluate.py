"""evaluate against the table of problems, and against the referee at depth 1000."""

import math
from functools import lru_cache
from itertools import product

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.numeric.product import Product
from tests import plain
from tests.helpers import EPSILON, assert_same, same
from tests.kappa import kappa
from tests.kinds import KINDS, costly, slow
from tests.problems import DEEP, PROBLEMS

# 100 · 1/2 - 50 = 0: the orbit amplifies rounding by 25 a layer, but not one of its operations rounds
EXACT = "exploding, w = 100 and z = 0, 1000 layers"


def log_sign(text):
    """A decimal string as LogSign; mpmath's exponents have no end."""
    with mp.workdps(60):
        value = mp.mpf(text) if isinstance(text, str) else +text
        if value == 0:
            return cd.LogSign(0.0, -np.inf)
        return cd.LogSign(float(mp.sign(value)), float(mp.log(abs(value))))


def chain_of(problem):
    return cd.Chain(problem.depth, problem.activations, problem.cost)


def room(problem):
    """κ of a problem; that of its logarithms alone where the orbit is exact."""
    return 8000.0 if problem.name == EXACT else kappa(problem)


def answer(names, w, b, y, wrt, cost="quadratic", x=0.5):
    """∂C/∂θ by hand in plain mpmath, 30 correct digits."""
    w, b = plain.layers(w, len(names)), plain.layers(b, len(names))
    value = plain.correct(lambda: plain.gradient(names, cost, w, b, x, y, wrt), agreeing=30)
    return log_sign(value)


@lru_cache
def answered(problem):
    """What the package answers, unbroken."""
    return evaluated(problem)


def evaluated(problem, engine="numpy"):
    return cd.evaluate(
        chain_of(problem), problem.w, problem.b, x=problem.x, y=problem.y, wrt=problem.wrt, engine=engine
    )


@pytest.mark.parametrize("problem", [slow(p) if p in DEEP else p for p in PROBLEMS], ids=lambda p: p.name)
def test_numpy_gives_the_tables_answer_within_the_bound(problem):
    assert_same(answered(problem), log_sign(problem.answer), room(problem))


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_mpmath_gives_the_tables_answer_without_any_amplification(problem):
    assert_same(evaluated(problem, "mpmath"), log_sign(problem.answer), kappa=0)


def test_the_bound_leaves_no_room_for_a_wrong_answer():
    """A table on which κ excuses anything would test nothing."""
    assert all(8 * EPSILON * room(p) < 3e-4 for p in PROBLEMS if p.answer != "0")
    assert sum(8 * EPSILON * room(p) < 1e-10 for p in PROBLEMS) > len(PROBLEMS) * 0.8


@pytest.mark.parametrize("problem", [p for p in PROBLEMS if p.answer != "0"], ids=lambda p: p.name)
def test_an_answer_off_by_a_thousandth_or_its_sign_fails(problem):
    got, want, k = answered(problem), log_sign(problem.answer), room(problem)
    assert not same(got * 1.001, want, k)
    assert not same(-got, want, k)
    assert not same(cd.LogSign(0.0, -np.inf), want, k)


# spreads of z: ordinary, and saturated on both sides
SPREADS = [slow(1.0), slow(6.0), 40.0]


def random_chain(name, spread, seed, depth=1000):
    """w and b of which every z_l is drawn first, b solved for it: no chain dies or blows up by accident."""
    rng = np.random.default_rng([seed, int(spread), list(ACTIVATIONS).index(name)])
    z = rng.normal(0, spread, depth)
    if name == "relu":
        z = np.abs(z) + 0.01
    w = rng.normal(0, 1.5, depth)
    b, a = np.empty(depth), 0.5
    for k in range(depth):
        b[k] = z[k] - w[k] * a
        with mp.workdps(30):
            a = float(plain.PHI[name](mp.mpf(z[k])))
    return w, b


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("name", costly(KINDS, quick=["sigmoid"]))
def test_random_chains_of_depth_1000_agree_with_the_hand_written_product(name, spread):
    chain = cd.Chain(1000, name)
    w, b = random_chain(name, spread, seed=1)
    wrt = {1.0: "b1", 6.0: "w2", 40.0: "x"}[spread]
    k = cd.condition(chain, w, b, y=0.25, wrt=wrt)
    got = cd.evaluate(chain, w, b, y=0.25, wrt=wrt)
    assert_same(got, answer([name] * 1000, w, b, 0.25, wrt), k)
    assert not same(got * 1.001, got, k), f"8εκ = {8 * EPSILON * k} excuses a thousandth"


@pytest.mark.parametrize("name", costly(KINDS, quick=["sigmoid", "relu"]))
def test_the_referee_agrees_with_the_hand_written_product_at_depth_1000(name):
    w, b = random_chain(name, 6.0, seed=5)
    got = cd.evaluate(cd.Chain(1000, name), w, b, y=0.25, wrt="w9", engine="mpmath")
    assert_same(got, answer([name] * 1000, w, b, 0.25, "w9"), kappa=0)


@pytest.mark.parametrize(
    ("cost", "y"), [("quadratic", 0.0), slow(("quadratic", 1.0)), slow(("cross_entropy", 0.0)), ("cross_entropy", 1.0)]
)
def test_saturated_outputs_of_depth_1000_agree_with_the_hand_written_product(cost, y):
    w, b = random_chain("sigmoid", 6.0, seed=2)
    w[-1], b[-1] = 0.5, 60.0 if y else -60.0
    chain = cd.Chain(1000, "sigmoid", cost)
    k = cd.condition(chain, w, b, y=y)
    assert_same(cd.evaluate(chain, w, b, y=y), answer(["sigmoid"] * 1000, w, b, y, "b1", cost), k)


@pytest.mark.parametrize("wrt", ["b1", slow("w300"), slow("x")])
@pytest.mark.parametrize(
    ("name", "w"),  # below float64 and above it
    costly(product(["identity", "relu", "leaky_relu"], [0.1, -100.0]), quick=[("relu", 0.1), ("identity", -100.0)]),
)
def test_activations_that_leave_float64_keep_their_gradient(name, w, wrt):
    chain = cd.Chain(400, name)
    k = cd.condition(chain, w, 0.0, y=0.25, wrt=wrt)
    got = cd.evaluate(chain, w, 0.0, y=0.25, wrt=wrt)
    assert_same(got, answer([name] * 400, w, 0.0, 0.25, wrt), k)
    assert 8 * EPSILON * k < 1e-6


@pytest.mark.slow  # of the table's mpmath has that answer as well
def test_identity_with_w_a_tenth_is_a_power_of_ten():
    """∂C/∂b_1 = w^999 (w^1000 x - y): -y w^999 at y = 1, and x w^1999 at y = 0."""
    chain, tenth = cd.Chain(1000, "identity"), float(mp.log(mp.mpf(0.1)))
    assert_same(cd.evaluate(chain, 0.1, 0.0, y=1.0), cd.LogSign(-1.0, 999 * tenth), 1e3)
    assert_same(cd.evaluate(chain, 0.1, 0.0), cd.LogSign(1.0, 1999 * tenth + np.log(0.5)), 1e3)


@pytest.mark.parametrize("logs", [
    [1e17, 1.0, -1e17], [1.0, 1e17, 1.0, -1e17], [-1e17, 3.0, 1e17, -0.5], [0.1] * 3000, [-0.7] * 2999 + [2000.3],
])  # fmt: skip
def test_a_product_of_any_length_rounds_its_logarithm_once(logs):
    """1e17 + 1 is 1e17 in float64, and 3000 terms rounded one by one are off by more than a last digit."""
    product = Product((2,))
    for log in logs:
        product.times(cd.LogSign(np.array([1.0, -1.0]), np.array([log, -log])))
    got, want = product.value(), math.fsum(logs)
    assert np.abs(got.log - [want, -want]).max() <= 2.0**-52 * abs(want)
    assert got.sign.tolist() == [1.0, (-1.0) ** len(logs)]
    assert sum(logs) != want or abs(sum(logs) - want) > 2.0**-52 * abs(want)


def test_the_parameters_of_some_points_are_what_was_broadcast_to_them():
    rng = np.random.default_rng(1)
    stack, tied, own = rng.normal(size=(4, 5)), rng.normal(size=(3, 1)), rng.normal(size=4)
    of_kind = Layered(stack, stacked=True, own={5: tied}), Layered(tied, own={2: own, 4: np.asarray(0.5)})
    x, y = rng.normal(size=(3, 1)), rng.normal(size=4)
    for w, inner, pinned in ((*of_kind, False), (*of_kind[::-1], True)):
        given = Parameters(w, inner, x, y, pinned)
        assert given.shape == (3, 4)
        for index in ((2, 1), (np.array([0, 2, 1]), np.array([3, 0, 0]))):
            some = given.at(index)
            assert some.pinned == pinned
            pairs = [(some.x, x), (some.y, y)]
            pairs += [(some.w[k], w[k]) for k in range(1, 6)] + [(some.inner[k], inner[k]) for k in range(1, 6)]
            for one, whole in pairs:
                np.testing.assert_array_equal(np.broadcast_to(one, some.shape), np.broadcast_to(whole, (3, 4))[index])


@pytest.mark.parametrize("name", costly(KINDS))
def test_many_points_at_once_are_the_points_one_by_one(name):
    rng = np.random.default_rng(3)
    w, b = rng.normal(size=(2, 5, 7)), rng.normal(size=(2, 5, 7))
    x, y = rng.normal(size=5), rng.normal(size=(2, 1))
    chain = cd.Chain(7, name)
    many = cd.evaluate(chain, w, b, x=x, y=y, wrt="w3")
    assert many.shape == (2, 5)
    for i, j in np.ndindex(2, 5):
        one = cd.evaluate(chain, w[i, j], b[i, j], x=x[j], y=y[i, 0], wrt="w3")
        k = cd.condition(chain, w[i, j], b[i, j], x=x[j], y=y[i, 0], wrt="w3")
        assert_same(many[i, j], one, k)


def test_the_exploding_case_has_links_of_25():
    g = cd.evaluate(cd.Chain(4), w=100, z=0)
    assert_same(g, cd.LogSign(1.0, np.log(25.0**3 / 4 * 0.5)), kappa=10)


def test_pinning_z_is_solving_for_the_biases():
    chain, rng = cd.Chain(6, "tanh"), np.random.default_rng(4)
    w, z = rng.normal(size=6), rng.normal(size=6)
    a = np.concatenate([[0.5], np.tanh(z)])
    b = z - w * a[:-1]
    for parameter in chain.parameters:
        k = cd.condition(chain, w, b, wrt=str(parameter))
        assert_same(cd.evaluate(chain, w, z=z, wrt=str(parameter)), cd.evaluate(chain, w, b, wrt=str(parameter)), k)


def test_relu_before_a_sigmoid_with_cross_entropy_agrees_with_the_referee():
    chain = cd.Chain(50, ["relu"] * 49 + ["sigmoid"], "cross_entropy")
    for wrt in ("b1", "w25", "x", "b50"):
        k = cd.condition(chain, 0.9, 0.3, y=1.0, wrt=wrt)
        got = cd.evaluate(chain, 0.9, 0.3, y=1.0, wrt=wrt)
        assert_same(got, cd.evaluate(chain, 0.9, 0.3, y=1.0, wrt=wrt, engine="mpmath"), k)


@pytest.mark.parametrize("engine", ["numpy", "numba", None])
@pytest.mark.parametrize("shape", [(0,), (5, 0)])
@pytest.mark.parametrize("name", ["sigmoid", "relu"])
def test_no_points_have_no_gradients(engine, shape, name):
    g = cd.evaluate(cd.Chain(3, name), w=np.empty(shape), b=0.1, tied=True, engine=engine)
    assert (g.sign.shape, g.log.shape) == (shape, shape)
