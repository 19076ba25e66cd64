""".npz: a zip file of arrays, read without NumPy's load, whose pickles would run code."""

from __future__ import annotations

import math
import warnings
import zipfile
from typing import IO

import numpy as np
from numpy.lib import format as npy

from chainderiv.errors import BadValue, DataError
from chainderiv.given import shown
from chainderiv.kinds import Array
from chainderiv.models.readers.limits import Budget, reading, require_not_blown_up
from chainderiv.models.readers.signature import File

KNOWN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # LZMA's header may ask for 4 GB of dictionary
MOST_HEADER = 10_000


def arrays_of_npz(file: File) -> dict[str, Array]:
    """The arrays by name; what they declare is checked before any is unpacked.

    Raises BadValue for object arrays, for more than a model may take and for what unpacks a hundredfold, and DataError
    for a damaged file.
    """
    with reading(file.name), zipfile.ZipFile(file.path) as packed:
        members = packed.infolist()
        require_not_blown_up(file.name, sum(member.file_size for member in members), file.size)
        declared = {member.filename: _declared(packed, member, file.name) for member in members}
        if len(declared) < len(members):
            raise DataError(f"{file.name} holds two arrays of one name; give each a name of its own")
        budget = Budget(file.name)
        for name, (shape, _, _) in declared.items():
            budget.take(name, shape)
        return {m.filename.removesuffix(".npy"): _array(packed, m, *declared[m.filename]) for m in members}


Declared = tuple[tuple[int, ...], bool, "np.dtype[np.generic]"]


def _declared(packed: zipfile.ZipFile, member: zipfile.ZipInfo, model: str) -> Declared:
    """Shape, whether by columns, and type, of which the member has as many bytes as it takes."""
    if member.compress_type not in KNOWN:
        raise BadValue(f"{model} is packed in a way that NumPy does not pack; save it with numpy.savez")
    with packed.open(member) as stream:
        shape, by_columns, dtype = _header(stream)
        begin = stream.tell()
    if dtype.hasobject:
        raise BadValue(
            f"{model} holds {shown(member.filename)} as Python objects, which would run code; save arrays of numbers"
        )
    if dtype.names is not None or dtype.subdtype is not None:
        raise BadValue(f"{model} holds {shown(member.filename)} as records; save arrays of numbers")
    if begin + math.prod(shape) * dtype.itemsize != member.file_size or min(shape, default=0) < 0:
        raise DataError(f"{model} states more or less of {shown(member.filename)} than it holds; give a whole file")
    return shape, by_columns, dtype


def _header(stream: IO[bytes]) -> Declared:
    version = npy.read_magic(stream)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy warns of headers as Python 2 wrote them, and reads them
        if version == (1, 0):
            return npy.read_array_header_1_0(stream, max_header_size=MOST_HEADER)
        if version == (2, 0):
            return npy.read_array_header_2_0(stream, max_header_size=MOST_HEADER)
    raise ValueError(f"version {version} of .npy, which is one of records")


def _array(
    packed: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    shape: tuple[int, ...],
    by_columns: bool,
    dtype: np.dtype[np.generic],
) -> Array:
    with packed.open(member) as stream:
        _header(stream)
        content = stream.read(math.prod(shape) * dtype.itemsize)
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C")
