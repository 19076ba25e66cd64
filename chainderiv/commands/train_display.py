"""What `chainderiv train` shows while it trains: on a terminal each layer's gradient, live; else a line at the end."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from chainderiv.commands import common
from chainderiv.kinds import Places
from chainderiv.logsign import LogSign
from chainderiv.records.record import TrainingRecord
from chainderiv.wording import share

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.table import Table

SECONDS = 1 / 8  # between two pictures: an epoch may take 0.05
BLOCKS, PLAIN_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*%#"
BESIDE_LINES = 20  # columns that the numbers beside the lines take
BESIDE_LAYERS = 5  # rows that are not layers


@contextmanager
def shown(epochs: int) -> Iterator[Callable[[TrainingRecord], object]]:
    """A display on stderr, called with the record so far; a file or pipe gets a line per training."""
    if not (sys.stderr and sys.stderr.isatty()):
        with common.progress() as show:
            yield lambda record: show(f"epochs (accuracy {share(record.accuracy[-1])})", record.epochs, epochs)
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), auto_refresh=False, transient=True, redirect_stdout=False) as live:
        yield Display(live, epochs)


@dataclass
class Display:
    """A live picture of a training, drawn anew no more often than it can be seen."""

    live: Live
    epochs: int
    _drawn_at: float = -math.inf

    def __call__(self, record: TrainingRecord) -> None:
        """Draw the record so far."""
        if time.monotonic() - self._drawn_at >= SECONDS:
            self.live.update(picture(record, self.epochs, self.live.console), refresh=True)
            self._drawn_at = time.monotonic()


def picture(record: TrainingRecord, epochs: int, console: Console) -> RenderableType:
    """How far the training is, and every hidden layer's ‖δ_l‖ as a number and as a line over the epochs."""
    from rich.console import Group
    from rich.text import Text

    few = thinned(record, max(8, console.width - BESIDE_LINES))
    result = Text(f"cost {record.cost[-1]:.4f}  accuracy {share(record.accuracy[-1])}")
    parts: list[RenderableType] = [_head(record, epochs), result]
    if few.log_norms().shape[1]:
        parts += [_layers(few, console), _foot(few, console)]
    return Group(*parts)


def thinned(record: TrainingRecord, rows: int) -> TrainingRecord:
    """At most so many of its rows, evenly, the first and the last among them, without the layers' columns."""
    some = _evenly(len(record.cost), rows)
    return replace(
        record,
        bias_gradients=tuple(record.bias_gradients[k] for k in some),
        training_cost=record.training_cost[some],
        cost=record.cost[some],
        accuracy=record.accuracy[some],
        steps=record.steps[some],
        layers={},
        log_bias_gradients={layer: logs[some] for layer, logs in record.log_bias_gradients.items()},
    )


def _evenly(count: int, most: int) -> Places:
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))


def sparkline(values: Sequence[float], low: float, high: float, blocks: str = BLOCKS) -> str:
    """A block for each value, by its logarithm between those of low and high; a blank for what is not above 0.

    >>> sparkline([1e-4, 1e-3, 1e-2, 1e-1, 0.0], 1e-4, 1e-1)
    '▁▃▆█ '
    """
    logs = [math.log(v) if 0 < v < math.inf else math.nan for v in values]
    return _line(logs, math.log(low), math.log(high), blocks)


def _line(logs: Sequence[float], low: float, high: float, blocks: str) -> str:
    """The same of logarithms: a norm, and the ratio of two, may be beyond float64."""
    span = high - low or math.inf
    return "".join(_block((log - low) / span, blocks) if math.isfinite(log) else " " for log in logs)


def _block(height: float, blocks: str) -> str:
    return blocks[round((len(blocks) - 1) * min(1.0, max(0.0, height)))]


def _head(record: TrainingRecord, epochs: int) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    head = Table.grid(padding=(0, 1))
    head.add_row(f"epoch {record.epochs} of {epochs}", ProgressBar(max(1, epochs), record.epochs, width=20))
    return head


def _layers(record: TrainingRecord, console: Console) -> Table:
    from rich.table import Table

    plain, norms = console.options.ascii_only, record.log_norms()
    low, high = _scale(record)
    names = "layer", "|delta|" if plain else "‖δ‖", f"epochs 0 to {record.epochs}"
    table = Table(*names, box=None, padding=(0, 1, 0, 0))
    room = max(2, console.height - BESIDE_LAYERS)
    for layer in _evenly(norms.shape[1], room):
        line = _line(norms.log[:, layer].tolist(), low, high, PLAIN_BLOCKS if plain else BLOCKS)
        table.add_row(str(layer + 1), common.written(norms[-1, layer], 3), line)
    return table


def _scale(record: TrainingRecord) -> tuple[float, float]:
    """The logarithms of the smallest and the largest norm."""
    log = record.log_norms().log
    finite = log[np.isfinite(log)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _foot(record: TrainingRecord, console: Console) -> str:
    norms, ends = record.log_norms(), [LogSign(1.0, log) for log in _scale(record)]
    last, (low, high) = norms.shape[1], (common.written(end, 2) for end in ends)
    names = f"‖δ{last}‖/‖δ1‖"
    if console.options.ascii_only:
        names = f"|delta{last}|/|delta1|"
    ratio = f"{names} = {common.written(norms[-1, -1] / norms[-1, 0], 3)}, " if last > 1 else ""
    return f"{ratio}log scale {low} to {high}"
