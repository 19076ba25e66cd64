"""mean_field(): what becomes of a signal, of two of them, and of the gradient, in wide layers of random weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.given import truth
from chainderiv.shown import Shown, Shows
from chainderiv.theory.correlation import settled
from chainderiv.theory.curve import EPS, homogeneous, slopes_at_0
from chainderiv.theory.fixed_points import FixedPoint, fixed_points, sigma
from chainderiv.theory.growth import limits
from chainderiv.theory.moments import M2, M4, Moments, moments
from chainderiv.theory.residual_field import ResidualField, residual_field

DOUBTFUL = 1e-9  # relative error of q* from which on it is nearly a double root
MEANS = {"ordered": "gradients vanish", "chaotic": "gradients explode", "critical": "gradients keep their size"}


@dataclass(frozen=True)
class MeanField(Shows):
    """Infinitely wide layers with W ~ N(0, σ_w²/fan_in) and b ~ N(0, σ_b²), at the fixed point where signals settle.

    Attributes
    ----------
    activation, sigma_w, sigma_b : as they were given.
    fixed_points : every q* = σ_w² E φ(√q* z)² + σ_b², ascending, each with `.q_star`, `.stable`, `.chi_q` and `.chi_1`.
    q_star : the smallest stable one; inf where signals grow without end.
    chi_q : dq'/dq there, by which a difference of length is handed on.
    chi_1 : σ_w² E φ'(√q* z)²: by which the mean squared gradient grows in each layer on its way back.
    c_star : the correlation that two inputs tend to; NaN where q* is 0 or infinite, but for lines with a kink, which
        draw inputs together at any length, and where they part at a q* beyond 1e10.
    chi_c : the slope of its map there, χ₁ where c* = 1.
    xi_q, xi_c : -1/ln χ_q and -1/ln χ_c, the layers in which a difference of length or correlation falls to 1/e.
    kappa : E φ'⁴/(E φ'²)², which the spread over finite widths follows from; NaN where that is not known.
    phase : "ordered" (gradients vanish), "chaotic" (they explode) or "critical".
    case : "" where q* is one simple point, else "several fixed points", "a line of fixed points", "q* = 0",
        "q* = 0 at a kink", "nearly a double root" or "growth without end".
    errors : dict. Of q_star, chi_q, chi_1, c_star, chi_c and kappa.

    Examples
    --------
    >>> m = mean_field("sigmoid", sigma_w=1, sigma_b=1)
    >>> print(m)  # doctest: +ELLIPSIS
    sigmoid, sigma_w = 1, sigma_b = 1: ordered, gradients vanish
    number     value            error
    ---------  ---------------  -------
    q_star     1.30213403631    ...
    chi_q      0.026946222062   ...
    chi_1      0.0419597346364  ...
    c_star     1                0
    xi_q       0.276708439958   ...
    xi_c       0.31535347397    ...
    kappa      1.18722428826    ...
    half_life  0.437172742724   ...
    """

    activation: Activation
    sigma_w: float
    sigma_b: float
    fixed_points: tuple[FixedPoint, ...]
    q_star: float
    chi_q: float
    chi_1: float
    c_star: float
    chi_c: float
    kappa: float
    case: str
    errors: dict[str, float]

    @property
    def phase(self) -> str:
        """Which side of χ₁ = 1 it lies on, as far as the error of χ₁ tells."""
        if abs(self.chi_1 - 1) <= self.errors["chi_1"]:
            return "critical"
        return "ordered" if self.chi_1 < 1 else "chaotic"

    @property
    def xi_q(self) -> float:
        """-1/ln χ_q in layers; of a negative χ_q, whose differences change their sign, by its size."""
        return _depth(abs(self.chi_q), self.errors["chi_q"])

    @property
    def xi_c(self) -> float:
        """-1/ln χ_c in layers."""
        return _depth(self.chi_c, self.errors["chi_1"] if self.chi_c == self.chi_1 else 0.0)

    @property
    def half_life(self) -> float:
        """The layers in which ‖∂C/∂b‖ halves (or doubles, where it explodes): 2 ln 2/|ln χ₁|."""
        if self.chi_1 == 0:
            return 0.0
        return math.inf if self.phase == "critical" else 2 * math.log(2) / abs(math.log(self.chi_1))

    def _shown(self) -> Shown:
        named = {name: (getattr(self, name), self.errors.get(name)) for name in ("q_star", "chi_q", "chi_1", "c_star")}
        named |= {"xi_q": (self.xi_q, _moved(self.xi_q, self.chi_q, self.errors["chi_q"]))}
        named |= {"xi_c": (self.xi_c, _moved(self.xi_c, self.chi_c, self.errors["chi_c"]))}
        named |= {"kappa": (self.kappa, self.errors["kappa"])}
        life = _moved(self.half_life / (2 * math.log(2)), self.chi_1, self.errors["chi_1"])
        named |= {"half_life": (self.half_life, None if life is None else 2 * math.log(2) * life)}
        rows = [(name, f"{v:.12g}", _error(v, e)) for name, (v, e) in named.items()]
        title = f"{self.activation.name}, sigma_w = {self.sigma_w:.6g}, sigma_b = {self.sigma_b:.6g}: {self.phase}"
        return Shown([f"{title}, {MEANS[self.phase]}"], ("number", "value", "error"), rows, self._said())

    def _said(self) -> list[str]:
        """The case by its name, and every fixed point where there are several."""
        several = [
            f"q* = {p.q_star:.12g}: {'' if p.stable else 'un'}stable, chi_q = {p.chi_q:.6g}, chi_1 = {p.chi_1:.6g}"
            for p in self.fixed_points
        ]
        return [*filter(None, [self.case]), *(several if len(several) > 1 else [])]

    @property
    def error(self) -> float:
        """The largest of the errors, each as a share of its number (of 1 for small ones)."""
        sizes = {name: max(1.0, abs(v)) for name in self.errors if math.isfinite(v := getattr(self, name))}
        return max((self.errors[name] / size for name, size in sizes.items()), default=0.0)


def _error(value: float, off: float | None) -> str:
    return "" if off is None or not math.isfinite(value) else f"{off:.1e}" if off else "0"


def _moved(depth: float, chi: float, off: float | None) -> float | None:
    """By how much -1/ln χ changes where χ changes by off; None where one of them is not known."""
    return None if off is None or not 0 < depth < math.inf else depth**2 * off / abs(chi)


def _depth(chi: float, error: float) -> float:
    """-1/ln χ, inf where χ is 1 as far as its error tells."""
    if chi <= 0:  # of what is even no correlation is handed on, but for rounding
        return 0.0
    if math.isnan(chi):
        return math.nan
    return math.inf if chi >= 1 - error else -1 / math.log(chi)


@overload
def mean_field(
    activation: Any, sigma_w: float, sigma_b: float = 0.0, residual: Literal[False] = False
) -> MeanField: ...


@overload
def mean_field(activation: Any, sigma_w: float, sigma_b: float = 0.0, *, residual: Literal[True]) -> ResidualField: ...


def mean_field(
    activation: Any, sigma_w: float, sigma_b: float = 0.0, residual: bool = False
) -> MeanField | ResidualField:
    """The mean-field theory of an activation under random weights of a standard deviation σ_w/√fan_in.

    q' = σ_w² E φ(√q z)² + σ_b², χ₁ = σ_w² E φ'(√q z)² with z ~ N(0, 1); q is the variance before the activation.

    Parameters
    ----------
    activation : name, or Activation.
    sigma_w : > 0. Standard deviation of weights times √fan_in.
    sigma_b : >= 0. Standard deviation of biases.
    residual : whether layers add their input, a_l = a_{l-1} + φ(z_l). Then no length is kept, and a ResidualField says
        how signals and gradients grow.

    Raises
    ------
    BadValue
        For a σ that is none, a residual that is neither True nor False, and an activation whose expectations are
        infinite at the variance that it reaches.

    Sources: Poole et al. (2016), equations (3) to (6); Schoenholz et al. (2017), equations (3) to (10); Hayou, Doucet
    and Rousseau (2019); Yang and Schoenholz (2017) for residual layers.

    Examples
    --------
    >>> m = mean_field("tanh", sigma_w=1.5, sigma_b=0.2)
    >>> f"{m.q_star:.6f} {m.chi_1:.6f} {m.c_star:.4f} {m.phase}"
    '0.870899 1.100941 0.4966 chaotic'
    >>> [round(p.q_star, 4) for p in mean_field("gelu", sigma_w=2.1**0.5, sigma_b=0.1**0.5).fixed_points]
    [0.4699, 1.2374]
    >>> mean_field("relu", sigma_w=2**0.5).case
    'a line of fixed points'
    """
    phi = neuron(activation)
    w, b = sigma("sigma_w", sigma_w, zero=False), sigma("sigma_b", sigma_b, zero=True)
    known = moments(phi)
    if truth("residual", residual):
        return residual_field(known, w, b)
    if homogeneous(phi):
        return _scaled(known, w, b)
    points = fixed_points(known, w, b)
    stable = [p for p in points if p.stable]
    if not stable:
        return _grown(known, w, b, points)
    return _at(known, w, b, points, stable[0], _case(phi, points, stable[0]))


def _case(phi: Activation, points: tuple[FixedPoint, ...], chosen: FixedPoint) -> str:
    if chosen.q_star == 0:
        return "q* = 0 at a kink" if 0 in phi.kinks else "q* = 0"
    if chosen.errors[0] > DOUBTFUL * chosen.q_star:
        return "nearly a double root"
    return "several fixed points" if sum(p.q_star > 0 for p in points) > 1 else ""


def _at(known: Moments, w: float, b: float, points: tuple[FixedPoint, ...], at: FixedPoint, case: str) -> MeanField:
    """The theory at one fixed point."""
    kappa, kappa_error = _kappa(known, at.q_star)
    chaotic = at.chi_1 > 1 + at.errors[2]
    known_there = at.q_star > 0 and not (chaotic and at.q_star > math.exp(known.most))
    c_star, chi_c, c_error, chi_error = (1.0, at.chi_1, 0.0, at.errors[2]) if known_there else (math.nan,) * 4
    if chaotic and known_there:
        found = settled(known, at.q_star, at.errors[0], w)
        c_star, chi_c, c_error, chi_error = 1 - found.gap, found.chi, found.gap_error + EPS, found.chi_error
    errors = dict(zip(("q_star", "chi_q", "chi_1"), at.errors, strict=True))
    errors |= {"c_star": c_error, "chi_c": chi_error, "kappa": kappa_error}
    return MeanField(known.activation, w, b, points, at.q_star, at.chi_q, at.chi_1, c_star, chi_c, kappa, case, errors)


def _kappa(known: Moments, q: float) -> tuple[float, float]:
    """E φ'⁴/(E φ'²)² at q, NaN where E φ'⁴ is not known; at 0 what it tends to, which a kink there decides."""
    value, error = known.at(np.array([max(q, 1e-30)]))
    if not value[M4, 0] > 0:  # of slopes that are 0 there is no spread
        return math.nan, math.nan
    kappa = float(value[M4, 0] / value[M2, 0] / value[M2, 0])  # a square may be below all numbers
    return kappa, kappa * float(error[M4, 0] / value[M4, 0] + 2 * error[M2, 0] / value[M2, 0])


def _scaled(known: Moments, w: float, b: float) -> MeanField:
    """Lines that bend at 0 alone: V = k q, so that q' = σ_w² k q + σ_b² without any integral, k = E φ'²."""
    k = slopes_at_0(known.activation) or 0.0
    chi, error = w**2 * k, 4 * EPS * w**2 * k
    points: tuple[FixedPoint, ...] = ()
    if abs(chi - 1) <= error and b == 0:
        chi, q, case = 1.0, math.nan, "a line of fixed points"
    elif chi >= 1 - error:
        q, case = math.inf, "growth without end"
    else:
        q = b**2 / (1 - chi)
        off = 4 * EPS * q / (1 - chi)
        points = (FixedPoint(q, True, chi, chi, (off, error, error)),)
        case = "" if b else ("q* = 0 at a kink" if known.breaks else "q* = 0")
    kappa, kappa_error = _kappa(known, 1.0)
    errors = {"q_star": 0.0, "chi_q": error, "chi_1": error, "c_star": 0.0, "chi_c": error, "kappa": kappa_error}
    # a kink draws any two inputs together, at whatever length; a line leaves them as they are but for the bias
    settled = 0 < q < math.inf
    c_star = 1.0 if settled or known.breaks else math.nan
    chi_c = chi if settled else c_star
    return MeanField(known.activation, w, b, points, q, chi, chi, c_star, chi_c, kappa, case, errors)


def _grown(known: Moments, w: float, b: float, points: tuple[FixedPoint, ...]) -> MeanField:
    """No stable point: signals grow, and χ₁ is what it tends to."""
    found, level = limits(known), 2 * math.log(w)
    if found is None or not found.grows(level):
        known.reached(math.exp(known.most + 1))  # says what is infinite there
        raise BadValue(
            f"activation {known.activation.name!r} has no stable fixed point of the variance at sigma_w = {w:g}, "
            f"sigma_b = {b:g} as far as its expectations are known; give another sigma_w"
        )
    chi_q, chi_1 = w**2 * found.share[0], w**2 * found.slope[0]
    errors = {"q_star": 0.0, "chi_q": w**2 * found.share[1], "chi_1": w**2 * found.slope[1], "c_star": 0.0}
    errors |= {"chi_c": math.nan, "kappa": found.kappa[1]}
    case, kappa = "growth without end", found.kappa[0]
    return MeanField(known.activation, w, b, points, math.inf, chi_q, chi_1, math.nan, math.nan, kappa, case, errors)
