"""Stable forms found from a formula alone: right, better than the plain ones, and nothing where nothing is to be won."""

from functools import lru_cache

import mpmath as mp
import numpy as np
import pytest
import sympy
from flint import arb
from sympy import Abs, Max, Piecewise, Rational, cos, cosh, erf, exp, log, pi, sign, sin, sqrt, tanh
from sympy.codegen.cfunctions import expm1, log1p

import chainderiv as cd
from chainderiv.compiling.arrays import array_functions, compiled
from chainderiv.functions import stabilise
from chainderiv.functions.activation import Activation
from chainderiv.functions.enclosing import ball
from chainderiv.functions.intervals import working_bits
from chainderiv.functions.lookup import neuron
from chainderiv.functions.precise import precise
from chainderiv.functions.rewriting.digits import Digits, digits_that_hold
from chainderiv.functions.rewriting.ieee import Floats
from chainderiv.functions.rewriting.maclaurin import maclaurin
from chainderiv.functions.rewriting.tails import as_quotient
from chainderiv.functions.rounding import rounding
from chainderiv.functions.stabilise import stable_forms
from chainderiv.functions.stable import Stable
from chainderiv.symbols import normal_cdf, z
from tests.formulas import FORMULAS, digits, truth
from tests.functions.spread import SPREAD
from tests.functions.test_accuracy import agree
from tests.helpers import assert_same
from tests.kinds import costly, slow

HELD = 12
QUANTITIES = ("value", "derivative", "log")
# of exponentials, of a logarithm, algebraic, of erf, of what cancels, of nested functions
OF_EACH_KIND = (
    "swish with a rate of 3/2", "log cosh", "inverse square root", "normal distribution", "tanhshrink", "gudermannian",
)  # fmt: skip
LOSING = [(name, quantity) for name, case in FORMULAS.items() for quantity in case.loses]


def found(name):
    return Activation(name, FORMULAS[name].formula, stable=stable_forms(FORMULAS[name].formula) or Stable())


@lru_cache(maxsize=64)
def truths(name):
    with mp.workdps(80):
        return [truth(FORMULAS[name], p) for p in SPREAD]


def worst_digits(name, functions):
    """The fewest digits of φ, φ' and log|φ'| on the spread; terms of φ' that cancel each other count at their size."""
    rows, worst = truths(name), {}
    with mp.workdps(80), np.errstate(all="ignore"):
        for k, (quantity, function) in enumerate(zip(QUANTITIES, functions, strict=True)):
            scales = {
                "value": lambda row: abs(row[0]),
                "derivative": lambda row: abs(row[1]) * row[3],
                "log": lambda row: max(1, abs(row[2]), row[3]),
            }
            got = function(SPREAD)
            worst[quantity] = min(digits(g, row[k], scales[quantity](row)) for g, row in zip(got, rows, strict=True))
    return worst


def in_use(f):
    made = array_functions(f)
    return made.value, made.derivative, made.log_abs_derivative


def as_stated(f):
    return compiled(f.branched), compiled(f.derivative), compiled(sympy.log(sympy.Abs(f.derivative)))


@pytest.mark.parametrize("name", costly(FORMULAS, quick=OF_EACH_KIND))
def test_with_what_is_found_twelve_digits_hold_on_the_whole_spread(name):
    f = found(name)
    worst = worst_digits(name, in_use(f))
    assert min(worst.values()) >= HELD, worst
    if f.stable.log_abs_derivative is None:
        assert "log" not in FORMULAS[name].loses
        return
    # the running error analysis stays on for these forms, and must not lose them
    log, bound = np.abs(in_use(f)[2](SPREAD)), compiled(rounding(f.log_abs_derivative))(SPREAD)
    judged = (log < 1e300) & np.array([row[3] < 100 and row[2] != mp.ninf for row in truths(name)])
    assert judged.sum() > 100
    assert (bound[judged] < 1e4 * np.maximum(1, log[judged])).all(), SPREAD[judged][~(bound[judged] < 1e4)][:3]


@pytest.mark.parametrize("name", costly((n for n, case in FORMULAS.items() if case.loses), quick=OF_EACH_KIND))
def test_the_formula_itself_loses_the_digits_where_a_form_is_found(name):
    f = Activation(name, FORMULAS[name].formula)
    worst = worst_digits(name, as_stated(f))
    lost = tuple(quantity for quantity in QUANTITIES if worst[quantity] < HELD)
    assert lost == FORMULAS[name].loses
    forms = {"value": "value", "derivative": "derivative", "log": "log_abs_derivative"}
    stable = stable_forms(FORMULAS[name].formula)
    assert all(getattr(stable, forms[quantity]) is not None for quantity in lost)


@pytest.mark.parametrize("name", ["sine", "hard sigmoid", "squared relu"])
def test_nothing_is_put_in_the_place_of_a_formula_that_holds(name):
    assert stable_forms(FORMULAS[name].formula) is None


@pytest.mark.parametrize(
    "name", costly(["sigmoid", "tanh", "elu", "softplus", "softsign", "silu", "mish", "gelu", "arctan"])
)
def test_the_bare_formulas_of_the_catalogue_find_forms_that_pass_its_own_check(name):
    bare = neuron(name).formula
    f = Activation(name, bare, stable=stable_forms(bare))
    result = agree(name, array_functions(f))
    assert all(result.values()), result


def test_the_logarithm_of_sigmoid_prime_is_found_in_its_textbook_form():
    assert stable_forms(1 / (1 + exp(-z))).log_abs_derivative == -Abs(z) - 2 * log1p(exp(-Abs(z)))


@pytest.mark.parametrize("formula", [
    1 / (1 + exp(-z)),
    Piecewise((z, z > 0), (exp(z) - 1, True)),
    Piecewise((z - 1 + tanh(1), z > 1), (tanh(z), z > -1), (z * exp(z), True)),
    sign(z) * log(1 + Abs(z)),
    Max(0, tanh(z)),
])  # fmt: skip
def test_every_form_equals_its_formula_to_forty_digits_on_every_branch_and_where_they_meet(formula):
    f, stable = Activation("given", formula), stable_forms(formula)
    pairs = [(f.branched, stable.value, False), (f.derivative, stable.derivative, False),
             (f.derivative, stable.log_abs_derivative, True), (f.branched, stable.log_abs_value, True)]  # fmt: skip
    meeting = [float(b) for b in f.breaks]
    drawn = np.random.default_rng(3).normal(0, 3, 25)
    judged = 0
    for plain, form, logarithm in pairs:
        if form is None:
            continue
        for t in [*drawn, *meeting]:
            with mp.workdps(200):
                want, got = precise(plain, z)(mp.mpf(t)), precise(form, z)(mp.mpf(t))
                want = (mp.ninf if want == 0 else mp.log(abs(want))) if logarithm else want
                assert got == want or abs(got - want) <= mp.mpf(10) ** -40 * abs(want), (form, t)
            judged += 1
    assert judged > 25


@pytest.mark.parametrize(("which", "spoiled"), [
    ("logarithm", lambda q: -q.growth),
    ("rendered", lambda q, near=False, growth=True: exp(q.growth) * (1 + Rational(1, 10**30))),
])  # fmt: skip
def test_a_rewriting_that_is_wrong_is_never_accepted(monkeypatch, which, spoiled):
    formula = 1 / (1 + exp(-3 * z))
    right = stabilise.stable_forms.__wrapped__(formula)
    monkeypatch.setattr(stabilise, which, spoiled)
    stable = stabilise.stable_forms.__wrapped__(formula) or Stable()
    f = Activation("spoiled", formula)
    assert stable != right  # what is wrong was met, and refused or put right
    for form, unspoiled, plain, logarithm in [
        (stable.derivative, right.derivative, f.derivative, False), (stable.value, right.value, formula, False),
        (stable.log_abs_derivative, right.log_abs_derivative, f.derivative, True),
    ]:  # fmt: skip
        # no form in the place of one that was found is a refusal
        for accepted in [unspoiled] if form is None else [unspoiled, form]:
            for t in ("-1.7", "-0.2", "0.9", "31.5"):
                with mp.workdps(60):
                    got, want = precise(accepted, z)(mp.mpf(t)), precise(plain, z)(mp.mpf(t))
                    want = mp.log(want) if logarithm else want
                    assert abs(got - want) <= mp.mpf(10) ** -40 * abs(want), (accepted, t)


def test_branches_put_together_in_the_wrong_order_are_refused(monkeypatch):
    right = stabilise.joined
    monkeypatch.setattr(stabilise, "joined", lambda served: right(served).subs(z, -z))
    stable = stabilise.stable_forms.__wrapped__(z / (1 + exp(-3 * z)))
    assert stable is None


LIMITS = {
    "normal distribution": (0, 1, lambda t: mp.ncdf(t), lambda t: mp.ncdf(-t)),
    "half tanh": (-1, 1, lambda t: 2 / (1 + mp.exp(-t)), lambda t: 2 / (1 + mp.exp(t))),
    "gudermannian": (-pi / 2, pi / 2, lambda t: 2 * mp.atan(mp.exp(t)), lambda t: 2 * mp.atan(mp.exp(-t))),
    "complementary log-log": (0, None, lambda t: -mp.expm1(-mp.exp(t)), None),
    "shifted softplus": (-log(2), None, lambda t: mp.log1p(mp.exp(t)), None),
}


@pytest.mark.parametrize("name", LIMITS)
def test_the_gaps_to_finite_limits_are_found_and_live_on_in_the_tails(name):
    f, (lower, upper, above, below) = found(name), LIMITS[name]
    assert (f.lower, f.upper) == (lower, upper)
    made = array_functions(f)
    for limit, gap, log_gap, by_hand in ((lower, made.above_lower, made.log_above_lower, above),
                                         (upper, made.below_upper, made.log_below_upper, below)):  # fmt: skip
        if limit is None:
            continue
        points = np.array([-700.0, -30.5, -2.3, -0.01, 0.0, 0.01, 2.3, 25.5])
        points = -points if limit == upper else points
        with mp.workdps(60):
            for point, got, got_log in zip(points, gap(points), log_gap(points), strict=True):
                want = by_hand(mp.mpf(point))
                assert digits(got, want, abs(want)) >= HELD, point
                if by_hand(mp.mpf(point)) > mp.mpf(10) ** -300:
                    assert digits(got_log, mp.log(want), max(1, abs(mp.log(want)))) >= HELD, point


@pytest.mark.parametrize("name", ["swish with a rate of 3/2", "half tanh", "normal distribution", "tanhshrink"])
def test_the_value_s_form_takes_a_complex_step(name):
    f = array_functions(found(name))
    t = np.array([-7.0, -1.3, -0.2, 0.2, 1.3, 7.0])
    np.testing.assert_allclose(f.complex_value(t + 1e-30j).imag / 1e-30, f.derivative(t), rtol=1e-12)


def test_an_underflowed_derivative_keeps_its_sign():
    f = array_functions(found("gelu with erf"))
    slope = f.derivative(np.array([-60.0, -1e4]))
    assert (slope == 0).all()
    assert np.signbit(slope).all()
    assert np.isfinite(f.log_abs_derivative(np.array([-60.0, -1e4]))).all()


def test_a_chain_of_saturated_neurons_is_right_with_the_found_forms():
    chain = cd.Chain(3, found("swish with a rate of 3/2"))
    keywords = {"w": 0.7, "z": -40.0, "x": 0.5, "y": 0.25}
    assert_same(cd.evaluate(chain, **keywords), cd.evaluate(chain, engine="mpmath", **keywords))


AWKWARD = [
    sum(Rational(1, k) * tanh(k * z) for k in range(1, 13)),
    1 / (1 + exp(-z)) + tanh(sqrt(2) * z),
    exp(exp(z)),
    tanh(tanh(z)),
    z**20 / (1 + z**20),
    exp(2 * z - z**2 / 3) + sin(z),
    Piecewise((1, z > 2), (z - z**2 / 4, z >= 0), (z + z**2 / 4, z >= -2), (-1, True)),
    (1 + z**2) ** sqrt(2),
    cos(z) / z,
    1 / (1 + exp(-Rational(17020001, 10**7) * z)),
    Max(z, tanh(z)),
    sympy.Function("unknown")(z),
    sympy.gamma(z),
    z ** sympy.Float(0.3),
    1 / cosh(z) + erf(z),
]


@pytest.mark.parametrize(("formulas", "known"), [(AWKWARD[:6], 3), slow((AWKWARD[6:], 4))], ids=["first", "others"])
def test_of_some_awkward_formulas_forms_are_found(formulas, known):
    """So that the test below does compare forms with formulas."""
    found = [stable_forms(formula) for formula in formulas]
    assert sum(stable is not None and stable.log_abs_derivative is not None for stable in found) >= known


@pytest.mark.parametrize("formula", [*AWKWARD[:6], *map(slow, AWKWARD[6:])], ids=str)
def test_no_formula_makes_it_raise_and_what_it_finds_is_never_worse(formula):
    stable = stable_forms(formula)
    if stable is None or stable.log_abs_derivative is None:
        return
    f = Activation("awkward", formula)
    points, slope = [-30.5, -3.3, -0.4, 0.3, 2.9, 33.1], Digits(f.derivative)
    got, plain = (Floats(points)(e) for e in (stable.log_abs_derivative, sympy.log(sympy.Abs(f.derivative))))
    logs = [slope(t).log for t in points]
    assert sum(want is not None for want in logs) >= 4
    for g, p, want in zip(got, plain, logs, strict=True):
        assert want is None or digits_that_hold(g, want, 1.0) >= min(12.5, digits_that_hold(p, want, 1.0) - 1)


def test_what_is_evaluated_in_the_search_is_what_numpy_makes_of_it():
    points = np.array([-800.0, -30.0, -1.5, -1e-9, 0.0, 0.7, 20.0, 745.5])
    forms = [
        1 / (1 + exp(-z)), z * exp(-z) / (1 + exp(-z)) ** 2, sqrt(1 + z**2), (1 + exp(z)) ** Rational(-3, 2),
        Piecewise((log1p(exp(-z)), z >= 0), (expm1(z), True)), log(Abs(tanh(z))), Max(0, z), z * erf(z), normal_cdf(z),
    ]  # fmt: skip
    for form in forms:
        np.testing.assert_allclose(Floats(points)(form), compiled(form)(points), rtol=1e-12, err_msg=str(form))
        bound = compiled(rounding(form))(points)
        finite = np.isfinite(bound)
        mine = np.array(Floats(points).rounding(form))
        np.testing.assert_allclose(mine[finite], bound[finite], rtol=1e-10, atol=1e-300, err_msg=str(form))


def test_a_half_line_s_quotient_takes_the_dominant_exponential_out():
    q = as_quotient(sympy.diff(z / (1 + exp(-z)), z), -1)
    assert q.growth.subs(sympy.Symbol("t", positive=True), 5) == -5
    assert q.expression(as_quotient(sympy.tanh(z), 1).limit) == 1


@pytest.mark.parametrize("formula", [z - tanh(z), log(cosh(z)), log(1 + exp(z)) - log(2), z * normal_cdf(z), sin(z) ** 2,
                                     sqrt(1 + z**2) - 1, exp(-exp(z)) - exp(-1)], ids=str)  # fmt: skip
def test_a_maclaurin_polynomial_is_its_formula_to_forty_digits_near_zero(formula):
    series = maclaurin(formula)
    for t in ("0.2", "-0.11", "1e-7"):
        with mp.workdps(120):
            got, want = precise(series, z)(mp.mpf(t)), precise(formula, z)(mp.mpf(t))
            assert abs(got - want) <= mp.mpf(10) ** -40 * abs(want)


@pytest.mark.parametrize("formula", [1 / z, log(z), sqrt(z), sympy.gamma(z + 1)])
def test_there_is_no_maclaurin_polynomial_at_a_pole_a_branch_point_or_of_an_unknown_function(formula):
    assert maclaurin(formula) is None


def test_digits_that_ran_out_are_not_believed_to_be_zero():
    slope = 1 - ((exp(z) - exp(-z)) / (exp(z) + exp(-z))) ** 2
    assert Digits(slope, most=100)(200.0).value is None
    with mp.workdps(60):
        right = Digits(slope)(200.0)
        assert abs(right.value * mp.cosh(200) ** 2 - 1) < mp.mpf(10) ** -49
        assert abs(right.log + 2 * mp.log(mp.cosh(200))) < mp.mpf(10) ** -45
    far = Digits(slope, most=1000)(1e4)
    assert far.value == 0  # below float64's range, and proved to be by the bound on its rounding
    assert far.log is None


def test_a_zero_that_the_formula_states_is_believed():
    assert Digits(Piecewise((z, z > 0), (0, True)))(-1.0).log == mp.ninf
    assert Digits(exp(-z) * (1 - z**2))(1.0).value == 0


def test_two_precisions_that_agree_on_digits_that_ran_out_are_not_believed():
    # 1 - σ(410.5) is 0 at 70 digits and at 140, and both leave the same term of φ'
    logistic = 1 / (1 + exp(-z))
    slope = sympy.diff(logistic * (1 + z * (1 - logistic)), z)
    with mp.workdps(70):
        first = precise(slope, z)(mp.mpf("410.5"))
    with mp.workdps(140):
        second = precise(slope, z)(mp.mpf("410.5"))
        assert abs(first - second) < mp.mpf(10) ** -50 * abs(second)
        want = (2 - 410.5 * mp.tanh(mp.mpf("205.25"))) / (4 * mp.cosh(mp.mpf("205.25")) ** 2)
        got = Digits(slope)(410.5).value
        assert abs(got - want) < mp.mpf(10) ** -49 * abs(want)
        assert abs(second - want) > abs(want) / 100


ENCLOSED = [1 - tanh(z) ** 2, z * normal_cdf(z) - z, exp(-z) / (1 + exp(-z)) ** 3, log(1 + exp(z)) - z, sqrt(1 + z**2) - Abs(z),
            sin(z) ** 2 + cos(z) ** 2, cosh(z) - sympy.sinh(z), Piecewise((erf(z), z > 1), (sympy.atan(z) - z, True)),
            (1 + z**2) ** Rational(-3, 2), Max(0, z) - sympy.Min(1, z), sympy.gamma(z**2 + 1) - 1, exp(-2) * z - sympy.erfc(z)]  # fmt: skip


@pytest.mark.parametrize("formula", ENCLOSED, ids=str)
def test_an_interval_holds_the_true_value_and_narrows_with_the_digits(formula):
    for t in (-31.7, -2.2, 0.3, 1.9, 26.1):
        with mp.workdps(800):
            want = precise(formula, z)(mp.mpf(t))
            widths = []
            for bits in (70, 900):
                with working_bits(bits):
                    found = ball(formula, arb(t))
                    low, high = (mp.make_mpf(end._mpf_) for end in (found.lower(), found.upper()))
                widths.append(high - low)
                assert low <= want <= high, (t, bits)
        assert widths[1] <= widths[0] * mp.mpf(10) ** -90


def test_a_division_by_what_may_be_zero_has_no_value_until_there_are_digits():
    hidden = 1 / (cosh(z) ** 2 - sympy.sinh(z) ** 2 - 1 + exp(-2 * z))
    with working_bits(100):
        assert not ball(hidden, arb(100)).is_finite()
    with working_bits(800):
        assert ball(hidden, arb(100)).overlaps(arb(200).exp())
