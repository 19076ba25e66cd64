"""A map on disk: a zarr group that is written tile by tile, and that a killed writer leaves whole.

    map.zarr/
      zarr.json            the group: attributes, and the metadata of all arrays (xarray.open_zarr reads it)
      sign/ log_abs/ …     the arrays of a Reading; a tile is one chunk of each, so no two writes share a chunk
      w/ b/ …              the values of the axes
      manifest.json        what the map is (maps.disk.manifest), and the checksums of all files above but the tiles
      tiles.jsonl          a line for every tile that is written: its number, and the checksums of its chunks
      .writer.…            who writes it, while it is written (chainderiv.writer)

A tile's chunks are renamed into place before its line is written, so a line means whole chunks. What a crash of the
whole machine still loses or damages behind a line is found by the checksum, when it is read or the map is gone on with.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from chainderiv.errors import BadValue, DataError, OutputError
from chainderiv.extras import extra
from chainderiv.functions.described import require_readable
from chainderiv.kinds import Array, Box
from chainderiv.maps.axis import MOST
from chainderiv.maps.disk.frame import MENDS, NEW, identify, mend_frame, read_frame, write_frame
from chainderiv.maps.disk.manifest import describe, difference, plan_from
from chainderiv.maps.plan import Plan
from chainderiv.numeric.reading import DTYPES, Reading
from chainderiv.writer import only_writer
from chainderiv.writing import beside

JOURNAL = "tiles.jsonl"
# what zarr and its codecs raise for metadata and chunks that are not right
_DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError)


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
        aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        whole = aside / "map"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.mkdir()
            # who finds it beside the map can tell whether its process lives
            with only_writer(aside):
                write_frame(whole, plan)
                (whole / JOURNAL).touch()
                whole.rename(path)
        except OSError as e:
            # a claim that cannot be left says so in words, and behind them is what the system said
            system = e.__cause__ if isinstance(e.__cause__, OSError) else e
            reason = system.strerror or system
            raise OutputError(f"the map {str(path)!r} cannot be made ({reason}); give another place") from e
        finally:
            # of zarr's writes, which run side by side, one has failed and others may still be on
            for pause in (0, 0.05, 0.2):
                if aside.exists():
                    time.sleep(pause)
                    shutil.rmtree(aside, ignore_errors=True)
        return cls(path, plan)

    @classmethod
    def of(cls, path: Path, plan: Plan) -> Store:
        """The map at that place, made where there is none; raises OutputError where it is another."""
        if not path.exists():
            try:
                return cls.create(path, plan)
            except OutputError:
                if not path.exists():  # else another came first
                    raise
        there = identify(path)
        # through JSON, as the other was: a tuple is a list there
        if said := difference(there, json.loads(json.dumps(describe(plan)))):
            raise OutputError(f"{str(path)!r} holds another map ({said}); give another name, or delete it")
        return cls(path, plan)

    @classmethod
    def open(cls, path: Path) -> Store:
        """The map at that place; raises DataError."""
        return cls(path, plan_from(read_frame(path)))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out, and bring the folder in order first. Raises OutputError."""
        with only_writer(self.path):
            try:
                self._clean()
                self._clean_beside()
                mend_frame(self.path, self.plan)
            except OSError as e:
                raise OutputError(self._unwritten(e)) from e
            yield

    @property
    def attributes(self) -> dict[str, Any]:
        """What the group says of the map to any reader; raises DataError."""
        return dict(self._opened[0])

    @property
    def arrays(self) -> Mapping[str, Any]:
        """The zarr arrays by name; raises DataError."""
        return self._opened[1]

    @cached_property
    def _opened(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        zarr = extra("zarr", "a map on disk")
        try:
            # zarr leaves out a chunk that holds what an unwritten one reads as, and a tile without one looks unwritten
            with zarr.config.set({"array.write_empty_chunks": True}):
                group = zarr.open_group(self.path, mode="r+", use_consolidated=True)
                attributes, arrays = group.attrs.asdict(), {name: group[name] for name in DTYPES}
        except _DAMAGE as e:
            raise DataError(f"the metadata of {str(self.path)!r} is damaged; {MENDS}") from e
        if any((a.shape, a.chunks) != (self.plan.shape, self.plan.tile_shape) for a in arrays.values()):
            raise DataError(f"the arrays of {str(self.path)!r} have another shape than its axes; {MENDS}")
        return attributes, arrays

    def read(self, box: Box) -> Reading:
        """A part of the map; the slices may have steps. Raises DataError for chunks that are damaged."""
        return Reading(**{name: self.read_array(name, box) for name in DTYPES})

    def read_array(self, name: str, box: Box) -> Array:
        """A part of one array; raises DataError where a chunk is not the one that was written."""
        known, place = self._known_sums, list(DTYPES).index(name)
        for tile in self.plan.tiles_within(box):
            chunk = self._chunks(self.plan.tiles[tile])[place]
            try:
                # zarr reads a chunk that is missing as one that was never written, and takes another's for its own
                whole = f"{_last_word(chunk):08x}" == known.get(tile, "").split("-")[place]
            except (OSError, IndexError):
                whole = False
            if not whole:
                raise DataError(self._damaged(name))
        return self._decoded(name, box)

    def _decoded(self, name: str, box: Box) -> Array:
        try:
            return np.asarray(self.arrays[name][box])
        # a checksum or a length that is not right, a block that is none, a file that cannot be read
        except _DAMAGE as e:
            raise DataError(self._damaged(name)) from e

    def _damaged(self, name: str) -> str:
        return f"{str(self.path / name)!r} is damaged: its bytes are not those that were written; {MENDS}"

    def _unwritten(self, error: OSError) -> str:
        return (
            f"{str(self.path)!r} cannot be written ({error.strerror}); what is there stays, and the same sweep goes on"
        )

    def put(self, box: Box, tile: Reading) -> str:
        """Write a tile; its checksum. Raises OutputError."""
        try:
            for name, array in tile.arrays.items():
                self.arrays[name][box] = array
        except OSError as e:
            raise OutputError(self._unwritten(e)) from e
        return self.checksum(box)

    def is_whole(self, box: Box, wanted: str) -> bool:
        """Whether a tile is what was written: reading it holds each chunk to the checksum that it ends with."""
        try:
            found = self.checksum(box)
            for name in DTYPES:
                self._decoded(name, box)
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
        try:
            lines = (self.path / JOURNAL).read_text("utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return {}
        except OSError as e:
            raise DataError(
                f"{str(self.path / JOURNAL)!r} cannot be read ({e.strerror}); delete it, and {MENDS}"
            ) from e
        for line in lines:
            with contextlib.suppress(ValueError, KeyError, TypeError, OverflowError, RecursionError):
                entry = json.loads(line)
                found[int(entry["tile"])] = str(entry["crc32c"])
        return {tile: found[tile] for tile in sorted(found) if 0 <= tile < len(self.plan.tiles)}

    @cached_property
    def _known_sums(self) -> Mapping[int, str]:
        return self.sums()

    def write_sums(self, sums: Mapping[int, str]) -> None:
        """Put the lines in the order of the tiles, whole or not at all."""
        with beside(self.path / JOURNAL) as part, part.open("wb") as file:
            file.writelines(_line(tile, sums[tile]) for tile in sorted(sums))

    def note(self, tile: int, checked: str) -> None:
        """Add a tile's line to the journal; raises OutputError."""
        content, before = _line(tile, checked), None
        try:
            with (self.path / JOURNAL).open("ab", buffering=0) as journal:
                before = journal.tell()
                # a disk that fills up takes a part, and says so only when the rest is tried
                while content:
                    content = content[journal.write(content) :]
        except OSError as e:
            if before is not None:
                with contextlib.suppress(OSError):
                    os.truncate(self.path / JOURNAL, before)
            raise OutputError(self._unwritten(e)) from e

    def _clean(self) -> None:
        """Remove what a killed writer left half-written."""
        for pattern in (f".*.{JOURNAL}", "*/c/**/*.partial", "*/*.partial", "*.partial"):
            for file in self.path.glob(pattern):
                file.unlink(missing_ok=True)
        for folder in self.path.glob(f"{NEW}*"):
            shutil.rmtree(folder)

    def _clean_beside(self) -> None:
        """Remove what is left beside the map of a process that was killed while it made it; a living one's stays."""
        for aside in self.path.parent.glob(f".{glob.escape(self.path.name)}.????????"):
            ours = re.fullmatch(r"[0-9a-f]{8}", aside.suffix[1:]) and aside.is_dir() and not aside.is_symlink()
            if ours:
                with contextlib.suppress(OutputError), only_writer(aside):
                    shutil.rmtree(aside, ignore_errors=True)


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


def _line(tile: int, checked: str) -> bytes:
    """A tile's line of the journal."""
    return (json.dumps({"tile": tile, "crc32c": checked}) + "\n").encode()


def _last_word(chunk: Path) -> int:
    with chunk.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(), "little")
