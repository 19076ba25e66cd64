"""The published experiments on why deep networks learn slowly, each one function: many seeds instead of one run.

The setting is Nielsen's (2015, chapter 5): [784, 30, …, 30, 10], η = 0.1, λ = 5.0 per 50,000 images, weights
N(0, 1/n_in) and biases N(0, 1), unless an experiment says otherwise.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainderiv.experiments.passing import with_passing_layers
from chainderiv.experiments.runs import Progress, Source, Training, run_all
from chainderiv.experiments.statistics import Comparison, against_the_one_before, interval
from chainderiv.nn.network import Network
from chainderiv.nn.training.kept_network import load_network
from chainderiv.records.measured import MEASURED_IMAGES
from chainderiv.records.record import TrainingRecord

Floats = NDArray[np.float64]
RATE, DECAY, IMAGES = 0.1, 5.0, 50_000  # Nielsen's η and λ, for his number of training images


@dataclass(frozen=True)
class Setup:
    """What the experiments share.

    Parameters
    ----------
    source : the data.
    seeds : int >= 2. How many runs of each kind, with the seeds 0, 1, ….
    width : neurons in a hidden layer.
    depths : the numbers of hidden layers.
    deepest : the numbers of hidden layers of the experiment that asks whether other neurons solve it.
    full_batch_epochs, epochs : of the runs on the first 1000 images, and of those with mini-batches of 10.
    folder : keeps every run; what is there already is not trained again. On a cluster, one that all workers see.
    executor, workers, progress : as run_all takes them.
    """

    source: Source = field(default_factory=Source)
    seeds: int = 20
    width: int = 30
    depths: tuple[int, ...] = (1, 2, 3, 4)
    deepest: tuple[int, ...] = (1, 2, 4, 6, 8, 10)
    full_batch_epochs: int = 500
    epochs: int = 30
    folder: Path | None = None
    executor: Executor | None = None
    workers: int | None = None
    progress: Progress | None = None

    def sizes(self, hidden: int) -> tuple[int, ...]:
        """The network with so many hidden layers."""
        data = self.source.load()
        return (data.pixels, *[self.width] * hidden, data.classes)

    def run(self, trainings: Sequence[Training], source: Source | None = None) -> list[TrainingRecord]:
        """The records of training runs."""
        return run_all(trainings, source or self.source, self.folder, self.executor, self.workers, self.progress)

    def full_batch(self, hidden: int, **network: Any) -> list[TrainingRecord]:
        """Full-batch descent on the first 1000 training images, a run per seed."""
        count = min(MEASURED_IMAGES, len(self.source.load().train))
        settings = {
            "epochs": self.full_batch_epochs, "batch_size": count, "learning_rate": RATE,
            "weight_decay": DECAY, "engine": "numba",
        }  # fmt: skip
        # what is asked of these runs are gradients: a tenth of the validation images keeps the measuring short
        source = replace(self.source, training_images=count, validation_images=count)
        return self.run(self._each(hidden, settings, network), source)

    def in_mini_batches(self, hidden: int, **network: Any) -> list[TrainingRecord]:
        """Stochastic descent on all training images in mini-batches of 10, a run per seed."""
        return self.run(self.stochastic(hidden, network))

    def stochastic(self, hidden: int, network: Mapping[str, Any]) -> list[Training]:
        """The statements of those runs."""
        decay = DECAY * len(self.source.load().train) / IMAGES
        settings = {
            "epochs": self.epochs, "batch_size": 10, "learning_rate": RATE, "weight_decay": decay, "engine": "numba",
        }  # fmt: skip
        return self._each(hidden, settings, network)

    def _each(self, hidden: int, settings: Mapping[str, Any], network: Mapping[str, Any]) -> list[Training]:
        return [Training(self.sizes(hidden), seed, settings=settings, **network) for seed in range(self.seeds)]


@dataclass(frozen=True, eq=False)
class Bars:
    """gradients : the mean ∂C/∂b of every hidden neuron, an array (n_l,) per layer; norms : their L2 norms."""

    gradients: tuple[Floats, ...]
    norms: Floats


def bars(setup: Setup, hidden: int = 2) -> Bars:
    """The mean ∂C/∂b of every hidden neuron at the start, over the first 1000 training images, of seed 0."""
    net = Training(setup.sizes(hidden)).network()
    first = setup.source.load().train.first(MEASURED_IMAGES)
    gradients = tuple(net.mean_bias_gradients(first.images, first.labels)[:-1])
    return Bars(gradients, np.array([np.linalg.norm(g) for g in gradients]))


@dataclass(frozen=True, eq=False)
class Norms:
    """The hidden layers' norms over the epochs, row 0 before the first update.

    l1, l2 : by the number of hidden layers: arrays (seeds, epochs + 1, hidden layers) of ‖mean ∂C/∂b_l‖; NaN where a
        run had diverged.
    """

    l1: dict[int, Floats]
    l2: dict[int, Floats]

    def at_start(self, hidden: int) -> Floats:
        """Median and 5 and 95 % of the L2 norms before training, shape (3, hidden layers)."""
        return np.quantile(self.l2[hidden][:, 0], [0.5, 0.05, 0.95], axis=0)

    def slower(self, hidden: int) -> Floats:
        """The last hidden layer's L2 norm over the first's, shape (seeds, epochs + 1)."""
        return np.asarray(self.l2[hidden][:, :, -1] / self.l2[hidden][:, :, 0])


def norms(setup: Setup, **network: Any) -> Norms:
    """The norms of the mean gradient over full-batch epochs on 1000 images, each taken before the next update.

    network : what Training takes beside sizes and seed, such as cost="quadratic".
    """
    records = {hidden: setup.full_batch(hidden, **network) for hidden in setup.depths}
    rows = setup.full_batch_epochs + 1
    l1, l2 = (
        {hidden: np.array([_to_the_end(r.norms(order), rows) for r in runs]) for hidden, runs in records.items()}
        for order in ("l1", "l2")
    )
    return Norms(l1, l2)


def _to_the_end(measured: Floats, rows: int) -> Floats:
    """As many rows, NaN where a run that diverged was not measured any more."""
    missing = np.full((rows - len(measured), *measured.shape[1:]), np.nan)
    return np.concatenate([measured, missing])


@dataclass(frozen=True, eq=False)
class Accuracy:
    """Accuracy against depth.

    depths : the numbers of hidden layers. by_epoch : for each, an array (seeds, epochs + 1) of validation accuracy.
    comparisons : the last epoch of each depth against that of the one before.
    """

    depths: tuple[int, ...]
    by_epoch: tuple[Floats, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def final(self) -> tuple[Floats, ...]:
        """The accuracy after the last epoch, an array (seeds,) per depth."""
        return tuple(runs[:, -1] for runs in self.by_epoch)

    @property
    def intervals(self) -> list[tuple[float, float]]:
        """The 95 % interval of each depth's mean."""
        return [interval(sample) for sample in self.final]

    def sentences(self) -> list[str]:
        """What the comparisons say."""
        return [
            _sentence(before, after, c, len(self.final[0]))
            for before, after, c in zip(self.depths, self.depths[1:], self.comparisons, strict=False)
        ]


def accuracy(setup: Setup) -> Accuracy:
    """Validation accuracy after training in mini-batches, for each number of hidden layers and every seed.

    Raises BadValue when a run diverged: what is left is no fair comparison.
    """
    rows = setup.epochs + 1
    by_epoch = tuple(
        np.array([_to_the_end(r.accuracy, rows) for r in setup.in_mini_batches(hidden)]) for hidden in setup.depths
    )
    comparisons = against_the_one_before([runs[:, -1] for runs in by_epoch]) if len(by_epoch) > 1 else []
    return Accuracy(setup.depths, by_epoch, tuple(comparisons))


def _sentence(before: int, after: int, c: Comparison, seeds: int) -> str:
    size = f"by {100 * abs(c.difference):.2f} points (95 % interval {100 * c.low:+.2f} to {100 * c.high:+.2f})"
    tests = f"Hedges' g {c.effect:+.2f}, Holm-corrected p {_p(c.p_holm)}, {seeds} seeds each"
    falls = c.difference < 0
    found = f"deeper is {'worse' if falls else 'better'}" if c.differs else "chance explains it well enough"
    return f"{before} → {after} hidden layers: accuracy {'falls' if falls else 'rises'} {size}; {tests}: {found}"


def _p(p: float) -> str:
    return "< 0.0001" if p < 1e-4 else f"= {p:.2g}"


@dataclass(frozen=True, eq=False)
class Insertion:
    """Whether layers that do nothing hurt.

    inserted : the numbers of layers that were put into each seed's trained network of the least depth. kept : the
    accuracies with them, (seeds, len(inserted)). trained : per number, the accuracies (seeds,) of as deep networks
    trained from the start.
    """

    inserted: tuple[int, ...]
    kept: Floats
    trained: tuple[Floats, ...]


def insertion(setup: Setup, measured: Accuracy) -> Insertion:
    """Trained shallow networks into which layers that pass their input on are put, beside as deep ones trained."""
    held, inserted = setup.source.load().validation, tuple(depth - measured.depths[0] for depth in measured.depths)
    kept = [
        [with_passing_layers(net, extra).accuracy(held.images, held.labels) for extra in inserted]
        for net in _trained(setup, measured.depths[0])
    ]
    return Insertion(inserted, np.array(kept), measured.final)


def _trained(setup: Setup, hidden: int) -> list[Network]:
    """The networks of in_mini_batches after their last epoch."""
    with tempfile.TemporaryDirectory() as passing:
        if setup.folder is None:  # records hold no weights: the runs are taken again here, and kept for a moment
            setup = replace(setup, folder=Path(passing), executor=None)
        setup.in_mini_batches(hidden)
        assert setup.folder is not None
        return [load_network(setup.folder / each.name) for each in setup.stochastic(hidden, {})]


@dataclass(frozen=True, eq=False)
class Costs:
    """The same networks under two costs.

    cross_entropy, quadratic : the norms.
    """

    cross_entropy: Norms
    quadratic: Norms

    def shrinks(self, hidden: int) -> Floats:
        """The quadratic cost's L2 norms at the start over the cross-entropy's, shape (seeds, hidden layers).

        The σ'(z_L) that cross-entropy cancels is one factor of δ_L: it is in every layer's norm alike.
        """
        return np.asarray(self.quadratic.l2[hidden][:, 0] / self.cross_entropy.l2[hidden][:, 0])


def costs(setup: Setup, cross_entropy: Norms) -> Costs:
    """Does cross-entropy save us? The norms with the quadratic cost, beside those that were measured."""
    return Costs(cross_entropy, norms(setup, cost="quadratic"))


# neurons with the initialisation made for them
REMEDIES: dict[str, dict[str, Any]] = {
    "sigmoid, nielsen": {},
    "relu, he": {"activation": "relu", "init": "he"},
    "tanh, glorot": {"activation": "tanh", "init": "glorot"},
    "selu, lecun": {"activation": "selu", "init": "lecun"},
    "sigmoid, residual": {"residual": True},
    "relu, he, residual": {"activation": "relu", "init": "he", "residual": True},
}


@dataclass(frozen=True, eq=False)
class Remedies:
    """Whether other neurons solve it.

    depths : numbers of hidden layers. start : by remedy, the L2 norms before training of the deepest, (seeds, hidden
    layers). accuracy : by remedy, per depth, the accuracies (seeds,) after the last epoch; NaN of a run that diverged.
    """

    depths: tuple[int, ...]
    start: dict[str, Floats]
    accuracy: dict[str, tuple[Floats, ...]]

    def link(self, remedy: str) -> float:
        """By what the norm changes from a hidden layer to the one below, at the start: the geometric mean."""
        return _geometric_mean([_to_the_next(self.start[remedy])])


def remedies(setup: Setup) -> Remedies:
    """Does ReLU solve it? The norms per layer at the start, and accuracy against depth, of neurons beside sigmoids."""
    start, reached = {}, {}
    for name, network in REMEDIES.items():
        runs = [setup.in_mini_batches(hidden, **network) for hidden in setup.deepest]
        start[name] = np.array([r.norms()[0] for r in runs[-1]])
        reached[name] = tuple(np.array([_final(r) for r in each]) for each in runs)
    return Remedies(setup.deepest, start, reached)


def _final(record: TrainingRecord) -> float:
    return float("nan") if "diverged" in record.settings else float(record.accuracy[-1])


@dataclass(frozen=True, eq=False)
class Ratios:
    """The chain inside the network: each hidden layer's L2 norm at the start over that of the layer above.

    measured : by the number of hidden layers, an array (seeds, hidden layers - 1). predicted : the same of a theory, by
    one number for all layers, or None where there is none yet.
    """

    measured: dict[int, Floats]
    predicted: float | None = None

    @property
    def link(self) -> float:
        """The geometric mean of all."""
        return _geometric_mean(list(self.measured.values()))


def ratios(measured: Norms, predicted: float | None = None) -> Ratios:
    """The ratios of neighbouring layers' norms; a chain's product of links has one such factor per layer."""
    deep = {hidden: values[:, 0] for hidden, values in measured.l2.items() if hidden > 1}
    return Ratios({hidden: _to_the_next(start) for hidden, start in deep.items()}, predicted)


def _to_the_next(start: Floats) -> Floats:
    """Each hidden layer's norm over that of the next, shape (seeds, hidden layers - 1)."""
    return np.asarray(start[:, :-1] / start[:, 1:])


def _geometric_mean(ratios: Sequence[Floats]) -> float:
    """Of all in all; NaN of none."""
    logs = np.log(np.concatenate([r.ravel() for r in ratios]))
    return float(np.exp(logs.mean())) if logs.size else float("nan")


@dataclass(frozen=True, eq=False)
class Reproduction:
    """All experiments by name; None of one that was not run."""

    bars: Bars | None = None
    norms: Norms | None = None
    accuracy: Accuracy | None = None
    insertion: Insertion | None = None
    costs: Costs | None = None
    remedies: Remedies | None = None
    ratios: Ratios | None = None


def reproduce(setup: Setup) -> Reproduction:
    """Run every experiment; each run is trained once."""
    measured = norms(setup)
    reached = accuracy(setup)
    return Reproduction(
        bars(setup), measured, reached, insertion(setup, reached), costs(setup, measured), remedies(setup),
        ratios(measured),
    )  # fmt: skip
