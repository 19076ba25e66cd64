"""A large ONNX file without its tensors' numbers, which stay where they are until each is asked for.

The package onnx parses a whole message at once, so that its numbers would be held three times: in the file's bytes, in
the message, and as float64. What is parsed here is the rest, and each tensor says in doc_string where its numbers lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chainderiv.errors import BadValue, DataError
from chainderiv.kinds import Array
from chainderiv.models.readers.onnx_files.wire import BYTES, MESSAGES, body, varint
from chainderiv.models.readers.safetensors import from_bfloat16

LARGE_FILE = 2**24  # bytes, from which on numbers are left in the file
LARGE = 2**12  # bytes of a tensor that are
MOST_BESIDE = 2**26  # bytes of all that is no tensor's numbers
CHUNK = 2**22  # numbers that are read at a time
# fields of a TensorProto that hold numbers as they lie in memory: raw_data, float_data, double_data
NUMBERS = {9: None, 4: "<f4", 10: "<f8"}
DOC_STRING = 12


@dataclass(frozen=True)
class Place:
    """Where a tensor's numbers lie in a file. field : of TensorProto, by its number."""

    begin: int
    length: int
    field: int

    def to_doc(self) -> str:
        """As it stands in the message that is parsed."""
        return f"{self.begin} {self.length} {self.field}"


def place_of(proto: object) -> Place | None:
    """What to_doc() made, of a TensorProto of a message from without_numbers(); None where the numbers are in it."""
    told = str(getattr(proto, "doc_string", ""))
    return Place(*map(int, told.split())) if told else None


def without_numbers(model: str, content: memoryview) -> bytes:
    """The message with large numbers cut out. Raises BadValue where what is left is more than any network has."""
    cut = bytes(_lean(model, content, "Model", 0, len(content)))
    if len(cut) > MOST_BESIDE:
        raise BadValue(
            f"{model} has {len(cut)} bytes beside its weights, and {MOST_BESIDE} are the most; give a part of it"
        )
    return cut


def _lean(model: str, content: memoryview, kind: str, at: int, end: int) -> bytearray:
    """The fields of a message from one byte to another; nesting was counted before."""
    kept, places = bytearray(), list[Place]()
    while at < end:
        start = at
        tag, at = varint(model, content, at, end)
        tagged = at
        begin, at = body(model, content, at, end, tag & 7)
        field = tag >> 3
        if tag & 7 == BYTES and field in MESSAGES[kind]:
            inner = _lean(model, content, MESSAGES[kind][field], begin, at)
            kept += bytes(content[start:tagged]) + _as_varint(len(inner)) + inner
        elif kind == "Tensor" and tag & 7 == BYTES and field in NUMBERS and at - begin >= LARGE:
            places.append(Place(begin, at - begin, field))
        elif kind != "Tensor" or field != DOC_STRING:
            kept += content[start:at]
        if len(kept) > MOST_BESIDE:
            break  # it is refused whatever comes
    if len(places) > 1:
        raise DataError(f"{model} states the numbers of a tensor twice; give a whole file")
    if places:
        told = places[0].to_doc().encode()
        kept += _as_varint(DOC_STRING << 3 | BYTES) + _as_varint(len(told)) + told
    return kept


def _as_varint(number: int) -> bytes:
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])


def numbers_in(path: Path, place: Place, dtype: str, brain: bool) -> Array:
    """The numbers at a place: floats in float64, filled in part by part, others as they are. brain : of bfloat16."""
    dtype = NUMBERS[place.field] or dtype
    count, of_floats = place.length // np.dtype(dtype).itemsize, brain or np.dtype(dtype).kind == "f"
    made = np.empty(count, np.float64 if of_floats else dtype)
    with path.open("rb") as file:
        file.seek(place.begin)
        for first in range(0, count, CHUNK):
            part = np.fromfile(file, dtype, min(CHUNK, count - first))
            made[first : first + part.size] = from_bfloat16(part) if brain else part
    return made
