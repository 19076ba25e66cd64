"""A training's measurements as JSON holds them, column by column."""

from __future__ import annotations

from typing import Any

from chainderiv.records.record import TrainingRecord


def numbers_of(record: TrainingRecord) -> dict[str, Any]:
    """Every column, a row an epoch and those between; of norms that leave float64 the natural logarithms beside them.

    >>> from chainderiv import Network, load_data, train
    >>> found = numbers_of(train(Network([64, 30, 10]), load_data("digits"), 1))
    >>> found["epoch"].tolist(), found["norms_l2"].shape
    ([0.0, 1.0], (2, 1))
    """
    return {
        "data": record.settings["data"]["name"],
        "settings": record.settings,
        "epoch": record.epoch,
        "step": record.steps,
        "accuracy": record.accuracy,
        "cost": record.cost,
        "training_cost": record.training_cost,
        **dict(sorted(record.norm_columns().items(), reverse=True)),
        **record.layers,
    }
