"""The orbit z_1, a_1, z_2, a_2, … of a chain, in float64 as long as it stays in range and in wide numbers after."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainderiv import wide as wd
from chainderiv.compiling.arrays import ArrayFunctions, array_functions
from chainderiv.compiling.output import log_miss
from chainderiv.kinds import Floats, Mask
from chainderiv.logsign import LogSign
from chainderiv.numeric.parameters import Parameters
from chainderiv.symbolic.chain import Chain

SMALLEST, LARGEST = 1e-140, 1e140  # beyond these a square, or the next product, may leave float64
NEAR, FAR = 1e-100, 1e100  # beyond these φ follows the power law that it has there
LOG_UNDERFLOW = -700.0  # below it float64 may hold nothing
LAWFUL = 1e-13  # of a power: what rounding makes of it


class Orbit:
    """Walks a chain layer by layer; after `step` it holds the layer's z, a and log|φ'|.

    Attributes
    ----------
    z : ndarray. z_l, clipped to float64's range.
    log_beyond : ndarray or 0. log(|z_l| / |z|) where it is clipped, else 0.
    weight, prime : LogSign. w_l and φ'(z_l).
    """

    def __init__(self, chain: Chain, parameters: Parameters) -> None:
        self.chain, self.parameters = chain, parameters
        self.layer = 0
        self._a: Floats = np.broadcast_to(parameters.x, parameters.shape)
        self._wide: wd.Wide | None = None
        self._log_z: Floats | None = None
        self.z: Floats = self._a
        self.log_beyond: Floats | float = 0.0
        self.weight = self.prime = LogSign.of(1.0, 0.0)
        self._through: LogSign | None = None

    @property
    def log_z(self) -> Floats:
        """log|z_l|, whatever its size."""
        if self._log_z is None:
            with np.errstate(divide="ignore"):
                return np.asarray(np.log(np.abs(self.z)))
        return self._log_z

    @property
    def a(self) -> LogSign:
        """a_l, whatever its size."""
        if self._wide is None:
            return LogSign.from_float(self._a)
        return LogSign.of(np.sign(self._wide.m), wd.log_abs(self._wide))

    @property
    def through(self) -> LogSign:
        """∂a_l/∂a_{l-1} of the layer walked last, as float64 has it: w_l φ'(z_l), or 1 + w_l φ'(z_l)."""
        if self._through is None:
            residual = self.chain.residual
            self._through = (
                one_plus(self.parameters.w[self.layer], self.prime) if residual else self.weight * self.prime
            )
        return self._through

    @property
    def link(self) -> LogSign:
        """The same; NaN where the sum of a residual layer has lost every digit."""
        through = self.through
        if not self.chain.residual:
            return through
        # a zero is believed of slopes that are plain numbers; else z_l is only near to where 1 + w φ' is 0
        doubtful = (through.sign == 0) & ~np.asarray(self.chain.activation(self.layer).piecewise_linear)
        return LogSign.of(np.where(doubtful, np.nan, through.sign), np.where(doubtful, np.nan, through.log))

    def step(self) -> None:
        """On to the next layer."""
        self.layer += 1
        self.weight, self._through = LogSign.from_float(self._broadcast(self.parameters.w[self.layer])), None
        activation = self.chain.activation(self.layer)
        if self._wide is None:
            z = self._free()
            value, derivative, log_prime = array_functions(activation).together(z)
            if self.chain.residual:
                value = self._a + value
            if _in_range(value) and _in_range(z, zero=True):
                self.z, self._a = z, value
                self.prime = _signed(derivative, log_prime)
                return
            self._wide = wd.wide(self._a)
        self._wide = self._stepped(array_functions(activation), self._wide)

    def _broadcast(self, array: Floats) -> Floats:
        return np.broadcast_to(array, self.parameters.shape)

    def _free(self) -> Floats:
        p, layer = self.parameters, self.layer
        if p.pinned:
            return self._broadcast(p.inner[layer])
        return np.asarray(p.w[layer] * self._a + p.inner[layer])

    def _stepped(self, f: ArrayFunctions, before: wd.Wide) -> wd.Wide:
        """a_l in wide numbers, from a_{l-1}."""
        p, layer = self.parameters, self.layer
        if p.pinned:
            z = wd.wide(self._free())
        else:
            z = wd.plus(wd.times(wd.wide(p.w[layer]), before), wd.wide(p.inner[layer]))
        self.z = wd.to_float(z)
        self._log_z = wd.log_abs(z)
        self.log_beyond = np.maximum(self._log_z - np.log(np.finfo(float).max), 0.0)
        # the derivative first: it is read off at the same z
        self.prime = _prime_wide(f, z, self.z)
        value = _value_wide(f, z, self.z)
        return wd.plus(before, value) if self.chain.residual else value

    def minus(self, target: Floats) -> LogSign:
        """a_L - y, from z_L where the output saturates at its target; a residual a_L has no limit."""
        if self._wide is None:
            return self._minus_in_range(target)
        inside = LogSign.of(0.0, -np.inf) if self.chain.residual else self._minus_in_range(target)
        log_a = wd.log_abs(self._wide)
        far = ~((log_a >= np.log(SMALLEST)) & (log_a <= np.log(LARGEST))) | self.chain.residual  # NaN is far, too
        difference = wd.plus(self._wide, wd.wide(-np.asarray(target)))
        log = np.where(far, wd.log_abs(difference), inside.log)
        return LogSign.of(np.where(far, np.sign(difference.m), inside.sign), log)

    def _minus_in_range(self, target: Floats) -> LogSign:
        if self.chain.residual:
            return LogSign.from_float(self._a - target)
        return log_miss(self.chain.activation(self.layer), self.z, target)


def one_plus(weight: Floats, prime: LogSign) -> LogSign:
    """1 + w φ', the factor of a residual layer: (1 + w) + w (φ' - 1) where φ' is near 1, as w near -1 may cancel it.

    A small w φ' keeps its digits as well.
    """
    weight = np.asarray(weight)
    with np.errstate(all="ignore"):
        near_one = (np.asarray(prime.sign) > 0) & (np.abs(prime.log) < 0.5) & (np.abs(weight) < LARGEST)
        apart = LogSign.from_float((1 + weight) + weight * np.expm1(np.where(near_one, prime.log, 0.0)))
        product = LogSign.from_float(weight) * prime
        value, total = np.asarray(product.to_float()), product + 1.0
        small = np.abs(value) < 0.5
        sign = np.where(small, 1.0, np.where(near_one, apart.sign, total.sign))
        return LogSign.of(sign, np.where(small, np.log1p(value), np.where(near_one, apart.log, total.log)))


def _in_range(value: Floats, zero: bool = False) -> bool:
    size = np.abs(value)
    small = (size < SMALLEST) & (size > 0) if zero else size < SMALLEST
    return not bool((small | ~(size < LARGEST)).any())


def _signed(derivative: Floats, log: Floats) -> LogSign:
    # an underflowed φ' is a signed zero whose logarithm is still finite; inf/inf has none, though its sign bit is set
    zero, unknown = np.isneginf(log), np.isnan(derivative)
    sign = np.where(zero, 0.0, np.where(unknown, np.nan, np.copysign(1.0, derivative)))
    return LogSign.of(sign, np.where(unknown & ~zero, np.nan, log))


def _value_wide(f: ArrayFunctions, z: wd.Wide, clipped: Floats) -> wd.Wide:
    value, log = f.value(clipped), f.log_abs_value(clipped)
    inner = wd.wide(np.where(np.isfinite(value), value, np.nan))
    underflowed = (np.abs(value) < SMALLEST) & np.isfinite(log)
    inner = wd.choose(underflowed, wd.from_log(np.copysign(1.0, value), log), inner)
    follows, outer = _power_law(f.value, z, value, log)
    return wd.choose(follows, outer, inner)


def _prime_wide(f: ArrayFunctions, z: wd.Wide, clipped: Floats) -> LogSign:
    derivative = f.derivative(clipped)
    log = f.log_abs_derivative(clipped)
    inner = _signed(derivative, log)
    follows, outer = _power_law(f.derivative, z, derivative, log)
    return LogSign.of(np.where(follows, np.sign(outer.m), inner.sign), np.where(follows, wd.log_abs(outer), inner.log))


def _power_law(function: Any, z: wd.Wide, inside: Floats, log_inside: Floats) -> tuple[Mask, wd.Wide]:
    """Where |z| is below NEAR or above FAR: whether f(z) ~ c z^p there for a whole p, and its value.

    inside, log_inside : f and log|f| at z, or at float64's end before it. Where one of them is told, z^p must give it.
    """
    log_z, side = wd.log_abs(z), np.copysign(1.0, z.m)
    near = log_z < np.log(NEAR)
    anchor = side * np.where(near, NEAR, FAR)
    at, beyond = function(anchor), function(2 * anchor)
    with np.errstate(all="ignore"):
        power = np.log2(np.abs(beyond / at))
        whole = np.round(power)
        # every catalogue activation is a whole power at both ends
        lawful = np.abs(power - whole) < LAWFUL
        scaled, outer = wd.times(z, wd.whole_power(wd.wide(anchor), -1)), wd.wide(np.zeros_like(at))
        for n in np.unique(whole[lawful]):
            outer = wd.choose(lawful & (whole == n), wd.times(wd.wide(at), wd.whole_power(scaled, int(n))), outer)
        # 1e155 + z is 1e155 at both anchors, and another at z = 1e155
        end = np.log(np.abs(wd.to_float(z))) - np.log(np.abs(anchor))
        told = np.isfinite(inside) & (inside != 0)
        by_value = np.abs(np.log(np.abs(inside / at)) - whole * end) < 1e3 * LAWFUL
        # tanh(1e-150 z) is 1e-150 z at both anchors: at z = 1e155 its slope underflows, and its logarithm is another
        expected = np.log(np.abs(at)) + whole * end
        by_log = np.abs(log_inside - expected) < 1e3 * LAWFUL * np.maximum(1.0, np.abs(expected))
        silent = np.isposinf(log_inside) | (np.isnan(log_inside) & ~np.isnan(inside))
        by_log |= silent | (np.isneginf(log_inside) & (expected < LOG_UNDERFLOW))
        lawful &= ~np.isfinite(end) | np.where(told, by_value, by_log)
    # a zero at the anchor may be an underflow (σ' at -1e100): only where f is zero near 0 as well is it one
    flat = (at == 0) & (beyond == 0) & (function(side) == 0)
    return (near | (log_z > np.log(FAR))) & (z.m != 0) & (lawful | flat), outer
