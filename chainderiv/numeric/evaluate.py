"""evaluate(chain, w, b, x, y, wrt) -> LogSign: one gradient at points."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.errors import BadValue
from chainderiv.logsign import LogSign
from chainderiv.numeric.kernel import Kernel, kernel, oracle, suitable_engine
from chainderiv.numeric.parameters import Parameters, at_points
from chainderiv.numeric.reading import Reading
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derive import Wrt, derive

REFEREED = 64  # points that the referee may take over; most cost it milliseconds per hundred layers


def evaluate(
    chain: Chain,
    w: ArrayLike,
    b: ArrayLike | None = None,
    *,
    z: ArrayLike | None = None,
    x: ArrayLike = 0.5,
    y: ArrayLike = 0.0,
    wrt: Wrt = "b1",
    engine: str | None = None,
    tied: bool = False,
) -> LogSign:
    """∂C/∂θ of a chain, right to |Δlog| <= 1e-12 · max(1, |log|) + 8 ε κ at any depth (`condition` gives κ).

    An activation of your own without stable forms can lose its digits where it saturates, so that 8 ε κ reaches 1e-9.
    Such points are taken from the mpmath engine where they are at most 64. Where they are more, 8 ε κ holds up to 1e-4,
    or to that share of |log|, and beyond it sign and log are NaN. So are, of any activation, points at which a z_l lies
    within its rounding of a kink, or a φ'(z_l) is computed as 0 that may be none: there κ is inf.

    Parameters
    ----------
    w, b : number, or array (..., depth) with one number per layer.
    z : the same; pins every pre-activation in the place of b.
    x, y : number, or array that broadcasts with (...).
    wrt : 'b1', 'w3', 'x', …; two of them, ('b1', 'w2'), for the second derivative, whose κ counts that terms cancel.
    engine : 'numba', 'numpy', or 'mpmath' for correct digits at every point; by default 'numba' for large work, whose
        kernel is compiled on first use, else 'numpy'.
    tied : whether an array for w, b or z has one number per point, which serves every layer: all of them broadcast
        together, with x and y as well.

    Raises
    ------
    BadValue, BadShape, UnknownName

    Source: Nielsen (2015), chapter 5.

    Examples
    --------
    >>> chain = Chain(depth=1000)
    >>> g = evaluate(chain, w=0.9, b=0.1)
    >>> print(g.sign, round(g.log10, 2))
    1.0 -700.32
    >>> print(round(evaluate(Chain(depth=40), w=0.9, b=0.1, engine="mpmath").log10, 2))
    -28.11
    >>> print(round(evaluate(chain, w=0.9, b=0.1, wrt=("b1", "w2")).log10, 2))
    -700.39
    >>> print(evaluate(Chain(depth=4), w=[50.0, 100.0], z=0, tied=True))
    [+244.141 +1953.13]
    """
    derivation = derive(chain, wrt)
    parameters = at_points(chain.depth, w, b, z, x, y, tied)
    engine = engine or suitable_engine(derivation, math.prod(parameters.shape))
    gradient, lost = _read(kernel(derivation, engine), parameters, chain.vouched)
    if engine == "mpmath" or not 0 < lost.sum() <= REFEREED:
        return gradient
    try:
        exact = kernel(derivation, "mpmath").gradient(parameters.at(np.nonzero(lost) if lost.ndim else ()))
    except BadValue:
        if lost.all():
            raise
        return gradient  # the others are known
    sign, log = np.array(gradient.sign), np.array(gradient.log)
    sign[lost], log[lost] = exact.sign, exact.log
    return LogSign.of(sign, log)


def _read(engine: Kernel, parameters: Parameters, vouched: bool) -> tuple[LogSign, Any]:
    """The gradient, and where the referee is asked: where there is none, or an unvouched formula lost its digits."""
    if vouched:
        gradient = engine.gradient(parameters)
        return gradient, np.isnan(gradient.log)
    reading = Reading.empty(parameters.shape)
    engine.fill(parameters, reading.reshape(-1))
    return reading.gradient, np.isnan(reading.log_abs) | reading.uncertain


def condition(
    chain: Chain,
    w: ArrayLike,
    b: ArrayLike | None = None,
    *,
    z: ArrayLike | None = None,
    x: ArrayLike = 0.5,
    y: ArrayLike = 0.0,
    wrt: Wrt = "b1",
    tied: bool = False,
) -> Any:
    """κ of the same evaluation: how many ε of rounding the orbit can bring into log|∂C/∂θ|, to first order.

    Where 8 ε κ is not small the float64 orbit itself is uncertain and `evaluate` with engine='mpmath' is right.

    >>> bool(condition(Chain(depth=4), w=1.0, b=0.0) < 100)
    True
    """
    derivation = derive(chain, wrt)
    return oracle(derivation).read(at_points(chain.depth, w, b, z, x, y, tied))[1][()]
