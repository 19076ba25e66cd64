"""Names of kinds of arrays and calls that recur, so that a signature says what it takes and each is spelt once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Signs = NDArray[np.int8]  # -1, 0, 1
Places = NDArray[np.intp]  # indices into an array
Box = tuple[slice, ...]  # a part of a grid: one slice per dimension
Progress = Callable[[int, int], object]  # called with (done, in all)
Report = Callable[[str, int, int], object]  # called with (stage, done, in all)
