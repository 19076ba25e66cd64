"""The engine "numba" of train(): the same descent as the NumPy one's, compiled; that one is its oracle."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainderiv.nn.compiled import passes
from chainderiv.nn.compiled.layout import put, rows_of, shape_of, taken, work_for
from chainderiv.nn.compiled.neurons import ending_function, hidden_function
from chainderiv.nn.network import Network
from chainderiv.nn.sparse import Pixels
from chainderiv.numeric.compiled.cache import load

Array = NDArray[Any]


class CompiledNetwork:
    """A network's parameters in flat arrays, and the compiled passes over them; raises NotCompilable.

    images : how many a pass must hold at once.
    """

    def __init__(self, net: Network, images: int) -> None:
        self.net, self.shape = net, shape_of(net.sizes)
        self.work = work_for(self.shape, min(images, passes.CHUNK), net.dtype)
        self._passes = load(inspect.getsource(passes))
        self._hidden = hidden_function(net.activation, net.dtype)
        self._ending = ending_function(net.last, net.dtype)
        put(self.work.parameters, self.shape, net.weights, net.biases)
