"""While machine code is compiled or loaded, Ctrl-C waits: raised within LLVM's callbacks, it ends the process.

Nor is garbage searched for meanwhile, which would take a tenth of the time: what is made stays until the end.
"""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType

from numba.core.dispatcher import Dispatcher


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold an interrupt back to the end of the block; only the main thread gets any, and only it can hold one."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:  # over an error of the block's own, too: that was nobody's wish
            before(*came[0])


@contextmanager
def unswept() -> Iterator[None]:
    """Search no garbage to the end of the block, if anybody does."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


def hold_interrupts(module: ModuleType) -> None:
    """Have every function of a kernel's own compiled undisturbed: Numba does so, or loads it, at the first call."""
    for function in vars(module).values():
        if isinstance(function, Dispatcher) and function.__module__ == module.__name__:
            # Numba asks the instance for it, and has no hook of its own there
            function.compile = unswept()(undisturbed()(function.compile))  # type: ignore[method-assign]
