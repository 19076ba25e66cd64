"""Findings: all that a tour has computed, before it is drawn or told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainderiv.checking.verification import Verification
from chainderiv.logsign import LogSign
from chainderiv.maps.sweep import Sweep
from chainderiv.records.record import TrainingRecord
from chainderiv.symbolic.derivation import Derivation


@dataclass(frozen=True, eq=False)
class Findings:
    """All that a tour has computed.

    derivation, map, verification, record : of ∂C/∂b₁ of the chain; record is of the network.
    exploding : the value of each factor at w = 100, z = 0.
    bars : mean ∂C/∂b of every hidden neuron before training, one array (n_l,) per hidden layer.
    """

    derivation: Derivation
    map: Sweep
    exploding: tuple[LogSign, ...]
    verification: Verification
    bars: Sequence[Any]
    record: TrainingRecord
    seed: int

    @property
    def log10_range(self) -> tuple[float, float]:
        """The finite extremes of log10|∂C/∂b₁| on the map."""
        log10 = self.map.log10_abs[np.isfinite(self.map.log10_abs)]
        return float(log10.min()), float(log10.max())

    @property
    def worst_disagreement(self) -> float:
        """The largest |Δlog| between symbolic gradient and judge; NaN where nothing was judged."""
        return max((row.worst_error for row in self.verification.rows if row.judged), default=float("nan"))

    @property
    def running_products(self) -> list[LogSign]:
        """Of the exploding case: the product of the first factor, of the first two, and so on to ∂C/∂b₁."""
        products = [self.exploding[0]]
        for value in self.exploding[1:]:
            products.append(products[-1] * value)
        return products

    @property
    def links(self) -> list[LogSign]:
        """Of the exploding case: w_l φ'(z_l), l = 2 … L."""
        return [w * prime for w, prime in zip(self.exploding[1:-1:2], self.exploding[2:-1:2], strict=True)]
