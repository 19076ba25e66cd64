"""The map of the sigmoid chain with tied weights and the quadratic cost a second time, in NumPy and by hand.

Nothing here comes from chainderiv. For maps of ordinary size: products that underflow are in plain.py.
"""

import numpy as np


def slope(z):
    """σ'(z) = e^-|z| / (1 + e^-|z|)²."""
    small = np.exp(-np.abs(z))
    return small / (1 + small) ** 2


def walked(w, b, x=0.5, depth=4):
    """|w σ'(z_l)|, l = 2 … L, of every point, then σ'(z_1) and a_L."""
    w, b = np.broadcast_arrays(np.asarray(w, float), np.asarray(b, float))
    a, links, first = x, [], None
    for layer in range(1, depth + 1):
        z = w * a + b
        a = 1 / (1 + np.exp(-z))
        if layer == 1:
            first = slope(z)
        else:
            links.append(np.abs(w) * slope(z))
    return np.array(links), first, a


def rate(w, b, **chain):
    """Mean over the links of ln|w σ'(z_l)|; -inf where w is 0."""
    with np.errstate(divide="ignore"):
        return np.log(walked(w, b, **chain)[0]).mean(axis=0)


def largest_link(w, b, **chain):
    """max |w σ'(z_l)|."""
    return walked(w, b, **chain)[0].max(axis=0)


def log10_gradient(w, b, y=0.0, **chain):
    """log10|∂C/∂b_1|; -inf where it is 0."""
    links, first, last = walked(w, b, **chain)
    with np.errstate(divide="ignore"):
        return np.log10(links).sum(axis=0) + np.log10(first) + np.log10(np.abs(last - y))


def regions(w, b, **chain):
    """Where it vanishes, is stable and explodes, as the words for it; stable is within 0.05 of 0."""
    found = rate(w, b, **chain)
    return {"vanishing": found < -0.05, "stable": np.abs(found) <= 0.05, "exploding": found > 0.05}


def grid(w, b, counts):
    """w, shape (n, 1), and b, shape (1, m), at even steps."""
    return np.linspace(*w, counts[0])[:, None], np.linspace(*b, counts[1])[None, :]
