"""The last layer's direction: t = (u·g)²/(|g|² Var u), its mean, its spread and what it has to do with log |g|²."""

import numpy as np
import pytest
from scipy.special import expit

from chainderiv.theory.finite_width.direction import UNKNOWING, Direction
from chainderiv.theory.finite_width.end import End

ENDS = {
    "quadratic, identity": (lambda z, y: z - y, (), np.eye(10)[0]),
    "quadratic, sigmoid": (lambda z, y: (expit(z) - y) * expit(z) * expit(-z), (), np.full(5, 0.2)),
    "cross-entropy": (lambda z, y: expit(z) - y, (), np.array([0.5, 0.3, 0.2])),
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize(("p", "made"), [(1.0, 1.0), (1.7, 0.6)])
def test_the_direction_at_the_outputs_is_that_of_drawn_ones(name, p, made):
    delta, breaks, shares = ENDS[name]
    rng, count = np.random.default_rng(0), 200_000
    u = np.sqrt(made) * rng.standard_normal((count, len(shares)))
    v = u + np.sqrt(p - made) * rng.standard_normal(u.shape)
    G = (1 - shares) * delta(v, 0.0) + shares * delta(v, 1.0)
    squares = (G**2).sum(axis=1)
    t, logs = (u * G).sum(axis=1) ** 2 / (squares * made), np.log(squares)
    found, root = End(delta, breaks, shares).along(p, 0.0, made), np.sqrt(count)
    product = (t - t.mean()) * (logs - logs.mean())
    assert abs(found.mean - t.mean()) < 4 * t.std() / root
    assert abs(found.variance - t.var()) < 4 * ((t - t.mean()) ** 2).std() / root
    assert abs(found.with_log - product.mean()) < 4 * product.std() / root
    assert abs(found.variance - 2) > 4 * ((t - t.mean()) ** 2).std() / root  # it is not that of a normal u·g


def test_outputs_whose_weights_made_nothing_know_nothing():
    delta, breaks, shares = ENDS["cross-entropy"]
    assert End(delta, breaks, shares).along(1.0, 0.0, 0.0) == UNKNOWING


def test_a_direction_that_knows_nothing_learns_nothing_from_a_layer_that_weighs_all_alike():
    assert Direction(1.0, 2.0, 0.0).passed(0.3, 1.0, 0.0) == pytest.approx((1.0, 2.0, 0.0))
    # √kept c + new, of normal c: its square's mean and variance, by NumPy's own numbers
    rng = np.random.default_rng(1)
    c = 2.0 + 0.5 * rng.standard_normal(400_000)
    after = (np.sqrt(0.6) * c + np.sqrt(0.7 - 0.6 + 0.4) * rng.standard_normal(c.size)) ** 2
    before = Direction(float((c**2).mean()), float((c**2).var()), 0.3)
    found = before.passed(0.6, 1.1, 0.0)
    assert abs(found.mean - after.mean()) < 4 * after.std() / np.sqrt(c.size)
    assert abs(found.variance / after.var() - 1) < 0.02
    assert found.with_log == pytest.approx(0.18)
