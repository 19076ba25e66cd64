"""The folder of a page: taken where it holds nothing of the names to be written, or an earlier page of the kind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from chainderiv.errors import OutputError
from chainderiv.given import path_of
from chainderiv.writing import folder_for_writing

INDEX = "index.html"
HEAD = 4096  # bytes: a title stands among the first of a page


@contextlib.contextmanager
def no_empty_folder(folder: str | os.PathLike[str]) -> Iterator[None]:
    """What is made of that path goes again where the work is interrupted, or fails, before anything is in it."""
    path = path_of("folder", folder)
    missing = [part for part in (path, *path.parents) if not part.exists()]
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # one that holds something stays, and so do those above it
            for part in missing:
                part.rmdir()
        raise


def folder_for_page(folder: str | os.PathLike[str], title: str, beside: Iterable[str]) -> Path:
    """The folder, made if it is missing, for a page of that title with files beside it; raises OutputError."""
    target = folder_for_writing(folder)
    if not _is_titled(target / INDEX, title):
        for name in (INDEX, *beside):
            if os.path.lexists(target / name):
                raise OutputError(
                    f"folder {str(target)!r} holds {name} of another origin, which would be overwritten; "
                    "give another folder, or move that file away"
                )
    return target


def _is_titled(page: Path, title: str) -> bool:
    """Whether a file is a page of that title."""
    try:
        with page.open("rb") as file:
            return f"<title>{escape(title)}</title>".encode() in file.read(HEAD)
    except OSError:
        return False
