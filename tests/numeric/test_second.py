"""Second derivatives: the printed terms, the walk and the referee against differences of the cost alone."""

import math
from itertools import combinations_with_replacement

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.numeric.bend import bend
from chainderiv.numeric.parameters import at_points
from chainderiv.numeric.second import walked
from chainderiv.numeric.sums import Sum
from chainderiv.numeric.terms import TermValues
from tests import plain
from tests.helpers import EPSILON
from tests.kinds import KINDS, costly, slow

STEP, MPMATH, FLOAT = "complex step", "mpmath differences", "float64 differences"
ADMITTED = [(name, "quadratic", residual) for name in KINDS for residual in (False, True)]
ADMITTED += [("sigmoid", "cross_entropy", False)]


def pairs(chain):
    return [(str(p), str(q)) for p, q in combinations_with_replacement(chain.parameters, 2)]


def point(name, depth, seed, spread=1.0):
    """w and b, no z_l within 0.02 of a kink at 0."""
    rng = np.random.default_rng([seed, depth, list(ACTIVATIONS).index(name)])
    z, w, a = rng.normal(0, spread, depth), rng.normal(0, 1.2, depth), 0.5
    z += np.copysign(0.02, z)
    b = np.empty(depth)
    for k in range(depth):
        b[k] = z[k] - w[k] * a
        with mp.workdps(30):
            a = float(plain.PHI[name](mp.mpf(z[k])))
    return w, b


def truth(name, cost, residual, w, b, y, pair, first=240):
    """30 correct digits of it relative to C itself: differences at digits that are doubled until they agree."""
    digits, before = first, None
    while digits <= 8000:
        with mp.workdps(digits):
            now = plain.second_difference([name] * len(w), cost, w, b, 0.5, y, pair, residual)
            if before is not None and abs(now - before) <= mp.mpf(10) ** -30 * abs(now):
                return now
            if before == now == 0:
                return now
        before, digits = now, 2 * digits
    raise AssertionError("no 30 digits agree")


def off(got, want, terms):
    """|got - want| over what is allowed: the design's bound, relative to the sum of the sizes of the terms."""
    log_size = float(terms.log_size)
    if not np.isfinite(log_size):
        return 0.0 if want == 0 and got.sign == 0 else np.inf
    with mp.workdps(60):
        size = mp.exp(log_size)
        apart = abs(mp.sign(got.sign) * mp.exp(mp.mpf(float(got.log))) - want) if got.sign else abs(want)
        allowed = 1e-12 * max(1.0, abs(log_size)) + 8 * EPSILON * float(terms.condition)
        return float(apart / size / allowed)


@pytest.mark.parametrize("depth", [1, 2, slow(3)])
@pytest.mark.parametrize(("name", "cost", "residual"), costly(ADMITTED))
def test_every_pair_of_parameters_agrees_with_differences_of_the_cost(name, cost, residual, depth):
    chain = cd.Chain(depth, name, cost, residual)
    judged = 0
    for seed in range(1, 9):
        if judged:
            break  # a relu at rest has only zeros, and says nothing of a number: then another point is taken
        w, b = point(name, depth, seed)
        for pair in pairs(chain):
            want = truth(name, cost, residual, w, b, 0.3, pair)
            second, parameters = cd.derive(chain, pair), at_points(depth, w, b, None, 0.5, 0.3)
            terms, _ = walked(chain, parameters, *second.wrt)
            assert off(terms.value, want, terms) <= 1, pair
            assert off(TermValues(second, parameters).sum(), want, terms) <= 1, pair
            assert off(cd.evaluate(chain, w, b, y=0.3, wrt=pair, engine="mpmath"), want, terms) <= 1, pair
            if want:
                # the measure sees a millionth, so nothing is excused
                assert off(terms.value * (1 + 1e-6 * np.exp(terms.log_size - terms.value.log)), want, terms) > 1
                judged += 1
    assert judged > 0


@pytest.mark.parametrize("spread", [1.0, 12.0])
@pytest.mark.parametrize("name", costly(KINDS))
def test_deep_and_saturated_chains_agree_with_the_referee(name, spread):
    chain = cd.Chain(40, name)
    w, b = point(name, 40, seed=2, spread=spread)
    for pair in (("b1", "w2"), ("w3", "w3"), ("x", "b40")):
        second = cd.derive(chain, pair)
        terms, _ = walked(chain, at_points(40, w, b, None, 0.5, 0.3), *second.wrt)
        want = cd.evaluate(chain, w, b, y=0.3, wrt=pair, engine="mpmath")
        with mp.workdps(60):
            exact = mp.mpf(float(want.sign)) * mp.exp(mp.mpf(float(want.log))) if want.sign else mp.mpf(0)
        assert off(terms.value, exact, terms) <= 1
        assert 8 * EPSILON * float(terms.condition) < 1e-6


@pytest.mark.parametrize("y", [0.0, 1.0, 0.3])
@pytest.mark.parametrize("end", [-60.0, 60.0, 800.0])
def test_a_saturated_output_under_cross_entropy_keeps_its_digits(end, y):
    chain = cd.Chain(3, "sigmoid", "cross_entropy")
    w, b = np.array([1.0, -1.0, 2.0]), np.array([0.1, 0.2, end])
    for pair in (("b1", "w2"), ("b3", "b3"), ("w1", "w3")):
        terms, _ = walked(chain, at_points(3, w, b, None, 0.5, y), *cd.derive(chain, pair).wrt)
        want = cd.evaluate(chain, w, b, y=y, wrt=pair, engine="mpmath")
        assert want.sign != 0
        k = 1e-12 * max(1, abs(want.log)) + 8 * EPSILON * float(cd.condition(chain, w, b, y=y, wrt=pair))
        assert k < 1e-8
        assert terms.value.sign == want.sign
        assert abs(terms.value.log - want.log) <= k


def test_kappa_counts_that_the_terms_cancel():
    """Of a chain of one layer, ∂²C/∂b² = σ''(σ - y) + σ'², which passes through 0 as y grows."""
    chain = cd.Chain(1)
    with mp.workdps(40):
        s = 1 / (1 + mp.exp(-mp.mpf(1)))
        zero_at = s + s * (1 - s) / (1 - 2 * s)
    near = float(zero_at)
    kappas = [float(cd.condition(chain, 1.0, 0.5, y=y, wrt=("b1", "b1"))) for y in (0.0, near * (1 + 1e-9))]
    assert kappas[0] < 100
    assert kappas[1] > 1e7


@pytest.mark.parametrize("shift", [-2000.0, 0.0, 2000.0])
def test_a_sum_knows_the_size_of_its_terms_and_no_error_of_its_additions_is_beyond_what_it_says(shift):
    """Terms that are exact to begin with: what the sum is off by is all its own."""
    rng, worst = np.random.default_rng(6), 0.0
    for _ in range(60):
        logs, signs = shift + rng.normal(0, 2, 6), rng.choice([-1.0, 1.0], 6)
        logs[5], signs[5] = logs[0] + 1e-9, -signs[0]  # two of them nearly cancel
        first, *others = (Sum.of(cd.LogSign(s, v), 0.0) for s, v in zip(signs, logs, strict=True))
        total = sum(others, first)
        with mp.workdps(60):
            terms = [mp.mpf(s) * mp.exp(mp.mpf(float(v))) for s, v in zip(signs, logs, strict=True)]
            size, want = mp.fsum(map(abs, terms)), mp.fsum(terms)
            got = mp.mpf(float(total.value.sign)) * mp.exp(mp.mpf(float(total.value.log)))
            assert abs(total.log_size - mp.log(size)) <= 8 * EPSILON * max(1.0, abs(shift))
            off = float(abs(got - want) / size / EPSILON)
        assert off <= total.condition <= 12 * (abs(shift) + 12)
        worst = max(worst, off)
    assert worst > 0.01  # there is something to be bounded


def test_a_factor_s_error_is_added_to_a_term_s():
    term = Sum.of(cd.LogSign(-1.0, 3.0), 5.0)
    assert term.condition == pytest.approx(5.0, rel=1e-14)
    grown = term.times(cd.LogSign(-1.0, -40.0), 7.0)
    assert (grown.value.sign, grown.value.log, grown.log_size) == (1.0, -37.0, -37.0)
    assert grown.condition == pytest.approx(12.0, rel=1e-13)
    gone = term.times(cd.LogSign(0.0, -np.inf), 7.0)
    assert (gone.value.sign, gone.log_size, gone.log_error, gone.condition) == (0.0, -np.inf, -np.inf, 0.0)


def test_a_second_derivative_whose_terms_cancel_is_uncertain_on_a_map():
    with mp.workdps(40):
        s = 1 / (1 + mp.exp(-mp.mpf(1)))
        zero_at = float(s + s * (1 - s) / (1 - 2 * s))
    ends = cd.Axis(zero_at + 1e-9, zero_at + 1.0, 2)
    found = cd.sweep(cd.Chain(1), w=1.0, b=0.5, y=ends, wrt=("b1", "b1"), engine="numpy")
    assert found.uncertain.tolist() == [True, False]


def test_the_order_of_the_two_does_not_matter():
    chain = cd.Chain(4, "tanh")
    assert cd.derive(chain, ("w2", "b1")) == cd.derive(chain, ("b1", "w2"))
    assert cd.evaluate(chain, 0.7, 0.1, wrt=("w4", "x")).log == cd.evaluate(chain, 0.7, 0.1, wrt=("x", "w4")).log


@pytest.mark.parametrize("pair", [("b1", "w2"), ("x", "w1"), ("w3", "w3"), ("b2", "b4")])
@pytest.mark.parametrize(("name", "cost", "residual"), costly(ADMITTED))
def test_verify_passes_what_is_derived_and_mpmath_judges_every_point(name, cost, residual, pair):
    chain = cd.Chain(4, name, cost, residual)
    found = cd.verify(chain, cd.derive(chain, pair), points=8)
    assert found.passed
    judged = {row.method: row.judged for row in found.rows}
    assert judged[MPMATH] == 8
    assert judged[STEP] >= 5
    assert {row.parameter for row in found.rows} == {",".join(pair)}


@pytest.mark.parametrize(("name", "cost", "residual"), [
    ("sigmoid", "quadratic", False), slow(("sigmoid", "quadratic", True)), slow(("gelu", "quadratic", False)),
    ("relu", "quadratic", False),
])  # fmt: skip
def test_one_wrong_factor_of_one_term_fails_and_is_named(name, cost, residual):
    chain = cd.Chain(3, name, cost, residual)
    d = cd.derive(chain, ("b1", "w2"))
    dead = {"relu": "PhiSecond"}.get(name, "none")
    judged = 0
    for t, term in enumerate(d.terms):
        if any(type(f).__name__ == dead for f in term.factors):
            continue  # φ'' of relu is 0: what stands beside it in its term changes nothing
        for k, factor in enumerate(term.factors):
            for planted in (1.001 * factor, -factor, 0):
                found = cd.verify(chain, d.replace(t, k, planted), points=6, methods=(MPMATH,))
                assert not found.passed, (t, k)
                assert found.worst.factor.startswith(f"term {t}, factor {k}:"), (t, k, found.worst.factor)
                judged += 1
    assert judged >= 3 * len(d.terms[0].factors)


def test_a_curvature_that_relu_does_not_have_fails():
    chain = cd.Chain(3, "relu")
    d = cd.derive(chain, ("b1", "w2"))
    assert not cd.verify(chain, d.replace(1, 2, 1), points=6).passed


def test_each_judge_alone_fails_a_missing_term():
    chain = cd.Chain(3, "softplus")
    d = cd.derive(chain, ("b1", "w2"))
    for method in (STEP, MPMATH, FLOAT):
        assert cd.verify(chain, d, points=20, methods=(method,)).passed
        found = cd.verify(chain, d.replace(0, 0, 0), points=20, methods=(method,))
        assert not found.passed
        assert found.rows[0].judged > 0


def test_a_map_of_a_second_derivative_is_evaluate_point_by_point():
    chain = cd.Chain(5)
    s = cd.sweep(chain, wrt=("b1", "b2"), w=cd.Axis(-2, 2, 5), b=cd.Axis(-1, 1, 3))
    assert s.wrt == "b1,b2"
    for i, w in enumerate(s.axes["w"].values):
        for j, b in enumerate(s.axes["b"].values):
            one = cd.evaluate(chain, float(w), float(b), wrt=("b1", "b2"))
            assert (s.sign[i, j], s.log_abs[i, j]) == (one.sign, one.log)


def test_a_formula_without_stable_forms_is_never_wrong_in_silence():
    import sympy

    from chainderiv.symbols import z

    own = cd.Activation("tanh2", sympy.tanh(2 * z))
    chain = cd.Chain(2, own)
    w, b = np.array([1.0, 0.3]), np.array([8.5, 0.2])
    got = cd.evaluate(chain, w, b, wrt=("b1", "b2"))
    want = cd.evaluate(chain, w, b, wrt=("b1", "b2"), engine="mpmath")
    assert got.sign == want.sign != 0
    assert got.log == pytest.approx(want.log, rel=1e-9)


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "softplus"])
@pytest.mark.parametrize("w", [1e153, 1e155, slow(1e160), slow(1e200), 1.7e308])
def test_a_neuron_that_is_z_itself_far_out_has_the_second_derivatives_of_a_straight_line(name, w):
    """There a_2 = w_2 (w_1 x + b_1) + b_2, to all digits, and C = (a_2 - y)²/2; its φ'' is e^-z of something, or less.

    z² exp(-z²/2) is ∞ · 0 from 10^154 on, and more than 64 points are nobody else's to mend.
    """
    chain, x, w2 = cd.Chain(2, name), 0.5, 0.25
    weights = np.full((100, 2), [w, w2])
    large = math.log(2 * w2 * x) + math.log(w)  # of w_2 a_1 + a_2 - y, beside which b_2 and y are nothing
    by_hand = {("b1", "b1"): 2 * math.log(w2), ("w1", "w1"): 2 * math.log(w2 * x), ("b1", "w1"): math.log(w2**2 * x),
               ("b1", "w2"): large}  # fmt: skip
    for wrt, log in by_hand.items():
        got = cd.evaluate(chain, weights, 0.1, x=x, wrt=wrt)
        assert (got.sign == 1).all(), wrt
        assert np.abs(got.log - log).max() <= 1e-12 * max(1.0, abs(log)), wrt


@pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
def test_no_second_derivative_of_a_neuron_is_lost_to_a_product_that_left_float64(name):
    form = bend(ACTIVATIONS[name])
    z = np.array([1e153, 1.3e154, 1.4e154, 1e155, 1e200, 1e307, 1.7e308])
    for side in (-1, 1):
        assert not np.isnan(form.value(side * z)).any()
        assert not np.isnan(form.slope(side * z)).any()
        assert not np.isnan(form.rounding(side * z)).any()
    assert (form.value(z) == 0).all()  # φ'' is under e^-z of it, and φ' is 1
    far = -z if name != "gelu" else np.array([-1e160, -1e200, -1.7e308])
    # log|φ'| goes as z on the left, and gelu's as -z²/2
    want = np.ones_like(far) if name != "gelu" else -far
    assert np.abs(form.value(far) / want - 1).max() < 1e-13
