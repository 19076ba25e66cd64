"""Tied layers of a bounded neuron under one bound for all of them. The text below the line stands after the walk.

Where |φ| <= REACH, |φ''/φ'| <= BEND and |log|φ'(z)|| <= FALL (1 + |z|), parameters of ordinary size bound what the walk
watches layer by layer: no product of so many φ' leaves float64, no a_l matters that underflows, and what rounds a layer
afresh is at most FRESH = 4 |w| max(REACH, |x|) + 5/4 |b|, of which near_neuron has 2/3 |z|: E_l = |w| D_{l-1} + FRESH,
and κ is at most BEND Σ E_l and what the ends add. What that cannot vouch for is left to the walk.
"""

from __future__ import annotations

from chainderiv.compiling.jit import njit
from chainderiv.compiling.registers import each_lane, wide
from chainderiv.compiling.vectormath.bits import pick
from chainderiv.compiling.vectormath.log import log_of_normal
from chainderiv.numeric.compiled.stand_in import (
    BEND,
    FALL,
    LANES,
    LONGEST,
    PITCH,
    REACH,
    SECOND,
    UNCERTAIN,
    ending,
    near_neuron,
)
from chainderiv.numeric.compiled.walk import (
    A_BEFORE,
    D_BEFORE,
    GREATEST,
    HEAVY,
    LARGEST,
    LIGHT,
    LINKS,
    LOG,
    LOUD,
    MARGIN,
    ODD,
    ROWS,
    SIGN,
    SMALLEST,
    A,
    B,
    D,
    K,
    P,
    W,
    Y,
    get,
    power,
    rows_of_ones,
)

# ---- what follows is copied into every kernel file
FRESH = ROWS  # a row of its own
DEEP = 600.0  # the logarithm of a product that stays in float64
GIVEN = (A, W, B, Y)  # the rows of what a point is evaluated at


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def bounded_layer(buffer, i, _):
    """Walk a lane one layer on; P is the product of φ', LARGEST its largest size, and K adds E_l."""
    w = buffer[W * PITCH + i]
    z = w * buffer[A * PITCH + i] + buffer[B * PITCH + i]
    value, slope, size = near_neuron(z)
    e_z = abs(w) * buffer[D * PITCH + i] + buffer[FRESH * PITCH + i]
    buffer[A * PITCH + i] = value
    buffer[D * PITCH + i] = size * e_z
    buffer[P * PITCH + i] *= slope
    buffer[K * PITCH + i] += e_z
    buffer[LARGEST * PITCH + i] = max(buffer[LARGEST * PITCH + i], size)


@wide()
def bounded_layers(buffer, count):
    """Walk every lane count layers on."""
    for _ in range(count):
        each_lane(4, bounded_layer, LANES, buffer, 0)


@wide()
def start_bounded(buffer):
    """Points before their first layer; LOG bounds what a layer takes off their product's, and is 0 where left out."""
    for i in range(LANES):
        w, b = abs(buffer[W * PITCH + i]), abs(buffer[B * PITCH + i])
        reach = w * max(REACH, abs(buffer[A * PITCH + i]))
        tame = (w > LIGHT) & (w < HEAVY) & (b > LOUD) & (reach + b < DEEP)
        buffer[ODD * PITCH + i] = pick(tame, 0.0, 1.0)
        buffer[LOG * PITCH + i] = pick(tame, FALL * (1.0 + reach + b), 0.0)
        buffer[FRESH * PITCH + i] = 4.0 * reach + 1.25 * b
        buffer[D * PITCH + i] = 0.0
        buffer[K * PITCH + i] = 0.0
        buffer[P * PITCH + i] = 1.0
        buffer[SIGN * PITCH + i] = 1.0
        buffer[LINKS * PITCH + i] = 0.0


@njit(error_model="numpy", forceinline=True)
def largest_of(buffer, row):
    """The largest number of a row, which is spoilt: halves are compared, because a sequence would not be vectorised."""
    half = LANES // 2
    while half > 0:
        for i in range(half):
            here, there = buffer[row * PITCH + i], buffer[row * PITCH + half + i]
            buffer[row * PITCH + i] = pick(here > there, here, there)
        half //= 2
    return buffer[row * PITCH]


@njit(error_model="numpy", forceinline=True)
def set_aside(buffer, target, source):
    """Copy a row of lanes."""
    for i in range(LANES):
        buffer[target * PITCH + i] = buffer[source * PITCH + i]


@wide()
def take_links(buffer, count):
    """Take the logarithm of the links' product so far, and begin another."""
    for i in range(LANES):
        slopes = buffer[P * PITCH + i]
        product = slopes * power(buffer[W * PITCH + i], count)
        held = (abs(slopes) > SMALLEST) & (abs(product) > SMALLEST) & (abs(product) < GREATEST)
        buffer[ODD * PITCH + i] = pick(held, buffer[ODD * PITCH + i], 1.0)
        buffer[LINKS * PITCH + i] += log_of_normal(abs(product))
        buffer[SIGN * PITCH + i] *= pick(product > 0.0, 1.0, -1.0)
        buffer[P * PITCH + i] = 1.0


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def finish_lane(buffer, i, depth):
    """Take the logarithms, and multiply by φ'(z_1) ∂C/∂a_L; ODD says what is left to the walk."""
    w, top, links = buffer[W * PITCH + i], buffer[LARGEST * PITCH + i], buffer[LINKS * PITCH + i]
    z = w * buffer[A_BEFORE * PITCH + i] + buffer[B * PITCH + i]
    e_z = abs(w) * buffer[D_BEFORE * PITCH + i] + buffer[FRESH * PITCH + i]
    a, y, moved = buffer[A * PITCH + i], buffer[Y * PITCH + i], buffer[D * PITCH + i]
    slope, exponent, off = ending(z, a, y, moved, e_z)
    ends = buffer[LOG * PITCH + i] * slope
    total = links + (log_of_normal(abs(ends)) + exponent)
    moved = buffer[K * PITCH + i]
    kappa = (BEND + SECOND * moved) * moved + off + abs(total) + 4.0 * depth
    held = (abs(ends) > SMALLEST) & (abs(ends) < GREATEST) & (top > SMALLEST)
    sure = held & (MARGIN * kappa < UNCERTAIN) & (buffer[ODD * PITCH + i] == 0.0)
    buffer[SIGN * PITCH + i] *= pick(ends > 0.0, 1.0, -1.0)
    buffer[LOG * PITCH + i] = total
    buffer[LARGEST * PITCH + i] = log_of_normal(abs(w) * top)
    buffer[ODD * PITCH + i] = pick(sure, 0.0, max(1.0, buffer[ODD * PITCH + i]))


@wide()
def finish_bounded(buffer, depth):
    """Finish every lane."""
    each_lane(4, finish_lane, LANES, buffer, depth)


@wide()
def fill(buffer, row, values, first, step, count, lane):
    """A stretch of a line of a grid; most parameters are the same all along a line, and step is 0."""
    lanes = buffer[row * PITCH + lane : row * PITCH + lane + count]
    if step == 0:
        for i in range(count):
            lanes[i] = values[first]
    else:
        given = values[first : first + count]
        for i in range(count):
            lanes[i] = given[i]


@wide()
def walk_links(buffer, count, longest):
    """Walk so many links, in as few products of like length as there may be."""
    left = -(-count // longest)
    while left > 0:
        length = -(-count // left)
        bounded_layers(buffer, length - 1)
        set_aside(buffer, A_BEFORE, A)
        set_aside(buffer, D_BEFORE, D)
        bounded_layers(buffer, 1)
        take_links(buffer, length)
        count, left = count - length, left - 1


@wide()
def walk_first(buffer):
    """Walk the first layer, whose φ' is no link: LOG keeps it until the end."""
    bounded_layers(buffer, 1)
    for i in range(LANES):
        buffer[LOG * PITCH + i] = buffer[P * PITCH + i]
        buffer[P * PITCH + i] = 1.0
        buffer[LARGEST * PITCH + i] = 0.0


@wide()
def fill_block(buffer, given, steps, places, first, count):
    """What so many points from a first one on are evaluated at, as runs of lines of the grid."""
    lane = 0
    while lane < count:
        line, place = (first + lane) // places, (first + lane) % places
        run = min(count - lane, places - place)
        for k in range(4):
            fill(buffer, GIVEN[k], given[k], line * steps[k, 0] + place * steps[k, 1], steps[k, 1], run, lane)
        lane += run


@wide()
def bounded_block(buffer, count):
    """Walk the points of a buffer through all layers, where the bound serves; whether it does."""
    start_bounded(buffer)
    steepest = largest_of(buffer, LOG)
    if steepest == 0.0 or steepest > DEEP:
        return False
    walk_first(buffer)
    walk_links(buffer, count - 1, min(LONGEST, int(DEEP / steepest)))
    finish_bounded(buffer, count)
    return True


@wide()
def give_block(buffer, part, sign, log_abs, links, largest, left):
    """What was read of a buffer of points goes where it belongs."""
    for row, values in ((LOG, log_abs), (LINKS, links), (LARGEST, largest)):
        get(buffer, row, values[part])
    get(buffer, SIGN, sign[part])
    get(buffer, ODD, left[part])


@wide()
def read_blocks(buffer, given, steps, places, count, sign, log_abs, links, largest, left):
    """Read a buffer of points after another."""
    for first in range(0, sign.size, LANES):
        part = slice(first, min(first + LANES, sign.size))
        fill_block(buffer, given, steps, places, first, part.stop - first)
        if bounded_block(buffer, count):
            give_block(buffer, part, sign, log_abs, links, largest, left)
        else:
            left[part] = 1


@wide(makes_arrays=True, cache=True)
def through_bounded(x, w, b, y, steps, places, count, sign, log_abs, links, largest, left):
    """∂C/∂b_1 over the lines of a grid, of so many places each.

    x, w, b, y : what the points are evaluated at, flat; steps : from line to line and from place to place, for each of
    the four. sign, log_abs, links, largest, left : what is read, flat; left is 1 where the walk must read instead.
    """
    read_blocks(rows_of_ones(FRESH + 1), (x, w, b, y), steps, places, count, sign, log_abs, links, largest, left)
