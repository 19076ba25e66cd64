"""Welch's test, Hedges' g, Holm's correction and Student's interval, against SciPy and against what they promise."""

import math

import mpmath
import numpy as np
import pytest
from scipy import stats

from chainderiv.errors import BadShape, BadValue
from chainderiv.records.statistics import Comparison, against_the_one_before, holm, interval

PAIRS = {
    "equal sizes": ([0.95, 0.96, 0.97, 0.955], [0.91, 0.92, 0.93, 0.97]),
    "other sizes and spreads": ([3.0, 4.0, 1.0, 2.1, 2.2, 6.5], [10.0, -4.0, 12.5]),
    "two numbers each": ([1.0, 2.0], [2.5, 4.0]),
    "one without spread": ([0.1, 0.1, 0.1], [0.1, 0.2, 0.4]),
    "spreads of 1e-100": ([1e-100, 3e-100, 2e-100], [5e-100, 6e-100, 8e-100]),
    "far apart": ([0.0, 1.0, 2.0, 1.5], [1e6, 1e6 + 3, 1e6 + 1]),
}


def by_hand(before, after):
    """Welch (1947) and Hedges (1981) at 40 digits: difference, low, high, effect, p."""
    with mpmath.workdps(40):
        x, y = ([mpmath.mpf(v) for v in sample] for sample in (before, after))
        n, m = len(x), len(y)
        means = [mpmath.fsum(s) / len(s) for s in (x, y)]
        squares = [mpmath.fsum((v - mean) ** 2 for v in s) for s, mean in zip((x, y), means, strict=True)]
        s2 = squares[0] / (n - 1), squares[1] / (m - 1)
        difference, error2 = means[1] - means[0], s2[0] / n + s2[1] / m
        freedom = error2**2 / ((s2[0] / n) ** 2 / (n - 1) + (s2[1] / m) ** 2 / (m - 1))
        p = two_sided(difference / mpmath.sqrt(error2), freedom)
        t = mpmath.findroot(lambda t: two_sided(t, freedom) - mpmath.mpf("0.05"), stats.t.ppf(0.975, float(freedom)))
        half = t * mpmath.sqrt(error2)
        pooled = mpmath.sqrt((squares[0] + squares[1]) / (n + m - 2))
        g = (1 - mpmath.mpf(3) / (4 * (n + m - 2) - 1)) * difference / pooled
        return [float(v) for v in (difference, difference - half, difference + half, g, p)]


def two_sided(t, freedom):
    """P(|T| > |t|) of Student's T, as an incomplete beta function."""
    return mpmath.betainc(freedom / 2, 0.5, 0, freedom / (freedom + t * t), regularized=True)


def told(comparison):
    return [comparison.difference, comparison.low, comparison.high, comparison.effect, comparison.p]


@pytest.mark.parametrize("name", PAIRS)
def test_a_comparison_is_what_the_formulas_give_at_40_digits(name):
    [found] = against_the_one_before(PAIRS[name])
    np.testing.assert_allclose(told(found), by_hand(*PAIRS[name]), rtol=1e-9)
    assert found.p_holm == found.p


@pytest.mark.parametrize("off", [0, 1, 2, 3, 4])
def test_a_number_that_is_wrong_by_a_thousandth_is_caught(off):
    [found] = against_the_one_before(PAIRS["other sizes and spreads"])
    wrong = told(found)
    wrong[off] *= 1.001
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(wrong, by_hand(*PAIRS["other sizes and spreads"]), rtol=1e-9)


@pytest.mark.parametrize("name", ["equal sizes", "other sizes and spreads", "two numbers each", "far apart"])
def test_p_and_interval_are_scipys(name):
    before, after = PAIRS[name]
    [found] = against_the_one_before([before, after])
    given = stats.ttest_ind_from_stats(
        np.mean(after), np.std(after, ddof=1), len(after), np.mean(before), np.std(before, ddof=1), len(before), False
    )
    assert found.p == pytest.approx(given.pvalue, rel=1e-10)
    test = stats.ttest_ind(after, before, equal_var=False)
    assert (found.low, found.high) == pytest.approx(tuple(test.confidence_interval(0.95)), rel=1e-9)


def test_each_sample_is_compared_with_the_one_before_it():
    samples = [[1.0, 2.0, 3.0], [2.0, 3.5, 3.0], [0.0, 1.0, 0.5]]
    found = against_the_one_before(samples)
    assert [c.difference for c in found] == pytest.approx([5 / 6, -7 / 3])
    alone = [against_the_one_before(pair)[0].p for pair in (samples[:2], samples[1:])]
    assert [c.p for c in found] == alone
    assert [c.p_holm for c in found] == holm(alone) != alone


def step_down(p):
    """Holm's correction as it is told: the k-th smallest p times how many are not yet decided, never falling."""
    adjusted = {}
    for k, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        adjusted[index] = max([min(1.0, (len(p) - k) * p[index]), *adjusted.values()])
    return [adjusted[k] for k in range(len(p))]


def test_holm_rejects_what_the_usual_worked_example_rejects():
    """Of 0.01, 0.04, 0.03, 0.005 at 5 % the first and the last: 4 · 0.005 and 3 · 0.01 pass, 2 · 0.03 stops."""
    adjusted = holm([0.01, 0.04, 0.03, 0.005])
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [p < 0.05 for p in adjusted] == [True, False, False, True]
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_holm_is_the_step_down_of_random_ps_and_a_plain_bonferroni_would_be_caught():
    rng = np.random.default_rng(1)
    for count in (1, 2, 3, 9, 9, 9):
        p = list(rng.uniform(size=count) ** 3)
        assert holm(p) == pytest.approx(step_down(p))
    assert holm(p) != pytest.approx([min(1.0, len(p) * q) for q in p])


def samples_of(rng, means, spread=0.002, seeds=20):
    return [mean + spread * rng.standard_normal(seeds) for mean in means]


def test_equal_means_are_called_different_in_5_of_100_cases():
    """Of 2000 pairs 100 are expected, with a standard deviation of 10."""
    rng, false = np.random.default_rng(2), 0
    for _ in range(2000):
        before, after = samples_of(rng, [0.965], 0.001, 8) + samples_of(rng, [0.965], 0.004, 20)
        false += against_the_one_before([before, after])[0].differs
    assert 60 < false < 140


def test_any_false_alarm_among_three_comparisons_is_rarer_than_5_of_100_with_holm_and_not_without():
    rng, corrected, plain = np.random.default_rng(3), 0, 0
    for _ in range(1000):
        found = against_the_one_before(samples_of(rng, [0.965] * 4))
        corrected += any(c.differs for c in found)
        plain += any(c.p < 0.05 for c in found)
    assert corrected < 75
    assert plain > 100


def test_the_interval_holds_the_true_mean_and_the_true_difference_in_95_of_100_cases():
    rng, mean_held, difference_held = np.random.default_rng(4), 0, 0
    for _ in range(1000):
        before, after = samples_of(rng, [0.96, 0.97], seeds=5)
        low, high = interval(before)
        mean_held += low < 0.96 < high
        [found] = against_the_one_before([before, after])
        difference_held += found.low < 0.01 < found.high
    assert 920 < mean_held < 980
    assert 920 < difference_held < 985


def test_a_planted_difference_of_two_spreads_is_found_and_has_its_sign():
    rng = np.random.default_rng(5)
    for _ in range(20):
        rise, fall = against_the_one_before(samples_of(rng, [0.960, 0.964, 0.960]))
        assert rise.differs
        assert fall.differs
        assert rise.low > 0 > fall.high
        assert 1 < rise.effect < 4
        assert -4 < fall.effect < -1


def test_hedges_g_is_unbiased_where_cohens_d_is_not():
    """Of five and five normal numbers a spread apart, d is 10 % too large on average."""
    rng = np.random.default_rng(6)
    effects = [against_the_one_before(samples_of(rng, [0.0, 1.0], 1.0, 5))[0].effect for _ in range(3000)]
    assert np.mean(effects) == pytest.approx(1.0, abs=0.04)


def test_without_any_spread_equal_means_are_equal_and_others_differ_beyond_chance():
    # 0.1 + 0.1 + 0.1 is not 3 · 0.1 in float64: a sum would see a spread, and a difference of 1e-17
    same, more, less = against_the_one_before([[0.1, 0.1], [0.1] * 3, [0.2] * 7, [0.1, 0.1]])
    assert told(same) == [0, 0, 0, 0, 1]
    assert told(more) == [0.1, 0.1, 0.1, math.inf, 0]
    assert less.effect == -math.inf
    assert [c.differs for c in (same, more, less)] == [False, True, True]
    assert interval([0.1] * 3) == (0.1, 0.1)


@pytest.mark.parametrize("p_holm", [0.04999, 0.05, 0.8])
def test_differing_is_a_corrected_p_under_5_per_cent(p_holm):
    assert Comparison(1, 0, 2, 1, 0.001, p_holm).differs == (p_holm < 0.05)


def test_an_interval_is_students():
    sample = [0.96, 0.97, 0.94, 0.99, 0.955]
    want = stats.t.interval(0.95, 4, np.mean(sample), stats.sem(sample))
    assert interval(sample) == pytest.approx(want, rel=1e-12)
    assert interval([3.0]) == interval([]) == (-math.inf, math.inf)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_run_that_diverged_is_in_no_comparison(broken):
    with pytest.raises(BadValue, match="sample of 3 holds 1 that are not finite"):
        against_the_one_before([[0.9, 0.8], [0.9, broken, 0.8]])
    with pytest.raises(BadValue, match="leave those out"):
        interval([broken, 0.9, 0.8])


@pytest.mark.parametrize("samples", [[], [[1.0, 2.0]], [[1.0, 2.0], [1.0]], [[], [1.0, 2.0]]])
def test_fewer_than_two_samples_of_two_numbers_are_refused(samples):
    with pytest.raises(BadShape, match="at least two, each of two numbers"):
        against_the_one_before(samples)


def test_a_table_is_no_sample():
    with pytest.raises(BadShape, match=r"shape \(2, 2\)"):
        against_the_one_before([[1.0, 2.0], [[1.0, 2.0], [3.0, 4.0]]])
    with pytest.raises(BadShape, match=r"shape \(\)"):
        interval(3.0)
