"""Contestants in turns, each in a process of its own.

A process is started once for each and then asked over a pipe, because starting one anew for every round would cost
minutes of imports and compilations. In between it is stopped (SIGSTOP), so that no thread pool spins on while another
is measured; where a system has no such signal it sleeps in its pipe. It ends with the table, and gives all its memory
back. A round asks everyone once, so that whatever else the machine does meets all of them.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.machine import busy_seconds
from chainderiv.workers import usable_cores

SHORT, ENOUGH = 0.5, 0.25  # seconds: of a run before which another is made to warm the caches; of one turn
MOST_RUNS = 15  # of one turn


class NotHere(Exception):
    """Why a contestant cannot take part."""


@dataclass(frozen=True)
class Work:
    """What a contestant has built: run() is timed, told() is asked once before, and is what to judge it by."""

    run: Callable[[], object]
    told: Callable[[], Any]


@dataclass(frozen=True)
class Contestant:
    """A line of a table. build is a function of a module, which the new process imports; a run does 1/times of all."""

    name: str
    build: Callable[[], Work]
    times: float = 1


@dataclass
class Measured:
    """What came of a contestant: seconds of wall and of CPU, one of each a round; or why it is missing."""

    contestant: Contestant
    told: Any = None
    missing: str | None = None
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Of the seconds."""
        return statistics.median(self.seconds)

    @property
    def cpu(self) -> float:
        """The median of the CPU seconds."""
        return statistics.median(self.cpu_seconds)

    @property
    def spread(self) -> float:
        """The range of the seconds without the largest and the smallest, where there are enough, over their median."""
        inner = sorted(self.seconds)[1:-1] if len(self.seconds) > 4 else self.seconds
        return (max(inner) - min(inner)) / self.median


@dataclass(frozen=True)
class Ratio:
    """One contestant's seconds over another's, round by round: the median, the smallest and the largest."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, theirs: Measured, ours: Measured) -> Ratio | None:
        """None where either is missing."""
        if theirs.missing or ours.missing:
            return None
        each = [t / o for t, o in zip(theirs.seconds, ours.seconds, strict=True)]
        return cls(statistics.median(each), min(each), max(each))

    def __str__(self) -> str:
        return f"{figures(self.median)} ({figures(self.least)}–{figures(self.most)})"


def figures(value: float) -> str:
    """Two or three significant ones."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


@dataclass
class Others:
    """CPU that processes other than the one measured took meanwhile, as a share of the cores; None if not told."""

    taken: float = 0.0
    of: float = 0.0

    @property
    def share(self) -> float | None:
        """Of all the time that was measured."""
        return self.taken / self.of if self.of else None

    def __str__(self) -> str:
        return "" if self.share is None else f"other processes took {self.share:.0%} of the cores"


def in_turns(contestants: Sequence[Contestant], rounds: int, others: Others | None = None) -> list[Measured]:
    """Ask each once a round; what is missing is told, and an error of a contestant's own is its reason."""
    with ExitStack() as open_ones:
        # all at once: most of a start is one thread's, and no time counts yet
        children = [open_ones.enter_context(_child(c)) for c in contestants]
        results = [_first_word(child, c) for child, c in zip(children, contestants, strict=True)]
        for _ in range(rounds):
            for child, result in zip(children, results, strict=True):
                if not result.missing:
                    _turn(child, result, others or Others())
    return results


@dataclass(frozen=True)
class Child:
    """A contestant's process and the pipe to it."""

    process: Any
    pipe: Connection

    def receive(self) -> Any:
        """Its next word; raises NotHere when it has ended without one."""
        try:
            return self.pipe.recv()
        except EOFError:
            self.process.join()
            raise NotHere(f"its process ended (exit status {self.process.exitcode})") from None

    def signal(self, name: str) -> None:
        """Stop it or let it go on, all its threads."""
        if hasattr(signal, name) and self.process.is_alive():
            os.kill(self.process.pid, getattr(signal, name))
            if name == "SIGSTOP" and hasattr(os, "waitid"):  # its threads stop one by one, which takes a moment
                os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


@contextmanager
def _child(contestant: Contestant) -> Iterator[Child]:
    fresh = multiprocessing.get_context("spawn")
    here, there = fresh.Pipe()
    process = fresh.Process(target=_serve, args=(there, contestant.build), daemon=True)
    process.start()
    there.close()
    try:
        yield Child(process, here)
    finally:
        process.kill()  # which ends a stopped one, too
        process.join()


def _first_word(child: Child, contestant: Contestant) -> Measured:
    try:
        told = child.receive()
    except NotHere as e:
        return Measured(contestant, missing=str(e))
    child.signal("SIGSTOP")
    return Measured(contestant, missing=str(told)) if isinstance(told, NotHere) else Measured(contestant, told)


def _turn(child: Child, result: Measured, others: Others) -> None:
    busy, began = busy_seconds(), time.perf_counter()
    child.signal("SIGCONT")
    try:
        child.pipe.send("run")
        seconds, cpu, own = child.receive()
    except (NotHere, BrokenPipeError) as e:
        result.missing = str(e)
        return
    child.signal("SIGSTOP")
    result.seconds.append(seconds * result.contestant.times)
    result.cpu_seconds.append(cpu * result.contestant.times)
    if busy is not None:
        others.taken += max(0.0, (busy_seconds() or busy) - busy - own)
        others.of += usable_cores() * (time.perf_counter() - began)


def _serve(pipe: Connection, build: Callable[[], Work]) -> None:
    """What a contestant's process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that asks, who ends this one
    _die_with_parent()
    try:
        work = build()
        told = work.told()
    except (ImportError, OSError, NotHere, subprocess.CalledProcessError) as e:
        pipe.send(NotHere(_reason(e)))
        return
    pipe.send(told)
    del told
    while pipe.recv():
        pipe.send(_timed(work.run))


def _die_with_parent() -> None:
    """On Linux: else a stopped process would stay for ever where the one that asks is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _reason(e: Exception) -> str:
    return f"{e.name} is not installed" if isinstance(e, ImportError) and e.name else " ".join(str(e).split())


def _timed(run: Callable[[], object]) -> tuple[float, float, float]:
    """Median seconds of wall and of CPU of the runs of a turn, and the CPU of all of it."""
    whole = time.process_time()
    times = [_once(run)]
    if times[0][0] < SHORT:  # which has brought its data back into the caches
        times = [_once(run)]
        while len(times) < MOST_RUNS and sum(wall for wall, _ in times) < ENOUGH:
            times.append(_once(run))
    wall, cpu = (statistics.median(t) for t in zip(*times, strict=True))
    return wall, cpu, time.process_time() - whole


def _once(run: Callable[[], object]) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - began, time.process_time() - cpu
