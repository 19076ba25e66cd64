"""Networks that are drawn and measured, untrained: how large the gradient is in each hidden layer, of many seeds."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event

import numpy as np

from chainderiv.experiments.runs import Source, Training, side_by_side
from chainderiv.experiments.setup import Setup
from chainderiv.kinds import Floats
from chainderiv.nn.data.data import Split
from chainderiv.records.measured import norm
from chainderiv.records.measurements import MEASURED_IMAGES
from chainderiv.workers import Crew
from chainderiv.writing import write_npz

LOGS = "log_norms"  # the array in a file


@dataclass(frozen=True)
class Drawn:
    """So many networks of one kind, with the seeds 0, 1, …, and what they are measured on.

    kind : the network; its own seed is not looked at. pixel : of one input of class 0, all of whose numbers are this;
    None for the first 1000 training images of the source.
    """

    kind: Training
    networks: int
    pixel: float | None = None

    def split(self, source: Source) -> Split:
        """What they are measured on."""
        if self.pixel is None:
            return source.load().train.first(MEASURED_IMAGES)
        return Split(np.full((1, self.kind.sizes[0]), self.pixel), np.array([0]))

    def file(self, source: Source) -> str:
        """A name that is legal anywhere: that of the kind, and a hash of everything."""
        whole = repr((self, source.load().sha256 if self.pixel is None else None))
        return f"{self.kind.name}_{hashlib.blake2b(whole.encode(), digest_size=8).hexdigest()}.npz"

    def log_norms(self, source: Source, stop: Event | None = None) -> Floats:
        """ln ‖∂C/∂b_l‖₂ of the mean over the images, shape (networks, hidden layers), before any training."""
        split, rows = self.split(source), []
        for seed in range(self.networks):
            if stop is not None and stop.is_set():
                raise CancelledError
            gradients = replace(self.kind, seed=seed).network().mean_bias_gradients(split.images, split.labels)
            rows.append([norm(g, 2) for g in gradients[:-1]])
        with np.errstate(divide="ignore"):
            return np.log(rows)


def all_drawn(setup: Setup, wanted: Sequence[Drawn]) -> list[Floats]:
    """The log_norms of each, in their order; kept in the setup's folder, from where they are read when asked again."""
    work = partial(_taken, setup.source, setup.folder)
    return side_by_side(work, wanted, Crew(setup.executor, setup.workers), setup.progress)


def _taken(source: Source, folder: Path | None, drawn: Drawn, attempt: int, stop: Event | None = None) -> Floats:
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1, user_api="blas")  # for good, as of a training
    file = None if folder is None else folder / drawn.file(source)
    logs = None if file is None else _read(file, (drawn.networks, len(drawn.kind.sizes) - 2))
    if logs is None:
        logs = drawn.log_norms(source, stop)
        if file is not None:
            write_npz(file, {LOGS: logs})
    return logs


def _read(file: Path, shape: tuple[int, int]) -> Floats | None:
    """What a file holds; None where there is none, or one that is damaged."""
    try:
        with file.open("rb") as content, np.load(content) as arrays:
            logs = np.asarray(arrays[LOGS], float)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return logs if logs.shape == shape else None
