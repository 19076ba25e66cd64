"""Watch: counts ticks, measures at every so many of them, and keeps what it found."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.given import function, path_of, whole_number
from chainderiv.models.verdict import UNKNOWN, Verdict
from chainderiv.models.watching.grouping import Group
from chainderiv.models.watching.judging import BY_WEIGHTS, Judged, Measured, at_rest, judge
from chainderiv.models.watching.norms import ln_norms
from chainderiv.models.watching.record import WatchRecord, made, rows
from chainderiv.models.watching.scaling import is_scaler, scale_of
from chainderiv.shown import Shown, Shows
from chainderiv.wording import counted
from chainderiv.writing import write_whole

ANEW = 10  # ticks at most that are looked at in turn where one after another overflows
UNSCALED_HALF = (
    "gradients pass through float16 and no scale was given, so sizes are left out; "
    "give scale=scaler, or scale=1 where the cost is not scaled"
)
AFTER_STEP = (
    "ticked after the optimizer's step, which may have taken the scaler's scale off, so sizes are left out; "
    "tick after backward() and before scaler.step()"
)
LN_SMALLEST = {"float16": math.log(2.0**-14), "float64": math.log(2.0**-1022)}  # normal numbers
LN_SMALLEST_FLOAT32 = math.log(2.0**-126)  # and bfloat16's


@dataclass(frozen=True)
class Read:
    """What a library's side reads at a tick, by the parameters' places; None where there is none.

    dtype : the narrowest number type that the gradients pass through. stepped : whether the optimizer has stepped then.
    """

    gradients: Sequence[Any]
    weights: Sequence[Any]
    dtype: str = "float32"
    notes: Sequence[str] = ()
    stepped: bool = False


class Watch(Shows):
    """Gradients of a training run, at every so many ticks; `chainderiv.watch` makes one.

    Attributes
    ----------
    every : ticks from one record to the next. ticks : how many there were.
    records : the latest ones, oldest first. latest : the last of them, None before the first.
    layers : the layers' names, from the input on.

    Examples
    --------
    >>> import numpy as np, chainderiv as cd
    >>> params = {"W1": np.eye(3), "b1": np.zeros(3), "W2": np.ones((2, 3)), "b2": np.zeros(2)}
    >>> w = cd.watch(params, every=2)
    >>> for step in range(5):
    ...     _ = w.tick({name: np.full_like(value, 1e-25) for name, value in params.items()})
    >>> [record.step for record in w.records], w.latest.verdict
    ([0, 2, 4], 'healthy')
    """

    def __init__(self, groups: Sequence[Group], every: int, on_record: Any, keep: int) -> None:
        self._groups = tuple(groups)
        self.every = whole_number("every", every, 1)
        self.ticks = 0
        self._kept: deque[WatchRecord] = deque(maxlen=whole_number("keep", keep, 1))
        self._on_record: Callable[[WatchRecord], object] | None = function("on_record", on_record)
        self._anew = 0

    @property
    def records(self) -> tuple[WatchRecord, ...]:
        """The latest records, oldest first."""
        return tuple(self._kept)

    @property
    def latest(self) -> WatchRecord | None:
        """The last record; None before the first."""
        return self._kept[-1] if self._kept else None

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers that are watched, from the input on."""
        return tuple(one.name for one in self._groups)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the model go; the records stay."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the records: .json, or .csv with a row a layer and record.

        Raises BadValue for another ending, OutputError where the file cannot be written.
        """
        file = path_of("path", path)
        if file.suffix == ".json":
            write_whole(file, json.dumps(self.to_dict(), indent=1).encode())
        elif file.suffix == ".csv":
            write_whole(file, _csv(self.records).encode())
        else:
            raise BadValue(f"path ends in {file.suffix!r}; give one that ends in .json or .csv")

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        told = {"every": self.every, "ticks": self.ticks, "layers": list(self.layers)}
        return {**told, "records": [record.to_dict() for record in self._kept]}

    def _due(self) -> bool:
        """Count a tick; whether it is to be measured: an overflowed one is followed by the next, a few times."""
        due = self.ticks % self.every == 0 or 0 < self._anew <= ANEW
        self.ticks += 1
        return due

    def _measured(self, read: Read, scale: Any) -> WatchRecord:
        layers = measured(self._groups, read.gradients, read.weights)
        half = read.dtype == "float16"
        divisor = (None if half else 1.0) if scale is None else scale_of(scale)
        notes = [*read.notes, *([UNSCALED_HALF] if divisor is None else [])]
        if read.stepped and is_scaler(scale):
            divisor, notes = None, [*notes, AFTER_STEP]
        overflows = half or is_scaler(scale)
        overflowed = overflows and any(not one.finite for one in layers) and not any(one.spoilt for one in layers)
        self._anew = self._anew + 1 if overflowed else 0
        judged = _overflow(layers, self._anew) if overflowed else judge(layers, _ln_smallest(read.dtype))
        judged = judged if divisor is None else at_rest(judged, layers, math.log(divisor))
        return self._keep(made(self.ticks - 1, layers, judged, divisor, overflowed, notes))

    def _keep(self, record: WatchRecord) -> WatchRecord:
        self._kept.append(record)
        if self._on_record is not None:
            self._on_record(record)
        return record

    def _shown(self) -> Shown:
        last = self.latest
        if last is None:
            return Shown([f"watching {counted(len(self._groups), 'layer')}: no tick yet"])
        told = last._shown()
        counts = Counter("overflowed" if one.overflowed else one.verdict for one in self._kept)
        words = ", ".join(f"{word} in {count}" for word, count in counts.most_common())
        return Shown(
            told.before, told.header, told.rows, [*told.after, f"{counted(len(self._kept), 'record')}: {words}"]
        )


def measured(groups: Sequence[Group], gradients: Sequence[Any], weights: Sequence[Any]) -> list[Measured]:
    """The norms of each layer; gradients and weights by the parameters' places, a gradient None where there is none."""
    of_weights = [k for one in groups for k in one.weights if weights[k] is not None]
    wanted = [k for one in groups for k in (*one.weights, *one.biases) if gradients[k] is not None]
    logs = ln_norms([*(gradients[k] for k in wanted), *(weights[k] for k in of_weights)])
    of_gradients, sizes = dict(zip(wanted, logs, strict=False)), dict(zip(of_weights, logs[len(wanted) :], strict=True))
    return [
        Measured(
            one,
            _together(one.biases, of_gradients),
            _together(one.weights, of_gradients),
            _together(one.weights, sizes),
        )
        for one in groups
    ]


def _together(places: Sequence[int], logs: dict[int, float]) -> float | None:
    return _sum(places, logs) if all(k in logs for k in places) and places else None


def _sum(places: Sequence[int], logs: dict[int, float]) -> float:
    """ln ‖(x, y, …)‖ of ln ‖x‖, ln ‖y‖, …"""
    top = max((logs[k] for k in places), default=-math.inf)
    if any(math.isnan(logs[k]) for k in places):
        return math.nan
    return top if not math.isfinite(top) else top + math.log(sum(math.exp(2 * (logs[k] - top)) for k in places)) / 2


def _ln_smallest(dtype: str) -> float:
    return LN_SMALLEST.get(dtype, LN_SMALLEST_FLOAT32)


def _overflow(layers: Sequence[Measured], in_a_row: int) -> Judged:
    again = f", at {in_a_row} ticks in a row: it is not the scale alone" if in_a_row > ANEW else ""
    told = f"the step overflowed float16; a GradScaler skips it and lowers its scale{again}"
    return Judged(Verdict(UNKNOWN, None, told), (UNKNOWN,) * len(layers), BY_WEIGHTS)


def _csv(records: Sequence[WatchRecord]) -> str:
    table: Iterator[Any] = itertools.chain.from_iterable(map(rows, records))
    out = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in table:
        if writer is None:
            writer = csv.DictWriter(out, list(row))
            writer.writeheader()
        writer.writerow(row)
    return out.getvalue()
