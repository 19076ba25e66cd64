"""The package is broken on purpose, in one place at a time: what checks it must say so."""

import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.stable import Stable
from chainderiv.numeric import orbit, product
from chainderiv.symbols import z
from tests.helpers import same
from tests.kinds import KINDS, costly
from tests.numeric.test_evaluate import evaluated, log_sign, room
from tests.problems import PROBLEMS

ORDINARY = PROBLEMS[:5]


def stable_with(name, **changed):
    good = ACTIVATIONS[name]
    fields = {k: getattr(good.stable, k) for k in Stable.__dataclass_fields__}
    return cd.Activation(name, good.formula, good.symbol, good.latex, Stable(**fields | changed))


def wrong_problems():
    return [p for p in ORDINARY if not same(evaluated(p), log_sign(p.answer), room(p))]


def test_the_unbroken_package_agrees_with_the_table():
    assert wrong_problems() == []


@pytest.mark.parametrize("name", costly(KINDS))
def test_verify_fails_a_log_derivative_off_by_a_thousandth(name):
    off = sympy.log(sympy.Rational(1001, 1000))
    broken = stable_with(name, log_abs_derivative=ACTIVATIONS[name].log_abs_derivative + off)
    found = cd.verify(cd.Chain(3, broken), points=10)
    assert not found.passed
    assert "'(z" in found.worst.factor
    assert cd.verify(cd.Chain(3, name), points=10).passed


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu", "arctan"])
def test_verify_fails_a_stable_value_off_by_a_millionth(name):
    broken = stable_with(name, value=ACTIVATIONS[name].stable_value * (1 + sympy.Rational(1, 10**6)))
    assert not cd.verify(cd.Chain(3, broken), points=10, methods=("mpmath differences",)).passed


def test_verify_fails_a_flipped_derivative():
    broken = stable_with("gelu", derivative=-ACTIVATIONS["gelu"].stable_derivative)
    assert not cd.verify(cd.Chain(3, broken), points=10).passed


def test_a_wrong_gap_to_the_limit_is_refused_before_it_is_used():
    broken = stable_with("sigmoid", below_upper=(1 + z / 1000) / (1 + sympy.exp(z)))
    with pytest.raises(cd.errors.BadValue, match="no such gap"):
        cd.verify(cd.Chain(2, broken), points=20)


def test_the_table_sees_a_lost_compensation_and_a_wrong_factor(monkeypatch):
    times = product.Product.times
    monkeypatch.setattr(product.Product, "times", lambda self, f: times(self, f * 1.001))
    assert len(wrong_problems()) == len(ORDINARY)


def test_the_table_sees_an_orbit_that_forgets_its_bias(monkeypatch):
    free = orbit.Orbit._free
    monkeypatch.setattr(
        orbit.Orbit, "_free", lambda self: free(self) - 1e-6 * np.asarray(self.parameters.inner[self.layer])
    )
    assert len(wrong_problems()) == len(ORDINARY)


def test_the_table_sees_a_product_that_underflows(monkeypatch):
    """A bare running product of floats is 0 where the gradient is below 1e-308."""
    deep = [p for p in PROBLEMS if p.name == "vanishing, 1000 layers"]
    value = product.Product.value
    monkeypatch.setattr(product.Product, "value", lambda self: cd.LogSign.from_float(value(self).to_float()))
    assert not any(same(evaluated(p), log_sign(p.answer), room(p)) for p in deep)
