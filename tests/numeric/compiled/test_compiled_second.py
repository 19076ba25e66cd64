"""The compiled walk of second derivatives reads what the NumPy kernel reads, and is right by the referee."""

from functools import partial
from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.compiling.arrays import compiled
from chainderiv.compiling.parts import slope_parts
from chainderiv.errors import BadValue
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.numeric.compiled import second_source
from chainderiv.numeric.compiled.second_engine import CompiledSecond
from chainderiv.numeric.compiled.second_stand_in import LANES
from chainderiv.numeric.kernel import kernel, suitable_engine
from chainderiv.numeric.parameters import Layered, Parameters, at_points
from chainderiv.numeric.reading import Reading
from chainderiv.numeric.second import SecondKernel
from tests.helpers import same
from tests.kinds import KINDS, costly, slow

W, B = np.linspace(-7.1, 6.3, 33)[:, None], np.linspace(-5.2, 5.9, 29)[None, :]
PAIRS = [("b1", "b1"), ("b1", "w1"), ("w1", "w1"), ("x", "x"), ("x", "w1"), ("x", "b3"), ("b1", "w2"), ("w1", "b2"),
         ("w2", "w2"), ("w1", "w4"), ("b3", "w5"), ("w5", "w5"), ("b5", "w5"), ("x", "w5")]  # fmt: skip


def grid(y=0.0, x=0.3, w=W, b=B):
    return Parameters(Layered(w), Layered(b), np.asarray(x), np.asarray(y))


class Counting(SecondKernel):
    """The oracle, and how many points it was asked for."""

    asked = 0

    def read(self, parameters):
        self.asked += int(np.prod(parameters.shape))
        return super().read(parameters)


def read(chain, wrt, parameters):
    """What the compiled engine reads, the oracle's reading and κ, and the share of the points that it was asked for."""
    second = cd.derive(chain, wrt)
    counting, got = Counting(second), Reading.empty(parameters.shape)
    CompiledSecond(second, counting).fill(parameters, got.reshape(-1))
    want, kappa = SecondKernel(second).read(parameters)
    return got, want, kappa, counting.asked / max(1, want.sign.size)


def assert_reads(chain, wrt, parameters):
    """What is certain is NumPy's within the bound of both; the share of the points that were left to NumPy."""
    got, want, kappa, left = read(chain, wrt, parameters)
    sure = ~got.uncertain & np.isfinite(kappa)
    right = same(got.gradient, want.gradient, 2 * kappa)
    assert (right | ~sure).all(), np.argwhere(~right & sure)[:3]
    assert (~got.uncertain | want.uncertain).all()
    for one, other in ((got.link_log_sum, want.link_log_sum), (got.largest_link, want.largest_link)):
        with np.errstate(invalid="ignore"):
            near = np.abs(one - other) <= 1e-9 * np.maximum(1.0, np.abs(other))
        stands_for = (one == -745) & (other < -667)  # the logarithm of 1e-290
        assert (near | (one == other) | stands_for | ~sure).all()
    return left


def assert_true(chain, wrt, w, b, y=0.3, **options):
    """evaluate's promise, by the referee, at every point that is certain; how many there are."""
    parameters = at_points(chain.depth, w, b, options.get("z"), 0.3, y)
    got, _, kappa, _ = read(chain, wrt, parameters)
    want = kernel(cd.derive(chain, wrt), "mpmath").gradient(parameters)
    assert (same(got.gradient, want, np.where(np.isfinite(kappa), kappa, 0.0)) | got.uncertain).all()
    return int((~got.uncertain).sum())


@pytest.mark.parametrize("name", costly(KINDS, quick=("sigmoid",)))
def test_every_neuron_reads_as_numpy_does_and_few_points_are_left_to_it(name):
    assert assert_reads(cd.Chain(20, name), ("b1", "w2"), grid()) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_whole_catalogue_reads_as_numpy_does(name):
    chain = cd.Chain(5, name)
    if not second_source.is_compilable(chain):
        assert not ACTIVATIONS[name].vouched
        return
    for pair in PAIRS:
        assert_reads(chain, pair, grid(y=0.3))


@pytest.mark.parametrize("pair", PAIRS)
def test_every_pair_of_a_chain(pair):
    assert assert_reads(cd.Chain(5), pair, grid(y=0.3)) < 0.03
    rng = np.random.default_rng(PAIRS.index(pair))
    w, b = rng.normal(0, 2, (LANES + 5, 5)), rng.normal(0, 1, (LANES + 5, 5))
    assert assert_reads(cd.Chain(5), pair, at_points(5, w, b, None, 0.3, rng.uniform(0, 1, LANES + 5))) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "gelu", "softplus"])
@pytest.mark.parametrize("pair", PAIRS)
def test_every_pair_of_a_residual_chain(name, pair):
    chain = cd.Chain(5, name, residual=True)
    assert assert_reads(chain, pair, grid(y=0.1)) < (0.2 if name == "gelu" else 0.1)


@pytest.mark.parametrize(
    "pair", [pytest.param(("w1", "w4")), *(slow((pair,)) for pair in PAIRS if pair != ("w1", "w4"))]
)
def test_what_cross_entropy_cancels(pair):
    chain = cd.Chain(5, cost="cross_entropy")
    for y in (0.0, 0.3, 1.0):
        assert assert_reads(chain, pair, grid(y=y)) < 0.03
    w, b = np.random.default_rng(1).normal(0, 3, (2, 12, 5))
    assert assert_true(chain, pair, w, b, y=1.0) >= 10


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_pinned_layers_layers_of_their_own_and_different_neurons(pair):
    p = grid()
    assert_reads(cd.Chain(5, "tanh"), pair, Parameters(p.w, Layered(B), p.x, p.y, pinned=True))
    own = Parameters(Layered(np.asarray(1.5), own={2: W}), Layered(np.asarray(0.1), own={3: B}), p.x, p.y)
    assert assert_reads(cd.Chain(5, "tanh"), pair, own) < 0.03
    mixed = cd.Chain(5, ["tanh", "relu", "tanh", "sigmoid", "sigmoid"], cost="cross_entropy")
    assert assert_reads(mixed, pair, grid(y=0.3)) < 0.03


@pytest.mark.parametrize("depth", [1, 2, 100])
def test_chains_of_any_depth(depth):
    for pair in {("b1", "b1"), ("x", "w1"), ("b1", f"w{depth}")}:
        assert assert_reads(cd.Chain(depth), pair, grid(y=0.3)) < 0.1


@pytest.mark.parametrize("pair", [("b999", "w1000"), pytest.param(("b1", "w2"), marks=pytest.mark.slow)])
def test_a_thousand_layers_are_true_far_beyond_float64(pair):
    w, b = np.array([0.9, -3.0, 100.0, 2.0]), np.array([0.1, 1.0, -50.0, 28.0])
    chain = cd.Chain(1000)
    stack = np.broadcast_to(w[:, None], (4, 1000)), np.broadcast_to(b[:, None], (4, 1000))
    assert assert_reads(chain, pair, at_points(1000, *stack, None, 0.3, 0.3)) == 0
    one = slice(1) if pair == ("b1", "w2") else slice(None)
    assert assert_true(chain, pair, stack[0][one], stack[1][one]) == len(w[one])


@pytest.mark.parametrize("seed", [0, *map(slow, range(1, 12))])
@pytest.mark.parametrize("name", costly(KINDS, quick=("sigmoid", "relu")))
def test_random_points_are_true_by_the_referee(name, seed):
    rng = np.random.default_rng([seed, KINDS.index(name)])
    depth = int(rng.integers(2, 12))
    w, b = (
        rng.normal(0, 10.0 ** rng.uniform(-1, 1.2), (6, depth)),
        rng.normal(0, 10.0 ** rng.uniform(-1, 1.5), (6, depth)),
    )
    i, j = sorted(rng.integers(1, depth + 1, 2))
    for pair in ((f"b{i}", f"w{j}"), (f"w{i}", f"b{j}"), ("x", f"w{j}")):
        assert_true(cd.Chain(depth, name), pair, w, b, y=float(rng.uniform(-1, 1)))


def test_saturated_points_are_true_and_certain():
    chain = cd.Chain(4)
    for end in (60.0, -60.0, 800.0, -800.0, 3e4):
        w, b = np.array([[1.0, -1.0, 2.0, 1.5]]), np.array([[0.1, 0.2, end, 0.3]])
        for pair in (("b1", "w2"), ("w1", "b4"), ("w3", "w3")):
            assert assert_true(chain, pair, w, b, y=1.0) == 1, (end, pair)


def test_where_terms_cancel_a_sign_is_true_or_not_certain():
    """∂²C/∂b² of one layer is σ''(σ - y) + σ'², which passes through 0 as y grows: the nearer, the less is known."""
    chain, left = cd.Chain(1), []
    with mp.workdps(40):
        s = 1 / (1 + mp.exp(-(mp.mpf(1.0) * mp.mpf(0.3) + mp.mpf(0.7))))
        zero_at = float(s + s * (1 - s) / (1 - 2 * s))
    for distance in (1e-2, 1e-5, 1e-9, 1e-13, 0.0):
        y = zero_at + distance * np.array([-1.0, 1.0])
        one, two = np.full((2, 1), 1.0), np.full((2, 1), 0.7)
        assert_true(chain, ("b1", "b1"), one, two, y=y)
        left.append(read(chain, ("b1", "b1"), at_points(1, one, two, None, 0.3, y))[3])
    assert left == sorted(left)
    assert (left[0], left[-1]) == (0.0, 1.0)


def test_along_a_line_whose_second_derivative_changes_its_sign_every_certain_sign_is_true():
    chain, b = cd.Chain(6), np.linspace(-2.0, 3.0, 101)
    w, b = np.full((101, 6), 3.0), np.repeat(b[:, None], 6, axis=1)
    got = read(chain, ("b1", "w2"), at_points(6, w, b, None, 0.3, 0.3))[0]
    assert sum(one != other for one, other in pairwise(got.sign)) >= 1
    assert assert_true(chain, ("b1", "w2"), w, b) >= 99


def test_a_point_on_a_kink_is_numpy_s_and_beside_it_a_zero_is_certain():
    chain, b = cd.Chain(3, "relu"), np.array([-0.3, -0.3 - 1e-13, -0.31, -0.29])[:, None] * np.ones(3)
    got, want, kappa, left = read(chain, ("b1", "w2"), at_points(3, np.ones((4, 3)), b, None, 0.3, 0.5))
    assert left >= 0.25
    assert got.uncertain[0] == want.uncertain[0]
    assert (got.sign[2], got.log_abs[2], got.uncertain[2]) == (0, -np.inf, False)
    assert (got.sign == want.sign)[np.isfinite(kappa)].all()


@pytest.mark.slow
def test_where_the_second_derivative_of_a_neuron_jumps_the_reading_is_numpy_s():
    """φ'' of softsign is ∓2 beside 0; there the walk knows z_l exactly, and no side of it."""
    for name in ("softsign", "elu"):
        for pair in (("b1", "b1"), ("x", "x")):
            got, want, _, left = read(cd.Chain(1, name), pair, at_points(1, np.ones((3, 1)), 0.0, None, 0.0, 0.3))
            assert left == 1.0
            assert np.array_equal(got.log_abs, want.log_abs)


def test_weights_of_0_and_inputs_of_0():
    for name in ("sigmoid", "relu"):
        for pair in (("b1", "w2"), ("w1", "w1"), ("b3", "w3"), ("b1", "b2")):
            assert_reads(cd.Chain(3, name), pair, grid(w=np.array([[0.0], [-0.0], [1.0]])))
            assert_reads(cd.Chain(3, name), pair, grid(x=0.0))
            assert_reads(cd.Chain(3, name), pair, grid(x=0.0, b=np.array([[0.0, 1e-200]])))


def test_no_points_have_no_second_derivatives():
    assert cd.evaluate(cd.Chain(3), np.empty((0, 3)), 0.1, wrt=("b1", "w2"), engine="numba").shape == (0,)


def test_a_gradient_alone_is_numpy_s_where_the_walk_knows_less():
    chain = cd.Chain(3, "relu")
    for b in (-0.3, 0.2):
        one, other = (cd.evaluate(chain, 1.0, b, x=0.3, wrt=("b1", "w2"), engine=e) for e in ("numba", "numpy"))
        assert np.array_equal([one.sign], [other.sign], equal_nan=True)
        assert one.shape == other.shape == ()


def test_large_work_is_given_to_the_compiled_walk_and_what_it_lacks_to_numpy():
    assert suitable_engine(cd.derive(cd.Chain(20), ("b1", "w2")), 1_000_000) == "numba"
    assert suitable_engine(cd.derive(cd.Chain(20), ("b1", "w2")), 100) == "numpy"
    own = cd.Chain(20, cd.Activation("tanh2", sympy.tanh(2 * cd.z)))
    assert suitable_engine(cd.derive(own, ("b1", "w2")), 1_000_000) == "numpy"
    with pytest.raises(BadValue, match="use engine='numpy'"):
        second_source.kernel_source(own, own.activation(1), pinned=False)
    same_as = [cd.evaluate(own, 0.5, 0.1, wrt=("b1", "w2"), engine=e).log for e in ("numba", "numpy")]
    assert same_as[0] == same_as[1]


@pytest.mark.slow
@pytest.mark.parametrize(("stands", "planted"), [
    ("prime * (bend * both + direct)", "prime * (1.000001 * bend * both + direct)"),
    ("prime * (bend * both + direct)", "prime * (bend * both - direct)"),
    ("power + at_early + at_late", "power + at_early"),
    ("return pick(fresh, enters, w * before)", "return pick(fresh, enters, before)"),
    ("total = direct * of_direct + curve * of_both", "total = direct * of_direct"),
    ("buffer[LINK * PITCH + i] * link", "buffer[LINK * PITCH + i]"),
    ("v9 = (-2.0)*v4", "v9 = (-2.000001)*v4"),
    ("lost / size_total", "0.0"),
])  # fmt: skip
def test_an_error_planted_in_the_generated_text_is_seen(monkeypatch, stands, planted):
    made = second_source.kernel_source

    def wrong(*given, **named):
        text = made(*given, **named)
        assert stands in text
        return text.replace(stands, planted)

    monkeypatch.setattr(second_source, "kernel_source", wrong)
    judges = [partial(test_every_neuron_reads_as_numpy_does_and_few_points_are_left_to_it, "sigmoid"),
              test_where_terms_cancel_a_sign_is_true_or_not_certain]  # fmt: skip
    assert any(map(fails, judges))


def fails(judge):
    """Whether a judge is not content."""
    try:
        judge()
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("name", costly(("sigmoid", "tanh", "gelu", "softplus", "silu", "mish"), quick=("sigmoid",)))
def test_a_bend_far_out_counts_where_small_weights_make_it_the_larger_term(name):
    chain = cd.Chain(4, [name] * 3 + ["sigmoid"], cost="cross_entropy")
    w, b = np.geomspace(1e-9, 1e-2, 24)[:, None], np.linspace(-60, 60, 25)[None, :]
    assert_reads(chain, ("x", "x"), grid(x=-3.0, w=w, b=b))
    assert_true(chain, ("x", "x"), w=w[::6, 0], b=np.array([-46.0, 38.0, 46.0, 60.0]))


def test_a_bend_of_0_that_larger_terms_leave_is_no_underflow():
    bend = slope_parts(ACTIVATIONS["mish"]).bend  # its terms of e^(-z) cancel, and e^(-2z) tells
    assert compiled(bend)(46.0) == 0.0
    assert np.isinf(second_source._unsteadiness(bend, [])[2:]).all()
    assert np.isfinite(second_source._unsteadiness(ACTIVATIONS["mish"].curvature, [])).all()
