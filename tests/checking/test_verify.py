"""verify passes what is right and fails what is planted, at every depth, with every judge."""

import json
from functools import lru_cache, partial

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.checking import judges, second_judges
from chainderiv.checking.verify import METHODS
from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.numeric.parameters import Layered, Parameters
from tests import plain
from tests.helpers import bound
from tests.kinds import KINDS, costly, slow

ADMITTED = [(name, "quadratic") for name in KINDS] + [("sigmoid", "cross_entropy")]
STEP, MPMATH, FLOAT = METHODS


def chain_of(name, cost, depth):
    return cd.Chain(depth, name, cost)


@pytest.mark.parametrize("depth", [1, 2, 4, slow(24), slow(100)])
@pytest.mark.parametrize(("name", "cost"), costly(ADMITTED))
def test_every_activation_with_every_cost_it_admits_passes(name, cost, depth):
    chain = chain_of(name, cost, depth)
    found = cd.verify(chain, points=10 if depth < 24 else 5)
    assert found.passed
    assert {r.parameter for r in found.rows} >= ({str(p) for p in chain.parameters} if depth <= 24 else {"b1", "x"})
    (step,) = [r for r in found.rows if r.method == STEP and r.parameter == "b1"]
    assert step.judged


@pytest.mark.parametrize("name", costly(n for n in KINDS if n != "sigmoid"))
def test_a_chain_that_ends_in_a_sigmoid_passes_with_cross_entropy(name):
    assert cd.verify(cd.Chain(4, [name] * 3 + ["sigmoid"], "cross_entropy"), points=10).passed


def plant(derivation, k, kind):
    factor = derivation.factors[k]
    return derivation.replace(k, {"scaled": 1.001 * factor, "zero": 0, "flipped": -factor}[kind])


ERRORS = ["scaled", "zero", "flipped"]


@pytest.mark.parametrize("kind", costly(ERRORS, quick=ERRORS[:1]))
@pytest.mark.parametrize(
    ("name", "cost"), costly(ADMITTED, quick=[("relu", "quadratic"), ("sigmoid", "cross_entropy")])
)
def test_one_wrong_factor_of_four_layers_fails_and_is_named(name, cost, kind):
    chain = chain_of(name, cost, 4)
    for wrt in ("b1", "w2", "x"):
        d = cd.derive(chain, wrt)
        for k in range(len(d.factors)):
            found = cd.verify(chain, plant(d, k, kind), points=5)
            assert not found.passed, (wrt, k)
            assert found.worst is not None
            assert found.worst.parameter == wrt
            assert found.worst.factor is not None
            assert found.worst.factor.startswith(f"factor {k}:"), (wrt, k, found.worst.factor)


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("name", costly(KINDS, quick=["sigmoid"]))
def test_one_wrong_factor_of_fifty_layers_fails_and_is_named(name, kind):
    chain = chain_of(name, "quadratic", 50)
    d = cd.derive(chain, "b1")
    for k in (0, 1, 47, 98, 99):
        found = cd.verify(chain, plant(d, k, kind), points=3, methods=(STEP,))
        assert not found.passed
        assert found.worst.factor.startswith(f"factor {k}:"), (k, found.worst.factor)


@pytest.mark.parametrize("kind", costly(ERRORS, quick=ERRORS[:1]))
@pytest.mark.parametrize("name", costly(KINDS, quick=["sigmoid"]))
def test_one_wrong_factor_of_a_thousand_layers_fails_and_is_named(name, kind):
    chain = chain_of(name, "quadratic", 1000)
    d, k = cd.derive(chain, "b1"), {"scaled": 3, "zero": 1000, "flipped": 1998}[kind]
    found = cd.verify(chain, plant(d, k, kind), points=3, methods=(STEP,))
    assert not found.passed
    assert found.worst.factor.startswith(f"factor {k}:")


@pytest.mark.parametrize("name", costly(KINDS, quick=["sigmoid"]))
def test_a_thousand_layers_derived_rightly_pass(name):
    chain = chain_of(name, "quadratic", 1000)
    found = cd.verify(chain, cd.derive(chain, "b1"), points=3, methods=(STEP,))
    assert found.passed
    assert found.judged == 3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["sigmoid", "relu", "gelu", "leaky_relu", "identity"])
def test_each_judge_alone_passes_the_right_and_fails_the_wrong(name, method):
    chain = cd.Chain(3, name)
    d = cd.derive(chain, "b2")
    assert cd.verify(chain, d, points=40, methods=(method,)).passed
    for kind in ERRORS:
        found = cd.verify(chain, plant(d, 1, kind), points=40, methods=(method,))
        assert not found.passed
        assert found.rows[0].judged > 0


@pytest.mark.parametrize(("method", "off"), [(STEP, 1e-9), (MPMATH, 1e-9), (FLOAT, 1e-6)])
@pytest.mark.parametrize("name", ["sigmoid", "softplus", "identity"])
def test_each_judge_sees_an_error_that_is_small_beside_a_thousandth(name, method, off):
    """The bound is 1e-12 and 8 ε κ, κ some hundreds; differences in float64 are allowed 1e-8."""
    chain = cd.Chain(3, name)
    d = cd.derive(chain, "b2")
    for factor in (1 + off, 1 - off):
        found = cd.verify(chain, d.replace(1, factor * d.factors[1]), points=40, methods=(method,))
        assert not found.passed
        assert found.rows[0].worst_error == pytest.approx(off, rel=0.02)


@pytest.mark.parametrize(("method", "off"), [(STEP, 1e-5), (MPMATH, 1e-9), (FLOAT, 1e-5)])
@pytest.mark.parametrize("pair", [("b1", "w2"), ("b2", "b2")])
def test_each_judge_of_a_second_derivative_sees_an_error_that_is_small_beside_a_thousandth(pair, method, off):
    """Relative to the sum of the sizes of the terms, of which the one that is off is a part."""
    chain = cd.Chain(3, "softplus")
    d = cd.derive(chain, pair)
    assert cd.verify(chain, d, points=20, methods=(method,)).passed
    for t in range(len(d.surviving)):
        found = cd.verify(chain, d.replace(t, 0, (1 + off) * d.terms[t].factors[0]), points=20, methods=(method,))
        assert not found.passed, t
        assert found.rows[0].judged > 0
        assert 0.01 * off < found.rows[0].worst_error < 1.01 * off


class Off(cd.Network):
    """A network with one array of gradients that is off by a share of itself."""

    part, layer, share = 0, 0, 0.0

    def gradients(self, images, labels):
        found = super().gradients(images, labels)
        found[self.part][self.layer] = found[self.part][self.layer] * (1 + self.share)
        return found


@pytest.mark.parametrize(("method", "share"), [(STEP, 1e-8), (MPMATH, 1e-8), (FLOAT, 1e-4)])
@pytest.mark.parametrize("part", [0, 1], ids=["weights", "biases"])
def test_each_judge_of_a_network_sees_an_error_that_is_small_beside_a_thousandth(part, method, share):
    rng = np.random.default_rng(2)
    images, labels = rng.random((2, 4)), np.array([0, 1])
    net = Off([4, 3, 3, 2], "tanh", rng=3)
    assert cd.verify(net, images=images, labels=labels, methods=(method,)).passed
    for layer in range(3):
        net.part, net.layer, net.share = part, layer, share
        found = cd.verify(net, images=images, labels=labels, methods=(method,))
        assert not found.passed
        assert found.worst.parameter == f"{['weights', 'biases'][part]}[{layer}]"
        assert found.worst.factor == f"layer {layer + 1}"
        net.share = 0.0


@pytest.mark.parametrize("chain", [cd.Chain(30, "relu"), cd.Chain(30, "selu"), cd.Chain(30, residual=True)], ids=repr)
def test_the_points_that_are_drawn_have_slopes_and_links_of_ordinary_size(chain):
    """|w_l| in [1/4, 5/4] over max(1, |φ'|), z_l a hundredth from every kink, φ'(z_l) no 0."""
    at = judges_points(chain, np.random.default_rng(8))
    name, a = chain.activations[0].name, at.x
    for k in range(30):
        w, b = at.w.values[:, k], at.inner.values[:, k]
        zs = w * a + b
        primes = np.array([abs(float(plain.phi_prime(name, mp.mpf(float(v))))) for v in zs])
        sizes = np.abs(w) * np.maximum(1, primes)
        assert ((sizes > 0.2499) & (sizes < 1.2501)).all()
        assert (primes > 0).all()
        assert chain.activations[0].name == "sigmoid" or (np.abs(zs) > 0.0099).all()
        a = np.array([float(plain.PHI[name](mp.mpf(float(v)))) for v in zs]) + (a if chain.residual else 0)


def test_a_judge_that_cannot_see_says_so():
    """Beside a kink, at an output on its target, and where a complex step's imaginary part is gone."""

    def step(chain, w, b, x, y):
        at = Parameters(Layered(np.array([w]), True), Layered(np.array([b]), True), np.array([x]), np.array([y]))
        return judges.complex_step(chain, at, chain.parameter("b1")), judges.float_differences(
            chain, at, chain.parameter("b1")
        )

    two, kinked = cd.Chain(2, "tanh"), cd.Chain(2, "leaky_relu")
    ordinary = step(two, [0.7, 0.9], [0.1, 0.2], 0.5, -0.9)
    assert [bool(found.could[0]) for found in ordinary] == [True, True]
    on_target = float(np.tanh(0.9 * np.tanh(0.45) + 0.2))
    assert not step(two, [0.7, 0.9], [0.1, 0.2], 0.5, on_target * (1 + 1e-3))[0].could[0]
    assert not step(two, [0.7, 0.9], [400.0, 0.2], 0.5, -0.9)[0].could[0]
    for gap in (0.004, -0.004):  # of z_2 from 0, for differences of z_1 by 0.02
        beside = step(kinked, [0.7, 0.9], [0.1, gap - 0.9 * 0.45], 0.5, -0.9)
        assert [bool(found.could[0]) for found in beside] == [False, False]
    # its steps of 0.02 move z_2 by 0.018: over the kink, to a hundredth of it, and not so near
    for gap, clear in ((0.012, False), (0.023, False), (0.04, True)):
        assert step(kinked, [0.7, 0.9], [0.1, gap - 0.9 * 0.45], 0.5, -0.9)[1].could[0] == clear


def test_a_run_in_which_no_point_can_be_judged_fails():
    chain = cd.Chain(100)
    found = cd.verify(chain, cd.derive(chain, "b1"), points=5, methods=(FLOAT,))
    assert found.judged == 0
    assert not found.passed
    assert found.worst is None


def test_points_at_which_rounding_may_move_anything_are_not_judged(monkeypatch):
    """A sigmoid at z = 0 and w = 100 amplifies by 25 a layer: of 12 layers 8 ε κ is above 1e-4, of 3 it is not."""
    for depth, judged in ((3, 2), (12, 0)):
        at = Parameters(*(Layered(np.full((2, depth), v), stacked=True) for v in (100.0, -50.0)), np.full(2, 0.5),
                        np.array([0.0, 0.2]))  # fmt: skip
        monkeypatch.setattr("chainderiv.checking.verify.draw_points", lambda *_, at=at: at)
        chain = cd.Chain(depth)
        found = cd.verify(chain, cd.derive(chain, "b1"), points=2, methods=(STEP, MPMATH))
        assert (found.judged, found.passed) == (judged, judged > 0)


def test_a_run_without_any_method_is_refused():
    with pytest.raises(cd.errors.BadValue, match="methods is empty"):
        cd.verify(cd.Chain(2), points=5, methods=())


def test_one_parameter_without_a_judged_point_fails_the_whole():
    found = cd.verify(cd.Chain(12), points=5, methods=(FLOAT,))
    judged = {r.parameter for r in found.rows if r.judged}
    assert judged
    assert judged < {r.parameter for r in found.rows}
    assert not found.passed


def test_the_float_judge_does_not_judge_what_has_vanished():
    chain = cd.Chain(24)
    rows = cd.verify(chain, points=5).rows
    small = [r for r in rows if r.method == FLOAT and r.parameter == "b1"]
    assert [r.judged for r in small] == [0]
    ordinary = [r for r in rows if r.method == FLOAT and r.judged]
    assert ordinary
    assert all(r.log10_smallest >= -2 for r in ordinary)


def test_the_mpmath_judge_does_not_settle_on_a_coincidence():
    """Where ∂C/∂b_1 is far below 10^-60, 60 digits show no change of C at all, or a few units of its last place."""
    for depth, seed in ((50, 1), (50, 2), (50, 3), (100, 4), (100, 5)):
        chain, rng = cd.Chain(depth), np.random.default_rng(seed)
        at = judges_points(chain, rng)
        found = judges.central_differences(chain, at, chain.parameter("b1"), range(4))
        assert found.could.all()
        want = cd.evaluate(chain, at.w.values, at.inner.values, x=at.x, y=at.y, engine="mpmath")
        assert (found.sign == want.sign).all()
        # h and h/10 agree to 1e-13
        assert (np.abs(found.log - want.log) <= bound(want.log, 0) + 1e-12).all()


class Steps:
    """A cost of 1 that moves by so many units of its last place when a parameter does, whichever and however far."""

    def __init__(self, units):
        self.units = units

    def moved(self, by):
        return 1 + self.units * mp.eps * mp.sign(mp.fprod(by.values()))


@pytest.mark.parametrize(("units", "told"), [(0, False), (3, False), (1e12, False), (1e15, False), (1e17, True)])
def test_a_difference_in_the_last_16_digits_of_the_cost_tells_nothing(units, told):
    b1, w2 = (cd.Chain(2).parameter(name) for name in ("b1", "w2"))
    with mp.workdps(60):
        h = mp.mpf(10) ** -15
        first = judges._difference(Steps(units), b1, h)
        second = second_judges._difference(Steps(units), (b1, w2), mp.log((units or 1) * mp.eps / (h * h)), h)
        assert [first is not None, second is not None] == [told, told]
        if told:
            assert abs(first * h / (units * mp.eps) - 1) < 1e-15
            assert abs(second * h * h / (units * mp.eps) - 1) < 1e-15


class Bent:
    """C = 1 + t + 1e31 t³ of a chain of one layer: at t = 1e-20 a difference quotient is off by 1e-9."""

    chain = cd.Chain(1)

    @staticmethod
    def moved(by):
        (t,) = by.values()
        return 1 + t + mp.mpf(10) ** 31 * t**3


def test_differences_settle_where_a_tenth_of_the_step_changes_nothing_of_13_digits():
    found = judges.settled(partial(judges._difference, Bent, Bent.chain.parameter("b1")), 4000)
    assert abs(found - 1) < 1e-13


def test_float_differences_of_a_cost_that_is_rounded_by_more_than_they_hold_judge_nothing():
    """C = 5e7 rounds by 1e-8, and ∂C/∂b_1 = 1: that differences agree by chance at some of 4000 points is no verdict."""
    rng, ones = np.random.default_rng(3), np.ones(4000)
    b = np.stack([rng.uniform(-1, 1, 4000), rng.uniform(-1, 1, 4000)], axis=1)
    for miss, could in ((1e4, False), (1.0, True)):
        w = np.stack([ones, ones / miss], axis=1)
        x = rng.uniform(-1, 1, 4000)
        at = Parameters(Layered(w, True), Layered(b, True), x, (x + b[:, 0]) / miss + b[:, 1] - miss)
        chain = cd.Chain(2, "identity")
        found = judges.float_differences(chain, at, chain.parameter("b1")).could
        assert found.all() if could else not found.any()


def judges_points(chain, rng, count=4):
    from chainderiv.checking.points import draw_points

    return draw_points(chain, count, rng)


@lru_cache(maxsize=4)
def report():
    return cd.verify(cd.Chain(3), points=7)


def test_the_report_counts_what_was_judged_and_by_whom():
    found = report()
    assert {r.method for r in found.rows} == set(METHODS)
    assert all(r.points == 7 and 0 <= r.judged <= 7 for r in found.rows)
    for row in found.rows:
        assert row.judged == found.could_judge[row.parameter, row.method].sum()
    assert found.judged == 7 * 7
    assert found.worst is not None
    assert found.worst.factor is not None
    assert found.to_dict()["passed"] is True
    assert len(found.to_dict()["rows"]) == len(found.rows)


def test_the_same_seed_gives_the_same_verdict_and_a_generator_serves_too():
    again = cd.verify(cd.Chain(3), points=7)
    # repr: a row that judged nothing holds NaN
    assert repr(again.rows) == repr(report().rows)
    assert repr(cd.verify(cd.Chain(3), points=7, rng=np.random.default_rng(0)).rows) == repr(report().rows)
    assert repr(cd.verify(cd.Chain(3), points=7, rng=1).rows) != repr(report().rows)


def test_the_report_is_valid_json_whatever_it_says():
    deep, chain = cd.Chain(24), cd.Chain(3)
    d = cd.derive(chain, "b1")
    for found in (
        report(),
        cd.verify(deep, cd.derive(deep, "b1"), points=3),
        cd.verify(chain, d.replace(0, 0), points=3),
    ):
        # NaN and Infinity are Python's own words: no JSON reader need know them
        said = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert (said["passed"], said["judged"], len(said["rows"])) == (found.passed, found.judged, len(found.rows))
        unjudged = [row for row in said["rows"] if not row["judged"]]
        assert all(row["log10_smallest"] is row["log10_largest"] is None for row in unjudged)
        assert len(unjudged) == sum(not row.judged for row in found.rows)
    assert said["passed"] is False


def test_progress_is_told_of_every_parameter():
    told = []
    cd.verify(cd.Chain(2), points=2, progress=lambda done, of: told.append((done, of)))
    assert told == [(k, 5) for k in range(1, 6)]


def test_a_derivation_of_another_chain_is_refused():
    with pytest.raises(BadValue, match="derive it from that chain"):
        cd.verify(cd.Chain(3), cd.derive(cd.Chain(4), "b1"))


CANCELLING = ["z/sqrt(z**2+1e-5)", "z/sqrt(1+10000*z**2)", "z/(1e-5+Abs(z))"]


@pytest.mark.parametrize("text", costly(CANCELLING, quick=CANCELLING[:1]))
def test_a_formula_whose_slope_cancels_in_the_complex_step_passes_and_an_error_of_1e_7_in_it_does_not(text):
    chain = cd.Chain(3, cd.Activation.from_formula("mine", text))
    assert cd.verify(chain, points=20).passed
    for wrt, method in (("b1", STEP), ("w2", MPMATH), ("b3", STEP)):
        d = cd.derive(chain, wrt)
        assert cd.verify(chain, d, points=20, methods=(method,)).passed
        for off in (1 + 1e-7, 1 - 1e-7):
            assert not cd.verify(chain, d.replace(0, off * d.factors[0]), points=20, methods=(method,)).passed
    second = cd.derive(chain, ("b1", "w2"))
    assert cd.verify(chain, second, points=20).passed


@pytest.mark.parametrize(
    "text", [*map(slow, ("cosh(z+700)/exp(700)", "sinh(z+650)/exp(640)")), "exp(z-700)*exp(690)+z"]
)
def test_an_imaginary_part_that_underflows_within_a_formula_is_no_error_of_the_gradient(text):
    assert cd.verify(cd.Chain(3, cd.Activation.from_formula("mine", text)), points=20).passed


@pytest.mark.parametrize("frequency", [12345, slow(10**4), slow(300)])
@pytest.mark.parametrize("points", [5, slow(40)])
def test_steps_that_lie_whole_periods_apart_are_no_error_of_the_gradient(frequency, points):
    """12345 a_1 · 0.02 is within 0.4 of 64 π at the first of five points, and half of it within 0.2 of 32 π."""
    chain = cd.Chain(3, cd.Activation.from_formula("mine", f"cos({frequency}*z)+z"))
    assert cd.verify(chain, points=points).passed


FORMULAS = [*CANCELLING, "cosh(z+700)/exp(700)", "sin(z)/(2+cos(z))", "exp(-z**2/2)*(2*z**2-1)", "z*atan(z)/(1+z**2)", "(1+z**2)**1.7", "cbrt(z)",
            "1/(1+exp(-z))-1/(1+exp(-z-1e-3))", "sin(30*z)*exp(-Abs(z))", "1+1e-7*tanh(z)", "erf(z)*sinc(z)"]  # fmt: skip


@pytest.mark.parametrize("given", costly([*KINDS, *FORMULAS], quick=["sigmoid", "gelu", *FORMULAS[:3]]))
def test_what_the_complex_step_says_it_may_lose_covers_what_it_loses(given):
    import mpmath

    from chainderiv.functions.precise import precise

    f = ACTIVATIONS.get(given) or cd.Activation("mine", cd.parse_formula(given))
    chain, rng = cd.Chain(1, f), np.random.default_rng(1)
    at = judges_points(chain, rng, 200)
    got = judges.complex_step(chain, at, chain.parameter("b1"))
    assert got.could.sum() > 100
    z = at.w[1] * at.x + at.inner[1]
    with mpmath.workdps(60):
        slope, value = (precise(e, cd.z) for e in (f.derivative, f.formula))
        want = [
            mpmath.log(abs(slope(mpmath.mpf(p)) * (value(mpmath.mpf(p)) - t))) for p, t in zip(z, at.y, strict=True)
        ]
    off = np.array([float(abs(g - v)) for g, v in zip(got.log, want, strict=True)])
    # beside it the logarithm's own digits and a digit of a_L - y, and of what φ itself cancels
    room = 1e-14 + (0 if f.value_rounding is None else 1e-14 * float(np.max(array_functions(f).value_rounding(z))))
    assert (off <= got.off + room)[got.could].all()


@pytest.mark.parametrize(
    ("name", "depth", "wrt"),
    [("tanh", 3, "b1"), slow(("sigmoid", 300, "w7")), (CANCELLING[0], 2, "b1"), ("gelu", 2, ("b1", "w2"))],
)
def test_an_error_is_noticed_from_what_the_result_states_on_and_none_much_below(name, depth, wrt):
    f = name if name in ACTIVATIONS else cd.Activation.from_formula("mine", name)
    chain = cd.Chain(depth, f)
    d = cd.derive(chain, wrt)
    least = cd.verify(chain, d, points=10).smallest_noticed
    assert 1e-12 < least < 1e-9
    for size, passes in ((1.02 * least, False), (0.5 * least, True), (1e-7, False)):
        for off in (1 + size, 1 - size):
            assert cd.verify(chain, scaled(d, off), points=10).passed is passes, size


def scaled(d, by):
    if isinstance(d, cd.Derivation):
        return d.replace(0, sympy.Float(by, 30) * d.factors[0])
    for k, term in enumerate(d.terms):
        d = d.replace(k, 0, sympy.Float(by, 30) * term.factors[0])
    return d


def test_the_smallest_error_noticed_is_that_of_the_parameter_watched_least():
    found = report()
    least = {p: min(r.noticed for r in found.rows if r.parameter == p) for p in {r.parameter for r in found.rows}}
    assert found.smallest_noticed == max(least.values())
    assert found.to_dict()["smallest_noticed"] == found.smallest_noticed
    nothing = cd.verify(cd.Chain(100), cd.derive(cd.Chain(100), "b1"), points=5, methods=(FLOAT,))
    assert nothing.smallest_noticed == np.inf


@pytest.mark.parametrize(
    ("text", "depth", "wrt"),
    [("exp(exp(z))", 6, "b1"), ("exp(exp(z))", 3, ("b1", "w2")), slow(("sinh(sinh(z))", 4, "b1"))],
)
def test_a_cost_beyond_what_mpmath_may_work_with_is_not_judged(text, depth, wrt):
    chain = cd.Chain(depth, cd.Activation.from_formula("mine", text))
    found = cd.verify(chain, cd.derive(chain, wrt), points=10)
    assert found.rows
    assert all(row.passed is not False for row in found.rows)
