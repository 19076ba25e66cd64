"""Orbits of a bounded neuron that settle: what the many layers still to come bring is known before they repeat.

The text below the line stands in a kernel file after bounded.py.

Two layers are one monotone map G of a_l, whatever the sign of w, with G' = c the product of two links. Where an orbit
nears a fixed point u of G, it does so from one side, and a_{l+2j} - u shrinks like c^j. Then log c(a_{l+2j}) - log c(u)
does so too, and n further pairs bring n log c(u) + c (log c(a_{l-2}) - log c(u))/(1 - c).

All that moves is within R = 2 |a_l - a_{l-2}|/(1 - c), as long as 4 q |a_l - a_{l-2}| <= (1 - c)²: there log c changes
by less than q R, q = TURN |w| (1 + STEEP |w|), and by less than (q R)² beside its first order, where |φ'| <= STEEP and
|φ''/φ'| and the root of its slope are at most TURN. u is Aitken's (1926), and what G moves it by bounds its error, in
the sum of the logarithms and in a_L - y.
"""

from __future__ import annotations

from numba import njit

from chainderiv.compiling.vectormath.bits import pick
from chainderiv.compiling.vectormath.log import log_of_normal
from chainderiv.numeric.compiled.bounded import (
    A_TWO_BEFORE,
    K_BEFORE,
    K_PAIR,
    P_TWO_BEFORE,
    PAIR,
    WAITING,
    bounded_layers,
    set_aside,
)
from chainderiv.numeric.compiled.stand_in import EPSILON, LANES, LOWER, PITCH, REACH, STEEP, TURN, UPPER
from chainderiv.numeric.compiled.walk import A_BEFORE, D_BEFORE, LINKS, ODD, SMALLEST, A, D, K, P, W, Y

# ---- what follows is copied into every kernel file
UNSEEN = 1e-13  # of a logarithm: what is still to come may change it by so much
LOG_UNSEEN = -30.0


@njit(error_model="numpy", forceinline=True)
def within(a, y, spread):
    """By how much a_L may be off for a_L - y to be off by all of itself: from a limit of φ it changes by a share."""
    return pick((y <= LOWER) | (y >= UPPER), 1.0 / spread, abs(a - y))


@njit(error_model="numpy", nogil=True)
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


@njit(error_model="numpy", nogil=True)
def aim(buffer):
    """Go to where the orbit is bound for; A_TWO_BEFORE keeps it."""
    for i in range(LANES):
        a, pair = buffer[A * PITCH + i], buffer[PAIR * PITCH + i]
        limit = a + (a - buffer[A_TWO_BEFORE * PITCH + i]) * (pair / (1.0 - pair))
        buffer[A * PITCH + i] = limit
        buffer[A_TWO_BEFORE * PITCH + i] = limit


@njit(error_model="numpy", nogil=True)
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
