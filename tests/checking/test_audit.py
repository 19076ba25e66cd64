"""The audit: right where the forms are right, and it says so where they are not."""

import json

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.checking.audit import QUANTITIES, audit, spread
from chainderiv.errors import BadValue, ChainderivError, UnknownName
from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.lookup import neuron
from chainderiv.functions.stabilise import stable_forms
from chainderiv.functions.stable import Stable
from chainderiv.symbols import z
from tests import plain
from tests.formulas import FORMULAS
from tests.kinds import KINDS, slow


def rewritten(name, **forms):
    """A catalogue activation with some of its stable forms replaced."""
    good = ACTIVATIONS[name]
    fields = {k: getattr(good.stable, k) for k in Stable.__dataclass_fields__}
    return Activation(name, good.formula, stable=Stable(**fields | forms))


@pytest.mark.parametrize("name", KINDS)
def test_the_catalogue_holds_twelve_digits_and_nothing_is_undecided(name):
    found = audit(name)
    assert found.holds, str(found)
    assert found.rows
    assert all(row.judged > 200 for row in found.rows)


@pytest.mark.parametrize("name", ["swish with a rate of 3/2", *map(slow, ("log cosh", "gudermannian", "complementary log-log")),
                                  slow("normal distribution"), "bent identity"])  # fmt: skip
def test_a_formula_that_the_catalogue_does_not_have_holds_with_what_is_found_and_not_without(name):
    formula = FORMULAS[name].formula
    with_forms = audit(Activation(name, formula, stable=stable_forms(formula)))
    assert with_forms.holds, str(with_forms)
    assert not audit(Activation(name, formula)).holds
    assert "stable rewriting in use holds" in str(with_forms)


def wrong_in_numpy(function, true):
    """The |z| of the audit's spread, by side, from which outwards a NumPy function is wrong by 1e-12 or more."""
    points = spread()
    with np.errstate(all="ignore"):
        got = function(points)
    with mp.workdps(60):
        wrong = []
        for g, point in zip(got, points, strict=True):
            want = true(mp.mpf(float(point)))
            right = abs(mp.mpf(float(g)) - want) <= want * mp.mpf(10) ** -12 if np.isfinite(g) else False
            # a right underflow says nothing about the digits
            underflow = want < mp.mpf(2) ** -1022 and np.isfinite(g) and abs(g - want) < mp.mpf(2) ** -1070
            wrong.append(None if underflow else not right)
    left = [(p, w) for p, w in zip(points, wrong, strict=True) if p < 0 and w is not None]
    right = [(-p, w) for p, w in zip(points[::-1], wrong[::-1], strict=True) if p > 0 and w is not None]
    return [_outermost_run(side) for side in (left, right)]


def _outermost_run(side):
    run = None
    for p, wrong in side:
        if not wrong:
            break
        run = -p
    return run


def test_the_plain_sigmoid_s_digits_are_gone_from_where_its_square_overflows():
    found = audit(Activation("plain", 1 / (1 + sympy.exp(-z))))
    row = found.row("φ'", "formula")
    left, right = wrong_in_numpy(lambda t: np.exp(-t) / (1 + np.exp(-t)) ** 2, plain.sigmoid_prime)
    assert (row.lost_left, row.lost_right) == (left, right) == (372.7, None)  # exp(709.78/2) squared is the last
    assert row.lost_from == 372.7
    assert not found.holds
    assert "φ': the formula itself loses its digits from z = -372.7 down; no rewriting is in use" in str(found)


def test_the_plain_tanh_prime_is_gone_from_where_it_cancels():
    row = audit(Activation("plain", sympy.tanh(z))).row("φ'")
    left, right = wrong_in_numpy(lambda t: 1 - np.tanh(t) ** 2, lambda t: 1 / mp.cosh(t) ** 2)
    assert (row.lost_left, row.lost_right) == (left, right)
    assert 4 < right < 8


OFF = 1 + sympy.Rational(1, 10**9)
SIGMOID = ACTIVATIONS["sigmoid"]
WRONG = {
    "a value off by a billionth": ("φ", rewritten("sigmoid", value=SIGMOID.stable.value * OFF)),
    "a derivative off by a billionth": ("φ'", rewritten("sigmoid", derivative=SIGMOID.stable.derivative * OFF)),
    "a logarithm off by a billionth": (
        "log|φ'|", rewritten("sigmoid", log_abs_derivative=SIGMOID.stable.log_abs_derivative * OFF)
    ),
    "a derivative of the other sign": ("φ'", rewritten("sigmoid", derivative=-SIGMOID.stable.derivative)),
    "a value wrong beyond 700": (
        "φ", rewritten("softplus", value=sympy.Piecewise((z + 1, z > 700), (ACTIVATIONS["softplus"].stable.value, True)))
    ),
    "an underflow that loses its sign": (
        "φ'", rewritten("silu", derivative=sympy.Piecewise((ACTIVATIONS["silu"].stable.derivative, z > -800), (0, True)))
    ),
    "a logarithm that is flat far out": (
        "log|φ'|", rewritten("sigmoid", log_abs_derivative=sympy.Max(SIGMOID.stable.log_abs_derivative, -5000))
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_form_is_reported_and_nothing_else_is(fault):
    quantity, f = WRONG[fault]
    found = audit(f)
    assert not found.holds
    assert [row.quantity for row in found.rows if row.form == "used" and row.worst < 12] == [quantity], str(found)


def test_from_where_a_form_is_wrong_is_told_by_side():
    row = audit(WRONG["a value wrong beyond 700"][1]).row("φ")
    assert (row.lost_left, row.lost_right) == (None, min(p for p in spread() if p > 700))
    row = audit(WRONG["a logarithm that is flat far out"][1]).row("log|φ'|")
    assert row.lost_left == row.lost_right == row.lost_from == min(p for p in spread() if p > 5000)


def test_what_needs_more_digits_than_the_most_is_undecided_and_not_right():
    e = sympy.exp(-2 * z**2)
    # z (1 - tanh z²) without its name, of which an identity is known; log|φ'| at 1e3 needs 868,589 digits
    steep = Activation("steep", z * (1 - (1 - e) / (1 + e)))
    found = audit(steep, most=300)
    row = found.row("log|φ'|")
    beyond = [p for p in spread() if 2 * p * p / np.log(10) > 300]
    assert row.undecided == len([1 for q, _ in found.undecided if q == "log|φ'|"]) >= len(beyond) > 40
    assert row.judged + row.undecided == found.row("φ").judged + found.row("φ").undecided
    assert not found.holds
    assert "undecided within 300 digits" in str(found)
    # with the right forms the same points stay undecided, and so does the verdict
    forms = Stable(value=2 * z * e / (1 + e), derivative=2 * e * (1 + e - 4 * z**2) / (1 + e) ** 2,
                   log_abs_derivative=-2 * z**2 + sympy.log(2 * sympy.Abs(1 + e - 4 * z**2) / (1 + e) ** 2))  # fmt: skip
    better = audit(Activation("steep", steep.formula, stable=forms), most=300)
    assert better.row("log|φ'|").worst >= 12
    assert better.row("log|φ'|").undecided == row.undecided
    assert not better.holds


def test_an_isolated_cancellation_is_told_apart_from_digits_that_are_gone():
    row = audit(Activation("snake", z + sympy.sin(z) ** 2)).row("φ'")
    assert row.lost_from is None
    assert any(abs(run.first + np.pi / 4) < 0.01 for run in row.isolated)
    assert "cancels near z = -0.78" in str(audit(Activation("snake", z + sympy.sin(z) ** 2)))


def test_kinks_are_avoided_and_said():
    found = audit("selu")
    assert found.avoided == (0.0,)
    assert "kinks, which the spread stays off: 0" in str(found)
    assert audit("softsign").avoided == ()


def test_it_reads_as_a_table_and_is_json():
    found = audit("gelu")
    lines = str(found).splitlines()
    assert all(any(line.startswith(q) for line in lines) for q in QUANTITIES)
    assert lines[-1] == "holds: yes"
    loaded = json.loads(json.dumps(found.to_dict()))
    assert loaded["holds"] is True
    assert {(row["quantity"], row["form"]) for row in loaded["rows"]} == {
        (q, f) for q in QUANTITIES for f in ("formula", "used")
    }
    assert found.row("φ").worst == next(
        r["worst"] for r in loaded["rows"] if (r["quantity"], r["form"]) == ("φ", "used")
    )


@pytest.mark.parametrize(("arguments", "error"), [
    ({"given": "sigmod"}, UnknownName),
    ({"given": "relu", "digits": 0}, BadValue),
    ({"given": "relu", "digits": 17}, BadValue),
    ({"given": "relu", "digits": "12"}, BadValue),
    ({"given": "relu", "digits": float("nan")}, BadValue),
    ({"given": "relu", "most": 50}, BadValue),
    ({"given": "relu", "most": 1e4}, BadValue),
    ({"given": Activation("root", sympy.sqrt(z))}, BadValue),
])  # fmt: skip
def test_bad_input_is_answered_in_one_line(arguments, error):
    with pytest.raises(error) as caught:
        audit(**arguments)
    assert isinstance(caught.value, ChainderivError)
    assert "\n" not in str(caught.value)


def test_a_row_that_does_not_exist_is_refused():
    with pytest.raises(BadValue, match="give one of"):
        audit("relu").row("φ''")


def test_the_spread_reaches_what_it_promises():
    points = spread()
    assert {-1e4, -1e-12, 0.0, 1e-12, 1e4} <= set(points)
    assert (np.diff(points) > 0).all()
    np.testing.assert_array_equal(points[points != 0] < 0, -points[points != 0] > 0)


def test_more_digits_than_float64_holds_are_refused_and_fifteen_are_not_held_by_gelu():
    assert not audit(neuron("gelu"), digits=15).holds
    assert audit(cd.Activation("cube", z**3), digits=15).holds
