"""Plan: a sweep cut into tiles, each of which can be read on its own: here, in a thread, or on another machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainderiv.errors import BadValue
from chainderiv.given import shown
from chainderiv.kinds import Box, Floats
from chainderiv.maps.axis import Axis
from chainderiv.maps.depth import DEPTH, chain_at, depths_of
from chainderiv.numeric.kernel import Kernel, kernel
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.numeric.reading import Reading
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.derive import derive
from chainderiv.symbolic.lazy import Lazy
from chainderiv.symbolic.second import SecondDerivation

BLOCK_POINTS = 2**17  # read at once: a dozen float64 arrays of them stay near the cache
LONGEST_ROW = 1024  # a tile wider than this gains nothing, and a window of the map would read more than it shows
LEAST_TILE_POINTS = 2**14  # a tile on disk takes 8 ms to write, and one in memory a tenth of that, however small


@dataclass(frozen=True, eq=False)
class Plan:
    """A gradient over a grid, cut into tiles; it is small, and pickles.

    Attributes
    ----------
    derivation : Derivation, or SecondDerivation of two parameters.
    engine : name of the engine that reads it.
    axes : dict of name -> Axis, in the order of the dimensions.
    fixed : dict of name -> number, the parameters that are not swept.
    tile_shape : how many points a tile has in each dimension; the last tiles may have fewer.

    Examples
    --------
    >>> from chainderiv import Chain, derive
    >>> axes = {"w": Axis(-12, 12, 5), "b": Axis(-10, 10, 3)}
    >>> plan = Plan(derive(Chain(depth=4)), "numpy", axes, {"x": 0.5, "y": 0.0}, tile_shape=(4, 3))
    >>> plan.shape, plan.tiles[1]
    ((5, 3), (slice(4, 5, None), slice(0, 3, None)))
    >>> plan.read(plan.tiles[1]).sign
    array([[1, 1, 1]], dtype=int8)
    """

    derivation: Derivation | SecondDerivation
    engine: str
    axes: Mapping[str, Axis]
    fixed: Mapping[str, float]
    tile_shape: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the whole map."""
        return tuple(axis.count for axis in self.axes.values())

    @property
    def points(self) -> int:
        """How many points the whole map has."""
        return math.prod(self.shape)

    @property
    def tiles(self) -> Sequence[Box]:
        """The tiles' boxes, the last dimension fastest; they cover the map, and none overlaps another."""
        return boxes(tuple(slice(0, count) for count in self.shape), self.tile_shape)

    def number(self, box: Box) -> int:
        """The place of a tile among the tiles."""
        index = 0
        for part, count, size in zip(box, self.shape, self.tile_shape, strict=True):
            index = index * -(-count // size) + part.start // size
        return index

    def tiles_within(self, box: Box) -> Iterator[int]:
        """The numbers of the tiles that a box of the map has a point in; its slices may have steps.

        >>> from chainderiv import Chain, derive
        >>> axes = {"w": Axis(0, 1, 9), "b": Axis(0, 1, 4)}
        >>> plan = Plan(derive(Chain(depth=4)), "numpy", axes, {"x": 0.5, "y": 0.0}, tile_shape=(2, 3))
        >>> list(plan.tiles_within((slice(3, None, 4), slice(0, 3))))
        [2, 6]
        """
        met = list[Sequence[int]]()
        for part, count, size in zip(box, self.shape, self.tile_shape, strict=True):
            points = range(count)[part]
            if points.step > size or not points:
                met.append([p // size for p in points])
            else:
                met.append(range(points[0] // size, points[-1] // size + 1))
        counts = [-(-count // size) for count, size in zip(self.shape, self.tile_shape, strict=True)]
        for index in product(*met):
            yield int(np.ravel_multi_index(index, counts))

    def read(self, box: Box) -> Reading:
        """Evaluate over a box."""
        tile = Reading.empty(extent(box))
        self._into(tile, box)
        return tile

    def fill(self, whole: Reading, box: Box) -> None:
        """Evaluate over a box of a whole map, into it."""
        self._into(whole.read(box), box)

    def _into(self, tile: Reading, box: Box) -> None:
        for place, plan, block in self.blocks(box):
            part = tile.read(place)
            read = part if part.log_abs.flags.c_contiguous else Reading.empty(part.shape)
            plan._kernel.fill(plan.parameters(block), read.reshape(-1))
            if read is not part:
                part.put(..., read)

    def blocks(self, box: Box) -> Iterator[tuple[Box, Plan, Box]]:
        """A box in parts of BLOCK_POINTS points of one depth: where in the box, of which plan, and its box there."""
        for block in boxes(box, fit_tile(extent(box), BLOCK_POINTS)):
            place = tuple(slice(b.start - o.start, b.stop - o.start) for b, o in zip(block, box, strict=True))
            yield from self._depths(place, block) if DEPTH in self.axes else [(place, self, block)]

    def _depths(self, place: Box, block: Box) -> Iterator[tuple[Box, Plan, Box]]:
        at = list(self.axes).index(DEPTH)
        for k, depth in enumerate(depths_of(self.axes[DEPTH])[block[at]], place[at].start):
            if depth not in self._plans:
                self._plans[depth] = self.at_depth(int(depth))
            yield (*place[:at], slice(k, k + 1), *place[at + 1 :]), self._plans[depth], block[:at] + block[at + 1 :]

    @cached_property
    def _plans(self) -> dict[int, Plan]:
        return {}

    def at_depth(self, depth: int) -> Plan:
        """The plan over the other axes, at one depth."""
        chain, named = chain_at(self.derivation.chain, depth), tuple(self.derivation.named.split(","))
        place = list(self.axes).index(DEPTH)
        return replace(
            self,
            derivation=derive(chain, named if len(named) > 1 else named[0]),
            axes={name: axis for name, axis in self.axes.items() if name != DEPTH},
            tile_shape=self.tile_shape[:place] + self.tile_shape[place + 1 :],
        )

    def links(self, box: tuple[Any, ...] | None = None) -> int | NDArray[np.int64]:
        """How many links the chain has, L - 1; along a depth axis an array that broadcasts over the box.

        box : a slice, or an array of places, per dimension; by default the whole map.
        """
        if DEPTH not in self.axes:
            return self.derivation.chain.depth - 1
        place = list(self.axes).index(DEPTH)
        links = depths_of(self.axes[DEPTH]) - 1
        return (links if box is None else links[box[place]]).reshape(
            [-1 if dimension == place else 1 for dimension in range(len(self.axes))]
        )

    def parameters(self, box: Box) -> Parameters:
        """What the chain is evaluated at over a box; of a plan without a depth axis."""
        grids: dict[str, Floats] = {name: np.asarray(value) for name, value in self.fixed.items()}
        for dimension, ((name, axis), part) in enumerate(zip(self.axes.items(), box, strict=True)):
            grids[name] = axis.values[part].reshape([-1 if i == dimension else 1 for i in range(len(box))])

        def layers(kind: str) -> Layered:
            own = {int(name[1:]): v for name, v in grids.items() if name[0] == kind and name != kind}
            # where every layer has its own, no layer asks for another
            return Layered(grids[kind] if kind in grids else own[1], own=own)

        pinned = "z" in grids
        return Parameters(layers("w"), layers("z" if pinned else "b"), grids["x"], grids["y"], pinned)

    @cached_property
    def _kernel(self) -> Kernel:
        return kernel(self.derivation, self.engine)

    def __getstate__(self) -> dict[str, object]:
        # a kernel is made anew where the plan arrives
        return {f.name: getattr(self, f.name) for f in fields(self)}


def part_of(plan: Plan, read: Callable[[Box], Reading], slices: Mapping[str, slice]) -> tuple[Plan, Reading]:
    """The plan and the readings of a part of a map; raises BadValue."""
    if unknown := [name for name in slices if name not in plan.axes]:
        raise BadValue(f"{unknown[0]!r} is no axis of the map; give slices of {', '.join(plan.axes)}")
    box, axes = [], {}
    for name, axis in plan.axes.items():
        given = slices.get(name, slice(None))
        try:
            taken = range(axis.count)[given] if isinstance(given, slice) else range(0)
        except (TypeError, ValueError):  # a slice of what are no whole numbers, or of a step of 0
            taken = range(0)
        if len(taken) < 2 or taken.step < 1:
            raise BadValue(
                f"{name} is cut by {shown(given)}; give a slice with a step of 1 or more, of 2 points or more"
            )
        box.append(slice(taken.start, taken.stop, taken.step))
        axes[name] = replace(axis, start=axis.values[taken[0]], stop=axis.values[taken[-1]], count=len(taken))
    shape = tuple(axis.count for axis in axes.values())
    return replace(plan, axes=axes, tile_shape=shape), read(tuple(box))


def extent(box: Box) -> tuple[int, ...]:
    """The shape of a box that has no steps.

    >>> extent((slice(2, 5), slice(0, 7)))
    (3, 7)
    """
    return tuple(part.stop - part.start for part in box)


def boxes(whole: Box, shape: Sequence[int]) -> Sequence[Box]:
    """A box cut into boxes of a shape, the last dimension fastest; each is made when it is asked for."""
    counts = [-(-size // step) for size, step in zip(extent(whole), shape, strict=True)]

    def box(index: int) -> Box:
        found: list[slice] = []
        for part, step, count in reversed(list(zip(whole, shape, counts, strict=True))):
            index, place = divmod(index, count)
            start = part.start + place * step
            found.append(slice(start, min(start + step, part.stop)))
        return tuple(reversed(found))

    return Lazy(math.prod(counts), box)


def in_tiles(plan: Plan, count: int, most: int) -> Plan:
    """The plan in about so many tiles, of LEAST_TILE_POINTS points at least and so many at most."""
    return replace(plan, tile_shape=fit_tile(plan.shape, min(most, max(LEAST_TILE_POINTS, plan.points // count))))


def fit_tile(shape: Sequence[int], points: int) -> tuple[int, ...]:
    """The shape of a tile of at most that many points: long in the last dimension, so that memory is read in rows.

    >>> fit_tile((1000, 1000), 2**16), fit_tile((40_000, 40_000), 2**20), fit_tile((5, 10**6), 2**16)
    ((65, 1000), (1024, 1024), (5, 12288))
    """
    longest = max(LONGEST_ROW, round(points ** (1 / len(shape))))
    left, sizes = points, list[int]()
    for dimension, count in reversed(list(enumerate(shape))):
        sizes.append(max(1, min(count, left, left if dimension == 0 else longest)))
        left //= sizes[-1]
    # where the other dimensions are short, the last takes what they leave
    sizes[0] = min(shape[-1], sizes[0] * max(left, 1))
    return tuple(reversed(sizes))
