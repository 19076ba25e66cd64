"""E φ², E φ'², E φ φ' z/q and E φ'⁴ under N(0, q) a second time: mpmath's quadrature of the plain formulas."""

from functools import cache, partial

import mpmath as mp

from tests import plain

BENDS = {
    "hardtanh": (-1, 1), "relu6": (0, 6), "hardsigmoid": (-3, 3), "hardswish": (-3, 3), "softshrink": (-0.5, 0.5),
}  # fmt: skip


def average(function, name, q, digits=40):
    """E of function(z) for z ~ N(0, q), panels cut at the plain formula's kinks."""
    with mp.workdps(digits):
        q = mp.mpf(q)
        root = mp.sqrt(q)
        cuts = {mp.mpf(k) for k in (0, *BENDS.get(name, ()))} | {
            s * root * k for s in (-1, 1) for k in (1, 3, 6, 10, 15)
        }
        cuts |= {mp.mpf(s * k) for s in (-1, 1) for k in (0.2, 0.5, 1, 2, 4, 8, 16) if k < 15 * root}
        points = sorted(c for c in cuts if abs(c) <= 15 * root)
        return mp.quad(lambda z: function(z) * mp.npdf(z, 0, root), points, method="gauss-legendre")


def moments(name, q, digits=40):
    """The four of them, in the order of theory.moments."""
    phi, prime = cache(plain.PHI[name]), cache(partial(plain.phi_prime, name))
    integrands = (
        lambda z: phi(z) ** 2, lambda z: prime(z) ** 2, lambda z: phi(z) * prime(z) * z / q, lambda z: prime(z) ** 4,
    )  # fmt: skip
    return [average(f, name, q, digits) for f in integrands]
