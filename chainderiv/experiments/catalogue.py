"""The published experiments by name, and the loop that runs them, each after what it needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from chainderiv.errors import unknown_name
from chainderiv.experiments import accuracy, bars, costs, insertion, norms, ratios, remedies
from chainderiv.experiments.experiment import Experiment
from chainderiv.experiments.setup import Setup
from chainderiv.given import function, of_kind, several
from chainderiv.kinds import Report

# in the order of the page; each stands behind what it needs
EXPERIMENTS: dict[str, Experiment[Any]] = {
    "bars": bars.EXPERIMENT,
    "norms": norms.EXPERIMENT,
    "accuracy": accuracy.EXPERIMENT,
    "insertion": insertion.EXPERIMENT,
    "costs": costs.EXPERIMENT,
    "remedies": remedies.EXPERIMENT,
    "ratios": ratios.EXPERIMENT,
}


def chosen(names: Iterable[str] | None = None) -> tuple[str, ...]:
    """The experiments of these names in their own order, by default all; raises UnknownName, BadValue."""
    wanted = list(EXPERIMENTS) if names is None else several("only", names, str, "names of experiments")
    for name in wanted:
        if name not in EXPERIMENTS:
            raise unknown_name("experiment", name, EXPERIMENTS)
    return tuple(name for name in EXPERIMENTS if name in wanted)


def reproduce(setup: Setup, only: Iterable[str] | None = None, report: Report | None = None) -> dict[str, Any]:
    """What the published experiments find, by name; what they share is run once.

    Parameters
    ----------
    setup : Setup.
    only : names of EXPERIMENTS, by default all; what they need is run, and returned, as well.
    report : called with (name, runs done, runs in all) in place of the setup's progress.

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
    found: dict[str, Any] = {}
    for name in with_what_they_need(chosen(only)):
        experiment = EXPERIMENTS[name]
        own = setup if report is None else _reporting(setup, name, experiment.trains(setup), report)
        found[name] = experiment.run(own, *(found[need] for need in experiment.needs))
    return found


def with_what_they_need(names: Iterable[str]) -> list[str]:
    """These experiments and those that they need, each behind what it needs."""
    wanted = set(names)
    for name in reversed(EXPERIMENTS):
        if name in wanted:
            wanted.update(EXPERIMENTS[name].needs)
    return [name for name in EXPERIMENTS if name in wanted]


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
