"""The comparison is seen to fail before it is believed."""

import numpy as np
import pytest

from chainderiv.logsign import LogSign
from tests.helpers import EPSILON, assert_same, bound

TINY = LogSign(1.0, -690.0)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (LogSign(1.0, -690.0 + 1e-3), TINY),
        (LogSign(1.0, np.log(1.001)), LogSign(1.0, 0.0)),
        (LogSign(-1.0, -690.0), TINY),
        (LogSign(0.0, -np.inf), LogSign.from_float(1e-300)),
        (LogSign.from_float(1e-300), LogSign(0.0, -np.inf)),
        (LogSign(0.0, -np.inf), LogSign(1.0, -1e6)),
        (LogSign(np.nan, np.nan), LogSign(np.nan, np.nan)),
        (LogSign(1.0, np.inf), LogSign(1.0, np.inf)),
        (LogSign(1.0, np.nan), TINY),
        (LogSign.from_float(-5e-8), LogSign.from_float(1e-9)),  # np.allclose calls these equal
        (LogSign(1.0, -690.0 * (1 + 2e-12)), TINY),
        (LogSign([1.0, 1.0], [0.0, 1e-11]), LogSign([1.0, 1.0], [0.0, 0.0])),
        (LogSign([1.0], [0.0]), LogSign([1.0, 1.0], [0.0, 0.0])),
    ],
)
def test_assert_same_fails_on_what_differs(got, want):
    with pytest.raises(AssertionError):
        assert_same(got, want)


@pytest.mark.parametrize("kappa", [np.nan, np.inf])
def test_a_condition_that_is_no_number_never_excuses_a_zero_or_a_sign(kappa):
    for got in (LogSign(0.0, -np.inf), LogSign(-1.0, -690.0), LogSign(np.nan, np.nan)):
        with pytest.raises(AssertionError):
            assert_same(got, TINY, kappa)


def test_assert_same_passes_what_is_equal_within_the_bound():
    assert_same(LogSign(1.0, -690.0 * (1 + 9e-13)), TINY)
    assert_same(LogSign(0.0, -np.inf), LogSign(0.0, -np.inf))
    assert_same(LogSign(1.0, 1e-10), LogSign(1.0, 0.0), kappa=1e5)


def test_the_bound_is_the_designs():
    assert bound(-690.0, 0) == pytest.approx(6.9e-10, rel=1e-15)
    assert bound(0.5, 1 / EPSILON) == pytest.approx(8 + 1e-12, rel=1e-15)
    assert bound(-np.inf, 0) == 1e-12
