"""κ of a problem by the design's definition, a second time, in plain mpmath.

Rounding moves z_l by at most ε E_l and a_l by ε A_l, E_l = |w_l| A_{l-1} + |w_l a_{l-1}| + |b_l| and
A_l = |φ'(z_l)| E_l + |a_l|; log|φ'(z_l)| moves by |φ''/φ'| ε E_l. Besides, each logarithm is rounded once.
"""

from functools import lru_cache

import mpmath as mp

from tests import plain


@lru_cache(maxsize=256)
def kappa(problem):
    """How many ε of rounding can enter log|∂C/∂θ|, to first order."""
    w, b = plain.layers(problem.w, problem.depth), plain.layers(problem.b, problem.depth)
    with mp.workdps(800):
        z, a = plain.orbit(problem.activations, w, b, problem.x)
        start, total, error_a = max(int(problem.wrt[1:] or 0), 1), mp.mpf(0), mp.mpf(0)
        if problem.wrt[0] == "w":
            total += _rounding(a[start - 1])
        for k, name in enumerate(problem.activations):
            if problem.wrt == f"w{k + 1}":
                total += error_a / abs(a[k])
            error_z = abs(w[k]) * error_a + abs(w[k] * a[k]) + abs(mp.mpf(b[k]))
            prime = plain.phi_prime(name, z[k])
            if k + 1 >= start and prime != 0:
                total += _rounding(prime) + _rounding(mp.mpf(w[k])) + abs(_second(name, z[k]) / prime) * error_z
            error_a = abs(prime) * error_z + abs(a[k + 1])
        return float(total + _at_the_output(problem, a[-1], abs(prime) * error_z))


def _rounding(value):
    return max(1, abs(mp.log(abs(value)))) if value else 1


def _second(name, z):
    h = mp.mpf(10) ** -200
    return (plain.phi_prime(name, z + h) - plain.phi_prime(name, z - h)) / (2 * h)


def _at_the_output(problem, a, moved):
    """What rounding does to log|a_L - y|; what is rounded is a_L, or the gap 1 - a_L if y is near 1."""
    miss = a - mp.mpf(problem.y)
    if miss == 0:
        return 0
    limits = {"sigmoid": (1,), "tanh": (-1, 1), "elu": (-1,), "softsign": (-1, 1)}.get(problem.activations[-1], ())
    near = [limit for limit in limits if abs(problem.y - limit) <= 0.5]
    rounded = a - near[0] if near else a
    return moved / abs(miss) + _rounding(miss) + abs(rounded / miss)
