"""Tiles read by whoever is there: this thread, threads, processes, a cluster; each worker may die and lose nothing."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from functools import lru_cache, partial
from typing import TypeVar

from chainderiv.errors import BadValue, ChainderivError, WorkersLost
from chainderiv.maps.plan import Box, Plan
from chainderiv.numeric.tile import Tile

Result = TypeVar("Result")
Item = TypeVar("Item")
ATTEMPTS = 3  # a tile whose workers died this often is given up: it may be what kills them
UNKNOWN_WORKERS = 8  # of an executor that does not tell how many it has


def usable_cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def checked_workers(workers: int | None) -> int | None:
    """The number of workers as given; raises BadValue for what is none."""
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise BadValue(f"workers is {workers!r}; give a whole number from 1, or none for the usable cores")
    return workers


def each_done(
    plan: Plan,
    tiles: Iterable[Box],
    here: Callable[[Box], Result],
    after: Callable[[Box, Tile], Result],
    executor: Executor | None = None,
    workers: int | None = None,
) -> Iterator[tuple[Box, Result]]:
    """Every tile with its result, as it is done; no more than two tiles a worker are held.

    Parameters
    ----------
    here : what is done with a tile in this process, the reading included.
    after : what is done here with a tile that was read elsewhere.
    executor : who reads; without one, threads of this process.
    workers : how many they are; without a number the usable cores, or what the executor tells.
    """
    crew = worker_count(plan, executor, workers)
    if isinstance(executor, ThreadPoolExecutor):
        yield from as_done(executor, lambda box, _: here(box), tiles, 2 * crew)
    elif executor is not None:
        work = partial(_read, pickle.dumps(plan, pickle.HIGHEST_PROTOCOL))
        for box, tile in as_done(executor, work, tiles, 2 * crew):
            yield box, after(box, tile)
    elif crew == 1:
        yield from ((box, here(box)) for box in tiles)
    else:
        with ThreadPoolExecutor(crew, "sweep") as pool:
            yield from as_done(pool, lambda box, _: here(box), tiles, 2 * crew)


def worker_count(plan: Plan, executor: Executor | None, workers: int | None) -> int:
    """How many tiles are computed at once.

    Without a number: what the executor tells; or the usable cores, but one for a small map, and for mpmath, whose
    precision is the whole process's.
    """
    if workers is not None:
        return workers
    if executor is not None:
        return int(getattr(executor, "_max_workers", UNKNOWN_WORKERS))
    return 1 if len(plan.tiles) == 1 or plan.engine == "mpmath" else usable_cores()


def as_done(
    executor: Executor, work: Callable[[Item, int], Result], items: Iterable[Item], window: int
) -> Iterator[tuple[Item, Result]]:
    """Every item with work(item, attempt), as it is done, no more than window at a time.

    An item that fails is given out again, to the third time: its worker may have died. Where the whole pool is broken,
    the rest is done here. What the work itself raises is raised; raises WorkersLost where the workers keep dying.
    """
    flying: dict[Future[Result], tuple[Item, int]] = {}

    def start(item: Item, attempt: int) -> None:
        future: Future[Result] = Future()
        try:
            # the attempt is an argument because a cluster remembers a call and how it ended
            future = executor.submit(work, item, attempt)
        except BrokenExecutor as e:
            future.set_exception(e)
        flying[future] = (item, attempt)

    try:
        left = iter(items)
        for item in left:
            start(item, 1)
            while len(flying) >= window:
                yield from _landed(flying, start)
        while flying:
            yield from _landed(flying, start)
    except BrokenExecutor:
        warnings.warn("the pool of workers broke; what is left is computed in this process", RuntimeWarning, 2)
        for item in [*(item for item, _ in flying.values()), *left]:
            yield item, work(item, ATTEMPTS)
    finally:
        for future in flying:
            future.cancel()


def _landed(
    flying: dict[Future[Result], tuple[Item, int]], start: Callable[[Item, int], None]
) -> Iterator[tuple[Item, Result]]:
    for future in wait(flying, return_when=FIRST_COMPLETED).done:
        item, attempt = flying[future]
        # a future that its cluster has lost counts as cancelled
        error = None if future.cancelled() else future.exception()
        if isinstance(error, BrokenExecutor):
            raise error
        if error is None and not future.cancelled():
            del flying[future]
            yield item, future.result()
        elif isinstance(error, ChainderivError) or (attempt == ATTEMPTS and not _is_loss(error)):
            assert error is not None
            raise error
        elif attempt == ATTEMPTS:
            raise WorkersLost(
                f"a part of the work was given out {ATTEMPTS} times, and each time its worker died; "
                "give the workers more memory, or start the same work here"
            ) from error
        else:
            del flying[future]
            start(item, attempt + 1)


def _is_loss(error: BaseException | None) -> bool:
    """Whether the workers failed and not the work: a future that was lost, or an error of Dask's own."""
    return error is None or type(error).__module__.partition(".")[0] == "distributed"


def _read(blob: bytes, box: Box, attempt: int) -> Tile:
    return _unpacked(blob).read(box)


@lru_cache(maxsize=4)
def _unpacked(blob: bytes) -> Plan:
    """A worker's own plan, and with it its kernel, is made once and not for every tile."""
    plan = pickle.loads(blob)
    assert isinstance(plan, Plan)
    return plan
