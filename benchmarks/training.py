"""An epoch of training against its peers, as ratios in one run: python -m benchmarks.training (torch, jax: `bench`).

MNIST, sigmoid layers, cross-entropy, float32, η = 0.1, λ = 5.0; everyone starts from the same weights and biases.
The contestants take turns, so that whatever else the machine does meets all of them. Nothing here asserts a time.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import chainderiv as cd

# private rooms, because an epoch and its measuring are timed apart
from chainderiv.nn.training.descent import Descent
from chainderiv.nn.training.engines import measurer, started

Array = np.ndarray[Any, Any]
RATE, DECAY = 0.1, 5.0  # η, λ
JUDGED_AFTER = 3  # epochs
MOST_ROUNDS_TO_SETTLE = 200


@dataclass(frozen=True)
class Task:
    """Mini-batches of m out of n images: w ← (1 - ηλ/n) w - (η/m) Σ ∂C/∂w, b ← b - (η/m) Σ ∂C/∂b."""

    sizes: tuple[int, ...]
    m: int
    data: cd.Data

    @property
    def n(self) -> int:
        """The number of training images."""
        return len(self.data.train)

    @property
    def kept(self) -> float:
        """1 - ηλ/n, what a step leaves of a weight."""
        return 1 - RATE * DECAY / self.n

    @property
    def targets(self) -> Array:
        """The training labels as one-hot rows."""
        return np.eye(self.sizes[-1], dtype=np.float32)[self.data.train.labels]

    def network(self) -> cd.Network:
        """The network that everyone starts from: W ~ N(0, 1/n_in), b ~ N(0, 1)."""
        return cd.Network(self.sizes, rng=0, dtype="float32")

    def accuracy(self, outputs: Callable[[Array], Array]) -> float:
        """The share of the validation images whose largest output is the label's."""
        held = self.data.validation
        return float((np.asarray(outputs(held.images)).argmax(axis=1) == held.labels).mean())


@dataclass(frozen=True)
class Trainer:
    """What trains: run() takes one of the parts of an epoch, outputs(images) is a_L or what orders alike."""

    run: Callable[[], object]
    outputs: Callable[[Array], Array]
    parts: int = 1


@dataclass(frozen=True)
class Contestant:
    """A line of the table; asked is the least that its seconds over ours should be."""

    name: str
    build: Callable[[Task], Trainer]
    asked: float | None = None


def with_engine(task: Task, engine: str) -> Trainer:
    """This package's descent through an epoch, 'numba' or 'numpy', and nothing besides."""
    descending = started(engine, task.network(), task.data, Descent(task.m, RATE, DECAY))
    shuffles, steps = np.random.default_rng(1), -(-task.n // task.m)
    return Trainer(
        lambda: descending.advance(shuffles.permutation(task.n), 0, steps, 1.0),
        lambda images: descending.network().output(images),
    )


def with_jax(task: Task, gathered: str) -> Trainer:
    """A scan over the epoch, the images gathered 'before' it or in each 'step'.

    What was found fastest on the CPU: pixels kept as bytes until the step, W as (n_out, n_in), δ = a - y written
    out and not jax.grad, the order drawn by NumPy and not jax.random.permutation, four steps to a turn of the loop.
    """
    import jax
    import jax.numpy as jnp

    m, n, kept, rate, outputs = task.m, task.n, task.kept, RATE / task.m, task.sizes[-1]
    images = jnp.asarray(np.rint(255 * task.data.train.images).astype(np.uint8))
    labels, shuffles = jnp.asarray(task.data.train.labels, jnp.int32), np.random.default_rng(1)

    def forward(layers: Any, x: Any) -> list[Any]:
        a = [x]
        for W, b in layers:
            a.append(jax.nn.sigmoid(a[-1] @ W.T + b))
        return a

    def step(layers: Any, batch: Any) -> tuple[Any, None]:
        a = forward(layers, batch[0].astype(jnp.float32) / 255)
        delta, new = a[-1] - jax.nn.one_hot(batch[1], outputs), []
        for (W, b), below in zip(layers[::-1], a[-2::-1], strict=True):
            new.append((kept * W - rate * (delta.T @ below), b - rate * delta.sum(axis=0)))
            delta = (delta @ W) * below * (1 - below)
        return new[::-1], None

    @partial(jax.jit, donate_argnums=0)
    def epoch(layers: Any, images: Any, labels: Any, order: Any) -> Any:
        if gathered == "before":
            batches = images[order].reshape(n // m, m, -1), labels[order].reshape(n // m, m)
            return jax.lax.scan(step, layers, batches, unroll=4)[0]
        orders = order.reshape(n // m, m)
        return jax.lax.scan(lambda now, rows: step(now, (images[rows], labels[rows])), layers, orders, unroll=4)[0]

    net = task.network()
    state = [[(jnp.asarray(W), jnp.asarray(b)) for W, b in zip(net.weights, net.biases, strict=True)]]

    def run() -> None:
        order = shuffles.permutation(n).astype(np.int32)
        state[0] = jax.block_until_ready(epoch(state[0], images, labels, order))

    return Trainer(run, lambda images: forward(state[0], jnp.asarray(images))[-1])


def with_torch(task: Task) -> Trainer:
    """Eager tensors and autograd, which a second thread slows, as do modules with torch.optim.SGD (fused or not)."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, linear

    torch.set_num_threads(1)
    net, images, targets = task.network(), torch.from_numpy(task.data.train.images), torch.from_numpy(task.targets)
    weights, biases = ([torch.from_numpy(p).requires_grad_() for p in part] for part in (net.weights, net.biases))

    def logits(x: Any) -> Any:
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            x = torch.sigmoid(linear(x, W, b))
        return linear(x, weights[-1], biases[-1])

    def run() -> None:
        order = torch.randperm(task.n)
        for x, y in zip(images[order].split(task.m), targets[order].split(task.m), strict=True):
            cost = binary_cross_entropy_with_logits(logits(x), y, reduction="sum")
            gradients = torch.autograd.grad(cost, weights + biases)
            with torch.no_grad():
                torch._foreach_mul_(weights, task.kept)
                torch._foreach_add_(weights + biases, gradients, alpha=-RATE / task.m)

    return Trainer(run, lambda images: logits(torch.from_numpy(images)).detach().numpy())


def with_sklearn(task: Task) -> Trainer:
    """MLPClassifier; one-hot labels make its outputs sigmoids, where plain labels would make them a softmax."""
    from sklearn.neural_network import MLPClassifier

    net, images, targets = task.network(), task.data.train.images, task.targets.astype(np.int64)
    model = MLPClassifier(
        task.sizes[1:-1],
        activation="logistic",
        solver="sgd",
        alpha=DECAY * task.m / task.n,  # it divides by the size of the mini-batch
        batch_size=task.m,
        learning_rate_init=RATE,
        momentum=0,
        nesterovs_momentum=False,
    )
    model.partial_fit(images[: task.m], targets[: task.m], classes=range(task.sizes[-1]))  # makes the arrays
    for own, given in zip(model.coefs_ + model.intercepts_, [W.T for W in net.weights] + net.biases, strict=True):
        own[:] = given
    return Trainer(lambda: model.partial_fit(images, targets), model.predict_proba)


def one_by_one(task: Task) -> Trainer:
    """Each image by itself, in column vectors, as network2.py of Nielsen (2015) does it; a run is a tenth."""
    net, shuffles = task.network(), np.random.default_rng(1)
    tenths = (tenth for _ in itertools.count() for tenth in np.array_split(shuffles.permutation(task.n), 10))
    layers = [(W, b[:, None]) for W, b in zip(net.weights, net.biases, strict=True)]
    images, targets = task.data.train.images[:, :, None], task.targets[:, :, None]

    def sigmoid(z: Array) -> Array:
        return 1 / (1 + np.exp(-z))

    def gradients(a: Array, y: Array) -> list[tuple[Array, Array]]:
        seen = []
        for W, b in layers:
            seen.append((a, W @ a + b))
            a = sigmoid(seen[-1][1])
        delta, found = a - y, [((a - y) @ seen[-1][0].T, a - y)]
        for (W, _), (below, _), (_, z) in zip(layers[:0:-1], seen[-2::-1], seen[-2::-1], strict=True):
            delta = (W.T @ delta) * sigmoid(z) * (1 - sigmoid(z))
            found.append((delta @ below.T, delta))
        return found[::-1]

    def run() -> None:
        order = next(tenths)
        for batch in np.split(order, range(task.m, len(order), task.m)):
            sums = [(np.zeros_like(W), np.zeros_like(b)) for W, b in layers]
            for i in batch:
                found = gradients(images[i], targets[i])
                sums = [(W + dW, b + db) for (W, b), (dW, db) in zip(sums, found, strict=True)]
            rate = RATE / len(batch)
            layers[:] = [
                (task.kept * W - rate * dW, b - rate * db) for (W, b), (dW, db) in zip(layers, sums, strict=True)
            ]

    def outputs(images: Array) -> Array:
        a = images.T
        for W, b in layers:
            a = sigmoid(W @ a + b)
        return a.T

    return Trainer(run, outputs, parts=10)


JAX = [(f"JAX scan, gathered {where}", partial(with_jax, gathered=where)) for where in ("before", "step")]
OURS = Contestant("chainderiv", partial(with_engine, engine="numba"))
SMALL = [
    OURS,
    *(Contestant(name, build, 1.0) for name, build in JAX),
    Contestant("torch eager", with_torch, 8.0),
    Contestant("scikit-learn", with_sklearn, 8.0),
    Contestant("one image at a time", one_by_one, 25.0),
    Contestant("chainderiv, NumPy", partial(with_engine, engine="numpy")),
]
LARGE = [OURS, *(Contestant(name, build, 1 / 1.2) for name, build in JAX)]


def settle() -> None:
    """Wait until the thread pools of whoever ran last have stopped spinning."""
    for _ in range(MOST_ROUNDS_TO_SETTLE):
        began = time.process_time()
        time.sleep(0.05)
        if time.process_time() - began < 0.002:
            return
    raise RuntimeError("some threads of this process never rest; the times would count them in")


def seconds(run: Callable[[], object]) -> float:
    """How long one run takes, begun at rest."""
    settle()
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def in_turns(runs: list[Callable[[], object]], rounds: int) -> list[float]:
    """The median time of each, everyone once a round."""
    return [float(t) for t in np.median([[seconds(run) for run in runs] for _ in range(rounds)], axis=0)]


def entered(contestants: list[Contestant], task: Task) -> dict[Contestant, Trainer]:
    """The contestants whose library is here."""
    found = {}
    for contestant in contestants:
        try:
            found[contestant] = contestant.build(task)
        except ImportError as e:
            print(f"{contestant.name:<28}not here ({e.name})")
    return found


def judged(task: Task, trainer: Trainer) -> float:
    """The accuracy after the first epochs, which compile what is to be compiled as well."""
    for _ in range(JUDGED_AFTER * trainer.parts):
        trainer.run()
    return task.accuracy(trainer.outputs)


def table(contestants: list[Contestant], task: Task, rounds: int) -> None:
    """Print one line a contestant; the first is ours."""
    print(f"{list(task.sizes)}, mini-batch {task.m}, {task.n:,} images")
    print(f"{'contestant':<28}{'seconds':>8}{'ratio':>8}{'asked':>8}{f'accuracy after {JUDGED_AFTER}':>20}")
    trainers = entered(contestants, task)
    accuracies = [judged(task, t) for t in trainers.values()]
    times = in_turns([t.run for t in trainers.values()], rounds)
    epochs = [took * t.parts for took, t in zip(times, trainers.values(), strict=True)]
    for contestant, trainer, took, accuracy in zip(trainers, trainers.values(), epochs, accuracies, strict=True):
        asked = "" if contestant.asked is None else f"{contestant.asked:.2f}"
        part = "" if trainer.parts == 1 else f"   1/{trainer.parts} of an epoch timed, × {trainer.parts}"
        print(f"{contestant.name:<28}{took:8.3f}{took / epochs[0]:8.2f}{asked:>8}{accuracy:20.2%}{part}")
    print(flush=True)


def recording_cost(task: Task, rounds: int) -> None:
    """Print what measuring costs beside an epoch: the layers' norms alone, and a whole row of a record."""
    epoch, net, measure = (
        with_engine(task, "numba"),
        task.network().copy("float64"),
        measurer("numba", task.network(), task.data),
    )
    ratios = np.full(net.depth, np.nan)
    runs = [epoch.run, lambda: measure.passes.measured(net), lambda: measure.row(net, 0, ratios)]
    for run in runs:
        run()
    bare, norms, row = in_turns(runs, rounds)
    print(f"recording the norms: {1e3 * norms:.1f} ms an epoch (+{norms / bare:.0%}; asked: under 10 %)")
    print(f"a whole row, the 10,000 validation images included: {1e3 * row:.1f} ms (+{row / bare:.0%})")


def published_experiments() -> None:
    """Print how long those on norms and on accuracy take, over the usable cores."""
    began = time.perf_counter()
    cd.reproduce(cd.Setup(seeds=20), ["norms"])
    halfway = time.perf_counter()
    cd.reproduce(cd.Setup(seeds=5), ["accuracy"])
    first, second = halfway - began, time.perf_counter() - halfway
    print(f"norms of 1 to 4 hidden layers, 500 full-batch epochs, 20 seeds: {first:.0f} s")
    print(f"accuracy of 1 to 4 hidden layers, 30 epochs, 5 seeds: {second:.0f} s")
    print(f"together {(first + second) / 60:.1f} min; asked: under 15")


def machine() -> str:
    """The processor, its cores, and the versions."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    versions = [f"Python {platform.python_version()}"]
    for package in ("chainderiv", "numpy", "numba", "jax", "torch", "scikit-learn"):
        with suppress(PackageNotFoundError):
            versions.append(f"{package} {version(package)}")
    return f"{(names or [platform.processor()])[0]}, {os.cpu_count()} cores; {', '.join(versions)}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each, of which the median counts (default 5)")
    parser.add_argument("--experiments", action="store_true", help="time the norms of 20 seeds, accuracies of 5, too")
    options = parser.parse_args()
    rounds = options.rounds
    print(machine(), end="\n\n")
    data = cd.load_data("mnist")
    small, large = Task((784, 30, 30, 10), 10, data), Task((784, 100, 100, 10), 100, data)
    table(SMALL, small, rounds)
    table(LARGE, large, rounds)
    recording_cost(small, rounds)
    if options.experiments:
        published_experiments()


if __name__ == "__main__":
    main()
