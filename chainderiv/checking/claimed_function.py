"""A function f(w, b, x, y) that is claimed to be a gradient, called point by point; and how far it may round.

Plain code computes ∂C/∂θ = Π f_k with every a_l, φ'(z_l) and ∂C/∂a_L rounded by ε in absolute size where it takes a
difference of numbers near 1, as 1 - tanh²(z) and a(1 - a) do, and by ε of itself else. To first order that is

    8 ε (κ + Σ_k max(1, 1/|f_k|))

in log|∂C/∂θ|, with the κ of the orbit and ε of the type that is returned. (Higham 2002, section 3.1: 8 covers the
several operations of a factor.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from chainderiv.checking.returned import array_of, called, one_line
from chainderiv.errors import BadValue
from chainderiv.given import shown
from chainderiv.kinds import Floats, Mask
from chainderiv.logsign import LogSign
from chainderiv.numeric.oracle import NumpyKernel
from chainderiv.numeric.orbit_error import EPSILON
from chainderiv.numeric.parameters import Parameters
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derivation import Derivation

MARGIN = (
    1e28  # from either end of a type's normal range: where the gradient is nearer, plain code may leave it on its way
)
MOST_ROUNDING = (
    1e5  # of a type's ε: points where plain code may be off by more are not judged, of float64 by 1e-4 instead
)


@dataclass(frozen=True, eq=False)
class ClaimedFunction:
    """A function of w, b, x, y."""

    chain: Chain
    function: Callable[..., Any]

    def values(self, at: Parameters, where: Mask) -> tuple[LogSign, dict[int, str], Any]:
        """What it returns at some of the points, why it has no value at others, and the type that it rounds by."""
        sign, log, why, kinds = np.full(at.shape, np.nan), np.full(at.shape, np.nan), dict[int, str](), set[Any]()
        for index in map(int, np.flatnonzero(where)):
            try:
                returned = self._called(at.at((index,)))
            except BadValue:
                raise
            except (ArithmeticError, ValueError) as e:
                why[index] = f"{type(e).__name__}: {one_line(e)}"
                continue
            sign[index], log[index] = _signed(returned)
            kinds.add(_kind(returned))
            if np.isnan(sign[index]) or log[index] == np.inf:
                why[index] = f"it returns {shown(returned)}"
        return LogSign(sign, log), why, max(kinds, key=epsilon, default=np.float64)

    def _called(self, point: Parameters) -> Any:
        layers = range(1, self.chain.depth + 1)
        w, b = (np.array([float(array[layer]) for layer in layers]) for array in (point.w, point.inner))
        cure = f"give a function of w and b (each of shape ({self.chain.depth},)), x and y that returns a number"
        with np.errstate(all="ignore"):
            return called("the claim", cure, self.function, w, b, float(point.x), float(point.y))


def _signed(returned: Any) -> tuple[float, float]:
    """The sign and logarithm of a number of any library; raises BadValue for what is no number."""
    if isinstance(returned, LogSign) and not returned.shape:
        return float(returned.sign), float(returned.log)
    if isinstance(returned, mpmath.mpf):
        if not returned or not mpmath.isfinite(returned):
            return (0.0, -math.inf) if not returned else (math.nan, math.nan)
        return float(mpmath.sign(returned)), float(mpmath.log(abs(returned)))
    value = None if isinstance(returned, str | bytes | bool | LogSign) else _number(returned)
    if value is None:
        what = f"shape {np.shape(returned)}" if np.ndim(returned) else shown(returned)
        raise BadValue(f"the claim returns {what}; give a function of w, b, x and y that returns one real number")
    found = LogSign.from_float(value)
    return float(found.sign), float(found.log)


def _number(returned: Any) -> float | None:
    """The one real number in it; None where it is something else."""
    try:
        array = array_of("what the claim returns", returned)
        return float(array.reshape(())) if array.dtype.kind in "fiuO" else None
    except BadValue:
        raise
    except (TypeError, ValueError):
        return None


def _kind(returned: Any) -> Any:
    """The type of floats that it was computed in, float64 where it says nothing; None of numbers without a range."""
    if isinstance(returned, mpmath.mpf | LogSign):
        return None
    kind = array_of("what the claim returns", returned).dtype
    return kind.type if kind.kind == "f" and kind.itemsize < 8 else np.float64


def epsilon(kind: Any) -> float:
    """ε of a type of floats."""
    return EPSILON if kind is None else float(np.finfo(kind).eps)


def plain_rounding(derivation: Derivation, at: Parameters) -> Floats:
    """Σ_k max(1, 1/|f_k|), in units of ε; of a weight 1."""
    total, derivation = np.zeros(at.shape), derivation.as_gradient
    for place, value in zip(derivation.places, NumpyKernel(derivation).factors(at), strict=True):
        with np.errstate(all="ignore"):
            total = total + (1.0 if place.kind == "weight" else np.maximum(1.0, np.exp(-np.asarray(value.log))))
    return total


def within_range(kind: Any, log: Floats) -> Mask:
    """Where a gradient lies well within the normal range of a type."""
    if kind is None:
        return np.ones(np.shape(log), bool)
    info = np.finfo(kind)
    # of float16 nothing would be left
    margin = min(math.log(MARGIN), 0.25 * math.log(float(info.max)))
    low, high = math.log(float(info.tiny)) + margin, math.log(float(info.max)) - margin
    return np.asarray((log > low) & (log < high))
