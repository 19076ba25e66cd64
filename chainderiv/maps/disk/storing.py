"""A sweep to disk: what is there is checked, what is missing is computed; a kill loses only the tiles in hand."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from chainderiv.errors import BadValue, OutputError
from chainderiv.kinds import Box, Progress
from chainderiv.maps.disk.store import Store
from chainderiv.maps.plan import Plan, extent, in_tiles
from chainderiv.maps.tiles import at_once, each_done
from chainderiv.numeric.reading import Reading
from chainderiv.shown import Shown
from chainderiv.workers import Crew, as_done, usable_cores

STORED_TILE_POINTS = 2**20  # 8 MB of each float64 array: some thousand files for a map of 10^9 points
TILES = 64  # of a map that has the points, so that 16 workers have four tiles each
MARGIN = 1.05  # tiles differ in how far they compress


@dataclass(frozen=True)
class Estimate:
    """What a map on disk will take, judged by one tile of it.

    Attributes
    ----------
    points, tiles, tiles_left : of the map, and how many tiles are still to be computed.
    bytes_left, bytes_free : on disk.
    seconds_left : until it is done.

    Examples
    --------
    >>> print(Estimate(1_600_000_000, 1600, 1599, 30_100_000_000, 74_000_000_000, 75.3))
    1,600,000,000 points in 1,600 tiles, 1,599 to compute: about 30.1 GB of 74 GB free, about 1 min 15 s
    """

    points: int
    tiles: int
    tiles_left: int
    bytes_left: int
    bytes_free: int
    seconds_left: float

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"{self.points:,} points in {self.tiles:,} tiles, {self.tiles_left:,} to compute: "
            f"about {_bytes(self.bytes_left)} of {_bytes(self.bytes_free)} free, about {_duration(self.seconds_left)}"
        )

    def _repr_html_(self) -> str:
        return Shown([str(self)]).html()


Announce = Callable[[Estimate], None]


def checked_path(out: object) -> Path:
    """The folder of a map on disk; raises BadValue for a name that does not end in .zarr."""
    if not isinstance(out, str | Path) or Path(out).suffix.lower() != ".zarr":
        raise BadValue(f"out is {out!r}; give the name of a folder that ends in .zarr")
    return Path(out)


def in_stored_tiles(plan: Plan) -> Plan:
    """The plan in the tiles of a map on disk: by its size alone, so that any number of workers goes on with any map.

    >>> from chainderiv.maps.keywords import Axis, Chain, plan_of
    >>> for side in (100, 1000, 10_000):
    ...     plan = in_stored_tiles(plan_of(Chain(depth=4), w=Axis(-1, 1, side), b=Axis(-1, 1, side)))
    ...     print(plan.tile_shape, len(plan.tiles))
    (100, 100) 1
    (16, 1000) 63
    (1024, 1024) 100
    """
    return in_tiles(plan, TILES, STORED_TILE_POINTS)


def sweep_to_store(
    plan: Plan,
    path: Path,
    crew: Crew,
    progress: Progress | None = None,
    announce: Announce | None = None,
) -> Store:
    """Write the tiles that are not on disk yet, each as it is done; the same bytes, whoever computes and however often.

    Raises
    ------
    OutputError
        Where the place holds another map, another process writes it, it cannot be written, or the disk is too small.
    """
    fresh = not path.exists()
    store = Store.of(path, plan)
    try:
        with store.locked():
            noted, sums = len(store.sums()), _intact(store, progress)
            damaged = noted - len(sums)
            store.write_sums(sums)
            fresh = fresh and not noted
            left = [tile for tile in range(len(plan.tiles)) if tile not in sums]
            if left:
                _write(store, sums, left, fresh, crew, progress, announce)
                store.write_sums(sums)
    except KeyboardInterrupt as e:
        e.add_note(f"what is written stays in {str(store.path)!r}; the same sweep goes on where it was")
        raise
    return replace(store, computed=len(left), damaged=damaged)


def save_to_store(plan: Plan, read: Callable[[Box], Reading], path: Path) -> None:
    """Write a map that is known already."""
    whole = in_stored_tiles(plan)
    store = Store.of(path, whole)
    with store.locked():
        store.write_sums({tile: store.put(box, read(box)) for tile, box in enumerate(whole.tiles)})


def _write(
    store: Store,
    sums: dict[int, str],
    left: list[int],
    fresh: bool,
    crew: Crew,
    progress: Progress | None,
    announce: Announce | None,
) -> None:
    plan = store.plan
    first, *rest = left

    def note(tile: int, checked: str) -> None:
        sums[tile] = checked
        store.note(tile, checked)
        if progress is not None:
            progress(len(sums), len(plan.tiles))

    # the first tile tells what the others will take; what it compiles on its way is not counted
    plan.read(tuple(slice(part.start, part.start + 1) for part in plan.tiles[first]))
    began = time.perf_counter()
    checked = store.put(plan.tiles[first], plan.read(plan.tiles[first]))
    took = time.perf_counter() - began
    estimate = _estimate(store, first, rest, took / at_once(plan, crew))
    if estimate.bytes_left > estimate.bytes_free:
        if fresh:
            shutil.rmtree(store.path, ignore_errors=True)
        raise OutputError(
            f"{str(store.path)!r} would take about {_bytes(estimate.bytes_left)} and {_bytes(estimate.bytes_free)} "
            "are free; give another place, or fewer points"
        )
    if announce is not None and rest:
        announce(estimate)
    note(first, checked)
    tiles = (plan.tiles[tile] for tile in rest)
    for box, checked in each_done(plan, tiles, lambda box: store.put(box, plan.read(box)), store.put, crew):
        note(plan.number(box), checked)


def _estimate(store: Store, first: int, rest: list[int], seconds: float) -> Estimate:
    plan = store.plan
    known, *left = (math.prod(extent(plan.tiles[tile])) for tile in (first, *rest))
    more = sum(left) / known
    needed, free = round(MARGIN * store.size_of(plan.tiles[first]) * more), shutil.disk_usage(store.path).free
    return Estimate(plan.points, len(plan.tiles), len(rest), needed, free, seconds * more)


def _intact(store: Store, progress: Progress | None) -> dict[int, str]:
    """The written tiles whose bytes are what was written."""
    sums, plan, good = store.sums(), store.plan, dict[int, str]()

    def check(tile: int, _: int) -> bool:
        return store.is_whole(plan.tiles[tile], sums[tile])

    with ThreadPoolExecutor(usable_cores(), "check") as pool:
        for tile, whole in as_done(pool, check, sums, 2 * usable_cores()):
            if whole:
                good[tile] = sums[tile]
                if progress is not None:
                    progress(len(good), len(plan.tiles))
    return good


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            break
        count /= 1000
    return f"{count:.3g} {unit}"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return "1 s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
