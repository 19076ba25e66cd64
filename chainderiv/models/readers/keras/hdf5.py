"""HDF5 files: what is inside is listed and checked before it is read; nothing outside is followed.

A program of its own: HDF5's library goes round in circles, or dies, of some damaged files, and cannot be stopped within
a process. So `contents` starts another, which has a limit of time and memory, and hands back what it found.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np

from chainderiv import errors
from chainderiv.errors import BadValue, ChainderivError, DataError
from chainderiv.extras import extra
from chainderiv.given import shown
from chainderiv.kinds import Array
from chainderiv.models.readers.limits import (
    MOST_BYTES,
    Budget,
    damaged,
    reading,
    require_few,
    require_not_blown_up,
)

MOST_NESTED = 32
MOST_TEXT = 10**7  # bytes of a configuration
DATASET, GROUP, LINK = "Dataset", "Group", "HardLink"
SECONDS, A_SECOND = 2, 5e7  # of a processor, and so many bytes more for each further one
PATIENCE = 20.0  # seconds by the clock, where others keep the processor
MOST_MEMORY = 4 * MOST_BYTES  # addresses, of which a process reserves more than it uses
PROGRAM = "import sys; sys.path[:] = {path}; from chainderiv.models.readers.keras.hdf5 import main; main()"


@dataclass(frozen=True)
class Contents:
    """What a file holds: texts at its root, the names of weights by group, and arrays by path."""

    model: str
    texts: Mapping[str, str]
    weight_names: Mapping[str, list[str]]
    arrays: dict[str, Array]

    def array(self, path: str) -> Array:
        """An array; raises DataError where there is none."""
        if path not in self.arrays:
            raise DataError(f"{self.model} has no array {shown(path)}; give a whole file")
        return self.arrays[path]

    def under(self, group: str) -> list[str]:
        """The paths of the arrays below a group."""
        return [path for path in self.arrays if path.startswith(f"{group}/")]


def contents(path: Path, model: str, member: str = "") -> Contents:
    """What an HDF5 file holds, read by another process; member: the file is one within that zip file.

    Raises BadValue for what is kept elsewhere, is no array of numbers, or asks for more than a model may take;
    DataError for a damaged file; MissingExtra without h5py.
    """
    if find_spec("h5py") is None:
        extra("h5py", f"{model}, which holds HDF5,", "models")
    told = json.dumps({"path": str(path), "member": member, "model": model})
    program = [sys.executable, "-W", "ignore", "-c", PROGRAM.format(path=[str(p) for p in sys.path]), told]
    patience = PATIENCE + path.stat().st_size / A_SECOND * 4
    try:
        single = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        with tempfile.TemporaryFile() as out, reading(model):
            nothing = subprocess.DEVNULL
            subprocess.run(
                program, stdin=nothing, stdout=out, stderr=nothing, timeout=patience, env=single, check=False
            )
            out.seek(0)
            return _handed_back(out, model)
    except subprocess.TimeoutExpired as e:
        raise damaged(model, "HDF5's library comes to no end with it") from e


def _handed_back(found: IO[bytes], model: str) -> Contents:
    """A length in eight bytes, a header in JSON, and the arrays' bytes."""
    length = int.from_bytes(found.read(8), "little")
    text = found.read(length)
    if not length or len(text) < length:
        raise damaged(model, "HDF5's library dies of it, or comes to no end with it")
    header = json.loads(text)
    if "error" in header:
        kind, message = header["error"]
        raise getattr(errors, kind)(message)
    arrays = {}
    for path, dtype, shape in header["arrays"]:
        content = found.read(math.prod(shape) * np.dtype(dtype).itemsize)
        arrays[path] = np.frombuffer(content, dtype).reshape(shape)
    return Contents(model, header["texts"], header["weight_names"], arrays)


def main() -> None:
    """The other process: reads what its argument tells, and writes what it found."""
    told = json.loads(sys.argv[1])
    _limit(os.path.getsize(told["path"]))
    out = sys.stdout.buffer
    try:
        header, arrays = _found(told["path"], told["member"], told["model"])
    except ChainderivError as e:
        header, arrays = {"error": [type(e).__name__, str(e)]}, []
    text = json.dumps(header).encode()
    out.write(len(text).to_bytes(8, "little") + text)
    for array in arrays:
        out.write(np.ascontiguousarray(array).data)
    out.flush()


def _limit(size: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has none, and there the clock alone serves
        import resource

        seconds = SECONDS + int(size / A_SECOND)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _found(path: str, member: str, model: str) -> tuple[dict[str, Any], list[Array]]:
    with _opened(path, member, model) as file:
        stored = Stored(file, model)
        wanted = [path for path in stored.paths if not path.startswith("optimizer")]
        arrays = [stored.array(path) for path in wanted]
        described = [(path, a.dtype.str, a.shape) for path, a in zip(wanted, arrays, strict=True)]
        return {"arrays": described, "texts": stored.texts(), "weight_names": stored.weight_names()}, arrays


@contextlib.contextmanager
def _opened(path: str, member: str, model: str) -> Iterator[Any]:
    h5py = extra("h5py", f"{model}, which holds HDF5,", "models")
    with reading(model):
        source: Any = path
        if member:
            with zipfile.ZipFile(path) as packed, packed.open(member) as stream:
                source = io.BytesIO(stream.read(packed.getinfo(member).file_size))
        with h5py.File(source, "r") as file:
            yield file


class Stored:
    """The arrays of an open HDF5 file, by their paths; each is read when it is asked for."""

    def __init__(self, file: Any, model: str) -> None:
        self.model, self.file = model, file
        self.budget = Budget(model)
        self.paths: dict[str, Any] = {}
        self._list(file, "", 0)

    def _list(self, group: Any, above: str, depth: int) -> None:
        if depth > MOST_NESTED:
            raise BadValue(f"{self.model} has groups nested more than {MOST_NESTED} deep; give a model of Keras")
        for name in group:
            path = f"{above}/{name}" if above else name
            if type(group.get(name, getlink=True)).__name__ != LINK:
                raise BadValue(f"{self.model} holds {shown(path)}, a link that is not followed; save the model anew")
            found = group[name]
            if type(found).__name__ == GROUP:
                self._list(found, path, depth + 1)
            elif type(found).__name__ == DATASET:
                self.paths[path] = found
            require_few(self.model, "arrays", len(self.paths))

    def array(self, path: str) -> Array:
        """An array, of which as much is stored as it states."""
        found = self.paths[path]
        if found.shape is None or found.dtype.hasobject or found.dtype.kind not in "fiub":
            raise BadValue(f"{self.model} holds {shown(path)}, which is no array of numbers; give one of Keras")
        if found.is_virtual or found.external:
            raise BadValue(f"{self.model} keeps {shown(path)} in another file, which is not opened; save one file")
        self.budget.take(path, found.shape)
        size = math.prod(found.shape) * found.dtype.itemsize
        kept = int(found.id.get_storage_size())
        require_not_blown_up(self.model, size, kept)
        if kept == 0 and size:
            raise DataError(f"{self.model} states {shown(path)} and holds nothing of it; give a whole file")
        return np.asarray(found[()])

    def texts(self) -> dict[str, str]:
        """The texts that stand at the root: the configuration, and Keras' version."""
        told = self.file.attrs
        return {name: self._text(told[name]) for name in ("model_config", "keras_version") if name in told}

    def weight_names(self) -> dict[str, list[str]]:
        """The names of its weights for each layer, in their order; a long list stands in pieces."""
        root = self.file.get("model_weights")
        names: dict[str, list[str]] = {}
        for layer in () if root is None else root:
            told = root[layer].attrs
            pieces = ["weight_names"] if "weight_names" in told else []
            pieces = pieces or [f"weight_names{n}" for n in range(len(told)) if f"weight_names{n}" in told]
            names[layer] = [self._text(name) for piece in pieces for name in told[piece]]
        return names

    def _text(self, told: Any) -> str:
        text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
        if len(text) > MOST_TEXT:
            raise BadValue(f"{self.model} has a text of {len(text)} bytes, and {MOST_TEXT} are the most")
        return text
