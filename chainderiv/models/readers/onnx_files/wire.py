"""How many parts a protobuf message has, counted before it is parsed: an empty part of 2 bytes takes 150 parsed."""

from __future__ import annotations

from chainderiv.errors import BadValue, DataError

MOST_PARTS = 300_000  # of any kind; the largest networks that people export have some 50,000
MOST_LISTED = 2**23  # bytes of whole numbers told one by one, each of which takes fifty times as much when it is read
MOST_NESTED = 90  # messages in messages; protobuf's own limit is 100

# by kind of message the fields that are messages themselves, by their numbers in onnx.proto
MESSAGES: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Graph": {1: "Node", 5: "Tensor", 11: "Value", 12: "Value", 13: "Value", 15: "Sparse"},
    "Function": {7: "Node", 11: "Attribute", 12: "Value"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 14: "Type", 15: "Type", 22: "Sparse"}
    | {23: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
    "Tensor": {},
    "Value": {2: "Type"},
    "Type": {1: "TensorType", 4: "ItemType", 5: "ItemType", 8: "TensorType", 9: "ItemType"},
    "ItemType": {1: "Type", 2: "Type"},
    "TensorType": {2: "Shape"},
    "Shape": {1: "Dimension"},
    "Dimension": {},
}  # fmt: skip
# fields that tell numbers one by one: int32_data, int64_data and uint64_data, and an attribute's floats and ints
LISTED = {"Tensor": {5, 7, 11}, "Attribute": {7, 8}}
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def require_few_parts(model: str, content: memoryview) -> None:
    """Raise BadValue where an ONNX file has more parts than any network, DataError where it is cut or none.

    >>> require_few_parts("hostile.onnx", memoryview(bytes([0x3A, 2, 0x0A, 5])))
    Traceback (most recent call last):
    ...
    chainderiv.errors.DataError: hostile.onnx is cut short or no ONNX file; give a whole file
    """
    waiting, count, listed = [("Model", 0, len(content), 0)], 0, 0
    while waiting:
        kind, at, end, depth = waiting.pop()
        if depth > MOST_NESTED:
            raise BadValue(f"{model} is nested more than {MOST_NESTED} deep; give a model without such nesting")
        inner, of_numbers = MESSAGES[kind], LISTED.get(kind, ())
        while at < end:
            count += 1
            if count > MOST_PARTS:
                raise BadValue(f"{model} has more than {MOST_PARTS} parts; give the part of it that matters")
            tag, at = varint(model, content, at, end)
            begin, at = body(model, content, at, end, tag & 7)
            if tag & 7 != BYTES:
                continue
            if tag >> 3 in inner:
                waiting.append((inner[tag >> 3], begin, at, depth + 1))
            elif tag >> 3 in of_numbers:
                listed += at - begin
                _require_few_listed(model, listed)


def _require_few_listed(model: str, listed: int) -> None:
    if listed > MOST_LISTED:
        raise BadValue(
            f"{model} tells more than {MOST_LISTED} bytes of numbers one by one; save its tensors as raw data, as "
            "onnx.numpy_helper.from_array does"
        )


def varint(model: str, content: memoryview, at: int, end: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = content[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
    raise _cut(model)


def body(model: str, content: memoryview, at: int, end: int, wire: int) -> tuple[int, int]:
    """Where a field's body begins and ends."""
    if wire == VARINT:
        return at, varint(model, content, at, end)[1]
    if wire == BYTES:
        length, begin = varint(model, content, at, end)
        after = begin + length
    elif wire in (FIXED64, FIXED32):
        begin, after = at, at + (8 if wire == FIXED64 else 4)
    else:
        raise _cut(model)
    if after > end:
        raise _cut(model)
    return begin, after


def _cut(model: str) -> DataError:
    return DataError(f"{model} is cut short or no ONNX file; give a whole file")
