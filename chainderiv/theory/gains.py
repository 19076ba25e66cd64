"""gains(): the gain at which gradients keep their size, PyTorch's beside it, and what each leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.lookup import neuron
from chainderiv.shown import Shown, Shows
from chainderiv.theory.critical import CriticalPoint, critical_points
from chainderiv.theory.mean_field import MeanField, mean_field
from chainderiv.theory.usual import torch_gain

HEADER = ("gain", "sigma_w", "chi_1", "growth per layer", "gradients")


@dataclass(frozen=True)
class Gains(Shows):
    """The σ_w at which initialisers that count by fan-in keep gradients' size, for an activation without biases.

    Attributes
    ----------
    activation : Activation.
    points : every critical point at σ_b = 0, ascending; unstable ones, at which no network is found, among them.
    gain : the smallest σ_w of the stable ones; None where there is none.
    torch : what torch.nn.init.calculate_gain gives; None where it has none.
    fields : the MeanField at each of the points' σ_w, and at torch's gain, if any, behind them; None where no stable
        fixed point is known.

    Examples
    --------
    >>> found = gains("tanh")
    >>> found.gain, found.torch, round(found.fields[-1].chi_1, 4)
    (1.0, 1.6666666666666667, 1.2098)
    """

    activation: Activation
    points: tuple[CriticalPoint, ...]
    torch: float | None
    fields: tuple[MeanField | None, ...]

    @property
    def gain(self) -> float | None:
        """The smallest stable critical σ_w; None where there is none."""
        return next((p.sigma_w for p in self.points if p.stable), None)

    def _shown(self) -> Shown:
        named = [("critical" if p.stable else "critical, unstable", p.sigma_w) for p in self.points]
        named += [] if self.torch is None else [("torch's calculate_gain", self.torch)]
        rows = [_row(*one, field) for one, field in zip(named, self.fields, strict=True)]
        return Shown([f"{self.activation.name}, sigma_b = 0"], HEADER if rows else (), rows, self._said())

    def _said(self) -> list[str]:
        said = [] if self.points else [f"chi_1 = 1 at no sigma_w where sigma_b = 0: {self.activation.name} has no gain"]
        if self.points and self.gain is None:
            said = ["unstable: signals leave the point, and no network is found there"]
        return [*said, *([] if self.torch is not None else ["torch's calculate_gain has none"])]


def _row(name: str, sigma_w: float, field: MeanField | None) -> tuple[str, ...]:
    if field is None:
        return name, f"{sigma_w:.12g}", *["not known"] * 3
    does = {"ordered": "vanish", "chaotic": "explode", "critical": "keep their size"}[field.phase]
    grown = " (signals grow without end)" if field.case == "growth without end" else ""
    return name, f"{sigma_w:.12g}", f"{field.chi_1:.6g}", f"{field.chi_1**0.5:.6g}", does + grown


def gains(activation: Any) -> Gains:
    """The gain of an activation: the σ_w with σ_w² E φ'(√q* z)² = 1 at σ_b = 0; torch's, and what each leads to.

    A gain is what torch.nn.init's and Keras's initialisers by fan-in multiply 1/√fan_in by. ‖∂C/∂b‖ grows by √χ₁ in
    each layer on its way back.

    Raises
    ------
    BadValue
        For an activation whose expectations are infinite. UnknownName for a name that no table holds.

    Poole et al. (2016), Schoenholz et al. (2017).

    Examples
    --------
    >>> print(gains("selu"))
    selu, sigma_b = 0
    gain                    sigma_w         chi_1    growth per layer  gradients
    ----------------------  --------------  -------  ----------------  ---------------
    critical                0.690486073634  1        1                 keep their size
    torch's calculate_gain  0.75            1.00367  1.00183           explode
    """
    phi = neuron(activation)
    points, torch = critical_points(phi), torch_gain(phi)
    sigmas = [*(p.sigma_w for p in points), *([] if torch is None else [torch])]
    return Gains(phi, points, torch, tuple(_field(phi, w) for w in sigmas))


def _field(phi: Activation, sigma_w: float) -> MeanField | None:
    try:
        return mean_field(phi, sigma_w)
    except BadValue:
        return None
