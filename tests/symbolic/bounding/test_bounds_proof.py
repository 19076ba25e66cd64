"""What stands behind bounds(): enclosures hold, zeros are all of them, roots have digits, and a grid would not do."""

import mpmath as mp
import pytest
import sympy
from flint import arb
from hypothesis import given, settings, strategies as st
from mpmath import libmp
from sympy import oo

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.functions.enclosing import enclose
from chainderiv.functions.intervals import Interval, working_bits
from chainderiv.functions.turning.root import Root
from chainderiv.symbolic.bounding import scan
from chainderiv.symbolic.bounding.exact_number import exact_number
from chainderiv.symbolic.bounding.isolate import Unproved, zeros
from chainderiv.symbolic.bounding.order import compare
from chainderiv.symbolic.bounding.tail import limit, no_zero_beyond
from chainderiv.symbols import z
from tests import plain
from tests.kinds import slow

erf, exp, tanh = sympy.erf, sympy.exp, sympy.tanh


def number(value, digits=50):
    return mp.mpf(str(sympy.N(value, digits)))


def ends(interval):
    with working_bits(2000):
        return tuple(mp.make_mpf(end._mpf_) for end in (interval.low.lower(), interval.high.upper()))


def holds(interval, value):
    low, high = ends(interval)
    return low <= value <= high


def test_an_enclosure_holds_every_slope_of_the_catalogue():
    judged = []

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.sampled_from(sorted(plain.TERMS)), st.floats(-30, 30), st.floats(0, 4), st.floats(0, 1))
    def an_interval_within_one_branch(name, low, width, share):
        with mp.workdps(60):
            at = mp.mpf(low) + mp.mpf(width) * share
            for part in (p for p in cd.bounds(name)._land.segments if p.left.n() < low and low + width < p.right.n()):
                found = enclose(part.size, Interval(arb(mp.mpf(low)), arb(mp.mpf(low) + width)), 64)
                assert holds(found, abs(plain.phi_prime(name, at))), (name, low, width)
                judged.append(name)

    an_interval_within_one_branch()
    assert len(judged) > 30
    assert len(set(judged)) > 8


def test_zeros_are_all_of_them_also_where_two_are_close():
    near = sympy.Rational(1, 10**9)
    product = (exp(z) - 2) * (z * exp(z) - 1) * (z**2 - 3) * (z - near) * z
    found = zeros(product, -oo, oo)
    with mp.workdps(60):
        want = sorted([mp.log(2), mp.lambertw(1).real, mp.sqrt(3), -mp.sqrt(3), mp.mpf(10) ** -9, mp.mpf(0)])
        assert all(abs(number(f) - w) < mp.mpf(10) ** -45 for f, w in zip(found, want, strict=True))


@pytest.mark.parametrize(
    "expression", [sympy.sin(z), slow(z**2 + exp(z) + exp(-z) - 2), sympy.sin(1 / (z**2 + 1)) - 1 / (z**2 + 1)]
)
def test_what_cannot_be_proved_is_not_claimed(expression):
    """Zeros without end; a double zero that no factor shows; a touching that interval arithmetic cannot resolve."""
    with pytest.raises(Unproved):
        zeros(expression, -oo, oo)


@pytest.mark.parametrize(("expression", "side"), [
    (z * exp(z) - z - 2 * exp(z) - 2, 1), (z * exp(z) - z - 2 * exp(z) - 2, -1), (z**5 - 100 * z**4 + exp(-z), 1),
    (exp(z) - z**20, 1), (exp(-(z**2)) - exp(-40 * z), 1), ((1 + erf(z)) * exp(z) - z**3, 1),
])  # fmt: skip
def test_no_zero_lies_beyond_the_stated_radius(expression, side):
    radius = mp.mpf(int(no_zero_beyond(expression, side)))
    f = sympy.lambdify(z, expression, "mpmath")
    with mp.workdps(400):
        signs = {mp.sign(f(side * radius * (1 + mp.mpf(k) / 7))) for k in range(300)}
    assert len(signs) == 1
    assert signs != {0}


def test_limits_far_out_come_from_the_leading_terms():
    assert limit(z * exp(z) / (1 + exp(z)) ** 2, 1) == limit(z * exp(z) / (1 + exp(z)) ** 2, -1) == 0
    assert limit((3 * exp(2 * z) + z) / (2 * exp(2 * z) - z**9), 1) == sympy.Rational(3, 2)
    assert limit(-(z**3) / (1 + z), -1) == -oo


def test_a_root_has_three_hundred_digits_and_counts_as_a_number():
    root = Root(z * tanh(z / 2) - 2, 2, 3)
    with mp.workdps(310):
        by_hand = mp.findroot(lambda t: t * mp.tanh(t / 2) - 2, 2.4)
        assert abs(number(root, 305) - by_hand) < mp.mpf(10) ** -300
        assert (
            abs(number((root + 2) / 4 - sympy.log(root), 305) - ((by_hand + 2) / 4 - mp.log(by_hand)))
            < mp.mpf(10) ** -299
        )
    assert root > 2
    assert root.is_positive
    assert root.subs(z, 1) == root
    assert sympy.diff(root * z, z) == root
    low, high = ends(root.enclose(200))
    with mp.workdps(80):
        assert (low * mp.tanh(low / 2) - 2) * (high * mp.tanh(high / 2) - 2) <= 0


def test_a_root_between_numbers_of_one_sign_is_refused():
    with pytest.raises(BadValue, match="does not change its sign"):
        Root(z**2 + 1, 0, 1).n()


NARROW = [slow((10**3, 0)), (10**6, 0), slow((10**6, sympy.Rational(1, 777)))]


@pytest.mark.parametrize(("narrow", "shift"), NARROW)
def test_a_peak_between_the_points_of_a_grid_is_found_and_certified(narrow, shift):
    """σ' and a peak of height 2/√π at 3, under 1e-3 or 1e-6 wide: a grid does not see it, and the proof does."""
    centre = 3 + shift
    neuron = cd.Activation("hidden", 1 / (1 + exp(-z)) + erf(narrow * (z - centre)) / narrow)
    if shift:
        turns = scan.zeros(sympy.diff(neuron.formula, z, 2), sympy.Integer(-16), sympy.Integer(16))
        assert [round(float(p), 6) for p in turns] == [0]
    found = cd.bounds(neuron)
    with mp.workdps(40):
        at = number(sympy.Integer(1) * centre)

        # φ' = σ'(t) + 2/√π exp(-(N (t - c))²), whose top is where φ'' is 0
        def second(t):
            peak = mp.exp(-((narrow * (t - at)) ** 2))
            return -mp.tanh(t / 2) * plain.sigmoid_prime(t) - 4 * narrow**2 * (t - at) / mp.sqrt(mp.pi) * peak

        top = mp.findroot(
            second, (at - mp.mpf(1) / narrow / 10, at + mp.mpf(1) / narrow / 10), solver="anderson", tol=1e-60
        )
        height = plain.sigmoid_prime(top) + 2 / mp.sqrt(mp.pi) * mp.exp(-((narrow * (top - at)) ** 2))
        assert abs(number(found.supremum) - height) < mp.mpf(10) ** -30
    assert found.certainty["supremum"] == "certified numeric"
    assert not right_supremum(neuron, sympy.Rational(1, 4))
    assert right_supremum(neuron, found.supremum)


def right_supremum(neuron, claimed):
    """Whether no |φ'| on a fine grid, and beside each maximum that bounds() names, exceeds a claim, and one reaches it."""
    f = sympy.lambdify(z, neuron.derivative, "mpmath")
    with mp.workdps(40):
        claimed = number(claimed)
        named = [number(node.point) for node in cd.bounds(neuron)._land.nodes]
        spread = [p + s * mp.mpf(10) ** -k for p in named for k in range(1, 12) for s in (-1, 1)]
        largest = max(abs(f(p)) for p in [*named, *spread, *(mp.mpf(k) / 50 for k in range(-500, 501))])
        return abs(largest - claimed) < mp.mpf(10) ** -20


@pytest.mark.parametrize("wrong", ["0.2501", "0.2499", "0.250000000001"])
def test_a_wrong_supremum_is_seen(wrong):
    sigmoid = cd.bounds("sigmoid").activation
    assert right_supremum(sigmoid, sympy.Rational(1, 4))
    assert not right_supremum(sigmoid, sympy.Rational(wrong))


def test_an_order_is_proved_and_equal_numbers_are_equal():
    assert compare(sympy.sqrt(2) + sympy.sqrt(3), sympy.sqrt(5 + 2 * sympy.sqrt(6))) == 0
    assert compare(sympy.pi, sympy.Rational(355, 113)) == -1
    assert compare(sympy.zeta(3), sympy.Rational(6, 5)) == 1
    assert (
        compare(exp(1), 1 + sum((sympy.Rational(1, sympy.factorial(k)) for k in range(1, 40)), sympy.Integer(0))) == 1
    )
    assert (compare(oo, 10), compare(-oo, oo), compare(oo, oo)) == (1, -1, 0)


def test_two_numbers_that_nothing_tells_apart_are_one_to_a_grid_alone_and_to_no_proof():
    root_of_sine = Root(-sympy.sin(z), sympy.Rational(3141, 1000), sympy.Rational(1571, 500))  # π in other words
    with pytest.raises(Unproved, match="told apart"):
        compare(root_of_sine, sympy.pi)
    assert scan.compare(root_of_sine, sympy.pi) == 0
    assert scan.alike([root_of_sine, sympy.pi, sympy.E]) == {v: v for v in (sympy.pi, sympy.E)} | {
        root_of_sine: sympy.pi
    }


def test_a_supremum_is_certified_only_where_it_is_proved_to_be_reached():
    # two cosines are <= 2 by their enclosure, and 2 at 0; two sines nowhere, and their largest was seen alone
    two = sympy.sqrt(2)
    wave = {f: cd.bounds(cd.Activation("wave", f(z) + f(two * z) / two)) for f in (sympy.sin, sympy.cos)}
    assert str(wave[sympy.sin].certainty["supremum"]) == "exact"
    assert str(wave[sympy.cos].certainty["supremum"]) == "numeric"


@pytest.mark.parametrize(
    ("formula", "by_mpmath"),
    [
        ("erf(z)+erf(z-3)", lambda t: mp.erf(t) + mp.erf(t - 3)),
        slow(("erf(z)+atan(z-3)+erf(z-6)", lambda t: mp.erf(t) + mp.atan(t - 3) + mp.erf(t - 6))),
    ],
)
def test_two_heights_that_cannot_be_told_apart_make_a_bound_numeric_and_not_refused(formula, by_mpmath):
    found = cd.bounds(cd.Activation.from_formula("twice", formula))
    steepest = max(mp.diff(by_mpmath, mp.mpf(k) / 100) for k in range(-300, 900))
    assert 0 <= mp.mpf(sympy.N(found.supremum, 30)) - steepest < 1e-3
    assert str(found.certainty["supremum"]) == "numeric"
    assert "numeric" in str(found)


def test_a_weight_whose_level_cannot_be_told_from_a_height_is_refused_by_name():
    root_of_sine = Root(-sympy.sin(z), sympy.Rational(3141, 1000), sympy.Rational(1571, 500))
    arctan = cd.Activation("steep", sympy.atan(z) / sympy.pi)  # |φ'| <= 1/π
    with pytest.raises(BadValue, match="give another w"):
        cd.bounds(arctan).interval(root_of_sine)


def test_an_order_that_cannot_be_proved_is_refused():
    with pytest.raises(BadValue, match="cannot be proved"):
        compare(sympy.polylog(2, sympy.Rational(1, 3)), sympy.Rational(1, 3))


@pytest.mark.parametrize(("given_", "want"), [(6.9, (69, 10)), ("13/2", (13, 2)), ("-1e-3", (-1, 1000)), (7, (7, 1))])
def test_a_number_is_read_as_it_is_written(given_, want):
    assert exact_number("w", given_) == sympy.Rational(*want)


@pytest.mark.parametrize(
    "wrong", ["1/0", "1e9999", "1e999", "__import__('os')", "9**9**9", "", "1/2/3", True, 1j, "inf"]
)
def test_what_is_no_number_is_refused_at_once(wrong):
    with pytest.raises(BadValue, match="w is"):
        exact_number("w", wrong)


def test_mpmath_s_own_precision_is_left_alone():
    before = mp.mp.dps
    cd.bounds("gelu").interval("3.7").z_set.n(80)
    assert mp.mp.dps == before
    assert libmp.prec_to_dps(53) == 15
