"""Who computes: threads of this process, or an executor whose workers may die and lose nothing."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from typing import TypeVar

from chainderiv.errors import BadValue, ChainderivError, WorkersLost
from chainderiv.given import is_whole, shown

Result = TypeVar("Result")
Item = TypeVar("Item")
ATTEMPTS = 3  # an item whose workers died this often is given up: it may be what kills them
PATIENCE = 1.0  # seconds between two looks at whether there is still a scheduler
UNKNOWN_WORKERS = 8  # of an executor that does not tell how many it has


def usable_cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@dataclass(frozen=True)
class Crew:
    """Who computes: an executor, or without one threads of this process.

    workers : how many they are; None for the usable cores, or what the executor tells.

    Raises BadValue where workers is no whole number from 1, or the executor takes no work.
    """

    executor: Executor | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.executor is not None and not callable(getattr(self.executor, "submit", None)):
            raise BadValue(
                f"executor is {shown(self.executor)}; give a concurrent.futures.Executor, or None for threads"
            )
        if self.workers is not None and not is_whole(self.workers, 1):
            raise BadValue(f"workers is {self.workers!r}; give a whole number from 1, or none for the usable cores")

    @property
    def size(self) -> int:
        """How many they are."""
        if self.workers is not None:
            return int(self.workers)
        if self.executor is not None:
            return int(getattr(self.executor, "_max_workers", UNKNOWN_WORKERS))
        return usable_cores()


def as_done(
    executor: Executor, work: Callable[[Item, int], Result], items: Iterable[Item], window: int
) -> Iterator[tuple[Item, Result]]:
    """Every item with work(item, attempt), as it is done, no more than window at a time.

    An item that fails is given out again, to the third time: its worker may have died. Where the whole pool is broken,
    the rest is done here. What the work itself raises is raised; raises WorkersLost where the workers keep dying, or
    their scheduler is gone.
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
                yield from _landed(executor, flying, start)
        while flying:
            yield from _landed(executor, flying, start)
    except BrokenExecutor:
        warnings.warn("the pool of workers broke; what is left is computed in this process", RuntimeWarning, 2)
        for item in [*(item for item, _ in flying.values()), *left]:
            yield item, work(item, ATTEMPTS)
    finally:
        # a lost scheduler cannot be told, and Dask would show where it failed to
        for future in () if _has_no_scheduler(executor) else flying:
            future.cancel()


def _landed(
    executor: Executor, flying: dict[Future[Result], tuple[Item, int]], start: Callable[[Item, int], None]
) -> Iterator[tuple[Item, Result]]:
    while not (done := wait(flying, PATIENCE, FIRST_COMPLETED).done):
        _require_scheduler(executor)
    for future in done:
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
            _require_scheduler(executor)
            start(item, attempt + 1)


def _require_scheduler(executor: Executor) -> None:
    if _has_no_scheduler(executor):
        raise WorkersLost(
            "the scheduler of the cluster no longer answers; start it again, and the same sweep, which goes on with "
            "what is on disk"
        )


def _has_no_scheduler(executor: Executor) -> bool:
    """Whether Dask has given its scheduler up: what was sent to it then is never done, nor told so."""
    return getattr(getattr(executor, "_client", None), "status", "") == "closed"


def _is_loss(error: BaseException | None) -> bool:
    """Whether the workers failed and not the work: a future that was lost, or an error of Dask's own."""
    return error is None or type(error).__module__.partition(".")[0] == "distributed"
