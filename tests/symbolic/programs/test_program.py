"""The programs that a derivation prints, executed and compared with the referee."""

from functools import cache
from itertools import cycle

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.functions.heads import cbrt, log10, sinc
from chainderiv.symbols import z
from tests import plain
from tests.helpers import EPSILON, assert_same, same
from tests.kinds import KINDS, slow
from tests.symbolic.programs.test_program_runners import batch, compile_c, javascript_batch, job, run_c, run_javascript

DEPTHS = (1, 2, 7)
PLAIN = [(name, "quadratic", False) for name in KINDS] + [("sigmoid", "cross_entropy", False)]
RESIDUAL = [(name, "quadratic", True) for name in KINDS]
# of the four neurons each once, one in layers that add their input, and both costs
QUICK = [case for case in PLAIN if case[0] in ("sigmoid", "relu", "gelu")] + [("tanh", "quadratic", True)]
MIXED = {
    "each once": (list(KINDS), "quadratic", False),
    "runs": (["relu"] * 3 + ["gelu"] * 2 + ["sigmoid"], "cross_entropy", False),
    "in turn, residual": (["tanh", "mish"] * 3, "quadratic", True),
}


def chain_of(activation, cost, residual, depth):
    return cd.Chain(depth, activation, cost, residual=residual)


def parameters(depth):
    return list(dict.fromkeys(("b1", f"w{depth}", "x", f"b{depth}", f"w{max(depth // 2, 1)}")))


def depths(case):
    return DEPTHS if not case[2] else DEPTHS[1:]


def derivations():
    for case in PLAIN + RESIDUAL:
        for depth in depths(case):
            yield from (cd.derive(chain_of(*case, depth), wrt) for wrt in parameters(depth))
    for activations, cost, residual in MIXED.values():
        chain = chain_of(activations, cost, residual, len(activations))
        yield from (cd.derive(chain, wrt) for wrt in parameters(chain.depth))
    yield from (cd.derive(chain_of(*case, 1000), wrt) for case, wrt in DEEP)


def is_quick(chain):
    """Whether its programs are made for the quick tests."""
    return len(set(chain.activations)) > 1 or (chain.activation(1).name, chain.cost.name, chain.residual) in QUICK


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The programs in every language of the quick derivations or of all others, made at once; places by derivation."""

    @cache
    def made(quick):
        every = [d for d in dict.fromkeys(derivations()) if is_quick(d.chain) == quick]
        return batch(every, tmp_path_factory.mktemp("programs")), {d: k for k, d in enumerate(every)}

    return made


def judge(programs, calls):
    """Run (derivation, w, b, x, y) in every language against the referee; says how many were well-conditioned."""
    made, places = programs(is_quick(calls[0][0].chain))
    found = made.run([job(places[d], w, b, x, y) for d, w, b, x, y in calls])
    sound = 0
    for k, (d, w, b, x, y) in enumerate(calls):
        given = {"x": x, "y": y, "wrt": str(d.wrt)}
        want = cd.evaluate(d.chain, w, b, **given, engine="mpmath")
        kappa = cd.condition(d.chain, w, b, **given)
        sound += bool(8 * EPSILON * kappa < 1e-8)
        for target, results in found.items():
            try:
                assert_same(results[k], want, kappa)
            except AssertionError as e:
                raise AssertionError(f"{target}, {d.chain}, {given}, w {w}, b {b}: {e}") from e
    return sound / len(calls)


def calls_of(chain, rng):
    """Moderate and saturated points, y within φ's range, at its limits and 0 in turn."""
    targets = cycle([rng.uniform(), 0.0, 1.0] + ([-1.0] if chain.cost.name == "quadratic" else []))
    for wrt in parameters(chain.depth):
        for scale in (1.0, 8.0, 30.0):
            w, b = rng.normal(0, scale, chain.depth), rng.normal(0, scale, chain.depth)
            yield cd.derive(chain, wrt), w, b, rng.normal(), next(targets)


@pytest.mark.parametrize("case", [(c if c in QUICK else slow((c,))) for c in PLAIN + RESIDUAL], ids=str)
def test_every_program_agrees_with_the_referee(case, programs):
    rng = np.random.default_rng(3)
    calls = [call for depth in depths(case) for call in calls_of(chain_of(*case, depth), rng)]
    assert judge(programs, calls) > 0.8


@pytest.mark.parametrize("name", MIXED)
def test_the_program_of_a_mixed_chain_agrees_with_the_referee(name, programs):
    activations, cost, residual = MIXED[name]
    chain = chain_of(activations, cost, residual, len(activations))
    assert judge(programs, list(calls_of(chain, np.random.default_rng(4)))) > 0.8


DEEP = [(case, ("b1", "w500", "x")[k % 3]) for k, case in enumerate(PLAIN)]
DEEP += [((name, "quadratic", True), wrt) for name, wrt in (("tanh", "b1"), ("gelu", "w500"))]


def deep_parameters(name, residual, rng):
    """Orbits that neither leave float64 nor amplify rounding too much."""
    if residual:
        return rng.normal(0, 0.05, 1000), rng.normal(0, 0.5, 1000)
    if name in ("relu", "leaky_relu", "identity"):
        return rng.uniform(0.8, 1.2, 1000), rng.uniform(0, 0.1, 1000)
    return rng.normal(0, 0.9, 1000), rng.normal(0, 0.5, 1000)


# one of each parameter
@pytest.mark.parametrize(
    ("case", "wrt"), [(d if d[0] in (PLAIN[0], PLAIN[2], PLAIN[-1]) else slow(d)) for d in DEEP], ids=str
)
def test_every_program_agrees_with_the_referee_at_depth_1000(case, wrt, programs):
    name, _, residual = case
    w, b = deep_parameters(name, residual, np.random.default_rng(5))
    d = cd.derive(chain_of(*case, 1000), wrt)
    assert 8 * EPSILON * cd.condition(d.chain, w, b, y=0.25, wrt=wrt) < 1e-4
    judge(programs, [(d, w, b, 0.5, 0.25)])


@pytest.mark.parametrize("case", [(c if c in QUICK else slow((c,))) for c in PLAIN[:-1] + RESIDUAL], ids=str)
def test_every_program_agrees_with_hand_written_derivatives(case, programs):
    chain, rng = chain_of(*case, 7), np.random.default_rng(6)
    name, _, residual = case
    made, places = programs(is_quick(chain))
    for wrt in parameters(7):
        w, b, x, y = rng.normal(0, 1.0, 7), rng.normal(0, 1.0, 7), rng.normal(), rng.uniform()
        want = plain.correct(lambda given=(w, b, x, y, wrt): by_hand(name, residual, *given))
        want = cd.LogSign(float(mp.sign(want)), float(mp.log(abs(want))) if want else -np.inf)
        kappa = cd.condition(chain, w, b, x=x, y=y, wrt=wrt)
        assert 8 * EPSILON * kappa < 1e-8
        for got in made.run([job(places[cd.derive(chain, wrt)], w, b, x, y)]).values():
            assert_same(got[0], want, kappa)


def by_hand(name, residual, w, b, x, y, wrt):
    """∂C/∂θ by the chain rule forwards, from ∂a_{k-1}/∂θ on, in plain mpmath and with no product of links."""
    kind, layer = wrt[0], int(wrt[1:] or 0)
    a, slope = mp.mpf(x), mp.mpf(kind == "x")
    for k, (weight, bias) in enumerate(zip(w, b, strict=True), start=1):
        z = mp.mpf(weight) * a + mp.mpf(bias)
        moved = mp.mpf(weight) * slope + (0 if k != layer else a if kind == "w" else 1)
        prime = plain.phi_prime(name, z)
        a, slope = (a if residual else 0) + plain.PHI[name](z), (slope if residual else 0) + prime * moved
        if slope == 0 and k >= layer and isinstance(prime, int):
            return 0
    return slope * (a - mp.mpf(y))


def test_an_exact_zero_has_the_sign_0_and_the_logarithm_of_0(tmp_path):
    identity, relu = cd.Chain(2, "identity", residual=True), cd.Chain(2, "relu")
    calls = [
        (cd.derive(identity, "b1"), [1.0, -1.0], [0.5, 0.5], 0.5, 0.25),  # 1 + w φ' = 0
        (cd.derive(relu, "b1"), [1.0, -1.0], [0.5, 0.5], 0.5, 0.25),  # at rest
        (cd.derive(relu, "w2"), [-1.0, -1.0], [0.0, 0.5], 0.5, 0.25),  # a_1 = 0
        (cd.derive(relu, "b2"), [1.0, 1.0], [0.5, 0.5], 0.5, 1.5),  # a_L = y
        (cd.derive(relu, "b1"), [1.0, 0.0], [0.5, 0.5], 0.5, 0.25),  # w = 0
        (cd.derive(relu, "x"), [0.0, 1.0], [0.5, 0.5], 0.5, 0.25),
        (cd.derive(relu, "w1"), [1.0, 1.0], [0.5, 0.5], 0.0, 0.25),
    ]
    made = batch([call[0] for call in calls], tmp_path)
    for target, results in made.run([job(k, *call[1:]) for k, call in enumerate(calls)]).items():
        for (d, *_), got in zip(calls, results, strict=True):
            assert (got.sign, got.log) == (0.0, -np.inf), (target, d)
            assert not np.signbit(got.sign)


def test_a_residual_link_beyond_minus_one_turns_the_sign(tmp_path):
    chain = cd.Chain(2, "identity", residual=True)
    made = batch([cd.derive(chain, "b1")], tmp_path)
    for (got,) in made.run([job(0, [1.0, -3.0], [0.5, 0.5], 0.5, 0.25)]).values():
        # a_1 = 1.5, z_2 = -4, a_2 = -2.5; ∂C/∂b_1 = 1 · (1 - 3) · (-2.5 - 0.25)
        assert_same(got, cd.LogSign(1.0, np.log(5.5)))


def test_the_sign_of_a_slope_that_underflows_is_kept(tmp_path):
    chain = cd.Chain(2, "gelu_tanh")
    made = batch([cd.derive(chain, "b1")], tmp_path)
    w, b = [1.0, 1.0], [-30.5, 0.5]  # φ'(z_1) = -e^-5903, and e^that is 0
    want = cd.evaluate(chain, w, b, x=0.5, y=0.9, engine="mpmath", wrt="b1")
    assert want.sign == 1
    for (got,) in made.run([job(0, w, b, 0.5, 0.9)]).values():
        assert_same(got, want, float(cd.condition(chain, w, b, x=0.5, y=0.9, wrt="b1")))


FORMULAS = {
    "swish": z / (1 + sympy.exp(-2 * z)),
    "sine": sympy.sin(z),
    "root": z / sympy.sqrt(1 + z**2),
    "cube": z**3 / 7 + z,
    "clipped": sympy.Max(sympy.Min(z, 3), -3, z / 10),
    "bent": z + sympy.Abs(z) / 3,
    "error": sympy.erf(z),
    "decimal": log10(2 + z**2),
    "cubic root": z / 2 + cbrt(z - 1),
    "cardinal": z + sinc(2 * z + 1) + sinc(z),
    "wide": sympy.asinh(z) + sympy.sinh(z / 8),
    "quarter": (1 + z**2) ** sympy.Rational(1, 4) * z / sympy.pi,
    "parts": sympy.Piecewise((z, (z > -1) & (z < 1)), (z**3, True)),
}


def test_an_activation_of_ones_own_has_programs_too(tmp_path):
    rng = np.random.default_rng(8)
    chains = [cd.Chain(3, cd.Activation(name, formula)) for name, formula in FORMULAS.items()]
    made = batch([cd.derive(chain, "b1") for chain in chains], tmp_path)
    points = [(rng.normal(0, 1, 3), rng.normal(0, 1, 3), 0.5, 0.25) for _ in chains]
    for target, results in made.run([job(k, *point) for k, point in enumerate(points)]).items():
        for chain, (w, b, x, y), got in zip(chains, points, results, strict=True):
            want, kappa = cd.evaluate(chain, w, b, x=x, y=y, engine="mpmath"), cd.condition(chain, w, b, x=x, y=y)
            assert 8 * EPSILON * kappa < 1e-8, chain
            assert same(got, want, kappa), (target, chain, got, want)


@pytest.mark.parametrize(("cost", "y"), [("quadratic", 1.0), ("quadratic", 0.0), ("cross_entropy", 1.0)])
def test_the_programs_keep_the_digits_of_a_saturated_output(cost, y, tmp_path):
    chain, z = cd.Chain(2, "sigmoid", cost), 45.0 if y else -45.0
    w, b = np.array([1.0, 0.5]), np.array([0.0, z])
    made = batch([cd.derive(chain, "b1")], tmp_path)
    for (got,) in made.run([job(0, w, b, 0.5, y)]).values():
        assert_same(got, cd.evaluate(chain, w, b, y=y, engine="mpmath"), cd.condition(chain, w, b, y=y))


def test_the_sum_over_a_million_layers_keeps_its_digits(tmp_path):
    depth, w, b = 1_000_000, 0.9, 0.1
    with mp.workdps(60):
        a, links = mp.mpf(0.5), []
        for _ in range(100):  # z settles by a factor of 0.2 a layer: its first 60 digits, long before
            z = mp.mpf(w) * a + mp.mpf(b)
            a, links = plain.sigmoid(z), [*links, mp.log(mp.mpf(w) * plain.sigmoid_prime(z))]
        want = mp.fsum(links) - mp.log(mp.mpf(w)) + (depth - 100) * links[-1] + mp.log(a)
    d, given = cd.derive(cd.Chain(depth), "b1"), [job(0, [w] * depth, [b] * depth, 0.5, 0.0)]
    for got in (
        *run_c(compile_c([d.to("c")], tmp_path), given),
        *run_javascript(javascript_batch([d.to("javascript")], tmp_path / "batch.js"), given),
    ):
        assert_same(got, cd.LogSign(1.0, float(want)))
