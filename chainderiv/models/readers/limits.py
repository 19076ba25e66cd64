"""What a model may ask for, checked before anything is allocated, and what its numbers must be."""

from __future__ import annotations

import contextlib
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainderiv.errors import DAMAGED, BadValue, ChainderivError, DataError
from chainderiv.given import shown
from chainderiv.kinds import Array, Floats

MOST_BYTES = 9 * 10**8  # of all arrays of a model, in float64 as they are held: reading takes less than 1 GB
MOST_UNPACKED = 100  # times the file's own size: trained weights hardly shrink, and zeros do so a thousandfold
SMALL = 2**24  # bytes that a file may unpack to whatever its size
MOST_ITEMS = 200_000  # operators, or arrays
FLOAT64 = 8
SEEN = 60  # characters of a name that a message repeats


@dataclass
class Budget:
    """The memory that a model has left: what it declares is taken from it before it is read.

    >>> Budget("model.npz").take("weight", (200_000, 100_000))
    Traceback (most recent call last):
    ...
    chainderiv.errors.BadValue: model.npz asks for 1.6e+11 bytes with 'weight' (200000, 100000), and all arrays may take
    9e+08 bytes in float64; give a smaller model, or the part of it that matters
    """

    model: str
    left: int = MOST_BYTES

    def take(self, what: str, shape: Iterable[int]) -> None:
        """Take an array of this shape; raises BadValue where it is more than what is left."""
        sizes = tuple(shape)
        asked = math.prod(sizes) * FLOAT64
        if min(sizes, default=0) < 0:
            raise DataError(f"{self.model} states the shape {_short(sizes)} of {shown(what)}; give a whole file")
        self.left -= asked
        if self.left < 0:
            total = MOST_BYTES - self.left
            raise BadValue(
                f"{self.model} asks for {_rounded(total)} bytes with {shown(what)} {_short(sizes)}, and all arrays may "
                f"take {MOST_BYTES:.0e} bytes in float64; give a smaller model, or the part of it that matters"
            )


def _rounded(number: int) -> str:
    return f"{number:.2g}" if number < 10**300 else "more than 1e+300"


def _short(sizes: tuple[int, ...]) -> str:
    told = all(n < 10**18 for n in sizes) and len(sizes) < 12
    return str(sizes) if told else f"of {len(sizes)} dimensions"


def require_not_blown_up(model: str, unpacked: int, packed: int) -> None:
    """Raise BadValue where a file unpacks to far more than weights can: a bomb.

    >>> require_not_blown_up("model.npz", 160_000_000, 156_000)
    Traceback (most recent call last):
    ...
    chainderiv.errors.BadValue: model.npz unpacks from 156000 bytes to 1.6e+08, and a hundredfold is the most; save it
    without compression
    """
    if unpacked > max(SMALL, MOST_UNPACKED * packed):
        raise BadValue(
            f"{model} unpacks from {packed} bytes to {_rounded(unpacked)}, and a hundredfold is the most; "
            "save it without compression"
        )


def require_few(model: str, what: str, count: int) -> None:
    """Raise BadValue where a model has more of something than any has."""
    if count > MOST_ITEMS:
        raise BadValue(f"{model} holds {count} {what}, and {MOST_ITEMS} are the most; give the part of it that matters")


def finite(model: str, what: str, array: Array, infinite: bool = False) -> Floats:
    """Numbers in float64; raises BadValue for NaN and inf, which have no gradient to speak of.

    infinite : whether inf is let through, as in a mask.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        read = np.asarray(array, np.float64)
        # a sum is NaN or inf where one number is, and takes no array of its own; it may overflow where none is
        if math.isfinite(float(read.sum())):
            return read
        bad = int(np.count_nonzero(np.isnan(read) if infinite else ~np.isfinite(read)))
    if bad:
        raise BadValue(
            f"{model} holds {bad} of {read.size} numbers that are NaN or inf in {shown(what)}; give weights from "
            "before the training diverged"
        )
    return read


def copied(model: str, what: str, array: Array) -> Floats:
    """finite(), in memory of its own: a model that lives goes on learning, and what was read of it stays as it was."""
    read = finite(model, what, array)
    return read.copy() if np.may_share_memory(read, array) else read


def one_line(reason: object) -> str:
    """What another library says of a file, in a line that is not long."""
    line = " ".join(str(reason).split())
    line = "".join(c if c.isprintable() else "?" for c in line)
    return line if len(line) <= 2 * SEEN else line[: 2 * SEEN - 3] + "..."


def damaged(model: str, reason: object) -> DataError:
    """The error for a file that is cut short, altered or of another kind than it seems."""
    return DataError(f"{model} cannot be read ({one_line(reason)}); give a whole file")


# what reading a cut, altered or hostile file raises, whatever library reads it
UNREADABLE = (*DAMAGED, AssertionError, SyntaxError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error)


@contextlib.contextmanager
def reading(model: str) -> Iterator[None]:
    """Our own errors pass; any other that a file's content brings about is told as damage."""
    try:
        yield
    except ChainderivError:
        raise
    except UNREADABLE as e:
        raise damaged(model, str(e) or type(e).__name__) from e


def names_shown(names: Iterable[Any]) -> str:
    """A few names, for a message.

    >>> names_shown(["a", "b", "c", "d", "e"])
    "'a', 'b', 'c', …"
    """
    listed = list(names)
    return ", ".join(shown(name) for name in listed[:3]) + (", …" if len(listed) > 3 else "")
