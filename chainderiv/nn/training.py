"""train(): mini-batch stochastic gradient descent with weight decay, measured at every epoch."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainderiv import __version__
from chainderiv.errors import BadShape, BadValue, Diverged
from chainderiv.nn.checks import float_type, generator, image_rows, size, target_rows, whole_number
from chainderiv.nn.data import Data, Split
from chainderiv.nn.network import Network
from chainderiv.nn.record import COLUMNS, TrainingRecord

MEASURED_IMAGES = 1000  # Nielsen (2015), chapter 5: the norms are over the first 1000 training images
Array = NDArray[Any]
OnEpoch = Callable[[TrainingRecord], object]


class TrainingDiverged(Diverged):
    """A training run whose numbers stopped being finite; record holds what was measured before."""

    def __init__(self, message: str, record: TrainingRecord) -> None:
        super().__init__(message)
        self.record = record


@dataclass(frozen=True)
class Descent:
    """w ← (1 - η λ/n) w - (η/m) Σ ∂C/∂w, b ← b - (η/m) Σ ∂C/∂b over mini-batches of m out of n images."""

    batch_size: int
    learning_rate: float
    weight_decay: float

    def step(self, net: Network, images: Array, targets: Array, count: int) -> None:
        """Change net by one mini-batch; count is n, the number of training images in use."""
        weight_gradients, bias_gradients = net.raw_gradients(images, targets)
        kept = 1 - self.learning_rate * self.weight_decay / count
        for W, gradient in zip(net.weights, weight_gradients, strict=True):
            W *= kept
            W -= self.learning_rate * gradient
        for b, gradient in zip(net.biases, bias_gradients, strict=True):
            b -= self.learning_rate * gradient

    def epoch(self, net: Network, images: Array, targets: Array, rng: np.random.Generator) -> None:
        """Change net by every image once, in an order that rng draws; the last mini-batch is what is left."""
        order = rng.permutation(len(images))
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            self.step(net, images[batch], targets[batch], len(order))


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
    on_epoch : called with the record so far before training and after each epoch.

    Raises
    ------
    Diverged
        When parameters, gradients or cost stop being finite; its .record holds what was measured before.
    BadShape
        When the data's images or labels do not fit the network.
    BadValue, UnknownName
        For a setting that is not as above, or a network whose cost is not finite to begin with.

    Examples
    --------
    >>> from chainderiv.nn.data import load_data
    >>> record = train(Network([64, 30, 10]), load_data("digits"), 3, learning_rate=1.0, weight_decay=0.1)
    >>> record.accuracy.shape, record.norms("l2").shape, bool(record.accuracy[-1] > 0.8)
    ((4,), (4, 1), True)
    """
    whole_number("epochs", epochs, least=0)
    descent = Descent(
        whole_number("batch_size", batch_size, least=1),
        size("learning_rate", learning_rate, zero=False),
        size("weight_decay", weight_decay, zero=True),
    )
    working = net.copy(float_type(dtype))
    source = generator(rng)
    settings = _settings(net, data, descent, epochs, rng, working)
    images, targets = _fitting(working, data.train, "training")
    measure = _measurer(net, data)
    rows = [_finite_at_the_start(measure(net))]
    _report(rows, settings, on_epoch)
    for epoch in range(1, epochs + 1):
        with np.errstate(all="ignore"):  # what overflows shows as a number that is not finite
            descent.epoch(working, images, targets, source)
            finished = working.copy(net.dtype)
        row = measure(finished)
        _require_finite(finished, row, epoch, descent, lambda: _record(rows, settings))
        net.weights, net.biases = finished.weights, finished.biases
        rows.append(row)
        _report(rows, settings, on_epoch)
    return _record(rows, settings)


@dataclass(frozen=True, eq=False)
class _Row:
    bias_gradients: tuple[Array, ...]
    training_cost: float
    cost: float
    accuracy: float

    @property
    def finite(self) -> bool:
        numbers = [np.ravel(self.training_cost), np.ravel(self.cost), *self.bias_gradients]
        return all(bool(np.isfinite(n).all()) for n in numbers)


def _measurer(net: Network, data: Data) -> Callable[[Network], _Row]:
    """What measures a network, in float64 whatever it is trained in."""
    exact = net.copy("float64")
    images, targets = _fitting(exact, data.train, "training", MEASURED_IMAGES)
    held_images, held_targets = _fitting(exact, data.validation, "validation")

    def measure(now: Network) -> _Row:
        measured = now.copy("float64")
        with np.errstate(all="ignore"):
            return _Row(
                tuple(measured.mean_bias_gradients(images, targets)),
                measured.cost_value(images, targets),
                measured.cost_value(held_images, held_targets),
                measured.accuracy(held_images, held_targets),
            )

    return measure


def _fitting(net: Network, part: Split, name: str, count: int | None = None) -> tuple[Array, Array]:
    """The first count images and targets of a part, checked against the network and of its dtype."""
    images, labels = part.images[:count], part.labels[:count]
    try:
        rows = image_rows(images, net.sizes[0], net.dtype)
        return rows, target_rows(labels, len(rows), net.sizes[-1], net.dtype)
    except (BadShape, BadValue) as e:
        raise type(e)(f"the {name} data do not fit {net!r}: {e}") from e


def _record(rows: Iterable[_Row], settings: dict[str, Any]) -> TrainingRecord:
    rows = tuple(rows)
    columns = (np.array([getattr(row, name) for row in rows]) for name in COLUMNS)
    return TrainingRecord(settings, tuple(row.bias_gradients for row in rows), *columns)


def _report(rows: list[_Row], settings: dict[str, Any], on_epoch: OnEpoch | None) -> None:
    if on_epoch is not None:
        on_epoch(_record(rows, settings))


def _finite_at_the_start(row: _Row) -> _Row:
    if not row.finite:
        raise BadValue("the cost is not finite before training; give a network with smaller weights and biases")
    return row


def _require_finite(
    net: Network, row: _Row, epoch: int, descent: Descent, record: Callable[[], TrainingRecord]
) -> None:
    layers = zip(net.weights, net.biases, row.bias_gradients, strict=True)
    broken = [n for n, arrays in enumerate(layers, 1) if not all(np.isfinite(p).all() for p in arrays)]
    # 1 - ηλ/n below -1 blows the weights up by itself
    decays = descent.learning_rate * descent.weight_decay
    cure = "give a smaller learning_rate, or another init" if decays < 1e3 else "give a smaller weight_decay"
    if broken or not row.finite:
        raise TrainingDiverged(
            f"training diverged in epoch {epoch}: layer {[*broken, net.depth][0]} is no longer finite at "
            f"learning_rate={descent.learning_rate:g} and init={net.init!r}; "
            f"{cure}",
            record(),
        )


def _settings(
    net: Network, data: Data, descent: Descent, epochs: int, rng: int | np.random.Generator, working: Network
) -> dict[str, Any]:
    return {
        "sizes": list(net.sizes),
        "activation": net.activation.name,
        "output": net.last.name,
        "cost": net.cost.name,
        "init": net.init,
        "init_seed": net.seed if net.seed is None else int(net.seed),
        "network_dtype": net.dtype.name,
        "epochs": int(epochs),
        "batch_size": descent.batch_size,
        "learning_rate": descent.learning_rate,
        "weight_decay": descent.weight_decay,
        "seed": None if isinstance(rng, np.random.Generator) else int(rng),
        "dtype": working.dtype.name,
        "data": {
            "name": data.name,
            "training_images": len(data.train),
            "validation_images": len(data.validation),
            "sha256": data.sha256,
        },
        "versions": {
            "chainderiv": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
