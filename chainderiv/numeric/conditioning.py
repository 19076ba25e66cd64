"""κ: the first-order amplification of rounding along a chain's orbit.

With ε = 2^-52, float64 gives log|gradient| to 1e-12 · max(1, |log|) + 8 ε κ (design of the numerics). Rounding moves
z_l by at most ε E_l and a_l by ε A_l (orbit_error), and log|φ'(z_l)| by |φ''/φ'| ε E_l. κ adds these over the layers
whose φ' is a factor, the same for the input a_{k-1} and the miss a_L - y, and the size of each logarithm. In a
residual chain what rounds m = w_l φ'(z_l) rounds log|1 + m| by |m / (1 + m)| times as much.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainderiv.kinds import Floats, Mask
from chainderiv.logsign import LogSign
from chainderiv.numeric.orbit import Orbit
from chainderiv.numeric.orbit_error import EPSILON, OrbitError, off_float, ratio, size
from chainderiv.numeric.parameters import Parameters
from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbols import Expr

NEARLY = 1e-12  # of E_l: thousands of ε
LOST = 1e-9  # rounding in the logarithm from which on a value is not to be trusted
UNKNOWN = 1e-4  # the same, and the share of a larger logarithm, from which on it is none: its first digits are known


def bound(log: Floats, kappa: Floats) -> Floats:
    """The design's bound on |Δlog|: 1e-12 · max(1, |log|) + 8 ε κ."""
    with np.errstate(invalid="ignore"):
        magnitude = np.where(np.isfinite(log), np.abs(log), 1.0)
    return np.asarray(1e-12 * np.maximum(1.0, magnitude) + 8 * EPSILON * kappa)


def is_lost(kappa: Floats) -> Mask:
    """Where κ allows rounding to move the logarithm by LOST; a κ that is NaN allows it."""
    return np.asarray(~(8 * EPSILON * kappa < LOST))


def is_unknown(kappa: Floats) -> Mask:
    """Where κ allows rounding to move the logarithm by UNKNOWN, or is NaN."""
    return np.asarray(~(8 * EPSILON * kappa < UNKNOWN))


def without(lost: Mask, gradient: LogSign) -> LogSign:
    """The gradient, NaN where it is lost."""
    return LogSign.of(np.where(lost, np.nan, gradient.sign), np.where(lost, np.nan, gradient.log))


class Conditioning:
    """Accumulates κ beside an Orbit; `step` after each of the orbit's steps, `finish` at the end."""

    def __init__(self, chain: Chain, parameters: Parameters, wrt: Parameter) -> None:
        self.chain, self.parameters, self.wrt = chain, parameters, wrt
        self._kappa = np.zeros(parameters.shape)
        self._of_size = np.zeros(parameters.shape)  # the part of κ that grows with the logarithm and spares the sign
        self._turning = np.zeros(parameters.shape, bool)
        self._error = OrbitError(chain, parameters)
        self._is_zero = np.zeros(parameters.shape, bool)  # a factor is certainly 0
        self._is_finite = np.ones(parameters.shape, bool)
        self._lost_before = np.zeros(parameters.shape, bool)  # the orbit, before θ's own layer

    def step(self, orbit: Orbit, before: LogSign) -> None:
        """The layer that the orbit has just walked; before is a_{l-1}."""
        layer, start = orbit.layer, self.wrt.start
        if layer == start:
            self._lost_before = self._error.astray
        if layer == start and self.wrt.kind == "w":
            self._kappa += size(before.log) + ratio(self._error.log_a, before.log)
            zero, lost = np.asarray(before.sign == 0), self._error.may_underflow
            self._kappa = np.where(zero & lost, np.inf, self._kappa)  # the logarithm of gelu(-1e200) leaves float64
            self._is_zero |= zero & np.isneginf(self._error.log_a) & ~self._error.astray & ~lost
        self._error.step(orbit, before)
        if layer < start:
            return
        of_size, of_prime = self._error.of_size(orbit), self._error.of_digits(orbit)
        if self.chain.residual:
            of_size, of_prime = np.zeros_like(of_prime), of_size + of_prime
        self._of_size, self._turning = self._of_size + of_size, self._turning | self._error.turning
        linked = layer > start or self.wrt.is_activation
        self._is_finite &= orbit.prime.log < np.inf
        if not (linked and self.chain.residual):
            self._is_zero |= self._error.proves_zero | (linked & (orbit.weight.sign == 0))
        # a weight is counted where it is no factor, too: κ only says how much at most
        apart = size(orbit.weight.log) + of_prime
        self._kappa = self._kappa + (self._error.of_link(orbit, of_prime) if linked else apart)

    def finish(self, orbit: Orbit) -> Floats:
        """κ, the output's miss included; 0 where a factor is certainly 0 and the others are numbers."""
        target = np.broadcast_to(self.parameters.y, self.parameters.shape)
        of_output, keeps_sign = self._error.of_output(orbit, target), self._error.keeps_sign(orbit, target)
        self._kappa = self._kappa + np.where(keeps_sign, 0.0, of_output)
        self._of_size = self._of_size + np.where(keeps_sign, of_output, 0.0)
        finite = self._is_finite & (orbit.minus(target).log < np.inf)
        kappa = self._kappa + self._of_size
        if self.wrt.start > orbit.layer:  # a_L, of which every layer is before
            self._lost_before = self._error.astray
        kappa = np.where(self._lost_before | np.isnan(kappa), np.inf, kappa)
        return np.asarray(np.where(self._is_zero & finite, 0.0, kappa))

    def unknown(self, kappa: Floats, log: Floats) -> Mask:
        """Where too little is known for a number: less than UNKNOWN of log|∂C/∂θ|, or of its first digits or sign.

        kappa : what finish returned. A logarithm of -1e17 is known to its thirteenth digit where it is off by 1e4.
        """
        share = np.where(np.isfinite(log), np.maximum(1.0, np.abs(log)), 1.0)
        open_sign = is_unknown(self._kappa) | (self._turning & is_unknown(self._of_size))
        return np.asarray(is_unknown(kappa / share) | (open_sign & is_unknown(kappa)))


class Doubts:
    """Finds, beside an Orbit, the few points at which even a vouched gradient may be another: κ then says whether.

    Attributes
    ----------
    mask : bool ndarray. Where a z_l is near a jump of φ', a φ'(z_l) is computed as 0, or a number has left float64.
    """

    def __init__(self, chain: Chain, parameters: Parameters) -> None:
        self.chain, self.parameters = chain, parameters
        self.mask = np.zeros(parameters.shape, bool)
        self._kinked = chain.kinked  # asked at every layer
        self._moved: Floats = np.zeros(parameters.shape)  # what a_l may be off by, in units of ε

    def step(self, orbit: Orbit, before: LogSign) -> None:
        """The layer that the orbit has just walked."""
        activation = self.chain.activation(orbit.layer)
        self.mask = self.mask | ~(np.asarray(orbit.prime.log) < np.inf)
        if not activation.piecewise_linear:
            self.mask = self.mask | (np.asarray(orbit.prime.sign) == 0)
        if self._kinked:
            self._watch(orbit, before, activation.kinks)

    def _watch(self, orbit: Orbit, before: LogSign, kinks: Sequence[Expr]) -> None:
        """E_l as OrbitError has it, in plain numbers and no finer than NEARLY needs."""
        size_a, size_w = np.exp(before.log), np.abs(self.parameters.w[orbit.layer])
        off = (
            0.0
            if self.parameters.pinned
            else size_w * (self._moved + size_a) + np.abs(self.parameters.inner[orbit.layer])
        )
        for kink in kinks:
            # NaN is near
            distance = np.abs(orbit.z - float(kink))
            self.mask = self.mask | ~(distance > NEARLY * off + 1e-300) & (np.asarray(off) != 0)
            if off_float(kink) > 0:
                self.mask = self.mask | (distance < NEARLY)
        steepest = np.maximum(np.exp(orbit.prime.log), 2.0) if kinks else np.exp(orbit.prime.log)
        self._moved = steepest * off + np.exp(orbit.a.log) + (self._moved if self.chain.residual else 0.0)
