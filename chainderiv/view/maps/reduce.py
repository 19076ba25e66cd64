"""A map of any size as no more cells than a picture can show, in which nothing that stands out is lost.

The map is cut into blocks. Each block is drawn as two cells beside each other, its smallest and its largest value, so
that one exploding point among a thousand million is seen. A map is read box by box, never whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from chainderiv.kinds import Array, Box, Floats, Mask, Places

BOX_POINTS = 2**20  # read at once: 8 MB of each array


def bounds(count: int, most: int) -> Places:
    """Where at most `most` blocks of nearly equal length begin and end, shape (blocks + 1,).

    >>> bounds(10, 4).tolist(), bounds(3, 4).tolist()
    ([0, 2, 5, 7, 10], [0, 1, 2, 3])
    """
    blocks = min(count, most)
    return np.arange(blocks + 1) * count // blocks


def samples(count: int, most: int) -> Places:
    """At most `most` places among count, evenly spread, the first and the last among them.

    >>> samples(1000, 4).tolist(), samples(3, 4).tolist()
    ([0, 333, 666, 999], [0, 1, 2])
    """
    return np.arange(count) if count <= most else np.arange(most) * (count - 1) // (most - 1)


def reading_boxes(shape: tuple[int, int], tile_shape: Sequence[int] | None = None) -> Iterator[Box]:
    """Boxes of about BOX_POINTS points that cover a map; whole tiles of it, so that no tile is read twice."""
    rows, columns = (1, 1) if tile_shape is None else tile_shape
    width = min(shape[1], columns * max(1, 4096 // columns))
    height = rows * max(1, BOX_POINTS // (rows * width))
    for i in range(0, shape[0], height):
        for j in range(0, shape[1], width):
            yield slice(i, min(i + height, shape[0])), slice(j, min(j + width, shape[1]))


Fold = Callable[[Array, np.ufunc], Array]


def met(edges: tuple[Places, Places], box: Box) -> tuple[Box, Fold]:
    """Which of the blocks between those edges a box meets, and how its values become one per block, by a ufunc."""
    (rows, row_starts), (columns, column_starts) = (_cut(*one) for one in zip(edges, box, strict=True))

    def fold(values: Array, by: np.ufunc) -> Array:
        # reduceat along the first axis walks columns, three times as slow
        ends = pairwise([*row_starts, len(values)])
        return by.reduceat(np.stack([by.reduce(values[a:b], axis=0) for a, b in ends]), column_starts, axis=1)

    return (rows, columns), fold


def _cut(edges: Places, part: slice) -> tuple[slice, Places]:
    """Which blocks a slice meets, and where in the slice each begins."""
    first = int(np.searchsorted(edges, part.start, "right")) - 1
    last = int(np.searchsorted(edges, part.stop, "left"))
    return slice(first, last), np.maximum(edges[first:last], part.start) - part.start


class Extremes:
    """The smallest and the largest number of each block between bounds along x and along y, and where one is undefined.

    >>> field = np.zeros((4, 4))
    >>> field[1, 2], field[3, 3], field[0, 0] = 7.0, -np.inf, np.nan
    >>> found = Extremes(bounds(4, 2), bounds(4, 2))
    >>> found.take((slice(0, 4), slice(0, 4)), field)
    >>> found.low.tolist(), found.high.tolist(), found.undefined.tolist()
    ([[0.0, 0.0], [0.0, -inf]], [[0.0, 7.0], [0.0, 0.0]], [[True, False], [False, False]])
    """

    def __init__(self, x: Places, y: Places) -> None:
        self.edges, shape = (x, y), (len(x) - 1, len(y) - 1)
        self.low, self.high = np.full(shape, np.inf), np.full(shape, -np.inf)
        self.undefined = np.zeros(shape, bool)

    def take(self, box: Box, values: Floats) -> None:
        """What a box holds."""
        place, fold = met(self.edges, box)
        low, high = fold(values, np.minimum), fold(values, np.maximum)
        if (undefined := np.isnan(low)).any():
            self.undefined[place] |= undefined
            low, high = fold(values, np.fmin), fold(values, np.fmax)
        self.low[place] = np.fmin(self.low[place], low)
        self.high[place] = np.fmax(self.high[place], high)

    def cells(self) -> Floats:
        """Two cells a block, side by side along x, shape (2 blocks along x, blocks along y).

        They stand in the order in which the map rises or falls there, so that what is smooth looks smooth. A number
        that is undefined takes the place of the one nearer to 0: the eye is to find the other.
        """
        low, high = (np.where(self.low <= self.high, v, np.nan) for v in (self.low, self.high))
        with np.errstate(invalid="ignore"):
            weaker = np.abs(low) < np.abs(high)
            level = np.where(np.isfinite(low + high), low + high, 0.0)
        low, high = np.where(self.undefined & weaker, np.nan, low), np.where(self.undefined & ~weaker, np.nan, high)
        falls = np.gradient(level, axis=0) < 0 if len(level) > 1 else np.zeros(level.shape, bool)
        return beside(np.where(falls, high, low), np.where(falls, low, high))


class Presence:
    """Which of some codes each block holds: the commonest, and the one that is rarest on the whole map."""

    def __init__(self, x: Places, y: Places, codes: Sequence[int]) -> None:
        self.edges, self.codes = (x, y), tuple(codes)
        self.counts = np.zeros((len(self.codes), len(x) - 1, len(y) - 1), np.int64)

    def take(self, box: Box, values: Array) -> None:
        """What a box holds."""
        (rows, columns), fold = met(self.edges, box)
        for k, code in enumerate(self.codes):
            here = values == code
            if here.any():
                self.counts[k, rows, columns] += fold(here, np.add)

    def cells(self) -> Floats:
        """Two cells a block, side by side along x: the commonest code in it, and the rarest of the map in it."""
        total = self.counts.sum(axis=(1, 2))
        rarity = np.where(self.counts > 0, total[:, None, None], np.iinfo(np.int64).max)
        codes = np.asarray(self.codes, float)
        return beside(codes[self.counts.argmax(axis=0)], codes[rarity.argmin(axis=0)])


class Anywhere:
    """Where a block holds a point at which something is so."""

    def __init__(self, x: Places, y: Places) -> None:
        self.edges = x, y
        self.found: Mask = np.zeros((len(x) - 1, len(y) - 1), bool)

    def take(self, box: Box, values: Mask) -> None:
        """What a box holds."""
        if values.any():
            place, fold = met(self.edges, box)
            self.found[place] |= fold(values, np.logical_or)


class Samples:
    """A field at chosen places, for lines and names, which need no more."""

    def __init__(self, x: Places, y: Places) -> None:
        self.x, self.y = x, y
        self.values: Floats = np.full((len(x), len(y)), np.nan)

    def take(self, box: Box, values: Floats) -> None:
        """What a box holds."""
        (i, rows), (j, columns) = (_within(at, part) for at, part in zip((self.x, self.y), box, strict=True))
        self.values[i, j] = values[np.ix_(rows, columns)]


def _within(places: Places, part: slice) -> tuple[slice, Places]:
    first, last = (int(np.searchsorted(places, end)) for end in (part.start, part.stop))
    return slice(first, last), places[first:last] - part.start


def beside(left: Floats, right: Floats) -> Floats:
    """Cells of two arrays in turn along the first dimension.

    >>> beside(np.array([[1, 2]]), np.array([[3, 4]])).tolist()
    [[1, 2], [3, 4]]
    """
    return np.stack([left, right], axis=1).reshape(-1, left.shape[1])


def middles(borders: Floats, scale: str) -> Floats:
    """The middle of each cell between its borders."""
    return np.sqrt(borders[1:] * borders[:-1]) if scale == "log" else borders[1:] / 2 + borders[:-1] / 2


def halved(borders: Floats, scale: str) -> Floats:
    """The borders with one more in the middle of each cell."""
    both = np.empty(2 * len(borders) - 1)
    both[::2], both[1::2] = borders, middles(borders, scale)
    return both


def reduced_line(values: Callable[[slice], Floats], count: int, most: int) -> tuple[Places, Floats]:
    """Places along a line, and its values there: all of them, or the smallest and largest of at most `most` blocks.

    >>> long = np.zeros(1000); long[777] = 5.0
    >>> where, shown = reduced_line(long.__getitem__, 1000, 4)
    >>> int(where[shown.argmax()]), len(where)
    (777, 8)
    """
    if count <= 2 * most:
        return np.arange(count), values(slice(0, count))
    where, shown = list[int](), list[float]()
    for start, stop in pairwise(bounds(count, most).tolist()):
        part = values(slice(start, stop))
        # a number that is undefined breaks the line, and -inf is the smallest
        finite = np.where(np.isnan(part), 0.0, part)
        both = {int(finite.argmin()), int(finite.argmax())}
        if np.isnan(part).any():
            both.add(int(np.isnan(part).argmax()))
        for place in sorted(both) if len(both) > 1 else [0, len(part) - 1]:
            where.append(start + place)
            shown.append(float(part[place]))
    return np.array(where), np.array(shown)
