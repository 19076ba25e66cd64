"""Orbits that settle are closed before they repeat, and to the same as walking every layer."""

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.compiling.cache import load
from chainderiv.numeric.compiled import engine, source
from chainderiv.numeric.compiled.stand_in import CHUNK
from chainderiv.numeric.conditioning import is_lost
from chainderiv.numeric.kernel import oracle
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.symbolic.derive import derive
from tests.helpers import same
from tests.kinds import slow
from tests.numeric.compiled.reading import reading

W, B = np.linspace(-12, 12, 81)[:, None], np.linspace(-10, 10, 76)[None, :]


def points_of(name, depth, y=0.0, every=2):
    w, b = Layered(W[::every]), Layered(B[:, ::every])
    return engine.Points(derive(cd.Chain(depth, name), "b1"), Parameters(w, b, np.asarray(0.3), np.asarray(y)))


def read(points):
    """What is read in one go, and where it is not left to the walk."""
    shape = points.parameters.shape
    flat, sure = engine.Reading.empty((np.prod(shape),)), np.ones(np.prod(shape), bool)
    sure[points.read_bounded(flat)] = False
    return flat.reshape(*shape), sure.reshape(shape)


def agrees(points, got, sure):
    """Where the gradient, the sum over the links and the largest are the oracle's."""
    want, kappa = oracle(points.derivation).read(points.parameters)
    right = same(got.gradient, want.gradient, 2 * kappa)
    right &= close(got.link_log_sum, want.link_log_sum) & close(got.largest_link, want.largest_link)
    return right | ~sure


def close(got, want):
    with np.errstate(invalid="ignore"):
        return (got == want) | (np.abs(got - want) <= 1e-12 * np.maximum(1, np.abs(want)))


DEPTHS = [(49, 0.0), (50, 0.3), (51, 1.0), (300, 0.0), (301, 1.0), (301, 0.7)]


@pytest.mark.parametrize(
    ("name", "depth", "y"),
    # of tanh one depth that is closed
    [("sigmoid", *case) for case in DEPTHS] + [("tanh", *c) if c == DEPTHS[-1] else slow(("tanh", *c)) for c in DEPTHS],
)
def test_what_is_closed_is_what_walking_every_layer_gives(name, depth, y):
    points = points_of(name, depth, y)
    got, sure = read(points)
    assert sure.mean() > 0.8
    assert agrees(points, got, sure).all()


W_AT_THE_EDGE = np.array([-8.0, -4.001, -4.0, -3.999])[:, None]  # the sigmoid's links at 1/2 are w/4


def points_at_the_edge(depth):
    given = Parameters(Layered(W_AT_THE_EDGE), Layered(-W_AT_THE_EDGE / 2), np.asarray(0.4), np.asarray(0.0))
    return engine.Points(derive(cd.Chain(depth), "b1"), given)


def test_a_fixed_point_that_repels_or_hardly_attracts_is_left_to_the_walk():
    points = points_at_the_edge(2000)
    assert points.read_bounded(engine.Reading.empty((4,))).tolist() == [1, 2, 3]


def test_of_a_chain_that_is_not_so_deep_every_layer_is_walked_instead():
    points, flat = points_at_the_edge(200), engine.Reading.empty((4,))
    assert points.read_bounded(flat).size == 0
    want, kappa = oracle(points.derivation).read(points.parameters)
    assert same(flat.reshape(4, 1).gradient, want.gradient, 2 * kappa).all()


def test_orbits_that_settle_late_and_go_on_alone_come_back_to_their_places():
    at = np.linspace(-7.5, -4.05, 1400)[:, None]
    given = Parameters(Layered(at), Layered(-at * np.linspace(0.45, 0.55, 3)), np.asarray(0.4), np.asarray(0.1))
    points = engine.Points(derive(cd.Chain(1201), "b1"), given)
    flat, sure = engine.Reading.empty((4200,)), np.ones(4200, bool)
    sure[points.read_bounded(flat)] = False
    assert sure.mean() > 0.9
    assert agrees(points, flat.reshape(1400, 3), sure.reshape(1400, 3)).all()


@pytest.mark.parametrize(("right", "wrong", "left"), [
    slow(("(pairs * log_pair + ahead)", "(pairs * log_pair + 2.0 * ahead)", False)),
    ("(pairs * log_pair + ahead)", "(1.0001 * pairs * log_pair + ahead)", False),
    slow(("limit = a + ", "limit = a + 1e-3 + ", True)),
])  # fmt: skip
def test_an_error_in_what_is_closed_is_seen_or_leaves_the_points_to_the_walk(right, wrong, left):
    points = points_of("sigmoid", 1060, every=3)  # so deep that what does not settle is left
    text = source.kernel_source(points.derivation.chain.activation(1), points.derivation.chain, pinned=False)
    assert text.count(right) == 1
    points._kernel = lambda layer: load(text.replace(right, wrong))
    got, sure = read(points)
    assert (sure.mean() < 0.5) == left
    assert agrees(points, got, sure).all() == left


# found by search: the orbit's limit is so near to y that its own error is much of a_L - y
@pytest.mark.parametrize(("w", "b", "x", "y"), [
    (0.6286132320190871, 0.14155828591684871, -0.09871985021575402, 0.3423693773829918),
    (0.6555708145976458, -0.14355920026451238, -0.6662080212355646, -0.36539840718310217),
])  # fmt: skip
@pytest.mark.parametrize("depth", [300, slow(1500), slow(5000)])
def test_a_target_next_to_the_limit_of_the_orbit(w, b, x, y, depth):
    derivation = derive(cd.Chain(depth, "tanh"), "b1")
    given = Parameters(Layered(np.array([w])), Layered(np.array([b])), np.asarray(x), np.asarray(y))
    got, (want, kappa) = reading(derivation, "numba", given), oracle(derivation).read(given)
    assert same(got.gradient, want.gradient, 2 * kappa).all()


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_targets_at_all_distances_from_the_limit_of_the_orbit(name):
    rng = np.random.default_rng(5)
    w, b, x = rng.uniform(-3, 3, 400), rng.uniform(-1, 1, 400), rng.uniform(-1, 1, 400)
    a = x
    for _ in range(400):
        a = np.tanh(w * a + b) if name == "tanh" else 1 / (1 + np.exp(-w * a - b))
    y = a + rng.choice([-1, 1], 400) * 10.0 ** rng.uniform(-14, -1, 400)
    derivation = derive(cd.Chain(400, name), "b1")
    given = Parameters(Layered(w), Layered(b), x, y)
    got, (want, kappa) = reading(derivation, "numba", given), oracle(derivation).read(given)
    assert (same(got.gradient, want.gradient, 2 * kappa) | got.uncertain).all()
    assert got.uncertain.mean() < is_lost(kappa).mean() < 0.8


def test_nothing_changes_at_the_depth_from_which_settled_orbits_are_looked_for():
    for depth in (6 * CHUNK, 6 * CHUNK + 1, 6 * CHUNK + 2):
        points = points_of("sigmoid", depth)
        got = reading(points.derivation, "numba", points.parameters)
        assert agrees(points, got, ~got.uncertain).all()


def test_a_map_of_few_layers_needs_no_code_that_looks_for_settled_orbits(monkeypatch):
    chain, asked = cd.Chain(4, "sigmoid"), []

    def looked(*given):
        asked.append(given)
        given[-1][:] = 1  # all is left to the walk

    kernel = engine.neuron_kernel(chain.activations[0], chain, pinned=False)
    monkeypatch.setattr(kernel, "through_settling", looked)
    for depth, times in ((6 * CHUNK, 0), (6 * CHUNK + 1, 1)):
        points = points_of("sigmoid", depth)
        got = reading(points.derivation, "numba", points.parameters)
        assert len(asked) == times
        assert agrees(points, got, ~got.uncertain).all()
