"""An interrupt waits for the compiler, and is raised then."""

import gc
import os
import signal
import threading

import pytest
from numba.core import dispatcher

from chainderiv.compiling import cache
from chainderiv.compiling.undisturbed import undisturbed, unswept

TEXT = """
import numpy as np
from numba import njit

@njit(cache=True)
def twice(x):
    return 2.0 * x + {extra}
"""
pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="on Windows os.kill ends a process, whatever the signal"
)


@pytest.fixture(autouse=True)
def heeded():
    """What runs in the background ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(10_000):  # the handler runs between two instructions
        pass


def test_an_interrupt_waits_for_the_end_of_the_block_and_is_one():
    reached = []

    def held():
        with undisturbed():
            interrupt()
            interrupt()
            reached.append(True)

    with pytest.raises(KeyboardInterrupt):
        held()
    assert reached
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_an_error_in_the_block_is_the_error_that_is_raised():
    with pytest.raises(ZeroDivisionError), undisturbed():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_is_not_lost_where_the_block_fails():
    def failing():
        with undisturbed():
            interrupt()
            raise ValueError

    with pytest.raises(KeyboardInterrupt):
        failing()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_interrupts_are_ignored_or_of_another_thread_nothing_is_held():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with undisturbed():
        interrupt()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seen = []

    def aside():
        with undisturbed():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=aside)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_a_kernel_s_function_is_compiled_to_the_end_before_an_interrupt_is_raised(monkeypatch):
    whole, compile_ = [], dispatcher._FunctionCompiler.compile

    def interrupted(self, args, return_type):
        interrupt()
        made = compile_(self, args, return_type)
        whole.append(made)
        return made

    module = cache.load(TEXT.format(extra=f"{os.getpid()}.0"))
    with monkeypatch.context() as patch:
        patch.setattr(dispatcher._FunctionCompiler, "compile", interrupted)
        with pytest.raises(KeyboardInterrupt):
            module.twice(1.0)
    assert len(whole) == 1
    assert module.twice(1.0) == 2.0 + os.getpid()


def test_a_kernel_is_loaded_to_the_end_before_an_interrupt_is_raised(monkeypatch):
    exec_ = cache._is_whole

    def interrupted(index):
        interrupt()
        return exec_(index)

    text = TEXT.format(extra=f"{os.getpid()}.5")
    cache.load(text).twice(1.0)
    cache._load.cache_clear()
    monkeypatch.setattr(cache, "_is_whole", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.load(text)
    monkeypatch.undo()
    assert cache.load(text).twice(1.0) == 2.5 + os.getpid()


def test_no_garbage_is_searched_while_a_kernel_is_compiled_and_after_it_as_before(monkeypatch):
    seen, compile_ = [], dispatcher._FunctionCompiler.compile

    def noted(self, args, return_type):
        seen.append(gc.isenabled())
        return compile_(self, args, return_type)

    monkeypatch.setattr(dispatcher._FunctionCompiler, "compile", noted)
    assert cache.load(TEXT.format(extra=f"{os.getpid()}.75")).twice(1.0) == 2.75 + os.getpid()
    assert seen == [False]
    assert gc.isenabled()
    gc.disable()
    try:
        with unswept():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
