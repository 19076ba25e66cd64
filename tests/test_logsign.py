"""LogSign's algebra, against mpmath."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import chainderiv as cd
from chainderiv.errors import BadShape, BadValue, ChainderivError
from tests.helpers import assert_same, same

FEW = settings(max_examples=150, deadline=None, derandomize=True)
logs = st.floats(-1e5, 1e5)
signs = st.sampled_from((-1.0, 1.0))
numbers = st.builds(cd.LogSign, signs, logs)
with_zero = st.one_of(numbers, st.just(cd.LogSign(0.0, -np.inf)))
lists = st.lists(with_zero, min_size=1, max_size=8)
ROOM = 1e5  # one rounding or a few roundings of logarithms up to 1e5, in units of ε


def exact(value):
    return mp.mpf(float(value.sign)) * mp.exp(mp.mpf(float(value.log))) if value.sign else mp.mpf(0)


def rounded(value):
    return cd.LogSign(float(mp.sign(value)), float(mp.log(abs(value)))) if value else cd.LogSign(0.0, -np.inf)


def stack(values):
    return cd.LogSign([v.sign for v in values], [v.log for v in values])


@FEW
@given(with_zero, with_zero, with_zero)
def test_multiplication_is_associative_and_commutative(p, q, r):
    assert_same((p * q) * r, p * (q * r), ROOM)
    assert_same(p * q, q * p)


@FEW
@given(lists)
def test_a_product_is_the_sum_of_logarithms_and_the_product_of_signs(values):
    with mp.workdps(60):
        want = rounded(mp.fprod(exact(v) for v in values))
    assert_same(stack(values).product(), want, ROOM)


@FEW
@given(lists, st.sampled_from((1, 2)))
def test_norms_are_mpmath_s(values, order):
    with mp.workdps(60):
        want = rounded(mp.root(mp.fsum(abs(exact(v)) ** order for v in values), order))
    assert_same(stack(values).norm(order), want, ROOM)


@FEW
@given(with_zero, with_zero)
def test_sums_are_mpmath_s_relative_to_the_larger_term(p, q):
    with mp.workdps(200):
        want = exact(p) + exact(q)
        got, larger = exact(p + q), max(abs(exact(p)), abs(exact(q)))
        # the logarithms themselves are exact inputs; exp of their difference is good to |log| ε
        assert abs(got - want) <= larger * mp.mpf(2) ** -52 * 1e6 if larger else got == 0


@FEW
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_ordinary_numbers_come_back(value):
    back = cd.LogSign.from_float(value).to_float()
    assert back == 0 if value == 0 else abs(back - value) <= 2e-13 * abs(value) or abs(value) < 1e-307


@FEW
@given(numbers, st.integers(-4, 4))
def test_whole_powers_are_repeated_products(p, n):
    if n >= 0:
        want = cd.LogSign.from_float(1.0)
        for _ in range(n):
            want = want * p
    else:
        want = cd.LogSign(p.sign if n % 2 else 1.0, n * p.log)
    assert_same(p**n, want, ROOM)


@FEW
@given(numbers, numbers)
def test_division_undoes_multiplication(p, q):
    assert_same((p * q) / q, p, ROOM)


def test_a_square_root_halves_the_logarithm_and_a_negative_one_has_none():
    assert_same(cd.LogSign(1.0, -1000.0) ** 0.5, cd.LogSign(1.0, -500.0))
    root = cd.LogSign(-1.0, -1000.0) ** 0.5
    assert np.isnan(root.sign)
    assert np.isnan(root.log)


ZERO, ONE = cd.LogSign(0.0, -np.inf), cd.LogSign(1.0, 0.0)


@pytest.mark.parametrize("made", [
    ZERO * ONE, ONE * 0.0, 0.0 * ONE, -ZERO, abs(ZERO), ZERO**2, ONE - ONE, ZERO + ZERO, cd.LogSign.from_float(0.0),
    cd.LogSign.from_float(-0.0), ZERO * cd.LogSign(1.0, np.inf), stack([ZERO, ONE]).product(), stack([ZERO, ZERO]).norm(),
])  # fmt: skip
def test_zero_is_sign_0_and_log_minus_infinity(made):
    assert made.sign == 0
    assert np.isneginf(made.log)
    assert made.to_float() == 0


def test_zero_to_the_zeroth_is_one_and_its_inverse_is_infinite():
    assert (ZERO**0).to_float() == 1
    assert (ZERO**-1).log == np.inf


def test_negatives():
    minus = cd.LogSign.from_float(-2.5)
    assert (minus.sign, abs(minus).sign, (-minus).sign) == (-1, 1, 1)
    assert (minus * minus).to_float() == pytest.approx(6.25, rel=1e-15)
    assert (2 * minus).to_float() == pytest.approx(-5, rel=1e-15)
    assert (3.0 + minus).to_float() == pytest.approx(0.5, rel=1e-14)
    assert (minus - 1.0).to_float() == pytest.approx(-3.5, rel=1e-15)


def test_what_leaves_float64_becomes_zero_or_infinity_without_a_warning():
    assert cd.LogSign(-1.0, -1e6).to_float() == 0
    assert cd.LogSign(-1.0, 1e6).to_float() == -np.inf
    assert cd.LogSign.from_float(np.inf).log == np.inf
    assert np.isnan(cd.LogSign.from_float(np.nan).log)
    assert cd.LogSign(1.0, -1000.0).log10 == pytest.approx(-1000 / np.log(10), rel=1e-15)


def test_arrays_are_held_indexed_and_reduced_along_an_axis():
    grid = cd.LogSign.from_float([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])
    assert grid.shape == (2, 3)
    assert grid[1, 2].sign == -1
    np.testing.assert_allclose(grid.product(axis=1).to_float(), [-6, -2], rtol=1e-14, atol=0)
    np.testing.assert_allclose(grid.norm(1, axis=0).to_float(), [1.5, 6, 4], rtol=1e-14, atol=0)
    np.testing.assert_allclose(grid.norm(2, axis=1).to_float(), np.sqrt([14, 17.25]), rtol=1e-14, atol=0)
    assert cd.LogSign(1.0, [1.0, 2.0]).sign.tolist() == [1, 1]


def test_a_float_times_a_numpy_array_broadcasts():
    assert (cd.LogSign.from_float([1.0, 2.0]) * np.array([3.0, -4.0])).sign.tolist() == [1, -1]


def test_shapes_that_do_not_fit_are_refused_in_one_line():
    with pytest.raises(BadShape, match="give shapes that broadcast") as caught:
        cd.LogSign([1.0, 1.0], [0.0, 0.0, 0.0])
    assert isinstance(caught.value, ChainderivError)
    assert "\n" not in str(caught.value)


def test_an_algebra_with_a_flipped_sign_or_a_lost_logarithm_would_be_seen():
    p, q = cd.LogSign(-1.0, 3.0), cd.LogSign(1.0, -7.0)
    assert not same(-(p * q), p * q, ROOM)
    assert not same(cd.LogSign(-1.0, -4.0 + 1e-8), p * q, ROOM)


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__mul__", "__truediv__"])
def test_shapes_that_do_not_broadcast_are_told(operation):
    two, three = cd.LogSign.from_float([1.0, 2.0]), cd.LogSign.from_float([1.0, 2.0, 3.0])
    for other in (three, [1.0, 2.0, 3.0]):
        with pytest.raises(BadShape, match=r"shapes \(2,\) and \(3,\)"):
            getattr(two, operation)(other)


def decimal(value, digits):
    """A LogSign's number with so many digits, by mpmath."""
    return mp.nstr(exact(value), digits, strip_zeros=False, min_fixed=0, max_fixed=0)


@FEW
@given(numbers, st.integers(2, 9))
def test_a_format_prints_the_number_beyond_float64_as_mpmath_does(value, digits):
    got = f"{value:.{digits - 1}e}"
    with mp.workdps(60):
        want = decimal(value, digits)
        # a digit at half may be rounded either way: the logarithm holds it to 1e-11
        assert abs(mp.mpf(got) / mp.mpf(want) - 1) <= mp.mpf(10) ** (1 - digits) * 1.001
        assert abs(mp.mpf(got) / exact(value) - 1) <= mp.mpf(10) ** (1 - digits) / 2 * 1.01 + mp.mpf(10) ** -10
    assert got.lstrip("-").partition("e")[0].replace(".", "").isdigit()
    assert mp.mpf(f"{value:.{digits}g}") == mp.mpf(got)


@pytest.mark.parametrize(("spec", "tiny", "huge"), [
    (".3e", "-1.234e-700", "1.234e+700"), (".3g", "-1.23e-700", "1.23e+700"), ("+.2E", "-1.23E-700", "+1.23E+700"),
    ("14.3e", "   -1.234e-700", "    1.234e+700"), ("<12.3g", "-1.23e-700  ", "1.23e+700   "),
    ("^13.3g", " -1.23e-700  ", "  1.23e+700  "), ("012.3g", "-001.23e-700", "0001.23e+700"),
    ("*>12.3g", "**-1.23e-700", "***1.23e+700"), (" .1e", "-1.2e-700", " 1.2e+700"), (".0e", "-1e-700", "1e+700"),
    (".7g", "-1.234e-700", "1.234e+700"), ("#.7g", "-1.234000e-700", "1.234000e+700"), ("+", "-1.234e-700", "+1.234e+700"),
])  # fmt: skip
def test_every_part_of_a_format_holds_beyond_float64_and_within_is_python_s(spec, tiny, huge):
    log = float(np.log(1.234))
    ten = 700 * float(np.log(10))
    assert f"{cd.LogSign(-1.0, log - ten):{spec}}" == tiny
    assert f"{cd.LogSign(1.0, log + ten):{spec}}" == huge
    # the same letters, where a float can tell
    short = f"{cd.LogSign(-1.0, float(np.log(1.25e-200))):{spec}}"
    assert float(short.strip("*")) == pytest.approx(-1.25e-200, rel=0.3)
    assert len(short) == len(f"{-1.25e-200:{spec}}") or spec == "+"


def test_a_mantissa_that_rounds_up_to_ten_moves_the_exponent():
    nearly = cd.LogSign(1.0, float(mp.log(mp.mpf("9.9999e-701"))))
    assert (f"{nearly:.2e}", f"{nearly:.3g}", f"{nearly:.4e}") == ("1.00e-700", "1e-700", "9.9999e-701")


def test_a_number_that_fixed_decimals_would_not_end_is_refused_and_one_they_do_not_reach_is_zero():
    assert f"{cd.LogSign(-1.0, -2000.0):.3f}" == f"{-1e-300:.3f}"
    with pytest.raises(BadValue, match=r"would write 869 digits; give one as \.3e"):
        f"{cd.LogSign(1.0, 2000.0):.3f}"
    for log in (0.0, -2000.0):
        with pytest.raises(BadValue, match="the format '.3q' is none of a number"):
            f"{cd.LogSign(1.0, log):.3q}"


def test_a_number_reads_as_one():
    assert str(cd.LogSign(1.0, -1611.8)) == "+1.00961e-700"
    assert str(cd.LogSign.from_float(-0.25)) == "-0.25"
    assert (str(ZERO), str(cd.LogSign(np.nan, np.nan))) == ("0", "nan")
    for sign, log in ((1.0, np.nan), (-1.0, np.nan), (np.nan, 0.0)):  # of unknown size, as of unknown sign
        g = cd.LogSign(sign, log)
        assert (str(g).strip("+-"), f"{g:.2e}".strip("-"), str(float(g))) == ("nan", "nan", "nan")
    assert (str(cd.LogSign(-1.0, np.inf)), f"{cd.LogSign(1.0, np.inf):.3e}") == ("-inf", "inf")
    assert str(stack([cd.LogSign(1.0, -1611.8), ZERO])) == "[+1.00961e-700 0]"
    assert len(str(cd.LogSign(np.ones((2000, 3)), np.zeros((2000, 3))))) < 300


def test_float_is_the_ordinary_number_zero_and_infinity_where_it_leaves_float64():
    assert float(cd.LogSign.from_float(-2.5)) == pytest.approx(-2.5, rel=1e-15)
    assert (float(cd.LogSign(-1.0, -1e6)), float(cd.LogSign(-1.0, 1e6))) == (0, -np.inf)
    assert type(float(ONE)) is float


@pytest.mark.parametrize("asked", [float, "{:.3e}".format], ids=["float", "format"])
@pytest.mark.parametrize("shape", [(1,), (2, 3), (0,)])
def test_an_array_is_no_single_number(asked, shape):
    with pytest.raises(BadShape, match="is asked of numbers of the shape .*; take one, as"):
        asked(cd.LogSign(np.ones(shape), np.zeros(shape)))


@pytest.mark.parametrize(("sign", "log"), [(2, 0), (0.5, 0), ([1, -3], [0, 0]), (np.inf, 0)])
def test_a_sign_that_is_none_is_refused(sign, log):
    with pytest.raises(BadValue, match="give -1, 0, 1 or NaN"):
        cd.LogSign(sign, log)


@pytest.mark.parametrize("log", [0.0, np.inf, np.nan, [-np.inf, 3.0]])
def test_zero_with_a_size_is_refused(log):
    with pytest.raises(BadValue, match="give log -inf there, for zero has no size"):
        cd.LogSign(0.0, log)


def test_a_zero_is_false_as_any_number_s_is_and_an_array_has_no_one_truth():
    assert not ZERO
    assert not cd.LogSign.from_float(-0.0)
    for g in (ONE, -ONE, cd.LogSign(1.0, -1e300), cd.LogSign(-1.0, np.inf), cd.LogSign(np.nan, np.nan)):
        assert g
    assert bool(cd.LogSign([0.0], [-np.inf])) is bool(np.array([0.0]))
    for shape in ((2,), (0,), (1, 2)):
        with pytest.raises(BadShape, match="a truth value is asked of numbers of the shape .*; take one"):
            bool(cd.LogSign(np.ones(shape), np.zeros(shape)))


@pytest.mark.parametrize("log", [1.5, 700.0, 1e5, 1e9, 3e10, 1e12, 1e14, 1e15, 4e15, -1e13, -3e15])
def test_no_digit_is_written_that_the_logarithm_does_not_hold(log):
    """A logarithm half a unit off, which float64 does not tell from it, gives the same digits but for the last."""
    mantissa, _, exponent = str(cd.LogSign(1.0, log)).strip("+").partition("e")
    digits = len(mantissa.replace(".", ""))
    with mp.workdps(40):
        stated = mp.mpf(mantissa) * mp.power(10, int(exponent or 0))
        unit = mp.power(10, mp.floor(mp.log10(stated)) - digits + 1)
        for off in (-0.5, 0.5):
            assert (
                abs(mp.exp(mp.mpf(log) + off * mp.mpf(np.spacing(abs(log)))) - stated)
                < (1.1 if digits > 1 else 2) * unit
            )  # the one digit that is always written
    assert digits == 6 or abs(log) > 1e9 or mantissa[-1] != "0"
