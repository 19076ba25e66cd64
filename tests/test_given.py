"""A number is one whatever library made it, wherever it is given; True, text and 1.0 are no whole numbers."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.given import floats, generator, is_finite, is_whole, size, up_to, whole_number
from chainderiv.version import __version__

CHAIN = cd.Chain(depth=3)
D = cd.derive(CHAIN, "b1")
SWEPT = cd.sweep(CHAIN, w=cd.Axis(-1, 1, 3), b=0.0)
# where a whole number is taken: the same call with 2 given as something else
TAKES_TWO = {
    "depth": lambda two: cd.Chain(depth=two),
    "index of a factor": lambda two: D.replace(two, D.factors[1]),
    "workers": lambda two: cd.sweep(CHAIN, w=cd.Axis(-1, 1, 3), b=0.0, workers=two),
    "points": lambda two: cd.verify(CHAIN, points=two),
    "layer of a map": lambda two: SWEPT.factor(two),
    "count of an axis": lambda two: cd.Axis(0, 1, two),
    "rng": lambda two: cd.Network([2, two, 2], rng=two),
    "layer of a derivation": lambda two: cd.derive_layers([2, 3, 2]).gradient(f"b{two}_1"),
    "images": lambda two: cd.load_data("digits").take(two),
}


@pytest.mark.parametrize("call", TAKES_TWO.values(), ids=TAKES_TWO)
def test_a_whole_number_of_numpy_is_a_whole_number_wherever_one_is_taken(call):
    want = call(2)
    for two in (np.int64(2), np.uint8(2)):
        made = call(two)
        assert repr(made) == repr(want)
        for one, other in zip(getattr(made, "weights", ()), getattr(want, "weights", ()), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [name for name in TAKES_TWO if name != "layer of a derivation"])
@pytest.mark.parametrize("other", [True, 2.0, "2", None, np.float64(2), np.True_])
def test_what_is_no_whole_number_is_refused_wherever_one_is_taken(name, other):
    if name == "workers" and other is None:  # that is the default
        return
    with pytest.raises(BadValue):
        TAKES_TWO[name](other)


def test_digits_of_an_audit_are_any_finite_number_and_its_effort_a_whole_one():
    assert cd.audit("relu", digits=np.int64(10)).holds
    assert cd.audit("relu", digits=np.float32(10.5), most=np.int64(200)).holds
    for wrong in ({"digits": np.nan}, {"digits": True}, {"digits": "10"}, {"most": 1e3}, {"most": False}):
        with pytest.raises(BadValue, match=next(iter(wrong))):
            cd.audit("relu", **wrong)


def test_a_size_is_finite_and_above_0_or_from_0_on():
    assert size("rate", Fraction(1, 2), zero=False) == 0.5
    assert size("rate", np.float32(0), zero=True) == 0.0
    for wrong in (0, -1, np.inf, np.nan, 10**400, True, "1", None):
        with pytest.raises(BadValue, match="rate is"):
            size("rate", wrong, zero=False)


def test_bounds_of_whole_numbers_are_within_them():
    assert [n for n in range(-1, 5) if is_whole(n, 0, 3)] == [0, 1, 2, 3]
    assert whole_number("n", np.int8(3), 3) == 3
    assert up_to("layer", 3, 3) == 3
    for wrong in (lambda: whole_number("n", 2, 3), lambda: up_to("layer", 4, 3), lambda: up_to("layer", 0, 3)):
        with pytest.raises(BadValue):
            wrong()
    assert not is_finite(1j)


def test_a_run_that_a_whole_number_of_numpy_seeds_is_kept(tmp_path, tiny):
    cd.train(cd.Network([6, 4, 3], rng=np.int64(3)), tiny, epochs=1, rng=np.int64(4), folder=tmp_path)
    assert cd.load_network(tmp_path).seed == 3


def test_a_generator_is_handed_on_and_a_whole_number_seeds_one():
    mine = np.random.default_rng(5)
    assert generator(mine) is mine
    assert generator(np.int64(5)).random() == np.random.default_rng(5).random()


def test_the_citation_states_the_version_that_the_package_has():
    citation = (Path(__file__).parents[1] / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {__version__}\n" in citation
    assert cd.__version__ == __version__


@pytest.mark.parametrize("given", ["1.5", b"1", None, ["1", "2"], [None, 1.0], np.array(["3"]), [[1.0], [1.0, 2.0]], 1j,
                                   np.array([1, 2], "M8[s]"), object], ids=repr)  # fmt: skip
def test_a_text_or_none_is_no_number_for_a_rate_a_sign_or_a_logarithm(given):
    for take in (lambda: cd.LogSign(given, 0.0), lambda: cd.LogSign(1.0, given), lambda: floats("rate", given)):
        with pytest.raises(BadValue, match="give numbers"):
            take()


@pytest.mark.parametrize("given", [1, 1.5, True, [1, 2.5], np.float32(3), [float("nan"), float("inf")], Fraction(1, 3),
                                   [Fraction(1, 3), 2], np.array([1, 2], np.int8), sympy.Rational(1, 4)], ids=repr)  # fmt: skip
def test_numbers_of_every_make_are(given):
    assert floats("rate", given).dtype == np.float64
