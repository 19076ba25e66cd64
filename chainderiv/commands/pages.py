"""--open: a page that was written, shown in a browser."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chainderiv.commands import common
from chainderiv.errors import BadValue

PAGE = ".html"


def open_option(parser: argparse.ArgumentParser) -> None:
    """--open."""
    parser.add_argument("--open", action="store_true", help="open the page in a browser")


def is_page(out: str | os.PathLike[str] | None) -> bool:
    """Whether that is the name of a page."""
    return out is not None and Path(out).suffix.lower() == PAGE


def require_page_to_open(options: argparse.Namespace) -> None:
    """Refuse, before the work is done, --open where no page is asked for; raises BadValue."""
    if options.open and not is_page(options.out):
        raise BadValue("--open is of a page; give --out a name that ends in .html, or leave it out")


def open_if_asked(options: argparse.Namespace, page: str | os.PathLike[str]) -> None:
    """Open a page where --open is given."""
    if options.open:
        opened(page)


def opened(page: str | os.PathLike[str]) -> bool:
    """Open a page; whether there is a browser, and where there is none, a line on stderr says so."""
    import webbrowser

    with _stdout_apart():
        found = webbrowser.open(Path(page).resolve().as_uri())
    if not found:
        common.complain(f"no browser was found; open {os.fspath(page)} in one")
    return found


@contextmanager
def _stdout_apart() -> Iterator[None]:
    """A browser inherits stdout: what it prints is no result, and a pipe would stay open as long as it runs."""
    if not (sys.stdout and sys.stderr):  # one that was closed before we began
        yield
        return
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(ours, 1)
        os.close(ours)
