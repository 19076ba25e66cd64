"""What watching costs beside training, at every=100: python -m benchmarks.watching (torch, jax: `bench`; and keras).

A training of a hundred steps, and beside it a hundred ticks of a watch of which one is due, a loop that prints each
gradient's norm, and histograms of each gradient and parameter, as experiment trackers log them. Everyone is a process
of its own with one thread; what counts are seconds of CPU. Nothing here asserts a time.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import chainderiv as cd
from benchmarks.machine import machine
from benchmarks.turns import Contestant, Measured, Others, Work, in_turns

EVERY, ROUNDS = 100, 7
ASKED = 0.05  # of the training's CPU


@dataclass(frozen=True)
class Task:
    """A multilayer perceptron of ReLUs with a softmax, and one mini-batch of it."""

    sizes: tuple[int, ...]
    batch: int

    def __str__(self) -> str:
        weights = sum(m * n + n for m, n in itertools.pairwise(self.sizes))
        return f"{len(self.sizes) - 1} layers, {weights:,} parameters, mini-batch {self.batch}"

    def data(self) -> tuple[Any, Any]:
        """Images and classes."""
        rng = np.random.default_rng(0)
        shape = (self.batch, self.sizes[0])
        return rng.random(shape, np.float32), rng.integers(0, self.sizes[-1], self.batch)


TASKS = (Task((784, 30, 30, 10), 10), Task((784, 500, 500, 500, 10), 64), Task((784, *[100] * 20, 10), 64))


@dataclass(frozen=True)
class TorchLoop:
    """A model whose gradients are there, and its step."""

    model: Any
    step: Callable[[], None]


def torch_loop(task: Task) -> TorchLoop:
    """torch, eager, with Adam."""
    import torch

    torch.set_num_threads(1)
    layers = [m for a, b in itertools.pairwise(task.sizes) for m in (torch.nn.Linear(a, b), torch.nn.ReLU())][:-1]
    model, (x, y) = torch.nn.Sequential(*layers), map(torch.as_tensor, task.data())
    optimizer = torch.optim.Adam(model.parameters())

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    step()
    return TorchLoop(model, step)


def repeated(run: Callable[[], object], times: int = EVERY) -> Work:
    """A number of runs."""

    def run_all() -> None:
        for _ in range(times):
            run()

    return Work(run_all, lambda: None)


def torch_training(task: Task) -> Work:
    """Steps alone."""
    return repeated(torch_loop(task).step)


def torch_watch(task: Task) -> Work:
    """Ticks alone, of which one is due."""
    return repeated(cd.watch(torch_loop(task).model, every=EVERY).tick)


def torch_norms(task: Task) -> Work:
    """The loop that people write; its norms are 0 where float32 squares underflow."""
    model = torch_loop(task).model
    return repeated(lambda: [p.grad.norm().item() for p in model.parameters()], 1)


def torch_histograms(task: Task) -> Work:
    """What trackers log: 64 bins of each gradient and of each parameter."""
    model = torch_loop(task).model

    def histograms() -> None:
        for p in model.parameters():
            for values in (p.detach(), p.grad):
                low, high = values.min().item(), values.max().item()
                values.histc(64, min=low, max=high).tolist()

    return repeated(histograms, 1)


def keras_on_torch(task: Task) -> tuple[Any, Any]:
    """A model and its data."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    import torch

    torch.set_num_threads(1)
    inner = [keras.layers.Dense(n, activation="relu") for n in task.sizes[1:-1]]
    model = keras.Sequential([keras.layers.Input((task.sizes[0],)), *inner, keras.layers.Dense(task.sizes[-1])])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    data = task.data()
    model.fit(*data, verbose=0)
    return model, data


def keras_training(task: Task) -> Work:
    """A fit of so many steps."""
    model, (x, y) = keras_on_torch(task)
    images, classes = np.tile(x, (EVERY, 1)), np.tile(y, EVERY)
    return repeated(partial(model.fit, images, classes, batch_size=task.batch, verbose=0), 1)


def keras_watch(task: Task) -> Work:
    """The callback alone, with a gradient of its own."""
    model, data = keras_on_torch(task)
    watch = cd.watch(model, every=EVERY, data=data)
    watch.set_model(model)
    return repeated(partial(watch.on_train_batch_end, 0))


def jax_loop(task: Task) -> tuple[Any, Any, Callable[[Any], Any]]:
    """Parameters, gradients and a compiled step of plain descent."""
    import jax

    rng, (x, y) = np.random.default_rng(0), task.data()
    params = [
        (jax.numpy.asarray(rng.normal(size=(m, n)) * (2 / m) ** 0.5), jax.numpy.zeros(n))
        for m, n in itertools.pairwise(task.sizes)
    ]

    def cost(params: Any) -> Any:
        a = x
        for w, b in params[:-1]:
            a = jax.nn.relu(a @ w + b)
        logits = jax.nn.log_softmax(a @ params[-1][0] + params[-1][1])
        return -logits[jax.numpy.arange(len(y)), y].mean()

    @jax.jit
    def step(params: Any) -> Any:
        return jax.tree.map(lambda p, g: p - 1e-3 * g, params, jax.grad(cost)(params))

    return params, jax.grad(cost)(params), step


def jax_training(task: Task) -> Work:
    """Steps alone."""
    import jax

    params, _, step = jax_loop(task)
    jax.block_until_ready(step(params))

    def steps() -> None:
        now = params
        for _ in range(EVERY):
            now = step(now)
        jax.block_until_ready(now)

    return repeated(steps, 1)


def jax_watch(task: Task) -> Work:
    """Ticks alone, of which one is due."""
    params, grads, _ = jax_loop(task)
    return repeated(partial(cd.watch(params, every=EVERY).tick, grads, params))


LINES: dict[str, dict[str, Callable[[Task], Work]]] = {
    "torch": {
        "training": torch_training,
        "cd.watch": torch_watch,
        "norms in a loop": torch_norms,
        "histograms": torch_histograms,
    },
    "Keras on torch": {"training": keras_training, "cd.watch": keras_watch},
    "JAX": {"training": jax_training, "cd.watch": jax_watch},
}


def table(library: str, task: Task, rounds: int, others: Others) -> None:
    """Print a library's lines."""
    names = LINES[library]
    results = in_turns([Contestant(name, partial(build, task)) for name, build in names.items()], rounds, others)
    print(f"{library}, {task}")
    for result in results:
        print(f"  {_told(result, results[0])}")
    print(flush=True)


def _told(result: Measured, training: Measured) -> str:
    if result.missing:
        return f"{result.contestant.name:<18}missing: {result.missing}"
    milliseconds = f"{result.contestant.name:<18}{1e3 * result.cpu:9.2f} ms of CPU"
    if result is training or training.missing:
        return f"{milliseconds} in {EVERY} steps"
    return f"{milliseconds}, {result.cpu / training.cpu:.2%} of training at every={EVERY}"


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watching", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"turns of each (default {ROUNDS})")
    rounds, others = parser.parse_args().rounds, Others()
    print(machine())
    print(f"asked of cd.watch: under {ASKED:.0%}", end="\n\n")
    for library, task in itertools.product(LINES, TASKS):
        table(library, task, rounds, others)
    print(others)
    return 0


if __name__ == "__main__":
    sys.exit(main())
