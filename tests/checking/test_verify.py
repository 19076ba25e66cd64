"""verify passes what is right and fails what is planted, at every depth, with every judge."""

import json
from functools import lru_cache

import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.checking import judges
from chainderiv.checking.verify import METHODS
from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue
from chainderiv.functions.catalogue import ACTIVATIONS
from tests.helpers import bound

ADMITTED = [(name, "quadratic") for name in ACTIVATIONS] + [("sigmoid", "cross_entropy")]
STEP, MPMATH, FLOAT = METHODS


def chain_of(name, cost, depth):
    return cd.Chain(depth, name, cost)


@pytest.mark.parametrize("depth", [1, 2, 4, 24, 100])
@pytest.mark.parametrize(("name", "cost"), ADMITTED)
def test_every_activation_with_every_cost_it_admits_passes(name, cost, depth):
    chain = chain_of(name, cost, depth)
    found = cd.verify(chain, points=10 if depth < 24 else 5)
    assert found.passed
    assert {r.parameter for r in found.rows} >= ({str(p) for p in chain.parameters} if depth <= 24 else {"b1", "x"})
    assert all(r.judged for r in found.rows if r.method == STEP and r.parameter == "b1")


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n != "sigmoid"])
def test_a_chain_that_ends_in_a_sigmoid_passes_with_cross_entropy(name):
    assert cd.verify(cd.Chain(4, [name] * 3 + ["sigmoid"], "cross_entropy"), points=10).passed


def plant(derivation, k, kind):
    factor = derivation.factors[k]
    return derivation.replace(k, {"scaled": 1.001 * factor, "zero": 0, "flipped": -factor}[kind])


KINDS = ["scaled", "zero", "flipped"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "cost"), ADMITTED)
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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_one_wrong_factor_of_fifty_layers_fails_and_is_named(name, kind):
    chain = chain_of(name, "quadratic", 50)
    d = cd.derive(chain, "b1")
    for k in (0, 1, 47, 98, 99):
        found = cd.verify(chain, plant(d, k, kind), points=3, methods=(STEP,))
        assert not found.passed
        assert found.worst.factor.startswith(f"factor {k}:"), (k, found.worst.factor)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_one_wrong_factor_of_a_thousand_layers_fails_and_is_named(name, kind):
    chain = chain_of(name, "quadratic", 1000)
    d, k = cd.derive(chain, "b1"), {"scaled": 3, "zero": 1000, "flipped": 1998}[kind]
    found = cd.verify(chain, plant(d, k, kind), points=3, methods=(STEP,))
    assert not found.passed
    assert found.worst.factor.startswith(f"factor {k}:")


@pytest.mark.parametrize("name", ACTIVATIONS)
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
    for kind in KINDS:
        found = cd.verify(chain, plant(d, 1, kind), points=40, methods=(method,))
        assert not found.passed
        assert found.rows[0].judged > 0


def test_a_run_in_which_no_point_can_be_judged_fails():
    chain = cd.Chain(100)
    found = cd.verify(chain, cd.derive(chain, "b1"), points=5, methods=(FLOAT,))
    assert found.judged == 0
    assert not found.passed
    assert found.worst is None


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
    assert all(r.log10_smallest >= -2 for r in rows if r.method == FLOAT and r.judged)


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
        json.dumps(found.to_dict(), allow_nan=False)


def test_progress_is_told_of_every_parameter():
    told = []
    cd.verify(cd.Chain(2), points=2, progress=lambda done, of: told.append((done, of)))
    assert told == [(k, 5) for k in range(1, 6)]


def test_a_derivation_of_another_chain_is_refused():
    with pytest.raises(BadValue, match="derive it from that chain"):
        cd.verify(cd.Chain(3), cd.derive(cd.Chain(4), "b1"))


CANCELLING = ["z/sqrt(z**2+1e-5)", "z/sqrt(1+10000*z**2)", "z/(1e-5+Abs(z))"]


@pytest.mark.parametrize("text", CANCELLING)
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


FORMULAS = [*CANCELLING, "sin(z)/(2+cos(z))", "exp(-z**2/2)*(2*z**2-1)", "z*atan(z)/(1+z**2)", "(1+z**2)**1.7", "cbrt(z)",
            "1/(1+exp(-z))-1/(1+exp(-z-1e-3))", "sin(30*z)*exp(-Abs(z))", "1+1e-7*tanh(z)", "erf(z)*sinc(z)"]  # fmt: skip


@pytest.mark.parametrize("given", [*ACTIVATIONS, *FORMULAS])
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


def test_an_error_is_noticed_from_what_the_result_states_on_and_none_much_below():
    for name, depth, wrt in (
        ("tanh", 3, "b1"),
        ("sigmoid", 300, "w7"),
        (CANCELLING[0], 2, "b1"),
        ("gelu", 2, ("b1", "w2")),
    ):
        f = name if name in ACTIVATIONS else cd.Activation.from_formula("mine", name)
        chain = cd.Chain(depth, f)
        d = cd.derive(chain, wrt)
        least = cd.verify(chain, d, points=10).smallest_noticed
        assert 1e-12 < least < 1e-9
        for size, passes in ((1.02 * least, False), (0.5 * least, True), (1e-7, False)):
            for off in (1 + size, 1 - size):
                found = cd.verify(chain, scaled(d, off), points=10)
                assert found.passed is passes, (name, size)


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
