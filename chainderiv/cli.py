"""The command line: text -> call -> print or save; no mathematics.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 usage or bad input, 3 a verification
disagreed or a diagnosis accuses, 130 interrupted.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn, TextIO

from chainderiv.commands import common
from chainderiv.commands.common import COMMANDS
from chainderiv.commands.pages import is_page
from chainderiv.compiling.compiler import be_lean
from chainderiv.errors import ChainderivError, Diverged
from chainderiv.version import __version__

START = """start with
  chainderiv tour                    a folder with one page to open, in a minute
  chainderiv derive --depth 4        the formula of the first layer's gradient
  chainderiv map --out map.png       where it vanishes and where it explodes
and go on with
  chainderiv COMMAND --help          what a command takes, with an example
  chainderiv completion bash         names and flags by the tab key (zsh, fish too)"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print the fault and where help is, and exit with 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Help on stdout, in ASCII where that is no UTF-8."""
        if message and file is sys.stdout:
            common.say(message.rstrip("\n"))
        else:
            super()._print_message(message, file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        code = _run(_joined(sys.argv[1:] if arguments is None else arguments), arguments is None)
        if sys.stdout:  # none where it was closed before we began
            sys.stdout.flush()  # here, where it is told what failed; at its end Python would complain in its own words
        return code
    except BrokenPipeError:  # the reader of our output has left
        code = 1
    except OSError as e:
        code = _fail(f"the output cannot be written ({e.strerror}); give it another place", 1)
    for stream in filter(None, (sys.stdout, sys.stderr)):
        _let_go(stream)
    return code


def _run(given: Sequence[str], ours: bool) -> int:
    """The same, where the output can be written."""
    if given == ["--version"]:
        print(f"chainderiv {__version__}")
        return 0
    if not given:
        _parser(given).print_help()
        return 0
    # as it may be typed again: a page says what made it
    options, began = argparse.Namespace(typed=shlex.join(["chainderiv", *given])), time.time()
    try:
        with _quickly(ours):
            parser = _parser(given)
        parser.parse_args(given, options)
        run: Callable[[argparse.Namespace], int] = options.run
        with common.warnings_in_a_line():
            return run(options)
    except SystemExit as e:  # argparse's way out
        return int(e.code or 0)
    except ChainderivError as e:
        return _fail(common.in_flags(str(e), options), 1 if isinstance(e, Diverged) else 2)
    except MemoryError:
        return _fail("not enough memory; give fewer points or fewer layers", 1)
    except KeyboardInterrupt as e:
        return _fail(f"interrupted; {_kept(options, began, e)}", 130)


def _kept(options: argparse.Namespace, began: float, interrupt: KeyboardInterrupt) -> str:
    """What an interrupted command that began then has left: how to go on, or its files; each is whole."""
    if notes := getattr(interrupt, "__notes__", ()):
        return "; ".join(notes)
    from chainderiv.pages.writer import twin_of

    places = [Path(place) for name in ("out", "csv") if (place := getattr(options, name, None))]
    places += [twin_of(place) for place in places if is_page(place)]
    files = [file for place in places for file in (sorted(place.iterdir()) if place.is_dir() else [place])]
    new = [str(file) for file in files if file.is_file() and file.stat().st_mtime >= began]
    return f"kept: {', '.join(new)}" if new else "no file was written"


def _let_go(stream: TextIO) -> None:
    """What cannot be written goes nowhere, or Python would try again at its end."""
    try:
        stream.flush()
    except OSError:
        with suppress(OSError):  # one that is no file
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def _quickly(ours: bool) -> Iterator[None]:
    """Modules load without a search for garbage, now or at the process's end, where the process is ours.

    What they make stays, and searching SymPy's objects again and again takes a third of a short command's time. Nor
    does anybody else compile there, so that Numba may be loaded without what no kernel calls.
    """
    if not ours:
        yield
        return
    be_lean()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        atexit.register(gc.freeze)


def _fail(said: str, code: int) -> int:
    common.complain(f"chainderiv: {said}")
    return code


def _joined(given: Sequence[str]) -> list[str]:
    """--w -12:12:1001 as --w=-12:12:1001: argparse takes a word that begins with a minus sign for a flag."""
    joined: list[str] = []
    for word in given:
        after_flag = joined and re.fullmatch(r"--[a-z-]+", joined[-1])
        formula = joined and joined[-1] in ("--activation", "--output", "--claim") and re.match(r"-[^-]", word)
        if after_flag and (formula or re.match(r"-([0-9.]|inf|nan)", word)):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _parser(given: Sequence[str]) -> Parser:
    parser = Parser(
        prog="chainderiv",
        description="Why a deep network's gradients vanish or explode.",
        epilog=START,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"chainderiv {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        # only the command that was asked for is imported
        if name in given:
            common.command(name).declare(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
