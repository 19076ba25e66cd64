"""tour(): the argument from the formula to real digits, computed, drawn and put into a folder with one page."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chainderiv.checking.verify import verify
from chainderiv.errors import OutputError
from chainderiv.given import whole_number
from chainderiv.kinds import Array, Progress, Report
from chainderiv.maps.axis import Axis
from chainderiv.maps.sweep import sweep
from chainderiv.nn.data.data import load_data
from chainderiv.nn.network import Network
from chainderiv.nn.training.training import train
from chainderiv.pages.folder import folder_for_page, no_empty_folder
from chainderiv.pages.tour.files import tour_files
from chainderiv.pages.tour.findings import Findings
from chainderiv.pages.tour.page import FILES, TITLE
from chainderiv.records.measurements import MEASURED_IMAGES
from chainderiv.records.record import TrainingRecord
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derive import derive
from chainderiv.writing import write_whole

W_RANGE, B_RANGE = (-12.0, 12.0), (-10.0, 10.0)
HIDDEN = (30, 30)
NIELSEN_DECAY = 5.0 / 50_000  # λ/n of his runs; λ itself goes with the number of images
STAGES = ("formula", "map", "verification", "training", "figures", "files")


@dataclass(frozen=True)
class Size:
    """How much a tour computes."""

    grid: int = 601  # points along w and along b
    points: int = 100  # of the verification
    epochs: int = 30


@dataclass(frozen=True)
class TourResult:
    """Where a tour lies, and what it found.

    folder, index : the folder, and the page in it to open.
    log10_smallest, log10_largest : the finite extremes of log10|∂C/∂b₁| on the map.
    worst_disagreement : the largest |Δlog| of the verification, natural.
    norm_ratio : the last hidden layer's norm over the first's, before training.
    verified : whether every judge agreed.
    """

    folder: Path
    index: Path
    log10_smallest: float
    log10_largest: float
    worst_disagreement: float
    norm_ratio: float
    verified: bool


def tour(
    folder: str | os.PathLike[str], progress: Report | None = None, seed: int = 0, *, _size: Size | None = None
) -> TourResult:
    """Derive, map, verify and train, and write index.html with all of it into folder; needs no network.

    Nothing is written before all is computed, then each file is written beside its name and renamed, the page last.

    Parameters
    ----------
    folder : made if it is missing; files of an earlier tour are replaced, others of their names are not.
    progress : called with (stage, steps done, steps in the stage), for each of STAGES.
    seed : int >= 0. Draws the network, the order of its training and the verification's points.

    Raises OutputError when the folder cannot be written, is a file or holds another page; BadValue for another seed.

    Source: Nielsen (2015), chapter 5.

    Examples
    --------
    >>> import tempfile
    >>> small = Size(grid=31, points=2, epochs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = tour(folder, _size=small)
    ...     result.index.name, result.verified
    ('index.html', True)
    """
    seed = whole_number("seed", seed, least=0)
    report: Report = progress or (lambda stage, done, total: None)
    with no_empty_folder(folder):
        target = _writable(folder)
        findings = compute(seed, _size or Size(), report)
        files = tour_files(findings, report)
        for done, (name, content) in enumerate(files.items(), 1):
            write_whole(target / name, content)
            report("files", done, len(files))
    low, high = findings.log10_range
    return TourResult(
        folder=target,
        index=target / "index.html",
        log10_smallest=low,
        log10_largest=high,
        worst_disagreement=findings.worst_disagreement,
        norm_ratio=float(findings.record.ratio()[0]),
        verified=findings.verification.passed,
    )


def compute(seed: int, size: Size, report: Report) -> Findings:
    """Everything that the tour shows."""
    report("formula", 0, 1)
    chain = Chain(depth=4, activation="sigmoid", cost="quadratic")
    derivation = derive(chain, "b1")
    exploding = derivation.at(w=100, z=0)
    report("formula", 1, 1)
    w, b = (Axis(*ends, size.grid) for ends in (W_RANGE, B_RANGE))
    swept = sweep(chain, w=w, b=b, x=0.5, y=0.0, progress=_stage(report, "map"))
    checked = verify(chain, points=size.points, rng=seed, progress=_stage(report, "verification"))
    bars, record = _train(seed, size.epochs, report)
    return Findings(derivation, swept, exploding, checked, bars, record, seed)


def _train(seed: int, epochs: int, report: Report) -> tuple[list[Array], TrainingRecord]:
    data = load_data("digits")
    net = Network([data.pixels, *HIDDEN, data.classes], rng=seed)
    start, decay = data.train.first(MEASURED_IMAGES), NIELSEN_DECAY * len(data.train)
    bars = net.mean_bias_gradients(start.images, start.labels)[:-1]
    step = partial(report, "training")
    record = train(net, data, epochs, weight_decay=decay, rng=seed, on_epoch=lambda now: step(now.epochs, epochs))
    return bars, record


def _stage(report: Report, stage: str) -> Progress:
    report(stage, 0, 1)
    return partial(report, stage)


def _writable(folder: str | os.PathLike[str]) -> Path:
    """The folder, made, and refused before a minute's work if nothing can be written into it."""
    if Path(folder).exists() and not Path(folder).is_dir():
        raise OutputError(f"{str(folder)!r} is a file; give a folder, which is made if it is missing")
    target = folder_for_page(folder, TITLE, FILES)
    if not os.access(target, os.W_OK | os.X_OK):
        raise OutputError(f"folder {str(target)!r} cannot be written; give another")
    return target
