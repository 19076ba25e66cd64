"""A new activation is one object: its formula alone goes the whole way."""

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.functions import catalogue
from chainderiv.symbols import z
from tests import plain
from tests.helpers import assert_same


@pytest.fixture
def swish():
    return cd.Activation("swish2", z / (1 + sympy.exp(-2 * z)))


def test_a_formula_alone_is_derived_printed_evaluated_swept_and_verified(swish, monkeypatch):
    chain = cd.Chain(4, swish)
    assert str(cd.derive(chain, "b2")) == "∂C/∂b₂ = swish2'(z₂) · w₃ swish2'(z₃) · w₄ swish2'(z₄) · ∂C/∂a₄"
    monkeypatch.setitem(plain.PHI, "swish2", lambda t: t / (1 + mp.exp(-2 * t)))
    monkeypatch.setitem(plain.TERMS, "swish2", lambda t: [mp.diff(plain.PHI["swish2"], t)])
    with mp.workdps(50):
        want = plain.gradient(["swish2"] * 4, "quadratic", [0.9] * 4, [0.1] * 4, 0.5, 0.25, "b1")
        want = cd.LogSign(float(mp.sign(want)), float(mp.log(abs(want))))
    for engine in ("numpy", "mpmath"):
        assert_same(cd.evaluate(chain, 0.9, 0.1, y=0.25, engine=engine), want, cd.condition(chain, 0.9, 0.1, y=0.25))
    swept = cd.sweep(chain, w=cd.Axis(0.5, 0.9, 3), b=0.1, y=0.25)
    assert_same(swept.gradient[2], want, 100)
    assert cd.verify(chain, points=10).passed
    d = cd.derive(chain, "b1")
    assert not cd.verify(chain, d.replace(2, 1.001 * d.factors[2]), points=10).passed


def test_it_runs_at_depth_1000_and_in_a_program(swish):
    chain = cd.Chain(1000, swish)
    names: dict = {}
    exec(cd.derive(chain, "b1").to("numpy"), names)
    sign, log = names["gradient"](np.full(1000, 1.5), np.full(1000, 0.1), 0.5, 0.0)
    k = cd.condition(chain, 1.5, 0.1)
    assert_same(cd.LogSign(sign, log), cd.evaluate(chain, 1.5, 0.1), k)


def test_one_entry_in_the_catalogue_makes_it_known_by_name(swish, monkeypatch):
    monkeypatch.setitem(catalogue.ACTIVATIONS, "swish2", swish)
    assert cd.evaluate(cd.Chain(3, "swish2"), 0.9, 0.1).log == cd.evaluate(cd.Chain(3, swish), 0.9, 0.1).log
