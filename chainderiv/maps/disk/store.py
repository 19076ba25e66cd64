"""A map on disk: a zarr group that is written tile by tile, and that a killed writer leaves whole.

    map.zarr/
      zarr.json            the group: attributes, and the metadata of all arrays (xarray.open_zarr reads it)
      sign/ log_abs/ …     the arrays of a Reading; a tile is one chunk of each, so no two writes share a chunk
      w/ b/ …              the values of the axes
      manifest.json        what the map is (numeric.manifest)
      tiles.jsonl          a line for every tile that is written: its number, and the checksums of its chunks

A tile's chunks are renamed into place before its line is written, so a line means whole chunks. What a crash of the
whole machine still loses or damages behind a line is found by the checksum, when the map is gone on with.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np

from chainderiv.errors import BadValue, DataError, OutputError
from chainderiv.extras import extra
from chainderiv.functions.described import Description, require_readable
from chainderiv.kinds import Array, Box
from chainderiv.maps.axis import MOST
from chainderiv.maps.disk.manifest import (
    axis_attributes,
    describe,
    difference,
    map_attributes,
    plan_from,
    variable_attributes,
)
from chainderiv.maps.plan import Plan
from chainderiv.numeric.reading import DTYPES, Reading
from chainderiv.writing import beside

MANIFEST, JOURNAL = "manifest.json", "tiles.jsonl"
FILL: Mapping[str, Any] = {"sign": 0, "uncertain": True}  # what is not written reads as unknown: NaN of the others


@dataclass(frozen=True, eq=False)
class Store:
    """A map's folder, and the plan it holds."""

    path: Path
    plan: Plan
    computed: int = 0  # tiles that the sweep which gave this had to compute
    damaged: int = 0  # of these, whose bytes were no longer those that were written

    @classmethod
    def create(cls, path: Path, plan: Plan) -> Store:
        """An empty map; it appears whole, under its name, or not at all.

        Raises OutputError, MissingExtra, and BadValue for an activation that could not be read back.
        """
        for activation in dict.fromkeys(plan.derivation.chain.activations):
            require_readable(activation)
        whole = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _create_group(whole, plan)
            (whole / JOURNAL).touch()
            (whole / MANIFEST).write_text(json.dumps(describe(plan), indent=1, ensure_ascii=False), "utf-8")
            whole.rename(path)
        except OSError as e:
            raise OutputError(f"the map {str(path)!r} cannot be made ({e.strerror}); give another place") from e
        finally:
            shutil.rmtree(whole, ignore_errors=True)
        return cls(path, plan)

    @classmethod
    def of(cls, path: Path, plan: Plan) -> Store:
        """The map at that place, made where there is none; raises OutputError where it is another."""
        if not path.exists():
            return cls.create(path, plan)
        there = read_description(path)
        # through JSON, as the other was: a tuple is a list there
        if said := difference(there, json.loads(json.dumps(describe(plan)))):
            raise OutputError(f"{str(path)!r} holds another map ({said}); give another name, or delete it")
        return cls(path, plan)

    @classmethod
    def open(cls, path: Path) -> Store:
        """The map at that place; raises DataError."""
        return cls(path, plan_from(read_description(path)))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out; the lock ends with the process, however that ends. Raises OutputError."""
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        with (self.path / MANIFEST).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                raise OutputError(f"another process is writing {str(self.path)!r}; wait for its end") from e
            yield

    @cached_property
    def arrays(self) -> Mapping[str, Any]:
        """The zarr arrays by name."""
        zarr = extra("zarr", "a map on disk")
        # zarr leaves out a chunk that holds what an unwritten one reads as, and a tile without one looks unwritten
        with zarr.config.set({"array.write_empty_chunks": True}):
            group = zarr.open_group(self.path, mode="r+", use_consolidated=True)
            return {name: group[name] for name in DTYPES}

    def read(self, box: Box) -> Reading:
        """A part of the map; the slices may have steps. Raises DataError for chunks that are damaged."""
        return Reading(**{name: self.read_array(name, box) for name in DTYPES})

    def read_array(self, name: str, box: Box) -> Array:
        """A part of one array."""
        try:
            return np.asarray(self.arrays[name][box])
        # a checksum or a length that is not right, a block that is none, a file that cannot be read
        except (ValueError, RuntimeError, OSError) as e:
            raise DataError(
                f"{str(self.path / name)!r} is damaged: its bytes are not those that were written; the same sweep with "
                "the same out mends it"
            ) from e

    def put(self, box: Box, tile: Reading) -> str:
        """Write a tile; its checksum. Raises OutputError."""
        try:
            for name, array in tile.arrays.items():
                self.arrays[name][box] = array
        except OSError as e:
            raise OutputError(
                f"{str(self.path)!r} cannot be written ({e.strerror}); what is there stays, and the same sweep goes on"
            ) from e
        return self.checksum(box)

    def is_whole(self, box: Box, wanted: str) -> bool:
        """Whether a tile is what was written: reading it holds each chunk to the checksum that it ends with."""
        try:
            found = self.checksum(box)
            self.read(box)
        except (OSError, DataError):
            return False
        return found == wanted

    def checksum(self, box: Box) -> str:
        """The CRC-32C of the bytes of each array's chunk, in hexadecimal; the last codec puts it at the chunk's end.

        A damaged disk is what it is to find, so a cyclic code will do.
        """
        return "-".join(f"{_last_word(chunk):08x}" for chunk in self._chunks(box))

    def size_of(self, box: Box) -> int:
        """How many bytes a tile takes on disk."""
        return sum(chunk.stat().st_size for chunk in self._chunks(box))

    def _chunks(self, box: Box) -> list[Path]:
        index = [str(part.start // size) for part, size in zip(box, self.plan.tile_shape, strict=True)]
        return [self.path.joinpath(name, "c", *index) for name in DTYPES]

    def sums(self) -> dict[int, str]:
        """The checksum of each tile that is written, by its number; a line that a kill cut short counts for nothing."""
        found: dict[int, str] = {}
        for line in (self.path / JOURNAL).read_text("utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                found[int(entry["tile"])] = str(entry["crc32c"])
        return {tile: found[tile] for tile in sorted(found) if 0 <= tile < len(self.plan.tiles)}

    def write_sums(self, sums: Mapping[int, str]) -> None:
        """Put the lines in the order of the tiles, whole or not at all."""
        with beside(self.path / JOURNAL) as part, part.open("w", encoding="utf-8") as file:
            for tile in sorted(sums):
                write_line(file, tile, sums[tile])
            file.flush()
            os.fsync(file.fileno())

    def clean(self) -> None:
        """Remove what a killed writer left half-written; the caller holds the lock."""
        for pattern in (f".*.{JOURNAL}", "*/c/**/*.partial", "*/*.partial", "*.partial"):
            for file in self.path.glob(pattern):
                file.unlink(missing_ok=True)


@dataclass(frozen=True, eq=False)
class StoredReadings:
    """The arrays of a map on disk: read whole when they are first asked for, or part by part.

    An array of more points than memory is meant to hold raises BadValue, which says how to read parts of it.
    """

    store: Store = field(repr=False)
    _known: dict[str, Array] = field(default_factory=dict, repr=False)

    def read(self, box: Box) -> Reading:
        """A part of the map: one slice per dimension, which may have steps."""
        return self.store.read(box)

    def array(self, name: str) -> Array:
        """One array, of the whole map."""
        if (points := self.store.plan.points) > MOST:
            raise BadValue(
                f"the map has {points:,} points, and at most {MOST:,} are read at once; read a part of it with "
                ".part(name=slice(…)), or all of it lazily with .to_xarray()"
            )
        if name not in self._known:
            self._known[name] = self.store.read_array(name, (slice(None),) * len(self.store.plan.shape))
        return self._known[name]


def read_description(path: Path) -> Description:
    """What a map on disk says of itself; raises DataError."""
    try:
        description = json.loads((path / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        raise DataError(f"{str(path)!r} is no map of chainderiv (no {MANIFEST} in it); give another name") from e
    if not isinstance(description, dict):
        raise DataError(f"{str(path / MANIFEST)!r} is damaged; compute the map again under another name")
    return description


def write_line(file: IO[str], tile: int, checked: str) -> None:
    """A tile's line of the journal."""
    file.write(json.dumps({"tile": tile, "crc32c": checked}) + "\n")


def _last_word(chunk: Path) -> int:
    with chunk.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(), "little")


def _create_group(path: Path, plan: Plan) -> None:
    zarr = extra("zarr", "a map on disk")
    group = zarr.create_group(path, attributes=map_attributes(plan))
    for name, axis in plan.axes.items():
        group.create_array(
            name,
            data=axis.values,
            chunks=(min(axis.count, 2**20),),
            compressors=None,
            dimension_names=(name,),
            attributes=axis_attributes(name),
        )
    for name, dtype in DTYPES.items():
        group.create_array(
            name,
            shape=plan.shape,
            dtype=dtype,
            chunks=plan.tile_shape,
            compressors=_codecs(np.dtype(dtype)),
            fill_value=FILL.get(name, np.nan),
            dimension_names=tuple(plan.axes),
            attributes=variable_attributes(name, plan),
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Consolidated metadata", category=UserWarning)
        zarr.consolidate_metadata(path)


def _codecs(dtype: np.dtype[Any]) -> Sequence[Any]:
    """LZ4 of the shuffled bytes, and a CRC-32C, so that any reader notices damage.

    Of a logarithm only the first two bytes repeat: LZ4 makes 6.1 bytes of 8 in 6 ns, which is about the time that
    writing the other 1.9 would take; zstd gets no further (6.2 bytes in 11 ns). Signs shrink to nothing with either.
    """
    codecs = extra("zarr.codecs", "a map on disk")
    return [
        codecs.BloscCodec(cname="lz4", clevel=1, shuffle="shuffle", typesize=dtype.itemsize),
        codecs.Crc32cCodec(),
    ]
