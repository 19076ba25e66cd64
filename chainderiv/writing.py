"""Files that are never half-written: each is written beside its name and renamed into place."""

from __future__ import annotations

import contextlib
import io
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.errors import OutputError
from chainderiv.given import path_of


def folder_for_writing(folder: str | os.PathLike[str]) -> Path:
    """The folder, made with its parents where it is missing; raises OutputError, and BadValue for what is no path."""
    path = path_of("folder", folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise OutputError(f"folder {str(path)!r} cannot be made ({e.strerror}); give another") from e
    return path


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A name beside the file's own, to be written; at the end it is renamed, and after a failure it is deleted.

    It ends as the file's own does, for some writers go by that. Raises OutputError.
    """
    file = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        yield file
        _on_disk(file)  # renamed before its bytes are there, a power cut would leave an empty file of the right name
        file.replace(path)
    except OSError as e:
        raise OutputError(f"{str(path)!r} cannot be written ({e.strerror or e}); give another folder") from e
    finally:
        # what is left of a write that failed; OSError: the folder went away
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


def _on_disk(file: Path) -> None:
    if file.is_file():  # a store is a folder, and syncs its own
        with file.open("rb+") as opened:
            os.fsync(opened.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; raises OutputError."""
    with beside(path) as file:
        file.write_bytes(content)


def write_npz(path: Path, arrays: Mapping[str, ArrayLike]) -> None:
    """Write named arrays as a compressed .npz, whole or not at all; raises OutputError."""
    content = io.BytesIO()
    named: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
    np.savez_compressed(content, allow_pickle=False, **named)
    folder_for_writing(path.parent)
    write_whole(path, content.getvalue())


def plain(value: Any) -> Any:
    """What JSON holds of a result: arrays as lists, keys as text, and None for what it has no number for (inf, NaN)."""
    if isinstance(value, dict):
        return {str(name): plain(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def require_writable(path: Path) -> None:
    """Raise OutputError, before the work is done, where a file could not be written after it; it leaves nothing."""
    if path.is_dir():
        raise OutputError(f"{str(path)!r} is a folder; give the name of a file")
    missing = [folder for folder in path.parents if not folder.exists()]
    folder_for_writing(path.parent)
    # root may write anywhere, and yet a folder such as /proc takes no file: only making one tells
    trial = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        trial.touch()
        trial.unlink()
    except OSError as e:
        raise OutputError(f"{str(path)!r} cannot be written ({e.strerror}); give another folder") from e
    finally:
        with contextlib.suppress(OSError):
            for folder in missing:
                folder.rmdir()
