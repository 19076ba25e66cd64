"""LogSign's algebra, against mpmath."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import chainderiv as cd
from chainderiv.errors import BadShape, ChainderivError
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
