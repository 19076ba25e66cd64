"""The one comparison of gradients, in log space, and the bound that it holds them to (test_helpers)."""

import numpy as np

from chainderiv.logsign import LogSign

EPSILON = 2.0**-52


def bound(log, kappa):
    """|Δlog| <= 1e-12 · max(1, |log|) + 8 ε κ, the design's bound."""
    log = np.asarray(log, float)
    size = np.where(np.isfinite(log), np.abs(log), 1.0)
    return 1e-12 * np.maximum(1.0, size) + 8 * EPSILON * np.asarray(kappa, float)


def same(got: LogSign, want: LogSign, kappa=0.0):
    """Where got is want: equal signs, both zero or both not, and logarithms within the bound; NaN is never the same."""
    got_log, want_log = np.asarray(got.log, float), np.asarray(want.log, float)
    zero = np.isneginf(got_log) & np.isneginf(want_log)
    with np.errstate(invalid="ignore"):
        near = np.abs(got_log - want_log) <= bound(want_log, kappa)
    # an infinite difference is within no finite bound, but an infinite κ would allow it
    near &= np.isfinite(got_log) & np.isfinite(want_log)
    return (np.asarray(got.sign) == np.asarray(want.sign)) & (zero | near)


def assert_same(got: LogSign, want: LogSign, kappa=0.0):
    """Every entry of got is want's; says which one is worst."""
    assert np.shape(got.log) == np.shape(want.log), (np.shape(got.log), np.shape(want.log))
    right = same(got, want, kappa)
    if not right.all():
        k = tuple(int(i) for i in np.argwhere(~np.atleast_1d(right))[0])
        pick = [np.broadcast_to(np.atleast_1d(v), np.atleast_1d(right).shape)[k]
                for v in (got.sign, got.log, want.sign, want.log, kappa)]  # fmt: skip
        raise AssertionError(
            f"{(~right).sum()} of {right.size} differ, first at {k}: got sign {pick[0]} log {pick[1]!r}, "
            f"want sign {pick[2]} log {pick[3]!r}, κ {pick[4]:.3g}, allowed {float(bound(pick[3], pick[4])):.3g}"
        )
