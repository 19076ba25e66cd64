"""Logarithms of sums of squares: their cumulants against laws that are known exactly."""

import mpmath as mp
import numpy as np
import pytest

from chainderiv.theory.finite_width.logarithm import Cumulants, log_cumulants, of_squares, of_weighted_squares

ONE = np.array([1.0])


def of_chi_squared(k):
    """Mean, variance, third and fourth cumulant of log χ²_k."""
    half = mp.mpf(k) / 2
    return [mp.digamma(half) + mp.log(2), mp.polygamma(1, half), mp.polygamma(2, half), mp.polygamma(3, half)]


def of_relu(n):
    """Those of log(χ²_K/n), K ~ Bin(n, ½), given K > 0: a sum over K."""
    share = [mp.binomial(n, k) / (mp.mpf(2) ** n - 1) for k in range(1, n + 1)]
    parts = [of_chi_squared(k) for k in range(1, n + 1)]
    mean = mp.fsum(p * part[0] for p, part in zip(share, parts, strict=True)) - mp.log(n)
    variance = (
        mp.fsum(p * (part[1] + (part[0] - mp.log(n)) ** 2) for p, part in zip(share, parts, strict=True)) - mean**2
    )
    return float(mean), float(variance)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 30, 100, 300, 1000])
def test_relus_law_chi_squared_of_a_binomial_count_is_exact_at_any_width(n):
    with mp.workdps(40):
        mean, variance = of_relu(n)
    found = of_weighted_squares(np.array([0.0, 1.0]), np.array([0.5, 0.5]), n)
    assert abs(found.mean - mean) < 1e-12
    assert abs(found.variance - variance) < 1e-12
    # the first order in 1/n, -5/(2n) and 5/n, is near it and not it
    if n >= 30:
        assert abs(found.mean - (np.log(0.5) - 2.5 / n)) < 9 / n**2
        assert abs(found.variance - 5 / n) < 50 / n**2
        assert abs(found.variance - 5 / n) > 1e-6


@pytest.mark.parametrize("k", [1, 2, 7, 200])
def test_all_four_cumulants_of_a_chi_squared_logarithm_are_polygammas(k):
    with mp.workdps(40):
        wanted = [float(c) for c in of_chi_squared(k)]
    wanted[0] -= np.log(k)
    np.testing.assert_allclose(of_weighted_squares(ONE, ONE, k), wanted, rtol=1e-9, atol=2e-11)


def test_outputs_of_several_kinds_count_each_by_its_law():
    # G² is 4 for two outputs and 1 or 9 for the third
    values, weights = np.array([[2.0, 2.0], [1.0, 3.0]]), np.array([0.25, 0.75])
    found = of_squares(values, weights, np.array([2.0, 1.0]))
    logs, shares = np.log([9.0, 17.0]), np.array([0.25, 0.75])
    mean = shares @ logs
    moments = [shares @ (logs - mean) ** k for k in (2, 3, 4)]
    wanted = [mean, moments[0], moments[1], moments[2] - 3 * moments[0] ** 2]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10)


def test_a_transform_of_another_law_is_told_apart():
    right = log_cumulants(lambda t: (1 + 2 * t) ** -0.5, 1.0)
    wrong = log_cumulants(lambda t: (1 + 2.001 * t) ** -0.5, 1.0)
    assert abs(right.mean - float(of_chi_squared(1)[0])) < 1e-12
    assert abs(wrong.mean - right.mean) > 4e-4


def test_cumulants_of_independent_logarithms_add():
    assert Cumulants(1, 2, 3, 4).plus(Cumulants(10, 20, 30, 40)) == (11, 22, 33, 44)
