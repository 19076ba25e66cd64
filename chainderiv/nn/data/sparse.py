"""Images by their pixels that are not 0: of a handwritten digit that is a fifth of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chainderiv.kinds import Array

ROWS_AT_ONCE = 4096  # the mask and the places of all images at once would take ten times the images' memory


class Pixels(NamedTuple):
    """Image i has values[starts[i] : starts[i + 1]] at the places pixels[…], in ascending order; all else is 0."""

    starts: Array
    pixels: Array
    values: Array


def pixels_of(images: Array) -> Pixels:
    """The pixels of images (n, pixels) that are not 0.

    >>> pixels_of(np.array([[0.0, 0.5, 0.0], [1.0, 0.0, 0.25]])).pixels
    array([1, 0, 2], dtype=uint16)
    """
    kind = np.uint16 if images.shape[1] <= 2**16 else np.uint32
    exact = images.dtype if images.dtype in (np.float32, np.float64) else np.float64
    starts = np.zeros(len(images) + 1, np.int64)
    places, values = [], []
    for first in range(0, max(1, len(images)), ROWS_AT_ONCE):
        some = images[first : first + ROWS_AT_ONCE]
        held = some != 0
        starts[first + 1 : first + 1 + len(some)] = held.sum(axis=1)
        places.append(np.nonzero(held)[1].astype(kind))
        values.append(some[held].astype(exact, copy=False))
    return Pixels(np.cumsum(starts), np.concatenate(places), np.concatenate(values))
