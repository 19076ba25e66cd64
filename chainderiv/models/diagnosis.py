"""Diagnosis: what is wrong with a network's gradient, where, why, and what cures it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from chainderiv.errors import BadValue, unknown_name
from chainderiv.functions.activation import Activation
from chainderiv.models.cures import Cure
from chainderiv.models.layer_diagnosis import LN_10, LayerDiagnosis
from chainderiv.models.passes import NotFollowed
from chainderiv.models.pasting import TARGETS, pasted
from chainderiv.models.stages import Stage
from chainderiv.models.verdict import HEALTHY, UNKNOWN, Expectation
from chainderiv.shown import Shown, Shows
from chainderiv.wording import formatted, share

HEADER = (
    "layer", "rms δ", "‖mean ∂b‖", "‖∂W‖/‖W‖", "weight part", "predicted", "slope part", "predicted", "√χ₁ (90 of 100)",
    "dead", "flat",
)  # fmt: skip
LONGEST = 24  # characters of a layer's name in the table


@dataclass(frozen=True)
class Diagnosis(Shows):
    """What is wrong with a network's gradient, where, and why.

    Attributes
    ----------
    model : its name.
    verdict : "healthy", "vanishing", "exploding", "blocked", "unbalanced" or "unknown".
    culprit : the number of the layer to blame, counted from 1; None where none alone is.
    sentence : the verdict in a sentence.
    slower : how much slower the first hidden layer learns than the last, as Nielsen puts it; None with fewer than two.
    layers : from the input on.
    stages : what stands between the tensors that every path passes; ln_factor of all adds up to the whole.
    total : that sum, the natural logarithm of how the gradient's norm grows on its way back; None where unknown.
    not_followed : operators that the pass does not follow.
    mode : "evaluation" or "training", which says what normalisations by the batch did.
    examples : how many were looked at. data : which, and by which cost.
    notes : what was assumed, a sentence each.
    activation : of the hidden layers, where one is known.
    remedy : what is done to which tensors, as cure() writes it; None where the verdict is unknown.

    Examples
    --------
    >>> import chainderiv as cd
    >>> net = cd.Network([20, 30, 30, 30, 10], "relu", init="he")
    >>> net.weights[1] *= 100
    >>> d = cd.diagnose(net)
    >>> d.verdict, d.culprit
    ('unbalanced', 2)
    """

    model: str
    verdict: str
    culprit: int | None
    sentence: str
    slower: str | None
    layers: tuple[LayerDiagnosis, ...]
    stages: tuple[Stage, ...]
    total: float | None
    not_followed: tuple[NotFollowed, ...]
    mode: str
    examples: int
    data: str
    notes: tuple[str, ...]
    activation: Activation | None
    remedy: Cure | None = field(default=None, repr=False)

    @property
    def headline(self) -> str:
        """The model, the verdict and the layer to blame."""
        return f"{self.model}: {self.verdict}" + ("" if self.culprit is None else f", layer {self.culprit}")

    @property
    def accused(self) -> bool:
        """Whether something is wrong."""
        return self.verdict not in (HEALTHY, UNKNOWN)

    @property
    def to_do(self) -> str:
        """What cure() does, in a sentence; '' where the verdict is unknown."""
        return "" if self.remedy is None else self.remedy.said

    def cure(self, target: str) -> str:
        """Lines to paste for "torch", "keras" or "jax" that cure the layer to blame, or all where none alone is.

        For a model called model, or for JAX arrays called params. Where there is nothing to do, or nothing that lines
        could do, a comment says so.

        Raises
        ------
        UnknownName
            For another target. BadValue where the verdict is unknown.

        Examples
        --------
        >>> import chainderiv as cd
        >>> net = cd.Network([20, 30, 30, 30, 10], "relu", init="he")
        >>> cd.diagnose(net).cure("torch")
        '# healthy: there is nothing to cure'
        >>> net.biases[1] -= 100
        >>> print(cd.diagnose(net).cure("torch").splitlines()[-1].strip())
        model.get_parameter('2.bias').mul_(0.0)
        """
        if target not in TARGETS:
            raise unknown_name("target", target, TARGETS)
        if self.remedy is None:
            raise BadValue(f"the verdict on {self.model} is unknown, and so is a cure: {self.sentence}")
        return pasted(self.remedy, target)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, by the schema in diagnosis.schema.json."""
        names = ("model", "verdict", "culprit", "sentence", "slower", "mode", "examples", "data", "notes", "total")
        return {
            **{name: getattr(self, name) for name in names},
            "to_do": self.to_do or None,
            "activation": None if self.activation is None else self.activation.name,
            "layers": [one.to_dict() for one in self.layers],
            "stages": [_stage_as_dict(one) for one in self.stages],
            "not_followed": [_unfollowed_as_dict(one) for one in self.not_followed],
        }

    def _shown(self) -> Shown:
        before = [self.headline, self.sentence]
        before += [self.slower] if self.slower else []
        before += [f"{self.data}; {self.mode} mode"]
        after = [f"not followed: {one}" for one in self.not_followed] + [f"note: {one}" for one in self.notes]
        return Shown(before, HEADER, [_row(one, self.culprit) for one in self.layers], after)


def _row(one: LayerDiagnosis, culprit: int | None) -> tuple[str, ...]:
    logs = (one.log10_rms_delta, one.log10_norm_mean_bias_gradient, one.log10_relative_weight_gradient)
    neuron = one.dead is not None
    parts = (one.weight_part, one.weight_predicted, *((one.slope_part, one.slope_predicted) if neuron else ()))
    expected = "" if one.expected is None else _of_expectation(one.expected)
    shares = ("" if part is None else share(part, 0) for part in (one.dead, one.flat))
    number = f"{one.number}{_told_name(one)} {'←' if one.number == culprit else ''}".rstrip()
    return (number, *map(_of_log10, logs), *map(_of_part, parts), *[""] * (0 if neuron else 2), expected, *shares)


def _told_name(one: LayerDiagnosis) -> str:
    """Its name where it has another than its number; of a long one the end, which tells layers apart."""
    if one.name == str(one.number):
        return ""
    return f" {one.name}" if len(one.name) <= LONGEST else f" …{one.name[1 - LONGEST :]}"


def _of_expectation(known: Expectation) -> str:
    return f"{known.sqrt_chi_1:.3g} ({known.low:.3g}–{known.high:.3g})"


def _of_part(part: float) -> str:
    return "–" if math.isnan(part) else f"{part:.3g}"


def _of_log10(log: float) -> str:
    return "0" if log == -math.inf else formatted(1.0, log * LN_10, ".3g")


def _stage_as_dict(one: Stage) -> dict[str, Any]:
    names = ("name", "kind", "ln_factor", "ratio", "cosine")
    return {name: getattr(one, name) for name in names}


def _unfollowed_as_dict(one: NotFollowed) -> dict[str, str]:
    return {"operator": one.operator, "name": one.name, "why": one.why}
