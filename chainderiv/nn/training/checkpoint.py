"""A training run kept in a folder so that it can be killed at any moment and go on, bit for bit."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from chainderiv.errors import BadValue, DataError, OutputError
from chainderiv.nn.network import Network
from chainderiv.nn.training.descent import Descending, State
from chainderiv.records.measured import Row, rows_of_record
from chainderiv.records.record import TrainingRecord
from chainderiv.records.record_files import DAMAGE, EPOCHS, GRADIENTS, RUN
from chainderiv.writing import write_whole

WEIGHTS, STATE = "weights.npz", "state_"
DESCRIBED = ("activation_described", "output_described")
SECONDS = 1.0  # between two states on disk: a kill costs no more than that, and an epoch may take 0.05


@dataclass
class Keeper:
    """Where a run is kept: the record, and behind it the state after the same epoch or an earlier one."""

    folder: Path
    _kept_at: float = field(default=-np.inf, repr=False)

    def due(self) -> bool:
        """Whether the last state on disk is old enough."""
        return time.monotonic() - self._kept_at >= SECONDS

    def require_free(self, resume: bool) -> None:
        """Raise BadValue where the folder holds what this run would replace without a word."""
        has_run, has_weights = ((self.folder / name).exists() for name in (RUN, WEIGHTS))
        if has_run and not resume:
            raise BadValue(
                f"{str(self.folder)!r} holds a run already; give resume=True to go on with it, or another folder"
            )
        if has_weights and not has_run:
            raise BadValue(
                f"{str(self.folder)!r} holds {WEIGHTS} without {RUN}, which is no run to go on with and would be "
                "replaced; move it away, or give another folder"
            )

    def tidy(self) -> None:
        """Delete what a kill left of files that were being written."""
        for name in (GRADIENTS, EPOCHS, RUN, WEIGHTS):
            for file in self.folder.glob(f".????????.{name}"):
                file.unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget a run that was killed before its first state."""
        try:
            (self.folder / RUN).unlink(missing_ok=True)
        except OSError as e:
            raise OutputError(f"{e.filename!r} cannot be replaced ({e.strerror}); give another folder") from e

    def keep(self, record: TrainingRecord, state: State, net: Network, rng: np.random.Generator, epoch: int) -> None:
        """Write the record, then what it takes to go on: a kill between the two leaves rows too many, no state."""
        record.save(self.folder)
        arrays: dict[str, Any] = {f"{STATE}{name}": array for name, array in state.items()}
        arrays |= {f"weight_{n}": W for n, W in enumerate(net.weights, 1)}
        arrays |= {f"bias_{n}": b for n, b in enumerate(net.biases, 1)}
        # some sources keep arrays in their state, and take lists in their place
        told = json.dumps(rng.bit_generator.state, default=lambda array: array.tolist())
        arrays |= {"epoch": np.array(epoch), "rng": np.array(told)}
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **arrays)
        write_whole(self.folder / WEIGHTS, content.getvalue())
        self._kept_at = time.monotonic()

    def kept(self) -> Kept | None:
        """What the folder holds, None where nothing was kept; raises DataError for what is damaged."""
        if not (self.folder / RUN).exists() or not (self.folder / WEIGHTS).exists():
            return None
        record = TrainingRecord.load(self.folder)
        with _damage_told(self.folder):
            with np.load(io.BytesIO((self.folder / WEIGHTS).read_bytes()), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            epoch, rng = int(arrays["epoch"]), json.loads(str(arrays["rng"]))
            last = epoch * record.settings["steps_per_epoch"]
        state = {name.removeprefix(STATE): array for name, array in arrays.items() if name.startswith(STATE)}
        rows = [row for row in rows_of_record(record) if row.step <= last]
        return Kept(self.folder, rows, record.settings, epoch, state, rng)


def _exact(described: Any) -> Any:
    """What makes another activation of it; the letters that it is printed with do not."""
    return described.get("exact") if isinstance(described, dict) else described


@contextlib.contextmanager
def _damage_told(folder: Path) -> Iterator[None]:
    try:
        yield
    except DAMAGE as e:
        raise DataError(f"{str(folder / WEIGHTS)!r} is damaged ({e}); delete the folder and train again") from e


@dataclass(frozen=True, eq=False)
class Kept:
    """What a folder holds of a run: its rows up to an epoch, and the state after it."""

    folder: Path
    rows: list[Row]
    settings: dict[str, Any]
    epoch: int
    state: State
    rng: dict[str, Any]

    def restore(self, descending: Descending, rng: np.random.Generator) -> None:
        """Bring a descent and its source of shuffles to where they were."""
        with _damage_told(self.folder):
            descending.restore(self.state)
            rng.bit_generator.state = self.rng

    def require_same_run(self, settings: dict[str, Any]) -> None:
        """Raise BadValue where another run is asked for; it may have other epochs where the schedule is constant."""
        free = {"versions", *DESCRIBED} | ({"epochs"} if settings["schedule"] == "constant" else set())
        for name in [name for name in settings if name not in free]:
            if self.settings.get(name) != settings[name]:
                raise BadValue(
                    f"{str(self.folder)!r} holds a run with {name} {self.settings.get(name)!r}, and asked for is "
                    f"{settings[name]!r}; resume it with its own settings, or give another folder"
                )
        for name in [name for name in DESCRIBED if name in self.settings]:  # runs of before have none
            if _exact(self.settings[name]) != _exact(settings[name]):
                raise BadValue(
                    f"{str(self.folder)!r} holds a run whose {name.partition('_')[0]} has other numbers or stable "
                    "forms than the one that is asked for; resume it with its own, or give another folder"
                )
        # the last epoch is measured, whatever measure_epochs is, and the state behind it is past measuring
        least = self.epoch + (self.rows[-1].step < self.epoch * self.settings["steps_per_epoch"])
        if settings["epochs"] < least:
            raise BadValue(
                f"{str(self.folder)!r} holds a run after epoch {self.epoch}, and epochs is {settings['epochs']}; "
                f"give at least {least}, or another folder"
            )
