"""A TrainingRecord on disk and back: JSON lines, the gradients as .npz, and run.json; or as a table."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from chainderiv.errors import DataError
from chainderiv.given import path_of
from chainderiv.logsign import LogSign
from chainderiv.records.measurements import COLUMNS, LAYER_COLUMNS, LOG_COLUMNS, Measurements
from chainderiv.writing import folder_for_writing, write_whole

Kind = TypeVar("Kind", bound=Measurements)
# written in this order: run.json, which says how many rows count, comes last, so that a save cut short
# between two files still reads as the state before it
GRADIENTS, EPOCHS, RUN = "gradients.npz", "epochs.jsonl", "run.json"

# what reading a missing, cut, altered or foreign file raises; RuntimeError: an altered .npz seems encrypted
DAMAGE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RuntimeError),
    *(zlib.error, zipfile.BadZipFile),
)


def write(record: Measurements, folder: str | os.PathLike[str]) -> None:
    """TrainingRecord.save."""
    target, rows = folder_for_writing(path_of("folder", folder)), record.rows()
    lines = [json.dumps(row) for row in rows]
    described = {"settings": record.settings, "last": rows[-1], "sha256": _sha256(lines)}
    run = (json.dumps(described, indent=2) + "\n").encode()
    # of a run that went back a little, the rows that no longer count must not be missed
    if _last_step(target) > rows[-1]["step"]:
        write_whole(target / RUN, run)
    write_whole(target / GRADIENTS, _packed(record))
    write_whole(target / EPOCHS, "".join(f"{line}\n" for line in lines).encode())
    write_whole(target / RUN, run)


def _sha256(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _last_step(folder: Path) -> float:
    try:
        return float(json.loads((folder / RUN).read_text())["last"]["step"])
    except DAMAGE:
        return -math.inf


def read(kind: type[Kind], folder: str | os.PathLike[str]) -> Kind:
    """TrainingRecord.load."""
    source = path_of("folder", folder)
    try:
        return _read(kind, source)
    except DAMAGE as e:
        raise DataError(
            f"folder {str(source)!r} holds no whole record ({e}); "
            f"give a folder that TrainingRecord.save wrote: {RUN}, {EPOCHS}, {GRADIENTS}"
        ) from e


def write_csv(record: Measurements, path: str | os.PathLike[str]) -> None:
    """TrainingRecord.to_csv."""
    rows = [_flat(row) for row in record.rows()]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    target = path_of("path", path)
    folder_for_writing(target.parent)
    write_whole(target, text.getvalue().encode())


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        flat |= {f"{name}_{layer}": v for layer, v in enumerate(value, 1)} if isinstance(value, list) else {name: value}
    return flat


def _packed(record: Measurements) -> bytes:
    """An .npz of one array (rows, n_l) a layer, layer_1 … layer_L; of those beyond float64 also sign_l and log_l."""
    layers: dict[str, Any] = {
        f"layer_{n}": np.stack(rows) for n, rows in enumerate(zip(*record.bias_gradients, strict=True), 1)
    }
    for n, exact in record.log_bias_gradients.items():
        layers |= {f"sign_{n}": exact.sign, f"log_{n}": exact.log}
    packed = io.BytesIO()
    np.savez(packed, **layers)
    return packed.getvalue()


def _read(kind: type[Kind], source: Path) -> Kind:
    run = json.loads((source / RUN).read_text())
    lines = (source / EPOCHS).read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    steps = [row["step"] for row in rows]
    end = steps.index(run["last"]["step"]) + 1
    if run["sha256"] != _sha256(lines[:end]):
        raise ValueError(f"{EPOCHS} is not as {RUN} has it")
    # through memory: np.load leaves the file open when it is no whole archive
    with np.load(io.BytesIO((source / GRADIENTS).read_bytes()), allow_pickle=False) as arrays:
        count = sum(name.startswith("layer_") for name in arrays.files)
        layers = [np.asarray(arrays[f"layer_{n}"], float) for n in range(1, count + 1)]
        beyond = [n for n in range(1, count + 1) if f"log_{n}" in arrays.files]
        logs = {n: LogSign(arrays[f"sign_{n}"][:end], arrays[f"log_{n}"][:end]) for n in beyond}
    gradients = tuple(tuple(layer[row] for layer in layers) for row in range(end))
    columns = {
        name: np.array([row[name] for row in rows[:end]], float)
        for name in (*COLUMNS, *LAYER_COLUMNS, *LOG_COLUMNS)
        if name in rows[0]
    }
    main: dict[str, Any] = {name: columns.pop(name) for name in COLUMNS} | {"log_bias_gradients": logs}
    record = kind(run["settings"], gradients, **main, steps=np.array(steps[:end]), layers=columns)
    # norms from the .npz, the rest from the .jsonl: a file of another run shows
    if record.rows() != rows[:end] or rows[end - 1] != run["last"]:
        raise ValueError("the files are of different runs")
    return record
