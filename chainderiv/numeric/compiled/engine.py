"""The engine "numba": the same reading as the NumPy kernel's, from compiled walks; that kernel is its oracle.

Points that leave what float64 holds, or whose formula loses its digits, are read by the NumPy kernel.
"""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from chainderiv.compiling.cache import load
from chainderiv.functions.activation import Activation
from chainderiv.kinds import Floats, Places
from chainderiv.logsign import LogSign
from chainderiv.numeric.compiled import settling, source, walk
from chainderiv.numeric.compiled.segments import Segment, cancelled_at, segments
from chainderiv.numeric.compiled.stand_in import CHUNK, LANES, PITCH
from chainderiv.numeric.conditioning import LOST
from chainderiv.numeric.oracle import NumpyKernel
from chainderiv.numeric.orbit_error import EPSILON, FIRST_ORDER
from chainderiv.numeric.parameters import Layered, Parameters
from chainderiv.numeric.reading import Reading
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derivation import Derivation

CLOSING = 6 * CHUNK  # layers from which on it pays to look whether the orbit repeats
PLAIN = 1000  # layers up to which those that do not settle are walked under the bound


class CompiledKernel:
    """Walks stretches of layers in compiled code, points in lanes.

    Raises NotCompilable, when it is made, for a formula that it has no instruction for.
    """

    def __init__(self, derivation: Derivation, oracle: NumpyKernel) -> None:
        self.derivation, self.oracle = derivation, oracle
        for activation in dict.fromkeys(derivation.chain.activations):
            neuron_kernel(activation, derivation.chain, pinned=False)

    def gradient(self, parameters: Parameters) -> LogSign:
        """∂C/∂θ alone; NaN where the oracle has it."""
        reading = Reading.empty(parameters.shape)
        self.fill(parameters, reading.reshape(-1))
        sign, log = np.array(reading.gradient.sign), reading.log_abs
        # a map marks what may lie on either side of a kink, or be an underflow; a gradient alone cannot
        open_ones = np.asarray(reading.uncertain & (self.derivation.chain.kinked | (reading.sign == 0)))
        if open_ones.any():
            doubtful = np.nonzero(open_ones) if reading.shape else ()
            again = self.oracle.gradient(parameters.at(doubtful))
            sign[doubtful], log[doubtful] = again.sign, again.log
        return LogSign.of(sign, log)

    def fill(self, parameters: Parameters, reading: Reading) -> None:
        """Read into a flat reading that is there already."""
        points = Points(self.derivation, parameters)
        if not points.are_bounded:
            reading.put(..., self._walked(parameters))
        elif (left := points.read_bounded(reading)).size:
            reading.put(left, self._walked(parameters.at(_index(left, parameters.shape))))

    def _walked(self, parameters: Parameters) -> Reading:
        sign, log, links, largest, off, odd = Points(self.derivation, parameters).read()
        reading = Reading.of(LogSign.of(sign, log), links, largest, ~(walk.MARGIN * off < LOST))
        # that a 0 is certain, only the oracle knows
        doubtful = reading.uncertain & ((not self.derivation.chain.vouched) | (reading.sign == 0))
        strays = np.flatnonzero((odd != 0) | doubtful)
        if strays.size:
            # they have left what the walk holds, or the formula has lost its digits
            exact, _ = self.oracle.read(parameters.at(_index(strays, parameters.shape)))
            reading.put(strays, exact.reshape(-1))
        return reading


def _index(points: Places, shape: tuple[int, ...]) -> Any:
    return np.unravel_index(points, shape) if shape else ()


class Points:
    """The points of a reading on their way: as many as the parameters met so far tell apart, flat."""

    def __init__(self, derivation: Derivation, parameters: Parameters) -> None:
        self.derivation, self.parameters = derivation, parameters
        self._full = parameters.shape or (1,)
        self._flat: dict[Any, Floats] = {}

    def read(self) -> Floats:
        """SIGN, LOG, LINKS, LARGEST, K and ODD of every point, from the first layer to ∂C/∂a_L."""
        stretches = list(segments(self.derivation, self.parameters))
        if self._is_tied(stretches) and stretches[1].count < CLOSING:
            return self._through()
        for segment in stretches:
            self.take(segment)
        return self.finish()

    def _is_tied(self, stretches: list[Segment]) -> bool:
        """Whether it is ∂C/∂b_1 over a first layer and others that are like it, in neuron and in parameters."""
        alike = self.parameters.w.alike and self.parameters.inner.alike
        if self.derivation.wrt.kind not in "bz" or len(stretches) != 2 or not alike:
            return False
        first, others = stretches
        uses = [(s.linked, s.gradient, s.links) for s in stretches]
        return uses == [(False, True, False), (True, True, True)] and first.activation == others.activation

    @property
    def are_bounded(self) -> bool:
        """Whether a bound for all layers serves, so that they are read in one go."""
        kernel = self._kernel(1)
        return hasattr(kernel, "through_bounded") and self._is_tied(list(segments(self.derivation, self.parameters)))

    def read_bounded(self, reading: Reading, may_settle: bool = True) -> Places:
        """Fill what is sure under the bound; which points are left to the walk."""
        if not reading.sign.size:
            return np.empty(0, np.intp)
        p, depth = self.parameters, self.derivation.chain.depth
        given = [self._line(array) for array in (p.x, p.w[1], p.inner[1], p.y)]
        steps, left = np.array([step for _, step in given]), np.empty(reading.sign.size, np.int8)
        outputs = (reading.sign, reading.log_abs, reading.link_log_sum, reading.largest_link, left)
        kernel = self._kernel(1)
        through = kernel.through_settling if may_settle and depth > settling.MANY else kernel.through_bounded
        through(*(data for data, _ in given), steps, self._full[-1], depth, *outputs)
        reading.uncertain[:] = False
        unsettled = np.flatnonzero(left == settling.UNSETTLED)
        if unsettled.size and depth <= PLAIN:
            again = Reading.empty(unsettled.shape)
            left[unsettled] = 0
            left[unsettled[self._at(unsettled).read_bounded(again, may_settle=False)]] = 1
            reading.put(unsettled, again)
        return np.flatnonzero(left != 0)

    def _at(self, places: Places) -> Points:
        return Points(self.derivation, self.parameters.at(_index(places, self.parameters.shape)))

    def _line(self, array: Floats) -> tuple[Floats, tuple[int, int]]:
        """A parameter as flat numbers, and the steps in them from line to line and from place to place."""
        places = self._full[-1]
        lines = np.broadcast_to(array, self._full).reshape(-1, places)
        over, along = (int(stride != 0) for stride in lines.strides)
        if over and along:
            return np.array(lines).ravel(), (places, 1)
        return np.array(lines[: None if over else 1, : None if along else 1]).ravel(), (over, along)

    def _through(self) -> Floats:
        """The plain case in one go."""
        p = self.parameters
        self._shape = self._full
        w, b = self._flattened(p.w, 1), self._flattened(p.inner, 1)
        outputs = np.empty((len(walk.READ), w.size))
        self._kernel(1).through(self._spread(p.x), w, b, self._spread(p.y), self.derivation.chain.depth, outputs)
        return outputs

    def _kernel(self, layer: int) -> ModuleType:
        chain = self.derivation.chain
        return neuron_kernel(chain.activation(layer), chain, self.parameters.pinned)

    def _start(self) -> None:
        p = self.parameters
        self._shape = np.broadcast_shapes(p.x.shape, p.w[1].shape, p.inner[1].shape)
        x = self._spread(p.x)
        self._size = x.size
        self._state = _blocks(x.size)
        self._kernel(1).start_all(self._state, x)

    def take(self, segment: Segment) -> None:
        """Walk a stretch, and take its product where it belongs."""
        p, layer, kernel = self.parameters, segment.first, self._kernel(segment.first)
        if layer == 1:
            self._start()
        self._broaden(p.w[layer].shape, p.inner[layer].shape)
        w, b = self._flattened(p.w, layer), self._flattened(p.inner, layer)
        if layer == self.derivation.start:
            self._at_parameter(segment, kernel, w, b)
        run = kernel.walk_closing if segment.count >= CLOSING else kernel.walk
        run(self._state, w, b, segment.count, segment.linked)
        kernel.harvest_all(self._state, segment.gradient, segment.links)
        if layer == 1:
            self._put(walk.LARGEST, 0.0)
        passes = segment.linked and (layer > self.derivation.start or self.derivation.wrt.is_activation)
        if passes and cancelled_at(self.derivation, layer):
            self._multiply(LogSign.from_float(w))  # of the last link, whose φ' the cost cancels

    def _at_parameter(self, segment: Segment, kernel: ModuleType, w: Floats, b: Floats) -> None:
        """The factors of θ's own layer: a_{k-1} for w_k; φ'(z_k), which is no link, for k >= 2."""
        kind, first = self.derivation.wrt.kind, segment.first
        # what is only true to first order tells nothing of the layers that follow
        astray = ~(EPSILON * self._get(walk.K) < FIRST_ORDER)
        self._put(walk.SLACK, np.where(astray, -1.0, self._get(walk.SLACK)))
        self._put(walk.K, 0.0)
        if kind == "w":
            before, moved = self._get(walk.A), self._get(walk.D)
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                off = 1.0 + (0.0 if first == 1 else (moved + np.abs(before)) / np.abs(before))
            self._put(walk.K, np.where(before == 0, 0.0, off))
            self._multiply(LogSign.from_float(before))
            # a 0 that something was rounded to need not be one; gelu_tanh(-40) underflows, and all that moves it too
            may_underflow = first > 1 and not self.derivation.chain.activation(first - 1).piecewise_linear
            doubtful = (np.abs(before) < walk.SMALLEST) & ((before != 0) | (moved != 0) | may_underflow)
            self._put(walk.ODD, np.where(doubtful, 1.0, self._get(walk.ODD)))
        if not self.derivation.wrt.is_activation and first > 1 and not cancelled_at(self.derivation, first):
            aside = self._state.copy()
            kernel.walk(aside, w, b, 1, False)
            kernel.harvest_all(aside, True, False)
            # a residual link 1 + w φ'(z_k) can be known where φ'(z_k) is not
            of_prime = (walk.K,) if self.derivation.chain.residual else ()
            for row in (walk.SIGN, walk.LOG, *of_prime):
                _row(self._state, row)[:] = _row(aside, row)

    def _multiply(self, factor: LogSign) -> None:
        self._put(walk.SIGN, self._get(walk.SIGN) * factor.sign)
        self._put(walk.LOG, self._get(walk.LOG) + factor.log)

    def _get(self, row: int) -> Floats:
        return _row(self._state, row).ravel()[: self._size]

    def _put(self, row: int, values: Floats | float) -> None:
        padded = np.ones(len(self._state) * LANES)
        padded[: self._size] = values
        _row(self._state, row)[:] = padded.reshape(-1, LANES)

    def _spread(self, array: Floats) -> Floats:
        return np.array(np.broadcast_to(array, self._shape), float).ravel()

    def _flattened(self, layers: Layered, layer: int) -> Floats:
        """A layer's parameter at every point; what is tied is spread once."""
        if layers.stacked or layer in layers.own:
            return self._spread(layers[layer])
        if id(layers) not in self._flat:
            self._flat[id(layers)] = self._spread(layers[layer])
        return self._flat[id(layers)]

    def _broaden(self, *shapes: tuple[int, ...]) -> None:
        """From here on the points differ in more parameters."""
        shape = np.broadcast_shapes(self._shape, *shapes)
        if shape == self._shape:
            return
        rows = [self._get(row).reshape(self._shape) for row in range(walk.ROWS)]
        self._shape, self._flat = shape, {}
        self._size = int(np.prod(shape))
        self._state = _blocks(self._size)
        for row, values in enumerate(rows):
            self._put(row, self._spread(values))

    def finish(self) -> Floats:
        """Multiply by ∂C/∂a_L."""
        self._broaden(self.parameters.y.shape)
        depth = self.derivation.chain.depth
        self._kernel(depth).finish_all(self._state, self._spread(self.parameters.y))
        if depth == 1:
            self._put(walk.LARGEST, -np.inf)
        return np.array([self._get(row) for row in walk.READ])


def _blocks(points: int) -> Floats:
    return np.ones((-(-points // LANES), walk.ROWS * PITCH))


def _row(state: Floats, row: int) -> Floats:
    """What is known of every point, a block of lanes after another."""
    return state.reshape(-1, walk.ROWS, PITCH)[:, row, :LANES]


def neuron_kernel(activation: Activation, chain: Chain, pinned: bool) -> ModuleType:
    """The compiled walk of an activation's layers in a chain of any depth; raises NotCompilable."""
    return _loaded(source.kernel_source(activation, chain, pinned))


_loaded = lru_cache(maxsize=256)(load)  # which takes its time to hold interrupts back, and a map asks at every tile
