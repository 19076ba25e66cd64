import numpy as np
import pytest

from chainderiv.nn.initialise import INITIALISERS, initialiser

FAN_OUT, FAN_IN = 300, 500
VARIANCES = {  # of weights and biases, as published
    "nielsen": (1 / FAN_IN, 1),
    "large": (1, 1),
    "glorot": (2 / (FAN_IN + FAN_OUT), 0),
    "he": (2 / FAN_IN, 0),
    "lecun": (1 / FAN_IN, 0),
}


def assert_normal(values, variance):
    """Mean, variance and fourth moment within five of their standard errors (1 in 2 million by chance)."""
    scaled = values.ravel() / np.sqrt(variance)
    bound = 5 / np.sqrt(scaled.size)
    assert abs(scaled.mean()) < bound
    assert abs((scaled**2).mean() - 1) < bound * np.sqrt(2)
    assert abs((scaled**4).mean() - 3) < bound * np.sqrt(96)


@pytest.mark.parametrize("name", INITIALISERS)
def test_moments_are_those_of_the_published_normal_law(name):
    of_weights, of_biases = VARIANCES[name]
    draws = [initialiser(name)(np.random.default_rng(seed), FAN_OUT, FAN_IN) for seed in range(10)]
    assert_normal(np.stack([W for W, _ in draws]), of_weights)
    biases = np.stack([b for _, b in draws])
    if of_biases:
        assert_normal(biases, of_biases)
    else:
        assert (biases == 0).all()


@pytest.mark.parametrize("name", INITIALISERS)
def test_shapes_are_fan_out_by_fan_in_and_the_same_seed_gives_the_same_bits(name):
    first, second = (initialiser(name)(np.random.default_rng(7), 3, 4) for _ in range(2))
    assert first[0].shape == (3, 4)
    assert first[1].shape == (3,)
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_law_of_another_variance_would_be_caught():
    values = np.random.default_rng(0).standard_normal((10, FAN_OUT, FAN_IN))
    with pytest.raises(AssertionError):
        assert_normal(values, 1.01)
    with pytest.raises(AssertionError):
        assert_normal(np.random.default_rng(0).uniform(-np.sqrt(3), np.sqrt(3), values.shape), 1)
