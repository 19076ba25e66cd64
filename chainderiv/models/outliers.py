"""Outliers: a layer whose weights or slopes do tenfold more or less than the network's layers mostly do."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chainderiv.models.layers import Layer
from chainderiv.wording import formatted

APART, NEARLY = math.log(10), math.log(5)  # that a layer's part may lie from the median, measured and expected together
SHIFTED, SHUT = 2.5, math.log(2)  # deviations that z lies off 0, and what its slopes then lie below the median


@dataclass(frozen=True)
class Outlier:
    """A layer that stands out, by how much (|ln|) and how."""

    layer: Layer
    off: float
    told: str


def outlier(layers: Sequence[Layer]) -> Outlier | None:
    """The layer whose weight part, or before the last its slope part, lies furthest off the median, if tenfold or more.

    Of a layer whose neurons a bias shifts by SHIFTED of their deviations less will do: no random weights do that.
    A gate stands beside the road and is not judged, nor are the slopes of the last layer, which act before δ_L, from
    which all is counted: an output's bias is what it has learned, and who knows the classes saturates there.
    """
    last, layers = layers[-1], [one for one in layers if not one.gate]
    dead = [one for one in layers if one.dead == 1 and one.fed]
    if dead:
        return Outlier(dead[-1], math.inf, f"no gradient passes layer {named(dead[-1])}: all its slopes are 0")
    with_weight = [one for one in layers if math.isfinite(one.ln_weight_part)]
    weights = _offs(with_weight, lambda one: one.ln_weight_part, lambda one: one.ln_weight_expected)
    neurons = (one for one in layers if one.dead is not None and one is not last)
    with_neuron = [one for one in neurons if math.isfinite(one.ln_slope_part)]
    slopes = _offs(with_neuron, lambda one: one.ln_slope_part, lambda one: one.ln_slope_expected)
    above = {off.layer.number: off.expected for off in weights}
    found = [off.told("weights") for off in weights if off.stands_out]
    found += [off.told("slopes") for off in slopes if off.stands_out]
    found += [off.shifted() for off in slopes if off.is_shut(above.get(off.layer.number + 1, 0.0))]
    return max(found, key=lambda one: one.off, default=None)


@dataclass(frozen=True)
class _Off:
    """How far a part of a layer lies off the network's median, measured and expected, both ln.

    Both must say so together: one alone may be how a few narrow layers happen to lie.
    """

    layer: Layer
    measured: float
    expected: float

    @property
    def mean(self) -> float:
        return (self.measured + self.expected) / 2

    @property
    def stands_out(self) -> bool:
        return self._together(APART, NEARLY)

    def is_shut(self, above: float) -> bool:
        """Whether a bias shuts the layer, and the weights of the next one, above off, do not make up for it."""
        return abs(self.layer.offset) > SHIFTED and self.mean + above < -SHUT and self._together(SHUT, 0)

    def _together(self, most: float, each: float) -> bool:
        sizes = abs(self.measured), abs(self.expected)
        return sum(sizes) / 2 > most and min(sizes) > each and self.measured * self.expected > 0

    def told(self, what: str) -> Outlier:
        does = f"make the gradient {times(self.measured)} what a layer's {what} mostly do"
        return Outlier(self.layer, abs(self.mean), f"the {what} of layer {named(self.layer)} {does}")

    def shifted(self) -> Outlier:
        side = "above" if self.layer.offset > 0 else "below"
        lie = f"z lies {abs(self.layer.offset):.3g} of its deviations {side} 0 in layer {named(self.layer)}"
        does = f"its slopes make the gradient {times(self.measured)} what a layer's slopes mostly do"
        return Outlier(self.layer, abs(self.mean), f"{lie}, and {does}")


def _offs(
    layers: Sequence[Layer], measured: Callable[[Layer], float], expected: Callable[[Layer], float]
) -> list[_Off]:
    if not layers:
        return []
    middles = [statistics.median(of(one) for one in layers) for of in (measured, expected)]
    return [_Off(one, measured(one) - middles[0], expected(one) - middles[1]) for one in layers]


def times(ln_factor: float) -> str:
    """A factor as people say it.

    >>> times(math.log(0.25)), times(-2000.0)
    ('0.25 times', '2.58e-869 times')
    """
    return f"{formatted(1.0, ln_factor, '.3g') if ln_factor > -math.inf else '0'} times"


def named(layer: Layer) -> str:
    """Its number and, where that says more, its name."""
    return str(layer.number) if layer.name == str(layer.number) else f"{layer.number} ({layer.name})"
