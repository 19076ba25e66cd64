"""One layer of numeric/second.py's recursion, for a compiler. The text below the line stands in every kernel file.

Each of LANES points is a lane of a buffer, and what is known of it stands in the buffer's rows. A tangent ∂a_l/∂θ is
MANTISSA · 2^POWER, 1 <= |MANTISSA| < 2, and OFF is the share of it that it is off by, in units of ε. ∂²a_l/∂θ∂η is
VALUE · 2^SCALE; TERMS is the sum of the sizes of its terms and LOST what it is off by, to the same scale. The exponents
are rescued at every layer, so that nothing leaves float64 at any depth. With c = φ''/φ' and E_l as in walk.py,

    ∂²a_l = λ_l ∂²a_{l-1} + φ'(z_l) (c(z_l) ∂z_l/∂θ ∂z_l/∂η + [η = w_l] ∂a_{l-1}/∂θ),

where λ_l is the link. c(z_l) is off by no more than (1 + c²)(TURNING E_l + ROUNDING), and from |z_l| = TAIL on, where c
may fall to 0, by |c| (1 + |z_l|) (TAIL_TURNING E_l + (1 + |z_l|) TAIL_ROUNDING), as long as z_l is known so well that c
cannot be another at its ends.
"""

from __future__ import annotations

import numpy as np

from chainderiv.compiling.jit import njit
from chainderiv.compiling.vectormath.bits import (
    EXPONENT,
    ONE,
    SHIFT,
    bits_of,
    exponent_of,
    float_of,
    mantissa_of,
    pick,
)
from chainderiv.compiling.vectormath.exp import plain_parts
from chainderiv.numeric.compiled.second_stand_in import (
    EPSILON,
    LINEAR,
    PINNED,
    PITCH,
    RESIDUAL,
    ROUNDING,
    TAIL,
    TAIL_ROUNDING,
    TAIL_TURNING,
    TURNING,
    curved,
)

# ---- what follows is copied into every kernel file
LOG_2 = 0.6931471805599453
LOWEST = -745.0  # stands for the logarithm of a largest link below SMALLEST
MARGIN = 8.0 * EPSILON
ASTRAY = 1e-3  # of log|φ'|: a larger change is not told by the first order
SMALLEST = 1e-290  # of ∂C/∂a_L
LEAST, MOST = 1e-200, 1e100  # of φ' without its exponential, and LEAST of c where it falls to 0
NEAR, FAR = 1e-140, 1e140  # of a_l and b_l: beyond these the next product may leave float64
TINY, HUGE = 1e-100, 1e100  # of an a_{l-1} that is a factor
LOUD = 1e-100  # of b_l: w_l times what underflows adds nothing to it
LIGHT, HEAVY = 1e-12, 1e12  # of w
STEADY = 1e-2  # of log|c|
CLEAR = 1e-4  # of |1 + w_l φ'|, which has lost digits below
STEEPEST = 1e9  # of the exponent of φ'
NOTHING = -1e300  # the power of 2 that 0 has
BIAS = 2046 << 52
MANTISSA, POWER, OFF, ENTERS = range(4)  # of a tangent; ENTERS : ∂z_l/∂θ at θ's own layer, 0 elsewhere
EARLY, LATE = 0, 4
VALUE, TERMS, LOST, SCALE, MOVES, A, Z, D, E, W, B, Y, K, SLACK, ODD, LINK, LINKS, LARGEST = range(8, 26)
PRIME, PRIME_POWER, PRIME_OFF, SIGN, LOG, ROWS = range(26, 32)
READ = (SIGN, LOG, LINKS, LARGEST, ODD)


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def as_power(exponent):
    """p and k with exp(exponent) = p 2^k, k whole."""
    within = pick(exponent > STEEPEST, STEEPEST, pick(exponent < -STEEPEST, -STEEPEST, exponent))
    beyond_1, bits = plain_parts(within)
    return 1.0 + beyond_1, float_of(bits) - SHIFT


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def two_to(power):
    """2^power for a whole power that is no larger than 0; nothing that is counted lies below 2^-1022."""
    return float_of((bits_of(pick(power > -1022.0, power, -1022.0) + SHIFT) << 52) + ONE)


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def normal(value, power):
    """The same number with a mantissa; what is 0 stays 0."""
    gone = value == 0.0
    return pick(gone, 0.0, mantissa_of(value)), pick(gone, NOTHING, power + exponent_of(value))


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def off_of_bend(z, bend, e_z):
    """What c = φ''/φ' is off by, in units of ε, where z is by e_z."""
    size, reach, under = abs(bend), 1.0 + abs(z), abs(bend) < LEAST
    anywhere = (1.0 + bend * bend) * (TURNING * e_z + ROUNDING) + size
    # where c has underflowed its like is met as far as z is trusted, and it is off by all of itself
    tail = size * pick(under, 4.0 / EPSILON, reach * (TAIL_TURNING * e_z + reach * TAIL_ROUNDING) + 1.0)
    lawful = (reach > 1.0 + TAIL) & (under | (MARGIN * e_z * reach < STEADY))
    return pick(lawful & (tail < anywhere), tail, anywhere)


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def watch(buffer, i, prime, exponent, value):
    """ODD becomes 1 where numbers leave what is held; a_{l-1} and what it is off by stand in the buffer still."""
    a, before = buffer[A * PITCH + i], buffer[D * PITCH + i]
    # what underflows adds nothing to a bias, but it is all of z_l where there is none
    silent = (a == 0.0) & (LINEAR | ((buffer[Z * PITCH + i] == 0.0) & (before == 0.0)))
    heard = (abs(a) > NEAR) | (abs(buffer[B * PITCH + i]) > LOUD) | silent
    sized = ((abs(prime) > LEAST) | (LINEAR & (prime == 0.0))) & (abs(prime) < MOST)
    held = sized & (abs(exponent) < STEEPEST) & (abs(value) < FAR)
    buffer[ODD * PITCH + i] = pick(heard & held, buffer[ODD * PITCH + i], 1.0)


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def take_link(buffer, i, link, power, size):
    """Take a link into the product of them, and into the largest."""
    product, power = normal(buffer[LINK * PITCH + i] * link, buffer[LINKS * PITCH + i] + power)
    buffer[LINK * PITCH + i] = product
    buffer[LINKS * PITCH + i] = power
    buffer[LARGEST * PITCH + i] = max(buffer[LARGEST * PITCH + i], size)


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def onward(buffer, rows, i, w, prime, power, of_prime, link, link_power, of_link):
    """∂a_l/∂θ for ∂a_{l-1}/∂θ, whose first row is given: ∂z_l/∂θ, and what it was, all times 2^power, and off by."""
    before, at = buffer[(rows + MANTISSA) * PITCH + i], buffer[(rows + POWER) * PITCH + i]
    enters, off = buffer[(rows + ENTERS) * PITCH + i], buffer[(rows + OFF) * PITCH + i]
    fresh = enters != 0.0
    value = pick(fresh, enters * prime, before * link)
    value, value_power = normal(value, pick(fresh, power, at + link_power))
    buffer[(rows + MANTISSA) * PITCH + i] = value
    buffer[(rows + POWER) * PITCH + i] = value_power
    buffer[(rows + OFF) * PITCH + i] = off + pick(fresh, of_prime, of_link) + 1.0
    buffer[(rows + ENTERS) * PITCH + i] = 0.0
    return pick(fresh, enters, w * before), before, at, off


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def gather(buffer, i, link, link_power, of_link, term, size, off, power):
    """∂²a_l: a link times ∂²a_{l-1}, and a term with its size and what it is off by, all times 2^power."""
    passed, passed_power = buffer[VALUE * PITCH + i] * link, buffer[SCALE * PITCH + i] + link_power
    off_passed = buffer[LOST * PITCH + i] * abs(link) + abs(passed) * of_link
    top = max(power, passed_power)
    of_passed, of_term = two_to(passed_power - top), two_to(power - top)
    total = passed * of_passed + term * of_term
    terms = buffer[TERMS * PITCH + i] * abs(link) * of_passed + size * of_term
    lost = off_passed * of_passed + off * of_term + abs(total)
    largest = max(terms, lost)  # what is off may be so where the terms are 0
    shrink = float_of(BIAS - (bits_of(largest) & EXPONENT))
    buffer[VALUE * PITCH + i] = total * shrink
    buffer[TERMS * PITCH + i] = terms * shrink
    buffer[LOST * PITCH + i] = lost * shrink
    buffer[SCALE * PITCH + i] = pick(largest == 0.0, NOTHING, top + exponent_of(largest))
    buffer[ODD * PITCH + i] = pick(largest < np.inf, buffer[ODD * PITCH + i], 1.0)


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def layer(buffer, i, joined):
    """Walk a lane one layer on; joined : to z_L alone, because the cost cancels φ'(z_L)."""
    a, w, b, before = buffer[A * PITCH + i], buffer[W * PITCH + i], buffer[B * PITCH + i], buffer[D * PITCH + i]
    size_a, size_w = abs(a), abs(w)
    if PINNED:
        z, e_z = b, 0.0
    else:
        z, e_z = w * a + b, size_w * (before + 3.0 * size_a) + abs(b)
    value, exponent, rest, slope, _, size, bend, trusted = curved(z)
    off_bend = off_of_bend(z, bend, e_z)
    turned = (abs(bend) + EPSILON * off_bend) * e_z  # log|φ'|, the second order counted
    grown, power = as_power(exponent)
    prime, of_prime = rest * grown, 4.0 + abs(exponent) + turned
    link, link_power, of_link, largest, moved = w * prime, power, of_prime + 2.0, size_w * size, size * e_z
    if RESIDUAL:
        m = w * slope
        link, link_power = 1.0 + m, 0.0
        largest = abs(link)
        of_link = (abs(m) * (2.0 + of_prime) + 1.0) / largest
        moved = before + 2.0 * size_a
        if not PINNED:
            moved = largest * moved + size * (size_w * size_a + abs(b))
        value = a + value
        # it may be nothing beside ∂²a_l, and yet the link is read
        buffer[ODD * PITCH + i] = pick(largest > CLEAR, buffer[ODD * PITCH + i], 1.0)
    watch(buffer, i, prime, exponent, value)
    take_link(buffer, i, link, link_power, largest)
    buffer[SLACK * PITCH + i] = min(buffer[SLACK * PITCH + i], trusted - MARGIN * e_z)
    buffer[K * PITCH + i] += turned
    buffer[A * PITCH + i] = value
    buffer[Z * PITCH + i] = z
    buffer[D * PITCH + i] = moved
    buffer[E * PITCH + i] = e_z
    if joined:
        buffer[PRIME * PITCH + i] = prime
        buffer[PRIME_POWER * PITCH + i] = power
        buffer[PRIME_OFF * PITCH + i] = of_prime
        prime, power, of_prime, link, link_power, of_link = 1.0, 0.0, 0.0, w, 0.0, 1.0
        bend, off_bend = 0.0, 0.0
    z_early, early, at_early, off_early = onward(buffer, EARLY, i, w, prime, power, of_prime, link, link_power, of_link)
    z_late, _, at_late, off_late = onward(buffer, LATE, i, w, prime, power, of_prime, link, link_power, of_link)
    both, direct = z_early * z_late, buffer[MOVES * PITCH + i] * early
    buffer[MOVES * PITCH + i] = 0.0
    size_term = abs(prime) * (abs(bend * both) + abs(direct))
    off = abs(prime) * off_bend * abs(both) + size_term * (of_prime + off_early + off_late + 8.0)
    at = pick((both == 0.0) & (direct == 0.0), NOTHING, power + at_early + at_late)
    gather(buffer, i, link, link_power, of_link, prime * (bend * both + direct), size_term, off, at)
