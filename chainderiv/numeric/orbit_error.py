"""How far rounding can move a chain's orbit, in units of ε: z_l by E_l and a_l by A_l, to first order.

    E_l = |w_l| A_{l-1} + |w_l a_{l-1}| + |b_l|,    A_l = |φ'(z_l)| E_l + |a_l|,    A_0 = 0.

In a residual chain, with m = w_l φ'(z_l),

    A_l = |1 + m| A_{l-1} + |φ'(z_l)| (|w_l a_{l-1}| + |b_l|) + |φ(z_l)| + |a_l|.

E and A are carried as logarithms: they may leave float64.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import sympy
from flint import fmpq

from chainderiv.compiling.arrays import array_functions
from chainderiv.compiling.output import float_limits
from chainderiv.functions.enclosing import stated
from chainderiv.functions.intervals import Unenclosed
from chainderiv.kinds import Floats, Mask
from chainderiv.logsign import LogSign
from chainderiv.numeric.orbit import FAR, Orbit
from chainderiv.numeric.parameters import Parameters
from chainderiv.symbolic.chain import Chain
from chainderiv.symbols import Expr

EPSILON = float(np.finfo(float).eps)
FIRST_ORDER = 1e-2  # of log|φ'|: a larger change is not told by φ''/φ'
BESIDE = 1e-3  # of z_l, at least 1: so near to it φ is looked at for what it may be
FLOAT_MAX, LOG_MARGIN = float(np.finfo(float).max), float(np.log(2 * np.finfo(float).eps))
LOG_WIDE = float(np.log(1e-6)) - LOG_MARGIN  # of E_l: z_l is off by so much that φ''/φ' may be another


class OrbitError:
    """Walks beside an Orbit; `step` after each of the orbit's steps.

    log_z and log_a are then log E_l and log A_l of the layer walked last; bend is what log|φ'(z_l)| is off by because
    z_l is, and proves_zero where φ'(z_l) is certainly 0. astray is where a layer so far was off by more than the first
    order tells: then E and A tell nothing of the layers that follow, not even which branch they are on. turning is
    where φ' may have another sign at another z_l, and may_underflow where φ'(z_l) is a 0 that nothing proves, as
    a_l may be.
    """

    def __init__(self, chain: Chain, parameters: Parameters) -> None:
        self.chain, self.parameters = chain, parameters
        self.log_z = np.full(parameters.shape, -np.inf)
        self.log_a = np.full(parameters.shape, -np.inf)
        self.astray = np.zeros(parameters.shape, bool)
        self.may_underflow = np.zeros(parameters.shape, bool)

    def step(self, orbit: Orbit, before: LogSign) -> None:
        """The layer that the orbit has just walked; before is a_{l-1}."""
        fresh, self.log_z = self._of_z(orbit, before)
        self._exact = self._is_exact(orbit)
        self._crossing, self._log_slope = self._at_kinks(orbit)
        self.log_a = self._of_a(orbit, before, fresh)
        self.bend, self.proves_zero = self._of_bend(orbit), self._is_proved(orbit)
        self.may_underflow = (np.asarray(orbit.prime.sign) == 0) & ~self.proves_zero
        self.turning = np.zeros(self.parameters.shape, bool)
        # an unproved 0 passes nothing on, and a_l is constant where it is proved
        known = (np.asarray(orbit.prime.sign) != 0) & (EPSILON * self.bend < FIRST_ORDER)
        self._look_beside(orbit, ~(known | self.proves_zero))

    def _look_beside(self, orbit: Orbit, where: Mask) -> None:
        """What a_l is off by where the first order does not tell: by φ at the ends of where z_l may lie, if near."""
        if not where.any():
            return
        f, ends = array_functions(self.chain.activation(orbit.layer)), self._ends(orbit)
        with np.errstate(all="ignore"):
            here = f.value(orbit.z)
            moved = np.maximum(*(np.abs(f.value(end) - here) for end in ends))
            keep = [np.copysign(1.0, f.derivative(end)) == orbit.prime.sign for end in ends]
        told = where & self._is_near(orbit) & np.isfinite(moved)
        self.log_a = np.where(told, np.logaddexp(self.log_a, log_abs(moved / EPSILON)), self.log_a)
        self.astray = self.astray | (where & ~told)
        self.turning = where & ~(told & keep[0] & keep[1])

    def _ends(self, orbit: Orbit) -> tuple[Floats, Floats]:
        """Between what z_l may lie."""
        with np.errstate(over="ignore", invalid="ignore"):
            reach = np.exp(self.log_z + LOG_MARGIN)
            return orbit.z - reach, orbit.z + reach

    def _is_near(self, orbit: Orbit) -> Mask:
        """Where those lie near to it."""
        return np.asarray(self.log_z + LOG_MARGIN < np.log(BESIDE * np.maximum(1.0, np.abs(orbit.z))))

    def of_prime(self, orbit: Orbit) -> Floats:
        """What log|φ'(z_l)| is off by."""
        return self.of_size(orbit) + self.of_digits(orbit)

    def of_size(self, orbit: Orbit) -> Floats:
        """The part of it that is large where |log|φ'|| is, and the sign is known all the same, unless φ' is turning."""
        f, error = array_functions(self.chain.activation(orbit.layer)), size(orbit.prime.log) + self.bend
        if f.log_derivative_rounding is None:
            return np.asarray(error)
        own = f.log_derivative_rounding(np.clip(orbit.z, -FAR, FAR))
        return np.asarray(error + np.where(np.isnan(own), np.inf, own))

    def of_digits(self, orbit: Orbit) -> Floats:
        """The other part, which leaves no digit of φ', nor its sign, where it is large."""
        f, anchor = array_functions(self.chain.activation(orbit.layer)), np.clip(orbit.z, -FAR, FAR)
        # z_l may lie on the other side of a jump of φ', or φ' is a 0 that nothing proves
        error = np.where((np.asarray(orbit.prime.sign) == 0) & ~self.proves_zero | self._crossing, np.inf, 0.0)
        if f.derivative_rounding is not None:
            # a power law far out is read off where it begins
            at_anchor = LogSign.from_float(f.derivative(anchor))
            prime = LogSign.of(orbit.prime.sign, np.where(anchor == orbit.z, orbit.prime.log, at_anchor.log))
            error = error + _lost(f.derivative_rounding(anchor), prime, f.states_zero_slope(orbit.z))
        return np.asarray(error)

    def _of_bend(self, orbit: Orbit) -> Floats:
        """What log|φ'(z_l)| is off by because z_l is: |φ''/φ'| E_l, which falls like 1/z where φ' is a power of z."""
        f = array_functions(self.chain.activation(orbit.layer))
        curvature, at_anchor = np.abs(f.curvature(orbit.z)), f.curvature(np.clip(orbit.z, -FAR, FAR))
        # φ''/φ' may be 0 just here, and jump, as softsign's does at 0
        wide = (curvature == 0) | (self.log_z > LOG_WIDE)
        for beside in self._ends(orbit) if wide.any() else ():
            there = np.where(wide & np.isfinite(beside), np.abs(f.curvature(beside)), 0.0)
            curvature = np.where(np.isnan(there), curvature, np.maximum(curvature, there))
        far = np.abs(orbit.z)
        law = np.where(np.isfinite(at_anchor), np.abs(at_anchor) * FAR, 4.0) / far
        curvature = np.where(~np.isfinite(curvature) & (far > FAR), law, curvature)
        lawful = curvature <= 2.0 * law
        beyond = np.where(lawful, orbit.log_beyond, 0.0)
        change = np.where(curvature == 0, 0.0, exp_quiet(log_abs(curvature) + self.log_z - beyond))
        return np.where(np.isnan(change), np.inf, change)

    def _at_kinks(self, orbit: Orbit) -> tuple[Mask, Floats]:
        """Where z_l may lie on the other side of a kink, and log of the largest |φ'| that it may meet there."""
        activation = self.chain.activation(orbit.layer)
        crossing, slope = np.zeros(self.parameters.shape, bool), np.asarray(orbit.prime.log)
        for kink in activation.kinks:
            near, at = self._reaches(orbit, kink), float(kink)
            beside = at + np.array([-1e-6, 1e-6]) * max(1.0, abs(at))
            steepest = log_abs(array_functions(activation).derivative(beside)).max()
            crossing, slope = crossing | near, np.where(near, np.maximum(slope, steepest), slope)
        return crossing, slope

    def _is_proved(self, orbit: Orbit) -> Mask:
        """Where φ'(z_l) is certainly 0: stated by its branch wherever z_l may lie, or 0 at a z_l known exactly."""
        activation = self.chain.activation(orbit.layer)
        zero = np.asarray(orbit.prime.sign == 0) & np.isfinite(orbit.z) & ~self.astray
        if not zero.any():
            return zero
        stated = zero & (array_functions(activation).states_zero_slope(orbit.z) == 1)
        for point in activation.breaks if stated.any() else ():
            stated = stated & ~self._reaches(orbit, point)
        exact = zero & ~stated & self._exact & (np.abs(orbit.z) < FLOAT_MAX)
        found = [value for value in np.unique(orbit.z[exact]) if _is_exactly_zero(activation.derivative, float(value))]
        return np.asarray(stated | (exact & np.isin(orbit.z, found)))

    def _is_exact(self, orbit: Orbit) -> Mask:
        """Where z_l is known exactly: pinned, of zeros alone, or w_1 x + b_1 without rounding (Dekker 1971)."""
        exact, p = np.isneginf(self.log_z), self.parameters
        return exact if orbit.layer > 1 or p.pinned else exact | ~_rounds(p.w[1], p.x, p.inner[1])

    def _reaches(self, orbit: Orbit, point: Expr) -> Mask:
        """Where z_l may lie on the other side of a point; z_l itself may be beyond float64, or so near to 0.

        Of a point that is no float64, such as 1/10, that is so at its float64, too, and of a z_l known exactly.
        """
        at, beside = float(point), off_float(point)
        distance = orbit.log_z if at == 0 else log_abs(orbit.z - at)
        near = np.asarray((distance < self.log_z + LOG_MARGIN) & ~self._exact)
        return near if beside == 0 else near | (np.abs(orbit.z - at) <= beside)

    def of_link(self, orbit: Orbit, of_prime: Floats) -> Floats:
        """What the logarithm of the link is off by where log|φ'(z_l)| is off by of_prime."""
        error = size(orbit.weight.log) + of_prime
        if not self.chain.residual:
            return np.asarray(error)
        through = orbit.link
        off = ratio(orbit.weight.log + orbit.prime.log, through.log) * error + size(through.log)
        return np.where(np.isnan(through.log), np.inf, off)

    def of_output(self, orbit: Orbit, target: Floats) -> Floats:
        """What log|a_L - t| is off by."""
        miss = orbit.minus(target)
        with np.errstate(invalid="ignore"):
            error = self.log_a if self.chain.residual else self._log_slope + self.log_z
        rounded = _log_rounded_size(orbit, target)
        if not self.chain.residual:
            rounded = self._of_value(orbit, rounded)
        return np.asarray(size(miss.log) + ratio(error, miss.log) + ratio(rounded, miss.log))

    def keeps_sign(self, orbit: Orbit, target: Floats) -> Mask:
        """Where a_L - t has its sign wherever z_L may lie, and that is near."""
        # asked for what is not vouched for: else a number is given up nowhere
        if self.chain.residual or self.chain.vouched or not np.any(self.log_z > -np.inf):
            return np.zeros(self.parameters.shape, bool)
        f, sign = array_functions(self.chain.activation(orbit.layer)), orbit.minus(target).sign
        with np.errstate(all="ignore"):
            keep = [np.copysign(1.0, f.value(end) - target) == sign for end in self._ends(orbit)]
        return np.asarray(self._is_near(orbit) & keep[0] & keep[1])

    def _of_value(self, orbit: Orbit, log: Floats) -> Floats:
        """log of what φ(z_l) is rounded by, at least a given one; far out it is the share that it is at the anchor."""
        f, anchor = array_functions(self.chain.activation(orbit.layer)), np.clip(orbit.z, -FAR, FAR)
        if f.value_rounding is None:
            return log
        own = log_abs(f.value_rounding(anchor))
        far = np.abs(orbit.z) > FAR
        if far.any():
            with np.errstate(invalid="ignore"):
                share = own - log_abs(f.value(anchor))
                own = np.where(far, np.where(np.isnan(share), np.inf, share) + np.maximum(log, orbit.a.log), own)
        return np.where(np.isnan(own), log, np.maximum(own, log))  # of a value that is 0 there is no share

    def _of_z(self, orbit: Orbit, before: LogSign) -> tuple[Floats, Floats]:
        """log of |w_l a_{l-1}| + |b_l|, what z_l's own sum rounds, and log E_l."""
        if self.parameters.pinned:
            exact = np.full(self.parameters.shape, -np.inf)  # pinned
            return exact, exact
        weight = orbit.weight.log
        with np.errstate(invalid="ignore"):
            own, passed = (np.where(np.isneginf(weight), -np.inf, weight + log) for log in (before.log, self.log_a))
        fresh = np.logaddexp(own, log_abs(self.parameters.inner[orbit.layer]))
        return fresh, np.asarray(np.logaddexp(passed, fresh))

    def _of_a(self, orbit: Orbit, before: LogSign, fresh: Floats) -> Floats:
        # a residual φ(z_l) is no larger than |a_l| + |a_{l-1}|
        own = self._of_value(orbit, np.logaddexp(orbit.a.log, before.log) if self.chain.residual else orbit.a.log)
        with np.errstate(invalid="ignore"):
            if self.chain.residual:
                # pinned, z_l does not pass on what a_{l-1} is off by
                along = 0.0 if self.parameters.pinned else self._along(orbit)
                moved = np.logaddexp(along + self.log_a, self._log_slope + fresh)
                moved = np.logaddexp(moved, own)
            else:
                moved = np.logaddexp(self._log_slope + self.log_z, own)
        return np.asarray(np.where(np.isnan(moved), orbit.a.log, moved))

    def _along(self, orbit: Orbit) -> Floats:
        """log|1 + m|; across a kink 1 + m may cancel on one side alone, and |w| times the steepest slope bounds |m|."""
        if not np.any(self._crossing):
            return np.asarray(orbit.through.log)
        largest = np.logaddexp(0.0, orbit.weight.log + self._log_slope)
        return np.asarray(np.where(self._crossing, largest, orbit.through.log))


@lru_cache(maxsize=256)
def off_float(point: Expr) -> float:
    """How far beside its float64 a number may lie: 0 where it is one, as 1/2 is and 1/10 is not."""
    nearest = float(point)
    return 0.0 if sympy.Rational(nearest) == point else 2 * EPSILON * abs(nearest)


@lru_cache(maxsize=4096)
def _is_exactly_zero(expression: Expr, at: float) -> bool:
    """Whether exact arithmetic makes an expression in z 0 at a float."""
    try:
        return bool(stated(expression, fmpq(*at.as_integer_ratio())) == 0)
    except Unenclosed:
        return False


def _rounds(w: Floats, x: Floats, b: Floats) -> Mask:
    """Whether w x + b is rounded (Dekker 1971)."""
    product, (w_high, w_low), (x_high, x_low) = w * x, _halves(w), _halves(x)
    of_product = ((w_high * x_high - product) + w_high * x_low + w_low * x_high) + w_low * x_low
    total = product + b
    back = total - product
    of_sum = (product - (total - back)) + (b - back)
    tiny = (w != 0) & (x != 0) & (np.abs(product) < 1e-290)  # what is rounded there is no float64
    return np.asarray(~((of_product == 0) & (of_sum == 0)) | tiny)


def _halves(value: Floats) -> tuple[Floats, Floats]:
    """Its upper 26 bits, and the rest."""
    scaled = value * (2.0**27 + 1.0)
    high = scaled - (scaled - value)
    return high, value - high


def _log_rounded_size(orbit: Orbit, target: Floats) -> Floats:
    """log of the size of what is rounded before y is taken from it: a_L, or near a limit of φ the gap to it."""
    rounded = np.asarray(orbit.a.log)
    if orbit.chain.residual:
        return rounded
    for limit, gap in float_limits(orbit.chain.activation(orbit.layer)):
        near = np.abs(target - limit) <= abs(limit) / 2
        rounded = np.where(near, log_abs(gap(orbit.z)), rounded)
    return rounded


def _lost(rounding: Floats, prime: LogSign, stated: Floats) -> Floats:
    """The rounding of φ' relative to it, beyond the one that `size` counts.

    inf where φ' could not be evaluated or underflowed, 0 where the formula states a 0.
    """
    log = np.asarray(prime.log)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        beyond = np.maximum(rounding / np.exp(log) - 1.0, 0.0)
    beyond = np.where(np.isnan(beyond) | np.isneginf(log), np.inf, beyond)
    # a power law far out is exact to a few roundings, whatever its own exponential does
    far_out = np.isfinite(log) & (np.abs(log) > np.log(FAR))
    return np.where((stated == 1) | far_out, 0.0, beyond)


def size(log: Floats) -> Floats:
    """max(1, |log|), the rounding of a logarithm in units of ε; an exact zero has none."""
    return np.maximum(1.0, np.where(np.isfinite(log), np.abs(log), 1.0))


def ratio(log_error: Floats, log_value: Floats) -> Floats:
    """error/value; 0/0 (relu at rest on its target) is no error at all."""
    with np.errstate(invalid="ignore", over="ignore"):
        quotient = np.exp(log_error - log_value)
    return np.where(np.isnan(quotient), 0.0, quotient)


def exp_quiet(log: Floats) -> Floats:
    """exp, inf where it overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.exp(log))


def log_abs(value: Floats) -> Floats:
    """log|value|, -inf for 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.abs(value)))
