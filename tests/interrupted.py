"""Child processes that an interrupt reaches, wherever the tests were started."""

import signal
import subprocess


def heeding(words, **options):
    """A child that SIGINT interrupts.

    A shell lets what it runs in the background ignore SIGINT, and children inherit that: Python then never raises
    KeyboardInterrupt. A signal that is caught here is the default one in a child.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(words, text=True, **options)
    finally:
        signal.signal(signal.SIGINT, before)
