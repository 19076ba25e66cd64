"""What a reproduction of the published experiments was asked for, what it found, and what that says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chainderiv.experiments.beside import Beside, inside
from chainderiv.experiments.catalogue import EXPERIMENTS, chosen
from chainderiv.experiments.experiment import Experiment
from chainderiv.experiments.setup import Setup


@dataclass(frozen=True, eq=False)
class Reproduced:
    """A reproduction.

    Parameters
    ----------
    setup : what the experiments share; its source says on which data.
    found : by name, what was found: by those that are shown, and by those that they need.
    only : the experiments that are shown, of EXPERIMENTS.
    quick : whether it is a short run on the small digits, which the page says.
    """

    setup: Setup
    found: Mapping[str, Any]
    only: tuple[str, ...] = field(default_factory=chosen)
    quick: bool = False

    @property
    def data(self) -> str:
        """The name of the data that were used."""
        return self.setup.source.load().name

    def shown(self) -> Iterator[tuple[str, Experiment[Any], Any]]:
        """Of every experiment that was asked for: name, experiment, what it found."""
        return ((name, EXPERIMENTS[name], self.found[name]) for name in self.only)

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
