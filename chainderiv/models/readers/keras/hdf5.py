"""HDF5 files: what is inside is listed and checked before it is read; nothing outside is followed."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

from chainderiv.errors import BadValue, DataError
from chainderiv.extras import extra
from chainderiv.given import shown
from chainderiv.kinds import Array
from chainderiv.models.readers.limits import Budget, reading, require_few, require_not_blown_up

MOST_NESTED = 32
DATASET, GROUP = "Dataset", "Group"


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
            link = type(group.get(name, getlink=True)).__name__
            if link != "HardLink":
                raise BadValue(f"{self.model} holds {shown(path)}, a link that is not followed; save the model anew")
            found = group[name]
            if type(found).__name__ == GROUP:
                self._list(found, path, depth + 1)
            elif type(found).__name__ == DATASET:
                self.paths[path] = found
            require_few(self.model, "arrays", len(self.paths))

    def array(self, path: str) -> Array:
        """An array, of which as much is stored as it states.

        Raises BadValue for one that is kept elsewhere, is text, or unpacks a hundredfold.
        """
        found = self.paths.get(path)
        if found is None:
            raise DataError(f"{self.model} has no array {shown(path)}; give a whole file")
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
        read: Array = found[()]
        return read

    def under(self, group: str) -> list[str]:
        """The paths of the arrays below a group."""
        return [path for path in self.paths if path.startswith(f"{group}/")]


@contextlib.contextmanager
def stored(source: Any, model: str) -> Iterator[Stored]:
    """The arrays of a file, given by its path or as bytes that can be sought in."""
    h5py = extra("h5py", f"{model}, which holds HDF5,", "models")
    with reading(model), h5py.File(source, "r") as file:
        yield Stored(file, model)
