"""What a reproduction was asked for, and what it found, in numbers and in sentences."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainderiv.experiments.beside import Beside, inside
from chainderiv.experiments.catalogue import reproduction_of
from chainderiv.experiments.experiment import Experiment
from chainderiv.experiments.reproduction import Reproduction
from chainderiv.experiments.setup import Setup
from chainderiv.kinds import Array
from chainderiv.version import __version__
from chainderiv.writing import plain


@dataclass(frozen=True, eq=False)
class Reproduced:
    """A reproduction.

    setup : what the experiments share; its source says on which data.
    found : by name, what was found: by those that are shown, and by those that they need.
    only : the experiments that are shown.
    quick : whether it is a short run on the small digits, which the page says.
    source : of which reproduction, by name.
    command : what was run, as the page says.
    """

    setup: Setup
    found: Mapping[str, Any]
    only: tuple[str, ...]
    quick: bool = False
    source: str = "nielsen5"
    command: str = ""

    @property
    def of(self) -> Reproduction:
        """The reproduction itself."""
        return reproduction_of(self.source)

    @property
    def data(self) -> str:
        """The name of the data that were used."""
        return self.setup.source.load().name

    def shown(self) -> Iterator[tuple[str, Experiment[Any], Any]]:
        """Of every experiment that was asked for: name, experiment, what it found."""
        return ((name, self.of.experiments[name], self.found[name]) for name in self.only)

    def beside(self) -> list[tuple[str, Beside]]:
        """The published figures of these beside what was measured, each with its experiment's name."""
        return [(name, row) for name, experiment, found in self.shown() for row in experiment.beside(found)]

    def told(self) -> dict[str, list[str]]:
        """Their sentences; nothing is judged of other data, whose figures need not agree."""
        said = {}
        for name, experiment, found in self.shown():
            rows = experiment.beside(found) if self.setup.as_published else ()
            said[name] = [*experiment.reading(found, self.setup), *([inside(rows)] if rows else [])]
        return said

    def results(self) -> dict[str, Any]:
        """Every number of the page, as results.json has it: what is not finite is None."""
        content = {
            "version": __version__,
            "command": self.command,
            "settings": self._settings(),
            "beside": [_beside(name, row) for name, row in self.beside()],
            **{name: experiment.summary(found) for name, experiment, found in self.shown()},
        }
        return dict(plain(content))

    def _settings(self) -> dict[str, Any]:
        setup, data = self.setup, self.setup.source.load()
        return {
            "quick": self.quick,
            "data": {
                "asked": setup.source.name, "used": data.name, "training_images": len(data.train),
                "validation_images": len(data.validation), "sha256": data.sha256,
            },
            **self.of.settings(setup),
        }  # fmt: skip

    def tables(self) -> dict[str, bytes]:
        """name.csv -> its content, for each experiment that was asked for."""
        return {f"{name}.csv": _csv(experiment.table(found)) for name, experiment, found in self.shown()}

    def arrays(self) -> dict[str, Array]:
        """What was measured, by those that are needed alone as well: a run a row, then epochs, then layers."""
        each = (self.of.experiments[name].arrays(found) for name, found in self.found.items())
        return {name: np.asarray(array) for named in each for name, array in named.items()}


def _beside(name: str, row: Beside) -> dict[str, Any]:
    return {
        "experiment": name, "quantity": row.what, "hidden_layers": row.hidden, "layer": row.layer,
        "published": row.published, **dict(zip(("p05", "median", "p95"), row.band, strict=True)),
        "inside": row.inside, "measured": row.measured,
    }  # fmt: skip


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
