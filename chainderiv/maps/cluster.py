"""A Dask cluster that is there already, as an executor."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from chainderiv.errors import BadValue
from chainderiv.extras import extra

PATIENCE = 30  # seconds, for the scheduler to answer and for a first worker to come


@contextmanager
def cluster(address: str | None = None, scheduler_file: str | None = None) -> Iterator[tuple[Executor, int]]:
    """The executor of a running scheduler, and how many threads its workers have, for sweep(executor=…, workers=…).

    Parameters
    ----------
    address : as 'tcp://127.0.0.1:8786'; or
    scheduler_file : the file that `dask scheduler --scheduler-file` has written.

    Raises
    ------
    BadValue
        When no scheduler answers there, or none of its workers.
    MissingExtra
        When Dask is not installed.
    """
    distributed = extra("distributed", "a sweep on a Dask cluster")
    where = address or scheduler_file
    try:
        client = distributed.Client(address=address, scheduler_file=scheduler_file, timeout=PATIENCE)
    except (OSError, ValueError) as e:
        raise BadValue(f"no Dask scheduler answers at {where!r} ({e}); give that of a running one") from e
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as e:
            raise BadValue(f"the Dask scheduler at {where!r} has no workers; start some: dask worker …") from e
        yield client.get_executor(pure=False), sum(client.nthreads().values())
