"""--workers, --scheduler and --scheduler-file: who computes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chainderiv.commands import common
from chainderiv.errors import BadValue


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.add_argument("--workers", metavar="N", help="threads that compute (default: the usable cores)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="compute on a Dask cluster: tcp://host:8786")
    parser.add_argument("--scheduler-file", metavar="FILE", help="the same, by its scheduler file")


@contextmanager
def crew(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Who computes, as the keywords executor and workers."""
    given = [flag for flag in ("workers", "scheduler", "scheduler_file") if getattr(options, flag) is not None]
    if len(given) > 1:
        flags = " and ".join(f"--{flag.replace('_', '-')}" for flag in given)
        raise BadValue(f"{flags} are given together; give one of them")
    if options.scheduler is None and options.scheduler_file is None:
        yield {"workers": None if options.workers is None else common.whole("workers", options.workers)}
        return
    from chainderiv.maps.cluster import cluster

    with cluster(options.scheduler, options.scheduler_file) as (executor, workers):
        yield {"executor": executor, "workers": workers}
