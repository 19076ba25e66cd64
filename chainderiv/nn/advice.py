"""advise(): which random weights keep the gradient's size over so many layers of such a width, and how to draw them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue, unknown_name
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.given import is_finite, shown, whole_number
from chainderiv.kinds import Floats
from chainderiv.nn.pasted import PASTED, pasted
from chainderiv.nn.prediction import MOST_KNOWN, NORMAL, of_width
from chainderiv.shown import Shown, Shows
from chainderiv.theory.critical import CriticalPoint, critical_line
from chainderiv.theory.curve import homogeneous
from chainderiv.theory.finite_width.layer import Drawn
from chainderiv.theory.finite_width.quantiles import point
from chainderiv.theory.finite_width.width import passage
from chainderiv.theory.gains import Gains, gains
from chainderiv.theory.keeping import wide_log_ratio
from chainderiv.theory.usual import usual

HEADER = ("start", "sigma_w", "sigma_b", "median", "5 %", "95 %")
RATIO = (
    "‖∂C/∂b‖ of the first hidden layer over the last one's before training; 90 in 100 networks lie from 5 % to 95 %:"
)
MOST_DEPTH = 1000
LEFT_OUT = "Nielsen"
BIASED, STRIDE = 12, 4  # points of the critical line that are tried, and how many of them one is apart from the next
GRID = np.linspace(math.log(1e-3), math.log(1e3), 2801)  # of log σ_w
CLOSE = 1e-4  # of the ratio's logarithm, at a σ_w that is solved for
MOST_SPREAD = 400.0  # variance of log |g|² beyond which a median says nothing: relu², whose exponents double in a layer
TRIES, LONGEST = 12, 0.5  # secants, and of log σ_w one of them
STEEP = np.linspace(-50, 50, 20001)  # where a slope is looked for that no other exceeds


class Outlook(NamedTuple):
    """A start, and 5, 50 and 95 % points of the first hidden layer's ‖∂C/∂b‖ over the last one's; NaN where none.

    doubts : as Prediction's.
    """

    name: str
    sigma_w: float
    sigma_b: float
    ratio: tuple[float, float, float]
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class Advice(Shows):
    """A start for networks of depth hidden layers of one width.

    Attributes
    ----------
    activation, depth, width, factor : as they were given.
    after : what is recommended, and what is predicted of it: `.sigma_w`, `.sigma_b`, `.ratio` and `.doubts`.
    before : the same of the usual starts.
    interval : (low, high). The σ_w about it, with its σ_b, at which the median ratio is within the factor; 0 and inf
        where it reaches beyond 1e-3 and 1e3.
    gains : what gains() says of the activation.
    caveats : what to know before it is used, one sentence each.

    Examples
    --------
    >>> advice = advise("relu", depth=10, width=100)
    >>> [f"{sigma_w:.2f}" for sigma_w in (advice.sigma_w, *advice.interval)]
    ['1.41', '1.11', '1.85']
    """

    activation: Activation
    depth: int
    width: int
    factor: float
    after: Outlook
    before: tuple[Outlook, ...]
    interval: tuple[float, float]
    gains: Gains
    caveats: tuple[str, ...]

    @property
    def sigma_w(self) -> float:
        """Standard deviation of weights times √fan_in, which is the gain of an initialiser by fan-in."""
        return self.after.sigma_w

    @property
    def sigma_b(self) -> float:
        """Standard deviation of biases."""
        return self.after.sigma_b

    def to(self, target: str) -> str:
        """Lines to paste that draw such weights: "torch", "keras" or "jax".

        Raises
        ------
        UnknownName
            For another target.

        Examples
        --------
        >>> print(advise("relu", depth=3, width=100).to("jax").splitlines()[2])
        start = jax.nn.initializers.variance_scaling(1.4142135623730951**2, "fan_in", "normal")
        """
        if target not in PASTED:
            raise unknown_name("target", target, PASTED)
        return pasted(target, self.sigma_w, self.sigma_b)

    def _shown(self) -> Shown:
        start = f"sigma_w = {self.sigma_w:.6g} (the gain of an initialiser by fan-in), sigma_b = {self.sigma_b:.6g}"
        title = f"{self.activation.name}, {self.depth} hidden layers of {self.width}: {start}"
        rows = [_row(one) for one in (self.after, *self.before)]
        said = [f"note: {one}" for one in self.caveats] + [f"not trusted: {one}" for one in self.after.doubts]
        within = (
            f"median within a factor {self.factor:g}: sigma_w {_between(*self.interval)}, sigma_b = {self.sigma_b:.6g}"
        )
        return Shown([title, RATIO], HEADER, rows, [within, *said])


def _between(low: float, high: float) -> str:
    ends = [f"from {low:.4g}"] * (low > 0) + [f"to {high:.4g}"] * (high < math.inf)
    return " ".join(ends) or "whatever it is"


def _row(one: Outlook) -> tuple[str, ...]:
    low, middle, high = ("unknown" if math.isnan(x) else f"{x:.3g}" for x in one.ratio)
    return one.name, f"{one.sigma_w:.4g}", f"{one.sigma_b:.3g}", middle, low, high


def advise(activation: Any, depth: int, width: int, factor: float = 10.0) -> Advice:
    """Weights N(0, σ_w²/fan_in), biases N(0, σ_b²) that keep ‖∂C/∂b‖ within a factor from the last hidden layer down.

    It is the gain of gains(), with σ_b = 0, where the median of the ratio, over networks of this depth and width, is
    within the factor; else the σ_w at which that median is 1. Where biases alone make a critical point that is stable,
    as of gelu, it is the first of them within the factor. Inputs have a mean square of 1.

    Parameters
    ----------
    activation : name, or Activation.
    depth : 2 to 1000. Hidden layers.
    width : >= 1. Neurons in each.
    factor : > 1.

    Raises
    ------
    BadValue
        For numbers that are none such, and where no σ_w is found. UnknownName for a name that no table holds.

    Poole et al. (2016), Schoenholz et al. (2017); Hanin and Nica (2019), Roberts, Yaida and Hanin (2022) for 1/width.

    Examples
    --------
    >>> found = advise("tanh", depth=10, width=100)
    >>> found.sigma_w, found.sigma_b
    (1.0, 0.0)
    """
    phi, width = neuron(activation), whole_number("width", width, 1)
    if whole_number("depth", depth, 2) > MOST_DEPTH:
        raise BadValue(f"depth is {depth}; give 2 to {MOST_DEPTH} hidden layers")
    if not is_finite(factor) or factor <= 1:
        raise BadValue(f"factor is {shown(factor)}; give a finite number > 1")
    known, most = gains(phi), math.log(factor)
    passing, sigma_w = _chosen(known, _Passing(phi, depth, width), most)
    if sigma_w is None:
        raise BadValue(
            f"activation {phi.name!r} has no sigma_w at which the gradient is known to keep its size over {depth} "
            f"layers of {width}; give another depth or width"
        )
    before = tuple(passing.outlook(name, *at) for name, at in usual(phi, width).items() if name != LEFT_OUT)
    after = passing.outlook("recommended", sigma_w, passing.sigma_b)
    caveats = tuple(_caveats(known, passing, after))
    return Advice(phi, depth, width, float(factor), after, before, passing.around(sigma_w, most), known, caveats)


def _chosen(known: Gains, passing: _Passing, most: float) -> tuple[_Passing, float | None]:
    """The σ_w to recommend, and what is predicted with its σ_b."""
    if known.gain is not None and abs(passing.median(known.gain)) <= most:
        return passing, known.gain
    if known.gain is None:
        line = critical_line(known.activation)
        stable = np.flatnonzero(line.chi_q < 1)
        for k in stable[np.argsort(line.sigma_b[stable])][: BIASED * STRIDE : STRIDE]:
            biased = replace(passing, sigma_b=float(line.sigma_b[k]))
            if abs(biased.median(float(line.sigma_w[k]))) <= most:
                return biased, float(line.sigma_w[k])
    return passing, passing.level(known.gain or 1.0)


class _Law(NamedTuple):
    """Logarithms of the 5, 50 and 95 % points of the ratio, and what speaks against them."""

    points: tuple[float, ...]
    doubts: tuple[str, ...]


UNKNOWN = _Law((math.nan,) * 3, ())


@dataclass(frozen=True)
class _Passing:
    """What is predicted of the gradient from the last hidden layer to the first."""

    activation: Activation
    depth: int
    width: int
    sigma_b: float = 0.0
    found: dict[tuple[float, float], _Law] = field(default_factory=dict)

    def law(self, sigma_w: float, sigma_b: float) -> _Law:
        """Of networks of this width; UNKNOWN where it is not."""
        if (sigma_w, sigma_b) not in self.found:
            self.found[sigma_w, sigma_b] = self._law(sigma_w, sigma_b)
        return self.found[sigma_w, sigma_b]

    def _law(self, sigma_w: float, sigma_b: float) -> _Law:
        drawn = [Drawn(sigma_w / math.sqrt(self.width), sigma_b)] * self.depth
        try:
            with np.errstate(all="ignore"):  # what is no number is unknown
                log, bent, left_out = passage(self.activation, [self.width] * self.depth, drawn, float(self.width))
        except BadValue:
            return UNKNOWN
        if not np.isfinite([*log, bent]).all() or bent > MOST_KNOWN or not 0 <= log.variance <= MOST_SPREAD:
            return UNKNOWN
        doubts = tuple(reason for reason, holds in of_width(self.width, left_out, [log]).items() if holds)
        return _Law(tuple(point(log, x) / 2 for x in NORMAL), doubts)

    def outlook(self, name: str, sigma_w: float, sigma_b: float) -> Outlook:
        """A start by its name, with what is predicted of it."""
        points, doubts = self.law(sigma_w, sigma_b)
        with np.errstate(over="ignore", under="ignore"):  # deep down no number holds it
            low, middle, high = np.exp(points).tolist()
        return Outlook(name, sigma_w, sigma_b, (low, middle, high), doubts)

    def median(self, sigma_w: float) -> float:
        """The logarithm of the median ratio."""
        return self.law(sigma_w, self.sigma_b).points[1]

    @cached_property
    def wide(self) -> Floats:
        """The same of endless width, over GRID."""
        return wide_log_ratio(self.activation, np.exp(GRID), self.sigma_b, self.depth - 1)

    def level(self, near: float) -> float | None:
        """The σ_w at which the median is 1, of several the nearest; None where none is found."""
        crossed = np.flatnonzero(self.wide[1:] * self.wide[:-1] <= 0)
        nearest = crossed[np.argsort(np.abs(GRID[crossed] - math.log(near)))]
        found = (self._solved(0.0, int(k)) for k in nearest)
        return next((sigma_w for sigma_w in found if not math.isnan(sigma_w)), None)

    def around(self, sigma_w: float, most: float) -> tuple[float, float]:
        """The σ_w nearest to it on both sides at which the median's logarithm is ±most; 0 and inf where none is."""
        added = self.median(sigma_w) - float(np.interp(math.log(sigma_w), GRID, self.wide))
        beyond = ~(np.abs(self.wide + added) <= most)
        here = int(np.searchsorted(GRID, math.log(sigma_w)))
        below, above = np.flatnonzero(beyond[:here]), here + np.flatnonzero(beyond[here:])
        low = self._solved(self._side(below[-1]) * most, int(below[-1])) if below.size else 0.0
        high = self._solved(self._side(above[0]) * most, int(above[0]) - 1) if above.size else math.inf
        return low, high

    def _side(self, k: int) -> float:
        return float(np.sign(self.wide[k]))

    def _solved(self, level: float, k: int) -> float:
        """By secants from the k-th panel of GRID on, with its slope first; NaN where that does not get there."""
        t, slope = float(GRID[k]), float((self.wide[k + 1] - self.wide[k]) / (GRID[k + 1] - GRID[k]))
        off = self.median(math.exp(t)) - level
        for _ in range(TRIES):
            if abs(off) <= CLOSE or not math.isfinite(off) or not slope:
                break
            step = max(-LONGEST, min(LONGEST, -off / slope))
            last, t = off, t + step
            off = self.median(math.exp(t)) - level
            slope = (off - last) / step
        return math.exp(t) if abs(off) <= CLOSE else math.nan


def _caveats(known: Gains, passing: _Passing, after: Outlook) -> Iterator[str]:
    """What to know of the advice."""
    name, gain = known.activation.name, known.gain
    stable = [p for p in known.points if p.stable]
    if not known.points:
        yield f"{name} is critical at no sigma_w where sigma_b = 0"
    elif not stable:
        yield f"{name} is critical at sigma_w = {known.points[0].sigma_w:.6g}, which signals leave: no network is there"
    if after.sigma_b:
        yield "sigma_w and sigma_b are a critical point that signals keep to, which without biases there is none of"
    elif after.sigma_w != gain:
        at = "" if gain is None else f"; at the critical {gain:.6g} it is {math.exp(passing.median(gain)):.3g}"
        yield f"sigma_w is where the median is 1 for this depth and this width{at}"
    if len(known.points) > 1:
        yield f"{name} is critical at several sigma_w: {', '.join(f'{p.sigma_w:.6g}' for p in known.points)}"
    if stable and stable[0].q_star > 0:
        yield _saturated(known.activation, stable[0])
    if stable and stable[0].q_star == 0 and not homogeneous(known.activation):
        at = " (its kink at 0 counts with the mean of both squared slopes)" if 0 in known.activation.kinks else ""
        yield f"signals shrink towards 0{at}, and until they are there gradients do, by a power of the depth"


def _saturated(activation: Activation, critical: CriticalPoint) -> str:
    """Where lengths settle: above what one neuron at its steepest would need."""
    steepest = float(np.abs(array_functions(activation).derivative(STEEP)).max())
    return (
        f"sigma_w = {critical.sigma_w:.6g} is much because one neuron takes |w| = {1 / steepest:.4g} to amplify at its "
        f"steepest, and in a wide layer (q* = {critical.q_star:.3g}) most are away from there"
    )
