"""The numbers of a reproduction: results.json, a table per experiment, and the arrays."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainderiv.experiments.beside import Beside
from chainderiv.experiments.catalogue import EXPERIMENTS
from chainderiv.pages.reproduction.reproduced import Reproduced
from chainderiv.version import __version__
from chainderiv.writing import plain


def results(reproduced: Reproduced) -> dict[str, Any]:
    """Every number of the page, as JSON has it: what is not finite is None."""
    content = {
        "version": __version__,
        "settings": _settings(reproduced),
        "beside": [_beside(name, row) for name, row in reproduced.beside()],
        **{name: experiment.summary(found) for name, experiment, found in reproduced.shown()},
    }
    return dict(plain(content))


def _beside(name: str, row: Beside) -> dict[str, Any]:
    return {
        "experiment": name, "quantity": row.what, "hidden_layers": row.hidden, "layer": row.layer,
        "published": row.published, **dict(zip(("p05", "median", "p95"), row.band, strict=True)),
        "inside": row.inside, "measured": row.measured,
    }  # fmt: skip


def _settings(reproduced: Reproduced) -> dict[str, Any]:
    setup, data = reproduced.setup, reproduced.setup.source.load()
    return {
        "quick": reproduced.quick,
        "data": {
            "asked": setup.source.name, "used": data.name, "training_images": len(data.train),
            "validation_images": len(data.validation), "sha256": data.sha256,
        },
        "seeds": setup.seeds, "width": setup.width, "depths": setup.depths,
        "accuracy_depths": setup.accuracy_depths or setup.depths, "remedy_depths": setup.deepest,
        "remedy_seeds": setup.remedy_seeds or setup.seeds, "remedy_epochs": setup.epochs,
        "full_batch_epochs": setup.full_batch_epochs, "epochs": setup.epochs,
    }  # fmt: skip


def tables(reproduced: Reproduced) -> dict[str, bytes]:
    """name.csv -> its content, for each experiment that was asked for."""
    return {f"{name}.csv": _csv(experiment.table(found)) for name, experiment, found in reproduced.shown()}


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def arrays(reproduced: Reproduced) -> dict[str, NDArray[Any]]:
    """What was measured: a run a row, then epochs, then layers."""
    each = (EXPERIMENTS[name].arrays(found) for name, found in reproduced.found.items())
    return {name: np.asarray(array) for named in each for name, array in named.items()}


def as_json(content: dict[str, Any]) -> bytes:
    """The content of results.json."""
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
