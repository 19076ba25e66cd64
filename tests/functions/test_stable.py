"""Every stable form equals what SymPy derives from the defining formula, to 40 digits."""

import mpmath as mp
import numpy as np
import pytest
import sympy
from sympy.utilities.lambdify import lambdify

import chainderiv as cd
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.stable import Stable
from chainderiv.symbols import z
from tests import plain
from tests.kinds import slow

NAMES = [{"log1p": mp.log1p, "expm1": mp.expm1, "normal_cdf": mp.ncdf,
          "erfcx": lambda t: mp.exp(t * t) * mp.erfc(t)}, "mpmath"]  # fmt: skip
LIMITS = {
    "sigmoid": (0, 1),
    "tanh": (-1, 1),
    "elu": (-1, None),
    "softplus": (0, None),
    "softsign": (-1, 1),
    "celu": (-1, None),
    "logsigmoid": (None, 0),
    "squareplus": (0, None),
}


def points():
    rng = np.random.default_rng(11)
    return [*rng.uniform(-30, 30, 25), *rng.uniform(-2, 2, 25), 1e-9, -1e-9]


def read(expression):
    return lambdify(z, expression, modules=NAMES)


DIGITS = {"gelu_tanh": 1200}  # 1 + tanh of what it has at -30 begins at the 860th


def equal(form, from_formula, digits=600):
    """To 40 digits of the larger of the two, at every point."""
    with mp.workdps(digits):
        return all(
            abs(form(t) - from_formula(t)) <= mp.mpf(10) ** -40 * max(abs(form(t)), abs(from_formula(t)))
            for t in map(mp.mpf, points())
        )


def from_formula(name, field):
    formula = ACTIVATIONS[name].formula
    value, slope = read(formula), read(sympy.diff(formula, z))
    lower, upper = LIMITS.get(name, (None, None))
    return {
        "value": value,
        "derivative": slope,
        "log_abs_derivative": lambda t: mp.log(abs(slope(t))),
        "log_abs_value": lambda t: mp.log(abs(value(t))),
        "above_lower": lambda t: value(t) - lower,
        "below_upper": lambda t: upper - value(t),
    }[field]


STATED = [(name, field) for name, f in ACTIVATIONS.items() for field in Stable.__dataclass_fields__
          if getattr(f.stable, field) is not None]  # fmt: skip


# of gelu_tanh at 1200 digits
@pytest.mark.parametrize(("name", "field"), [slow(one) if one[0] in DIGITS else one for one in STATED])
def test_a_stable_form_is_the_formula_s_own_derivative_value_or_gap(name, field):
    assert equal(read(getattr(ACTIVATIONS[name].stable, field)), from_formula(name, field), DIGITS.get(name, 600))


@pytest.mark.parametrize(("name", "field"), STATED)
def test_a_stable_form_off_by_1e_30_is_caught(name, field):
    wrong = getattr(ACTIVATIONS[name].stable, field) * (1 + sympy.Rational(1, 10**30))
    assert not equal(read(wrong), from_formula(name, field), DIGITS.get(name, 600))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_formula_is_the_hand_written_one(name):
    formula, slope = read(ACTIVATIONS[name].formula), read(ACTIVATIONS[name].derivative)
    assert equal(formula, plain.PHI[name], DIGITS.get(name, 600))
    assert equal(slope, lambda t: plain.phi_prime(name, t), DIGITS.get(name, 600))


@pytest.mark.parametrize("name", [slow(name) if name == "gelu_tanh" else name for name in ACTIVATIONS])
def test_log_derivative_and_curvature_belong_to_the_derivative(name):
    f = ACTIVATIONS[name]
    slope = read(sympy.diff(f.formula, z))
    stated, second_form, slope_form = (read(e) for e in (f.curvature or 0, f.second_derivative, f.stable_derivative))
    curvature = (lambda t: second_form(t) / slope_form(t)) if f.curvature is None else stated
    log = read(f.log_abs_derivative)
    judged = 0
    with mp.workdps(DIGITS.get(name, 120)):
        for t in map(mp.mpf, points()[10:50]):
            if slope(t) == 0:
                continue
            h = mp.mpf(10) ** -40
            second = (slope(t + h) - slope(t - h)) / (2 * h)
            assert abs(curvature(t) - second / slope(t)) <= mp.mpf(10) ** -30 * max(1, abs(second / slope(t)))
            assert abs(mp.exp(log(t)) - abs(slope(t))) <= mp.mpf(10) ** -40 * abs(slope(t))
            judged += 1
    assert judged > 10


def test_the_limits_are_the_ones_the_formula_approaches():
    for name, f in ACTIVATIONS.items():
        lower, upper = LIMITS.get(name, (None, None))
        assert (f.lower, f.upper) == (lower, upper), name


def test_a_plain_activation_has_no_stable_forms_and_falls_back_to_its_formula():
    f = cd.Activation("cube", z**3)
    assert (f.stable_value, f.stable_derivative) == (z**3, 3 * z**2)
    assert f.log_abs_derivative.subs(z, -2) == sympy.log(12)
