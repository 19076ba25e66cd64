"""LayerDiagnosis: what one layer does to the gradient, in numbers as people read them and in a sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from chainderiv.models.layers import Layer
from chainderiv.models.verdict import Expectation, exp, expectation, sentence

LN_10 = math.log(10)
OF_A_LAYER = (
    "name", "weight", "bias", "neurons", "log10_norm_delta", "log10_rms_delta", "log10_norm_mean_bias_gradient",
    "log10_norm_weight_gradient", "log10_relative_weight_gradient", "weight_part", "slope_part", "rest",
    "weight_predicted", "slope_predicted", "dead", "flat", "sentence",
)  # fmt: skip


@dataclass(frozen=True)
class LayerDiagnosis:
    """What a layer does to the gradient.

    Attributes
    ----------
    number : counted from 1. name : as the model calls it.
    weight : the name of its tensor. bias : likewise, None of a layer without one.
    neurons : how many outputs it has.
    log10_norm_delta : of ‖∂C/∂z‖₂, the root mean square over the examples; -inf where it is exactly 0.
    log10_rms_delta : of the root mean square of ∂C/∂z over examples and neurons; -inf where it is exactly 0.
    log10_norm_mean_bias_gradient : of ‖mean over the examples of ∂C/∂b‖₂, Nielsen's speed of learning.
    log10_norm_weight_gradient : of ‖∂W‖_F of the mean cost; of a shared weight, the part that comes by this layer.
    log10_relative_weight_gradient : of ‖∂W‖/‖W‖, likewise.
    weight_part : ‖Wᵀδ‖/‖δ‖. weight_predicted : ‖W‖_F/√n_out.
    slope_part : ‖φ'(z) ∂a‖/‖∂a‖. slope_predicted : √mean φ'².
    rest : what stands between this layer and the next beside, as a factor.
    expected : √χ₁ and its band at this width, None where theory does not know.
    dead : share of neurons whose slope is 0 for all examples. flat : share of slopes below 0.01; None without a neuron.
    sentence : the same in words.

    Examples
    --------
    >>> import chainderiv as cd
    >>> d = cd.diagnose({"1.weight": [[2.0, 0.0]], "1.bias": [0.0]}, inputs=[[0.0, 1.0]], activation="sigmoid")
    >>> round(d.layers[0].weight_part, 12), round(d.layers[0].slope_part, 12), d.layers[0].dead
    (2.0, 0.25, 0.0)
    """

    number: int
    name: str
    weight: str
    bias: str | None
    neurons: int
    log10_norm_delta: float
    log10_rms_delta: float
    log10_norm_mean_bias_gradient: float
    log10_norm_weight_gradient: float
    log10_relative_weight_gradient: float
    weight_part: float
    slope_part: float
    rest: float
    weight_predicted: float
    slope_predicted: float
    expected: Expectation | None
    dead: float | None
    flat: float | None
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        known = self.expected
        band = {} if known is None else {"sqrt_chi_1": known.sqrt_chi_1, "low": known.low, "high": known.high}
        return {"layer": self.number, **{name: getattr(self, name) for name in OF_A_LAYER}, "expected": band or None}


def layer_diagnosis(one: Layer, examples: int) -> LayerDiagnosis:
    """What a pass found of a layer, as it is told. examples : that the pass went through."""
    known = expectation(one)
    return LayerDiagnosis(
        number=one.number,
        name=one.name,
        weight=one.weight,
        bias=one.bias,
        neurons=one.neurons,
        log10_norm_delta=(one.ln_delta - math.log(examples) / 2) / LN_10,
        log10_rms_delta=one.ln_rms_delta / LN_10,
        log10_norm_mean_bias_gradient=one.ln_mean_bias_gradient / LN_10,
        log10_norm_weight_gradient=one.ln_weight_gradient / LN_10,
        log10_relative_weight_gradient=(one.ln_weight_gradient - one.ln_weight) / LN_10,
        weight_part=exp(one.ln_weight_part),
        slope_part=exp(one.ln_slope_part),
        rest=exp(one.ln_rest),
        weight_predicted=exp(one.ln_weight_expected),
        slope_predicted=exp(one.ln_slope_expected),
        expected=known,
        dead=one.dead,
        flat=one.flat,
        sentence=sentence(one, known),
    )
