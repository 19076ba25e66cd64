"""κ: the first-order amplification of rounding along a chain's orbit.

With ε = 2^-52, float64 gives log|gradient| to 1e-12 · max(1, |log|) + 8 ε κ (design of the numerics). Rounding moves
z_l by at most ε E_l and a_l by ε A_l,

    E_l = |w_l| A_{l-1} + |w_l a_{l-1}| + |b_l|,    A_l = |φ'(z_l)| E_l + |a_l|,    A_0 = 0,

and log|φ'(z_l)| by |φ''/φ'| ε E_l. κ adds these over the layers whose φ' is a factor, the same for the input a_{k-1}
and the miss a_L - y, and the size of each logarithm. E and A are carried as logarithms: they may leave float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chainderiv.logsign import LogSign
from chainderiv.numeric.arrays import array_functions
from chainderiv.numeric.orbit import FAR, Orbit
from chainderiv.numeric.parameters import Parameters
from chainderiv.numeric.slope import log_rounded_size
from chainderiv.symbolic.chain import Chain, Parameter

Floats = NDArray[np.float64]
EPSILON = float(np.finfo(float).eps)


def bound(log: Floats, kappa: Floats) -> Floats:
    """The design's bound on |Δlog|: 1e-12 · max(1, |log|) + 8 ε κ."""
    with np.errstate(invalid="ignore"):
        size = np.where(np.isfinite(log), np.abs(log), 1.0)
    return np.asarray(1e-12 * np.maximum(1.0, size) + 8 * EPSILON * kappa)


class Conditioning:
    """Accumulates κ beside an Orbit; `step` after each of the orbit's steps, `finish` at the end."""

    def __init__(self, chain: Chain, parameters: Parameters, wrt: Parameter) -> None:
        self.chain, self.parameters, self.wrt = chain, parameters, wrt
        self._kappa = np.zeros(parameters.shape)
        self._log_error_z = np.full(parameters.shape, -np.inf)
        self._log_error_a = np.full(parameters.shape, -np.inf)

    def step(self, orbit: Orbit, before: LogSign) -> None:
        """The layer that the orbit has just walked; before is a_{l-1}."""
        layer, start = orbit.layer, max(self.wrt.layer, 1)
        weight = LogSign.from_float(self.parameters.w[layer])
        if layer == start and self.wrt.kind == "w":
            self._kappa += _size(before.log) + _ratio(self._log_error_a, before.log)
        self._log_error_z = self._error_z(layer, weight, before)
        f = array_functions(self.chain.activation(layer))
        rounded = orbit.a.log if f.value_rounding is None else _log_abs(f.value_rounding(orbit.z))
        with np.errstate(invalid="ignore"):
            moved = np.logaddexp(orbit.prime.log + self._log_error_z, np.maximum(rounded, orbit.a.log))
        self._log_error_a = np.where(np.isnan(moved), orbit.a.log, moved)
        if layer < start:
            return
        if f.derivative_rounding is not None:
            self._kappa = self._kappa + _lost(f.derivative_rounding(orbit.z), orbit.prime, f.states_zero_slope(orbit.z))
        curvature = f.curvature(orbit.z)
        # where φ' follows a power of z (|z| beyond 1e100) its curvature is a small multiple of 1/z
        curvature = np.where(np.isfinite(curvature), curvature, 4 / np.maximum(np.abs(orbit.z), 1.0))
        change = np.where(curvature == 0, 0.0, _exp(_log_abs(curvature) + self._log_error_z))
        self._kappa = self._kappa + _size(weight.log) + _size(orbit.prime.log) + change

    def finish(self, orbit: Orbit) -> Floats:
        """κ, the output's miss included."""
        target = np.broadcast_to(self.parameters.y, self.parameters.shape)
        miss = orbit.minus(target)
        with np.errstate(invalid="ignore"):
            error = orbit.prime.log + self._log_error_z
        rounded = log_rounded_size(orbit, target)
        own = array_functions(self.chain.activation(self.chain.depth)).value_rounding
        if own is not None:
            rounded = np.maximum(rounded, _log_abs(own(orbit.z)))
        rounding = _ratio(rounded, miss.log)
        return np.asarray(self._kappa + _size(miss.log) + _ratio(error, miss.log) + rounding)

    def _error_z(self, layer: int, weight: LogSign, before: LogSign) -> Floats:
        if self.parameters.b is None:
            return np.full(self.parameters.shape, -np.inf)  # pinned: z is exact
        through = np.logaddexp(self._log_error_a, before.log)
        with np.errstate(invalid="ignore"):
            product = np.where(np.isneginf(weight.log), -np.inf, weight.log + through)
        return np.asarray(np.logaddexp(product, _log_abs(self.parameters.b[layer])))


def _lost(rounding: Floats, prime: LogSign, stated: Floats) -> Floats:
    """The rounding of φ' relative to it, beyond the one that `_size` counts.

    inf where φ' could not be evaluated or underflowed, 0 where the formula states a 0.
    """
    log = np.asarray(prime.log)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        ratio = np.maximum(rounding / np.exp(log) - 1.0, 0.0)
    ratio = np.where(np.isnan(ratio) | np.isneginf(log), np.inf, ratio)
    # a power law far out is exact to a few roundings, whatever its own exponential does
    far_out = np.isfinite(log) & (np.abs(log) > np.log(FAR))
    return np.where((stated == 1) | far_out, 0.0, ratio)


def _size(log: Floats) -> Floats:
    """max(1, |log|), the rounding of a logarithm in units of ε; an exact zero has none."""
    return np.maximum(1.0, np.where(np.isfinite(log), np.abs(log), 1.0))


def _ratio(log_error: Floats, log_value: Floats) -> Floats:
    """error/value; 0/0 (relu at rest on its target) is no error at all."""
    with np.errstate(invalid="ignore", over="ignore"):
        ratio = np.exp(log_error - log_value)
    return np.where(np.isnan(ratio), 0.0, ratio)


def _exp(log: Floats) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.exp(log))


def _log_abs(value: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.abs(value)))
