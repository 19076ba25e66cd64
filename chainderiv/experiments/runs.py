"""Many training runs side by side: over threads here, or over any executor, a Dask cluster's among them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from threading import Event
from typing import Any

from chainderiv.functions.activation import Activation
from chainderiv.functions.described import describe
from chainderiv.given import function, of_kind, path_of, several
from chainderiv.kinds import Progress
from chainderiv.nn.data.data import Data, load_data
from chainderiv.nn.network import Network
from chainderiv.nn.training.training import TrainingDiverged, train
from chainderiv.records.record import TrainingRecord
from chainderiv.workers import Crew, Item, Result, as_done


@dataclass(frozen=True)
class Source:
    """Data by name, which each process reads for itself: they are larger than what is measured on them.

    Parameters
    ----------
    name, folder : as load_data takes them.
    training_images : how many of the first ones to train on; None for all.
    validation_images : likewise, of the validation part.

    Examples
    --------
    >>> import chainderiv as cd
    >>> len(cd.Source("digits", training_images=300).load().train)
    300
    """

    name: str = "mnist"
    folder: str | None = None
    training_images: int | None = None
    validation_images: int | None = None

    def load(self) -> Data:
        """The data, read once in a process."""
        return _loaded(self)


@lru_cache(maxsize=8)
def _whole(name: str, folder: str | None) -> Data:
    return load_data(name, folder)


@lru_cache(maxsize=8)
def _loaded(source: Source) -> Data:
    data = _whole(source.name, source.folder)
    counts = {"train": source.training_images, "validation": source.validation_images}
    return replace(data, **{part: getattr(data, part).first(n) for part, n in counts.items() if n is not None})


@dataclass(frozen=True)
class Training:
    """One training run, stated so that any process can take it: Network's arguments, the seed of both, and train()'s.

    The same statement gives the same bits, whoever takes it and beside whatever else.

    Examples
    --------
    >>> import chainderiv as cd
    >>> cd.Training((64, 12, 10), seed=1, settings={"epochs": 2}).network().sizes
    (64, 12, 10)
    """

    sizes: tuple[int, ...]
    seed: int = 0
    activation: str | Activation = "sigmoid"
    cost: str = "cross_entropy"
    output: str | None = None
    init: str = "nielsen"
    residual: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def network(self) -> Network:
        """The network before training."""
        return Network(
            self.sizes, self.activation, self.cost, self.output, self.init, self.seed, residual=self.residual
        )

    @property
    def name(self) -> str:
        """A folder's name, legal anywhere: what is varied most, and a hash of everything."""
        neurons = [_told(self.activation), self.cost, _told(self.output), self.init, self.residual]
        whole = json.dumps([self.sizes, self.seed, *neurons, dict(self.settings)], sort_keys=True, default=str)
        digest = hashlib.blake2b(whole.encode(), digest_size=8).hexdigest()
        called = re.sub(r"[^A-Za-z0-9]+", "_", str(getattr(self.activation, "name", self.activation)))[:40]
        widths = "-".join(map(str, self.sizes))[:80]
        return f"{called.strip('_') or 'own'}_{widths}_seed{self.seed}_{digest}"


def _told(neuron: str | Activation | None) -> object:
    """A name, or all that an Activation is made of: two of one name may have other formulas, or other stable forms."""
    return describe(neuron) if isinstance(neuron, Activation) else neuron


def run_all(
    trainings: Sequence[Training],
    source: Source,
    folder: Path | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[TrainingRecord]:
    """Take every training run; the records come in the order of the statements.

    Parameters
    ----------
    trainings : what to train. The same statement twice is taken once.
    source : on which data.
    folder : keeps each run in a folder of its own there, from where it goes on when it is asked for again.
    executor : who trains; by default threads of this process, as many as workers says or cores can be used.
    progress : called with (runs done, runs in all).

    A run that diverged gives the record of what was measured before, and says so in settings["diverged"].

    Raises
    ------
    WorkersLost
        When an executor's workers keep dying.
    BadValue
        For what are no Training, Source, path, executor or function.
    What load_data, Network and train raise.

    Examples
    --------
    >>> import chainderiv as cd
    >>> runs = [cd.Training((64, 12, 10), seed, settings={"epochs": 1}) for seed in range(2)]
    >>> [record.epochs for record in cd.run_all(runs, cd.Source("digits"))]
    [1, 1]
    """
    trainings = several("trainings", trainings, Training, "a list of Training")
    of_kind("source", source, Source, "a Source, such as Source('digits')")
    folder, progress = None if folder is None else path_of("folder", folder), function("progress", progress)
    crew = Crew(executor, workers)
    if executor is None:
        data = source.load()  # once, before the threads ask for it at once
        _ = data.train.inked, data.validation.inked
    return side_by_side(partial(_taken, source, folder), trainings, crew, progress)


def side_by_side(
    work: Callable[..., Result], items: Sequence[Item], crew: Crew, progress: Progress | None = None
) -> list[Result]:
    """Of each item what work(item, attempt) gives, in their order; the same item is done once.

    Threads of this process are told stop=Event as well: work raises CancelledError soon after it is set.
    """
    from threadpoolctl import threadpool_limits

    each, stop, done = dict.fromkeys(items), Event(), dict[Item, Result]()
    pool: AbstractContextManager[Executor]
    if crew.executor is None:
        pool, window, work = ThreadPoolExecutor(crew.size, "train"), crew.size, partial(work, stop=stop)
    else:
        pool, window = nullcontext(crew.executor), 2 * crew.size
    with threadpool_limits(limits=1, user_api="blas"), pool as takers:  # the runs are what goes on side by side
        try:
            for item, result in as_done(takers, work, each, window):
                done[item] = result
                if progress is not None:
                    progress(len(done), len(each))
        finally:
            stop.set()  # an interruption waits for the epochs under way, not for whole runs
    return [done[item] for item in items]


def _taken(
    source: Source, folder: Path | None, training: Training, attempt: int, stop: Event | None = None
) -> TrainingRecord:
    from threadpoolctl import threadpool_limits

    kept: dict[str, Any] = {} if folder is None else {"folder": folder / training.name, "resume": True}
    on_epoch = None if stop is None else partial(_unless_stopped, stop)
    # not for this run alone: who came first would give the threads back while others are at work in the same process
    threadpool_limits(limits=1, user_api="blas")
    try:
        data = source.load()
        return train(training.network(), data, rng=training.seed, on_epoch=on_epoch, **kept, **training.settings)
    except TrainingDiverged as e:
        return replace(e.record, settings=e.record.settings | {"diverged": str(e)})


def _unless_stopped(stop: Event, record: TrainingRecord) -> None:
    if stop.is_set():
        raise CancelledError
