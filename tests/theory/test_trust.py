"""Whether a prediction is trusted where draws say that it is right, and doubted where they say that it is not."""

import numpy as np
import pytest
from scipy.special import expit, ndtr

import chainderiv as cd
from tests.theory.exact_draws import draw

ALPHA, LAMBDA = 1.6732632423543772, 1.0507009873554805
PLAIN = {
    "gelu": (lambda z: z * ndtr(z), lambda z: ndtr(z) + z * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)),
    "silu": (lambda z: z * expit(z), lambda z: expit(z) * (1 + z * expit(-z))),
    "softplus": (lambda z: np.logaddexp(0, z), expit),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (expit, lambda z: expit(z) * expit(-z)),
    "elu": (
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda z: np.where(z > 0, 1, np.exp(np.minimum(z, 0))),
    ),
    "selu": (
        lambda z: LAMBDA * np.where(z > 0, z, ALPHA * np.expm1(np.minimum(z, 0))),
        lambda z: LAMBDA * np.where(z > 0, 1, ALPHA * np.exp(np.minimum(z, 0))),
    ),
}
HIDDEN = 10
TOLD_APART = 0.05  # of the spread: what the mean may be off where it is trusted


def off(name, w, b, width, networks, seed):
    """By how much the means of a prediction are off, over the spread, (HIDDEN,); the prediction; and a standard error."""
    q = cd.mean_field(name, w, b).q_star
    q = q if q > 0 else 1.0
    one = cd.Split(np.full((1, 20), np.sqrt((q - b * b) / w**2)), np.array([0]))
    told = cd.predict([20, *[width] * HIDDEN, 10], name, "quadratic", "identity", cd.Gaussian(w, b), data=one)
    rng = np.random.default_rng(seed)
    logs = [draw(*PLAIN[name], w, b, q, width, HIDDEN, 500, rng) for _ in range(networks // 500)]
    logs = np.concatenate(logs)
    return (told.mean_log - logs.mean(axis=0)) / logs.std(axis=0), told, 1 / np.sqrt(networks)


def test_gelu_is_doubted_where_its_width_tells_and_trusted_where_it_does_not():
    share, told, error = off("gelu", 1.2, 0.5, 30, 4000, 0)
    assert not told.trusted
    assert share[0] > 3.5 * error
    assert "second order in 1/width" in told.doubts[0]
    share, told, error = off("gelu", 1.2, 0.5, 240, 2000, 0)
    assert told.trusted
    assert np.abs(share).max() < 3.5 * error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "w", "b"),
    [("gelu", 1.2, 0.5), ("gelu", 1.0, 0.3), ("gelu", 1.45, 0.3), ("silu", 1.2, 0.5), ("softplus", 1.2, 0.0),
     ("softplus", 1.0, 0.2), ("tanh", 1.5, 0.2), ("tanh", 1.0, 0.1), ("sigmoid", 3.0, 0.5), ("elu", 1.2, 0.2),
     ("selu", 1.0, 0.0), ("selu", 0.75, 0.2)],
)  # fmt: skip
def test_what_is_trusted_is_right_to_a_twentieth_of_the_spread_and_what_is_off_is_doubted(name, w, b):
    seen = []
    for width, networks in [(30, 20_000), (60, 16_000), (120, 8000), (240, 6000)]:
        share, told, error = off(name, w, b, width, networks, width)
        seen.append((width, round(float(np.abs(share).max()), 3), told.trusted))
        if told.trusted:
            assert np.abs(share).max() < TOLD_APART + 2 * error, seen
        if np.abs(share).max() > TOLD_APART + 3 * error:
            assert not told.trusted, seen
    assert seen[-1][2] or name in ("gelu", "softplus"), seen  # wide ones are not doubted without need
