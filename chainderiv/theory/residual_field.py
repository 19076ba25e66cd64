"""mean_field(residual=True): how signals and gradients grow through wide layers that add their input."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from chainderiv.functions.activation import Activation
from chainderiv.given import size, whole_number
from chainderiv.kinds import Floats
from chainderiv.shown import Shown, Shows
from chainderiv.theory.gaussian import Divergent, Expected, gaussian, reached
from chainderiv.theory.moments import Moments

FAR = 60.0  # log q at which limits are read
STEP = 4.0  # of log q, between the three values that tell a limit
SETTLED = 1e-6  # a relative difference of these that is none
NOTHING = 1e-9  # of what q makes of it, that is as good as 0
MOST = 1e250  # of q


@dataclass(frozen=True)
class ResidualField(Shows):
    """Infinitely wide layers a_l = a_{l-1} + φ(z_l), W ~ N(0, σ_w²/fan_in), b ~ N(0, σ_b²): no length is kept.

    On its way back the mean square of ∂C/∂a_l grows by 1 + σ_w² E φ'(z_l)² in each layer, so it never vanishes.

    Attributes
    ----------
    activation, sigma_w, sigma_b : as they were given.
    growth : how the gradient grows with the depth l in the end: "exponential", "stretched" (its logarithm grows as √l),
        or "polynomial"; "" where it is none of these as far as is known.
    rate : of the mean square of ∂C/∂a: by what it is multiplied in each layer in the end (exponential); k in e^{k √l}
        (stretched), and in l^k (polynomial); NaN where growth is "".
    length_rate : of q: by what it is multiplied in each layer, k in k l and k in k l².

    Examples
    --------
    >>> import chainderiv as cd
    >>> m = cd.mean_field("relu", sigma_w=1, residual=True)
    >>> m.growth, m.phase, round(m.rate, 12)
    ('exponential', 'chaotic', 1.5)
    >>> m.lengths(depth=3, q=2.0).round(6).tolist()  # E relu² = q/2, E relu = √(q/2π): 1 + 1/2 + 2/√π/√(2π)
    [2.0, 1.0, 1.950158]
    """

    activation: Activation
    sigma_w: float
    sigma_b: float
    growth: str
    rate: float
    length_rate: float
    _moments: Moments

    @property
    def phase(self) -> str:
        """'chaotic' where gradients explode exponentially, 'critical' where more slowly, '' where that is not known."""
        return {"exponential": "chaotic", "": ""}.get(self.growth, "critical")

    def lengths(self, depth: int, q: float = 1.0) -> Floats:
        """The mean squares q_l of z_l in hidden layers 1 … depth, (depth,); q that of the first, which adds nothing.

        P_l = P_{l-1} + E φ² + 2 m_{l-1} E φ and m_l = m_{l-1} + E φ over z ~ N(0, q_l); q_{l+1} = σ_w² P_l + σ_b².
        Raises BadValue for a depth or a q that is none, and where an expectation is infinite or q leaves float64.
        """
        return self._walk(depth, q)[0]

    def growths(self, depth: int, q: float = 1.0) -> Floats:
        """1 + σ_w² E φ'(z_l)² in hidden layers 2 … depth, (depth - 1,): by what the mean square of ∂C/∂a grows in each.

        Raises BadValue as lengths does.
        """
        return 1 + self.sigma_w**2 * self._walk(depth, q)[1][1:]

    def bias_growths(self, depth: int, q: float = 1.0) -> Floats:
        """‖∂C/∂b_l‖² over ‖∂C/∂b_{l+1}‖², l = 1 … depth - 1, (depth - 1,): the same, times a quotient of E φ'².

        Raises BadValue as lengths does.
        """
        slopes = self._walk(depth, q)[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((1 + self.sigma_w**2 * slopes[1:]) * slopes[:-1] / slopes[1:])

    def _walk(self, depth: int, q: float) -> tuple[Floats, Floats]:
        """q_l and E φ'² in each layer."""
        count, q = whole_number("depth", depth, 1), size("q", q, zero=False)
        P = m = 0.0
        lengths, slopes = [], []
        for layer in range(1, count + 1):
            if not 0 < q < MOST:
                cure = "a smaller depth or sigma_w" if q else "a larger sigma_w or sigma_b"
                raise Divergent(f"signals have the mean square {q:.3g} in layer {layer}; give {cure}")
            V, slope, mean = _means(self._moments, np.array([q])).value[:, 0].tolist()
            lengths.append(q)
            slopes.append(slope)
            P, m = P + V + 2 * m * mean, m + mean
            q = self.sigma_w**2 * P + self.sigma_b**2
        return np.array(lengths), np.array(slopes)

    def _shown(self) -> Shown:
        named = {
            "exponential": ("∂C/∂a² times, a layer", "q times, a layer"),
            "stretched": ("k in e^(k √l)", "q over l"),
            "polynomial": ("k in l^k", "q over l²"),
        }.get(self.growth, ())
        growth = f"{self.growth} growth of gradients" if self.growth else "how gradients grow is not known"
        title = (
            f"{self.activation.name}, sigma_w = {self.sigma_w:.6g}, sigma_b = {self.sigma_b:.6g}, residual: {growth}"
        )
        rows = [(name, f"{v:.12g}") for name, v in zip(named, (self.rate, self.length_rate), strict=False)]
        return Shown([title], ("number", "value") if rows else (), rows)


def residual_field(known: Moments, w: float, b: float) -> ResidualField:
    """Which growth it is, read off E φ², E φ'² and E φ at three lengths that are far out."""
    growth, rate, length_rate = _growth(known, w)
    return ResidualField(known.activation, w, b, growth, rate, length_rate, known)


def _means(known: Moments, q: Floats) -> Expected:
    """E φ², E φ'² and E φ at variances q (n,), (3, n); raises BadValue."""
    functions = known.functions

    def integrand(z: Floats, q: Floats) -> Floats:
        value, slope = functions.value(z), functions.derivative(z)
        return np.array([value * value, slope * slope, value])

    return reached(gaussian(integrand, q, known.edges.tolist()), q)


def _growth(known: Moments, w: float) -> tuple[str, float, float]:
    q = np.exp(FAR - STEP * np.array([2.0, 1.0, 0.0]))
    try:
        found = _means(known, q)
    except Divergent:
        return "", math.nan, math.nan
    V, slope, mean = found.value
    # what begins beyond e^30 is not seen, and sin(z)² there not told from anything
    if not V.any() or (found.error[:2] > SETTLED * found.value[:2]).any():
        return "", math.nan, math.nan
    root, a = np.sqrt(q), w * w
    share, steep = _limit(V / q), _limit(slope)
    if share is not None and steep is not None and share > NOTHING and steep > NOTHING:
        lean = _limit(mean / root)
        if lean is None:
            return "", math.nan, math.nan
        return "exponential", 1 + a * steep, _factor(a * share, a * lean**2)
    height, fall, level = _limit(V), _limit(slope * root), _limit(mean)
    if height is None or fall is None or level is None:
        return "", math.nan, math.nan
    if abs(level) > NOTHING * math.sqrt(height):
        return "polynomial", w * fall / abs(level), a * level**2
    return "stretched", 2 * w * fall / math.sqrt(height), a * height


def _limit(values: Floats) -> float | None:
    """The last of three that are the same, with 0 what is next to it; None where they are not."""
    last = float(values[-1])
    size = float(np.abs(values).max())
    if size <= NOTHING:
        return 0.0
    return last if float(np.ptp(values)) <= SETTLED * size else None


def _factor(share: float, lean: float) -> float:
    """By what q grows in a layer in the end: ρ² with (ρ² - 1 - σ_w² V/q) (ρ - 1) = 2 σ_w² (E φ)²/q.

    With t = m/√P both P' = P (1 + σ_w² V/q + 2 t √lean) and m' = m + √(lean P) are ρ², and ρ, of what was.
    """
    from scipy.optimize import brentq

    # with ρ = √(1 + V) + t no term of t (2 √(1 + V) + t) (√(1 + V) - 1 + t) = 2 lean cancels, however large V is
    low = math.sqrt(1 + share)
    below = share / (low + 1)
    if not lean:
        return 1 + share
    # each of the product's four terms is 2 lean at most, and one of them a quarter of that at least
    high = min(math.cbrt(2 * lean), math.sqrt(lean / low), math.sqrt(2 * lean / below), lean / low / below)
    t = brentq(lambda t: t * (2 * low + t) * (below + t) / lean - 2, high / 5, 1.01 * high, xtol=1e-300, rtol=1e-14)
    return float((low + t) ** 2)
