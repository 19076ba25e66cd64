"""IDX files, plain or gzip'd: bytes in, arrays out (LeCun, Cortes, Burges 1998)."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from chainderiv.errors import DataError

Bytes = NDArray[np.uint8]


GZIP = b"\x1f\x8b"  # how its content begins, whatever the name ends in


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    """A file to read, unpacked where its content is gzip's; raises DataError."""
    try:
        with path.open("rb") as file:
            packed = file.read(len(GZIP)) == GZIP
            file.seek(0)
            with gzip.GzipFile(fileobj=file) if packed else nullcontext(file) as content:
                yield content
    except DataError:
        raise  # of what was read, by who read it
    except (EOFError, zlib.error, gzip.BadGzipFile) as e:
        raise DataError(f"{path} is cut short or damaged ({e}); give a whole file") from e
    except OSError as e:
        raise DataError(f"{path} cannot be read ({e.strerror or e}); give a readable file") from e


def read_content(path: Path, limit: int) -> bytes:
    """The content of a file, unpacked where it is gzip's; at most limit bytes of it; raises DataError."""
    with opened(path) as file:
        return file.read(limit)


def parse_idx(content: bytes, source: object) -> Bytes:
    """The array that an IDX content states: 0, 0, 8 (bytes), the number of axes, their lengths, the bytes.

    Raises DataError, which calls it by its source, where it is shorter or longer than it says.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]), "two labels")
    array([7, 9], dtype=uint8)
    """
    if len(content) < 4 or content[:3] != bytes([0, 0, 8]):
        raise DataError(f"{source} begins with {content[:4]!r}; give an IDX file of unsigned bytes")
    start = 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    expected = start + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        raise DataError(f"{source} holds {len(content)} bytes, its header says {expected}; give a whole file")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
