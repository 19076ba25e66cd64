"""Slopes that are periodic: the largest, its places and the amplifying sets, by mpmath's own eyes on one period."""

from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.symbolic.bounding.periodic import period_of, periodic_zeros
from chainderiv.symbols import z

pi = sympy.pi
# φ, φ' by hand, the period of |φ'|
WAVES = {
    "z + sin(z)**2": (lambda t: 1 + mp.sin(2 * t), pi),
    "z + sin(3*z)**2/3": (lambda t: 1 + mp.sin(6 * t), pi / 3),
    "sin(z)": (mp.cos, pi),
    "cos(z/10)": (lambda t: -mp.sin(t / 10) / 10, 10 * pi),
    "z + sin(2*z + 1)": (lambda t: 1 + 2 * mp.cos(2 * t + 1), pi),
    "sin(z) + sin(2*z)/3": (lambda t: mp.cos(t) + 2 * mp.cos(2 * t) / 3, 2 * pi),
    "sin(z)**3": (lambda t: 3 * mp.sin(t) ** 2 * mp.cos(t), pi),
    "2*z + sin(z) + cos(3*z)/4": (lambda t: 2 + mp.cos(t) - 3 * mp.sin(3 * t) / 4, 2 * pi),
    "1/(2 + cos(z))": (lambda t: mp.sin(t) / (2 + mp.cos(t)) ** 2, 2 * pi),
    "sin(pi*z)": (lambda t: mp.pi * mp.cos(mp.pi * t), sympy.Integer(1)),
    "z + cos(12345*z)": (lambda t: 1 - 12345 * mp.sin(12345 * t), 2 * pi / 12345),
}


def own(text):
    return cd.bounds(cd.Activation("own", cd.parse_formula(text)))


def number(value):
    if value in (sympy.oo, -sympy.oo):
        return mp.inf if value > 0 else -mp.inf
    return mp.mpf(str(value.n(mp.mp.dps)))


def places(argument):
    """The first of each and the step."""
    sets = argument.args if isinstance(argument, sympy.Union) else (argument,)
    each = [(lambda n: sympy.Integer(n)) if s is sympy.S.Integers else s.lamda for s in sets]
    return [(number(at(0)), number(at(1) - at(0))) for at in each]


@pytest.mark.parametrize("text", WAVES)
def test_the_largest_slope_of_a_period_is_that_of_the_line_and_is_reached_wherever_it_is_said(text):
    slope, period = WAVES[text]
    found = own(text)
    assert set(map(str, found.certainty.values())) <= {"exact", "certified numeric"}
    assert found.attained
    assert not found.strict
    with mp.workdps(30):
        length = number(period)
        top = number(found.supremum)
        for first, step in places(found.argument):
            assert abs(step - length) < mp.mpf(10) ** -25
            for n in (-3, 0, 1, 1000):
                assert abs(abs(slope(first + n * step)) - top) < top * mp.mpf(10) ** -20
        grid = [length * (k + mp.mpf(1) / 3) / 197 for k in range(197)]
        assert max(abs(slope(t)) for t in grid) <= top
        assert found.smallest_weight == 1 / found.supremum
        # the places are all: on no other stretch of a period does the slope come near to its largest
        for t in grid:
            apart = min(
                abs(mp.frac((t - first) / step + mp.mpf(1) / 2) - mp.mpf(1) / 2)
                for first, step in places(found.argument)
            )
            assert abs(slope(t)) < top * (1 - mp.mpf(10) ** -5) or apart < 0.05


@pytest.mark.parametrize("share", ["9/10", "1", "51/50", "-4", "1000"])
@pytest.mark.parametrize("text", WAVES)
def test_the_set_of_one_period_repeated_is_the_amplifying_set(text, share):
    slope, period = WAVES[text]
    bounds = own(text)
    weight = sympy.Rational(share) * sympy.nsimplify(bounds.smallest_weight.n(20), rational=True)
    found = bounds.interval(weight, b=sympy.Rational(1, 3))
    assert str(found.certainty) in ("exact", "certified numeric")
    with mp.workdps(40):
        w, length = mp.mpf(weight.p) / weight.q, number(period)
        parts = found.z_set.args if isinstance(found.z_set, sympy.Union) else [found.z_set]
        ends = [] if found.z_set is sympy.S.EmptySet else [[number(e) for e in (p.inf, p.sup)] for p in parts]
        assert (found.period is None) == (ends == [[-mp.inf, mp.inf]])
        if found.period is not None:
            assert abs(number(found.period) - length) < mp.mpf(10) ** -30
            whole = mp.fsum(high - low for low, high in ends)
            assert abs(whole - number(found.z_width)) < mp.mpf(10) ** -30
            assert abs(whole / abs(w) - number(found.a_width)) < mp.mpf(10) ** -30
            assert max((high for _, high in ends), default=0) - min((low for low, _ in ends), default=0) <= length
        for k in range(80):
            t = (k - 40) * length * mp.sqrt(2) / 37
            gap = abs(w * slope(t)) - 1
            again = t if found.period is None or not ends else t - mp.floor((t - min(ends)[0]) / length) * length
            if abs(gap) > 1e-12:
                assert any(low <= again <= high for low, high in ends) == (gap > 0), (t, gap)


def test_every_weight_beyond_the_smallest_amplifies_a_set_without_end():
    found = cd.bounds("snake").widest
    assert (found.width, found.weight, found.attained) == (sympy.oo, sympy.Rational(1, 2), False)
    assert cd.bounds("snake").interval("1/2").z_set == sympy.FiniteSet(sympy.pi / 4)
    assert cd.bounds("snake").interval("49/100").z_set is sympy.S.EmptySet
    text = str(cd.bounds("snake"))
    assert "2 at z = pi/4 = 0.785398163397, and again every pi = 3.14159265359   [exact]" in text
    assert "alone" not in text
    assert own("2*z + sin(z)").interval(1).z_set == sympy.S.Reals
    assert cd.bounds("snake").interval(1).period == sympy.pi
    assert cd.bounds("tanh").interval(2).period is None


@pytest.mark.parametrize("expression", [
    sympy.cos(2 * z), sympy.sin(3 * z) - sympy.Rational(1, 2), sympy.cos(z) + 2 * sympy.cos(2 * z), 1 + sympy.cos(z),
    sympy.sin(z / 3 + 1) + sympy.sin(z + 3) / 2, sympy.cos(sympy.pi * z) - sympy.Rational(1, 3), 2 + sympy.sin(z),
])  # fmt: skip
def test_algebra_finds_every_zero_between_two_numbers(expression):
    found = periodic_zeros(expression, sympy.Integer(-7), sympy.Integer(9))
    if found is None:
        pytest.fail("algebra has these")
    f = sympy.lambdify(z, expression, "mpmath")
    with mp.workdps(30):
        at = sorted(number(p) for p in found)
        assert all(abs(f(p)) < mp.mpf(10) ** -25 for p in at)
        assert all(later - earlier > 1e-6 for earlier, later in pairwise(at))
        grid = np.linspace(-7, 9, 4001)[1:-1]
        signs = [mp.sign(f(mp.mpf(float(t)))) for t in grid]
        turns = [float(t) for t, one, other in zip(grid, signs, signs[1:], strict=False) if one * other < 0]
        assert len(at) >= len(turns)
        assert all(min(abs(float(p) - t) for p in at) < 0.01 for t in turns)


@pytest.mark.parametrize("expression", [
    sympy.sin(z) + sympy.sin(sympy.sqrt(2) * z), z * sympy.sin(z), sympy.sin(z**2), sympy.exp(sympy.sin(z)) + z,
    sympy.tanh(z), sympy.Integer(3),
])  # fmt: skip
def test_what_has_no_common_measure_or_stands_outside_the_waves_has_no_period(expression):
    assert period_of(expression) is None


def test_a_zero_that_is_left_out_and_a_period_that_is_half_are_seen():
    """What the tests above ask for is not there where a place, or a piece of the set, is missing."""
    found = own("sin(z) + sin(2*z)/3")
    slope, period = WAVES["sin(z) + sin(2*z)/3"]
    with mp.workdps(30):
        length, (first, step) = number(period), places(found.argument)[0]
        assert abs(abs(slope(first + step / 2)) - number(found.supremum)) > 0.1
        assert step == pytest.approx(float(length))
        two = found.interval(40)
        assert isinstance(two.z_set, sympy.Union)
        missing = two.z_set.args[1]
        inside = mp.mpf(str(((missing.inf + missing.sup) / 2).n(30)))
        assert abs(40 * slope(inside)) > 1
        assert not two.z_set.args[0].contains(missing.inf)


@pytest.mark.parametrize(("text", "plain"), [
    ("abs(erf(z) - 1/2)", "erf(z)"), ("abs(tanh(z) - 1/3)", "tanh(z)"), ("abs(atan(z) - 1)", "atan(z)"),
    ("abs(erf(z)*3 + z - 1)", "erf(z)*3 + z"),
])  # fmt: skip
def test_a_kink_that_turns_the_sign_of_a_slope_changes_none_of_its_bounds(text, plain):
    found, without = own(text), own(plain)
    assert (found.supremum, found.argument, found.attained) == (without.supremum, without.argument, without.attained)
    assert found.certainty["supremum"] is cd.Certainty.EXACT
    with mp.workdps(30):
        one, other = (number(b.widest.width) for b in (found, without))
        assert one == other or abs(one - other) < mp.mpf(10) ** -15
    for w in ("3/2", "7"):
        one, other = (number(b.interval(w).z_width) for b in (found, without))
        assert one == other or abs(one - other) < mp.mpf(10) ** -15
