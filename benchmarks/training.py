"""An epoch of training against its peers, as ratios: python -m benchmarks.training (torch, jax, scikit-learn: `bench`).

MNIST, sigmoid layers, cross-entropy, float32, η = 0.1, λ = 5.0; everyone starts from the same weights and biases, in a
process of its own, and they take turns. Nothing here asserts a time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

import chainderiv as cd
from benchmarks.machine import machine
from benchmarks.trainers import Task, Trainer, one_by_one, with_engine, with_jax, with_sklearn, with_torch
from benchmarks.turns import Contestant, Measured, Others, Ratio, Work, in_turns

# private rooms, because an epoch and its measuring are timed apart
from chainderiv.nn.training.engines import measurer

ROUNDS, JUDGED_AFTER = 5, 3  # JUDGED_AFTER: epochs


@dataclass(frozen=True)
class Line:
    """A line of a table; asked : the least of its seconds over ours; parts : of an epoch, one of which is a run."""

    name: str
    build: Callable[[Task], Trainer]
    asked: float | None = None
    parts: int = 1

    def contestant(self, task: Task) -> Contestant:
        """For its process."""
        return Contestant(self.name, partial(_judged, self.build, task, self.parts), self.parts)


def _judged(build: Callable[[Task], Trainer], task: Task, parts: int) -> Work:
    """What trains, judged by its accuracy after the first epochs, which compile what is to be compiled as well."""
    trainer = build(task)

    def accuracy() -> float:
        for _ in range(JUDGED_AFTER * parts):
            trainer.run()
        return task.accuracy(trainer.outputs)

    return Work(trainer.run, accuracy)


JAX = [(f"JAX scan, gathered {where}", partial(with_jax, gathered=where)) for where in ("before", "step")]
OURS = Line("chainderiv", partial(with_engine, engine="numba"))
SMALL = [
    OURS,
    *(Line(name, build, 1.0) for name, build in JAX),
    Line("torch eager", with_torch, 8.0),
    Line("scikit-learn", with_sklearn, 8.0),
    Line("one image at a time", one_by_one, 25.0, parts=10),
    Line("chainderiv, NumPy", partial(with_engine, engine="numpy")),
]
LARGE = [OURS, *(Line(name, build, 1 / 1.2) for name, build in JAX)]


def table(lines: list[Line], task: Task, rounds: int, others: Others) -> None:
    """Print one line a contestant; the first is ours."""
    results = in_turns([line.contestant(task) for line in lines], rounds, others)
    print(f"{list(task.sizes)}, mini-batch {task.m}, {task.n:,} images")
    print(
        f"{'contestant':<28}{'seconds':>8}  {'over ours (range)':<20}{'asked':>8}{f'accuracy after {JUDGED_AFTER}':>20}"
    )
    for line, result in zip(lines, results, strict=True):
        print(_told(line, result, results[0]))
    print(flush=True)


def _told(line: Line, result: Measured, ours: Measured) -> str:
    if result.missing:
        return f"{line.name:<28}missing: {result.missing}"
    asked = "" if line.asked is None else f"{line.asked:.2f}"
    ratio = "" if result is ours else str(Ratio.of(result, ours) or "")
    part = "" if line.parts == 1 else f"   1/{line.parts} of an epoch timed, × {line.parts}"
    return f"{line.name:<28}{result.median:8.3f}  {ratio:<20}{asked:>8}{result.told:20.2%}{part}"


def _measuring(task: Task, whole_row: bool) -> Work:
    """The norms of every layer alone, or a whole row of a record."""
    net, measure = task.network().copy("float64"), measurer("numba", task.network(), task.data)
    ratios = np.full(net.depth, np.nan)
    run = partial(measure.row, net, 0, ratios) if whole_row else partial(measure.passes.measured, net)

    def told() -> None:
        run()

    return Work(run, told)


def recording_cost(task: Task, rounds: int, others: Others) -> None:
    """Print what measuring costs beside an epoch: the layers' norms alone, and a whole row of a record."""
    epoch = OURS.contestant(task)
    measuring = [Contestant(f"measuring {whole}", partial(_measuring, task, whole)) for whole in (False, True)]
    bare, norms, row = (result.median for result in in_turns([epoch, *measuring], rounds, others))
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


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"turns of each (default {ROUNDS})")
    parser.add_argument("--experiments", action="store_true", help="time the norms of 20 seeds, accuracies of 5, too")
    options = parser.parse_args()
    rounds, others = options.rounds, Others()
    print(machine(), end="\n\n")
    small, large = Task((784, 30, 30, 10), 10), Task((784, 100, 100, 10), 100)
    table(SMALL, small, rounds, others)
    table(LARGE, large, rounds, others)
    recording_cost(small, rounds, others)
    print(others)
    if options.experiments:
        published_experiments()
    return 0


if __name__ == "__main__":
    sys.exit(main())
