"""train(): mini-batch stochastic gradient descent, measured on its way, kept on disk and resumed."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from chainderiv.errors import BadValue, Diverged
from chainderiv.functions.described import describe, require_readable
from chainderiv.given import function, generator, of_kind, path_of
from chainderiv.nn.checks import float_type
from chainderiv.nn.data.data import Data
from chainderiv.nn.network import Network
from chainderiv.nn.training.checkpoint import Keeper
from chainderiv.nn.training.course import Course, checked_course, checked_descent
from chainderiv.nn.training.descent import Descending
from chainderiv.nn.training.engines import engine_for, measurer, started
from chainderiv.nn.training.passes import Measurer, update_ratio
from chainderiv.records.measured import Row, record_of
from chainderiv.records.record import TrainingRecord
from chainderiv.version import __version__
from chainderiv.writer import only_writer
from chainderiv.writing import folder_for_writing

OnEpoch = Callable[[TrainingRecord], object]


class TrainingDiverged(Diverged):
    """A training run whose numbers stopped being finite; record holds what was measured before."""

    def __init__(self, message: str, record: TrainingRecord) -> None:
        super().__init__(message)
        self.record = record


def train(
    net: Network,
    data: Data,
    epochs: int = 30,
    batch_size: int = 10,
    learning_rate: float = 0.1,
    weight_decay: float = 5.0,
    rng: int | np.random.Generator = 0,
    dtype: DTypeLike = "float32",
    on_epoch: OnEpoch | None = None,
    *,
    momentum: float = 0.0,
    schedule: str = "constant",
    clip: float | None = None,
    patience: int | None = None,
    measure_epochs: int = 1,
    measure_steps: int | None = None,
    engine: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: bool = False,
) -> TrainingRecord:
    """Train net in place, measuring it: w ← (1 - ηλ/n) w - (η/m) Σ ∂C/∂w, b ← b - (η/m) Σ ∂C/∂b.

    Nielsen (2015), chapter 3 and network2.py: every epoch the images are shuffled and taken in mini-batches
    of m. An epoch that is interrupted leaves net as the last finished one did.

    Parameters
    ----------
    net : Network. Keeps its dtype; its parameters are those of the last finished epoch.
    data : Data. Its validation part is measured, its test part is not looked at.
    epochs : int >= 0.
    batch_size : int >= 1. m; all the images at once if there are fewer.
    learning_rate : float > 0. η.
    weight_decay : float >= 0. λ; n is the number of training images in use. Biases do not decay.
    rng : int or numpy.random.Generator. Draws the shuffles; the same seed gives the same bits.
    dtype : 'float32' or 'float64'. What is trained in; measured is in float64.
    on_epoch : called with the record so far before training and after each epoch that was measured.
    momentum : float, 0 <= μ < 1. v ← μ v - η (g + (λ/n) w), w ← w + v (Polyak 1964; Nielsen 2015, equation 107).
    schedule : by what η is multiplied: a name in chainderiv.SCHEDULES.
    clip : float > 0. Longer gradients of a mini-batch, over all layers, are scaled down to this L2 norm
        (Pascanu, Mikolov and Bengio 2013).
    patience : int >= 1. Stop when the validation accuracy has not risen for so many measurements.
    measure_epochs : int >= 1. Measure after every so many epochs, and after the last.
    measure_steps : int >= 1. Measure after every so many mini-batches as well.
    engine : 'numba', compiled from the formulas, or 'numpy', its oracle; by default what suits the work. The two
        round differently.
    folder : path. Keep the record and the weights there: after every epoch that ends a second or more behind the
        last that was kept, and at the end.
    resume : whether to go on from what folder holds, to the same bits as an undisturbed run; from the start where it
        holds nothing.

    Raises
    ------
    Diverged
        When parameters, gradients or cost stop being finite; its .record holds what was measured before.
    BadShape
        When the data's images or labels do not fit the network.
    BadValue, UnknownName
        For a setting that is not as above, a network whose cost is not finite to begin with, or a folder that holds
        another run.
    DataError, OutputError
        When what folder holds is damaged, or it cannot be written, or another process writes it.

    Examples
    --------
    >>> from chainderiv import load_data
    >>> record = train(Network([64, 30, 10]), load_data("digits"), 3, learning_rate=1.0, weight_decay=0.1)
    >>> record.accuracy.shape, record.norms("l2").shape, bool(record.accuracy[-1] > 0.8)
    ((4,), (4, 1), True)
    """
    of_kind("net", net, Network, "a Network")
    of_kind("data", data, Data, "a Data, such as load_data() gives")
    function("on_epoch", on_epoch)
    descent = checked_descent(batch_size, learning_rate, weight_decay, momentum, clip)
    course = checked_course(epochs, descent, schedule, patience, measure_epochs, measure_steps)
    with _kept_alone(folder, resume, net) as keeper:
        return _trained(net, data, course, rng, dtype, on_epoch, engine, resume, keeper)


def _trained(
    net: Network,
    data: Data,
    course: Course,
    rng: int | np.random.Generator,
    dtype: DTypeLike,
    on_epoch: OnEpoch | None,
    engine: str | None,
    resume: bool,
    keeper: Keeper | None,
) -> TrainingRecord:
    descent = course.descent
    kept = keeper.kept() if keeper is not None and resume else None
    working, source = net.copy(float_type(dtype)), generator(rng)
    before = None if kept is None else kept.settings.get("engine")
    chosen = engine_for(engine or before, working, data, descent, course.epochs)
    settings = _settings(net, data, rng, working) | course.settings()
    settings["bit_generator"] = type(source.bit_generator).__name__
    settings |= {"engine": chosen, "steps_per_epoch": -(-len(data.train) // descent.batch_size)}
    if kept is not None:
        kept.require_same_run(settings)
    descending, measure = started(chosen, working, data, descent), measurer(chosen, working, data)
    if kept is None:
        rows = [measure.row(net, 0, np.full(net.depth, np.nan))]
        if np.isfinite([rows[0].training_cost, rows[0].cost]).all() and not rows[0].finite:
            raise BadValue(
                "the gradient overflows float64 before training, and no step can be taken with it; give a network with "
                "smaller weights, whose log_mean_bias_gradients still hold it"
            )
        if not rows[0].finite:
            raise BadValue("the cost is not finite before training; give a network with smaller weights and biases")
        if keeper is not None:
            keeper.clear()
    else:
        kept.restore(descending, source)
        # a run of fewer epochs was measured at its end
        rows = [row for row in kept.rows if course.measures(row.step, settings["steps_per_epoch"])]
    run = Run(net, course, descending, measure, rows, settings, source, keeper)
    run.go(0 if kept is None else kept.epoch, on_epoch)
    return run.record()


@contextlib.contextmanager
def _kept_alone(folder: str | os.PathLike[str] | None, resume: bool, net: Network) -> Iterator[Keeper | None]:
    """What keeps the run, None where it is not kept; no other run is kept there meanwhile."""
    if folder is None:
        if resume:
            raise BadValue("resume is given without folder; give the folder that holds the run")
        yield None
        return
    path = path_of("folder", folder)
    if not os.fspath(folder):
        raise BadValue("folder is empty, which would be the current one; give its name, or '.'")
    for activation in (net.activation, net.output_activation):
        if activation is not None:
            require_readable(activation)
    keeper = Keeper(path)
    keeper.require_free(resume)
    missing = [place for place in (keeper.folder, *keeper.folder.parents) if not place.exists()]
    try:
        with only_writer(folder_for_writing(keeper.folder)):
            # another process may have begun or ended a run here since
            keeper.require_free(resume)
            keeper.tidy()
            yield keeper
    finally:
        # a refusal leaves nothing behind; what holds something stays
        with contextlib.suppress(OSError):
            for place in missing:
                place.rmdir()


@dataclass(frozen=True, eq=False)
class Run:
    """A training run on its way: the network that the caller sees, the one that descends, and what was measured."""

    net: Network
    course: Course
    descending: Descending
    measure: Measurer
    rows: list[Row]
    settings: dict[str, Any]
    rng: np.random.Generator
    keeper: Keeper | None

    def go(self, done: int, on_epoch: OnEpoch | None) -> None:
        """Train from behind an epoch to the end; what was measured is kept however it ends."""
        try:
            self._go(done, on_epoch)
        except BaseException:
            if self.keeper is not None:
                # what it measured since its last state
                self.record().save(self.keeper.folder)
            raise

    def _go(self, done: int, on_epoch: OnEpoch | None) -> None:
        if done:
            self._show(self.descending.network())
        else:
            self._keep(done, last=True)
        if on_epoch is not None:
            on_epoch(self.record())
        for epoch in range(done + 1, self.course.epochs + 1):
            if self._stale():
                break
            rows = len(self.rows)
            self._epoch(epoch)
            self._keep(epoch, last=epoch == self.course.epochs or self._stale())
            if on_epoch is not None and len(self.rows) > rows:
                on_epoch(self.record())

    def _epoch(self, epoch: int) -> None:
        order, factor = self.rng.permutation(self.settings["data"]["training_images"]), self.course.factor(epoch)
        steps, done = self.settings["steps_per_epoch"], 0
        for stop in self.course.stops(epoch, steps):
            self.descending.advance(order, done, stop - 1, factor)
            before = self.descending.network()
            self.descending.advance(order, stop - 1, stop, factor)
            self._measure(before, epoch, stop)
            done = stop
        self.descending.advance(order, done, steps, factor)
        finished = self.descending.network()
        self._require_finite(finished, None, epoch)
        self._show(finished)

    def _show(self, now: Network) -> None:
        rounded = now.copy(self.net.dtype)
        self.net.weights, self.net.biases = rounded.weights, rounded.biases

    def _keep(self, epoch: int, last: bool) -> None:
        if self.keeper is not None and (last or self.keeper.due()):
            self.keeper.keep(self.record(), self.descending.state(), self.net, self.rng, epoch)

    def _measure(self, before: Network, epoch: int, batch: int) -> None:
        after, step = self.descending.network(), (epoch - 1) * self.settings["steps_per_epoch"] + batch
        row = self.measure.row(after.copy(self.net.dtype), step, update_ratio(before, after))
        self._require_finite(after, row, epoch)
        self.rows.append(row)

    def _require_finite(self, net: Network, row: Row | None, epoch: int) -> None:
        gradients = net.biases if row is None else row.bias_gradients
        layers = zip(net.weights, net.biases, gradients, strict=True)
        broken = [n for n, arrays in enumerate(layers, 1) if not all(np.isfinite(p).all() for p in arrays)]
        if not broken and (row is None or row.finite):
            return
        d = self.course.descent
        cure = "give a smaller learning_rate, another init, or clip=1.0"
        # 1 - ηλ/n below -1 blows the weights up by itself
        if d.learning_rate * d.weight_decay > 2 * self.settings["data"]["training_images"]:
            cure = "give a smaller weight_decay or learning_rate"
        raise TrainingDiverged(
            f"training diverged in epoch {epoch}: layer {[*broken, net.depth][0]} is no longer finite at "
            f"learning_rate={d.learning_rate:g} and init={net.init!r}; {cure}",
            self.record(),
        )

    def _stale(self) -> bool:
        """Whether the accuracy has not risen for as many measurements as patience says."""
        accuracy = [row.accuracy for row in self.rows]
        patience = self.course.patience
        return patience is not None and len(accuracy) - 1 - accuracy.index(max(accuracy)) >= patience

    def record(self) -> TrainingRecord:
        """What was measured so far."""
        return record_of(self.rows, self.settings)


def _settings(net: Network, data: Data, rng: int | np.random.Generator, working: Network) -> dict[str, Any]:
    return {
        "sizes": list(net.sizes),
        "activation": net.activation.name,
        "activation_formula": str(net.activation.formula),
        "output": net.last.name,
        "output_formula": None if net.output_activation is None else str(net.output_activation.formula),
        "activation_described": describe(net.activation),
        "output_described": None if net.output_activation is None else describe(net.output_activation),
        "cost": net.cost.name,
        "cost_formula": str(net.cost.formula),
        "residual": net.residual,
        "init": net.init,
        "init_seed": net.seed,
        "network_dtype": net.dtype.name,
        "seed": None if isinstance(rng, np.random.Generator) else int(rng),
        "dtype": working.dtype.name,
        "data": {
            "name": data.name,
            "training_images": len(data.train),
            "validation_images": len(data.validation),
            "sha256": data.sha256,
        },
        "versions": {"chainderiv": __version__, "numpy": np.__version__, "python": platform.python_version()},
    }
