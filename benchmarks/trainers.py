"""Who trains: this package and its peers, each in the form that was found fastest on a CPU."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

import chainderiv as cd

# private rooms, because an epoch and its measuring are timed apart
from chainderiv.nn.training.descent import Descent
from chainderiv.nn.training.engines import started

Array = np.ndarray[Any, Any]
RATE, DECAY = 0.1, 5.0  # η, λ


@dataclass(frozen=True)
class Task:
    """Mini-batches of m out of n images: w ← (1 - ηλ/n) w - (η/m) Σ ∂C/∂w, b ← b - (η/m) Σ ∂C/∂b."""

    sizes: tuple[int, ...]
    m: int

    @cached_property
    def data(self) -> cd.Data:
        """MNIST, read in each process anew."""
        return cd.load_data("mnist")

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
    """What trains: run() takes an epoch or a part of one, outputs(images) is a_L or what orders alike."""

    run: Callable[[], object]
    outputs: Callable[[Array], Array]


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
    """Each image by itself, in columns, as network2.py of Nielsen (2015) does it; a run is a tenth of an epoch."""
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

    return Trainer(run, outputs)
