"""gains(): critical gains against mpmath, torch's published table, and what each leads to."""

import math

import mpmath as mp
import pytest

import chainderiv as cd
from tests.theory import averages

TORCH = {"identity": 1, "sigmoid": 1, "tanh": 5 / 3, "relu": math.sqrt(2), "leaky_relu": math.sqrt(2 / 1.0001), "selu": 0.75,
         "gelu": None, "elu": None, "relu6": None}  # fmt: skip


@pytest.mark.parametrize(("name", "want"), TORCH.items())
def test_torchs_gain_is_the_published_one_or_none(name, want):
    assert cd.gains(name).torch == (None if want is None else pytest.approx(want, rel=1e-15))


def test_a_formula_has_the_gain_of_the_neuron_that_it_is():
    assert cd.gains(cd.Activation.from_formula("mine", "tanh(z)")).torch == 5 / 3
    leaky = cd.gains(cd.Activation.from_formula("mine", "max(z, 0.2*z)"))
    assert leaky.gain == pytest.approx(math.sqrt(2 / 1.04), rel=1e-14)
    assert leaky.torch == pytest.approx(leaky.gain, rel=1e-14)


def test_tanh_explodes_at_torchs_gain_by_mpmaths_integrals():
    field = cd.gains("tanh").fields[-1]
    value, squared = averages.moments("tanh", mp.mpf(field.q_star), 30)[:2]
    a = mp.mpf(5) / 3
    assert float(a**2 * value) == pytest.approx(field.q_star, rel=1e-11)
    assert float(a**2 * squared) == pytest.approx(field.chi_1, rel=1e-11)
    assert field.chi_1 == pytest.approx(1.21, abs=5e-3)
    assert not math.isclose(float(mp.mpf("1.7") ** 2 * squared), field.chi_1, rel_tol=1e-2)


def test_a_gain_is_stable_and_where_there_is_none_it_is_said_by_name():
    assert cd.gains("sigmoid").gain == pytest.approx(10.149263710019525, rel=1e-12)
    assert cd.gains("gelu").gain is None
    assert "no network is found there" in str(cd.gains("gelu"))
    assert cd.gains("softplus").points == ()
    assert "softplus has no gain" in str(cd.gains("softplus"))
