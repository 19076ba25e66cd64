"""random_chain(): the product of a chain's links when every weight and bias is drawn anew."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.given import is_finite, size, whole_number
from chainderiv.shown import Shown, Shows
from chainderiv.theory.one_neuron.link_chance import smaller, smaller_over_steps
from chainderiv.theory.one_neuron.link_sums import EPS, NEVER, exponent, sums, variance
from chainderiv.theory.one_neuron.log_weight import MEAN_LOG, VARIANCE_LOG
from chainderiv.theory.one_neuron.reach import SETTLES, Reach, reach
from chainderiv.theory.one_neuron.walk import Walk

FINE, ROUGH = (27, 1.0, 1.1), (23, 1.3, 1.0)  # degree, width, and share of what is only far: whose answers are compared
NOTHING = 1e-12  # a chance of φ' = 0 that is rounding
SMOOTH = 1e-9  # change of a chance from one grid to the other
LARGEST = 1e250  # σ_b and |x|; beyond it z leaves float64
MOST_OFF = 1e-6  # of a number, beyond which it is not told


@dataclass(frozen=True)
class RandomChain(Shows):
    """A chain of one neuron a layer whose weights are N(0, σ_w²) and biases N(0, σ_b²), all of them independent.

    Attributes
    ----------
    activation, sigma_w, sigma_b : as they were given.
    exponent : λ = E log|w φ'(z)| of a link in the long run, Lyapunov's exponent: almost surely log|∂C/∂b_1|/L tends to
        it as the depth L grows. -inf where the gradient ends at 0 sooner or later, or falls faster than any exp(-cL).
        Where z tends to 0, of those chains that met no place of slope 0 on the way.
    variance : v, by which the variance of log|∂C/∂b_1| grows a layer in the long run, the links' dependence on one
        another included; inf where it has none, NaN where the exponent is -inf.
    index : κ, P(|z| > t) falls as t^-κ in the long run; inf where it falls faster, 0 where z grows without end.
    case : what there is to say: "" where z settles into a law and nothing stands against a mean.
    errors : dict. Of exponent and variance: what two grids differ by, and rounding.

    Examples
    --------
    >>> r = random_chain("sigmoid", sigma_w=1, sigma_b=1)
    >>> f"{r.exponent:.10f}, {r.typical_link:.4f}, {r.variance:.6f}, {r.error < 1e-13}"
    '-2.3075847909, 0.0995, 1.256704, True'
    """

    activation: Activation
    sigma_w: float
    sigma_b: float
    exponent: float
    variance: float
    index: float
    case: str
    errors: dict[str, float]
    _reach: Reach = field(repr=False, compare=False)

    @property
    def error(self) -> float:
        """Of the exponent."""
        return self.errors["exponent"]

    @property
    def typical_link(self) -> float:
        """exp(λ): the gradient changes by it a layer in the long run."""
        return math.exp(self.exponent)

    def probability(self, bound: float) -> float:
        """P(|w φ'(z)| < bound) of a link in the long run.

        Raises
        ------
        BadValue
            For a bound that is not above 0, and where two grids differ by more than 1e-6.

        Examples
        --------
        >>> round(random_chain("sigmoid").probability(0.25), 6)
        0.811702
        """
        limit = size("bound", bound, zero=False)
        if self._reach.fate != SETTLES:
            with np.errstate(over="ignore", divide="ignore"):
                weights = limit / (self.sigma_w * math.sqrt(2)) / np.exp(self._reach.limit.slope)
            return float(np.mean([math.erf(w) for w in weights]))
        try:
            with at_work():
                fine, rough = (smaller(walk, math.log(limit)) for walk in self._walks)
                if abs(fine - rough) > SMOOTH:
                    fine, rough = (smaller_over_steps(walk, math.log(limit)) for walk in self._walks)
        except OverflowError as e:
            raise BadValue(
                f"|z φ'(z)| of {self.activation.name!r} turns too often over the z that are reached to tell the chance "
                "that a link is small; give smaller sigmas"
            ) from e
        self._agree("the probability", fine, rough)
        return min(max(fine, 0.0), 1.0)

    def weight_probability(self, bound: float = 1.0) -> float:
        """P(|w| < bound) = erf(bound/(σ_w √2)).

        >>> round(random_chain("sigmoid").weight_probability(), 6)
        0.682689
        """
        return math.erf(size("bound", bound, zero=False) / (self.sigma_w * math.sqrt(2)))

    def alive(self, depth: int, x: float = 0.5) -> float:
        """P(∂a_L/∂b_1 is not 0) of L = depth layers from the input x: that no φ'(z_l) is the number 0.

        >>> round(random_chain("relu", sigma_w=1, sigma_b=0).alive(depth=4), 12)
        0.0625
        """
        return math.exp(self._sum(depth, x, 0))

    def mean(self, depth: int, x: float = 0.5) -> float:
        """E log|∂a_L/∂b_1|, ∂a_L/∂b_1 = φ'(z_1) Π w_l φ'(z_l) over l = 2 … L = depth, from the input x.

        It is what log|∂C/∂b_1| is but for the cost's own factor ∂C/∂a_L. Of those gradients alone that are not 0.

        Raises
        ------
        BadValue
            For a depth or an x that is none, and where two grids differ by more than 1e-6 of it.

        Examples
        --------
        >>> round(random_chain("sigmoid").mean(depth=24), 6)
        -54.737084
        """
        return self._sum(depth, x, 1)

    def sd(self, depth: int, x: float = 0.5) -> float:
        """The standard deviation of log|∂a_L/∂b_1|, as mean() has it.

        >>> round(random_chain("sigmoid").sd(depth=24), 6)
        5.388157
        """
        return self._sum(depth, x, 2)

    @cached_property
    def _walks(self) -> tuple[Walk, Walk]:
        return self._reach.walk(*FINE), self._reach.walk(*ROUGH)

    def _sum(self, depth: int, x: float, which: int) -> float:
        """log P(not 0), mean or standard deviation."""
        whole_number("depth", depth, 1)
        if not is_finite(x) or abs(x) > LARGEST:
            raise BadValue(f"x is {x!r}; give a finite number within ±{LARGEST:g}")
        if x == 0 and self._reach.through_0:
            raise BadValue(f"from x = {x!r} without biases every z is 0; give another x, or sigma_b > 0")
        with at_work():
            told, second = (sums(walk, int(depth), float(x)) for walk in self._walks)
        fine, rough = told[which], second[which]
        if NEVER in (told, second):
            if which:
                raise BadValue(
                    f"at depth {depth} no gradient is left but by a chance too small to tell; give a smaller depth, or "
                    "a larger sigma"
                )
            return -math.inf
        self._agree(f"the {('chance', 'mean', 'spread')[which]} of log|∂a_L/∂b_1| at depth {depth}", fine, rough)
        return fine

    def _agree(self, name: str, fine: float, rough: float) -> None:
        if not abs(fine - rough) <= MOST_OFF * max(1.0, abs(fine)):
            raise BadValue(
                f"{name} of {self.activation.name!r} at sigma_w = {self.sigma_w:g}, sigma_b = {self.sigma_b:g} is not "
                f"known: two grids give {fine:.6g} and {rough:.6g}; give a smaller sigma_w"
            )

    def _shown(self) -> Shown:
        title = (
            f"{self.activation.name}, sigma_w = {self.sigma_w:.6g}, sigma_b = {self.sigma_b:.6g}, one neuron a layer"
        )
        rows = [
            ("exponent", f"{self.exponent:.12g}", f"{self.error:.1e}"),
            ("typical_link", f"{self.typical_link:.12g}", f"{self.typical_link * self.error:.1e}"),
            ("variance", f"{self.variance:.12g}", f"{self.errors['variance']:.1e}"),
        ]
        return Shown([title], ("number", "value", "error"), rows, [self.case] if self.case else [])


def random_chain(activation: Any, sigma_w: float = 1.0, sigma_b: float = 1.0) -> RandomChain:
    """The Lyapunov exponent of a chain of one neuron a layer: λ = log σ_w - (γ + ln 2)/2 + E log|φ'(z)|.

    w ~ N(0, σ_w²) and b ~ N(0, σ_b²) are drawn anew in every layer; z is distributed as in the long run. Its law is
    solved for and not sampled; γ is Euler's constant. The weight's part of λ is exact.

    Parameters
    ----------
    activation : name, or Activation.
    sigma_w : > 0. Standard deviation of each weight.
    sigma_b : >= 0. Standard deviation of each bias.

    Raises
    ------
    BadValue
        For a σ that is none; for an activation that grows faster than z; where chance decides what becomes of z; and
        where the answer is not known to 1e-6.

    Sources: Furstenberg and Kesten (1960) for the exponent, Kesten (1973) for the law's tails, Hanin and Nica (2019)
    for products of random layers at finite width.

    Examples
    --------
    >>> r = random_chain("sigmoid", sigma_w=1, sigma_b=1)
    >>> f"{r.exponent:.8f} {r.typical_link:.4f}"
    '-2.30758479 0.0995'
    >>> round(random_chain("tanh", sigma_w=1.5, sigma_b=0).exponent, 6)  # every z tends to 0
    -0.229716
    """
    phi = neuron(activation)
    w, b = size("sigma_w", sigma_w, zero=False), size("sigma_b", sigma_b, zero=True)
    if b > LARGEST:
        raise BadValue(f"sigma_b is {b:g}; give a number up to {LARGEST:g}")
    with at_work():
        found = reach(phi, w, b)
    made = RandomChain(phi, w, b, math.nan, math.nan, found.index, found.fate, {}, found)
    if found.fate != SETTLES:
        return _in_the_limit(made)
    with at_work():
        return _settled(made)


@contextmanager
def at_work() -> Iterator[None]:
    """Many small products, on which several threads of BLAS wait for one another longer than they work.

    What leaves float64 on the way is told by what two grids differ by.
    """
    with threadpool_limits(limits=1, user_api="blas"), np.errstate(all="ignore"):
        yield


def _in_the_limit(made: RandomChain) -> RandomChain:
    """Links that are independent, |w| times one of two slopes by the toss of a coin: z at 0, or beyond all bends."""
    slopes = made._reach.limit.slope
    if np.isnan(slopes).any():
        raise BadValue(
            f"{made._reach.fate}, and the slope of {made.activation.name!r} has no limit there; give another sigma_w"
        )
    exponent = math.log(made.sigma_w) + MEAN_LOG + float(slopes.mean())
    dead = math.isinf(exponent)
    variance = math.nan if dead else VARIANCE_LOG + float(((slopes[0] - slopes[1]) / 2) ** 2)
    case = f"{made.case}, and φ' to 0 with it" if dead else made.case
    errors = {"exponent": 0.0 if dead else 8 * EPS * (1 + abs(exponent)), "variance": 8 * EPS}
    return replace(made, exponent=exponent, variance=variance, case=case, errors=errors)


def _settled(made: RandomChain) -> RandomChain:
    """z has a law of its own."""
    fine, rough = made._walks
    exact = {"exponent": 0.0, "variance": 0.0}
    dead = float(fine.settled @ fine.dead)
    if dead > NOTHING:
        case = f"φ' = 0 with probability {dead:.6g} a layer: the gradient is 0 sooner or later"
        return replace(made, exponent=-math.inf, case=case, errors=exact)
    p, kappa = made._reach.power, made.index
    if p >= kappa:
        case = f"E log|φ'(z)| is -∞: P(|z| > t) falls as t^-{kappa:.6g} only, and log|φ'| as -|z|^{p:.6g}"
        return replace(made, exponent=-math.inf, case=case, errors=exact)
    (value, rounding), (other, _) = exponent(fine), exponent(rough)
    made._agree("the exponent", value, other)
    errors = {"exponent": abs(value - other) + rounding, "variance": 0.0}
    if 2 * p >= kappa:
        case = f"log|φ'(z)| has no variance: P(|z| > t) falls as t^-{kappa:.6g} only"
        return replace(made, exponent=value, variance=math.inf, case=case, errors=errors)
    spread = variance(fine)
    errors["variance"] = abs(spread - variance(rough)) + 16 * EPS * spread
    return replace(made, exponent=value, variance=spread, errors=errors)
