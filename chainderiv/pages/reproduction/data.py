"""The numbers of a reproduction: results.json, a table per experiment, and the arrays."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainderiv.experiments.all import Accuracy, Bars, Costs, Insertion, Norms, Ratios, Remedies
from chainderiv.pages.reproduction import beside
from chainderiv.pages.reproduction.plan import Reproduced
from chainderiv.version import __version__
from chainderiv.view.networks.curves import BAND
from chainderiv.writing import plain

Floats = NDArray[np.float64]
Row = Sequence[Any]
Tables = Iterable[Row]


def results(reproduced: Reproduced) -> dict[str, Any]:
    """Every number of the page, as JSON has it: what is not finite is None."""
    shown = [row for row in beside.everything(reproduced.found) if reproduced.shows(row.experiment)]
    content = {
        "version": __version__,
        "settings": _settings(reproduced),
        "beside": [
            {
                "experiment": row.experiment, "quantity": row.what, "hidden_layers": row.hidden, "layer": row.layer,
                "published": row.published, "p05": row.band[0], "median": row.band[1], "p95": row.band[2],
                "inside": row.inside, "measured": row.measured,
            }
            for row in shown
        ],
        **{name: SUMMARIES[name](getattr(reproduced.found, name)) for name in reproduced.plan.only},
    }  # fmt: skip
    return dict(plain(content))


def _settings(reproduced: Reproduced) -> dict[str, Any]:
    plan, setup, data = reproduced.plan, reproduced.plan.setup, reproduced.plan.setup.source.load()
    return {
        "quick": plan.quick,
        "data": {
            "asked": setup.source.name, "used": data.name, "training_images": len(data.train),
            "validation_images": len(data.validation), "sha256": data.sha256,
        },
        "seeds": setup.seeds, "width": setup.width, "depths": setup.depths, "accuracy_depths": plan.accuracy_depths,
        "remedy_depths": setup.deepest, "remedy_seeds": plan.remedy_seeds, "remedy_epochs": plan.remedy_epochs,
        "full_batch_epochs": setup.full_batch_epochs, "epochs": setup.epochs,
    }  # fmt: skip


def _bars(found: Bars) -> dict[str, Any]:
    return {"gradients": found.gradients, "norms_l2": found.norms}


def _norms(found: Norms) -> dict[str, Any]:
    return {
        str(hidden): {
            **{f"start_{order}": getattr(found, order)[hidden][:, 0] for order in ("l1", "l2")},
            "last_over_first": np.quantile(found.slower(hidden), BAND, axis=0),
        }
        for hidden in found.l2
    }  # fmt: skip


def _accuracy(found: Accuracy) -> dict[str, Any]:
    return {
        "depths": found.depths, "final": found.final, "mean": [runs.mean() for runs in found.final],
        "mean_interval_95": found.intervals,
        "comparisons": [asdict(c) | {"differs": c.differs} for c in found.comparisons],
        "sentences": found.sentences(),
    }  # fmt: skip


def _costs(found: Costs) -> dict[str, Any]:
    return {
        "quadratic": _norms(found.quadratic),
        "quadratic_over_cross_entropy": {hidden: found.shrinks(hidden) for hidden in found.quadratic.l2},
    }


def _remedies(found: Remedies) -> dict[str, Any]:
    return {
        "depths": found.depths, "start": found.start, "accuracy": found.accuracy,
        "factor_per_layer": {name: found.link(name) for name in found.start},
    }  # fmt: skip


SUMMARIES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "bars": _bars,
    "norms": _norms,
    "accuracy": _accuracy,
    "insertion": asdict,
    "costs": _costs,
    "remedies": _remedies,
    "ratios": lambda found: {"measured": found.measured, "geometric_mean": found.link, "predicted": found.predicted},
}


def tables(reproduced: Reproduced) -> dict[str, bytes]:
    """name.csv -> its content, for each experiment that was asked for."""
    return {f"{name}.csv": _csv(TABLES[name](getattr(reproduced.found, name))) for name in reproduced.plan.only}


def _bars_table(found: Bars) -> Tables:
    yield "layer", "neuron", "mean_bias_gradient"
    for layer, gradients in enumerate(found.gradients, 1):
        yield from ((layer, neuron, float(g)) for neuron, g in enumerate(gradients, 1))


def _norms_table(found: Norms) -> Tables:
    yield "order", "hidden_layers", "layer", "epoch", "p05", "median", "p95"
    for order in ("l2", "l1"):
        for hidden, runs in getattr(found, order).items():
            bands = np.quantile(runs, BAND, axis=0)
            for epoch, layer in np.ndindex(*bands.shape[1:]):
                yield order, hidden, layer + 1, epoch, *map(float, bands[:, epoch, layer])


def _accuracy_table(found: Accuracy) -> Tables:
    yield "hidden_layers", "seed", "epoch", "accuracy"
    for hidden, runs in zip(found.depths, found.by_epoch, strict=True):
        for seed, epoch in np.ndindex(*runs.shape):
            yield hidden, seed, epoch, float(runs[seed, epoch])


def _insertion_table(found: Insertion) -> Tables:
    yield "inserted", "seed", "kept", "trained_from_the_start"
    for extra, kept, runs in zip(found.inserted, found.kept.T, found.trained, strict=True):
        yield from ((extra, seed, *map(float, pair)) for seed, pair in enumerate(zip(kept, runs, strict=True)))


def _costs_table(found: Costs) -> Tables:
    yield "hidden_layers", "layer", "seed", "cross_entropy", "quadratic"
    for hidden, runs in found.quadratic.l2.items():
        for seed, layer in np.ndindex(len(runs), hidden):
            pair = (norms.l2[hidden][seed, 0, layer] for norms in (found.cross_entropy, found.quadratic))
            yield hidden, layer + 1, seed, *map(float, pair)


def _remedies_table(found: Remedies) -> Tables:
    yield "neurons", "hidden_layers", "seed", "accuracy"
    for name, each in found.accuracy.items():
        for hidden, runs in zip(found.depths, each, strict=True):
            # an empty cell: the run diverged
            yield from ((name, hidden, seed, float(a) if np.isfinite(a) else "") for seed, a in enumerate(runs))


def _ratios_table(found: Ratios) -> Tables:
    yield "hidden_layers", "layer", "seed", "ratio_to_the_next"
    for hidden, runs in found.measured.items():
        for seed, layer in np.ndindex(*runs.shape):
            yield hidden, layer + 1, seed, float(runs[seed, layer])


TABLES: dict[str, Callable[[Any], Tables]] = {
    "bars": _bars_table,
    "norms": _norms_table,
    "accuracy": _accuracy_table,
    "insertion": _insertion_table,
    "costs": _costs_table,
    "remedies": _remedies_table,
    "ratios": _ratios_table,
}


def arrays(reproduced: Reproduced) -> dict[str, Floats]:
    """What was measured: a run a row, then epochs, then layers."""
    found, named = reproduced.found, dict[str, Any]()
    if found.bars is not None:
        named |= {f"bars_layer{k}": g for k, g in enumerate(found.bars.gradients, 1)}
    kinds = {"norms": found.norms, "quadratic": None if found.costs is None else found.costs.quadratic}
    for kind, norms in kinds.items():
        if norms is not None:
            named |= {f"{kind}_l1_hidden{hidden}": runs for hidden, runs in norms.l1.items()}
            named |= {f"{kind}_l2_hidden{hidden}": runs for hidden, runs in norms.l2.items()}
    if found.accuracy is not None:
        pairs = zip(found.accuracy.depths, found.accuracy.by_epoch, strict=True)
        named |= {f"accuracy_hidden{hidden}": runs for hidden, runs in pairs}
    if found.insertion is not None:
        named |= {"insertion_inserted": found.insertion.inserted, "insertion_kept": found.insertion.kept}
    if found.remedies is not None:
        for name, start in found.remedies.start.items():
            short = name.replace(", ", "_")
            named |= {f"remedy_{short}_start": start, f"remedy_{short}_accuracy": found.remedies.accuracy[name]}
    return {name: np.asarray(array) for name, array in named.items()}


def as_json(content: dict[str, Any]) -> bytes:
    """The content of results.json."""
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _csv(rows: Tables) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
