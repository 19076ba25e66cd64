"""Records: what was measured at one tick, to print, to log and to keep."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chainderiv.models.verdict import HEALTHY, UNKNOWN
from chainderiv.models.watching.judging import Judged, Measured
from chainderiv.shown import Shown, Shows
from chainderiv.wording import formatted

LN_10 = math.log(10)
SIZES = ("log10_norm_mean_bias_gradient", "log10_norm_weight_gradient", "log10_relative_weight_gradient")
HEADER = ("layer", "name", "‖mean ∂b‖", "‖∂W‖", "‖∂W‖/‖W‖", "verdict")


@dataclass(frozen=True)
class WatchedLayer:
    """A layer's gradients at a tick; NaN where there is none, or none that can be told.

    number, name, neurons : counted from 1; as the model calls it; how many outputs it has.
    verdict : a word of the network's verdicts, for this layer's gradient beside the last layer's.
    finite : whether no gradient here is NaN or infinite.
    log10_norm_mean_bias_gradient : of ‖∂C/∂b‖₂, Nielsen's speed of learning where the cost is a mean over the batch.
    log10_norm_weight_gradient, log10_relative_weight_gradient : of ‖∂C/∂W‖_F, and of ‖∂C/∂W‖/‖W‖; -inf of an exact 0.

    Examples
    --------
    >>> import numpy as np, chainderiv as cd
    >>> w = cd.watch({"W1": np.eye(2), "b1": np.zeros(2)})
    >>> record = w.tick({"W1": np.full((2, 2), 1e-30), "b1": np.zeros(2)})
    >>> round(record.layers[0].log10_norm_weight_gradient, 3), record.layers[0].log10_norm_mean_bias_gradient
    (-29.699, -inf)
    """

    number: int
    name: str
    neurons: int
    verdict: str
    finite: bool
    log10_norm_mean_bias_gradient: float
    log10_norm_weight_gradient: float
    log10_relative_weight_gradient: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON: null where there is no number or the gradient is exactly 0, which the verdict tells apart."""
        sizes = {name: log if math.isfinite(log := getattr(self, name)) else None for name in SIZES}
        told = {"layer": self.number, "name": self.name, "neurons": self.neurons, "verdict": self.verdict}
        return {**told, "finite": self.finite, **sizes}


@dataclass(frozen=True)
class WatchRecord(Shows):
    """What one tick found.

    Attributes
    ----------
    step : how many ticks were before it.
    verdict : "healthy", "vanishing", "exploding", "blocked", "unbalanced" or "unknown", by ratios of layers alone.
    culprit : the number of the layer to blame; None where none alone is. sentence : why.
    layers : from the input on.
    basis : "biases" or "weights", whose gradients the verdict is by.
    scale : what the gradients were divided by; None where it was not told and sizes are left out for it.
    overflowed : whether a scaler's step overflowed, which it skips: that is no verdict.
    notes : what could not be told, a sentence each.

    Examples
    --------
    >>> import numpy as np, chainderiv as cd
    >>> w = cd.watch([(np.eye(3), np.zeros(3)), (np.ones((2, 3)), np.zeros(2))])
    >>> record = w.tick([(np.eye(3), np.ones(3)), (np.ones((2, 3)), np.ones(2))], scale=1024)
    >>> record.verdict, record.scale, record.accused
    ('healthy', 1024.0, False)
    """

    step: int
    verdict: str
    culprit: int | None
    sentence: str
    layers: tuple[WatchedLayer, ...]
    basis: str
    scale: float | None = 1.0
    overflowed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def accused(self) -> bool:
        """Whether something is wrong."""
        return self.verdict not in (HEALTHY, UNKNOWN)

    def scalars(self, prefix: str = "gradient/") -> dict[str, float]:
        """Finite numbers by name, as loggers take them: `logger.log(record.scalars(), step)`.

        >>> import numpy as np, chainderiv as cd
        >>> cd.watch({"W": np.ones((2, 2))}).tick({"W": np.full((2, 2), 0.5)}).scalars()
        {'gradient/1_W/log10_norm_weight_gradient': 0.0}
        """
        found = {f"{prefix}{one.number}_{one.name}/{name}": getattr(one, name) for one in self.layers for name in SIZES}
        return {name: log for name, log in found.items() if math.isfinite(log)}

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        names = ("step", "verdict", "culprit", "sentence", "basis", "scale", "overflowed", "notes")
        told = {name: getattr(self, name) for name in names}
        return {**told, "notes": list(self.notes), "layers": [one.to_dict() for one in self.layers]}

    def _shown(self) -> Shown:
        blamed = "" if self.culprit is None else f", layer {self.culprit}"
        before = [f"step {self.step}: {self.verdict}{blamed}", self.sentence]
        return Shown(
            before, HEADER, [_row(one, self.culprit) for one in self.layers], [f"note: {n}" for n in self.notes]
        )


def made(
    step: int,
    measured: Sequence[Measured],
    judged: Judged,
    scale: float | None,
    overflowed: bool,
    notes: Sequence[str],
) -> WatchRecord:
    """A record of what was measured and judged. scale : of the cost; None where it is not known."""
    ln_scale = math.nan if scale is None else math.log(scale)
    layers = tuple(_layer(one, word, ln_scale) for one, word in zip(measured, judged.words, strict=True))
    found = judged.verdict
    told = (found.verdict, found.culprit, found.sentence)
    return WatchRecord(step, *told, layers, judged.basis, scale, overflowed, tuple(notes))


def _layer(one: Measured, word: str, ln_scale: float) -> WatchedLayer:
    bias, gradient = (_log10(log, ln_scale) for log in (one.ln_bias, one.ln_gradient))
    size = math.nan if one.ln_weight is None else one.ln_weight
    relative = gradient - size / LN_10 if math.isfinite(size) else math.nan
    group = one.group
    return WatchedLayer(group.number, group.name, group.neurons, word, one.finite, bias, gradient, relative)


def _log10(log: float | None, ln_scale: float) -> float:
    """An exact 0 is one whatever it was multiplied by, and known to be without a scale."""
    if log is None or not log < math.inf:
        return math.nan
    return log if log == -math.inf else (log - ln_scale) / LN_10


def _row(one: WatchedLayer, culprit: int | None) -> tuple[str, ...]:
    number = f"{one.number} {'←' if one.number == culprit else ''}".rstrip()
    return (number, one.name, *(_written(getattr(one, name), one.finite) for name in SIZES), one.verdict)


def _written(log10: float, finite: bool) -> str:
    if math.isnan(log10):
        return "–" if finite else "not finite"
    return "0" if log10 == -math.inf else formatted(1.0, log10 * LN_10, ".3g")


def rows(record: WatchRecord) -> list[Mapping[str, Any]]:
    """A record as rows of a table, one a layer."""
    return [{"step": record.step, **one.to_dict(), "network": record.verdict} for one in record.layers]
