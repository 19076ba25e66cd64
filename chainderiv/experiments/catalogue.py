"""The reproductions by name, each with a catalogue of experiments, and the loop that runs them after what they need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from chainderiv.errors import unknown_name
from chainderiv.experiments import meanfield, nielsen5
from chainderiv.experiments.reproduction import Reproduction, chosen, with_what_they_need
from chainderiv.experiments.setup import Setup
from chainderiv.given import function, of_kind
from chainderiv.kinds import Report

REPRODUCTIONS: dict[str, Reproduction] = {
    "nielsen5": nielsen5.REPRODUCTION,
    "meanfield": meanfield.REPRODUCTION,
}


def reproduction_of(name: str) -> Reproduction:
    """The one of this name; raises UnknownName."""
    if not isinstance(name, str) or name not in REPRODUCTIONS:
        raise unknown_name("source", name, REPRODUCTIONS)
    return REPRODUCTIONS[name]


def reproduce(
    setup: Setup, only: Iterable[str] | None = None, report: Report | None = None, *, source: str = "nielsen5"
) -> dict[str, Any]:
    """What the experiments of a reproduction find, by name; what they share is run once.

    Parameters
    ----------
    setup : Setup.
    only : names of its experiments, by default all; what they need is run, and returned, as well.
    report : called with (name, runs done, runs in all) in place of the setup's progress.
    source : a name of REPRODUCTIONS.

    Raises
    ------
    UnknownName, BadValue
        For another name; for what is no Setup, no list of names or no function.
    What run_all raises.

    Examples
    --------
    >>> import chainderiv as cd
    >>> setup = cd.Setup(cd.Source("digits"), seeds=2, depths=(2, 3), full_batch_epochs=0)
    >>> found = cd.reproduce(setup, only=["ratios"])
    >>> list(found), f"{found['ratios'].link:.2f}"
    (['norms', 'ratios'], '0.21')
    """
    of_kind("setup", setup, Setup, "a Setup")
    function("report", report)
    experiments, found = reproduction_of(source).experiments, dict[str, Any]()
    for name in with_what_they_need(experiments, chosen(experiments, only)):
        experiment = experiments[name]
        own = setup if report is None else _reporting(setup, name, experiment.trains(setup), report)
        found[name] = experiment.run(own, *(found[need] for need in experiment.needs))
    return found


def _reporting(setup: Setup, name: str, total: int, report: Report) -> Setup:
    """The setup whose progress counts all runs of one experiment, which trains them a depth at a time."""
    before = 0
    if total:
        report(name, 0, total)

    def progress(done: int, of: int) -> None:
        nonlocal before
        report(name, before + done, total)
        before += of if done == of else 0

    return replace(setup, progress=progress)
