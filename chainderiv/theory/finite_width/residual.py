"""The logarithm of ‖∂C/∂b_l‖² where layers add their input, a_l = a_{l-1} + φ(z_l).

With γ_l the mean over the inputs of ∂C/∂a_l, and Γ_l the mean square of its n parts, one layer makes of Γ_l

    Γ_{l-1} = Γ_l (1 + n σ_W² E ψ(v_l)²),  |g_l|² = n Γ_l E ψ(v_l)²,

for W_l^T g_l is drawn anew, and across γ_l but for a share of the order of 1/√n. On the way there

    P_l = P_{l-1} + E A(v_l)² + 2 m_{l-1} E A(v_l),  m_l = m_{l-1} + E A(v_l)

are the means over the neurons of a_l(x) a_l(x') and of a_l. To the first order in 1/n P, m and what is an input's own
scatter, the squares and the product with γ_l do, and W_l has been used on the way there, as turning.py has it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chainderiv.functions.activation import Activation
from chainderiv.kinds import Floats
from chainderiv.theory.finite_width.blurred import SHARP, Blurred, Values
from chainderiv.theory.finite_width.end import Ending, over
from chainderiv.theory.finite_width.held import require_known
from chainderiv.theory.finite_width.layer import Drawn, differences
from chainderiv.theory.finite_width.logarithm import Cumulants
from chainderiv.theory.finite_width.turning import at_outputs, turned
from chainderiv.theory.finite_width.width import BY_BOWING, Course, across, held, in_first_layer
from chainderiv.theory.moments import TINY


@dataclass(frozen=True)
class Adding:
    """A hidden layer at p and τ, on a sum (P, T, m) of layers below: T is the part of P that each input has its own.

    kept : 1 where the layer adds its input, else 0.
    """

    p: float
    tau: float
    width: int
    gain: float  # n σ_W² of the layer above
    kept: float
    below: Floats  # P, T, m of a_{l-1}
    by_state: Floats  # (2, 3): of log p and log τ by them
    values: Values
    slopes: Floats  # (4, 2): of E A², E W, E A and log E ψ² by log p and log τ
    bends: Floats  # (4, 2, 2)

    @cached_property
    def means(self) -> Floats:
        """E A², E W and E A."""
        return _means(self.values)

    @property
    def above(self) -> Floats:
        """P, T, m of a_l."""
        V, W, mu = self.means
        return np.asarray(self.kept * self.below + np.array([V + 2 * self.kept * self.below[2] * mu, W, mu]))

    @cached_property
    def squared(self) -> float:
        """E ψ²."""
        return self.values.expect(self.values.slope**2)

    @property
    def kappa(self) -> float:
        """E ψ⁴/(E ψ²)²."""
        return self.values.expect(self.values.slope**4) / self.squared**2

    @cached_property
    def handed(self) -> Floats:
        """The derivative (3, 3) of P, T, m above by those below."""
        moved = self.slopes[:3] @ self.by_state
        moved[0] += 2 * self.kept * self.below[2] * moved[2]
        moved[0, 2] += 2 * self.kept * self.means[2]
        return np.asarray(self.kept * np.eye(3) + moved)

    def shifts(self, mean: Floats, covariance: Floats) -> Floats:
        """By how much E A², E W, E A and log E ψ² are larger where P, T, m scatter by these, (4,)."""
        off, spread = of_logarithms(self.by_state, mean, covariance)
        return np.asarray(self.slopes @ off + (self.bends * spread).sum(axis=(1, 2)) / 2)

    def shifted(self, mean: Floats, covariance: Floats) -> Floats:
        """By how much P, T, m above are larger."""
        V, W, mu, _ = self.shifts(mean, covariance)
        crossed = mean[2] * self.means[2] + self.slopes[2] @ self.by_state @ covariance[:, 2]
        return np.asarray(self.kept * mean + np.array([V + 2 * self.kept * (self.below[2] * mu + crossed), W, mu]))

    @cached_property
    def _parts(self) -> Floats:
        """What one neuron adds to E A² + 2 m A, E W and E A, less its mean, (3, k)."""
        at = self.values
        parts = np.array([at.mean**2 + 2 * self.kept * self.below[2] * at.mean, at.variance, at.mean])
        return parts - (parts @ at.weights)[:, None]

    @cached_property
    def made(self) -> Floats:
        """The covariance (3, 3) of P, T, m above at given ones below."""
        found = (self._parts * self.values.weights) @ self._parts.T
        # the neurons' own a_{l-1} differ, and each takes its A with it
        spread = max(self.below[0] - self.below[2] ** 2, 0.0)
        found[0, 0] += 4 * self.kept * spread * self.values.expect(self._parts[2] ** 2)
        return np.asarray(found / self.width)

    @cached_property
    def shared(self) -> Floats:
        """Their covariance with log (1/n) Σ ψ², (3,)."""
        return np.asarray(self._parts @ (self.values.weights * self.values.slope**2) / (self.squared * self.width))


def residual_course(
    activation: Activation, widths: Sequence[int], drawn: Sequence[Drawn], square: float, product: float, inputs: int,
    end: Ending,
) -> Course:  # fmt: skip
    """As course(), of networks whose hidden layers add their input where it is as wide."""
    layers, by_end, (p, tau) = _there(Blurred(activation), widths, drawn, square, product)
    means, covariances = [np.zeros(3)], [np.zeros((3, 3))]
    for one in layers:
        means.append(one.shifted(means[-1], covariances[-1]))
        covariances.append(one.handed @ covariances[-1] @ one.handed.T + one.made)
    at_end, slope = over(end, p, tau, *of_logarithms(by_end, means[-1], covariances[-1]))
    along = end.along(p, tau, p - drawn[-1].sigma_b ** 2)
    known = at_outputs(along, layers[-1].above)
    singles = _singles(layers, end.single(p, tau))
    shares = [(ratio - 1) / inputs for ratio in singles]
    back, n = slope @ by_end, widths[-1]  # back: what log Γ_l changes by P, T, m of a_l
    by_t = float(1 / (n + along.mean - 1))  # what it changes by t of the outputs
    log_gamma = np.log(layers[-1].gain / n) + at_end.mean - 1 / n + np.log1p((along.mean - 1) / n)
    apart = at_end.variance - across(back, covariances[-1]) + 2 / n  # of log Γ_l, at given P, T, m of a_l and t
    logs, steps, above = [at_end._replace(mean=at_end.mean + float(np.log1p(shares[-1])))], list[Cumulants](), None
    turning, bent, bowed, left_out = (along.mean - 1) / n, 0.0, 0.0, 0.0
    for k in reversed(range(len(layers))):
        one, covariance = layers[k], covariances[k]
        r, n = drawn[k].sigma ** 2 * one.width * one.squared, widths[k - 1] if k else one.width
        known, larger, grown = turned(
            known, one.values, one.below, one.kept, one.p - drawn[k].sigma_b ** 2, one.p, r, n
        )
        here, spread = one.by_state.T @ one.slopes[3], 3 * (one.kappa - 1) / one.width
        whole, through = here + one.handed.T @ back, across(back, one.made)
        variance = apart + through + 2 * back @ one.shared + spread + across(whole, covariance)
        t = by_t + larger[1] / (1 + larger[0])
        turn = t**2 * (along.variance - 2)
        mean = log_gamma + np.log(one.width * one.squared) - spread / 2 + np.log1p(shares[k])
        off = one.shifts(means[k], covariance)[3]  # of log E ψ²
        bent = max(bent, bow := abs(float(one.shifts(np.zeros(3), covariance)[3])))
        bowed += bow
        left_out = max(left_out, BY_BOWING * bowed / math.sqrt(max(float(variance), TINY)))
        mean += off + np.log1p(larger[0]) - turn / 2
        variance_of_step = _of_step(one, above, here, spread, covariance)
        steps.append(Cumulants(float(mean - logs[-1].mean), variance_of_step, 0.0, 0.0))
        variance += turn + 2 * t * along.with_log
        logs.append(at_end._replace(mean=float(mean), variance=float(variance)))
        if k:
            part = r / (one.kept + r)
            own = part**2 * (spread + 2 / n) + 4 * one.kept * part * (1 - part) / n
            ratio = one.kept + r + grown[0]
            turning = max(turning, float(grown[0] / (one.kept + r)))
            log_gamma += np.log(ratio) - own / 2 + part * off + part * (1 - part) * across(here, covariance) / 2
            by_t += float(grown[1] / ratio)
            apart += float(through + 2 * part * back @ one.shared + own)
            above = (one, part, own - part**2 * spread)
            back = part * here + one.handed.T @ back
    return Course(
        tuple(logs[::-1]), tuple(steps[::-1]), bent, max(map(abs, shares)), singles[0] / singles[-1], turning, left_out
    )


def of_logarithms(by_state: Floats, mean: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """The mean of log p and log τ less those of the means, and their covariance."""
    spread = by_state @ covariance @ by_state.T
    return by_state @ mean - np.diag(spread) / 2, spread


def _of_step(
    one: Adding, above: tuple[Adding, float, float] | None, here: Floats, spread: float, covariance: Floats
) -> float:
    """The variance of log |g_l|² - log |g_{l+1}|², to the first order."""
    if above is None:
        return 0.0
    other, part, own = above
    there = (part - 1) * other.by_state.T @ other.slopes[3]
    moved = across(there, one.made) + 2 * there @ one.shared + across(here + one.handed.T @ there, covariance)
    return float(spread + own + (part - 1) ** 2 * 3 * (other.kappa - 1) / other.width + moved)


def _there(
    neuron: Blurred, widths: Sequence[int], drawn: Sequence[Drawn], square: float, product: float
) -> tuple[list[Adding], Floats, tuple[float, float]]:
    """The hidden layers at endless width; how log p and log τ of the last layer follow P, T, m below; and p and τ."""
    p, tau = in_first_layer(drawn[0], square, product)
    below, by_state = np.zeros(3), np.zeros((2, 3))
    layers: list[Adding] = []
    for k, (width, above) in enumerate(zip(widths, drawn[1:], strict=True)):
        held(p, tau, k + 1)
        kept = float(k > 0 and width == widths[k - 1])
        layers.append(_layer(neuron, p, tau, width, width * above.sigma**2, kept, below, by_state))
        require_known(neuron.activation, p, tau, layers[-1].values)
        below, gain = layers[-1].above, layers[-1].gain
        p, tau = gain * below[0] + above.sigma_b**2, gain * below[1]
        by_state = np.array([[gain / max(p, TINY), 0, 0], [0, gain / max(tau, TINY) if tau > SHARP * p else 0, 0]])
    return layers, by_state, held(p, tau, len(layers) + 1)


def _layer(
    neuron: Blurred, p: float, tau: float, width: int, gain: float, kept: float, below: Floats, by_state: Floats
) -> Adding:
    def moments(p: float, tau: float) -> Floats:
        at = neuron.at(p, tau)
        return np.append(_means(at), np.log(max(at.expect(at.slope**2), TINY)))

    _, slopes, bends = differences(moments, p, tau)
    return Adding(p, tau, width, gain, kept, below, by_state, neuron.at(p, tau), slopes, bends)


def _means(at: Values) -> Floats:
    return np.array([at.expect(at.mean**2), at.expect(at.variance), at.expect(at.mean)])


def _singles(layers: Sequence[Adding], single: float) -> list[float]:
    """E |δ_l|² of one input over E |g_l|² of endlessly many, that of the last layer, which is given, among them."""
    ratios, gamma, of_one = [single], 1.0, single
    for k in reversed(range(len(layers))):
        one = layers[k]
        slope, squared = one.squared, one.values.expect(one.values.squared_slope)
        ratios.append(of_one * squared / (gamma * slope))
        if k:
            r = layers[k - 1].gain * one.width / layers[k - 1].width
            gamma, of_one = gamma * (one.kept + r * slope), of_one * (one.kept + r * squared)
            of_one, gamma = of_one / gamma, 1.0
    return ratios[::-1]
