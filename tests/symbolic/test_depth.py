"""Nothing meets the recursion limit at any depth, and deriving does work in proportion to what is read."""

import sys

import pytest

import chainderiv as cd
from chainderiv.errors import BadValue, TooDeep
from chainderiv.symbolic.derivation import Derivation

DEEP = [10_000, 1_000_000]


@pytest.fixture
def shallow_stack():
    """A recursion limit that any recursion over layers would meet at once."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("shallow_stack")
@pytest.mark.parametrize("wrt", ["b1", "w5000", "x"])
@pytest.mark.parametrize("depth", DEEP)
def test_everything_that_is_read_of_a_deep_derivation_comes_without_recursion(depth, wrt):
    d = cd.derive(cd.Chain(depth), wrt)
    assert len(d.factors) == 2 * (depth - d.start + 1) + (wrt != "b1")
    assert str(d.factors[-1]) == f"dC/da_{depth}"
    assert str(d.factors[-2]) == f"sigmoid'(z_{depth})"
    assert str(d.links[-1]) == f"w_{depth}*sigmoid'(z_{depth})"
    assert len(d.assignments) == 2 * depth
    assert str(d.assignments[-2][1]) == f"a_{depth - 1}*w_{depth} + b_{depth}"
    assert d.steps[0].name == "BP1"
    assert len(d.steps) == depth - d.start + 2
    for shown in (repr(d), repr(d.factors), repr(d.links), repr(d.chain), d._repr_latex_(), d._repr_html_()):
        assert len(shown) < 5000
    assert d.replace(-1, 0).factors[-1] == 0
    assert len(d.to("numpy")) < 5000


@pytest.mark.usefixtures("shallow_stack")
def test_the_whole_of_ten_thousand_layers_is_printed():
    for target in ("unicode", "mathml"):
        text = cd.derive(cd.Chain(10_000), "b1").to(target)
        assert ("10000" if target != "unicode" else "₁₀₀₀₀") in text


def test_substitute_serves_to_depth_30_and_refuses_31_with_what_serves_deeper():
    assert cd.derive(cd.Chain(30), "b1").substitute().free_symbols
    with pytest.raises(TooDeep) as caught:
        cd.derive(cd.Chain(31), "b1").substitute()
    for word in ("31", "30", ".assignments", ".to('numpy')"):
        assert word in str(caught.value)


@pytest.mark.parametrize("depth", [10, 100, 1000])
def test_reading_every_factor_makes_each_once(depth, monkeypatch):
    made = []
    make = Derivation.symbol_of
    monkeypatch.setattr(Derivation, "symbol_of", lambda self, place: made.append(place) or make(self, place))
    d = cd.derive(cd.Chain(depth), "b1")
    assert not made
    assert len(list(d.factors)) == 2 * depth
    assert len(made) == 2 * depth


@pytest.mark.parametrize("depth", [10, 100, 1000])
def test_printing_makes_each_factor_a_fixed_number_of_times(depth, monkeypatch):
    made = []
    make = Derivation.symbol_of
    monkeypatch.setattr(Derivation, "symbol_of", lambda self, place: made.append(place) or make(self, place))
    str(cd.derive(cd.Chain(depth), "b1"))
    assert len(made) <= 2 * 2 * depth


def test_a_sequence_of_factors_behaves_as_a_list():
    factors = cd.derive(cd.Chain(3), "b1").factors
    assert factors == list(factors)
    assert factors[1:3] == list(factors)[1:3]
    assert factors[-1] == list(factors)[-1]
    with pytest.raises(IndexError):
        factors[6]


BAD_DEPTHS = [0, -1, 1.5, 2.0, True, "4", None, 1_000_001, float("nan")]


@pytest.mark.parametrize("depth", BAD_DEPTHS)
def test_a_depth_that_is_no_whole_number_in_range_is_refused(depth):
    with pytest.raises(BadValue, match="give a whole number from 1 to 1000000") as caught:
        cd.Chain(depth)
    assert repr(depth) in str(caught.value)
