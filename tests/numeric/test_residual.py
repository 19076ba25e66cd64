"""Residual chains: a_l = a_(l-1) + φ(z_l), each link 1 + w_l φ'(z_l); evaluated, verified, and wrong where planted."""

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue, CostDomain
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.maps.regime import Regime
from chainderiv.numeric.orbit import one_plus
from tests import plain
from tests.helpers import EPSILON, assert_same, same
from tests.kinds import KINDS, costly, slow


def log_sign(value):
    if value == 0:
        return cd.LogSign(0.0, -np.inf)
    return cd.LogSign(float(mp.sign(value)), float(mp.log(abs(value))))


def want(name, w, b, wrt, y=0.25, x=0.5):
    return log_sign(plain.correct(lambda: plain.residual_gradient([name] * len(w), w, b, x, y, wrt), agreeing=30))


def drawn(name, depth, spread, seed):
    """w and b of which every z_l is drawn first: the orbit stays where φ is interesting."""
    rng = np.random.default_rng([seed, depth, int(spread), list(ACTIVATIONS).index(name)])
    z, w = rng.normal(0, spread, depth), rng.normal(0, 0.8, depth)
    b, a = np.empty(depth), 0.5
    for k in range(depth):
        b[k] = z[k] - w[k] * a
        with mp.workdps(30):
            a += float(plain.PHI[name](mp.mpf(z[k])))
    return w, b


def test_the_hand_written_product_is_the_difference_quotient_of_the_cost_alone():
    w, b = drawn("tanh", 5, 1.0, 0)
    for wrt in ("b1", "w3", "x", "w5"):
        with mp.workdps(300):
            product = plain.residual_gradient(["tanh"] * 5, w, b, 0.5, 0.25, wrt)
            quotient = plain.difference(["tanh"] * 5, "quadratic", w, b, 0.5, 0.25, wrt, residual=True)
            assert abs(product / quotient - 1) < mp.mpf(10) ** -90


@pytest.mark.parametrize("depth", [1, 2, 20, slow(400)])
@pytest.mark.parametrize("name", costly(KINDS))
def test_both_engines_agree_with_the_hand_written_product(name, depth):
    chain = cd.Chain(depth, name, residual=True)
    judged = 0
    for wrt, spread in (("b1", 1.0), (f"w{depth}", 6.0), ("x", 2.0), (f"b{depth}", 30.0)):
        w, b = drawn(name, depth, spread, seed=3)
        right, k = want(name, w, b, wrt), cd.condition(chain, w, b, y=0.25, wrt=wrt)
        assert_same(cd.evaluate(chain, w, b, y=0.25, wrt=wrt), right, k)
        assert right.sign == 0 or not same(right * 1.001, right, k), f"8εκ = {8 * EPSILON * k} excuses a thousandth"
        judged += right.sign != 0
        if depth <= 20:
            assert_same(cd.evaluate(chain, w, b, y=0.25, wrt=wrt, engine="mpmath"), right, kappa=0)
    assert judged >= 1


def test_an_identity_chain_that_leaves_float64_is_a_power_of_its_link():
    """a_L = 10^L x, ∂C/∂x = 10^L (a_L - y), at w = 9 and b = 0."""
    chain = cd.Chain(1000, "identity", residual=True)
    ten = float(mp.log(10))
    assert_same(cd.evaluate(chain, 9.0, 0.0, wrt="x"), cd.LogSign(1.0, 2000 * ten + np.log(0.5)), 1e4)


def test_a_link_of_exactly_zero_stops_the_gradient():
    chain = cd.Chain(3, "identity", residual=True)
    g = cd.evaluate(chain, [0.5, -1.0, 0.5], [0.1, 0.2, 0.3])
    assert (g.sign, g.log) == (0.0, -np.inf)


@pytest.mark.parametrize("offset", [0.3, 1e-3, 1e-9])
def test_a_link_near_its_zero_keeps_its_digits(offset):
    """1 - tanh'(z) is tanh(z)², and no digit of it is left of 1 - 1."""
    chain = cd.Chain(2, "tanh", residual=True)
    w, z = np.array([0.7, -1.0]), np.array([0.4, offset])
    with mp.workdps(60):
        a1 = mp.mpf(0.5) + mp.tanh(mp.mpf(0.4))
        a2 = a1 + mp.tanh(mp.mpf(offset))
        right = log_sign((1 - mp.tanh(mp.mpf(0.4)) ** 2) * mp.tanh(mp.mpf(offset)) ** 2 * a2)
    assert_same(cd.evaluate(chain, w, z=z), right, kappa=50)


@pytest.mark.parametrize(("wrt", "small"), [("x", (1e-4, 0.3)), ("b1", (0.3, 1e-4)), ("x", (0.3, 1e-4))])
def test_kappa_counts_what_a_link_loses_that_nearly_cancels(wrt, small):
    """1 + m of m = -tanh'(z) is z² but for z⁴: what rounds m by ε rounds it by 1e8 ε at z = 1e-4."""
    chain = cd.Chain(2, "tanh", residual=True)
    b1 = small[0] + 0.5
    b2 = small[1] + 0.5 + np.tanh(small[0])
    ordinary = cd.condition(chain, -1.0, [0.8, 0.9], wrt=wrt)
    assert ordinary < 1e3
    assert 1e8 < cd.condition(chain, -1.0, [b1, b2], wrt=wrt) < 1e10


@pytest.mark.parametrize("weight", [-1.0, -1.0 + 2.0**-40, -1.001, -0.5, 0.3, 1e-20, -3.0])
def test_one_plus_w_slope_keeps_its_digits_where_it_cancels_and_where_it_is_near_one(weight):
    """Of exact w and log φ', in no engine and beside no referee; what w and log φ' lose of 1 + w φ' is not its own."""
    logs = np.concatenate([-np.geomspace(1e-18, 40.0, 300), np.geomspace(1e-18, 0.4, 100)])
    got = one_plus(np.float64(weight), cd.LogSign(np.ones(400), logs))
    with mp.workdps(60):
        want = [log_sign(1 + mp.mpf(weight) * mp.exp(mp.mpf(float(log)))) for log in logs]
        moved = [float(mp.mpf(weight) * mp.expm1(mp.mpf(float(log)))) for log in logs]
    sign, log = np.array([w.sign for w in want]), np.array([w.log for w in want])
    # (1 + w) + w (φ' - 1): each is rounded once, and where they cancel one another that is what is left
    parts = np.minimum(abs(1 + weight) + np.abs(moved), 1 + np.abs(weight) * np.exp(logs))
    assert (got.sign == sign).all()
    assert (
        np.abs(got.log - log) <= 2.0**-52 * (4 * parts / np.exp(log) * np.where(logs < -0.5, 40, 1) + np.abs(log))
    ).all()
    if weight == 1e-20:
        assert (got.log > 0).all()


def test_a_zero_that_is_only_rounding_is_undefined_on_a_map_and_never_called_exact():
    """At w = -1 the orbit of tanh runs into z = 0, where 1 + w φ' is 0: z_20 is some 10^-10^9, and its link no zero."""
    s = cd.sweep(cd.Chain(20, "tanh", residual=True), w=cd.Axis(-1, 1, 3), b=0.4)
    assert np.isnan(s.sign[0])
    assert np.isnan(s.log_abs[0])
    assert s.regime[0] == Regime.UNDEFINED
    assert s.sign[1] != 0
    assert cd.condition(cd.Chain(20, "tanh", residual=True), -1.0, 0.4) == np.inf


def test_a_sigmoid_chain_no_longer_vanishes_and_can_explode():
    plainly, residual = (cd.evaluate(cd.Chain(100, residual=r), 0.9, 0.1).log10 for r in (False, True))
    assert plainly < -60
    assert abs(residual) < 3
    # at z = 0 each link is 1 + w/4
    pinned = cd.evaluate(cd.Chain(100, residual=True), w=4, z=0, y=1.0)
    before_the_cost = log_sign(mp.mpf(2) ** 99 / 4)
    output = 0.5 + 100 * 0.5
    assert_same(pinned, before_the_cost * (output - 1.0), kappa=1000)


def test_the_map_s_rate_and_quarter_are_those_of_the_residual_links():
    s = cd.sweep(cd.Chain(2, "identity", residual=True), w=cd.Axis(-2, 2, 5), b=0.1)
    assert np.allclose(s.rate[[0, 3, 4]], np.log([1, 2, 3]), rtol=1e-14, atol=0)
    assert s.rate[1] == -np.inf
    assert s.regime.tolist() == [Regime.STABLE, Regime.VANISHING, Regime.STABLE, Regime.EXPLODING, Regime.EXPLODING]
    assert s.below_quarter.tolist() == [False, True, False, False, False]


@pytest.mark.parametrize("depth", [1, 2, 4, slow(24), slow(100)])
@pytest.mark.parametrize("name", costly(KINDS))
def test_every_activation_passes_verification(name, depth):
    found = cd.verify(cd.Chain(depth, name, residual=True), points=8 if depth < 24 else 3)
    assert found.passed
    (step,) = [r for r in found.rows if r.method == "complex step" and r.parameter == "b1"]
    assert step.judged


@pytest.mark.parametrize("name", ["sigmoid", "relu", slow("gelu")])
def test_one_wrong_factor_fails_and_is_named(name):
    chain = cd.Chain(4, name, residual=True)
    for wrt in ("b1", "w2", "x", "w4"):
        d = cd.derive(chain, wrt)
        for k, factor in enumerate(d.factors):
            for planted in (1.001 * factor, -factor, 0):
                found = cd.verify(chain, d.replace(k, planted), points=5)
                assert not found.passed, (wrt, k)
                assert found.worst.factor.startswith(f"factor {k}:"), (wrt, k, found.worst.factor)


def test_a_link_without_its_one_fails():
    chain = cd.Chain(4, residual=True)
    d = cd.derive(chain, "b1")
    assert not cd.verify(chain, d.replace(2, d.factors[2] - 1), points=5).passed


def test_cross_entropy_is_refused_with_the_cure_and_residual_is_a_bool():
    with pytest.raises(CostDomain, match="use quadratic, or layers that are not residual"):
        cd.Chain(4, "sigmoid", "cross_entropy", residual=True)
    with pytest.raises(BadValue, match="give True or False"):
        cd.Chain(4, residual=1)


def test_two_layers_gradients_are_apart_by_the_links_between_them():
    chain, rng = cd.Chain(6, "tanh", residual=True), np.random.default_rng(5)
    w, b = rng.normal(0, 0.5, (2, 6))
    both = cd.compare(chain, "b2", "b5")
    assert [str(f) for f in both.below] == ["tanh'(z_5)"]
    assert len(both.links) == 3
    with mp.workdps(40):
        z, _ = plain.orbit(["tanh"] * 6, w, b, 0.5, residual=True)
        primes = [plain.phi_prime("tanh", v) for v in z]
        ratio = primes[1] / primes[4] * mp.fprod(1 + w[k] * primes[k] for k in (2, 3, 4))
    early, late = (cd.evaluate(chain, w, b, wrt=p) for p in ("b2", "b5"))
    assert_same(early / late, log_sign(ratio), kappa=200)
