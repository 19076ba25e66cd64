"""The walk over the layers, for a compiler. The text below the line stands in every kernel file, after its neuron.

LANES points walk together in a buffer: a point is a lane, and what is known of it stands in the buffer's rows. D and K
bound what rounding does, in units of ε: a_l is off by D_l + 2 |a_l|, where D_l = |φ'(z_l)| E_l and
E_l = |w_l| (D_{l-1} + 3 |a_{l-1}|) + |b_l|, and log|φ'(z_l)| by |φ''/φ'| E_l. That is the first order, which may be 0:
a bounded neuron adds the second; for another, SLACK becomes negative where E_l exceeds what the first is trusted for.
"""

from __future__ import annotations

import numpy as np

from chainderiv.compiling.jit import njit
from chainderiv.compiling.registers import each_lane, wide
from chainderiv.compiling.vectormath.bits import exponent_of, mantissa_of, pick
from chainderiv.compiling.vectormath.log import log
from chainderiv.numeric.compiled.stand_in import (
    BOUNDED,
    CHUNK,
    EPSILON,
    LANES,
    LINEAR,
    LONGEST,
    PINNED,
    PITCH,
    RESIDUAL,
    SECOND,
    VOUCHED,
    ending,
    neuron,
)

# ---- what follows is copied into every kernel file
LOG_2 = 0.6931471805599453
LOWEST = -745.0  # stands for the logarithm of a largest link below SMALLEST
MARGIN = 2.0 * EPSILON
SMALLEST, GREATEST = 1e-290, 1e290  # of a chunk's product
NEAR, FAR = 1e-140, 1e140  # of a_l and b_l: beyond these the next product may leave float64
LOUD = 1e-100  # of b_l: w_l times what underflows adds nothing to it
LIGHT, HEAVY = 1e-12, 1e12  # of w: the product of LONGEST layers stays in float64
# a point's state and, after it, its parameters and the product of the chunk at hand
A, Z, D, K, LARGEST, LOW, HIGH, SLACK, ODD, EXPONENT, LOST, REST, BINARY, SIGN, LOG, LINKS = range(16)
W, B, Y, S, P, KAPPA, A_BEFORE, D_BEFORE, E, ROWS = range(16, 26)
READ = (SIGN, LOG, LINKS, LARGEST, K, ODD)


@wide(makes_arrays=True)
def rows_of_ones(count):
    """A buffer that begins where a cache line does: a register as long as one would be read from two."""
    room = np.ones(count * PITCH + 8)
    return room[-(room.ctypes.data // 8) % 8 :]


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def layer(buffer, i, linked):
    """Walk a lane one layer on, and its chunk's product with it (without the weights)."""
    a, w, b = buffer[A * PITCH + i], buffer[W * PITCH + i], buffer[B * PITCH + i]
    before, size_a, size_w = buffer[D * PITCH + i], abs(a), abs(w)
    if PINNED:
        z, e_z = b, 0.0
    else:
        z, e_z = w * a + b, size_w * (before + 3.0 * size_a) + abs(b)
    value, exponent, rest, slope, low, size, bend, trusted, lost_value, lost_slope = neuron(z)
    moved, largest = size * e_z, size_w * size
    off = bend * e_z
    if BOUNDED:
        off = (bend + SECOND * e_z) * e_z
    if not VOUCHED:
        off += lost_slope
    if RESIDUAL:
        value = a + value
        low, m = abs(value), w * slope
        largest = abs(1.0 + m)
        moved = before + 2.0 * size_a
        if not PINNED:
            moved = largest * moved + size * (size_w * size_a + abs(b))
        if linked:
            rest, exponent = 1.0 + m, 0.0
            off = (abs(m) * (4.0 + off) + 1.0) / largest
    if not VOUCHED:
        moved += lost_value
    buffer[A * PITCH + i] = value
    buffer[Z * PITCH + i] = z
    buffer[D * PITCH + i] = moved
    buffer[E * PITCH + i] = e_z
    buffer[S * PITCH + i] += exponent
    buffer[P * PITCH + i] *= rest
    buffer[KAPPA * PITCH + i] += off
    buffer[LARGEST * PITCH + i] = max(buffer[LARGEST * PITCH + i], largest)
    if LINEAR:  # a branch that states 0 is exactly 0
        low = pick(low > 0.0, low, 1.0)
    buffer[LOW * PITCH + i] = min(buffer[LOW * PITCH + i], low)
    if RESIDUAL or not BOUNDED:
        buffer[HIGH * PITCH + i] = max(buffer[HIGH * PITCH + i], abs(value))
        buffer[SLACK * PITCH + i] = min(buffer[SLACK * PITCH + i], trusted - MARGIN * e_z)


@wide()
def layers(buffer, count, linked):
    """Walk every lane of a buffer count layers on."""
    for _ in range(count):
        each_lane(2, layer, LANES, buffer, linked)


@njit(error_model="numpy", forceinline=True)
def power(base, count):
    """base^count for count < 32, the same operations in every lane."""
    product = pick((count & 1) != 0, base, 1.0)
    for bit in (2, 4, 8, 16):
        base = base * base
        product = pick((count & bit) != 0, product * base, product)
    return product


@wide()
def begin(buffer):
    """A chunk's product is empty."""
    for i in range(LANES):
        buffer[S * PITCH + i] = 0.0
        buffer[P * PITCH + i] = 1.0
        buffer[KAPPA * PITCH + i] = 0.0
        buffer[A_BEFORE * PITCH + i] = buffer[A * PITCH + i]
        buffer[D_BEFORE * PITCH + i] = buffer[D * PITCH + i]


@wide()
def fold(buffer, count, linked):
    """Take a chunk's product into the whole one; the sum of exponents is compensated (Neumaier 1974)."""
    for i in range(LANES):
        s, total = buffer[S * PITCH + i], buffer[EXPONENT * PITCH + i]
        slopes, w = buffer[P * PITCH + i], buffer[W * PITCH + i]
        p = slopes
        if linked and not RESIDUAL:
            p = p * power(w, count)
            buffer[P * PITCH + i] = p
        following = total + s
        lost = pick(abs(total) >= abs(s), (total - following) + s, (s - following) + total)
        buffer[EXPONENT * PITCH + i] = following
        buffer[LOST * PITCH + i] += lost
        before = buffer[REST * PITCH + i]
        product = before * mantissa_of(p)
        # what is 0 once stays 0: 0 has no mantissa
        buffer[REST * PITCH + i] = pick((p != 0.0) & (before != 0.0), mantissa_of(product), 0.0)
        buffer[BINARY * PITCH + i] += exponent_of(p) + exponent_of(product)
        buffer[K * PITCH + i] += buffer[KAPPA * PITCH + i] + 4.0 * count
        stated = (p == 0.0) & ((w == 0.0) | LINEAR)
        # slopes that have lost digits to underflow do not get them back from large weights
        inside = (abs(slopes) > SMALLEST) & (abs(p) > SMALLEST) & (abs(p) < GREATEST)
        # an underflowing a_l is nothing beside a bias, but it is all of z_l where there is none
        heard = (buffer[LOW * PITCH + i] > NEAR) | (abs(buffer[B * PITCH + i]) > LOUD)
        buffer[ODD * PITCH + i] = pick((inside | stated) & heard, buffer[ODD * PITCH + i], 1.0)


@wide()
def chunk(buffer, count, linked):
    """Walk count layers, and take their product into the whole one."""
    begin(buffer)
    layers(buffer, count, linked)
    fold(buffer, count, linked)


@njit(error_model="numpy", forceinline=True)
def put(buffer, row, values):
    """One number a lane; what comes from outside is copied row by row, or the loops would not be vectorised.

    Nor would this one without the view: an index that adds what is not known here might be negative.
    """
    lanes = buffer[row * PITCH : row * PITCH + values.size]
    for i in range(values.size):
        lanes[i] = values[i]


@njit(error_model="numpy", forceinline=True)
def get(buffer, row, values):
    """The same in return."""
    lanes = buffer[row * PITCH : row * PITCH + values.size]
    for i in range(values.size):
        values[i] = lanes[i]


@wide()
def start(buffer):
    """Points before their first layer; their input is there."""
    for i in range(LANES):
        buffer[Z * PITCH + i] = 0.0
        buffer[D * PITCH + i] = 0.0
        buffer[K * PITCH + i] = 0.0
        buffer[LARGEST * PITCH + i] = 0.0
        x = abs(buffer[A * PITCH + i])
        buffer[LOW * PITCH + i] = pick(x > 0.0, x, 1.0)
        buffer[HIGH * PITCH + i] = 0.0
        buffer[SLACK * PITCH + i] = 1.0
        buffer[ODD * PITCH + i] = 0.0
        buffer[SIGN * PITCH + i] = 1.0
        buffer[LOG * PITCH + i] = 0.0
        buffer[LINKS * PITCH + i] = 0.0
    empty(buffer)


@wide()
def empty(buffer):
    """The whole product is empty."""
    for i in range(LANES):
        buffer[EXPONENT * PITCH + i] = 0.0
        buffer[LOST * PITCH + i] = 0.0
        buffer[REST * PITCH + i] = 1.0
        buffer[BINARY * PITCH + i] = 0.0


@wide()
def place(buffer, w, b):
    """The parameters of the layers to come."""
    put(buffer, W, w)
    put(buffer, B, b)
    for i in range(LANES):
        size = abs(buffer[W * PITCH + i])
        tame = ((size > LIGHT) | (size == 0.0)) & (size < HEAVY) & (abs(buffer[B * PITCH + i]) < FAR)
        buffer[ODD * PITCH + i] = pick(tame, buffer[ODD * PITCH + i], 1.0)


@wide()
def advance(buffer, count, linked):
    """Walk every lane count layers on, in as few chunks of like length as there may be."""
    left = -(-count // LONGEST)
    while left > 0:
        length = -(-count // left)
        chunk(buffer, length, linked)
        count, left = count - length, left - 1


@wide()
def harvest(buffer, gradient, links):
    """Take the whole product out, as sign and logarithm, into ∂C/∂θ or into the links or into both."""
    for i in range(LANES):
        rest = buffer[REST * PITCH + i]
        sign = pick(rest > 0.0, 1.0, pick(rest < 0.0, -1.0, 0.0))
        size = log(abs(rest)) + buffer[LOST * PITCH + i] + LOG_2 * buffer[BINARY * PITCH + i]
        size = pick(rest != 0.0, size + buffer[EXPONENT * PITCH + i], -np.inf)
        if gradient:
            buffer[SIGN * PITCH + i] *= sign
            buffer[LOG * PITCH + i] += size
        if links:
            buffer[LINKS * PITCH + i] += size
    empty(buffer)


@wide()
def finish(buffer):
    """Multiply by ∂C/∂a_L; then K is κ, LARGEST a logarithm, and ODD says where float64 cannot be trusted."""
    for i in range(LANES):
        a, link, y = buffer[A * PITCH + i], buffer[LARGEST * PITCH + i], buffer[Y * PITCH + i]
        slope, exponent, off = ending(buffer[Z * PITCH + i], a, y, buffer[D * PITCH + i], buffer[E * PITCH + i])
        size, gone = abs(slope), buffer[SIGN * PITCH + i] == 0.0
        total = buffer[LOG * PITCH + i] + (log(size) + exponent)
        buffer[SIGN * PITCH + i] *= pick(slope > 0.0, 1.0, -1.0)
        buffer[LOG * PITCH + i] = total
        # a link that underflowed is not 0
        buffer[LARGEST * PITCH + i] = pick(link > SMALLEST, log(link), pick(gone, -np.inf, LOWEST))
        kappa = pick(gone, 0.0, buffer[K * PITCH + i] + off + abs(total) + 4.0)
        buffer[K * PITCH + i] = pick(buffer[SLACK * PITCH + i] < 0.0, np.inf, kappa)
        inside = (buffer[HIGH * PITCH + i] < FAR) & (buffer[ODD * PITCH + i] == 0.0)
        slopes = ((size > SMALLEST) & (size < GREATEST)) | gone
        buffer[ODD * PITCH + i] = pick(inside & slopes & (total == total), 0.0, 1.0)


@njit(error_model="numpy", forceinline=True)
def forget(buffer, row):
    """A row of zeros: the largest link before the first, κ before the first factor."""
    for i in range(LANES):
        buffer[row * PITCH + i] = 0.0


@wide()
def through_block(buffer, part, x, w, b, y, count, outputs):
    """∂C/∂b_1 of a block of points whose layers are tied."""
    put(buffer, A, x[part])
    start(buffer)
    place(buffer, w[part], b[part])
    put(buffer, Y, y[part])
    advance(buffer, 1, False)
    harvest(buffer, True, False)
    forget(buffer, LARGEST)
    advance(buffer, count - 1, True)
    harvest(buffer, True, True)
    finish(buffer)
    for k, row in enumerate(READ):
        get(buffer, row, outputs[k, part])


@wide(makes_arrays=True, cache=True)
def through(x, w, b, y, count, outputs):
    """∂C/∂b_1 of points whose layers are tied, in one go: φ'(z_1), the links 2 … count, ∂C/∂a_L.

    outputs : the rows of READ, of every point.
    """
    buffer = rows_of_ones(ROWS)
    for first in range(0, w.size, LANES):
        through_block(buffer, slice(first, min(first + LANES, w.size)), x, w, b, y, count, outputs)


@wide(cache=True)
def start_all(state, x):
    """Points before their first layer, a buffer of LANES points after another."""
    for block in range(state.shape[0]):
        put(state[block], A, x[block * LANES : (block + 1) * LANES])
        start(state[block])


@wide(cache=True)
def walk(state, w, b, count, linked):
    """Walk every point count layers on, all of them."""
    for block in range(state.shape[0]):
        part = slice(block * LANES, (block + 1) * LANES)
        place(state[block], w[part], b[part])
        advance(state[block], count, linked)


@wide(cache=True)
def harvest_all(state, gradient, links):
    """Take every point's product out."""
    for block in range(state.shape[0]):
        harvest(state[block], gradient, links)


@wide(cache=True)
def finish_all(state, y):
    """Finish every point."""
    for block in range(state.shape[0]):
        put(state[block], Y, y[block * LANES : (block + 1) * LANES])
        finish(state[block])


@wide()
def close(buffer, i, chunks):
    """The orbit repeats after a chunk: what the chunks still to come bring is known."""
    s, p, moved = buffer[S * PITCH + i], buffer[P * PITCH + i], buffer[D * PITCH + i]
    if p == 0.0:
        return
    log_p = np.log(abs(p))
    buffer[EXPONENT * PITCH + i] += chunks * s
    buffer[LOST * PITCH + i] += chunks * log_p
    if p < 0.0 and chunks % 2 == 1:
        buffer[REST * PITCH + i] *= -1.0
    # D after a chunk is ratio · D + fresh; its largest value to come bounds what each chunk adds to K
    before = buffer[D_BEFORE * PITCH + i]
    ratio = 0.0 if PINNED else np.exp(s + log_p)
    fresh = moved - ratio * before
    if ratio < 1.0:
        moved = max(moved, fresh / (1.0 - ratio))
    elif ratio > 1.0:
        moved = np.exp(chunks * (s + log_p)) * (moved + fresh / (ratio - 1.0))
    else:
        moved += chunks * fresh
    buffer[D * PITCH + i] = moved
    larger = max(1.0, moved / before) if before > 0.0 else 1.0
    buffer[E * PITCH + i] *= larger
    buffer[K * PITCH + i] += chunks * (buffer[KAPPA * PITCH + i] * larger + 4.0 * CHUNK)
    # the slack has been seen for E up to now
    if larger > 2.0 and not LINEAR:
        buffer[SLACK * PITCH + i] = -1.0


@wide(makes_arrays=True, cache=True)
def walk_closing(state, w, b, count, linked):
    """The same as walk for tied layers: a point is done as soon as its orbit repeats, and another takes its lane."""
    walk(state, w, b, count % CHUNK, linked)
    buffer = rows_of_ones(ROWS)
    point, left = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    active, following = 0, 0
    while True:
        while active < LANES and following < w.size:
            source, lane = state[following // LANES], following % LANES
            for row in range(ROWS):
                buffer[row * PITCH + active] = source[row * PITCH + lane]
            point[active], left[active] = following, count // CHUNK
            active += 1
            following += 1
        if active == 0:
            return
        chunk(buffer, CHUNK, linked)
        i = 0
        while i < active:
            left[i] -= 1
            repeats = buffer[A * PITCH + i] == buffer[A_BEFORE * PITCH + i]
            if repeats and left[i] > 0:
                close(buffer, i, left[i])
            if repeats or left[i] == 0 or buffer[ODD * PITCH + i] == 1.0:
                active -= 1
                target, lane = state[point[i] // LANES], point[i] % LANES
                for row in range(ROWS):
                    target[row * PITCH + lane] = buffer[row * PITCH + i]
                    buffer[row * PITCH + i] = buffer[row * PITCH + active]
                point[i], left[i] = point[active], left[active]
            else:
                i += 1
