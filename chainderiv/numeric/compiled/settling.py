"""∂C/∂b_1 of tied layers of a bounded neuron over a grid, in one go. The text below the line stands after the bound.

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

from chainderiv.compiling.jit import njit
from chainderiv.compiling.registers import wide
from chainderiv.compiling.vectormath.bits import pick
from chainderiv.compiling.vectormath.log import log_of_normal
from chainderiv.numeric.compiled.bounded import (
    DEEP,
    FRESH,
    GIVEN,
    bounded_layers,
    fill_block,
    finish_bounded,
    give_block,
    largest_of,
    set_aside,
    start_bounded,
    take_links,
    walk_first,
    walk_links,
)
from chainderiv.numeric.compiled.stand_in import (
    CHUNK,
    EPSILON,
    LANES,
    LOWER,
    PITCH,
    REACH,
    STEEP,
    TURN,
    UPPER,
)
from chainderiv.numeric.compiled.walk import (
    A_BEFORE,
    D_BEFORE,
    LARGEST,
    LINKS,
    LOG,
    ODD,
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
    rows_of_ones,
)

# ---- what follows is copied into every kernel file
# rows of its own: what was known two layers before, how an orbit settles, the layers to come, and which point it is
A_TWO_BEFORE, P_TWO_BEFORE, K_BEFORE, K_PAIR, PAIR, WAITING, PAIRS, PLACE, ALL_ROWS = range(FRESH + 1, FRESH + 10)
# what a point takes along from one buffer to another
MOVED = (A, W, B, Y, D, K, P, FRESH, ODD, SIGN, LOG, LINKS, LARGEST, A_TWO_BEFORE, K_PAIR, PAIR, WAITING, PAIRS, PLACE)
UNSEEN = 1e-13  # of a logarithm: what is still to come may change it by so much
LOG_UNSEEN = -30.0
UNSETTLED = 2.0  # what ODD is where it is all that is amiss
PATIENCE, MOST_PATIENCE = 3, 48  # chunks until those that have not settled go on alone, and until they are left
MANY = 6 * CHUNK  # layers from which on it pays to look for settled orbits


@njit(error_model="numpy", forceinline=True)
def within(a, y, spread):
    """By how much a_L may be off for a_L - y to be off by all of itself: from a limit of φ it changes by a share."""
    return pick((y <= LOWER) | (y >= UPPER), 1.0 / spread, abs(a - y))


@wide()
def weigh(buffer):
    """WAITING is 1 where an orbit has not settled enough for the layers to come to be closed, and is not ODD."""
    for i in range(LANES):
        w, a = abs(buffer[W * PITCH + i]), buffer[A * PITCH + i]
        pair = abs(buffer[P * PITCH + i] / buffer[P_TWO_BEFORE * PITCH + i]) * w * w
        gap, change = 1.0 - pair, abs(a - buffer[A_TWO_BEFORE * PITCH + i])
        log_pair, pairs = log_of_normal(pair), buffer[PAIRS * PITCH + i]
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
def close_settled(buffer):
    """Take the pairs of layers to come at once; ODD tells where an orbit has not settled."""
    for i in range(LANES):  # to where the orbit is bound for
        a, pair = buffer[A * PITCH + i], buffer[PAIR * PITCH + i]
        limit = a + (a - buffer[A_TWO_BEFORE * PITCH + i]) * (pair / (1.0 - pair))
        buffer[A * PITCH + i] = limit
        buffer[A_TWO_BEFORE * PITCH + i] = limit
    set_aside(buffer, K_BEFORE, K)
    bounded_layers(buffer, 1)
    set_aside(buffer, A_BEFORE, A)
    set_aside(buffer, D_BEFORE, D)
    bounded_layers(buffer, 1)
    for i in range(LANES):
        w = abs(buffer[W * PITCH + i])
        pair = abs(buffer[P * PITCH + i]) * w * w
        gap = 1.0 - pair
        log_pair, pairs = log_of_normal(pair), buffer[PAIRS * PITCH + i]
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
        buffer[ODD * PITCH + i] = pick(sure | (buffer[ODD * PITCH + i] == 1.0), buffer[ODD * PITCH + i], UNSETTLED)


@wide()
def begin_settling(buffer, count):
    """The first layer, and a link of its own where the rest would be no pairs."""
    walk_first(buffer)
    walk_links(buffer, (count - 1) % 2, 1)
    for i in range(LANES):
        buffer[PAIRS * PITCH + i] = (count - 1) // 2


@wide()
def walk_chunk(buffer):
    """Walk a chunk on, and look which orbits have settled."""
    bounded_layers(buffer, CHUNK - 2)
    set_aside(buffer, A_TWO_BEFORE, A)
    set_aside(buffer, P_TWO_BEFORE, P)
    set_aside(buffer, K_BEFORE, K)
    bounded_layers(buffer, 2)
    for i in range(LANES):
        buffer[PAIRS * PITCH + i] -= CHUNK // 2
    weigh(buffer)
    take_links(buffer, CHUNK)


@wide()
def walk_settling(buffer, count):
    """Walk points until every orbit of the lanes has settled, or for PATIENCE chunks, and close those that have."""
    begin_settling(buffer, count)
    for _ in range(PATIENCE):
        walk_chunk(buffer)
        set_aside(buffer, E, WAITING)
        if largest_of(buffer, E) == 0.0:
            break
    close_settled(buffer)


@wide()
def move(target, to, source, lane):
    """A lane's point goes to a lane of another buffer."""
    for row in MOVED:
        target[row * PITCH + to] = source[row * PITCH + lane]


@wide()
def advance_waiting(waiting, count, settled, full, fewest):
    """Walk the first lanes a chunk on, and move those that have settled, while there is room; how many are in both.

    Those that have walked all but the fewest pairs of layers are left out.
    """
    walk_chunk(waiting)
    i = count - 1
    while i >= 0:
        done = waiting[WAITING * PITCH + i] == 0.0 and full < LANES
        if done:
            move(settled, full, waiting, i)
            full += 1
        if done or waiting[PAIRS * PITCH + i] < fewest:
            count -= 1
            move(waiting, i, waiting, count)
        i -= 1
    return count, full


@wide()
def write_settled(settled, full, count, log_abs, links, largest, sign, left):
    """Close what has settled, finish it and put it where it belongs."""
    close_settled(settled)
    finish_bounded(settled, count)
    for i in range(full):
        at = int(settled[PLACE * PITCH + i])
        log_abs[at], links[at] = settled[LOG * PITCH + i], settled[LINKS * PITCH + i]
        largest[at], sign[at] = settled[LARGEST * PITCH + i], settled[SIGN * PITCH + i]
        left[at] = settled[ODD * PITCH + i]


@wide(makes_arrays=True)
def settle_rest(given, steps, places, count, log_abs, links, largest, sign, left):
    """Those that have not settled go on by themselves, and as soon as one has, another takes its lane."""
    buffer, waiting, settled = rows_of_ones(ALL_ROWS), rows_of_ones(ALL_ROWS), rows_of_ones(ALL_ROWS)
    fewest = max(CHUNK // 2, (count - 1) // 2 - MOST_PATIENCE * CHUNK // 2)
    at = alive = full = 0
    while at < left.size or alive > 0:
        begun = 0
        while at < left.size and begun < LANES:
            if left[at] == UNSETTLED:
                line, place = at // places, at % places
                for k in range(4):
                    buffer[GIVEN[k] * PITCH + begun] = given[k][line * steps[k, 0] + place * steps[k, 1]]
                buffer[PLACE * PITCH + begun] = at
                begun += 1
            at += 1
        start_bounded(buffer)
        begin_settling(buffer, count)
        for _ in range(PATIENCE):
            walk_chunk(buffer)
        while begun > 0 or (at == left.size and alive > 0):
            while begun > 0 and alive < LANES:
                begun -= 1
                move(waiting, alive, buffer, begun)
                alive += 1
            alive, full = advance_waiting(waiting, alive, settled, full, fewest)
            if 4 * full > 3 * LANES:
                write_settled(settled, full, count, log_abs, links, largest, sign, left)
                full = 0
    write_settled(settled, full, count, log_abs, links, largest, sign, left)


@wide()
def settling_block(buffer, count):
    """As bounded_block, and looks for orbits that settle."""
    start_bounded(buffer)
    steepest = largest_of(buffer, LOG)
    if steepest == 0.0 or np.inf == TURN or CHUNK * steepest > DEEP:
        return False
    walk_settling(buffer, count)
    finish_bounded(buffer, count)
    return True


@wide()
def settle_blocks(buffer, given, steps, places, count, sign, log_abs, links, largest, left):
    """Read a buffer of points after another; whether any is UNSETTLED."""
    some = False
    for first in range(0, sign.size, LANES):
        part = slice(first, min(first + LANES, sign.size))
        fill_block(buffer, given, steps, places, first, part.stop - first)
        if not settling_block(buffer, count):
            left[part] = 1
            continue
        give_block(buffer, part, sign, log_abs, links, largest, left)
        set_aside(buffer, E, ODD)
        some |= largest_of(buffer, E) == UNSETTLED
    return some


@wide(makes_arrays=True, cache=True)
def through_settling(x, w, b, y, steps, places, count, sign, log_abs, links, largest, left):
    """As through_bounded, of so many layers that it pays to look for orbits that settle; left may be UNSETTLED."""
    given, buffer = (x, w, b, y), rows_of_ones(ALL_ROWS)
    if settle_blocks(buffer, given, steps, places, count, sign, log_abs, links, largest, left):
        settle_rest(given, steps, places, count, log_abs, links, largest, sign, left)
