"""What cures a network, as a list of edits: what is done to which tensors, and why.

One layer to blame is cured alone, and keeps what it has learned where that can be: weights that are too large or too
small are scaled to what the others do, a bias that holds all slopes at 0 is set to 0, and only what no scale brings
back is drawn anew. Where no layer alone is to blame all are drawn anew, by advise(); where the branches of a residual
network add up, each branch is scaled down by the root of their number.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from chainderiv.functions.activation import Activation
from chainderiv.models.layers import Layer
from chainderiv.models.outliers import times
from chainderiv.models.residuals import weighs
from chainderiv.models.stages import RESIDUAL, Stage
from chainderiv.models.verdict import BLOCKED, EXPLODING, HEALTHY, UNKNOWN, VANISHING, Verdict, is_undefined

DIGITS = 3  # of a factor that is pasted
STEEP = 0.5  # slopes that never reach it make a network vanish whatever its signals are: a sigmoid's
SIZES = math.log(3)  # that a bias makes z larger by, where it is to blame
OTHERWISE = "or put {}a skip around every few layers, a + f(a), or a normalisation before each neuron"


@dataclass(frozen=True)
class Edit:
    """One tensor times a factor, or drawn anew with σ_w/√fan_in where the factor is None."""

    tensor: str
    layer: str
    is_bias: bool = False
    factor: float | None = None


@dataclass(frozen=True)
class Start:
    """Weights of all layers drawn anew, as advise() has it for so many hidden layers of such a width."""

    activation: Activation
    depth: int
    width: int


@dataclass(frozen=True)
class Cure:
    """Edits in their order, and why; without edits and start `said` is all that can be told.

    start : what is drawn anew is drawn so. whole : whether that is every layer. otherwise : what would do instead.
    """

    said: str
    edits: tuple[Edit, ...] = ()
    start: Start | None = None
    whole: bool = False
    otherwise: str = ""

    @property
    def has_lines(self) -> bool:
        """Whether there is something that lines can do."""
        return bool(self.edits) or self.whole


def cure_of(verdict: Verdict, layers: Sequence[Layer], stages: Sequence[Stage], start: Start | None) -> Cure | None:
    """The cure; None where the verdict is unknown. start : None where the hidden layers have no known neuron."""
    if verdict.verdict == UNKNOWN:
        return None
    if verdict.verdict == HEALTHY:
        return Cure("healthy: there is nothing to cure")
    blamed = next((one for one in layers if one.number == verdict.culprit), None)
    if blamed is not None and is_undefined(blamed):
        return Cure(f"{_named(blamed)}: keep what stands behind it off the place, as √(x + ε) keeps a root off 0")
    if blamed is not None and blamed.finite:
        return _of_one(blamed, layers, start)
    if verdict.verdict == BLOCKED:
        return Cure(
            "no layer is to blame; give inputs that are not 0, or another cost, or another last "
            "activation, or in place of a step what has a slope"
        )
    return _of_branches(verdict, layers, stages) or _of_all(verdict, layers, start)


def _of_one(blamed: Layer, layers: Sequence[Layer], start: Start | None) -> Cure:
    """The cure of one layer."""
    if blamed.dead == 1 and blamed.freed:
        return Cure(f"{_named(blamed)}: its bias keeps every slope at 0", _without_bias(blamed))
    if blamed.dead == 1 or blamed.ln_weight == -math.inf:
        why = "its weights are all 0" if blamed.ln_weight == -math.inf else "its slopes are all 0"
        return _drawn_anew(blamed, why, start)
    weights, slopes = _off(blamed, layers, "ln_weight_expected"), _off(blamed, layers, "ln_slope_expected")
    if abs(weights) >= abs(slopes) and math.isfinite(weights):
        why = f"its weights make the gradient {times(weights)} what those of the others do"
        return Cure(f"{_named(blamed)}: {why}", (_scaled(blamed, math.exp(-weights)),))
    if blamed.bias is not None and _ln(blamed.square) - _ln(blamed.unbiased) > 2 * SIZES:
        return Cure(
            f"{_named(blamed)}: its bias takes its slopes to {times(slopes)} the others'", _without_bias(blamed)
        )
    if slopes < 0 and 1 < blamed.unbiased < math.inf:
        why = f"z is {blamed.unbiased**0.5:.3g} in the root mean square, where slopes are {times(slopes)} the others'"
        return Cure(f"{_named(blamed)}: {why}", (_scaled(blamed, blamed.unbiased**-0.5), *_without_bias(blamed)))
    return _drawn_anew(blamed, f"its slopes are {times(slopes)} the others'", start)


def _drawn_anew(blamed: Layer, why: str, start: Start | None) -> Cure:
    if start is None:
        return Cure(f"{_named(blamed)}: {why}, and its neuron is not known; draw its weights anew, and biases of 0")
    return Cure(f"{_named(blamed)}: {why}", (Edit(blamed.weight, blamed.name), *_without_bias(blamed)), start)


def _scaled(blamed: Layer, factor: float) -> Edit:
    return Edit(blamed.weight, blamed.name, factor=float(f"{factor:.{DIGITS}g}"))


def _without_bias(blamed: Layer) -> tuple[Edit, ...]:
    return () if blamed.bias is None else (Edit(blamed.bias, blamed.name, True, 0.0),)


def _off(blamed: Layer, layers: Sequence[Layer], part: str) -> float:
    """How far the logarithm of a part lies from the median of the others, 0 where either has none."""
    others = [getattr(one, part) for one in layers if one is not blamed and (part[3] == "w" or one.dead is not None)]
    others = [ln for ln in others if math.isfinite(ln)]
    off = getattr(blamed, part) - statistics.median(others) if others else 0.0
    return off if math.isfinite(off) else 0.0


def _of_branches(verdict: Verdict, layers: Sequence[Layer], stages: Sequence[Stage]) -> Cure | None:
    """Of a residual network that explodes: the last weight of each branch over the root of their number."""
    residual = [one for one in stages if one.kind == RESIDUAL and one.ratio is not None]
    last = [layer for layer in (_last_of(one, layers) for one in residual) if layer is not None]
    if verdict.verdict != EXPLODING or len(residual) < 2 or len(last) < len(residual):
        return None
    factor = float(f"{len(residual) ** -0.5:.{DIGITS}g}")
    said = f"{len(residual)} branches add to the gradient of their skips; over the root of their number they keep it"
    return Cure(said, tuple(Edit(layer.weight, layer.name, factor=factor) for layer in last))


def _last_of(stage: Stage, layers: Sequence[Layer]) -> Layer | None:
    """The last layer of a stage; None where its weight is another layer's as well, and would be scaled twice."""
    node = next((node for node in reversed(stage.nodes) if weighs(node)), None)
    found = [one for one in layers if node is not None and one.weight in node.inputs]
    return found[0] if len(found) == 1 else None


def _of_all(verdict: Verdict, layers: Sequence[Layer], start: Start | None) -> Cure:
    steep = all(math.exp(one.ln_slope_expected) < STEEP for one in layers[:-1] if one.dead is not None)
    swap = (
        "a neuron whose slope reaches 1, as tanh, in place of these, " if verdict.verdict == VANISHING and steep else ""
    )
    otherwise = OTHERWISE.format(swap)
    if start is None:
        return Cure(f"no layer alone is to blame, and the neurons are not known; {otherwise[3:]}")
    said = f"a start that keeps the gradient through {start.depth} hidden layers of {start.activation.name}"
    return Cure(said, start=start, whole=True, otherwise=otherwise)


def _named(layer: Layer) -> str:
    return f"layer {layer.number}" + (f" ({layer.name})" if layer.name != str(layer.number) else "")


def _ln(square: float) -> float:
    return math.log(square) if square > 0 else -math.inf
