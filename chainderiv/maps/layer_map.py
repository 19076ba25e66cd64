"""What one layer does over a grid: its factor w_l φ'(z_l) and its activation a_l, walked when they are asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainderiv.kinds import Box
from chainderiv.logsign import LogSign
from chainderiv.maps.plan import Plan, extent
from chainderiv.numeric.orbit import Orbit

Reader = Callable[[Orbit], LogSign]


def factor_over(plan: Plan, box: Box, layer: int) -> LogSign:
    """w_l φ'(z_l) over a box of a plan, or 1 + w_l φ'(z_l) in a residual chain: the factor that layer l adds.

    It is NaN where the chain has no such layer. The orbit is float64's, whatever the engine.

    Parameters
    ----------
    box : one slice per dimension, without a step.
    layer : int from 1. The factors of the layers 2 … L are the links.

    Examples
    --------
    >>> from chainderiv.maps.axis import Axis
    >>> from chainderiv.maps.keywords import plan_of
    >>> from chainderiv.symbolic.chain import Chain
    >>> plan = plan_of(Chain(depth=1000), w=Axis(50, 100, 2), z=0)
    >>> factor_over(plan, (slice(0, 2),), 900).to_float().round(9).tolist()
    [12.5, 25.0]
    """
    return _over(plan, box, layer, lambda orbit: orbit.link)


def activation_over(plan: Plan, box: Box, layer: int) -> LogSign:
    """a_l over a box of a plan, whatever its size; see factor_over.

    Examples
    --------
    >>> from chainderiv.maps.axis import Axis
    >>> from chainderiv.maps.keywords import plan_of
    >>> from chainderiv.symbolic.chain import Chain
    >>> plan = plan_of(Chain(1000, "relu"), w=Axis(5, 10, 2), b=0, x=1)
    >>> print(activation_over(plan, (slice(0, 2),), 900).log10[1].round(6))
    900.0
    """
    return _over(plan, box, layer, lambda orbit: orbit.a)


def _over(plan: Plan, box: Box, layer: int, read: Reader) -> LogSign:
    sign, log = np.empty((2, *extent(box)))
    for place, of, block in plan.blocks(box):
        found, part = _walk(of, block, layer, read), sign[place].shape
        sign[place], log[place] = found.sign.reshape(part), found.log.reshape(part)
    return LogSign(sign, log)


@np.errstate(all="ignore")  # what leaves float64 is caught by its value and walked again in wide numbers
def _walk(plan: Plan, box: Box, layer: int, read: Reader) -> LogSign:
    shape = extent(box)
    if layer > plan.derivation.chain.depth:
        return LogSign(np.full(shape, np.nan), np.full(shape, np.nan))
    orbit = Orbit(plan.derivation.chain, plan.parameters(box))
    while orbit.layer < layer:
        orbit.step()
    found = read(orbit)
    return LogSign(np.broadcast_to(found.sign, shape), np.broadcast_to(found.log, shape))
