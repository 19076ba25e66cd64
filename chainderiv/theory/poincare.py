"""σ_b² of the critical point at a q, without the difference of two numbers that are nearly one.

q M₂ - V is 0 for a line, and for what is nearly one it is lost in rounding. With m₁ = E φ' it is

    q M₂ - V = q E (φ' - m₁)² - E (φ - m₁ z)²

because E φ z = q m₁, by parts. Of Hermite's series the first is the sum of k a_k² and the second that of a_k², both
without a₁: but for a₀, which lowers it for good, no more than half is taken away.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from chainderiv.compiling.arrays import array_functions
from chainderiv.functions.precise import precise, working_digits
from chainderiv.kinds import Floats
from chainderiv.symbols import z as symbol
from chainderiv.theory.gaussian import MOST_HALVINGS, REACHES, Expected, gaussian, nodes
from chainderiv.theory.moments import Moments

EPS = float(np.finfo(float).eps)
ULPS = 4.0  # of φ and φ', at each node
AGREED, MOST_DIGITS = 1e-12, 2000


def critical_bias(moments: Moments, q: Floats, halvings: int = MOST_HALVINGS) -> Expected:
    """σ_b² = q - V/M₂ at variances q (n,), negative where no bias makes q critical, and its error."""
    functions = array_functions(moments.activation)
    with np.errstate(all="ignore"):
        first = gaussian(lambda z, _: np.array([functions.derivative(z), np.ones_like(z)]), q, moments.breaks, halvings)
        m1 = first.value[0] / first.value[1]
        order = np.argsort(q)

        def left(z: Floats, at: Floats) -> Floats:
            k = order[np.searchsorted(q[order], at[:, 0])]
            slope = functions.derivative(z)
            bent, rest = slope - m1[k, None], functions.value(z) - m1[k, None] * z
            return np.array([bent * bent, rest * rest / at, slope * slope])

        (bent, rest, squared), error = gaussian(left, q, moments.breaks, halvings)
        # each is wrong by a rounding of its parts, and its mean square by twice that times its root
        of_bent, of_rest = EPS * ULPS * np.abs(m1), EPS * ULPS * (np.abs(m1) + np.sqrt(rest))
        rounding = (of_bent * (2 * np.sqrt(bent) + of_bent) + of_rest * (2 * np.sqrt(rest) + of_rest)) * q
        over = error[0] * q + error[1] * q + rounding
        value = q * (bent - rest) / squared
        off = over / squared + np.abs(value) * error[2] / squared
    off = np.where(np.isfinite(value), off, np.inf)
    return Expected(np.where(np.isfinite(value), value, np.nan), off)


def critical_bias_in_digits(moments: Moments, q: float) -> float:
    """σ_b² at one small q where float64 does not tell a line's slope from φ': in digits, doubled until two agree.

    The same nodes serve: only φ and φ' must be told apart from a line. NaN where MOST_DIGITS do not do it, or
    φ' is 0 at all nodes.
    """
    found, digits = np.nan, 30 - int(np.log10(q))
    while digits <= MOST_DIGITS:
        before, found = found, _in_digits(moments, q, digits)
        if abs(found - before) <= AGREED * abs(found):
            return found
        digits *= 2
    return np.nan


def _in_digits(moments: Moments, q: float, digits: int) -> float:
    z, weights = nodes(np.array([q]), moments.breaks, REACHES[0])
    phi = moments.activation
    with working_digits(digits):
        at, w = [mpmath.mpf(float(t)) for t in z[0]], [mpmath.mpf(float(one)) for one in weights[0]]
        value, slope = precise(phi.branched, symbol), precise(phi.derivative, symbol)

        def mean(numbers: list[Any]) -> Any:
            return mpmath.fdot(w, numbers) / whole

        whole = mpmath.fsum(w)
        slopes = [slope(t) for t in at]
        m1 = mean(slopes)
        bent, rest = mean([(s - m1) ** 2 for s in slopes]), mean([(value(t) - m1 * t) ** 2 for t in at])
        squared = mean([s**2 for s in slopes])
        return (
            float((mpmath.mpf(q) * bent - rest) / squared) if squared else np.nan
        )  # 0 where no node leaves a flat piece
