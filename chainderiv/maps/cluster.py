"""A Dask cluster that is there already, as an executor."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.extras import extra

PATIENCE = 30  # seconds, for the scheduler to answer and for a first worker to come
KNOCK = 4  # seconds, for anything at all to be there


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
        When no scheduler answers there, or none of its workers, or the file is none that a scheduler writes.
    MissingExtra
        When Dask is not installed.
    """
    distributed = extra("distributed", "a sweep on a Dask cluster")
    where = address if scheduler_file is None else scheduler_file
    # Dask itself would wait for a file without end, and ask again and again at an address where nobody is
    at = address if scheduler_file is None else _address_in(scheduler_file)
    try:
        if at is not None:
            _knock(distributed, at)
        client = _client(distributed, at)
    except (OSError, OverflowError, ValueError) as e:
        raise BadValue(f"no Dask scheduler answers at {where!r} ({e}); give that of a running one") from e
    except MemoryError as e:  # Dask takes the first words of another program for the size of its message
        raise BadValue(f"what answers at {where!r} is no Dask scheduler; give that of a running one") from e
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as e:
            raise BadValue(f"the Dask scheduler at {where!r} has no workers; start some: dask worker …") from e
        yield client.get_executor(pure=False), sum(client.nthreads().values())


def _client(distributed: Any, address: str | None) -> Any:
    """A Client; one that fails is closed here.

    It lies in a circle, and the garbage collector would close it at any time: while another starts, which holds a lock
    that closing takes, both would wait without end.
    """
    made = distributed.Client.__new__(distributed.Client)
    try:
        made.__init__(address=address, timeout=PATIENCE)
    except BaseException:
        made.close()
        raise
    return made


def _address_in(scheduler_file: str) -> str:
    """The address that a scheduler wrote into its file; raises BadValue."""
    cure = "give the file that `dask scheduler --scheduler-file FILE` has written"
    try:
        held = json.loads(Path(scheduler_file).read_bytes())
    except OSError as e:
        raise BadValue(f"scheduler file {scheduler_file!r} cannot be read ({e.strerror}); {cure}") from e
    except ValueError as e:
        raise BadValue(f"{scheduler_file!r} is no scheduler file (no JSON); {cure}") from e
    address = held.get("address") if isinstance(held, dict) else None
    if not isinstance(address, str):
        raise BadValue(f"{scheduler_file!r} is no scheduler file (it holds no address); {cure}")
    return address


def _knock(distributed: Any, address: str) -> None:
    """Raise OSError, ValueError or OverflowError (of the port) where nobody listens at a tcp:// or tls:// address."""
    if "://" not in address or address.startswith(("tcp://", "tls://")):
        socket.create_connection(distributed.comm.get_address_host_port(address), timeout=KNOCK).close()
