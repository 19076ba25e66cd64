"""Images by their pixels that are not 0: what is kept gives the images back, whatever they hold."""

import itertools

import numpy as np
import pytest

from chainderiv.nn.data import sparse
from chainderiv.nn.data.sparse import pixels_of


def images_of(pixels, shape, dtype):
    """The images that the pixels are of."""
    starts, places, values = pixels
    images = np.zeros(shape, dtype)
    for row, (start, stop) in enumerate(itertools.pairwise(starts)):
        images[row, places[start:stop]] = values[start:stop]
    return images


def random_images(count, pixels, dtype=np.float32, inked=0.2, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((count, pixels)) * (rng.uniform(size=(count, pixels)) < inked)
    return images.astype(dtype)


CASES = {
    "random": random_images(50, 30),
    "float64, negative values too": random_images(50, 30, np.float64),
    "one": random_images(1, 7),
    "none": np.zeros((0, 7), np.float32),
    "of one pixel": random_images(20, 1, inked=0.5),
    "empty": np.zeros((5, 6), np.float32),
    "full": np.ones((5, 6), np.float32),
    "empty first and last, full between": np.repeat(np.float32([0, 1, 0]), 2)[:, None] * np.ones((6, 4), np.float32),
    "65,536 pixels": random_images(3, 2**16, inked=0.5),
    "more than 65,536": random_images(3, 2**16 + 5, inked=0.5),
    "smallest numbers": np.array([[0, 5e-324, -5e-324, 1e308]]),
    "in Fortran's order": np.asfortranarray(random_images(9, 8)),
    "every second of others": random_images(18, 16)[::2, ::2],
}


@pytest.mark.parametrize("name", CASES)
def test_the_pixels_give_the_images_back(name):
    images = CASES[name]
    pixels = pixels_of(images)
    back = images_of(pixels, images.shape, images.dtype)
    assert back.dtype == pixels.values.dtype == images.dtype
    np.testing.assert_array_equal(back, images)


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_kept_that_is_0_and_the_places_ascend(name):
    starts, places, values = pixels_of(CASES[name])
    assert starts[0] == 0
    assert starts[-1] == len(places) == len(values) == np.count_nonzero(CASES[name])
    assert (values != 0).all()
    for start, stop in itertools.pairwise(starts):
        assert (np.diff(places[start:stop].astype(int)) > 0).all()


def test_a_pixel_that_is_lost_or_moved_is_caught():
    images = CASES["random"]
    pixels = pixels_of(images)
    for wrong in (
        pixels._replace(values=np.append(pixels.values[:-1], 0)),
        pixels._replace(pixels=(pixels.pixels + 1) % 30),
        pixels._replace(starts=np.append(pixels.starts[:-1], pixels.starts[-1] - 1)),
    ):
        with pytest.raises(AssertionError):
            np.testing.assert_array_equal(images_of(wrong, images.shape, images.dtype), images)


@pytest.mark.parametrize("count", [3, 4, 5, 8, 11])
def test_images_taken_a_few_at_a_time_are_the_same_pixels(count, monkeypatch):
    images = random_images(count, 9)
    whole = pixels_of(images)
    monkeypatch.setattr(sparse, "ROWS_AT_ONCE", 4)
    for part, one in zip(pixels_of(images), whole, strict=True):
        np.testing.assert_array_equal(part, one)
    np.testing.assert_array_equal(images_of(whole, images.shape, images.dtype), images)


def test_more_images_than_are_taken_at_once_come_back():
    images = random_images(sparse.ROWS_AT_ONCE * 2 + 3, 5)
    np.testing.assert_array_equal(images_of(pixels_of(images), images.shape, images.dtype), images)


def test_not_a_number_and_infinity_are_kept_because_they_are_not_0():
    images = np.array([[0, np.nan, 1.0], [np.inf, 0, -np.inf]])
    pixels = pixels_of(images)
    assert list(pixels.pixels) == [1, 2, 0, 2]
    np.testing.assert_array_equal(images_of(pixels, images.shape, float), images)


def test_minus_0_is_0():
    assert len(pixels_of(np.array([[-0.0, 0.0]])).values) == 0


@pytest.mark.parametrize(("pixels", "kind"), [(1, np.uint16), (2**16, np.uint16), (2**16 + 1, np.uint32)])
def test_places_take_two_bytes_where_two_bytes_reach_every_pixel(pixels, kind):
    images = np.zeros((1, pixels), np.float32)
    images[0, -1] = 1
    found = pixels_of(images)
    assert found.pixels.dtype == kind
    assert list(found.pixels) == [pixels - 1]


def test_a_fifth_of_a_real_digit_is_ink(mnist):
    pixels = mnist.train.first(1000).inked
    assert 0.15 < len(pixels.values) / (1000 * 784) < 0.25
    np.testing.assert_array_equal(images_of(pixels, (1000, 784), np.float32), mnist.train.images[:1000])
