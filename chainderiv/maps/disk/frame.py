"""The frame of a map on disk: all files of its folder but the tiles and their journal, each under a checksum.

The manifest holds the SHA-256 of the others, and one of all that it says itself. What the map is stands a second time
in the attributes of the group, under a checksum of its own, so that either tells it when the other is damaged. All of
it follows from the plan: who goes on with a map makes the frame anew and puts in place what is not as it was.

A map of before has no checksums; there the two must say the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chainderiv.errors import DataError
from chainderiv.extras import extra
from chainderiv.functions.described import Description
from chainderiv.maps.disk.manifest import (
    DESCRIPTION,
    SUM,
    axis_attributes,
    describe,
    is_sealed,
    map_attributes,
    sealed,
    variable_attributes,
)
from chainderiv.maps.plan import Plan
from chainderiv.numeric.reading import DTYPES

MANIFEST, GROUP, NEW = "manifest.json", "zarr.json", ".frame."
FILES = "files"  # in the manifest: the SHA-256 of each by its name
FILL: Mapping[str, Any] = {"sign": 0, "uncertain": True}  # what is not written reads as unknown: NaN of the others
MENDS = "the same sweep with the same out mends it"
# what reading JSON that is none, or states something else, raises
_DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


def write_frame(path: Path, plan: Plan) -> None:
    """Make the folder and its frame; raises OSError, MissingExtra."""
    _create_group(path, plan)
    files = {file.relative_to(path).as_posix(): _sha256(file) for file in sorted(path.rglob("*")) if file.is_file()}
    said = sealed(describe(plan) | {FILES: files})
    (path / MANIFEST).write_text(json.dumps(said, indent=1, ensure_ascii=False), "utf-8")


def mend_frame(path: Path, plan: Plan) -> None:
    """Put in place again what is damaged, and what a map of before lacks; raises OSError."""
    try:
        if FILES in _read_whole(path):
            return
    except DataError:
        pass
    new = path / f"{NEW}{secrets.token_hex(4)}"
    try:
        write_frame(new, plan)
        # the manifest comes last, for it says that the others are right
        for file in sorted((file for file in new.rglob("*") if file.is_file()), key=lambda file: file.name == MANIFEST):
            place = path / file.relative_to(new)
            if not place.is_file() or place.read_bytes() != file.read_bytes():
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def read_frame(path: Path) -> Description:
    """What a map on disk says of itself, when all that it says it with is as it was written; raises DataError."""
    return _only_description(_read_whole(path))


def identify(path: Path) -> Description:
    """What a map on disk is, from what is left of its frame, for one who goes on with it; raises DataError."""
    manifest, group = _from_manifest(path), _from_group(path)
    _require_any(path, manifest, group)
    for told in (manifest, group):
        if told is not None and is_sealed(told):
            return _only_description(told)
    if manifest is None or manifest != group:
        raise DataError(
            f"{str(path / MANIFEST)!r} and {str(path / GROUP)!r} do not agree on what the map is; "
            "delete the folder and compute the map again"
        )
    return manifest


def _read_whole(path: Path) -> Description:
    manifest, group = _from_manifest(path), _from_group(path)
    _require_any(path, manifest, group)
    if manifest is None or not (is_sealed(manifest) or manifest == group):
        raise DataError(f"{str(path / (GROUP if group is None else MANIFEST))!r} is damaged; {MENDS}")
    for name, told in manifest.get(FILES, {}).items():
        # nothing outside the folder is looked at, whatever a manifest says
        if not re.fullmatch(r"(\w+/)?(zarr\.json|c(/[0-9]+)*)", name):
            raise DataError(
                f"{str(path / MANIFEST)!r} names {name!r}, which is no file of a map; compute the map again"
            )
        if _sha256(path / name) != told:
            raise DataError(f"{str(path / name)!r} is damaged: its bytes are not those that were written; {MENDS}")
    return manifest


def _require_any(path: Path, manifest: Description | None, group: Description | None) -> None:
    if manifest is None and group is None:
        raise DataError(f"{str(path)!r} is no map of chainderiv (no {MANIFEST} in it); give another name")


def _from_manifest(path: Path) -> Description | None:
    try:
        return _object(json.loads((path / MANIFEST).read_text("utf-8")))
    except _DAMAGE:
        return None


def _from_group(path: Path) -> Description | None:
    try:
        return _object(json.loads(json.loads((path / GROUP).read_text("utf-8"))["attributes"][DESCRIPTION]))
    except _DAMAGE:
        return None


def _object(told: Any) -> Description:
    if not isinstance(told, dict):
        raise TypeError("what is said is no object")
    return told


def _only_description(told: Description) -> Description:
    return {name: value for name, value in told.items() if name not in (SUM, FILES)}


def _sha256(file: Path) -> str:
    """Of a file's bytes; '' of one that cannot be read."""
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return ""


def _create_group(path: Path, plan: Plan) -> None:
    zarr, codecs = extra("zarr", "a map on disk"), extra("zarr.codecs", "a map on disk")
    group = zarr.create_group(path, attributes=map_attributes(plan))
    for name, axis in plan.axes.items():
        group.create_array(
            name,
            data=axis.values,
            chunks=(min(axis.count, 2**20),),
            compressors=codecs.Crc32cCodec(),
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
