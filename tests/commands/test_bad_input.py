"""Every wrong value gets one line: what was given and what is allowed."""

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadShape, BadValue, ChainderivError, CostDomain, UnknownName

FOUR = cd.Chain(4)
NAN, INF = float("nan"), float("inf")
AXIS = cd.Axis(-1, 1, 3)


def derive(wrt):
    return lambda: cd.derive(FOUR, wrt)


def at(*given, **named):
    return lambda: cd.evaluate(FOUR, *given, **named)


def swept(**named):
    return lambda: cd.sweep(FOUR, **named)


def axis(*given, **named):
    return lambda: cd.Axis(*given, **named)


def checked(**named):
    return lambda: cd.verify(FOUR, **named)


TABLE = [
    # what is done, the error, a word of the line
    (lambda: cd.Chain(0), BadValue, "depth is 0"),
    (lambda: cd.Chain(1.5), BadValue, "depth is 1.5"),
    (lambda: cd.Chain(True), BadValue, "depth is True"),
    (lambda: cd.Chain("4"), BadValue, "depth is '4'"),
    (lambda: cd.Chain(10**7), BadValue, "1000000"),
    (lambda: cd.Chain(4, "sigmod"), UnknownName, "did you mean 'sigmoid'"),
    (lambda: cd.Chain(4, None), ChainderivError, "None"),
    (lambda: cd.Chain(2, ["relu"]), BadShape, "one per layer"),
    (lambda: cd.Chain(2, ["relu", "tnh"]), UnknownName, "did you mean 'tanh'"),
    (lambda: cd.Chain(2, []), BadShape, "one per layer"),
    (lambda: cd.Chain(4, cost="quadratik"), UnknownName, "did you mean 'quadratic'"),
    (lambda: cd.Chain(4, "relu", "cross_entropy"), CostDomain, "sigmoid"),
    (lambda: cd.Chain(4, "sigmoid", "log_likelihood"), CostDomain, "cross_entropy"),
    (derive("b9"), BadValue, "'b9' is not in a chain of depth 4"),
    (derive("b0"), BadValue, "b0"),
    (derive("w5"), BadValue, "w1 … w4"),
    (derive("q1"), BadValue, "q1"),
    (derive(""), BadValue, "give b1"),
    (derive(None), BadValue, "None"),
    (derive("b1\n"), BadValue, "give b1"),
    (at(1.0, 0.0, wrt="b9"), BadValue, "b9"),
    (at(NAN, 0.0), BadValue, "w holds nan"),
    (at(1.0, [0, 0, INF, 0]), BadValue, "b holds inf"),
    (at(1.0, 0.0, x=NAN), BadValue, "x holds nan"),
    (at(1.0, 0.0, y=-INF), BadValue, "y holds -inf"),
    (at("1..0", 0.0), BadValue, "give finite numbers"),
    (at(1j, 0.0), BadValue, "give finite numbers"),
    (at([1.0, 2.0], 0.0), BadShape, "4"),
    (at(np.ones((2, 5)), 0.0), BadShape, "(2, 5)"),
    (at(np.ones((2, 4)), np.ones((3, 4))), BadShape, "broadcast"),
    (at(np.ones((2, 4)), 0.0, x=np.ones(3)), BadShape, "broadcast"),
    (at([[1.0], [1.0, 2.0]], 0.0), ChainderivError, "w"),
    (at(1.0), BadValue, "give one of the two"),
    (at(1.0, 0.0, z=0.0), BadValue, "give one of the two"),
    (at(1.0, 0.0, engine="numba!"), UnknownName, "numpy"),
    (at(1.0, 0.0, engine="mpmat"), UnknownName, "did you mean 'mpmath'"),
    (lambda: cd.condition(FOUR, NAN, 0.0), BadValue, "w holds nan"),
    (axis(1, -1, 5), BadValue, "the smaller first"),
    (axis(1, 1, 5), BadValue, "the smaller first"),
    (axis(1, 10**310, 5), BadValue, "give finite numbers"),
    (axis(-1.7e308, 1.7e308, 5), BadValue, "give ends less than 1.79e308 apart"),
    (axis(0, 1, 0), BadValue, "axis count is 0"),
    (axis(0, 1, 1), BadValue, "axis count is 1"),
    (axis(0, 1, 2.5), BadValue, "axis count is 2.5"),
    (axis(0, 1, True), BadValue, "axis count is True"),
    (axis(NAN, 1, 5), BadValue, "finite"),
    (axis(0, INF, 5), BadValue, "finite"),
    (axis("0", 1, 5), BadValue, "finite"),
    (axis(0, 1, 5, scale="log"), BadValue, "positive"),
    (axis(1, 2, 5, scale="cubic"), BadValue, "'linear' or 'log'"),
    (lambda: cd.Axis.parse("1:2"), BadValue, "start:stop:count"),
    (lambda: cd.Axis.parse("1:2:3:lin"), BadValue, "'log'"),
    (lambda: cd.Axis.parse("1:2:x"), BadValue, "start:stop:count"),
    (lambda: cd.Axis.parse(""), BadValue, "start:stop:count"),
    (lambda: cd.Axis.parse("2:1:3"), BadValue, "the smaller first"),
    (swept(), BadValue, "w"),
    (swept(w=1, b=0), BadValue, "nothing is swept"),
    (swept(w=AXIS), BadValue, "neither b nor z"),
    (swept(b=AXIS), BadValue, "w is not given"),
    (swept(w1=AXIS, b=0), BadValue, "w is not given"),
    (swept(w=AXIS, b=0, z=0), BadValue, "z and b are both given"),
    (swept(w=AXIS, z=0, b2=1), BadValue, "z and b2 are both given"),
    (swept(w=AXIS, b=0, b9=1), BadValue, "b9"),
    (swept(w=AXIS, b=0, z3=1), BadValue, "z3"),
    (swept(w=AXIS, b=0, depth=3), BadValue, "depth"),
    (swept(w=AXIS, b=0, w0=3), BadValue, "w0"),
    (swept(w=AXIS, b=0, w02=3), BadValue, "w02"),
    (swept(w=AXIS, b=NAN), BadValue, "b holds nan"),
    (swept(w=AXIS, b=[1, 2]), BadValue, "b is an array"),
    (swept(w=AXIS, b="one"), BadValue, "b is 'one'"),
    (swept(w=AXIS, b=0, wrt="b9"), BadValue, "b9"),
    (swept(w=AXIS, b=0, engine="cuda"), UnknownName, "cuda"),
    (checked(points=0), BadValue, "points is 0"),
    (checked(points=1.5), BadValue, "points is 1.5"),
    (checked(points=True), BadValue, "points is True"),
    (checked(methods=("complex stp",)), UnknownName, "did you mean 'complex step'"),
    (checked(derivation=cd.derive(cd.Chain(3), "b1")), BadValue, "derive it from that chain"),
    (checked(rng="seed"), ChainderivError, "rng"),
    (checked(rng=-1), ChainderivError, "rng"),
    (lambda: cd.derive(FOUR, "b1").to("tex"), UnknownName, "latex"),
    (lambda: cd.derive(cd.Chain(31), "b1").substitute(), ChainderivError, ".assignments"),
]


@pytest.mark.parametrize(("act", "kind", "word"), TABLE, ids=[f"{i}-{row[2]}" for i, row in enumerate(TABLE)])
def test_a_wrong_value_gets_one_line_that_names_it(act, kind, word):
    with pytest.raises(kind) as caught:
        act()
    line = str(caught.value)
    assert isinstance(caught.value, ChainderivError)
    assert "\n" not in line
    assert word in line
    assert len(line) < 400


def test_an_unknown_name_prints_without_the_quotes_of_a_key_error():
    assert str(UnknownName("activation 'x' is unknown")) == "activation 'x' is unknown"


def test_a_long_list_is_not_repeated_whole():
    with pytest.raises(ChainderivError) as caught:
        cd.Chain(3, ["relu"] * 5000)
    assert len(str(caught.value)) < 200
