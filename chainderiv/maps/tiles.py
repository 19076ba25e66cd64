"""Tiles read by whoever is there: this thread, threads, processes, a cluster."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial

from chainderiv.kinds import Box
from chainderiv.maps.plan import Plan
from chainderiv.numeric.reading import Reading
from chainderiv.workers import Crew, Result, as_done


def each_done(
    plan: Plan,
    tiles: Iterable[Box],
    here: Callable[[Box], Result],
    after: Callable[[Box, Reading], Result],
    crew: Crew,
) -> Iterator[tuple[Box, Result]]:
    """Every tile with its result, as it is done; no more than two tiles a worker are held.

    Parameters
    ----------
    here : what is done with a tile in this process, the reading included.
    after : what is done here with a tile that was read elsewhere.
    crew : who reads.
    """
    executor, count = crew.executor, at_once(plan, crew)
    if isinstance(executor, ThreadPoolExecutor):
        yield from as_done(executor, lambda box, _: here(box), tiles, 2 * count)
    elif executor is not None:
        work = partial(_read, pickle.dumps(plan, pickle.HIGHEST_PROTOCOL))
        for box, tile in as_done(executor, work, tiles, 2 * count):
            yield box, after(box, tile)
    elif count == 1:
        yield from ((box, here(box)) for box in tiles)
    else:
        with ThreadPoolExecutor(count, "sweep") as pool:
            yield from as_done(pool, lambda box, _: here(box), tiles, 2 * count)


def at_once(plan: Plan, crew: Crew) -> int:
    """How many tiles are computed at once: one of a small map, or where mpmath's precision is the whole process's."""
    alone = crew.workers is None and crew.executor is None and (len(plan.tiles) == 1 or plan.engine == "mpmath")
    return 1 if alone else crew.size


def _read(blob: bytes, box: Box, attempt: int) -> Reading:
    return _unpacked(blob).read(box)


@lru_cache(maxsize=4)
def _unpacked(blob: bytes) -> Plan:
    """A worker's own plan, and with it its kernel, is made once and not for every tile."""
    plan: Plan = pickle.loads(blob)
    return plan
