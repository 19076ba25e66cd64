"""∂C/∂b_1 of tied layers of a bounded neuron over a grid, in one go. The text below the line stands after the walk.

Where |φ| <= REACH, |φ''/φ'| <= BEND and |log|φ'(z)|| <= FALL (1 + |z|), parameters of ordinary size bound what the walk
watches layer by layer: no product of so many φ' leaves float64, no a_l matters that underflows, and what rounds a layer
afresh is at most FRESH = 4 |w| max(REACH, |x|) + |b|, so that E_l = |w| D_{l-1} + FRESH and κ is at most BEND Σ E_l
and what the ends add. What that cannot vouch for is left to the walk.

Of an orbit that settles, what the many layers still to come bring is known before it repeats. Two layers are one
monotone map G of a_l, whatever the sign of w, with G' = c the product of two links. Where an orbit nears a fixed point
u of G, it does so from one side, and a_{l+2j} - u shrinks like c^j. Then log c(a_{l+2j}) - log c(u) does so too, and n
further pairs bring n log c(u) + c (log c(a_{l-2}) - log c(u))/(1 - c).

All that moves is within R = 2 |a_l - a_{l-2}|/(1 - c), as long as 4 q |a_l - a_{l-2}| <= (1 - c)²: there log c changes
by less than q R, q = TURN |w| (1 + STEEP |w|), and by less than (q R)² beside its first order, where |φ'| <= STEEP and
|φ''/φ'| and the root of its slope are at most TURN. u is Aitken's (1926), and what G moves it by bounds its error, in
the sum of the logarithms and in a_L - y.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from chainderiv.compiling.vectormath.bits import pick
from chainderiv.compiling.vectormath.log import log_of_normal
from chainderiv.compiling.wide import each_lane, wide
from chainderiv.numeric.compiled.stand_in import (
    BEND,
    CHUNK,
    EPSILON,
    FALL,
    LANES,
    LONGEST,
    LOWER,
    PITCH,
    REACH,
    SECOND,
    STEEP,
    TURN,
    UNCERTAIN,
    UPPER,
    ending,
    neuron,
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
    E,
    K,
    P,
    W,
    Y,
    get,
    power,
    rows_of_ones,
)

# ---- what follows is copied into every kernel file
# rows of its own; after the first: what was known two layers before, and how an orbit settles
FRESH, A_TWO_BEFORE, P_TWO_BEFORE, K_BEFORE, K_PAIR, PAIR, WAITING, BOUNDED_ROWS = range(ROWS, ROWS + 8)
DEEP = 600.0  # the logarithm of a product that stays in float64
UNSEEN = 1e-13  # of a logarithm: what is still to come may change it by so much
LOG_UNSEEN = -30.0
PATIENCE = 3  # chunks after which an orbit that has not settled is left to the walk
MANY = 2 * PATIENCE * CHUNK  # layers from which on it pays to look for settled orbits


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def bounded_layer(buffer, i):
    """Walk a lane one layer on; P is the product of φ', LARGEST its largest size, and K adds E_l."""
    w = buffer[W * PITCH + i]
    z = w * buffer[A * PITCH + i] + buffer[B * PITCH + i]
    value, _, _, slope, _, size, _, _, _, _ = neuron(z)
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
        each_lane(bounded_layer, LANES, buffer)


@wide()
def start_bounded(buffer):
    """Points before their first layer; LOG bounds what a layer takes off their product's, and is 0 where left out."""
    for i in range(LANES):
        w, b = abs(buffer[W * PITCH + i]), abs(buffer[B * PITCH + i])
        reach = w * max(REACH, abs(buffer[A * PITCH + i]))
        tame = (w > LIGHT) & (w < HEAVY) & (b > LOUD) & (reach + b < DEEP)
        buffer[ODD * PITCH + i] = pick(tame, 0.0, 1.0)
        buffer[LOG * PITCH + i] = pick(tame, FALL * (1.0 + reach + b), 0.0)
        buffer[FRESH * PITCH + i] = 4.0 * reach + b
        buffer[D * PITCH + i] = 0.0
        buffer[K * PITCH + i] = 0.0
        buffer[P * PITCH + i] = 1.0
        buffer[SIGN * PITCH + i] = 1.0
        buffer[LINKS * PITCH + i] = 0.0


@wide()
def largest_of(buffer, row):
    """The largest number of a row, which is spoilt: halves are compared, because a sequence would not be vectorised."""
    half = LANES // 2
    while half > 0:
        for i in range(half):
            here, there = buffer[row * PITCH + i], buffer[row * PITCH + half + i]
            buffer[row * PITCH + i] = pick(here > there, here, there)
        half //= 2
    return buffer[row * PITCH]


@wide()
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


@wide()
def finish_bounded(buffer, depth):
    """Take the logarithms, and multiply by φ'(z_1) ∂C/∂a_L; ODD says what is left to the walk."""
    for i in range(LANES):
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
        buffer[ODD * PITCH + i] = pick(sure, 0.0, 1.0)


@njit(error_model="numpy", forceinline=True)
def within(a, y, spread):
    """By how much a_L may be off for a_L - y to be off by all of itself: from a limit of φ it changes by a share."""
    return pick((y <= LOWER) | (y >= UPPER), 1.0 / spread, abs(a - y))


@wide()
def weigh(buffer, pairs):
    """WAITING is 1 where an orbit has not settled enough for so many pairs of layers to be closed, and is not ODD."""
    for i in range(LANES):
        w, a = abs(buffer[W * PITCH + i]), buffer[A * PITCH + i]
        pair = abs(buffer[P * PITCH + i] / buffer[P_TWO_BEFORE * PITCH + i]) * w * w
        gap, change = 1.0 - pair, abs(a - buffer[A_TWO_BEFORE * PITCH + i])
        log_pair = log_of_normal(pair)
        near = 2.0 * change / gap
        spread = TURN * w * (1.0 + STEEP * w)
        moved = spread * near
        unseen = UNSEEN * max(1.0, abs(buffer[LINKS * PITCH + i] + pairs * log_pair))
        asked = max(within(a, buffer[Y * PITCH + i], spread), SMALLEST)
        arrived = pairs * log_pair + log_of_normal(max(near, SMALLEST)) <= log_of_normal(asked) + LOG_UNSEEN
        settled = (gap > 0.0) & (2.0 * moved <= gap) & (16.0 * moved * moved <= gap * gap * unseen) & arrived
        settled = settled & (pair > SMALLEST)
        buffer[PAIR * PITCH + i] = pair
        buffer[K_PAIR * PITCH + i] = buffer[K * PITCH + i] - buffer[K_BEFORE * PITCH + i]
        buffer[WAITING * PITCH + i] = pick(settled | (buffer[ODD * PITCH + i] == 1.0), 0.0, 1.0)


@wide()
def aim(buffer):
    """Go to where the orbit is bound for; A_TWO_BEFORE keeps it."""
    for i in range(LANES):
        a, pair = buffer[A * PITCH + i], buffer[PAIR * PITCH + i]
        limit = a + (a - buffer[A_TWO_BEFORE * PITCH + i]) * (pair / (1.0 - pair))
        buffer[A * PITCH + i] = limit
        buffer[A_TWO_BEFORE * PITCH + i] = limit


@wide()
def close_settled(buffer, pairs):
    """Take so many pairs of layers at once; ODD is 1 where an orbit has not settled."""
    aim(buffer)
    set_aside(buffer, K_BEFORE, K)
    bounded_layers(buffer, 1)
    set_aside(buffer, A_BEFORE, A)
    set_aside(buffer, D_BEFORE, D)
    bounded_layers(buffer, 1)
    for i in range(LANES):
        w = abs(buffer[W * PITCH + i])
        pair = abs(buffer[P * PITCH + i]) * w * w
        gap = 1.0 - pair
        log_pair = log_of_normal(pair)
        ahead = buffer[PAIR * PITCH + i] * (log_of_normal(buffer[PAIR * PITCH + i]) - log_pair) / gap
        total = buffer[LINKS * PITCH + i] + (pairs * log_pair + ahead)
        # rounding apart, which K bounds, G would leave a fixed point where it is
        off = max(0.0, abs(buffer[A * PITCH + i] - buffer[A_TWO_BEFORE * PITCH + i]) - 8.0 * EPSILON * REACH)
        off *= 2.0 / gap
        spread = TURN * w * (1.0 + STEEP * w)
        sure = (buffer[WAITING * PITCH + i] == 0.0) & (gap > 0.0)
        sure = sure & (pairs * spread * off <= UNSEEN * max(1.0, abs(total)))
        sure = sure & (pair * off <= UNSEEN * within(buffer[A * PITCH + i], buffer[Y * PITCH + i], spread))
        # what a pair of layers adds to K settles as the orbit does
        added = buffer[K * PITCH + i] - buffer[K_BEFORE * PITCH + i]
        more = max(0.0, added - buffer[K_PAIR * PITCH + i])
        grown = 1.01 * (1.0 + more / added * pair / gap)
        buffer[K * PITCH + i] += pairs * added * grown
        buffer[D * PITCH + i] *= grown
        buffer[D_BEFORE * PITCH + i] *= grown
        buffer[LINKS * PITCH + i] = total
        buffer[ODD * PITCH + i] = pick(sure, buffer[ODD * PITCH + i], 1.0)


@wide()
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


@wide()
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


@wide(cache=True)
def through_bounded(x, w, b, y, steps, places, count, sign, log_abs, links, largest, left):
    """∂C/∂b_1 over the lines of a grid, of so many places each.

    x, w, b, y : what the points are evaluated at, flat; steps : from line to line and from place to place, for each of
    the four. sign, log_abs, links, largest, left : what is read, flat; left is 1 where the walk must read instead.
    """
    buffer = rows_of_ones(BOUNDED_ROWS)
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
