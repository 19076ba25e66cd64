"""What a file is, told by its contents and never by running anything in it."""

from __future__ import annotations

import os
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from chainderiv.errors import BadValue, DataError
from chainderiv.models.readers.limits import MOST_BYTES, one_line, reading, require_few

FORMATS = ".onnx, .keras, .h5, .npz, .safetensors, .pt"
HEAD = 64
PICKLED = "is a pickle, which would run code; save it as .safetensors or .npz, or give the live model"
JOBLIB = "is compressed as joblib's pickles are, which would run code; save its arrays as .npz, or give the live model"
# what a file begins with, and why it is not read
REFUSED = {
    b"\x1f\x8b": JOBLIB,
    b"BZh": JOBLIB,
    b"\xfd7zXZ": JOBLIB,
    b"x\x01": JOBLIB,
    b"x\x9c": JOBLIB,
    b"x\xda": JOBLIB,
    b"x^": JOBLIB,
    b"]\x00\x00": JOBLIB,
    b"\x04\x22\x4d\x18": JOBLIB,
    b"ZF": JOBLIB,
    b"\x93NUMPY": "is one array without a name; save weights and biases by name as .npz",
    b"GGUF": "is GGUF, quantised as a rule; give the model's .safetensors or .onnx",
}
HDF5 = b"\x89HDF\r\n\x1a\n"
TFLITE = b"TFL3"  # from the fifth byte on
ONNX_BEGINS = frozenset({0x08, 0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72, 0xA2, 0xCA})  # tags of a ModelProto


@dataclass(frozen=True)
class File:
    """A file that is to be read, and how messages name it."""

    path: Path
    kind: str
    size: int

    @property
    def name(self) -> str:
        """Its name without the folder, in one line."""
        return one_line(self.path.name)


def file_of(path: Path) -> File:
    """The file and its kind: npz, keras, pt, h5, safetensors, onnx, or run for the folder of one.

    Raises DataError for one that is missing or no file, BadValue for a kind that is not read, with the cure.
    """
    named = one_line(path.name)
    try:
        told = path.stat()
        if stat.S_ISDIR(told.st_mode):
            return File(path, _folder(path), 0)
        if not stat.S_ISREG(told.st_mode):
            raise BadValue(f"{named} is no regular file; give a file or a folder")
        if told.st_size > 2 * MOST_BYTES:
            raise BadValue(
                f"{named} has {told.st_size} bytes, and {2 * MOST_BYTES:.0e} are the most; give a smaller model"
            )
        with path.open("rb") as file:
            kind = _kind(file, path, told.st_size)
    except OSError as e:
        if isinstance(e, DataError):
            raise
        raise DataError(f"{named} cannot be opened ({e.strerror}); give the path of a model") from e
    except ValueError as e:
        if isinstance(e, BadValue):
            raise
        raise BadValue(f"the path {named!r} is none ({one_line(e)}); give the path of a model") from e
    return File(path, kind, told.st_size)


def _folder(path: Path) -> str:
    if (path / "saved_model.pb").exists():
        raise BadValue(
            f"{one_line(path.name)} is a SavedModel, which holds a program; save the model as .keras or .onnx"
        )
    return "run"


def _kind(file: BinaryIO, path: Path, size: int) -> str:
    head, named = file.read(HEAD), one_line(path.name)
    if not head:
        raise DataError(f"{named} is empty; give a whole file")
    if head.startswith(b"PK\x03\x04"):
        return _packed(file, named, size)
    if head.startswith(HDF5):
        return "h5"
    length = int.from_bytes(head[:8], "little")
    if size > 8 and 2 <= length <= size - 8 and head[8:9] == b"{":
        return "safetensors"
    for begins, why in REFUSED.items():
        if head.startswith(begins):
            raise BadValue(f"{named} {why}")
    if head[4:8] == TFLITE:
        raise BadValue(f"{named} is TensorFlow Lite, quantised as a rule; give the model as .keras or .onnx")
    return _by_first_byte(head, path, named)


def _by_first_byte(head: bytes, path: Path, named: str) -> str:
    """What has no signature: pickles and protobuf."""
    suffix = path.suffix.lower()
    if head[0] == 0x80 and head[1:2] <= b"\x05":
        if suffix in (".pt", ".pth"):
            return "pt"
        raise BadValue(f"{named} {PICKLED}")
    if suffix in (".pkl", ".pickle", ".joblib", ".sav"):
        raise BadValue(f"{named} {PICKLED}")
    if suffix == ".onnx" or head[0] in ONNX_BEGINS:
        return "onnx"
    if head[0] in b"(c]}" and suffix not in (".json", ".txt", ".csv"):
        raise BadValue(f"{named} {PICKLED}")
    raise BadValue(f"{named} is of no kind that is read here; give {FORMATS}, or the folder of a run")


def _packed(file: BinaryIO, named: str, size: int) -> str:
    """Which of the formats that are zip files."""
    with reading(named), zipfile.ZipFile(file) as packed:
        names = [member.filename for member in packed.infolist()]
    require_few(named, "members", len(names))
    if "config.json" in names and any(name.endswith(".h5") for name in names):
        return "keras"
    last = {os.path.basename(name) for name in names}
    if any("/code/" in f"/{name}" for name in names) and "constants.pkl" in last:
        raise BadValue(f"{named} is TorchScript, which is a program; export the model to .onnx, or give it live")
    if "data.pkl" in last:
        return "pt"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    if any(name.endswith((".pkl", ".pickle")) for name in names):
        raise BadValue(f"{named} {PICKLED}")
    raise BadValue(f"{named} is a zip file of no kind that is read here; give {FORMATS}")
