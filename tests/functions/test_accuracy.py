"""φ, φ' and log|φ'| in float64 against correct digits, for |z| <= 1e4."""

from functools import lru_cache, partial

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.lookup import neuron
from chainderiv.functions.stable import Stable
from tests import plain
from tests.functions.spread import SPREAD
from tests.kinds import costly

NORMAL = float(np.finfo(float).tiny)
TOLERANCE = 1e-12


def _digits(function, z):
    with mp.workdps(120):
        if function(mp.mpf(z)) == 0:  # φ(0) = 0, relu'(-1) = 0, log 1 = 0: no other of these is under 1e-120 z
            return mp.mpf(0)
    return plain.correct(lambda: function(mp.mpf(z)), agreeing=30, first=50)


@lru_cache(maxsize=64)
def reference(name):
    """Per point of SPREAD: φ, φ', the larger of the terms of φ', and log|φ'|, with 30 correct digits."""

    def prime(z):
        return plain.phi_prime(name, z)

    rows = []
    for z in map(float, SPREAD):
        value, slope = _digits(plain.PHI[name], z), _digits(prime, z)
        with mp.workdps(60):
            terms = max(abs(t) for t in plain.TERMS[name](mp.mpf(z)))
        log = mp.ninf if slope == 0 else _digits(partial(plain.log_phi_prime, name), z)
        rows.append((value, slope, terms, log))
    return rows


def errors(got, want, scale):
    """|got - want| / scale where the true value is normal in float64; below that, got - want in units of the smallest."""
    out = []
    for g, w, s in zip(got, want, scale, strict=True):
        with mp.workdps(60):
            apart, normal = abs(mp.mpf(float(g)) - w), abs(w) >= NORMAL
            out.append(float(apart / s) if normal else float(apart / NORMAL) * TOLERANCE)
    return np.array(out)


def agree(name, functions):
    """Whether φ, φ' and log|φ'| of these functions are right everywhere on the spread."""
    rows = reference(name)
    value, slope, terms, log = zip(*rows, strict=True)
    result = {}
    with np.errstate(all="raise"):
        result["value"] = errors(functions.value(SPREAD), value, [abs(v) for v in value])
        result["derivative"] = errors(functions.derivative(SPREAD), slope, terms)
        result["log"] = log_errors(functions.log_abs_derivative(SPREAD), log, slope, terms)
    return {key: (error <= TOLERANCE).all() for key, error in result.items()}


def log_errors(got, log, slope, terms):
    """Relative to log|φ'|; where |z| <= 4 and φ' has terms that cancel or pass 1, to max(|log|, larger term / φ')."""
    out = []
    for z, g, w, s, t in zip(SPREAD, got, log, slope, terms, strict=True):
        if s == 0:
            out.append(0.0 if g == -np.inf else np.inf)
        elif abs(w) < NORMAL:
            out.append(float(abs(mp.mpf(float(g)) - w) / NORMAL) * TOLERANCE)
        else:
            with mp.workdps(60):
                scale = max(abs(w), t / abs(s)) if abs(z) <= 4 and t != abs(s) else abs(w)
                out.append(float(abs(mp.mpf(float(g)) - w) / scale))
    return np.array(out)


@pytest.mark.parametrize("quantity", ["value", "derivative", "log"])
@pytest.mark.parametrize("name", costly(ACTIVATIONS))
def test_every_activation_is_right_to_1e_12_wherever_the_true_value_is_normal(name, quantity):
    assert agree(name, array_functions(ACTIVATIONS[name]))[quantity]


@pytest.mark.parametrize("name", costly(ACTIVATIONS))
def test_there_is_no_nan_anywhere_and_no_infinity_but_the_logarithm_of_zero(name):
    f = array_functions(ACTIVATIONS[name])
    assert np.isfinite(f.value(SPREAD)).all()
    assert np.isfinite(f.derivative(SPREAD)).all()
    log = f.log_abs_derivative(SPREAD)
    zero = np.array([row[1] == 0 for row in reference(name)])
    assert (np.isfinite(log) == ~zero).all()
    assert np.isneginf(log[zero]).all()


@pytest.mark.parametrize("name", costly(ACTIVATIONS))
def test_together_is_the_three_one_by_one(name):
    f = array_functions(ACTIVATIONS[name])
    apart = f.value(SPREAD), f.derivative(SPREAD), f.log_abs_derivative(SPREAD)
    for one, two in zip(f.together(SPREAD), apart, strict=True):
        # a subexpression computed once may be rounded once; gelu_tanh's exponent of 600 ends at its 13th digit
        np.testing.assert_allclose(one, two, rtol=1e-12 if name == "gelu_tanh" else 1e-14, atol=NORMAL)


@pytest.mark.parametrize("name", costly(ACTIVATIONS))
def test_log_abs_value_is_the_logarithm_of_the_value(name):
    z = SPREAD[np.abs(SPREAD) > 0.1]
    log = array_functions(ACTIVATIONS[name]).log_abs_value(z)
    for point, got in zip(map(float, z), log, strict=True):
        true = _digits(plain.PHI[name], point)
        if true == 0:
            assert got == -np.inf
        else:
            want = float(mp.log(abs(true)))
            assert abs(got - want) <= 1e-12 * max(1, abs(want)), point


@pytest.mark.parametrize("field", ["value", "derivative", "log_abs_derivative"])
@pytest.mark.parametrize("name", ["sigmoid", "gelu", "mish"])
def test_a_stable_form_off_by_a_billionth_is_caught(name, field):
    good = ACTIVATIONS[name]
    form = getattr(good, f"stable_{field}" if field != "log_abs_derivative" else field)
    fields = {k: getattr(good.stable, k) for k in Stable.__dataclass_fields__}
    wrong = cd.Activation(name, good.formula, stable=Stable(**fields | {field: form * (1 + sympy.Rational(1, 10**9))}))
    caught = agree(name, array_functions(wrong))
    assert not caught["log" if field == "log_abs_derivative" else field]


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "mish"])
def test_the_plain_derivative_alone_would_fail(name):
    bare = cd.Activation(name, neuron(name).formula)
    assert not all(agree(name, array_functions(bare)).values())


def test_scalars_give_scalars_and_shapes_are_kept():
    for name in ACTIVATIONS:
        f = array_functions(ACTIVATIONS[name])
        assert np.shape(f.value(0.5)) == ()
        assert f.derivative(np.ones((2, 3))).shape == (2, 3)
        assert f.value(np.ones(3, np.float32)).dtype == np.float32
