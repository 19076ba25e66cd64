"""advise(): which random weights keep the gradient's size over so many layers of such a width, and how to draw them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainderiv.errors import BadValue, unknown_name
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.given import up_to
from chainderiv.nn.caveats import of_critical_points, of_start
from chainderiv.nn.outlook import UNKNOWN, Outlook, Scatter, outlook, scatter_of
from chainderiv.nn.pasted import PASTED, pasted
from chainderiv.shown import Shown, Shows
from chainderiv.theory.critical import critical_line
from chainderiv.theory.gains import Gains, gains
from chainderiv.theory.keeping import Keeping, Root, balanced, depth_given, keeping, log_of, wide_log_ratio
from chainderiv.theory.usual import usual
from chainderiv.wording import counted, formatted, shortest

MOST_WIDTH = 2**24  # whose square is the most weights that a Network has
HEADER = ("start", "sigma_w", "sigma_b", "gradient", "signal")
LEFT_OUT = "Nielsen"
SETTLING, ALIKE = 0.995, 1e-3  # chi_q: the largest at which signals come back in time, and what is no difference


@dataclass(frozen=True)
class Advice(Shows):
    """A start for networks of depth hidden layers of one width.

    Attributes
    ----------
    activation, depth, width, within : as they were given.
    after : what is recommended, and what wide layers make of it; None where no σ_w is known that keeps the gradient.
    before : the same of the usual starts.
    scatter : what networks of this width make of the recommended start.
    keeping : every interval of σ_w in which the gradient of wide layers stays within the factor, as of keeping().
    gains : what gains() says of the activation.
    law : of the weights: "normal".
    caveats : what to know before it is used, one sentence each.

    Examples
    --------
    >>> found = advise("relu", depth=10, width=50)
    >>> found.sigma_w == 2**0.5, found.sigma_b, round(found.std, 12), round(found.after.gradient, 12)
    (True, 0.0, 0.2, 1.0)
    """

    activation: Activation
    depth: int
    width: int
    within: float
    after: Outlook | None
    before: tuple[Outlook, ...]
    scatter: Scatter
    keeping: Keeping
    gains: Gains
    caveats: tuple[str, ...]
    law: str = "normal"

    @property
    def sigma_w(self) -> float | None:
        """Standard deviation of weights times √fan_in, which is the gain of an initialiser by fan-in."""
        return None if self.after is None else self.after.sigma_w

    @property
    def sigma_b(self) -> float | None:
        """Standard deviation of biases."""
        return None if self.after is None else self.after.sigma_b

    @property
    def std(self) -> float | None:
        """Standard deviation of one weight between layers of this width."""
        return None if self.after is None else self.after.sigma_w / math.sqrt(self.width)

    def to(self, target: str) -> str:
        """Lines to paste that draw such weights: "torch", "keras" or "jax".

        Raises
        ------
        UnknownName
            For another target. BadValue where nothing is recommended.

        Examples
        --------
        >>> print(advise("relu", depth=3, width=100).to("jax").splitlines()[2])
        start = jax.nn.initializers.variance_scaling(1.4142135623730951**2, "fan_in", "normal")
        """
        if target not in PASTED:
            raise unknown_name("target", target, PASTED)
        if self.after is None:
            raise BadValue(f"nothing is recommended for {self.activation.name!r}; give another depth or activation")
        return pasted(target, self.after.sigma_w, self.after.sigma_b)

    def _shown(self) -> Shown:
        layers = f"{counted(self.depth, 'hidden layer')} of {self.width}"
        start = "no start is known that keeps the gradient"
        if self.after is not None:
            bias = f"~ N(0, {self.after.sigma_b:.6g}²)" if self.after.sigma_b else "= 0"
            start = f"W ~ N(0, {self.after.sigma_w:.6g}²/fan_in), b {bias} (between hidden layers std = {self.std:.6g})"
        rows = [_row(one) for one in (self.after, *self.before) if one is not None]
        said = [self._scattered()] if self.after is not None and self.depth > 1 else []
        kept = f"kept within a factor {shortest(self.within)}, sigma_b = {self.keeping.sigma_b:.6g}"
        said.append(f"{kept}: sigma_w {self.keeping.between}")
        notes = [f"note: {one}" for one in self.caveats] + [f"not trusted: {one}" for one in self.scatter.doubts]
        return Shown([f"{self.activation.name}, {layers}: {start}", *EXPLAINED], HEADER, rows, [*said, *notes])

    def _scattered(self) -> str:
        if math.isnan(self.scatter.mean_log):
            return f"of networks of width {self.width} nothing is known"
        low, median, high = (formatted(1.0, log, ".3g") for log in self.scatter.log_points)
        band = f"90 in 100 from {low} to {high}"
        return f"gradient in networks of width {self.width}, recommended start: median {median}, {band}"


EXPLAINED = (
    "gradient: ‖∂C/∂b‖ of the first hidden layer over the last one's; signal: mean square of z, last over first;",
    "both before training, of wide layers, for inputs of mean square 1",
)


def _row(one: Outlook) -> tuple[str, ...]:
    logs = one.log_gradient, one.log_signal
    told = ("unknown" if math.isnan(log) else formatted(1.0, log, ".3g") for log in logs)
    return one.name, f"{one.sigma_w:.6g}", f"{one.sigma_b:.3g}", *told


def advise(activation: Any, depth: int, width: int, within: float = 2.0) -> Advice:
    """Weights N(0, σ_w²/fan_in), biases N(0, σ_b²) that keep ‖∂C/∂b‖ from the last of depth hidden layers to the first.

    It is the gain of gains() with σ_b = 0 where that keeps the norm within the factor. Where there is none, as of gelu,
    it is the critical point with biases, of those within the factor, at which signals come back fastest. Else it is the
    σ_w at which the norm is the same in the first layer and the last, of several the nearest. Inputs have a mean square
    of 1. The law over networks of this width is told beside it.

    Parameters
    ----------
    activation : name, or Activation.
    depth : 1 to 1000. Hidden layers.
    width : 1 to 2^24. Neurons in each.
    within : > 1. The factor.

    Raises
    ------
    BadValue
        For numbers that are none such, and an activation whose expectations are infinite. UnknownName for a name that
        no table holds.

    Poole et al. (2016), Schoenholz et al. (2017); Hanin and Nica (2019), Roberts, Yaida and Hanin (2022) for 1/width.

    Examples
    --------
    >>> found = advise("tanh", depth=20, width=100)
    >>> round(found.sigma_w, 4), round(found.after.gradient, 9), [round(one.low, 4) for one in found.keeping.intervals]
    (1.2854, 1.0, [1.1337])
    """
    phi, depth, width = neuron(activation), depth_given(depth), up_to("width", width, MOST_WIDTH)
    most, known = log_of("within", within), gains(phi)
    chosen = _chosen(known, depth, most)
    before = tuple(outlook(phi, depth, name, *at) for name, at in usual(phi, width).items() if name != LEFT_OUT)
    said = tuple(of_critical_points(known))
    if chosen is None:
        kept = keeping(phi, depth, within)
        return Advice(phi, depth, width, kept.factor, None, before, UNKNOWN, kept, known, said)
    kept, after = keeping(phi, depth, within, chosen[1]), outlook(phi, depth, "recommended", *chosen)
    scatter = scatter_of(phi, depth, width, *chosen)
    caveats = (*said, *of_start(known, kept, after, scatter))
    return Advice(phi, depth, width, kept.factor, after, before, scatter, kept, known, caveats)


def _chosen(known: Gains, depth: int, most: float) -> tuple[float, float] | None:
    """The σ_w and σ_b to recommend."""
    phi, gain = known.activation, known.gain
    if depth == 1:
        return gain or 1.0, 0.0
    if gain is not None and abs(float(wide_log_ratio(phi, np.array(gain), 0.0, depth - 1))) <= most:
        return gain, 0.0
    biased = _biased(phi, depth, most) if gain is None else None
    if biased is not None:
        return biased
    roots = balanced(phi, depth)
    return (min(roots, key=lambda root: _apart(root, gain or 1.0)).sigma_w, 0.0) if roots else None


def _biased(phi: Activation, depth: int, most: float) -> tuple[float, float] | None:
    """The critical point with biases at which signals come back fastest, of those that keep the gradient; or None."""
    line = critical_line(phi)
    log = wide_log_ratio(phi, line.sigma_w, line.sigma_b, depth - 1)
    kept = np.flatnonzero((np.abs(log) <= most) & (line.chi_q < SETTLING))
    if not kept.size:
        return None
    chi_q = line.chi_q[kept]
    first = kept[np.argmax(chi_q <= chi_q.min() + ALIKE)]
    return float(line.sigma_w[first]), float(line.sigma_b[first])


def _apart(root: Root, gain: float) -> float:
    return abs(math.log(root.sigma_w / gain))
