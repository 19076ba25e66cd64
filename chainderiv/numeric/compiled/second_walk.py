"""Points walked through the layers of second_lane.py, LANES of them together, for a compiler.

The text below the line stands in every kernel file, after that of second_lane.py.
"""

from __future__ import annotations

import numpy as np

from chainderiv.compiling.registers import wide
from chainderiv.compiling.vectormath.bits import pick
from chainderiv.compiling.vectormath.log import log
from chainderiv.numeric.compiled.second_lane import (
    ASTRAY,
    EARLY,
    ENTERS,
    FAR,
    HEAVY,
    HUGE,
    LARGEST,
    LATE,
    LIGHT,
    LINK,
    LINKS,
    LOG,
    LOG_2,
    LOST,
    LOWEST,
    MANTISSA,
    MARGIN,
    MOVES,
    NOTHING,
    ODD,
    OFF,
    POWER,
    PRIME,
    PRIME_OFF,
    PRIME_POWER,
    READ,
    ROWS,
    SCALE,
    SIGN,
    SLACK,
    SMALLEST,
    TERMS,
    TINY,
    VALUE,
    A,
    B,
    D,
    E,
    K,
    W,
    Y,
    Z,
    as_power,
    layer,
    two_to,
)
from chainderiv.numeric.compiled.second_stand_in import (
    JOINED,
    LANES,
    LINEAR,
    PITCH,
    UNCERTAIN,
    bending,
    ending,
)

# ---- what follows is copied into every kernel file


@wide(fastmath={"contract"})
def one_layer(buffer):
    """Walk every lane one layer on."""
    for i in range(LANES):
        layer(buffer, i, False)


@wide(fastmath={"contract"})
def last_layer(buffer):
    """Walk every lane on to z_L, and keep φ'(z_L) apart."""
    for i in range(LANES):
        layer(buffer, i, True)


@wide()
def copy(source, target, count):
    """So many numbers. Rows are given as what begins with them: by a constant index Numba would compile it for each."""
    for i in range(count):
        target[i] = source[i]


@wide()
def fill(row, value):
    """The same number in every lane."""
    for i in range(LANES):
        row[i] = value


@wide()
def place(buffer, w, b):
    """The parameters of the layer to come."""
    copy(w, buffer[W * PITCH :], w.size)
    copy(b, buffer[B * PITCH :], b.size)
    for i in range(LANES):
        size = abs(buffer[W * PITCH + i])
        tame = ((size > LIGHT) | (size == 0.0)) & (size < HEAVY) & (abs(buffer[B * PITCH + i]) < FAR)
        buffer[ODD * PITCH + i] = pick(tame, buffer[ODD * PITCH + i], 1.0)


@wide()
def enter(buffer, rows, weighted):
    """The layer to come is that of the tangent whose rows are given: ∂z_l/∂b_l = 1, ∂z_l/∂w_l = a_{l-1}."""
    for i in range(LANES):
        a, off = buffer[A * PITCH + i], buffer[D * PITCH + i]
        size = abs(a)
        exact = (a == 0.0) & (off == 0.0) & (LINEAR | (buffer[Z * PITCH + i] == 0.0))
        known = (not weighted) | exact | ((size > TINY) & (size < HUGE))
        buffer[ODD * PITCH + i] = pick(known, buffer[ODD * PITCH + i], 1.0)
        rows[MANTISSA * PITCH + i] = 0.0
        rows[POWER * PITCH + i] = 0.0
        rows[ENTERS * PITCH + i] = pick(weighted, a, 1.0)
        rows[OFF * PITCH + i] = pick(weighted & (a != 0.0), (off + 3.0 * size) / size, 0.0)


@wide()
def begin(buffer, early, late):
    """Points before their first layer; their input is there. early, late : whether θ, η is x."""
    for row in range(ROWS):
        if row not in (A, W, B):
            fill(buffer[row * PITCH :], 0.0)
    for row in (EARLY + POWER, LATE + POWER, SCALE):
        fill(buffer[row * PITCH :], NOTHING)
    for row, is_input in ((EARLY, early), (LATE, late)):
        if is_input:
            fill(buffer[(row + MANTISSA) * PITCH :], 1.0)
            fill(buffer[(row + POWER) * PITCH :], 0.0)
    fill(buffer[SLACK * PITCH :], 1.0)


@wide(cache=True)
def start_all(state, x, early, late):
    """Points before their first layer, a buffer of LANES points after another."""
    for block in range(state.shape[0]):
        values = x[block * LANES : (block + 1) * LANES]
        copy(values, state[block, A * PITCH :], values.size)
        begin(state[block], early, late)


@wide(cache=True)
def walk_all(state, weights, inner, rows, first, last, depth, pair):
    """Walk every point from layer first to layer last.

    weights, inner : a row of points for each different w_l and b_l (or z_l); rows : (depth, 2), where each layer finds
    them. pair : the layer of θ, whether it is a weight, and the same of η.
    """
    for block in range(state.shape[0]):
        buffer, part = state[block], slice(block * LANES, (block + 1) * LANES)
        for k in range(first, last + 1):
            w, b = rows[k - 1]
            if k == first or w != rows[k - 2, 0] or b != rows[k - 2, 1]:
                place(buffer, weights[w, part], inner[b, part])
            if k == pair[0]:
                enter(buffer, buffer[EARLY * PITCH :], pair[1] == 1)
            if k == pair[2]:
                enter(buffer, buffer[LATE * PITCH :], pair[3] == 1)
                fill(buffer[MOVES * PITCH :], float(pair[3]))
            if JOINED and k == depth:
                last_layer(buffer)
            else:
                one_layer(buffer)
            if k == 1:  # whose slope is no link
                fill(buffer[LINK * PITCH :], 1.0)
                fill(buffer[LINKS * PITCH :], 0.0)
                fill(buffer[LARGEST * PITCH :], 0.0)


@wide()
def finish(buffer):
    """Add the cost's part; then LOG, LINKS and LARGEST are logarithms, and ODD is 0 where all of it is certain."""
    for i in range(LANES):
        z, a, y = buffer[Z * PITCH + i], buffer[A * PITCH + i], buffer[Y * PITCH + i]
        slope, exponent, off = ending(z, a, y, buffer[D * PITCH + i], buffer[E * PITCH + i])
        bent, off_bent = bending(z, a, y, buffer[D * PITCH + i], buffer[E * PITCH + i])
        grown, power = as_power(exponent)
        slope, off, size = slope * grown, off + abs(exponent) + 4.0, abs(slope)
        direct, direct_terms = buffer[VALUE * PITCH + i] * slope, buffer[TERMS * PITCH + i] * abs(slope)
        off_direct = buffer[LOST * PITCH + i] * abs(slope) + abs(direct) * off
        both = buffer[(EARLY + MANTISSA) * PITCH + i] * buffer[(LATE + MANTISSA) * PITCH + i]
        both_power = buffer[(EARLY + POWER) * PITCH + i] + buffer[(LATE + POWER) * PITCH + i]
        off_both = buffer[(EARLY + OFF) * PITCH + i] + buffer[(LATE + OFF) * PITCH + i] + 4.0
        if JOINED:
            both *= buffer[PRIME * PITCH + i]
            both_power += buffer[PRIME_POWER * PITCH + i]
            off_both += buffer[PRIME_OFF * PITCH + i]
        curve = bent * both
        off_curve = abs(both) * (off_bent + abs(bent) * off_both)
        gone = (buffer[TERMS * PITCH + i] == 0.0) & (buffer[LOST * PITCH + i] == 0.0) & (both == 0.0)
        direct_power = buffer[SCALE * PITCH + i] + power
        both_power = pick(both == 0.0, NOTHING, both_power)
        top = max(direct_power, both_power)
        of_direct, of_both = two_to(direct_power - top), two_to(both_power - top)
        total = direct * of_direct + curve * of_both
        lost = off_direct * of_direct + off_curve * of_both + direct_terms * of_direct + abs(curve) * of_both
        size_total = abs(total)
        log_total = pick(gone, -np.inf, log(size_total) + LOG_2 * top)
        kappa = pick(gone, 0.0, lost / size_total + abs(log_total) + 4.0)
        held = (buffer[ODD * PITCH + i] == 0.0) & (buffer[SLACK * PITCH + i] > 0.0) & ((size > SMALLEST) | gone)
        sure = held & (MARGIN * kappa < UNCERTAIN) & (MARGIN * buffer[K * PITCH + i] < ASTRAY)
        buffer[SIGN * PITCH + i] = pick(gone, 0.0, pick(total > 0.0, 1.0, -1.0))
        buffer[LOG * PITCH + i] = log_total
        link, largest = buffer[LINK * PITCH + i], buffer[LARGEST * PITCH + i]
        links = log(abs(link)) + LOG_2 * buffer[LINKS * PITCH + i]
        buffer[LINKS * PITCH + i] = pick(link == 0.0, -np.inf, links)
        # a link that underflowed is not 0
        buffer[LARGEST * PITCH + i] = pick(largest > SMALLEST, log(largest), pick(largest == 0.0, -np.inf, LOWEST))
        buffer[ODD * PITCH + i] = pick(sure, 0.0, 1.0)


@wide(cache=True)
def finish_all(state, y, outputs):
    """Finish every point. outputs : the rows of READ."""
    for block in range(state.shape[0]):
        part = slice(block * LANES, (block + 1) * LANES)
        count = y[part].size
        copy(y[part], state[block, Y * PITCH :], count)
        finish(state[block])
        for k, row in enumerate(READ):
            copy(state[block, row * PITCH :], outputs[k, part], count)
