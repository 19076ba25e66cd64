"""The engine "numba" of second derivatives: numeric/second.py's readings from compiled walks; that is its oracle.

Points whose digits the walk cannot vouch for are read by the NumPy kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from chainderiv.compiling.cache import load
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Floats, Places
from chainderiv.logsign import LogSign
from chainderiv.numeric.compiled import second_source as source
from chainderiv.numeric.compiled.second_lane import READ, ROWS
from chainderiv.numeric.compiled.second_stand_in import LANES, PITCH
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.numeric.reading import Reading
from chainderiv.numeric.second import SecondKernel
from chainderiv.symbolic.chain import Chain, Parameter, runs
from chainderiv.symbolic.second import SecondDerivation

TOGETHER = 64 * LANES  # points whose state stays in the second-level cache


class CompiledSecond:
    """Walks all layers in compiled code, points in lanes.

    Raises NotCompilable, when it is made, for a formula that it has no instruction for.
    """

    def __init__(self, second: SecondDerivation, oracle: SecondKernel) -> None:
        self.second, self.oracle = second, oracle
        for activation in dict.fromkeys(second.chain.activations):
            neuron_kernel(second.chain, activation, pinned=False)

    def gradient(self, parameters: Parameters) -> LogSign:
        """∂²C/∂θ∂η alone; NaN where the oracle has it."""
        sign, log, _, _, odd = (row.reshape(parameters.shape) for row in self._walked(parameters))
        if odd.any():
            left = np.nonzero(odd) if odd.shape else ()
            exact = self.oracle.gradient(parameters.at(left))
            sign[left], log[left] = exact.sign, exact.log
        return LogSign.of(sign, log)

    def fill(self, parameters: Parameters, reading: Reading) -> None:
        """Read into a flat reading that is there already."""
        sign, log, links, largest, odd = self._walked(parameters)
        reading.put(..., Reading.of(LogSign.of(sign, log), links, largest, np.zeros(odd.shape, bool)))
        left = np.flatnonzero(odd)
        if left.size:
            exact, _ = self.oracle.read(parameters.at(_index(left, parameters.shape)))
            reading.put(left, exact.reshape(-1))

    def _walked(self, parameters: Parameters) -> Floats:
        """SIGN, LOG, LINKS, LARGEST and ODD of every point, flat."""
        count = int(np.prod(parameters.shape))
        outputs = np.empty((len(READ), count))
        for first in range(0, count, TOGETHER):
            part = np.arange(first, min(first + TOGETHER, count))
            outputs[:, part[0] : part[-1] + 1] = self._block(parameters.at(_index(part, parameters.shape)), part.size)
        return outputs

    def _block(self, parameters: Parameters, count: int) -> Floats:
        """The same of so many points."""
        chain, (early, late) = self.second.chain, self.second.wrt
        (weights, of_w), (inner, of_inner) = (_rows(p, chain.depth, count) for p in (parameters.w, parameters.inner))
        rows, pair = np.stack([of_w, of_inner], axis=1), (*_enters(early), *_enters(late))
        state, x, y = _blocks(count), _spread(parameters.x, count), _spread(parameters.y, count)
        for kernel, first, last in self._stretches(parameters.pinned):
            if first == 1:
                kernel.start_all(state, x, early.kind == "x", late.kind == "x")
            kernel.walk_all(state, weights, inner, rows, first, last, chain.depth, pair)
        outputs = np.empty((len(READ), count))
        kernel.finish_all(state, y, outputs)
        return outputs

    def _stretches(self, pinned: bool) -> Iterator[tuple[ModuleType, int, int]]:
        """The layers from the first on by their kernels, with the first and the last of each stretch."""
        chain, end = self.second.chain, 0
        for count, _ in runs(chain):
            first, end = end + 1, end + count
            yield neuron_kernel(chain, chain.activation(first), pinned), first, end


def _enters(parameter: Parameter) -> tuple[int, int]:
    """The layer at which a parameter enters z_l, which x does at none, and whether it is a weight."""
    return parameter.layer, int(parameter.kind == "w")


def _rows(layers: Layered, depth: int, count: int) -> tuple[Floats, Places]:
    """A row of points for each different layer, and which one each layer has."""
    if layers.stacked:
        return np.ascontiguousarray(layers.values.T[:depth]).reshape(-1, count), np.arange(depth)
    own = [k for k in layers.own if k <= depth]
    where = np.zeros(depth, np.intp)
    where[np.array(own, np.intp) - 1] = np.arange(1, len(own) + 1)
    return np.stack([_spread(a, count) for a in (layers.values, *(layers.own[k] for k in own))]), where


def _spread(array: Floats, count: int) -> Floats:
    return np.array(np.broadcast_to(array, (count,)), float)


def _blocks(points: int) -> Floats:
    """State for so many points, which begins where a cache line does: a register would be read from two."""
    size = ROWS * PITCH
    blocks = -(-points // LANES)
    room = np.ones(blocks * size + 8)
    start = -(room.ctypes.data // 8) % 8
    return room[start : start + blocks * size].reshape(blocks, size)


def _index(points: Places, shape: tuple[int, ...]) -> Any:
    return np.unravel_index(points, shape) if shape else ()


def neuron_kernel(chain: Chain, activation: Activation, pinned: bool) -> ModuleType:
    """The compiled walk of an activation's layers in a chain of any depth; raises NotCompilable."""
    return _loaded(source.kernel_source(chain, activation, pinned))


_loaded = lru_cache(maxsize=256)(load)  # which takes its time to hold interrupts back, and a map asks at every block
