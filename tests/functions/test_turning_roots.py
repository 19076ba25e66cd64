"""Where two sides meet at a number without a closed form: isolated, proved, and the same in every engine and language."""

import json
import pickle
from itertools import pairwise, product

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.functions.described import describe, read, text_of
from chainderiv.functions.formula import parse_formula
from chainderiv.functions.turning.flat import turnings
from chainderiv.functions.turning.given_root import proved_root
from chainderiv.functions.turning.root import Root
from chainderiv.functions.turning.turnings import Unproved
from chainderiv.symbols import z
from tests.helpers import assert_same, same
from tests.kinds import slow
from tests.symbolic.programs.test_program_runners import batch, job


def sigmoid(t):
    return 1 / (1 + mp.exp(-t))


def swish(t):
    return t * sigmoid(t * 1702 / 1000)


def swish_prime(t):
    s = sigmoid(t * 1702 / 1000)
    return s + t * 1702 / 1000 * s * (1 - s)


def cubed(t):
    return 3 * mp.tanh(t - 2) ** 2 / mp.cosh(t - 2) ** 2


def bent(t):
    return mp.exp(t) - t - 2


# a neuron; where its sides meet, each the zero of a function near a place; φ and φ' by hand
BY_HAND = {
    "Max(0.1*z, z*sigmoid(1.702*z))": (
        [(lambda t: mp.mpf(1) / 10 - sigmoid(t * 1702 / 1000), -1.3), (lambda t: t, 0)],
        lambda t: max(t / 10, swish(t)),
        lambda t: mp.mpf(1) / 10 if t / 10 >= swish(t) else swish_prime(t),
    ),
    "where(exp(z) > z**2, z, 0)": (
        [(lambda t: mp.exp(t) - t * t, -0.7)],
        lambda t: t if mp.exp(t) > t * t else mp.mpf(0),
        lambda t: mp.mpf(mp.exp(t) > t * t),
    ),
    "max(exp(z)-z-2, 0)": (
        [(bent, -1.8), (bent, 1.1)],
        lambda t: max(bent(t), mp.mpf(0)),
        lambda t: mp.expm1(t) if bent(t) > 0 else mp.mpf(0),
    ),
    "max(|z|, softplus(z))": (
        [(lambda t: mp.log1p(mp.exp(t)) + t, -0.5)],
        lambda t: max(abs(t), mp.log1p(mp.exp(t))),
        lambda t: mp.mpf(-1) if -t > mp.log1p(mp.exp(t)) else sigmoid(t),
    ),
    "clip(tanh(z-2)**3, -1/2, max(relu(z)-2, 1/4))": (
        [(lambda t: mp.tanh(t - 2) ** 3 + 0.5, 1), (lambda t: mp.tanh(t - 2) ** 3 - 0.25, 2.7)],
        lambda t: min(max(mp.tanh(t - 2) ** 3, mp.mpf(-1) / 2), max(t - 2, mp.mpf(1) / 4)),
        lambda t: cubed(t) if -0.5 < mp.tanh(t - 2) ** 3 < max(t - 2, mp.mpf(1) / 4) else mp.mpf(0),
    ),
    "Abs(erf(z) - 1/2)": (
        [(lambda t: mp.erf(t) - 0.5, 0.5)],
        lambda t: abs(mp.erf(t) - 0.5),
        lambda t: mp.sign(mp.erf(t) - 0.5) * 2 * mp.exp(-t * t) / mp.sqrt(mp.pi),
    ),
}  # fmt: skip
ZEROS = {  # the difference a second time, and places near its zeros
    "exp(z)-z-2": (bent, (-1.8, 1.1)), "exp(z)-z**2": (lambda t: mp.exp(t) - t * t, (-0.7,)),
    "erf(z)-1/2": (lambda t: mp.erf(t) - 0.5, (0.5,)), "z**5-z-1": (lambda t: t**5 - t - 1, (1.2,)),
    "z+exp(z)": (lambda t: t + mp.exp(t), (-0.5,)), "cos(z)-z": (lambda t: mp.cos(t) - t, (0.7,)),
    "sin(z)-z/2": (lambda t: mp.sin(t) - t / 2, (-1.9, 0, 1.9)), "gelu(z)-0.1*z": (
        lambda t: t * mp.ncdf(t) - t / 10, (-1.3, 0)),
}  # fmt: skip


def made(text):
    return cd.Activation.from_formula("own", text)


def by_hand(text, w, b, x, y):
    """∂C/∂b1 of a chain with the quadratic cost, in 60 digits."""
    _, phi, prime = BY_HAND[text]
    with mp.workdps(60):
        a, factor = mp.mpf(x), mp.mpf(1)
        for layer, (weight, bias) in enumerate(zip(w, b, strict=True)):
            at = mp.mpf(weight) * a + mp.mpf(bias)
            a, factor = phi(at), factor * prime(at) * (mp.mpf(weight) if layer else 1)
        found = factor * (a - mp.mpf(y))
        return cd.LogSign.of(float(mp.sign(found)), float(mp.log(abs(found))) if found else -np.inf)


@pytest.mark.parametrize("text", ZEROS)
def test_the_zeros_are_those_that_mpmath_finds_and_no_others(text):
    function, places = ZEROS[text]
    found = turnings(parse_formula(text))
    assert any(isinstance(zero, Root) for zero in found.zeros)
    with mp.workdps(60):
        wanted = [mp.findroot(function, place) for place in places]
        for zero, want in zip(found.zeros, wanted, strict=True):
            assert abs(mp.mpf(sympy.N(zero, 60)) - want) <= mp.mpf(10) ** -48
        ends = [-100, *wanted, 100]
        beside = [(left + right) / 2 for left, right in pairwise(ends)]
        assert [mp.sign(function(t)) for t in beside] == list(found.signs)


@pytest.mark.parametrize(("lower", "upper"), [(2, 3), (-3, 2), (-1, 0), (2, 1), (1, 1)])
def test_an_interval_without_one_zero_alone_is_refused(lower, upper):
    equation = sympy.exp(z) - z - 2
    assert proved_root(equation, 1, 2).n(8) == Root(equation, 1, 2).n(8)
    with pytest.raises(Unproved):
        proved_root(equation, lower, upper)


@pytest.mark.parametrize("text", BY_HAND)
def test_a_neuron_is_read_back_from_its_description_and_from_a_pickle(text):
    f = made(text)
    told = json.loads(json.dumps(describe(f)))
    assert read(told) == f
    assert pickle.loads(pickle.dumps(f)) == f
    assert "Root" not in told["formula"]


def test_a_description_with_another_interval_or_more_than_numbers_in_it_is_refused():
    told = describe(made("where(exp(z) > z**2, z, 0)"))
    text = json.dumps(told)
    assert text.count('"-5/4", "-1/4"') == 1
    for instead in (
        '"-1/4", "-1/8"',
        '"-5/4", "-9/4"',
        '"-5/4", "z"',
        '"-5/4"',
        '"-5/4", ["exp", "z"]',
        '"-5/4", "-1/4", "1"',
    ):
        with pytest.raises(BadValue):
            read(json.loads(text.replace('"-5/4", "-1/4"', instead)))


@pytest.mark.parametrize("text", BY_HAND)
@pytest.mark.parametrize("engine", ["numpy", slow("numba"), "mpmath"])
def test_gradients_are_those_of_plain_mpmath_also_beside_where_the_sides_meet(text, engine):
    chain = cd.Chain(3, made(text))
    kinks = [float(k) for k in chain.activations[0].kinks]
    starts = [k + step for k, step in product(kinks, (-1e-3, -1e-10, -1e-14, 0.0, 1e-14, 1e-10, 1e-3))]
    points = [([0.0, 0.9, 1.2], [b1, 0.4, 0.3]) for b1 in starts]
    points += [([w] * 3, [b] * 3) for w, b in product((-1.7, -0.6, 0.8, 1.4), (-0.9, 0.2, 0.7))]
    for w, b in points:
        got = cd.evaluate(chain, w, b, x=0.3, y=0.25, engine=engine)
        assert_same(got, by_hand(text, w, b, 0.3, 0.25), cd.condition(chain, w, b, x=0.3, y=0.25))


def test_the_compiled_engine_has_the_sign_of_the_branch_that_holds():
    chain = cd.Chain(3, made("|exp(z)-2|"))
    for w, b in product((-1.7, -0.6, 0.8, 1.4), (-0.9, 0.2, 0.7)):
        # of w_1 the kernel is the shortest
        one, other = (cd.evaluate(chain, w, b, y=0.3, wrt="w1", engine=engine) for engine in ("numba", "mpmath"))
        assert_same(one, other, cd.condition(chain, w, b, y=0.3, wrt="w1"))


@pytest.mark.parametrize("text", BY_HAND)
def test_it_is_verified_and_a_wrong_factor_is_seen(text):
    chain = cd.Chain(2, made(text))
    d = cd.derive(chain, "b1")
    assert cd.verify(chain, points=5).passed
    assert not cd.verify(chain, d.replace(1, 1.001 * d.factors[1]), points=5).passed


@pytest.mark.parametrize("text", [slow(text) for text in BY_HAND])
def test_a_map_is_the_same_in_either_engine(text):
    chain = cd.Chain(4, made(text))
    one, other = (
        cd.sweep(chain, w=cd.Axis(-2, 2, 9), b=cd.Axis(-1, 1, 7), x=0.3, engine=engine) for engine in ("numpy", "numba")
    )
    assert np.array_equal(one.sign, other.sign, equal_nan=True)
    finite = np.isfinite(one.log_abs)
    assert np.array_equal(finite, np.isfinite(other.log_abs))
    assert np.allclose(one.log_abs[finite], other.log_abs[finite], rtol=1e-12, atol=0)


def test_the_programs_in_c_javascript_and_numpy_agree(tmp_path):
    chains = [cd.Chain(3, made(text)) for text in BY_HAND]
    programs = batch([cd.derive(chain, "b1") for chain in chains], tmp_path)
    points = [([0.7, 0.9, 1.2], [0.9, 0.4, 0.3]), ([-1.7, -0.6, 1.4], [-0.9, 0.2, 0.7]), ([1, 1, 1], [-2, 1.7, -0.2])]
    calls = [(k, *point, 0.3, 0.25) for k, _ in enumerate(chains) for point in points]
    found = programs.run([job(*call) for call in calls])
    assert {"c", "javascript", "numpy"} <= found.keys()
    for target, results in found.items():
        for (k, w, b, x, y), got in zip(calls, results, strict=True):
            want, kappa = by_hand(list(BY_HAND)[k], w, b, x, y), cd.condition(chains[k], w, b, x=x, y=y)
            assert same(got, want, kappa), (target, chains[k], got, want)


def test_people_read_its_digits():
    f = made("where(exp(z) > z**2, z, 0)")
    assert text_of(f.formula) == "where(z > -0.70346…, z, 0)"
    d = cd.derive(cd.Chain(1, f), "b1")
    assert "z > -0.70346…" in d.to("unicode", where=True)
    assert r"z > -0.70346\ldots" in d.to("latex", where=True)


def test_what_is_bounded_is_bounded_exactly():
    found = cd.bounds(made("where(exp(z) > z**2, z, 0)"))
    assert found.supremum == 1
    with mp.workdps(30):
        edge = mp.findroot(lambda t: mp.exp(t) - t * t, -0.7)
        assert abs(mp.mpf(sympy.N(found.argument.start, 30)) - edge) < mp.mpf(10) ** -25
    # the slope's size is erf's own, whichever side of the kink
    assert cd.bounds(made("Abs(erf(z) - 1/2)")).supremum == 2 / sympy.sqrt(sympy.pi)
