"""Axis: the values along one direction of a map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chainderiv.errors import BadValue
from chainderiv.given import is_finite, is_whole
from chainderiv.kinds import Floats

MOST = 100_000_000


@dataclass(frozen=True)
class Axis:
    """count values from start to stop, both included, evenly spaced (or by equal ratios on a log scale).

    Raises BadValue when the axis is empty, reversed, not finite or, on a log scale, not positive.

    Examples
    --------
    >>> Axis(1e-2, 1e2, 5, scale="log").values.tolist()
    [0.01, 0.1, 1.0, 10.0, 100.0]
    >>> Axis.parse("-12:12:1001")
    Axis(start=-12.0, stop=12.0, count=1001, scale='linear')
    >>> Axis(np.float64(0.5), 1, np.int64(3))
    Axis(start=0.5, stop=1.0, count=3, scale='linear')
    """

    start: float
    stop: float
    count: int
    scale: str = "linear"

    def __post_init__(self) -> None:
        if self.scale not in ("linear", "log"):
            raise BadValue(f"axis scale is {self.scale!r}; give 'linear' or 'log'")
        if not is_whole(self.count, 2, MOST):
            raise BadValue(f"axis count is {self.count!r}; give a whole number from 2 to {MOST:,}")
        if not is_finite(self.start) or not is_finite(self.stop) or self.start >= self.stop:
            raise BadValue(f"axis runs from {self.start!r} to {self.stop!r}; give finite numbers, the smaller first")
        # the values between are found from the distance of the ends, which must be a number
        if not math.isfinite(float(self.stop) - float(self.start)):
            raise BadValue(
                f"axis runs from {self.start!r} to {self.stop!r}, further than float64 reaches; "
                "give ends less than 1.79e308 apart"
            )
        if self.scale == "log" and self.start <= 0:
            raise BadValue(f"a log axis starts at {self.start!r}; give a positive start")
        # NumPy's numbers would print as np.float64(-60.0)
        for name, value in (("start", float(self.start)), ("stop", float(self.stop)), ("count", int(self.count))):
            object.__setattr__(self, name, value)

    @classmethod
    def parse(cls, text: str) -> Axis:
        """Read start:stop:count, with :log behind it for a log scale."""
        parts = str(text).split(":")
        try:
            start, stop, count = float(parts[0]), float(parts[1]), int(parts[2])
        except (ValueError, IndexError) as e:
            raise BadValue(f"axis {text!r} is not start:stop:count (or start:stop:count:log)") from e
        if parts[3:] not in ([], ["log"]):
            raise BadValue(f"axis {text!r} ends in {':'.join(parts[3:])!r}; only 'log' may stand there")
        return cls(start, stop, count, "log" if parts[3:] else "linear")

    @cached_property
    def values(self) -> Floats:
        """The values, ascending."""
        space = np.geomspace if self.scale == "log" else np.linspace
        values = np.asarray(space(self.start, self.stop, self.count), float)
        values.flags.writeable = False  # they are cached, and an Axis does not change
        return values
