"""Files that are never half-written: each is written beside its name and renamed into place."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from chainderiv.errors import OutputError


def folder_for_writing(folder: str | os.PathLike[str]) -> Path:
    """The folder, made with its parents where it is missing; raises OutputError."""
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise OutputError(f"folder {str(path)!r} cannot be made ({e.strerror}); give another") from e
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; raises OutputError."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as e:
        raise OutputError(f"{str(path)!r} cannot be written ({e.strerror}); give another folder") from e
    finally:
        # what is left of a write that failed; OSError: the folder went away
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
