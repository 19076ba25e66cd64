"""The way back through NumPy's broadcasting: sums over what was repeated."""

from __future__ import annotations

import numpy as np

from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.rule import fits
from chainderiv.models.scaled import Scaled, linear


def unbroadcast(gradient: Floats, shape: tuple[int, ...]) -> Floats:
    """The gradient of an array of that shape which was broadcast to the gradient's.

    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    """
    if gradient.shape == shape:
        return gradient
    ahead = gradient.ndim - len(shape)
    repeated = tuple(ahead + k for k, n in enumerate(shape) if n == 1 and gradient.shape[ahead + k] != 1)
    return np.asarray(gradient.sum(axis=(*range(ahead), *repeated), keepdims=False)).reshape(shape)


def unbroadcast_scaled(gradient: Scaled, shape: tuple[int, ...]) -> Scaled:
    """The same of a Scaled."""
    if gradient.shape == shape:
        return gradient
    return linear(gradient, lambda values: unbroadcast(values, shape))


def together(*arrays: Array) -> tuple[int, ...]:
    """The shape to which these broadcast, if it is none too large; raises BadValue."""
    return fits(np.broadcast_shapes(*(a.shape for a in arrays)))
