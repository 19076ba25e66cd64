"""What a network's random weights and biases may be drawn from: a law with its σ, the critical one, or an own function.

Every σ is a standard deviation, and biases that a start does not speak of are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainderiv.errors import BadShape, BadValue
from chainderiv.functions.activation import Activation
from chainderiv.given import size
from chainderiv.kinds import Floats


def _normal(rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
    return rng.standard_normal((fan_out, fan_in))


def _uniform(rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
    # the variance within ±bound is bound²/3
    return rng.uniform(-np.sqrt(3), np.sqrt(3), (fan_out, fan_in))


def _orthogonal(rng: np.random.Generator, fan_out: int, fan_in: int) -> Floats:
    """√max(n_out, n_in) Q, with QᵀQ = 1 or QQᵀ = 1, whichever is smaller; evenly over all such Q (Mezzadri 2007)."""
    Q, R = np.linalg.qr(rng.standard_normal((max(fan_out, fan_in), min(fan_out, fan_in))))
    Q *= np.where(np.diag(R) < 0, -1.0, 1.0)
    return np.asarray(np.sqrt(max(fan_out, fan_in)) * (Q if fan_out >= fan_in else Q.T))


LAWS = {"normal": _normal, "uniform": _uniform, "orthogonal": _orthogonal}  # of variance 1


@dataclass(frozen=True)
class Start:
    """Weights of mean 0 from one of LAWS, and biases from N(0, σ_b²).

    scaled : (x, fan_out, fan_in) -> x times a weight's standard deviation.
    """

    name: str
    about: str
    scaled: Callable[[Any, int, int], Any]
    sigma_b: float = 0.0
    law: str = "normal"

    def of(self, activation: Activation) -> Start:
        """What is drawn for that activation: the same for all."""
        return self

    def sigma(self, fan_out: int, fan_in: int) -> float:
        """The standard deviation of one weight."""
        return float(self.scaled(1.0, fan_out, fan_in))

    def __call__(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> tuple[Floats, Floats]:
        """W (fan_out, fan_in) and b (fan_out,), float64."""
        W = self.scaled(LAWS[self.law](rng, fan_out, fan_in), fan_out, fan_in)
        return W, self.sigma_b * rng.standard_normal(fan_out) if self.sigma_b else np.zeros(fan_out)


@dataclass(frozen=True)
class Gaussian:
    """W ~ N(0, σ_w²/n_in) and b ~ N(0, σ_b²) in every layer, for Network's init; both sigmas are standard deviations.

    Parameters
    ----------
    sigma_w : > 0. Standard deviation of weights times the square root of fan-in.
    sigma_b : >= 0. Standard deviation of biases.

    Raises
    ------
    BadValue
        For a σ that is none.

    Examples
    --------
    >>> import chainderiv as cd
    >>> cd.Network([64, 30, 10], "tanh", init=cd.Gaussian(cd.critical_sigma_w("tanh"), sigma_b=0)).init
    'sigma_w=1.0,sigma_b=0.0'
    """

    sigma_w: float
    sigma_b: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma_w", size("sigma_w", self.sigma_w, zero=False))
        object.__setattr__(self, "sigma_b", size("sigma_b", self.sigma_b, zero=True))

    @property
    def name(self) -> str:
        """The text that Network's init takes for it."""
        return f"sigma_w={self.sigma_w!r},sigma_b={self.sigma_b!r}"

    def of(self, activation: Activation) -> Start:
        """What is drawn for an activation: the same for all."""
        return Start(self.name, "", lambda x, n_out, n_in: x * (self.sigma_w / np.sqrt(n_in)), self.sigma_b)


@dataclass(frozen=True)
class Critical:
    """The Gaussian whose σ_w is the smallest stable critical one for the network's activation at a given σ_b."""

    sigma_b: float = 0.0
    about = (
        "W ~ N(0, σ_w²/n_in), b ~ N(0, σ_b²) with the smallest σ_w at which gradients neither vanish nor explode in "
        "wide layers, of those that chainderiv.critical_points calls stable; σ_b is 0, or as in 'critical,sigma_b=0.2'"
    )

    @property
    def name(self) -> str:
        """The text that Network's init takes for it."""
        return f"critical,sigma_b={self.sigma_b!r}" if self.sigma_b else "critical"

    def of(self, activation: Activation) -> Start:
        """What is drawn for that activation; raises BadValue where none is critical, or signals leave where it is."""
        from chainderiv.theory.critical import critical_points, critical_sigma_w  # SciPy, for those who ask for it

        points = critical_points(activation, self.sigma_b)
        found = next((p.sigma_w for p in points if p.stable), None)
        if points and found is None:
            least = Gaussian(points[0].sigma_w, self.sigma_b)
            raise BadValue(
                f"activation {activation.name!r} is critical at sigma_b = {self.sigma_b:g} only where signals leave "
                f"the point, and no network is found there; give another sigma_b, or {least.name} for it all the same"
            )
        return Gaussian(found or critical_sigma_w(activation, self.sigma_b), self.sigma_b).of(activation)


@dataclass(frozen=True)
class Own:
    """A function of a Generator, fan_out and fan_in that gives W and b, with what it gives checked."""

    draw: Callable[[np.random.Generator, int, int], Any]

    @property
    def name(self) -> str:
        """The function's name, under which a record tells of it."""
        return str(getattr(self.draw, "__name__", type(self.draw).__name__))

    def of(self, activation: Activation) -> Own:
        """What is drawn for an activation: the same for all."""
        return self

    def __call__(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> tuple[Floats, Floats]:
        """W (fan_out, fan_in) and b (fan_out,), float64; raises BadValue or BadShape for anything else."""
        wanted = f"give W ({fan_out}, {fan_in}) and b ({fan_out},), finite"
        try:
            W, b = (_real(one) for one in self.draw(rng, fan_out, fan_in))
        except (TypeError, ValueError) as e:
            raise BadValue(f"init {self.name!r} gives no two arrays of numbers; {wanted}") from e
        if (W.shape, b.shape) != ((fan_out, fan_in), (fan_out,)):
            raise BadShape(f"init {self.name!r} gives arrays of the shapes {W.shape} and {b.shape}; {wanted}")
        if not (np.isfinite(W).all() and np.isfinite(b).all()):
            raise BadValue(f"init {self.name!r} gives NaN or infinity; {wanted}")
        return W, b


def _real(given: Any) -> Floats:
    """An array of its own, (…); TypeError for complex numbers, of which a cast would keep one part."""
    if np.iscomplexobj(given):
        raise TypeError("complex numbers")
    return np.array(given, float)
