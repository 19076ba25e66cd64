"""What the published experiments share: many seeds instead of one run, in the setting of their author.

The setting is Nielsen's (2015, chapter 5): [784, 30, …, 30, 10], η = 0.1, λ = 5.0 per 50,000 images, weights
N(0, 1/n_in) and biases N(0, 1), unless an experiment says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from chainderiv.compiling.compiler import can_compile
from chainderiv.experiments import published
from chainderiv.experiments.runs import Source, Training, run_all
from chainderiv.given import whole_number
from chainderiv.kinds import Floats, Progress
from chainderiv.records.measurements import MEASURED_IMAGES
from chainderiv.records.record import TrainingRecord

RATE, DECAY, IMAGES = 0.1, 5.0, 50_000  # Nielsen's η and λ, for his number of training images
BATCH = 10  # images
MEASURED_ON = f"the first {MEASURED_IMAGES} training images (all of them if fewer)"
NORM = f"L2 norm of the mean of ∂C/∂b over {MEASURED_ON}"

SAID = {"digits": "UCI’s 8 × 8 digits", "mnist": "MNIST", "fashion_mnist": "Fashion-MNIST"}


@dataclass(frozen=True)
class Setup:
    """What the experiments share.

    Parameters
    ----------
    source : the data.
    seeds : int >= 2. How many runs of each kind, with the seeds 0, 1, ….
    width : neurons in a hidden layer.
    depths : the numbers of hidden layers.
    accuracy_depths : the same where accuracy is compared; by default depths.
    deepest : the same where other neurons, or other decays, are tried.
    remedy_seeds : how many runs of each kind there; by default seeds.
    full_batch_epochs, epochs : of the runs on the first 1000 images, and of those with mini-batches of 10.
    folder : keeps every run; what is there already is not trained again. On a cluster, one that all workers see.
    executor, workers, progress : as run_all takes them.

    Examples
    --------
    >>> import chainderiv as cd
    >>> cd.Setup(cd.Source("digits"), width=8).sizes(2)
    (64, 8, 8, 10)
    """

    source: Source = field(default_factory=Source)
    seeds: int = 20
    width: int = 30
    depths: tuple[int, ...] = (1, 2, 3, 4)
    accuracy_depths: tuple[int, ...] | None = None
    deepest: tuple[int, ...] = (1, 2, 4, 6, 8, 10)
    remedy_seeds: int | None = None
    full_batch_epochs: int = 500
    epochs: int = 30
    folder: Path | None = None
    executor: Executor | None = None
    workers: int | None = None
    progress: Progress | None = None

    @property
    def as_published(self) -> bool:
        """Whether the data are those of the published figures."""
        return self.source.load().name == published.DATA

    @property
    def data_name(self) -> str:
        """The data that were used, as a sentence has them."""
        return SAID[self.source.load().name]

    @property
    def measured_images(self) -> int:
        """How many images gradients are measured on."""
        return len(self.source.load().train.first(MEASURED_IMAGES))

    def sizes(self, hidden: int) -> tuple[int, ...]:
        """The network with so many hidden layers."""
        whole_number("hidden", hidden, 0)
        data = self.source.load()
        return (data.pixels, *[self.width] * hidden, data.classes)

    def run(self, trainings: Sequence[Training], source: Source | None = None) -> list[TrainingRecord]:
        """The records of training runs."""
        return run_all(trainings, source or self.source, self.folder, self.executor, self.workers, self.progress)

    def full_batch(self, hidden: int, **network: Any) -> list[TrainingRecord]:
        """Full-batch descent on the first 1000 training images, a run per seed."""
        count = self.measured_images
        # what is asked of these runs are gradients: a tenth of the validation images keeps the measuring short
        source = replace(self.source, training_images=count, validation_images=count)
        return self.run(self._each(hidden, self.full_batch_epochs, count, DECAY, network), source)

    def in_mini_batches(self, hidden: int, decay: float | None = None, **network: Any) -> list[TrainingRecord]:
        """Stochastic descent on all training images in mini-batches of 10, a run per seed; λ is of 50,000 images."""
        return self.run(self.stochastic(hidden, decay, **network))

    def stochastic(self, hidden: int, decay: float | None = None, **network: Any) -> list[Training]:
        """The statements of those runs."""
        own = DECAY if decay is None else decay
        return self._each(hidden, self.epochs, BATCH, own * len(self.source.load().train) / IMAGES, network)

    def _each(
        self, hidden: int, epochs: int, batch_size: int, decay: float, network: Mapping[str, Any]
    ) -> list[Training]:
        engine = "numba" if can_compile() else "numpy"
        settings: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "engine": engine}
        settings |= {"learning_rate": RATE, "weight_decay": decay}
        return [Training(self.sizes(hidden), seed, settings=settings, **network) for seed in range(self.seeds)]


def to_the_end(measured: Floats, rows: int) -> Floats:
    """As many rows, NaN where a run that diverged was not measured any more."""
    missing = np.full((rows - len(measured), *measured.shape[1:]), np.nan)
    return np.concatenate([measured, missing])
