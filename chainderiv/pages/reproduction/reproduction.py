"""reproduction(): the published experiments, run over many seeds, drawn, and put into a folder with one page."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chainderiv.experiments import all as experiments
from chainderiv.experiments.all import Reproduction, Setup
from chainderiv.pages.reproduction import data
from chainderiv.pages.reproduction.figures import pictures
from chainderiv.pages.reproduction.page import reproduction_page
from chainderiv.pages.reproduction.plan import Plan, Reproduced
from chainderiv.writing import folder_for_writing, write_npz, write_whole

Report = Callable[[str, int, int], object]


@dataclass(frozen=True)
class Result:
    """Where a reproduction lies, and what it found.

    folder, index : the folder, and the page in it to open. reproduced : what was run. results : as in results.json.
    """

    folder: Path
    index: Path
    reproduced: Reproduced
    results: dict[str, Any]


def reproduction(plan: Plan, folder: str | os.PathLike[str], report: Report | None = None) -> Result:
    """Run what the plan asks for and write figures, data and index.html into folder.

    Every training run is kept in folder/runs as it goes on; the same plan goes on from there, and trains nothing twice.

    Parameters
    ----------
    plan : Plan. Its setup's folder is not looked at.
    folder : made if it is missing; files of an earlier reproduction are replaced.
    report : called with (experiment, runs done, runs in all), then with "figures" and "files".

    Raises
    ------
    OutputError
        When the folder cannot be written.
    What load_data and run_all raise.
    """
    report = report or _silent
    # absolute: a cluster's workers stand elsewhere
    target = folder_for_writing(folder).resolve()
    kept = folder_for_writing(target / "runs")
    plan = replace(plan, setup=replace(plan.setup, folder=kept))
    reproduced = Reproduced(plan, compute(plan, report))
    return Result(target, target / "index.html", reproduced, write(reproduced, target, report))


def compute(plan: Plan, report: Report | None = None) -> Reproduction:
    """Run the experiments that the plan shows, and those that they need."""
    found: dict[str, Any] = {}
    for name in plan.runs:
        setup = _reporting(plan.of(name), name, report or _silent)
        found[name] = _RUN[name](setup, found)
    return Reproduction(**found)


_RUN: dict[str, Callable[[Setup, dict[str, Any]], Any]] = {
    "bars": lambda setup, found: experiments.bars(setup),
    "norms": lambda setup, found: experiments.norms(setup),
    "accuracy": lambda setup, found: experiments.accuracy(setup),
    "insertion": lambda setup, found: experiments.insertion(setup, found["accuracy"]),
    "costs": lambda setup, found: experiments.costs(setup, found["norms"]),
    "remedies": lambda setup, found: experiments.remedies(setup),
    "ratios": lambda setup, found: experiments.ratios(found["norms"]),
}


def _reporting(setup: Setup, name: str, report: Report) -> Setup:
    """The setup whose progress counts all runs of one experiment, which trains them a depth at a time."""
    depths = {"norms": setup.depths, "accuracy": setup.depths, "insertion": setup.depths[:1], "costs": setup.depths,
              "remedies": setup.deepest * len(experiments.REMEDIES)}  # fmt: skip
    total = setup.seeds * len(depths.get(name, ()))
    before = 0
    if total:
        report(name, 0, total)

    def progress(done: int, of: int) -> None:
        nonlocal before
        report(name, before + done, total)
        before += of if done == of else 0

    return replace(setup, progress=progress)


def write(reproduced: Reproduced, target: Path, report: Report) -> dict[str, Any]:
    """Write every file, each whole, the page last: where it is, all that it speaks of is. Returns the results."""
    drawn = pictures(reproduced, lambda done, total: report("figures", done, total))
    results, tables = data.results(reproduced), data.tables(reproduced)
    files = {"results.json": data.as_json(results), **tables, **drawn}
    for name, content in files.items():
        write_whole(target / name, content)
    write_npz(target / "arrays.npz", data.arrays(reproduced))
    listed = ("results.json", "arrays.npz", *tables)
    write_whole(target / "index.html", reproduction_page(reproduced, drawn, listed).encode())
    return results


def _silent(stage: str, done: int, total: int) -> None:
    pass
