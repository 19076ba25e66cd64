"""Depth as an axis of a sweep: one chain for each depth, from the same activations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainderiv.errors import BadShape, BadValue
from chainderiv.maps.axis import Axis
from chainderiv.symbolic.chain import MAX_DEPTH, Chain
from chainderiv.symbolic.derive import Wrt

DEPTH = "depth"  # the name of the axis


def depths_of(axis: Axis) -> NDArray[np.int64]:
    """The depths of an axis, shape (count,); raises BadValue where they are not whole numbers from 1 to 1,000,000.

    >>> depths_of(Axis(1, 9, 5)).tolist()
    [1, 3, 5, 7, 9]
    """
    whole = np.round(axis.values)  # which the steps of an axis miss by their rounding, 1e-10 at the most
    if not np.allclose(axis.values, whole, rtol=0, atol=1e-9) or not 1 <= whole[0] <= whole[-1] <= MAX_DEPTH:
        raise BadValue(
            f"depth runs from {axis.start:g} to {axis.stop:g} in {axis.count} steps; give whole numbers from 1 to "
            f"{MAX_DEPTH:,}, such as {DEPTH}=1:50:50 or Axis(1, 50, 50)"
        )
    if (np.diff(whole) == 0).any():
        raise BadValue(f"depth takes {axis.count} values from {axis.start:g} to {axis.stop:g}, some twice; give fewer")
    return whole.astype(np.int64)


def chain_at(chain: Chain, depth: int) -> Chain:
    """The same neurons in another number of layers; an output activation of its own stays the last.

    Raises BadShape where the hidden layers are not alike, so that nothing says what more of them would be.

    >>> chain_at(Chain(3, ["relu", "relu", "sigmoid"]), 5)
    Chain(depth=5, activation=['relu', 'relu', 'relu', 'relu', 'sigmoid'], cost='quadratic')
    """
    *hidden, last = chain.activations
    if any(one != hidden[0] for one in hidden):
        raise BadShape(
            f"depth is an Axis, and {chain!r} has hidden layers that differ; give one activation for all of them, and "
            "another for the last layer at most"
        )
    layers: Any = [*hidden[:1] * (depth - 1), last] if hidden else last
    return Chain(depth, layers, chain.cost, chain.residual)


def deepest(chain: Chain, wrt: Wrt, parameters: Mapping[str, Any]) -> Chain:
    """The chain at the end of a depth axis, if one is given, else the chain itself; raises BadValue, BadShape."""
    if DEPTH not in parameters:
        return chain
    axis = parameters[DEPTH]
    if not isinstance(axis, Axis):
        raise BadValue(f"depth is {axis!r}; give the chain its depth, or an Axis of whole numbers: Axis(1, 50, 50)")
    first, last = (int(end) for end in depths_of(axis)[[0, -1]])
    least = chain_at(chain, first)
    asked = [str(one) for one in ([wrt] if isinstance(wrt, str) or not isinstance(wrt, tuple) else wrt)]
    for name in [*asked, *(name for name in parameters if name[:1] in "wb" and name[1:].isdigit())]:
        try:
            least.parameter(name)
        except BadValue as e:
            raise BadValue(
                f"depth runs from {first}, where there is no {name}; begin at a depth that has it, or take another"
            ) from e
    return chain_at(chain, last)
