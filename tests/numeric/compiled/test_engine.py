"""The compiled engine reads what the NumPy kernel and the referee read."""

import math
from itertools import product

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.compiling.cache import load
from chainderiv.errors import BadValue
from chainderiv.numeric.compiled import engine, source, walk
from chainderiv.numeric.compiled.stand_in import LANES, PITCH
from chainderiv.numeric.conditioning import is_lost
from chainderiv.numeric.kernel import kernel, oracle, suitable_engine
from chainderiv.numeric.parameters import Layered, Parameters, at_points
from chainderiv.symbolic.derive import derive
from tests.helpers import same
from tests.kinds import KINDS, costly, slow
from tests.numeric.compiled.reading import reading

W, B = np.linspace(-7.1, 6.3, 45)[:, None], np.linspace(-5.2, 5.9, 41)[None, :]


def grid(y=0.0, x=0.3, w=W, b=B):
    return Parameters(Layered(w), Layered(b), np.asarray(x), np.asarray(y))


def assert_agrees(chain, wrt, parameters, engine="numba"):
    """Where it is not uncertain, the compiled reading is NumPy's within the bound of both."""
    derivation = derive(chain, wrt)
    got, (want, kappa) = reading(derivation, engine, parameters), oracle(derivation).read(parameters)
    sure = ~got.uncertain & np.isfinite(kappa)
    right = same(got.gradient, want.gradient, 2 * kappa)
    assert (right | ~sure).all(), np.argwhere(~right & sure)[:3]
    with np.errstate(invalid="ignore"):
        links = np.abs(got.link_log_sum - want.link_log_sum) <= 1e-9 * np.maximum(1, np.abs(want.link_log_sum))
        largest = np.abs(got.largest_link - want.largest_link) <= 1e-9 * np.maximum(1, np.abs(want.largest_link))
    assert (links | (got.link_log_sum == want.link_log_sum) | ~sure).all()
    stands_for = (got.largest_link == -745) & (want.largest_link < -667)  # the logarithm of 1e-290
    assert (largest | (got.largest_link == want.largest_link) | ~sure | stands_for).all()
    return float(got.uncertain.mean())


@pytest.mark.parametrize("name", costly(KINDS))
def test_every_activation_reads_as_the_oracle_does(name):
    assert assert_agrees(cd.Chain(20, name), "b1", grid()) < 0.05


@pytest.mark.parametrize("wrt", ["b1", "w1", "x", "b2", "w2", "w5", "b8", "w9", "b9"])
@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
def test_every_parameter_and_what_the_cost_cancels(wrt, cost):
    assert_agrees(cd.Chain(9, cost=cost), wrt, grid(y=0.3))
    assert_agrees(cd.Chain(9, cost=cost), wrt, grid(y=1.0))


@pytest.mark.parametrize("wrt", ["b1", "w1", "x"])
def test_a_chain_of_one_layer(wrt):
    assert_agrees(cd.Chain(1), wrt, grid(y=0.3))
    assert_agrees(cd.Chain(1, cost="cross_entropy"), wrt, grid(y=0.3))


@pytest.mark.parametrize("name", costly(["tanh", "gelu", "relu", "identity"], quick=["tanh"]))
@pytest.mark.parametrize("wrt", ["b1", "w3", "x", "b7"])
def test_residual_chains(name, wrt):
    assert_agrees(cd.Chain(7, name, residual=True), wrt, grid(y=0.1))


@pytest.mark.parametrize("depth", [2, 3, slow(4), 60])
def test_a_first_layer_of_its_own_is_walked_with_its_own_parameters(depth):
    p, two = grid(), np.asarray(2.0)
    for w, b in (
        (Layered(two, own={1: W}), Layered(B)),
        (Layered(W), Layered(np.asarray(0.3), own={1: B})),
        (Layered(two, own={2: W}), Layered(B)),
        (Layered(W, own={1: two}), Layered(np.asarray(0.3), own={2: B})),
    ):
        for name in ("sigmoid", "gelu"):
            assert_agrees(cd.Chain(depth, name), "b1", Parameters(w, b, p.x, p.y))
    rng = np.random.default_rng(depth)
    stack = at_points(depth, rng.normal(size=(50, depth)), rng.normal(size=(50, depth)), None, 0.3, 0.0)
    assert_agrees(cd.Chain(depth, "sigmoid"), "b1", stack)
    assert_agrees(cd.Chain(depth, ["sigmoid"] + ["tanh"] * (depth - 1)), "b1", grid())
    assert_agrees(cd.Chain(depth, ["relu"] + ["sigmoid"] * (depth - 1)), "b1", grid())


@pytest.mark.parametrize("depth", [24, slow(26), 49, slow(60), slow(100)])
def test_a_relu_that_dies_on_its_way_has_the_gradient_0(depth):
    parameters = grid(w=np.linspace(-1.5, 1.5, 61)[:, None], b=np.linspace(-2, 2, 41)[None, :], x=-1.0)
    derivation = derive(cd.Chain(depth, "relu"), "b1")
    got, want = reading(derivation, "numba", parameters), oracle(derivation).gradient(parameters)
    assert 0.5 < (want.sign == 0).mean() < 0.9
    assert ((got.gradient.sign == 0) == (want.sign == 0))[~got.uncertain].all()
    assert np.isneginf(got.gradient.log[got.gradient.sign == 0]).all()


TAILS = list(product(["softsign", "arctan"], [24, 25, 48, 60], ["w1", "b1"]))


# of w_1 every layer is walked, which compiles soonest; of b_1 they are read in one go
@pytest.mark.parametrize(("name", "depth", "wrt"), costly(TAILS, quick=[("softsign", d, "w1") for d in (24, 25, 48)]))
def test_slopes_that_become_subnormal_are_not_raised_again_by_large_weights(name, depth, wrt):
    parameters = grid(w=np.geomspace(1e4, 1e9, 300)[:, None], b=np.array([[1e-9, 0.5]]), x=-0.7, y=0.5)
    assert_agrees(cd.Chain(depth, name), wrt, parameters)


@pytest.mark.parametrize("name", ["sigmoid", *map(slow, ("tanh", "relu", "gelu"))])
def test_pinned_layers(name):
    p = grid()
    assert_agrees(cd.Chain(7, name), "w1", Parameters(p.w, Layered(B), p.x, p.y, pinned=True))


@pytest.mark.parametrize("name", ["gelu", slow("silu")])
def test_single_layers_and_stacks(name):
    p = grid()
    own = Parameters(Layered(np.asarray(1.5), own={3: W}), Layered(np.asarray(0.1), own={5: B}), p.x, p.y)
    for wrt in ("b1", "w3", "b6"):
        assert_agrees(cd.Chain(7, "tanh"), wrt, own)
    rng = np.random.default_rng(0)
    stack = at_points(30, rng.normal(size=(50, 30)), rng.normal(size=(50, 30)), None, rng.normal(size=50), 0.1)
    assert_agrees(cd.Chain(30, name), "b4", stack)
    mixed = ["tanh", "relu", "tanh", "sigmoid", "sigmoid", name]
    assert_agrees(cd.Chain(6, mixed), "w2", grid(y=0.3))


@pytest.mark.slow  # test_elementary sweeps a formula by both engines at each change
@pytest.mark.parametrize("wrt", ["w1", "b1"])
@pytest.mark.parametrize("text", ["z/(1+exp(-1.5*z))", "tanh(z)**3", "z*exp(-z**2)", "sin(z)+z", "where(z>1,z,z**2/2)"])
def test_a_formula_of_one_s_own(text, wrt):
    own = cd.Activation.from_formula("own", text)
    derivation = derive(cd.Chain(5, own), wrt)
    got = reading(derivation, "numba", grid())
    want, kappa = oracle(derivation).read(grid())
    sure = ~got.uncertain & np.isfinite(want.gradient.log)
    assert sure.mean() > 0.5
    assert (same(got.gradient, want.gradient, 2 * kappa) | ~sure).all()


@pytest.mark.parametrize("name", costly(["sigmoid", "tanh", "relu", "softsign", "identity", "softplus"]))
def test_points_that_leave_float64_are_read_by_the_oracle(name):
    w = np.array([1e-200, 1e-40, 0.0, -0.0, 1e40, 1e200, 3.0])[:, None]
    b = np.array([0.0, 1e-300, 1e-200, -800.0, 1e5, 1e200])[None, :]
    assert_agrees(cd.Chain(9, name), "b1", grid(w=w, b=b))
    assert_agrees(cd.Chain(9, name), "b1", grid(w=w, b=b, x=1e-290))


@pytest.mark.parametrize("depth", [60, 380, 400])  # some a_L are ordinary, some subnormal, all 0
@pytest.mark.parametrize("name", costly(["relu", "leaky_relu", "identity"]))
def test_small_weights_without_a_bias_leave_float64_and_their_gradient_is_a_power_of_w_and_no_zero(name, depth):
    """Of slopes 1, ∂C/∂b_1 = w^(L-1) a_L with a_L = w^L x, at y = 0; the links are w."""
    w = np.linspace(0.05, 0.15, 21) * (np.where(np.arange(21) % 2, -1, 1) if name == "identity" else 1)
    given = Parameters(Layered(w), Layered(np.asarray(0.0)), np.asarray(0.3), np.asarray(0.0))
    got = reading(derive(cd.Chain(depth, name), "b1"), "numba", given)
    with mp.workdps(40):
        logs = [mp.log(abs(mp.mpf(float(v)))) for v in w]
        want = np.array([float((2 * depth - 1) * log + mp.log(mp.mpf(0.3))) for log in logs])
        links = np.array([float((depth - 1) * log) for log in logs])
    assert same(got.gradient, cd.LogSign(np.sign(w), want), 10 * depth).all()
    assert np.abs(got.link_log_sum / links - 1).max() < 1e-12
    assert not got.uncertain.any()


@pytest.mark.parametrize("name", costly(["relu", "identity"]))  # one to the right of 0
def test_activations_that_were_subnormal_have_lost_digits_that_large_weights_do_not_bring_back(name):
    """0.15^385 is near 1e-317, of which float64 holds seven digits, and 20 weights of 1e10 make it 1e-117 again."""
    own = {layer: np.asarray(1e10) for layer in range(386, 406)}
    given = Parameters(Layered(np.array([0.15, 0.151])), Layered(np.asarray(0.0)), np.asarray(0.3), np.asarray(0.0))
    given = Parameters(Layered(given.w.values, own=own), given.inner, given.x, given.y)
    got = reading(derive(cd.Chain(405, name), "b1"), "numba", given)
    with mp.workdps(40):
        logs = [mp.log(mp.mpf(float(v))) for v in given.w.values]
        want = [float((2 * 385 - 1) * log + 40 * mp.log(10**10) + mp.log(mp.mpf(0.3))) for log in logs]
    assert same(got.gradient, cd.LogSign(np.ones(2), np.array(want)), 4050).all()


def test_sums_of_exponents_whose_terms_cancel_keep_what_is_small():
    """Chunk by chunk: 1e17 + 1 is 1e17 in float64, and without the 1 a product is off by a factor e."""
    chain, rng = cd.Chain(20), np.random.default_rng(7)
    kernel_file = engine.neuron_kernel(chain.activation(1), chain, pinned=False)
    chunks = rng.normal(size=(12, LANES)) * 10.0 ** rng.integers(0, 18, (12, LANES))
    chunks = rng.permuted(np.concatenate([chunks, -chunks, rng.normal(size=(3, LANES))]), axis=0)
    buffer = np.ones(walk.ROWS * PITCH)
    kernel_file.start(buffer)
    for exponents in chunks:
        kernel_file.begin(buffer)
        kernel_file.put(buffer, walk.S, exponents)
        kernel_file.fold(buffer, 1, False)
    kernel_file.harvest(buffer, True, False)
    got, want = buffer.reshape(walk.ROWS, PITCH)[walk.LOG, :LANES], [math.fsum(lane) for lane in chunks.T]
    # each partial sum of what was lost is rounded: 27 of up to 100
    assert np.abs(got - want).max() < 1e-11
    assert np.abs(np.cumsum(chunks, axis=0)[-1] - want).max() > 1


class Unwanted:
    """An oracle that must not be asked."""

    def read(self, parameters):
        raise AssertionError(f"{parameters.shape} points were left to the oracle")


@pytest.mark.parametrize("name", costly(["gelu", "silu", "mish", "sigmoid"]))
def test_an_output_that_underflows_is_read_from_its_logarithm(name):
    parameters = grid(w=np.array([-3.0, 0.5, 2.0])[:, None], b=-np.geomspace(30.0, 900.0, 40)[None, :])
    derivation = derive(cd.Chain(6, name), "b1")
    want, kappa = oracle(derivation).read(parameters)
    assert (want.log_abs < -3000).any()
    got = engine.Reading.empty(parameters.shape)
    engine.CompiledKernel(derivation, Unwanted()).fill(parameters, got.reshape(-1))
    assert same(got.gradient, want.gradient, 2 * kappa).all()
    assert not (got.uncertain & ~is_lost(kappa)).any()


@pytest.mark.parametrize("name", costly(["sigmoid", "tanh", "softsign"]))
def test_a_bounded_neuron_leaves_nothing_of_an_ordinary_map_to_the_walk(name, monkeypatch):
    derivation = derive(cd.Chain(20, name), "b1")
    left = []
    walked = engine.CompiledKernel._walked
    monkeypatch.setattr(
        engine.CompiledKernel, "_walked", lambda self, p: left.append(np.prod(p.shape)) or walked(self, p)
    )
    compiled = kernel(derivation, "numba")
    for parameters, most in ((grid(), 0.01), (grid(b=np.full((1, 41), 800.0)), 1.0), (grid(b=B - B[0, 20]), 0.06)):
        left.clear()
        got, (want, kappa) = compiled.gradient(parameters), oracle(derivation).read(parameters)
        assert same(got, want.gradient, 2 * kappa).all()
        assert sum(left) <= most * kappa.size


def test_under_the_bound_nothing_is_sure_that_the_walk_calls_uncertain():
    derivation = derive(cd.Chain(40), "b1")
    # near its fixed point 1/2 a link is w/4, and the distance from there is what is amplified
    w = np.linspace(-12, -4.1, 80)[:, None]
    parameters = grid(w=w, b=-w / 2 + np.geomspace(1e-17, 1e-1, 90)[None, :], x=0.5, y=0.2)
    points = engine.Points(derivation, parameters)
    flat = engine.Reading.empty((80 * 90,))
    left = np.zeros(80 * 90, bool)
    left[points.read_bounded(flat)] = True
    off = engine.Points(derivation, parameters).read()[4]
    uncertain = ~(2 * 2.0**-52 * off < 1e-9)
    assert uncertain.mean() > 0.1
    assert left.mean() < 0.9
    assert not (uncertain & ~left).any()


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu", "relu"])
def test_an_orbit_that_repeats_is_closed_to_what_walking_gives(name):
    chain = cd.Chain(3001, name)
    module = engine.neuron_kernel(chain.activation(1), chain, pinned=False)
    closed, walked = (read(chain, module, which) for which in (module.walk_closing, module.walk))
    sign, log, off = walked[0], walked[1], walked[4]
    sure = 2 * 2.0**-52 * off <= 1e-9
    assert sure.mean() > 0.5
    assert np.array_equal(closed[0][sure], sign[sure])
    with np.errstate(invalid="ignore"):
        near = np.abs(closed[1] - log) <= 1e-12 * np.maximum(1, np.abs(log)) + 8 * 2.0**-52 * chain.depth
    assert (near | (closed[1] == log))[sure].all()


def read(chain, module, which):
    """Layer 1, and layers 2 … L by one walk or the other."""
    points = engine.Points(derive(chain, "b1"), grid(y=0.1))
    first, rest = engine.segments(points.derivation, points.parameters)
    points.take(first)
    w, b = points._flattened(points.parameters.w, 2), points._flattened(points.parameters.inner, 2)
    which(points._state, w, b, rest.count, True)
    module.harvest_all(points._state, True, True)
    return points.finish()


@pytest.mark.slow  # test_settling plants one there at each change
def test_a_planted_error_of_a_thousandth_is_seen_in_what_is_read_in_one_go():
    chain = cd.Chain(20)
    text = source.kernel_source(chain.activation(1), chain, pinned=False)
    line = "buffer[P * PITCH + i] *= slope\n"
    assert text.count(line) == 1
    points = engine.Points(derive(chain, "b1"), grid())
    flat = engine.Reading.empty((W.size * B.size,))
    points._kernel = lambda layer: load(text.replace(line, f"{line.rstrip()} * 1.001\n"))
    points.read_bounded(flat)
    want, kappa = oracle(derive(chain, "b1")).read(grid())
    assert not same(flat.reshape(*kappa.shape).gradient, want.gradient, 2 * kappa).any()


def test_a_planted_error_of_a_thousandth_is_seen():
    chain = cd.Chain(20)
    text = source.kernel_source(chain.activation(1), chain, pinned=False)
    call = "lost_slope = neuron(z)\n"
    assert text.count(call) == 1
    wrong = load(text.replace(call, f"{call}    rest = 1.001 * rest\n"))
    derivation = derive(chain, "b1")
    compiled = engine.CompiledKernel(derivation, oracle(derivation))
    points = engine.Points(derivation, grid())
    points._kernel = lambda layer: wrong
    sign, log, *_ = points.read()
    right = compiled.gradient(grid())
    want, kappa = oracle(derivation).read(grid())
    assert same(right, want.gradient, 2 * kappa).all()
    got = cd.LogSign(sign.reshape(W.size, B.size), log.reshape(W.size, B.size))
    assert not same(got, want.gradient, 2 * kappa).any()


def test_a_layer_s_kernel_is_one_whatever_other_neuron_or_cost_of_another_name_the_chain_ends_in():
    def text(chain):
        return source.kernel_source(chain.activation(1), chain, pinned=False)

    alone = cd.Chain(4)
    assert text(cd.Chain(2, ["sigmoid", "identity"])) == text(alone)
    assert text(cd.Chain(3, ["sigmoid", "sigmoid", "gelu"], cost=cd.Cost("a_3", cd.a))) == text(alone)
    one, other = (cd.Chain(4, cost=cd.Cost(name, cd.a)) for name in ("a_4", "a_9"))
    assert text(one) == text(other) != text(alone)
    assert text(cd.Chain(4, residual=True)) != text(alone)


@pytest.mark.parametrize("wrt", ["b1", ("b1", "w2")])
def test_small_work_is_numpy_s_and_large_work_is_compiled(wrt):
    derivation = derive(cd.Chain(20), wrt)
    assert suitable_engine(derivation, 10**6) == "numba"
    assert suitable_engine(derivation, 10**3) == "numpy"


def test_a_formula_without_a_compiled_form_is_left_to_numpy_or_refused_in_one_line():
    import sympy

    from chainderiv.symbols import z

    cube_root = cd.Activation("root", sympy.Piecewise((z + z ** sympy.Rational(1, 3), z > 1), (2 * z, True)))
    derivation = derive(cd.Chain(3, cube_root), "b1")
    assert suitable_engine(derivation, 10**9) == "numpy"
    with pytest.raises(BadValue, match="numpy"):
        kernel(derivation, "numba")
