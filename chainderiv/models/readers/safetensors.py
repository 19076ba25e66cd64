""".safetensors: eight bytes that state the length of a header, the header in JSON, and the arrays' bytes."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np

from chainderiv.errors import BadValue, DataError
from chainderiv.given import is_whole, shown
from chainderiv.kinds import Array
from chainderiv.models.readers.limits import Budget, reading, require_few
from chainderiv.models.readers.signature import File

MOST_HEADER = 10**7  # bytes of JSON, which takes some twenty times as much when it is read
PLAIN = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2"}


def arrays_of_safetensors(file: File) -> dict[str, Array]:
    """The arrays by name, bfloat16 as float32.

    Raises BadValue for quantised types and more than a model may take, DataError for a damaged file.
    """
    with reading(file.name), file.path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > MOST_HEADER:
            raise BadValue(f"{file.name} has a header of {length} bytes, and {MOST_HEADER} are the most")
        header = json.loads(stream.read(length))
        if not isinstance(header, dict):
            raise DataError(f"{file.name} has a header that is no table; give a whole file")
        header.pop("__metadata__", None)
        require_few(file.name, "arrays", len(header))
        _require_in_place(header, file, 8 + length)
        return {name: _array(stream, told, 8 + length) for name, told in header.items()}


def _require_in_place(header: dict[str, Any], file: File, begin: int) -> None:
    """Raise where an array is not one of known type that has its own bytes in the file."""
    budget, used = Budget(file.name), []
    for name, told in header.items():
        kind, shape, (first, last) = told["dtype"], told["shape"], told["data_offsets"]
        if kind not in PLAIN:
            raise BadValue(
                f"{file.name} holds {shown(name)} of {shown(kind)}; give floats of 16, 32 or 64 bits, "
                "not quantised ones"
            )
        if not all(is_whole(n, 0) for n in (*shape, first, last)):
            raise DataError(f"{file.name} states no sizes of {shown(name)}; give a whole file")
        if last - first != math.prod(shape) * np.dtype(PLAIN[kind]).itemsize or begin + last > file.size:
            raise DataError(f"{file.name} states more or less of {shown(name)} than it holds; give a whole file")
        budget.take(name, shape)
        used.append((first, last))
    used.sort()
    if any(above[0] < below[1] for below, above in itertools.pairwise(used)):
        raise DataError(f"{file.name} states the same bytes for two arrays; give a whole file")


def _array(stream: Any, told: dict[str, Any], begin: int) -> Array:
    first, last = told["data_offsets"]
    stream.seek(begin + first)
    read = np.frombuffer(stream.read(last - first), PLAIN[told["dtype"]]).reshape(told["shape"])
    return from_bfloat16(read) if told["dtype"] == "BF16" else read


def from_bfloat16(bits: Array) -> Array:
    """bfloat16, given as whole numbers of 16 bits, in float32, whose upper half it is.

    >>> from_bfloat16(np.array([0x3F80, 0xC000], "<u2"))
    array([ 1., -2.], dtype=float32)
    """
    return (bits.astype(np.uint32) << 16).view(np.float32)
