"""Quantiles from cumulants, against laws whose quantiles SciPy has."""

import numpy as np
import pytest
from scipy import stats

from chainderiv.theory.finite_width.logarithm import Cumulants
from chainderiv.theory.finite_width.quantiles import expands, point

PLACES = [-1.6448536269514722, 0.0, 1.6448536269514722]


def cumulants(law):
    mean, variance, skew, tail = (float(x) for x in law.stats(moments="mvsk"))
    return Cumulants(mean, variance, skew * variance**1.5, tail * variance**2)


@pytest.mark.parametrize("k", [0.1, 0.5, 3.0, 10.0, 1e3])
def test_the_logarithm_of_a_sum_of_squares_has_its_own_quantiles(k):
    law = stats.loggamma(k)
    for x in PLACES:
        assert abs(point(cumulants(law), x) - law.ppf(stats.norm.cdf(x))) < 1e-6 * law.std()
        mirrored = cumulants(law)._replace(mean=-law.mean(), third=-cumulants(law).third)
        assert abs(point(mirrored, -x) + law.ppf(stats.norm.cdf(x))) < 1e-6 * law.std()
    # to which the expansion about the normal law comes near for many squares only
    skew, tail = cumulants(law).third / law.std() ** 3, cumulants(law).fourth / law.var() ** 2
    x = PLACES[2]
    bent = (x**2 - 1) * skew / 6 + (x**3 - 3 * x) * tail / 24 - (2 * x**3 - 5 * x) * skew**2 / 36
    assert (abs(law.mean() + law.std() * (x + bent) - law.ppf(0.95)) > 0.01 * law.std()) == (k < 5)


@pytest.mark.parametrize("law", [stats.norm(), stats.t(12), stats.gamma(20), stats.logistic()])
def test_other_laws_are_met_by_their_tails(law):
    assert expands(cumulants(law))
    for x in PLACES:
        assert abs(point(cumulants(law), x) - law.ppf(stats.norm.cdf(x))) < 0.02 * law.std()


def test_points_are_in_order_for_whatever_skewness_and_tails():
    rng = np.random.default_rng(0)
    for skew in rng.normal(0, 5, 200):
        log = Cumulants(0.0, 1.0, float(skew), float(abs(rng.normal(0, 50))))
        low, middle, high = (point(log, x) for x in PLACES)
        assert low <= middle <= high, log
    assert not expands(Cumulants(0.0, 1.0, -3.0, 12.0))
    assert point(Cumulants(2.0, 0.0, 0.0, 0.0), 1.0) == 2.0
