"""∂C/∂b_1 of a bounded neuron over a grid. The text below the line stands in a kernel file after settling.py."""

from __future__ import annotations

import numpy as np
from numba import njit

from chainderiv.numeric.compiled.bounded import (
    A_TWO_BEFORE,
    BOUNDED_ROWS,
    DEEP,
    K_BEFORE,
    P_TWO_BEFORE,
    WAITING,
    bounded_layers,
    finish_bounded,
    largest_of,
    set_aside,
    start_bounded,
    take_links,
)
from chainderiv.numeric.compiled.settling import close_settled, weigh
from chainderiv.numeric.compiled.stand_in import CHUNK, LANES, LONGEST, PITCH, TURN
from chainderiv.numeric.compiled.walk import (
    A_BEFORE,
    D_BEFORE,
    LARGEST,
    LINKS,
    LOG,
    ODD,
    SIGN,
    A,
    B,
    D,
    E,
    K,
    P,
    W,
    Y,
    get,
)

# ---- what follows is copied into every kernel file
PATIENCE = 3  # chunks after which an orbit that has not settled is left to the walk
MANY = 2 * PATIENCE * CHUNK  # layers from which on it pays to look for settled orbits


@njit(error_model="numpy", nogil=True)
def fill(buffer, row, values, first, step, count, lane):
    """A stretch of a line of a grid; most parameters are the same all along a line, and step is 0."""
    start = row * PITCH + lane
    if step == 0:
        value = values[first]
        for i in range(count):
            buffer[start + i] = value
    else:
        for i in range(count):
            buffer[start + i] = values[first + i]


@njit(error_model="numpy", nogil=True)
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


@njit(error_model="numpy", nogil=True)
def walk_settling(buffer, count):
    """The same of many links: chunk by chunk until every orbit of the lanes has settled, or is left to the walk."""
    walk_links(buffer, count % 2, 1)
    pairs = (count - count % 2) // 2
    for _ in range(PATIENCE):
        bounded_layers(buffer, CHUNK - 2)
        set_aside(buffer, A_TWO_BEFORE, A)
        set_aside(buffer, P_TWO_BEFORE, P)
        set_aside(buffer, K_BEFORE, K)
        bounded_layers(buffer, 2)
        pairs -= CHUNK // 2
        weigh(buffer, pairs)
        take_links(buffer, CHUNK)
        set_aside(buffer, E, WAITING)
        if largest_of(buffer, E) == 0.0:
            break
    close_settled(buffer, pairs)


@njit(error_model="numpy", nogil=True)
def walk_bounded(buffer, count, longest):
    """Walk the first layer, whose φ' is no link, and the links 2 … count."""
    bounded_layers(buffer, 1)
    for i in range(LANES):
        buffer[LOG * PITCH + i] = buffer[P * PITCH + i]  # φ'(z_1) until the end
        buffer[P * PITCH + i] = 1.0
        buffer[LARGEST * PITCH + i] = 0.0
    if count > MANY:
        walk_settling(buffer, count - 1)
    else:
        walk_links(buffer, count - 1, longest)


@njit(error_model="numpy", nogil=True, cache=True)
def through_bounded(x, w, b, y, steps, places, count, sign, log_abs, links, largest, left):
    """∂C/∂b_1 over the lines of a grid, of so many places each.

    x, w, b, y : what the points are evaluated at, flat; steps : from line to line and from place to place, for each of
    the four. sign, log_abs, links, largest, left : what is read, flat; left is 1 where the walk must read instead.
    """
    buffer = np.ones(BOUNDED_ROWS * PITCH)
    line = place = 0
    for first in range(0, sign.size, LANES):
        part = slice(first, min(first + LANES, sign.size))
        lane = 0
        while first + lane < part.stop:
            run = min(part.stop - first - lane, places - place)
            for k, (row, values) in enumerate(((A, x), (W, w), (B, b), (Y, y))):
                fill(buffer, row, values, line * steps[k, 0] + place * steps[k, 1], steps[k, 1], run, lane)
            lane, place = lane + run, place + run
            if place == places:
                line, place = line + 1, 0
        start_bounded(buffer)
        steepest = largest_of(buffer, LOG)
        if steepest == 0.0 or steepest > DEEP or (count > MANY and (np.inf == TURN or CHUNK * steepest > DEEP)):
            left[part] = 1
            continue
        walk_bounded(buffer, count, min(LONGEST, int(DEEP / steepest)))
        finish_bounded(buffer, count)
        for row, values in ((LOG, log_abs), (LINKS, links), (LARGEST, largest)):
            get(buffer, row, values[part])
        get(buffer, SIGN, sign[part])
        get(buffer, ODD, left[part])
