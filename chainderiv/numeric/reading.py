"""Reading: what an engine reads at points, and what a map keeps of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np

from chainderiv.kinds import Array, Box, Floats, Mask, Signs
from chainderiv.logsign import LogSign

LARGE_PAGE = 2**21  # bytes
DTYPES = {"sign": "i1", "log_abs": "f8", "link_log_sum": "f8", "largest_link": "f8", "uncertain": "?"}


class Readings(Protocol):
    """A map's arrays, which are a Reading's: one that is the whole map, or another that gives the same."""

    def array(self, name: str) -> Array:
        """One of them, over the whole map."""

    def read(self, box: Box) -> Reading:
        """A part of the map: one slice per dimension, which may have steps."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read at points; every array has the points' shape.

    Attributes
    ----------
    sign : int8 ndarray. The gradient's sign: -1, 0 or 1, and 0 where log_abs is NaN (an undefined gradient).
    log_abs : float64 ndarray. log|gradient|, natural; -inf where it is 0.
    link_log_sum : float64 ndarray. Σ log|link| over the links l = 2 … L, natural.
    largest_link : float64 ndarray. The largest log|link|, natural; -inf where there is none. The engine "numba" gives
        -745 where it is below -667, the logarithm of 1e-290.
    uncertain : bool ndarray. Where rounding has been amplified so much that the logarithm cannot be trusted.
    """

    sign: Signs
    log_abs: Floats
    link_log_sum: Floats
    largest_link: Floats
    uncertain: Mask

    @classmethod
    def of(cls, gradient: LogSign, link_log_sum: Floats, largest_link: Floats, uncertain: Mask) -> Reading:
        """The reading of a gradient, whose sign may be NaN, and of its links."""
        sign, log = np.nan_to_num(gradient.sign, nan=0.0).astype(np.int8), np.asarray(gradient.log)
        return cls(sign, log, link_log_sum, largest_link, uncertain)

    @property
    def gradient(self) -> LogSign:
        """∂C/∂θ; NaN in both parts where it is undefined."""
        return LogSign.of(np.where(np.isnan(self.log_abs), np.nan, self.sign), self.log_abs)

    @classmethod
    def empty(cls, shape: Sequence[int]) -> Reading:
        """One of that shape, to be filled."""
        # one block on a page's edge: the system hands out a large one in large pages, which saves most of its time
        sizes = [np.dtype(dtype).itemsize * math.prod(shape) for dtype in DTYPES.values()]
        block = np.empty(sum(sizes) + LARGE_PAGE, np.uint8)
        at = -block.ctypes.data % LARGE_PAGE
        arrays = {}
        for (name, dtype), size in sorted(zip(DTYPES.items(), sizes, strict=True), key=lambda item: -item[1]):
            arrays[name] = block[at : at + size].view(dtype).reshape(shape)
            at += size
        return cls(**arrays)

    @property
    def arrays(self) -> dict[str, Array]:
        """The arrays by name, in the order of the attributes."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def array(self, name: str) -> Array:
        """One of them."""
        return self.arrays[name]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of every array."""
        return self.log_abs.shape

    def read(self, box: Box) -> Reading:
        """A part of it; the slices may have steps."""
        return Reading(**{name: array[box] for name, array in self.arrays.items()})

    def reshape(self, *shape: int) -> Reading:
        """The same in another shape; the memory is the same where it is contiguous."""
        return Reading(**{name: array.reshape(shape) for name, array in self.arrays.items()})

    def put(self, box: Any, part: Reading) -> None:
        """Fill a part of it: a box, or any other index."""
        for name, array in self.arrays.items():
            array[box] = part.arrays[name]
