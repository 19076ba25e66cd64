"""reproduction(): the experiments of one, run over many seeds, drawn, and put into a folder with one page."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chainderiv.experiments.catalogue import reproduce, reproduction_of
from chainderiv.experiments.experiment import pictures_of
from chainderiv.experiments.reproduction import chosen
from chainderiv.experiments.setup import Setup
from chainderiv.given import path_of
from chainderiv.kinds import Report
from chainderiv.pages.folder import folder_for_page, no_empty_folder
from chainderiv.pages.reproduction.page import NUMBERS, reproduction_page
from chainderiv.pages.reproduction.reproduced import Reproduced
from chainderiv.writing import folder_for_writing, write_npz, write_whole

FILES = (NUMBERS, "arrays.npz")


@dataclass(frozen=True)
class Result:
    """Where a reproduction lies, and what it found.

    folder, index : the folder, and the page in it to open. reproduced : what was run. results : as in results.json.
    """

    folder: Path
    index: Path
    reproduced: Reproduced
    results: dict[str, Any]


def reproduction(
    setup: Setup,
    folder: str | os.PathLike[str],
    only: Iterable[str] | None = None,
    quick: bool = False,
    report: Report = lambda stage, done, total: None,
    source: str = "nielsen5",
    command: str = "",
) -> Result:
    """Run the experiments and write figures, data and index.html into folder.

    Every training run is kept in folder/runs as it goes on; the same setup goes on from there: no run is taken twice.

    Parameters
    ----------
    setup : Setup. Its folder is not looked at.
    folder : made if it is missing; files of an earlier reproduction are replaced, others of their names are not.
    only : the experiments that are shown, by default all; what they need is run as well.
    quick : whether the page says that it is the quick form.
    report : called with (experiment, runs done, runs in all), then with "figures".
    source : a name of REPRODUCTIONS.
    command : what runs it, as the page says; by default these words in Python.

    Raises OutputError when the folder cannot be written or holds another page, and what reproduce raises.
    """
    # absolute: a cluster's workers stand elsewhere
    of = reproduction_of(source)
    shown = chosen(of.experiments, only)
    with no_empty_folder(path_of("folder", folder) / "runs"):
        target = folder_for_page(folder, of.title, (*FILES, *(f"{name}.csv" for name in shown))).resolve()
        setup = replace(setup, folder=folder_for_writing(target / "runs"))
        found = reproduce(setup, shown, report, source=source)
    said = command or _in_python(setup, shown, source)
    reproduced = Reproduced(setup, found, shown, quick, source, said)
    return Result(target, target / "index.html", reproduced, write(reproduced, target, report))


def _in_python(setup: Setup, only: Iterable[str], source: str) -> str:
    """What finds the same numbers in Python."""
    made = f"cd.Setup(cd.Source({setup.source.name!r}), seeds={setup.seeds})"
    return f"import chainderiv as cd\ncd.reproduce({made}, {list(only)}, source={source!r})"


def write(reproduced: Reproduced, target: Path, report: Report) -> dict[str, Any]:
    """Write every file, each whole, the page last: where it is, all that it speaks of is. Returns the results."""
    drawings = [(name, d, found) for _, each, found in reproduced.shown() for name, d in each.figures.items()]
    pictures = pictures_of(drawings, report)
    results, tables = reproduced.results(), reproduced.tables()
    page = reproduction_page(reproduced, pictures, (*FILES, *tables))
    write_npz(target / "arrays.npz", reproduced.arrays())
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    files = {NUMBERS: text.encode(), **tables, **pictures, "index.html": page.encode()}
    for name, content in files.items():
        write_whole(target / name, content)
    return results
