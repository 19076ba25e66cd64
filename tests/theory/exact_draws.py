"""Networks of one input drawn without their weights: the same law, exactly, at the cost of their neurons alone.

Given a_{l-1} the parts of u = W_l a_{l-1} are independent normal numbers. Given u as well, W_l^T δ is known along a_{l-1},
where it is u·δ/|a_{l-1}|, and a normal vector across it. So no W has to be drawn.
"""

import numpy as np


def draw(phi, prime, w, b, q, width, hidden, networks, rng, outputs=10, residual=False):
    """ln ‖∂C/∂b_l‖ of hidden layers (networks, hidden), z_1 ~ N(0, q), the cost ½|z_L - y|² with y = (1, 0, 0, …)."""
    z, there = np.sqrt(q) * rng.standard_normal((networks, width)), []
    a = phi(z)
    for layer in range(1, hidden + 1):
        u = w * np.sqrt((a * a).mean(axis=1, keepdims=True))
        u = u * rng.standard_normal((networks, width if layer < hidden else outputs))
        there.append((z, a, u))
        z = u + b * rng.standard_normal(u.shape)
        a = phi(z) + residual * a if layer < hidden else a
    delta, change, logs = z - np.eye(outputs)[0], 0.0, []
    for z, a, u in reversed(there):
        square = (a * a).sum(axis=1, keepdims=True)
        new = rng.standard_normal(a.shape)
        new -= a * ((a * new).sum(axis=1, keepdims=True) / square)
        back = a * ((u * delta).sum(axis=1, keepdims=True) / square)
        back += np.sqrt((delta * delta).sum(axis=1, keepdims=True)) * (w / np.sqrt(width)) * new
        change = back + residual * change
        delta = prime(z) * change
        logs.append(np.log((delta * delta).sum(axis=1)) / 2)
    return np.array(logs[::-1]).T
