"""Where two expressions meet: the zeros are all there are, and what is not proved is refused."""

import random

import mpmath as mp
import pytest
import sympy

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.functions.formula import parse_formula
from chainderiv.functions.precise import precise
from chainderiv.functions.turning import single
from chainderiv.functions.turning.flat import turnings
from chainderiv.functions.turning.pieces import by_sign
from chainderiv.functions.turning.turnings import Unproved
from chainderiv.symbols import z
from tests.kinds import slow

LOG2 = sympy.log(2)
ZEROS = {
    "2*(exp(z/2)-1)": (0,), "exp(z)-2": (LOG2,), "exp(2z)-3": (sympy.log(3) / 2,), "z**3-z": (-1, 0, 1),
    "tanh(z)-1/2": (sympy.log(3) / 2,), "z-tanh(z)": (0,), "exp(z)-1-z": (0,), "z-exp(z)": (), "z-sin(z)": (0,),
    "z*exp(-z)": (0,), "z**5+z-2": (1,), "z**4-2*z**2+1": (-1, 1), "log(1+exp(z))-log(2)": (0,), "mish(z)": (0,),
    "gelu(z)": (0,), "silu(z)-z/2": (0,), "asinh(z)-z": (0,), "1+z**4": (), "z-1/3+tanh(z-1/3)": (sympy.Rational(1, 3),),
    "cos(z)-2": (), "z*(z-1.5)*exp(z)": (0, sympy.Rational(3, 2)), "atan(z)-tanh(z)": (0,), "silu(z)-gelu(z)": (0,), "sqrt(z**2+1)-z": (),
    "|z|-1": (-1, 1), "cbrt(z)-z": (-1, 0, 1), "relu(z)-1/2": (sympy.Rational(1, 2),), "max(z,exp(z)-2)+1": (-1,), "(1+z)**100*tanh(z-2)**3": (-1, 2),
    "|tanh(z)|-1/2": (-sympy.log(3) / 2, sympy.log(3) / 2), "softsign(z)-tanh(z)": (0,), "z**4-4": (-sympy.sqrt(2), sympy.sqrt(2)), "z**3*exp(z)": (0,),
}  # fmt: skip


def claimed(found, t):
    """The sign that is claimed at a point beside the zeros."""
    return found.signs[sum(t > mp.mpf(sympy.N(zero, 40)) for zero in found.zeros)]


def violations(text, found):
    """Of points at random, how many have another sign than the claimed one; mpmath sees the formula alone."""
    phi, rng = precise(parse_formula(text), z), random.Random(3)
    with mp.workdps(60):
        points = [mp.mpf(rng.uniform(-1, 1)) * 2 ** rng.randrange(-8, 8) for _ in range(300)]
        return sum(mp.sign(phi(t)) != claimed(found, t) for t in points if abs(phi(t)) > mp.mpf(10) ** -40)


@pytest.mark.parametrize("text", ZEROS)
def test_the_zeros_are_the_known_ones_and_the_signs_between_them_hold_at_random(text):
    found = turnings(parse_formula(text))
    assert found.zeros == ZEROS[text]
    assert violations(text, found) == 0


@pytest.mark.parametrize("text", ZEROS)
def test_a_sign_that_is_claimed_wrongly_would_be_seen(text):
    found = turnings(parse_formula(text))
    assert violations(text, found._replace(signs=(*found.signs[:-1], -found.signs[-1]))) > 10


CLOSE = {  # zeros between places that the search looks at first, beyond all of them, nearly meeting
    "(z-0.3001)*(z-0.3002)": ("0.3001", "0.3002"), "z**2-0.6003*z+0.09009002": ("0.3001", "0.3002"), "z/1e8-1": ("1e8",),
    "tanh(z/1e8)-0.5": ("54930614.4334054845697622618461262852",), "(z**2+z+0.24999)*cosh(z)": (
        "-0.503162277660168379331998893544433", "-0.496837722339831620668001106455567"),
    "z*(z-0.001)*exp(z)": ("0", "0.001")
}  # fmt: skip


@pytest.mark.parametrize("text", CLOSE)
def test_zeros_that_are_seen_late_are_found(text):
    found = turnings(parse_formula(text))
    with mp.workdps(30):
        apart = [
            abs(mp.mpf(sympy.N(u, 40)) / mp.mpf(v) - 1) if mp.mpf(v) else u
            for u, v in zip(found.zeros, CLOSE[text], strict=True)
        ]
    assert max(apart) < 1e-28
    assert violations(text, found) == 0


@pytest.mark.parametrize("text", [*CLOSE, *(text for text in ZEROS if ZEROS[text] and text[0] not in "|rms(")])
def test_zeros_that_a_search_misses_are_not_passed_by_the_proof(text, monkeypatch):
    monkeypatch.setattr(single, "_places", lambda *_: [])
    with pytest.raises(Unproved):
        turnings(parse_formula(text))


@pytest.mark.parametrize(("text", "said"), [
    ("|sin(z)|", r"0 at more than 8 places, .* without end: hold that still far out, as in sin\(clip\(z, -4, 4\)\)"),
    ("max(z, z+sin(z))", "0 at more than 8 places, as of what oscillates without end"),
    ("max(tanh(z), sin(z))", "its sign far out is not proved, as of what oscillates without end"),
    ("where(where(z > 0, z+1, z-1) > tanh(z), z, 0)", "it jumps at z = 0"),
    ("relu(exp(z-1-sqrt(2))-z+sqrt(2))", "zeros near z = 2.41421 are not ruled out"),
])  # fmt: skip
def test_what_is_not_proved_is_refused_with_the_reason(text, said):
    with pytest.raises(BadValue, match=said):
        parse_formula(text)


@pytest.mark.parametrize(
    ("text", "places"), [("|sin(clip(z, -4, 4))|", 5), ("max(sin(clip(z,-5,5)),cos(clip(z,-5,5)))", 5)]
)
def test_what_oscillates_is_read_where_it_is_held_still_as_the_refusal_says(text, places):
    f = cd.Activation.from_formula("own", text)
    assert len(f.kinks) == places
    assert any(kink.has(sympy.pi) for kink in f.kinks)
    assert cd.verify(cd.Chain(2, f), points=5).passed


def test_where_two_meet_the_flatter_one_holds_and_the_left_of_two_as_steep():
    for above, below, at, owner in (
        (sympy.exp(z), sympy.Integer(2), LOG2, 2), (sympy.Integer(2), sympy.exp(z), LOG2, 2), (z**3, -(z**3), 0, "left"),
        (z, sympy.tanh(2 * z) / 2 + 0 * z, 0, "left"),
    ):  # fmt: skip
        found = by_sign(sympy.exp(z) - 2 if at == LOG2 else z**3, above, below)
        (first, when), (last, _) = found.args
        assert when == (z <= at if owner in ("left", first) else z < at), found
        assert {first, last} == {above, below}


CELU = "Max(0,z)+Min(0,2*(exp(z/2)-1))"


@pytest.mark.parametrize("engine", ["numpy", slow("numba"), "mpmath"])
def test_a_spelt_celu_is_celu_in_every_engine(engine):
    spelt, stated = (cd.Chain(3, cd.Activation.from_formula("own", text)) for text in (CELU, "celu(z, 2)"))
    assert spelt.activations[0].kinks == ()
    for w, b in ((0.8, 0.4), (-1.3, 0.2), (2.0, -0.9)):
        one, other = (cd.evaluate(chain, w, b, y=0.3, engine=engine) for chain in (spelt, stated))
        assert one.sign == other.sign
        assert one.log == pytest.approx(other.log, rel=1e-13)


def test_a_spelt_celu_is_verified_and_a_wrong_factor_is_seen():
    spelt = cd.Chain(3, cd.Activation.from_formula("own", CELU))
    assert cd.verify(spelt, points=10).passed
    d = cd.derive(spelt, "b1")
    assert not cd.verify(spelt, d.replace(2, 1.001 * d.factors[2]), points=10).passed


@pytest.mark.parametrize(
    "text", ["max(0,exp(z)-2)", "|z^3-z|", "where(z**2>2,z,0)", "clip(z^3,-1,8)", "relu(tanh(z)-1/2)"]
)
def test_a_neuron_that_turns_at_such_a_place_is_verified(text):
    f = cd.Activation.from_formula("own", text)
    assert f.kinks
    assert cd.verify(cd.Chain(2, f), points=5).passed
