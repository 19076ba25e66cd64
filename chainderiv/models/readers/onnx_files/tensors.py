"""ONNX's tensors as arrays, by our own hand: the package's own reader opens files that a tensor names."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from chainderiv.errors import BadValue, DataError
from chainderiv.given import shown
from chainderiv.kinds import Array
from chainderiv.models.readers.limits import Budget, finite
from chainderiv.models.readers.onnx_files.lean import Place, numbers_in, place_of
from chainderiv.models.readers.safetensors import from_bfloat16

# ONNX's numbers of types, NumPy's types, and the field that holds them where raw_data does not
TYPES: dict[int, tuple[str, str]] = {
    1: ("<f4", "float_data"),
    2: ("u1", "int32_data"),
    3: ("i1", "int32_data"),
    4: ("<u2", "int32_data"),
    5: ("<i2", "int32_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
    9: ("?", "int32_data"),
    10: ("<f2", "int32_data"),
    11: ("<f8", "double_data"),
    12: ("<u4", "uint64_data"),
    13: ("<u8", "uint64_data"),
    16: ("<u2", "int32_data"),
}
FIELDS = {9: None, 4: "float_data", 10: "double_data"}  # of numbers that are left in the file; None: of any type
BFLOAT16, FLOAT16, TEXT = 16, 10, 8
COMPLEX = (14, 15)
NAMES = {
    **{1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool"},
    **{10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16"},
}


def array_of(proto: Any, name: str, budget: Budget, file: Path | None = None) -> Array:
    """A TensorProto's array: floats in float64, whole numbers and bools as they are.

    file : in which its numbers may have been left by without_numbers().

    Raises BadValue for external data, quantised types, text, complex numbers, NaN, and more than a model may take.
    """
    model = budget.model
    if proto.data_location == 1 or len(proto.external_data):
        raise BadValue(
            f"{model} keeps {shown(name)} in another file, which is not opened; export it in one file, as by "
            "torch.onnx.export(…, external_data=False), or onnx.save(onnx.load(path), new, save_as_external_data=False)"
        )
    kind = proto.data_type
    if kind == TEXT or kind in COMPLEX or kind == 0:
        raise BadValue(f"{model} holds {shown(name)} of {NAMES.get(kind, 'no type')}; give a model of real numbers")
    if kind not in TYPES:
        raise BadValue(f"{model} holds {shown(name)} of type {kind}, quantised; export the model in float32")
    shape = tuple(proto.dims)
    budget.take(name, shape)
    place = None if file is None else place_of(proto)
    if file is not None and place is not None:
        if proto.raw_data or any(len(getattr(proto, field)) for _, field in TYPES.values()):
            raise DataError(f"{model} states the numbers of {shown(name)} twice; give a whole file")
        _require_of_its_kind(place, kind, shape, name, model)
        read = numbers_in(file, place, TYPES[kind][0], kind == BFLOAT16).reshape(shape)
    else:
        read = _filled(_numbers(proto, kind), shape, name, model)
        read = from_bfloat16(read) if kind == BFLOAT16 else read
    if read.dtype.kind != "f":
        return read
    return finite(model, name, read, infinite=True)


def _require_of_its_kind(place: Place, kind: int, shape: tuple[int, ...], name: str, model: str) -> None:
    """Raise DataError, before anything is allocated, where a place holds other numbers than the tensor states."""
    dtype, field = TYPES[kind]
    own = FIELDS[place.field] in (None, field)
    if not own or place.length != math.prod(shape) * np.dtype(dtype).itemsize:
        raise DataError(
            f"{model} states {shown(name)} as {shape}, and holds {place.length} bytes of it; give a whole file"
        )


def _numbers(proto: Any, kind: int) -> Array:
    dtype, field = TYPES[kind]
    raw = proto.raw_data
    if raw:
        return np.frombuffer(raw, dtype)
    held = np.array(getattr(proto, field))
    if kind in (FLOAT16, BFLOAT16):  # their bits, as whole numbers
        return (held.astype(np.int64) & 0xFFFF).astype("<u2").view(dtype)
    return held.astype(dtype)


def _filled(numbers: Array, shape: tuple[int, ...], name: str, model: str) -> Array:
    if numbers.size != math.prod(shape):
        raise DataError(
            f"{model} states {shown(name)} as {shape}, and holds {numbers.size} numbers of it; give a whole file"
        )
    return numbers.reshape(shape)
