"""What one layer does over a grid: its factor w_l φ'(z_l) and its activation a_l, walked when they are asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainderiv.kinds import Box
from chainderiv.logsign import LogSign
from chainderiv.maps.plan import Plan, extent
from chainderiv.numeric.orbit import Orbit


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


@np.errstate(all="ignore")  # what leaves float64 is caught by its value and walked again in wide numbers
def _over(plan: Plan, box: Box, layer: int, read: Callable[[Orbit], LogSign]) -> LogSign:
    sign, log = np.full((2, *extent(box)), np.nan)
    for place, of, block in plan.blocks(box):
        if layer > of.derivation.chain.depth:
            continue
        orbit = Orbit(of.derivation.chain, of.parameters(block))
        while orbit.layer < layer:
            orbit.step()
        found, part = read(orbit), sign[place].shape
        for whole, values in ((sign, found.sign), (log, found.log)):
            whole[place] = np.broadcast_to(values, extent(block)).reshape(part)
    return LogSign.of(sign, log)
