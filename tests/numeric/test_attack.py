"""Random gradients of both engines against ball arithmetic: what is told as certain is right.

CHAINDERIV_ATTACK is how many gradients are drawn, for each engine, and CHAINDERIV_SEED which; CHAINDERIV_DEPTH is the
depth of the chains whose orbits settle.
"""

import os

import numpy as np
import pytest
from flint import arb

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.numeric.kernel import kernel, oracle
from chainderiv.numeric.parameters import Layered, Parameters, at_points
from chainderiv.numeric.reading import Reading
from chainderiv.symbolic.derive import derive
from tests.balls import NEURONS, sign_and_log
from tests.helpers import bound
from tests.kinds import costly, slow

COUNT = int(os.environ.get("CHAINDERIV_ATTACK", "200000"))
SEED = int(os.environ.get("CHAINDERIV_SEED", "20261126"))
DEEP = int(os.environ.get("CHAINDERIV_DEPTH", "2000"))
DEPTHS = (1, 2, 3, 5, 8, 12)
SETTLING = sorted(
    np.random.default_rng(SEED).permutation(sorted(NEURONS))[:13]
)  # half the catalogue, drawn with the seed
CERTAIN = 1e-9  # what a map promises where it says nothing


def sizes(rng, shape):
    """Numbers of ordinary size mostly; zeros, small integers and sizes from 1e-12 to 1e12; a few beyond."""
    ordinary = rng.normal(0, 2, shape)
    wide = rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(-12, 12, shape)
    far = rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(-300, 300, shape)
    whole = rng.integers(-3, 4, shape).astype(float)
    return np.choose(rng.choice(4, shape, p=[0.75, 0.12, 0.03, 0.1]), [ordinary, wide, far, whole])


def draw(rng, count, depth):
    """w, b, x, y of some points; some z_1 within rounding of 0, some y next to a_L's limits."""
    w, b, x, y = sizes(rng, (count, depth)), sizes(rng, (count, depth)), sizes(rng, count), sizes(rng, count)
    tied = rng.random(count) < 0.3
    w[tied], b[tied] = w[tied, :1], b[tied, :1]
    with np.errstate(over="ignore"):
        near = -(w[:, 0] * x)
    met = (rng.random(count) < 0.1) & np.isfinite(near)
    b[met, 0] = near[met]
    ends = rng.random(count) < 0.3
    y[ends] = rng.choice([0.0, 1.0, -1.0], ends.sum())
    return w, b, x, y


def readings(chain, wrt, w, b, x, y):
    """(engine, reading, κ or None) of both engines."""
    yield from readings_at(derive(chain, wrt), at_points(chain.depth, w, b, None, x, y))


def readings_at(derivation, parameters):
    read, kappa = oracle(derivation).read(parameters)
    yield "numpy", read, kappa
    filled = Reading.empty(parameters.shape)
    kernel(derivation, "numba").fill(parameters, filled.reshape(-1))
    yield "numba", filled, None


def violations(name, residual, rng, count):
    """How many gradients were judged, and those that are told as certain and wrong."""
    judged, wrong = 0, []
    for depth in DEPTHS:
        part = -(-count // len(DEPTHS))
        kind, layer = rng.choice(["b", "w"]), int(rng.integers(1, depth + 1))
        chain = cd.Chain(depth, name, residual=residual)
        points = draw(rng, part, depth)
        truths = [sign_and_log(name, w, b, x, y, kind, layer, residual) for w, b, x, y in zip(*points, strict=True)]
        for engine, read, kappa in readings(chain, f"{kind}{layer}", *points):
            for i, truth in enumerate(truths):
                if truth is None or np.isnan(read.log_abs[i]):
                    continue
                judged += 1
                off = 0.0 if truth[1] == read.log_abs[i] else abs(truth[1] - read.log_abs[i])
                fine = read.sign[i] == truth[0] and off <= bound(truth[1], 0.0) + CERTAIN
                within = kappa is None or (read.sign[i] == truth[0] and off <= bound(truth[1], kappa[i]))
                within = within or not kappa[i] < np.inf
                if not (read.uncertain[i] or fine) or not (within or read.uncertain[i]):
                    point = {k: np.asarray(v[i]).tolist() for k, v in zip("wbxy", points, strict=True)}
                    got = float(read.sign[i]), float(read.log_abs[i])
                    wrong.append((engine, f"{kind}{layer}", point, got, truth, None if kappa is None else kappa[i]))
    return judged, wrong


@pytest.mark.slow
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("name", NEURONS)
def test_what_is_told_as_certain_is_right(name, residual):
    rng = np.random.default_rng([SEED, sorted(NEURONS).index(name), residual])
    count = -(-COUNT // (2 * len(NEURONS)))
    judged, wrong = violations(name, residual, rng, count)
    assert judged > count
    assert not wrong, f"{len(wrong)} of {judged}: {wrong[:3]}"


def turning(name, rng, count):
    """Tied w and b: any, and those of which a fixed point z has the link -1, where periods double, 1, or one nearby."""
    w, b = rng.normal(0, 2, count), rng.normal(0, 2, count)
    for i in range(count // 4, count):
        z = float(rng.normal(0, 1.5))
        value, slope = map(float, NEURONS[name](arb(z)))
        if slope:
            w[i] = rng.choice([-1, -1, 1]) / slope * (1 + rng.choice([0, 1e-12, -1e-12, 1e-6, -1e-6, 1e-3, -1e-3]))
            b[i] = z - w[i] * value
    return w, b


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTLING)
def test_orbits_that_settle_or_double_their_period_are_right_or_uncertain(name):
    rng = np.random.default_rng([SEED, sorted(NEURONS).index(name), 7])
    count = 8
    (w, b), (x, y) = turning(name, rng, count), rng.normal(0, 1, (2, count))
    found = list(readings_at(derive(cd.Chain(DEEP, name), "b1"), Parameters(Layered(w), Layered(b), x, y)))
    points = zip(*(numbers.tolist() for numbers in (w, b, x, y)), strict=True)
    truths = [sign_and_log(name, [w] * DEEP, [b] * DEEP, x, y) for w, b, x, y in points]
    assert sum(truth is not None for truth in truths) > 1
    for engine, read, _ in found:
        for i, truth in enumerate(truths):
            if truth is None or np.isnan(read.log_abs[i]) or read.uncertain[i]:
                continue
            point = engine, w[i], b[i], x[i], y[i]
            assert read.sign[i] == truth[0], point
            off = 0.0 if truth[1] == read.log_abs[i] else abs(truth[1] - read.log_abs[i])
            assert off <= bound(truth[1], 0.0) + CERTAIN, point


# found by it: what rounds z_1, or crosses a kink there, makes another orbit of all that follows
AFAR = [
    ("softsign", False, "b8",
     ([3838284797.126967] * 12, [1.2893078013043256e18] + [1.244501197832947] * 11, -335907278.7588348, 1.3654279710029809)),
    ("gelu", False, "b8",
     ([-503460603319.88556] * 8, [1141856913502348.8] + [-5.86240376324852] * 7, 2268.01641672217, 0.0)),
    ("tanh", True, "b7",
     ([-9330218658.211218] * 8, [0.5752913392336059] * 8, -1.4152666692106522e-08, 1.0)),
    ("relu", False, "b12",
     ([-3.9915736871892854e257] * 12, [1.7927153427763327e254] + [1.36] * 11, 0.0004491249525293606, -1.0)),
    slow(("relu", True, "b5",
     ([7.120118887368339e286, -0.2, -1.0, 1.9, 1.0, -0.5], [2.6545054638402722e287, 2.0, 3.0, 4.0, 0.8, 2.4],
      -3.7281757591851132, 0.5))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "residual", "wrt", "point"), AFAR)
def test_an_orbit_that_rounding_makes_another_is_uncertain_in_the_layers_behind_as_well(name, residual, wrt, point):
    w, b, x, y = (np.asarray([part], float) for part in point)
    chain = cd.Chain(w.shape[1], name, residual=residual)
    truth = sign_and_log(name, *point, wrt[0], int(wrt[1:]), residual)
    (_, read, kappa), (_, compiled, _) = readings(chain, wrt, w, b, x, y)
    assert truth is None or abs(read.log_abs[0] - truth[1]) > 1e-8, "the point shows nothing"
    assert read.uncertain[0]
    assert 8 * np.finfo(float).eps * kappa[0] > 1e-9
    # fused operations may have z_1 right
    assert compiled.uncertain[0] or abs(compiled.log_abs[0] - truth[1]) < bound(truth[1], 0.0) + CERTAIN


@pytest.mark.parametrize("name", costly(["gelu", "gelu_tanh"]))
@pytest.mark.parametrize("wrt", ["w2", "b1"])
def test_a_neuron_whose_logarithm_leaves_float64_is_not_told_to_be_0(name, wrt):
    w, b, x, y = [1.0, 1.0], [-1e200, 0.3], 0.0, 0.5
    points = [np.asarray([part], float) for part in (w, b, x, y)]
    for engine, read, _ in readings(cd.Chain(2, name), wrt, *points):
        assert read.uncertain[0], engine
        with pytest.raises(BadValue, match="logarithm leaves float64"):
            cd.evaluate(cd.Chain(2, name), w, b, x=x, y=y, wrt=wrt, engine=engine)
    # what is 0 by its formula is known
    assert not any(read.uncertain[0] for _, read, _ in readings(cd.Chain(2, "relu"), wrt, *points))
