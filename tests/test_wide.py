import mpmath
import numpy as np
import pytest

from chainderiv.wide import Wide, log_abs, matmul, to_log_sign, wide


@pytest.mark.parametrize("e", [0.0, 1e4, -1e4, 2.0**53, -(2.0**54), 1e300, -1e300])
def test_a_product_of_matrices_ends_and_is_right_whatever_the_exponents(e):
    """From 2^53 on, an exponent is the same after 500 is taken from it."""
    rng = np.random.default_rng(3)
    m, n = rng.uniform(0.5, 1, (3, 4)), rng.uniform(0.5, 1, (4, 2))
    got = matmul(Wide(m, np.full(m.shape, e)), Wide(n, np.zeros(n.shape)))
    want = np.log(m @ n) + e * np.log(2)
    np.testing.assert_allclose(log_abs(got), want, rtol=1e-15, atol=1e-14)


def test_terms_that_lie_far_apart_are_added_whole():
    """2^1e300 and 2^-1e300 stand in one row: nothing but a second matrix can hold the smaller one."""
    row = Wide(np.array([[0.5, -0.75, 0.5]]), np.array([[1e300, -1e300, 1e300]]))
    got = to_log_sign(matmul(row, wide([[1.0], [1.0], [-1.0]])))
    assert got.sign == -1
    assert got.log == pytest.approx(float(mpmath.log(mpmath.mpf(0.75)) - mpmath.mpf(1e300) * mpmath.log(2)), rel=1e-15)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_stays_none(bad):
    p = wide(np.full((2, 3), 0.5))
    p.m[0, 1] = bad
    got = matmul(p, wide(np.ones((3, 1))))
    assert log_abs(got)[1, 0] == pytest.approx(np.log(1.5), rel=1e-15)
    assert not np.isfinite(got.m[0, 0])
